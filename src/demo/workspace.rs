//! A demo directory: a database with its rows, two services under traffic, the migration's SQL, the
//! guide, and the `gonogo.toml` that leads a run to all of them. It lives as long as this value; when
//! the process that holds it is killed, the kernel lets go of its locks and everything ends by itself.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Executor};

use super::cluster::{Cluster, ClusterError, Options};
use super::control::{self, ControlError};
use super::layout::{Layout, ServiceName, Version};

/// The database of the sample system.
pub const DATABASE: &str = "rankboard";
/// Owns the database: the role that the guide works as.
pub const OWNER: &str = "rankboard_owner";
/// The role of the services.
const APPLICATION: &str = "rankboard_app";

const GUIDE: &str = "single-table-migration.md";

/// The files of a demo directory that are the same in each, by their path in it.
const FILES: [(&str, &str); 6] = [
    (
        GUIDE,
        include_str!("../../runbooks/single-table-migration.md"),
    ),
    (
        "migrations/007_single_query_table.sql",
        include_str!("../../assets/demo/migrations/007_single_query_table.sql"),
    ),
    (
        "migrations/verify_single_query_table.sql",
        include_str!("../../assets/demo/migrations/verify_single_query_table.sql"),
    ),
    (
        "migrations/rollback_single_query_table.sql",
        include_str!("../../assets/demo/migrations/rollback_single_query_table.sql"),
    ),
    (
        "migrations/baseline_single_query_table.sql",
        include_str!("../../assets/demo/migrations/baseline_single_query_table.sql"),
    ),
    (
        "migrations/compare_with_baseline.sql",
        include_str!("../../assets/demo/migrations/compare_with_baseline.sql"),
    ),
];

const ROLES: &str = include_str!("../../assets/demo/roles.sql");
const SCHEMA: &str = include_str!("../../assets/demo/schema.sql");
const DATA: &str = include_str!("../../assets/demo/data.sql");

