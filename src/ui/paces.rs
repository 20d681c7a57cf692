//! How fast long commands get on, by the readings of their progress.

use std::collections::HashMap;

use crate::monitor::ActivitySample;
use crate::run::Timestamp;

/// Where each session stood when its phase was seen first.
#[derive(Clone, Debug, Default)]
pub struct Paces(HashMap<(String, i32), Pace>);

#[derive(Clone, Debug)]
struct Pace {
    phase: String,
    since: Timestamp,
    from: i64,
    at: Timestamp,
    now: i64,
}

impl Paces {
    pub fn follow(&mut self, sample: &ActivitySample) {
        let at_work = |pid: i32| {
            let mut sessions = sample.sessions.iter();
            sessions.any(|session| session.pid == pid && session.progress.is_some())
        };
        self.0
            .retain(|(target, pid), _| *target != sample.target || at_work(*pid));
        for session in &sample.sessions {
            let Some(progress) = &session.progress else {
                continue;
            };
            let began = Pace {
                phase: progress.phase.clone(),
                since: sample.at,
                from: progress.done,
                at: sample.at,
                now: progress.done,
            };
            let pace = self
                .0
                .entry((sample.target.clone(), session.pid))
                .or_insert_with(|| began.clone());
            if pace.phase != progress.phase || progress.done < pace.now {
                *pace = began;
            }
            (pace.at, pace.now) = (sample.at, progress.done);
        }
    }

    /// Units a second in the phase at hand, once something was done in it.
    pub fn rate(&self, target: &str, pid: i32) -> Option<f64> {
        let pace = self.0.get(&(target.to_owned(), pid))?;
        let seconds = (pace.at - pace.since).num_milliseconds() as f64 / 1_000.0;
        let done = (pace.now - pace.from) as f64;
        (seconds > 0.0 && done > 0.0).then(|| done / seconds)
    }
}
