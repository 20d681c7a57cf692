//! The engine as an operator experiences it, over guides read by the real reader.

mod pairing;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{TimeDelta, TimeZone, Utc};
use proptest::prelude::*;

use super::*;

mod shell;

use crate::runbook::config::{Environment, Target};
use crate::runbook::parse;

mod held;

const GUIDE: &str = r#"# Move a table

## Checklist

- [ ] Window agreed
- [ ] Ticket <!-- gonogo: value="ticket number" -->

## Deployment steps

### Phase 1: Backup
<!-- gonogo: estimate=5-10m -->

```bash {#backup .run}
pg_dump -f ${DUMP:-dump}
```

**Success criteria**:
- ✅ The dump can be read <!-- gonogo: expect="backup.exit == 0" -->
- ✅ It smells right

### Phase 2: Migrate

```sql {#migrate .run}
SELECT migrate();
```

```sql {#check .check expect="value == 0" capture="LEFT=value"}
SELECT count(*) FROM leftovers;
```

## Rollback

### Option 1: The function (recommended)
<!-- gonogo: estimate=2m -->

```sql {#back .run}
SELECT back();
```

```sql {#back_check .check expect="value == 1"}
SELECT 1;
```

### Option 2: From the dump
<!-- gonogo: estimate=20m loses="what was written since" -->

```bash {#restore .run}
pg_restore dump
```
"#;

const ANNA: &str = "anna@ops";

/// A run under test: every command goes through `decide`, every event through `apply`, and the
/// engine is asked until it rests, as the supervisor does it.
struct Run {
    state: RunState,
    records: Vec<Record>,
    readings: Readings,
    effects: Vec<Effect>,
    now: Timestamp,
}

impl Run {
    fn of(guide: &str) -> Self {
        Self::with(guide, false)
    }

    fn with(guide: &str, protected: bool) -> Self {
        let now = Utc.with_ymd_and_hms(2026, 1, 2, 2, 0, 0).unwrap();
        let target = Target {
            postgres: "host=/tmp dbname=app".to_owned(),
            password: None,
        };
        let environment = Environment {
            name: "staging".to_owned(),
            protected,
            targets: BTreeMap::from([("main".to_owned(), target)]),
            ..Environment::default()
        };
        let record = Record {
            seq: 1,
            at: now,
            by: ANNA.to_owned(),
            event: Event::RunOpened {
                run: "r1".to_owned(),
                runbook: Arc::new(parse("guide.md", guide.as_bytes())),
                environment: Box::new(environment),
                directory: "/srv".to_owned(),
                inputs: BTreeMap::new(),
                window_ends: Some(now + TimeDelta::minutes(60)),
                driver: ANNA.to_owned(),
                unattended: false,
                provenance: Default::default(),
            },
        };
        let mut run = Self {
            state: open(&record).expect("the first event opens a run"),
            records: vec![record],
            readings: Readings::default(),
            effects: Vec::new(),
            now,
        };
        run.happens(ENGINE, vec![Event::SupervisorStarted { pid: 1, epoch: 1 }]);
        run.rests();
        run
    }

    fn identified(mut self) -> Self {
        self.does(Command::Identified {
            target: "main".to_owned(),
            identity: TargetIdentity::default(),
        });
        self
    }

    fn happens(&mut self, by: &str, events: Vec<Event>) {
        for event in events {
            let record = Record {
                seq: self.state.seq + 1,
                at: self.now,
                by: by.to_owned(),
                event,
            };
            apply(&mut self.state, &record);
            self.effects.extend(effects(&self.state, &record.event));
            self.records.push(record);
        }
    }

    fn rests(&mut self) {
        for _ in 0..100 {
            let events = advance(&self.state, &self.readings, self.now);
            if events.is_empty() {
                return;
            }
            self.happens(ENGINE, events);
        }
        panic!("the engine does not come to rest");
    }

    fn tries(&mut self, by: &str, command: Command) -> Result<(), Refusal> {
        let events = decide(&self.state, &self.readings, by, &command, self.now)?;
        self.happens(by, events);
        self.rests();
        Ok(())
    }

    fn does(&mut self, command: Command) {
        let by = match command {
            Command::Identified { .. } | Command::LockSeen { .. } | Command::Launched { .. } => {
                ENGINE
            }
            _ => author(&command),
        };
        self.tries(by, command.clone())
            .unwrap_or_else(|refusal| panic!("{command:?} is refused: {refusal}"));
    }

    fn refuses(&mut self, command: Command) -> Refusal {
        let before = self.state.clone();
        let refusal = self.tries(ANNA, command).expect_err("it should be refused");
        assert_eq!(self.state, before, "a refusal changes nothing");
        refusal
    }

    fn action(&self, id: &str) -> ActionId {
        ActionId::block(
            self.state
                .runbook
                .block_by_id(id)
                .expect("the block exists")
                .n,
        )
    }

