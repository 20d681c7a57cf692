//! Lines that actions print, as every layer passes them on.

use serde::{Deserialize, Serialize};

use super::ActionId;

/// The end of an action's output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputTail {
    pub action: ActionId,
    pub attempt: u32,
    /// Lines and bytes in the spool so far.
    pub lines: u64,
    pub bytes: u64,
    /// The last lines, oldest first, at most 200.
    pub tail: Vec<OutputLine>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputLine {
    /// Counted from 0.
    pub number: u64,
    pub stream: OutputStream,
    /// Milliseconds since the action started.
    pub at_ms: u64,
    /// Scrubbed and redacted; only SGR colour sequences are left.
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputStream {
    Out,
    Err,
    /// gonogo's own remark (`cancelled by anna`).
    Note,
}
