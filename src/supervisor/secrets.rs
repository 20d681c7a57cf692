//! Secret values. They live in this process's memory only, and whatever goes into the journal is
//! redacted by them. They are fetched beside the loop and ahead of need; what is on its way, and what
//! could not be had, is shown.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, join_all};
use tokio::sync::watch;

use super::message::SecretState;
use super::secret_source::{self, Groups};
use super::trust::Consent;
use crate::run::{Input, RunState};
use crate::runbook::config::SecretSource;
use crate::text::redact::Redactor;

type Fetching = Shared<BoxFuture<'static, Result<String, String>>>;

/// Why nothing that a configuration names is run, read or connected to.
pub(super) const NOT_TRUSTED: &str = "its configuration is not trusted yet (`gonogo trust`)";

/// What is known of the secrets of a run; clones share it.
#[derive(Clone)]
pub struct Secrets {
    /// Where relative files and commands start.
    directory: Arc<PathBuf>,
    known: Arc<Mutex<Known>>,
    commands: Groups,
    /// Without it no source is read: a configuration names commands and files that nobody has agreed to.
    consent: Arc<OnceLock<Consent>>,
    /// Counts what has changed.
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct Known {
    /// Value and the source it was read from, by name.
    values: BTreeMap<String, (SecretSource, String)>,
    /// Values of sources that somebody has replaced, and others to mask: to be kept out of sight.
    former: Vec<String>,
    fetching: BTreeMap<String, (SecretSource, crate::run::Timestamp, Fetching)>,
    /// Why the last attempt gave none.
    failed: BTreeMap<String, (SecretSource, crate::run::Timestamp, String)>,
    /// Masks all of them; made when it is asked for.
    redactor: Option<Arc<Redactor>>,
}

/// Values must stand in no log.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<String> = self.lock().values.keys().cloned().collect();
        formatter
            .debug_struct("Secrets")
            .field("names", &names)
            .finish()
    }
}

impl Secrets {
    pub fn new(directory: PathBuf, consent: Option<Consent>) -> Self {
        Self {
            consent: Arc::new(consent.map_or_else(OnceLock::new, OnceLock::from)),
            directory: Arc::new(directory),
            known: Arc::default(),
            commands: Groups::default(),
            changes: watch::Sender::new(0),
        }
    }

    /// From now on sources are read.
    pub(super) fn permit(&self, consent: Consent) {
        // Whoever agreed first has agreed.
        self.consent.get_or_init(|| consent);
    }

    /// Whether the user has agreed to what the configuration reaches for.
    pub(super) fn consent(&self) -> Option<&Consent> {
        self.consent.get()
    }

    /// A panic while the lock was held leaves consistent data: every change is one insertion or removal.
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// Says when something is known that was not before.
    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The value of a secret, if it is here.
    pub(super) fn known(&self, name: &str, source: &SecretSource) -> Option<String> {
        let known = self.lock();
        let (from, value) = known.values.get(name)?;
        (from == source).then(|| value.clone())
    }

    /// The value of a secret. Whoever asks while it is on its way waits for the same look.
    ///
    /// # Errors
    /// Why there is none and what to fix; it holds no value.
    pub async fn get(&self, name: &str, source: &SecretSource) -> Result<String, String> {
        if let Some(value) = self.known(name, source) {
            return Ok(value);
        }
        if self.consent().is_none() {
            return Err(format!("no value for the secret `{name}`: {NOT_TRUSTED}"));
        }
        self.fetching(name, source).await
    }

    fn fetching(&self, name: &str, source: &SecretSource) -> Fetching {
        let mut known = self.lock();
        if let Some((from, _, fetching)) = known.fetching.get(name)
            && from == source
        {
            return fetching.clone();
        }
        let fetch = self.clone().fetch(name.to_owned(), source.clone());
        // It goes on when who asked has gone: the next one asks for the same.
        let task = tokio::spawn(fetch);
        let fetching = async move {
            task.await
                .unwrap_or_else(|error| Err(format!("looking for it failed: {error}")))
        };
        let fetching = fetching.boxed().shared();
        let since = chrono::Utc::now();
        let entry = (source.clone(), since, fetching.clone());
        known.fetching.insert(name.to_owned(), entry);
        drop(known);
        self.changed();
        fetching
    }

    async fn fetch(self, name: String, source: SecretSource) -> Result<String, String> {
        let read = match self.consent() {
            Some(_) => secret_source::read(source.clone(), &self.directory, &self.commands).await,
            None => Err(NOT_TRUSTED.to_owned()),
        };
        let value = match read {
            Ok(value) if value.is_empty() => Err("it is empty".to_owned()),
            read => read,
        }
        .map_err(|reason| format!("no value for the secret `{name}`: {reason}"));
        let mut known = self.lock();
        // Another source was named meanwhile: what this one says concerns nobody any more.
        let is_wanted = known
            .fetching
            .get(&name)
            .is_some_and(|(from, ..)| *from == source);
        if is_wanted {
            known.fetching.remove(&name);
        }
        match &value {
            Ok(value) if is_wanted => {
                known.failed.remove(&name);
                let entry = (source, value.clone());
                let replaced = known.values.insert(name, entry);
                known.former.extend(replaced.map(|(_, value)| value));
                known.redactor = None;
            }
            Ok(value) => {
                known.former.push(value.clone());
                known.redactor = None;
            }
            Err(reason) if is_wanted => {
                let entry = (source, chrono::Utc::now(), reason.clone());
                known.failed.insert(name, entry);
            }
            Err(_) => {}
        }
        drop(known);
        self.changed();
        value
    }