/// Below the range from which systems lend ports to clients, so that nobody is lent the port of a
/// service that is being restarted.
const PORTS: std::ops::Range<u16> = 20_000..30_000;
/// How often other ports are tried when one was taken between the look and the start.
const PORT_ATTEMPTS: u32 = 4;

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Services(#[from] ControlError),
    #[error("the sample database could not be made: {0}")]
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

/// A running demo. Dropping it, or [`Workspace::stop`], ends the services and the server; the files of
/// the directory stay.
#[derive(Debug)]
pub struct Workspace {
    layout: Layout,
    cluster: Cluster,
    /// Locked as long as the demo lives: see [`Layout::owner_file`].
    _owner: File,
}

impl Workspace {
    /// Makes a demo in `directory` (created where it is missing) and waits until both services answer
    /// in the old version. `binary` is the program that is run as service: this one, in most cases.
    pub async fn create(directory: &Path, binary: &Path) -> Result<Self, WorkspaceError> {
        for part in [
            "demo/run",
            "demo/logs",
            "demo/secrets",
            "migrations",
            "backups",
        ] {
            std::fs::create_dir_all(directory.join(part))
                .map_err(io(format!("make `{}`", directory.join(part).display())))?;
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
        let (gateway_port, engine_port) = free_ports()?;
        let mut workspace = Self {
            layout: Layout {
                binary: binary
                    .canonicalize()
                    .map_err(io(format!("find `{}`", binary.display())))?,
                database: service_url(&cluster),
                gateway_port,
                engine_port,
                directory,
            },
            cluster,
            _owner: owner,
        };
        workspace.write_files()?;
        workspace.fill_database().await?;
        workspace.start_services().await?;
        Ok(workspace)
    }

    pub fn directory(&self) -> &Path {
        &self.layout.directory
    }

    /// The guide to walk.
    pub fn guide(&self) -> PathBuf {
        self.layout.directory.join(GUIDE)
    }

    /// The `gonogo.toml` beside it, with the one environment `demo`.
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
        for service in ServiceName::ALL.iter().rev() {
            control::stop(&self.layout, *service)?;
        }
        Ok(())
    }

    fn write_files(&self) -> Result<(), WorkspaceError> {
        for (path, text) in FILES {
            self.write(path, text, 0o644)?;
        }
        self.write("demo/secrets/admin_token", &secret()?, 0o600)?;
        let directory = quoted(&self.layout.directory.to_string_lossy());
        let binary = quoted(&self.layout.binary.to_string_lossy());
        let script = format!(
            "#!/bin/sh\n# start | stop | restart | status, gateway | engine | all, --version old | new\n\
             exec {binary} demo-ctl --workspace {directory} \"$@\"\n"
        );
        self.write("demo/services", &script, 0o755)
    }

    /// What depends on the ports.
    fn write_settings(&self) -> Result<(), WorkspaceError> {
        self.layout.write().map_err(io("write `demo/demo.json`"))?;
        self.write("gonogo.toml", &self.settings(), 0o644)
    }

    fn settings(&self) -> String {
        let mut settings = String::from(
            "# Where the demo's guide runs. A guide of your own has such a file beside it or above it.\n\n\
             default_environment = \"demo\"\n\n",
        );
        let mut table = |title: &str, pairs: &[(&str, String)]| {
            settings.push_str(&format!("[{title}]\n"));
            for (key, value) in pairs {
                settings.push_str(&format!("{key} = {value}\n"));
            }
            settings.push('\n');
        };
        let text = |text: &str| toml::Value::String(text.to_owned()).to_string();
        table(
            "environments.demo",
            &[
                ("protected", "false".to_owned()),
                ("directory", text(&self.layout.directory.to_string_lossy())),
                ("window", text("60m")),
            ],
        );
        table(
            "environments.demo.targets.main",
            &[("postgres", text(&self.cluster.conninfo_as(OWNER, DATABASE)))],
        );
        for service in ServiceName::ALL.iter().rev() {
            table(
                &format!("environments.demo.probes.{service}"),
                &[
                    (
                        "url",
                        text(&format!("{}/api/health", self.layout.url(*service))),
                    ),
                    ("every", text("1s")),
                    ("timeout", text("2s")),
                ],
            );
        }
        let mut values = vec![
            ("GATEWAY_PORT", text(&self.layout.gateway_port.to_string())),
            ("ENGINE_PORT", text(&self.layout.engine_port.to_string())),
        ];
        if let Some(path) = self.search_path() {
            values.push(("PATH", text(&path)));
        }
        table("environments.demo.values", &values);
        let token = text(&self.layout.admin_token_file().to_string_lossy());
        table(
            "environments.demo.secrets",
            &[("ADMIN_TOKEN", format!("{{ file = {token} }}"))],
        );
        settings
    }

    /// A search path that leads to `psql`, `pg_dump` and `pg_restore`; `None` where the usual one does.
    fn search_path(&self) -> Option<String> {
        let usual = std::env::var_os("PATH").unwrap_or_default();
        let found = ["psql", "pg_dump", "pg_restore", "createdb", "dropdb"]
            .iter()
            .all(|program| {
                std::env::split_paths(&usual).any(|directory| directory.join(program).is_file())
            });
        (!found).then(|| {
            format!(
                "{}:{}",
                self.cluster.bin_directory().display(),
                usual.to_string_lossy()
            )
        })
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

    async fn fill_database(&self) -> Result<(), WorkspaceError> {
        let options = PgConnectOptions::new_without_pgpass()
            .socket(self.cluster.socket_directory())
            .port(self.cluster.port())
            .username("postgres");
        let mut server = PgConnection::connect_with(&options.clone().database("postgres")).await?;
        server.execute(sqlx::raw_sql(ROLES)).await?;
        server
            .execute(sqlx::raw_sql(
                "CREATE DATABASE rankboard OWNER rankboard_owner",
            ))
            .await?;
        server.close().await?;
        let mut database = PgConnection::connect_with(&options.database(DATABASE)).await?;
        database.execute(sqlx::raw_sql(SCHEMA)).await?;
        database.execute(sqlx::raw_sql(DATA)).await?;
        database.close().await?;
        Ok(())
    }

    /// Starts both services; where a port was taken meanwhile, with other ports.
    async fn start_services(&mut self) -> Result<(), WorkspaceError> {
        for attempt in 1.. {
            self.write_settings()?;
            let started = control::start(&self.layout, &ServiceName::ALL, Some(Version::Old)).await;
            match started {
                Ok(_) => break,
                Err(ControlError::NotStarted { tail, .. })
                    if attempt < PORT_ATTEMPTS && tail.contains("is in use") =>
                {
                    self.stop_services()?;
                    (self.layout.gateway_port, self.layout.engine_port) = free_ports()?;
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
fn service_url(cluster: &Cluster) -> String {
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
        "postgresql:///{DATABASE}?host={socket}&port={}&user={APPLICATION}",
        cluster.port()
    )
}

/// Two ports of 127.0.0.1 that nobody listens on, from a start that differs between processes.
fn free_ports() -> Result<(u16, u16), WorkspaceError> {
    let nanoseconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map(|time| time.subsec_nanos())
        .unwrap_or_default();
    let size = u32::from(PORTS.end - PORTS.start);
    let start = nanoseconds.wrapping_add(std::process::id().wrapping_mul(7_919)) % size;
    let mut free = (0..size).filter_map(|step| {
        let offset = u16::try_from((start + step) % size).ok()?;
        let port = PORTS.start + offset;
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
        Some(port)
    });
    match (free.next(), free.next()) {
        (Some(first), Some(second)) => Ok((first, second)),
        _ => Err(WorkspaceError::NoPort),
    }
}

/// 32 random hexadecimal digits.
fn secret() -> Result<String, WorkspaceError> {
    let mut bytes = [0u8; 16];
    File::open("/dev/urandom")
        .and_then(|mut random| random.read_exact(&mut bytes))
        .map_err(io("read `/dev/urandom`"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A word for the shell, whatever it holds.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
