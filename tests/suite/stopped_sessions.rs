//! A session that holds a step up is found, looked at and ended from the cockpit.

use crate::support::home::Home;
use crate::support::terminal::Terminal;
use crate::support::{Database, cluster, eventually, execute, fresh_database};
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection};

const GUIDE: &str = "# Add a column\n\n## Phase 1: Add\n\n```sql {#add .run}\nSET lock_timeout = 0;\nALTER TABLE items ADD COLUMN m int;\n```\n\n## Phase 2: Look\n\n- [ ] look\n";

/// Reads a table in a transaction that it leaves open.
async fn report(database: &Database, application: &str) -> PgConnection {
    let options = PgConnectOptions::new_without_pgpass()
        .socket(cluster().socket_directory())
        .port(cluster().port())
        .username("postgres")
        .database(&database.name)
        .application_name(application);
    let mut connection = PgConnection::connect_with(&options).await.unwrap();
    execute(&mut connection, "BEGIN").await;
    execute(&mut connection, "SELECT count(*) FROM items").await;
    connection
}

struct Blocked {
    home: Home,
    database: Database,
    report: PgConnection,
    terminal: Terminal,
}

impl Blocked {
    /// The step waits behind the report.
    async fn at(columns: u16, rows: u16, application: &str) -> Self {
        let database = fresh_database().await;
        let mut connection = database.connect().await;
        execute(&mut connection, "CREATE TABLE items (id int)").await;
        let report = report(&database, application).await;
        let home = Home::new();
        home.write("guide.md", GUIDE);
        home.environment(&database.conninfo(), "");
        let mut terminal = Terminal::start(home.path(), &["run", "guide.md"], columns, rows);
        terminal.wait_for("would run: `add`");
        terminal.wait_for("primary");
        terminal.keys("<enter>");
        terminal.wait_for("running it anyway needs a reason");
        terminal.keys("rthe table is small<enter>");
        terminal.wait_for("EXECUTE");
        terminal.keys("x");
        terminal.wait_for("has been running");
        Self {
            home,
            database,
            report,
            terminal,
        }
    }

    fn looks_at_the_sessions(&mut self, application: &str) {
        self.terminal.keys(":go to sess");
        self.terminal.wait_for("go to sessions");
        self.terminal.keys("<enter>");
        self.terminal.wait_for(application);
    }

    async fn has_column(&self) -> bool {
        let mut connection = self.database.connect().await;
        let columns: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM information_schema.columns WHERE table_name = 'items'",
        )
        .fetch_one(&mut connection)
        .await
        .unwrap();
        columns == 2
    }
}

#[tokio::test]
async fn the_session_that_blocks_a_step_is_ended_from_its_pane_on_a_plain_terminal() {
    let mut blocked = Blocked::at(80, 24, "nightly-report").await;
    blocked.looks_at_the_sessions("nightly-report");
    // The other tests' sessions are on the same server: only the report is wanted.
    blocked.terminal.keys("3/nightly");
    blocked.terminal.wait_for("1 left");
    blocked.terminal.keys("<enter>");
    blocked.terminal.wait_gone("1 left");
    blocked.terminal.keys("X");
    let screen = blocked.terminal.wait_for("end 1 session of `main`?");
    assert!(
        screen.contains("nightly-report (idle in transaction"),
        "{screen}"
    );
    assert!(screen.contains("holds up 1 session"), "{screen}");
    blocked.terminal.keys("<enter>");
    blocked.terminal.wait_gone("end 1 session of");
    assert!(blocked.report.ping().await.is_ok(), "Enter ends nothing");
    blocked.terminal.keys("X");
    blocked.terminal.wait_for("end 1 session of `main`?");
    blocked.terminal.keys("y");
    eventually("the step to have its lock", async || {
        blocked.has_column().await.then_some(())
    })
    .await;
    assert!(blocked.report.ping().await.is_err());
    let run = blocked.home.runs()[0].clone();
    let report = blocked.home.gonogo(&["report", &run]);
    let report = report.out;
    assert!(report.contains("to end the session"), "{report}");
    assert!(report.contains("nightly-report"), "{report}");
    assert!(
        report.contains("the server has sent the signal to end it"),
        "{report}"
    );
}

#[tokio::test]
async fn cancelling_an_idle_session_frees_nothing_and_the_dialog_says_so() {
    let mut blocked = Blocked::at(120, 40, "morning-report").await;
    blocked.looks_at_the_sessions("morning-report");
    blocked.terminal.keys("3/morning");
    blocked.terminal.wait_for("1 left");
    blocked.terminal.keys("<enter>");
    blocked.terminal.wait_gone("1 left");
    blocked.terminal.keys("<enter>");
    let screen = blocked.terminal.wait_for("one row in full");
    assert!(screen.contains("holds up"), "{screen}");
    blocked.terminal.keys("C");
    blocked.terminal.wait_for("only ending it frees its locks");
    blocked.terminal.keys("y");
    blocked
        .terminal
        .wait_for("the server has sent the signal to cancel it");
    assert!(
        blocked.report.ping().await.is_ok(),
        "the session is still there"
    );
    assert!(!blocked.has_column().await);
}
