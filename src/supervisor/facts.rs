//! What has to be known of the world before a command is decided, and what was found of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use futures::future::join_all;

use super::included::{self, Named};
use super::looks::Looks;
use super::secrets::Secrets;
use crate::monitor::{IdentityNews, LockNews, Monitor};
use crate::run::{
    ActionId, Command, DirectoryNow, FilesNow, Guard, GuardLevel, Input, Mode, PairingAct, Preview,
    Refusal, RunState, Subject, preview_from,
};
use crate::runbook::config::SecretSource;
use crate::runbook::{Actor, TableLock};

/// Whoever confirms something waits no longer for a disk or a server.
const LOOK: Duration = Duration::from_millis(500);
/// A server says whether the lock is still ours within this time, or decides nothing here.
const LOCK: Duration = Duration::from_millis(300);
/// What a step would meet is known within this time, or stops nothing: then that is put on record.
const BEFORE: Duration = Duration::from_secs(2);
const NOT_LOOKED_UP: &str = "who holds what it will lock could not be looked up";
/// A secret that is entered is read within this time.
const SOURCE: Duration = Duration::from_secs(3);

/// What has to be looked up before a command is decided.
#[derive(Debug, Default)]
pub(super) struct Needs {
    files: Vec<(ActionId, Vec<Named>)>,
    directory: Option<PathBuf>,
    locks: bool,
    /// Who answers where the targets lead: what was confirmed was confirmed for what answered then.
    identities: bool,
    source: Option<(String, SecretSource)>,
    /// The target of a step, and what it will lock there.
    before: Option<(String, Vec<TableLock>)>,
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
    pub(super) guards: Vec<Guard>,
}

impl Needs {
    pub(super) fn of(state: &RunState, command: &Command) -> Self {
        let mut needs = Self::default();
        match command {
            Command::Start {
                action,
                included,
                from,
                ..
            } => needs.start(state, *action, *from, included.is_some()),
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
                        Subject::Start { action, from } => {
                            needs.start(state, action, from, waiting.request.included.is_some());
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

    fn start(&mut self, state: &RunState, action: ActionId, from: Option<usize>, was_shown: bool) {
        if was_shown {
            self.files.push((action, included::named(state, action)));
        }
        // Why it cannot run is the engine's to say.
        let shown = preview_from(state, action, from).ok();
        // A rollback waits for no lock.
        self.locks = !matches!(state.mode, Mode::Stuck | Mode::RollingBack);
        let locks = shown.as_ref().filter(|_| self.locks);
        self.before = locks.and_then(|shown| state.locks_of(shown));
        let has_place = |shown: &Preview| matches!(shown.actor, Actor::Shell | Actor::Sql);
        self.directory = shown
            .filter(has_place)
            .map(|shown| PathBuf::from(shown.directory));
    }

    pub(super) fn are_none(&self) -> bool {
        self.files.is_empty()
            && self.directory.is_none()
            && !self.locks
            && !self.identities
            && self.source.is_none()
            && self.before.is_none()
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
        let guards = async {
            let (target, locks) = self.before?;
            let looked = tokio::time::timeout(BEFORE, monitor.before(&target, &locks)).await;
            Some(match looked {
                Ok(Ok(before)) => before.guards,
                _ => vec![Guard::new(GuardLevel::Warn, NOT_LOOKED_UP.to_owned())],
            })
        };
        let (files, directory, locks, identities, bad_input, guards) =
            tokio::join!(files, directory, locks, identities, bad_input, guards);
        let mut found = Found {
            identities: identities.into_iter().flatten().collect(),
            files,
            directory,
            bad_input,
            guards: guards.unwrap_or_default(),
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
    use crate::monitor::MonitorConfig;

    #[tokio::test]
    async fn a_look_before_a_start_that_fails_is_on_record() {
        let needs = Needs {
            before: Some(("nowhere".to_owned(), Vec::new())),
            ..Needs::default()
        };
        let (sender, _samples) = tokio::sync::mpsc::channel(1);
        let monitor = Monitor::start(MonitorConfig::default(), sender);
        let secrets = Secrets::new(PathBuf::new(), None);
        let found = needs.look_up(&Looks::default(), &monitor, &secrets).await;
        let unknown = Guard::new(GuardLevel::Warn, NOT_LOOKED_UP.to_owned());
        assert_eq!(found.guards, [unknown]);
    }
}
