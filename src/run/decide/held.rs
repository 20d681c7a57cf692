//! Decisions about an action that waits for a person in its middle: a transaction held before its
//! `COMMIT`, and a step that asks for keys.

use super::finish::judgements;
use super::{one, typed_word};
use crate::run::{
    ActionId, Attempt, Event, Evidence, Mode, Readings, Refusal, RunState, Timestamp, preview,
};
use crate::runbook::Actor;

/// The shim says that everything before a `COMMIT` is done.
#[derive(Clone, Copy)]
pub(super) struct Reached<'a> {
    pub action: ActionId,
    pub attempt: u32,
    pub number: u32,
    pub line: usize,
    pub since: Timestamp,
    pub evidence: Option<&'a Evidence>,
}

pub(super) fn held(
    state: &RunState,
    readings: &Readings,
    reached: Reached<'_>,
) -> Result<Vec<Event>, Refusal> {
    let attempt = running(state, reached.action)?;
    let known = attempt
        .holds
        .iter()
        .any(|hold| hold.number >= reached.number);
    // It is told again whenever a supervisor begins to follow the action.
    if attempt.number != reached.attempt || known {
        return Ok(Vec::new());
    }
    one(Event::TransactionHeld {
        action: reached.action,
        attempt: reached.attempt,
        number: reached.number,
        line: reached.line,
        since: reached.since,
        judgements: reached
            .evidence
            .map(|evidence| judgements(state, readings, reached.action, evidence))
            .unwrap_or_default(),
    })
}

/// A person (or a rehearsal, by the expectations) decides about a held transaction.
pub(super) fn end_transaction(
    state: &RunState,
    action: ActionId,
    number: u32,
    commit: bool,
    typed: Option<&str>,
    reason: Option<&str>,
) -> Result<Vec<Event>, Refusal> {
    let attempt = running(state, action)?;
    let hold = attempt
        .held()
        .filter(|_| attempt.number == number)
        .ok_or_else(|| Refusal::new("no transaction is held there", "check its output"))?;
    if commit {
        if attempt.cancel_requested_at.is_some() {
            return Err(Refusal::new(
                "it is being cancelled, and its transaction rolled back",
                "wait for its end",
            ));
        }
        if state.mode != Mode::RollingBack {
            super::lock::free(state)?;
        }
        if let (Some(words), None) = (state.moved_words().first(), super::given(reason)) {
            return Err(Refusal::new(
                format!("{words}; this transaction is open on the one that was confirmed"),
                "commit it with a reason, or roll it back",
            ));
        }
        typed_word(state.commit_word(action).as_deref(), typed)?;
    }
    one(Event::TransactionEnded {
        action,
        attempt: number,
        number: hold.number,
        commit,
        reason: super::given(reason).map(str::to_owned),
    })
}

pub(super) fn give_keyboard(
    state: &RunState,
    by: &str,
    action: ActionId,
) -> Result<Vec<Event>, Refusal> {
    let attempt = running(state, action)?;
    match attempt.keyboard() {
        // From a terminal that has joined again: it is no other person's.
        Some(known) if known == by => return Ok(Vec::new()),
        Some(_) => {
            return Err(Refusal::new(
                "it already has the keyboard",
                "take it back first",
            ));
        }
        None => {}
    }
    let shell = preview(state, action).is_ok_and(|shown| shown.actor == Actor::Shell);
    if !shell {
        return Err(Refusal::new(
            "only a shell step takes typing",
            "cancel it if it waits for something",
        ));
    }
    one(Event::KeyboardGiven {
        action,
        attempt: attempt.number,
    })
}

pub(super) fn return_keyboard(state: &RunState, action: ActionId) -> Result<Vec<Event>, Refusal> {
    let attempt = running(state, action)?;
    if attempt.keyboard().is_none() {
        return Err(Refusal::new(
            "it does not have the keyboard",
            "nothing to take back",
        ));
    }
    one(Event::KeyboardReturned {
        action,
        attempt: attempt.number,
    })
}

fn running(state: &RunState, action: ActionId) -> Result<&Attempt, Refusal> {
    state
        .action(action)
        .and_then(|action| action.last())
        .filter(|attempt| attempt.outcome.is_none())
        .ok_or_else(|| Refusal::new("it is not running", "look at how it ended"))
}
