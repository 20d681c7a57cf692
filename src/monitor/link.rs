//! One session on a target, fenced so that it can do no harm: read only, with short timeouts, and
//! refused where something in between drops those limits.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Connection, Row};

use super::Target;
use super::target::Wanted;
use super::trouble::{Trouble, pooled};
use crate::libpq::{Host, Proof, QUERY, SYSTEM_QUERY};
use crate::run::{TargetIdentity, Timestamp};

/// The server gives up on a statement after this long.
const STATEMENT_TIMEOUT_MS: u64 = 2_000;
/// We give up on an answer after this long: the server or the way to it hangs.
pub(super) const ANSWER: Duration = Duration::from_secs(4);

/// A server that is not taken is left within this time.
const GOODBYE: Duration = Duration::from_secs(1);

/// Stands in every statement of ours, to be told from the run's.
pub(super) const MARK: &str = "/* gonogo monitor */";

const SETTINGS: [(&str, &str); 5] = [
    ("default_transaction_read_only", "on"),
    ("lock_timeout", "500"),
    ("idle_in_transaction_session_timeout", "5000"),
    ("jit", "off"),
    ("max_parallel_workers_per_gather", "0"),
];

/// What was asked for at the start must have arrived: a pooler in between may drop it.
const LIMITS: &str = "SELECT /* gonogo monitor */ \
    current_setting('default_transaction_read_only'), current_setting('statement_timeout')";

/// A session and what the server said about itself when it began.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) connection: PgConnection,
    pub(super) identity: TargetIdentity,
    /// When it was asked, by the server's clock.
    pub(super) asked: Timestamp,
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
    /// Connects as `gonogo:RUN:monitor`, to the first server of the address that will do.
    pub(super) async fn open(target: &Target, run: &str, scope: Scope) -> Result<Self, Trouble> {
        let mut trouble = None;
        for second_round in [false, true] {
            for (host, options) in target.candidates() {
                match Self::open_one(target, host, options, run, scope).await {
                    Ok(link) => {
                        let in_recovery = link.identity.in_recovery;
                        if target
                            .wanted()
                            .takes(in_recovery, in_recovery, second_round)
                        {
                            return Ok(link);
                        }
                        let place = link.identity.place();
                        let role = link.identity.role();
                        link.close(GOODBYE).await;
                        trouble = Some(Trouble::lost(
                            format!(
                                "`{place}` is a {role}, which `target_session_attrs` does not allow"
                            ),
                            "is the right server among the hosts of the target?",
                        ));
                    }
                    Err(other) => trouble = Some(other),
                }
            }
            if target.wanted() != Wanted::PreferStandby {
                break;
            }
        }
        Err(trouble
            .unwrap_or_else(|| Trouble::lost("the target names no server", "write its `host`")))
    }

    async fn open_one(
        target: &Target,
        host: &Host,
        options: &PgConnectOptions,
        run: &str,
        scope: Scope,
    ) -> Result<Self, Trouble> {
        let timeout = STATEMENT_TIMEOUT_MS.to_string();
        let mut options = target
            .completed(options)
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
            limited(&mut connection, target).await?;
            let (identity, asked) = identify(&mut connection, host, target).await?;
            Ok(Self {
                connection,
                identity,
                asked,
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
                "is the host up, and is a firewall in the way?",
            )),
        }
    }

    /// Asks the server of this session again who it is.
    pub(super) async fn identify_again(&mut self, target: &Target) -> Result<(), Trouble> {
        let host = Host {
            host: self.identity.host.clone(),
            hostaddr: None,
            port: self.identity.port,
        };
        let asked = identify(&mut self.connection, &host, target);
        (self.identity, self.asked) = match tokio::time::timeout(ANSWER, asked).await {
            Ok(answer) => answer?,
            Err(_) => return Err(silent(target)),
        };
        Ok(())
    }

    /// Says goodbye, so that the server's log holds no broken connection.
    pub(super) async fn close(self, patience: Duration) {
        let closed = tokio::time::timeout(patience, self.connection.close()).await;
        if !matches!(closed, Ok(Ok(()))) {
            tracing::debug!("a session of the monitor was not closed in order");
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
        Err(_) => Err(silent(target)),
    }
}

fn silent(target: &Target) -> Trouble {
    Trouble::lost(
        format!(
            "{} has not answered for {} s",
            target.address(),
            ANSWER.as_secs()
        ),
        "the server or the network hangs; gonogo tries again",
    )
}

/// A column, or trouble that names it.
pub(super) fn column<'row, T>(row: &'row PgRow, index: usize, target: &Target) -> Result<T, Trouble>
where
    T: sqlx::Decode<'row, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    row.try_get(index)
        .map_err(|error| Trouble::from_driver(&error, target))
}

async fn limited(connection: &mut PgConnection, target: &Target) -> Result<(), Trouble> {
    let row = sqlx::query(LIMITS)
        .fetch_one(connection)
        .await
        .map_err(|error| Trouble::from_driver(&error, target))?;
    let (read_only, timeout): (String, String) =
        (column(&row, 0, target)?, column(&row, 1, target)?);
    if read_only != "on" || timeout == "0" {
        return Err(pooled("the limits of our session were lost on the way"));
    }
    Ok(())
}

async fn identify(
    connection: &mut PgConnection,
    host: &Host,
    target: &Target,
) -> Result<(TargetIdentity, Timestamp), Trouble> {
    let failed = |error: sqlx::Error| Trouble::from_driver(&error, target);
    let row = sqlx::query(AssertSqlSafe(format!("{MARK} {QUERY}")))
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    let (first, may): (String, bool) = (column(&row, 0, target)?, column(&row, 1, target)?);
    let mut system = None;
    if may {
        match sqlx::query(AssertSqlSafe(format!("{MARK} {SYSTEM_QUERY}")))
            .fetch_one(connection)
            .await
        {
            Ok(row) => {
                system = Some((
                    column::<String>(&row, 0, target)?,
                    column::<String>(&row, 1, target)?,
                ))
            }
            // Nothing else depends on it.
            Err(sqlx::Error::Database(error)) => tracing::debug!(%error, "no system identifier"),
            Err(error) => return Err(failed(error)),
        }
    }
    let system = system
        .as_ref()
        .map(|(system, timeline)| (system.as_str(), timeline.as_str()));
    let proof = Proof::read(&first, system)
        .map_err(|why| Trouble::passing(why, "report this with the server's version"))?;
    Ok((
        TargetIdentity::of(host.place(), host.port, &proof),
        proof.asked,
    ))
}
