//! Whether what the rollbacks need is there: looked at beside the loop, again and again, and told to
//! whoever watches. Nothing waits for it, and a rollback begins without it.

mod world;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use world::{commit, directory, function, reads_through};

use tokio::time::{Instant, timeout};

use super::core::Supervisor;
use super::handle::{Asker, Input, Request};
use super::looks::Looks;
use crate::monitor::Monitor;
use crate::run::{
    ActionId, Command, Counted, Found, FoundState, Mode, Need, Observation, Readiness, Timestamp,
    Writes, needs_of,
};
use crate::runbook::{TableName, tables_of};
use crate::text::scrub::scrub_line;

/// How often is looked while nothing happens.
const PAUSE: Duration = Duration::from_secs(15);
/// And after something has happened.
const SOON: Duration = Duration::from_secs(1);
/// A look at a file, a directory or a commit takes no longer.
const LOOK: Duration = Duration::from_secs(2);
/// A backup is read to its end within this time, or it is not known whether it can be.
const READ: Duration = Duration::from_secs(300);
/// The time of a file and that of a run come from two clocks.
const SLACK: chrono::TimeDelta = chrono::TimeDelta::seconds(5);

/// A file as it was when it was read: another one has another time or size.
type Version = (PathBuf, SystemTime, u64);

#[derive(Clone, Debug)]
enum Reading {
    UnderWay,
    Through,
    Broken(String),
    Unknown(String),
}

/// What has been seen so far.
#[derive(Clone, Debug, Default)]
pub(super) struct ReadinessWatch {
    looked: Option<Instant>,
    /// The event after which was looked.
    seq: u64,
    read: Arc<Mutex<HashMap<Version, Reading>>>,
    counted: Option<RowsWritten>,
}

/// What had been written to the tables of the guide.
#[derive(Clone, Debug)]
struct RowsWritten {
    asked: Instant,
    at: Timestamp,
    /// How many backups had been counted by then.
    backups: usize,
    written: BTreeMap<String, Writes>,
}

/// What to look for, and what the run knows of its own backups.
struct Asked {
    at: Timestamp,
    opened_at: Timestamp,
    /// When each backup of this run began and ended.
    backups: Vec<(Timestamp, Timestamp)>,
    options: Vec<(String, Vec<Need>)>,
    /// The targets and the tables of which is counted what was written, where it is time to.
    counts: Option<(Vec<String>, Vec<TableName>)>,
    /// How many backups of this run were counted.
    counted: usize,
}

impl Supervisor {
    /// Looks once more, where it is time to.
    pub(super) fn look_at_readiness(&mut self) {
        let state = &self.state;
        let trusted = self.secrets.consent().is_some();
        if state.runbook.rollback.is_empty() || state.mode.is_over() || !trusted {
            return;
        }
        let due = |watch: &ReadinessWatch| {
            let wait = match watch.seq == state.seq || state.mode == Mode::RollingBack {
                true => PAUSE,
                false => SOON,
            };
            watch.looked.is_none_or(|looked| looked.elapsed() >= wait)
        };
        let Some(mut watch) = self.readiness.take_if(|watch| due(watch)) else {
            return;
        };
        let options: Vec<(String, Vec<Need>)> = state
            .runbook
            .rollback
            .iter()
            .map(|option| (option.id.clone(), needs_of(state, option)))
            .collect();
        let is_due = watch.counted.as_ref().is_none_or(|known| {
            known.asked.elapsed() >= PAUSE || known.backups != state.counted.len()
        });
        let counts = is_due.then(|| self.tables_counted_before());
        let began = |action: ActionId| Some(state.action(action)?.last()?.started_at);
        let asked = Asked {
            at: self.clock.now(),
            opened_at: state.opened_at,
            backups: state
                .dumps()
                .filter_map(|(action, ended)| Some((began(action)?, ended)))
                .collect(),
            options,
            counts,
            counted: state.counted.len(),
        };
        watch.seq = state.seq;
        let (looks, monitor) = (self.looks.clone(), self.monitor.clone());
        let sender = self.sender.clone();
        tokio::spawn(async move {
            let readiness = watch.look(asked, &looks, &monitor).await;
            watch.looked = Some(Instant::now());
            if watch.is_reading() {
                // What comes of it is told soon.
                watch.seq = 0;
            }
            let seen = Input::Readiness(watch, readiness);
            if sender.send(seen).await.is_err() {
                tracing::debug!("the rollbacks were looked at, but the supervisor is ending");
            }
        });
    }

