//! Who has joined, under which name, and on whose word: the kernel says which user is on the other end
//! of a connection, and only within the run's own login is a claimed name taken as it is. Whoever joins
//! has a seat: a name that nobody else has, and a pass that its requests show. There is room for so many
//! of each login; the one that has been silent longest makes room, and the driver never.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::answers::Answers;
use super::connections::{Connection, Peer};
use crate::run::{ENGINE, Refusal, guest_name, person, without_login};
use crate::supervisor::{Asker, Person, SharedView};
use crate::text::scrub::scrub_line;

/// A cockpit shows that it lives every few seconds; one that does not for so long hangs.
const SILENCE: Duration = Duration::from_secs(10);
/// A client that takes nothing for so long does not see what is on its screen: at least a heartbeat is
/// to be taken every second.
const BLOCKED: Duration = Duration::from_secs(3);
/// A snapshot is read within this time, where those of all take too much memory.
const SLOW: Duration = Duration::from_secs(2);
const LONGEST_NAME: usize = 64;
const LONGEST_VIEW: usize = 256;

/// Seats of the run's own login and root.
const OWN: usize = 128;
/// Of each other login.
const OF_A_GUEST: usize = 8;
/// Of all other logins together.
const OF_GUESTS: usize = 32;
/// Requests of one seat that are answered at the same time.
const REQUESTS: usize = 16;

/// A client that joined.
pub(super) struct Seat {
    /// Given once.
    pub number: u64,
    pub name: String,
    /// What its requests show; nobody else knows it.
    pub pass: String,
    pub connection: Arc<Connection>,
    pub requests: Semaphore,
    pub commands: Answers,
    pub keys: Answers,
    joined_at: Instant,
    live: Mutex<Live>,
}

struct Live {
    person: Person,
    /// When its cockpit showed last that it lives; `None` of clients that draw nothing.
    shown: Option<Instant>,
    /// When it asked for something last.
    asked: Option<Instant>,
    /// When it had room for more of what it is told.
    took: Instant,
    /// Since when it reads a snapshot.
    reads_snapshot: Option<Instant>,
}

impl Seat {
    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn asker(&self) -> Asker {
        Asker {
            name: self.name.clone(),
            seat: Some(self.number),
        }
    }

    /// It has room for what is told next.
    pub(super) fn takes(&self) {
        self.live().took = Instant::now();
    }

    pub(super) fn reads_snapshot(&self, reads: bool) {
        self.live().reads_snapshot = reads.then(Instant::now);
    }

    pub(super) fn asks(&self) {
        self.live().asked = Some(Instant::now());
    }

    /// What goes first where room is needed: who was never heard of, then who was not for longest.
    fn worth(&self) -> (bool, Instant) {
        let live = self.live();
        let heard = live.shown.max(live.asked);
        (heard.is_some(), heard.unwrap_or(self.joined_at))
    }
}

/// What somebody who comes asks for.
pub(super) struct Wish<'a> {
    pub name: &'a str,
    /// Came to watch only.
    pub observe: bool,
}

/// What of the run decides who may be called what.
pub(super) struct Known<'a> {
    pub driver: &'a str,
    /// Names of other logins, also as older journals write them.
    pub guests: &'a BTreeMap<String, u32>,
}

/// Everybody who is here.
#[derive(Clone)]
pub(super) struct Seats {
    inner: Arc<Mutex<Inner>>,
    announce: Arc<dyn Fn(Vec<Person>) + Send + Sync>,
}

#[derive(Default)]
struct Inner {
    /// By name.
    taken: BTreeMap<String, Arc<Seat>>,
    next: u64,
}

