//! The way forward: ticks, previews, gates, outcomes, and who may act.

use super::*;

#[test]
fn a_run_begins_in_its_first_section() {
    let run = ready();
    assert_eq!(run.state.current_phase, run.state.runbook.preparation[0].id);
    assert_eq!(run.state.mode, Mode::Running);
}

#[test]
fn a_box_that_asks_for_a_value_takes_no_bare_tick() {
    let mut run = ready();
    let step = run.state.runbook.preparation[0].steps[0].id.clone();
    let refusal = run.refuses(Command::Tick {
        step,
        index: 1,
        value: None,
        note: None,
    });
    assert!(refusal.message.contains("ticket number"), "{refusal}");
}

#[test]
fn a_gate_with_open_boxes_needs_a_reason() {
    let mut run = ready();
    let refusal = run.gate(GateDecision::Go, None).unwrap_err();
    assert!(refusal.message.contains("is not done"), "{refusal}");
    run.gate(GateDecision::Go, Some("agreed by phone")).unwrap();
    assert_eq!(run.state.current_phase, run.state.runbook.phases[0].id);
}

#[test]
fn a_later_phase_is_closed_until_its_gates_are_passed() {
    let mut run = ready();
    let refusal = run.refuses(run.start("migrate"));
    assert!(refusal.message.contains("not open yet"), "{refusal}");
}

#[test]
fn what_was_not_shown_does_not_run() {
    let mut run = ready().checklist_done();
    let refusal = run.refuses(Command::Start {
        from: None,
        action: run.action("backup"),
        hash: "another".to_owned(),
        typed: None,
        reason: None,
        included: None,
    });
    assert!(
        refusal.message.contains("no longer what you saw"),
        "{refusal}"
    );
}

#[test]
fn an_action_is_journalled_before_it_is_launched() {
    let mut run = ready().checklist_done();
    run.effects.clear();
    run.starts("backup");
    let action = run.action("backup");
    assert!(matches!(
        run.records.last().unwrap().event,
        Event::ActionStarted { .. }
    ));
    let attempt = 1;
    // What has been written so far is counted first: it makes a backup.
    let count = Effect::CountRows { action, attempt };
    assert_eq!(run.effects, [count, Effect::Launch { action, attempt }]);
}

#[test]
fn sql_waits_until_the_database_has_proved_who_it_is() {
    let mut run = Run::of(GUIDE).checklist_done().backup_done();
    let refusal = run.refuses(run.start("migrate"));
    assert!(refusal.message.contains("proved"), "{refusal}");
}

#[test]
fn criteria_with_a_condition_are_judged_by_measurement() {
    let mut run = ready().checklist_done();
    let phase = run.state.runbook.phases[0].clone();
    assert_eq!(run.state.gate_verdict(&phase, &phase.criteria[0]), None);
    run.runs("backup", exit(0));
    assert_eq!(
        run.state.gate_verdict(&phase, &phase.criteria[0]),
        Some(Verdict::Pass)
    );
    let objections = run.state.gate_objections(&phase);
    assert_eq!(objections.len(), 1, "{objections:?}");
    assert!(objections[0].contains("smells right"));
}

#[test]
fn a_failed_expectation_fails_the_step_and_says_the_value() {
    let mut run = ready().checklist_done().backup_done();
    run.runs("migrate", exit(0));
    run.runs("check", value(3));
    assert_eq!(run.outcome("check"), Some(Outcome::Failed));
    let attempt = run.state.actions[&run.action("check")].last().unwrap();
    assert!(attempt.reason.as_ref().unwrap().contains("value is 3"));
}

#[test]
fn a_failed_step_can_be_run_again_and_a_passed_one_only_with_a_reason() {
    let mut run = ready().checklist_done();
    run.runs("backup", exit(2));
    assert_eq!(run.outcome("backup"), Some(Outcome::Failed));
    run.runs("backup", exit(0));
    let refusal = run.refuses(run.start("backup"));
    assert!(refusal.message.contains("already passed"), "{refusal}");
}

#[test]
fn one_command_at_a_time() {
    let mut run = ready().checklist_done().backup_done();
    run.starts("migrate");
    let refusal = run.refuses(run.start("check"));
    assert!(refusal.message.contains("is running"), "{refusal}");
}

