//! What a rollback would lose, as a number that the guide's own query gives. It runs on a connection
//! of its own, opened for it: neither readings nor a cancel may wait behind a query of others.

use sqlx::{AssertSqlSafe, Column, Connection, Executor, SqlSafeStr, Statement};

use super::Target;
use super::link::{Link, MARK, Scope, answered, column};
use super::trouble::Trouble;

/// Runs a query of one column and at most one row, in a transaction that only reads, for at most
/// 2 s. The value as PostgreSQL writes it; `none` for no row and for NULL.
pub(super) async fn loss(target: &Target, run: &str, query: &str) -> Result<String, Trouble> {
    value(target, run, query).await.map_err(mistaken)
}

/// [`loss`], of any such query: what went wrong is told as it is.
pub(super) async fn value(target: &Target, run: &str, query: &str) -> Result<String, Trouble> {
    let query = query.trim().trim_end_matches(';').trim_end();
    let mut link = Link::open(target, run, Scope::Role).await?;
    // Prepared as it stands, first: a second statement is refused by the server, and an error is the
    // author's own.
    let prepared = answered(
        (&mut link.connection).prepare(AssertSqlSafe(query).into_sql_str()),
        target,
    )
    .await?;
    if prepared.columns().len() != 1 {
        let names: Vec<&str> = prepared.columns().iter().map(Column::name).collect();
        return Err(Trouble::passing(
            format!(
                "the query gives {} columns ({})",
                names.len(),
                names.join(", ")
            ),
            "it must give one column and one row: `SELECT count(*) FROM …`",
        ));
    }
    let sql = format!("SELECT {MARK} value::text FROM (\n{query}\n) AS loss(value) LIMIT 2");
    let value = answered(
        async {
            let mut transaction = link.connection.begin_with("BEGIN READ ONLY").await?;
            let rows = sqlx::query(AssertSqlSafe(sql))
                .fetch_all(&mut *transaction)
                .await?;
            transaction.rollback().await?;
            Ok(rows)
        },
        target,
    )
    .await?;
    if value.len() > 1 {
        return Err(Trouble::passing(
            "the query gives more than one row",
            "it must give one column and one row: `SELECT count(*) FROM …`",
        ));
    }
    let text = match value.first() {
        Some(row) => column::<Option<String>>(row, 0, target)?,
        None => None,
    };
    // The session ends with us in any case; in order is kinder to the server's log.
    if let Err(error) = link.connection.close().await {
        tracing::debug!("closing after a loss estimate: {error}");
    }
    Ok(text.map_or_else(|| "none".to_owned(), |text| super::clean::line(&text)))
}

/// Timeouts and locks have another meaning here than in a reading.
fn mistaken(trouble: Trouble) -> Trouble {
    if trouble.disconnected {
        return trouble;
    }
    let help = if trouble.message.contains("too long") {
        "it has 2 s: count an indexed column, or estimate from `pg_class.reltuples`"
    } else if trouble.message.contains("lock") {
        "a running step holds a table that it reads; ask again when that has ended"
    } else {
        "the query must be one SELECT that this role may run"
    };
    Trouble {
        message: format!("loss unknown: {}", trouble.message),
        help: help.to_owned(),
        disconnected: false,
    }
}
