//! The samplers against a real PostgreSQL and real HTTP services.

use std::time::{Duration, Instant};

use gonogo::demo::cluster::{Cluster, Options};
use gonogo::monitor::{
    ActivitySample, Cadence, Monitor, MonitorConfig, Reading, Sample, Session, Signalled,
    StatementsSample, Target,
};
use gonogo::text::redact::Redactor;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Row};
use tokio::sync::mpsc;

use crate::support::{Database, cluster, connect, execute, fresh_database};

const RUN: &str = "r1";

/// A monitor and what it says.
struct Watch {
    monitor: Monitor,
    samples: mpsc::Receiver<Sample>,
}

impl Watch {
    /// Looks often, so that tests are short.
    fn start(conninfo: &str) -> Self {
        Self::with_password(conninfo, None)
    }

    fn with_password(conninfo: &str, password: Option<&str>) -> Self {
        let target = Target::parse("main", conninfo, password).unwrap();
        let (sender, samples) = mpsc::channel(256);
        let config = MonitorConfig {
            run: RUN.to_owned(),
            targets: vec![target],
            probes: Vec::new(),
            redactor: Redactor::new(vec!["hunter22".to_owned()]),
            cadence: Cadence {
                activity: Duration::from_millis(40),
                statements: Duration::from_millis(60),
            },
        };
        Self {
            monitor: Monitor::start(config, sender),
            samples,
        }
    }

    /// The first sample from now on of which `pick` makes something.
    async fn until<T>(&mut self, what: &str, mut pick: impl FnMut(Sample) -> Option<T>) -> T {
        let mut last = None;
        let wait = async {
            while let Some(sample) = self.samples.recv().await {
                last = Some(format!("{sample:?}"));
                if let Some(found) = pick(sample) {
                    return found;
                }
            }
            panic!("the monitor ended before: {what}");
        };
        match tokio::time::timeout(Duration::from_secs(20), wait).await {
            Ok(found) => found,
            Err(_) => panic!("waited in vain for: {what}; the last sample was {last:?}"),
        }
    }

    async fn activity(
        &mut self,
        what: &str,
        mut is: impl FnMut(&ActivitySample) -> bool,
    ) -> ActivitySample {
        self.until(what, |sample| match sample {
            Sample::Activity(activity) if is(&activity) => Some(activity),
            _ => None,
        })
        .await
    }

    async fn statements(
        &mut self,
        what: &str,
        mut is: impl FnMut(&StatementsSample) -> bool,
    ) -> StatementsSample {
        self.until(what, |sample| match sample {
            Sample::Statements(statements) if is(&statements) => Some(statements),
            _ => None,
        })
        .await
    }

    /// A session of the database with this application name, once it is as wanted.
    async fn session(&mut self, application: &str, is: impl Fn(&Session) -> bool) -> Session {
        self.until(
            &format!("the session of `{application}`"),
            |sample| match sample {
                Sample::Activity(activity) => activity
                    .sessions
                    .into_iter()
                    .find(|session| session.application == application && is(session)),
                _ => None,
            },
        )
        .await
    }

    /// Takes a new baseline and waits until it is told.
    async fn rebase(&mut self) {
        let asked = chrono::Utc::now();
        self.monitor.baseline();
        self.statements("the baseline", |statements| statements.since >= asked)
            .await;
    }
}

/// A session with a name of its own.
async fn named(database: &Database, application: &str) -> PgConnection {
    let mut connection = database.connect().await;
    execute(
        &mut connection,
        &format!("SET application_name = '{application}'"),
    )
    .await;
    connection
}

async fn pid(connection: &mut PgConnection) -> i32 {
    sqlx::query("SELECT pg_backend_pid()")
        .fetch_one(connection)
        .await
        .unwrap()
        .get(0)
}

