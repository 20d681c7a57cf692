//! The format of a journal's file, and how older ones are brought up to it.
//!
//! Formats are numbered by `PRAGMA user_version`. A file is brought forward one format at a time, each
//! in a transaction of its own, so that a crash leaves a whole journal of one format or of the next.
//! Before the first of them the journal as it was is copied beside it.

use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use super::JournalError;

/// `gono` in ASCII: what `file` and SQLite know the file by.
const APPLICATION_ID: i64 = 0x676f_6e6f;

/// The first format that keeps where its run stands (table `standing`).
pub(super) const WITH_STANDING: i64 = 2;

/// How each format is made from the one before it, beginning with an empty file. The last one is what
/// this version writes.
pub(super) const MIGRATIONS: &[&[&str]] = &[
    &[
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
    ],
    // Where the run stands, so that a list of runs need not replay each. It counts only as long as
    // the journal ends with the event of this number and hash.
    &["CREATE TABLE standing (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        seq INTEGER NOT NULL,
        hash BLOB NOT NULL,
        body TEXT NOT NULL
    )"],
];

/// The format that this version writes.
pub(super) fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Brings the file to this version's format, where it may be written; returns the format that it has
/// now. Refuses what is no journal or newer than that.
pub(super) async fn migrate(
    path: &Path,
    connection: &mut SqliteConnection,
    writable: bool,
) -> Result<i64, JournalError> {
    let failed = |error: sqlx::Error| JournalError::sqlite(path, &error);
    let mut found = format(path, connection, writable).await?;
    if !writable {
        return Ok(found);
    }
    if found > 0 && found < newest() {
        keep_as_it_was(path, connection, found).await?;
    }
    while found < newest() {
        let mut transaction = connection
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed)?;
        // Whoever was faster has done it.
        let now = format(path, &mut transaction, writable).await?;
        if now == found {
            step(&mut transaction, found).await.map_err(failed)?;
            found += 1;
        } else {
            found = now;
        }
        transaction.commit().await.map_err(failed)?;
    }
    Ok(found)
}

/// The format of a file, 0 where it is empty.
async fn format(
    path: &Path,
    connection: &mut SqliteConnection,
    writable: bool,
) -> Result<i64, JournalError> {
    let failed = |error: sqlx::Error| JournalError::sqlite(path, &error);
    let (application, found, tables): (i64, i64, i64) = sqlx::query_as(
        "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)
         FROM pragma_application_id, pragma_user_version",
    )
    .fetch_one(connection)
    .await
    .map_err(failed)?;
    if application != APPLICATION_ID && (tables > 0 || !writable) {
        return Err(JournalError::NotAJournal {
            path: path.to_owned(),
        });
    }
    if found > newest() {
        return Err(JournalError::NewerSchema {
            path: path.to_owned(),
            found,
            known: newest(),
        });
    }
    Ok(found)
}

/// Makes the next format of a file that has the format `found`.
async fn step(connection: &mut SqliteConnection, found: i64) -> Result<(), sqlx::Error> {
    let done = usize::try_from(found).unwrap_or_default();
    for statement in MIGRATIONS.get(done).copied().unwrap_or_default() {
        sqlx::query(*statement).execute(&mut *connection).await?;
    }
    for pragma in [
        format!("PRAGMA application_id = {APPLICATION_ID}"),
        format!("PRAGMA user_version = {}", found + 1),
    ] {
        // Pragmas take no parameters; both values are our own numbers.
        sqlx::query(sqlx::AssertSqlSafe(pragma))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Where the journal of an older format is kept: `journal.format-1.sqlite` beside `journal.sqlite`.
pub(super) fn copy_of(path: &Path, format: i64) -> PathBuf {
    path.with_extension(format!("format-{format}.sqlite"))
}

/// Copies the journal, with what its write-ahead log holds, before its format changes. One from an
/// attempt that got no further is replaced.
async fn keep_as_it_was(
    path: &Path,
    connection: &mut SqliteConnection,
    format: i64,
) -> Result<(), JournalError> {
    let copy = copy_of(path, format);
    let draft = copy.with_extension("draft");
    let io = |error: std::io::Error| JournalError::io(&draft, &error);
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .map_err(io)?;
    let written = sqlx::query("VACUUM INTO ?")
        .bind(draft.to_string_lossy().into_owned())
        .execute(connection)
        .await;
    let kept = match written {
        Ok(_) => settle(&draft, &copy).map_err(io),
        Err(error) => match JournalError::sqlite(&draft, &error) {
            full @ JournalError::DiskFull { .. } => Err(full),
            // What is damaged cannot be written anew, but it can be kept as it is.
            other => {
                tracing::warn!(%other, "the journal is copied byte by byte");
                copy_bytes(path, &copy).map_err(io)
            }
        },
    };
    if kept.is_err()
        && let Err(error) = std::fs::remove_file(&draft)
    {
        tracing::debug!(%error, "half a copy of the journal is left");
    }
    kept
}

/// Copies the file and its write-ahead log.
fn copy_bytes(path: &Path, copy: &Path) -> std::io::Result<()> {
    let log = |path: &Path| PathBuf::from(format!("{}-wal", path.display()));
    std::fs::copy(path, copy)?;
    match std::fs::copy(log(path), log(copy)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => std::fs::File::open(copy)?.sync_all(),
    }
}

/// Gives a draft its name, durably.
fn settle(draft: &Path, copy: &Path) -> std::io::Result<()> {
    std::fs::File::open(draft)?.sync_all()?;
    std::fs::rename(draft, copy)?;
    match copy.parent() {
        Some(folder) => std::fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
