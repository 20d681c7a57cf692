//! A throwaway PostgreSQL for the demo and for the tests: its own data directory, a Unix socket,
//! trust authentication, nothing kept. It stops and is removed when it is dropped, and also when
//! this process is killed: a watchdog of a few shell lines waits on a pipe that only we hold open.

mod binaries;
mod place;

use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

pub use binaries::Binaries;
use place::Place;

/// How long the server may take to accept connections, or to stop.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause between two looks at a condition.
const LOOK: Duration = Duration::from_millis(4);

/// What the watchdog runs. `$1` is the data directory, `$2` the directory to remove. It ends at once
/// when it reads `done`: then the server was stopped in order. It waits for the server's own file to
/// go and not for the process, which stays a zombie where nobody reaps orphans; at most 5 s.
const WATCHDOG: &str = r#"
read -r word
[ "$word" = done ] && exit 0
pid=$(head -n 1 "$1/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ]; then
  kill -QUIT "$pid" 2>/dev/null
  looks=0
  while [ -e "$1/postmaster.pid" ] && [ "$looks" -lt 250 ]; do sleep 0.02; looks=$((looks + 1)); done
fi
rm -rf "$2"
"#;

/// What a throwaway server should be like.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Also listen on a free port of 127.0.0.1; without it there is only the Unix socket.
    pub tcp: bool,
    /// Server settings, later ones win over the defaults (`max_connections`, `100`).
    pub settings: Vec<(String, String)>,
    /// Start without `shared_preload_libraries=pg_stat_statements`, to see how its absence is told.
    pub without_pg_stat_statements: bool,
    /// Lines for `pg_hba.conf` that replace the default (trust on the socket and on loopback).
    pub hba: Option<String>,
}

/// Why there is no server, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    #[error(
        "no PostgreSQL server found (looked for `initdb` and `postgres` in {looked}); install it: {install}; \
         or set `GONOGO_PG_BINDIR` to the directory that holds them"
    )]
    Missing {
        looked: String,
        install: &'static str,
    },
    #[error(
        "`{variable}` is `{directory}`, but there is no `{program}` in it; set it to a directory that holds \
         `initdb` and `postgres`, or unset it and install them: {install}"
    )]
    Misdirected {
        variable: &'static str,
        directory: String,
        program: &'static str,
        install: &'static str,
    },
    #[error("no `psql` found beside the server or on the path; install it: {install}")]
    NoPsql { install: &'static str },
    #[error(
        "PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody` to run it as; \
         run as another user, or create one: `useradd --system postgres`"
    )]
    NoUser,
    #[error(
        "no directory for a throwaway server: {reason}; set `TMPDIR` to a directory that every user may enter"
    )]
    Place { reason: String },
    #[error("`{program}` failed: {output}")]
    Program {
        program: &'static str,
        output: String,
    },
    #[error(
        "PostgreSQL did not start ({reason}); the end of its log:\n{log}\nlook for a full disk or exhausted memory in it"
    )]
    NotStarted { reason: String, log: String },
    #[error("PostgreSQL did not stop within {seconds} s")]
    NotStopped { seconds: u64 },
    #[error("cannot {what}: {source}")]
    Io {
        what: String,
        source: std::io::Error,
    },
}

impl ClusterError {
    fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

/// A running throwaway server. Dropping it stops the server and removes its files.
#[derive(Debug)]
pub struct Cluster {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    binaries: Binaries,
    place: Place,
    options: Options,
    port: u16,
    server: Mutex<Option<Child>>,
    watchdog: Mutex<Option<Child>>,
}

impl Cluster {
    /// Starts a server and waits until it accepts connections: about 0.2 s, 0.6 s the first time,
    /// when the template of its data directory is made.
    pub async fn start(options: Options) -> Result<Self, ClusterError> {
        blocking(move || Self::start_blocking(options)).await
    }

