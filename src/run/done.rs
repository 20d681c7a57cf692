//! When a run is done. Done means that its whole walk is behind it and that nothing is open:
//!
//! ```text
//! running ── gates of preparation and phases passed ──▶ deployed (`DeploymentFinished`), still running
//! running ── the next part is not due yet ────────────▶ waiting until …  (a pause: nothing to do, may be parked)
//! running ── every gate passed, cleanup included ─────▶ something is open? then it is still running
//!                                                       nothing is open?   `RunCompleted`: done
//! any     ── a person abandons it, with a reason ─────▶ given up: never by itself
//! ```
//!
//! The engine alone says that a run is done, and a person alone that it is given up. A gate that a person
//! passed with a reason settles what stood against it then; what turns up later is open again. A rehearsal
//! covers the deployment: what is due after it is not rehearsed.

use serde::{Deserialize, Serialize};

use super::{ActionId, Event, Mode, Record, RunState, StepStatus, Timestamp, Verdict};
use crate::runbook::{Phase, Step};

/// Something that keeps a run from being done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenPoint {
    pub kind: OpenKind,
    /// The phase it belongs to, by id.
    pub phase: String,
    /// For a line of its own: `red flag: …`.
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenKind {
    /// A gate that is not passed.
    Phase,
    /// A command that runs, failed or is unknown since its gate was passed.
    Step,
    /// An alert that nobody has acknowledged.
    RedFlag,
    /// Judged since its gate was passed, and not met.
    Criterion,
}

/// Why nothing happens: what comes next is not due yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    pub until: Timestamp,
    /// The title of what waits.
    pub what: String,
    /// It is a window in which the deployment is watched.
    pub soaks: bool,
}

impl RunState {
    /// The phases that this run walks.
    pub fn walked(&self) -> impl Iterator<Item = &Phase> {
        let later = match self.unattended {
            true => &[][..],
            false => &self.runbook.cleanup,
        };
        let forward = self.runbook.preparation.iter().chain(&self.runbook.phases);
        forward.chain(later)
    }

    /// Every gate of the walk is passed.
    pub fn is_walked(&self) -> bool {
        let mut phases = self.walked().peekable();
        phases.peek().is_some() && phases.all(|phase| self.is_phase_passed(&phase.id))
    }

    /// What keeps the run from being done, gates first; empty where nothing does.
    pub fn open_points(&self) -> Vec<OpenPoint> {
        let mut open: Vec<OpenPoint> = self
            .walked()
            .filter(|phase| !self.is_phase_passed(&phase.id))
            .map(|phase| OpenPoint {
                kind: OpenKind::Phase,
                phase: phase.id.clone(),
                text: format!("`{}` is not done", phase.title),
            })
            .collect();
        let passed = || {
            let phases = self.walked();
            phases.filter(|phase| self.is_phase_passed(&phase.id))
        };
        open.extend(passed().flat_map(|phase| self.open_since_gate(phase)));
        open.extend(self.open_alerts().map(|alert| OpenPoint {
            kind: OpenKind::RedFlag,
            phase: alert.phase.clone(),
            text: format!("red flag: {}", self.alert_words(alert)),
        }));
        open
    }

    /// What has turned up in a phase after its gate was passed.
    fn open_since_gate(&self, phase: &Phase) -> Vec<OpenPoint> {
        let own = self.phases.get(&phase.id);
        let Some(gate) = own.and_then(|own| own.gate.as_ref()) else {
            return Vec::new();
        };
        let point = |kind, text| OpenPoint {
            kind,
            phase: phase.id.clone(),
            text,
        };
        let mut open = Vec::new();
        for step in &phase.steps {
            let word = match self.step_status(step) {
                StepStatus::Running => "is running",
                StepStatus::Failed => "failed",
                StepStatus::Cancelled => "was cancelled",
                StepStatus::Unknown => "is unknown",
                _ => continue,
            };
            if self.has_begun_after(step, gate.at) {
                open.push(point(
                    OpenKind::Step,
                    format!("step `{}` {word}", step.title),
                ));
            }
        }
        for item in self.gate_items(phase) {
            let known = own.and_then(|own| own.criteria.get(&item.line));
            let Some(known) = known.filter(|known| known.at > gate.at) else {
                continue;
            };
            let what = match (known.judgement.verdict, item.red_flag) {
                (Verdict::Pass | Verdict::Warn, _) => continue,
                (Verdict::Fail, true) => "red flag",
                (Verdict::Fail, false) => "not met",
                (Verdict::Inconclusive, _) => "inconclusive",
            };
            open.push(point(OpenKind::Criterion, format!("{what}: {}", item.text)));
        }
        open
    }

