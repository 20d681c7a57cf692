//! The supervisor's end: serves the run on its own socket, and on the guests' one while the driver lets
//! another login in.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;

use super::connections::{Connections, Guest, Peer};
use super::doors;
use super::routes::router;
use super::seats::Seats;
use crate::supervisor::{Handle, place};

/// How often it is looked who hangs.
const LOOK: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(super) struct Server {
    pub handle: Handle,
    pub seats: Seats,
    pub connections: Connections,
}

/// Serves the run on its own socket until the process ends; and on the guests' one, while the driver
/// lets another login in.
///
/// # Errors
/// Where the run's own socket cannot be bound or its permissions set.
pub async fn serve(handle: Handle, path: &Path, guests: &Path) -> io::Result<()> {
    // A socket left by a supervisor that died; the run's lock says that none lives.
    let door = doors::open(path, 0o600)?;
    let announcing = handle.clone();
    let server = Server {
        handle,
        seats: Seats::new(move |people| announcing.announce(people)),
        connections: Connections::default(),
    };
    let router = router(server.clone());
    tokio::spawn(look_who_hangs(server.clone()));
    let guests = guests.to_owned();
    tokio::spawn(let_guests_in(server.clone(), router.clone(), guests));
    doors::serve(door, server, router).await;
    Ok(())
}

async fn look_who_hangs(server: Server) {
    loop {
        tokio::time::sleep(LOOK).await;
        server.seats.look();
        server.handle.feed.forget_snapshot();
    }
}

/// Opens the second door as long as somebody may come through it.
async fn let_guests_in(server: Server, router: Router, path: PathBuf) {
    let mut changed = server.handle.feed.watch();
    let mut open: Option<tokio::task::JoinHandle<()>> = None;
    let mut allowed = BTreeSet::new();
    loop {
        let wanted = server.allowed();
        match (&open, !wanted.is_empty()) {
            (None, true) => {
                let door = place::create_guest_folder(&path)
                    // Everybody may knock: who is let in is decided by what the kernel says of them.
                    .and_then(|()| doors::open(&path, 0o666));
                match door {
                    Ok(door) => {
                        let serving = doors::serve(door, server.clone(), router.clone());
                        open = Some(tokio::spawn(serving));
                    }
                    Err(error) => {
                        tracing::error!(%error, path = %path.display(), "nobody else can be let in");
                        tokio::time::sleep(Duration::from_secs(5)).await;
                        continue;
                    }
                }
            }
            (Some(door), false) => {
                door.abort();
                open = None;
                if let Err(error) = std::fs::remove_file(&path) {
                    tracing::debug!(%error, "the guests' socket is gone already");
                }
            }
            _ => {}
        }
        if wanted != allowed {
            server.connections.keep(|peer| server.is_welcome(peer));
            allowed = wanted;
        }
        if changed.changed().await.is_err() {
            return;
        }
    }
}

impl Server {
    fn allowed(&self) -> BTreeSet<String> {
        self.handle.feed.look(|state| state.pairing.allowed.clone())
    }

    pub(super) fn lets_anybody_in(&self) -> bool {
        self.handle
            .feed
            .look(|state| !state.pairing.allowed.is_empty())
    }

    /// Whether the driver lets this user in.
    pub(super) fn lets_in(&self, guest: &Guest) -> bool {
        let feed = &self.handle.feed;
        feed.look(|state| guest.is_allowed(&state.pairing.allowed))
    }

    /// Whether this login may be here (still).
    pub(super) fn is_welcome(&self, peer: &Peer) -> bool {
        peer.guest.as_ref().is_none_or(|guest| self.lets_in(guest))
    }
}
