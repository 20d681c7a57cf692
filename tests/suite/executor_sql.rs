//! SQL actions: psql in a shim against a real server.

use std::collections::BTreeMap;

use gonogo::executor::ActionKind;
use gonogo::run::{CommandText, Evidence};
use gonogo::runbook::Actor;
use serde_json::{Value, json};
use sqlx::Row;

use crate::executor::{Bench, Done};
use crate::support::{Database, cluster, eventually, fresh_database};

fn sql(script: &str, connection: String) -> ActionKind {
    ActionKind::Sql {
        commands: vec![CommandText::new(0, 1, script)],
        connection,
        variables: BTreeMap::new(),
        secret_variables: Vec::new(),
        single_transaction: false,
        settings: BTreeMap::new(),
    }
}

async fn run(database: &Database, script: &str) -> (Done, Evidence) {
    let bench = Bench::new();
    let done = bench
        .run(bench.spec(sql(script, database.conninfo())))
        .await;
    let evidence = done.evidence(Actor::Sql);
    (done, evidence)
}

async fn count(database: &Database, table: &str) -> i64 {
    let mut connection = database.connect().await;
    let select = format!("SELECT count(*) FROM {table}");
    sqlx::query(sqlx::AssertSqlSafe(select))
        .fetch_one(&mut connection)
        .await
        .unwrap()
        .get(0)
}

#[tokio::test]
async fn rows_values_and_tags_are_evidence() {
    let database = fresh_database().await;
    let (done, evidence) = run(
        &database,
        "CREATE TABLE t (id int, name text, amount numeric, note text);
         INSERT INTO t VALUES (1, 'anna', 1.50, NULL), (2, E'two\\nlines │ bar', -3, '007');
         UPDATE t SET amount = amount + 1;
         SELECT * FROM t ORDER BY id;",
    )
    .await;
    assert_eq!(done.record.exit, Some(0), "{:?}", done.lines);
    assert_eq!(evidence.tag.as_deref(), Some("UPDATE 2"));
    let row = |id: i64, name: &str, amount: Value, note: Value| {
        BTreeMap::from([
            ("id".to_owned(), json!(id)),
            ("name".to_owned(), json!(name)),
            ("amount".to_owned(), amount),
            ("note".to_owned(), note),
        ])
    };
    assert_eq!(
        evidence.rows,
        [
            row(1, "anna", json!(2.5), Value::Null),
            row(2, "two\nlines │ bar", json!(-2), json!("007")),
        ]
    );
    assert_eq!(evidence.value, None);
    assert!(evidence.stdout.contains("(2 rows)"));
}

#[tokio::test]
async fn the_last_result_with_one_cell_is_the_value() {
    let database = fresh_database().await;
    let (_, evidence) = run(
        &database,
        "SELECT 1 AS a, 2 AS b; SELECT count(*) FROM generate_series(1, 42);",
    )
    .await;
    assert_eq!(evidence.value, Some(json!(42)));
    let (_, evidence) = run(&database, "SELECT '42'::text || ' ' AS padded").await;
    assert_eq!(evidence.value, Some(json!("42")));
    let (_, evidence) = run(&database, "SELECT true AS ok").await;
    assert_eq!(evidence.value, Some(json!("t")));
    let (_, evidence) = run(&database, "SELECT NULL::int AS nothing").await;
    assert_eq!(evidence.value, Some(Value::Null));
    let (_, evidence) = run(&database, "SELECT 1 WHERE false").await;
    assert_eq!((evidence.value, evidence.rows.len()), (None, 0));
}

#[tokio::test]
async fn many_rows_are_kept_up_to_a_thousand() {
    let database = fresh_database().await;
    let (done, evidence) = run(
        &database,
        "SELECT i AS id, repeat('x', 100) AS filler FROM generate_series(1, 3000) AS i",
    )
    .await;
    assert_eq!(evidence.rows.len(), 1000);
    assert_eq!(evidence.rows[999]["id"], json!(1000));
    assert!(done.record.lines > 3000);
    assert!(evidence.stdout.len() <= 64 * 1024);
    assert!(
        evidence.stdout.ends_with("(3000 rows)\n\n"),
        "{:?}",
        &evidence.stdout[evidence.stdout.len() - 60..]
    );
}

