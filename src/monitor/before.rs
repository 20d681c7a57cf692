//! A look before a step that changes a database: whom its locks would have to wait for, and what else about
//! the server is worth knowing first. Asked while somebody looks at the step, over a session of its own.

use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgRow;

use super::link::{Link, Scope, answered, column};
use super::sample::age;
use super::trouble::Trouble;
use super::{DatabaseFacts, Session, Target, clean, database};
use crate::run::{Guard, GuardLevel};
use crate::runbook::{LockMode, TableLock};

/// A transaction that is older than this is not over in a moment.
const LASTS_MS: i64 = 10_000;
/// What a build `CONCURRENTLY` waits for.
const OLD_MS: i64 = 60_000;
/// What keeps vacuum from its work.
const VERY_OLD_MS: i64 = 30 * 60_000;
/// Seconds by which a replica may be behind.
const BEHIND_S: f64 = 10.0;
/// Prepared transactions that are older were forgotten.
const FORGOTTEN_S: f64 = 300.0;

/// Who has, or waits for, a lock that is in the way; `$1` schemas, `$2` names, `$3` the modes that conflict,
/// by commas. A name may be that of an index: its table is meant, too.
const LOCKS: &str = "\
WITH /* gonogo monitor */ found AS (
  SELECT w.at, w.modes, c.oid, i.indrelid
  FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS w(schema, name, modes, at)
  JOIN pg_class c ON c.relname = w.name AND c.relkind IN ('r', 'p', 'm', 'i', 'I')
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_index i ON i.indexrelid = c.oid
  WHERE w.schema IN ('', n.nspname) AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
)
SELECT f.at, l.mode, l.granted, coalesce(l.pid, 0), a.application_name, a.usename::text, a.state,
       a.backend_type, (extract(epoch FROM clock_timestamp() - a.xact_start) * 1000)::int8, left(a.query, 300),
       l.mode IS NOT NULL AND l.pid IS NULL
FROM found f
LEFT JOIN pg_locks l ON l.locktype = 'relation' AND l.relation IN (f.oid, f.indrelid)
     AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
     AND l.mode = ANY(string_to_array(f.modes, ',')) AND l.pid IS DISTINCT FROM pg_backend_pid()
LEFT JOIN pg_stat_activity a ON a.pid = l.pid
ORDER BY f.at, l.granted DESC, a.xact_start NULLS LAST LIMIT 200";

/// The oldest transactions, and what was left half done on the tables `$1`.
const AROUND: &str = "\
SELECT /* gonogo monitor */ 'open', pid, application_name, usename::text, state, backend_type,
       (extract(epoch FROM clock_timestamp() - xact_start) * 1000)::int8, left(query, 300)
FROM (SELECT * FROM pg_stat_activity
      WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()
      ORDER BY xact_start LIMIT 3) oldest
UNION ALL
SELECT 'invalid', 0, CASE nspname WHEN 'public' THEN x.relname::text ELSE nspname || '.' || x.relname END,
       t.relname::text, NULL, NULL, NULL, NULL
FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_namespace ON pg_namespace.oid = x.relnamespace
WHERE NOT i.indisvalid AND t.relname = ANY($1)
  AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index b WHERE b.index_relid = i.indexrelid)
UNION ALL
SELECT 'unvalidated', 0, c.conname::text, t.relname::text, NULL, NULL, NULL, NULL
FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
WHERE NOT c.convalidated AND t.relname = ANY($1)";

/// What a step would meet if it began now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BeforeStep {
    pub locks: Vec<LockForecast>,
    /// The gravest first.
    pub guards: Vec<Guard>,
}

/// One lock that it will ask for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LockForecast {
    pub table: String,
    /// `AccessExclusiveLock`
    pub mode: String,
    /// False: there is no such table yet, or no more.
    pub is_there: bool,
    /// Who is in its way, as they are named elsewhere: `8240 nightly-report (idle in transaction, 4m 2s)`.
    pub held_by: Vec<String>,
    /// Who already waits for a lock that conflicts: it queues behind them.
    pub waited_for_by: Vec<String>,
}

/// A session that holds a lock, or waits for it.
struct Holder {
    /// Its place among the locks, from 1.
    at: i64,
    granted: bool,
    session: Session,
    /// A prepared transaction, which belongs to no session.
    is_prepared: bool,
}

