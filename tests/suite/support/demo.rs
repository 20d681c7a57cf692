//! A demo of a test's own, and what its steps do.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use gonogo::demo::catalogue;
use gonogo::demo::layout::{Layout, ServiceName};
use gonogo::demo::workspace::{Plan, Workspace};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// The database of `single-table`, and the role that its guide works as.
pub const DATABASE: &str = "rankboard";
const OWNER: &str = "rankboard_owner";

/// Far more than anything here takes; only a broken system waits for its end.
const PATIENCE: Duration = Duration::from_secs(30);

pub fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_gonogo"))
}

pub struct Demo {
    pub workspace: Workspace,
    _directory: tempfile::TempDir,
}

impl Demo {
    /// The first system, as it is.
    pub async fn start() -> Self {
        let system = catalogue::named("single-table").unwrap();
        let directory = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(&Plan::of(system), directory.path(), program())
            .await
            .unwrap();
        Self {
            workspace,
            _directory: directory,
        }
    }

    pub fn directory(&self) -> &Path {
        self.workspace.directory()
    }

    pub fn layout(&self) -> &Layout {
        self.workspace.layout()
    }

    /// A command as a step of the guide is run: in the directory, with libpq's settings of the target.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
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

    pub fn psql(&self) -> Command {
        let mut psql = self.command(self.workspace.cluster().psql_path().unwrap());
        psql.args(["-X", "-v", "ON_ERROR_STOP=1"]);
        psql
    }

    /// Runs a file of the deployment without the pauses that make it worth watching.
    pub fn sql_file(&self, name: &str) -> Output {
        let file = format!("migrations/{name}.sql");
        self.psql()
            .args(["-v", "pace=0", "-A", "-t", "-f", &file])
            .output()
            .unwrap()
    }

    pub fn value(&self, sql: &str) -> i64 {
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
    pub fn differences(&self) -> String {
        let output = succeeded(self.sql_file("compare_with_baseline"));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().last().unwrap().to_owned()
    }

    pub fn services(&self, arguments: &[&str]) -> Output {
        self.command(self.directory().join("demo/services"))
            .args(arguments)
            .output()
            .unwrap()
    }

    pub fn token(&self) -> String {
        let token = std::fs::read_to_string(self.layout().admin_token_file()).unwrap();
        token.trim().to_owned()
    }

    pub async fn health(&self, service: ServiceName) -> Option<(u16, Value)> {
        let url = format!("{}/api/health", self.layout().url(service));
        let answer = client().get(url).send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.json().await.ok()?))
    }

    pub async fn onboard(&self, company: &str) -> Value {
        let url = format!("{}/api/onboarding", self.layout().url(ServiceName::Gateway));
        let body = serde_json::json!({ "company": company, "domain": "trial.example" });
        let answer = client().post(url).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        answer.json().await.unwrap()
    }

    /// Statements of the services so far.
    pub fn statements(&self) -> i64 {
        self.value(
            "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE userid = 'rankboard_app'::regrole",
        )
    }
}

pub fn client() -> reqwest::Client {
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

pub fn succeeded(output: Output) -> Output {
    assert!(
        output.status.success(),
        "{}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

pub fn errors_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Looks until the condition holds.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE, "still not so: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub async fn health_becomes(demo: &Demo, service: ServiceName, status: u16) {
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

pub fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}
