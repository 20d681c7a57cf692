//! What the world shows of a run: processes, databases, files, and who is there. No client can say any of
//! it: it has no form on the wire.

use super::{
    ActionId, CommandMark, Evidence, GuideOnDisk, Launched, LockHolder, SessionSignal, Signalled,
    TargetIdentity, Timestamp, Victim,
};

#[derive(Clone, Debug, PartialEq)]
pub enum Observation {
    Launched {
        action: ActionId,
        attempt: u32,
        launched: Launched,
    },
    /// Commands of an attempt have begun or ended.
    Progress {
        action: ActionId,
        attempt: u32,
        marks: Vec<CommandMark>,
    },
    /// Everything before a `COMMIT` is done.
    Held {
        action: ActionId,
        attempt: u32,
        number: u32,
        line: usize,
        since: Timestamp,
        /// What it has shown so far.
        evidence: Option<Box<Evidence>>,
    },
    Finished {
        action: ActionId,
        attempt: u32,
        /// `None`: the world cannot say (no exit record, no process).
        evidence: Option<Box<Evidence>>,
        reason: Option<String>,
    },
    /// A database has said who it is, in a session that began just then.
    Identified {
        target: String,
        identity: TargetIdentity,
        /// By the server's clock: the one that is known certainly answered then.
        alive_until: Option<Timestamp>,
    },
    /// The transaction in which an action writes.
    TransactionSeen {
        action: ActionId,
        attempt: u32,
        transaction: i64,
    },
    GuideSeen {
        state: GuideOnDisk,
    },
    /// What had been written when a backup began.
    RowsCounted(Box<super::Counted>),
    /// Lines of an action matched a pattern; `line` and `text` are the last of them.
    Alerted {
        action: ActionId,
        attempt: u32,
        pattern: String,
        line: u64,
        text: String,
        count: u64,
    },
    /// A round of a repeated check ended.
    Sampled {
        action: ActionId,
        attempt: u32,
        round: u64,
        evidence: Box<Evidence>,
    },
    /// An alarm of what is watched began, or with no text ended.
    Alarm {
        key: String,
        text: Option<String>,
    },
    /// What the server answered to a signal, or why it could not be asked.
    SessionAnswered {
        target: String,
        signal: SessionSignal,
        victim: Victim,
        answer: Result<Signalled, String>,
    },
    /// What became of the lock of a target.
    LockSeen {
        target: String,
        /// `None`: it is ours.
        holder: Option<LockHolder>,
    },
    DriverLeft {
        since: Timestamp,
    },
    DriverReturned,
    /// Nobody of this name is there any more whose hand is up.
    WatcherLeft {
        name: String,
    },
    /// Somebody of another login joined under this name.
    GuestJoined {
        name: String,
        uid: u32,
    },
}
