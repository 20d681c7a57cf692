//! Rollbacks that people carry out by hand, wholly or between the commands: begun like any other, every
//! act ticked in its turn, and at their end only when all of it is done.

use proptest::prelude::*;

use super::*;

const BY_HAND: &str = r#"# Switch the reads

## Phase 1: Switch

```bash {#switch .run}
./switch on
```

## Rollback

### Option 1: By hand (recommended)

1. Disable the flag in the console
2. Tell the desk <!-- gonogo: value="ticket number" -->

### Option 2: By hand and by command

1. Announce it

```bash {#off .run}
./switch off
```

2. Look at the dashboard

```bash {#off_check .check}
./switch state
```

3. Close the ticket (optional)
"#;

fn begun(option: usize) -> Run {
    let mut run = Run::of(BY_HAND).identified();
    run.runs("switch", exit(0));
    run.does(run.rollback(option));
    run
}

fn tick(run: &Run, option: usize, index: usize, note: Option<&str>) -> Command {
    let step = &run.state.runbook.rollback[option].steps[0];
    Command::Tick {
        step: step.id.clone(),
        index,
        value: step.ticks[index].value.as_ref().map(|_| "OPS-7".to_owned()),
        note: note.map(str::to_owned),
    }
}

#[test]
fn a_rollback_of_manual_acts_begins_and_ends_rolled_back_once_all_are_ticked() {
    let mut run = begun(0);
    assert_eq!(run.state.mode, Mode::RollingBack);
    let (_, index, act) = run.state.by_hand_now().expect("it waits for a person");
    assert_eq!(
        (index, act.text.as_str()),
        (0, "Disable the flag in the console")
    );
    run.does(tick(&run, 0, 0, Some("the console says off")));
    assert_eq!(run.state.mode, Mode::RollingBack);
    run.does(tick(&run, 0, 1, None));
    assert_eq!(run.state.mode, Mode::RolledBack);
    let step = &run.state.runbook.rollback[0].steps[0].id;
    let first = &run.state.steps[step].ticks[&0];
    assert_eq!(first.by, ANNA);
    assert_eq!(first.note.as_deref(), Some("the console says off"));
}

#[test]
fn the_plan_shows_commands_and_acts_in_their_order_and_is_bound_to_both() {
    let run = Run::of(BY_HAND).identified();
    let plans = rollback_plans(&run.state);
    assert!(plans.iter().all(|plan| plan.ready), "{plans:?}");
    assert!(plans[0].is_by_hand() && plans[0].option == "option-1");
    let order: Vec<String> = plans[1]
        .order()
        .map(|act| match act {
            PlannedAct::ByHand(act) => act.text.clone(),
            PlannedAct::Command(action) => action.title.clone(),
        })
        .collect();
    assert_eq!(
        order,
        [
            "Announce it",
            "off",
            "Look at the dashboard",
            "off_check",
            "Close the ticket (optional)"
        ]
    );
    let other = Run::of(&BY_HAND.replace("Announce it", "Announce it twice")).identified();
    let hash = |run: &Run| rollback_plans(&run.state)[1].hash.clone();
    assert_ne!(hash(&run), hash(&other));
}

#[test]
fn a_command_waits_for_what_is_done_by_hand_before_it() {
    let mut run = begun(1);
    let (off, check) = (run.action("off"), run.action("off_check"));
    assert!(run.state.action(off).is_none(), "the act comes first");
    run.does(tick(&run, 1, 0, None));
    assert!(run.state.actions[&off].is_running());
    let refusal = run.refuses(tick(&run, 1, 1, None));
    assert!(refusal.message.contains("`off`"), "{refusal}");
    run.ends("off", exit(0));
    assert!(run.state.action(check).is_none());
    run.does(tick(&run, 1, 1, None));
    run.ends("off_check", exit(0));
    assert_eq!(
        run.state.mode,
        Mode::RolledBack,
        "optional acts hold up nothing"
    );
}

