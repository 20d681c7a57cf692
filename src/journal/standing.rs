//! Where a run stands, kept beside its events: a note for whoever lists many runs and need not replay
//! each. It is no evidence; it counts only while the journal ends with the very event it was written
//! after, and the events are the truth.

use sqlx::Row as _;

use super::chain;
use super::schema::WITH_STANDING;
use super::{Journal as _, JournalError, SqliteJournal};

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
        .map_err(|error| JournalError::sqlite(&path, &error))
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
