//! `pg_stat_statements`: counters are polled without their texts, which are fetched once for each
//! statement that makes it to the top. Columns are chosen by the extension's version, which may be
//! older than the server's.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use chrono::Utc;
use futures::TryStreamExt;
use sqlx::{AssertSqlSafe, Row};

use super::ledger::{Counters, Delta, Info, Ledger};
use super::link::{Link, MARK, answered, column};
use super::moment::Moment;
use super::trouble::{Trouble, identifier};
use super::{Reading, StatementDelta, StatementsSample, Target, clean};

/// Statements in a sample.
const TOP: usize = 50;
const HIDDEN: &str = "<insufficient privilege>";

const LOOKUP: &str = "\
SELECT /* gonogo monitor */ e.extversion, quote_ident(n.nspname),
       (SELECT setting FROM pg_settings WHERE name = 'shared_preload_libraries')
FROM (SELECT 1) one
LEFT JOIN pg_extension e ON e.extname = 'pg_stat_statements'
LEFT JOIN pg_namespace n ON n.oid = e.extnamespace";

/// The statements of this extension in this database.
#[derive(Debug)]
struct Queries {
    counters: String,
    texts: String,
    /// Since 1.9.
    info: Option<String>,
}

impl Queries {
    fn new(version: &str, schema: &str) -> Self {
        let version = numbers(version);
        let total = if version >= (1, 8) {
            "total_exec_time"
        } else {
            "total_time"
        };
        // The time of nested statements is in that of the statement which called them.
        let outer = if version >= (1, 9) {
            " AND toplevel"
        } else {
            ""
        };
        let here = "dbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
        Self {
            counters: format!(
                "SELECT {MARK} queryid, calls, {total}, rows FROM {schema}.pg_stat_statements(false) WHERE {here}{outer}"
            ),
            texts: format!(
                "SELECT {MARK} queryid, min(left(query, 500)) FROM {schema}.pg_stat_statements \
                 WHERE queryid = ANY($1) AND {here} GROUP BY queryid"
            ),
            info: (version >= (1, 9)).then(|| {
                format!(
                    "SELECT {MARK} dealloc, (extract(epoch FROM stats_reset) * 1000000)::int8 \
                     FROM {schema}.pg_stat_statements_info"
                )
            }),
        }
    }
}

/// What is known of the statements of one database.
#[derive(Debug)]
pub(super) struct Statements {
    queries: Option<Queries>,
    ledger: Ledger,
    texts: HashMap<i64, String>,
    /// Our own, which are not shown.
    ours: HashSet<i64>,
    baseline_due: bool,
    since: Moment,
    last_good: Option<Moment>,
    polled: Option<Instant>,
    /// Between the last two polls.
    interval: Duration,
    cost: Duration,
}

impl Statements {
    pub(super) fn new() -> Self {
        Self {
            queries: None,
            ledger: Ledger::default(),
            texts: HashMap::new(),
            ours: HashSet::new(),
            baseline_due: true,
            since: Moment::now(),
            last_good: None,
            polled: None,
            interval: Duration::ZERO,
            cost: Duration::ZERO,
        }
    }

    /// The next poll becomes the baseline.
    pub(super) fn rebase(&mut self) {
        self.baseline_due = true;
    }

    /// After a connection was lost: the extension may be another one by now.
    pub(super) fn reconnected(&mut self) {
        self.queries = None;
    }

    /// Time the last poll took.
    pub(super) fn cost(&self) -> Duration {
        self.cost
    }

    pub(super) async fn poll(&mut self, link: &mut Link, target: &Target) -> Result<(), Trouble> {
        let result = self.try_poll(link, target).await;
        if result.is_err() {
            // Dropped, upgraded or moved meanwhile: look again.
            self.queries = None;
        }
        result
    }

