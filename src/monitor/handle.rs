//! The handle on everything that watches: it starts the tasks, passes requests to them, and ends
//! them when it is dropped.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::control::{Control, Request};
use super::prover::{self, IdentityNews, Place};
use super::sampler::Sampler;
use super::{BeforeStep, SessionDetail, before, detail};
use super::{
    LockKeeping, LockReading, LockRecord, Probe, Remains, Sample, Signal, Signalled, Target,
    Trouble, catalog, clean, fate, loss, probe, writes,
};
use crate::run::{LockHolder, TargetIdentity, Timestamp};
use crate::runbook::{TableLock, TableName};
use crate::text::redact::Redactor;

/// How long a signal may take, a new connection included.
const SIGNAL: Duration = Duration::from_secs(8);

/// How long one session in full may take.
const DETAIL: Duration = Duration::from_secs(5);

/// How often to look at a database that answers quickly.
#[derive(Clone, Copy, Debug)]
pub struct Cadence {
    pub activity: Duration,
    pub statements: Duration,
    /// What the server counts.
    pub database: Duration,
    /// How large the tables are that the guide names.
    pub sizes: Duration,
    /// Where the address leads.
    pub identity: Duration,
}

impl Default for Cadence {
    fn default() -> Self {
        Self {
            activity: Duration::from_secs(1),
            statements: Duration::from_secs(5),
            database: Duration::from_secs(5),
            sizes: Duration::from_secs(30),
            identity: prover::EVERY,
        }
    }
}

/// What to watch for which run.
#[derive(Clone, Debug, Default)]
pub struct MonitorConfig {
    /// The run's id: sessions named `gonogo:RUN:…` are its own.
    pub run: String,
    pub targets: Vec<Target>,
    pub probes: Vec<Probe>,
    /// Those whose sizes are looked at, where they are there.
    pub tables: Vec<TableName>,
    pub cadence: Cadence,
    /// Takes the run's secrets out of query texts and what services say.
    pub redactor: Redactor,
    /// `None`: no lock is taken.
    pub lock: Option<LockKeeping>,
    /// Where databases prove who they are, again and again; `None`: nobody listens.
    pub identities: Option<mpsc::Sender<IdentityNews>>,
}

/// Everything that watches. Dropping it closes all connections; nothing of the run is touched.
#[derive(Debug)]
pub struct Monitor {
    run: String,
    targets: BTreeMap<String, Handle>,
    redactor: Arc<RwLock<Redactor>>,
    lock: watch::Sender<Option<LockRecord>>,
    /// Aborted when dropped.
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Handle {
    place: Arc<Place>,
    baseline: Arc<Notify>,
    requests: mpsc::Sender<Request>,
    details: mpsc::Sender<detail::Request>,
}

impl Monitor {
    /// Starts to watch, on the tokio runtime of the caller; it does not wait for anything. Samples
    /// go to `sender`; one that finds the channel full is dropped, because the next replaces it.
    pub fn start(config: MonitorConfig, sender: mpsc::Sender<Sample>) -> Self {
        let publisher = Publisher {
            sender,
            redactor: Arc::new(RwLock::new(config.redactor)),
        };
        let news = config.lock.as_ref().map(|lock| lock.news.clone());
        let (lock, record) = watch::channel(config.lock.map(|lock| lock.record));
        let mut tasks = JoinSet::new();
        let tables: Arc<[TableName]> = config.tables.into();
        let mut targets = BTreeMap::new();
        for target in config.targets {
            let baseline = Arc::new(Notify::new());
            let (requests, received) = mpsc::channel(16);
            let place = Place::new(target, config.run.clone(), config.identities.clone());
            let sampler = Sampler {
                place: Arc::clone(&place),
                cadence: config.cadence,
                publisher: publisher.clone(),
                baseline: Arc::clone(&baseline),
                tables: Arc::clone(&tables),
            };
            let control = Control {
                place: Arc::clone(&place),
                news: news.clone(),
                record: record.clone(),
            };
            let (details, asked) = mpsc::channel(4);
            tasks.spawn(sampler.run(asked));
            tasks.spawn(control.run(received));
            if config.identities.is_some() {
                tasks.spawn(Arc::clone(&place).watch(config.cadence.identity));
            }
            let name = place.target.name().to_owned();
            let handle = Handle {
                place,
                baseline,
                requests,
                details,
            };
            targets.insert(name, handle);
        }
        let clients = probe::Clients::default();
        for probe in config.probes {
            tasks.spawn(probe::run(probe, clients.clone(), publisher.clone()));
        }
        Self {
            run: config.run,
            targets,
            redactor: publisher.redactor,
            lock,
            _tasks: tasks,
        }
    }

