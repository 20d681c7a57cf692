//! Sessions: one statement per reading, for PostgreSQL 12 to 18. Idle sessions are only counted,
//! unless somebody waits for them, and blockers are looked up for those that wait only.

use std::collections::{BTreeSet, HashMap};

use sqlx::postgres::PgRow;

use super::link::{Link, MARK, column};
use super::trouble::{Trouble, identifier};
use super::{Awaited, Reading, Session, SessionCounts, Target, clean};
use crate::run::Timestamp;

/// One row per session that is listed, the counts in each; one row of counts where none is. It reads
/// the function below `pg_stat_activity`, so that names are looked up for the listed only.
///
/// The locks of the whole server are read only while somebody waits for one. `{leader}`, `{query_id}` and
/// `{waitstart}` are columns that older servers have not.
///
/// Without `pg_read_all_stats` the details of others are NULL and their query says so; the server's
/// own processes, which belong to no role, are not counted as hidden then. A waiting session may be
/// blocked by a prepared transaction, which has the pid 0.
const SESSIONS: &str = "\
WITH /* gonogo monitor */ everyone AS MATERIALIZED (
  SELECT pid, usesysid, datid, application_name, backend_type, state, wait_event_type, wait_event,
         backend_start, xact_start, query_start, state_change, client_addr, client_port, query,
         backend_xid, backend_xmin, {leader} AS leader, {query_id} AS query_id,
         usesysid IS NOT NULL AND state IS NULL AND query = '<insufficient privilege>' AS hidden
  FROM pg_stat_get_activity(NULL)
), waiting AS MATERIALIZED (
  SELECT pid, pg_blocking_pids(pid) AS blockers
  FROM everyone WHERE wait_event_type = 'Lock' AND backend_type <> 'parallel worker'
), awaited AS MATERIALIZED (
  SELECT DISTINCT ON (pid) pid, locktype, mode, {waitstart} AS waitstart,
         CASE WHEN database = (SELECT oid FROM pg_database WHERE datname = current_database())
              THEN relation::int8 END AS relation
  FROM pg_lock_status() WHERE NOT granted AND (SELECT count(*) FROM waiting) > 0
  ORDER BY pid
), counted AS (
  SELECT (count(*) FILTER (WHERE hidden OR backend_type = 'client backend'))::int4 AS total,
         (count(*) FILTER (WHERE state = 'active' AND backend_type = 'client backend'
                             AND pid <> pg_backend_pid()))::int4 AS active,
         (count(*) FILTER (WHERE state = 'idle'))::int4 AS idle,
         (count(*) FILTER (WHERE state LIKE 'idle in transaction%'))::int4 AS idle_in_transaction,
         (count(*) FILTER (WHERE wait_event_type = 'Lock' AND backend_type <> 'parallel worker'))::int4 AS waiting,
         (count(*) FILTER (WHERE hidden))::int4 AS hidden
  FROM everyone
), listed AS (
  SELECT everyone.*, waiting.blockers, awaited.locktype, awaited.mode, awaited.relation, awaited.waitstart
  FROM everyone LEFT JOIN waiting USING (pid) LEFT JOIN awaited USING (pid)
  WHERE pid <> pg_backend_pid()
    AND ((state <> 'idle' AND (backend_type <> 'parallel worker' OR leader IS NOT NULL))
         OR pid IN (SELECT unnest(blockers) FROM waiting))
)
SELECT counted.total, counted.active, counted.idle, counted.idle_in_transaction, counted.waiting, counted.hidden,
       current_setting('max_connections')::int4,
       pg_is_in_recovery(),
       (extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000000)::int8,
       listed.pid, pg_get_userbyid(listed.usesysid)::text, pg_database.datname::text, listed.application_name,
       CASE WHEN listed.client_port = -1 THEN 'local' ELSE host(listed.client_addr) END,
       listed.state, listed.wait_event_type, listed.wait_event,
       (extract(epoch FROM statement_timestamp() - listed.xact_start) * 1000)::int8,
       (extract(epoch FROM statement_timestamp() - listed.query_start) * 1000)::int8,
       (extract(epoch FROM statement_timestamp() - listed.state_change) * 1000)::int8,
       left(listed.query, 500), listed.blockers,
       (extract(epoch FROM listed.backend_start) * 1000000)::int8,
       listed.backend_xid::text::int8, txid_snapshot_xmax(txid_current_snapshot()),
       (extract(epoch FROM statement_timestamp()) * 1000000)::int8,
       listed.backend_type, listed.leader, age(listed.backend_xmin)::int8, listed.query_id,
       listed.locktype, listed.mode, listed.relation,
       (extract(epoch FROM statement_timestamp() - listed.waitstart) * 1000)::int8
