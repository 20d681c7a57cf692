//! A person's command meets the state and becomes events, or a refusal that says what to do instead. The
//! whole of what a person may do stands here; what the world shows comes in by [`observe`]. Nothing else
//! changes a run.

mod alarm;
pub(super) mod control;
mod finish;
mod gate;
mod held;
mod identity;
mod lock;
mod observe;
mod rollback;
mod second;
mod signal;
mod source;
mod start;
mod step;
mod toggle;
mod watch;
mod written;

use super::facts::Differs;
use super::{ActionId, Command, Event, Facts, Outcome, PairingAct, Refusal, RunState, Timestamp};
use super::{Mode, consent, preview, preview_from};
use toggle::{toggle, toggle_lock_timeout};

pub(super) use start::started;

pub use observe::observe;

use gate::{answer, gate, judge_by_person};
use held::{end_transaction, give_keyboard, return_keyboard};
use rollback::rollback;
use start::{Asked, start};
use step::{choose, skip, tick, unskip, untick};
use watch::acknowledge;

/// Decides one command by the state and what was looked up for it. `by` is who asks.
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
    allowed(state, by, command, now)?;
    match command {
        Command::Consent { digest } => consent::consent(state, by, digest),
        Command::Tick {
            step,
            index,
            value,
            note,
        } => tick(state, step, *index, value.as_deref(), note.as_deref()),
        Command::Untick { step, index } => untick(state, step, *index),
        Command::SetInput { name, input } => {
            let events = super::inputs::set(state, name, input)?;
            rollback::keeps_its_values(state, &events)?;
            facts.bad_input.clone().map_or(Ok(events), Err)
        }
        Command::ClearInput { .. } | Command::UndoInput {} => {
            let events = match command {
                Command::ClearInput { name } => super::inputs::clear(state, name)?,
                _ => super::inputs::undo(state)?,
            };
            rollback::keeps_its_values(state, &events).map(|()| events)
        }
        Command::Choose { group, name } => choose(state, group, name),
        Command::Write { code, actor, on } => {
            written::write(state, facts, code, *actor, on.as_deref())
        }
        Command::Bind { .. } => source::bind(state, facts, command),
        Command::Correct { action, code } => written::correct(state, facts, *action, code),
        Command::Expect { action, line, cel } => {
            step::expect(state, *action, *line, cel.as_deref())
        }
        Command::Arm { action, hash } => arm(state, *action, hash),
        Command::ToggleCommand { action, index, on } => toggle(state, *action, *index, *on),
        Command::ToggleLockTimeout { action, on } => toggle_lock_timeout(state, *action, *on),
        Command::Start { .. }
        | Command::EndTransaction { .. }
        | Command::Gate { .. }
        | Command::Rollback { .. } => confirmed(state, facts, by, command, now),
        Command::Cancel { action } => cancel(state, *action),
        Command::GiveKeyboard { action } => give_keyboard(state, by, *action),
        Command::ReturnKeyboard { action } => return_keyboard(state, *action),
        Command::Skip {
            step,
            reason,
            action,
        } => skip(state, step, reason, *action),
        Command::Unskip { step, action } => unskip(state, step, *action),
        Command::Judge {
            phase,
            line,
            holds,
            note,
        } => judge_by_person(state, phase, *line, *holds, note.as_deref()),
        Command::Answer { phase, line, value } => answer(state, phase, *line, value),
        Command::Resolve {
            action,
            outcome,
            reason,
        } => resolve(state, *action, *outcome, reason),
        Command::Acknowledge { alert, note } => acknowledge(state, *alert, note),
        Command::Note { text, step } => note(state, text, step.as_deref()),
        Command::TakeControl {} => control::take(state, by, now),
        Command::Pairing { act } => between_people(state, facts, by, act, now),
        Command::TakeTarget {
            target,
            typed,
            reason,
        } => lock::take(state, target, typed, reason),
        Command::SignalSession {
            target,
            signal,
            victim,
        } => signal::signal(state, target, *signal, victim),
        Command::SeeAlarm { key, note } => alarm::seen(state, key, note),
        Command::AcceptTarget {
            target,
            seen,
            typed,
            reason,
        } => identity::accept(state, target, seen, typed.as_deref(), reason),
        Command::Resume {} => resume(state),
        Command::Abandon { reason } => abandon(state, reason),
    }
}

/// What a person was shown and has confirmed: an action, the end of a transaction, a gate, a rollback.
fn confirmed(
    state: &RunState,
    facts: &Facts,
    by: &str,
    command: &Command,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    match command {
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
            events.extend((!drives(state, by)).then_some(Event::DriverChanged { driver }));
            events
        }),
        _ => Err(Refusal::new(
            "nothing of this is shown before it is confirmed",
            "report this as a defect",
        )),
    }
}

