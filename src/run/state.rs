//! The state of a run: the fold of its events. Clients hold a copy and fold the same events into it.

mod action;

pub use action::{ActionId, ActionState, Attempt, RoundSeen};
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    ArmedBefore, Configuration, GateDecision, GuideSeen, InputChange, Judgement, LockHolder,
    Provenance, TargetIdentity, Timestamp,
};
use crate::runbook::Runbook;
use crate::runbook::config::Environment;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    pub run: String,
    pub runbook: Arc<Runbook>,
    pub environment: String,
    pub protected: bool,
    /// Targets by name, as libpq text that holds no password.
    pub targets: BTreeMap<String, String>,
    /// The environment as it was when the run was opened.
    pub config: Box<Environment>,
    pub directory: String,
    pub opened_at: Timestamp,
    pub opened_by: String,
    pub unattended: bool,
    pub window_ends: Option<Timestamp>,
    pub mode: Mode,
    pub driver: String,
    /// How many supervisors this run has had.
    pub epoch: u64,
    /// What each target proved to be; after a change, what a person has accepted.
    pub identities: BTreeMap<String, TargetIdentity>,
    /// Targets that are another than that, until a person has looked at them.
    #[serde(default)]
    pub moved: BTreeMap<String, super::Moved>,
    /// Every identity of every target, oldest first.
    #[serde(default)]
    pub identities_seen: Vec<super::IdentitySeen>,
    /// By target; absent as long as nobody has asked its server.
    #[serde(default)]
    pub locks: BTreeMap<String, TargetLock>,
    pub inputs: BTreeMap<String, Input>,
    /// When a person last gave an input during the run: it stands above what steps left before.
    #[serde(default)]
    pub given_at: BTreeMap<String, Timestamp>,
    /// Values taken from the evidence of steps, by their name in capitals.
    #[serde(default)]
    pub captured: BTreeMap<String, Captured>,
    /// The alternative chosen, by group.
    pub choices: BTreeMap<String, String>,
    /// The phase at hand, by id.
    pub current_phase: String,
    pub phases: BTreeMap<String, PhaseState>,
    pub steps: BTreeMap<String, StepState>,
    pub actions: BTreeMap<ActionId, ActionState>,
    /// Commands that people wrote: their own, and corrections of the guide's.
    #[serde(default)]
    pub written: BTreeMap<ActionId, super::ByPerson>,
    pub rollback: Option<RollbackState>,
    /// Finished rollbacks before the one at hand.
    pub past_rollbacks: Vec<RollbackState>,
    pub notes: Vec<Note>,
    #[serde(default)]
    pub provenance: Provenance,
    /// The configuration that its user has to agree to before anything starts.
    #[serde(default)]
    pub untrusted: Option<Box<Configuration>>,
    /// What was done to the inputs, oldest first.
    #[serde(default)]
    pub input_changes: Vec<InputChange>,
    /// Armed in earlier runs of the same guide.
    #[serde(default)]
    pub armed_before: BTreeMap<ActionId, ArmedBefore>,
    /// The guide's file, once it was seen to be another.
    #[serde(default)]
    pub guide_on_disk: Option<GuideSeen>,
    /// Who offers, asks, watches with a raised hand, or must approve.
    #[serde(default)]
    pub pairing: super::Pairing,
    /// Red flags that watches have seen, oldest first.
    #[serde(default)]
    pub alerts: Vec<Alert>,
    /// What was wrong with what is watched, oldest first.
    #[serde(default)]
    pub alarms: Vec<super::AlarmRecord>,
    /// Where in them those stand that have not ended, by key.
    #[serde(default)]
    pub open_alarms: BTreeMap<String, usize>,
    /// Windows that have begun, by their line in the guide.
    #[serde(default)]
    pub soaks: BTreeMap<usize, super::SoakState>,
    /// What had been written when backups began, oldest first.
    #[serde(default)]
    pub counted: Vec<super::Counted>,
    /// When preparation and phases were passed.
    #[serde(default)]
    pub deployed_at: Option<Timestamp>,
    /// The line of time that the times here stand on, as far as this boot goes.
    #[serde(default)]
    pub clock: Option<super::ClockAnchor>,
    /// The last event folded in.
    pub seq: u64,
    pub last_event_at: Timestamp,
}

/// The lock of a target: one run acts on a database at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetLock {
    Ours { since: Timestamp },
    Theirs(LockHolder),
}