    /// Replaces the redactor of the configuration, once more of the run's secrets are known.
    pub fn set_redactor(&self, redactor: Redactor) {
        *self
            .redactor
            .write()
            .unwrap_or_else(PoisonError::into_inner) = redactor;
    }

    /// A phase began: statements of every target are counted from now on, by a poll made at once.
    pub fn baseline(&self) {
        for handle in self.targets.values() {
            handle.baseline.notify_one();
        }
    }

    /// Cancels or terminates the session that had this pid and began then, and no other.
    pub async fn signal(
        &self,
        target: &str,
        signal: Signal,
        pid: i32,
        backend_start_us: i64,
    ) -> Result<Signalled, Trouble> {
        let (answer, answered) = oneshot::channel();
        let request = Request::One {
            signal,
            pid,
            backend_start_us,
            answer,
        };
        self.ask(target, request, answered).await
    }

    /// Ends the statement of one session: [`Monitor::signal`] with [`Signal::Cancel`].
    pub async fn cancel_backend(
        &self,
        target: &str,
        pid: i32,
        backend_start_us: i64,
    ) -> Result<Signalled, Trouble> {
        self.signal(target, Signal::Cancel, pid, backend_start_us)
            .await
    }

    /// Ends one session: [`Monitor::signal`] with [`Signal::Terminate`].
    pub async fn terminate_backend(
        &self,
        target: &str,
        pid: i32,
        backend_start_us: i64,
    ) -> Result<Signalled, Trouble> {
        self.signal(target, Signal::Terminate, pid, backend_start_us)
            .await
    }

    /// Signals every session whose application name is `name` or begins with it and a colon
    /// (`gonogo:RUN:STEP`), never the monitor's own. The pids to which a signal was sent.
    pub async fn signal_ours(
        &self,
        target: &str,
        signal: Signal,
        name: &str,
    ) -> Result<Vec<i32>, Trouble> {
        let (answer, answered) = oneshot::channel();
        let request = Request::Ours {
            signal,
            prefix: name.to_owned(),
            answer,
        };
        self.ask(target, request, answered).await
    }

    /// [`Monitor::signal_ours`] with [`Signal::Cancel`].
    pub async fn cancel_ours(&self, target: &str, name: &str) -> Result<Vec<i32>, Trouble> {
        self.signal_ours(target, Signal::Cancel, name).await
    }

    /// One session in full, as it is now.
    pub async fn session(
        &self,
        target: &str,
        pid: i32,
        backend_start_us: i64,
    ) -> Result<SessionDetail, Trouble> {
        let (answer, answered) = oneshot::channel();
        let request = detail::Request {
            pid,
            backend_start_us,
            answer,
        };
        let silent = || {
            Trouble::passing(
                format!("`{target}` does not answer"),
                "the pane shows how old its sessions are",
            )
        };
        let asked = self.handle(target)?.details.try_send(request);
        asked.map_err(|_| silent())?;
        match tokio::time::timeout(DETAIL, answered).await {
            Ok(Ok(detail)) => detail,
            Ok(Err(_)) | Err(_) => Err(silent()),
        }
    }

    /// Who answers where a target's address leads now, asked in a session that is opened for it.
    pub async fn prove(&self, target: &str) -> Result<IdentityNews, Trouble> {
        self.handle(target)?.place.prove().await
    }

    /// What somebody else's session on a target has proved, as news.
    pub fn news_of(&self, target: &str, identity: &TargetIdentity) -> Option<IdentityNews> {
        let place = &self.targets.get(target)?.place;
        place.check(identity);
        Some(place.news_of(identity.clone()))
    }

    /// The server process of the open session: when it began, and until when it certainly answered.
    pub fn alive(&self, target: &str) -> Option<(Timestamp, Timestamp)> {
        self.targets.get(target)?.place.alive()
    }

    /// The names of the targets that are watched.
    pub fn targets(&self) -> Vec<String> {
        self.targets.keys().cloned().collect()
    }

    /// Asks for the lock of every target, again where it was given up.
    pub fn want_locks(&self, record: LockRecord) {
        self.lock.send_if_modified(|known| {
            let wanted = known.is_none();
            known.get_or_insert(record);
            wanted
        });
    }

    /// Gives the lock of every target up: the run is over, or another run has taken one over.
    pub fn give_locks_up(&self) {
        self.lock.send_if_modified(|record| record.take().is_some());
    }

    /// Who holds the lock of a target, asked now.
    pub async fn lock(&self, target: &str) -> Result<LockReading, Trouble> {
        let (answer, answered) = oneshot::channel();
        self.ask(target, Request::Lock { answer }, answered).await
    }

    /// Takes the lock of a target from its holder, whose session is ended.
    pub async fn take_lock(&self, target: &str, from: LockHolder) -> Result<LockReading, Trouble> {
        let (answer, answered) = oneshot::channel();
        self.ask(target, Request::Take { from, answer }, answered)
            .await
    }

