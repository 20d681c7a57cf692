//! The rollback: in any state, before anything else, and to its end.

use super::*;

#[test]
fn a_stuck_rollback_takes_no_step_of_another() {
    let mut run = ready().checklist_done();
    run.does(run.rollback(0));
    run.ends("back", exit(1));
    let refusal = run.refuses(run.start("restore"));
    assert!(refusal.help.contains("`R`"), "{refusal}");
}

#[test]
fn the_rollback_works_in_the_middle_of_a_step() {
    let mut run = ready().checklist_done().backup_done();
    run.starts("migrate");
    let (migrate, back) = (run.action("migrate"), run.action("back"));
    run.effects.clear();
    run.does(run.rollback(0));
    assert_eq!(
        run.effects,
        [Effect::Cancel {
            action: migrate,
            attempt: 1,
            urgent: true
        }],
        "first the running step is cancelled"
    );
    run.ends("migrate", exit(130));
    assert_eq!(run.outcome("migrate"), Some(Outcome::Cancelled));
    assert_eq!(
        run.effects.last(),
        Some(&Effect::Launch {
            action: back,
            attempt: 1
        })
    );
    run.ends("back", exit(0));
    run.ends("back_check", value(1));
    assert_eq!(run.state.mode, Mode::RolledBack);
}

#[test]
fn the_rollback_waits_for_no_hung_step() {
    let mut run = ready().checklist_done().backup_done();
    run.starts("migrate");
    run.does(run.rollback(0));
    assert!(run.outcome("back").is_none() && !run.state.actions.contains_key(&run.action("back")));
    run.now += TimeDelta::seconds(6);
    run.rests();
    assert_eq!(run.outcome("migrate"), Some(Outcome::Unknown));
    assert!(run.state.actions[&run.action("back")].is_running());
}

#[test]
fn a_step_that_was_cancelled_long_before_still_gets_its_time_before_the_rollback_begins() {
    let mut run = ready().checklist_done().backup_done();
    run.starts("migrate");
    run.does(Command::Cancel {
        action: run.action("migrate"),
    });
    run.now += TimeDelta::seconds(30);
    run.does(run.rollback(0));
    assert_eq!(run.outcome("migrate"), None, "it is told to hurry first");
    assert!(!run.state.actions.contains_key(&run.action("back")));
    run.ends("migrate", exit(130));
    assert!(run.state.actions[&run.action("back")].is_running());
}

#[test]
fn a_rollback_that_fails_is_stuck_until_a_person_acts() {
    let mut run = ready().checklist_done();
    run.does(run.rollback(0));
    run.ends("back", exit(1));
    assert_eq!(run.state.mode, Mode::Stuck);
    run.starts("back");
    assert_eq!(run.state.mode, Mode::RollingBack);
    run.ends("back", exit(0));
    run.ends("back_check", value(1));
    assert_eq!(run.state.mode, Mode::RolledBack);
}

#[test]
fn a_rollback_whose_check_fails_is_not_rolled_back() {
    let mut run = ready().checklist_done();
    run.does(run.rollback(0));
    run.ends("back", exit(0));
    run.ends("back_check", value(0));
    assert_eq!(run.state.mode, Mode::Stuck);
}

#[test]
fn a_rollback_that_loses_data_takes_a_typed_word() {
    let mut run = ready().checklist_done();
    let Command::Rollback { option, hash, .. } = run.rollback(1) else {
        unreachable!()
    };
    let refusal = run.refuses(Command::Rollback {
        option,
        hash,
        typed: None,
        reason: None,
        included: None,
    });
    assert!(refusal.message.contains("staging"), "{refusal}");
    run.does(run.rollback(1));
}

#[test]
fn after_a_rollback_nothing_goes_forward() {
    let mut run = ready().checklist_done();
    run.does(run.rollback(0));
    run.ends("back", exit(0));
    run.ends("back_check", value(1));
    let refusal = run.refuses(run.start("backup"));
    assert!(refusal.message.contains("start a new one"), "{refusal}");
}

#[test]
fn the_turn_back_time_is_the_window_less_the_rollback() {
    let run = ready();
    let plan = schedule(&run.state, &rollback_plans(&run.state), run.now);
    assert_eq!(plan.rollback_s, Some(120));
    assert_eq!(plan.turn_back, Some(run.now + TimeDelta::minutes(58)));
}

