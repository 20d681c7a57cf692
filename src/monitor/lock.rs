//! The lock of a target: a session-level advisory lock on the reserved connection, so that it ends with
//! its holder and leaves nothing in the database. Its record (who, since when, why) is a comment in the
//! last statement of that session, which `pg_stat_activity` shows.

use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use tokio::sync::mpsc;

use super::link::{Link, MARK, answered, column};
use super::trouble::Trouble;
use super::{Target, clean};
use crate::run::{LockHolder, Timestamp};

/// The letters `gonogo` as a number. Advisory locks belong to a database, so it needs no other name.
const KEY: i64 = 0x676f_6e6f_676f;
/// The server shows the first 1,024 bytes of a statement: a longer title is cut.
const LONGEST_WHY: usize = 200;

/// Keeps the lock of every target, and says who holds it: at once, after each change, and every 2 s.
#[derive(Clone, Debug)]
pub struct LockKeeping {
    pub record: LockRecord,
    pub news: mpsc::Sender<LockNews>,
}

/// Who holds the lock of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockNews {
    pub target: String,
    pub lock: LockReading,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockReading {
    Ours,
    Theirs(LockHolder),
    /// The server could not be asked, and why.
    Unknown(String),
}

/// What others are told about our lock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LockRecord {
    pub run: String,
    /// The driver when the lock was asked for.
    pub by: String,
    pub since: Timestamp,
    /// What the run is about.
    pub why: String,
}

impl LockRecord {
    /// As a comment: JSON that holds no end of a comment.
    fn comment(&self) -> String {
        let mut told = self.clone();
        told.why = told.why.chars().take(LONGEST_WHY).collect();
        let json = serde_json::to_string(&told).unwrap_or_default();
        format!("/* gonogo lock {} */", json.replace('/', "\\u002f"))
    }

    fn parse(statement: &str) -> Option<Self> {
        let (_, rest) = statement.split_once("/* gonogo lock ")?;
        let (json, _) = rest.split_once(" */")?;
        serde_json::from_str(json).ok()
    }
}

/// Takes the lock where it is free.
pub(super) async fn acquire(
    link: &mut Link,
    record: &LockRecord,
    target: &Target,
) -> Result<LockReading, Trouble> {
    let sql = format!("SELECT {} pg_try_advisory_lock({KEY})", record.comment());
    let rows = link.rows(&sql, target).await?;
    let ours = match rows.first() {
        Some(row) => column::<bool>(row, 0, target)?,
        None => false,
    };
    if ours {
        return Ok(LockReading::Ours);
    }
    Ok(match holder(link, target).await? {
        Some(holder) => LockReading::Theirs(holder),
        // It went in between; the next look takes it.
        None => LockReading::Unknown("its holder has just gone".to_owned()),
    })
}

/// Waits for the lock while `ending` ends the session that holds it: whoever waits gets it, not the run
/// that tries again after its session was ended.
pub(super) async fn take(
    link: &mut Link,
    record: &LockRecord,
    target: &Target,
) -> Result<(), Trouble> {
    let sql = format!("SELECT {} pg_advisory_lock({KEY})::text", record.comment());
    link.rows(&sql, target).await.map(|_| ())
}

/// Repeats the record, so that it stays the session's last statement; fails where the session is lost.
pub(super) async fn keep(
    link: &mut Link,
    record: &LockRecord,
    target: &Target,
) -> Result<(), Trouble> {
    let sql = format!("SELECT {} 1", record.comment());
    link.rows(&sql, target).await.map(|_| ())
}

pub(super) async fn release(link: &mut Link, target: &Target) -> Result<(), Trouble> {
    let sql = format!("SELECT {MARK} pg_advisory_unlock({KEY})");
    link.rows(&sql, target).await.map(|_| ())
}

/// Ends the session of the holder, if it still is the holder.
///
/// # Errors
/// Where the role may not end it, or the server cannot be asked.
pub(super) async fn end(
    link: &mut Link,
    holder: &LockHolder,
    target: &Target,
) -> Result<(), Trouble> {
    let sql = format!(
        "SELECT {MARK} pg_terminate_backend(pid) FROM pg_locks WHERE {HELD} AND pid = $1 OFFSET 0"
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(holder.pid);
    answered(query.fetch_all(&mut link.connection), target)
        .await
        .map(|_| ())
}

/// Rows of `pg_locks` that are the lock in this database.
const HELD: &str = "locktype = 'advisory' AND granted AND objsubid = 1 \
    AND classid = 26479 AND objid = 1852794735 \
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

async fn holder(link: &mut Link, target: &Target) -> Result<Option<LockHolder>, Trouble> {
    let sql = format!(
        "SELECT {MARK} pid, (extract(epoch FROM backend_start) * 1000000)::int8, \
                application_name::text, query::text \
         FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE {HELD}"
    );
    let rows = link.rows(&sql, target).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let name: Option<String> = column(row, 2, target)?;
    let name = clean::line(&name.unwrap_or_default());
    let statement: Option<String> = column(row, 3, target)?;
    let record = statement.as_deref().and_then(LockRecord::parse);
    let run = name
        .strip_prefix("gonogo:")
        .and_then(|rest| rest.split(':').next())
        .map_or_else(|| name.clone(), str::to_owned);
    Ok(Some(LockHolder {
        run,
        by: record.as_ref().map(|record| clean::line(&record.by)),
        since: record.as_ref().map(|record| record.since),
        why: record.as_ref().map(|record| clean::line(&record.why)),
        pid: column(row, 0, target)?,
        session_start_us: column(row, 1, target)?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_the_comment_it_stands_in() {
        let record = LockRecord {
            run: "swift-otter".to_owned(),
            by: "anna@ops1".to_owned(),
            since: chrono::Utc::now(),
            why: "*/ DROP TABLE users; -- \"quoted\" /* ü".to_owned(),
        };
        let statement = format!("SELECT {} 1", record.comment());
        assert_eq!(statement.matches("*/").count(), 1, "{statement}");
        assert_eq!(statement.matches("/*").count(), 1, "{statement}");
        assert_eq!(LockRecord::parse(&statement), Some(record));
    }

    #[test]
    fn the_parts_of_the_key_are_those_that_the_server_shows() {
        assert_eq!((KEY >> 32, KEY & 0xffff_ffff), (26479, 1_852_794_735));
    }
}
