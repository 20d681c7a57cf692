//! Sessions: who does what, who waits for whom, and what is hidden.

use gonogo::monitor::Reading;
use gonogo::text::redact::Redactor;

use super::{Watch, named, pid, spawn};
use crate::support::{cluster, execute, fresh_database};

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

    watch
        .monitor
        .set_redactor(Redactor::new(vec!["token".to_owned()]));
    let session = watch
        .session("leaky", |session| session.query.contains("hunter22"))
        .await;
    assert!(!session.query.contains("token"), "{}", session.query);
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
async fn a_session_that_waits_names_the_lock_and_the_table() {
    let database = fresh_database().await;
    let mut admin = database.connect().await;
    execute(&mut admin, "CREATE TABLE items (id int)").await;
    let mut holder = named(&database, "holder").await;
    execute(&mut holder, "BEGIN; SELECT count(*) FROM items").await;
    let mut waiter = named(&database, "waiter").await;
    let waiting = tokio::spawn(async move {
        execute(&mut waiter, "ALTER TABLE items ADD COLUMN m int").await;
    });

    let mut watch = Watch::start(&database.conninfo());
    let session = watch
        .session("waiter", |session| {
            session
                .awaits
                .as_ref()
                .is_some_and(|awaits| awaits.waited_ms > Some(0))
        })
        .await;
    let awaits = session.awaits.unwrap();
    assert_eq!(awaits.relation.as_deref(), Some("items"));
    assert_eq!(awaits.mode, "AccessExclusiveLock");
    let holding = watch.session("holder", |_| true).await;
    let detail = watch
        .monitor
        .session("main", holding.pid, holding.backend_start_us)
        .await
        .unwrap();
    assert!(
        detail.query.contains("SELECT count(*) FROM items"),
        "{detail:?}"
    );
    let lock = detail
        .locks
        .iter()
        .find(|lock| lock.relation.as_deref() == Some("items"));
    assert_eq!(lock.map(|lock| lock.mode.as_str()), Some("AccessShareLock"));
    let gone = watch.monitor.session("main", holding.pid, 1).await;
    assert!(gone.unwrap_err().message.contains("has ended"));
    execute(&mut holder, "ROLLBACK").await;
    waiting.await.unwrap();
}

#[tokio::test]
async fn an_index_that_is_built_tells_how_far_it_is() {
    let database = fresh_database().await;
    let mut admin = database.connect().await;
    execute(
        &mut admin,
        "CREATE TABLE items AS SELECT n FROM generate_series(1, 20000) n",
    )
    .await;
    let mut holder = named(&database, "old snapshot").await;
    execute(&mut holder, "BEGIN; INSERT INTO items VALUES (1)").await;
    let mut builder = named(&database, "builder").await;
    // It waits for the writer before it builds, so that it can be seen.
    let building = tokio::spawn(async move {
        execute(&mut builder, "CREATE INDEX CONCURRENTLY ON items (n)").await;
    });

    let mut watch = Watch::start(&database.conninfo());
    let session = watch
        .session("builder", |session| session.progress.is_some())
        .await;
    let progress = session.progress.unwrap();
    assert_eq!(progress.command, "CREATE INDEX CONCURRENTLY");
    assert_eq!(progress.phase, "waiting for writers before build");
    execute(&mut holder, "ROLLBACK").await;
    building.await.unwrap();
}
