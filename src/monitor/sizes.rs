//! How large the tables are that the guide names, on a slow schedule of its own. A table that somebody has
//! locked, or waits to lock, against everybody is left out: its size would be waited for.

use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;

use super::link::{Link, answered, column};
use super::trouble::Trouble;
use super::{Target, clean};
use crate::run::Timestamp;
use crate::runbook::TableName;

/// Tables in a sample, the largest first.
const MOST: i64 = 20;

/// A partitioned table is as large as its parts. The parts are found in `pg_inherits`, which takes no lock
/// on them.
const SIZES: &str = "\
WITH RECURSIVE /* gonogo monitor */ wanted AS (
  SELECT DISTINCT c.oid, n.nspname, c.relname
  FROM unnest($1::text[], $2::text[]) AS named(schema, name)
  JOIN pg_class c ON c.relname = named.name AND c.relkind IN ('r', 'p', 'm')
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE named.schema IN ('', n.nspname) AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
), parts AS (
  SELECT oid AS root, oid FROM wanted
  UNION
  SELECT parts.root, i.inhrelid FROM parts JOIN pg_inherits i ON i.inhparent = parts.oid
), locked AS MATERIALIZED (
  SELECT DISTINCT coalesce(i.indrelid, l.relation) AS oid
  FROM pg_locks l LEFT JOIN pg_index i ON i.indexrelid = l.relation
  WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
), free AS MATERIALIZED (
  SELECT root FROM parts LEFT JOIN locked USING (oid) GROUP BY root HAVING count(locked.oid) = 0
)
SELECT CASE nspname WHEN 'public' THEN relname ELSE nspname || '.' || relname END,
       CASE WHEN free.root IS NOT NULL THEN
         (SELECT sum(pg_total_relation_size(parts.oid)) FROM parts WHERE parts.root = wanted.oid) END::int8,
       (SELECT sum(pg_stat_get_live_tuples(parts.oid)) FROM parts WHERE parts.root = wanted.oid)::int8,
       (SELECT sum(pg_stat_get_dead_tuples(parts.oid)) FROM parts WHERE parts.root = wanted.oid)::int8
FROM wanted LEFT JOIN free ON free.root = wanted.oid
ORDER BY 2 DESC NULLS LAST, 1 LIMIT $3";

/// The tables that the guide names, as they were when they were read last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableSizes {
    pub read_at: Option<Timestamp>,
    pub tables: Vec<TableSize>,
    /// Why they could not be read this time.
    pub trouble: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableSize {
    pub name: String,
    /// With its indexes and TOAST; `None` where it was never read, because it was locked.
    pub bytes: Option<i64>,
    /// The size is of an earlier reading: it is locked now.
    pub is_locked: bool,
    /// When the phase began.
    pub before: Option<i64>,
    pub rows: i64,
    pub dead_rows: i64,
}

impl TableSize {
    /// By how much it has grown since the phase began.
    pub fn grown(&self) -> Option<i64> {
        Some(self.bytes? - self.before?)
    }
}

/// What is known of them, and whether they are counted anew.
#[derive(Debug, Default)]
pub(super) struct Sizes {
    pub(super) told: TableSizes,
    baseline_due: bool,
}

impl Sizes {
    pub(super) fn rebase(&mut self) {
        self.baseline_due = true;
    }

    pub(super) async fn poll(
        &mut self,
        link: &mut Link,
        target: &Target,
        named: &[TableName],
    ) -> Result<(), Trouble> {
        let result = read(link, target, named).await;
        match result {
            Ok(tables) => {
                self.take(tables);
                self.told.read_at = Some(chrono::Utc::now());
                self.told.trouble = None;
                Ok(())
            }
            Err(trouble) => {
                self.told.trouble = Some(trouble.message.clone());
                Err(trouble)
            }
        }
    }

    /// What was known of a table that is locked now stays.
    fn take(&mut self, mut tables: Vec<TableSize>) {
        for table in &mut tables {
            table.is_locked = table.bytes.is_none();
            let known = self
                .told
                .tables
                .iter()
                .find(|known| known.name == table.name);
            table.bytes = table.bytes.or(known.and_then(|known| known.bytes));
            let before = known
                .and_then(|known| known.before)
                .filter(|_| !self.baseline_due);
            table.before = before.or(table.bytes);
        }
        self.told.tables = tables;
        self.baseline_due = false;
    }
}

async fn read(
    link: &mut Link,
    target: &Target,
    named: &[TableName],
) -> Result<Vec<TableSize>, Trouble> {
    let schemas: Vec<&str> = named
        .iter()
        .map(|table| table.schema.as_deref().unwrap_or(""))
        .collect();
    let names: Vec<&str> = named.iter().map(|table| table.name.as_str()).collect();
    let query = sqlx::query(AssertSqlSafe(SIZES))
        .bind(schemas)
        .bind(names)
        .bind(MOST);
    let rows = answered(query.fetch_all(&mut link.connection), target).await?;
    rows.iter()
        .map(|row| {
            Ok(TableSize {
                name: clean::line(&column::<String>(row, 0, target)?),
                bytes: column(row, 1, target)?,
                rows: column::<Option<i64>>(row, 2, target)?.unwrap_or(0),
                dead_rows: column::<Option<i64>>(row, 3, target)?.unwrap_or(0),
                ..TableSize::default()
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_grows_since_the_phase_began_and_keeps_its_size_while_it_is_locked() {
        let read = |bytes| {
            vec![TableSize {
                name: "items".to_owned(),
                bytes,
                ..TableSize::default()
            }]
        };
        let mut sizes = Sizes::default();
        sizes.take(read(None));
        assert_eq!(
            (sizes.told.tables[0].bytes, sizes.told.tables[0].is_locked),
            (None, true)
        );
        sizes.take(read(Some(100)));
        sizes.take(read(Some(160)));
        assert_eq!(sizes.told.tables[0].grown(), Some(60));
        sizes.take(read(None));
        assert_eq!(
            (sizes.told.tables[0].bytes, sizes.told.tables[0].is_locked),
            (Some(160), true)
        );
        sizes.rebase();
        sizes.take(read(Some(170)));
        assert_eq!(sizes.told.tables[0].grown(), Some(0));
    }
}