/// The run as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing runs until a person says so: a hold at a gate, or a revived run.
    Held,
    /// Open: the operator walks.
    Running,
    RollingBack,
    /// The whole walk is passed, and nothing is open.
    Done,
    /// Given up.
    Failed,
    RolledBack,
    /// A rollback step failed: a person is needed.
    Stuck,
}

impl Mode {
    /// Nothing of this run acts any more: rolled back, or given up.
    pub fn is_over(self) -> bool {
        matches!(self, Self::RolledBack | Self::Failed)
    }
}

impl RunState {
    /// The first target that another run holds.
    pub fn held_elsewhere(&self) -> Option<(&str, &LockHolder)> {
        self.locks.iter().find_map(|(target, lock)| match lock {
            TargetLock::Theirs(holder) => Some((target.as_str(), holder)),
            TargetLock::Ours { .. } => None,
        })
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PhaseState {
    pub entered_at: Option<Timestamp>,
    /// By the line of the criterion in the guide.
    pub criteria: BTreeMap<usize, CriterionState>,
    /// The last decision at its gate.
    pub gate: Option<Gate>,
}

impl PhaseState {
    pub fn is_passed(&self) -> bool {
        self.gate
            .as_ref()
            .is_some_and(|gate| gate.decision == GateDecision::Go)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    pub decision: GateDecision,
    pub at: Timestamp,
    pub by: String,
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CriterionState {
    pub judgement: Judgement,
    pub at: Timestamp,
    pub by: String,
    pub note: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepState {
    /// By index in `Step::ticks`.
    pub ticks: BTreeMap<usize, TickState>,
    pub skipped: Option<Skip>,
    /// Optional parts that were left out.
    #[serde(default)]
    pub left_out: BTreeMap<ActionId, Skip>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TickState {
    pub at: Timestamp,
    pub by: String,
    pub value: Option<String>,
    pub note: Option<String>,
    pub judgement: Option<Judgement>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Skip {
    pub at: Timestamp,
    pub by: String,
    pub reason: String,
}

/// Lines of one action that match one pattern, since somebody last acknowledged them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// The number of the event that raised it.
    pub id: u64,
    /// The phase whose gate it stands against.
    pub phase: String,
    pub action: ActionId,
    pub attempt: u32,
    /// The pattern as the guide has it, or the condition of a repeated check.
    pub pattern: String,
    /// The last matching line, counted from 1; the round of a repeated check.
    pub line: u64,
    /// Scrubbed, redacted and cut.
    pub text: String,
    /// Lines that matched.
    pub count: u64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    pub acknowledged: Option<Acknowledged>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Acknowledged {
    pub at: Timestamp,
    pub by: String,
    pub note: String,
    /// More of it is only counted, until the phase ends.
    #[serde(default)]
    pub lasts: bool,
    /// Lines that matched since.
    #[serde(default)]
    pub more: u64,
    /// The last of them.
    #[serde(default)]
    pub latest: String,
}

/// The process that carries an action out; pid and start time name it for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launched {
    pub pid: u32,
    /// In clock ticks since boot, from `/proc/PID/stat`; 0 where the system does not say.
    pub start_time: u64,
    /// The boot it belongs to; a pid means nothing after a restart of the machine.
    pub boot_id: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RollbackState {
    pub option: String,
    pub by: String,
    pub reason: Option<String>,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// `None` while it goes on; false: stuck.
    pub succeeded: Option<bool>,
    pub stuck_reason: Option<String>,
    /// Where the run stood when it began.
    pub from_phase: String,
    /// Digests of the files of its commands, as they were shown when it began.
    #[serde(default)]
    pub included: Option<BTreeMap<ActionId, String>>,
    /// Attempts that each of its actions had before it began.
    pub attempts_before: BTreeMap<ActionId, u32>,
}

/// A value that a step's `capture` took from its evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    pub value: String,
    pub action: ActionId,
    pub attempt: u32,
    pub at: Timestamp,
}

/// A value for a blank of the guide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    Value(String),
    /// The value is read from its source when it is needed, and stands nowhere.
    Secret(crate::runbook::config::SecretSource),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Note {
    pub at: Timestamp,
    pub by: String,
    pub text: String,
    pub step: Option<String>,
}

/// What a step looks like from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    Pending,
    Running,
    Passed,
    Failed,
    Cancelled,
    Skipped,
    Unknown,
    /// Taken back by a rollback.
    Undone,
    Stuck,
}
