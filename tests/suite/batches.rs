//! A statement in batches, in a psql against a real server: each row once, whatever is killed; errors that
//! are counted and bounded; a throttle; and the example of the documentation, walked without a person.

use std::collections::BTreeMap;
use std::process::Command;

use gonogo::executor::spool::SpoolReader;
use gonogo::executor::{ActionKind, Running, ShimSpec};
use gonogo::run::{BatchMark, Batches, CommandMark, CommandText};
use gonogo::runbook::Batch;

use crate::executor::{Bench, Done, wait_for_output};
use crate::support::home::Home;
use crate::support::{Database, execute, fresh_database};

const COPY: &str =
    "INSERT INTO copied SELECT id FROM items WHERE id BETWEEN :'batch_low' AND :'batch_high';";

async fn items() -> Database {
    let database = fresh_database().await;
    let tables = "CREATE TABLE items (id int PRIMARY KEY, done boolean NOT NULL DEFAULT false);
        CREATE TABLE copied (id int); CREATE TABLE busy (n int);
        INSERT INTO items SELECT 3 * n FROM generate_series(1, 10000) AS n; ANALYZE items;";
    execute(&mut database.connect().await, tables).await;
    database
}

fn batch(size: u64) -> Batch {
    Batch {
        keys: Some(("items".to_owned(), "id".to_owned())),
        size,
        pause_ms: 0,
        max_errors: 0,
        throttle: None,
    }
}

fn spec(bench: &Bench, database: &Database, text: &str, batches: Batches) -> ShimSpec {
    let mut command = CommandText::new(0, 1, text);
    command.batches = Some(Box::new(batches));
    bench.spec(ActionKind::Sql {
        commands: vec![command],
        connection: database.conninfo(),
        variables: BTreeMap::new(),
        secret_variables: Vec::new(),
        single_transaction: false,
        settings: BTreeMap::new(),
    })
}

async fn value(database: &Database, select: &str) -> i64 {
    let mut connection = database.connect().await;
    let query = sqlx::query_scalar(sqlx::AssertSqlSafe(select.to_owned()));
    query.fetch_one(&mut connection).await.unwrap()
}

fn last_mark(running: &Running) -> Option<BatchMark> {
    let mut reader = SpoolReader::new(running.spool());
    while reader.poll().unwrap() {}
    let marks = reader.take_marks().into_iter().rev();
    let mut batches = marks.filter_map(|mark| match mark {
        CommandMark::Batched(_, mark) => Some(mark),
        _ => None,
    });
    batches.next()
}

#[tokio::test]
async fn every_row_is_touched_once_whatever_is_killed() {
    let database = items().await;
    let bench = Bench::new();
    let mut behind = None;
    for attempt in 1..=6 {
        // Slow enough that the kill comes before the end.
        let batch = Batch {
            pause_ms: 20,
            ..batch(100)
        };
        let batches = Batches {
            batch,
            behind: behind.clone(),
        };
        let mut spec = spec(&bench, &database, COPY, batches);
        spec.attempt = attempt;
        let running = bench.executor.launch(spec).await.unwrap();
        if attempt == 6 {
            let done = Done::of(&running).await;
            assert_eq!(done.record.exit, Some(0), "{:?}", done.lines);
            assert!(
                done.notes().contains("10000 rows touched"),
                "{}",
                done.notes()
            );
            break;
        }
        wait_for_output(&running, &format!("\"number\":{},", attempt * 10)).await;
        let pid = running.launched().pid.to_string();
        assert!(
            Command::new("kill")
                .args(["-9", &pid])
                .status()
                .unwrap()
                .success()
        );
        assert!(running.wait().await.unwrap().is_none());
        behind = last_mark(&running).or(behind);
    }
    let counted = "SELECT count(*) FROM copied";
    assert_eq!(value(&database, counted).await, 10_000);
    let distinct = "SELECT count(DISTINCT id) FROM copied";
    assert_eq!(value(&database, distinct).await, 10_000);
}

#[tokio::test]
async fn a_statement_that_finds_what_is_left_is_repeated_until_nothing_is() {
    let database = items().await;
    let bench = Bench::new();
    let text = "UPDATE items SET done = true WHERE id IN \
        (SELECT id FROM items WHERE NOT done LIMIT :'batch_size')";
    let batch = Batch {
        keys: None,
        ..batch(3_000)
    };
    let batches = Batches {
        batch,
        behind: None,
    };
    let done = bench.run(spec(&bench, &database, text, batches)).await;
    assert_eq!(done.record.exit, Some(0), "{:?}", done.lines);
    assert!(
        done.notes().contains("batch 4: 10000 rows touched"),
        "{}",
        done.notes()
    );
    let left = "SELECT count(*) FROM items WHERE NOT done";
    assert_eq!(value(&database, left).await, 0);
}

