//! Effects: shims started, followed to their end, cancelled, and adopted from a supervisor that died.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::Notify;

use super::core::{Slot, Supervisor};
use super::handle::Input;
use super::launch::{secrets_ahead, secrets_of, specification};
use super::waiting::{lost, tell_waiting};
use crate::executor::{Adopted, End, ExitRecord, Running, application_name, evidence};
use crate::monitor::Monitor;
use crate::run::{ActionId, CatalogWord, Effect, Evidence, Mode, Observation};
use crate::runbook::{Actor, Asked, ConcurrentBuilds, asked_of_catalog, sql_in};

/// How long the end of an action waits for the catalog.
const CATALOG: Duration = Duration::from_secs(5);

impl Supervisor {
    pub(super) async fn start(&mut self, effect: Effect) {
        match effect {
            Effect::Launch { action, attempt } => self.launch(action, attempt),
            Effect::Cancel {
                action,
                attempt,
                urgent,
            } => match self.slots.get_mut(&(action, attempt)) {
                Some(Slot::Waiting(secrets)) => {
                    secrets.abort();
                    self.tell(Input::SecretsCame {
                        action,
                        attempt,
                        reason: Some(
                            "cancelled while it waited for a secret; nothing was run".to_owned(),
                        ),
                    });
                }
                Some(Slot::Launching { cancel }) => {
                    *cancel = Some(cancel.unwrap_or(false) || urgent);
                }
                Some(Slot::Running(running)) => {
                    if let Err(error) = running.cancel(urgent) {
                        tracing::warn!(%action, attempt, %error, "cannot be cancelled");
                    }
                }
                None => tracing::warn!(%action, attempt, "nothing to cancel"),
            },
            Effect::CancelLeftovers { action } => self.cancel_leftovers(action),
            Effect::TakeTarget { target, from } => self.take_target(target, from),
            Effect::SignalSession {
                target,
                signal,
                victim,
            } => self.signal_session(target, signal, victim),
            Effect::BeginToWatch => self.begin_to_watch(),
            Effect::Baseline => self.monitor.baseline(),
            Effect::CountRows { action, attempt } => self.count_rows(action, attempt),
            Effect::Release {
                action,
                attempt,
                number,
                commit,
            } => self.release(action, attempt, number, commit),
        }
    }

    /// Starts an attempt as soon as its secrets are here.
    fn launch(&mut self, action: ActionId, attempt: u32) {
        let wanted = secrets_of(&self.state, action).into_iter();
        let missing: Vec<_> = wanted
            .filter(|(name, source)| self.secrets.known(name, source).is_none())
            .collect();
        if missing.is_empty() {
            return self.begin(action, attempt);
        }
        let (secrets, sender) = (self.secrets.clone(), self.sender.clone());
        let waiting = tokio::spawn(async move {
            let came = missing
                .iter()
                .map(|(name, source)| secrets.get(name, source));
            let came = join_all(came).await.into_iter();
            let came = Input::SecretsCame {
                action,
                attempt,
                reason: came.filter_map(Result::err).next(),
            };
            if sender.send(came).await.is_err() {
                tracing::debug!("secrets came, but the supervisor is ending");
            }
        });
        let waiting = Slot::Waiting(waiting.abort_handle());
        self.slots.insert((action, attempt), waiting);
    }

    pub(super) async fn secrets_came(
        &mut self,
        action: ActionId,
        attempt: u32,
        reason: Option<String>,
    ) {
        if !matches!(self.slots.get(&(action, attempt)), Some(Slot::Waiting(_))) {
            return;
        }
        match reason {
            None => self.begin(action, attempt),
            Some(reason) => self.did_not_start(action, attempt, reason).await,
        }
    }

