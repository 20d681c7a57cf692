//! What the world shows becomes events. It is never refused for who says it; what does not fit the state
//! any more changes nothing, or is refused and logged.

use super::finish::finished;
use super::held::{Reached, held};
use super::watch::{alerted, sampled};
use super::{alarm, identity, lock, one};
use crate::run::{
    ActionId, CommandMark, Event, Facts, GuideOnDisk, LockWait, Observation, PairingFact, Refusal,
    RunState, Timestamp,
};

/// The events of one observation, by the state and what was looked up for it.
///
/// # Errors
/// What it is about is unknown, or over already; the run is unchanged.
pub fn observe(
    state: &RunState,
    facts: &Facts,
    observation: &Observation,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    let readings = &facts.readings;
    match observation {
        Observation::GuideSeen { state: seen } => Ok(guide_seen(state, seen)),
        Observation::RowsCounted(counted) => one(Event::RowsCounted(counted.clone())),
        Observation::Alerted {
            action,
            attempt,
            pattern,
            line,
            text,
            count,
        } => alerted(state, (*action, *attempt), pattern, (*line, text), *count),
        Observation::Sampled {
            action,
            attempt,
            round,
            evidence,
        } => sampled(state, readings, (*action, *attempt), *round, evidence, now),
        Observation::TransactionSeen {
            action,
            attempt,
            transaction,
        } => Ok(transaction_seen(state, *action, *attempt, *transaction)),
        Observation::Alarm { key, text } => Ok(alarm::told(state, key, text.as_deref())),
        Observation::SessionAnswered {
            target,
            signal,
            victim,
            answer,
        } => one(Event::SessionAnswered {
            target: target.clone(),
            signal: *signal,
            victim: victim.clone(),
            answer: answer.clone(),
        }),
        Observation::LockSeen { target, holder } => lock::seen(state, target, holder.as_ref()),
        Observation::Launched {
            action,
            attempt,
            launched,
        } => one(Event::ActionLaunched {
            action: *action,
            attempt: *attempt,
            launched: launched.clone(),
        }),
        Observation::Progress {
            action,
            attempt,
            marks,
        } => Ok(progress(state, facts, *action, *attempt, marks)),
        Observation::Held {
            action,
            attempt,
            number,
            line,
            since,
            evidence,
        } => held(
            state,
            readings,
            Reached {
                action: *action,
                attempt: *attempt,
                number: *number,
                line: *line,
                since: *since,
                evidence: evidence.as_deref(),
            },
        ),
        Observation::Finished {
            action,
            attempt,
            evidence,
            reason,
        } => finished(
            state,
            readings,
            *action,
            *attempt,
            evidence.as_deref(),
            reason.as_deref(),
        ),
        Observation::Identified {
            target,
            identity,
            alive_until,
        } => identity::seen(state, target, identity, *alive_until),
        Observation::DriverLeft { .. }
        | Observation::DriverReturned
        | Observation::WatcherLeft { .. }
        | Observation::GuestJoined { .. } => Ok(people(state, observation)),
    }
}

/// What is new of the commands of an attempt that runs.
fn progress(
    state: &RunState,
    facts: &Facts,
    action: ActionId,
    attempt: u32,
    marks: &[CommandMark],
) -> Vec<Event> {
    let known = state
        .action(action)
        .and_then(|state| state.last())
        .filter(|known| known.number == attempt && known.outcome.is_none());
    let Some(known) = known else {
        return Vec::new();
    };
    let mut runs = known.commands.clone();
    let mut events = Vec::new();
    for mark in marks {
        let is_known = matches!(mark, CommandMark::Flag(_)) && known.flag.is_some();
        if is_known || !mark.is_news(&runs) {
            continue;
        }
        mark.clone().add_to(&mut runs);
        events.push(match mark.clone() {
            CommandMark::Began(run) => Event::CommandBegan {
                action,
                attempt,
                run,
            },
            CommandMark::Ended(command, done) => Event::CommandEnded {
                action,
                attempt,
                command,
                done,
            },
            CommandMark::Batched(command, batch) => Event::BatchDone {
                action,
                attempt,
                command,
                batch,
            },
            CommandMark::Flag(flag) => Event::FlagRead {
                action,
                attempt,
                flag,
            },
            CommandMark::Waited(command, wait) => Event::LockWaited {
                action,
                attempt,
                command,
                wait: LockWait {
                    held_up: facts.held_up.clone(),
                    ..wait
                },
            },
        });
    }
    events
}

fn transaction_seen(
    state: &RunState,
    action: ActionId,
    attempt: u32,
    transaction: i64,
) -> Vec<Event> {
    let known = state.action(action).and_then(|state| state.last());
    let is_news = known.is_some_and(|known| {
        known.number == attempt && known.outcome.is_none() && known.transaction != Some(transaction)
    });
    Vec::from_iter(is_news.then_some(Event::TransactionSeen {
        action,
        attempt,
        transaction,
    }))
}

fn guide_seen(state: &RunState, seen: &GuideOnDisk) -> Vec<Event> {
    let known = state.guide_on_disk.as_ref().map(|known| &known.state);
    let is_news = known.unwrap_or(&GuideOnDisk::Same) != seen;
    Vec::from_iter(is_news.then(|| Event::GuideSeen {
        state: seen.clone(),
    }))
}

/// Who has come and who has gone, where it is news.
fn people(state: &RunState, observation: &Observation) -> Vec<Event> {
    let pairing = &state.pairing;
    let fact = match observation {
        Observation::DriverLeft { since } if pairing.driver_left.is_none() => {
            PairingFact::DriverLeft { since: *since }
        }
        Observation::DriverReturned if pairing.driver_left.is_some() => {
            PairingFact::DriverReturned {}
        }
        Observation::WatcherLeft { name } if pairing.hands.contains_key(name) => {
            PairingFact::HandLowered {
                whom: name.clone(),
                left: true,
            }
        }
        Observation::GuestJoined { name, uid } if pairing.guests.get(name) != Some(uid) => {
            PairingFact::GuestJoined {
                name: name.clone(),
                uid: *uid,
            }
        }
        _ => return Vec::new(),
    };
    vec![Event::Pairing { fact }]
}
