//! A command of a person's own, and the guide's corrected for this run. Neither runs by this: what runs is
//! looked at and confirmed like everything else.

use super::one;
use crate::run::{ActionId, Event, Facts, Mode, Outcome, Refusal, RunState};
use crate::runbook::{Actor, Written, only_looks, read_written};

pub(super) fn write(
    state: &RunState,
    facts: &Facts,
    code: &str,
    actor: Actor,
    on: Option<&str>,
) -> Result<Vec<Event>, Refusal> {
    is_open(state, facts)?;
    one(Event::CommandWritten {
        written: new(state, code, actor, on)?,
    })
}

/// A command that a person wrote, read.
pub(super) fn new(
    state: &RunState,
    code: &str,
    actor: Actor,
    on: Option<&str>,
) -> Result<Box<Written>, Refusal> {
    let is_known = match on {
        Some(on) => state.targets.contains_key(on),
        None => actor != Actor::Sql,
    };
    if !is_known {
        let names: Vec<&str> = state.targets.keys().map(String::as_str).collect();
        return Err(Refusal::new(
            match actor {
                Actor::Sql => "SQL runs on a target of the environment",
                _ => "the environment has no such target",
            },
            match names.is_empty() {
                true => "name one in `gonogo.toml`, for the next run".to_owned(),
                false => format!("choose one of: {}", names.join(", ")),
            },
        ));
    }
    read(code, actor, on)
}

pub(super) fn correct(
    state: &RunState,
    facts: &Facts,
    action: ActionId,
    code: &str,
) -> Result<Vec<Event>, Refusal> {
    is_open(state, facts)?;
    let step = state.step_of(action).filter(|step| {
        let mut actions = state.actions_of(step).into_iter();
        actions.any(|own| own == action)
    });
    let (Some(step), Some((now, actor))) = (step, state.code_of(action)) else {
        return Err(Refusal::new(
            "that is not a command of this run",
            "choose one that can be run",
        ));
    };
    let last = state.action(action).and_then(|own| own.last());
    match last.map(|attempt| attempt.outcome) {
        Some(None) => {
            return Err(Refusal::new("it is running", "wait, or cancel it"));
        }
        Some(Some(Outcome::Unknown)) => {
            return Err(Refusal::new(
                "the outcome of its last attempt is unknown",
                "first say whether it happened",
            ));
        }
        _ => {}
    }
    // What a rollback runs by itself is what was shown when it began.
    let in_rollback = state.runbook.is_of_rollback(&step.id);
    let is_next = || state.stuck_at().is_some_and(|(_, stuck)| stuck == action);
    if in_rollback && state.mode == Mode::Stuck && !is_next() {
        return Err(Refusal::new(
            "the rollback has begun: only the command that failed can be corrected",
            "correct that one, or restart the rollback",
        ));
    }
    if code.trim_end() == now.trim_end() {
        return Err(Refusal::new("nothing is changed", "change it, or close"));
    }
    let on = state
        .runbook
        .block(action.block)
        .and_then(|block| block.attributes.on.as_deref());
    let written = read(code, actor, on)?;
    if state.runbook.measured_by(action.block).is_some() {
        may_repeat(code, actor, &written)?;
    }
    one(Event::CommandCorrected { action, written })
}

pub(super) fn is_open(state: &RunState, facts: &Facts) -> Result<(), Refusal> {
    match state.mode {
        Mode::RolledBack | Mode::Failed => {
            return Err(Refusal::new(
                "this run is over; its record is final",
                "write a note, or open a new run",
            ));
        }
        Mode::RollingBack => {
            return Err(Refusal::new(
                "a rollback is running: what runs is what was shown",
                "wait for its end",
            ));
        }
        _ => {}
    }
    facts.bad_input.clone().map_or(Ok(()), Err)
}

fn read(code: &str, actor: Actor, on: Option<&str>) -> Result<Box<Written>, Refusal> {
    read_written(code, actor, on)
        .map(Box::new)
        .map_err(|(why, help)| Refusal::new(why, help))
}

/// What repeats by itself only looks, as far as that can be told.
pub(super) fn may_repeat(code: &str, actor: Actor, written: &Written) -> Result<(), Refusal> {
    let why = match actor {
        Actor::Sql if only_looks(code, actor) => return Ok(()),
        Actor::Sql => "a query that is asked again and again must only read",
        _ if written.block.destructive.is_empty() => return Ok(()),
        _ => "a command that is run again and again must not destroy anything",
    };
    Err(Refusal::new(why, "write one that changes nothing"))
}