#[tokio::test]
async fn an_error_passes_over_no_row_and_more_than_are_borne_stop_it() {
    let database = items().await;
    let check = "ALTER TABLE copied ADD CHECK (id <> 3000)";
    execute(&mut database.connect().await, check).await;
    let bench = Bench::new();
    let batches = Batches {
        batch: Batch {
            max_errors: 1,
            ..batch(300)
        },
        behind: None,
    };
    let done = bench.run(spec(&bench, &database, COPY, batches)).await;
    assert_eq!(done.record.exit, Some(3), "{:?}", done.lines);
    let said = "errors: 2, the last SQLSTATE 23514 in batch 4; max-errors is 1";
    assert!(done.notes().contains(said), "{}", done.notes());
    assert_eq!(value(&database, "SELECT count(*) FROM copied").await, 900);
}

#[tokio::test]
async fn a_batch_of_which_the_server_can_say_nothing_has_failed() {
    let database = items().await;
    // From the statement on, another function answers.
    let evil =
        "CREATE SCHEMA evil; CREATE FUNCTION evil.txid_current() RETURNS bigint LANGUAGE plpgsql
        AS $$ BEGIN RAISE 'not today'; END $$;";
    execute(&mut database.connect().await, evil).await;
    let bench = Bench::new();
    let keyed =
        "INSERT INTO copied SELECT id FROM items WHERE id BETWEEN :'batch_low' AND :'batch_high'
        AND set_config('search_path', 'evil, pg_catalog, public', true) <> ''";
    let left = "INSERT INTO copied SELECT id FROM items
        WHERE set_config('search_path', 'evil, pg_catalog, public', true) <> '' LIMIT :'batch_size'";
    for (attempt, text) in [(1, keyed), (2, left)] {
        let keys = batch(300).keys.filter(|_| text == keyed);
        let batches = Batches {
            batch: Batch { keys, ..batch(300) },
            behind: None,
        };
        let mut spec = spec(&bench, &database, text, batches);
        spec.attempt = attempt;
        let done = bench.run(spec).await;
        assert_eq!(done.record.exit, Some(3), "{:?}", done.lines);
        let said = "errors: 1, the last SQLSTATE P0001 in batch 1";
        assert!(done.notes().contains(said), "{}", done.notes());
        assert_eq!(value(&database, "SELECT count(*) FROM copied").await, 0);
    }
}

#[tokio::test]
async fn no_batch_begins_while_its_throttle_is_true() {
    let database = items().await;
    execute(&mut database.connect().await, "INSERT INTO busy VALUES (1)").await;
    let bench = Bench::new();
    let batches = Batches {
        batch: Batch {
            throttle: Some("SELECT count(*) > 0 FROM busy".to_owned()),
            ..batch(5_000)
        },
        behind: None,
    };
    let spec = spec(&bench, &database, COPY, batches);
    let running = bench.executor.launch(spec).await.unwrap();
    wait_for_output(&running, "waits: `SELECT count(*) > 0 FROM busy` is true").await;
    assert_eq!(value(&database, "SELECT count(*) FROM copied").await, 0);
    execute(&mut database.connect().await, "DELETE FROM busy").await;
    let done = Done::of(&running).await;
    assert_eq!(done.record.exit, Some(0), "{:?}", done.lines);
    assert_eq!(
        value(&database, "SELECT count(*) FROM copied").await,
        10_000
    );
}

#[tokio::test]
async fn the_example_of_the_documentation_runs_and_is_in_the_plan_and_the_report() {
    let database = fresh_database().await;
    let tables = "CREATE TABLE orders (id int PRIMARY KEY, cents int, total numeric);
        INSERT INTO orders SELECT n, n FROM generate_series(1, 2500) AS n;";
    execute(&mut database.connect().await, tables).await;
    let page = include_str!("../../docs/steps.md");
    let (_, example) = page.split_once("````markdown\n").unwrap();
    let (guide, _) = example.split_once("````\n").unwrap();
    let home = Home::new();
    home.write("guide.md", guide);
    home.environment(&database.conninfo(), "");
    let plan = home.gonogo(&["plan", "guide.md"]).exits(0);
    let said = "in batches of 1000 by `id` of `orders`, each a transaction";
    assert!(plan.out.contains(said), "{}", plan.out);
    home.gonogo(&["rehearse", "guide.md", "--assume"]).exits(0);
    let left = "SELECT count(*) FROM orders WHERE total IS DISTINCT FROM cents / 100.0";
    assert_eq!(value(&database, left).await, 0);
    let report = home.gonogo(&["report"]).exits(0);
    assert!(
        report.out.contains("batch 3: 2500 rows touched"),
        "{}",
        report.out
    );
}