    fn start(&self, id: &str) -> Command {
        let action = self.action(id);
        Command::Start {
            action,
            hash: preview(&self.state, action)
                .map(|shown| shown.hash)
                .unwrap_or_default(),
            typed: None,
            reason: None,
            included: None,
        }
    }

    fn starts(&mut self, id: &str) {
        self.does(self.start(id));
    }

    fn ends(&mut self, id: &str, evidence: Evidence) {
        let action = self.action(id);
        let attempt = self.state.actions[&action].last().unwrap().number;
        self.does(Command::Finished {
            action,
            attempt,
            evidence: Some(Box::new(evidence)),
            reason: None,
        });
    }

    fn runs(&mut self, id: &str, evidence: Evidence) {
        self.starts(id);
        self.ends(id, evidence);
    }

    fn outcome(&self, id: &str) -> Option<Outcome> {
        self.state.actions.get(&self.action(id))?.last()?.outcome
    }

    fn gate(&mut self, decision: GateDecision, reason: Option<&str>) -> Result<(), Refusal> {
        self.tries(
            ANNA,
            Command::Gate {
                phase: self.state.current_phase.clone(),
                decision,
                reason: reason.map(str::to_owned),
            },
        )
    }

    fn goes(&mut self) {
        self.gate(GateDecision::Go, None)
            .expect("the gate is clear");
    }

    fn checklist_done(mut self) -> Self {
        let step = self.state.runbook.preparation[0].steps[0].id.clone();
        self.does(Command::Tick {
            step: step.clone(),
            index: 0,
            value: None,
            note: None,
        });
        self.does(Command::Tick {
            step,
            index: 1,
            value: Some("OPS-7".to_owned()),
            note: None,
        });
        self.goes();
        self
    }

    fn backup_done(mut self) -> Self {
        self.runs("backup", exit(0));
        let phase = self.state.runbook.phases[0].clone();
        self.does(Command::Judge {
            phase: phase.id.clone(),
            line: phase.criteria[1].line,
            holds: true,
            note: None,
        });
        self.goes();
        self
    }

    fn rollback(&self, option: usize) -> Command {
        let id = &self.state.runbook.rollback[option].id;
        let plan = rollback_plans(&self.state)
            .into_iter()
            .find(|plan| plan.option == *id)
            .unwrap();
        Command::Rollback {
            option: plan.option,
            hash: plan.hash,
            typed: plan.confirm,
            reason: None,
        }
    }
}

fn exit(code: i32) -> Evidence {
    Evidence {
        exit: Some(code),
        ..Evidence::default()
    }
}

fn value(value: i64) -> Evidence {
    Evidence {
        exit: Some(0),
        value: Some(value.into()),
        ..Evidence::default()
    }
}

