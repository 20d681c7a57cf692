//! The sample system is a real target: real processes, real data, and traffic that goes on meanwhile.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use gonogo::demo::control;
use gonogo::demo::layout::{Layout, ServiceName};
use gonogo::demo::workspace::{DATABASE, OWNER, Workspace};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Far more than anything here takes; only a broken system waits for its end.
const PATIENCE: Duration = Duration::from_secs(20);

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_gonogo"))
}

struct Demo {
    workspace: Workspace,
    _directory: tempfile::TempDir,
}

impl Demo {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(directory.path(), program())
            .await
            .unwrap();
        Self {
            workspace,
            _directory: directory,
        }
    }

    fn directory(&self) -> &Path {
        self.workspace.directory()
    }

    fn layout(&self) -> &Layout {
        self.workspace.layout()
    }

    /// A command as a step of the guide is run: in the directory, with libpq's settings of the target.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let cluster = self.workspace.cluster();
        let mut command = Command::new(program);
        command
            .current_dir(self.directory())
            .env("PGHOST", cluster.socket_directory())
            .env("PGPORT", cluster.port().to_string())
            .env("PGUSER", OWNER)
            .env("PGDATABASE", DATABASE)
            .stdin(Stdio::null());
        command
    }

    fn psql(&self) -> Command {
        let mut psql = self.command(self.workspace.cluster().psql_path().unwrap());
        psql.args(["-X", "-v", "ON_ERROR_STOP=1"]);
        psql
    }

    /// Runs a file of the deployment without the pauses that make it worth watching.
    fn sql_file(&self, name: &str) -> Output {
        let file = format!("migrations/{name}.sql");
        self.psql()
            .args(["-v", "pace=0", "-A", "-t", "-f", &file])
            .output()
            .unwrap()
    }

    fn value(&self, sql: &str) -> i64 {
        let output = succeeded(
            self.psql()
                .args(["-A", "-t", "-q", "-c", sql])
                .output()
                .unwrap(),
        );
        let text = String::from_utf8(output.stdout).unwrap();
        text.trim()
            .parse()
            .unwrap_or_else(|_| panic!("not a number: {text}"))
    }

    /// Tables whose rows of before the deployment are not as they were.
    fn differences(&self) -> String {
        let output = succeeded(self.sql_file("compare_with_baseline"));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().last().unwrap().to_owned()
    }

    fn services(&self, arguments: &[&str]) -> Output {
        self.command(self.directory().join("demo/services"))
            .args(arguments)
            .output()
            .unwrap()
    }

    fn token(&self) -> String {
        let token = std::fs::read_to_string(self.layout().admin_token_file()).unwrap();
        token.trim().to_owned()
    }

    async fn health(&self, service: ServiceName) -> Option<(u16, Value)> {
        let url = format!("{}/api/health", self.layout().url(service));
        let answer = client().get(url).send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.json().await.ok()?))
    }

    async fn onboard(&self, company: &str) -> Value {
        let url = format!("{}/api/onboarding", self.layout().url(ServiceName::Gateway));
        let body = serde_json::json!({ "company": company, "domain": "trial.example" });
        let answer = client().post(url).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        answer.json().await.unwrap()
    }

    /// Statements of the services so far.
    fn statements(&self) -> i64 {
        self.value(
            "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE userid = 'rankboard_app'::regrole",
        )
    }
}

fn client() -> reqwest::Client {
    // Another test of this process may have been first.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(5))
        .build()
        .unwrap()
}

