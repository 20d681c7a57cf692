//! What the server itself counts: transactions, cache, WAL, checkpoints, replicas, slots, the archiver, and
//! how old its oldest transaction is. One statement per reading, for PostgreSQL 12 to 18; rates are of the
//! interval that was measured, and a reset of the counters is told.

use std::time::{Duration, Instant};

use chrono::Utc;
use serde::{Deserialize, Serialize};

use super::activity::major;
use super::link::{Link, column};
use super::moment::Moment;
use super::sizes::{Sizes, TableSizes};
use super::trouble::{Trouble, identifier};
use super::{Reading, Target, clean};
use crate::run::Timestamp;

/// `{checkpointer}`, `{timed}`, `{requested}` and `{wal_status}` differ by version. On a replica the WAL is
/// what it has replayed.
const FACTS: &str = "\
SELECT /* gonogo monitor */ json_build_object(
  'at_us', (extract(epoch FROM clock_timestamp()) * 1000000)::int8,
  'in_recovery', place.recovering,
  'replay_delay_s', CASE
    WHEN NOT place.recovering THEN NULL
    WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
    ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8 END,
  'sees_all', pg_has_role('pg_read_all_stats', 'USAGE'),
  'counters', (SELECT json_build_object(
      'commits', xact_commit, 'rollbacks', xact_rollback, 'read', blks_read, 'hit', blks_hit,
      'temp_files', temp_files, 'temp_bytes', temp_bytes, 'deadlocks', deadlocks, 'conflicts', conflicts,
      'wal_bytes', coalesce(pg_wal_lsn_diff(place.lsn, '0/0'), 0)::int8,
      'timed', checkpoints.{timed}, 'requested', checkpoints.{requested})
    FROM pg_stat_database, {checkpointer} checkpoints WHERE datname = current_database()),
  'reserved', coalesce(current_setting('superuser_reserved_connections', true)::int8, 0)
            + coalesce(current_setting('reserved_connections', true)::int8, 0),
  'block_bytes', current_setting('block_size')::int8,
  'autovacuum_workers', current_setting('autovacuum_max_workers')::int8,
  'freeze_max_age', current_setting('autovacuum_freeze_max_age')::int8,
  'oldest', (SELECT json_build_object('database', datname, 'age', age(datfrozenxid)::int8)
    FROM pg_database ORDER BY age(datfrozenxid) DESC LIMIT 1),
  'prepared', (SELECT json_build_object('count', count(*),
      'oldest_s', extract(epoch FROM clock_timestamp() - min(prepared))::float8) FROM pg_prepared_xacts),
  'archiver', (SELECT json_build_object(
      'on', current_setting('archive_mode') <> 'off', 'archived', archived_count, 'failed', failed_count,
      'failing', coalesce(last_failed_wal, ''),
      'failing_s', CASE WHEN last_failed_time > coalesce(last_archived_time, '-infinity')
        THEN extract(epoch FROM clock_timestamp() - last_failed_time)::float8 END) FROM pg_stat_archiver),
  'replicas', (SELECT coalesce(json_agg(r ORDER BY r.name, r.pid), '[]') FROM (
    SELECT pid, coalesce(application_name, '') AS name, coalesce(state, '') AS state,
           coalesce(sync_state, '') AS sync, pg_wal_lsn_diff(place.lsn, replay_lsn)::int8 AS behind_bytes,
           extract(epoch FROM replay_lag)::float8 AS behind_s
    FROM pg_stat_replication LIMIT 20) r),
  'slots', (SELECT coalesce(json_agg(s ORDER BY s.retained_bytes DESC NULLS LAST), '[]') FROM (
    SELECT slot_name AS name, active, pg_wal_lsn_diff(place.lsn, restart_lsn)::int8 AS retained_bytes,
           {wal_status} AS wal_status
    FROM pg_replication_slots LIMIT 20) s)
)::text
FROM (SELECT pg_is_in_recovery() AS recovering,
             CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS lsn
     ) place";

/// What a database counts, and what it counted over a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DatabaseSample {
    pub at: Timestamp,
    pub target: String,
    pub state: Reading,
    /// `None` before the first good reading.
    pub facts: Option<DatabaseFacts>,
    /// Since the reading before; `None` where there was none, or the counters were reset in between.
    pub last: Option<Spent>,
    /// Since the phase began.
    pub phase: Option<Spent>,
    /// The counters were reset since the phase began: the count began again then.
    pub reset: bool,
    pub tables: TableSizes,
    pub cost_us: u64,
    pub interval_ms: u64,
}

/// Counted over so many milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    pub ms: u64,
    pub counters: DatabaseCounters,
}

impl Spent {
    pub fn per_s(&self, count: i64) -> f64 {
        match self.ms {
            0 => 0.0,
            ms => count as f64 * 1_000.0 / ms as f64,
        }
    }

