//! What holds of every run: its state is the fold of its events, and a crash at any point starts
//! nothing again.

use proptest::prelude::*;

use super::lock::{lock_seen, other_run};
use super::*;

/// What an operator or the world might do next, sensible or not.
fn any_command() -> impl Strategy<Value = (u8, u8)> {
    (0u8..40, 0u8..8)
}

fn nth_command(run: &Run, (kind, choice): (u8, u8)) -> Asked {
    let blocks = run.state.runbook.blocks.len();
    let action = ActionId::block(usize::from(choice) % blocks + 1);
    let hash = preview(&run.state, action)
        .map(|shown| shown.hash)
        .unwrap_or_default();
    let steps: Vec<_> = run
        .state
        .runbook
        .steps()
        .map(|step| step.id.clone())
        .collect();
    let step = steps[usize::from(choice) % steps.len()].clone();
    let phase = run.state.current_phase.clone();
    match kind {
        0 => Command::Tick {
            step,
            index: usize::from(choice % 2),
            value: Some("v".to_owned()),
            note: None,
        },
        1 => Command::Start {
            from: None,
            action,
            hash,
            typed: None,
            reason: Some("again".to_owned()),
            included: None,
        },
        2 => Command::Cancel { action },
        3 => Command::Skip {
            action: choice.is_multiple_of(2).then_some(action),
            step,
            reason: "r".to_owned(),
        },
        4 => Command::Gate {
            phase,
            decision: GateDecision::Go,
            reason: Some("r".to_owned()),
        },
        5 => Command::Gate {
            phase,
            decision: GateDecision::Hold,
            reason: None,
        },
        6 => with_files(
            run.rollback(usize::from(choice) % run.state.runbook.rollback.len()),
            action,
            choice,
        ),
        7 => Command::Resume {},
        8 => Command::Resolve {
            action,
            outcome: Outcome::Failed,
            reason: "r".to_owned(),
        },
        18 => Command::SetInput {
            name: "DUMP".to_owned(),
            input: Input::Value(["a", "b", ""][usize::from(choice % 3)].to_owned()),
        },
        19 => Command::ClearInput {
            name: "DUMP".to_owned(),
        },
        20 => Command::UndoInput {},
        21 => {
            return Observation::GuideSeen {
                state: match choice % 3 {
                    0 => GuideOnDisk::Same,
                    1 => GuideOnDisk::Missing,
                    _ => GuideOnDisk::Changed(choice.to_string()),
                },
            }
            .into();
        }
        22 if choice.is_multiple_of(3) => Command::Write {
            code: format!("echo {choice}"),
            actor: crate::runbook::Actor::Shell,
            on: None,
        },
        22 if choice % 3 == 1 => Command::Correct {
            action,
            code: ["echo a", "SELECT 1;", ""][usize::from(choice / 3 % 3)].to_owned(),
        },
        22 => Command::Arm { action, hash },
        34..=37 => return pairing::nth_act(run, kind - 14, choice),
        12 => {
            return Observation::Alerted {
                action,
                attempt: 1,
                pattern: "ERROR".to_owned(),
                line: run.state.seq / 2,
                text: "ERROR: no".to_owned(),
                count: u64::from(choice),
            }
            .into();
        }
        13 => {
            return Observation::Sampled {
                action,
                attempt: 1,
                round: u64::from(choice),
                evidence: Box::new(value(i64::from(choice % 3))),
            }
            .into();
        }
        14 => Command::Acknowledge {
            alert: run.state.alerts.last().map_or(0, |alert| alert.id),
            note: "seen".to_owned(),
        },
        9 => return lock_seen((choice % 2 == 0).then(other_run)).into(),
        10 => Command::TakeTarget {
            target: "main".to_owned(),
            typed: "r2".to_owned(),
            reason: "r".to_owned(),
        },
        38 => {
            return identity::says(TargetIdentity {
                port: u16::from(choice % 3),
                server_version: choice.to_string(),
                ..TargetIdentity::default()
            })
            .into();
        }
        39 => Command::AcceptTarget {
            target: "main".to_owned(),
            seen: run
                .state
                .moved
                .get("main")
                .map_or(String::new(), |moved| moved.to.mark()),
            typed: None,
            reason: "r".to_owned(),
        },
        30 => {
            return Observation::Held {
                action,
                attempt: 1,
                number: u32::from(choice % 3) + 1,
                line: 7,
                since: run.now,
                evidence: (choice % 2 == 0).then(|| Box::new(value(i64::from(choice)))),
            }
            .into();
        }
        31 => Command::EndTransaction {
            action,
            attempt: 1,
            commit: choice % 2 == 0,
            typed: run.state.commit_word(action),
            reason: None,
        },
        32 if choice % 2 == 0 => Command::GiveKeyboard { action },
        32 => Command::ReturnKeyboard { action },
        33 => {
            return Observation::Finished {
                action,
                attempt: 1,
                evidence: Some(Box::new(Evidence {
                    uncommitted: true,
                    ..value(0)
                })),
                reason: None,
            }
            .into();
        }
        _ => match run.state.running().first() {
            Some((action, attempt)) => {
                return Observation::Finished {
                    action: *action,
                    attempt: *attempt,
                    evidence: (choice != 0)
                        .then(|| Box::new(leaving(value(i64::from(choice) - 1), choice))),
                    reason: None,
                }
                .into();
            }
            None => Command::Note {
                text: "n".to_owned(),
                step: None,
            },
        },
    }
    .into()
}

