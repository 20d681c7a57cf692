//! One service of the sample system as a process of its own: the hidden subcommand `demo-service`.
//! It leaves the session of whoever started it, says on its standard output what it does, and ends on
//! SIGTERM or when the owner of the demo directory is gone.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::catalogue::system_of;
use super::layout::{ServiceName, Version};
use super::web::App;

/// How long requests under way may take once the service has been told to stop.
const GRACE: Duration = Duration::from_secs(2);
/// How long its connections may take to be closed in order.
const CLOSING: Duration = Duration::from_millis(500);
/// How long a lock on the pid file may be someone's look at it.
const CLAIM_PATIENCE: Duration = Duration::from_millis(200);

/// Arguments of `demo-service`. The administrators' token comes in the environment variable
/// `ADMIN_TOKEN`, since everybody may read a process's arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct ServiceArguments {
    pub service: ServiceName,
    #[arg(long)]
    pub version: Version,
    /// Port on the loopback interface.
    #[arg(long)]
    pub port: u16,
    /// URI of the database.
    #[arg(long)]
    pub database: String,
    /// Locked as long as the service lives; holds its pid.
    #[arg(long)]
    pub pid_file: PathBuf,
    /// End when nobody holds a lock on this file any more.
    #[arg(long)]
    pub owner_file: Option<PathBuf>,
    /// Where the gateway reaches the engine.
    #[arg(long, default_value = "http://127.0.0.1:8001")]
    pub engine_url: String,
    /// The way in which the system is broken.
    #[arg(long)]
    pub broken: Option<String>,
    /// Make no traffic of its own.
    #[arg(long)]
    pub quiet: bool,
}

/// Why a service does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error(
        "port {port} of 127.0.0.1 is in use; stop what listens there (`ss -ltnp 'sport = :{port}'`) or choose another"
    )]
    PortInUse { port: u16 },
    #[error("{service} already runs with pid file `{}`; stop it first", file.display())]
    AlreadyRuns { service: ServiceName, file: PathBuf },
    #[error("database URI cannot be used: {0}; it reads postgresql://USER@HOST:PORT/DATABASE")]
    Database(sqlx::Error),
    #[error("HTTP client cannot be made: {0}")]
    Client(#[from] reqwest::Error),
    #[error("cannot {what}: {source}")]
    Io {
        what: String,
        source: std::io::Error,
    },
}

fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> ServiceError {
    let what = what.into();
    move |source| ServiceError::Io { what, source }
}

/// Runs a service until it is told to stop. Returns the exit code.
pub fn main(arguments: ServiceArguments) -> u8 {
    // Fails only where the process leads a session already, which is as good.
    if let Err(error) = rustix::process::setsid() {
        tracing::debug!("no session of its own: {error}");
    }
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_target(false)
        .with_max_level(tracing::Level::INFO)
        .finish();
    let result = tracing::subscriber::with_default(subscriber, || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(io("start the runtime"))
            .and_then(|runtime| {
                let result = runtime.block_on(serve(&arguments));
                // A look-up of a name or a file may hang; nobody waits for it.
                runtime.shutdown_background();
                result
            })
            .inspect_err(|error| tracing::error!("{error}"))
    });
    match result {
        Ok(()) => 0,
        Err(_) => 1,
    }
}