    fn has_begun_after(&self, step: &Step, gate: Timestamp) -> bool {
        let last = |action: ActionId| self.action(action)?.last();
        let mut actions = self.actions_of(step).into_iter();
        actions.any(|action| {
            !self.is_watch(action) && last(action).is_some_and(|attempt| attempt.started_at > gate)
        })
    }

    /// What the run waits for where nothing can be done before a time: it needs nobody until then.
    pub fn pause(&self, now: Timestamp) -> Option<Pause> {
        let goes_on = matches!(self.mode, Mode::Running | Mode::Held | Mode::Done);
        if !goes_on || !self.busy().is_empty() || self.held().is_some() {
            return None;
        }
        let phase = self.phase()?;
        if self.is_phase_passed(&phase.id) {
            return None;
        }
        if let Some(until) = self.due(phase).filter(|due| *due > now) {
            let what = phase.title.clone();
            return Some(Pause {
                until,
                what,
                soaks: false,
            });
        }
        self.soak_pause(phase, now)
            .or_else(|| self.wait_in(phase, now))
    }

    /// The wait in front of the next command of a phase, where nothing else is left to do.
    fn wait_in(&self, phase: &Phase, now: Timestamp) -> Option<Pause> {
        let mut steps = phase.steps.iter();
        let step = steps.find(|step| !self.is_step_settled(step))?;
        // A box can be ticked meanwhile.
        if self.open_ticks(step).next().is_some() {
            return None;
        }
        let is_open = |action: &ActionId| {
            self.action(*action)
                .is_none_or(|own| own.attempts.is_empty())
                && !self.is_left_out(step, *action)
                && !self.is_watch(*action)
        };
        let next = self.actions_of(step).into_iter().find(is_open)?;
        match self.waits_for(next, now)? {
            super::TimedWait::Until(until) => Some(Pause {
                until,
                what: step.title.clone(),
                soaks: false,
            }),
            super::TimedWait::For(_) => None,
        }
    }

    /// What the engine says once the phase at hand is passed: the deployment is finished, the next phase is
    /// entered, or the run is done.
    pub(super) fn goes_on_after(&self, phase: &Phase) -> Vec<Event> {
        let mut forward = self.runbook.preparation.iter().chain(&self.runbook.phases);
        if self.deployed_at.is_none() && forward.all(|phase| self.is_phase_passed(&phase.id)) {
            return vec![Event::DeploymentFinished {}];
        }
        let next = self
            .phase_index(&phase.id)
            .and_then(|index| self.walked().nth(index + 1));
        if let Some(next) = next {
            return vec![Event::PhaseEntered {
                phase: next.id.clone(),
            }];
        }
        if self.mode == Mode::Done || !self.open_points().is_empty() {
            return Vec::new();
        }
        let mut events = vec![Event::RunCompleted {}];
        events.extend(self.end_watches(|_| true));
        events
    }
}

/// The end of the deployment, and of the run.
pub(super) fn apply(state: &mut RunState, record: &Record) {
    match &record.event {
        Event::DeploymentFinished {} => state.deployed_at = Some(record.at),
        Event::RunCompleted {} => {
            state.mode = Mode::Done;
            // In journals of old the end of the deployment was that of the run.
            state.deployed_at.get_or_insert(record.at);
        }
        Event::RunAbandoned { reason } => {
            state.mode = Mode::Failed;
            state.note_down(record, format!("abandoned: {reason}"));
        }
        _ => {}
    }
}