impl Seats {
    /// `announce` hears who is here, whenever that has changed.
    pub(super) fn new(announce: impl Fn(Vec<Person>) + Send + Sync + 'static) -> Self {
        Self {
            inner: Arc::default(),
            announce: Arc::new(announce),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Under the lock, so that of two announcements the later one is the newer.
    fn changed(&self, inner: &Inner) {
        let people = inner.taken.values().map(|seat| seat.live().person.clone());
        (self.announce)(people.collect());
    }

    /// Gives a seat under a name that nobody else has. Another login is called what the system calls it;
    /// who came to watch never has the driver's name.
    ///
    /// # Errors
    /// There is no room.
    pub(super) fn join(
        &self,
        wish: &Wish<'_>,
        connection: &Arc<Connection>,
        known: &Known<'_>,
    ) -> Result<Arc<Seat>, Refusal> {
        let pass = super::random_text()
            .map_err(|error| Refusal::new(format!("no pass can be made: {error}"), "try again"))?;
        let peer = &connection.peer;
        let wanted = match &peer.guest {
            Some(guest) => guest_name(&at_this_machine(&guest.user), peer.uid),
            None => own_name(wish.name, known.guests),
        };
        let mut inner = self.lock();
        inner.make_room(peer, known.driver)?;
        let is_taken =
            |name: &str| inner.taken.contains_key(name) || (wish.observe && name == known.driver);
        let mut name = wanted.clone();
        let mut number = 2;
        while is_taken(&name) {
            name = format!("{wanted} ({number})");
            number += 1;
        }
        inner.next += 1;
        let seat = Arc::new(Seat {
            number: inner.next,
            name: name.clone(),
            pass,
            connection: connection.clone(),
            requests: Semaphore::new(REQUESTS),
            commands: Answers::default(),
            keys: Answers::default(),
            joined_at: Instant::now(),
            live: Mutex::new(Live {
                person: Person {
                    name: name.clone(),
                    since: chrono::Utc::now(),
                    observe: wish.observe,
                    guest: peer.guest.as_ref().map(|_| peer.uid),
                    ..Person::default()
                },
                shown: None,
                asked: None,
                took: Instant::now(),
                reads_snapshot: None,
            }),
        });
        connection.becomes_a_stream();
        inner.taken.insert(name, seat.clone());
        self.changed(&inner);
        Ok(seat)
    }

    pub(super) fn leave(&self, seat: &Seat) {
        let mut inner = self.lock();
        // The name may be another's by now.
        let is_theirs = |known: &Arc<Seat>| known.number == seat.number;
        if inner.taken.get(&seat.name).is_some_and(is_theirs) {
            inner.taken.remove(&seat.name);
            self.changed(&inner);
        }
    }

    /// The seat of this pass, for the login only that joined with it.
    pub(super) fn of(&self, pass: &str, peer: &Peer) -> Option<Arc<Seat>> {
        let inner = self.lock();
        let mut seats = inner.taken.values();
        let seat = seats.find(|seat| seat.pass == pass)?;
        (seat.connection.peer.uid == peer.uid).then(|| seat.clone())
    }

    /// Takes in what a client looks at, and with it that it lives.
    ///
    /// # Errors
    /// It looks at nothing that there is.
    pub(super) fn show(&self, seat: &Seat, view: SharedView) -> Result<(), Refusal> {
        let step = view.step.as_deref().unwrap_or_default();
        if step.len() > LONGEST_VIEW || view.pane.len() > LONGEST_VIEW {
            return Err(Refusal::new(
                "no step or pane has a name that long",
                "say what your screen shows",
            ));
        }
        let inner = self.lock();
        let is_news = {
            let mut live = seat.live();
            live.shown = Some(Instant::now());
            let is_news = live.person.view.as_ref() != Some(&view);
            live.person.view = Some(view);
            is_news
        };
        if is_news {
            self.changed(&inner);
        }
        Ok(())
    }

    /// Whoever came to watch has taken the controls.
    pub(super) fn drives(&self, seat: &Seat) {
        let inner = self.lock();
        if std::mem::take(&mut seat.live().person.observe) {
            self.changed(&inner);
        }
    }

    /// Looks who hangs.
    pub(super) fn look(&self) {
        let inner = self.lock();
        let mut changed = false;
        for seat in inner.taken.values() {
            let mut live = seat.live();
            let is_silent = live.shown.is_some_and(|shown| shown.elapsed() > SILENCE);
            let stale = is_silent || live.took.elapsed() > BLOCKED;
            changed |= stale != live.person.stale;
            live.person.stale = stale;
        }
        if changed {
            self.changed(&inner);
        }
    }

    /// Cuts those who are slow to read the snapshot that they were given.
    pub(super) fn cut_slow_readers(&self, driver: &str) {
        let inner = self.lock();
        let others = inner.taken.values().filter(|seat| seat.name != driver);
        let is_slow = |seat: &&Arc<Seat>| {
            let since = seat.live().reads_snapshot;
            since.is_some_and(|since| since.elapsed() > SLOW)
        };
        others
            .filter(is_slow)
            .for_each(|seat| seat.connection.cut());
    }
}

impl Inner {
    fn make_room(&mut self, peer: &Peer, driver: &str) -> Result<(), Refusal> {
        let of_login = |seat: &&Arc<Seat>| seat.connection.peer.shares_with(peer);
        let of_guests = |seat: &&Arc<Seat>| seat.connection.peer.guest.is_some();
        let seats = || self.taken.values();
        let (share, guests) = match peer.guest {
            None => (OWN, 0),
            Some(_) => (OF_A_GUEST, seats().filter(of_guests).count()),
        };
        if seats().filter(of_login).count() < share && guests < OF_GUESTS {
            return Ok(());
        }
        let others = seats().filter(of_login).filter(|seat| seat.name != driver);
        let Some(least) = others.min_by_key(|seat| seat.worth()).cloned() else {
            return Err(Refusal::new(
                "this run has no room for another login",
                "ask somebody to leave, and join again",
            ));
        };
        tracing::debug!(client = %least.name, "silent for longest: it makes room");
        self.taken.remove(&least.name);
        least.connection.cut();
        Ok(())
    }
}

/// `bert@ops1`: a user at this machine.
fn at_this_machine(user: &str) -> String {
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
fn own_name(claimed: &str, guests: &BTreeMap<String, u32>) -> String {
    let clean = scrubbed(claimed);
    let name = person(clean.trim());
    let (bare, guest) = without_login(name);
    let bare = bare.trim();
    if bare.is_empty() || bare == ENGINE || without_login(bare).1.is_some() {
        return "somebody".to_owned();
    }
    match guest.is_some() || guests.contains_key(name) {
        true => format!("{bare} (own login)"),
        false => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::connections::tests::{alone, guest, own};
    use super::*;
    use crate::run::same_person;

    fn seats() -> Seats {
        Seats::new(|_| {})
    }

    /// A seat for this name, where `driver` drives.
    fn join(seats: &Seats, peer: Peer, name: &str, driver: &str) -> Result<Arc<Seat>, Refusal> {
        let wish = Wish {
            name,
            observe: false,
        };
        let known = Known {
            driver,
            guests: &BTreeMap::new(),
        };
        seats.join(&wish, &alone(peer), &known)
    }

    #[test]
    fn another_login_is_called_what_the_kernel_says_and_nobody_else_is() {
        let seats = seats();
        let bert = join(&seats, guest("bert", 1_001), "anna@ops1", "anna@ops1").unwrap();
        assert!(bert.name.starts_with("bert@"), "{}", bert.name);
        assert!(bert.name.ends_with("(uid 1001)"), "{}", bert.name);
        // Neither their name nor the one without the number is the same person's.
        let bare = without_login(&bert.name).0.to_owned();
        for claimed in [bert.name.clone(), bare, format!("{} (2)", bert.name)] {
            let own = join(&seats, own(), &claimed, "").unwrap();
            assert!(!same_person(&own.name, &bert.name), "{}", own.name);
            assert_eq!(without_login(person(&own.name)).1, None, "{}", own.name);
        }
        let again = join(&seats, guest("bert", 1_001), "", "").unwrap();
        assert!(same_person(&again.name, &bert.name), "{}", again.name);
    }

    #[test]
    fn a_claimed_name_is_scrubbed_and_numbers_are_given_by_the_supervisor() {
        let seats = seats();
        for claimed in ["anna@ops1", "anna@ops1 (2)", "\u{1b}[31manna@ops1"] {
            let seat = join(&seats, own(), claimed, "").unwrap();
            assert_eq!(person(&seat.name), "anna@ops1", "{claimed:?}");
        }
        for claimed in ["gonogo", "", " ", "gonogo (uid 0)", "a (uid 1) (uid 2)"] {
            let seat = join(&seats, own(), claimed, "").unwrap();
            assert_eq!(person(&seat.name), "somebody", "{claimed:?}");
        }
    }

    #[test]
    fn another_login_is_scrubbed_too() {
        let hostile = guest("be\u{202e}rt\u{1b}]0;owned\u{7}\n", 1_002);
        let seat = join(&seats(), hostile, "x", "").unwrap();
        assert!(seat.name.starts_with("bert@"), "{:?}", seat.name);
    }

    #[test]
    fn who_came_to_watch_never_has_the_drivers_name() {
        let seats = seats();
        let wish = |observe| Wish {
            name: "anna@ops1",
            observe,
        };
        let known = Known {
            driver: "anna@ops1",
            guests: &BTreeMap::new(),
        };
        let watches = seats.join(&wish(true), &alone(own()), &known).unwrap();
        assert_eq!(watches.name, "anna@ops1 (2)");
        let drives = seats.join(&wish(false), &alone(own()), &known).unwrap();
        assert_eq!(drives.name, "anna@ops1");
    }

    #[test]
    fn a_pass_is_worth_something_only_for_the_login_that_joined_with_it() {
        let seats = seats();
        let anna = join(&seats, own(), "anna", "").unwrap();
        assert_eq!(seats.of(&anna.pass, &own()).unwrap().number, anna.number);
        assert!(seats.of(&anna.pass, &guest("bert", 1_001)).is_none());
        assert!(seats.of("", &own()).is_none());
        seats.leave(&anna);
        assert!(seats.of(&anna.pass, &own()).is_none());
    }

    #[test]
    fn who_leaves_takes_no_seat_of_a_later_one_of_that_name() {
        let seats = seats();
        let first = join(&seats, own(), "anna", "").unwrap();
        seats.leave(&first);
        let later = join(&seats, own(), "anna", "").unwrap();
        assert_eq!(later.name, "anna");
        seats.leave(&first);
        assert!(seats.of(&later.pass, &own()).is_some());
    }

    #[test]
    fn the_longest_silent_makes_room_and_never_the_driver() {
        let seats = seats();
        let driver = join(&seats, own(), "anna", "anna").unwrap();
        let shows = join(&seats, own(), "carl", "anna").unwrap();
        seats.show(&shows, SharedView::default()).unwrap();
        let silent: Vec<Arc<Seat>> = (2..OWN)
            .map(|number| join(&seats, own(), &format!("s{number}"), "anna").unwrap())
            .collect();
        let is_here = |seat: &Seat| seats.of(&seat.pass, &own()).is_some();
        assert!(silent.iter().all(|seat| is_here(seat)));
        for (number, gone) in silent.iter().enumerate() {
            join(&seats, own(), &format!("n{number}"), "anna").unwrap();
            assert!(!is_here(gone));
        }
        assert!(is_here(&driver) && is_here(&shows));
        assert_eq!(seats.lock().taken.len(), OWN);
    }

    #[test]
    fn guests_have_a_share_of_their_own() {
        let seats = seats();
        let anna = join(&seats, own(), "anna", "").unwrap();
        let first = join(&seats, guest("g", 2_000), "", "").unwrap();
        for _ in 1..OF_A_GUEST {
            join(&seats, guest("g", 2_000), "", "").unwrap();
        }
        join(&seats, guest("g", 2_000), "", "").unwrap();
        assert!(seats.of(&first.pass, &guest("g", 2_000)).is_none());
        for uid in 2_001..2_004 {
            for _ in 0..OF_A_GUEST {
                join(&seats, guest("g", uid), "", "").unwrap();
            }
        }
        assert!(join(&seats, guest("g", 2_004), "", "").is_err());
        assert!(seats.of(&anna.pass, &own()).is_some());
    }

    #[test]
    fn what_is_no_name_of_a_step_is_not_shown_to_the_others() {
        let seats = seats();
        let anna = join(&seats, own(), "anna", "").unwrap();
        let long = SharedView {
            pane: "x".repeat(LONGEST_VIEW + 1),
            ..SharedView::default()
        };
        assert!(seats.show(&anna, long).is_err());
    }
}