impl Holder {
    fn words(&self) -> String {
        match self.is_prepared {
            true => "a prepared transaction".to_owned(),
            false if self.is_hidden() => {
                format!(
                    "{} (what it does is hidden from this role)",
                    self.session.named()
                )
            }
            false => self.session.named(),
        }
    }

    fn lasts(&self) -> bool {
        let is_idle = self.session.state.starts_with("idle in transaction");
        self.is_prepared || is_idle || self.session.transaction_ms >= Some(LASTS_MS)
    }

    /// This role may not see how long it has been there.
    fn is_hidden(&self) -> bool {
        !self.is_prepared && self.session.kind.is_empty()
    }

    fn prevents_wraparound(&self) -> bool {
        self.session.query.contains("to prevent wraparound")
    }
}

/// Looks once.
pub(super) async fn before(
    target: &Target,
    run: &str,
    locks: &[TableLock],
) -> Result<BeforeStep, Trouble> {
    let mut link = Link::open(target, run, Scope::System).await?;
    let (found, holders) = holders(&mut link, target, locks).await?;
    let mut forecasts: Vec<LockForecast> = locks.iter().map(forecast).collect();
    let mut guards = Vec::new();
    for (at, (forecast, lock)) in forecasts.iter_mut().zip(locks).enumerate() {
        let own: Vec<&Holder> = holders
            .iter()
            .filter(|holder| usize::try_from(holder.at) == Ok(at + 1))
            .collect();
        forecast.is_there = found.contains(&(at + 1));
        let words = |granted| {
            let those = own.iter().filter(|holder| holder.granted == granted);
            those.map(|holder| holder.words()).collect::<Vec<_>>()
        };
        forecast.held_by = words(true);
        forecast.waited_for_by = words(false);
        guards.extend(of_lock(forecast, lock, &own));
    }
    let names: Vec<String> = locks.iter().map(|lock| lock.table.name.clone()).collect();
    let waits_for_all = locks.iter().any(|lock| lock.waits_for_all);
    guards.extend(around(&mut link, target, &names, waits_for_all).await?);
    let facts = database::read(&mut link, target).await?;
    guards.extend(of_server(&facts));
    link.close(std::time::Duration::from_secs(1)).await;
    guards.sort_by_key(|guard| guard.level);
    Ok(BeforeStep {
        locks: forecasts,
        guards,
    })
}

fn forecast(lock: &TableLock) -> LockForecast {
    let table = &lock.table;
    LockForecast {
        table: match &table.schema {
            Some(schema) => format!("{schema}.{}", table.name),
            None => table.name.clone(),
        },
        mode: lock.mode.name().to_owned(),
        ..LockForecast::default()
    }
}

/// The places of the locks whose tables are there, and who is in the way of which.
async fn holders(
    link: &mut Link,
    target: &Target,
    locks: &[TableLock],
) -> Result<(Vec<usize>, Vec<Holder>), Trouble> {
    let schemas: Vec<&str> = locks
        .iter()
        .map(|lock| lock.table.schema.as_deref().unwrap_or(""))
        .collect();
    let names: Vec<&str> = locks.iter().map(|lock| lock.table.name.as_str()).collect();
    let modes: Vec<String> = locks
        .iter()
        .map(|lock| {
            let modes: Vec<&str> = lock.mode.conflicts().map(|mode| mode.name()).collect();
            modes.join(",")
        })
        .collect();
    let query = sqlx::query(AssertSqlSafe(LOCKS))
        .bind(schemas)
        .bind(names)
        .bind(modes);
    let rows = answered(query.fetch_all(&mut link.connection), target).await?;
    let (mut found, mut holders) = (Vec::new(), Vec::new());
    for row in &rows {
        let at: i64 = column(row, 0, target)?;
        found.extend(usize::try_from(at));
        if column::<Option<String>>(row, 1, target)?.is_none() {
            continue;
        }
        let pid: i32 = column(row, 3, target)?;
        let granted = column::<Option<bool>>(row, 2, target)?.unwrap_or(false);
        // It may hold the index and its table, in several modes.
        let is_known =
            |known: &Holder| (known.at, known.granted, known.session.pid) == (at, granted, pid);
        if holders.iter().any(is_known) {
            continue;
        }
        holders.push(Holder {
            at,
            granted,
            session: session(row, 4, pid, target)?,
            is_prepared: column(row, 10, target)?,
        });
    }
    Ok((found, holders))
}

