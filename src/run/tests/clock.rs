//! The wall clock is set by a day while a run is under way: what has passed and what is left stay what
//! they were, at every kind of wait, and it is said.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::*;
use crate::run::{ClockAnchor, GuideOnDisk, PairingAct, schedule};

pub(super) fn stepped(by: TimeDelta) -> Event {
    Event::ClockStepped {
        by_ms: by.num_milliseconds(),
        clock: ClockAnchor {
            boot: "this one".to_owned(),
            boot_ms: 0,
        },
    }
}

impl Run {
    /// The clock of the machine is set: the run's line of time is moved with it.
    fn is_set(&mut self, by: TimeDelta) {
        self.now += by;
        self.happens(ENGINE, vec![stepped(by)]);
        self.rests();
    }

    pub(super) fn passes(&mut self, time: TimeDelta) {
        self.now += time;
        self.rests();
    }
}

const DAYS: [TimeDelta; 2] = [TimeDelta::days(1), TimeDelta::days(-1)];

#[test]
fn the_window_and_the_time_that_has_passed_stay_what_they_were() {
    for by in DAYS {
        let mut run = Run::of(GUIDE).identified();
        run.passes(TimeDelta::minutes(10));
        let before = schedule(&run.state, &rollback_plans(&run.state), run.now);
        let left = before.window_ends.unwrap() - run.now;
        run.is_set(by);
        let after = schedule(&run.state, &rollback_plans(&run.state), run.now);
        assert_eq!(after.elapsed_s, before.elapsed_s);
        assert_eq!(after.window_ends.unwrap() - run.now, left);
        assert_eq!(
            after.turn_back.map(|at| at - run.now),
            before.turn_back.map(|at| at - (run.now - by))
        );
        let said = &run.state.notes.last().unwrap().text;
        assert!(said.contains("was set") && said.contains("by 1d"), "{said}");
    }
}

const LATER: &str = "# Later\n\n## Phase 1: Now\n\n### Here\n\n- [ ] Somebody is here\n\n## Cleanup (wait 7 days)\n\n```bash {#tidy .run}\ntrue\n```\n";

#[test]
fn a_wait_of_days_lasts_as_long_as_it_says() {
    for by in DAYS {
        let mut run = Run::of(LATER);
        run.does(Command::Tick {
            step: run.state.runbook.phases[0].steps[0].id.clone(),
            index: 0,
            value: None,
            note: None,
        });
        run.goes();
        run.passes(TimeDelta::days(3));
        run.is_set(by);
        let phase = run.state.phase().unwrap().clone();
        let due = run.state.due(&phase).unwrap();
        assert_eq!(due - run.now, TimeDelta::days(4), "{by}");
    }
}

const BETWEEN: &str = "# Between\n\n## Phase 1: Now\n\n```bash {#deploy .run}\ntrue\n```\n\nWait 10 minutes for the caches.\n\n```bash {#warm .run}\ntrue\n```\n";

#[test]
fn a_wait_between_steps_lasts_as_long_as_it_says() {
    for by in DAYS {
        let mut run = Run::of(BETWEEN);
        run.runs("deploy", exit(0));
        run.passes(TimeDelta::minutes(9));
        run.is_set(by);
        let refusal = run.refuses(run.start("warm"));
        assert!(refusal.message.contains("waits until"), "{by}: {refusal}");
        run.passes(TimeDelta::minutes(1));
        run.runs("warm", exit(0));
    }
}

#[test]
fn who_is_gone_is_gone_for_as_long_as_they_are() {
    let demand = || Command::Pairing {
        act: PairingAct::Demand {
            reason: "they are gone".to_owned(),
            to_go_back: false,
        },
    };
    for by in DAYS {
        let mut run = Run::of(LATER);
        let since = run.now;
        let left = Observation::DriverLeft { since };
        run.tries(ENGINE, left).unwrap();
        run.passes(TimeDelta::seconds(100));
        run.is_set(by);
        run.tries("bert@ops", demand()).unwrap_err();
        run.passes(TimeDelta::seconds(30));
        run.tries("bert@ops", demand()).unwrap();
    }
}

#[test]
fn a_cancelled_step_is_given_the_time_that_it_is_given() {
    for by in DAYS {
        let mut run = Run::of(GUIDE).identified().checklist_done();
        run.starts("backup");
        let action = run.action("backup");
        run.does(run.rollback(0));
        run.passes(TimeDelta::seconds(2));
        run.is_set(by);
        assert!(run.state.action(action).unwrap().is_running(), "{by}");
        run.passes(TimeDelta::seconds(4));
        assert_eq!(
            run.state.action(action).unwrap().last().unwrap().outcome,
            Some(Outcome::Unknown)
        );
    }
}

/// Every time in a document, with the way to it.
fn times(value: &Value, way: &str, found: &mut Vec<(String, DateTime<Utc>)>) {
    match value {
        Value::String(text) => {
            if let Ok(at) = text.parse() {
                found.push((way.to_owned(), at));
            }
        }
        Value::Array(all) => {
            for (index, value) in all.iter().enumerate() {
                times(value, &format!("{way}/{index}"), found);
            }
        }
        Value::Object(all) => {
            for (name, value) in all {
                times(value, &format!("{way}/{name}"), found);
            }
        }
        _ => {}
    }
}

/// Whoever adds a time to the state is told here when a step of the clock forgets it.
#[test]
fn no_time_of_the_state_is_forgotten() {
    let mut run = Run::of(GUIDE).identified().checklist_done();
    run.does(Command::Note {
        text: "a note".to_owned(),
        step: None,
    });
    run.does(Observation::GuideSeen {
        state: GuideOnDisk::Missing,
    });
    run.does(Command::Pairing {
        act: PairingAct::Offer { to: None },
    });
    run.does(Observation::LockSeen {
        target: "main".to_owned(),
        holder: None,
    });
    run.starts("backup");
    let action = run.action("backup");
    run.does(Command::GiveKeyboard { action });
    run.does(Command::ReturnKeyboard { action });
    run.does(Command::Cancel { action });
    run.does(run.rollback(0));
    run.tries(
        "bert@ops",
        Command::Pairing {
            act: PairingAct::RaiseHand { about: None },
        },
    )
    .unwrap();
    let seen = |state: &RunState| {
        let mut found = Vec::new();
        times(&serde_json::to_value(state).unwrap(), "", &mut found);
        found
    };
    let before = seen(&run.state);
    assert!(before.len() > 15, "{before:?}");
    let by = TimeDelta::days(1);
    let mut moved = run.state.clone();
    let record = Record {
        seq: moved.seq + 1,
        at: run.now + by,
        by: ENGINE.to_owned(),
        event: stepped(by),
    };
    apply(&mut moved, &record);
    let after = seen(&moved);
    for (way, at) in before {
        let now = after.iter().find(|(other, _)| *other == way);
        assert_eq!(now.map(|(_, now)| *now), Some(at + by), "{way}");
    }
}
