//! What passes over the socket. Events are never lost; samples, output tails and presence may be,
//! and the newest replaces what was missed.

use serde::{Deserialize, Serialize};

use crate::monitor::Sample;
use crate::run::{
    ActionId, Asking, OutputLine, OutputTail, Record, Refusal, RunState, Timestamp, Typed,
};
use crate::supervisor::{Person, SharedView, StoreHealth};

/// One line of the stream (NDJSON).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "message", content = "body", rename_all = "snake_case")]
pub enum Message {
    /// Always first, and again whenever the client fell too far behind.
    Snapshot(Box<Snapshot>),
    Event(Box<Record>),
    Sample(Box<Sample>),
    Output(OutputTail),
    /// Whether a running action waits for something to be typed; after a snapshot, what was so already.
    Asking(Asking),
    Health(StoreHealth),
    People {
        people: Vec<Person>,
    },
    /// At least every second.
    Heartbeat {
        at: Timestamp,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub at: Timestamp,
    /// The name under which this client is known; unique among those connected.
    pub you: String,
    pub state: RunState,
    /// Latest readings, and the last 10 minutes of probes, oldest first.
    pub samples: Vec<Sample>,
    /// The end of every action's output that still has a spool, last attempt of each.
    pub outputs: Vec<OutputTail>,
    pub people: Vec<Person>,
    pub store: StoreHealth,
}

/// `POST /command`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandRequest {
    pub by: String,
    pub command: crate::run::Command,
}

/// `POST /input`: bytes for the keyboard of a running action. The answer is that of a command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputRequest {
    pub by: String,
    pub action: ActionId,
    pub attempt: u32,
    pub typed: Typed,
}

/// `POST /view`: what a cockpit shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ViewRequest {
    pub by: String,
    pub view: SharedView,
}

/// The answer to a command: the sequence number of its last event, or why not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandAnswer {
    Accepted { seq: u64 },
    Refused(Refusal),
}

/// `GET /output?action=A&attempt=N&from=LINE&count=N`: a page of a spool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputPage {
    /// Lines in the spool so far.
    pub lines: u64,
    pub page: Vec<OutputLine>,
}
