//! A part of a run, for whoever has read the rest: what happened from a moment on. A step is shown whole or
//! not at all, so that what is shown of it is true.

use crate::run::{RunState, Timestamp};
use crate::runbook::{Phase, Step};

/// From when on a report tells; `None`: from the beginning.
#[derive(Clone, Copy, Debug, Default)]
pub struct Since(pub Option<Timestamp>);

impl Since {
    pub(super) fn shows(self, at: Timestamp) -> bool {
        self.0.is_none_or(|from| at >= from)
    }

    /// What has an end, or goes on.
    pub(super) fn shows_until(self, ended: Option<Timestamp>) -> bool {
        ended.is_none_or(|ended| self.shows(ended))
    }

    pub(super) fn shows_step(self, state: &RunState, step: &Step) -> bool {
        if self.0.is_none() {
            return true;
        }
        let attempts = state
            .actions_of(step)
            .into_iter()
            .filter_map(|action| state.action(action))
            .flat_map(|own| &own.attempts);
        let own = state.steps.get(&step.id);
        let ticks = own.iter().flat_map(|own| own.ticks.values());
        let skips = own
            .iter()
            .flat_map(|own| own.left_out.values().chain(&own.skipped));
        attempts
            .into_iter()
            .any(|attempt| self.shows_until(attempt.ended_at))
            || ticks.into_iter().any(|tick| self.shows(tick.at))
            || skips.into_iter().any(|skip| self.shows(skip.at))
    }

    pub(super) fn shows_phase(self, state: &RunState, phase: &Phase) -> bool {
        let Some(own) = state.phases.get(&phase.id) else {
            return false;
        };
        self.shows_until(own.gate.as_ref().map(|gate| gate.at))
            || phase.steps.iter().any(|step| self.shows_step(state, step))
    }
}
