//! What has happened. Events are facts: they are written to the journal before any effect, and the
//! state of a run is nothing but their fold.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    ActionId, ArmedBefore, ClockAnchor, Configuration, Evidence, GuideOnDisk, Input, Judgement,
    Launched, Outcome, PairingFact, Provenance, SessionSignal, Signalled, TargetIdentity,
    Timestamp, Victim,
};
use crate::runbook::config::Environment;
use crate::runbook::{BlockNumber, Runbook, Written};

/// An event as the journal holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Counted from 1 without gaps.
    pub seq: u64,
    pub at: Timestamp,
    /// Who caused it: `anna@ops1`, or `gonogo` for the engine itself.
    pub by: String,
    pub event: Event,
}

/// Who holds the lock of a target, as its session there tells. A role that may not see other roles'
/// sessions learns the run and no more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockHolder {
    pub run: String,
    /// The driver of that run.
    pub by: Option<String>,
    pub since: Option<Timestamp>,
    /// What the run is about: the title of its guide.
    pub why: Option<String>,
    /// The process id of the session that holds it.
    pub pid: i32,
    /// When that session began, in microseconds since 1970: a pid alone may be another session by now.
    pub session_start_us: Option<i64>,
}

impl LockHolder {
    /// For a sentence: `run R (anna@ops1 since 02:13 UTC: Move the rows)`.
    pub fn describe(&self) -> String {
        let mut told = self.by.clone().unwrap_or_default();
        if let Some(since) = self.since {
            told.push_str(&since.format(" since %Y-%m-%d %H:%M UTC").to_string());
        }
        if let Some(why) = &self.why {
            told.push_str(&format!(": {why}"));
        }
        match told.trim() {
            "" => format!("run `{}`", self.run),
            told => format!("run `{}` ({told})", self.run),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateDecision {
    Go,
    Hold,
    NoGo,
}

/// An event's tag comes first, so the parser keeps all that follows in a form of its own until it has seen
/// it: for the opening of a run many times what its guide takes. This is that event without the tag.
#[derive(Deserialize)]
struct Opening {
    run: String,
    runbook: Arc<Runbook>,
    environment: Box<Environment>,
    directory: String,
    inputs: BTreeMap<String, Input>,
    window_ends: Option<Timestamp>,
    driver: String,
    unattended: bool,
    #[serde(default)]
    provenance: Provenance,
}

impl Event {
    /// Reads an event as it was written.
    ///
    /// # Errors
    /// Where it is none.
    pub fn from_json(body: &[u8]) -> serde_json::Result<Self> {
        if !body.starts_with(br#"{"kind":"run_opened","#) {
            return serde_json::from_slice(body);
        }
        let opening: Opening = serde_json::from_slice(body)?;
        Ok(Self::RunOpened {
            run: opening.run,
            runbook: opening.runbook,
            environment: opening.environment,
            directory: opening.directory,
            inputs: opening.inputs,
            window_ends: opening.window_ends,
            driver: opening.driver,
            unattended: opening.unattended,
            provenance: opening.provenance,
        })
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// Always the first. The guide is frozen into it as it was understood then.
    RunOpened {
        run: String,
        runbook: Arc<Runbook>,
        /// The environment with its targets and probes; it names where secrets come from and holds none.
        environment: Box<Environment>,
        /// Directory in which shell steps start.
        directory: String,
        inputs: BTreeMap<String, Input>,
        window_ends: Option<Timestamp>,
        driver: String,
        /// The run is walked without a person.
        unattended: bool,
        #[serde(default)]
        provenance: Provenance,
    },
    /// An inferred block was armed in an earlier run of the byte-identical guide, and need not be
    /// armed again.
    ArmingRemembered {
        action: ActionId,
        armed: ArmedBefore,
    },
    /// The guide's file is no longer, or is again, what this run was opened from. The run goes on with
    /// what was frozen.
    GuideSeen {
        state: GuideOnDisk,
    },
    SupervisorStarted {
        pid: u32,
        epoch: u64,
        /// The line of time that it goes on with.
        #[serde(default)]
        clock: Option<ClockAnchor>,
    },
    /// The wall clock was set, by so many milliseconds; `clock` is the line of time from now on.
    ClockStepped {
        by_ms: i64,
        clock: ClockAnchor,
    },
    /// The supervisor left on its own; what runs goes on in its shims.
    SupervisorStopped {},
    TargetVerified {
        target: String,
        identity: TargetIdentity,
    },
    /// Another database answers than the one that was proved (or this one has another role): the run
    /// is halted until a person has looked at it.
    TargetChanged {
        target: String,
        from: TargetIdentity,
        to: TargetIdentity,
        /// What differs, in words.
        what: Vec<String>,
    },
    /// A person goes on with what answers now.
    TargetAccepted {
        target: String,
        identity: TargetIdentity,
        reason: String,
    },
    /// This run holds the lock of the target: no other run of gonogo acts on it.
    TargetLocked {
        target: String,
    },
    /// Another run holds it. Where this run held it before, it is held from now on.
    TargetHeldElsewhere {
        target: String,
        holder: LockHolder,
    },
    /// A person takes the target over from the run that holds it.
    TargetTakenOver {
        target: String,
        from: LockHolder,
        reason: String,
    },
    AlarmBegan {
        key: String,
        text: String,
    },
    AlarmEnded {
        key: String,
    },
    AlarmSeen {
        key: String,
        note: String,
    },
    /// A person stops a session; written before the server is asked.
    SessionSignalled {
        target: String,
        signal: SessionSignal,
        victim: Victim,
    },
    SessionAnswered {
        target: String,
        signal: SessionSignal,
        victim: Victim,
        answer: Result<Signalled, String>,
    },
    DriverChanged {
        driver: String,
    },
    /// Between the people at the run.
    Pairing {
        fact: PairingFact,
    },
    InputSet {
        name: String,
        input: Input,
    },
    /// A blank was left open again.
    InputCleared {
        name: String,
    },
    /// The last change of this input was taken back.
    InputChangeUndone {
        name: String,
    },
    ChoiceMade {
        group: String,
        name: String,
    },
    /// A condition that was read from the guide's words was changed.
    ExpectationChanged {
        action: ActionId,
        line: usize,
        cel: Option<String>,
    },
    Ticked {
        step: String,
        index: usize,
        value: Option<String>,
        note: Option<String>,
        /// Where a condition ticked it.
        judgement: Option<Judgement>,
    },
    Unticked {
        step: String,
        index: usize,
    },
    /// With an action only that part of the step was left out.
    StepSkipped {
        step: String,
        reason: String,
        #[serde(default)]
        action: Option<ActionId>,
    },
    StepUnskipped {
        step: String,
        #[serde(default)]
        action: Option<ActionId>,
    },
    PhaseEntered {
        phase: String,
    },
    /// A block whose role was only inferred may now be run, as long as it stays what it was.
    Armed {
        action: ActionId,
        hash: String,
    },
    /// Somebody has switched a command of an action on or off.
    CommandToggled {
        action: ActionId,
        index: usize,
        on: bool,
    },
    /// Somebody has switched the `lock_timeout` around the commands of an action on or off.
    LockTimeoutToggled {
        action: ActionId,
        on: bool,
    },
    /// Written before the action exists in the world.
    ActionStarted {
        action: ActionId,
        attempt: u32,
        /// What runs, secrets masked.
        command: String,
        target: String,
        hash: String,
        /// The commands that it runs.
        #[serde(default)]
        commands: Vec<super::PlannedCommand>,
        /// It goes on with an attempt that stopped, from the command of this index.
        #[serde(default)]
        from: Option<usize>,
        /// Why it is run against what is known.
        #[serde(default)]
        reason: Option<String>,
        /// What stood against it when it began.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        guards: Vec<super::Guard>,
    },
    /// Written when its shim has said so; before the command begins, that stands in the spool.
    CommandBegan {
        action: ActionId,
        attempt: u32,
        run: super::CommandRun,
    },
    CommandEnded {
        action: ActionId,
        attempt: u32,
        command: usize,
        done: super::CommandDone,
    },
    /// A command got no lock in time.
    LockWaited {
        action: ActionId,
        attempt: u32,
        command: usize,
        wait: super::LockWait,
    },
    /// A batch of a command is done up to its `COMMIT`.
    BatchDone {
        action: ActionId,
        attempt: u32,
        command: usize,
        batch: super::BatchMark,
    },
    /// What a flag is before anything is set: durable in its spool before that begins.
    FlagRead {
        action: ActionId,
        attempt: u32,
        flag: super::FlagSeen,
    },
    ActionLaunched {
        action: ActionId,
        attempt: u32,
        launched: Launched,
    },
    /// The monitor saw the transaction in which a step writes: after a crash the server can be asked
    /// what became of it.
    TransactionSeen {
        action: ActionId,
        attempt: u32,
        transaction: i64,
    },
    CancelRequested {
        action: ActionId,
        attempt: u32,
    },
    /// Everything before a `COMMIT` is done: the transaction is open and waits for a person.
    TransactionHeld {
        action: ActionId,
        attempt: u32,
        /// Which one of the attempt, counted from 1.
        number: u32,
        /// The line of the `COMMIT` in the guide.
        line: usize,
        since: Timestamp,
        /// The action's expectations, judged on what it has shown so far.
        judgements: Vec<Judgement>,
    },
    /// Decided, and written before the shim hears of it.
    TransactionEnded {
        action: ActionId,
        attempt: u32,
        number: u32,
        /// False: rolled back.
        commit: bool,
        reason: Option<String>,
    },
    /// What the person types goes to the step from now on; what that is stands nowhere.
    KeyboardGiven {
        action: ActionId,
        attempt: u32,
    },
    KeyboardReturned {
        action: ActionId,
        attempt: u32,
    },
    ActionFinished {
        action: ActionId,
        attempt: u32,
        outcome: Outcome,
        evidence: Box<Evidence>,
        judgements: Vec<Judgement>,
        /// Why it is failed or unknown, where the evidence does not say.
        reason: Option<String>,
    },
    /// How many rows had been written to the tables of the guide when a backup began.
    RowsCounted(Box<super::Counted>),
    /// A value that the attempt's `capture` took from its evidence, for later blanks of that name.
    Captured {
        action: ActionId,
        attempt: u32,
        name: String,
        value: String,
    },
    /// A person said what became of an unknown action.
    ActionResolved {
        action: ActionId,
        attempt: u32,
        outcome: Outcome,
        reason: String,
    },
    /// A round of a repeated check said something new.
    ActionSampled {
        action: ActionId,
        attempt: u32,
        round: u64,
        evidence: Box<Evidence>,
        judgements: Vec<Judgement>,
    },
    /// A watch has seen a red flag, `count` times since this was last said; `line` and `text` are the
    /// last of them. Said at most once in ten seconds for each pattern.
    AlertRaised {
        action: ActionId,
        attempt: u32,
        phase: String,
        pattern: String,
        line: u64,
        text: String,
        count: u64,
    },
    /// A person has seen the alert that this event raised, and says what it means.
    AlertAcknowledged {
        alert: u64,
        note: String,
        /// It holds for this pattern of this watch until the phase ends: more of it is only counted.
        #[serde(default)]
        lasts: bool,
    },
    /// A person (or, with a condition, the engine) judged a criterion of a phase.
    CriterionJudged {
        phase: String,
        /// The line of the criterion in the guide.
        line: usize,
        judgement: Judgement,
        note: Option<String>,
    },
    /// A person wrote a command of their own; it stands beside the walk from here on.
    CommandWritten {
        written: Box<Written>,
    },
    /// A person corrected a command of the guide, for this run.
    CommandCorrected {
        action: ActionId,
        written: Box<Written>,
    },
    /// A criterion is measured from now on; `block` is the command that measures it, where one does.
    CriterionBound {
        phase: String,
        line: usize,
        cel: String,
        block: Option<BlockNumber>,
    },
    GateDecided {
        phase: String,
        decision: GateDecision,
        reason: Option<String>,
    },
    RollbackStarted {
        option: String,
        reason: Option<String>,
        hash: String,
        /// Digests of the files of its commands, as they were shown; `None`: nobody was shown them.
        #[serde(default)]
        included: Option<BTreeMap<ActionId, String>>,
    },
    RollbackFinished {
        option: String,
        /// False: stuck, a person is needed.
        succeeded: bool,
        reason: Option<String>,
    },
    NoteWritten {
        text: String,
        step: Option<String>,
    },
    /// Nobody has agreed yet to what the configuration of the run reaches for: nothing starts.
    ConsentAsked {
        configuration: Box<Configuration>,
    },
    /// The user agrees to the configuration with this digest, here or elsewhere.
    ConsentGiven {
        digest: String,
    },
    /// A held run goes on.
    RunResumed {},
    /// The window of the guide's line is under way.
    SoakBegan {
        line: usize,
        ends_at: Timestamp,
    },
    /// With a reason a person went on before its time.
    SoakEnded {
        line: usize,
        reason: Option<String>,
    },
    /// Preparation and phases are passed; waits of the cleanup are counted from here.
    DeploymentFinished {},
    /// The whole walk is passed, and nothing is open.
    RunCompleted {},
    /// The run was given up where it stands.
    RunAbandoned {
        reason: String,
    },
}