    fn begin(&mut self, action: ActionId, attempt: u32) {
        let alive = |target: &str| self.monitor.alive(target);
        let spec = specification(&self.state, &self.secrets, action, attempt, alive);
        self.slots
            .insert((action, attempt), Slot::Launching { cancel: None });
        let (executor, sender) = (self.executor.clone(), self.sender.clone());
        let goes_back = matches!(self.state.mode, Mode::RollingBack | Mode::Stuck);
        tokio::spawn(async move {
            let running = match spec {
                Ok(spec) => executor
                    .launch_with(spec, goes_back)
                    .await
                    .map_err(|error| error.to_string()),
                Err(reason) => Err(reason),
            };
            let launched = Input::Launched {
                action,
                attempt,
                running,
            };
            if sender.send(launched).await.is_err() {
                tracing::warn!(%action, attempt, "launched, but the supervisor is ending");
            }
        });
    }

    /// It never began: that is known, and it is a failure.
    async fn did_not_start(&mut self, action: ActionId, attempt: u32, reason: String) {
        let observation = Observation::Finished {
            action,
            attempt,
            evidence: Some(Box::new(Evidence::not_started())),
            reason: Some(reason),
        };
        if let Err(refusal) = self.observed(observation).await {
            tracing::error!(reason = %refusal.message, "a failed launch is not recorded");
        }
        self.proceed().await;
    }

    /// Tells the loop something that it does after what it is doing now.
    pub(super) fn tell(&self, input: Input) {
        let sender = self.sender.clone();
        tokio::spawn(async move {
            if sender.send(input).await.is_err() {
                tracing::debug!("told to a supervisor that is ending");
            }
        });
    }

    /// Fetches what the phase at hand and the rollbacks will need.
    pub(super) fn fetch_secrets_ahead(&mut self) {
        let at = (
            self.state.current_phase.clone(),
            self.state.input_changes.len(),
        );
        if self.fetched_for.as_ref() != Some(&at) {
            self.fetched_for = Some(at);
            self.secrets.fetch_ahead(secrets_ahead(&self.state));
        }
    }

    /// A cancelled client does not always stop its server: what the step's sessions still do there is
    /// cancelled over the monitor's reserved connection.
    pub(super) fn cancel_leftovers(&self, action: ActionId) {
        let Some(step) = self.state.step_of(action) else {
            return;
        };
        let name = application_name(&self.state.run, &step.id);
        let on = self.target_of(action);
        if !self.state.targets.contains_key(&on) {
            return;
        }
        let monitor = self.monitor.clone();
        tokio::spawn(async move {
            match monitor.cancel_ours(&on, &name).await {
                Ok(pids) if pids.is_empty() => {}
                Ok(pids) => tracing::info!(?pids, %name, "cancelled what was left on the server"),
                Err(trouble) => tracing::warn!(%name, "leftovers: {}", trouble.message),
            }
        });
    }

    pub(super) async fn launched(
        &mut self,
        action: ActionId,
        attempt: u32,
        running: Result<Running, String>,
    ) {
        let cancel = match self.slots.remove(&(action, attempt)) {
            Some(Slot::Launching { cancel }) => cancel,
            _ => None,
        };
        match running {
            Ok(running) => {
                let observation = Observation::Launched {
                    action,
                    attempt,
                    launched: running.launched().clone(),
                };
                if let Err(refusal) = self.observed(observation).await {
                    tracing::error!(reason = %refusal.message, "a launch is not recorded");
                }
                if let Some(urgent) = cancel
                    && let Err(error) = running.cancel(urgent)
                {
                    tracing::warn!(%action, attempt, %error, "cannot be cancelled");
                }
                self.watch(action, attempt, running);
            }
            Err(reason) => self.did_not_start(action, attempt, reason).await,
        }
    }