FROM counted LEFT JOIN listed ON true LEFT JOIN pg_database ON pg_database.oid = listed.datid";

/// One good reading.
#[derive(Clone, Debug, Default)]
pub(super) struct Activity {
    pub(super) sessions: Vec<Session>,
    pub(super) counts: SessionCounts,
    pub(super) in_recovery: bool,
    /// By the server's clock.
    pub(super) at: Option<Timestamp>,
    /// Microseconds within the server.
    pub(super) cost_us: u64,
}

/// Reads once. `ours` is what the application names of the run's own sessions begin with.
pub(super) async fn read(
    link: &mut Link,
    target: &Target,
    ours: &str,
) -> Result<Activity, Trouble> {
    let sql = sessions_sql(&link.identity.server_version);
    let rows = link.rows(&sql, target).await?;
    let mut activity = Activity::default();
    for row in &rows {
        let count = |index| {
            column::<i32>(row, index, target).map(|count| u32::try_from(count).unwrap_or(0))
        };
        activity.counts = SessionCounts {
            total: count(0)?,
            active: count(1)?,
            idle: count(2)?,
            idle_in_transaction: count(3)?,
            waiting: count(4)?,
            hidden: count(5)?,
            max_connections: count(6)?,
        };
        activity.in_recovery = column(row, 7, target)?;
        activity.at = Timestamp::from_timestamp_micros(column(row, 25, target)?);
        let cost: i64 = column(row, 8, target)?;
        activity.cost_us = activity.cost_us.max(u64::try_from(cost).unwrap_or(0));
        if let Some(session) = session(row, target, ours)? {
            activity.sessions.push(session);
        }
    }
    activity
        .sessions
        .sort_by_key(|session| (std::cmp::Reverse(session.transaction_ms), session.pid));
    Ok(activity)
}

/// The statement for a server of this version: `leader_pid` came with 13, `query_id` and `waitstart` with 14.
fn sessions_sql(version: &str) -> String {
    let (leader, query_id, waitstart) = match major(version) {
        14.. => ("leader_pid", "query_id", "waitstart"),
        13 => ("leader_pid", "NULL::int8", "NULL::timestamptz"),
        _ => ("NULL::int4", "NULL::int8", "NULL::timestamptz"),
    };
    SESSIONS
        .replace("{leader}", leader)
        .replace("{query_id}", query_id)
        .replace("{waitstart}", waitstart)
}

/// 15 of `15.18 (Debian …)`.
pub(super) fn major(version: &str) -> u32 {
    let digits = version
        .split(|letter: char| !letter.is_ascii_digit())
        .next();
    digits.and_then(|major| major.parse().ok()).unwrap_or(0)
}

/// What is missing for a complete picture, where something is.
pub(super) fn completeness(activity: &Activity, user: &str) -> Reading {
    match activity.counts.hidden {
        0 => Reading::Good,
        hidden => Reading::Partial {
            message: format!(
                "{hidden} of {} sessions are hidden from role `{user}`",
                activity.counts.total
            ),
            help: format!(
                "as a superuser: `GRANT pg_read_all_stats TO {}`",
                identifier(user)
            ),
        },
    }
}

