//! How many connections a run has room for. Each login has a share, so that nobody takes the room of
//! another; where a share is full, who came first and does nothing makes room for who comes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// Of the run's own login and root: many cockpits, each with a stream and its requests.
const OWN: usize = 256;
/// Of each other login.
const OF_A_GUEST: usize = 24;
/// Of all other logins together.
const OF_GUESTS: usize = 96;

/// Who is on the other end of a connection.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub uid: u32,
    /// Another login than the run's own, with what the system knows of it.
    pub guest: Option<Arc<Guest>>,
}

#[derive(Debug)]
pub(super) struct Guest {
    pub user: String,
    pub groups: Vec<String>,
}

impl Guest {
    /// Whether the driver has let this user or one of their groups in.
    pub(super) fn is_allowed(&self, allowed: &std::collections::BTreeSet<String>) -> bool {
        allowed.contains(&self.user)
            || self
                .groups
                .iter()
                .any(|group| allowed.contains(&format!("@{group}")))
    }
}

impl Peer {
    /// Whose share it counts to: the owner's and root's are one.
    pub(super) fn shares_with(&self, other: &Self) -> bool {
        match (&self.guest, &other.guest) {
            (None, None) => true,
            (Some(_), Some(_)) => self.uid == other.uid,
            _ => false,
        }
    }
}

#[derive(Debug)]
pub(super) struct Connection {
    pub peer: Peer,
    number: u64,
    cut: CancellationToken,
    /// Requests that are being answered.
    at_work: AtomicUsize,
    /// Somebody joined on it, and hears from it what happens.
    streams: AtomicBool,
}

impl Connection {
    /// Ends it, whatever it is doing.
    pub(super) fn cut(&self) {
        self.cut.cancel();
    }

    pub(super) async fn is_cut(&self) {
        self.cut.cancelled().await;
    }

    pub(super) fn becomes_a_stream(&self) {
        self.streams.store(true, Ordering::Relaxed);
    }

    /// It answers a request as long as this is kept.
    pub(super) fn works(self: &Arc<Self>) -> Work {
        self.at_work.fetch_add(1, Ordering::Relaxed);
        Work(self.clone())
    }

    /// What goes first where room is needed: who does nothing, then who came first. Streams have a
    /// measure of their own.
    fn worth(&self) -> Option<(bool, u64)> {
        let is_busy = self.at_work.load(Ordering::Relaxed) > 0;
        let streams = self.streams.load(Ordering::Relaxed);
        (!streams && !self.cut.is_cancelled()).then_some((is_busy, self.number))
    }
}

/// A request that is being answered.
pub(super) struct Work(Arc<Connection>);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.at_work.fetch_sub(1, Ordering::Relaxed);
    }
}

/// All that are open.
#[derive(Clone, Default)]
pub(super) struct Connections {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    open: BTreeMap<u64, Arc<Connection>>,
    next: u64,
}

/// An open connection; it is none any more when this is dropped.
pub(super) struct Open {
    all: Connections,
    pub connection: Arc<Connection>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.all.lock().open.remove(&self.connection.number);
    }
}

impl Connections {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one more; `None` where all the room is taken by others of that login who are at work.
    pub(super) fn open(&self, peer: Peer) -> Option<Open> {
        let mut inner = self.lock();
        let is_open = |one: &&Arc<Connection>| !one.cut.is_cancelled();
        let of_login = |one: &&Arc<Connection>| one.peer.shares_with(&peer);
        let of_guests = |one: &&Arc<Connection>| one.peer.guest.is_some();
        let open = || inner.open.values().filter(is_open);
        let (share, guests) = match peer.guest {
            None => (OWN, 0),
            Some(_) => (OF_A_GUEST, open().filter(of_guests).count()),
        };
        if open().filter(of_login).count() >= share || guests >= OF_GUESTS {
            let least = open().filter(of_login).min_by_key(|one| {
                let worth = one.worth();
                (worth.is_none(), worth)
            });
            least.filter(|one| one.worth().is_some())?.cut();
        }
        inner.next += 1;
        let connection = Arc::new(Connection {
            peer,
            number: inner.next,
            cut: CancellationToken::new(),
            at_work: AtomicUsize::new(0),
            streams: AtomicBool::new(false),
        });
        inner.open.insert(connection.number, connection.clone());
        Some(Open {
            all: self.clone(),
            connection,
        })
    }

    /// Cuts those whose peer is not (or no longer) welcome.
    pub(super) fn keep(&self, is_welcome: impl Fn(&Peer) -> bool) {
        let inner = self.lock();
        let unwelcome = inner.open.values().filter(|one| !is_welcome(&one.peer));
        unwelcome.for_each(|one| one.cut());
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn own() -> Peer {
        Peer {
            uid: 1_000,
            guest: None,
        }
    }

    pub(crate) fn guest(user: &str, uid: u32) -> Peer {
        Peer {
            uid,
            guest: Some(Arc::new(Guest {
                user: user.to_owned(),
                groups: vec!["dba".to_owned()],
            })),
        }
    }

    /// A connection of this peer, as if there were no others.
    pub(crate) fn alone(peer: Peer) -> Arc<Connection> {
        Connections::default()
            .open(peer)
            .unwrap()
            .connection
            .clone()
    }

    #[test]
    fn who_was_let_in_is_a_user_or_a_member_of_a_group() {
        let bert = guest("bert", 1_001).guest.unwrap();
        let allowed = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        assert!(bert.is_allowed(&allowed(&["bert"])));
        assert!(bert.is_allowed(&allowed(&["@dba"])));
        assert!(!bert.is_allowed(&allowed(&["dba", "@bert"])));
    }

    #[test]
    fn the_first_who_does_nothing_makes_room_and_streams_stay() {
        let all = Connections::default();
        let mut open: Vec<Open> = (0..OWN).map(|_| all.open(own()).unwrap()).collect();
        open[0].connection.becomes_a_stream();
        let work = open[1].connection.works();
        open.push(all.open(own()).unwrap());
        let is_cut = |open: &Open| open.connection.cut.is_cancelled();
        let cut: Vec<usize> = (0..open.len()).filter(|at| is_cut(&open[*at])).collect();
        assert_eq!(cut, [2]);
        drop(work);
        open.push(all.open(own()).unwrap());
        assert!(is_cut(&open[1]), "its request is answered");
        drop(open);
        assert!(all.lock().open.is_empty());
    }

    #[test]
    fn a_guest_takes_no_room_of_another() {
        let all = Connections::default();
        let ours = all.open(own()).unwrap();
        let theirs: Vec<Open> = (0..OF_GUESTS / OF_A_GUEST)
            .flat_map(|number| {
                let uid = 2_000 + u32::try_from(number).unwrap();
                (0..OF_A_GUEST).map(move |_| uid)
            })
            .map(|uid| all.open(guest("g", uid)).unwrap())
            .collect();
        // All guests together have no more room, and whoever comes first of them has none to give.
        assert!(all.open(guest("carl", 3_000)).is_none());
        assert!(all.open(guest("g", 2_000)).is_some());
        assert!(theirs[0].connection.cut.is_cancelled());
        assert!(!theirs[OF_A_GUEST].connection.cut.is_cancelled());
        assert!(!ours.connection.cut.is_cancelled());
    }

    #[test]
    fn who_is_shut_out_is_cut() {
        let all = Connections::default();
        let (ours, theirs) = (all.open(own()).unwrap(), all.open(guest("b", 1)).unwrap());
        all.keep(|peer| peer.guest.is_none());
        assert!(theirs.connection.cut.is_cancelled());
        assert!(!ours.connection.cut.is_cancelled());
    }
}
