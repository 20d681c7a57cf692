//! A person stops sessions of a target that are not an action's. The server compares once more that it is
//! the session they saw.

use super::one;
use crate::run::{Event, Refusal, RunState, SessionSignal, Victim};

pub(super) fn signal(
    state: &RunState,
    target: &str,
    signal: SessionSignal,
    victim: &Victim,
) -> Result<Vec<Event>, Refusal> {
    if state.mode.is_over() {
        return Err(Refusal::new(
            "this run is over: it no longer stops sessions",
            "open a new run, or use psql",
        ));
    }
    if !state.targets.contains_key(target) {
        return Err(Refusal::new(
            format!("`{target}` is not a target of this run"),
            "choose a session of a target",
        ));
    }
    if victim.ours {
        return Err(Refusal::new(
            "that session is of this run",
            "cancel the step that it belongs to",
        ));
    }
    if let Some(moved) = state.moved.get(target) {
        return Err(Refusal::new(
            format!("`{target}` leads to {} now", moved.to.describe()),
            "compare both first: `K`",
        ));
    }
    one(Event::SessionSignalled {
        target: target.to_owned(),
        signal,
        victim: victim.clone(),
    })
}