fn session(row: &PgRow, target: &Target, ours: &str) -> Result<Option<Session>, Trouble> {
    let Some(pid) = column::<Option<i32>>(row, 9, target)? else {
        return Ok(None);
    };
    let text = |index| {
        column::<Option<String>>(row, index, target)
            .map(|text| clean::line(&text.unwrap_or_default()))
    };
    // A clock that is set back must not show as a negative age.
    let age =
        |index| column::<Option<i64>>(row, index, target).map(|age| age.map(|age| age.max(0)));
    let application = text(12)?;
    let wait = match (text(15)?, text(16)?) {
        (kind, event) if kind.is_empty() && event.is_empty() => None,
        (kind, event) => Some(format!("{kind}: {event}")),
    };
    let mut blocked_by: Vec<i32> = column::<Option<Vec<i32>>>(row, 21, target)?.unwrap_or_default();
    blocked_by.sort_unstable();
    blocked_by.dedup();
    let transaction = column::<Option<i64>>(row, 23, target)?
        .zip(column::<Option<i64>>(row, 24, target)?)
        .map(|(short, next)| whole(short, next));
    Ok(Some(Session {
        pid,
        user: text(10)?,
        database: text(11)?,
        ours: application.starts_with(ours),
        application,
        client: text(13)?,
        state: text(14)?,
        wait,
        transaction_ms: age(17)?,
        query_ms: age(18)?,
        state_ms: age(19)?,
        query: text(20)?,
        blocked_by,
        backend_start_us: column::<Option<i64>>(row, 22, target)?.unwrap_or(0),
        transaction,
        kind: text(26)?,
        leader: column(row, 27, target)?,
        xmin_age: column(row, 28, target)?,
        query_id: column(row, 29, target)?,
        awaits: awaited(row, target)?,
        progress: None,
    }))
}

/// The lock that a session waits for, its relation by number only.
fn awaited(row: &PgRow, target: &Target) -> Result<Option<Awaited>, Trouble> {
    let Some(kind) = column::<Option<String>>(row, 30, target)? else {
        return Ok(None);
    };
    let relation = column::<Option<i64>>(row, 32, target)?;
    Ok(Some(Awaited {
        kind,
        mode: column::<Option<String>>(row, 31, target)?.unwrap_or_default(),
        relation: relation.map(|oid| oid.to_string()),
        waited_ms: column::<Option<i64>>(row, 33, target)?.map(|ms| ms.max(0)),
    }))
}

/// Relations that are awaited now, by their numbers: each is asked for once, and has a name unless the catalog
/// knows none. A lock in the way of the catalog costs the reading nothing but the name.
#[derive(Default)]
pub(super) struct Names(HashMap<String, Option<String>>);

impl Names {
    pub(super) async fn fill(
        &mut self,
        link: &mut Link,
        target: &Target,
        sessions: &mut [Session],
    ) {
        let unknown = self.unknown(sessions);
        if !unknown.is_empty() {
            match named(link, target, &unknown).await {
                Ok(names) => self.learn(unknown, names),
                Err(trouble) => tracing::debug!(%trouble, "relations without their names"),
            }
        }
        for awaits in sessions
            .iter_mut()
            .filter_map(|session| session.awaits.as_mut())
        {
            if let Some(relation) = &mut awaits.relation
                && let Some(Some(name)) = self.0.get(relation)
            {
                relation.clone_from(name);
            }
        }
    }

    /// What is awaited now and was not asked for yet; what is awaited no more is forgotten, for its number
    /// may be given to another, or its name changed.
    fn unknown(&mut self, sessions: &[Session]) -> BTreeSet<String> {
        let awaited = |session: &Session| session.awaits.as_ref()?.relation.clone();
        let mut awaited: BTreeSet<String> = sessions.iter().filter_map(awaited).collect();
        self.0.retain(|oid, _| awaited.contains(oid));
        awaited.retain(|oid| !self.0.contains_key(oid));
        awaited
    }

