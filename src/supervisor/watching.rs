//! What the monitor sees, and what it is asked.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::core::Supervisor;
use super::handle::{Asker, BeforeRequest, Input, LossRequest, Request, SessionRequest};
use super::launch::surroundings_of;
use super::secrets::Secrets;
use super::trust;
use crate::executor::application_name;
use crate::monitor::{
    ActivitySample, Cadence, IdentityNews, LatePassword, LockKeeping, LockNews, LockReading,
    LockRecord, Monitor, MonitorConfig, Probe, Sample, Target, service_password,
};
use crate::run::{
    Command, ENGINE, LockHolder, Observation, ProbeReading, RunState, SessionSignal, TargetLock,
    Timestamp, Victim, preview,
};
use crate::runbook::config::{Environment, SecretSource};
use crate::runbook::{locks_of, tables_of};

impl Supervisor {
    /// The user has agreed to it: targets and probes are watched from now on.
    pub(super) fn begin_to_watch(&mut self) {
        if self.secrets.consent().is_some() {
            return;
        }
        match trust::consent_to_run(&self.state) {
            Ok(consent) => self.secrets.permit(consent),
            Err(asked) => {
                tracing::error!(path = asked.path, "agreed to, but that is not kept");
                return;
            }
        }
        let (samples, locks) = self.monitor_news.clone();
        let monitor = start_monitor(&self.state, &self.secrets, self.clock.now(), samples, locks);
        self.monitor = Arc::new(monitor);
        self.secrets.fetch_ahead(Secrets::at_hand(&self.state));
    }

    /// Somebody may have agreed to it elsewhere (`gonogo trust`).
    pub(super) async fn look_for_consent(&mut self) {
        let Some(asked) = &self.state.untrusted else {
            return;
        };
        if trust::consent_to_run(&self.state).is_err() {
            return;
        }
        let digest = asked.digest.clone();
        if let Err(refusal) = self.carry_out(ENGINE, Command::Consent { digest }).await {
            tracing::warn!(reason = %refusal.message, "a consent is not recorded");
        }
    }

    pub(super) async fn observe(&mut self, sample: Sample) {
        self.tell_alarms(&sample).await;
        match &sample {
            Sample::Activity(activity) => {
                self.held_up.see(activity);
                self.see_transactions(activity).await;
            }
            Sample::Probe(probe) => {
                self.facts.readings.probes.insert(
                    probe.name.clone(),
                    ProbeReading {
                        healthy: probe.healthy,
                        status: probe.status,
                        latency: probe.latency_ms.ceil() as i64,
                        version: probe.version.clone(),
                    },
                );
            }
            Sample::Statements(_) | Sample::Database(_) | Sample::Waits(_) => {}
        }
        self.recorder.keep(self.clock.now(), &sample);
        self.feed.publish_sample(sample);
    }

    /// Keeps the transaction in which each running step writes.
    async fn see_transactions(&mut self, activity: &ActivitySample) {
        let ours = activity.sessions.iter().filter(|session| session.ours);
        let seen: Vec<(String, i64)> = ours
            .filter_map(|session| Some((session.application.clone(), session.transaction?)))
            .collect();
        if seen.is_empty() {
            return;
        }
        for (action, attempt) in self.state.running() {
            let Some(step) = self.state.step_of(action) else {
                continue;
            };
            let name = application_name(&self.state.run, &step.id);
            let Some((_, transaction)) = seen.iter().find(|(application, _)| *application == name)
            else {
                continue;
            };
            let observation = Observation::TransactionSeen {
                action,
                attempt,
                transaction: *transaction,
            };
            if let Err(refusal) = self.observed(observation).await {
                tracing::warn!(reason = %refusal.message, "a transaction is not recorded");
            }
        }
    }