    /// Follows an attempt to its end, and reports it.
    pub(super) fn watch(&mut self, action: ActionId, attempt: u32, running: Running) {
        self.slots
            .insert((action, attempt), Slot::Running(running.clone()));
        let actor = self.state.actor_of(action);
        let (outputs, sender) = (self.outputs.clone(), self.sender.clone());
        let waiting = sender.clone();
        let (listener, heard) = (self.listener(action, attempt), sender.clone());
        let (monitor, on) = (self.monitor.clone(), self.target_of(action));
        let builds = self.builds_of(action);
        let heard_elsewhere = sender.clone();
        let known = self.state.action(action);
        let own = known.and_then(|known| known.attempt(attempt));
        let asked = own.map_or_else(Vec::new, |own| asked_of_catalog(&own.command, actor));
        let following = tokio::spawn(async move {
            let ended = Arc::new(Notify::new());
            let follower = {
                let (outputs, ended) = (outputs.clone(), ended.clone());
                tokio::spawn(async move {
                    let followed = (action, attempt);
                    outputs.follow(followed, ended, listener, heard).await;
                })
            };
            let tell = tell_waiting(action, attempt, waiting);
            let exit = running.wait_telling(tell).await;
            ended.notify_one();
            let end = match exit {
                Ok(End::Recorded(record)) => {
                    // First it is known that another database answers, then that nothing was run.
                    if let Some(identity) = &record.another
                        && let Some(news) = monitor.news_of(&on, identity)
                        && heard_elsewhere.send(Input::Identity(news)).await.is_err()
                    {
                        tracing::warn!(%on, "another database answers, but the supervisor is ending");
                    }
                    let (mut evidence, reason) = collect(running.directory(), *record, actor).await;
                    look_at_indexes(&monitor, &on, &builds, &mut evidence).await;
                    evidence.catalog = catalog(&monitor, &on, &asked).await;
                    (Some(Box::new(evidence)), reason)
                }
                Ok(End::NeverRan(why)) => (Some(Box::new(Evidence::not_started())), Some(why)),
                Ok(End::Lost) => {
                    let left = running.survivors();
                    let reason = format!("its process is gone and left no exit record{left}");
                    lost(running.waiting(), reason)
                }
                Err(error) => (None, Some(format!("its end cannot be read: {error}"))),
            };
            if let Err(error) = follower.await {
                tracing::error!(%error, "following a spool failed");
            }
            end
        });
        tokio::spawn(async move {
            // A defect here must not leave the step running for ever.
            let (evidence, reason) = following.await.unwrap_or_else(|error| {
                tracing::error!(%action, attempt, %error, "following an action failed");
                (None, Some(format!("nobody follows it any more: {error}")))
            });
            let request = Input::Observed(Observation::Finished {
                action,
                attempt,
                evidence,
                reason,
            });
            if sender.send(request).await.is_err() {
                tracing::warn!(%action, attempt, "ended, but the supervisor is ending");
            }
        });
    }

    /// The indexes that an action builds while others write.
    fn builds_of(&self, action: ActionId) -> ConcurrentBuilds {
        let last = self.state.action(action).and_then(|known| known.last());
        match (self.state.actor_of(action), last) {
            (Actor::Sql, Some(attempt)) => ConcurrentBuilds::of(&attempt.command),
            (Actor::Shell, Some(attempt)) => ConcurrentBuilds::of(&sql_in(&attempt.command)),
            _ => ConcurrentBuilds::default(),
        }
    }

    /// The name of the target that an action is for.
    pub(super) fn target_of(&self, action: ActionId) -> String {
        let block = self.state.runbook.block(action.block);
        block
            .map_or("main", |block| block.attributes.target())
            .to_owned()
    }

