//! Time as the run sees it: an argument, never a clock.

use chrono::{DateTime, Utc};

/// Wall-clock time in UTC.
pub type Timestamp = DateTime<Utc>;

/// The run against its maintenance window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Seconds since the run was opened.
    pub elapsed_s: u64,
    /// Seconds that the remaining phases are estimated to take, at least and at most.
    pub remaining_s: (u64, u64),
    pub window_ends: Option<Timestamp>,
    /// The last minute at which the recommended rollback still fits the window.
    pub turn_back: Option<Timestamp>,
    /// Seconds of the recommended rollback, by estimate.
    pub rollback_s: Option<u64>,
}

/// Reckons the run against its window; `plans` are its rollbacks as they would run now.
pub fn schedule(
    state: &super::RunState,
    plans: &[super::RollbackPlan],
    now: Timestamp,
) -> Schedule {
    let rollback_s = plans.first().and_then(|plan| plan.estimate_s);
    let mut remaining_s = (0, 0);
    for phase in state.runbook.walk() {
        let decided = state
            .phases
            .get(&phase.id)
            .is_some_and(|phase| phase.is_passed());
        if let (false, false, Some(estimate)) = (decided, phase.optional, phase.estimate) {
            remaining_s.0 += estimate.min_s;
            remaining_s.1 += estimate.max_s;
        }
    }
    // A rollback that takes nobody knows how long is in time by nobody's reckoning.
    let turn_back = state.window_ends.zip(rollback_s).map(|(ends, seconds)| {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        ends - chrono::TimeDelta::try_seconds(seconds).unwrap_or_default()
    });
    Schedule {
        elapsed_s: u64::try_from((now - state.opened_at).num_seconds()).unwrap_or(0),
        remaining_s,
        window_ends: state.window_ends,
        turn_back,
        rollback_s,
    }
}