    /// A database has proved itself once it is also known whether another run holds it: whoever waits
    /// for the one finds the other.
    pub(super) async fn identified(&mut self, news: IdentityNews) {
        if !self.locks_seen.contains(&news.target) {
            self.unproved.insert(news.target.clone(), news);
            return;
        }
        let IdentityNews {
            target,
            identity,
            alive,
        } = news;
        // The open session may belong to another server than the one that is known.
        let known = self
            .state
            .identities
            .get(&target)
            .and_then(|known| known.started);
        let alive = alive.filter(|(started, _)| Some(*started) == known);
        let observation = Observation::Identified {
            target,
            identity,
            alive_until: alive.map(|(_, until)| until),
        };
        if let Err(refusal) = self.observed(observation).await {
            tracing::warn!(reason = %refusal.message, "an identity is not recorded");
        }
    }

    pub(super) async fn lock_seen(&mut self, news: LockNews) {
        let LockNews { target, lock } = news;
        let was_ours = matches!(self.state.locks.get(&target), Some(TargetLock::Ours { .. }));
        let holder = match lock {
            LockReading::Ours => Some(None),
            LockReading::Theirs(holder) => Some(Some(holder)),
            LockReading::Unknown(_) => None,
        };
        if let Some(holder) = holder
            && !self.state.mode.is_over()
        {
            let observation = Observation::LockSeen {
                target: target.clone(),
                holder,
            };
            if let Err(refusal) = self.observed(observation).await {
                tracing::warn!(reason = %refusal.message, "a lock is not recorded");
            }
        }
        // Whoever was taken over does not take it back by itself, when the other is gone for a moment.
        let is_theirs = matches!(self.state.locks.get(&target), Some(TargetLock::Theirs(_)));
        if was_ours && is_theirs {
            self.monitor.give_locks_up();
        }
        if self.locks_seen.insert(target.clone())
            && let Some(news) = self.unproved.remove(&target)
        {
            self.identified(news).await;
        }
    }

    /// Takes the lock of a target from the run that holds it, and says what came of it.
    pub(super) fn take_target(&self, target: String, from: LockHolder) {
        let (monitor, inputs) = (self.monitor.clone(), self.sender.clone());
        tokio::spawn(async move {
            let told = match monitor.take_lock(&target, from.clone()).await {
                Ok(_) => Input::Observed(Observation::LockSeen {
                    target,
                    holder: None,
                }),
                Err(trouble) => Input::Request(Request {
                    by: Asker::engine(),
                    command: Command::Note {
                        text: format!(
                            "`{target}` could not be taken over from {}: {}; {}",
                            from.describe(),
                            trouble.message,
                            trouble.help
                        ),
                        step: None,
                    },
                    answer: None,
                }),
            };
            if inputs.send(told).await.is_err() {
                tracing::debug!("a target was taken over, but the supervisor is ending");
            }
        });
    }

    /// Stops a session that a person saw, and puts on record what the server answered.
    pub(super) fn signal_session(&self, target: String, signal: SessionSignal, victim: Victim) {
        let (monitor, inputs) = (self.monitor.clone(), self.sender.clone());
        tokio::spawn(async move {
            let answer = monitor
                .signal(&target, signal, victim.pid, victim.backend_start_us)
                .await
                .map_err(|trouble| format!("{}; {}", trouble.message, trouble.help));
            let answered = Input::Observed(Observation::SessionAnswered {
                target,
                signal,
                victim,
                answer,
            });
            if inputs.send(answered).await.is_err() {
                tracing::debug!("a session was signalled, but the supervisor is ending");
            }
        });
    }

    /// As [`Self::loss`].
    pub(super) fn session(&self, request: SessionRequest) {
        let monitor = self.monitor.clone();
        tokio::spawn(async move {
            let answer = monitor
                .session(&request.target, request.pid, request.backend_start_us)
                .await
                .map_err(|trouble| format!("{}; {}", trouble.message, trouble.help));
            if request.answer.send(answer).is_err() {
                tracing::debug!("nobody looks at the session any more");
            }
        });
    }

