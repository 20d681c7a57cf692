//! Reading: the chain is walked and verified, and what stands behind a damage is put aside.

use std::path::Path;

use futures::TryStreamExt;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Row as _};

use super::fold::Sink;
use super::{End, SqliteJournal, hash_of, meta, stretch};
use crate::journal::chain::{self, Seen};
use crate::journal::{Damage, Head, JournalError, Verification};
use crate::run::Record;

impl SqliteJournal {
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
        self.damage = None;
        self.noted.note(&path, &end.into());
        Ok(moved)
    }

    pub(super) async fn read_records(
        &mut self,
        after_seq: u64,
    ) -> Result<Vec<Record>, JournalError> {
        if let Some(damage) = &self.damage
            && after_seq + 1 >= damage.first_bad
        {
            return Ok(Vec::new());
        }
        let path = self.path.clone();
        let failed = |error: sqlx::Error| JournalError::sqlite(&path, &error);
        let from = End {
            seq: after_seq,
            hash: hash_of(&mut self.connection, after_seq)
                .await
                .map_err(failed)?,
        };
        let mut sink = Sink::Records(Vec::new());
        let (end, damage) = scan(&mut self.connection, from, &mut sink).await;
        if damage.is_some() {
            self.damage = damage;
        } else if !self.writable && end.seq >= self.last_known.seq {
            self.last_known = end;
        }
        Ok(match sink {
            Sink::Records(records) => records,
            Sink::Nothing | Sink::Fold(..) => Vec::new(),
        })
    }
}

/// Looks at a whole journal without changing it. An error only where nothing of it can be read.
pub async fn verify(path: &Path) -> Result<Verification, JournalError> {
    // Every event must be readable too, not only unaltered.
    let (mut journal, ()) = SqliteJournal::open_read_only_folding(path, (), |(), _| {}).await?;
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

/// Walks the chain from `from` on, giving what is intact to `sink`; the end it came to, and what is wrong
/// behind it.
pub(super) async fn scan(
    connection: &mut SqliteConnection,
    from: End,
    sink: &mut Sink,
) -> (End, Option<Damage>) {
    let mut end = from;
    if let Err(odd) = by_stretches(connection, &mut end, sink).await {
        tracing::debug!(odd, "the journal is looked at event by event");
        if let Err(reason) = row_by_row(connection, &mut end, sink).await {
            let first_bad = end.seq + 1;
            return (end, Some(Damage { first_bad, reason }));
        }
    }
    (end, None)
}

/// The fast walk. It ends at the first stretch with anything odd in it, of which `sink` gets nothing.
async fn by_stretches(
    connection: &mut SqliteConnection,
    end: &mut End,
    sink: &mut Sink,
) -> Result<(), String> {
    let after = i64::try_from(end.seq).unwrap_or(i64::MAX);
    // One statement is one snapshot: a writer may be at work.
    let mut rows = sqlx::query(stretch::STRETCHES)
        .bind(after)
        .bind(stretch::EVENTS)
        .fetch(connection);
    let mut noted = None;
    while let Some(row) = rows.try_next().await.map_err(text)? {
        if let Some(stretch) = row.try_get::<Option<Vec<u8>>, _>(0).map_err(text)? {
            let next = verified(&stretch, *end)?;
            sink.take(stretch).await?;
            *end = next;
        }
        let (head, last): (Option<i64>, Option<i64>) =
            (row.try_get(1).map_err(text)?, row.try_get(2).map_err(text)?);
        noted = noted.or(head.zip(last));
    }
    match noted {
        Some((head, last)) if i64::try_from(end.seq).is_ok_and(|seq| last <= seq) => {
            is_whole(*end, head)
        }
        _ => Err("it goes on behind a gap".to_owned()),
    }
}

/// The end after a stretch, if each of its events follows on the one before.
fn verified(mut stretch: &[u8], mut end: End) -> Result<End, String> {
    while !stretch.is_empty() {
        let seen = stretch::next(&mut stretch).ok_or("it was altered")?;
        end = after(&seen, end)?;
    }
    Ok(end)
}

/// The end after one event.
fn after(seen: &Seen<'_>, end: End) -> Result<End, String> {
    if u64::try_from(seen.seq) != Ok(end.seq + 1) {
        return Err("it is missing".to_owned());
    }
    let hash = seen.hash_after(&end.hash);
    if seen.hash != hash {
        return Err("it was altered".to_owned());
    }
    let seq = end.seq + 1;
    Ok(End { seq, hash })
}

/// Finds the very event from which on a journal is damaged.
async fn row_by_row(
    connection: &mut SqliteConnection,
    end: &mut End,
    sink: &mut Sink,
) -> Result<(), String> {
    // One snapshot for both looks.
    let mut snapshot = connection.begin().await.map_err(text)?;
    let after = i64::try_from(end.seq).unwrap_or(i64::MAX);
    let mut rows = sqlx::query(stretch::ROWS).bind(after).fetch(&mut *snapshot);
    while let Some(row) = rows.try_next().await.map_err(text)? {
        let stretch = stretch::of_row(&row).map_err(text)?;
        let next = verified(&stretch, *end)?;
        sink.take(stretch).await?;
        *end = next;
    }
    drop(rows);
    let head = meta(&mut snapshot, "head").await.map_err(text)?;
    is_whole(*end, head)
}

/// The file itself says how many events it had, when the run was last at rest.
fn is_whole(end: End, head: i64) -> Result<(), String> {
    match u64::try_from(head) {
        Ok(head) if head <= end.seq => Ok(()),
        _ => Err("the end of the journal is missing".to_owned()),
    }
}

fn text(error: sqlx::Error) -> String {
    error.to_string()
}

/// Events that were there once, by the note beside the journal.
pub(super) fn cut_off(end: End, noted: Option<Head>) -> Option<Damage> {
    let noted = noted.filter(|noted| noted.seq > end.seq)?;
    Some(Damage {
        first_bad: end.seq + 1,
        reason: format!(
            "the end of the journal is missing: it had {} events",
            noted.seq
        ),
    })
}