/// Runs a statement beside the test; whether it succeeded.
fn spawn(
    mut connection: PgConnection,
    sql: &'static str,
) -> tokio::task::JoinHandle<Result<(), String>> {
    tokio::spawn(async move {
        match sqlx::raw_sql(sql).execute(&mut connection).await {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    })
}

fn lost(reading: &Reading) -> (&str, &str) {
    match reading {
        Reading::Lost { message, help, .. } => (message, help),
        other => panic!("expected a lost reading, got {other:?}"),
    }
}

#[tokio::test]
async fn sessions_are_seen_with_state_and_wait_and_who_blocks_whom() {
    let database = fresh_database().await;
    let mut holder = named(&database, "holder").await;
    execute(&mut holder, "CREATE TABLE accounts (id int)").await;
    execute(&mut holder, "BEGIN; LOCK TABLE accounts").await;
    let holder_pid = pid(&mut holder).await;
    let victim = spawn(
        named(&database, "gonogo:r1:migrate").await,
        "SELECT *\n\tFROM accounts -- \u{1b}[31mred",
    );

    let mut watch = Watch::start(&database.conninfo());
    let blocked = watch
        .session("gonogo:r1:migrate", |session| {
            !session.blocked_by.is_empty()
        })
        .await;
    assert_eq!(blocked.blocked_by, [holder_pid]);
    assert_eq!(blocked.state, "active");
    assert_eq!(blocked.wait.as_deref(), Some("Lock: relation"));
    assert_eq!(blocked.query, "SELECT * FROM accounts -- red");
    assert_eq!(
        (blocked.user.as_str(), blocked.client.as_str()),
        ("postgres", "local")
    );
    assert_eq!(blocked.database, database.name);
    assert!(blocked.ours);
    assert!(blocked.query_ms.is_some() && blocked.backend_start_us > 0);

    let open = watch.session("holder", |_| true).await;
    assert_eq!(open.state, "idle in transaction");
    assert!(open.transaction_ms.is_some());
    assert!(!open.ours);
    let sample = watch
        .activity("counts", |sample| sample.counts.waiting > 0)
        .await;
    assert_eq!(sample.state, Reading::Good);
    assert!(sample.counts.idle_in_transaction >= 1);
    assert_eq!(sample.counts.max_connections, 100);

    execute(&mut holder, "COMMIT").await;
    victim.await.unwrap().unwrap();
}

#[tokio::test]
async fn idle_sessions_are_counted_but_listed_only_where_somebody_waits_for_them() {
    let database = fresh_database().await;
    let mut idle = named(&database, "idler").await;
    let idle_pid = pid(&mut idle).await;
    let mut watch = Watch::start(&database.conninfo());

    let sample = watch
        .activity("a reading", |sample| sample.counts.idle > 0)
        .await;
    assert!(
        sample
            .sessions
            .iter()
            .all(|session| session.pid != idle_pid),
        "{sample:?}"
    );
    assert!(sample.counts.total > sample.counts.active);

    execute(&mut idle, "SELECT pg_advisory_lock(7)").await;
    let waiter = spawn(
        named(&database, "waiter").await,
        "SELECT pg_advisory_lock(7)",
    );
    let blocker = watch.session("idler", |_| true).await;
    assert_eq!((blocker.pid, blocker.state.as_str()), (idle_pid, "idle"));
    drop(idle);
    waiter.await.unwrap().unwrap();
}

#[tokio::test]
async fn secrets_in_queries_are_not_shown() {
    let database = fresh_database().await;
    let mut client = named(&database, "leaky").await;
    execute(&mut client, "BEGIN").await;
    execute(
        &mut client,
        "SELECT 'hunter22' AS token /* PASSWORD 'sesame' */",
    )
    .await;
    let mut watch = Watch::start(&database.conninfo());
    let session = watch.session("leaky", |_| true).await;
    assert!(session.query.starts_with("SELECT"), "{}", session.query);
    assert!(!session.query.contains("hunter22"), "{}", session.query);
    assert!(!session.query.contains("sesame"), "{}", session.query);
}

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
async fn a_role_without_rights_is_told_how_much_is_hidden_and_what_shows_it() {
    let database = fresh_database().await;
    let mut admin = database.connect().await;
    let role = format!("watcher_{}", database.name);
    execute(&mut admin, &format!("CREATE ROLE {role} LOGIN")).await;
    let mut busy = named(&database, "busy").await;
    execute(&mut busy, "BEGIN").await;

    let mut watch = Watch::start(&cluster().conninfo_as(&role, &database.name));
    let sample = watch
        .activity("hidden sessions", |sample| sample.counts.hidden >= 2)
        .await;
    let Reading::Partial { message, help } = &sample.state else {
        panic!("expected a partial reading, got {:?}", sample.state);
    };
    assert!(
        message.contains(&format!("sessions are hidden from role `{role}`")),
        "{message}"
    );
    assert_eq!(
        help,
        &format!("as a superuser: `GRANT pg_read_all_stats TO {role}`")
    );
    assert!(sample.counts.total >= sample.counts.hidden);
    assert!(
        sample
            .sessions
            .iter()
            .all(|session| session.application != "busy")
    );

    // The help is right.
    execute(&mut admin, &format!("GRANT pg_read_all_stats TO {role}")).await;
    let sample = watch
        .activity("all sessions", |sample| sample.state == Reading::Good)
        .await;
    assert_eq!(sample.counts.hidden, 0);
    assert!(
        sample
            .sessions
            .iter()
            .any(|session| session.application == "busy")
    );
    drop(watch);
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

#[tokio::test]
async fn why_there_is_no_connection_is_clear() {
    let options = Options {
        hba: Some("local all postgres trust\nlocal all all scram-sha-256\n".to_owned()),
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
        ("DELETE FROM audits RETURNING id", "not known"),
        ("SELECT count(*) FROM absent", "\"absent\" does not exist"),
        ("SELECT pg_sleep(60)::text", "too long"),
    ] {
        let error = loss(query).await.unwrap_err();
        assert!(error.message.contains(said), "{query}: {error}");
        assert!(!error.help.is_empty());
    }
    assert_eq!(loss("SELECT count(*) FROM audits").await.unwrap(), "12");
}

#[tokio::test]
async fn a_dropped_monitor_leaves_no_session_behind() {
    let database = fresh_database().await;
    let mut watch = Watch::start(&database.conninfo());
    watch.activity("a reading", |_| true).await;
    drop(watch);
    let mut admin = database.connect().await;
    crate::support::eventually("our sessions to end", async || {
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
