//! The journal of one run in an SQLite file: WAL, a sync at every commit, one writer.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

use super::chain::{self, Hash};
use super::head::{Noted, noted};
use super::schema::migrate;
use super::{Damage, Head, Journal, JournalError};
use crate::run::Record;

mod append;
mod fold;
mod read;
mod stretch;

use fold::Sink;
pub use read::verify;
use read::{cut_off, scan};

/// Rows (stretches of events) that SQLite's thread may be ahead of who reads them.
const ROWS_AHEAD: usize = 32;

/// An open journal.
#[derive(Debug)]
pub struct SqliteJournal {
    path: PathBuf,
    connection: SqliteConnection,
    /// The end of the intact chain; `None` while an attempt to write has an unknown end.
    end: Option<End>,
    /// The end as it was last known.
    last_known: End,
    damage: Option<Damage>,
    epoch: u64,
    writable: bool,
    format: i64,
    noted: Noted,
}

/// What a journal is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Write,
    Read,
    ReadAtRest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct End {
    seq: u64,
    hash: Hash,
}

const EMPTY: End = End {
    seq: 0,
    hash: chain::START,
};

impl From<End> for Head {
    fn from(end: End) -> Self {
        Self {
            seq: end.seq,
            hash: chain::hexadecimal(&end.hash),
        }
    }
}

impl SqliteJournal {
    /// A new journal; the file must not exist. Only its owner may read it.
    pub async fn create(path: impl Into<PathBuf>) -> Result<Self, JournalError> {
        use std::os::unix::fs::OpenOptionsExt;
        let path = path.into();
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| JournalError::io(&path, &error))?;
        Self::connect(path, Use::Write, &mut Sink::Nothing).await
    }

    /// Opens an existing journal to go on with it; whoever had it open before can write no more. A
    /// damaged one is opened too (see `damage`), but cannot be written.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, JournalError> {
        Self::reopen(path.into(), Use::Write, &mut Sink::Nothing).await
    }

    /// [`Self::open`], and folds the intact events into `begin` on the way, in their order.
    ///
    /// # Errors
    /// As `open`; and where an event that is intact cannot be read: then nobody may go on with it.
    pub async fn open_folding<T: Send + 'static>(
        path: impl Into<PathBuf>,
        begin: T,
        fold: impl FnMut(&mut T, Record) + Send + 'static,
    ) -> Result<(Self, T), JournalError> {
        let (journal, state, unreadable) =
            Self::reopen_folding(path.into(), Use::Write, begin, fold).await?;
        match unreadable {
            None => Ok((journal, state)),
            Some(damage) => Err(JournalError::Damaged {
                path: journal.path,
                damage,
            }),
        }
    }

    /// Opens an existing journal to read it; its writer goes on undisturbed, and one of an older
    /// format stays as it is.
    pub async fn open_read_only(path: impl Into<PathBuf>) -> Result<Self, JournalError> {
        Self::reopen(path.into(), Use::Read, &mut Sink::Nothing).await
    }

    /// [`Self::open_read_only`] of one that nobody writes: it takes no locks.
    pub(super) async fn open_at_rest(path: &Path) -> Result<Self, JournalError> {
        Self::reopen(path.to_owned(), Use::ReadAtRest, &mut Sink::Nothing).await
    }

    /// [`Self::open_read_only`], and folds the intact events into `begin` on the way, in their order,
    /// up to the first that cannot be read (see `damage`).
    pub async fn open_read_only_folding<T: Send + 'static>(
        path: impl Into<PathBuf>,
        begin: T,
        fold: impl FnMut(&mut T, Record) + Send + 'static,
    ) -> Result<(Self, T), JournalError> {
        let (mut journal, state, unreadable) =
            Self::reopen_folding(path.into(), Use::Read, begin, fold).await?;
        // It stands before whatever else is wrong: nothing behind a damage is folded.
        if unreadable.is_some() {
            journal.damage = unreadable;
        }
        Ok((journal, state))
    }

    async fn reopen_folding<T: Send + 'static>(
        path: PathBuf,
        intent: Use,
        begin: T,
        fold: impl FnMut(&mut T, Record) + Send + 'static,
    ) -> Result<(Self, T, Option<Damage>), JournalError> {
        let (mut sink, folding) = fold::begin(begin, fold);
        let opened = Self::reopen(path.clone(), intent, &mut sink).await;
        drop(sink);
        let journal = opened?;
        match folding.await {
            Ok((state, unreadable)) => Ok((journal, state, unreadable)),
            Err(error) => Err(JournalError::Io {
                path,
                reason: error.to_string(),
            }),
        }
    }

    async fn reopen(path: PathBuf, intent: Use, sink: &mut Sink) -> Result<Self, JournalError> {
        std::fs::metadata(&path).map_err(|error| JournalError::io(&path, &error))?;
        Self::connect(path, intent, sink).await
    }

    async fn connect(path: PathBuf, intent: Use, sink: &mut Sink) -> Result<Self, JournalError> {
        let writable = intent == Use::Write;
        let failed = |error: sqlx::Error| JournalError::sqlite(&path, &error);
        let mut options = SqliteConnectOptions::new()
            .filename(&path)
            .read_only(!writable)
            .immutable(intent == Use::ReadAtRest)
            .busy_timeout(Duration::from_secs(5))
            .row_buffer_size(ROWS_AHEAD)
            .disable_statement_logging();
        if writable {
            options = options
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full);
        }
        let mut connection = options.connect().await.map_err(failed)?;
        let format = migrate(&path, &mut connection, writable).await?;
        // Before the look at the chain: whoever writes it now writes nothing behind that look.
        let epoch: i64 = match writable {
            true => {
                let next = "UPDATE meta SET value = value + 1 WHERE key = 'epoch' RETURNING value";
                let next = sqlx::query_scalar(next).fetch_one(&mut connection);
                next.await.map_err(failed)?
            }
            false => 0,
        };
        // Before it too: a reader's writer may be at work.
        let noted = noted(&path);
        let (end, damage) = scan(&mut connection, EMPTY, sink).await;
        let damage = damage.or_else(|| cut_off(end, noted));
        Ok(Self {
            path,
            connection,
            end: Some(end),
            last_known: end,
            damage,
            epoch: u64::try_from(epoch).unwrap_or_default(),
            writable,
            format,
            noted: Noted::default(),
        })
    }

    /// Where the chain is broken, if it is.
    pub fn damage(&self) -> Option<&Damage> {
        self.damage.as_ref()
    }

    /// Counts the writers this journal has had; an earlier one can write no more. 0 for a reader.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The format of the file as it is now.
    pub(super) fn format(&self) -> i64 {
        self.format
    }

    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    /// Number and hash of the last event, where nothing is in doubt and this one may write.
    pub(super) fn known_end(&self) -> Option<(i64, Hash)> {
        let end = self
            .end
            .filter(|_| self.writable && self.damage.is_none())?;
        Some((i64::try_from(end.seq).ok()?, end.hash))
    }

    /// Writes everything back into one file and closes it.
    pub async fn close(self) -> Result<(), JournalError> {
        let path = self.path;
        self.connection
            .close()
            .await
            .map_err(|error| JournalError::sqlite(&path, &error))
    }
}

