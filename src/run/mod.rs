//! The run engine, pure: no clock, no tokio, no I/O. A command meets the state in `decide` and
//! becomes events or a refusal; `apply` folds an event into the state, live and on replay alike;
//! `effects` says what must be done in the world because of an event, and `advance` what the
//! engine itself does next. Whatever time it is comes in as an argument.

mod command;
mod effect;
mod event;
mod evidence;
mod output;
mod state;
mod time;

pub use command::{Command, Refusal};
pub use effect::{Effect, effects};
pub use event::{Event, GateDecision, Record, TargetIdentity};
pub use evidence::{Evidence, Judgement, Outcome, Verdict};
pub use output::{OutputLine, OutputStream, OutputTail};
pub use state::*;
pub use time::Timestamp;
