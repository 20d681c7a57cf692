//! The control program of the sample services (`demo/services` in a demo directory): starts, stops
//! and restarts them for the steps of a guide. It returns once what it was told is true, and what it
//! has started outlives it.

use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;

use super::layout::{Layout, ServiceName, Version};
use super::preflight;

/// How long a service may take to answer, and to end.
const START_PATIENCE: Duration = Duration::from_secs(10);
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// Pause between two looks at a condition.
const LOOK: Duration = Duration::from_millis(15);

/// Arguments of `demo-ctl`.
#[derive(Clone, Debug, clap::Args)]
pub struct ControlArguments {
    /// The demo directory.
    #[arg(long, default_value = ".")]
    pub workspace: PathBuf,
    pub action: Action,
    /// A service of this system, or `all`.
    #[arg(default_value = "all")]
    pub which: String,
    /// Start this version; without it, the one that ran last.
    #[arg(long)]
    pub version: Option<Version>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Action {
    Start,
    Stop,
    Restart,
    /// Is each service running and healthy?
    Status,
    /// Would the version find what it needs? Starts nothing.
    Check,
    /// Lines of level ERROR since each service was last started.
    Errors,
}

/// What went wrong with a service, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error("`{}` is not a demo directory: {source}; go to one, or name it with `--workspace`", directory.display())]
    NoWorkspace {
        directory: PathBuf,
        source: std::io::Error,
    },
    #[error("there is no service `{name}`; there is {}, and `all`", known.join(", "))]
    Unknown { name: String, known: Vec<String> },
    #[error("{service} did not start: {reason}\nthe end of `{}`:\n{tail}", log.display())]
    NotStarted {
        service: ServiceName,
        reason: String,
        log: PathBuf,
        tail: String,
    },
    #[error("{service} already runs in version {running}; restart it to change to {wanted}")]
    OtherVersion {
        service: ServiceName,
        running: String,
        wanted: Version,
    },
    #[error("{service} (pid {pid}) did not stop, not even after SIGKILL")]
    NotStopped { service: ServiceName, pid: i32 },
    #[error("cannot {what}: {source}")]
    Io {
        what: String,
        source: std::io::Error,
    },
    #[error(transparent)]
    Unready(#[from] preflight::Unready),
    #[error("HTTP client cannot be made: {0}")]
    Client(#[from] reqwest::Error),
}

fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> ControlError {
    let what = what.into();
    move |source| ControlError::Io { what, source }
}

/// Carries an action out and prints one line per service. Returns the exit code: 0 when it is as
/// wanted, 1 when it is not.
pub fn main(arguments: &ControlArguments) -> u8 {
    let result = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(io("start the runtime"))
        .and_then(|runtime| runtime.block_on(run(arguments)));
    match result {
        Ok(good) => u8::from(!good),
        Err(error) => {
            eprintln!("services: {error}");
            1
        }
    }
}

async fn run(arguments: &ControlArguments) -> Result<bool, ControlError> {
    let layout =
        Layout::read(&arguments.workspace).map_err(|source| ControlError::NoWorkspace {
            directory: arguments.workspace.clone(),
            source,
        })?;
    let services: Vec<ServiceName> = match arguments.which.as_str() {
        "all" => layout.order.clone(),
        one => layout
            .order
            .iter()
            .copied()
            .filter(|service| service.as_str() == one)
            .collect(),
    };
    if services.is_empty() {
        return Err(ControlError::Unknown {
            name: arguments.which.clone(),
            known: layout.order.iter().map(ToString::to_string).collect(),
        });
    }
    let mut good = true;
    if matches!(arguments.action, Action::Stop | Action::Restart) {
        // Last started, first stopped: nobody calls an engine that is gone.
        for service in services.iter().rev() {
            match stop(&layout, *service)? {
                Some(pid) => println!("{service}: stopped (pid {pid})"),
                None => println!("{service}: was not running"),
            }
        }
    }
    if matches!(arguments.action, Action::Start | Action::Restart) {
        for started in start(&layout, &services, arguments.version).await? {
            println!("{started}");
        }
    }
    if arguments.action == Action::Status {
        let client = client()?;
        for service in &services {
            let (line, running) = status(&client, &layout, *service).await?;
            println!("{line}");
            good &= running;
        }
    }
    if arguments.action == Action::Check {
        let version = arguments.version.unwrap_or(Version::New);
        for service in &services {
            preflight::check(layout.database(*service), *service, version).await?;
            println!("{service}: version {version} finds the database and all it needs in it");
        }
    }
    if arguments.action == Action::Errors {
        for service in &services {
            let errors = errors_since_start(&layout, *service)?;
            good &= errors.is_empty();
            println!(
                "{service}: {} lines of level ERROR since its start",
                errors.len()
            );
            errors.iter().for_each(|line| println!("  {line}"));
        }
    }
    Ok(good)
}

/// Starts services together and waits until each answers. Returns a line for each.
pub async fn start(
    layout: &Layout,
    services: &[ServiceName],
    version: Option<Version>,
) -> Result<Vec<String>, ControlError> {
    let client = client()?;
    let began = Instant::now();
    let mut children = Vec::new();
    for service in services {
        let version = match version {
            Some(version) => version,
            None => last_version(layout, *service),
        };
        if let Some(pid) = running(layout, *service)? {
            let running = health(&client, layout, *service)
                .await
                .map(|health| health.version);
            match running {
                Some(running) if running != version.as_str() => {
                    return Err(ControlError::OtherVersion {
                        service: *service,
                        running,
                        wanted: version,
                    });
                }
                _ => children.push((*service, version, Started::Already(pid))),
            }
        } else {
            children.push((
                *service,
                version,
                Started::Now(spawn(layout, *service, version)?),
            ));
        }
    }
    let mut lines = Vec::new();
    for (service, version, started) in children {
        let (pid, words) = match started {
            Started::Already(pid) => (pid, "is running already"),
            Started::Now(mut child) => {
                wait_for_health(&client, layout, service, version, &mut child, began).await?;
                std::fs::write(layout.version_file(service), version.as_str())
                    .map_err(io("note the version"))?;
                let pid = i32::try_from(child.id()).unwrap_or_default();
                reap(child)?;
                (pid, "started")
            }
        };
        lines.push(format!(
            "{service}: {words}, version {version}, pid {pid}, {}/api/health answers after {:.1} s",
            layout.url(service),
            began.elapsed().as_secs_f64()
        ));
    }
    Ok(lines)
}

/// Sees to it that a service which ends before its starter does not stay behind as a zombie.
fn reap(mut child: Child) -> Result<(), ControlError> {
    std::thread::Builder::new()
        .name("reaper".to_owned())
        .spawn(move || match child.wait() {
            Ok(status) => tracing::debug!("service {} ended with {status}", child.id()),
            Err(error) => tracing::warn!("service {} cannot be waited for: {error}", child.id()),
        })
        .map_err(io("start a thread"))?;
    Ok(())
}

enum Started {
    Already(i32),
    Now(Child),
}

/// Stops a service and waits for its end, which blocks. Returns the pid it had, `None` where it did
/// not run.
pub fn stop(layout: &Layout, service: ServiceName) -> Result<Option<i32>, ControlError> {
    let Some(pid) = running(layout, service)? else {
        return Ok(None);
    };
    for signal in [Signal::TERM, Signal::KILL] {
        if let Some(pid) = Pid::from_raw(pid)
            && let Err(error) = kill_process(pid, signal)
            && error != rustix::io::Errno::SRCH
        {
            return Err(io(format!("signal {service}"))(error.into()));
        }
        let began = Instant::now();
        while began.elapsed() < STOP_PATIENCE {
            if running(layout, service)?.is_none() {
                return Ok(Some(pid));
            }
            std::thread::sleep(LOOK);
        }
    }
    Err(ControlError::NotStopped { service, pid })
}

/// The pid of a service that lives: one that holds the lock on its pid file. Neither a reused pid nor
/// a zombie can pass for it.
pub fn running(layout: &Layout, service: ServiceName) -> Result<Option<i32>, ControlError> {
    let path = layout.pid_file(service);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(format!("open `{}`", path.display()))(error)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => {
            let text =
                std::fs::read_to_string(&path).map_err(io(format!("read `{}`", path.display())))?;
            // Empty for the moment between the lock and the number: a pid that nobody has.
            Ok(Some(text.trim().parse().unwrap_or(i32::MAX)))
        }
        Err(TryLockError::Error(error)) => Err(io(format!("lock `{}`", path.display()))(error)),
    }
}

/// What `/api/health` says.
#[derive(Debug, Deserialize)]
struct Health {
    status: String,
    version: String,
}

async fn health(client: &reqwest::Client, layout: &Layout, service: ServiceName) -> Option<Health> {
    let url = format!("{}/api/health", layout.url(service));
    let answer = client.get(url).send().await.ok()?;
    answer.json().await.ok()
}

async fn wait_for_health(
    client: &reqwest::Client,
    layout: &Layout,
    service: ServiceName,
    version: Version,
    child: &mut Child,
    began: Instant,
) -> Result<(), ControlError> {
    loop {
        let ended = child.try_wait().map_err(io(format!("watch {service}")))?;
        if let Some(status) = ended {
            return Err(not_started(
                layout,
                service,
                format!("it ended with {status}"),
            ));
        }
        if let Some(health) = health(client, layout, service).await
            && health.status == "ok"
            && health.version == version.as_str()
        {
            return Ok(());
        }
        if began.elapsed() > START_PATIENCE {
            // Left alive it would come up later, behind everybody's back.
            stop(layout, service)?;
            let seconds = START_PATIENCE.as_secs();
            return Err(not_started(
                layout,
                service,
                format!("its health endpoint did not answer within {seconds} s"),
            ));
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn not_started(layout: &Layout, service: ServiceName, reason: String) -> ControlError {
    let log = layout.log_file(service);
    let text = std::fs::read_to_string(&log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let tail = lines[lines.len().saturating_sub(5)..].join("\n");
    ControlError::NotStarted {
        service,
        reason,
        log,
        tail,
    }
}

fn errors_since_start(layout: &Layout, service: ServiceName) -> Result<Vec<String>, ControlError> {
    let log = layout.log_file(service);
    let text = std::fs::read_to_string(&log).map_err(io(format!("read `{}`", log.display())))?;
    let mut errors = Vec::new();
    for line in text.lines() {
        if line.contains(" listens on ") {
            errors.clear();
        } else if line.contains(" ERROR ") {
            errors.push(line.to_owned());
        }
    }
    Ok(errors)
}

async fn status(
    client: &reqwest::Client,
    layout: &Layout,
    service: ServiceName,
) -> Result<(String, bool), ControlError> {
    let Some(pid) = running(layout, service)? else {
        return Ok((format!("{service}: stopped"), false));
    };
    let url = layout.url(service);
    Ok(match health(client, layout, service).await {
        Some(health) => (
            format!(
                "{service}: {}, version {}, pid {pid}, {url}",
                health.status, health.version
            ),
            health.status == "ok",
        ),
        None => (
            format!("{service}: runs (pid {pid}), but {url}/api/health does not answer"),
            false,
        ),
    })
}

/// Starts a service as a process that belongs to nobody: it makes a session of its own, and neither
/// its input nor its output holds on to the step that started it.
fn spawn(layout: &Layout, service: ServiceName, version: Version) -> Result<Child, ControlError> {
    let path = layout.log_file(service);
    let log = File::options()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(io(format!("open `{}`", path.display())))?;
    let errors = log
        .try_clone()
        .map_err(io(format!("open `{}`", path.display())))?;
    let token = std::fs::read_to_string(layout.admin_token_file())
        .map_err(io("read the administrators' token"))?;
    let mut command = Command::new(&layout.binary);
    command
        .arg("demo-service")
        .arg(service.as_str())
        .args(["--version", version.as_str()])
        .args(["--port", &layout.port(service).to_string()])
        .args(["--database", layout.database(service)])
        .arg("--pid-file")
        .arg(layout.pid_file(service))
        .arg("--owner-file")
        .arg(layout.owner_file())
        .current_dir(&layout.directory)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors);
    if layout.services.contains_key(&ServiceName::Engine) {
        command.args(["--engine-url", &layout.url(ServiceName::Engine)]);
    }
    let reach = layout.services.get(&service);
    if let Some(name) = reach.and_then(|reach| reach.broken.as_ref()) {
        command.args(["--broken", name]);
    }
    for (name, _) in std::env::vars_os() {
        if is_foreign_variable(&name) {
            command.env_remove(name);
        }
    }
    command
        .env("ADMIN_TOKEN", token.trim())
        .spawn()
        .map_err(io(format!("start `{}`", layout.binary.display())))
}

fn last_version(layout: &Layout, service: ServiceName) -> Version {
    match std::fs::read_to_string(layout.version_file(service)) {
        Ok(text) if text.trim() == Version::New.as_str() => Version::New,
        _ => Version::Old,
    }
}

fn client() -> Result<reqwest::Client, ControlError> {
    crate::tls::install();
    Ok(reqwest::Client::builder()
        .timeout(Duration::from_secs(2))
        .no_proxy()
        .build()?)
}

/// Nothing leads libpq's settings of a step into a service.
fn is_foreign_variable(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with("PG"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(directory: PathBuf) -> Layout {
        Layout {
            directory,
            binary: PathBuf::new(),
            order: vec![ServiceName::Portal],
            services: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn errors_are_those_since_the_last_start_and_an_unreadable_log_has_none_to_count() {
        let directory = tempfile::tempdir().unwrap();
        let layout = layout(directory.path().to_owned());
        let errors = errors_since_start(&layout, ServiceName::Portal);
        assert!(matches!(errors, Err(ControlError::Io { .. })), "{errors:?}");

        let log = layout.log_file(ServiceName::Portal);
        std::fs::create_dir_all(log.parent().unwrap()).unwrap();
        let lines =
            "12:00 ERROR before\n12:01 INFO portal new listens on 127.0.0.1:1\n12:02 ERROR after\n";
        std::fs::write(&log, lines).unwrap();
        let errors = errors_since_start(&layout, ServiceName::Portal).unwrap();
        assert_eq!(errors, ["12:02 ERROR after"]);
    }
}
