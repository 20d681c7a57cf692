//! A statement that queues for a strong lock waits a short time only, lets the others pass, and is tried
//! again: in a psql against a real server, and in the cockpit.

use std::collections::BTreeMap;

use gonogo::executor::{ActionKind, ShimSpec};
use gonogo::run::{CommandEnd, CommandText};
use gonogo::runbook::{Actor, LockTry};
use sqlx::postgres::PgConnection;

use crate::executor::{Bench, Done, wait_for_output};
use crate::support::home::Home;
use crate::support::terminal::Terminal;
use crate::support::{Database, eventually, execute, fresh_database};

const NO_LOCK: &str = "got no lock in 5.";

/// A table that somebody reads in a transaction that they leave open.
async fn read_table() -> (Database, PgConnection) {
    let database = fresh_database().await;
    let mut reader = database.connect().await;
    execute(
        &mut reader,
        "CREATE TABLE items (id int); CREATE TABLE log (n int)",
    )
    .await;
    execute(&mut reader, "BEGIN; SELECT count(*) FROM items").await;
    (database, reader)
}

/// Statements, each on a line of its own; those with a place to go back to are given a timeout.
fn spec(bench: &Bench, database: &Database, texts: &[(&str, Option<LockTry>)]) -> ShimSpec {
    let commands = texts.iter().enumerate().map(|(index, (text, lock))| {
        let mut command = CommandText::new(index, index + 1, *text);
        command.lock = *lock;
        command
    });
    bench.spec(ActionKind::Sql {
        commands: commands.collect(),
        connection: database.conninfo(),
        variables: BTreeMap::new(),
        secret_variables: Vec::new(),
        single_transaction: false,
        settings: BTreeMap::new(),
    })
}

const fn from(index: usize) -> Option<LockTry> {
    Some(LockTry {
        again_from: Some(index),
    })
}

async fn value(database: &Database, select: &str) -> i64 {
    let mut connection = database.connect().await;
    let query = sqlx::query_scalar(sqlx::AssertSqlSafe(select.to_owned()));
    query.fetch_one(&mut connection).await.unwrap()
}

const HAS_COLUMN: &str = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'items' AND column_name = 'm'";

#[tokio::test]
async fn a_statement_lets_readers_pass_is_tried_again_and_leaves_the_session_as_it_was() {
    let (database, mut reader) = read_table().await;
    let bench = Bench::new();
    let texts = [
        ("ALTER TABLE items ADD COLUMN m int;", from(0)),
        ("SHOW lock_timeout;", None),
    ];
    let spec = spec(&bench, &database, &texts);
    let running = bench.executor.launch(spec).await.unwrap();
    wait_for_output(&running, NO_LOCK).await;
    // Between two tries nobody waits behind it.
    assert_eq!(value(&database, "SELECT count(*) FROM items").await, 0);
    execute(&mut reader, "COMMIT").await;
    let done = Done::of(&running).await;
    assert_eq!(done.record.exit, Some(0), "{:?}", done.lines);
    assert_eq!(value(&database, HAS_COLUMN).await, 1);
    let evidence = done.evidence(Actor::Sql);
    assert_eq!(evidence.value, Some(serde_json::json!("0")));
    assert!(
        evidence
            .stderr
            .contains("psql:<stdin>:1: ERROR:  canceling statement due to lock timeout"),
        "{}",
        evidence.stderr
    );
    let [alter, show] = done.record.commands.as_slice() else {
        panic!("{:?}", done.record.commands);
    };
    assert!(show.waits.is_empty());
    let [wait] = alter.waits.as_slice() else {
        panic!("{:?}", alter.waits);
    };
    assert!(wait.waited_ms >= 5_000, "{wait:?}");
    assert_eq!((wait.number, wait.pause_s), (1, Some(2)));
    assert_eq!(alter.done.as_ref().unwrap().end, CommandEnd::Good);
    assert!(alter.done.as_ref().unwrap().elapsed_ms >= 7_000);
}

#[tokio::test]
async fn a_transaction_is_rolled_back_and_done_again_from_its_begin() {
    let (database, mut reader) = read_table().await;
    let bench = Bench::new();
    let texts = [
        ("BEGIN;", None),
        ("INSERT INTO log VALUES (1);", None),
        ("ALTER TABLE items ADD COLUMN m int;", from(0)),
        ("COMMIT;", None),
    ];
    let spec = spec(&bench, &database, &texts);
    let running = bench.executor.launch(spec).await.unwrap();
    wait_for_output(&running, NO_LOCK).await;
    execute(&mut reader, "COMMIT").await;
    let done = Done::of(&running).await;
    assert_eq!(done.record.exit, Some(0), "{:?}", done.lines);
    assert!(done.notes().contains("its transaction is rolled back"));
    assert_eq!(value(&database, "SELECT count(*) FROM log").await, 1);
    assert_eq!(value(&database, HAS_COLUMN).await, 1);
    let ends = done.record.commands.iter();
    let ends: Vec<_> = ends.map(|run| (run.index, run.waits.len())).collect();
    assert_eq!(ends, [(0, 0), (1, 0), (2, 1), (3, 0)]);
}