    async fn try_poll(&mut self, link: &mut Link, target: &Target) -> Result<(), Trouble> {
        let queries = match self.queries.take() {
            Some(queries) => queries,
            None => lookup(link, target).await?,
        };
        // Before the counters: a reset in between then shows as counters that shrink.
        let info = match &queries.info {
            Some(sql) => Some(info(link, target, sql).await?),
            None => None,
        };
        let began = Instant::now();
        self.ledger.begin();
        answered(
            async {
                let query = sqlx::query(AssertSqlSafe(queries.counters.as_str()));
                let mut rows = query.fetch(&mut link.connection);
                while let Some(row) = rows.try_next().await? {
                    let counters = Counters {
                        calls: row.try_get(1)?,
                        total_ms: row.try_get(2)?,
                        rows: row.try_get(3)?,
                    };
                    self.ledger.add(row.try_get(0)?, counters);
                }
                Ok(())
            },
            target,
        )
        .await
        .map_err(|trouble| preload(trouble, target))?;
        self.cost = began.elapsed();
        self.ledger.end(info);
        self.interval = self.polled.map_or(Duration::ZERO, |polled| began - polled);
        self.polled = Some(began);
        let now = Moment::now();
        self.last_good = Some(now);
        if self.baseline_due {
            self.ledger.rebase();
            self.since = now;
            self.baseline_due = false;
        }
        self.fetch_texts(link, target, &queries).await?;
        self.queries = Some(queries);
        Ok(())
    }

    /// Fetches the texts of statements that are new at the top.
    async fn fetch_texts(
        &mut self,
        link: &mut Link,
        target: &Target,
        queries: &Queries,
    ) -> Result<(), Trouble> {
        let ledger = &self.ledger;
        self.texts.retain(|id, _| ledger.knows(Some(*id)));
        self.ours.retain(|id| ledger.knows(Some(*id)));
        let missing: Vec<i64> = self
            .top()
            .iter()
            .filter_map(|delta| delta.id)
            .filter(|id| !self.texts.contains_key(id))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let query = sqlx::query(AssertSqlSafe(queries.texts.as_str())).bind(missing);
        let rows = answered(query.fetch_all(&mut link.connection), target).await?;
        for row in &rows {
            let id: i64 = column(row, 0, target)?;
            let text = column::<Option<String>>(row, 1, target)?.unwrap_or_default();
            if text.contains(MARK) {
                self.ours.insert(id);
            } else {
                self.texts.insert(id, clean::line(&text));
            }
        }
        Ok(())
    }

    /// The statements with the most time since the baseline, ours left out.
    fn top(&self) -> Vec<Delta> {
        let mut deltas: Vec<Delta> = self.others().collect();
        deltas.sort_by(|a, b| {
            b.counters
                .total_ms
                .total_cmp(&a.counters.total_ms)
                .then(a.id.cmp(&b.id))
        });
        deltas.truncate(TOP);
        deltas
    }

    fn others(&self) -> impl Iterator<Item = Delta> {
        self.ledger
            .deltas()
            .filter(|delta| delta.id.is_none_or(|id| !self.ours.contains(&id)))
    }

    /// The sample of the last poll, or of the one before the trouble.
    pub(super) fn sample(&self, target: &Target, trouble: Option<&Trouble>) -> StatementsSample {
        let (total_calls, total_ms) = self.others().fold((0, 0.0), |(calls, time), delta| {
            (calls + delta.counters.calls, time + delta.counters.total_ms)
        });
        StatementsSample {
            at: Utc::now(),
            target: target.name().to_owned(),
            state: self.state(target, trouble),
            since: self.since.time(),
            statements: self
                .top()
                .into_iter()
                .map(|delta| self.delta(delta, total_ms))
                .collect(),
            known: u32::try_from(self.ledger.known()).unwrap_or(u32::MAX),
            total_calls,
            total_ms,
            reset: self.ledger.disturbed(),
            cost_us: u64::try_from(self.cost.as_micros()).unwrap_or(u64::MAX),
        }
    }

    fn state(&self, target: &Target, trouble: Option<&Trouble>) -> Reading {
        match trouble {
            Some(trouble) => Reading::Lost {
                since: self.last_good.unwrap_or(self.since).time(),
                message: trouble.message.clone(),
                help: trouble.help.clone(),
            },
            None if self.ledger.knows(None) => Reading::Partial {
                message: format!(
                    "statements of other roles are hidden from role `{}`",
                    target.user()
                ),
                help: format!(
                    "as a superuser: `GRANT pg_read_all_stats TO {}`",
                    identifier(target.user())
                ),
            },
            None => Reading::Good,
        }
    }

