//! What is looked up in the world, beside the loop: a disk that hangs holds up a thread, and whoever asks
//! hears within a limit that there is no answer.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::join_all;
use tokio::sync::oneshot;

use super::included::{self, Named};
use super::secrets::Secrets;
use crate::monitor::{IdentityNews, LockNews, Monitor};
use crate::run::{
    ActionId, Command, DirectoryNow, FilesNow, Hang, Input, Mode, PairingAct, Refusal, RunState,
    Subject, preview,
};
use crate::runbook::Actor;
use crate::runbook::config::SecretSource;

/// Whoever confirms something waits no longer for a disk or a server.
const LOOK: Duration = Duration::from_millis(500);
/// A server says whether the lock is still ours within this time, or decides nothing here.
const LOCK: Duration = Duration::from_millis(300);
/// A secret that is entered is read within this time.
const SOURCE: Duration = Duration::from_secs(3);

/// Does this in a thread of its own and waits for it no longer than `limit`; `None` where there is no
/// answer by then. The thread is left to itself: it may hang in the kernel, which no runtime waits for.
pub async fn within<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (answer, answered) = oneshot::channel();
    let started = std::thread::Builder::new()
        .name("facts".to_owned())
        .spawn(move || {
            if answer.send(work()).is_err() {
                tracing::debug!("a look took longer than anybody waited");
            }
        });
    if let Err(error) = started {
        tracing::warn!(%error, "nothing can be looked up");
        return None;
    }
    tokio::time::timeout(limit, answered).await.ok()?.ok()
}

/// Looks at paths. One that hangs is not looked at again before its first look has come back, so that
/// a dead disk costs one thread and not one for each question.
#[derive(Clone, Debug, Default)]
pub(super) struct Looks {
    hanging: Arc<Mutex<HashMap<PathBuf, Instant>>>,
}

/// A look under way; it is over when its thread drops this.
struct Ticket {
    looks: Looks,
    path: PathBuf,
    /// Another look at the same path was there first.
    second: bool,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.second {
            self.looks.lock().remove(&self.path);
        }
    }
}

impl Looks {
    /// A panic while the lock was held leaves consistent data: every change is one insertion or removal.
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, Instant>> {
        self.hanging.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does this with a path, within a limit.
    ///
    /// # Errors
    /// It does not answer, and since when.
    pub(super) async fn at<T: Send + 'static>(
        &self,
        path: &Path,
        limit: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Hang> {
        let hang = |since: Duration| Hang {
            path: path.display().to_string(),
            for_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
        };
        let ticket = {
            let mut hanging = self.lock();
            let first = hanging.get(path).copied();
            if let Some(since) = first
                && since.elapsed() >= limit
            {
                return Err(hang(since.elapsed()));
            }
            hanging.entry(path.to_owned()).or_insert_with(Instant::now);
            Ticket {
                looks: self.clone(),
                path: path.to_owned(),
                second: first.is_some(),
            }
        };
        let looked = within(limit, move || {
            let seen = work();
            drop(ticket);
            seen
        });
        looked.await.ok_or_else(|| hang(limit))
    }
}

/// What has to be looked up before a command is decided.
#[derive(Debug, Default)]
pub(super) struct Needs {
    files: Vec<(ActionId, Vec<Named>)>,
    directory: Option<PathBuf>,
    locks: bool,
    /// Who answers where the targets lead: what was confirmed was confirmed for what answered then.
    identities: bool,
    source: Option<(String, SecretSource)>,
}

/// What was found of it.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) files: BTreeMap<ActionId, FilesNow>,
    pub(super) directory: Option<DirectoryNow>,
    pub(super) locks: Vec<LockNews>,
    pub(super) identities: Vec<IdentityNews>,
    /// Targets that did not say in time who holds them.
    pub(super) silent: Vec<String>,
    pub(super) bad_input: Option<Refusal>,
}

impl Needs {
    pub(super) fn of(state: &RunState, command: &Command) -> Self {
        let mut needs = Self::default();
        match command {
            Command::Start {
                action, included, ..
            } => needs.start(state, *action, included.is_some()),
            Command::Rollback {
                option,
                included: Some(_),
                ..
            } => {
                let steps = state.runbook.option(option).into_iter();
                needs.files = steps
                    .flat_map(|option| &option.steps)
                    .flat_map(|step| state.actions_of(step))
                    .map(|action| (action, included::named(state, action)))
                    .collect();
            }
            Command::Pairing {
                act: PairingAct::Approve { .. },
            } => {
                if let Some(waiting) = &state.pairing.waiting {
                    match waiting.request.subject {
                        Subject::Start { action } => {
                            needs.start(state, action, waiting.request.included.is_some());
                        }
                        Subject::Gate { .. } => {}
                    }
                }
            }
            Command::SetInput {
                name,
                input: Input::Secret(source),
            } if state.inputs.get(name) != Some(&Input::Secret(source.clone()))
                && !matches!(source, SecretSource::Command(_)) =>
            {
                needs.source = Some((name.clone(), source.clone()));
            }
            _ => {}
        }
        needs.identities = matches!(
            command,
            Command::Start { .. }
                | Command::Rollback { .. }
                | Command::AcceptTarget { .. }
                | Command::EndTransaction { commit: true, .. }
                | Command::Pairing {
                    act: PairingAct::Approve { .. }
                }
        );
        needs
    }

