//! One run acts on a target at a time. The lock itself stands in the database; here is what follows
//! from who holds it.

use super::{given, one};
use crate::run::{Event, Facts, LockHolder, Refusal, RunState, TargetLock};

/// Refuses as long as a server has not said for the first time who holds a target.
pub(super) fn known(facts: &Facts) -> Result<(), Refusal> {
    match facts.unasked.first() {
        Some(target) => Err(Refusal::new(
            format!("it is not known yet whether another run holds `{target}`"),
            "wait a moment, until it answers or cannot be reached",
        )),
        None => Ok(()),
    }
}

/// Refuses where another run holds a target of this one.
pub(super) fn free(state: &RunState) -> Result<(), Refusal> {
    match state.held_elsewhere() {
        Some((target, holder)) => Err(Refusal::new(
            format!("`{target}` is held by {}", holder.describe()),
            "talk to them; wait until that run ends, or take over the target (`K` in the cockpit)",
        )),
        None => Ok(()),
    }
}

/// A person takes a target over. They type the name of the run that they take it from.
pub(super) fn take(
    state: &RunState,
    target: &str,
    typed: &str,
    reason: &str,
) -> Result<Vec<Event>, Refusal> {
    let Some(TargetLock::Theirs(holder)) = state.locks.get(target) else {
        return Err(Refusal::new(
            format!("no other run holds `{target}`"),
            "nothing to take over",
        ));
    };
    if typed != holder.run {
        return Err(Refusal::new(
            format!("`{typed}` is not the run that holds `{target}`"),
            format!(
                "type `{}` to take it from {}",
                holder.run,
                holder.describe()
            ),
        ));
    }
    let Some(reason) = given(Some(reason)) else {
        return Err(Refusal::new(
            "a take-over needs a reason",
            "write who agreed to it, or why nobody could be asked",
        ));
    };
    one(Event::TargetTakenOver {
        target: target.to_owned(),
        from: holder.clone(),
        reason: reason.to_owned(),
    })
}

/// The monitor tells who holds a target: an event where that is news.
pub(super) fn seen(
    state: &RunState,
    target: &str,
    holder: Option<&LockHolder>,
) -> Result<Vec<Event>, Refusal> {
    let target = target.to_owned();
    match (state.locks.get(&target), holder) {
        (Some(TargetLock::Ours { .. }), None) => Ok(Vec::new()),
        (Some(TargetLock::Theirs(known)), Some(holder)) if known == holder => Ok(Vec::new()),
        (_, None) => one(Event::TargetLocked { target }),
        (_, Some(holder)) => one(Event::TargetHeldElsewhere {
            target,
            holder: holder.clone(),
        }),
    }
}