/// Application, user, state, kind, age of the transaction and query, from a column on.
fn session(row: &PgRow, from: usize, pid: i32, target: &Target) -> Result<Session, Trouble> {
    let text = |index| {
        column::<Option<String>>(row, from + index, target)
            .map(|text| clean::line(&text.unwrap_or_default()))
    };
    Ok(Session {
        pid,
        application: text(0)?,
        user: text(1)?,
        state: text(2)?,
        kind: text(3)?,
        transaction_ms: column(row, from + 4, target)?,
        query: text(5)?,
        ..Session::default()
    })
}

/// Whoever is in the way of a lock.
fn of_lock(forecast: &LockForecast, lock: &TableLock, holders: &[&Holder]) -> Vec<Guard> {
    let mut guards = Vec::new();
    let table = &forecast.table;
    let behind = match lock.mode {
        LockMode::AccessExclusive => {
            "; while it waits, everybody who uses the table waits behind it"
        }
        LockMode::Share | LockMode::ShareRowExclusive | LockMode::Exclusive => {
            "; while it waits, everybody who writes the table waits behind it"
        }
        _ => "",
    };
    let held: Vec<&&Holder> = holders.iter().filter(|holder| holder.granted).collect();
    let Some(first) = held.first() else {
        return guards;
    };
    let wraps = held.iter().find(|holder| holder.prevents_wraparound());
    if let Some(vacuum) = wraps {
        let text = format!(
            "{} prevents wraparound on `{table}` and does not give way: the step would wait until it has ended{behind}",
            vacuum.words()
        );
        guards.push(Guard::new(GuardLevel::Stop, text));
        return guards;
    }
    let more = match held.len() {
        1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let lasting = held.iter().find(|holder| holder.lasts());
    let hidden = held.iter().find(|holder| holder.is_hidden());
    let (level, who) = match (lasting, hidden) {
        (Some(holder), _) if behind.is_empty() => (GuardLevel::Warn, holder),
        (Some(holder), _) => (GuardLevel::Stop, holder),
        (None, Some(holder)) => (GuardLevel::Warn, holder),
        (None, None) => (GuardLevel::Note, first),
    };
    let text = format!(
        "it would wait for {}{more} on `{table}`{behind}",
        who.words()
    );
    guards.push(Guard::new(level, text));
    guards
}

/// Long transactions, and what was left half done.
async fn around(
    link: &mut Link,
    target: &Target,
    tables: &[String],
    waits_for_all: bool,
) -> Result<Vec<Guard>, Trouble> {
    let query = sqlx::query(AssertSqlSafe(AROUND)).bind(tables);
    let rows = answered(query.fetch_all(&mut link.connection), target).await?;
    let mut guards = Vec::new();
    let mut oldest_told = false;
    for row in &rows {
        let what: String = column(row, 0, target)?;
        let session = session(row, 2, column(row, 1, target)?, target)?;
        let (level, text) = match what.as_str() {
            "invalid" => (
                GuardLevel::Warn,
                format!(
                    "the index `{}` on `{}` is INVALID: a build of it was cut off",
                    session.application, session.user
                ),
            ),
            "unvalidated" => (
                GuardLevel::Note,
                format!(
                    "the constraint `{}` on `{}` is not validated",
                    session.application, session.user
                ),
            ),
            _ if oldest_told => continue,
            _ => match session.transaction_ms.unwrap_or(0) {
                ms if waits_for_all && ms >= OLD_MS => (
                    GuardLevel::Warn,
                    format!(
                        "CONCURRENTLY waits for every open transaction: the oldest is {}",
                        session.named()
                    ),
                ),
                ms if ms >= VERY_OLD_MS => (
                    GuardLevel::Warn,
                    format!(
                        "{} keeps vacuum from removing what the step leaves behind",
                        session.named()
                    ),
                ),
                _ => continue,
            },
        };
        oldest_told |= what == "open";
        guards.push(Guard::new(level, text));
    }
    Ok(guards)
}

/// What the server's own counters say.
fn of_server(facts: &DatabaseFacts) -> Vec<Guard> {
    let mut guards = Vec::new();
    let mut tell = |level, text| guards.push(Guard::new(level, text));
    if facts.in_recovery {
        tell(
            GuardLevel::Stop,
            "this server is a replica: it takes no change".to_owned(),
        );
    }
    if let Some(seconds) = facts
        .prepared
        .oldest_s
        .filter(|seconds| *seconds >= FORGOTTEN_S)
    {
        let text = format!(
            "{} prepared transactions are open, the oldest for {}: what they lock stays locked",
            facts.prepared.count,
            age(seconds as i64)
        );
        tell(GuardLevel::Warn, text);
    }
    for replica in &facts.replicas {
        if let Some(seconds) = replica.behind_s.filter(|seconds| *seconds >= BEHIND_S) {
            let text = format!(
                "the replica `{}` is {} behind: a large change takes it further",
                replica.name,
                age(seconds as i64)
            );
            tell(GuardLevel::Warn, text);
        }
    }
    for slot in &facts.slots {
        if matches!(slot.wal_status.as_deref(), Some("lost" | "unreserved")) {
            let text = format!(
                "the slot `{}` is about to lose its WAL, or has lost it",
                slot.name
            );
            tell(GuardLevel::Warn, text);
        }
    }
    if facts.archiver.on && facts.archiver.failing_s.is_some() {
        let text = format!(
            "WAL is not archived: `{}` has failed {} times",
            facts.archiver.failing, facts.archiver.failed
        );
        tell(GuardLevel::Warn, text);
    }
    guards
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runbook::TableName;

    fn lock(mode: LockMode) -> TableLock {
        TableLock {
            table: TableName {
                schema: None,
                name: "audits".to_owned(),
            },
            mode,
            waits_for_all: false,
        }
    }

    fn holder(state: &str, transaction_ms: i64, query: &str) -> Holder {
        Holder {
            at: 1,
            granted: true,
            session: Session {
                pid: 8240,
                application: "nightly-report".to_owned(),
                state: state.to_owned(),
                kind: "client backend".to_owned(),
                transaction_ms: Some(transaction_ms),
                query: query.to_owned(),
                ..Session::default()
            },
            is_prepared: false,
        }
    }

    fn guards(mode: LockMode, holder: &Holder) -> Vec<(GuardLevel, String)> {
        let lock = lock(mode);
        of_lock(&forecast(&lock), &lock, &[holder])
            .into_iter()
            .map(|guard| (guard.level, guard.text))
            .collect()
    }

    #[test]
    fn who_stays_stops_a_step_that_others_would_queue_behind() {
        let stays = holder("idle in transaction", 242_000, "SELECT 1");
        assert_eq!(
            guards(LockMode::AccessExclusive, &stays),
            [(
                GuardLevel::Stop,
                "it would wait for 8240 nightly-report (idle in transaction, 4m 2s) on `audits`; \
                 while it waits, everybody who uses the table waits behind it"
                    .to_owned()
            )]
        );
        let level = |mode, holder: &Holder| guards(mode, holder)[0].0;
        assert_eq!(level(LockMode::RowExclusive, &stays), GuardLevel::Warn);
        let mut hidden = holder("", 0, "<insufficient privilege>");
        hidden.session.kind.clear();
        assert_eq!(level(LockMode::AccessExclusive, &hidden), GuardLevel::Warn);
        let passes = holder("active", 40, "SELECT 1");
        assert_eq!(level(LockMode::AccessExclusive, &passes), GuardLevel::Note);
        let wraps = holder(
            "active",
            40,
            "autovacuum: VACUUM audits (to prevent wraparound)",
        );
        assert_eq!(
            level(LockMode::ShareUpdateExclusive, &wraps),
            GuardLevel::Stop
        );
    }

    #[test]
    fn a_server_that_is_well_is_no_reason_to_say_anything() {
        assert!(of_server(&DatabaseFacts::default()).is_empty());
        let facts = DatabaseFacts {
            in_recovery: true,
            ..DatabaseFacts::default()
        };
        assert_eq!(of_server(&facts)[0].level, GuardLevel::Stop);
    }
}