    /// Takes over what an earlier supervisor started.
    pub(super) async fn adopt(&mut self) {
        for (action, attempt) in self.state.running() {
            let adopted = self.executor.adopt(action, attempt).await;
            let command = match adopted {
                Ok(Adopted::Running(running)) => {
                    let asked = self
                        .state
                        .action(action)
                        .and_then(|action| action.last())
                        .is_some_and(|attempt| attempt.cancel_requested_at.is_some());
                    if asked
                        && let Err(error) = running.cancel(self.state.mode == Mode::RollingBack)
                    {
                        tracing::warn!(%action, attempt, %error, "cannot be cancelled");
                    }
                    self.watch(action, attempt, running);
                    continue;
                }
                Ok(Adopted::Finished(record)) => {
                    let news = record.another.as_ref().and_then(|identity| {
                        self.monitor.news_of(&self.target_of(action), identity)
                    });
                    if let Some(news) = news {
                        self.identified(news).await;
                    }
                    let actor = self.state.actor_of(action);
                    let directory = self.executor.directory(action, attempt);
                    let (mut evidence, reason) = collect(&directory, record, actor).await;
                    let (on, builds) = (self.target_of(action), self.builds_of(action));
                    look_at_indexes(&self.monitor, &on, &builds, &mut evidence).await;
                    (Some(Box::new(evidence)), reason)
                }
                // It certainly did not run: that is a failure, not a riddle.
                Ok(Adopted::Lost {
                    never_ran: true,
                    reason,
                }) => (Some(Box::new(Evidence::not_started())), Some(reason)),
                Ok(Adopted::Lost { reason, .. }) => {
                    lost(self.executor.waiting(action, attempt), reason)
                }
                Err(error) => (
                    None,
                    Some(format!("what became of it cannot be read: {error}")),
                ),
            };
            let (evidence, reason) = command;
            // Where nobody saw it end, its spool tells which of its commands was under way.
            let marks = self.outputs.look(action, attempt).await;
            let progress = Observation::Progress {
                action,
                attempt,
                marks,
            };
            if let Err(refusal) = self.observed(progress).await {
                tracing::warn!(reason = %refusal.message, "its commands are not recorded");
            }
            if let Some(mut listener) = self.listener(action, attempt) {
                for observation in listener.listen(true).await {
                    if let Err(refusal) = self.observed(observation).await {
                        tracing::warn!(reason = %refusal.message, "what was heard is not recorded");
                    }
                }
            }
            let observation = Observation::Finished {
                action,
                attempt,
                evidence,
                reason,
            };
            if let Err(refusal) = self.observed(observation).await {
                tracing::error!(reason = %refusal.message, "an adopted end is not recorded");
            }
        }
        // Output of what ended before is shown again to whoever attaches.
        for (action, state) in self.state.clone().actions.iter() {
            if let Some(attempt) = state.last()
                && attempt.outcome.is_some()
                && self.executor.spool(*action, attempt.number).exists()
            {
                self.outputs.look(*action, attempt.number).await;
            }
        }
    }
}

/// What the catalog says of what a statement has left. That it cannot be asked is said too.
async fn catalog(monitor: &Monitor, on: &str, asked: &[Asked]) -> Vec<CatalogWord> {
    if asked.is_empty() {
        return Vec::new();
    }
    match monitor.catalog(on, asked).await {
        Ok(words) => words,
        Err(trouble) => vec![CatalogWord::bad(format!(
            "the catalog could not be asked what it left: {}",
            trouble.message
        ))],
    }
}

/// Reads the evidence of an ended attempt in the background; spools may be large.
pub(super) async fn collect(
    directory: &Path,
    record: ExitRecord,
    actor: Actor,
) -> (Evidence, Option<String>) {
    let directory = directory.to_owned();
    let reason = match (&record.error, record.timed_out) {
        (Some(error), _) => Some(error.clone()),
        (None, true) => Some("its time ran out".to_owned()),
        (None, false) => None,
    };
    let collected =
        tokio::task::spawn_blocking(move || evidence::collect(&directory, &record, actor)).await;
    match collected {
        Ok(Ok(evidence)) => (evidence, reason),
        Ok(Err(error)) => (
            Evidence::default(),
            Some(format!("its output cannot be read: {error}")),
        ),
        Err(error) => (
            Evidence::default(),
            Some(format!("its output cannot be read: {error}")),
        ),
    }
}

/// Asks the catalog about the indexes that were built: psql does not say what an interrupted build left.
async fn look_at_indexes(
    monitor: &Monitor,
    on: &str,
    builds: &ConcurrentBuilds,
    evidence: &mut Evidence,
) {
    if builds.is_empty() || evidence.not_started {
        return;
    }
    let asked = monitor.invalid_indexes(on, &builds.indexes, &builds.tables);
    match tokio::time::timeout(CATALOG, asked).await {
        Ok(Ok(invalid)) => evidence.invalid_indexes = invalid,
        Ok(Err(trouble)) => {
            tracing::warn!(%on, why = %trouble.message, "indexes cannot be looked up");
        }
        Err(_) => tracing::warn!(%on, "indexes cannot be looked up: no answer"),
    }
}
