//! What a person asks of the run. What the world shows is an [`super::Observation`].

use serde::{Deserialize, Serialize};

use super::{ActionId, GateDecision, Input, Outcome, PairingAct, SessionSignal, Victim};
use crate::runbook::Actor;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// `value` answers a tick that asks for one.
    Tick {
        step: String,
        index: usize,
        value: Option<String>,
        note: Option<String>,
    },
    Untick {
        step: String,
        index: usize,
    },
    SetInput {
        name: String,
        input: Input,
    },
    /// Leaves a blank open again, and forgets what is remembered for it.
    ClearInput {
        name: String,
    },
    /// Takes the last change of an input back.
    UndoInput {},
    Choose {
        group: String,
        name: String,
    },
    /// Writes a command of one's own, for a shell or for SQL on a target. It runs like any other: once it
    /// was looked at and confirmed.
    Write {
        code: String,
        actor: Actor,
        on: Option<String>,
    },
    /// Puts another text in the place of a command, for this run.
    Correct {
        action: ActionId,
        code: String,
    },
    /// Changes a condition that was read from the guide's words, before its command runs.
    Expect {
        action: ActionId,
        /// The line of its words in the guide.
        line: usize,
        /// `None`: a person judges it.
        cel: Option<String>,
    },
    /// Allows a block whose role was only inferred; `hash` is that of its preview.
    Arm {
        action: ActionId,
        hash: String,
    },
    /// Switches a command of an action on or off: what is on is what runs.
    ToggleCommand {
        action: ActionId,
        index: usize,
        on: bool,
    },
    /// Switches the `lock_timeout` around the commands of an action on or off.
    ToggleLockTimeout {
        action: ActionId,
        on: bool,
    },
    /// Has a criterion measured: by a command that only reads and repeats, or by what the condition names.
    Bind {
        phase: String,
        line: usize,
        code: Option<String>,
        actor: crate::runbook::Actor,
        on: Option<String>,
        cel: String,
        every_s: u64,
    },
    /// Runs an action, or runs it again; with `from`, goes on with one that stopped: from the command of
    /// that index on. `hash` is that of the preview the operator saw; `typed` the
    /// word they typed where one is asked for; `reason` overrides a wait.
    Start {
        action: ActionId,
        hash: String,
        typed: Option<String>,
        reason: Option<String>,
        /// [`super::digest_of`] the files it includes, as they were shown.
        #[serde(default)]
        included: Option<String>,
        #[serde(default)]
        from: Option<usize>,
    },
    Cancel {
        action: ActionId,
    },
    /// Commits a held transaction, or rolls it back. `typed` is the word that a grave commit asks for.
    EndTransaction {
        action: ActionId,
        attempt: u32,
        commit: bool,
        typed: Option<String>,
        reason: Option<String>,
    },
    /// What this person types goes to the running action from now on.
    GiveKeyboard {
        action: ActionId,
    },
    ReturnKeyboard {
        action: ActionId,
    },
    /// With an action only that part of the step is left out, which the guide must call optional.
    Skip {
        step: String,
        reason: String,
        #[serde(default)]
        action: Option<ActionId>,
    },
    Unskip {
        step: String,
        #[serde(default)]
        action: Option<ActionId>,
    },
    /// `holds` says whether the criterion's text is true.
    Judge {
        phase: String,
        /// The line of the criterion in the guide.
        line: usize,
        holds: bool,
        note: Option<String>,
    },
    /// The value of a criterion that the guide wants as a number.
    Answer {
        phase: String,
        /// The line of the criterion in the guide.
        line: usize,
        value: String,
    },
    Gate {
        phase: String,
        decision: GateDecision,
        reason: Option<String>,
    },
    /// `hash` is that of the plan the operator saw.
    Rollback {
        option: String,
        hash: String,
        typed: Option<String>,
        reason: Option<String>,
        /// [`super::digest_of`] the files that each of its commands includes or calls, as they were
        /// shown; `None`: nobody was shown them.
        #[serde(default)]
        included: Option<std::collections::BTreeMap<ActionId, String>>,
    },
    /// Says what became of an unknown action.
    Resolve {
        action: ActionId,
        outcome: Outcome,
        reason: String,
    },
    /// Says what an alert means; it no longer stands against the gate.
    Acknowledge {
        alert: u64,
        note: String,
    },
    /// Says that an alarm was seen: it is muted on the screen until it ends.
    SeeAlarm {
        key: String,
        note: String,
    },
    Note {
        text: String,
        step: Option<String>,
    },
    /// Takes the controls that were offered, or one's own at another terminal.
    TakeControl {},
    /// Between the people at the run.
    Pairing {
        act: PairingAct,
    },
    /// Takes a target over from the run that holds it; `typed` is the name of that run.
    TakeTarget {
        target: String,
        typed: String,
        reason: String,
    },
    /// Stops a session of a target that is no action's, as the person saw it.
    SignalSession {
        target: String,
        signal: SessionSignal,
        victim: Victim,
    },
    /// Agrees to the configuration with this digest, as it was shown.
    Consent {
        digest: String,
    },
    /// Goes on with a target that is not the confirmed database. `seen` is the
    /// mark of what the person looked at; `typed` the environment's name, where it is protected.
    AcceptTarget {
        target: String,
        seen: String,
        typed: Option<String>,
        reason: String,
    },
    /// Goes on with a held run.
    Resume {},
    Abandon {
        reason: String,
    },
}

/// Why a command is not carried out, and what to do instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    pub message: String,
    pub help: String,
}

impl Refusal {
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: help.into(),
        }
    }
}
