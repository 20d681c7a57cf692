//! What the server counts, and how large the guide's tables are.

use gonogo::monitor::{DatabaseSample, Reading, TableSize};

use super::Watch;
use crate::support::{execute, fresh_database};

fn size<'a>(sample: &'a DatabaseSample, table: &str) -> Option<&'a TableSize> {
    let mut tables = sample.tables.tables.iter();
    tables.find(|size| size.name == table)
}

#[tokio::test]
async fn what_the_server_counts_is_told_since_the_phase_began() {
    let database = fresh_database().await;
    let mut watch = Watch::start(&database.conninfo());
    watch
        .database("a new count", |sample| {
            sample
                .phase
                .as_ref()
                .is_some_and(|phase| phase.counters.rollbacks == 0)
        })
        .await;
    let mut client = database.connect().await;
    execute(
        &mut client,
        "CREATE TABLE audits AS SELECT generate_series(1, 5000) AS id",
    )
    .await;
    for _ in 0..3 {
        execute(
            &mut client,
            "BEGIN; INSERT INTO audits VALUES (1); ROLLBACK",
        )
        .await;
    }
    drop(client);
    let sample = watch
        .database("three rollbacks", |sample| {
            sample
                .phase
                .as_ref()
                .is_some_and(|phase| phase.counters.rollbacks == 3)
        })
        .await;
    let phase = sample.phase.expect("what was counted");
    assert!(phase.counters.commits >= 1 && phase.ms > 0, "{phase:?}");
    assert!(phase.counters.wal_bytes > 100_000, "{phase:?}");
    let facts = sample.facts.expect("a reading");
    assert!(!facts.in_recovery && facts.oldest.is_some(), "{facts:?}");
    assert_eq!((facts.block_bytes, facts.autovacuum_workers), (8_192, 3));
    assert!(!sample.reset);
}

#[tokio::test]
async fn a_reset_of_what_the_server_counts_is_said_until_the_next_phase() {
    let database = fresh_database().await;
    let mut client = database.connect().await;
    for _ in 0..20 {
        execute(&mut client, "SELECT 1").await;
    }
    let mut watch = Watch::start(&database.conninfo());
    watch
        .database("a count", |sample| sample.last.is_some())
        .await;
    let mut admin = database.connect().await;
    execute(&mut admin, "SELECT pg_stat_reset()").await;
    let sample = watch.database("the reset", |sample| sample.reset).await;
    let phase = sample.phase.expect("a count that began again");
    assert!(phase.counters.commits >= 0, "{phase:?}");
    watch.monitor.baseline();
    watch.database("a new phase", |sample| !sample.reset).await;
}

#[tokio::test]
async fn a_slot_that_nobody_uses_is_told_with_the_wal_that_it_retains() {
    let database = fresh_database().await;
    let mut admin = database.connect().await;
    execute(
        &mut admin,
        "SELECT pg_create_physical_replication_slot('left_behind', true)",
    )
    .await;
    let mut watch = Watch::start(&database.conninfo());
    let slots = |sample: &DatabaseSample| {
        let mut slots = sample.facts.iter().flat_map(|facts| &facts.slots);
        slots.find(|slot| slot.name == "left_behind").cloned()
    };
    let sample = watch
        .database("the slot", |sample| slots(sample).is_some())
        .await;
    execute(&mut admin, "SELECT pg_drop_replication_slot('left_behind')").await;
    let slot = slots(&sample).expect("the slot");
    assert!(!slot.active && slot.retained_bytes.is_some(), "{slot:?}");
    assert_eq!(slot.wal_status.as_deref(), Some("reserved"));
}

#[tokio::test]
async fn a_table_that_the_guide_names_is_measured_and_grows() {
    let database = fresh_database().await;
    let mut client = database.connect().await;
    execute(
        &mut client,
        "CREATE TABLE items AS SELECT n FROM generate_series(1, 20000) n; \
         CREATE TABLE orders (id int) PARTITION BY RANGE (id); \
         CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (0) TO (100000); \
         INSERT INTO orders SELECT generate_series(1, 20000); \
         CREATE TABLE unnamed (id int)",
    )
    .await;
    let mut watch = Watch::start(&database.conninfo());
    let sample = watch
        .database("sizes", |sample| sample.tables.read_at.is_some())
        .await;
    let names: Vec<&str> = sample
        .tables
        .tables
        .iter()
        .map(|table| table.name.as_str())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let bytes = |table: &str| size(&sample, table).and_then(|table| table.bytes);
    assert!(bytes("items") > Some(500_000), "{:?}", bytes("items"));
    // As large as its parts.
    assert!(bytes("orders") > Some(500_000), "{:?}", bytes("orders"));
    execute(
        &mut client,
        "INSERT INTO items SELECT generate_series(1, 20000)",
    )
    .await;
    watch
        .database("a table that has grown", |sample| {
            size(sample, "items").and_then(TableSize::grown) > Some(500_000)
        })
        .await;
}

#[tokio::test]
async fn a_table_that_is_locked_is_not_waited_for() {
    let database = fresh_database().await;
    let mut holder = database.connect().await;
    execute(
        &mut holder,
        "CREATE TABLE items AS SELECT n FROM generate_series(1, 2000) n; \
         CREATE TABLE orders (id int)",
    )
    .await;
    let mut watch = Watch::start(&database.conninfo());
    watch
        .database("its size", |sample| {
            size(sample, "items").is_some_and(|items| items.bytes.is_some())
        })
        .await;
    execute(&mut holder, "BEGIN; LOCK TABLE items").await;
    let sample = watch
        .database("the lock", |sample| {
            size(sample, "items").is_some_and(|items| items.is_locked)
        })
        .await;
    // The other table is measured meanwhile, and what was known of this one stays.
    assert_eq!(sample.tables.trouble, None);
    assert!(size(&sample, "items").is_some_and(|items| items.bytes > Some(0)));
    assert!(size(&sample, "orders").is_some_and(|orders| !orders.is_locked));
    assert_eq!(sample.state, Reading::Good);
    execute(&mut holder, "COMMIT").await;
    watch
        .database("the end of the lock", |sample| {
            size(sample, "items").is_some_and(|items| !items.is_locked)
        })
        .await;
}
