//! The format of a journal's file, and how older ones are brought up to it.

use std::path::Path;

use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use super::JournalError;

/// `gono` in ASCII: what `file` and SQLite know the file by.
const APPLICATION_ID: i64 = 0x676f_6e6f;

/// How each format is made from the one before it, beginning with an empty file. The last one is what
/// this version writes.
const MIGRATIONS: &[&[&str]] = &[&[
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID",
    "CREATE TABLE events (
        seq INTEGER PRIMARY KEY,
        at TEXT NOT NULL,
        by TEXT NOT NULL,
        kind TEXT NOT NULL,
        body TEXT NOT NULL,
        hash BLOB NOT NULL
    )",
    // What was found behind a damage, kept for whoever wants to know what happened.
    "CREATE TABLE damaged (
        found_at TEXT NOT NULL,
        seq INTEGER,
        at TEXT,
        by TEXT,
        kind TEXT,
        body TEXT,
        hash BLOB
    )",
    "INSERT INTO meta VALUES ('epoch', 0), ('head', 0)",
]];

/// Brings the file to this version's format; refuses what is no journal or newer than that.
pub(super) async fn migrate(
    path: &Path,
    connection: &mut SqliteConnection,
    writable: bool,
) -> Result<(), JournalError> {
    let failed = |error: sqlx::Error| JournalError::sqlite(path, &error);
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let mut transaction = connection
        .begin_with(if writable { "BEGIN IMMEDIATE" } else { "BEGIN" })
        .await
        .map_err(failed)?;
    let application: i64 = sqlx::query_scalar("PRAGMA application_id")
        .fetch_one(&mut *transaction)
        .await
        .map_err(failed)?;
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema")
        .fetch_one(&mut *transaction)
        .await
        .map_err(failed)?;
    if application != APPLICATION_ID && (tables > 0 || !writable) {
        return Err(JournalError::NotAJournal {
            path: path.to_owned(),
        });
    }
    let found: i64 = sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(&mut *transaction)
        .await
        .map_err(failed)?;
    if found > known {
        return Err(JournalError::NewerSchema {
            path: path.to_owned(),
            found,
            known,
        });
    }
    if found == known || !writable {
        return transaction.commit().await.map_err(failed);
    }
    let done = usize::try_from(found).unwrap_or_default();
    for statement in MIGRATIONS.iter().skip(done).flat_map(|step| step.iter()) {
        sqlx::query(*statement)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
    }
    for pragma in [
        format!("PRAGMA application_id = {APPLICATION_ID}"),
        format!("PRAGMA user_version = {known}"),
    ] {
        // Pragmas take no parameters; both values are our own numbers.
        sqlx::query(sqlx::AssertSqlSafe(pragma))
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)
}
