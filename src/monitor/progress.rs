//! How far long commands are, by the server's own views (`pg_stat_progress_*`). They are read only while a
//! session is at work for longer than a moment.

use sqlx::postgres::PgRow;

use super::link::{Link, MARK, column};
use super::trouble::Trouble;
use super::{Progress, Session, Target};

/// A statement that has run for so long is worth a look.
const WORTH_MS: i64 = 1_000;

/// Each view by the first version that has it: the command, its phase, what is done of what, and in what; only
/// in phases that its counters speak of, for they keep their last values in the others.
const VIEWS: [(u32, &str); 6] = [
    (
        12,
        "SELECT pid, command, phase, \
           CASE WHEN tuples_total > 0 THEN tuples_done ELSE blocks_done END, \
           CASE WHEN tuples_total > 0 THEN tuples_total ELSE blocks_total END, \
           CASE WHEN tuples_total > 0 THEN 'rows' ELSE 'blocks' END FROM pg_stat_progress_create_index",
    ),
    (
        12,
        "SELECT pid, 'VACUUM', phase, \
           CASE phase WHEN 'scanning heap' THEN heap_blks_scanned WHEN 'vacuuming heap' THEN heap_blks_vacuumed ELSE 0 END, \
           CASE WHEN phase IN ('scanning heap', 'vacuuming heap') THEN heap_blks_total ELSE 0 END, \
           'blocks' FROM pg_stat_progress_vacuum",
    ),
    (
        12,
        "SELECT pid, command, phase, \
           CASE phase WHEN 'seq scanning heap' THEN heap_blks_scanned \
                      WHEN 'index scanning heap' THEN heap_tuples_scanned \
                      WHEN 'writing new heap' THEN heap_tuples_written ELSE 0 END, \
           CASE phase WHEN 'seq scanning heap' THEN heap_blks_total ELSE 0 END, \
           CASE phase WHEN 'seq scanning heap' THEN 'blocks' ELSE 'rows' END FROM pg_stat_progress_cluster",
    ),
    (
        13,
        "SELECT pid, 'ANALYZE', phase, \
           CASE WHEN phase LIKE 'acquiring %' THEN sample_blks_scanned ELSE 0 END, \
           CASE WHEN phase LIKE 'acquiring %' THEN sample_blks_total ELSE 0 END, \
           'blocks' FROM pg_stat_progress_analyze",
    ),
    (
        13,
        "SELECT pid, 'backup', phase, backup_streamed, coalesce(backup_total, 0), 'bytes' FROM pg_stat_progress_basebackup",
    ),
    (
        14,
        "SELECT pid, command, type, \
           CASE WHEN bytes_total > 0 THEN bytes_processed ELSE tuples_processed END, bytes_total, \
           CASE WHEN bytes_total > 0 THEN 'bytes' ELSE 'rows' END FROM pg_stat_progress_copy",
    ),
];

/// Adds to the sessions how far they are. A server that does not say it costs the reading nothing.
pub(super) async fn add(link: &mut Link, target: &Target, sessions: &mut [Session]) {
    if !sessions.iter().any(is_at_work) {
        return;
    }
    let sql = progress_sql(super::activity::major(&link.identity.server_version));
    let rows = match link.rows(&sql, target).await {
        Ok(rows) => rows,
        Err(trouble) => {
            tracing::debug!(%trouble, "no progress is read");
            return;
        }
    };
    for row in &rows {
        match read(row, target) {
            Ok((pid, progress)) => {
                let session = sessions.iter_mut().find(|session| session.pid == pid);
                if let Some(session) = session {
                    session.progress = Some(progress);
                }
            }
            Err(trouble) => tracing::debug!(%trouble, "progress is not understood"),
        }
    }
}

/// A replica or a subscriber is served all day: that comes to no end.
fn is_at_work(session: &Session) -> bool {
    let is_served = session.kind == "walsender" && session.query.starts_with("START_REPLICATION");
    let is_long = session.query_ms.is_some_and(|ms| ms >= WORTH_MS);
    session.state == "active" && is_long && !is_served
}

fn progress_sql(major: u32) -> String {
    let views: Vec<&str> = VIEWS
        .iter()
        .filter(|(since, _)| major >= *since)
        .map(|(_, view)| *view)
        .collect();
    format!(
        "SELECT {MARK} pid, command::text, phase::text, done::int8, total::int8, unit::text \
         FROM ({}) AS views(pid, command, phase, done, total, unit)",
        views.join(" UNION ALL ")
    )
}

fn read(row: &PgRow, target: &Target) -> Result<(i32, Progress), Trouble> {
    let text = |index| column::<Option<String>>(row, index, target).map(Option::unwrap_or_default);
    let number = |index| column::<Option<i64>>(row, index, target).map(|n| n.unwrap_or(0));
    let progress = Progress {
        command: text(1)?,
        phase: text(2)?,
        done: number(3)?,
        total: number(4)?,
        unit: text(5)?,
    };
    Ok((column(row, 0, target)?, progress))
}

#[cfg(test)]
mod tests {
    use super::{is_at_work, progress_sql};
    use crate::monitor::Session;

    #[test]
    fn a_replica_that_is_served_is_not_at_work_and_a_backup_is() {
        let sender = |query: &str| Session {
            kind: "walsender".to_owned(),
            state: "active".to_owned(),
            query: query.to_owned(),
            query_ms: Some(86_400_000),
            ..Session::default()
        };
        assert!(!is_at_work(&sender(
            "START_REPLICATION 0/3000000 TIMELINE 1"
        )));
        assert!(is_at_work(&sender("BASE_BACKUP ( LABEL 'nightly' )")));
    }

    #[test]
    fn views_that_a_server_has_not_are_not_read() {
        assert!(progress_sql(15).contains("pg_stat_progress_copy"));
        assert!(!progress_sql(13).contains("pg_stat_progress_copy"));
        let oldest = progress_sql(12);
        assert!(oldest.contains("pg_stat_progress_create_index"));
        assert!(!oldest.contains("pg_stat_progress_analyze"));
    }
}
