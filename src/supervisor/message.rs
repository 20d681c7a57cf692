//! What the readers of a run are told. Events are never lost; samples, output tails and presence may
//! be, and the newest replaces what was missed.

use serde::{Deserialize, Serialize};

use crate::monitor::Sample;
use crate::run::{Asking, OutputTail, Readiness, Record, RunState, Timestamp};

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
    /// Whether what the rollbacks need is there; after a snapshot, what was seen last.
    Readiness(Readiness),
    People {
        people: Vec<Person>,
    },
    /// At least every second.
    Heartbeat {
        at: Timestamp,
    },
}

/// All there is to know when a client joins. Everything but `you` is the same for all of them, and is
/// written once (`Feed::snapshot`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The name under which this client is known; unique among those connected.
    pub you: String,
    pub at: Timestamp,
    pub state: RunState,
    /// Latest readings, and the last 10 minutes of probes, oldest first.
    pub samples: Vec<Sample>,
    /// The end of every action's output that still has a spool, last attempt of each.
    pub outputs: Vec<OutputTail>,
    pub people: Vec<Person>,
    pub store: StoreHealth,
}

/// Whether the journal can be written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StoreHealth {
    pub events: u64,
    /// Hash of the newest link of the chain.
    pub head: String,
    /// The last write failed: no new action starts.
    pub failure: Option<String>,
    /// It is written, but elsewhere than where the run was opened: no new action starts either.
    #[serde(default)]
    pub displaced: bool,
    /// Secrets that are on their way, or could not be had.
    #[serde(default)]
    pub secrets: Vec<SecretState>,
}

/// A secret whose value is not here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretState {
    pub name: String,
    /// Since when it is on its way, or when it failed.
    pub since: Timestamp,
    /// Why there is none; `None`: it is on its way.
    pub failure: Option<String>,
}

/// Who is connected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub name: String,
    pub driver: bool,
    pub since: Timestamp,
    /// Came to watch only.
    #[serde(default)]
    pub observe: bool,
    /// The user number of another login than the run's own.
    #[serde(default)]
    pub guest: Option<u32>,
    /// Connected, but it shows no sign of life.
    #[serde(default)]
    pub stale: bool,
    /// What they look at; `None` of clients that draw nothing.
    #[serde(default)]
    pub view: Option<SharedView>,
}

/// What a cockpit shows, for those who follow it. Never journalled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedView {
    /// The step looked at; `None`: the one at hand.
    pub step: Option<String>,
    /// The box or action under the cursor.
    pub item: Option<usize>,
    /// The focused pane.
    pub pane: String,
    pub zoomed: bool,
    /// The minute of the last key.
    #[serde(default)]
    pub keyed_at: Option<Timestamp>,
}
