//! The two doors of a run: its own socket, for the login that owns it, and one that other users of the
//! machine can reach, which exists only while the driver lets somebody in. Behind both, the kernel
//! tells who is on the other end.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use tokio::net::{UnixListener, UnixStream};

use super::people::{Guest, Peer};
use crate::supervisor::Handle;

/// Accepts peers of the run's own login and root, and those whom the driver lets in.
pub(super) struct Door {
    listener: UnixListener,
    handle: Handle,
}

impl Door {
    /// Binds a socket with this mode, in place of one that was left behind.
    ///
    /// # Errors
    /// Where it cannot be bound or its permissions set.
    pub(super) fn open(path: &Path, mode: u32, handle: Handle) -> io::Result<Self> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        Ok(Self { listener, handle })
    }

    async fn peer(&self, stream: &UnixStream) -> Option<Peer> {
        let own = rustix::process::getuid().as_raw();
        let uid = match stream.peer_cred() {
            Ok(peer) => peer.uid(),
            Err(error) => {
                tracing::warn!(%error, "a client without credentials");
                return None;
            }
        };
        if uid == own || uid == 0 {
            return Some(Peer { uid, guest: None });
        }
        let allowed: BTreeSet<String> = self.handle.feed.state().pairing.allowed.clone();
        let guest = guest(uid, !allowed.is_empty()).await;
        match guest.filter(|guest| guest.is_allowed(&allowed)) {
            Some(guest) => Some(Peer {
                uid,
                guest: Some(Arc::new(guest)),
            }),
            None => {
                tracing::warn!(uid, "refused a client of another user");
                None
            }
        }
    }
}

impl axum::serve::Listener for Door {
    type Io = UnixStream;
    type Addr = Peer;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    if let Some(peer) = self.peer(&stream).await {
                        return (stream, peer);
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a client");
                    // Out of file descriptors: others must close theirs first.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(Peer {
            uid: rustix::process::getuid().as_raw(),
            guest: None,
        })
    }
}

impl Connected<IncomingStream<'_, Door>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.remote_addr().clone()
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
