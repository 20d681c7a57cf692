//! What people and the world ask of the run. What has to be looked up for it is looked up beside the
//! loop; then it is decided, made durable, and done.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::oneshot;

use super::core::Supervisor;
use super::facts::{Found, Needs, look_at_files};
use super::handle::{Input, Request};
use super::included;
use super::secrets::Secrets;
use super::watching::lock_record;
use crate::run::{
    ActionId, Command, ENGINE, Event, FilesNow, Included, Observation, PairingAct, Refusal,
    advance, awaits_look, decide, observe,
};

/// More steps than this without a person means a loop; the run is left as it is.
const LONGEST_ADVANCE: usize = 1_000;
/// Before a command of a rollback starts, its files are looked at no longer than this.
const IN_TURN: Duration = Duration::from_secs(3);
/// Who is shown files waits no longer for one that hangs.
const TO_SHOW: Duration = Duration::from_millis(500);

impl Supervisor {
    /// Looks up what has to be known first; what needs nothing is decided at once.
    pub(super) async fn asked(&mut self, request: Request) {
        let needs = Needs::of(&self.state, &request.command);
        if needs.are_none() {
            return self.decided(request, Found::default()).await;
        }
        let (looks, monitor, secrets) = (
            self.looks.clone(),
            self.monitor.clone(),
            self.secrets.clone(),
        );
        let sender = self.sender.clone();
        tokio::spawn(async move {
            let found = needs.look_up(&looks, &monitor, &secrets).await;
            let input = Input::Found(request, Box::new(found));
            if sender.send(input).await.is_err() {
                tracing::debug!("looked up, but the supervisor is ending");
            }
        });
    }

    /// Decides a request by what was found, and answers it.
    pub(super) async fn decided(&mut self, request: Request, found: Found) {
        if takes_over(&request.command) {
            self.note_presence(true).await;
        }
        for news in found.locks {
            Box::pin(self.lock_seen(news)).await;
        }
        for news in found.identities {
            Box::pin(self.identified(news)).await;
        }
        self.facts.files.extend(found.files);
        self.facts.directory = found.directory;
        self.facts.guards = found.guards;
        self.facts.bad_input = found
            .bad_input
            .or_else(|| self.secrets.held_by(&request.command));
        let silent = found.silent.into_iter();
        self.facts.unasked = silent
            .filter(|target| !self.locks_seen.contains(target))
            .collect();
        let lent = match &request.command {
            Command::GiveKeyboard { action } => Some(*action),
            _ => None,
        };
        let answer = self.carry_out(&request.by.name, request.command).await;
        if let (Ok(_), Some(action)) = (&answer, lent) {
            self.keyboard_lent(action, &request.by);
        }
        self.facts.directory = None;
        self.facts.guards.clear();
        self.facts.bad_input = None;
        self.facts.unasked.clear();
        if let Some(waiting) = request.answer
            && waiting.send(answer).is_err()
        {
            tracing::debug!("the client left before its answer");
        }
        self.proceed().await;
    }

    pub(super) async fn carry_out(&mut self, by: &str, command: Command) -> Result<u64, Refusal> {
        let command = self.secrets.redacted(&command)?;
        let driver = self.state.driver.clone();
        let now = self.clock.now();
        let events = decide(&self.state, &self.facts, by, &command, now)?;
        self.keep_consent(by, &command)?;
        // A run that was taken over asks for its targets again when a person says so.
        if matches!(command, Command::Resume {} | Command::TakeTarget { .. }) {
            self.monitor.want_locks(lock_record(&self.state, now));
        }
        self.commit(by, events).await?;
        self.memory.keep(&self.state, by, &command);
        if self.state.driver != driver {
            self.driver_missed = None;
            self.tell_people();
        }
        Ok(self.state.seq)
    }

    /// Records what the world shows, and lets the engine go on by it.
    pub(super) async fn seen(&mut self, observation: Observation) {
        if let Err(refusal) = self.observed(observation).await {
            tracing::warn!(reason = %refusal.message, "what was seen is not recorded");
        }
        self.proceed().await;
    }

    /// Records what the world shows.
    pub(super) async fn observed(&mut self, observation: Observation) -> Result<(), Refusal> {
        let observation = self.secrets.masked(observation);
        if let Observation::Finished {
            action, attempt, ..
        } = &observation
        {
            self.slots.remove(&(*action, *attempt));
            self.keyboards.remove(&(*action, *attempt));
            self.asks_no_more(*action, *attempt);
        }
        self.facts.held_up = self.held_up_by(&observation);
        let now = self.clock.now();
        let events = observe(&self.state, &self.facts, &observation, now);
        self.facts.held_up.clear();
        self.commit(ENGINE, events?).await
    }