fn ready() -> Run {
    Run::of(GUIDE).identified()
}

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
    assert_eq!(run.effects, [Effect::Launch { action, attempt: 1 }]);
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
    assert!(refusal.message.contains("passed already"), "{refusal}");
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
    run.does(Command::Finished {
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
    // On the way back the same is stuck, and can be tried again at once.
    run.does(run.rollback(0));
    run.ends("back", lost);
    assert_eq!(run.state.mode, Mode::Stuck);
    run.starts("back");
    assert_eq!(run.state.mode, Mode::RollingBack);
}

#[test]
fn a_stuck_way_back_takes_no_step_of_another() {
    let mut run = ready().checklist_done();
    run.does(run.rollback(0));
    run.ends("back", exit(1));
    let refusal = run.refuses(run.start("restore"));
    assert!(refusal.help.contains("`R`"), "{refusal}");
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
fn the_way_back_works_in_the_middle_of_a_step() {
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
fn the_way_back_waits_for_no_hung_step() {
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
fn a_step_that_was_cancelled_long_before_still_gets_its_time_before_the_way_back_begins() {
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
    assert!(refusal.message.contains("run anew"), "{refusal}");
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
    run.happens(ENGINE, vec![Event::SupervisorStarted { pid: 2, epoch: 2 }]);
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
fn the_turn_back_time_is_the_window_less_the_way_back() {
    let run = ready();
    let plan = schedule(&run.state, run.now);
    assert_eq!(plan.rollback_s, Some(120));
    assert_eq!(plan.turn_back, Some(run.now + TimeDelta::minutes(58)));
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
fn an_inferred_command_is_armed_before_it_runs() {
    let guide = GUIDE.replace("```bash {#backup .run}", "```bash");
    let mut run = Run::of(&guide).identified().checklist_done();
    let action = ActionId::block(1);
    let hash = preview(&run.state, action).unwrap().hash;
    let start = Command::Start {
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

mod watches;

/// Who says it.
/// Who gives a command, where nobody else is at the run.
fn author(command: &Command) -> &'static str {
    match command {
        Command::Finished { .. }
        | Command::Held { .. }
        | Command::Alerted { .. }
        | Command::Sampled { .. }
        | Command::LockSeen { .. }
        | Command::GuideSeen { .. } => ENGINE,
        _ => ANNA,
    }
}

fn other_run() -> LockHolder {
    LockHolder {
        run: "r2".to_owned(),
        by: Some("bert@ops".to_owned()),
        pid: 7,
        ..LockHolder::default()
    }
}

fn lock_seen(holder: Option<LockHolder>) -> Command {
    Command::LockSeen {
        target: "main".to_owned(),
        holder,
    }
}

#[test]
fn one_run_acts_on_a_target_at_a_time() {
    let mut run = ready().checklist_done();
    run.does(lock_seen(Some(other_run())));
    let refusal = run.refuses(run.start("backup"));
    assert!(
        refusal
            .message
            .contains("`main` is held by run `r2` (bert@ops)"),
        "{refusal}"
    );
    // It went away by itself: ours now.
    run.does(lock_seen(None));
    run.starts("backup");
}

#[test]
fn a_target_is_taken_over_by_name_and_with_a_reason() {
    let mut run = ready().checklist_done();
    run.does(lock_seen(Some(other_run())));
    let take = |typed: &str, reason: &str| Command::TakeTarget {
        target: "main".to_owned(),
        typed: typed.to_owned(),
        reason: reason.to_owned(),
    };
    run.refuses(take("r1", "bert sleeps"));
    run.refuses(take("r2", " "));
    run.does(take("r2", "bert sleeps"));
    let effect = Effect::TakeTarget {
        target: "main".to_owned(),
        from: other_run(),
    };
    assert!(run.effects.contains(&effect));
    assert!(run.state.notes[0].text.contains("bert sleeps"));
}

#[test]
fn a_run_whose_target_is_taken_is_held_and_may_still_go_back() {
    let mut run = ready().checklist_done();
    run.does(lock_seen(None));
    run.does(lock_seen(Some(other_run())));
    assert_eq!(run.state.mode, Mode::Held);
    run.does(run.rollback(0));
    assert_eq!(run.state.mode, Mode::RollingBack);
}

/// What an operator or the world might do next, sensible or not.
fn any_command() -> impl Strategy<Value = (u8, u8)> {
    (0u8..38, 0u8..8)
}

fn nth_command(run: &Run, (kind, choice): (u8, u8)) -> Command {
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
        6 => run.rollback(usize::from(choice) % run.state.runbook.rollback.len()),
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
        21 => Command::GuideSeen {
            state: match choice % 3 {
                0 => GuideOnDisk::Same,
                1 => GuideOnDisk::Missing,
                _ => GuideOnDisk::Changed(choice.to_string()),
            },
        },
        22 => Command::Arm { action, hash },
        34..=37 => pairing::nth_act(run, kind - 14, choice),
        12 => Command::Alerted {
            action,
            attempt: 1,
            pattern: "ERROR".to_owned(),
            line: run.state.seq / 2,
            text: "ERROR: no".to_owned(),
            count: u64::from(choice),
        },
        13 => Command::Sampled {
            action,
            attempt: 1,
            round: u64::from(choice),
            evidence: Box::new(value(i64::from(choice % 3))),
        },
        14 => Command::Acknowledge {
            alert: run.state.alerts.last().map_or(0, |alert| alert.id),
            note: "seen".to_owned(),
        },
        9 => lock_seen((choice % 2 == 0).then(other_run)),
        10 => Command::TakeTarget {
            target: "main".to_owned(),
            typed: "r2".to_owned(),
            reason: "r".to_owned(),
        },
        30 => Command::Held {
            action,
            attempt: 1,
            number: u32::from(choice % 3) + 1,
            line: 7,
            since: run.now,
            evidence: (choice % 2 == 0).then(|| Box::new(value(i64::from(choice)))),
        },
        31 => Command::EndTransaction {
            action,
            attempt: 1,
            commit: choice % 2 == 0,
            typed: run.state.commit_word(action),
            reason: None,
        },
        32 if choice % 2 == 0 => Command::GiveKeyboard { action },
        32 => Command::ReturnKeyboard { action },
        33 => Command::Finished {
            action,
            attempt: 1,
            evidence: Some(Box::new(Evidence {
                uncommitted: true,
                ..value(0)
            })),
            reason: None,
        },
        _ => match run.state.running().first() {
            Some((action, attempt)) => Command::Finished {
                action: *action,
                attempt: *attempt,
                evidence: (choice != 0)
                    .then(|| Box::new(leaving(value(i64::from(choice) - 1), choice))),
                reason: None,
            },
            None => Command::Note {
                text: "n".to_owned(),
                step: None,
            },
        },
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
            if let Err(refusal) = run.tries(&by, command) {
                prop_assert!(!refusal.message.is_empty() && !refusal.help.is_empty());
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
            revived.happens(ENGINE, vec![Event::SupervisorStarted { pid: 9, epoch: 2 }]);
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
