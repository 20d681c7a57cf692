//! One session in full: its whole query and its locks. Asked only while somebody looks at it, over the
//! sampling connection and between two readings, so that it costs no connection more.

use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgRow;
use tokio::sync::oneshot;

use super::link::{Link, answered, column};
use super::trouble::Trouble;
use super::{Target, clean};

/// Locks that are listed; what is waited for and what others wait for come first.
const LISTED: usize = 40;

/// `$1` the pid, `$2` when its session began. One row a lock, one without where it has none. The locks of a
/// relation of another database have no name here.
const DETAIL: &str = "\
SELECT /* gonogo monitor */ activity.query, locks.locktype, locks.mode, locks.granted,
       CASE WHEN nspname = 'public' THEN relname::text ELSE nspname || '.' || relname END,
       (count(*) OVER ())::int4
FROM pg_stat_get_activity($1) activity
LEFT JOIN pg_lock_status() locks ON locks.pid = activity.pid
     AND (locks.locktype <> 'virtualxid' OR NOT locks.granted)
LEFT JOIN pg_database ON pg_database.oid = locks.database AND datname = current_database()
LEFT JOIN pg_class ON pg_class.oid = locks.relation AND pg_database.oid IS NOT NULL
LEFT JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE (extract(epoch FROM activity.backend_start) * 1000000)::int8 = $2
ORDER BY locks.granted, relname IS NULL,
         (nspname LIKE 'pg\\_%') , array_position(ARRAY['AccessExclusiveLock', 'ExclusiveLock',
         'ShareRowExclusiveLock', 'ShareLock', 'ShareUpdateExclusiveLock', 'RowExclusiveLock',
         'RowShareLock'], locks.mode), relname
LIMIT 40";

/// What only the server knows of a session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionDetail {
    /// As long as the server keeps it (`track_activity_query_size`), scrubbed.
    pub query: String,
    pub locks: Vec<HeldLock>,
    /// Locks that are not listed.
    pub more: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HeldLock {
    /// `relation`, `transactionid`, ….
    pub kind: String,
    /// `AccessExclusiveLock`
    pub mode: String,
    /// False: it waits for it.
    pub granted: bool,
    /// Of this database, by name.
    pub relation: Option<String>,
}

pub(super) struct Request {
    pub(super) pid: i32,
    pub(super) backend_start_us: i64,
    pub(super) answer: oneshot::Sender<Result<SessionDetail, Trouble>>,
}

/// Reads it once.
pub(super) async fn read(
    link: &mut Link,
    target: &Target,
    pid: i32,
    backend_start_us: i64,
) -> Result<SessionDetail, Trouble> {
    let query = sqlx::query(AssertSqlSafe(DETAIL))
        .bind(pid)
        .bind(backend_start_us);
    let rows = answered(query.fetch_all(&mut link.connection), target).await?;
    let Some(first) = rows.first() else {
        return Err(Trouble::passing(
            "that session has ended",
            "check the list again",
        ));
    };
    let query: Option<String> = column(first, 0, target)?;
    let locks: Vec<HeldLock> = rows
        .iter()
        .map(|row| lock(row, target))
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .flatten()
        .collect();
    let all = usize::try_from(column::<i32>(first, 5, target)?).unwrap_or(0);
    Ok(SessionDetail {
        query: clean::line(&query.unwrap_or_default()),
        more: all.saturating_sub(LISTED.min(rows.len())),
        locks,
    })
}

fn lock(row: &PgRow, target: &Target) -> Result<Option<HeldLock>, Trouble> {
    let Some(kind) = column::<Option<String>>(row, 1, target)? else {
        return Ok(None);
    };
    let relation: Option<String> = column(row, 4, target)?;
    Ok(Some(HeldLock {
        kind,
        mode: column::<Option<String>>(row, 2, target)?.unwrap_or_default(),
        granted: column::<Option<bool>>(row, 3, target)?.unwrap_or(false),
        relation: relation.map(|name| clean::line(&name)),
    }))
}