    fn start(&mut self, state: &RunState, action: ActionId, was_shown: bool) {
        if was_shown {
            self.files.push((action, included::named(state, action)));
        }
        // Why it cannot run is the engine's to say.
        if let Ok(shown) = preview(state, action)
            && matches!(shown.actor, Actor::Shell | Actor::Sql)
        {
            self.directory = Some(PathBuf::from(shown.directory));
        }
        // A rollback waits for no lock.
        self.locks = !matches!(state.mode, Mode::Stuck | Mode::RollingBack);
    }

    pub(super) fn are_none(&self) -> bool {
        self.files.is_empty()
            && self.directory.is_none()
            && !self.locks
            && !self.identities
            && self.source.is_none()
    }

    /// Looks all of it up at once.
    pub(super) async fn look_up(
        self,
        looks: &Looks,
        monitor: &Monitor,
        secrets: &Secrets,
    ) -> Found {
        let files = look_at_files(looks, self.files, LOOK);
        let directory = async {
            let path = self.directory?;
            let looked = looks.at(&path, LOOK, {
                let path = path.clone();
                move || path.is_dir()
            });
            Some(match looked.await {
                Ok(true) => DirectoryNow::There,
                Ok(false) => DirectoryNow::Missing,
                Err(hang) => DirectoryNow::Hangs(hang),
            })
        };
        let targets = match self.locks {
            true => monitor.targets(),
            false => Vec::new(),
        };
        let locks = join_all(targets.into_iter().map(|target| async {
            match tokio::time::timeout(LOCK, monitor.lock(&target)).await {
                Ok(Ok(lock)) => Ok(LockNews { target, lock }),
                _ => Err(target),
            }
        }));
        let proving = match self.identities {
            true => monitor.targets(),
            false => Vec::new(),
        };
        // A server that does not answer in time decides nothing here: the step's own session asks again.
        let identities = join_all(proving.into_iter().map(|target| async move {
            let proved = tokio::time::timeout(LOCK, monitor.prove(&target)).await;
            proved.ok().and_then(Result::ok)
        }));
        let bad_input = async {
            let (name, source) = self.source?;
            let read = tokio::time::timeout(SOURCE, secrets.get(&name, &source)).await;
            let reason = match read {
                Ok(Ok(_)) => return None,
                Ok(Err(reason)) => reason,
                Err(_) => format!("the source of `{name}` does not answer"),
            };
            Some(Refusal::new(reason, "name another place, or leave it open"))
        };
        let (files, directory, locks, identities, bad_input) =
            tokio::join!(files, directory, locks, identities, bad_input);
        let mut found = Found {
            identities: identities.into_iter().flatten().collect(),
            files,
            directory,
            bad_input,
            ..Found::default()
        };
        for lock in locks {
            match lock {
                Ok(news) => found.locks.push(news),
                Err(target) => found.silent.push(target),
            }
        }
        found
    }
}

/// What the files of these actions are now.
pub(super) async fn look_at_files(
    looks: &Looks,
    actions: Vec<(ActionId, Vec<Named>)>,
    limit: Duration,
) -> BTreeMap<ActionId, FilesNow> {
    let looked = actions
        .into_iter()
        .map(|(action, named)| async move { (action, included::now(looks, named, limit).await) });
    join_all(looked).await.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_look_that_hangs_is_told_in_time_and_costs_one_thread() {
        let looks = Looks::default();
        let path = Path::new("/mnt/dead");
        let (release, held) = std::sync::mpsc::channel::<()>();
        let limit = Duration::from_millis(50);
        let first = looks.at(path, limit, move || held.recv().is_ok()).await;
        assert_eq!(first.unwrap_err().for_ms, 50);
        // Nobody looks a second time while the first still hangs.
        for _ in 0..20 {
            let hang = looks
                .at(path, limit, || panic!("a second thread"))
                .await
                .unwrap_err();
            assert!(
                hang.to_string().contains("`/mnt/dead` has not answered"),
                "{hang}"
            );
        }
        let other = looks.at(Path::new("/mnt/alive"), limit, || 7).await;
        assert_eq!(other, Ok(7));
        release.send(()).unwrap();
        eventually(&looks, path).await;
        assert_eq!(looks.at(path, Duration::from_secs(5), || 8).await, Ok(8));
    }

    async fn eventually(looks: &Looks, path: &Path) {
        while looks.lock().contains_key(path) {
            tokio::task::yield_now().await;
        }
    }
}