    /// As [`Cluster::start`], for a thread that may block.
    pub fn start_blocking(options: Options) -> Result<Self, ClusterError> {
        let binaries = Binaries::find()?;
        let place = Place::create(&binaries)?;
        if let Some(hba) = &options.hba {
            place.write_hba(hba)?;
        }
        let mut inner = Inner {
            binaries,
            place,
            options,
            port: 5432,
            server: Mutex::new(None),
            watchdog: Mutex::new(None),
        };
        *lock(&inner.watchdog) = Some(inner.watch()?);
        // A free port can be taken between the look and the start: look again then.
        let attempts = if inner.options.tcp { 5 } else { 1 };
        for attempt in 1..=attempts {
            if inner.options.tcp {
                inner.port = free_port()?;
            }
            match inner.launch() {
                Ok(()) => break,
                Err(error) if attempt == attempts => return Err(error),
                Err(_) => {}
            }
        }
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Stops the server in order (sessions are ended) and starts it again on the same data.
    pub async fn restart(&self) -> Result<(), ClusterError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            inner.stop(Signal::INT)?;
            inner.launch()
        })
        .await
    }

    /// Ends the server as a crash would; [`Cluster::restart`] brings it back with its data.
    pub async fn stop_immediately(&self) -> Result<(), ClusterError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.stop(Signal::QUIT)).await
    }

    /// libpq keywords for the superuser `postgres` over the Unix socket, without a password.
    pub fn conninfo(&self, database: &str) -> String {
        self.conninfo_as("postgres", database)
    }

    /// libpq keywords for any role.
    pub fn conninfo_as(&self, user: &str, database: &str) -> String {
        format!(
            "host={} port={} user={} dbname={}",
            quoted(&self.socket_directory().to_string_lossy()),
            self.port(),
            quoted(user),
            quoted(database)
        )
    }

    /// The same as a URI, the socket directory as its `host` parameter.
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgresql://postgres@/{}?host={}&port={}",
            escaped(database),
            escaped(&self.socket_directory().to_string_lossy()),
            self.port()
        )
    }

    /// A URI over TCP, where [`Options::tcp`] was asked for.
    pub fn tcp_url(&self, database: &str) -> Option<String> {
        self.inner.options.tcp.then(|| {
            format!(
                "postgresql://postgres@127.0.0.1:{}/{}",
                self.port(),
                escaped(database)
            )
        })
    }

    /// The directory of the Unix socket: libpq's `host`, or `PGHOST`.
    pub fn socket_directory(&self) -> &Path {
        self.inner.place.directory()
    }

    /// The port in the socket's name, and the TCP port where there is one.
    pub fn port(&self) -> u16 {
        self.inner.port
    }

    /// Where the server's programs stand (`pg_dump`, `pg_restore`, …).
    pub fn bin_directory(&self) -> &Path {
        self.inner.binaries.directory()
    }

    /// `psql` of the same installation, or the one on the path.
    pub fn psql_path(&self) -> Result<PathBuf, ClusterError> {
        self.inner.binaries.psql()
    }

    /// The server's process, `None` while it is stopped.
    pub fn server_pid(&self) -> Option<u32> {
        lock(&self.inner.server).as_ref().map(Child::id)
    }

    /// Everything the server has logged so far.
    pub fn log(&self) -> String {
        self.inner.log()
    }
}

impl Inner {
    fn launch(&self) -> Result<(), ClusterError> {
        let mut server = lock(&self.server);
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.place.log())
            .map_err(ClusterError::io("open the server's log"))?;
        let errors = log
            .try_clone()
            .map_err(ClusterError::io("open the server's log"))?;
        let mut command = self.place.command(&self.binaries.postgres());
        command.arg("-D").arg(self.place.data());
        for (name, value) in self.settings() {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(ClusterError::io("start `postgres`"))?;
        let began = Instant::now();
        loop {
            if self.ready() {
                *server = Some(child);
                return Ok(());
            }
            let ended = child
                .try_wait()
                .map_err(ClusterError::io("wait for `postgres`"))?;
            let reason = match ended {
                Some(status) => format!("it ended with {status}"),
                None if began.elapsed() > PATIENCE => {
                    signal(&child, Signal::QUIT);
                    child
                        .wait()
                        .map_err(ClusterError::io("wait for `postgres`"))?;
                    format!("not ready after {} s", PATIENCE.as_secs())
                }
                None => {
                    std::thread::sleep(LOOK);
                    continue;
                }
            };
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let tail = lines[lines.len().saturating_sub(12)..].join("\n");
            return Err(ClusterError::NotStarted { reason, log: tail });
        }
    }

