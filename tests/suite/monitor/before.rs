//! A look before a step: whose locks it would wait for, and what else stands against it.

use gonogo::monitor::BeforeStep;
use gonogo::run::GuardLevel;
use gonogo::runbook::{Actor, locks_of};

use super::{Watch, named, spawn};
use crate::support::{execute, fresh_database};

async fn before(watch: &Watch, command: &str) -> BeforeStep {
    let locks = locks_of(command, Actor::Sql);
    let looked = watch.monitor.before("main", &locks).await;
    looked.expect("the database answers")
}

fn texts(before: &BeforeStep, level: GuardLevel) -> Vec<&str> {
    let guards = before.guards.iter().filter(|guard| guard.level == level);
    guards.map(|guard| guard.text.as_str()).collect()
}

#[tokio::test]
async fn a_step_is_told_whom_it_would_wait_for_and_who_would_wait_behind_it() {
    let database = fresh_database().await;
    let mut holder = named(&database, "nightly-report").await;
    execute(
        &mut holder,
        "CREATE TABLE items (id int); CREATE INDEX items_id ON items (id)",
    )
    .await;
    let watch = Watch::start(&database.conninfo());
    const ADD: &str = "ALTER TABLE items ADD COLUMN n int";
    let free = before(&watch, ADD).await;
    assert!(
        free.locks[0].is_there && free.locks[0].held_by.is_empty(),
        "{free:?}"
    );
    assert!(texts(&free, GuardLevel::Stop).is_empty(), "{free:?}");

    execute(&mut holder, "BEGIN; SELECT count(*) FROM items").await;
    let held = before(&watch, ADD).await;
    let [name] = held.locks[0].held_by.as_slice() else {
        panic!("one session is in the way: {held:?}");
    };
    assert!(
        name.contains("nightly-report (idle in transaction"),
        "{name}"
    );
    let stops = texts(&held, GuardLevel::Stop);
    assert!(
        matches!(stops.as_slice(), [stop] if stop.contains("everybody who uses the table waits behind it")),
        "{held:?}"
    );
    // The index of a locked table leads to the table.
    let dropped = before(&watch, "DROP INDEX items_id").await;
    assert_eq!(dropped.locks[0].held_by.len(), 1, "{dropped:?}");
    // A reader is in no writer's way.
    let written = before(&watch, "INSERT INTO items VALUES (1)").await;
    assert!(written.locks[0].held_by.is_empty(), "{written:?}");
    let absent = before(&watch, "TRUNCATE nowhere").await;
    assert!(!absent.locks[0].is_there, "{absent:?}");
}

#[tokio::test]
async fn who_already_waits_stands_before_the_step() {
    let database = fresh_database().await;
    let mut holder = database.connect().await;
    execute(&mut holder, "CREATE TABLE items (id int)").await;
    execute(&mut holder, "BEGIN; LOCK TABLE items IN ROW EXCLUSIVE MODE").await;
    let waiter = spawn(
        named(&database, "waiter").await,
        "ALTER TABLE items ADD COLUMN other int",
    );
    let mut watch = Watch::start(&database.conninfo());
    watch
        .session("waiter", |session| !session.blocked_by.is_empty())
        .await;
    let seen = before(&watch, "ALTER TABLE items ADD COLUMN n int").await;
    assert_eq!(seen.locks[0].held_by.len(), 1, "{seen:?}");
    assert_eq!(seen.locks[0].waited_for_by.len(), 1, "{seen:?}");
    execute(&mut holder, "ROLLBACK").await;
    waiter.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_was_left_half_done_on_its_tables_is_told_before_a_step() {
    let database = fresh_database().await;
    let mut admin = database.connect().await;
    execute(
        &mut admin,
        "CREATE TABLE items (id int); INSERT INTO items VALUES (1), (1); \
         CREATE TABLE other (id int); \
         ALTER TABLE items ADD CONSTRAINT positive CHECK (id > 0) NOT VALID",
    )
    .await;
    let failed = sqlx::raw_sql("CREATE UNIQUE INDEX CONCURRENTLY items_once ON items (id)")
        .execute(&mut admin)
        .await;
    assert!(failed.is_err(), "two rows are the same");
    let watch = Watch::start(&database.conninfo());
    let seen = before(&watch, "UPDATE items SET id = 2").await;
    let warnings = texts(&seen, GuardLevel::Warn);
    assert!(
        matches!(warnings.as_slice(), [one] if one.starts_with("the index `items_once` on `items` is INVALID")),
        "{seen:?}"
    );
    assert_eq!(
        texts(&seen, GuardLevel::Note),
        ["the constraint `positive` on `items` is not validated"]
    );
    let other = before(&watch, "UPDATE other SET id = 2").await;
    assert!(other.guards.is_empty(), "{other:?}");
}