    /// The single value of a query that only reads, within 2 s: what a rollback would lose.
    pub async fn catalog(
        &self,
        target: &str,
        asked: &[crate::runbook::Asked],
    ) -> Result<Vec<crate::run::CatalogWord>, Trouble> {
        catalog::words(&self.handle(target)?.place.target, &self.run, asked).await
    }

    pub async fn loss(&self, target: &str, query: &str) -> Result<String, Trouble> {
        loss::loss(&self.handle(target)?.place.target, &self.run, query).await
    }

    /// How many rows were ever written to each of these tables that is there.
    pub async fn written(
        &self,
        target: &str,
        tables: &[TableName],
    ) -> Result<std::collections::BTreeMap<String, i64>, Trouble> {
        writes::written(&self.handle(target)?.place.target, &self.run, tables).await
    }

    /// One value that a query of ours reads, as text.
    pub async fn value(&self, target: &str, query: &str) -> Result<String, Trouble> {
        loss::value(&self.handle(target)?.place.target, &self.run, query).await
    }

    /// What is left of a step on its server: sessions of this name, and the end of a transaction.
    pub async fn remains(
        &self,
        target: &str,
        application: &str,
        transaction: Option<i64>,
    ) -> Result<Remains, Trouble> {
        let target = &self.handle(target)?.place.target;
        fate::remains(target, &self.run, application, transaction).await
    }

    /// What a step with these locks would meet on a target if it began now.
    ///
    /// # Errors
    /// The target cannot be reached, or answers too late.
    pub async fn before(&self, target: &str, locks: &[TableLock]) -> Result<BeforeStep, Trouble> {
        let target = &self.handle(target)?.place.target;
        let mut before = before::before(target, &self.run, locks).await?;
        let redactor = self.redactor.read().unwrap_or_else(PoisonError::into_inner);
        for guard in &mut before.guards {
            guard.text = redactor.redact_text(&guard.text);
        }
        for name in before.locks.iter_mut().flat_map(|lock| {
            let held = lock.held_by.iter_mut();
            held.chain(&mut lock.waited_for_by)
        }) {
            *name = redactor.redact_text(name);
        }
        Ok(before)
    }

    /// Which of the indexes that were built `CONCURRENTLY` are there and not valid.
    ///
    /// # Errors
    /// The target cannot be reached, or answers too late.
    pub async fn invalid_indexes(
        &self,
        target: &str,
        indexes: &[String],
        tables: &[String],
    ) -> Result<Vec<String>, Trouble> {
        let target = &self.handle(target)?.place.target;
        fate::invalid_indexes(target, &self.run, indexes, tables).await
    }

    async fn ask<T>(
        &self,
        target: &str,
        request: Request,
        answered: oneshot::Receiver<Result<T, Trouble>>,
    ) -> Result<T, Trouble> {
        let ended = || Trouble::lost("the monitor has ended", "resume the run");
        self.handle(target)?
            .requests
            .send(request)
            .await
            .map_err(|_| ended())?;
        match tokio::time::timeout(SIGNAL, answered).await {
            Ok(answer) => answer.map_err(|_| ended())?,
            Err(_) => Err(Trouble::lost(
                format!("the server has not answered for {} s", SIGNAL.as_secs()),
                "it may still carry the signal out; look at its sessions",
            )),
        }
    }

    fn handle(&self, target: &str) -> Result<&Handle, Trouble> {
        self.targets.get(target).ok_or_else(|| {
            let known: Vec<&str> = self.targets.keys().map(String::as_str).collect();
            Trouble::passing(
                format!("no target is named `{target}`"),
                format!("there are: {}", known.join(", ")),
            )
        })
    }
}

/// Where samples go. Never waits.
#[derive(Clone, Debug)]
pub(super) struct Publisher {
    sender: mpsc::Sender<Sample>,
    redactor: Arc<RwLock<Redactor>>,
}

impl Publisher {
    pub(super) fn publish(&self, mut sample: Sample) {
        // A panic elsewhere cannot leave a redactor half replaced.
        let redactor = self.redactor.read().unwrap_or_else(PoisonError::into_inner);
        clean::redact(&mut sample, &redactor);
        drop(redactor);
        match self.sender.try_send(sample) {
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                tracing::debug!("a reading found nobody ready for it");
            }
        }
    }

    pub(super) fn redacted(&self, mut detail: SessionDetail) -> SessionDetail {
        let redactor = self.redactor.read().unwrap_or_else(PoisonError::into_inner);
        detail.query = redactor.redact_text(&detail.query);
        detail
    }

    pub(super) fn closed(&self) -> bool {
        self.sender.is_closed()
    }
}
