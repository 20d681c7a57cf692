//! The maintenance window as an alarm: the time at which the rollback stops to fit into it passes, then the
//! window is over. Both are put on record, and so is what a person says to it; nothing is locked.

use super::{Event, Mode, RunState, Timestamp, rollback_plans, schedule};

/// What the keys of these alarms begin with.
pub const WINDOW: &str = "window/";
const TURN_BACK: &str = "window/turn-back";
const OVER: &str = "window/over";

/// Alarms of the window that begin or end now.
pub(super) fn events(state: &RunState, now: Timestamp) -> Vec<Event> {
    let is_under_way =
        matches!(state.mode, Mode::Running | Mode::Held) && state.deployed_at.is_none();
    let passed = match state.window_ends.filter(|_| is_under_way) {
        Some(ends) => passed(state, ends, now),
        None => [None, None],
    };
    let mut events = Vec::new();
    for (key, passed) in [TURN_BACK, OVER].into_iter().zip(passed) {
        let key = key.to_owned();
        match (passed, state.open_alarm(&key)) {
            (Some(text), None) => events.push(Event::AlarmBegan { key, text }),
            (None, Some(_)) => events.push(Event::AlarmEnded { key }),
            _ => {}
        }
    }
    events
}

/// In words, for each of the two that has passed.
fn passed(state: &RunState, ends: Timestamp, now: Timestamp) -> [Option<String>; 2] {
    let clock = |at: Timestamp| at.format("%H:%M UTC").to_string();
    let over = (ends <= now).then(|| format!("the window is over since {}", clock(ends)));
    let plans = rollback_plans(state);
    let reckoned = schedule(state, &plans, now);
    let turn_back = || {
        let by = reckoned.turn_back.filter(|by| *by <= now)?;
        let plan = plans.first()?;
        let takes = crate::text::duration::format_s(plan.estimate_s?);
        Some(format!(
            "the turn-back time has passed at {}: the window ends {} and `{}` takes {takes}",
            clock(by),
            clock(ends),
            plan.title
        ))
    };
    [turn_back(), over]
}
