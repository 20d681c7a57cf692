//! What a run without anybody keeps from others: nothing. Its process, its connections and its locks go
//! at once where it was walked without a person; any other says who holds what, and how to end that.

use sqlx::PgConnection;

use crate::support::home::{Home, until};
use crate::support::terminal::Terminal;
use crate::support::{eventually, fresh_database};

const FAILS: &str = "# Fails\n\n## Phase 1: Work\n\n```sql {#fails .run}\nSELECT 1/0;\n```\n";
const WAITS: &str = "# Waits\n\n## Phase 1: Work\n\n### Here\n\n- [ ] A person is here\n";

/// Without a word about parking.
fn environment(home: &Home, conninfo: &str) {
    home.write(
        "gonogo.toml",
        &format!("[environments.test.targets]\nmain = {conninfo:?}\n"),
    );
}

/// Sessions of gonogo in a database.
async fn sessions(connection: &mut PgConnection) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity \
         WHERE datname = current_database() AND application_name LIKE 'gonogo:%'",
    )
    .fetch_one(connection)
    .await
    .unwrap()
}

#[tokio::test]
async fn walks_that_failed_or_wait_for_a_person_leave_nothing_behind() {
    let database = fresh_database().await;
    let mut connection = database.connect().await;
    let home = Home::new();
    environment(&home, &database.conninfo());
    home.write("fails.md", FAILS);
    home.write("waits.md", WAITS);
    for (guide, exit) in [("fails.md", 1), ("waits.md", 3), ("fails.md", 1)] {
        home.gonogo(&["rehearse", guide]).exits(exit);
    }
    eventually("every session to be closed", async || {
        (sessions(&mut connection).await == 0).then_some(())
    })
    .await;
    for run in home.runs() {
        assert_eq!(home.supervisor(&run), None, "no process is left");
        home.gonogo(&["abandon", &run, "--reason", "seen"]).exits(0);
    }
}

#[tokio::test]
async fn who_holds_a_target_is_listed_and_can_be_ended() {
    let database = fresh_database().await;
    let mut connection = database.connect().await;
    let home = Home::new();
    environment(&home, &database.conninfo());
    home.write("waits.md", WAITS);
    let cockpit = Terminal::start(home.path(), &["run", "waits.md"], 120, 40);
    cockpit.wait_for("A person is here");
    let run = home.runs()[0].clone();
    let listed = until("the lock in the list", || {
        let listed = home.gonogo(&["runs"]).exits(0).out;
        listed
            .contains("holds the lock of `main`")
            .then_some(listed)
    });
    let park = format!("`gonogo park {run}` ends it");
    assert!(listed.contains(&park), "{listed}");
    let doctor = home.gonogo(&["doctor"]).out;
    assert!(
        doctor.contains(&format!("run {run} (waiting): process")),
        "{doctor}"
    );
    home.gonogo(&["park", &run]).exits(0);
    assert_eq!(home.supervisor(&run), None);
    eventually("every session to be closed", async || {
        (sessions(&mut connection).await == 0).then_some(())
    })
    .await;
    cockpit.wait_for("CONNECTION LOST");
    assert_eq!(home.status(&run)["state"], "waiting", "the run stays");
}
