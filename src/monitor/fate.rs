//! What a server knows of a step whose end nobody saw.

use sqlx::AssertSqlSafe;

use super::link::{Link, MARK, Scope, answered, column};
use super::trouble::Trouble;
use super::{Target, clean};

/// What is left of a step on its server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remains {
    /// Sessions that carry its name, one line each.
    pub sessions: Vec<String>,
    /// `committed`, `aborted` or `in progress`; `None` where the transaction is too old to be known.
    pub transaction: Option<String>,
}

/// Which of these indexes, and of those on these tables, are there and not valid. What a rebuild leaves
/// carries the name of the index with an ending of the server's.
pub(super) async fn invalid_indexes(
    target: &Target,
    run: &str,
    indexes: &[String],
    tables: &[String],
) -> Result<Vec<String>, Trouble> {
    let mut link = Link::open(target, run, Scope::System).await?;
    let sql = format!(
        "SELECT {MARK} i.indexrelid::regclass::text FROM pg_index i \
         JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid \
         WHERE NOT i.indisvalid AND (t.relname = ANY($2) \
            OR regexp_replace(c.relname, '_cc(new|old)[0-9]*$', '') = ANY($1)) \
         ORDER BY 1 LIMIT 20"
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(indexes).bind(tables);
    let rows = answered(query.fetch_all(&mut link.connection), target).await?;
    rows.iter()
        .map(|row| Ok(clean::line(&column::<String>(row, 0, target)?)))
        .collect()
}

/// Looks for sessions of this name, and asks what became of a transaction (its 64-bit number).
pub(super) async fn remains(
    target: &Target,
    run: &str,
    application: &str,
    transaction: Option<i64>,
) -> Result<Remains, Trouble> {
    let mut link = Link::open(target, run, Scope::System).await?;
    let sql = format!(
        "SELECT {MARK} format('pid %s: %s for %s s: %s', pid, coalesce(state, 'state hidden'), \
                extract(epoch FROM clock_timestamp() - state_change)::int8, left(query, 120)) \
         FROM pg_stat_activity WHERE application_name = $1 ORDER BY backend_start LIMIT 20"
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(application);
    let rows = answered(query.fetch_all(&mut link.connection), target).await?;
    let mut remains = Remains::default();
    for row in &rows {
        let line: String = column(row, 0, target)?;
        remains.sessions.push(clean::line(&line));
    }
    if let Some(transaction) = transaction {
        let sql = format!("SELECT {MARK} txid_status($1)");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(transaction);
        let rows = answered(query.fetch_all(&mut link.connection), target).await?;
        if let Some(row) = rows.first() {
            remains.transaction = column(row, 0, target)?;
        }
    }
    Ok(remains)
}
