//! Who is connected, under which name, and on whose word: the kernel says which user is on the other
//! end of a connection, and only within the run's own login is a claimed name taken as it is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::run::{ENGINE, person};
use crate::supervisor::{Person, SharedView};
use crate::text::scrub::scrub_line;

/// A cockpit shows that it lives every few seconds; one that does not for so long hangs.
const SILENCE: Duration = Duration::from_secs(10);
/// A client that takes nothing for so long does not see what is on its screen.
const BLOCKED: Duration = Duration::from_secs(3);
const LONGEST_NAME: usize = 64;

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

struct Known {
    person: Person,
    uid: u32,
    /// When its cockpit showed last that it lives; `None` of clients that draw nothing.
    shown: Option<Instant>,
    blocked: Option<Instant>,
}

/// Everybody who is connected.
#[derive(Clone, Default)]
pub(super) struct People {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    known: BTreeMap<String, Known>,
    version: u64,
}

/// A numbered state of affairs: a later one holds, whichever arrives first.
pub(super) type Announcement = (u64, Vec<Person>);

impl Inner {
    fn announcement(&mut self) -> Announcement {
        self.version += 1;
        let people = self.known.values().map(|known| known.person.clone());
        (self.version, people.collect())
    }
}

impl People {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a client under a name that nobody else has. Another login is called what the system
    /// calls it; `guests` are names that belong to such logins and are nobody else's to claim.
    pub(super) fn join(
        &self,
        claimed: &str,
        peer: &Peer,
        observe: bool,
        is_guests: impl Fn(&str) -> bool,
    ) -> (String, Announcement) {
        let mut inner = self.lock();
        let wanted = match &peer.guest {
            Some(guest) => guest_name(&guest.user),
            None => own_name(claimed, is_guests),
        };
        let mut name = wanted.clone();
        let mut number = 2;
        while inner.known.contains_key(&name) {
            name = format!("{wanted} ({number})");
            number += 1;
        }
        let known = Known {
            person: Person {
                name: name.clone(),
                since: chrono::Utc::now(),
                observe,
                guest: peer.guest.as_ref().map(|_| peer.uid),
                ..Person::default()
            },
            uid: peer.uid,
            shown: None,
            blocked: None,
        };
        inner.known.insert(name.clone(), known);
        (name, inner.announcement())
    }

    pub(super) fn leave(&self, name: &str) -> Announcement {
        let mut inner = self.lock();
        inner.known.remove(name);
        inner.announcement()
    }

    /// Whether a client of this name is connected from this login: nobody speaks for another login.
    pub(super) fn is(&self, name: &str, peer: &Peer) -> bool {
        self.lock()
            .known
            .get(name)
            .is_some_and(|known| known.uid == peer.uid)
    }

    /// Takes in what a client looks at, and with it that it lives.
    pub(super) fn show(&self, name: &str, view: SharedView) -> Option<Announcement> {
        let mut inner = self.lock();
        let known = inner.known.get_mut(name)?;
        known.shown = Some(Instant::now());
        let is_news = known.person.view.as_ref() != Some(&view) || known.person.stale;
        known.person.observe = view.observe;
        known.person.view = Some(view);
        known.person.stale = false;
        is_news.then(|| inner.announcement())
    }

    /// A client has begun or ceased to hold its stream up.
    pub(super) fn blocked(&self, name: &str, is_blocked: bool) {
        if let Some(known) = self.lock().known.get_mut(name) {
            known.blocked = is_blocked.then(Instant::now);
        }
    }

    /// Looks who has hung; an announcement where that has changed.
    pub(super) fn look(&self) -> Option<Announcement> {
        let mut inner = self.lock();
        let mut changed = false;
        for known in inner.known.values_mut() {
            let is_older = |at: Option<Instant>, than| at.is_some_and(|at| at.elapsed() > than);
            let stale = is_older(known.shown, SILENCE) || is_older(known.blocked, BLOCKED);
            changed |= stale != known.person.stale;
            known.person.stale = stale;
        }
        changed.then(|| inner.announcement())
    }
}

/// `bert@ops1`: the user that the kernel names, at this machine.
fn guest_name(user: &str) -> String {
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let host = host.split('.').next().unwrap_or_default();
    scrubbed(&format!("{user}@{host}"))
}

/// On one line and without what could drive a terminal; neither logins nor hosts are sure to be.
fn scrubbed(name: &str) -> String {
    scrub_line(name, false)
        .chars()
        .filter(|letter| !letter.is_control())
        .take(LONGEST_NAME)
        .collect()
}

/// A name as somebody of the run's own login claims it; never one of another login's, nor the engine's.
fn own_name(claimed: &str, is_guests: impl Fn(&str) -> bool) -> String {
    let clean = scrubbed(claimed);
    let name = person(clean.trim()).to_owned();
    if name.is_empty() || name == ENGINE {
        return "somebody".to_owned();
    }
    match is_guests(&name) {
        true => format!("{name} (own login)"),
        false => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Peer {
        Peer {
            uid: 1_000,
            guest: None,
        }
    }

    fn bert() -> Peer {
        Peer {
            uid: 1_001,
            guest: Some(Arc::new(Guest {
                user: "bert".to_owned(),
                groups: vec!["dba".to_owned()],
            })),
        }
    }

    #[test]
    fn another_login_is_called_what_the_kernel_says() {
        let people = People::default();
        let (name, _) = people.join("anna@ops1", &bert(), false, |_| false);
        assert!(name.starts_with("bert@"), "{name}");
        assert!(!people.is(&name, &own()), "nobody else speaks under it");
        let claimed = name.clone();
        let (name, _) = people.join(&claimed, &own(), false, |known| known == claimed);
        assert!(
            name.ends_with("(own login)"),
            "a guest's name is not the run's own login's to claim: {name}"
        );
    }

    #[test]
    fn a_claimed_name_is_scrubbed_and_numbers_are_given_by_the_supervisor() {
        let people = People::default();
        for claimed in ["anna@ops1", "anna@ops1 (2)", "\u{1b}[31manna@ops1"] {
            let (name, _) = people.join(claimed, &own(), false, |_| false);
            assert_eq!(person(&name), "anna@ops1", "{claimed:?}");
        }
        let (name, _) = people.join("gonogo", &own(), false, |_| false);
        assert_ne!(name, ENGINE);
    }

    #[test]
    fn another_login_is_scrubbed_too() {
        let hostile = Guest {
            user: "be\u{202e}rt\u{1b}]0;owned\u{7}\n".to_owned(),
            groups: Vec::new(),
        };
        let peer = Peer {
            uid: 1_002,
            guest: Some(Arc::new(hostile)),
        };
        let (name, _) = People::default().join("x", &peer, false, |_| false);
        assert!(name.starts_with("bert@"), "{name:?}");
    }

    #[test]
    fn who_was_let_in_is_a_user_or_a_member_of_a_group() {
        let guest = bert().guest.unwrap();
        let allowed = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        assert!(guest.is_allowed(&allowed(&["bert"])));
        assert!(guest.is_allowed(&allowed(&["@dba"])));
        assert!(!guest.is_allowed(&allowed(&["dba", "@bert"])));
    }
}