    /// The part of the blocks that was found in the cache, where any was asked for.
    pub fn hits(&self) -> Option<f64> {
        let asked = self.counters.hit + self.counters.read;
        (asked > 0).then(|| self.counters.hit as f64 / asked as f64)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DatabaseFacts {
    /// By the server's clock.
    pub at_us: i64,
    pub counters: DatabaseCounters,
    pub in_recovery: bool,
    /// Seconds by which a replica's data is old.
    pub replay_delay_s: Option<f64>,
    /// Whether this role sees what replicas do.
    pub sees_all: bool,
    /// Connections that are kept for superusers.
    pub reserved: i64,
    pub block_bytes: i64,
    pub autovacuum_workers: i64,
    /// From this age on the server vacuums to prevent wraparound.
    pub freeze_max_age: i64,
    pub oldest: Option<Oldest>,
    pub prepared: Prepared,
    pub archiver: Archiver,
    pub replicas: Vec<Replica>,
    pub slots: Vec<Slot>,
}

/// Counters that only grow, until somebody resets them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DatabaseCounters {
    pub commits: i64,
    pub rollbacks: i64,
    /// Blocks that were not in the cache.
    pub read: i64,
    pub hit: i64,
    pub temp_files: i64,
    pub temp_bytes: i64,
    pub deadlocks: i64,
    /// Statements that a replica cancelled for its primary.
    pub conflicts: i64,
    pub wal_bytes: i64,
    /// Checkpoints that were due.
    pub timed: i64,
    /// And those that somebody or the amount of WAL asked for.
    pub requested: i64,
}

impl DatabaseCounters {
    /// What was counted since; `None` where one has shrunk.
    fn since(&self, older: &Self) -> Option<Self> {
        let grown = |now: i64, before: i64| (now >= before).then(|| now - before);
        Some(Self {
            commits: grown(self.commits, older.commits)?,
            rollbacks: grown(self.rollbacks, older.rollbacks)?,
            read: grown(self.read, older.read)?,
            hit: grown(self.hit, older.hit)?,
            temp_files: grown(self.temp_files, older.temp_files)?,
            temp_bytes: grown(self.temp_bytes, older.temp_bytes)?,
            deadlocks: grown(self.deadlocks, older.deadlocks)?,
            conflicts: grown(self.conflicts, older.conflicts)?,
            wal_bytes: grown(self.wal_bytes, older.wal_bytes)?,
            timed: grown(self.timed, older.timed)?,
            requested: grown(self.requested, older.requested)?,
        })
    }
}

/// The database whose oldest transaction is the oldest of the server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Oldest {
    pub database: String,
    /// In transactions.
    pub age: i64,
}