    /// Begins to fetch what is not here, in the background. What failed before from the same source is
    /// left alone until somebody needs it.
    pub(super) fn fetch_ahead(&self, wanted: impl IntoIterator<Item = (String, SecretSource)>) {
        if self.consent().is_none() {
            return;
        }
        for (name, source) in wanted {
            let has_failed = {
                let known = self.lock();
                known
                    .failed
                    .get(&name)
                    .is_some_and(|(from, ..)| *from == source)
            };
            if !has_failed && self.known(&name, &source).is_none() {
                drop(self.fetching(&name, &source));
            }
        }
    }

    /// What can be had without running anything.
    pub(super) fn at_hand(state: &RunState) -> Vec<(String, SecretSource)> {
        let mut at_hand = Vec::new();
        for (name, input) in &state.inputs {
            if let Input::Secret(source @ (SecretSource::Env(_) | SecretSource::File(_))) = input {
                at_hand.push((name.clone(), source.clone()));
            }
        }
        at_hand
    }

    /// Reads these, so that they are masked in what is shown; it waits no longer than `limit`.
    pub(super) async fn read_all(&self, wanted: Vec<(String, SecretSource)>, limit: Duration) {
        let reading = wanted.iter().map(|(name, source)| self.get(name, source));
        if tokio::time::timeout(limit, join_all(reading))
            .await
            .is_err()
        {
            tracing::debug!("not all secrets are masked in what is shown");
        }
    }

    /// Nobody waits for a secret any more: no command of one stays behind.
    pub(super) fn end(&self) {
        self.commands.end();
    }

    /// Values to mask that no step is given.
    pub(super) fn learn(&self, values: Vec<String>) {
        let mut known = self.lock();
        known.former.extend(values);
        known.redactor = None;
    }

    /// Masks every value known so far.
    pub(super) fn redactor(&self) -> Arc<Redactor> {
        if let Some(redactor) = &self.lock().redactor {
            return redactor.clone();
        }
        let redactor = Arc::new(Redactor::new(self.values()));
        self.lock().redactor = Some(redactor.clone());
        redactor
    }

    /// Every value known so far.
    pub(super) fn values(&self) -> Vec<String> {
        let known = self.lock();
        let values = known.values.values().map(|(_, value)| value);
        values.chain(&known.former).cloned().collect()
    }

    /// What is on its way, and what could not be had, for whoever waits for it.
    pub(super) fn states(&self) -> Vec<SecretState> {
        let known = self.lock();
        let waiting = known
            .fetching
            .iter()
            .map(|(name, (_, since, _))| SecretState {
                name: name.clone(),
                since: *since,
                failure: None,
            });
        let failed = known
            .failed
            .iter()
            .filter(|(name, _)| !known.fetching.contains_key(*name));
        let failed = failed.map(|(name, (_, since, reason))| SecretState {
            name: name.clone(),
            since: *since,
            failure: Some(reason.clone()),
        });
        waiting.chain(failed).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(text: &str) -> SecretSource {
        SecretSource::Command(text.to_owned())
    }

    #[tokio::test]
    async fn one_look_serves_all_who_ask_and_is_shown_while_it_lasts() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::new(
            folder.path().to_owned(),
            crate::supervisor::trust::consent(&Default::default()),
        );
        let slow = command("echo x >> asked; while [ ! -e go ]; do sleep 0.01; done; echo value");
        let asked: Vec<_> = (0..5)
            .map(|_| {
                let (secrets, slow) = (secrets.clone(), slow.clone());
                tokio::spawn(async move { secrets.get("TOKEN", &slow).await })
            })
            .collect();
        let mut changes = secrets.watch();
        while secrets.states().is_empty() {
            changes.changed().await.unwrap();
        }
        assert_eq!(secrets.states()[0].name, "TOKEN");
        assert_eq!(secrets.states()[0].failure, None);
        std::fs::write(folder.path().join("go"), "").unwrap();
        for asked in asked {
            assert_eq!(asked.await.unwrap().as_deref(), Ok("value"));
        }
        assert_eq!(secrets.states(), []);
        let asked = std::fs::read_to_string(folder.path().join("asked")).unwrap();
        assert_eq!(asked, "x\n", "it was asked for once");
    }

    #[tokio::test]
    async fn what_failed_is_shown_and_tried_again_only_when_it_is_needed() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::new(
            folder.path().to_owned(),
            crate::supervisor::trust::consent(&Default::default()),
        );
        let fails = command("echo x >> asked; exit 3");
        let reason = secrets.get("TOKEN", &fails).await.unwrap_err();
        assert!(reason.contains("exit status: 3"), "{reason}");
        assert_eq!(secrets.states()[0].failure.as_ref(), Some(&reason));
        secrets.fetch_ahead([("TOKEN".to_owned(), fails.clone())]);
        assert!(secrets.get("TOKEN", &fails).await.is_err());
        let asked = std::fs::read_to_string(folder.path().join("asked")).unwrap();
        assert_eq!(asked, "x\nx\n");
        // Another source is another secret.
        secrets.fetch_ahead([("TOKEN".to_owned(), command("echo better"))]);
        let better = secrets.get("TOKEN", &command("echo better")).await;
        assert_eq!(better.as_deref(), Ok("better"));
        assert_eq!(secrets.states(), []);
    }
}