    /// Those of which was counted what had been written when a backup began.
    fn tables_counted_before(&self) -> (Vec<String>, Vec<TableName>) {
        let asked = self.state.counted.iter().flat_map(|own| &own.tables);
        let tables: BTreeSet<TableName> = asked.cloned().collect();
        let counted = self.state.counted.iter();
        let targets: BTreeSet<&String> = counted.flat_map(|own| own.targets.keys()).collect();
        (
            targets.into_iter().cloned().collect(),
            tables.into_iter().collect(),
        )
    }

    /// A backup begins: what is written from now on is lost with its rollback.
    pub(super) fn count_rows(&self, action: ActionId, attempt: u32) {
        if self.state.targets.is_empty() || self.secrets.consent().is_none() {
            return;
        }
        let tables = tables_of(&self.state.runbook);
        let targets: Vec<String> = self.state.targets.keys().cloned().collect();
        let (monitor, sender) = (self.monitor.clone(), self.sender.clone());
        let at = self.clock.now();
        tokio::spawn(async move {
            let counted = Counted {
                action,
                attempt,
                at,
                targets: written(&targets, &tables, &monitor).await,
                tables,
            };
            let seen = Input::Observed(Observation::RowsCounted(Box::new(counted)));
            if sender.send(seen).await.is_err() {
                tracing::debug!("rows were counted, but the supervisor is ending");
            }
        });
    }

    /// What the rollback that begins loses, as it was seen last, is kept for the report.
    pub(super) fn note_loss(&self, option: &str) {
        let readiness = self.feed.world().readiness;
        let option = self.state.runbook.option(option);
        let loss = option.and_then(|option| self.state.loss_of(option, readiness.as_ref()?));
        if let Some(loss) = loss {
            let text = format!("the rollback loses what was written: {}", loss.words());
            self.tell(Input::Request(Request {
                by: Asker::engine(),
                command: Command::Note { text, step: None },
                answer: None,
            }));
        }
    }

    pub(super) fn readiness_seen(&mut self, watch: ReadinessWatch, readiness: Readiness) {
        self.readiness = Some(watch);
        self.feed.publish_readiness(readiness);
    }
}

/// What has been written so far to these tables, on each target.
async fn written(
    targets: &[String],
    tables: &[TableName],
    monitor: &Monitor,
) -> BTreeMap<String, Writes> {
    let each = targets.iter().map(|target| async move {
        let counted = monitor.written(target, tables).await;
        (target.clone(), counted.map_err(|trouble| trouble.message))
    });
    futures::future::join_all(each).await.into_iter().collect()
}

impl ReadinessWatch {
    async fn look(&mut self, asked: Asked, looks: &Looks, monitor: &Monitor) -> Readiness {
        let count = async {
            let (targets, tables) = asked.counts.as_ref()?;
            Some(RowsWritten {
                asked: Instant::now(),
                at: asked.at,
                backups: asked.counted,
                written: written(targets, tables, monitor).await,
            })
        };
        let (counted, options) = tokio::join!(count, self.needs(&asked, looks, monitor));
        self.counted = counted.or_else(|| self.counted.take());
        let counted = self.counted.as_ref();
        Readiness {
            at: asked.at,
            options,
            written: counted.map_or_else(BTreeMap::new, |known| known.written.clone()),
            written_at: counted.map(|known| known.at),
        }
    }

    async fn needs(
        &self,
        asked: &Asked,
        looks: &Looks,
        monitor: &Monitor,
    ) -> BTreeMap<String, Vec<Found>> {
        let mut known: BTreeMap<Need, Option<Found>> = BTreeMap::new();
        let mut options = BTreeMap::new();
        for (option, needs) in &asked.options {
            let mut found = Vec::new();
            for need in needs {
                if !known.contains_key(need) {
                    let seen = self.one(need, asked, looks, monitor).await;
                    known.insert(need.clone(), seen);
                }
                found.extend(known.get(need).cloned().flatten());
            }
            options.insert(option.clone(), found);
        }
        options
    }

