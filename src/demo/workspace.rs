//! A demo directory: databases with their rows, services under traffic, the files of a deployment, its
//! guide, and the `gonogo.toml` that leads a run to all of them. It lives as long as this value; when
//! the process that holds it is killed, the kernel lets go of its locks and everything ends by itself.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Executor};

use super::cluster::{Cluster, ClusterError, Options};
use super::control::{self, ControlError};
use super::kept::{self, Before, Compared};
use super::layout::{Layout, Reach, Version};
use super::settings;
use super::system::{Break, System};
use crate::api::random_text;
use crate::runbook::shell_quoted;

/// Below the range from which systems lend ports to clients, so that nobody is lent the port of a
/// service that is being restarted.
const PORTS: std::ops::Range<u16> = 20_000..30_000;
/// Run in every database before its own scripts.
const FRAME: &str = include_str!("../../assets/demo/frame.sql");
/// How often other ports are tried when one was taken between the look and the start.
const PORT_ATTEMPTS: u32 = 4;

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Services(#[from] ControlError),
    #[error("the sample database cannot be used: {0}")]
    Database(#[from] sqlx::Error),
    #[error("`{}` belongs to another demo that is still running; choose another directory", .0.display())]
    Occupied(PathBuf),
    #[error("no free port between {} and {} on 127.0.0.1; stop something that listens there", PORTS.start, PORTS.end)]
    NoPort,
    #[error("cannot {what}: {source}")]
    Io {
        what: String,
        source: std::io::Error,
    },
}

fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> WorkspaceError {
    let what = what.into();
    move |source| WorkspaceError::Io { what, source }
}

/// Which system is brought up, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    pub system: &'static System,
    pub broken: Option<&'static Break>,
    /// The windows and waits of the guide are divided by this.
    pub scale: Option<u32>,
}

impl Plan {
    /// A system as it is, in its own time.
    pub fn of(system: &'static System) -> Self {
        Self {
            system,
            broken: None,
            scale: None,
        }
    }
}

/// A running demo. Dropping it, or [`Workspace::stop`], ends the services and the server; the files of
/// the directory stay.
#[derive(Debug)]
pub struct Workspace {
    system: &'static System,
    layout: Layout,
    cluster: Cluster,
    /// The state at the beginning.
    before: Before,
    /// Locked as long as the demo lives: see [`Layout::owner_file`].
    _owner: File,
}

impl Workspace {
    /// Makes a demo in `directory` (created where it is missing) and waits until all services answer
    /// in the old version. `binary` is the program that is run as service: this one, in most cases.
    pub async fn create(
        plan: &Plan,
        directory: &Path,
        binary: &Path,
    ) -> Result<Self, WorkspaceError> {
        for part in ["demo/run", "demo/logs", "demo/secrets", "backups"] {
            make_folder(&directory.join(part))?;
        }
        let directory = directory
            .canonicalize()
            .map_err(io(format!("find `{}`", directory.display())))?;
        let owner = claim(&directory)?;
        // What was committed must survive a server that is killed: a demo may well try that.
        let cluster = Cluster::start(Options {
            settings: vec![("synchronous_commit".to_owned(), "on".to_owned())],
            ..Options::default()
        })
        .await?;
        let mut workspace = Self {
            system: plan.system,
            layout: Layout {
                binary: binary
                    .canonicalize()
                    .map_err(io(format!("find `{}`", binary.display())))?,
                order: plan.system.service_names().collect(),
                services: BTreeMap::new(),
                directory,
            },
            cluster,
            before: Before::new(),
            _owner: owner,
        };
        workspace.choose_ports(plan)?;
        workspace.write_files(plan)?;
        workspace.fill_databases(plan).await?;
        workspace.start_services(plan).await?;
        workspace.before = workspace.state().await?;
        Ok(workspace)
    }

    pub fn directory(&self) -> &Path {
        &self.layout.directory
    }

    /// The guide to walk.
    pub fn guide(&self) -> PathBuf {
        self.layout.directory.join(self.system.guide)
    }

