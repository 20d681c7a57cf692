//! Whom a statement of the run holds up while it waits for a lock: collected from readings, and told with
//! the wait when it is over.

use std::collections::BTreeMap;

use super::core::Supervisor;
use crate::executor::application_name;
use crate::monitor::ActivitySample;
use crate::run::{ActionId, CommandMark, Observation};

/// At most so many names are kept.
const MOST: usize = 100;

/// Who waits, by the target, the application of the statement that holds them up, and their pid.
#[derive(Default)]
pub(super) struct HeldUp(BTreeMap<(String, String, i32), String>);

impl HeldUp {
    pub(super) fn see(&mut self, sample: &ActivitySample) {
        if sample.lost_since().is_some() {
            return;
        }
        let sessions = sample.sessions.iter();
        let waiting: BTreeMap<i32, &str> = sessions
            .filter(|one| one.ours && !one.blocked_by.is_empty())
            .map(|one| (one.pid, one.application.as_str()))
            .collect();
        for session in sample.sessions.iter().filter(|session| !session.ours) {
            let mut blockers = session.blocked_by.iter();
            let Some(ours) = blockers.find_map(|pid| waiting.get(pid)) else {
                continue;
            };
            let key = (sample.target.clone(), (*ours).to_owned(), session.pid);
            if self.0.len() < MOST || self.0.contains_key(&key) {
                self.0
                    .insert(key, format!("{} {}", session.pid, session.who()));
            }
        }
    }

    /// Those that were seen behind it since it was asked last.
    fn take(&mut self, target: &str, application: &str) -> Vec<String> {
        let is_it =
            |(on, by, _): &(String, String, i32), _: &mut String| on == target && by == application;
        self.0.extract_if(.., is_it).map(|(_, name)| name).collect()
    }
}

/// Whose names are taken when this is observed, and whether they are told.
fn taken(observation: &Observation) -> Option<(ActionId, bool)> {
    match observation {
        Observation::Progress { action, marks, .. } => {
            let waited = |mark: &CommandMark| matches!(mark, CommandMark::Waited(..));
            let began = |mark: &CommandMark| matches!(mark, CommandMark::Began(_));
            let waited = marks.iter().any(waited);
            (waited || marks.iter().any(began)).then_some((*action, waited))
        }
        Observation::Launched { action, .. } | Observation::Finished { action, .. } => {
            Some((*action, false))
        }
        _ => None,
    }
}

impl Supervisor {
    /// Whom the wait held up that this tells of. What was seen before a command began, or before an end,
    /// belongs to no later wait.
    pub(super) fn held_up_by(&mut self, observation: &Observation) -> Vec<String> {
        let Some((action, is_told)) = taken(observation) else {
            return Vec::new();
        };
        let Some(step) = self.state.step_of(action) else {
            return Vec::new();
        };
        let application = application_name(&self.state.run, &step.id);
        let mut seen = self.held_up.take(&self.target_of(action), &application);
        seen.retain(|_| is_told);
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::{Reading, Session, SessionCounts};
    use crate::run::{BatchMark, CommandRun, LockWait};

    fn session(pid: i32, application: &str, blocked_by: &[i32]) -> Session {
        Session {
            pid,
            application: application.to_owned(),
            ours: application.starts_with("gonogo:"),
            blocked_by: blocked_by.to_vec(),
            ..Session::default()
        }
    }

    #[test]
    fn who_is_held_up_is_told_of_the_step_and_the_target_that_held_them_up() {
        let mut seen = HeldUp::default();
        for target in ["main", "other"] {
            seen.see(&ActivitySample {
                target: target.to_owned(),
                at: chrono::Utc::now(),
                state: Reading::Good,
                identity: None,
                counts: SessionCounts::default(),
                cost_us: 0,
                interval_ms: 0,
                sessions: vec![
                    session(1, "reader", &[]),
                    session(2, "gonogo:r:one", &[1]),
                    session(3, "shop", &[2]),
                    session(4, "gonogo:r:two", &[1]),
                    session(5, "app", &[4]),
                ],
            });
        }
        assert_eq!(seen.take("main", "gonogo:r:one"), ["3 shop"]);
        assert!(seen.take("main", "gonogo:r:one").is_empty());
        assert_eq!(seen.take("main", "gonogo:r:two"), ["5 app"]);
        assert_eq!(seen.take("other", "gonogo:r:one"), ["3 shop"]);
    }

    #[test]
    fn what_was_seen_before_a_command_or_an_end_belongs_to_no_later_wait() {
        let action = ActionId::block(1);
        let progress = |marks| Observation::Progress {
            action,
            attempt: 1,
            marks,
        };
        let began = CommandMark::Began(CommandRun {
            index: 1,
            began: chrono::Utc::now(),
            lines_before: 0,
            done: None,
            waits: Vec::new(),
            batch: None,
        });
        let batch = CommandMark::Batched(0, BatchMark::default());
        let waited = CommandMark::Waited(
            0,
            LockWait {
                at: chrono::Utc::now(),
                number: 1,
                waited_ms: 5000,
                pause_s: None,
                held_up: Vec::new(),
            },
        );
        let finished = Observation::Finished {
            action,
            attempt: 1,
            evidence: None,
            reason: None,
        };
        assert_eq!(taken(&progress(vec![batch])), None, "it goes on");
        assert_eq!(taken(&progress(vec![began])), Some((action, false)));
        assert_eq!(taken(&progress(vec![waited])), Some((action, true)));
        assert_eq!(taken(&finished), Some((action, false)));
    }
}
