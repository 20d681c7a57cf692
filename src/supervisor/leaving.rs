//! When a run needs no process any more: it is over, or it waits for somebody who is not here.

use std::time::Duration;

use chrono::TimeDelta;

use super::core::Supervisor;
use crate::run::Mode;

/// How long a run that nobody looks at keeps its process, where the environment does not say.
const PARK_AFTER: Duration = Duration::from_secs(30 * 60);
/// Who walked a run without a person has left, and nobody waits for it.
const WALK_IS_OVER: Duration = Duration::from_millis(700);
/// Whoever starts a supervisor joins it within this time.
const FIRST_VISIT: Duration = Duration::from_secs(10);
/// A run that has ended is looked at a moment longer.
const ENDED: Duration = Duration::from_secs(5);
/// A run that waits longer than this is parked as soon as nobody looks at it.
const LONG_WAIT: TimeDelta = TimeDelta::hours(1);

impl Supervisor {
    /// A finished run needs no process, once nobody looks at it.
    pub(super) fn is_over(&self) -> bool {
        let after = match self.state.unattended && self.visited {
            true => WALK_IS_OVER,
            false => ENDED,
        };
        let all_is_kept = self.unsaved.is_empty();
        self.is_ended()
            && self.has_rested(self.wrote_at, after)
            && all_is_kept
            && self.people.is_empty()
            && self.slots.is_empty()
    }

    /// A run that waits for a person, perhaps for days, needs no process either: the next who attaches
    /// starts one.
    pub(super) fn is_parked(&self) -> bool {
        let last = self.wrote_at.max(self.looked_at);
        // A watch goes on in its shim; what it saw meanwhile is heard by the next supervisor.
        let mut slots = self.slots.keys();
        let rests = slots.all(|(action, _)| self.state.is_watch(*action))
            && self.state.mode != Mode::RollingBack;
        // What was deployed is watched, whoever looks.
        self.has_rested(last, self.keeps_for())
            && self.state.soaking().is_empty()
            && rests
            && self.unsaved.is_empty()
            && self.people.is_empty()
    }

    /// How long this run keeps its process, its connections and its locks when nobody looks at it: shortly
    /// where nothing can be done for long.
    fn keeps_for(&self) -> Duration {
        let configured = self.state.config.park_after_s.map(Duration::from_secs);
        match (configured, self.state.unattended) {
            (Some(configured), _) => configured,
            (None, false) if self.waits_long() => ENDED,
            (None, false) => PARK_AFTER,
            (None, true) if self.visited => WALK_IS_OVER,
            (None, true) => FIRST_VISIT,
        }
    }

    fn waits_long(&self) -> bool {
        let now = self.clock.now();
        let pause = self.state.pause(now);
        pause.is_some_and(|pause| pause.until - now > LONG_WAIT)
    }

    fn has_rested(&self, since: Duration, wanted: Duration) -> bool {
        self.clock.up().saturating_sub(since) > wanted
    }

    pub(super) fn is_ended(&self) -> bool {
        self.state.mode == Mode::Done || self.state.mode.is_over()
    }
}
