//! The journal of one run in an SQLite file: WAL, a sync at every commit, one writer.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Row as _};

use super::chain::{self, Hash, Row};
use super::head::{Noted, noted};
use super::schema::migrate;
use super::{Damage, Head, Journal, JournalError, Verification};
use crate::run::Record;

const COLUMNS: &str = "SELECT seq, at, by, kind, body, hash FROM events WHERE seq > ? ORDER BY seq";

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
    /// What the look at the chain found when it was opened, for the first who reads all of it.
    looked_at: Vec<Row>,
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
        Self::connect(path, true).await
    }

    /// Opens an existing journal to go on with it; whoever had it open before can write no more. A
    /// damaged one is opened too (see `damage`), but cannot be written.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, JournalError> {
        let path = path.into();
        std::fs::metadata(&path).map_err(|error| JournalError::io(&path, &error))?;
        Self::connect(path, true).await
    }

    /// Opens an existing journal to read it; its writer goes on undisturbed, and one of an older
    /// format stays as it is.
    pub async fn open_read_only(path: impl Into<PathBuf>) -> Result<Self, JournalError> {
        let path = path.into();
        std::fs::metadata(&path).map_err(|error| JournalError::io(&path, &error))?;
        Self::connect(path, false).await
    }

    async fn connect(path: PathBuf, writable: bool) -> Result<Self, JournalError> {
        let failed = |error: sqlx::Error| JournalError::sqlite(&path, &error);
        let mut options = SqliteConnectOptions::new()
            .filename(&path)
            .read_only(!writable)
            .busy_timeout(Duration::from_secs(5))
            .disable_statement_logging();
        if writable {
            options = options
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full);
        }
        let mut connection = options.connect().await.map_err(failed)?;
        let format = migrate(&path, &mut connection, writable).await?;
        let mut epoch: i64 = meta(&mut connection, "epoch").await.map_err(failed)?;
        // Before the look at the chain: its writer may be at work.
        let noted = noted(&path);
        let mut looked_at = Vec::new();
        let (end, damage) = scan(&mut connection, EMPTY, |row| {
            looked_at.push(row);
            Ok(())
        })
        .await;
        let damage = damage.or_else(|| cut_off(end, noted));
        if writable {
            let statement = "UPDATE meta SET value = value + 1 WHERE key = 'epoch'";
            sqlx::query(statement)
                .execute(&mut connection)
                .await
                .map_err(failed)?;
            epoch += 1;
        }
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
            looked_at,
        })
    }

    /// Where the chain is broken, if it is.
    pub fn damage(&self) -> Option<&Damage> {
        self.damage.as_ref()
    }

    /// Counts the writers this journal has had; an earlier one can write no more.
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

    /// Puts what stands behind a damage aside (table `damaged`), so that the journal goes on from its
    /// intact prefix. Returns how many records that were.
    pub async fn set_damaged_tail_aside(&mut self) -> Result<u64, JournalError> {
        let Some(damage) = &self.damage else {
            return Ok(0);
        };
        let path = self.path.clone();
        let failed = |error: sqlx::Error| JournalError::sqlite(&path, &error);
        let last_good = i64::try_from(damage.first_bad).unwrap_or(i64::MAX) - 1;
        let mut transaction = self
            .connection
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed)?;
        let moved = sqlx::query(
            "INSERT INTO damaged
             SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), seq, at, by, kind, body, hash
             FROM events WHERE seq > ? OR seq < 1",
        )
        .bind(last_good)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?
        .rows_affected();
        sqlx::query("DELETE FROM events WHERE seq > ? OR seq < 1")
            .bind(last_good)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        sqlx::query("UPDATE meta SET value = ? WHERE key = 'head'")
            .bind(last_good)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        let end = End {
            seq: u64::try_from(last_good).unwrap_or_default(),
            hash: hash_of(
                &mut self.connection,
                u64::try_from(last_good).unwrap_or_default(),
            )
            .await
            .map_err(failed)?,
        };
        self.end = Some(end);
        self.last_known = end;
        self.looked_at
            .truncate(usize::try_from(end.seq).unwrap_or(usize::MAX));
        self.damage = None;
        self.noted.note(&path, &end.into());
        Ok(moved)
    }

    /// Whether an append would find room and a healthy disk; changes nothing that is kept.
    ///
    /// # Errors
    /// As `append`.
    pub async fn try_out(&mut self) -> Result<(), JournalError> {
        let draft = self.path.with_extension("room");
        let tried = take_room(&draft).map_err(|error| JournalError::io(&draft, &error));
        let removed = std::fs::remove_file(&draft);
        tried?;
        removed.map_err(|error| JournalError::io(&draft, &error))?;
        self.clear_up().await;
        self.execute("UPDATE meta SET value = value WHERE key = 'head'")
            .await
    }

    /// Writes everything back into one file and closes it.
    pub async fn close(self) -> Result<(), JournalError> {
        let path = self.path;
        self.connection
            .close()
            .await
            .map_err(|error| JournalError::sqlite(&path, &error))
    }

    async fn append_records(&mut self, records: &[Record]) -> Result<(), JournalError> {
        if !self.writable {
            return Err(JournalError::ReadOnly {
                path: self.path.clone(),
            });
        }
        if let Some(damage) = &self.damage {
            return Err(JournalError::Damaged {
                path: self.path.clone(),
                damage: damage.clone(),
            });
        }
        let Some(first) = records.first() else {
            return Ok(());
        };
        let follows = |expected: u64, got: u64| {
            if got == expected {
                return Ok(());
            }
            Err(JournalError::OutOfOrder {
                path: self.path.clone(),
                expected,
                got,
            })
        };
        if let Some(end) = self.end {
            follows(end.seq + 1, first.seq)?;
        }
        for pair in records.windows(2) {
            follows(pair[0].seq + 1, pair[1].seq)?;
        }
        self.clear_up().await;
        // Until this attempt has a known end, the file is asked where the chain ends.
        let known = self.end.take();
        self.execute("BEGIN IMMEDIATE").await?;
        let written = match self.write(known, first.seq, records).await {
            Ok(after) => self.execute("COMMIT").await.map(|()| after),
            Err(error) => Err(error),
        };
        if written.is_err() {
            self.roll_back().await;
        }
        let after = written?;
        self.end = Some(after);
        self.last_known = after;
        self.noted.note(&self.path, &after.into());
        Ok(())
    }

    /// Ends what an attempt has left open whose future was dropped half-way.
    async fn clear_up(&mut self) {
        if self.end.is_none() {
            self.roll_back().await;
        }
    }

    /// SQLite ends a transaction by itself on some errors and not on others; both are fine here.
    async fn roll_back(&mut self) {
        if let Err(error) = self.execute("ROLLBACK").await {
            tracing::debug!(%error, "nothing to roll back");
        }
    }

    async fn execute(&mut self, statement: &'static str) -> Result<(), JournalError> {
        sqlx::query(statement)
            .execute(&mut self.connection)
            .await
            .map(|_| ())
            .map_err(|error| JournalError::sqlite(&self.path, &error))
    }

    /// Writes the records that are not there yet; those that are must be the same.
    async fn write(
        &mut self,
        known: Option<End>,
        first: u64,
        records: &[Record],
    ) -> Result<End, JournalError> {
        let path = &self.path;
        let connection = &mut self.connection;
        let failed = |error: sqlx::Error| JournalError::sqlite(path, &error);
        let found: i64 = meta(connection, "epoch").await.map_err(failed)?;
        let found = u64::try_from(found).unwrap_or_default();
        if found != self.epoch {
            return Err(JournalError::Fenced {
                path: path.clone(),
                found,
                ours: self.epoch,
            });
        }
        let mut end = match known {
            Some(end) => end,
            None => {
                let seq: i64 = meta(connection, "head").await.map_err(failed)?;
                let seq = u64::try_from(seq).unwrap_or_default();
                let before = first.saturating_sub(1);
                if before > seq {
                    return Err(JournalError::OutOfOrder {
                        path: path.clone(),
                        expected: seq + 1,
                        got: first,
                    });
                }
                End {
                    seq: before,
                    hash: hash_of(connection, before).await.map_err(failed)?,
                }
            }
        };
        for record in records {
            let row = Row::new(record, &end.hash).map_err(|reason| JournalError::Encode {
                seq: record.seq,
                reason,
            })?;
            let there: Option<Vec<u8>> =
                sqlx::query_scalar("SELECT hash FROM events WHERE seq = ?")
                    .bind(row.seq)
                    .fetch_optional(&mut *connection)
                    .await
                    .map_err(failed)?;
            match there {
                Some(hash) if hash == row.hash => {}
                Some(_) => {
                    return Err(JournalError::Conflict {
                        path: path.clone(),
                        seq: record.seq,
                    });
                }
                None => insert(connection, &row).await.map_err(failed)?,
            }
            end = End {
                seq: record.seq,
                hash: hash(&row.hash),
            };
        }
        // A tail that is cut off is noticed by this.
        sqlx::query("UPDATE meta SET value = max(value, ?) WHERE key = 'head'")
            .bind(i64::try_from(end.seq).unwrap_or(i64::MAX))
            .execute(&mut *connection)
            .await
            .map_err(failed)?;
        Ok(end)
    }

    async fn read_records(&mut self, after_seq: u64) -> Result<Vec<Record>, JournalError> {
        if let Some(damage) = &self.damage
            && after_seq + 1 >= damage.first_bad
        {
            return Ok(Vec::new());
        }
        self.clear_up().await;
        let path = self.path.clone();
        let failed = |error: sqlx::Error| JournalError::sqlite(&path, &error);
        let mut records = Vec::new();
        // A long journal is not read and hashed a second time.
        let looked_at = match after_seq {
            0 => std::mem::take(&mut self.looked_at),
            _ => Vec::new(),
        };
        for row in looked_at {
            match row.record() {
                Ok(record) => records.push(record),
                Err(reason) => {
                    self.damage = Some(Damage {
                        first_bad: records.len() as u64 + 1,
                        reason,
                    });
                    return Ok(records);
                }
            }
        }
        let after_seq = after_seq + records.len() as u64;
        let from = End {
            seq: after_seq,
            hash: hash_of(&mut self.connection, after_seq)
                .await
                .map_err(failed)?,
        };
        let (end, damage) = scan(&mut self.connection, from, |row| {
            records.push(row.record()?);
            Ok(())
        })
        .await;
        if damage.is_some() {
            self.damage = damage;
        } else if !self.writable && end.seq >= self.last_known.seq {
            self.last_known = end;
        }
        Ok(records)
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

/// Looks at a whole journal without changing it. An error only where nothing of it can be read.
pub async fn verify(path: &Path) -> Result<Verification, JournalError> {
    let mut journal = SqliteJournal::open_read_only(path).await?;
    // Every event must be readable too, not only unaltered.
    journal.read(0).await?;
    let damage = journal.damage.take();
    let end = match &damage {
        None => journal.last_known,
        Some(damage) => {
            let seq = damage.first_bad - 1;
            End {
                seq,
                hash: hash_of(&mut journal.connection, seq)
                    .await
                    .unwrap_or(chain::START),
            }
        }
    };
    Ok(Verification {
        events: end.seq,
        head: end.into(),
        intact: damage.is_none(),
        first_bad: damage.as_ref().map(|damage| damage.first_bad),
        reason: damage.map(|damage| damage.reason),
    })
}

/// A single page would fit where no event does.
fn take_room(draft: &Path) -> std::io::Result<()> {
    use std::io::Write;
    let mut file = std::fs::File::create(draft)?;
    file.write_all(&[0; 64 * 1024])?;
    file.sync_all()
}

async fn insert(connection: &mut SqliteConnection, row: &Row) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO events (seq, at, by, kind, body, hash) VALUES (?, ?, ?, ?, ?, ?)")
        .bind(row.seq)
        .bind(&row.at)
        .bind(&row.by)
        .bind(&row.kind)
        .bind(&row.body)
        .bind(&row.hash)
        .execute(connection)
        .await
        .map(|_| ())
}