/// Whether this person may ask this now.
fn allowed(state: &RunState, by: &str, command: &Command, now: Timestamp) -> Result<(), Refusal> {
    let goes_back = matches!(command, Command::Rollback { .. })
        && state.pairing.goes_back.as_deref() == Some(by);
    if !drives(state, by) && !goes_back {
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
            | Command::Answer { .. }
            | Command::SetInput { .. }
            | Command::ClearInput { .. }
            | Command::UndoInput {}
            | Command::Arm { .. }
            | Command::ToggleCommand { .. }
            | Command::ToggleLockTimeout { .. }
    );
    let of_rollback = match command {
        Command::Judge { phase, .. } => gate::is_of_rollback(state, phase),
        Command::Arm { action, .. }
        | Command::ToggleCommand { action, .. }
        | Command::ToggleLockTimeout { action, .. } => state
            .step_of(*action)
            .is_some_and(|step| state.runbook.is_of_rollback(&step.id)),
        _ => false,
    };
    if of_the_walk && !of_rollback && matches!(state.mode, Mode::RolledBack | Mode::Failed) {
        return Err(Refusal::new(
            "this run is over; its record is final",
            "write a note, or open a new run",
        ));
    }
    consent::waits(state, command).map_or(Ok(()), Err)
}

/// The engine does what the driver would.
fn drives(state: &RunState, by: &str) -> bool {
    by == state.driver || by == super::ENGINE
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
            "fix its disk, then read the command again",
        )),
    }
}

/// Allows what was shown, whole or the rest of one that stopped.
fn arm(state: &RunState, action: ActionId, hash: &str) -> Result<Vec<Event>, Refusal> {
    let step = state.step_of(action);
    // A rollback waits for nobody; its retry asks for the word instead.
    if step.is_none_or(|step| state.runbook.phase_of(&step.id).is_some()) {
        identity::settled(state)?;
    }
    let shown = preview(state, action)?;
    // Of one that stopped its rest is shown.
    let resume = state.resume(action);
    let from = resume
        .iter()
        .flat_map(|resume| [Some(resume.again), resume.next]);
    let mut rests = from.flatten();
    let is_rest = rests
        .any(|from| preview_from(state, action, Some(from)).is_ok_and(|rest| rest.hash == hash));
    if !is_rest {
        same(&shown.hash, hash)?;
    }
    one(Event::Armed {
        action,
        hash: shown.content,
    })
}

fn cancel(state: &RunState, action: ActionId) -> Result<Vec<Event>, Refusal> {
    match state.action(action).and_then(|known| known.last()) {
        Some(attempt) if attempt.outcome.is_none() => one(Event::CancelRequested {
            action,
            attempt: attempt.number,
        }),
        _ => Err(Refusal::new("it is not running", "nothing to cancel")),
    }
}

fn resolve(
    state: &RunState,
    action: ActionId,
    outcome: Outcome,
    reason: &str,
) -> Result<Vec<Event>, Refusal> {
    if !matches!(outcome, Outcome::Passed | Outcome::Failed) {
        return Err(Refusal::new(
            "that is not what a person can say of it",
            "say whether it happened",
        ));
    }
    let reason = reasoned(reason, "how do you know?")?;
    let attempt = state.action(action).and_then(|known| known.last());
    let open = [Some(Outcome::Unknown), Some(Outcome::Inconclusive)];
    match attempt.filter(|attempt| open.contains(&attempt.outcome)) {
        Some(attempt) => one(Event::ActionResolved {
            action,
            attempt: attempt.number,
            outcome,
            reason,
        }),
        None => Err(Refusal::new("its outcome is known", "nothing to resolve")),
    }
}

fn note(state: &RunState, text: &str, step: Option<&str>) -> Result<Vec<Event>, Refusal> {
    if let Some(step) = step {
        step::find_step(state, step)?;
    }
    if text.trim().is_empty() {
        return Err(Refusal::new("the note is empty", "write what you saw"));
    }
    one(Event::NoteWritten {
        text: text.to_owned(),
        step: step.map(str::to_owned),
    })
}

fn between_people(
    state: &RunState,
    facts: &Facts,
    by: &str,
    act: &PairingAct,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    match act {
        PairingAct::Approve {
            hash,
            included,
            assumed,
        } => second::approve(state, facts, by, hash, included.as_deref(), *assumed, now),
        PairingAct::Object { reason } => second::object(state, reason),
        act => control::between_people(state, by, act, now),
    }
}

fn resume(state: &RunState) -> Result<Vec<Event>, Refusal> {
    if state.mode != Mode::Held {
        return Err(Refusal::new("the run is not held", "nothing to resume"));
    }
    identity::settled(state)?;
    one(Event::RunResumed {})
}

fn abandon(state: &RunState, reason: &str) -> Result<Vec<Event>, Refusal> {
    if state.mode.is_over() {
        return Err(Refusal::new(
            "this run is over already",
            "nothing to abandon",
        ));
    }
    if !state.busy().is_empty() || state.mode == Mode::RollingBack {
        return Err(Refusal::new(
            "something is running",
            "cancel it first, or let it end",
        ));
    }
    let reason = reasoned(reason, "why is it abandoned?")?;
    let mut events = vec![Event::RunAbandoned { reason }];
    events.extend(state.end_watches(|_| true));
    Ok(events)
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
        "read it again, then confirm",
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

/// What a person says where the record needs it.
fn reasoned(reason: &str, asked: &str) -> Result<String, Refusal> {
    given(Some(reason)).map(str::to_owned).ok_or_else(|| {
        Refusal::new(
            "this needs a reason, for the report",
            format!("give one: {asked}"),
        )
    })
}

fn given(reason: Option<&str>) -> Option<&str> {
    reason.map(str::trim).filter(|reason| !reason.is_empty())
}