    /// The last line of `postmaster.pid` says `ready` once connections are accepted: what `pg_ctl`
    /// waits for, too.
    fn ready(&self) -> bool {
        std::fs::read_to_string(self.place.data().join("postmaster.pid")).is_ok_and(|text| {
            text.lines()
                .nth(7)
                .is_some_and(|line| line.trim() == "ready")
        })
    }

    fn settings(&self) -> Vec<(String, String)> {
        let listen = if self.options.tcp { "127.0.0.1" } else { "" };
        let socket = self.place.directory().to_string_lossy().into_owned();
        let mut settings: Vec<(String, String)> = [
            ("listen_addresses", listen),
            ("unix_socket_directories", &socket),
            ("port", &self.port.to_string()),
            ("fsync", "off"),
            ("synchronous_commit", "off"),
            ("full_page_writes", "off"),
            ("logging_collector", "off"),
            ("log_destination", "stderr"),
            ("timezone", "UTC"),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        if !self.options.without_pg_stat_statements && self.binaries.has_pg_stat_statements() {
            settings.push((
                "shared_preload_libraries".into(),
                "pg_stat_statements".into(),
            ));
        }
        settings.extend(self.options.settings.iter().cloned());
        settings
    }

    /// Starts the watchdog; the pipe to it is closed by the kernel however this process ends.
    fn watch(&self) -> Result<Child, ClusterError> {
        Command::new("/bin/sh")
            .args(["-c", WATCHDOG, "gonogo-watchdog"])
            .arg(self.place.data())
            .arg(self.place.directory())
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(ClusterError::io("start the server's watchdog"))
    }

    fn stop(&self, how: Signal) -> Result<(), ClusterError> {
        let mut server = lock(&self.server);
        let Some(child) = server.as_mut() else {
            return Ok(());
        };
        let stopped = wait_after(child, how, PATIENCE)
            || wait_after(child, Signal::QUIT, Duration::from_secs(5))
            || wait_after(child, Signal::KILL, Duration::from_secs(5));
        if !stopped {
            return Err(ClusterError::NotStopped {
                seconds: PATIENCE.as_secs() + 10,
            });
        }
        *server = None;
        Ok(())
    }

    fn log(&self) -> String {
        std::fs::read(self.place.log())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Err(error) = self.stop(Signal::INT) {
            // The watchdog then does what we could not.
            tracing::warn!("throwaway PostgreSQL: {error}");
            return;
        }
        if let Err(error) = self.place.remove() {
            tracing::warn!("throwaway PostgreSQL: {error}");
        }
        if let Some(mut watchdog) = lock(&self.watchdog).take() {
            let told = watchdog
                .stdin
                .take()
                .is_some_and(|mut pipe| pipe.write_all(b"done\n").is_ok());
            if let Err(error) = watchdog.wait() {
                tracing::warn!(told, "throwaway PostgreSQL: its watchdog is lost: {error}");
            }
        }
    }
}

async fn blocking<T, F>(work: F) -> Result<T, ClusterError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, ClusterError> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(ClusterError::Io {
            what: "wait for PostgreSQL".to_owned(),
            source: std::io::Error::other(error),
        }),
    }
}

/// A panic elsewhere leaves nothing half done in what we guard: a child is there or not.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn signal(child: &Child, signal: Signal) -> bool {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| kill_process(pid, signal).is_ok())
}

/// Sends a signal and waits until the process has ended; false where it did not.
fn wait_after(child: &mut Child, how: Signal, patience: Duration) -> bool {
    let began = Instant::now();
    // A child that is not reaped yet can always be signalled, so the result adds nothing.
    if !signal(child, how) {
        return matches!(child.try_wait(), Ok(Some(_)));
    }
    loop {
        match child.try_wait() {
            Ok(Some(_)) => return true,
            Ok(None) if began.elapsed() < patience => std::thread::sleep(LOOK),
            Ok(None) | Err(_) => return false,
        }
    }
}

fn free_port() -> Result<u16, ClusterError> {
    std::net::TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(ClusterError::io("find a free port on 127.0.0.1"))
}

/// A value of a libpq keyword string.
fn quoted(value: &str) -> String {
    let plain =
        !value.is_empty() && !value.contains(|c: char| c.is_whitespace() || c == '\'' || c == '\\');
    if plain {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Percent-encodes what a URI may not hold.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                text.push(char::from(byte));
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}
