//! What happened, kept: an append-only chain of records, each bound to all before it by a hash. A
//! record that was appended is durable when `append` returns; whatever was altered or torn off later
//! is found, and the intact prefix before it stays readable.

mod chain;
mod error;
mod head;
mod lock;
mod schema;
mod sqlite;
mod standing;

use futures::future::BoxFuture;

use crate::run::Record;

pub use error::JournalError;
pub use lock::{Holder, LockError, RunLock};
pub use sqlite::{SqliteJournal, verify};
pub use standing::{Glance, glance};

/// Where a run's records are kept. There is one writer; others only read.
pub trait Journal: Send {
    /// Adds records whose numbers go on without a gap. All of them are durable when it returns, or
    /// none of them is and the journal can be tried again with the same records: those that did get
    /// through before an error are recognised.
    fn append<'a>(&'a mut self, records: &'a [Record]) -> BoxFuture<'a, Result<(), JournalError>>;

    /// The intact records after `after_seq` (0: all), in order.
    fn read(&mut self, after_seq: u64) -> BoxFuture<'_, Result<Vec<Record>, JournalError>>;

    /// The last intact record.
    fn head(&self) -> Head;
}

/// The end of a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// 0 for an empty journal.
    pub seq: u64,
    /// In hexadecimal; zeros for an empty journal.
    pub hash: String,
}

/// Where a chain is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The first record that is altered or missing.
    pub first_bad: u64,
    pub reason: String,
}

/// What a look at a whole journal found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// Records of the intact prefix.
    pub events: u64,
    /// Its end.
    pub head: Head,
    pub intact: bool,
    pub first_bad: Option<u64>,
    /// What is wrong there.
    pub reason: Option<String>,
}

#[cfg(test)]
mod tests;