/// A rollback whose files were shown, or were not.
fn with_files(command: Command, action: ActionId, choice: u8) -> Command {
    let shown = BTreeMap::from([(action, "d".repeat(64))]);
    match command {
        Command::Rollback {
            option,
            hash,
            typed,
            reason,
            ..
        } => Command::Rollback {
            option,
            hash,
            typed,
            reason,
            included: choice.is_multiple_of(2).then_some(shown),
        },
        other => other,
    }
}

/// The evidence of a step that moves its shell and sets a variable.
fn leaving(evidence: Evidence, choice: u8) -> Evidence {
    let shell = ShellState {
        directory: choice.is_multiple_of(2).then(|| format!("/srv/{choice}")),
        set: BTreeMap::from([("V".to_owned(), ShellValue::text(&format!("\0{choice:02x}")))]),
        ..ShellState::default()
    };
    Evidence {
        shell: Some(shell),
        ..evidence
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_state_is_the_fold_of_its_events(commands in prop::collection::vec(any_command(), 0..40)) {
        let mut run = watches::ready_for_two();
        for command in commands {
            let command = nth_command(&run, command);
            let by = pairing::asks(&run, &command);
            let was_done = run.state.mode == Mode::Done;
            if let Err(refusal) = run.tries(&by, command) {
                prop_assert!(!refusal.message.is_empty() && !refusal.help.is_empty());
            }
            if run.state.mode == Mode::Done && !was_done {
                prop_assert_eq!(run.state.open_points(), [], "it is done only if nothing is open");
            }
        }
        let mut replayed = open(&run.records[0]).unwrap();
        for (record, text) in run.records[1..].iter().map(|record| {
            (record, serde_json::to_string(record).unwrap())
        }) {
            let read: Record = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&read, record, "an event survives its journal");
            apply(&mut replayed, &read);
        }
        prop_assert_eq!(replayed, run.state);
    }

    /// A crash at any point of the journal: nothing that was started is started again by the engine.
    #[test]
    fn after_a_crash_at_any_prefix_nothing_runs_twice(commands in prop::collection::vec(any_command(), 0..40)) {
        let mut run = watches::ready_for_two();
        for command in commands {
            let command = nth_command(&run, command);
            let by = pairing::asks(&run, &command);
            run.tries(&by, command).ok();
        }
        for length in 1..=run.records.len() {
            let mut revived = Run::of(GUIDE);
            revived.state = open(&run.records[0]).unwrap();
            for record in &run.records[1..length] {
                apply(&mut revived.state, record);
            }
            let in_flight = revived.state.running();
            let before: BTreeMap<ActionId, usize> = revived.state.actions.iter()
                .map(|(action, state)| (*action, state.attempts.len())).collect();
            revived.effects.clear();
            revived.happens(ENGINE, vec![started(2)]);
            revived.rests();
            for (action, _) in in_flight {
                prop_assert_eq!(
                    revived.state.actions[&action].attempts.len(), before[&action],
                    "an attempt in flight is adopted or unknown, never begun again"
                );
            }
            let launches = revived.effects.iter().filter(|effect| matches!(effect, Effect::Launch { .. })).count();
            let rolling_back = matches!(revived.state.mode, Mode::RollingBack);
            prop_assert!(launches == 0 || rolling_back, "only a rollback goes on by itself");
        }
    }
}