impl Journal for SqliteJournal {
    fn append<'a>(&'a mut self, records: &'a [Record]) -> BoxFuture<'a, Result<(), JournalError>> {
        self.append_records(records).boxed()
    }

    fn read(&mut self, after_seq: u64) -> BoxFuture<'_, Result<Vec<Record>, JournalError>> {
        self.read_records(after_seq).boxed()
    }

    fn head(&self) -> Head {
        self.last_known.into()
    }
}

fn hash(bytes: &[u8]) -> Hash {
    bytes.try_into().unwrap_or(chain::START)
}

async fn hash_of(connection: &mut SqliteConnection, seq: u64) -> Result<Hash, sqlx::Error> {
    let stored: Option<Vec<u8>> = sqlx::query_scalar("SELECT hash FROM events WHERE seq = ?")
        .bind(i64::try_from(seq).unwrap_or(i64::MAX))
        .fetch_optional(connection)
        .await?;
    Ok(stored.as_deref().map_or(chain::START, hash))
}

async fn meta(connection: &mut SqliteConnection, key: &str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT value FROM meta WHERE key = ?")
        .bind(key)
        .fetch_one(connection)
        .await
}

#[cfg(test)]
impl SqliteJournal {
    /// As after a commit whose answer was lost.
    pub(super) fn forget_end(&mut self) {
        self.end = None;
    }
}
