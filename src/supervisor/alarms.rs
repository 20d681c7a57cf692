//! Puts on record when an alarm of what is watched begins and ends. It happens here and not in a client, so
//! it goes on while nobody looks.

use std::collections::BTreeMap;

use super::core::Supervisor;
use crate::monitor::{Sample, alarms_of, source_of};
use crate::run::{Observation, RunState, Timestamp};

/// Readings without it after which an alarm has ended: what comes and goes is one alarm.
const ENDED: u32 = 3;

/// Readings in which an open alarm was missing.
#[derive(Default)]
pub(super) struct Missing(BTreeMap<String, u32>);

impl Missing {
    /// What one reading has to say about the alarms.
    fn told(&mut self, sample: &Sample, state: &RunState, now: Timestamp) -> Vec<Observation> {
        let Some(source) = source_of(sample) else {
            return Vec::new();
        };
        let standing = alarms_of(sample, now);
        let mut seen = Vec::new();
        for alarm in &standing {
            self.0.remove(&alarm.key);
            if state.open_alarm(&alarm.key).is_none() {
                seen.push(Observation::Alarm {
                    key: alarm.key.clone(),
                    text: Some(alarm.text.clone()),
                });
            }
        }
        // A server that does not answer says of nothing that it is over.
        if matches!(sample, Sample::Activity(sample) if sample.lost_since().is_some()) {
            return seen;
        }
        let open = state.alarms.iter().filter(|alarm| alarm.ended_at.is_none());
        for alarm in open.filter(|alarm| alarm.key.starts_with(&source)) {
            if standing.iter().any(|other| other.key == alarm.key) {
                continue;
            }
            let missing = self.0.entry(alarm.key.clone()).or_default();
            *missing += 1;
            if *missing >= ENDED {
                self.0.remove(&alarm.key);
                seen.push(Observation::Alarm {
                    key: alarm.key.clone(),
                    text: None,
                });
            }
        }
        seen
    }
}

impl Supervisor {
    /// Takes a reading's alarms in.
    pub(super) async fn tell_alarms(&mut self, sample: &Sample) {
        let now = self.clock.now();
        for observation in self.missing.told(sample, &self.state, now) {
            if let Err(refusal) = self.observed(observation).await {
                tracing::warn!(reason = %refusal.message, "an alarm is not recorded");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::monitor::{ActivitySample, Reading, SessionCounts};
    use crate::run::{Event, Record, apply, open};
    use crate::runbook::parse;

    fn now() -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn state_with_alarm(key: &str) -> RunState {
        let record = |seq, event| Record {
            seq,
            at: now(),
            by: "gonogo".to_owned(),
            event,
        };
        let opened = Event::RunOpened {
            run: "r".to_owned(),
            runbook: Arc::new(parse("g.md", b"# G\n\n## Phase 1: A\n\n- [ ] box\n")),
            environment: Box::default(),
            directory: "/".to_owned(),
            inputs: BTreeMap::new(),
            window_ends: None,
            driver: "anna@ops1".to_owned(),
            unattended: false,
            provenance: Default::default(),
        };
        let mut state = open(&record(1, opened)).unwrap();
        let began = Event::AlarmBegan {
            key: key.to_owned(),
            text: "8240 holds up 1 session".to_owned(),
        };
        apply(&mut state, &record(2, began));
        state
    }

    #[test]
    fn an_alarm_ends_by_readings_without_it_and_not_because_the_server_does_not_answer() {
        let state = state_with_alarm("database/main/blocked/8240/7");
        let reading = |state| {
            Sample::Activity(ActivitySample {
                at: now(),
                target: "main".to_owned(),
                state,
                identity: None,
                sessions: Vec::new(),
                counts: SessionCounts::default(),
                cost_us: 0,
                interval_ms: 1_000,
            })
        };
        let lost = reading(Reading::Lost {
            since: now(),
            message: "m".to_owned(),
            help: "h".to_owned(),
        });
        let mut missing = Missing::default();
        for _ in 0..2 * ENDED {
            assert!(missing.told(&lost, &state, now()).is_empty());
        }
        let good = reading(Reading::Good);
        for _ in 1..ENDED {
            assert!(missing.told(&good, &state, now()).is_empty());
        }
        let told = missing.told(&good, &state, now());
        assert!(
            matches!(told.as_slice(), [Observation::Alarm { text: None, .. }]),
            "{told:?}"
        );
    }
}