/// Walks the chain from `from` on, giving each intact row to `take`; the end it came to, and what is
/// wrong behind it.
async fn scan(
    connection: &mut SqliteConnection,
    from: End,
    mut take: impl FnMut(Row) -> Result<(), String>,
) -> (End, Option<Damage>) {
    let mut end = from;
    let text = |error: sqlx::Error| error.to_string();
    let walked = async {
        // One snapshot for both looks: a writer may be at work.
        let mut snapshot = connection.begin().await.map_err(text)?;
        let after = i64::try_from(from.seq).unwrap_or(i64::MAX);
        let mut rows = sqlx::query(COLUMNS).bind(after).fetch(&mut *snapshot);
        while let Some(row) = rows.try_next().await.map_err(text)? {
            let row = decode(&row).map_err(text)?;
            if u64::try_from(row.seq) != Ok(end.seq + 1) {
                return Err("it is missing".to_owned());
            }
            if row.hash != row.hash_after(&end.hash) {
                return Err("it was altered".to_owned());
            }
            let next = End {
                seq: end.seq + 1,
                hash: hash(&row.hash),
            };
            take(row)?;
            end = next;
        }
        drop(rows);
        let head: i64 = meta(&mut snapshot, "head").await.map_err(text)?;
        match u64::try_from(head) {
            Ok(head) if head <= end.seq => Ok(()),
            _ => Err("the end of the journal is missing".to_owned()),
        }
    }
    .await;
    let damage = walked.err().map(|reason| Damage {
        first_bad: end.seq + 1,
        reason,
    });
    (end, damage)
}

/// Events that were there once, by the note beside the journal.
fn cut_off(end: End, noted: Option<Head>) -> Option<Damage> {
    let noted = noted.filter(|noted| noted.seq > end.seq)?;
    Some(Damage {
        first_bad: end.seq + 1,
        reason: format!(
            "the end of the journal is missing: it had {} events",
            noted.seq
        ),
    })
}

fn decode(row: &SqliteRow) -> Result<Row, sqlx::Error> {
    Ok(Row {
        seq: row.try_get(0)?,
        at: row.try_get(1)?,
        by: row.try_get(2)?,
        kind: row.try_get(3)?,
        body: row.try_get(4)?,
        hash: row.try_get(5)?,
    })
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
