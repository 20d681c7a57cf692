//! The fold: an event changes the state, live and on replay alike. Nothing here may fail or refuse;
//! an event that does not fit (which `decide` never makes) leaves the state as it is.

mod actions;
mod attempts;
mod walk;

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::{
    ActionId, Attempt, Captured, Event, GuideSeen, Mode, Note, Record, RollbackState, RunState,
    TargetLock, clock, done, pairing, soak, watch,
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
        alarms: Vec::new(),
        open_alarms: BTreeMap::new(),
        soaks: BTreeMap::new(),
        counted: Vec::new(),
        deployed_at: None,
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
    by_the_time_before(state, record);
    state.seq = record.seq;
    state.last_event_at = record.at;
    let at = record.at;
    match &record.event {
        Event::RunOpened { .. } | Event::SupervisorStopped {} => {}
        Event::SupervisorStarted { .. }
        | Event::ClockStepped { .. }
        | Event::DriverChanged { .. }
        | Event::ConsentAsked { .. }
        | Event::ConsentGiven { .. }
        | Event::GuideSeen { .. }
        | Event::Captured { .. }
        | Event::ChoiceMade { .. }
        | Event::ExpectationChanged { .. }
        | Event::NoteWritten { .. }
        | Event::RunResumed {} => of_run(state, record),
        Event::DeploymentFinished {} | Event::RunCompleted {} | Event::RunAbandoned { .. } => {
            done::apply(state, record);
        }
        Event::TargetVerified { .. }
        | Event::TargetChanged { .. }
        | Event::TargetAccepted { .. } => {
            super::identity::apply(state, at, &record.by, &record.event);
        }
        Event::TargetLocked { .. }
        | Event::TargetHeldElsewhere { .. }
        | Event::TargetTakenOver { .. } => of_lock(state, record),
        Event::AlarmBegan { .. } | Event::AlarmEnded { .. } | Event::AlarmSeen { .. } => {
            super::alarm::apply(state, record);
        }
        Event::SessionSignalled { .. } | Event::SessionAnswered { .. } => signalled(state, record),
        Event::Pairing { fact } => pairing::apply(state, at, &record.by, fact),
        Event::InputSet { .. } | Event::InputCleared { .. } | Event::InputChangeUndone { .. } => {
            super::inputs::apply(state, record);
        }
        Event::CommandWritten { .. }
        | Event::CommandCorrected { .. }
        | Event::CriterionBound { .. } => super::written::apply(state, record),
        Event::RowsCounted(counted) => state.counted.push((**counted).clone()),
        Event::Ticked { .. }
        | Event::Unticked { .. }
        | Event::StepSkipped { .. }
        | Event::StepUnskipped { .. } => walk::step(state, record),
        Event::PhaseEntered { .. } | Event::CriterionJudged { .. } | Event::GateDecided { .. } => {
            walk::gate(state, record)
        }
        Event::Armed { .. }
        | Event::ArmingRemembered { .. }
        | Event::CommandToggled { .. }
        | Event::LockTimeoutToggled { .. }
        | Event::ActionStarted { .. }
        | Event::ActionResolved { .. } => actions::apply(state, record),
        Event::ActionLaunched { .. }
        | Event::CommandBegan { .. }
        | Event::CommandEnded { .. }
        | Event::BatchDone { .. }
        | Event::FlagRead { .. }
        | Event::LockWaited { .. }
        | Event::TransactionSeen { .. }
        | Event::TransactionHeld { .. }
        | Event::TransactionEnded { .. }
        | Event::KeyboardGiven { .. }
        | Event::KeyboardReturned { .. }
        | Event::CancelRequested { .. }
        | Event::ActionSampled { .. }
        | Event::ActionFinished { .. } => of_attempt(state, record),
        Event::SoakBegan { .. } | Event::SoakEnded { .. } => soak::apply(state, record),
        Event::AlertRaised { .. } => watch::raise(state, record),
        Event::AlertAcknowledged { .. } => watch::acknowledge(state, record),
        Event::RollbackStarted { .. } | Event::RollbackFinished { .. } => {
            of_rollback(state, record);
        }
    }
}

