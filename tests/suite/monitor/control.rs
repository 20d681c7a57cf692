//! Signals to sessions, and what a rollback would lose.

use gonogo::monitor::Signalled;

use super::{RUN, Watch, named, spawn};
use crate::support::{cluster, execute, fresh_database};

#[tokio::test]
async fn a_cancel_ends_the_statement_and_refuses_another_session_with_the_same_pid() {
    let database = fresh_database().await;
    let sleeper = spawn(named(&database, "sleeper").await, "SELECT pg_sleep(60)");
    let mut watch = Watch::start(&database.conninfo());
    let seen = watch
        .session("sleeper", |session| session.state == "active")
        .await;

    let before = seen.backend_start_us - 1;
    let other = watch
        .monitor
        .cancel_backend("main", seen.pid, before)
        .await
        .unwrap();
    assert_eq!(other, Signalled::Recycled);
    let still = watch.session("sleeper", |_| true).await;
    assert_eq!(still.query, seen.query);

    let done = watch
        .monitor
        .cancel_backend("main", seen.pid, seen.backend_start_us)
        .await
        .unwrap();
    assert_eq!(done, Signalled::Sent);
    let error = sleeper.await.unwrap().unwrap_err();
    assert!(
        error.contains("canceling statement due to user request"),
        "{error}"
    );
    let gone = watch
        .monitor
        .cancel_backend("main", 999_999, 1)
        .await
        .unwrap();
    assert_eq!(gone, Signalled::Gone);
    let error = watch
        .monitor
        .cancel_backend("reports", 1, 1)
        .await
        .unwrap_err();
    assert!(
        error.message.contains("`reports`") && error.help.contains("main"),
        "{error:?}"
    );
}

#[tokio::test]
async fn only_the_sessions_of_the_step_are_cancelled() {
    let database = fresh_database().await;
    let run = database.name.clone();
    let step = format!("gonogo:{run}:step1");
    let one = spawn(named(&database, &step).await, "SELECT pg_sleep(60)");
    let child = spawn(
        named(&database, &format!("{step}:worker")).await,
        "SELECT pg_sleep(60)",
    );
    let other = spawn(
        named(&database, &format!("{step}0")).await,
        "SELECT pg_sleep(60)",
    );
    let mut watch = Watch::start(&database.conninfo());
    let spared = watch
        .session(&format!("{step}0"), |session| session.state == "active")
        .await;
    watch
        .session(&step, |session| session.state == "active")
        .await;
    watch
        .session(&format!("{step}:worker"), |session| {
            session.state == "active"
        })
        .await;

    let cancelled = watch.monitor.cancel_ours("main", &step).await.unwrap();
    assert_eq!(cancelled.len(), 2, "{cancelled:?}");
    assert!(!cancelled.contains(&spared.pid));
    assert!(one.await.unwrap().is_err());
    assert!(child.await.unwrap().is_err());
    assert!(!other.is_finished());

    let ended = watch
        .monitor
        .signal_ours(
            "main",
            gonogo::monitor::Signal::Terminate,
            &format!("gonogo:{run}:"),
        )
        .await
        .unwrap();
    assert!(ended.contains(&spared.pid));
    assert!(other.await.unwrap().is_err());
}

#[tokio::test]
async fn a_session_of_the_run_and_one_that_holds_a_lock_are_left_alone_whoever_asks() {
    let database = fresh_database().await;
    let names = [
        format!("gonogo:{RUN}:step1"),
        format!("gonogo:{}:monitor", database.name),
        format!("gonogo:{}:step1", database.name),
    ];
    let watch = Watch::start(&database.conninfo());
    for (name, answer) in names.iter().zip([
        Signalled::Ours,
        Signalled::Ours,
        // What another run has left behind may block this one.
        Signalled::Sent,
    ]) {
        let mut session = named(&database, name).await;
        let (pid, began): (i32, i64) = sqlx::query_as(
            "SELECT pid, (extract(epoch FROM backend_start) * 1000000)::int8 \
             FROM pg_stat_activity WHERE pid = pg_backend_pid()",
        )
        .fetch_one(&mut session)
        .await
        .unwrap();
        let said = watch.monitor.terminate_backend("main", pid, began).await;
        assert_eq!(said.unwrap(), answer, "{name}");
        let lives = sqlx::query("SELECT 1").execute(&mut session).await.is_ok();
        assert_eq!(lives, answer == Signalled::Ours, "{name}");
    }
}

#[tokio::test]
async fn a_superusers_session_is_not_cancelled_by_others_and_that_is_said() {
    let database = fresh_database().await;
    let role = format!("watcher_{}", database.name);
    let mut admin = named(&database, "admin").await;
    execute(
        &mut admin,
        &format!("CREATE ROLE {role} LOGIN; GRANT pg_monitor TO {role}"),
    )
    .await;
    execute(&mut admin, "BEGIN").await;
    let mut watch = Watch::start(&cluster().conninfo_as(&role, &database.name));
    let seen = watch.session("admin", |_| true).await;
    let error = watch
        .monitor
        .cancel_backend("main", seen.pid, seen.backend_start_us)
        .await
        .unwrap_err();
    assert!(error.message.contains("lacks a right"), "{error:?}");
    assert!(
        error
            .help
            .contains("only a superuser can stop the session of one"),
        "{error:?}"
    );
}

#[tokio::test]
async fn what_a_rollback_loses_is_one_value_of_a_query_that_only_reads() {
    let database = fresh_database().await;
    let mut admin = database.connect().await;
    execute(
        &mut admin,
        "CREATE TABLE audits AS SELECT generate_series(1, 12) AS id",
    )
    .await;
    let watch = Watch::start(&database.conninfo());
    let loss = |query: &'static str| watch.monitor.loss("main", query);
    assert_eq!(loss("SELECT count(*) FROM audits;").await.unwrap(), "12");
    assert_eq!(loss("SELECT 1.50::numeric -- exact").await.unwrap(), "1.50");
    assert_eq!(
        loss("SELECT max(id) FROM audits WHERE false")
            .await
            .unwrap(),
        "none"
    );
    for (query, said) in [
        ("SELECT id FROM audits", "more than one row"),
        ("SELECT 1, 2", "2 columns"),
        ("SELECT 1; DELETE FROM audits", "multiple commands"),
        ("DELETE FROM audits RETURNING id", "loss unknown"),
        ("SELECT count(*) FROM absent", "\"absent\" does not exist"),
        ("SELECT pg_sleep(60)::text", "too long"),
    ] {
        let error = loss(query).await.unwrap_err();
        assert!(error.message.contains(said), "{query}: {error}");
        assert!(!error.help.is_empty());
    }
    assert_eq!(loss("SELECT count(*) FROM audits").await.unwrap(), "12");
}