    pub fn system(&self) -> &'static System {
        self.system
    }

    /// libpq keywords of the database that the guide works on first, as its owner.
    pub fn conninfo(&self) -> String {
        let first = self.system.databases.first();
        let database = first.map_or("postgres", |database| database.name);
        self.cluster.conninfo_as(self.system.owner, database)
    }

    /// What was there at the beginning, and what has become of it.
    pub async fn compare(&self) -> Result<Vec<Compared>, WorkspaceError> {
        let now = self.state().await?;
        Ok(kept::compare(self.system, &self.before, now))
    }

    async fn state(&self) -> Result<Before, WorkspaceError> {
        Ok(kept::read(self.system, async |database| self.connect(database).await).await?)
    }

    /// A session of the superuser.
    async fn connect(&self, database: &str) -> Result<PgConnection, sqlx::Error> {
        let options = PgConnectOptions::new_without_pgpass()
            .socket(self.cluster.socket_directory())
            .port(self.cluster.port())
            .username("postgres")
            .database(database);
        PgConnection::connect_with(&options).await
    }

    /// The `gonogo.toml` beside it.
    pub fn config(&self) -> PathBuf {
        self.layout.directory.join("gonogo.toml")
    }

    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Ends the services, then the server. What could not be ended is told.
    pub async fn stop(self) -> Result<(), WorkspaceError> {
        let ended = tokio::task::spawn_blocking(move || self.stop_services()).await;
        match ended {
            Ok(result) => result,
            Err(error) => Err(io("wait for the services")(std::io::Error::other(error))),
        }
    }

    fn stop_services(&self) -> Result<(), WorkspaceError> {
        for service in self.layout.order.iter().rev() {
            control::stop(&self.layout, *service)?;
        }
        Ok(())
    }

    fn write_files(&self, plan: &Plan) -> Result<(), WorkspaceError> {
        for (path, text) in self.system.files {
            if let Some((folder, _)) = path.rsplit_once('/') {
                make_folder(&self.layout.directory.join(folder))?;
            }
            match plan.scale {
                Some(scale) if *path == self.system.guide => {
                    self.write(path, &scaled(text, scale), 0o644)?;
                }
                _ => self.write(path, text, 0o644)?,
            }
        }
        let secret = random_text().map_err(io("draw the administrators' token"))?;
        self.write("demo/secrets/admin_token", &secret, 0o600)?;
        let directory = shell_quoted(&self.layout.directory.to_string_lossy());
        let binary = shell_quoted(&self.layout.binary.to_string_lossy());
        let names: Vec<&str> = self
            .layout
            .order
            .iter()
            .map(|service| service.as_str())
            .collect();
        let script = format!(
            "#!/bin/sh\n# start | stop | restart | status | check | errors, {} | all, --version old | new\n\
             exec {binary} demo-ctl --workspace {directory} \"$@\"\n",
            names.join(" | ")
        );
        self.write("demo/services", &script, 0o755)
    }

    /// What depends on the ports.
    fn write_settings(&self) -> Result<(), WorkspaceError> {
        self.layout.write().map_err(io("write `demo/demo.json`"))?;
        let text = settings::text(self.system, &self.layout, &self.cluster);
        self.write("gonogo.toml", &text, 0o644)
    }

    fn write(&self, path: &str, text: &str, mode: u32) -> Result<(), WorkspaceError> {
        let path = self.layout.directory.join(path);
        File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(io(format!("write `{}`", path.display())))
    }

    async fn fill_databases(&self, plan: &Plan) -> Result<(), WorkspaceError> {
        let system = self.system;
        let mut server = self.connect("postgres").await?;
        server.execute(sqlx::raw_sql(system.roles)).await?;
        for database in system.databases {
            let create = format!("CREATE DATABASE {} OWNER {}", database.name, system.owner);
            server
                .execute(sqlx::raw_sql(sqlx::AssertSqlSafe(create)))
                .await?;
        }
        server.close().await?;
        let frame = FRAME
            .replace(":owner", system.owner)
            .replace(":application", system.application);
        for database in system.databases {
            let mut connection = self.connect(database.name).await?;
            connection
                .execute(sqlx::raw_sql(sqlx::AssertSqlSafe(frame.as_str())))
                .await?;
            let is_broken = database.name == system.broken_database();
            let broken = plan.broken.filter(|_| is_broken).map(|broken| broken.sql);
            for script in database.scripts.iter().copied().chain(broken) {
                connection.execute(sqlx::raw_sql(script)).await?;
            }
            connection.close().await?;
        }
        Ok(())
    }

    /// Gives every service a free port.
    fn choose_ports(&mut self, plan: &Plan) -> Result<(), WorkspaceError> {
        let ports = free_ports(self.system.services.len())?;
        let services = self.system.services.iter().zip(ports);
        self.layout.services = services
            .map(|(service, port)| {
                let database = service_url(&self.cluster, service.database, self.system);
                let is_broken = service.database == self.system.broken_database();
                let broken = plan.broken.filter(|_| is_broken);
                let reach = Reach {
                    port,
                    database,
                    broken: broken.map(|broken| broken.name.to_owned()),
                };
                (service.name, reach)
            })
            .collect();
        Ok(())
    }

    /// Starts all services; where a port was taken meanwhile, with other ports.
    async fn start_services(&mut self, plan: &Plan) -> Result<(), WorkspaceError> {
        for attempt in 1.. {
            self.write_settings()?;
            let started =
                control::start(&self.layout, &self.layout.order, Some(Version::Old)).await;
            match started {
                Ok(_) => break,
                Err(ControlError::NotStarted { tail, .. })
                    if attempt < PORT_ATTEMPTS && tail.contains("is in use") =>
                {
                    self.stop_services()?;
                    self.choose_ports(plan)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        // Whatever is left ends when the lock on the owner file goes, right after this.
        if let Err(error) = self.stop_services() {
            tracing::warn!("demo: {error}");
        }
    }
}

/// Takes the directory for this process, as long as it lives.
fn claim(directory: &Path) -> Result<File, WorkspaceError> {
    let path = directory.join("demo/run/owner");
    let owner = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(io(format!("open `{}`", path.display())))?;
    match owner.try_lock() {
        Ok(()) => Ok(owner),
        Err(std::fs::TryLockError::WouldBlock) => {
            Err(WorkspaceError::Occupied(directory.to_owned()))
        }
        Err(std::fs::TryLockError::Error(source)) => {
            Err(io(format!("lock `{}`", path.display()))(source))
        }
    }
}

/// The database as the services name it. The user stands among the parameters: sqlx takes no URI with
/// a user but without a host.
fn service_url(cluster: &Cluster, database: &str, system: &System) -> String {
    let mut socket = String::new();
    for byte in cluster.socket_directory().to_string_lossy().bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' => {
                socket.push(char::from(byte));
            }
            other => socket.push_str(&format!("%{other:02X}")),
        }
    }
    format!(
        "postgresql:///{database}?host={socket}&port={}&user={}",
        cluster.port(),
        system.application
    )
}

/// Ports of 127.0.0.1 that nobody listens on, from a start that differs between processes.
fn free_ports(count: usize) -> Result<Vec<u16>, WorkspaceError> {
    let nanoseconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map(|time| time.subsec_nanos())
        .unwrap_or_default();
    let size = u32::from(PORTS.end - PORTS.start);
    let start = nanoseconds.wrapping_add(std::process::id().wrapping_mul(7_919)) % size;
    let free = (0..size).filter_map(|step| {
        let offset = u16::try_from((start + step) % size).ok()?;
        let port = PORTS.start + offset;
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
        Some(port)
    });
    let ports: Vec<u16> = free.take(count).collect();
    match ports.len() == count {
        true => Ok(ports),
        false => Err(WorkspaceError::NoPort),
    }
}

/// A guide whose front matter says that its windows are shorter than it writes them.
fn scaled(guide: &str, scale: u32) -> String {
    guide.replacen(
        "\ngonogo:\n",
        &format!("\ngonogo:\n  scale: 1/{scale}\n"),
        1,
    )
}

fn make_folder(folder: &Path) -> Result<(), WorkspaceError> {
    std::fs::create_dir_all(folder).map_err(io(format!("make `{}`", folder.display())))
}
