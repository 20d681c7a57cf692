//! The run engine, pure: no clock, no tokio, no I/O. A command meets the state in [`decide`] and
//! becomes events or a refusal; [`apply`] folds an event into the state, live and on replay alike;
//! [`effects`] says what must be done in the world because of an event, and [`advance`] what the
//! engine itself does next. Whatever time it is comes in as an argument.

mod advance;
mod alarm;
mod apply;
mod autopilot;
mod awaits;
mod back;
mod batch;
mod carried;
mod clock;
mod command;
mod commands;
mod condition;
mod consent;
mod decide;
mod done;
mod effect;
mod event;
mod evidence;
mod expected_output;
mod facts;
mod fate;
mod flag_value;
mod flags;
mod guards;
mod held;
mod identity;
mod included;
mod inputs;
mod lock_timeout;
mod loss;
mod needs;
mod no_return;
mod notice;
mod observation;
mod output;
mod pairing;
mod plan;
mod preview;
mod proof;
mod reach;
mod rehearsed;
mod resume;
mod shell;
mod sighted;
mod signal;
mod soak;
mod state;
mod summary;
mod time;
mod undone;
mod waits;
mod walk;
mod watch;
mod window;
mod written;

#[cfg(test)]
pub(crate) mod tests;

pub use crate::runbook::shell_quoted;
pub use advance::{advance, awaits_look};
pub use alarm::{AlarmRecord, AlarmSeen};
pub use apply::{apply, fold, open};
pub use autopilot::{Ending, Next, Policy, autopilot};
pub use awaits::{Awaited, AwaitedKind, Whom};
pub use back::{Act, ActStanding};
pub use batch::{BatchMark, Batches};
pub use clock::ClockAnchor;
pub use command::{Command, Refusal};
pub use commands::{
    CommandDone, CommandEnd, CommandMark, CommandRun, CommandText, PlannedCommand, StageText,
    script_of,
};
pub use condition::{
    ConditionError, ConditionNames, EVIDENCE_NAMES, ProbeReading, Readings, Scope, check_condition,
    judge,
};
pub use consent::Configuration;
pub use decide::{decide, observe};
pub use done::{OpenKind, OpenPoint, Pause};
pub use effect::{Effect, effects};
pub use event::{Event, GateDecision, LockHolder, Record};
pub use evidence::{CatalogWord, CommandEvidence, Evidence, Judgement, Outcome, Verdict};
pub use expected_output::matches_output;
pub use facts::{DirectoryNow, Facts, FilesNow, Hang};
pub use fate::{CheckNow, Fate};
pub use flag_value::{FlagPlace, FlagSeen, FlagSet, quoted as quoted_flag};
pub use flags::Flag;
pub use guards::{Guard, GuardLevel};
pub use held::{Hold, HoldEnd, HoldPoint, KeyboardUse};
pub use identity::{IdentitySeen, Moved, Seen, TargetIdentity};
pub use included::{Included, Named, digest_of, named_files};
pub use inputs::{
    ArmedBefore, GuideOnDisk, GuideSeen, InputChange, MeasuredRollback, Origin, Provenance,
    Remembered, armed_before, check_input, code_hash, is_armed, is_open, open_inputs,
    steps_needing,
};
pub use lock_timeout::{LOCK_PAUSES_S, LOCK_TIMEOUT, LockTimeout, LockWait};
pub use loss::{Counted, Loss, Writes};
pub use needs::{Found, FoundState, Need, Readiness, World, needs_of, plans_in_the_world};
pub use notice::{Notice, Notices};
pub use observation::Observation;
pub use output::{Asking, OutputLine, OutputStream, OutputTail, Typed};
pub use pairing::{
    ApprovalRequest, DEMAND_AFTER_S, Hand, Logged, Offer, Pairing, PairingAct, PairingFact,
    Subject, Waiting, guest_name, may_be_one, person, same_person, subject_hash, without_login,
};
pub use plan::{PlannedAct, PlannedAction, PlannedByHand, RollbackPlan, rollback_plans};
pub use preview::{HandedOn, Preview, listed_of, preview, preview_ahead, preview_from, spellings};
pub use proof::Proof;
pub use reach::{Reached, strays_of_secrets};
pub use rehearsed::{Difference, Promotion, Rehearsal, Rehearsed, steps_of_others};
pub use resume::Resume;
pub use shell::{
    ShellStart, ShellState, ShellValue, Withheld, decode, encode, may_start_elsewhere, shell_start,
};
pub use signal::{SessionSignal, Signalled, Victim, answer_words};
pub use soak::{Breach, EACH_ROUND_S, Gap, SoakEnd, SoakState};
pub use state::*;
pub use summary::{SummaryLine, summary};
pub use time::{Schedule, Timestamp, schedule};
pub use waits::Waiting as TimedWait;
pub use walk::{GateAnswer, action_title, choices_of, open_choices, runnable_actions};
pub use window::WINDOW;
pub use written::ByPerson;

use condition::{NOT_WHOLE, names, value_of};

/// The name under which the engine itself acts.
pub const ENGINE: &str = "gonogo";

/// The bytes of such a text; `None` where it is none.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [_, _] => u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok(),
            _ => None,
        })
        .collect()
}

/// Bytes as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