#[test]
fn a_lost_process_leaves_an_unknown_that_a_person_resolves() {
    let mut run = ready().checklist_done().backup_done();
    run.starts("migrate");
    let action = run.action("migrate");
    run.does(Observation::Finished {
        action,
        attempt: 1,
        evidence: None,
        reason: None,
    });
    assert_eq!(run.outcome("migrate"), Some(Outcome::Unknown));
    let refusal = run.refuses(run.start("migrate"));
    assert!(refusal.help.contains("whether it happened"), "{refusal}");
    run.does(Command::Resolve {
        action,
        outcome: Outcome::Passed,
        reason: "rows are there".to_owned(),
    });
    assert_eq!(run.outcome("migrate"), Some(Outcome::Passed));
}

#[test]
fn a_change_that_loses_its_server_is_unknown_and_a_check_failed() {
    let lost = Evidence {
        exit: Some(2),
        stderr: "server closed the connection unexpectedly".to_owned(),
        ..Evidence::default()
    };
    let mut run = ready().checklist_done().backup_done();
    run.runs("migrate", lost.clone());
    assert_eq!(run.outcome("migrate"), Some(Outcome::Unknown));
    let action = run.action("migrate");
    run.does(Command::Resolve {
        action,
        outcome: Outcome::Passed,
        reason: "seen".to_owned(),
    });
    run.runs("check", lost.clone());
    assert_eq!(run.outcome("check"), Some(Outcome::Failed));
    // On the rollback the same is stuck, and can be tried again at once.
    run.does(run.rollback(0));
    run.ends("back", lost);
    assert_eq!(run.state.mode, Mode::Stuck);
    run.starts("back");
    assert_eq!(run.state.mode, Mode::RollingBack);
}

#[test]
fn a_run_that_is_over_takes_no_more_ticks() {
    let mut run = ready().checklist_done();
    run.does(run.rollback(0));
    run.ends("back", exit(0));
    run.ends("back_check", value(1));
    let step = run.state.runbook.preparation[0].steps[0].id.clone();
    let refusal = run.refuses(Command::Untick { step, index: 0 });
    assert!(refusal.message.contains("over"), "{refusal}");
}

#[test]
fn who_watches_cannot_act() {
    let mut run = ready();
    let step = run.state.runbook.preparation[0].steps[0].id.clone();
    let tick = Command::Tick {
        step,
        index: 0,
        value: None,
        note: None,
    };
    for command in [tick, run.rollback(0), Command::Resume {}] {
        assert!(run.tries("bert@ops", command).is_err());
    }
    run.tries(
        "bert@ops",
        Command::Note {
            text: "I see it too".to_owned(),
            step: None,
        },
    )
    .unwrap();
    let refusal = run.tries("bert@ops", Command::TakeControl {}).unwrap_err();
    assert!(refusal.message.contains("is here"), "{refusal}");
    assert_eq!(run.state.driver, ANNA);
}

#[test]
fn a_revived_run_starts_held() {
    let mut run = ready().checklist_done();
    run.happens(ENGINE, vec![started(2)]);
    let refusal = run.refuses(run.start("backup"));
    assert!(refusal.message.contains("held"), "{refusal}");
    run.does(Command::Resume {});
    run.starts("backup");
}

#[test]
fn the_forward_path_ends_when_its_last_gate_is_passed() {
    let mut run = ready().checklist_done().backup_done();
    run.runs("migrate", exit(0));
    run.runs("check", value(0));
    run.goes();
    assert_eq!(run.state.mode, Mode::Done);
}

#[test]
fn production_names_itself_before_something_is_destroyed() {
    let guide = GUIDE.replace("SELECT migrate();", "DROP TABLE leftovers;");
    let mut run = Run::with(&guide, true)
        .identified()
        .checklist_done()
        .backup_done();
    let refusal = run.refuses(run.start("migrate"));
    assert!(refusal.message.contains("staging"), "{refusal}");
}

#[test]
fn whoever_begins_in_production_names_it_once() {
    let mut run = Run::with(GUIDE, true).identified().checklist_done();
    let refusal = run.refuses(run.start("backup"));
    assert!(refusal.message.contains("staging"), "{refusal}");
    run = run.backup_done();
    run.does(run.start("migrate"));
}