#[tokio::test]
async fn notices_come_while_the_script_runs() {
    let database = fresh_database().await;
    let bench = Bench::new();
    let script =
        "DO $$ BEGIN RAISE NOTICE 'Step 1: copied % rows', 10; RAISE WARNING 'careful'; END $$;
                  SELECT pg_sleep(1000);";
    let running = bench
        .executor
        .launch(bench.spec(sql(script, database.conninfo())))
        .await
        .unwrap();
    eventually("the notice", async || {
        std::fs::read_to_string(running.spool())
            .ok()
            .filter(|spool| spool.contains("Step 1: copied 10 rows"))
    })
    .await;
    // Between two statements there is nothing that could be cancelled.
    let mut admin = database.connect().await;
    eventually("the sleep", async || {
        let sleeping: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
               AND state = 'active' AND query LIKE '%pg_sleep(1000)%' AND pid <> pg_backend_pid())",
        )
        .fetch_one(&mut admin)
        .await
        .unwrap();
        sleeping.then_some(())
    })
    .await;
    running.cancel(false).unwrap();
    let done = Done::of(&running).await;
    let evidence = done.evidence(Actor::Sql);
    assert_eq!(evidence.notices, ["Step 1: copied 10 rows"]);
    assert!(evidence.stderr.contains("WARNING:  careful"));
    assert_eq!(evidence.tag.as_deref(), Some("DO"));
    assert!(
        evidence
            .stderr
            .contains("canceling statement due to user request")
    );
}

#[tokio::test]
async fn the_first_error_ends_the_script_and_names_its_line() {
    let database = fresh_database().await;
    let (done, evidence) = run(
        &database,
        "CREATE TABLE kept (id int);\nSELECT * FROM missing;\nCREATE TABLE never (id int);",
    )
    .await;
    assert_eq!(done.record.exit, Some(3));
    assert!(
        evidence
            .stderr
            .contains("psql:<stdin>:2: ERROR:  relation \"missing\" does not exist"),
        "{}",
        evidence.stderr
    );
    assert_eq!(count(&database, "kept").await, 0);
    assert_eq!(
        count(&database, "pg_class WHERE relname = 'never'").await,
        0
    );
}

#[tokio::test]
async fn a_script_in_one_transaction_leaves_nothing_when_it_fails() {
    let database = fresh_database().await;
    let bench = Bench::new();
    let mut kind = sql(
        "CREATE TABLE gone (id int); SELECT 1/0;",
        database.conninfo(),
    );
    if let ActionKind::Sql {
        single_transaction, ..
    } = &mut kind
    {
        *single_transaction = true;
    }
    let done = bench.run(bench.spec(kind)).await;
    assert_eq!(done.record.exit, Some(3));
    assert_eq!(count(&database, "pg_class WHERE relname = 'gone'").await, 0);
}

#[tokio::test]
async fn what_transactions_do_not_allow_works_too() {
    let database = fresh_database().await;
    let (done, _) = run(
        &database,
        "CREATE TABLE t (id int); CREATE INDEX CONCURRENTLY i ON t (id); VACUUM t;
         SELECT 7 AS seven, true AS yes \\gset
         \\if :yes
         \\echo seven is :seven
         \\endif",
    )
    .await;
    assert_eq!(done.record.exit, Some(0), "{:?}", done.lines);
    assert!(done.out().contains(&"seven is 7"));
}

