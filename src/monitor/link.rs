//! One session on a target, fenced so that it can do no harm: read only, with short timeouts, and
//! refused where something in between drops those limits.

use std::time::Duration;

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Connection, Row};

use super::trouble::{Trouble, pooled};
use super::{Target, clean};
use crate::run::TargetIdentity;
use crate::text::scrub::scrub_line;

/// The server gives up on a statement after this long.
const STATEMENT_TIMEOUT_MS: u64 = 2_000;
/// We give up on an answer after this long: the server or the way to it hangs.
pub(super) const ANSWER: Duration = Duration::from_secs(4);

/// Stands in every statement of ours, to be told from the run's.
pub(super) const MARK: &str = "/* gonogo monitor */";

const SETTINGS: [(&str, &str); 5] = [
    ("default_transaction_read_only", "on"),
    ("lock_timeout", "500"),
    ("idle_in_transaction_session_timeout", "5000"),
    ("jit", "off"),
    ("max_parallel_workers_per_gather", "0"),
];

const IDENTITY: &str = "SELECT /* gonogo monitor */ current_database()::text, current_user::text, \
    current_setting('server_version'), pg_is_in_recovery(), \
    current_setting('default_transaction_read_only'), current_setting('statement_timeout')";

const SYSTEM_IDENTIFIER: &str =
    "SELECT /* gonogo monitor */ system_identifier::text FROM pg_control_system()";

/// A session and what the server said about itself when it began.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) connection: PgConnection,
    pub(super) identity: TargetIdentity,
}

/// Whose names are looked up first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Only the system's own: nobody can put a function of theirs in our way.
    System,
    /// As the role has it: for a query that somebody else wrote.
    Role,
}

impl Link {
    /// Connects as `gonogo:RUN:monitor`.
    pub(super) async fn open(target: &Target, run: &str, scope: Scope) -> Result<Self, Trouble> {
        let timeout = STATEMENT_TIMEOUT_MS.to_string();
        let mut options = target
            .options()
            .await?
            .application_name(&format!("gonogo:{run}:monitor"))
            .options(SETTINGS)
            .options([("statement_timeout", timeout.as_str())]);
        if scope == Scope::System {
            options = options.options([("search_path", "pg_catalog")]);
        }
        let opening = async {
            let mut connection = PgConnection::connect_with(&options)
                .await
                .map_err(|error| Trouble::from_driver(&error, target))?;
            let identity = identify(&mut connection, target).await?;
            Ok(Self {
                connection,
                identity,
            })
        };
        match tokio::time::timeout(target.patience, opening).await {
            Ok(result) => result,
            Err(_) => Err(Trouble::lost(
                format!(
                    "{} does not answer within {} s",
                    target.address(),
                    target.patience.as_secs()
                ),
                "is the host up, and does a firewall stand in between?",
            )),
        }
    }

    /// All rows of one statement without parameters.
    pub(super) async fn rows(&mut self, sql: &str, target: &Target) -> Result<Vec<PgRow>, Trouble> {
        let query = sqlx::query(AssertSqlSafe(sql));
        answered(query.fetch_all(&mut self.connection), target).await
    }
}

/// Waits for an answer, but not for ever.
pub(super) async fn answered<T, F>(work: F, target: &Target) -> Result<T, Trouble>
where
    F: Future<Output = Result<T, sqlx::Error>>,
{
    match tokio::time::timeout(ANSWER, work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Trouble::from_driver(&error, target)),
        Err(_) => Err(Trouble::lost(
            format!(
                "{} has not answered for {} s",
                target.address(),
                ANSWER.as_secs()
            ),
            "the server or the network hangs; it is tried again",
        )),
    }
}

/// A column, or trouble that names it.
pub(super) fn column<'row, T>(row: &'row PgRow, index: usize, target: &Target) -> Result<T, Trouble>
where
    T: sqlx::Decode<'row, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    row.try_get(index)
        .map_err(|error| Trouble::from_driver(&error, target))
}

async fn identify(
    connection: &mut PgConnection,
    target: &Target,
) -> Result<TargetIdentity, Trouble> {
    let row = sqlx::query(IDENTITY)
        .fetch_one(&mut *connection)
        .await
        .map_err(|error| Trouble::from_driver(&error, target))?;
    let text = |index| column::<String>(&row, index, target);
    let limits = (text(4)?, text(5)?);
    if limits.0 != "on" || limits.1 == "0" {
        return Err(pooled("the limits of our session were dropped on the way"));
    }
    // A role may be denied this one; nothing else depends on it.
    let system_identifier = match sqlx::query(SYSTEM_IDENTIFIER).fetch_one(connection).await {
        Ok(row) => Some(clean::line(&column::<String>(&row, 0, target)?)),
        Err(sqlx::Error::Database(_)) => None,
        Err(error) => return Err(Trouble::from_driver(&error, target)),
    };
    Ok(TargetIdentity {
        host: scrub_line(target.host(), false).into_owned(),
        port: target.port(),
        database: clean::line(&text(0)?),
        user: clean::line(&text(1)?),
        server_version: clean::line(&text(2)?),
        system_identifier,
        in_recovery: column(&row, 3, target)?,
    })
}
