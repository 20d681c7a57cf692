//! Whom a statement of the run holds up while it waits for a lock: collected from readings, and told with
//! the wait when it is over.

use std::collections::BTreeMap;

use crate::monitor::ActivitySample;

/// More are counted by nobody: a name each is kept of so many.
const MOST: usize = 100;

/// By target and pid.
#[derive(Default)]
pub(super) struct HeldUp(BTreeMap<(String, i32), String>);

impl HeldUp {
    pub(super) fn see(&mut self, sample: &ActivitySample) {
        if sample.lost_since().is_some() {
            return;
        }
        let waits_itself = |pid: &i32| {
            let mut sessions = sample.sessions.iter();
            sessions.any(|one| one.pid == *pid && one.ours && !one.blocked_by.is_empty())
        };
        for session in sample.sessions.iter().filter(|session| !session.ours) {
            let key = (sample.target.clone(), session.pid);
            let has_room = self.0.len() < MOST || self.0.contains_key(&key);
            if has_room && session.blocked_by.iter().any(waits_itself) {
                self.0
                    .insert(key, format!("{} {}", session.pid, session.who()));
            }
        }
    }

    /// Those that were seen since it was asked last.
    pub(super) fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.0).into_values().collect()
    }
}