/// Transactions that wait for `COMMIT PREPARED`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Prepared {
    pub count: i64,
    pub oldest_s: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Archiver {
    pub on: bool,
    pub archived: i64,
    pub failed: i64,
    /// The file that could not be archived last.
    pub failing: String,
    /// Seconds since its last failure, where nothing was archived after it.
    pub failing_s: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Replica {
    pub name: String,
    /// Empty where this role may not see it.
    pub state: String,
    pub sync: String,
    pub behind_bytes: Option<i64>,
    /// `None` while nothing is written, too.
    pub behind_s: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Slot {
    pub name: String,
    pub active: bool,
    /// WAL that the server keeps for it.
    pub retained_bytes: Option<i64>,
    /// `reserved`, `extended`, `unreserved` or `lost`; since 13.
    pub wal_status: Option<String>,
}

/// What is known of one database.
#[derive(Debug, Default)]
pub(super) struct Database {
    facts: Option<DatabaseFacts>,
    /// When the phase began.
    baseline: Option<DatabaseFacts>,
    last: Option<Spent>,
    baseline_due: bool,
    reset: bool,
    read_at: Option<Moment>,
    cost: Duration,
    pub(super) sizes: Sizes,
}

impl Database {
    /// The next reading becomes the baseline.
    pub(super) fn rebase(&mut self) {
        self.baseline_due = true;
        self.sizes.rebase();
    }

    pub(super) fn cost(&self) -> Duration {
        self.cost
    }

    pub(super) async fn poll(&mut self, link: &mut Link, target: &Target) -> Result<(), Trouble> {
        let began = Instant::now();
        let facts = read(link, target).await?;
        self.cost = began.elapsed();
        self.read_at = Some(Moment::now());
        self.take(facts);
        Ok(())
    }

    fn take(&mut self, facts: DatabaseFacts) {
        self.last = self.facts.as_ref().and_then(|before| spent(&facts, before));
        let was_reset = self.facts.is_some() && self.last.is_none();
        self.reset = !self.baseline_due && (self.reset || was_reset);
        if self.baseline_due || was_reset || self.baseline.is_none() {
            self.baseline = Some(facts.clone());
            self.baseline_due = false;
        }
        self.facts = Some(facts);
    }

    pub(super) fn sample(
        &self,
        target: &Target,
        trouble: Option<&Trouble>,
        interval: Duration,
    ) -> DatabaseSample {
        let state = match trouble {
            Some(trouble) => Reading::Lost {
                since: self.read_at.unwrap_or_else(Moment::now).time(),
                message: trouble.message.clone(),
                help: trouble.help.clone(),
            },
            None => completeness(self.facts.as_ref(), target.user()),
        };
        let facts = self.facts.as_ref();
        DatabaseSample {
            at: Utc::now(),
            target: target.name().to_owned(),
            state,
            facts: facts.cloned(),
            last: self.last.clone(),
            phase: facts
                .zip(self.baseline.as_ref())
                .and_then(|(now, then)| spent(now, then)),
            reset: self.reset,
            tables: self.sizes.told.clone(),
            cost_us: u64::try_from(self.cost.as_micros()).unwrap_or(u64::MAX),
            interval_ms: u64::try_from(interval.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// What was counted between two readings.
fn spent(now: &DatabaseFacts, before: &DatabaseFacts) -> Option<Spent> {
    Some(Spent {
        ms: u64::try_from((now.at_us - before.at_us) / 1_000).unwrap_or(0),
        counters: now.counters.since(&before.counters)?,
    })
}

fn completeness(facts: Option<&DatabaseFacts>, user: &str) -> Reading {
    let hidden = facts.map_or(0, |facts| match facts.sees_all {
        true => 0,
        false => facts.replicas.len(),
    });
    match hidden {
        0 => Reading::Good,
        count => Reading::Partial {
            message: format!("how far {count} replicas are is hidden from role `{user}`"),
            help: format!(
                "as a superuser: `GRANT pg_read_all_stats TO {}`",
                identifier(user)
            ),
        },
    }
}

pub(super) async fn read(link: &mut Link, target: &Target) -> Result<DatabaseFacts, Trouble> {
    let sql = facts_sql(major(&link.identity.server_version));
    let rows = link.rows(&sql, target).await?;
    let text: String = match rows.first() {
        Some(row) => column(row, 0, target)?,
        None => String::new(),
    };
    let mut facts: DatabaseFacts = serde_json::from_str(&text).map_err(|error| {
        Trouble::passing(
            format!("the server's counters cannot be read: {error}"),
            "report this with the server's version",
        )
    })?;
    let replicas = facts.replicas.iter_mut().map(|replica| &mut replica.name);
    let slots = facts.slots.iter_mut().map(|slot| &mut slot.name);
    let oldest = facts.oldest.iter_mut().map(|oldest| &mut oldest.database);
    for name in replicas.chain(slots).chain(oldest) {
        *name = clean::line(name);
    }
    facts.archiver.failing = clean::line(&facts.archiver.failing);
    Ok(facts)
}

fn facts_sql(major: u32) -> String {
    let (checkpointer, timed, requested) = match major {
        17.. => ("pg_stat_checkpointer", "num_timed", "num_requested"),
        _ => ("pg_stat_bgwriter", "checkpoints_timed", "checkpoints_req"),
    };
    let wal_status = match major {
        13.. => "wal_status",
        _ => "NULL::text",
    };
    FACTS
        .replace("{checkpointer}", checkpointer)
        .replace("{timed}", timed)
        .replace("{requested}", requested)
        .replace("{wal_status}", wal_status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(at_s: i64, commits: i64) -> DatabaseFacts {
        DatabaseFacts {
            at_us: at_s * 1_000_000,
            counters: DatabaseCounters {
                commits,
                ..DatabaseCounters::default()
            },
            ..DatabaseFacts::default()
        }
    }

    fn commits(spent: Option<&Spent>) -> Option<(u64, i64)> {
        spent.map(|spent| (spent.ms, spent.counters.commits))
    }

    #[test]
    fn what_was_counted_is_told_of_the_interval_and_of_the_phase() {
        let mut database = Database::default();
        let target = Target::parse("main", "host=db1", None).unwrap();
        let phase = |database: &Database| {
            let sample = database.sample(&target, None, Duration::from_secs(5));
            (commits(sample.phase.as_ref()), sample.reset)
        };
        database.take(facts(0, 100));
        assert_eq!(commits(database.last.as_ref()), None);
        database.take(facts(5, 110));
        database.take(facts(10, 150));
        assert_eq!(commits(database.last.as_ref()), Some((5_000, 40)));
        assert_eq!(phase(&database), (Some((10_000, 50)), false));
        database.rebase();
        database.take(facts(15, 151));
        assert_eq!(phase(&database), (Some((0, 0)), false));
        // A reset is no count below zero, and is told until the next phase.
        database.take(facts(20, 3));
        assert_eq!(database.last, None);
        database.take(facts(25, 7));
        assert_eq!(phase(&database), (Some((5_000, 4)), true));
        database.rebase();
        database.take(facts(30, 9));
        assert_eq!(phase(&database), (Some((0, 0)), false));
    }

    #[test]
    fn columns_that_moved_are_read_where_they_are() {
        assert!(
            facts_sql(12).contains("checkpoints_timed") && facts_sql(12).contains("NULL::text")
        );
        assert!(facts_sql(16).contains("checkpoints.checkpoints_req"));
        assert!(facts_sql(17).contains("checkpoints.num_requested"));
        assert!(!facts_sql(18).contains('{'));
    }
}
