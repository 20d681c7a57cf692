//! A command meets the state and becomes events, or a refusal that says what to do instead. The
//! whole of what a person may do stands here; nothing else changes a run.

pub(super) mod control;
mod finish;
mod gate;
mod held;
mod identity;
mod lock;
mod rollback;
mod second;
mod start;
mod step;
mod watch;
mod written;

use super::facts::Differs;
use super::{
    ActionId, Command, Event, Facts, GuideOnDisk, Outcome, PairingAct, Refusal, RunState, Timestamp,
};
use super::{Mode, consent, preview, preview_from};

pub(super) use start::started;

use finish::finished;
use gate::{gate, judge_by_person};
use held::{Reached, end_transaction, give_keyboard, held, return_keyboard};
use rollback::rollback;
use start::{Asked, start};
use step::{choose, find_step, skip, tick};
use watch::{acknowledge, alerted, sampled};

/// Decides one command by the state and what was looked up for it. `by` is who asks; commands from the
/// world come from [`super::ENGINE`].
///
/// # Errors
/// A refusal, with the next thing to do; the run is unchanged.
pub fn decide(
    state: &RunState,
    facts: &Facts,
    by: &str,
    command: &Command,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    let readings = &facts.readings;
    let drives = by == state.driver || by == super::ENGINE;
    let goes_back = matches!(command, Command::Rollback { .. })
        && state.pairing.goes_back.as_deref() == Some(by);
    if !drives && !goes_back {
        if !control::is_for_watchers(command) {
            return Err(control::watching(state));
        }
        control::within_bounds(state, by, command, now)?;
    }
    let of_the_walk = matches!(
        command,
        Command::Tick { .. }
            | Command::Untick { .. }
            | Command::Choose { .. }
            | Command::Expect { .. }
            | Command::Skip { .. }
            | Command::Unskip { .. }
            | Command::Judge { .. }
            | Command::SetInput { .. }
            | Command::ClearInput { .. }
            | Command::UndoInput {}
    );
    let of_rollback = matches!(
        command,
        Command::Judge { phase, .. } if gate::is_of_rollback(state, phase)
    );
    if of_the_walk && !of_rollback && matches!(state.mode, Mode::RolledBack | Mode::Failed) {
        return Err(Refusal::new(
            "this run is over; what it says is kept as it is",
            "write a note, or open a new run",
        ));
    }
    if let Some(refusal) = consent::waits(state, command) {
        return Err(refusal);
    }
    match command {
        Command::Consent { digest } => consent::consent(state, by, digest),
        Command::Tick {
            step,
            index,
            value,
            note,
        } => tick(state, step, *index, value.as_deref(), note.as_deref()),
        Command::Untick { step, index } => {
            find_step(state, step)?;
            let ticked = state
                .steps
                .get(step)
                .is_some_and(|step| step.ticks.contains_key(index));
            if !ticked {
                return Err(Refusal::new("that box is not ticked", "nothing to undo"));
            }
            one(Event::Unticked {
                step: step.clone(),
                index: *index,
            })
        }
        Command::SetInput { name, input } => {
            let events = super::inputs::set(state, name, input)?;
            match &facts.bad_input {
                Some(refusal) => Err(refusal.clone()),
                None => Ok(events),
            }
        }
        Command::ClearInput { name } => super::inputs::clear(state, name),
        Command::UndoInput {} => super::inputs::undo(state),
        Command::GuideSeen { state: seen } => {
            let known = state.guide_on_disk.as_ref().map(|known| &known.state);
            if known.unwrap_or(&GuideOnDisk::Same) == seen {
                return Ok(Vec::new());
            }
            one(Event::GuideSeen {
                state: seen.clone(),
            })
        }
        Command::Choose { group, name } => choose(state, group, name),
        Command::Write { code, actor, on } => {
            written::write(state, facts, code, *actor, on.as_deref())
        }
        Command::Correct { action, code } => written::correct(state, facts, *action, code),
        Command::Expect { action, line, cel } => {
            step::expect(state, *action, *line, cel.as_deref())
        }
        Command::Arm { action, hash } => {
            let step = state.step_of(*action);
            // A rollback waits for nobody; its retry asks for the word instead.
            if step.is_none_or(|step| state.runbook.phase_of(&step.id).is_some()) {
                identity::settled(state)?;
            }
            let shown = preview(state, *action)?;
            // Of one that stopped its rest is shown.
            let resume = state.resume(*action);
            let from = resume
                .iter()
                .flat_map(|resume| [Some(resume.again), resume.next]);
            let mut rests = from.flatten();
            let is_rest = rests.any(|from| {
                preview_from(state, *action, Some(from)).is_ok_and(|rest| rest.hash == *hash)
            });
            if !is_rest {
                same(&shown.hash, hash)?;
            }
            one(Event::Armed {
                action: *action,
                hash: shown.content,
            })
        }
        Command::ToggleCommand { action, index, on } => toggle(state, *action, *index, *on),
        Command::Start {
            action,
            hash,
            typed,
            reason,
            included,
            from,
        } => start(
            state,
            facts,
            Asked {
                action: *action,
                from: *from,
                hash,
                typed: typed.as_deref(),
                reason: reason.as_deref(),
                included: included.as_deref(),
            },
            now,
        )
        .and_then(|events| second::or_ask(state, by, command, events)),
        Command::Cancel { action } => match state.action(*action).and_then(|a| a.last()) {
            Some(attempt) if attempt.outcome.is_none() => one(Event::CancelRequested {
                action: *action,
                attempt: attempt.number,
            }),
            _ => Err(Refusal::new("it is not running", "nothing to cancel")),
        },
        Command::EndTransaction {
            action,
            attempt,
            commit,
            typed,
            reason,
        } => end_transaction(
            state,
            *action,
            *attempt,
            *commit,
            typed.as_deref(),
            reason.as_deref(),
        ),
        Command::GiveKeyboard { action } => give_keyboard(state, by, *action),
        Command::ReturnKeyboard { action } => return_keyboard(state, *action),
        Command::Skip {
            step,
            reason,
            action,
        } => skip(state, step, reason, *action),
        Command::Unskip { step, action } => {
            let skipped = state.steps.get(step).is_some_and(|step| match action {
                Some(action) => step.left_out.contains_key(action),
                None => step.skipped.is_some(),
            });
            if !skipped {
                return Err(Refusal::new("that step is not skipped", "nothing to undo"));
            }
            one(Event::StepUnskipped {
                step: step.clone(),
                action: *action,
            })
        }
        Command::Judge {
            phase,
            line,
            holds,
            note,
        } => judge_by_person(state, phase, *line, *holds, note.as_deref()),
        Command::Gate {
            phase,
            decision,
            reason,
        } => gate(state, phase, *decision, reason.as_deref())
            .and_then(|events| second::or_ask(state, by, command, events)),
        Command::Rollback {
            option,
            hash,
            typed,
            reason,
            included,
        } => rollback(
            state,
            facts,
            option,
            hash,
            typed.as_deref(),
            reason.as_deref(),
            included.as_ref(),
        )
        .map(|mut events| {
            // Whoever demanded it drives from here on.
            let driver = by.to_owned();
            events.extend(goes_back.then_some(Event::DriverChanged { driver }));
            events
        }),
        Command::Resolve {
            action,
            outcome,
            reason,
        } => match state.action(*action).and_then(|a| a.last()) {
            Some(attempt)
                if matches!(
                    attempt.outcome,
                    Some(Outcome::Unknown | Outcome::Inconclusive)
                ) =>
            {
                one(Event::ActionResolved {
                    action: *action,
                    attempt: attempt.number,
                    outcome: *outcome,
                    reason: reason.clone(),
                })
            }
            _ => Err(Refusal::new("its outcome is known", "nothing to resolve")),
        },
        Command::Acknowledge { alert, note } => acknowledge(state, *alert, note),
        Command::Alerted {
            action,
            attempt,
            pattern,
            line,
            text,
            count,
        } => alerted(state, (*action, *attempt), pattern, (*line, text), *count),
        Command::Sampled {
            action,
            attempt,
            round,
            evidence,
        } => sampled(state, readings, (*action, *attempt), *round, evidence, now),
        Command::Note { text, step } => {
            if text.trim().is_empty() {
                return Err(Refusal::new("the note is empty", "write what you saw"));
            }
            one(Event::NoteWritten {
                text: text.clone(),
                step: step.clone(),
            })
        }
        Command::TakeControl {} => control::take(state, by, now),
        Command::Pairing { act } => match act {
            PairingAct::Approve {
                hash,
                included,
                assumed,
            } => second::approve(state, facts, by, hash, included.as_deref(), *assumed, now),
            PairingAct::Object { reason } => second::object(state, reason),
            act => control::between_people(state, by, act, now),
        },
        Command::TakeTarget {
            target,
            typed,
            reason,
        } => lock::take(state, target, typed, reason),
        Command::TransactionSeen {
            action,
            attempt,
            transaction,
        } => {
            let known = state.action(*action).and_then(|state| state.last());
            let is_news = known.is_some_and(|known| {
                known.number == *attempt
                    && known.outcome.is_none()
                    && known.transaction != Some(*transaction)
            });
            Ok(Vec::from_iter(is_news.then_some(Event::TransactionSeen {
                action: *action,
                attempt: *attempt,
                transaction: *transaction,
            })))
        }
        Command::LockSeen { target, holder } => lock::seen(state, target, holder.as_ref()),
        Command::AcceptTarget {
            target,
            seen,
            typed,
            reason,
        } => identity::accept(state, target, seen, typed.as_deref(), reason),
        Command::Resume {} => match state.mode {
            Mode::Held => {
                identity::settled(state)?;
                one(Event::RunResumed {})
            }
            _ => Err(Refusal::new("the run is not held", "nothing to resume")),
        },
        Command::Abandon { .. } if state.mode.is_over() => Err(Refusal::new(
            "this run is over already",
            "nothing to give up",
        )),
        Command::Abandon { reason } => {
            if !state.busy().is_empty() || state.mode == Mode::RollingBack {
                return Err(Refusal::new(
                    "something is running",
                    "cancel it first, or let it end",
                ));
            }
            let mut events = vec![Event::RunAbandoned {
                reason: reason.clone(),
            }];
            events.extend(state.end_watches(|_| true));
            Ok(events)
        }
        Command::Launched {
            action,
            attempt,
            launched,
        } => one(Event::ActionLaunched {
            action: *action,
            attempt: *attempt,
            launched: launched.clone(),
        }),
        Command::Progress {
            action,
            attempt,
            marks,
        } => Ok(progress(state, *action, *attempt, marks)),
        Command::Held {
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
        Command::Finished {
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
        Command::Identified {
            target,
            identity,
            alive_until,
        } => identity::seen(state, target, identity, *alive_until),
    }
}

/// A confirmation is bound to what was shown, down to the files that a command includes and calls.
fn same_files(facts: &Facts, action: ActionId, shown: &str, looked: &str) -> Result<(), Refusal> {
    match facts.differ(action, Some(shown)) {
        None => Ok(()),
        Some(Differs::Changed) => Err(Refusal::new(
            "a file that it includes or calls has changed since you looked",
            looked,
        )),
        Some(Differs::Hangs(hang)) => Err(Refusal::new(
            hang.to_string(),
            "look after its disk, then look at the command again",
        )),
    }
}

/// What is new of the commands of an attempt that runs.
fn progress(
    state: &RunState,
    action: super::ActionId,
    attempt: u32,
    marks: &[super::CommandMark],
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
        if !mark.is_news(&runs) {
            continue;
        }
        mark.clone().add_to(&mut runs);
        events.push(match mark.clone() {
            super::CommandMark::Began(run) => Event::CommandBegan {
                action,
                attempt,
                run,
            },
            super::CommandMark::Ended(command, done) => Event::CommandEnded {
                action,
                attempt,
                command,
                done,
            },
        });
    }
    events
}

/// A command of an action is switched on or off.
fn toggle(
    state: &RunState,
    action: ActionId,
    index: usize,
    on: bool,
) -> Result<Vec<Event>, Refusal> {
    let listed = super::preview::listed_of(state, action)?;
    let Some(command) = listed.iter().find(|command| command.index == index) else {
        return Err(Refusal::new(
            "there is no such command in it",
            "look at what would run",
        ));
    };
    if command.on == on {
        return Ok(Vec::new());
    }
    if state
        .action(action)
        .is_some_and(super::ActionState::is_running)
    {
        return Err(Refusal::new("it is running", "wait, or cancel it"));
    }
    one(Event::CommandToggled { action, index, on })
}

fn one(event: Event) -> Result<Vec<Event>, Refusal> {
    Ok(vec![event])
}

fn same(shown: &str, confirmed: &str) -> Result<(), Refusal> {
    if shown == confirmed {
        return Ok(());
    }
    Err(Refusal::new(
        "what would run is no longer what you saw",
        "look at it again, then confirm",
    ))
}

fn typed_word(asked: Option<&str>, typed: Option<&str>) -> Result<(), Refusal> {
    match asked {
        Some(word) if typed.map(str::trim) != Some(word) => Err(Refusal::new(
            format!("this is confirmed by typing `{word}`"),
            "type it exactly",
        )),
        _ => Ok(()),
    }
}

fn given(reason: Option<&str>) -> Option<&str> {
    reason.map(str::trim).filter(|reason| !reason.is_empty())
}