    /// `None`: it is no need after all.
    async fn one(
        &self,
        need: &Need,
        asked: &Asked,
        looks: &Looks,
        monitor: &Monitor,
    ) -> Option<Found> {
        let (state, text) = match need {
            Need::Directory { path } => directory(path, looks).await,
            Need::Function { target, name } => function(target, name, monitor).await,
            Need::Commit {
                directory: path,
                revision,
            } => match directory(path, looks).await {
                (FoundState::Good, _) => commit(path, revision, looks).await?,
                found => found,
            },
            Need::Dump { path } => self.dump(path, asked, looks).await,
        };
        let text = scrub_line(&text, false).into_owned();
        Some(Found {
            need: need.clone(),
            state,
            text,
        })
    }

    async fn dump(&self, path: &str, asked: &Asked, looks: &Looks) -> (FoundState, String) {
        let file = PathBuf::from(path);
        let looked = looks.at(&file, LOOK, {
            let file = file.clone();
            move || std::fs::metadata(&file).and_then(|known| Ok((known.modified()?, known.len())))
        });
        let (modified, length) = match looked.await {
            Err(hang) => return (FoundState::Unknown, hang.to_string()),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                return (FoundState::Bad, format!("the backup `{path}` is not there"));
            }
            Ok(Err(error)) => {
                return (
                    FoundState::Bad,
                    format!("the backup `{path}` cannot be read: {error}"),
                );
            }
            Ok(Ok(known)) => known,
        };
        if length == 0 {
            return (FoundState::Bad, format!("the backup `{path}` is empty"));
        }
        let at = Timestamp::from(modified);
        let when = at.format("%Y-%m-%d %H:%M UTC");
        if at < asked.opened_at - SLACK {
            return (
                FoundState::Bad,
                format!("the backup `{path}` is of {when}, before this run: it has nothing newer"),
            );
        }
        let is_own =
            |(began, ended): &(Timestamp, Timestamp)| *began - SLACK <= at && at <= *ended + SLACK;
        let made = match asked.backups.iter().any(is_own) {
            true => format!("was made by this run ({when})"),
            false => format!("is of {when}, and no command of this run made it"),
        };
        let own = asked.backups.iter().any(is_own);
        match self.read_through((file, modified, length)) {
            Reading::Through if own => (
                FoundState::Good,
                format!("the backup `{path}` {made} and reads through"),
            ),
            Reading::Through => (
                FoundState::Unknown,
                format!("the backup `{path}` {made}; it reads through"),
            ),
            Reading::Broken(why) => (
                FoundState::Bad,
                format!("the backup `{path}` cannot be read through: {why}"),
            ),
            Reading::UnderWay => (
                FoundState::Unknown,
                format!("the backup `{path}` {made}; it is being read through"),
            ),
            Reading::Unknown(why) => (
                FoundState::Unknown,
                format!("the backup `{path}` {made}; not known whether it reads through: {why}"),
            ),
        }
    }

    fn is_reading(&self) -> bool {
        let read = lock(&self.read);
        read.values()
            .any(|reading| matches!(reading, Reading::UnderWay))
    }

    /// Whether this version of a file can be read to its end. It is read once, beside everything else.
    fn read_through(&self, version: Version) -> Reading {
        let mut read = lock(&self.read);
        if let Some(known) = read.get(&version) {
            return known.clone();
        }
        read.insert(version.clone(), Reading::UnderWay);
        let shared = self.read.clone();
        tokio::spawn(async move {
            let result = match timeout(READ, reads_through(&version.0)).await {
                Ok(result) => result,
                Err(_) => Reading::Unknown(format!("not read within {} s", READ.as_secs())),
            };
            lock(&shared).insert(version, result);
        });
        Reading::UnderWay
    }
}

/// A panic while the lock was held leaves consistent data: every change is one insertion.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
