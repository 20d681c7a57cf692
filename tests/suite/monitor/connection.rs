//! The connections themselves: whom they reach, what they survive, and how they do no harm.

use std::time::{Duration, Instant};

use gonogo::demo::cluster::{Cluster, Options};
use gonogo::monitor::{Reading, Signalled};
use sqlx::{AssertSqlSafe, Connection, Row};

use super::{Watch, lost, named};
use crate::support::{cluster, connect, eventually, execute, fresh_database};

#[tokio::test]
async fn the_target_says_who_it_is() {
    let database = fresh_database().await;
    let mut watch = Watch::start(&database.conninfo());
    let sample = watch
        .activity("an identity", |sample| sample.identity.is_some())
        .await;
    let identity = sample.identity.unwrap();
    assert_eq!(identity.database, database.name);
    assert_eq!(identity.user, "postgres");
    assert_eq!(
        identity.host,
        cluster().socket_directory().to_string_lossy()
    );
    assert!(!identity.in_recovery);
    let expected: String = sqlx::query("SELECT system_identifier::text FROM pg_control_system()")
        .fetch_one(&mut database.connect().await)
        .await
        .unwrap()
        .get(0);
    assert_eq!(identity.system_identifier, Some(expected));
}

#[tokio::test]
async fn our_own_sessions_can_change_nothing_and_wait_for_nothing_long() {
    let database = fresh_database().await;
    let mut watch = Watch::start(&database.conninfo());
    watch.activity("a reading", |_| true).await;
    let mut admin = database.connect().await;
    let rows = sqlx::query(
        "SELECT count(*)::int4 FROM pg_stat_activity WHERE datname = current_database() \
         AND application_name = 'gonogo:r1:monitor'",
    )
    .fetch_one(&mut admin)
    .await
    .unwrap();
    assert!(
        rows.get::<i32, _>(0) <= 2,
        "one to read with, one to cancel with"
    );

    execute(&mut admin, "CREATE TABLE t (id int); CREATE FUNCTION w() RETURNS int LANGUAGE sql AS 'INSERT INTO public.t VALUES (1) RETURNING id'").await;
    let error = watch.monitor.loss("main", "SELECT w()").await.unwrap_err();
    assert!(error.message.contains("read-only"), "{error}");
}

#[tokio::test]
async fn a_server_that_restarts_is_lost_and_then_good_again() {
    let cluster = Cluster::start(Options::default()).await.unwrap();
    let mut busy = connect(&cluster, "postgres").await;
    execute(&mut busy, "SET application_name = 'busy'; BEGIN").await;
    let mut watch = Watch::start(&cluster.conninfo("postgres"));
    watch.session("busy", |_| true).await;

    cluster.stop_immediately().await.unwrap();
    let sample = watch
        .activity("the loss", |sample| {
            matches!(sample.state, Reading::Lost { .. })
        })
        .await;
    assert!(!lost(&sample.state).1.is_empty());
    assert!(
        sample
            .sessions
            .iter()
            .any(|session| session.application == "busy"),
        "as last seen"
    );
    watch
        .activity("no server", |sample| match &sample.state {
            Reading::Lost { message, .. } => {
                message.contains("refused") || message.contains("does not exist")
            }
            _ => false,
        })
        .await;

    cluster.restart().await.unwrap();
    let sample = watch
        .activity("recovery", |sample| sample.state == Reading::Good)
        .await;
    assert!(
        sample
            .sessions
            .iter()
            .all(|session| session.application != "busy")
    );
    watch.statements("statements or why not", |_| true).await;
    // The reserved connection is back as well, or comes back by being needed.
    assert_eq!(
        watch
            .monitor
            .cancel_backend("main", 999_999, 1)
            .await
            .unwrap(),
        Signalled::Gone
    );
}

#[tokio::test]
async fn a_locked_table_does_not_freeze_anything() {
    let database = fresh_database().await;
    let mut holder = named(&database, "holder").await;
    execute(
        &mut holder,
        "CREATE EXTENSION pg_stat_statements; CREATE TABLE big (id int)",
    )
    .await;
    execute(
        &mut holder,
        "BEGIN; LOCK TABLE big IN ACCESS EXCLUSIVE MODE",
    )
    .await;
    let mut watch = Watch::start(&database.conninfo());
    watch.activity("a first reading", |_| true).await;

    let began = Instant::now();
    for _ in 0..5 {
        watch
            .activity("a reading", |sample| sample.state == Reading::Good)
            .await;
        watch
            .statements("statements", |sample| sample.state == Reading::Good)
            .await;
    }
    assert!(began.elapsed() < Duration::from_secs(5));
    let error = watch
        .monitor
        .loss("main", "SELECT count(*) FROM big")
        .await
        .unwrap_err();
    assert!(error.help.contains("holds a table"), "{error:?}");
    let holder_seen = watch.session("holder", |_| true).await;
    let done = watch
        .monitor
        .terminate_backend("main", holder_seen.pid, holder_seen.backend_start_us)
        .await;
    assert_eq!(done.unwrap(), Signalled::Sent);
}

