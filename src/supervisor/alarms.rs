//! Puts on record when an alarm of what is watched begins and ends. It happens here and not in a client, so
//! it goes on while nobody looks.

use std::collections::BTreeMap;

use super::core::Supervisor;
use crate::monitor::{Reading, Sample, alarms_of, source_of};
use crate::run::{ENGINE, Observation, RunState, Timestamp, observe};

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
        let standing: BTreeMap<String, String> = alarms_of(sample, now)
            .into_iter()
            .map(|alarm| (alarm.key, alarm.text))
            .collect();
        let mut seen = Vec::new();
        for (key, text) in &standing {
            self.0.remove(key);
            if state.open_alarm(key).is_none() {
                seen.push(Observation::Alarm {
                    key: key.clone(),
                    text: Some(text.clone()),
                });
            }
        }
        // A server that does not answer says of nothing that it is over.
        let is_lost = match sample {
            Sample::Activity(sample) => sample.lost_since().is_some(),
            Sample::Database(sample) => matches!(sample.state, Reading::Lost { .. }),
            _ => false,
        };
        if is_lost {
            return seen;
        }
        for key in state.open_alarms_of(&source) {
            if standing.contains_key(key) {
                continue;
            }
            let missing = self.0.entry(key.to_owned()).or_default();
            *missing += 1;
            if *missing >= ENDED {
                self.0.remove(key);
                seen.push(Observation::Alarm {
                    key: key.to_owned(),
                    text: None,
                });
            }
        }
        seen
    }
}

impl Supervisor {
    /// Takes a reading's alarms in, all of them at once.
    pub(super) async fn tell_alarms(&mut self, sample: &Sample) {
        let now = self.clock.now();
        let told = self.missing.told(sample, &self.state, now);
        let mut events = Vec::new();
        for seen in told {
            let seen = self.secrets.masked(seen);
            match observe(&self.state, &self.facts, &seen, now) {
                Ok(own) => events.extend(own),
                Err(refusal) => tracing::warn!(reason = %refusal.message, "an alarm is refused"),
            }
        }
        if let Err(refusal) = self.commit(ENGINE, events).await {
            tracing::warn!(reason = %refusal.message, "alarms are not recorded");
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, Utc};

    use super::*;
    use crate::monitor::{ActivitySample, ProbeSample, SessionCounts};
    use crate::run::tests::ready_state;
    use crate::run::{Event, Record, apply};

    fn probe(name: &str, healthy: bool) -> Sample {
        Sample::Probe(ProbeSample {
            at: Utc::now(),
            name: name.to_owned(),
            url: String::new(),
            healthy,
            status: None,
            latency_ms: 1.0,
            error: Some("connection refused".to_owned()),
            version: None,
            since: Utc::now() - TimeDelta::minutes(1),
        })
    }

    /// A run that takes in what readings tell.
    struct Watched {
        state: RunState,
        missing: Missing,
    }

    impl Watched {
        fn new() -> Self {
            Self {
                state: ready_state(),
                missing: Missing::default(),
            }
        }

        /// `+key` began, `-key` ended.
        fn reads(&mut self, reading: &Sample) -> Vec<String> {
            let now = Utc::now();
            let mut words = Vec::new();
            for seen in self.missing.told(reading, &self.state, now) {
                if let Observation::Alarm { key, text } = &seen {
                    let sign = if text.is_some() { '+' } else { '-' };
                    words.push(format!("{sign}{key}"));
                }
                let told = observe(&self.state, &Default::default(), &seen, now).unwrap();
                told.into_iter().for_each(|event| self.happens(event));
            }
            words
        }

        fn happens(&mut self, event: Event) {
            let record = Record {
                seq: self.state.seq + 1,
                at: Utc::now(),
                by: ENGINE.to_owned(),
                event,
            };
            apply(&mut self.state, &record);
        }
    }

    #[test]
    fn an_alarm_that_comes_and_goes_is_one_and_ends_after_three_readings_without_it() {
        let mut run = Watched::new();
        let mut of = |healthy| run.reads(&probe("api", healthy));
        assert_eq!(of(false), ["+probe/api/down"]);
        for healthy in [false, true, true, false, true, true] {
            assert!(of(healthy).is_empty());
        }
        assert_eq!(of(true), ["-probe/api/down"]);
        assert!(of(true).is_empty());
        assert_eq!(of(false), ["+probe/api/down"]);
    }

    #[test]
    fn a_reading_says_nothing_of_what_another_reads() {
        let mut run = Watched::new();
        run.reads(&probe("api", false));
        for _ in 0..=ENDED {
            assert!(run.reads(&probe("api2", true)).is_empty());
        }
        assert!(run.state.open_alarm("probe/api/down").is_some());
    }

    #[test]
    fn an_alarm_ends_by_readings_without_it_and_not_because_the_server_does_not_answer() {
        let mut run = Watched::new();
        run.happens(Event::AlarmBegan {
            key: "database/main/blocked/8240/7".to_owned(),
            text: "8240 holds up 1 session".to_owned(),
        });
        let reading = |state| {
            Sample::Activity(ActivitySample {
                at: Utc::now(),
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
            since: Utc::now(),
            message: "m".to_owned(),
            help: "h".to_owned(),
        });
        for _ in 0..2 * ENDED {
            assert!(run.reads(&lost).is_empty());
        }
        let good = reading(Reading::Good);
        for _ in 1..ENDED {
            assert!(run.reads(&good).is_empty());
        }
        assert_eq!(run.reads(&good), ["-database/main/blocked/8240/7"]);
    }
}