    /// As [`Self::loss`].
    pub(super) fn before(&self, request: BeforeRequest) {
        let shown = preview(&self.state, request.action);
        let monitor = self.monitor.clone();
        tokio::spawn(async move {
            let answer = match shown {
                Ok(shown) => monitor
                    .before(&shown.on, &locks_of(&shown.command, shown.actor))
                    .await
                    .map_err(|trouble| format!("{}; {}", trouble.message, trouble.help)),
                Err(refusal) => Err(refusal.to_string()),
            };
            if request.answer.send(answer).is_err() {
                tracing::debug!("nobody looks at what the step would meet any more");
            }
        });
    }

    /// Answers from a task of its own: the database may be slow, the run may not.
    pub(super) fn loss(&self, request: LossRequest) {
        let query = self
            .state
            .runbook
            .rollback
            .iter()
            .any(|option| option.loss_query == Some(request.block))
            .then(|| self.state.runbook.block(request.block))
            .flatten()
            .map(|block| (block.attributes.target().to_owned(), block.code.clone()));
        let monitor = self.monitor.clone();
        tokio::spawn(async move {
            let answer = match query {
                Some((target, query)) => monitor
                    .loss(&target, &query)
                    .await
                    .map_err(|trouble| format!("{}; {}", trouble.message, trouble.help)),
                None => Err("no rollback names this query".to_owned()),
            };
            if request.answer.send(answer).is_err() {
                tracing::debug!("nobody waits for the loss any more");
            }
        });
    }
}

/// Begins to watch every target and probe of the environment, nothing before its user has agreed to it.
/// One that cannot be watched is said in the log; opening the run has refused it already.
pub(super) fn start_monitor(
    state: &RunState,
    secrets: &Secrets,
    now: Timestamp,
    samples: mpsc::Sender<Sample>,
    (locks, identities): (mpsc::Sender<LockNews>, mpsc::Sender<IdentityNews>),
) -> Monitor {
    let nothing = Environment::default();
    let config = match secrets.consent() {
        Some(_) => &*state.config,
        None => &nothing,
    };
    let surroundings = surroundings_of(state);
    let mut targets = Vec::new();
    for (name, target) in &config.targets {
        let password = target
            .password_service
            .as_deref()
            .and_then(service_password);
        let parsed = Target::within(name, &target.postgres, &surroundings, password.as_deref());
        let parsed = match parsed {
            Ok(parsed) => parsed,
            Err(error) => {
                tracing::error!("{error}");
                continue;
            }
        };
        targets.push(match &target.password {
            Some(source) => parsed.awaiting(late_password(name, source, secrets)),
            None => parsed,
        });
    }
    let mut probes = Vec::new();
    for (name, probe) in &config.probes {
        match Probe::new(
            name,
            &probe.url,
            probe.every_ms,
            probe.timeout_ms,
            probe.status,
        ) {
            Ok(probe) => probes.push(probe),
            Err(error) => tracing::error!("{error}"),
        }
    }
    let config = MonitorConfig {
        run: state.run.clone(),
        targets,
        probes,
        tables: tables_of(&state.runbook),
        cadence: Cadence::default(),
        redactor: crate::text::redact::Redactor::new(secrets.values()),
        lock: (!state.mode.is_over()).then(|| LockKeeping {
            record: lock_record(state, now),
            news: locks,
        }),
        identities: Some(identities),
    };
    Monitor::start(config, samples)
}

/// The password of a target, which is fetched beside all else.
fn late_password(target: &str, source: &SecretSource, secrets: &Secrets) -> LatePassword {
    let name = password_name(target);
    let (sender, late) = LatePassword::new(&name);
    let (secrets, source) = (secrets.clone(), source.clone());
    tokio::spawn(async move {
        let value = secrets.get(&name, &source).await;
        sender.send_replace(Some(value));
    });
    late
}

/// What the password of a target is called among the secrets.
pub(super) fn password_name(target: &str) -> String {
    format!("{target} password")
}

/// What others are told about the lock of this run.
pub(super) fn lock_record(state: &RunState, now: Timestamp) -> LockRecord {
    LockRecord {
        run: state.run.clone(),
        by: state.driver.clone(),
        since: now,
        why: state.runbook.title.clone(),
    }
}
