//! The two doors of a run: its own socket, for the login that owns it, and one that other users of the
//! machine can reach, which exists only while the driver lets somebody in. Behind both, the kernel
//! tells who is on the other end, and nobody keeps a connection open without asking for something.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tower_service::Service;

use super::connections::{Guest, Peer};
use super::server::Server;

/// A client says what it asks for within this time, counted from its connection or from the answer before.
const HEADERS: Duration = Duration::from_secs(10);
/// Bytes on their way to or from a client, beside what the kernel holds.
const BUFFER: usize = 64 << 10;
/// Strangers about whom the system is asked at the same time.
const KNOCKS: usize = 8;
/// What the system says of a user holds for so long.
const KNOWN: Duration = Duration::from_secs(5);

/// How often it is looked whether the socket is still there.
const LOOK: Duration = Duration::from_secs(1);

/// A socket that somebody can come through.
pub(super) struct Door {
    listener: UnixListener,
    path: PathBuf,
    mode: u32,
}

/// Binds a socket with this mode, in place of one that was left behind.
///
/// # Errors
/// Where it cannot be bound or its permissions set.
pub(super) fn open(path: &Path, mode: u32) -> io::Result<Door> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    Ok(Door {
        listener: bind(path, mode)?,
        path: path.to_owned(),
        mode,
    })
}

impl Door {
    async fn accept(&mut self) -> io::Result<UnixStream> {
        loop {
            tokio::select! {
                accepted = self.listener.accept() => return accepted.map(|(stream, _)| stream),
                () = tokio::time::sleep(LOOK) => self.open_again(),
            }
        }
    }

    /// Somebody has removed the socket, with its folder or alone: whoever comes later finds another.
    fn open_again(&mut self) {
        let is_gone = matches!(
            std::fs::symlink_metadata(&self.path),
            Err(error) if error.kind() == io::ErrorKind::NotFound
        );
        if !is_gone || !self.path.parent().is_some_and(Path::is_dir) {
            return;
        }
        match bind(&self.path, self.mode) {
            Ok(listener) => self.listener = listener,
            Err(error) => tracing::warn!(%error, "nobody new can join"),
        }
    }
}

fn bind(path: &Path, mode: u32) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    Ok(listener)
}

/// Serves who comes through a door, until it is shut by dropping this.
pub(super) async fn serve(mut door: Door, server: Server, router: Router) {
    let strangers = Arc::new(Strangers::default());
    loop {
        let stream = match door.accept().await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a client");
                // Out of file descriptors: others must close theirs first.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let uid = match stream.peer_cred() {
            Ok(peer) => peer.uid(),
            Err(error) => {
                tracing::warn!(%error, "a client without credentials");
                continue;
            }
        };
        if uid == rustix::process::getuid().as_raw() || uid == 0 {
            let peer = Peer { uid, guest: None };
            tokio::spawn(converse(stream, peer, server.clone(), router.clone()));
            continue;
        }
        let (strangers, server, router) = (strangers.clone(), server.clone(), router.clone());
        // The system may be slow to say who it is; nobody else waits for that.
        let Ok(knock) = strangers.knocks.clone().try_acquire_owned() else {
            continue;
        };
        tokio::spawn(async move {
            let peer = strangers.peer(uid, &server).await;
            drop(knock);
            if let Some(peer) = peer {
                converse(stream, peer, server, router).await;
            }
        });
    }
}

/// Answers what is asked on a connection, until it ends or is cut.
async fn converse(stream: UnixStream, peer: Peer, server: Server, router: Router) {
    let Some(open) = server.connections.open(peer) else {
        return;
    };
    let connection = open.connection.clone();
    let service = hyper::service::service_fn(|mut request: hyper::Request<_>| {
        request.extensions_mut().insert(connection.clone());
        let request: Request = request.map(axum::body::Body::new);
        let mut router = router.clone();
        async move { router.call(request).await }
    });
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        ended = conversation => if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended");
        },
        () = connection.is_cut() => {}
    }
}

/// What is known of other logins that knock.
struct Strangers {
    knocks: Arc<Semaphore>,
    known: Mutex<HashMap<u32, (Instant, Answer)>>,
}

/// What the system says of a user number; `None`: nothing, or nobody is let in.
type Answer = Option<Arc<Guest>>;

impl Default for Strangers {
    fn default() -> Self {
        Self {
            knocks: Arc::new(Semaphore::new(KNOCKS)),
            known: Mutex::default(),
        }
    }
}

impl Strangers {
    /// Another login, where the driver lets it in.
    async fn peer(&self, uid: u32, server: &Server) -> Option<Peer> {
        let guest = match self.known(uid) {
            Some(guest) => guest,
            None => {
                let anybody = server.lets_anybody_in();
                let guest = guest(uid, anybody).await.map(Arc::new);
                let is_welcome = guest.as_ref().is_some_and(|guest| server.lets_in(guest));
                if !is_welcome {
                    tracing::warn!(uid, "refused a client of another user");
                }
                self.learn(uid, guest.clone());
                guest
            }
        };
        let guest = guest.filter(|guest| server.lets_in(guest))?;
        Some(Peer {
            uid,
            guest: Some(guest),
        })
    }

    fn known(&self, uid: u32) -> Option<Answer> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, guest) = known.get(&uid)?;
        (since.elapsed() < KNOWN).then(|| guest.clone())
    }

    fn learn(&self, uid: u32, guest: Answer) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (since, _)| since.elapsed() < KNOWN);
        known.insert(uid, (Instant::now(), guest));
    }
}

/// What the system calls a user and their groups; nothing is looked up where nobody is let in.
async fn guest(uid: u32, anybody: bool) -> Option<Guest> {
    if !anybody {
        return None;
    }
    let number = uid.to_string();
    let user = id(&["-un", &number]).await?;
    let groups = id(&["-Gn", &number]).await.unwrap_or_default();
    Some(Guest {
        user,
        groups: groups.split_whitespace().map(str::to_owned).collect(),
    })
}

/// `id` knows the users of every source that the machine is set up with, directories included.
async fn id(arguments: &[&str]) -> Option<String> {
    let asked = tokio::process::Command::new("id")
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = match tokio::time::timeout(Duration::from_secs(5), asked).await {
        Ok(Ok(output)) if output.status.success() => output,
        Ok(Ok(_)) => return None,
        Ok(Err(error)) => {
            tracing::warn!(%error, "`id` cannot be asked who a client is");
            return None;
        }
        Err(_) => {
            tracing::warn!("`id` does not say who a client is");
            return None;
        }
    };
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    let is_sound = !text.is_empty() && !text.contains(char::is_control);
    is_sound.then(|| text.to_owned())
}