/// What happens to an attempt between its start and its end.
fn of_attempt(state: &mut RunState, record: &Record) {
    let (Event::ActionLaunched {
        action, attempt, ..
    }
    | Event::CommandBegan {
        action, attempt, ..
    }
    | Event::CommandEnded {
        action, attempt, ..
    }
    | Event::BatchDone {
        action, attempt, ..
    }
    | Event::FlagRead {
        action, attempt, ..
    }
    | Event::LockWaited {
        action, attempt, ..
    }
    | Event::TransactionSeen {
        action, attempt, ..
    }
    | Event::TransactionHeld {
        action, attempt, ..
    }
    | Event::TransactionEnded {
        action, attempt, ..
    }
    | Event::KeyboardGiven { action, attempt }
    | Event::KeyboardReturned { action, attempt }
    | Event::CancelRequested { action, attempt }
    | Event::ActionSampled {
        action, attempt, ..
    }
    | Event::ActionFinished {
        action, attempt, ..
    }) = &record.event
    else {
        return;
    };
    if let Some(attempt) = attempt_mut(state, *action, *attempt) {
        attempts::apply(attempt, record.at, &record.by, &record.event);
    }
}

/// What has to be reckoned while the last event is still the one before.
fn by_the_time_before(state: &mut RunState, record: &Record) {
    match &record.event {
        Event::ClockStepped { by_ms, .. } => {
            clock::step(state, TimeDelta::milliseconds(*by_ms));
        }
        Event::SupervisorStarted { .. } => soak::revived(state, record),
        _ => {}
    }
}

/// The run as a whole: its supervisor, driver, clock, guide, trust, mode and notes.
fn of_run(state: &mut RunState, record: &Record) {
    let at = record.at;
    match &record.event {
        Event::ClockStepped { by_ms, clock } => {
            state.clock = Some(clock.clone());
            state.note_down(record, clock::words(TimeDelta::milliseconds(*by_ms)));
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
        Event::ConsentGiven { digest } => {
            if let Some(asked) = state.untrusted.take() {
                state.note_down(record, format!("trusts `{}`, SHA-256 {digest}", asked.path));
            }
        }
        Event::RunResumed {} if state.mode == Mode::Held => state.mode = Mode::Running,
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
        Event::ChoiceMade { group, name } => {
            state.choices.insert(group.clone(), name.clone());
        }
        Event::ExpectationChanged { action, line, cel } => {
            expect(state, *action, *line, cel.clone());
        }
        Event::ConsentAsked { configuration } => {
            state.untrusted = Some(configuration.clone());
        }
        Event::GuideSeen { state: seen } => {
            let seen = seen.clone();
            state.guide_on_disk = Some(GuideSeen { at, state: seen });
        }
        Event::NoteWritten { text, step } => state.notes.push(Note {
            at,
            by: record.by.clone(),
            text: text.clone(),
            step: step.clone(),
        }),
        _ => {}
    }
}

/// Which run holds a target.
fn of_lock(state: &mut RunState, record: &Record) {
    match &record.event {
        Event::TargetLocked { target } => {
            let lock = TargetLock::Ours { since: record.at };
            state.locks.insert(target.clone(), lock);
        }
        Event::TargetHeldElsewhere { target, holder } => {
            let lock = TargetLock::Theirs(holder.clone());
            let before = state.locks.insert(target.clone(), lock);
            let lost = matches!(before, Some(TargetLock::Ours { .. }));
            if lost {
                state.note_down(
                    record,
                    format!("`{target}` was taken over by {}", holder.describe()),
                );
                if state.mode == Mode::Running && !state.unattended {
                    state.mode = Mode::Held;
                }
            }
        }
        Event::TargetTakenOver {
            target,
            from,
            reason,
        } => state.note_down(
            record,
            format!("takes `{target}` over from {}: {reason}", from.describe()),
        ),
        _ => {}
    }
}

fn of_rollback(state: &mut RunState, record: &Record) {
    let at = record.at;
    match &record.event {
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
                by: record.by.clone(),
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
        _ => {}
    }
}

fn signalled(state: &mut RunState, record: &Record) {
    state.note_down(record, super::signal::words(&record.event));
}

impl RunState {
    /// What happened, as a note of who caused it.
    pub(super) fn note_down(&mut self, record: &Record, text: String) {
        self.notes.push(Note {
            at: record.at,
            by: record.by.clone(),
            text,
            step: None,
        });
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

/// What the guide asks becomes what a person asks of it, for this run.
fn expect(state: &mut RunState, action: ActionId, line: usize, cel: Option<String>) {
    let runbook = std::sync::Arc::make_mut(&mut state.runbook);
    let of_options = runbook
        .rollback
        .iter_mut()
        .flat_map(|option| &mut option.steps);
    let of_phases = runbook
        .preparation
        .iter_mut()
        .chain(&mut runbook.phases)
        .chain(&mut runbook.cleanup)
        .flat_map(|phase| &mut phase.steps);
    for item in of_phases
        .chain(of_options)
        .flat_map(|step| &mut step.expect)
    {
        if item.line == line && item.block == Some(action.block) && item.part == action.part {
            item.cel.clone_from(&cel);
        }
    }
}
