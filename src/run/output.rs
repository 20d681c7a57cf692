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

/// Whether a running action waits for something to be typed. It is shown and kept nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asking {
    pub action: ActionId,
    pub attempt: u32,
    /// The unfinished line before the cursor, scrubbed and redacted; `None`: it does not ask (any more).
    pub prompt: Option<String>,
    /// What is typed is not echoed: a password, most likely.
    pub hidden: bool,
}

/// What a person types to a step. It is passed on and kept nowhere, so it has no text of its own.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Typed {
    Keys(Vec<u8>),
    /// What the person sees of the step's terminal has this size, in characters.
    Size {
        columns: u16,
        rows: u16,
    },
}

impl std::fmt::Debug for Typed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Keys(bytes) => write!(formatter, "Typed({} bytes)", bytes.len()),
            Self::Size { columns, rows } => write!(formatter, "Typed({columns}x{rows})"),
        }
    }
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

impl OutputLine {
    /// The text without its colours, for wherever it is not drawn as a terminal would.
    pub fn plain(&self) -> std::borrow::Cow<'_, str> {
        crate::text::scrub::scrub_line(&self.text, false)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputStream {
    Out,
    Err,
    /// gonogo's own remark (`cancelled by anna`).
    Note,
}
