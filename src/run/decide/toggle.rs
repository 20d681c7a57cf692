//! Commands of an action switched on and off, and the lock_timeout around them.

use super::one;
use super::rollback;
use crate::run::{ActionId, Event, Refusal, RunState};

/// A command of an action is switched on or off.
pub(super) fn toggle(
    state: &RunState,
    action: ActionId,
    index: usize,
    on: bool,
) -> Result<Vec<Event>, Refusal> {
    let listed = crate::run::preview::listed_of(state, action)?;
    let Some(command) = listed.iter().find(|command| command.index == index) else {
        return Err(Refusal::new(
            "it has no such command",
            "check what would run",
        ));
    };
    if command.on == on {
        return Ok(Vec::new());
    }
    if state
        .action(action)
        .is_some_and(crate::run::ActionState::is_running)
    {
        return Err(Refusal::new("it is running", "wait, or cancel it"));
    }
    rollback::stays_as_shown(state, action)?;
    one(Event::CommandToggled { action, index, on })
}

/// A `lock_timeout` is put around its commands, or no more.
pub(super) fn toggle_lock_timeout(
    state: &RunState,
    action: ActionId,
    on: bool,
) -> Result<Vec<Event>, Refusal> {
    let put = crate::run::preview_ahead(state, action)?.lock_timeout;
    let Some(put) = put.filter(crate::run::LockTimeout::is_offered) else {
        return Err(Refusal::new(
            "no lock_timeout is put around its commands",
            "check what would run",
        ));
    };
    if put.on == on {
        return Ok(Vec::new());
    }
    let known = state.action(action);
    if known.is_some_and(crate::run::ActionState::is_running) {
        return Err(Refusal::new("it is running", "wait, or cancel it"));
    }
    one(Event::LockTimeoutToggled { action, on })
}
