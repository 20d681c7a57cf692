//! How a server proves which one it is, in the session that asks: the questions, and the answer. The
//! monitor and a step's own psql ask the same.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    pub database: String,
    pub user: String,
    pub version: String,
    /// True of a standby.
    pub in_recovery: bool,
    /// Of a standby only where the role may read the control file.
    pub timeline: Option<u32>,
    /// The identifier that `initdb` gave the cluster; absent where the role may not read it.
    #[serde(default)]
    pub system: Option<String>,
    /// When this server process began: copies of a cluster share all else.
    pub started: DateTime<Utc>,
    /// By the server's clock.
    pub asked: DateTime<Utc>,
}

/// One row: the proof as JSON without what only some may read, and whether this role may.
pub const QUERY: &str = "SELECT pg_catalog.json_build_object(\
    'database', pg_catalog.current_database(), \
    'user', current_user, \
    'version', pg_catalog.current_setting('server_version'), \
    'in_recovery', pg_catalog.pg_is_in_recovery(), \
    'timeline', CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL ELSE \
    ('x' || pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8))::bit(32)::int8 END, \
    'started', pg_catalog.to_char(pg_catalog.timezone('UTC', pg_catalog.pg_postmaster_start_time()), \
    'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), \
    'asked', pg_catalog.to_char(pg_catalog.timezone('UTC', pg_catalog.clock_timestamp()), \
    'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'))::text AS gonogo_proof, \
    pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'execute') \
    AND pg_catalog.has_function_privilege('pg_catalog.pg_control_checkpoint()', 'execute') AS gonogo_may";

/// One row, for who may: the system identifier, and the timeline of the control file.
pub const SYSTEM_QUERY: &str = "SELECT s.system_identifier::text AS gonogo_system, \
    c.timeline_id::text AS gonogo_timeline \
    FROM pg_catalog.pg_control_system() AS s, pg_catalog.pg_control_checkpoint() AS c";

impl Proof {
    /// Puts the answers of both questions together; those of the second are absent where the role may
    /// not ask it.
    ///
    /// # Errors
    /// The first answer is none.
    pub fn read(first: &str, system: Option<(&str, &str)>) -> Result<Self, String> {
        let mut proof: Self = serde_json::from_str(first)
            .map_err(|error| format!("cannot read the server's identity: {error}"))?;
        if let Some((system, timeline)) = system {
            proof.system = (!system.is_empty()).then(|| system.to_owned());
            proof.timeline = proof.timeline.or(timeline.parse().ok());
        }
        Ok(proof)
    }

    /// Reads what [`psql_script`] made psql write.
    ///
    /// # Errors
    /// As [`Proof::read`].
    pub fn of_psql(text: &str) -> Result<Self, String> {
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        let system = lines.next().unwrap_or_default();
        let timeline = lines.next().unwrap_or_default();
        Self::read(first, Some((system, timeline)))
    }
}

/// The last line of what [`psql_script`] makes psql write.
pub const PSQL_END: &str = "gonogo-proof-ends";

/// A script that makes psql ask its server and write the answer to a file, and leaves nothing behind in
/// the session.
pub fn psql_script(file: &str) -> String {
    let file = file.replace('\\', r"\\").replace('\'', "''");
    format!(
        "{QUERY} \\gset\n\
         \\set gonogo_system ''\n\
         \\set gonogo_timeline ''\n\
         \\if :gonogo_may\n\
         {SYSTEM_QUERY} \\gset\n\
         \\endif\n\
         \\o '{file}'\n\
         \\qecho :gonogo_proof\n\
         \\qecho :gonogo_system\n\
         \\qecho :gonogo_timeline\n\
         \\qecho {PSQL_END}\n\
         \\o\n\
         \\unset gonogo_proof\n\
         \\unset gonogo_may\n\
         \\unset gonogo_system\n\
         \\unset gonogo_timeline\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_answers_make_one_proof() {
        let first = r#"{"database": "app", "user": "anna", "version": "15.1", "in_recovery": true,
            "timeline": null, "started": "2026-01-02T03:04:05.678901Z", "asked": "2026-01-02T03:05:00.000000Z"}"#;
        let proof = Proof::read(first, Some(("7713", "4"))).unwrap();
        assert_eq!(
            (proof.system.as_deref(), proof.timeline),
            (Some("7713"), Some(4))
        );
        let proof = Proof::read(first, None).unwrap();
        assert_eq!((proof.system, proof.timeline), (None, None));
        assert!(Proof::read("", None).is_err());
    }
}