#[test]
fn acts_are_ticked_in_their_turn_and_only_while_their_rollback_goes_on() {
    let mut run = Run::of(BY_HAND).identified();
    let refusal = run.refuses(tick(&run, 0, 0, None));
    assert!(refusal.help.contains("`R`"), "{refusal}");
    run.does(run.rollback(0));
    let refusal = run.refuses(tick(&run, 0, 1, None));
    assert!(refusal.message.contains("Disable the flag"), "{refusal}");
    let refusal = run.refuses(tick(&run, 1, 0, None));
    assert!(refusal.help.contains("`R`"), "{refusal}");
}

#[test]
fn a_rollback_that_is_begun_again_asks_for_everything_again() {
    let mut run = begun(1);
    run.does(tick(&run, 1, 0, None));
    run.ends("off", exit(1));
    assert_eq!(run.state.mode, Mode::Stuck);
    run.does(run.rollback(1));
    let (_, index, _) = run.state.by_hand_now().expect("it is to be announced anew");
    assert_eq!(index, 0);
    assert_eq!(run.state.actions[&run.action("off")].attempts.len(), 1);
}

#[test]
fn a_command_that_is_tried_again_waits_for_the_act_before_it_too() {
    let mut run = begun(1);
    run.does(tick(&run, 1, 0, None));
    run.ends("off", exit(1));
    let refusal = run.refuses(run.start("off_check"));
    assert!(refusal.message.contains("dashboard"), "{refusal}");
    run.starts("off");
    run.ends("off", exit(0));
    assert!(run.state.by_hand_now().is_some());
}

#[test]
fn a_step_left_out_takes_its_acts_with_it() {
    let mut run = begun(0);
    run.does(Command::Skip {
        step: run.state.runbook.rollback[0].steps[0].id.clone(),
        reason: "the flag was never on".to_owned(),
        action: None,
    });
    assert_eq!(run.state.mode, Mode::RolledBack);
}

#[test]
fn nobody_else_is_asked_before_acts_by_hand() {
    let guide = BY_HAND.replace("1. Disable", "1. Two-person: disable");
    let mut run = Run::with(&guide, true).identified();
    run.does(run.rollback(0));
    assert_eq!(run.state.mode, Mode::RollingBack);
    run.does(tick(&run, 0, 0, None));
    assert!(run.state.pairing.waiting.is_none());
}

#[test]
fn an_act_with_a_condition_is_ticked_by_measurement() {
    let guide = BY_HAND.replace(
        "1. Disable the flag in the console",
        "1. Reads are back <!-- gonogo: expect=\"phase == 'phase-1'\" -->",
    );
    let mut run = Run::of(&guide).identified();
    run.does(run.rollback(0));
    let step = &run.state.runbook.rollback[0].steps[0];
    let judged = run
        .state
        .steps
        .get(&step.id)
        .map(|own| own.ticks[&0].clone());
    let holds = judge(
        "",
        "phase == 'phase-1'",
        &Scope::of(&run.state, &run.facts.readings),
    );
    assert_eq!(judged.is_some(), holds.verdict == Verdict::Pass);
}

#[test]
fn nothing_of_an_alternative_runs_before_one_is_chosen() {
    let guide = "# G\n\n## Phase 1: Do\n\n```bash {#do .run}\ntrue\n```\n\n## Rollback\n\n```bash {#old .run choice=how:old}\n./old\n```\n\n```bash {#new .run choice=how:new}\n./new\n```\n";
    let mut run = Run::of(guide).identified();
    let plan = rollback_plans(&run.state).remove(0);
    assert!(!plan.ready);
    assert_eq!(plan.open_choices, ["how"]);
    assert!(plan.reasons[0].contains("`old` or `new`"), "{plan:?}");
    run.refuses(run.rollback(0));
    run.does(Command::Choose {
        group: "how".to_owned(),
        name: "new".to_owned(),
    });
    run.does(run.rollback(0));
    assert!(run.state.actions[&run.action("new")].is_running());
    run.refuses(Command::Choose {
        group: "how".to_owned(),
        name: "old".to_owned(),
    });
}

