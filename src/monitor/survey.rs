//! What a role may do and see on a server, asked once: for `gonogo doctor`, before the window opens.

use chrono::Utc;

use super::link::{Link, MARK, Scope, column};
use super::trouble::Trouble;
use super::{Target, clean};
use crate::run::TargetIdentity;

/// A target as its server describes it.
#[derive(Clone, Debug)]
pub struct Survey {
    pub identity: TargetIdentity,
    /// `server_version_num`: 150004.
    pub version: i32,
    pub superuser: bool,
    /// Member of `pg_monitor`, or of what it is made of: sees everybody's sessions and statements.
    pub may_see_all: bool,
    /// Member of `pg_signal_backend`: may cancel the sessions of others.
    pub may_signal: bool,
    pub statements: StatementsState,
    pub connections: i64,
    pub max_connections: i32,
    /// Milliseconds by which the server's clock is ahead of ours; negative: behind.
    pub clock_ahead_ms: i64,
    /// Milliseconds that the question took, the uncertainty of the clock.
    pub round_trip_ms: i64,
}

/// Whether `pg_stat_statements` can be read here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatementsState {
    Ready,
    /// In this database there is no such extension.
    NotCreated,
    /// The server does not load the library.
    NotLoaded,
}

/// Asks a server about itself and about our role.
///
/// # Errors
/// Where it cannot be reached or does not answer.
pub async fn survey(target: &Target, run: &str) -> Result<Survey, Trouble> {
    let mut link = Link::open(target, run, Scope::System).await?;
    let identity = link.identity.clone();
    let sql = format!(
        "SELECT {MARK} current_setting('server_version_num')::int4, \
                (SELECT rolsuper FROM pg_roles WHERE rolname = current_user), \
                pg_has_role('pg_read_all_stats', 'USAGE'), \
                pg_has_role('pg_signal_backend', 'USAGE'), \
                EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_stat_statements'), \
                EXISTS (SELECT FROM pg_settings WHERE name = 'pg_stat_statements.max'), \
                (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'), \
                current_setting('max_connections')::int4, \
                (extract(epoch FROM clock_timestamp()) * 1000)::int8"
    );
    let asked = Utc::now();
    let rows = link.rows(&sql, target).await?;
    let answered = Utc::now();
    let Some(row) = rows.first() else {
        return Err(Trouble::passing(
            "the server answered without a row",
            "is something between us and the server?",
        ));
    };
    let (created, loaded): (bool, bool) = (column(row, 4, target)?, column(row, 5, target)?);
    let statements = match (created, loaded) {
        (true, true) => StatementsState::Ready,
        (false, true) => StatementsState::NotCreated,
        (_, false) => StatementsState::NotLoaded,
    };
    let round_trip_ms = (answered - asked).num_milliseconds();
    let server_ms: i64 = column(row, 8, target)?;
    Ok(Survey {
        identity: TargetIdentity {
            database: clean::line(&identity.database),
            ..identity
        },
        version: column(row, 0, target)?,
        superuser: column::<Option<bool>>(row, 1, target)?.unwrap_or(false),
        may_see_all: column(row, 2, target)?,
        may_signal: column(row, 3, target)?,
        statements,
        connections: column(row, 6, target)?,
        max_connections: column(row, 7, target)?,
        clock_ahead_ms: server_ms - (asked.timestamp_millis() + round_trip_ms / 2),
        round_trip_ms,
    })
}
