//! The fold: an event changes the state, live and on replay alike. Nothing here may fail or refuse;
//! an event that does not fit (which `decide` never makes) leaves the state as it is.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::{
    Acknowledged, ActionId, Attempt, Captured, CommandMark, CriterionState, Event, Gate,
    GateDecision, GuideSeen, Hold, HoldEnd, KeyboardUse, Mode, Note, Record, RollbackState,
    RunState, Skip, Subject, TargetLock, TickState, clock, pairing, watch,
};
use crate::runbook::blank_name;

/// The state after the first event; `None` where that is not [`Event::RunOpened`].
pub fn open(record: &Record) -> Option<RunState> {
    let Event::RunOpened {
        run,
        runbook,
        environment,
        directory,
        inputs,
        window_ends,
        driver,
        unattended,
        provenance,
    } = &record.event
    else {
        return None;
    };
    Some(RunState {
        run: run.clone(),
        runbook: runbook.clone(),
        environment: environment.name.clone(),
        protected: environment.protected,
        targets: environment
            .targets
            .iter()
            .map(|(name, target)| (name.clone(), target.postgres.clone()))
            .collect(),
        config: environment.clone(),
        directory: directory.clone(),
        opened_at: record.at,
        opened_by: record.by.clone(),
        unattended: *unattended,
        window_ends: *window_ends,
        mode: Mode::Running,
        driver: driver.clone(),
        epoch: 0,
        identities: BTreeMap::new(),
        moved: BTreeMap::new(),
        identities_seen: Vec::new(),
        locks: BTreeMap::new(),
        inputs: inputs.clone(),
        given_at: BTreeMap::new(),
        captured: BTreeMap::new(),
        choices: BTreeMap::new(),
        current_phase: String::new(),
        phases: BTreeMap::new(),
        steps: BTreeMap::new(),
        actions: BTreeMap::new(),
        written: BTreeMap::new(),
        rollback: None,
        past_rollbacks: Vec::new(),
        notes: Vec::new(),
        provenance: provenance.clone(),
        untrusted: None,
        input_changes: Vec::new(),
        armed_before: BTreeMap::new(),
        guide_on_disk: None,
        pairing: super::Pairing::default(),
        alerts: Vec::new(),
        completed_at: None,
        clock: None,
        seq: record.seq,
        last_event_at: record.at,
    })
}

/// Folds the events of a journal, the first of which makes the state; `None` stays where that is not
/// [`Event::RunOpened`].
pub fn fold(state: &mut Option<RunState>, record: &Record) {
    match state {
        Some(state) => apply(state, record),
        None if record.seq == 1 => *state = open(record),
        None => {}
    }
}