/// What may come while one goes back, sensible or not.
fn nth_command(run: &Run, (kind, choice): (u8, u8)) -> Asked {
    let option = usize::from(choice % 2);
    let step = &run.state.runbook.rollback[option].steps[0];
    let index = usize::from(choice / 2) % step.ticks.len();
    let name = ["switch", "off", "off_check"][usize::from(choice % 3)];
    match kind {
        0 => run.rollback(option),
        1..=4 => tick(run, option, index, None),
        5 => Command::Untick {
            step: step.id.clone(),
            index,
        },
        6 => run.start(name),
        7 => Command::Skip {
            step: step.id.clone(),
            reason: "r".to_owned(),
            action: None,
        },
        8 => Command::Cancel {
            action: run.action(name),
        },
        _ => match run.state.running().first() {
            Some((action, attempt)) => {
                return Observation::Finished {
                    action: *action,
                    attempt: *attempt,
                    evidence: Some(Box::new(exit(i32::from(choice == 0)))),
                    reason: None,
                }
                .into();
            }
            None => tick(run, option, index, Some("seen")),
        },
    }
    .into()
}

/// Everything that an option asks for before one of its acts is done.
fn assert_in_order(before: &RunState, option: &str, step: &str, act: Option<Act>) {
    let option = before.runbook.option(option).unwrap();
    for earlier in &option.steps {
        if before.step_status(earlier) == StepStatus::Skipped {
            continue;
        }
        for known in before.acts_of(earlier) {
            if earlier.id == step && Some(known) == act {
                return;
            }
            if let Act::ByHand(index) = known {
                let ticked = before.steps.get(&earlier.id);
                let ticked = ticked.is_some_and(|own| own.ticks.contains_key(&index));
                assert!(
                    ticked || earlier.ticks[index].optional,
                    "`{}` was passed over",
                    earlier.ticks[index].text
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// Whatever is pressed: no command overtakes an act that stands before it, and no rollback is at
    /// its end before all of it is ticked.
    #[test]
    fn no_act_is_overtaken(commands in prop::collection::vec((0u8..12, 0u8..12), 0..60)) {
        let mut run = Run::of(BY_HAND).identified();
        for command in commands {
            let command = nth_command(&run, command);
            if let Err(refusal) = run.tries(command.author(), command) {
                prop_assert!(!refusal.message.is_empty() && !refusal.help.is_empty());
            }
        }
        let mut state = open(&run.records[0]).unwrap();
        for record in &run.records[1..] {
            match &record.event {
                Event::ActionStarted { action, .. } => if let Some(option) = state.going_back() {
                    let option = option.id.clone();
                    let step = state.step_of(*action).unwrap().id.clone();
                    assert_in_order(&state, &option, &step, Some(Act::Command(*action)));
                },
                Event::RollbackFinished { option, succeeded: true, .. } => {
                    assert_in_order(&state, option, "", None);
                }
                _ => {}
            }
            apply(&mut state, record);
        }
        prop_assert_eq!(&state, &run.state);
    }

    /// A crash at any point: what was ticked stays ticked, nothing is ticked by the engine, and no
    /// command that was begun is begun again.
    #[test]
    fn a_crash_at_any_prefix_keeps_what_was_ticked(commands in prop::collection::vec((0u8..12, 0u8..12), 0..60)) {
        let mut run = Run::of(BY_HAND).identified();
        for command in commands {
            let command = nth_command(&run, command);
            run.tries(command.author(), command).ok();
        }
        for length in 1..=run.records.len() {
            let mut revived = Run::of(BY_HAND);
            revived.state = open(&run.records[0]).unwrap();
            for record in &run.records[1..length] {
                apply(&mut revived.state, record);
            }
            let steps = revived.state.steps.clone();
            let (in_flight, mode) = (revived.state.running(), revived.state.mode);
            revived.effects.clear();
            revived.happens(ENGINE, vec![started(2)]);
            revived.rests();
            prop_assert_eq!(&revived.state.steps, &steps);
            for (action, attempt) in in_flight {
                prop_assert_eq!(revived.state.actions[&action].last().unwrap().number, attempt);
            }
            let launches = revived.effects.iter()
                .filter(|effect| matches!(effect, Effect::Launch { .. })).count();
            prop_assert!(launches == 0 || mode == Mode::RollingBack);
        }
    }
}
