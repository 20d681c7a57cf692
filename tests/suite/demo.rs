//! The sample system is a real target: real processes, real data, and traffic that goes on meanwhile.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use gonogo::demo::control;
use gonogo::demo::layout::{Layout, ServiceName};
use gonogo::demo::workspace::{Plan, Workspace};
use rustix::process::Signal;
use serde_json::Value;

use crate::support::demo::{
    Demo, client, errors_of, eventually, health_becomes, program, signal, succeeded,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_serves_and_makes_traffic() {
    let demo = Demo::start().await;
    for service in demo.layout().order.clone() {
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
        .args(["--database", demo.layout().database(ServiceName::Engine)])
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
    let second = Workspace::create(
        &Plan::of(demo.workspace.system()),
        demo.directory(),
        program(),
    )
    .await;
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
    layout
        .order
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
