//! Writing: records go in together or not at all, and an attempt whose end is not known is found out.

use std::path::Path;

use sqlx::sqlite::SqliteConnection;

use super::{End, SqliteJournal, hash, hash_of, meta};
use crate::journal::JournalError;
use crate::journal::chain::Row;
use crate::run::Record;

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
        self.clear_up().await;
        self.execute("UPDATE meta SET value = value WHERE key = 'head'")
            .await
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
    pub(super) async fn clear_up(&mut self) {
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
