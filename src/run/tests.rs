//! The engine as an operator experiences it, over guides read by the real reader. Here stand the guide
//! and the run under test; what they show, in a file for each subject.

mod alarm;
mod beside;
mod by_hand;
mod clock;
mod consent;
mod done;
mod flags;
mod held;
mod identity;
mod lock;
mod no_return;
mod notice;
mod pairing;
mod proof;
mod properties;
mod rehearsed;
mod resume;
mod rollback;
mod shell;
mod sighted;
mod signal;
mod soak;
mod soak_checks;
mod sources;
mod toggles;
mod undone;
mod waits;
mod walk;
mod watches;
mod window;
mod written;

pub(crate) use pairing::{every_command_somewhere, marked};

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{TimeDelta, TimeZone, Utc};

use super::*;
use crate::runbook::config::{Environment, Target};
use crate::runbook::parse;

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

/// A supervisor begins.
fn started(epoch: u64) -> Event {
    Event::SupervisorStarted {
        pid: 1,
        epoch,
        clock: None,
    }
}

/// A run under test: every command goes through `decide`, every event through `apply`, and the
/// engine is asked until it rests, as the supervisor does it.
struct Run {
    state: RunState,
    records: Vec<Record>,
    facts: Facts,
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
            ..Target::default()
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
            facts: Facts::default(),
            effects: Vec::new(),
            now,
        };
        run.happens(ENGINE, vec![started(1)]);
        run.rests();
        run
    }

    fn identified(mut self) -> Self {
        self.does(Observation::Identified {
            target: "main".to_owned(),
            identity: TargetIdentity::default(),
            alive_until: None,
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
            let events = advance(&self.state, &self.facts, self.now);
            if events.is_empty() {
                return;
            }
            self.happens(ENGINE, events);
        }
        panic!("the engine does not come to rest");
    }

    fn tries(&mut self, by: &str, asked: impl Into<Asked>) -> Result<(), Refusal> {
        let events = match asked.into() {
            Asked::Command(command) => decide(&self.state, &self.facts, by, &command, self.now)?,
            Asked::Observation(seen) => observe(&self.state, &self.facts, &seen, self.now)?,
        };
        self.happens(by, events);
        self.rests();
        Ok(())
    }

    fn does(&mut self, asked: impl Into<Asked>) {
        let asked = asked.into();
        self.tries(asked.author(), asked.clone())
            .unwrap_or_else(|refusal| panic!("{asked:?} is refused: {refusal}"));
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
            from: None,
            action,
            hash: preview(&self.state, action)
                .map(|shown| shown.hash)
                .unwrap_or_default(),
            typed: None,
            reason: None,
            included: None,
        }
    }

    /// As somebody who types the word that is asked for.
    fn starts(&mut self, id: &str) {
        let mut start = self.start(id);
        if let Command::Start { action, typed, .. } = &mut start {
            *typed = preview(&self.state, *action).unwrap().confirm;
        }
        self.does(start);
    }

    fn ends(&mut self, id: &str, evidence: Evidence) {
        let action = self.action(id);
        let attempt = self.state.actions[&action].last().unwrap().number;
        self.does(Observation::Finished {
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
            included: None,
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

pub(crate) fn ready_state() -> RunState {
    ready().state
}

fn ready() -> Run {
    Run::of(GUIDE).identified()
}

/// What a person asks, or what the world shows.
#[derive(Clone, Debug)]
enum Asked {
    Command(Command),
    Observation(Observation),
}

impl Asked {
    /// Who it comes from, where nobody else is at the run.
    fn author(&self) -> &'static str {
        match self {
            Self::Command(_) => ANNA,
            Self::Observation(_) => ENGINE,
        }
    }
}

impl From<Command> for Asked {
    fn from(command: Command) -> Self {
        Self::Command(command)
    }
}

impl From<Observation> for Asked {
    fn from(observation: Observation) -> Self {
        Self::Observation(observation)
    }
}