#[tokio::test]
async fn what_may_not_be_done_twice_fails_at_once_and_a_cancel_ends_a_pause() {
    let (database, _reader) = read_table().await;
    let bench = Bench::new();
    execute(
        &mut database.connect().await,
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET lock_timeout = ''300ms''', current_database()); END $$",
    )
    .await;
    const ALTER: &str = "ALTER TABLE items ADD COLUMN m int;";
    let once = [
        (ALTER, Some(LockTry { again_from: None })),
        ("SELECT 1;", None),
    ];
    let done = bench.run(spec(&bench, &database, &once)).await;
    assert_eq!(done.record.exit, Some(3), "{:?}", done.lines);
    let notes = done.notes();
    assert!(
        notes.contains("lock_timeout is 300ms in this session already"),
        "{notes}"
    );
    assert!(notes.contains("not tried again"), "{notes}");
    assert_eq!(done.record.commands.len(), 1);

    let mut again = spec(&bench, &database, &[(ALTER, from(0))]);
    again.attempt = 2;
    let running = bench.executor.launch(again).await.unwrap();
    wait_for_output(&running, "tried again in 2 s").await;
    running.cancel(false).unwrap();
    let done = Done::of(&running).await;
    assert!(
        done.record.cancelled && !done.record.succeeded(),
        "{:?}",
        done.record
    );
    assert_eq!(value(&database, HAS_COLUMN).await, 0);
}

#[tokio::test]
async fn another_error_stops_it_as_psql_would_at_its_own_line() {
    let (database, _reader) = read_table().await;
    let bench = Bench::new();
    let texts = [
        ("SELECT 1;", None),
        ("ALTER TABLE nowhere ADD COLUMN m int;", from(1)),
        ("SELECT 2;", None),
    ];
    let done = bench.run(spec(&bench, &database, &texts)).await;
    assert_eq!(done.record.exit, Some(3), "{:?}", done.lines);
    assert!(
        done.err()[0].starts_with("psql:<stdin>:2: ERROR:  relation \"nowhere\" does not exist"),
        "{:?}",
        done.lines
    );
    assert_eq!(done.record.commands.len(), 2);
}

const GUIDE: &str = "# Add a column\n\n## Phase 1: Add\n\n```sql {#add .run}\nALTER TABLE items ADD COLUMN m int;\n```\n\n## Phase 2: Look\n\n- [ ] look\n";

#[tokio::test]
async fn the_cockpit_shows_what_is_put_around_a_statement_and_tells_whom_its_waits_held_up() {
    let (database, mut reader) = read_table().await;
    let home = Home::new();
    home.write("guide.md", GUIDE);
    home.environment(&database.conninfo(), "");
    let mut terminal = Terminal::start(home.path(), &["run", "guide.md"], 80, 24);
    terminal.wait_for("would run: `add`");
    terminal.wait_for("primary");
    terminal.keys("<enter>");
    let screen = terminal.wait_for("needs a reason");
    assert!(screen.contains("[x] ▏SET lock_timeout = '5s';"), "{screen}");
    assert!(screen.contains("▏RESET lock_timeout;"), "{screen}");
    terminal.keys(" ");
    let screen = terminal.wait_for("[ ] ▏SET lock_timeout = '5s';");
    assert!(!screen.contains("RESET"), "{screen}");
    terminal.keys(" ");
    terminal.wait_for("[x] ▏SET lock_timeout = '5s';");
    terminal.wait_for("needs a reason");
    terminal.keys("rthe table is small<enter>");
    terminal.wait_for("EXECUTE");
    terminal.keys("x");
    // Somebody comes behind it.
    let mut shop = database.connect().await;
    execute(&mut shop, "SET application_name = 'shop'").await;
    let mut admin = database.connect().await;
    eventually("the step waits", async || {
        let waits: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
        )
        .fetch_one(&mut admin)
        .await
        .unwrap();
        waits.then_some(())
    })
    .await;
    execute(&mut shop, "SELECT count(*) FROM items").await;
    let screen = terminal.wait_for("got no lock once");
    assert!(screen.contains("held up"), "{screen}");
    execute(&mut reader, "COMMIT").await;
    terminal.wait_for("✓");
    eventually("the column", async || {
        (value(&database, HAS_COLUMN).await == 1).then_some(())
    })
    .await;
    let run = home.runs()[0].clone();
    let report = home.gonogo(&["report", &run]).out;
    assert!(report.contains("SET lock_timeout = '5s';"), "{report}");
    assert!(report.contains("got no lock"), "{report}");
    assert!(report.contains("shop"), "{report}");
}

#[tokio::test]
async fn without_a_person_a_step_that_others_would_queue_behind_waits_for_one() {
    let (database, mut reader) = read_table().await;
    let home = Home::new();
    home.write("guide.md", GUIDE);
    home.environment(&database.conninfo(), "");
    let walked = home.gonogo(&["rehearse", "guide.md"]).exits(3);
    assert!(
        walked
            .err
            .contains("everybody who uses the table waits behind it"),
        "{}",
        walked.err
    );
    assert_eq!(value(&database, HAS_COLUMN).await, 0);
    execute(&mut reader, "COMMIT").await;
    let run = home.runs()[0].clone();
    home.gonogo(&["resume", &run]);
    eventually("the column", async || {
        (value(&database, HAS_COLUMN).await == 1).then_some(())
    })
    .await;
}
