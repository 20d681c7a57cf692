//! The run engine, pure: no clock, no tokio, no I/O. A command meets the state in [`decide`] and
//! becomes events or a refusal; [`apply`] folds an event into the state, live and on replay alike;
//! [`effects`] says what must be done in the world because of an event, and [`advance`] what the
//! engine itself does next. Whatever time it is comes in as an argument.

mod advance;
mod apply;
mod autopilot;
mod command;
mod condition;
mod decide;
mod effect;
mod event;
mod evidence;
mod expected_output;
mod included;
mod output;
mod pairing;
mod plan;
mod preview;
mod state;
mod summary;
mod time;
mod walk;
mod watch;

#[cfg(test)]
mod tests;

pub use advance::advance;
pub use apply::{apply, open};
pub use autopilot::{Ending, Next, Policy, autopilot};
pub use command::{Command, Refusal};
pub use condition::{
    ConditionError, EVIDENCE_NAMES, ProbeReading, Readings, Scope, check_condition, judge,
};
pub use decide::decide;
pub use effect::{Effect, effects};
pub use event::{Event, GateDecision, LockHolder, Record, TargetIdentity};
pub use evidence::{Evidence, Judgement, Outcome, Verdict};
pub use expected_output::matches_output;
pub use included::{Included, digest_of, included_files};
pub use output::{OutputLine, OutputStream, OutputTail};
pub use pairing::{
    ApprovalRequest, DEMAND_AFTER_S, Hand, Logged, Offer, Pairing, PairingAct, PairingFact,
    Subject, Waiting, person, same_person, subject_hash,
};
pub use plan::{PlannedAction, RollbackPlan, rollback_plans};
pub use preview::{Preview, directory, preview, shell_quoted};
pub use state::*;
pub use summary::{SummaryLine, summary};
pub use time::{Schedule, Timestamp, schedule};
pub use walk::{action_title, choices_of, open_choices, runnable_actions};

/// The name under which the engine itself acts.
pub const ENGINE: &str = "gonogo";

/// Bytes as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
