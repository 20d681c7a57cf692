//! What can go wrong with a journal, and the next thing to do.

use std::path::{Path, PathBuf};

use super::Damage;

#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("no room left for the journal `{}`: free space there, then try again", path.display())]
    DiskFull { path: PathBuf },
    #[error("cannot read or write the journal `{}`: {reason}", path.display())]
    Io { path: PathBuf, reason: String },
    #[error("there is no journal `{}`", path.display())]
    Missing { path: PathBuf },
    #[error("`{}` is not a gonogo journal", path.display())]
    NotAJournal { path: PathBuf },
    #[error(
        "the journal `{}` is damaged from event {} on ({}); the events before it can be read",
        path.display(), damage.first_bad, damage.reason
    )]
    Damaged { path: PathBuf, damage: Damage },
    #[error(
        "the journal `{}` was written by a newer gonogo (format {found}, this one knows up to {known}): \
         use that version",
        path.display()
    )]
    NewerSchema {
        path: PathBuf,
        found: i64,
        known: i64,
    },
    #[error(
        "another supervisor has taken over the journal `{}` (epoch {found}, ours was {ours}): \
         nothing was written",
        path.display()
    )]
    Fenced {
        path: PathBuf,
        found: u64,
        ours: u64,
    },
    #[error("the journal `{}` was opened for reading only", path.display())]
    ReadOnly { path: PathBuf },
    #[error(
        "event {got} does not follow on the journal `{}`, which ends before {expected}",
        path.display()
    )]
    OutOfOrder {
        path: PathBuf,
        expected: u64,
        got: u64,
    },
    #[error("event {seq} of the journal `{}` differs from the one to be written", path.display())]
    Conflict { path: PathBuf, seq: u64 },
    #[error("event {seq} cannot be written as JSON: {reason}")]
    Encode { seq: u64, reason: String },
}

impl JournalError {
    /// An error of SQLite, by its primary code.
    pub(super) fn sqlite(path: &Path, error: &sqlx::Error) -> Self {
        let path = path.to_owned();
        match primary_code(error) {
            Some(13) => Self::DiskFull { path },
            Some(26) => Self::NotAJournal { path },
            Some(8) => Self::ReadOnly { path },
            _ => Self::Io {
                path,
                reason: error.to_string(),
            },
        }
    }

    /// Whether a row of that number is there already.
    pub(super) fn is_conflict(error: &sqlx::Error) -> bool {
        primary_code(error) == Some(19)
    }

    pub(super) fn io(path: &Path, error: &std::io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            std::io::ErrorKind::NotFound => Self::Missing { path },
            std::io::ErrorKind::StorageFull => Self::DiskFull { path },
            _ => Self::Io {
                path,
                reason: error.to_string(),
            },
        }
    }
}

/// The low byte of SQLite's extended code.
fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code = error.as_database_error()?.code()?;
    code.parse::<i32>().ok().map(|code| code & 0xFF)
}
