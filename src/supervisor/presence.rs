//! Who is there, as far as it decides anything: a driver who is gone is journalled, and one who comes
//! back at another terminal drives again at once.

use std::time::Duration;

use tokio::time::Instant;

use super::core::Supervisor;
use crate::run::{Command, Observation, same_person};

/// A driver is missed after this time only: a client that connects again is no absence.
const GRACE: Duration = Duration::from_secs(2);

/// The same for who has a hand up; a supervisor that was revived waits for them as long.
const HAND_GRACE: Duration = Duration::from_secs(5);

/// A storm of those who come and go is told to everybody at this pace, not one by one.
const TELLING: Duration = Duration::from_millis(200);

impl Supervisor {
    /// Another set of people is connected.
    pub(super) async fn people_changed(&mut self) {
        self.people = self.presence.borrow_and_update().clone();
        self.visited |= !self.people.is_empty();
        self.looked_at = self.clock.up();
        self.note_presence(false).await;
        let told = self.people_told.map(|told| told + TELLING);
        self.people_due = Some(told.unwrap_or_else(Instant::now));
    }

    /// When everybody is to be told who is here; never, while that is so.
    pub(super) async fn people_are_due(due: Option<Instant>) {
        match due {
            Some(due) => tokio::time::sleep_until(due).await,
            None => std::future::pending().await,
        }
    }

    /// Tells everybody who is here, and who of them drives.
    pub(super) fn tell_people(&mut self) {
        (self.people_told, self.people_due) = (Some(Instant::now()), None);
        let mut people = self.people.clone();
        for person in &mut people {
            person.driver = person.name == self.state.driver;
        }
        self.feed.publish_people(people);
    }

    /// A hand goes with the person who raised it.
    pub(super) async fn lower_hands_of_the_gone(&mut self) {
        let is_here = |name: &str| {
            let mut people = self.people.iter();
            people.any(|person| same_person(&person.name, name))
        };
        let hands = self.state.pairing.hands.keys();
        let missed: Vec<String> = hands.filter(|name| !is_here(name)).cloned().collect();
        self.hands_missed.retain(|name, _| missed.contains(name));
        if self.health.failure.is_some() {
            return;
        }
        let now = self.clock.up();
        for name in missed {
            let since = *self.hands_missed.entry(name.clone()).or_insert(now);
            if now.saturating_sub(since) >= HAND_GRACE {
                self.note(Observation::WatcherLeft { name }).await;
            }
        }
    }

    fn driver_is_here(&self) -> bool {
        self.people
            .iter()
            .any(|person| person.name == self.state.driver && !person.stale)
    }

    /// Journals whether the driver is there, where that has changed. `at_once`: somebody wants to
    /// take the controls, so the grace is over.
    pub(super) async fn note_presence(&mut self, at_once: bool) {
        if self.driver_is_here() {
            self.driver_missed = None;
            if self.state.pairing.driver_left.is_some() {
                self.note(Observation::DriverReturned).await;
            }
            return;
        }
        if let Some(name) = self.driver_elsewhere() {
            self.driver_missed = None;
            if let Err(refusal) = self.carry_out(&name, Command::TakeControl {}).await {
                tracing::warn!(reason = %refusal.message, "the driver does not get the controls back");
            }
            return;
        }
        let now = self.clock.up();
        let since = *self.driver_missed.get_or_insert(now);
        let missed = now.saturating_sub(since);
        let is_known = self.state.pairing.driver_left.is_some();
        // A run that is over waits for nobody, and a journal that fails has graver things to hold.
        let is_idle = self.is_ended() || self.health.failure.is_some();
        if !is_known && (at_once || (missed >= GRACE && !is_idle)) {
            let since = self.clock.now() - self.ago(since);
            self.note(Observation::DriverLeft { since }).await;
        }
    }

    /// The same person of the same login at another terminal, who came there to drive.
    fn driver_elsewhere(&self) -> Option<String> {
        let driver = &self.state.driver;
        let login = self.state.pairing.guest(driver);
        self.people
            .iter()
            .filter(|person| !person.observe && !person.stale && person.guest == login)
            .find(|person| same_person(&person.name, driver))
            .map(|person| person.name.clone())
    }

    async fn note(&mut self, observation: Observation) {
        // Boxed: carrying it out may itself ask who is there.
        let noting = Box::pin(self.observed(observation));
        if let Err(refusal) = noting.await {
            tracing::warn!(reason = %refusal.message, "who is there is not recorded");
        }
    }
}