#[test]
fn an_inferred_command_is_armed_before_it_runs() {
    let guide = GUIDE.replace("```bash {#backup .run}", "```bash");
    let mut run = Run::of(&guide).identified().checklist_done();
    let action = ActionId::block(1);
    let hash = preview(&run.state, action).unwrap().hash;
    let start = Command::Start {
        from: None,
        action,
        hash: hash.clone(),
        typed: None,
        reason: None,
        included: None,
    };
    let refusal = run.refuses(start.clone());
    assert!(refusal.message.contains("inferred"), "{refusal}");
    run.does(Command::Arm { action, hash });
    run.does(start);
}

#[test]
fn a_command_is_called_by_its_first_line_that_says_what_it_does() {
    let long = "psql --no-psqlrc --host=db1 --dbname=shop --command='SELECT count(*) FROM orders'";
    let guide = format!(
        "# T\n\n## Phase 1: A\n\n```sql\nBEGIN;\nSET lock_timeout = '5s';\nDELETE FROM old;\nCOMMIT;\n```\n\n\
         ```bash\n{long}\n```\n\n```sql\nSET ROLE app;\n```\n"
    );
    let run = Run::of(&guide);
    let step = &run.state.runbook.phases[0].steps[0];
    let title = |n| action_title(&run.state.runbook, step, ActionId::block(n));
    assert_eq!(title(1), "DELETE FROM old;");
    assert_eq!(title(3), "SET ROLE app;", "nothing else is in it");
    // What was cut does not look like a command that could be typed.
    let cut = title(2);
    assert!(cut.ends_with('…') && cut.chars().count() <= 60, "{cut}");
    assert!(long.starts_with(cut.trim_end_matches('…')), "{cut}");
}

#[test]
fn a_failure_is_told_by_its_cause_and_not_by_the_hint_after_it() {
    let mut run = ready().checklist_done();
    let refused = Evidence {
        stderr: "psql: error: connection to server failed: Connection refused\n\
                 \tIs the server running on that host and accepting TCP/IP connections?\n"
            .to_owned(),
        ..exit(2)
    };
    run.runs("backup", refused);
    let reason = run.state.actions[&run.action("backup")]
        .last()
        .and_then(|attempt| attempt.reason.clone())
        .unwrap();
    assert!(reason.ends_with("Connection refused"), "{reason}");
}

#[test]
fn of_a_secret_blank_no_argument_is_asked() {
    let run = Run::of(
        "# T\n\n## Phase 1: A\n\n```bash\ncurl -H <api-key> x\n```\n\n```bash\necho <name>\n```\n",
    );
    let help = |n| preview(&run.state, ActionId::block(n)).unwrap_err().help;
    assert!(!help(1).contains("--var"), "{}", help(1));
    assert!(help(1).contains("secrets"), "{}", help(1));
    assert!(help(2).contains("--var"), "{}", help(2));
}

#[test]
fn what_became_of_a_command_is_said_in_words_and_as_one_of_two() {
    let mut run = ready().checklist_done();
    run.starts("backup");
    let action = run.action("backup");
    run.does(Observation::Finished {
        action,
        attempt: 1,
        evidence: None,
        reason: None,
    });
    let says = |outcome, reason: &str| Command::Resolve {
        action,
        outcome,
        reason: reason.to_owned(),
    };
    for outcome in [
        Outcome::Cancelled,
        Outcome::Skipped,
        Outcome::Unknown,
        Outcome::Inconclusive,
        Outcome::Watched,
    ] {
        run.refuses(says(outcome, "I saw it"));
    }
    run.refuses(says(Outcome::Passed, " \t"));
    run.does(says(Outcome::Passed, " the dump is there "));
    assert_eq!(run.outcome("backup"), Some(Outcome::Passed));
}

#[test]
fn a_run_is_given_up_with_a_reason_and_takes_no_switch_after_it() {
    let mut run = ready();
    let given_up = |reason: &str| Command::Abandon {
        reason: reason.to_owned(),
    };
    run.refuses(given_up(" \n"));
    run.does(given_up(" a trial "));
    assert_eq!(run.state.notes[0].text, "abandoned: a trial");
    let action = run.action("migrate");
    let hash = preview(&run.state, action).unwrap().hash;
    for change in [
        Command::Arm { action, hash },
        Command::ToggleCommand {
            action,
            index: 0,
            on: false,
        },
    ] {
        let refusal = run.refuses(change);
        assert!(refusal.message.contains("is over"), "{refusal}");
    }
}
