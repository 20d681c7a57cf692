//! The flight recorder: the cockpit goes back to a moment of the run and returns, and no key changes
//! anything there.

use gonogo::demo::cluster::{Cluster, Options};
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use crate::support::home::Home;
use crate::support::terminal::Terminal;

const GUIDE: &str = "# Look\n\n## Phase 1: Look\n\n```bash {#look .run}\necho looked\n```\n\n\
    - [ ] look again\n\n## Phase 2: End\n\n- [ ] end\n";

/// Reads in a transaction that it leaves open.
async fn report(cluster: &Cluster) -> PgConnection {
    let options = PgConnectOptions::new_without_pgpass()
        .socket(cluster.socket_directory())
        .port(cluster.port())
        .username("postgres")
        .database("postgres")
        .application_name("night-report");
    let mut connection = PgConnection::connect_with(&options).await.unwrap();
    crate::support::execute(&mut connection, "BEGIN; SELECT 1").await;
    connection
}

/// A run in which a session was open when its step ran, and is no more. Its server is its own: a small pane
/// has no room for the sessions of other tests.
async fn gone(columns: u16, rows: u16) -> (Home, Terminal, Cluster) {
    let cluster = Cluster::start(Options::default()).await.unwrap();
    let report = report(&cluster).await;
    let home = Home::new();
    home.write("guide.md", GUIDE);
    home.environment(&cluster.conninfo("postgres"), "");
    let mut terminal = Terminal::start(home.path(), &["run", "guide.md"], columns, rows);
    terminal.wait_for("would run: `look`");
    terminal.keys(":go to sess");
    terminal.wait_for("go to sessions");
    terminal.keys("<enter>");
    terminal.wait_for("night-report");
    terminal.keys(".");
    terminal.keys("<enter>");
    terminal.wait_for("EXECUTE");
    terminal.keys("x");
    terminal.wait_for("1 item to check");
    report.close().await.unwrap();
    terminal.keys(":go to sess");
    terminal.wait_for("go to sessions");
    terminal.keys("<enter>");
    terminal.wait_gone("night-report");
    (home, terminal, cluster)
}

/// To the newest thing that happened: the end of the step.
fn goes_back(terminal: &mut Terminal) -> String {
    terminal.keys("[");
    terminal.wait_for("THE PAST");
    terminal.keys("g");
    terminal.wait_for("go to a moment of the run");
    terminal.keys("<enter>");
    terminal.wait_for("night-report")
}

#[tokio::test]
async fn a_session_that_is_gone_is_seen_again_at_its_moment_and_no_key_changes_anything_there() {
    let (home, mut terminal, _cluster) = gone(120, 40).await;
    let screen = goes_back(&mut terminal);
    assert!(screen.contains("◀◀ THE PAST:"), "{screen}");
    assert!(
        screen.contains("this is the past: no key changes anything here"),
        "{screen}"
    );
    let run = home.runs()[0].clone();
    let events = |home: &Home| home.status(&run)["journal"]["events"].clone();
    let before = events(&home);
    for key in ["x", "R", "c", "C", "X", " ", "<enter>", "o"] {
        terminal.keys(key);
    }
    // The help comes after all of them: they have been read.
    terminal.keys("?");
    terminal.wait_for("Esc close");
    terminal.keys("<esc>");
    let screen = terminal.wait_gone("Esc close");
    assert!(screen.contains("THE PAST"), "{screen}");
    assert!(!screen.contains('╔'), "no dialog is open: {screen}");
    assert_eq!(events(&home), before);
    terminal.keys("<esc>");
    terminal.wait_gone("THE PAST");
    terminal.wait_gone("night-report");
    terminal.wait_for("1 item to check");
}

#[tokio::test]
async fn a_plain_terminal_shows_the_past_as_well_and_says_where_nothing_was_kept() {
    let (_home, mut terminal, _cluster) = gone(80, 24).await;
    goes_back(&mut terminal);
    // Five minutes before, the run was not open: its first moment is shown.
    terminal.keys("{");
    let screen = terminal.wait_for("no readings were kept then");
    assert!(!screen.contains("night-report"), "{screen}");
    terminal.keys("}");
    terminal.wait_gone("THE PAST");
}
