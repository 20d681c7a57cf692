//! How many rows were ever written to the tables that the guide names, as the server counts them: what was
//! written since a moment is the difference of two such looks. It takes no lock on any table.

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;

use super::link::{Link, Scope, answered, column};
use super::trouble::Trouble;
use super::{Target, clean};
use crate::runbook::TableName;

/// The parts of a partitioned table are written to in its name.
const WRITES: &str = "\
WITH RECURSIVE /* gonogo monitor */ wanted AS (
  SELECT DISTINCT c.oid, n.nspname, c.relname
  FROM unnest($1::text[], $2::text[]) AS named(schema, name)
  JOIN pg_class c ON c.relname = named.name AND c.relkind IN ('r', 'p')
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE named.schema IN ('', n.nspname) AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
), parts AS (
  SELECT oid AS root, oid FROM wanted
  UNION
  SELECT parts.root, i.inhrelid FROM parts JOIN pg_inherits i ON i.inhparent = parts.oid
)
SELECT CASE nspname WHEN 'public' THEN relname ELSE nspname || '.' || relname END,
       (SELECT sum(pg_stat_get_tuples_inserted(parts.oid) + pg_stat_get_tuples_updated(parts.oid)
                   + pg_stat_get_tuples_deleted(parts.oid)) FROM parts WHERE parts.root = wanted.oid)::int8
FROM wanted";

/// Looks once, on a connection of its own.
pub(super) async fn written(
    target: &Target,
    run: &str,
    named: &[TableName],
) -> Result<BTreeMap<String, i64>, Trouble> {
    let mut link = Link::open(target, run, Scope::System).await?;
    let schemas: Vec<&str> = named
        .iter()
        .map(|table| table.schema.as_deref().unwrap_or(""))
        .collect();
    let names: Vec<&str> = named.iter().map(|table| table.name.as_str()).collect();
    let query = sqlx::query(AssertSqlSafe(WRITES)).bind(schemas).bind(names);
    let rows = answered(query.fetch_all(&mut link.connection), target).await?;
    link.close(std::time::Duration::from_secs(1)).await;
    let one = |row| {
        let name = clean::line(&column::<String>(row, 0, target)?);
        Ok((name, column::<Option<i64>>(row, 1, target)?.unwrap_or(0)))
    };
    rows.iter().map(one).collect()
}
