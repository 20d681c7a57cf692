//! The state of a sample system, compared with that of its beginning: rows that were there, versions
//! that ran. Rows that traffic adds are not looked at.

use std::fmt;

use sqlx::{Connection, PgConnection};

use super::system::System;

/// What a part of the state was at the beginning, in the order of the system.
pub(super) type Before = Vec<String>;

/// One part of the state, then and now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    pub what: &'static str,
    pub before: String,
    pub now: String,
}

impl Compared {
    pub fn is_as_before(&self) -> bool {
        self.before == self.now
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, before, now } = self;
        match self.is_as_before() {
            true => write!(formatter, "{what}: as before ({})", brief(now)),
            false => write!(
                formatter,
                "{what}: CHANGED, from {} to {}",
                brief(before),
                brief(now)
            ),
        }
    }
}

/// A checksum need not be read in full.
fn brief(text: &str) -> String {
    match text.split_once(", ") {
        Some((rows, sum)) if sum.len() == 32 && sum.chars().all(|c| c.is_ascii_hexdigit()) => {
            format!("{rows}, checksum {}…", &sum[..6])
        }
        _ => text.to_owned(),
    }
}

/// Reads every part of the state. What cannot be read (a table that is gone) is a state as well.
pub(super) async fn read(
    system: &System,
    connect: impl AsyncFn(&str) -> Result<PgConnection, sqlx::Error>,
) -> Result<Before, sqlx::Error> {
    let mut found = Vec::new();
    for kept in system.kept {
        let mut connection = connect(kept.database).await?;
        let answer = sqlx::query_scalar::<_, Option<String>>(kept.sql)
            .fetch_one(&mut connection)
            .await;
        found.push(match answer {
            Ok(text) => text.unwrap_or_else(|| "nothing".to_owned()),
            Err(sqlx::Error::Database(error)) => error.message().to_owned(),
            Err(error) => return Err(error),
        });
        connection.close().await?;
    }
    Ok(found)
}

/// Two readings side by side.
pub(super) fn compare(system: &System, before: &Before, now: Before) -> Vec<Compared> {
    let values = before.iter().zip(now);
    let parts = system.kept.iter().zip(values);
    parts
        .map(|(kept, (before, now))| Compared {
            what: kept.what,
            before: before.clone(),
            now,
        })
        .collect()
}
