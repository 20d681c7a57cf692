//! What must be done in the world because of an event. Effects are data; the supervisor does them,
//! after the event is durable.

use super::{ActionId, Event, LockHolder, Outcome, RunState, SessionSignal, Victim};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Start the shim of this action.
    Launch { action: ActionId, attempt: u32 },
    /// Interrupt it; `urgent` shortens the grace before it is killed, because a rollback waits.
    Cancel {
        action: ActionId,
        attempt: u32,
        urgent: bool,
    },
    /// Let a held transaction go on to its `COMMIT`, or roll it back.
    Release {
        action: ActionId,
        attempt: u32,
        number: u32,
        commit: bool,
    },
    /// Cancel what the action may have left running on the server: its sessions carry its name.
    CancelLeftovers { action: ActionId },
    /// End the session of the run that holds a target, and take its lock.
    TakeTarget { target: String, from: LockHolder },
    /// Stop a session, and say what the server answered.
    SignalSession {
        target: String,
        signal: SessionSignal,
        victim: Victim,
    },
    /// Begin to watch targets and probes: the user agrees to it.
    BeginToWatch,
    /// Count what has been written so far: a backup begins.
    CountRows { action: ActionId, attempt: u32 },
    /// Take a new baseline of statement counters: a phase began.
    Baseline,
}

/// The effects of an event that has just been folded into `state`.
pub fn effects(state: &RunState, event: &Event) -> Vec<Effect> {
    match event {
        Event::ActionStarted {
            action, attempt, ..
        } => {
            let (action, attempt) = (*action, *attempt);
            let count = Effect::CountRows { action, attempt };
            let counts = state.begins_backup(action).then_some(count);
            // Counted before it begins, as far as that may be.
            counts
                .into_iter()
                .chain([Effect::Launch { action, attempt }])
                .collect()
        }
        Event::CancelRequested { action, attempt } => vec![Effect::Cancel {
            action: *action,
            attempt: *attempt,
            urgent: state.mode == super::Mode::RollingBack,
        }],
        Event::TransactionEnded {
            action,
            attempt,
            number,
            commit,
            ..
        } => vec![Effect::Release {
            action: *action,
            attempt: *attempt,
            number: *number,
            commit: *commit,
        }],
        Event::ActionFinished {
            action,
            outcome: Outcome::Cancelled | Outcome::Unknown,
            ..
        } => vec![Effect::CancelLeftovers { action: *action }],
        // Its step's sessions carry one name: those of a command beside it must not be hit.
        Event::ActionFinished {
            action,
            outcome: Outcome::Watched,
            ..
        } if is_last_of_its_step(state, *action) => {
            vec![Effect::CancelLeftovers { action: *action }]
        }
        Event::TargetTakenOver { target, from, .. } => vec![Effect::TakeTarget {
            target: target.clone(),
            from: from.clone(),
        }],
        Event::SessionSignalled {
            target,
            signal,
            victim,
        } => vec![Effect::SignalSession {
            target: target.clone(),
            signal: *signal,
            victim: victim.clone(),
        }],
        Event::ConsentGiven { .. } => vec![Effect::BeginToWatch],
        Event::PhaseEntered { .. } => vec![Effect::Baseline],
        _ => Vec::new(),
    }
}

fn is_last_of_its_step(state: &RunState, action: ActionId) -> bool {
    let sql = state
        .runbook
        .block(action.block)
        .is_some_and(|block| block.actor == crate::runbook::Actor::Sql);
    let busy = state.step_of(action).is_none_or(|step| {
        let mut running = state.running().into_iter();
        running.any(|(other, _)| step.blocks.contains(&other.block))
    });
    sql && !busy
}