    fn learn(&mut self, asked: BTreeSet<String>, names: Vec<(String, String)>) {
        self.0.extend(asked.into_iter().map(|oid| (oid, None)));
        let names = names.into_iter().map(|(oid, name)| (oid, Some(name)));
        self.0.extend(names);
    }
}

/// `oids` are numbers that the server gave.
async fn named(
    link: &mut Link,
    target: &Target,
    oids: &BTreeSet<String>,
) -> Result<Vec<(String, String)>, Trouble> {
    let oids: Vec<&str> = oids.iter().map(String::as_str).collect();
    let sql = format!(
        "SELECT {MARK} pg_class.oid::int8::text,
                CASE nspname WHEN 'public' THEN relname ELSE nspname || '.' || relname END
         FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
         WHERE pg_class.oid IN ({})",
        oids.join(", ")
    );
    let rows = link.rows(&sql, target).await?;
    let names = rows.iter().filter_map(|row| {
        let oid: String = column(row, 0, target).ok()?;
        let name: String = column(row, 1, target).ok()?;
        Some((oid, clean::line(&name)))
    });
    Ok(names.collect())
}

/// The 64-bit number of a transaction of which the server shows 32 bits; `next` is the number that the
/// next one will have.
fn whole(short: i64, next: i64) -> i64 {
    let epoch = next & !0xffff_ffff;
    let number = epoch | short;
    if number >= next && epoch > 0 {
        number - (1 << 32)
    } else {
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_a_server_has_not_are_not_asked_for() {
        assert!(
            sessions_sql("15.18 (Debian 15.18-1)").contains("leader_pid AS leader, query_id AS")
        );
        assert!(sessions_sql("13.23").contains("leader_pid AS leader, NULL::int8 AS query_id"));
        let oldest = sessions_sql("12.22");
        assert!(!oldest.contains("leader_pid") && !oldest.contains("{"));
        assert!(oldest.contains("NULL::timestamptz AS waitstart"));
    }

    #[test]
    fn a_relation_without_a_name_is_asked_for_once_and_one_that_is_awaited_no_more_is_forgotten() {
        let waits_for = |oid: &str| Session {
            awaits: Some(Awaited {
                relation: Some(oid.to_owned()),
                ..Awaited::default()
            }),
            ..Session::default()
        };
        let of = |oids: &[&str]| BTreeSet::from_iter(oids.iter().map(|oid| (*oid).to_owned()));
        let mut names = Names::default();
        let both = [waits_for("16"), waits_for("17"), waits_for("16")];
        let asked = names.unknown(&both);
        assert_eq!(asked, of(&["16", "17"]));
        names.learn(asked, vec![("16".to_owned(), "items".to_owned())]);
        assert_eq!(names.unknown(&both), of(&[]));
        assert_eq!(names.unknown(&[]), of(&[]));
        assert_eq!(names.unknown(&both), of(&["16", "17"]));
    }

    #[test]
    fn a_transaction_keeps_its_number_when_the_counter_wraps() {
        assert_eq!(whole(740, 741), 740);
        assert_eq!(whole(5, (3 << 32) + 9), (3 << 32) + 5);
        assert_eq!(whole(0xffff_fff0, (3 << 32) + 9), (2 << 32) + 0xffff_fff0);
    }

    #[test]
    fn hidden_sessions_are_told_with_the_grant_that_shows_them() {
        let mut activity = Activity::default();
        assert_eq!(completeness(&activity, "watcher"), Reading::Good);
        activity.counts = SessionCounts {
            total: 6,
            hidden: 5,
            ..SessionCounts::default()
        };
        let Reading::Partial { message, help } = completeness(&activity, "Watch Er") else {
            panic!("hidden sessions make a reading partial");
        };
        assert_eq!(message, "5 of 6 sessions are hidden from role `Watch Er`");
        assert_eq!(
            help,
            "as a superuser: `GRANT pg_read_all_stats TO \"Watch Er\"`"
        );
    }
}
