//! The demo `counters`: the same guide on staging, then on production, without a person. What is broken on
//! production ends by the rollback of the guide.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use gonogo::demo::catalogue;
use gonogo::demo::workspace::{Plan, Workspace};
use rustix::process::Signal;

use crate::support::demo::{program, signal, succeeded};
use crate::support::home::Home;
use crate::support::{connect, eventually, execute};

/// What must be like before the deployment.
fn is_as_before(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(
            said.contains(&format!("{part}: as before (")),
            "{part}:\n{said}"
        );
    }
}

const PRODUCTION: [&str; 4] = [
    "production, columns",
    "production, messages",
    "production, itineraries",
    "production, version",
];

/// Walks without a person: staging is done, production goes back.
fn broken(name: &str) -> String {
    let home = Home::new();
    let said = home
        .gonogo(&["demo", "counters", "--headless", "--break", name])
        .exits(4)
        .err;
    assert!(
        said.contains("done: every gate was passed\n`production` is next"),
        "{said}"
    );
    assert!(said.contains("staging, columns: CHANGED"), "{said}");
    is_as_before(&said, &PRODUCTION);
    said
}

#[test]
fn the_guide_goes_to_staging_and_then_to_production() {
    let home = Home::new();
    let said = home
        .gonogo(&["demo", "counters", "--headless"])
        .exits(0)
        .err;
    assert_eq!(
        said.matches("done: every gate was passed").count(),
        2,
        "{said}"
    );
    let runs = home.runs();
    assert_eq!(runs.len(), 2);
    let report = home.gonogo(&["report", &runs[0]]).exits(0).out;
    assert!(
        report.contains(&runs[1]),
        "the promotion names the run of staging:\n{report}"
    );
    assert!(said.contains("production, columns: CHANGED"), "{said}");
    is_as_before(&said, &["production, messages", "production, itineraries"]);
}

#[test]
fn production_is_taken_back_by_a_transaction_that_is_looked_at_before_its_commit() {
    let home = Home::new();
    let said = home
        .gonogo(&["demo", "counters", "--headless", "--rollback"])
        .exits(4)
        .err;
    is_as_before(&said, &["production, columns", "production, version"]);
    let report = home.gonogo(&["report", &home.runs()[0]]).exits(0).out;
    let (_, held) = report
        .split_once("held before the COMMIT of line ")
        .unwrap_or_else(|| panic!("it was never held:\n{report}"));
    let end = held.lines().next().unwrap_or_default();
    assert!(end.contains(": committed by "), "{end}");
}

#[test]
fn a_demo_that_is_ended_between_its_environments_leaves_its_run_and_compares() {
    let home = Home::new();
    let mut demo = home
        .command(&["demo", "counters", "--headless"])
        .spawn()
        .unwrap();
    let mut said = BufReader::new(demo.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("every gate was passed") {
        line.clear();
        assert_ne!(said.read_line(&mut line).unwrap(), 0, "staging is not done");
    }
    signal(&demo, Signal::TERM);
    let mut end = String::new();
    said.read_to_string(&mut end).unwrap();
    assert!(!demo.wait().unwrap().success());
    assert!(end.contains("compared with the beginning:"), "{end}");
    assert!(end.contains("staging, columns: CHANGED"), "{end}");
    assert_eq!(home.supervisor(home.runs().last().unwrap()), None);
}

/// A message locks its thread first; the rollback, which comes in between, waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn the_rollback_beside_a_traveller_who_writes_is_no_deadlock() {
    let directory = tempfile::tempdir().unwrap();
    let plan = Plan::of(catalogue::named("counters").unwrap());
    let workspace = Workspace::create(&plan, directory.path(), program())
        .await
        .unwrap();
    let cluster = workspace.cluster();
    let psql = |arguments: &[&str]| {
        let mut psql = Command::new(cluster.psql_path().unwrap());
        psql.current_dir(directory.path())
            .env("PGHOST", cluster.socket_directory())
            .env("PGPORT", cluster.port().to_string())
            .env("PGUSER", "planner_owner")
            .env("PGDATABASE", "planner_production")
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let migrated = psql(&["-f", "migrations/add_counter_columns.sql"]);
    succeeded(migrated.wait_with_output().unwrap());

    let mut traveller = connect(cluster, "planner_production").await;
    let thread = "UPDATE chat_threads SET message_count = message_count + 1 WHERE id = 1";
    execute(&mut traveller, &format!("BEGIN; {thread}")).await;
    let guide = std::fs::read_to_string(workspace.guide()).unwrap();
    let (_, block) = guide.split_once("{#columns_out").unwrap();
    let (_, code) = block.split_once('\n').unwrap();
    let (code, _) = code.split_once("```").unwrap();
    let rollback = psql(&["-c", code]);
    let mut watcher = connect(cluster, "planner_production").await;
    let waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = 'relation'
                                   AND mode = 'AccessExclusiveLock')";
    eventually("the rollback waits", async || {
        let waits: bool = sqlx::query_scalar(waits)
            .fetch_one(&mut watcher)
            .await
            .unwrap();
        waits.then_some(())
    })
    .await;
    let message = "INSERT INTO chat_messages (thread_id, body) VALUES (1, 'and then?'); COMMIT";
    execute(&mut traveller, message).await;
    succeeded(rollback.wait_with_output().unwrap());

    let counters: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM information_schema.columns WHERE column_name = 'thread_messages_count'",
    )
    .fetch_one(&mut watcher)
    .await
    .unwrap();
    assert_eq!(counters, 0);
    workspace.stop().await.unwrap();
}

#[test]
fn drift_on_production_is_a_red_flag() {
    let said = broken("drift");
    assert!(
        said.contains("no-go: red flag") && said.contains("r.mismatches"),
        "{said}"
    );
}

#[test]
fn a_lock_holder_on_production_blocks_the_migration() {
    let said = broken("lock");
    assert!(
        said.contains("no-go: step `Add the counters` did not pass"),
        "{said}"
    );
}