    /// What its user agrees to is kept before it counts.
    fn keep_consent(&self, by: &str, command: &Command) -> Result<(), Refusal> {
        let Some(asked) = &self.state.untrusted else {
            return Ok(());
        };
        if by == ENGINE || !matches!(command, Command::Consent { .. }) {
            return Ok(());
        }
        super::trust::grant(asked, by, self.clock.now()).map_err(|error| {
            Refusal::new(
                format!("that you trust it cannot be kept: {error}"),
                "free space or fix permissions in the state folder, then try again",
            )
        })
    }

    /// Lets the engine do what it does by itself.
    pub(super) async fn proceed(&mut self) {
        for _ in 0..LONGEST_ADVANCE {
            let events = advance(&self.state, &self.facts, self.clock.now());
            if events.is_empty() {
                self.rest();
                return;
            }
            if let Err(refusal) = self.commit(ENGINE, events).await {
                self.cannot_go_on(&refusal.message);
                return;
            }
            self.stopped_by = None;
        }
        tracing::error!("the engine does not come to rest; the run is left as it is");
    }

    /// Said once: the engine tries again at every pulse.
    fn cannot_go_on(&mut self, reason: &str) {
        if self.stopped_by.as_deref() != Some(reason) {
            tracing::warn!(%reason, "the run cannot go on by itself");
            self.stopped_by = Some(reason.to_owned());
        }
    }

    /// There is nothing more to do by itself, for now.
    fn rest(&mut self) {
        if let Some(action) = awaits_look(&self.state, &self.facts, self.clock.now()) {
            self.look_at_files_of(action);
        }
        self.fetch_secrets_ahead();
        if self.is_ended() {
            self.monitor.give_locks_up();
        }
    }

    /// A command of a rollback runs only with the files that were shown when that began.
    fn look_at_files_of(&mut self, action: ActionId) {
        if self.looking == Some(action) {
            return;
        }
        self.looking = Some(action);
        let named = included::named(&self.state, action);
        let (looks, sender, look) = (self.looks.clone(), self.sender.clone(), self.look);
        tokio::spawn(async move {
            let mut seen = look_at_files(&looks, vec![(action, named)], IN_TURN).await;
            let input = Input::FilesSeen {
                action,
                look,
                files: seen.remove(&action).unwrap_or_default(),
            };
            if sender.send(input).await.is_err() {
                tracing::debug!("files were looked at, but the supervisor is ending");
            }
        });
    }

    pub(super) async fn files_seen(&mut self, action: ActionId, look: u64, files: FilesNow) {
        self.looking = None;
        // A command has ended meanwhile, which may have changed them.
        if look == self.look {
            self.facts.files.insert(action, files);
        }
        self.proceed().await;
    }

    /// What was known of files may not be so any more.
    pub(super) fn forget_files(&mut self) {
        self.facts.files.clear();
        self.look += 1;
    }

    /// Shows the files that an action includes and calls, secrets masked.
    pub(super) fn show_included(&self, action: ActionId, answer: oneshot::Sender<Vec<Included>>) {
        let named = included::named(&self.state, action);
        let (looks, secrets) = (self.looks.clone(), self.secrets.clone());
        let at_hand = Secrets::at_hand(&self.state);
        tokio::spawn(async move {
            secrets.read_all(at_hand, TO_SHOW).await;
            let files = included::read(&looks, named, TO_SHOW, secrets.redactor()).await;
            if answer.send(files).is_err() {
                tracing::debug!("nobody waits to see what an action includes");
            }
        });
    }

    /// Notices that the wall clock was set, and moves the run's time with it.
    pub(super) async fn follow_the_clock(&mut self) {
        let Some(by) = self.clock.stepped() else {
            return;
        };
        self.clock.follow(by);
        let event = Event::ClockStepped {
            by_ms: by.num_milliseconds(),
            clock: self.clock.anchor(),
        };
        tracing::warn!(by_ms = by.num_milliseconds(), "the wall clock was set");
        self.feed.clock_stepped(by);
        if let Err(refusal) = self.commit(ENGINE, vec![event]).await {
            tracing::error!(reason = %refusal.message, "a step of the clock is not recorded");
        }
    }

    /// How long ago this was, on the run's line of time.
    pub(super) fn ago(&self, since: Duration) -> TimeDelta {
        TimeDelta::from_std(self.clock.up().saturating_sub(since)).unwrap_or_default()
    }

    /// More is known of the secrets than before.
    pub(super) fn secrets_changed(&mut self) {
        // The server shows statements to everybody: what is secret now is masked there too.
        let redactor = Arc::unwrap_or_clone(self.secrets.redactor());
        self.monitor.set_redactor(redactor);
        self.report_secrets();
    }
}

/// Somebody wants the controls: who is there matters now, not after a grace.
fn takes_over(command: &Command) -> bool {
    matches!(
        command,
        Command::TakeControl {}
            | Command::Pairing {
                act: PairingAct::Demand { .. }
            }
    )
}