fn succeeded(output: Output) -> Output {
    assert!(
        output.status.success(),
        "{}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn errors_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Looks until the condition holds.
fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE, "still not so: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

async fn health_becomes(demo: &Demo, service: ServiceName, status: u16) {
    let began = Instant::now();
    loop {
        if let Some((now, _)) = demo.health(service).await
            && now == status
        {
            return;
        }
        assert!(
            began.elapsed() < PATIENCE,
            "{service} never answers {status}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_serves_and_makes_traffic() {
    let demo = Demo::start().await;
    for service in ServiceName::ALL {
        let (status, body) = demo.health(service).await.unwrap();
        assert_eq!(status, 200);
        assert_eq!(body["service"], service.as_str());
        assert_eq!(body["version"], "old");
        assert_eq!(body["database"], "reachable");
    }
    assert_eq!(
        demo.value("SELECT count(*) FROM ai_queries WHERE id <= 400 * 48"),
        19_200
    );
    assert_eq!(demo.value("SELECT count(*) FROM deployment_baselines"), 0);

    let before = demo.statements();
    eventually("both services write and read", || {
        demo.statements() > before + 100
    });
    eventually("somebody dawdles in a transaction", || {
        demo.value(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND application_name = 'engine'",
        ) > 0
    });
    eventually("something is slow", || {
        demo.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND application_name = 'gateway'")
            > 0
    });
    eventually("every query is written twice", || {
        demo.value("SELECT count(*) FROM ai_queries WHERE id > 400 * 48") > 4
    });
    assert_eq!(
        demo.value(
            "SELECT count(*) FROM ai_queries q JOIN ai_visibility_audits a USING (report_id)
              WHERE a.id > 300 AND NOT EXISTS (SELECT FROM audit_queries t
                                                WHERE t.audit_id = a.id AND t.position = q.position)"
        ),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_need_their_token() {
    let demo = Demo::start().await;
    let companies = format!(
        "{}/api/admin/companies",
        demo.layout().url(ServiceName::Gateway)
    );
    let refresh = format!(
        "{}/api/ai-visibility/regenerate-dashboard",
        demo.layout().url(ServiceName::Engine)
    );
    let client = client();

    let answer = client.get(&companies).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers()["www-authenticate"], "Bearer");
    let answer = client
        .get(&companies)
        .bearer_auth("guessed")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 401);
    let answer = client
        .post(&refresh)
        .json(&serde_json::json!({}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 401);

    let made = demo.onboard("Trial Works").await;
    assert_eq!(made["queries"], 48);
    let answer = client
        .get(&companies)
        .bearer_auth(demo.token())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let body: Value = answer.json().await.unwrap();
    let newest = &body["companies"][0];
    assert_eq!(newest["name"], "Trial Works");
    assert_eq!(newest["query_count"], 48);

    let audit = made["audit_id"].as_i64().unwrap();
    let spoil =
        format!("UPDATE dashboard_data SET total_queries = 0 WHERE audit_id = {audit} RETURNING 1");
    assert_eq!(demo.value(&spoil), 1);
    let answer = client
        .post(&refresh)
        .bearer_auth(demo.token())
        .json(&serde_json::json!({ "company": "Trial Works" }))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let shown = format!("SELECT total_queries FROM dashboard_data WHERE audit_id = {audit}");
    assert_eq!(demo.value(&shown), 48);
}

#[tokio::test(flavor = "multi_thread")]
async fn migrated_verified_and_rolled_back_under_traffic_everything_is_as_before() {
    let demo = Demo::start().await;
    succeeded(demo.sql_file("baseline_single_query_table"));
    let migrated = succeeded(demo.sql_file("007_single_query_table"));
    assert!(errors_of(&migrated).contains("migration completed successfully"));
    assert_eq!(
        demo.differences(),
        "2",
        "responses and report ids have changed"
    );

    let again = demo.sql_file("007_single_query_table");
    assert_eq!(again.status.code(), Some(3));
    assert!(errors_of(&again).contains("migration 007 has already been applied"));

    succeeded(demo.services(&["restart", "all", "--version", "new"]));
    succeeded(
        demo.psql()
            .args(["-c", "SELECT * FROM catch_up_single_query_table()"])
            .output()
            .unwrap(),
    );
    demo.onboard("Trial Works").await;
    let verified = succeeded(demo.sql_file("verify_single_query_table"));
    let text = String::from_utf8(verified.stdout).unwrap();
    assert_eq!(text.lines().last().unwrap(), "overall|0", "{text}");

    // What only the new version has written must not be lost on the way back.
    let new_only = "SELECT count(*) FROM audit_queries t JOIN ai_visibility_audits a ON a.id = t.audit_id
                     WHERE NOT EXISTS (SELECT FROM ai_queries q WHERE q.report_id = a.report_id AND q.position = t.position)";
    assert!(demo.value(new_only) >= 48);

    succeeded(demo.services(&["restart", "all", "--version", "old"]));
    let rolled_back = succeeded(demo.sql_file("rollback_single_query_table"));
    assert!(errors_of(&rolled_back).contains("rollback completed successfully"));
    assert_eq!(demo.differences(), "0");
    assert_eq!(demo.value(new_only), 0);
    assert_eq!(
        demo.value("SELECT count(*) FROM ai_responses WHERE query_id IS NULL"),
        0
    );
    assert_eq!(
        demo.value("SELECT count(*) FROM audit_queries WHERE migrated_from IS NOT NULL"),
        0
    );

    let again = succeeded(demo.sql_file("rollback_single_query_table"));
    assert!(errors_of(&again).contains("nothing has been migrated"));
    succeeded(demo.sql_file("007_single_query_table"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_cancelled_in_the_middle_leaves_nothing() {
    let demo = Demo::start().await;
    succeeded(demo.sql_file("baseline_single_query_table"));
    let mut migration = demo
        .psql()
        .args(["-f", "migrations/007_single_query_table.sql"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut notices = BufReader::new(migration.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("Step 7 of 14") {
        line.clear();
        assert_ne!(
            notices.read_line(&mut line).unwrap(),
            0,
            "the migration ended too early"
        );
    }
    signal(&migration, Signal::INT);
    assert!(!migration.wait().unwrap().success());

    succeeded(demo.services(&["restart", "all", "--version", "old"]));
    let rolled_back = succeeded(demo.sql_file("rollback_single_query_table"));
    assert!(errors_of(&rolled_back).contains("nothing has been migrated"));
    assert_eq!(demo.differences(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_waits_for_a_migration_whose_client_is_gone() {
    let demo = Demo::start().await;
    succeeded(demo.sql_file("baseline_single_query_table"));
    let mut migration = demo
        .psql()
        .args(["-f", "migrations/007_single_query_table.sql"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut notices = BufReader::new(migration.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("Step 7 of 14") {
        line.clear();
        assert_ne!(
            notices.read_line(&mut line).unwrap(),
            0,
            "the migration ended too early"
        );
    }
    signal(&migration, Signal::KILL);
    migration.wait().unwrap();

    let rolled_back = succeeded(demo.sql_file("rollback_single_query_table"));
    assert!(errors_of(&rolled_back).contains("a migration is still running"));
    assert_eq!(
        demo.value("SELECT count(*) FROM schema_migrations WHERE version = '007'"),
        0
    );
    assert_eq!(demo.differences(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dump_leads_back_too_and_says_what_it_loses() {
    let demo = Demo::start().await;
    let programs = demo.workspace.cluster().bin_directory().to_owned();
    let dump = "backups/before_single_query_table.dump";
    succeeded(demo.sql_file("baseline_single_query_table"));
    succeeded(
        demo.command(programs.join("pg_dump"))
            .args(["--format=custom", "--file", dump])
            .output()
            .unwrap(),
    );
    succeeded(demo.sql_file("007_single_query_table"));
    succeeded(demo.services(&["restart", "all", "--version", "new"]));
    demo.onboard("Trial Works").await;

    succeeded(demo.services(&["stop", "all"]));
    let written = "SELECT count(*) FROM audit_queries, deployment_baselines b
                    WHERE b.table_name = 'audit_queries' AND migrated_from IS NULL AND id > b.last_id";
    assert!(demo.value(written) >= 48);
    succeeded(
        demo.command(programs.join("pg_restore"))
            .args([
                "--clean",
                "--if-exists",
                "--single-transaction",
                "--schema=public",
                "--dbname",
                DATABASE,
                dump,
            ])
            .output()
            .unwrap(),
    );
    succeeded(demo.services(&["start", "all", "--version", "old"]));
    assert_eq!(demo.differences(), "0");
    assert_eq!(
        demo.value("SELECT count(*) FROM companies WHERE name = 'Trial Works'"),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn services_are_replaced_stopped_and_told_apart() {
    let demo = Demo::start().await;
    let before = control::running(demo.layout(), ServiceName::Engine)
        .unwrap()
        .unwrap();

    let early = demo.services(&["check", "all", "--version", "new"]);
    assert_eq!(early.status.code(), Some(1));
    assert!(errors_of(&early).contains("needs migration 007"));

    let restarted = succeeded(demo.services(&["restart", "engine", "--version", "new"]));
    let text = String::from_utf8(restarted.stdout).unwrap();
    assert!(
        text.contains(&format!("engine: stopped (pid {before})")),
        "{text}"
    );
    assert!(text.contains("engine: started, version new"), "{text}");
    let (_, body) = demo.health(ServiceName::Engine).await.unwrap();
    assert_eq!(body["version"], "new");
    let (_, body) = demo.health(ServiceName::Gateway).await.unwrap();
    assert_eq!(body["version"], "old");

    let refused = demo.services(&["start", "engine", "--version", "old"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(errors_of(&refused).contains("already runs in version new"));

    succeeded(demo.services(&["stop", "engine"]));
    assert_eq!(
        control::running(demo.layout(), ServiceName::Engine).unwrap(),
        None
    );
    assert!(demo.health(ServiceName::Engine).await.is_none());
    let status = demo.services(&["status"]);
    assert_eq!(status.status.code(), Some(1));
    assert!(
        String::from_utf8(status.stdout)
            .unwrap()
            .contains("engine: stopped")
    );

    // Without a version, the one that ran last.
    succeeded(demo.services(&["start", "all"]));
    let (_, body) = demo.health(ServiceName::Engine).await.unwrap();
    assert_eq!(body["version"], "new");
}

#[tokio::test(flavor = "multi_thread")]
async fn services_survive_a_restart_of_the_database_and_a_renamed_table() {
    let demo = Demo::start().await;
    demo.workspace.cluster().stop_immediately().await.unwrap();
    health_becomes(&demo, ServiceName::Gateway, 503).await;
    health_becomes(&demo, ServiceName::Engine, 503).await;
    demo.workspace.cluster().restart().await.unwrap();
    health_becomes(&demo, ServiceName::Gateway, 200).await;
    health_becomes(&demo, ServiceName::Engine, 200).await;
    let before = demo.statements();
    eventually("traffic goes on", || demo.statements() > before + 50);

    demo.value("ALTER TABLE ai_queries RENAME TO away; SELECT 1");
    let log = demo.layout().log_file(ServiceName::Engine);
    eventually("the engine says what it misses", || {
        std::fs::read_to_string(&log)
            .unwrap()
            .contains("relation \"ai_queries\" does not exist")
    });
    assert_eq!(demo.health(ServiceName::Engine).await.unwrap().0, 200);
    let last = demo.value("ALTER TABLE away RENAME TO ai_queries; SELECT max(id) FROM ai_queries");
    eventually("queries are written again", || {
        demo.value("SELECT max(id) FROM ai_queries") > last
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_named() {
    let demo = Demo::start().await;
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let output = Command::new(program())
        .args([
            "demo-service",
            "engine",
            "--version",
            "old",
            "--port",
            &port.to_string(),
        ])
        .args(["--database", &demo.layout().database])
        .arg("--pid-file")
        .arg(demo.directory().join("other.pid"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains(&format!("port {port} of 127.0.0.1 is in use")),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_has_one_demo_at_a_time() {
    let demo = Demo::start().await;
    let second = Workspace::create(demo.directory(), program()).await;
    let message = second
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    assert!(message.contains("belongs to another demo"), "{message}");
    assert_eq!(demo.health(ServiceName::Gateway).await.unwrap().0, 200);
}

#[test]
fn nothing_outlives_a_keeper_that_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let (keeper, layout) = keep(directory.path());
    assert!(
        control::running(&layout, ServiceName::Gateway)
            .unwrap()
            .is_some()
    );
    signal(&keeper.child, Signal::KILL);
    eventually("the services end", || ended(&layout));
    eventually("the server ends", || !keeper.socket.exists());
}

#[test]
fn a_keeper_that_is_interrupted_ends_everything() {
    let directory = tempfile::tempdir().unwrap();
    let (mut keeper, layout) = keep(directory.path());
    signal(&keeper.child, Signal::INT);
    assert!(keeper.child.wait().unwrap().success());
    assert!(ended(&layout));
    assert!(!keeper.socket.exists());
}

fn ended(layout: &Layout) -> bool {
    ServiceName::ALL
        .iter()
        .all(|service| control::running(layout, *service).unwrap().is_none())
}

struct Keeper {
    child: Child,
    /// The directory of the server's socket.
    socket: PathBuf,
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Starts a keeper and reads where everything is.
fn keep(directory: &Path) -> (Keeper, Layout) {
    let mut child = Command::new(program())
        .arg("demo-host")
        .arg(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut text = String::new();
    let mut buffer = [0u8; 1024];
    let facts: Value = loop {
        let count = output.read(&mut buffer).unwrap();
        assert_ne!(count, 0, "the keeper ended: {text}");
        text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        if let Ok(facts) = serde_json::from_str(&text) {
            break facts;
        }
    };
    let database = facts["database"].as_str().unwrap();
    let socket = database
        .split_whitespace()
        .find_map(|word| word.strip_prefix("host="))
        .unwrap();
    let layout = Layout::read(directory).unwrap();
    let keeper = Keeper {
        child,
        socket: PathBuf::from(socket.trim_matches('\'')),
    };
    (keeper, layout)
}

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}