    fn delta(&self, delta: Delta, total_ms: f64) -> StatementDelta {
        let Counters {
            calls,
            total_ms: own_ms,
            rows,
        } = delta.counters;
        let query = match delta.id {
            Some(id) => self.texts.get(&id).cloned().unwrap_or_default(),
            None => HIDDEN.to_owned(),
        };
        let seconds = self.interval.as_secs_f64();
        StatementDelta {
            query_id: delta.id.unwrap_or(0),
            query,
            calls,
            mean_ms: if calls > 0 {
                own_ms / calls as f64
            } else {
                0.0
            },
            total_ms: own_ms,
            share: if total_ms > 0.0 {
                own_ms / total_ms
            } else {
                0.0
            },
            rows,
            // A statement that was pushed out and came again looks new: nothing is said then.
            is_new: delta.before.calls == 0 && !self.ledger.disturbed(),
            mean_before_ms: (delta.before.calls > 0)
                .then(|| delta.before.total_ms / delta.before.calls as f64),
            calls_per_s: if seconds > 0.0 {
                delta.recent_calls as f64 / seconds
            } else {
                0.0
            },
        }
    }
}

async fn lookup(link: &mut Link, target: &Target) -> Result<Queries, Trouble> {
    let rows = link.rows(LOOKUP, target).await?;
    let row = rows.first().ok_or_else(|| {
        Trouble::passing(
            "the catalog of extensions is empty",
            "check the server's log",
        )
    })?;
    let version: Option<String> = column(row, 0, target)?;
    let schema: Option<String> = column(row, 1, target)?;
    let preloaded: Option<String> = column(row, 2, target)?;
    match (version, schema) {
        (Some(version), Some(schema)) => Ok(Queries::new(&version, &schema)),
        _ => Err(missing(target, preloaded.as_deref())),
    }
}

async fn info(link: &mut Link, target: &Target, sql: &str) -> Result<Info, Trouble> {
    let rows = link
        .rows(sql, target)
        .await
        .map_err(|trouble| preload(trouble, target))?;
    let row = rows.first().ok_or_else(|| {
        Trouble::passing(
            "`pg_stat_statements_info` is empty",
            "check the server's log",
        )
    })?;
    Ok(Info {
        evictions: column(row, 0, target)?,
        reset_at_us: column::<Option<i64>>(row, 1, target)?.unwrap_or(0),
    })
}

/// The extension is not in this database. `preloaded` is NULL where the role may not know.
fn missing(target: &Target, preloaded: Option<&str>) -> Trouble {
    let database = target.database();
    let create =
        format!("in database `{database}`, as a superuser: `CREATE EXTENSION pg_stat_statements`");
    let help = match preloaded {
        Some(libraries) if libraries.contains("pg_stat_statements") => create,
        Some(_) => format!(
            "add `pg_stat_statements` to `shared_preload_libraries` in `postgresql.conf`, restart the server, then {create}"
        ),
        None => format!(
            "{create}; the server must have been started with `shared_preload_libraries = 'pg_stat_statements'`"
        ),
    };
    Trouble::passing(
        format!("the extension `pg_stat_statements` is not in database `{database}`"),
        help,
    )
}

/// The extension exists but its library is not loaded: said in the server's words, without a way on.
fn preload(trouble: Trouble, target: &Target) -> Trouble {
    if !trouble.message.contains("shared_preload_libraries") {
        return trouble;
    }
    Trouble::passing(
        format!(
            "the library of `pg_stat_statements` is not loaded by the server of database `{}`",
            target.database()
        ),
        "add `pg_stat_statements` to `shared_preload_libraries` in `postgresql.conf` and restart the server",
    )
}

/// `1.10` as numbers.
fn numbers(version: &str) -> (u32, u32) {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_go_by_the_version_of_the_extension() {
        let old = Queries::new("1.7", "public");
        assert!(old.counters.contains(" total_time"), "{}", old.counters);
        assert!(!old.counters.contains("toplevel"));
        assert!(old.info.is_none());

        let middle = Queries::new("1.8", "public");
        assert!(middle.counters.contains("total_exec_time"));
        assert!(middle.info.is_none());

        let new = Queries::new("1.10", "\"Stats\"");
        assert!(new.counters.contains("\"Stats\".pg_stat_statements(false)"));
        assert!(new.counters.contains("toplevel"));
        assert!(new.info.is_some());
    }

    #[test]
    fn a_missing_extension_is_told_with_what_it_needs() {
        let target = Target::parse("main", "host=db1 user=anna dbname=app", None).unwrap();
        let loaded = missing(&target, Some("auto_explain, pg_stat_statements"));
        assert!(
            loaded
                .help
                .starts_with("in database `app`, as a superuser: `CREATE EXTENSION")
        );
        let unloaded = missing(&target, Some(""));
        assert!(unloaded.help.contains("restart the server"));
    }
}
