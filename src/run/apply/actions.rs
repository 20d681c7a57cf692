//! What is to run, and the attempts to run it.

use super::{attempt_mut, unstick};
use crate::run::{Attempt, Event, Mode, Record, RunState, Subject, pairing};

pub(super) fn apply(state: &mut RunState, record: &Record) {
    let at = record.at;
    match &record.event {
        Event::Armed { action, hash } => {
            state.provenance.guide_is_new = false;
            state.actions.entry(*action).or_default().armed = Some(hash.clone());
        }
        Event::CommandToggled { action, index, on } => {
            let known = state.actions.entry(*action).or_default();
            known.switched.insert(*index, *on);
        }
        Event::LockTimeoutToggled { action, on } => {
            state.actions.entry(*action).or_default().lock_timeout = Some(*on);
        }
        Event::ArmingRemembered { action, armed } => {
            state.armed_before.insert(*action, armed.clone());
        }
        Event::ActionStarted {
            action,
            attempt,
            command,
            target,
            commands,
            from,
            reason,
            guards,
            ..
        } => {
            let belongs_to_rollback = state.is_of_the_rollback(*action);
            if state.mode == Mode::Held {
                state.mode = Mode::Running;
            }
            state.provenance.guide_is_new = false;
            let subject = Subject::Start {
                action: *action,
                from: *from,
            };
            let asked_by = pairing::happens(state, &subject);
            state
                .actions
                .entry(*action)
                .or_default()
                .attempts
                .push(Attempt {
                    number: *attempt,
                    by: asked_by.unwrap_or_else(|| record.by.clone()),
                    started_at: at,
                    ended_at: None,
                    command: command.clone(),
                    target: target.clone(),
                    launched: None,
                    transaction: None,
                    cancel_requested_at: None,
                    outcome: None,
                    evidence: None,
                    judgements: Vec::new(),
                    reason: None,
                    holds: Vec::new(),
                    keyboard: Vec::new(),
                    round: 0,
                    rounds: Vec::new(),
                    planned: commands.clone(),
                    guards: guards.clone(),
                    commands: Vec::new(),
                    flag: None,
                    from: *from,
                    asked: reason.clone(),
                });
            if belongs_to_rollback {
                unstick(state);
            }
        }
        Event::ActionResolved {
            action,
            attempt,
            outcome,
            reason,
        } => {
            if let Some(attempt) = attempt_mut(state, *action, *attempt) {
                attempt.ended_at = attempt.ended_at.or(Some(at));
                attempt.resolve(*outcome, at);
                attempt.reason = Some(format!("{}: {reason}", record.by));
            }
            if state.is_of_the_rollback(*action) {
                unstick(state);
            }
        }
        _ => {}
    }
}
