//! Statement counters since a baseline, and what stands in their way.

use gonogo::demo::cluster::{Cluster, Options};
use gonogo::monitor::Reading;

use super::{Watch, lost};
use crate::support::{cluster, connect, execute, fresh_database};

#[tokio::test]
async fn statements_count_exactly_the_calls_since_the_baseline() {
    let database = fresh_database().await;
    let mut client = database.connect().await;
    execute(
        &mut client,
        "CREATE EXTENSION pg_stat_statements; CREATE TABLE audits (id int)",
    )
    .await;
    for _ in 0..3 {
        execute(&mut client, "SELECT id FROM audits WHERE id = 1").await;
    }
    let mut watch = Watch::start(&database.conninfo());
    watch.rebase().await;
    for id in 0..7 {
        execute(
            &mut client,
            &format!("SELECT id FROM audits WHERE id = {id}"),
        )
        .await;
    }
    execute(
        &mut client,
        "INSERT INTO audits SELECT generate_series(1, 5)",
    )
    .await;

    let sample = watch
        .statements("eight calls", |sample| sample.total_calls >= 8)
        .await;
    assert_eq!(sample.total_calls, 8, "{:#?}", sample.statements);
    let select = sample
        .statements
        .iter()
        .find(|s| s.query.starts_with("SELECT id"))
        .unwrap();
    assert_eq!((select.calls, select.rows), (7, 0));
    assert_eq!(select.query, "SELECT id FROM audits WHERE id = $1");
    assert!((select.mean_ms - select.total_ms / 7.0).abs() < 1e-9);
    let insert = sample
        .statements
        .iter()
        .find(|s| s.query.starts_with("INSERT"))
        .unwrap();
    assert_eq!((insert.calls, insert.rows), (1, 5));
    let shares: f64 = sample
        .statements
        .iter()
        .map(|statement| statement.share)
        .sum();
    assert!((shares - 1.0).abs() < 1e-9);
    assert!(!sample.reset);

    watch.rebase().await;
    execute(&mut client, "SELECT id FROM audits WHERE id = 9").await;
    let sample = watch
        .statements("one call", |sample| sample.total_calls >= 1)
        .await;
    assert_eq!(sample.total_calls, 1, "{:#?}", sample.statements);
}

#[tokio::test]
async fn a_reset_of_the_counters_is_said() {
    let cluster = Cluster::start(Options::default()).await.unwrap();
    let mut client = connect(&cluster, "postgres").await;
    execute(&mut client, "CREATE EXTENSION pg_stat_statements").await;
    for _ in 0..20 {
        execute(&mut client, "SELECT 42 AS answer").await;
    }
    let mut watch = Watch::start(&cluster.conninfo("postgres"));
    watch.rebase().await;
    for _ in 0..30 {
        execute(&mut client, "SELECT 42 AS answer").await;
    }
    watch
        .statements("thirty calls", |sample| sample.total_calls == 30)
        .await;

    execute(&mut client, "SELECT pg_stat_statements_reset()").await;
    let sample = watch.statements("the reset", |sample| sample.reset).await;
    assert!(
        sample
            .statements
            .iter()
            .all(|statement| statement.calls > 0 && statement.total_ms >= 0.0)
    );
    assert!(sample.total_calls < 30);
    watch.rebase().await;
    let sample = watch.statements("calm", |_| true).await;
    assert!(!sample.reset);
}

#[tokio::test]
async fn a_missing_extension_is_told_with_the_way_to_enable_it() {
    let database = fresh_database().await;
    let mut watch = Watch::start(&database.conninfo());
    let sample = watch.statements("statements", |_| true).await;
    let (message, help) = lost(&sample.state);
    assert!(
        message.contains("`pg_stat_statements` is not in database"),
        "{message}"
    );
    assert!(
        help.contains("CREATE EXTENSION pg_stat_statements"),
        "{help}"
    );
    assert!(!help.contains("restart"), "it is preloaded here: {help}");

    // Following the help is enough.
    execute(
        &mut database.connect().await,
        "CREATE EXTENSION pg_stat_statements",
    )
    .await;
    watch
        .statements("statements", |sample| sample.state == Reading::Good)
        .await;
}

#[tokio::test]
async fn an_extension_that_is_not_preloaded_is_told_with_the_way_to_enable_it() {
    let options = Options {
        without_pg_stat_statements: true,
        ..Options::default()
    };
    let cluster = Cluster::start(options).await.unwrap();
    let mut watch = Watch::start(&cluster.conninfo("postgres"));
    let sample = watch.statements("statements", |_| true).await;
    let (_, help) = lost(&sample.state);
    assert!(
        help.contains("shared_preload_libraries") && help.contains("restart"),
        "{help}"
    );

    execute(
        &mut connect(&cluster, "postgres").await,
        "CREATE EXTENSION pg_stat_statements",
    )
    .await;
    let sample = watch
        .statements("the next reason", |sample| {
            lost(&sample.state).0.contains("not loaded")
        })
        .await;
    assert!(lost(&sample.state).1.contains("shared_preload_libraries"));
}

#[tokio::test]
async fn statements_of_others_are_hidden_from_a_role_without_rights() {
    let database = fresh_database().await;
    let mut admin = database.connect().await;
    let role = format!("watcher_{}", database.name);
    execute(
        &mut admin,
        &format!("CREATE ROLE {role} LOGIN; CREATE EXTENSION pg_stat_statements"),
    )
    .await;
    let mut watch = Watch::start(&cluster().conninfo_as(&role, &database.name));
    watch.rebase().await;
    execute(&mut admin, "SELECT 1 AS secret").await;
    let sample = watch
        .statements("a call", |sample| sample.total_calls > 0)
        .await;
    let Reading::Partial { help, .. } = &sample.state else {
        panic!("expected a partial reading, got {:?}", sample.state);
    };
    assert!(help.contains("GRANT pg_read_all_stats"), "{help}");
    assert!(
        sample
            .statements
            .iter()
            .any(|statement| statement.query == "<insufficient privilege>")
    );
}
