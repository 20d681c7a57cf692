//! One word for every state, the same on every screen and in every document.

use crate::run::{GateDecision, Mode, Outcome, RunState, StepStatus, Timestamp};
use crate::runbook::Step;

/// `state` of the status document.
pub fn mode_word(state: &RunState) -> &'static str {
    match state.mode {
        Mode::Held => "held",
        Mode::Running if soaks(state) => "soaking",
        Mode::Running if state.busy().is_empty() || state.held().is_some() => "waiting",
        Mode::Running => "running",
        Mode::RollingBack => "rolling_back",
        Mode::Done => "done",
        Mode::Failed => "failed",
        Mode::RolledBack => "rolled_back",
        Mode::Stuck => "stuck",
    }
}

/// Nothing is left to do before a window is over; as of the last event.
fn soaks(state: &RunState) -> bool {
    let pause = state.pause(state.last_event_at);
    pause.is_some_and(|pause| pause.soaks)
}

pub fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed => "failed",
        Outcome::Cancelled => "cancelled",
        Outcome::Skipped => "skipped",
        Outcome::Unknown => "unknown",
        Outcome::Inconclusive => "inconclusive",
        Outcome::Watched => "watched",
    }
}

pub fn decision_word(decision: GateDecision) -> &'static str {
    match decision {
        GateDecision::Go => "go",
        GateDecision::Hold => "hold",
        GateDecision::NoGo => "no-go",
    }
}

pub fn step_word(state: &RunState, step: &Step) -> &'static str {
    match state.step_status(step) {
        StepStatus::Pending => "pending",
        StepStatus::Running => "running",
        StepStatus::Passed => "passed",
        StepStatus::Failed => "failed",
        StepStatus::Cancelled => "cancelled",
        StepStatus::Skipped => "skipped",
        StepStatus::Unknown => "unknown",
        StepStatus::Undone => "undone",
        StepStatus::Stuck => "stuck",
    }
}

/// A moment as documents write it.
pub(super) fn time(at: Timestamp) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}
