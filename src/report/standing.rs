//! Where a run stands, in the few words that a list of runs has room for.

use serde::{Deserialize, Serialize};

use super::mode_word;
use crate::run::{Awaited, Mode, RunState, StepStatus, TargetLock, Timestamp};
use crate::runbook::Step;

/// One line of `gonogo runs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Path of the guide, as it was named.
    pub guide: String,
    pub title: String,
    pub environment: String,
    /// As `state` of the status document.
    pub state: String,
    pub opened: Timestamp,
    pub last_event: Timestamp,
    pub sentence: String,
    /// When what it waits for is due.
    #[serde(default)]
    pub due_at: Option<Timestamp>,
    /// What it waits for from a person.
    #[serde(default)]
    pub awaited: Option<Awaited>,
    /// Targets by name; a run without a process is connected to none.
    #[serde(default)]
    pub targets: Vec<String>,
    /// Those whose lock was this run's when this was written.
    #[serde(default)]
    pub locks: Vec<String>,
}

impl Standing {
    pub fn of(state: &RunState) -> Self {
        Self {
            guide: state.runbook.file.clone(),
            title: state.runbook.title.clone(),
            environment: state.environment.clone(),
            state: mode_word(state).to_owned(),
            opened: state.opened_at,
            last_event: state.last_event_at,
            sentence: sentence(state),
            due_at: due(state),
            awaited: state.awaited(state.last_event_at),
            targets: state.targets.keys().cloned().collect(),
            locks: locks(state),
        }
    }
}

/// A run that is over wants no lock any more.
fn locks(state: &RunState) -> Vec<String> {
    let locks = state.locks.iter();
    let ours = locks.filter(|(_, lock)| matches!(lock, TargetLock::Ours { .. }));
    match state.mode.is_over() {
        true => Vec::new(),
        false => ours.map(|(target, _)| target.clone()).collect(),
    }
}

/// Where the run stands, in one sentence.
pub fn sentence(state: &RunState) -> String {
    let phase = state
        .phase()
        .map_or("the beginning", |phase| phase.title.as_str());
    if let Some((action, _, hold)) = state.held() {
        let step = state.step_of(action).map_or("", |step| step.title.as_str());
        return format!(
            "`{step}` holds a transaction open before its COMMIT since {}",
            hold.since.format("%Y-%m-%d %H:%M:%S UTC")
        );
    }
    match state.mode {
        Mode::Running => under_way(state, phase),
        Mode::Held => format!("held in `{phase}`"),
        Mode::RollingBack => match state.by_hand_now() {
            Some((_, _, tick)) => {
                format!(
                    "rolling back from `{phase}`; waits for a manual item: {}",
                    tick.text
                )
            }
            None => format!("rolling back from `{phase}`"),
        },
        Mode::Done => "done".to_owned(),
        Mode::Failed => format!("abandoned in `{phase}`"),
        Mode::RolledBack => match state.rolled_back_by() {
            Some(option) => {
                let proof = state
                    .rollback_proof()
                    .map(|proof| format!(", {}", proof.words()));
                format!(
                    "rolled back by `{}`{}",
                    option.title,
                    proof.unwrap_or_default()
                )
            }
            None => "rolled back".to_owned(),
        },
        Mode::Stuck => {
            let why = state
                .rollback
                .as_ref()
                .and_then(|rollback| rollback.stuck_reason.clone());
            format!("the rollback is stuck: {}", why.unwrap_or_default())
        }
    }
}

/// As of the last event: what was not due then says when it is.
fn under_way(state: &RunState, phase: &str) -> String {
    if state.is_walked() {
        let open = state.open_points();
        let first = open.first().map_or("", |point| point.text.as_str());
        return format!(
            "every gate is passed, not done: {} open: {first}",
            open.len()
        );
    }
    match state.pause(state.last_event_at) {
        Some(pause) if pause.soaks => {
            format!("soaks until {}: `{}`", minute(pause.until), pause.what)
        }
        Some(pause) => format!("waits until {} for `{}`", minute(pause.until), pause.what),
        None => format!("under way in `{phase}`"),
    }
}

/// When what the run waits for is due; as of the last event.
fn due(state: &RunState) -> Option<Timestamp> {
    state.pause(state.last_event_at).map(|pause| pause.until)
}

pub fn minute(at: Timestamp) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// What the rollback that was taken has undone, as far as it is known.
pub(super) fn undone(state: &RunState) -> String {
    let ran = |step: &&Step| {
        let mut actions = state.actions_of(step).into_iter();
        actions.any(|action| {
            let own = state.action(action);
            own.is_some_and(|own| !own.attempts.is_empty())
        })
    };
    let steps = || state.runbook.walk().flat_map(|phase| &phase.steps);
    let all = steps().filter(ran).count();
    let undone = steps()
        .filter(|step| state.step_status(step) == StepStatus::Undone)
        .count();
    match (undone, all) {
        (0, 0) => "No step had run that it could undo.".to_owned(),
        (0, _) => "The guide does not say what this undid: the steps that ran count as unchanged."
            .to_owned(),
        (undone, all) if undone == all => "It has undone every step that ran.".to_owned(),
        (undone, all) => format!(
            "It has undone {undone} of the {all} steps that ran. The others were read-only, made a backup, or are not known to be undone by it: they are unchanged."
        ),
    }
}