/// Folds one event into the state.
pub fn apply(state: &mut RunState, record: &Record) {
    if let Event::ClockStepped { by_ms, .. } = &record.event {
        clock::step(state, TimeDelta::milliseconds(*by_ms));
    }
    state.seq = record.seq;
    state.last_event_at = record.at;
    let (at, by) = (record.at, || record.by.clone());
    match &record.event {
        Event::RunOpened { .. } | Event::SupervisorStopped {} => {}
        Event::ClockStepped { by_ms, clock } => {
            state.clock = Some(clock.clone());
            state.notes.push(Note {
                at,
                by: by(),
                text: clock::words(TimeDelta::milliseconds(*by_ms)),
                step: None,
            });
        }
        Event::SupervisorStarted { epoch, clock, .. } => {
            state.clock.clone_from(clock);
            // A revived run starts held: nothing goes on by itself but a rollback, which waits for
            // nobody, and a rehearsal, which has nobody to wait for.
            if *epoch > 1 && state.mode == Mode::Running && !state.unattended {
                state.mode = Mode::Held;
            }
            state.epoch = *epoch;
        }
        Event::TargetVerified { .. }
        | Event::TargetChanged { .. }
        | Event::TargetAccepted { .. } => {
            super::identity::apply(state, at, &record.by, &record.event);
        }
        Event::DriverChanged { driver } => {
            state.driver.clone_from(driver);
            pairing::driver_changed(state);
            // Who only watches now types to nothing.
            for action in state.actions.values_mut() {
                if let Some(attempt) = action.attempts.last_mut() {
                    attempt.return_keyboard(at);
                }
            }
        }
        Event::Pairing { fact } => pairing::apply(state, at, &record.by, fact),
        Event::TargetLocked { target } => {
            let lock = TargetLock::Ours { since: at };
            state.locks.insert(target.clone(), lock);
        }
        Event::TargetHeldElsewhere { target, holder } => {
            let lock = TargetLock::Theirs(holder.clone());
            let before = state.locks.insert(target.clone(), lock);
            let lost = matches!(before, Some(TargetLock::Ours { .. }));
            if lost {
                state.notes.push(Note {
                    at,
                    by: by(),
                    text: format!("`{target}` was taken over by {}", holder.describe()),
                    step: None,
                });
                if state.mode == Mode::Running && !state.unattended {
                    state.mode = Mode::Held;
                }
            }
        }
        Event::TargetTakenOver {
            target,
            from,
            reason,
        } => state.notes.push(Note {
            at,
            by: by(),
            text: format!("takes `{target}` over from {}: {reason}", from.describe()),
            step: None,
        }),
        Event::InputSet { .. } | Event::InputCleared { .. } | Event::InputChangeUndone { .. } => {
            super::inputs::apply(state, record);
        }
        Event::ArmingRemembered { action, armed } => {
            state.armed_before.insert(*action, armed.clone());
        }
        Event::GuideSeen { state: seen } => {
            let seen = seen.clone();
            state.guide_on_disk = Some(GuideSeen { at, state: seen });
        }
        Event::Captured {
            action,
            attempt,
            name,
            value,
        } => {
            let captured = Captured {
                value: value.clone(),
                action: *action,
                attempt: *attempt,
                at,
            };
            state.captured.insert(blank_name(name), captured);
        }
        Event::CommandWritten { written } => super::written::add(state, at, by(), written),
        Event::CommandCorrected { action, written } => {
            super::written::correct(state, at, by(), *action, written);
        }
        Event::ChoiceMade { group, name } => {
            state.choices.insert(group.clone(), name.clone());
        }
        Event::Ticked {
            step,
            index,
            value,
            note,
            judgement,
        } => {
            state.steps.entry(step.clone()).or_default().ticks.insert(
                *index,
                TickState {
                    at,
                    by: by(),
                    value: value.clone(),
                    note: note.clone(),
                    judgement: judgement.clone(),
                },
            );
        }
        Event::Unticked { step, index } => {
            if let Some(step) = state.steps.get_mut(step) {
                step.ticks.remove(index);
            }
        }
        Event::StepSkipped {
            step,
            reason,
            action,
        } => {
            let own = state.steps.entry(step.clone()).or_default();
            let skip = Skip {
                at,
                by: by(),
                reason: reason.clone(),
            };
            match action {
                Some(action) => {
                    own.left_out.insert(*action, skip);
                }
                None => {
                    own.skipped = Some(skip);
                    unstick(state);
                }
            }
        }
        Event::StepUnskipped { step, action } => {
            if let Some(step) = state.steps.get_mut(step) {
                match action {
                    Some(action) => {
                        step.left_out.remove(action);
                    }
                    None => step.skipped = None,
                }
            }
        }
        Event::PhaseEntered { phase } => {
            state.current_phase.clone_from(phase);
            let phase = state.phases.entry(phase.clone()).or_default();
            phase.entered_at = phase.entered_at.or(Some(at));
        }
        Event::ConsentAsked { configuration } => {
            state.untrusted = Some(configuration.clone());
        }
        Event::ConsentGiven { digest } => {
            if let Some(asked) = state.untrusted.take() {
                state.notes.push(Note {
                    at,
                    by: by(),
                    text: format!("trusts `{}`, SHA-256 {digest}", asked.path),
                    step: None,
                });
            }
        }
        Event::Armed { action, hash } => {
            state.provenance.guide_is_new = false;
            state.actions.entry(*action).or_default().armed = Some(hash.clone());
        }
        Event::CommandToggled { action, index, on } => {
            let known = state.actions.entry(*action).or_default();
            known.switched.insert(*index, *on);
        }
        Event::ActionStarted {
            action,
            attempt,
            command,
            target,
            commands,
            from,
            reason,
            ..
        } => {
            let belongs_to_rollback = state
                .rollback
                .as_ref()
                .is_some_and(|rollback| is_of_option(state, &rollback.option, *action));
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
                    by: asked_by.unwrap_or_else(by),
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
                    planned: commands.clone(),
                    commands: Vec::new(),
                    from: *from,
                    asked: reason.clone(),
                });
            if belongs_to_rollback {
                unstick(state);
            }
        }
        Event::ActionLaunched {
            action,
            attempt,
            launched,
        } => {
            if let Some(attempt) = attempt_mut(state, *action, *attempt) {
                attempt.launched = Some(launched.clone());
            }
        }
        Event::CommandBegan {
            action,
            attempt,
            run,
        } => {
            if let Some(attempt) = attempt_mut(state, *action, *attempt) {
                CommandMark::Began(run.clone()).add_to(&mut attempt.commands);
            }
        }
        Event::CommandEnded {
            action,
            attempt,
            command,
            done,
        } => {
            if let Some(attempt) = attempt_mut(state, *action, *attempt) {
                CommandMark::Ended(*command, done.clone()).add_to(&mut attempt.commands);
            }
        }
        Event::TransactionSeen {
            action,
            attempt,
            transaction,
        } => {
            if let Some(attempt) = attempt_mut(state, *action, *attempt) {
                attempt.transaction = Some(*transaction);
            }
        }
        Event::CancelRequested { action, attempt } => {
            if let Some(attempt) = attempt_mut(state, *action, *attempt) {
                attempt.cancel_requested_at = attempt.cancel_requested_at.or(Some(at));
            }
        }
        Event::TransactionHeld {
            action,
            attempt,
            number,
            line,
            since,
            judgements,
        } => {
            if let Some(attempt) = attempt_mut(state, *action, *attempt) {
                attempt.holds.push(Hold {
                    number: *number,
                    line: *line,
                    since: *since,
                    judgements: judgements.clone(),
                    ended: None,
                });
            }
        }
        Event::TransactionEnded {
            action,
            attempt,
            number,
            commit,
            reason,
        } => {
            let hold = attempt_mut(state, *action, *attempt)
                .and_then(|attempt| attempt.holds.iter_mut().find(|hold| hold.number == *number));
            if let Some(hold) = hold {
                hold.ended = Some(HoldEnd {
                    at,
                    by: by(),
                    commit: *commit,
                    reason: reason.clone(),
                });
            }
        }
        Event::KeyboardGiven { action, attempt } => {
            if let Some(attempt) = attempt_mut(state, *action, *attempt) {
                attempt.keyboard.push(KeyboardUse {
                    by: by(),
                    since: at,
                    until: None,
                });
            }
        }
        Event::KeyboardReturned { action, attempt } => {
            if let Some(attempt) = attempt_mut(state, *action, *attempt) {
                attempt.return_keyboard(at);
            }
        }
        Event::ActionFinished {
            action,
            attempt,
            outcome,
            evidence,
            judgements,
            reason,
        } => {
            if let Some(attempt) = attempt_mut(state, *action, *attempt) {
                attempt.return_keyboard(at);
                attempt.ended_at = Some(at);
                attempt.outcome = Some(*outcome);
                if !evidence.commands.is_empty() {
                    attempt.commands.clone_from(&evidence.commands);
                }
                attempt.evidence = Some(evidence.clone());
                attempt.judgements.clone_from(judgements);
                attempt.reason.clone_from(reason);
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
            let of_the_rollback = state
                .rollback
                .as_ref()
                .is_some_and(|rollback| is_of_option(state, &rollback.option, *action));
            if of_the_rollback {
                unstick(state);
            }
        }
        Event::ActionSampled {
            action,
            attempt,
            round,
            evidence,
            judgements,
        } => {
            if let Some(attempt) = attempt_mut(state, *action, *attempt) {
                attempt.round = *round;
                attempt.evidence = Some(evidence.clone());
                attempt.judgements.clone_from(judgements);
            }
        }
        Event::AlertRaised { .. } => watch::raise(state, record),
        Event::AlertAcknowledged { alert, note, lasts } => {
            let alert = state.alerts.iter_mut().find(|known| known.id == *alert);
            if let Some(alert) = alert {
                alert.acknowledged = Some(Acknowledged {
                    at,
                    by: by(),
                    note: note.clone(),
                    lasts: *lasts,
                    more: 0,
                    latest: String::new(),
                });
            }
        }
        Event::CriterionJudged {
            phase,
            line,
            judgement,
            note,
        } => {
            state
                .phases
                .entry(phase.clone())
                .or_default()
                .criteria
                .insert(
                    *line,
                    CriterionState {
                        judgement: judgement.clone(),
                        at,
                        by: by(),
                        note: note.clone(),
                    },
                );
        }
        Event::GateDecided {
            phase,
            decision,
            reason,
        } => {
            let subject = Subject::Gate {
                phase: phase.clone(),
            };
            let asked_by = pairing::happens(state, &subject);
            state.phases.entry(phase.clone()).or_default().gate = Some(Gate {
                decision: *decision,
                at,
                by: asked_by.unwrap_or_else(by),
                reason: reason.clone(),
            });
            state.mode = match decision {
                GateDecision::Hold => Mode::Held,
                // The rollback, or giving up, is a decision of its own.
                GateDecision::NoGo => Mode::Held,
                GateDecision::Go if state.mode == Mode::Held => Mode::Running,
                GateDecision::Go => state.mode,
            };
        }
        Event::RollbackStarted {
            option,
            reason,
            included,
            ..
        } => {
            state.past_rollbacks.extend(state.rollback.take());
            begin_anew(state, option);
            state.mode = Mode::RollingBack;
            state.rollback = Some(RollbackState {
                option: option.clone(),
                by: by(),
                reason: reason.clone(),
                started_at: at,
                ended_at: None,
                succeeded: None,
                stuck_reason: None,
                from_phase: state.current_phase.clone(),
                included: included.clone(),
                attempts_before: state
                    .actions
                    .iter()
                    .map(|(action, state)| {
                        (
                            *action,
                            u32::try_from(state.attempts.len()).unwrap_or(u32::MAX),
                        )
                    })
                    .collect(),
            });
        }
        Event::RollbackFinished {
            succeeded, reason, ..
        } => {
            if let Some(rollback) = &mut state.rollback {
                rollback.ended_at = Some(at);
                rollback.succeeded = Some(*succeeded);
                rollback.stuck_reason.clone_from(reason);
            }
            state.mode = if *succeeded {
                Mode::RolledBack
            } else {
                Mode::Stuck
            };
        }
        Event::NoteWritten { text, step } => state.notes.push(Note {
            at,
            by: by(),
            text: text.clone(),
            step: step.clone(),
        }),
        Event::RunResumed {} => {
            if state.mode == Mode::Held {
                state.mode = Mode::Running;
            }
        }
        Event::RunCompleted {} => {
            state.mode = Mode::Done;
            state.completed_at = Some(at);
        }
        Event::RunAbandoned { reason } => {
            state.mode = Mode::Failed;
            state.notes.push(Note {
                at,
                by: by(),
                text: format!("given up: {reason}"),
                step: None,
            });
        }
    }
}

fn attempt_mut(state: &mut RunState, action: ActionId, number: u32) -> Option<&mut Attempt> {
    state
        .actions
        .get_mut(&action)?
        .attempts
        .iter_mut()
        .find(|attempt| attempt.number == number)
}

pub(in crate::run) fn is_of_option(state: &RunState, option: &str, action: ActionId) -> bool {
    state.runbook.option(option).is_some_and(|option| {
        option
            .steps
            .iter()
            .any(|step| step.blocks.contains(&action.block))
    })
}

/// What was ticked or skipped on a rollback that got stuck says nothing of the next one.
fn begin_anew(state: &mut RunState, option: &str) {
    let book = state.runbook.clone();
    for step in book.option(option).iter().flat_map(|option| &option.steps) {
        state.steps.remove(&step.id);
    }
    state.phases.remove(option);
}

/// A stuck rollback goes on once its failed step is run again or skipped.
fn unstick(state: &mut RunState) {
    if state.mode != Mode::Stuck {
        return;
    }
    if let Some(rollback) = &mut state.rollback {
        rollback.ended_at = None;
        rollback.succeeded = None;
        rollback.stuck_reason = None;
        state.mode = Mode::RollingBack;
    }
}