#[tokio::test]
async fn variables_reach_psql_as_they_are_and_secrets_do_not_reach_the_disk() {
    let database = fresh_database().await;
    let bench = Bench::new();
    let odd = "it's \\ `date` :x $HOME\nsecond \"line\"";
    let secret = "top 'secret' \\x `id` $PATH";
    let mut kind = sql(
        "SELECT :'odd' AS odd; SELECT length(:'API_KEY') AS length, :'API_KEY' AS key;",
        database.conninfo(),
    );
    if let ActionKind::Sql {
        variables,
        secret_variables,
        ..
    } = &mut kind
    {
        variables.insert("odd".to_owned(), odd.to_owned());
        secret_variables.push("API_KEY".to_owned());
    }
    let mut spec = bench.spec(kind);
    spec.secrets.insert("API_KEY".to_owned(), secret.to_owned());
    let done = bench.run(spec).await;
    assert_eq!(done.record.exit, Some(0), "{:?}", done.lines);
    let evidence = done.evidence(Actor::Sql);
    assert_eq!(evidence.rows[0]["length"], json!(secret.len()));
    assert_eq!(evidence.rows[0]["key"], json!("‹redacted›"));
    assert!(
        evidence.stdout.contains("it's \\ `date` :x $HOME"),
        "{}",
        evidence.stdout
    );
    for entry in std::fs::read_dir(&done.directory).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!text.contains("top 'secret'"), "{text}");
    }
}

#[tokio::test]
async fn sessions_carry_the_step_and_its_settings_and_a_cancel_reaches_the_server() {
    let database = fresh_database().await;
    let bench = Bench::new();
    let mut kind = sql("SELECT pg_sleep(1000)", database.conninfo());
    if let ActionKind::Sql { settings, .. } = &mut kind {
        settings.insert("statement_timeout".to_owned(), "777s".to_owned());
        settings.insert("search_path".to_owned(), "\"a b\", public".to_owned());
    }
    let running = bench.executor.launch(bench.spec(kind)).await.unwrap();
    let mut watcher = database.connect().await;
    let mut sessions = async || -> Vec<i32> {
        sqlx::query_scalar(
            "SELECT pid FROM pg_stat_activity
             WHERE application_name = 'gonogo:r1:step-1' AND datname = current_database() AND state = 'active'",
        )
        .fetch_all(&mut watcher)
        .await
        .unwrap()
    };
    eventually("the session", async || {
        (sessions().await.len() == 1).then_some(())
    })
    .await;
    running.cancel(false).unwrap();
    let done = Done::of(&running).await;
    assert!(done.record.cancelled);
    assert!(
        done.err().iter().any(|line| line.contains("user request")),
        "{:?}",
        done.lines
    );
    assert_eq!(sessions().await, [0_i32; 0]);

    let mut kind = sql(
        "SHOW statement_timeout; SHOW search_path;",
        database.conninfo(),
    );
    if let ActionKind::Sql { settings, .. } = &mut kind {
        settings.insert("statement_timeout".to_owned(), "777s".to_owned());
        settings.insert("search_path".to_owned(), "\"a b\", public".to_owned());
    }
    let mut spec = bench.spec(kind);
    spec.attempt = 2;
    let done = bench.run(spec).await;
    assert_eq!(
        done.evidence(Actor::Sql).value,
        Some(json!("\"a b\", public"))
    );
    assert!(done.out().iter().any(|line| line.contains("777s")));
}

#[tokio::test]
async fn no_server_no_password_and_no_psql_are_said_and_nothing_hangs() {
    let bench = Bench::new();
    let nowhere = format!("host={} port=1 dbname=x", bench.path().display());
    let done = bench.run(bench.spec(sql("SELECT 1", nowhere))).await;
    assert_eq!(done.record.exit, Some(2));
    assert!(
        done.err().concat().contains("Is the server running"),
        "{:?}",
        done.lines
    );

    let mut spec = bench.spec(sql("SELECT 1", cluster().conninfo("postgres")));
    spec.attempt = 2;
    spec.env
        .insert("PATH".to_owned(), "/nonexistent".to_owned());
    let done = bench.run(spec).await;
    assert_eq!(done.record.exit, None);
    let error = done.record.error.unwrap();
    assert!(
        error.contains("cannot start `psql`") && error.contains("postgresql-client"),
        "{error}"
    );
}
