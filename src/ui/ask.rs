//! What passes between the cockpit and the event loop: what is asked of the supervisor or the
//! terminal, and what came of it.

use crate::api::{ClientError, CommandAnswer, OutputPage};
use crate::monitor::{BeforeStep, Session, SessionDetail};
use crate::run::{ActionId, Command, Fate, Included, Timestamp, Typed};
use crate::supervisor::Snapshot;

/// What the event loop is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// One after the other; what is refused stops the rest.
    Commands(Vec<Command>),
    Page {
        action: ActionId,
        attempt: u32,
        from: u64,
    },
    /// The nearest line with this text, before or after a line.
    Find {
        action: ActionId,
        attempt: u32,
        pattern: String,
        from: u64,
        lines: u64,
        upwards: bool,
    },
    Fate {
        action: ActionId,
    },
    Included {
        action: ActionId,
    },
    Loss {
        block: usize,
    },
    /// What an action would meet if it began now.
    Before {
        action: ActionId,
    },
    /// All that is shown, as it was at a moment.
    Past {
        at: Timestamp,
    },
    /// One session in full.
    Session(SessionAt),
    /// Keys for a running step.
    Type {
        action: ActionId,
        attempt: u32,
        typed: Typed,
    },
    /// What has changed in the guide's file.
    GuideDifference,
    Copy(String),
    Leave,
}

/// A session and no later one with its pid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionAt {
    pub target: String,
    pub pid: i32,
    pub backend_start_us: i64,
}

impl SessionAt {
    pub fn of(target: &str, session: &Session) -> Self {
        Self {
            target: target.to_owned(),
            pid: session.pid,
            backend_start_us: session.backend_start_us,
        }
    }
}

/// What came of an [`Ask`].
#[derive(Debug)]
pub enum Answer {
    Command(Result<CommandAnswer, ClientError>),
    Typed(Result<CommandAnswer, ClientError>),
    Page {
        action: ActionId,
        attempt: u32,
        from: u64,
        page: Result<OutputPage, String>,
    },
    Found {
        pattern: String,
        line: Result<Option<u64>, String>,
    },
    Fate {
        action: ActionId,
        fate: Result<Box<Fate>, String>,
    },
    Included {
        action: ActionId,
        included: Result<Vec<Included>, String>,
    },
    Loss {
        block: usize,
        loss: Result<String, String>,
    },
    Before {
        action: ActionId,
        before: Result<BeforeStep, String>,
    },
    Past {
        at: Timestamp,
        past: Result<Box<Snapshot>, String>,
    },
    Session {
        session: SessionAt,
        detail: Result<SessionDetail, String>,
    },
    GuideDifference(Result<Vec<String>, String>),
}