#[test]
fn why_it_is_stuck_reads_as_a_sentence_where_the_command_ends_with_a_semicolon() {
    let unnamed = GUIDE.replace(
        "```sql {#back .run}\nSELECT back();",
        "```sql {.run}\nSELECT back();",
    );
    let mut run = Run::of(&unnamed).identified().checklist_done();
    run.does(run.rollback(0));
    let (back, _) = run.state.busy()[0];
    run.does(Observation::Finished {
        action: back,
        attempt: 1,
        evidence: Some(Box::new(exit(1))),
        reason: None,
    });
    let why = run.state.rollback.as_ref().unwrap().stuck_reason.clone();
    assert_eq!(why.as_deref(), Some("SELECT back(): exit code 1"));
    let (step, action) = run.state.stuck_at().unwrap();
    assert_eq!(action, back);
    assert_eq!(
        action_title(&run.state.runbook, step, action),
        "SELECT back();"
    );
}

#[test]
fn a_rollback_is_bound_to_digests_of_files_of_its_own_commands() {
    let mut run = ready().checklist_done();
    let (back, restore) = (run.action("back"), run.action("restore"));
    for (action, shown) in [
        (back, "s3cr3t".to_owned()),
        (back, "A".repeat(64)),
        (restore, "a".repeat(64)),
    ] {
        let mut asked = run.rollback(0);
        if let Command::Rollback { included, .. } = &mut asked {
            *included = Some(BTreeMap::from([(action, shown)]));
        }
        // Even where nobody can look at the file.
        let hangs = Hang {
            path: "/srv".to_owned(),
            for_ms: 1,
        };
        let now = FilesNow {
            digest: None,
            hangs: Some(hangs),
        };
        run.facts.files.insert(action, now);
        let refusal = run.refuses(asked);
        assert!(refusal.message.contains("does not belong"), "{refusal}");
    }
}

#[test]
fn what_a_rollback_runs_stays_as_it_was_shown() {
    let guide = GUIDE.replace("SELECT back();", "SELECT back(:batch);\nSELECT 2;");
    let mut run = Run::of(&guide).identified().checklist_done();
    let set = |value: &str| Command::SetInput {
        name: "BATCH".to_owned(),
        input: Input::Value(value.to_owned()),
    };
    let toggle = |run: &Run, id: &str| Command::ToggleCommand {
        action: run.action(id),
        index: 0,
        on: false,
    };
    run.does(set("10"));
    run.does(run.rollback(0));
    for id in ["back", "back_check"] {
        run.refuses(toggle(&run, id));
    }
    for change in [
        set("20"),
        Command::UndoInput {},
        Command::ClearInput {
            name: "BATCH".to_owned(),
        },
    ] {
        let refusal = run.refuses(change);
        assert!(refusal.message.contains("another value"), "{refusal}");
    }
    run.does(toggle(&run, "restore"));
    // Once it is stuck, the command that failed is looked at anew.
    run.ends("back", exit(3));
    let refusal = run.refuses(toggle(&run, "back_check"));
    assert!(refusal.message.contains("what was shown"), "{refusal}");
    run.does(toggle(&run, "back"));
    run.does(set("20"));
    run.runs("back", exit(0));
    run.ends("back_check", value(1));
    assert_eq!(run.state.mode, Mode::RolledBack);
}

#[test]
fn a_condition_of_a_command_that_a_rollback_runs_stays_as_it_was_shown() {
    let guide = GUIDE.replace(
        "SELECT back();\n```\n",
        "SELECT back();\n```\n\n**Expected**: it says so\n",
    );
    let mut run = Run::of(&guide).identified().checklist_done();
    let action = run.action("back");
    let line = run.state.expectations_of(action)[0].line;
    let expect = || Command::Expect {
        action,
        line,
        cel: Some("exit == 3".to_owned()),
    };
    run.does(run.rollback(0));
    run.ends("back", exit(1));
    run.does(expect());
    run.runs("back", exit(3));
    assert_eq!(run.outcome("back"), Some(Outcome::Passed));
    let back = Command::Expect {
        action,
        line,
        cel: None,
    };
    assert_eq!(run.state.mode, Mode::RollingBack);
    let refusal = run.refuses(back);
    assert!(refusal.message.contains("what was shown"), "{refusal}");
}