#[tokio::test]
async fn a_locked_catalog_is_survived() {
    // Its own server: nobody can log in meanwhile.
    let cluster = Cluster::start(Options::default()).await.unwrap();
    let mut watch = Watch::start(&cluster.conninfo("postgres"));
    watch
        .activity("a first reading", |sample| sample.state == Reading::Good)
        .await;
    let mut holder = connect(&cluster, "postgres").await;
    execute(
        &mut holder,
        "BEGIN; LOCK TABLE pg_class, pg_database, pg_authid IN ACCESS EXCLUSIVE MODE",
    )
    .await;
    let sample = watch
        .activity("the lock to be told", |sample| {
            matches!(sample.state, Reading::Lost { .. })
        })
        .await;
    assert!(lost(&sample.state).0.contains("lock"), "{:?}", sample.state);
    execute(&mut holder, "COMMIT").await;
    watch
        .activity("recovery", |sample| sample.state == Reading::Good)
        .await;
}

#[tokio::test]
async fn why_there_is_no_connection_is_clear() {
    let options = Options {
        hba: Some("local all postgres trust\nlocal all all scram-sha-256\n".to_owned()),
        // The default since 14.
        settings: vec![("password_encryption".into(), "scram-sha-256".into())],
        ..Options::default()
    };
    let cluster = Cluster::start(options).await.unwrap();
    let mut admin = connect(&cluster, "postgres").await;
    execute(&mut admin, "CREATE ROLE anna LOGIN PASSWORD 'right'").await;
    let anna = cluster.conninfo_as("anna", "postgres");
    let nowhere = "host=/nonexistent-directory port=5 user=anna dbname=x";
    let port = {
        let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        free.local_addr().unwrap().port()
    };
    let refused = format!("host=127.0.0.1 port={port} user=anna dbname=x");
    for (conninfo, password, said) in [
        (
            anna.as_str(),
            Some("wrong"),
            "wrong password for role `anna`",
        ),
        (
            &cluster.conninfo("absent"),
            None,
            "database `absent` does not exist",
        ),
        (
            &cluster.conninfo_as("nobody_here", "postgres"),
            Some("x"),
            "`nobody_here`",
        ),
        (nowhere, None, "the socket does not exist"),
        (&refused, None, "connection refused"),
    ] {
        let mut watch = Watch::with_password(conninfo, password);
        let sample = watch.activity("why", |_| true).await;
        let (message, help) = lost(&sample.state);
        assert!(message.contains(said), "{message}");
        assert!(!help.is_empty());
        let sample = watch.statements("why, there too", |_| true).await;
        assert!(lost(&sample.state).0.contains(said));
        let error = watch
            .monitor
            .cancel_ours("main", "gonogo:r1:x")
            .await
            .unwrap_err();
        assert!(error.message.contains(said), "{error}");
    }
    let mut watch = Watch::with_password(&anna, Some("right"));
    watch
        .activity("the right password", |sample| {
            !matches!(sample.state, Reading::Lost { .. })
        })
        .await;
}

#[tokio::test]
async fn a_dropped_monitor_leaves_no_session_behind() {
    let database = fresh_database().await;
    let mut watch = Watch::start(&database.conninfo());
    watch.activity("a reading", |_| true).await;
    drop(watch);
    let mut admin = database.connect().await;
    eventually("our sessions to end", async || {
        let count: i64 = sqlx::query(AssertSqlSafe(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
             AND application_name = 'gonogo:r1:monitor'",
        ))
        .fetch_one(&mut admin)
        .await
        .unwrap()
        .get(0);
        (count == 0).then_some(())
    })
    .await;
    admin.close().await.unwrap();
}

/// A server process that is stopped in its tracks, as on a host that swaps or a disk that hangs.
struct Stopped(Vec<rustix::process::Pid>);

impl Stopped {
    fn new(pids: Vec<i32>) -> Self {
        let pids: Vec<_> = pids
            .into_iter()
            .map(|pid| rustix::process::Pid::from_raw(pid).unwrap())
            .collect();
        for pid in &pids {
            rustix::process::kill_process(*pid, rustix::process::Signal::STOP).unwrap();
        }
        Self(pids)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        for pid in &self.0 {
            rustix::process::kill_process(*pid, rustix::process::Signal::CONT).unwrap();
        }
    }
}

#[tokio::test]
async fn connections_that_hang_are_given_up_and_replaced() {
    let cluster = Cluster::start(Options::default()).await.unwrap();
    let mut watch = Watch::start(&cluster.conninfo("postgres"));
    let mut admin = connect(&cluster, "postgres").await;
    watch.activity("a reading", |_| true).await;
    let pids = eventually("both connections", async || {
        let rows = sqlx::query(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'gonogo:r1:monitor'",
        )
        .fetch_all(&mut admin)
        .await
        .unwrap();
        let pids: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
        (pids.len() == 2).then_some(pids)
    })
    .await;

    let _stopped = Stopped::new(pids);
    let cancel = watch.monitor.cancel_backend("main", 999_999, 1).await;
    assert_eq!(cancel.unwrap(), Signalled::Gone, "over a new connection");
    let sample = watch
        .activity("the silence", |sample| sample.state != Reading::Good)
        .await;
    assert!(
        lost(&sample.state).0.contains("has not answered"),
        "{:?}",
        sample.state
    );
    watch
        .activity("a reading again", |sample| sample.state == Reading::Good)
        .await;
}
