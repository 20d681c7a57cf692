//! Writing: records go in together or not at all, in one statement that is its own transaction and asks
//! for itself whether this writer may still write. An attempt whose end is not known is found out.

use std::path::Path;

use super::{End, SqliteJournal, hash_of, meta};
use crate::journal::JournalError;
use crate::journal::chain::{Row, hexadecimal};
use crate::run::Record;

/// The rows as JSON (`?1`) of the writer with this epoch (`?2`).
const INSERT: &str = "
    INSERT INTO events (seq, at, by, kind, body, hash)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, unhex(value ->> 5)
    FROM json_each(?1) WHERE (SELECT value FROM meta WHERE key = 'epoch') = ?2";

impl SqliteJournal {
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
        sqlx::query("UPDATE meta SET value = value WHERE key = 'head'")
            .execute(&mut self.connection)
            .await
            .map(|_| ())
            .map_err(|error| JournalError::sqlite(&self.path, &error))
    }

    pub(super) async fn append_records(&mut self, records: &[Record]) -> Result<(), JournalError> {
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
        if let Some(end) = self.end {
            self.follows(end.seq + 1, first.seq)?;
        }
        for pair in records.windows(2) {
            self.follows(pair[0].seq + 1, pair[1].seq)?;
        }
        // Until this attempt has a known end, the file is asked where the chain ends.
        let (end, there) = match self.end.take() {
            Some(end) => (end, 0),
            None => self.got_through(first.seq, records).await?,
        };
        let after = self.insert(end, &records[there..]).await?;
        self.end = Some(after);
        self.last_known = after;
        self.noted.note(&self.path, &after.into());
        Ok(())
    }

    fn follows(&self, expected: u64, got: u64) -> Result<(), JournalError> {
        if got == expected {
            return Ok(());
        }
        Err(JournalError::OutOfOrder {
            path: self.path.clone(),
            expected,
            got,
        })
    }

    /// How many of these records got through before the error, and the end that they make. What is there
    /// under their numbers must be the same.
    async fn got_through(
        &mut self,
        first: u64,
        records: &[Record],
    ) -> Result<(End, usize), JournalError> {
        let path = &self.path;
        let connection = &mut self.connection;
        let failed = |error: sqlx::Error| JournalError::sqlite(path, &error);
        let last: i64 = sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM events")
            .fetch_one(&mut *connection)
            .await
            .map_err(failed)?;
        let last = u64::try_from(last).unwrap_or_default();
        let seq = first.saturating_sub(1);
        if seq > last {
            return Err(JournalError::OutOfOrder {
                path: path.clone(),
                expected: last + 1,
                got: first,
            });
        }
        let hash = hash_of(connection, seq).await.map_err(failed)?;
        let mut end = End { seq, hash };
        let mut there = 0;
        for record in records.iter().take_while(|record| record.seq <= last) {
            let row = row(record, end)?;
            if hash_of(connection, record.seq).await.map_err(failed)? != row.hash {
                return Err(JournalError::Conflict {
                    path: path.clone(),
                    seq: record.seq,
                });
            }
            end = End::of(record, &row);
            there += 1;
        }
        Ok((end, there))
    }

    /// Writes records behind `end`.
    async fn insert(&mut self, mut end: End, records: &[Record]) -> Result<End, JournalError> {
        let mut rows = Vec::with_capacity(records.len());
        for record in records {
            let row = row(record, end)?;
            end = End::of(record, &row);
            let hash = hexadecimal(&row.hash);
            rows.push((row.seq, row.at, row.by, row.kind, row.body, hash));
        }
        let first = records.first().map_or(end.seq, |record| record.seq);
        let rows = serde_json::to_string(&rows).map_err(|error| JournalError::Encode {
            seq: first,
            reason: error.to_string(),
        })?;
        let written = sqlx::query(INSERT)
            .bind(rows)
            .bind(i64::try_from(self.epoch).unwrap_or(i64::MAX))
            .execute(&mut self.connection)
            .await
            .map_err(|error| match JournalError::is_conflict(&error) {
                true => JournalError::Conflict {
                    path: self.path.clone(),
                    seq: first,
                },
                false => JournalError::sqlite(&self.path, &error),
            })?
            .rows_affected();
        if usize::try_from(written) == Ok(records.len()) {
            return Ok(end);
        }
        let found: i64 = meta(&mut self.connection, "epoch")
            .await
            .map_err(|error| JournalError::sqlite(&self.path, &error))?;
        Err(JournalError::Fenced {
            path: self.path.clone(),
            found: u64::try_from(found).unwrap_or_default(),
            ours: self.epoch,
        })
    }
}

impl End {
    fn of(record: &Record, row: &Row) -> Self {
        Self {
            seq: record.seq,
            hash: row.hash,
        }
    }
}

fn row(record: &Record, after: End) -> Result<Row, JournalError> {
    Row::new(record, &after.hash).map_err(|reason| JournalError::Encode {
        seq: record.seq,
        reason,
    })
}

/// A single page would fit where no event does.
fn take_room(draft: &Path) -> std::io::Result<()> {
    use std::io::Write;
    let mut file = std::fs::File::create(draft)?;
    file.write_all(&[0; 64 * 1024])?;
    file.sync_all()
}
