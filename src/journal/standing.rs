//! Where a run stands, kept beside its events: a note for whoever lists many runs and need not replay
//! each. It is no evidence; it counts only while the journal ends with the very event it was written
//! after, and the events are the truth.

use std::path::{Path, PathBuf};

use sqlx::Row as _;

use super::chain;
use super::schema::WITH_STANDING;
use super::{Damage, Journal as _, JournalError, SqliteJournal};

/// What a list needs to know of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glance {
    /// As it was kept after the last event; `None` where the events have to be asked.
    pub standing: Option<String>,
    pub damage: Option<Damage>,
}

/// Looks at a journal for a list: its chain is verified, its events are not read.
///
/// # Errors
/// Where nothing of it can be read.
pub async fn glance(path: &Path) -> Result<Glance, JournalError> {
    let log = PathBuf::from(format!("{}-wal", path.display()));
    let is_empty = std::fs::metadata(&log).map_or(true, |log| log.len() == 0);
    if is_empty {
        // Nobody is at work: a look that takes no locks and makes no files is enough, and what it cannot
        // make sense of, because somebody has begun meanwhile, is looked at again.
        let seen = look(SqliteJournal::open_at_rest(path).await?).await;
        if seen.damage.is_none() {
            return Ok(seen);
        }
    }
    Ok(look(SqliteJournal::open_read_only(path).await?).await)
}

async fn look(mut journal: SqliteJournal) -> Glance {
    Glance {
        standing: journal.standing().await,
        damage: journal.damage().cloned(),
    }
}

impl SqliteJournal {
    /// Keeps where the run stands after the last event. Does nothing while the end of the journal is
    /// not known, and nothing for a writer that another has replaced.
    ///
    /// # Errors
    /// As `append`. A reader, or a journal in trouble, loses nothing by it.
    pub async fn keep_standing(&mut self, body: &str) -> Result<(), JournalError> {
        let Some((seq, hash)) = self.known_end() else {
            return Ok(());
        };
        let epoch = i64::try_from(self.epoch()).unwrap_or(i64::MAX);
        let path = self.path().to_owned();
        let failed = |error: sqlx::Error| JournalError::sqlite(&path, &error);
        // An end that is cut off later is noticed by this, where the note beside the journal is gone too.
        sqlx::query(
            "UPDATE meta SET value = max(value, ?)
             WHERE key = 'head' AND (SELECT value FROM meta WHERE key = 'epoch') = ?",
        )
        .bind(seq)
        .bind(epoch)
        .execute(self.connection())
        .await
        .map_err(failed)?;
        sqlx::query(
            "INSERT OR REPLACE INTO standing (one, seq, hash, body)
             SELECT 1, ?, ?, ? WHERE (SELECT value FROM meta WHERE key = 'epoch') = ?",
        )
        .bind(seq)
        .bind(hash.as_slice())
        .bind(body)
        .bind(epoch)
        .execute(self.connection())
        .await
        .map(|_| ())
        .map_err(failed)
    }

    /// Where the run stands, as it was kept after the last event; `None` where the journal has gone on
    /// since, is damaged, or is of a format that keeps nothing.
    pub async fn standing(&mut self) -> Option<String> {
        if self.format() < WITH_STANDING || self.damage().is_some() {
            return None;
        }
        let kept = sqlx::query("SELECT seq, hash, body FROM standing")
            .fetch_optional(self.connection())
            .await;
        let row = match kept {
            Ok(row) => row?,
            Err(error) => {
                tracing::debug!(%error, "where the run stands cannot be read");
                return None;
            }
        };
        let seq: i64 = row.try_get(0).ok()?;
        let hash: Vec<u8> = row.try_get(1).ok()?;
        let head = self.head();
        let hash: chain::Hash = hash.try_into().ok()?;
        let is_of_the_end =
            u64::try_from(seq) == Ok(head.seq) && chain::hexadecimal(&hash) == head.hash;
        is_of_the_end.then(|| row.try_get(2).ok()).flatten()
    }
}
