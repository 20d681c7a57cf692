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