async fn serve(arguments: &ServiceArguments) -> Result<(), ServiceError> {
    let service = arguments.service;
    let version = arguments.version;
    let _alive = claim(service, &arguments.pid_file)?;
    let stop = stop_signal(arguments.owner_file.as_deref())?;

    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    let listener = TcpListener::bind(address).await.map_err(|source| {
        if source.kind() == std::io::ErrorKind::AddrInUse {
            ServiceError::PortInUse {
                port: arguments.port,
            }
        } else {
            io(format!("listen on {address}"))(source)
        }
    })?;

    let options = arguments
        .database
        .parse::<PgConnectOptions>()
        .map_err(ServiceError::Database)?
        .application_name(service.as_str())
        .disable_statement_logging();
    let pool = PgPoolOptions::new()
        .max_connections(4)
        .acquire_timeout(Duration::from_secs(3))
        .connect_lazy_with(options.clone());
    let app = App {
        service,
        version,
        pool: pool.clone(),
        admin_token: std::env::var("ADMIN_TOKEN")
            .ok()
            .filter(|token| !token.is_empty())
            .map(Arc::from),
        engine_url: arguments.engine_url.as_str().into(),
        client: client()?,
        started: Instant::now(),
        own_url: format!("http://127.0.0.1:{}", arguments.port).into(),
        broken: arguments.broken.as_deref().map(Arc::from),
        watched: Arc::default(),
    };
    tokio::select! {
        () = register(&app) => {}
        () = stop.cancelled() => return Ok(()),
    }
    tracing::info!(
        "{service} {version} listens on {}",
        listener.local_addr().unwrap_or(address)
    );

    let system = system_of(service);
    let work = (!arguments.quiet).then(|| (system.traffic)(app.clone(), options, stop.clone()));
    let work = work.map(tokio::spawn);
    let router = (system.router)(app);
    let server =
        axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::select! {
        served = async { server.await } => served.map_err(io("serve"))?,
        () = async { stop.cancelled().await; tokio::time::sleep(GRACE).await } => {
            tracing::warn!("requests were still under way after {} s", GRACE.as_secs());
        }
    }
    if let Some(work) = work
        && let Err(error) = work.await
    {
        tracing::error!("traffic ended by itself: {error}");
    }
    if tokio::time::timeout(CLOSING, pool.close()).await.is_err() {
        tracing::warn!("connections were still in use; the server will find them gone");
    }
    tracing::info!("{service} {version} stopped");
    Ok(())
}

/// Locks the pid file, so that nobody has to guess from a number whether a service still lives, and
/// writes the pid into it. The lock goes with the process, however that ends.
fn claim(service: ServiceName, pid_file: &Path) -> Result<File, ServiceError> {
    let name = pid_file.display().to_string();
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(pid_file)
        .map_err(io(format!("open `{name}`")))?;
    // Whoever asks whether the service runs holds the lock for an instant.
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if began.elapsed() < CLAIM_PATIENCE => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(ServiceError::AlreadyRuns {
                    service,
                    file: pid_file.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => {
                return Err(io(format!("lock `{name}`"))(source));
            }
        }
    }
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(io(format!("write `{name}`")))?;
    Ok(file)
}

/// Cancelled by SIGTERM, by SIGINT, and when the owner of the demo directory is gone.
fn stop_signal(owner_file: Option<&Path>) -> Result<CancellationToken, ServiceError> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).map_err(io("wait for SIGTERM"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(io("wait for SIGINT"))?;
    let token = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("told to stop");
        token.cancel();
    });
    if let Some(owner_file) = owner_file {
        let file =
            File::open(owner_file).map_err(io(format!("open `{}`", owner_file.display())))?;
        let token = stop.clone();
        // The kernel wakes this thread when the owner's lock goes, and it goes with the owner.
        std::thread::Builder::new()
            .name("owner".to_owned())
            .spawn(move || {
                if file.lock_shared().is_ok() {
                    token.cancel();
                }
            })
            .map_err(io("start a thread"))?;
    }
    Ok(stop)
}

fn client() -> Result<reqwest::Client, ServiceError> {
    crate::tls::install();
    Ok(reqwest::Client::builder()
        .timeout(Duration::from_secs(10))
        .no_proxy()
        .build()?)
}

/// Says in the database which version runs, and waits for the database to be there.
async fn register(app: &App) {
    let pid = i32::try_from(std::process::id()).unwrap_or_default();
    loop {
        let written = sqlx::query(
            "INSERT INTO service_instances (service, version, pid, started_at) VALUES ($1, $2, $3, clock_timestamp())
             ON CONFLICT (service) DO UPDATE
                SET version = excluded.version, pid = excluded.pid, started_at = excluded.started_at",
        )
        .bind(app.service.as_str())
        .bind(app.version.as_str())
        .bind(pid)
        .execute(&app.pool)
        .await;
        match written {
            Ok(_) => return,
            Err(error) => {
                tracing::warn!("cannot reach the database: {error}; trying again");
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        }
    }
}
