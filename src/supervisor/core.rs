//! The loop of the supervisor: the only place where a run changes.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::clock::{Clock, Clocks, SystemClocks};
use super::fate;
use super::feed::Feed;
use super::folder::Folder;
use super::guide::GuideWatch;
use super::handle::{Handle, Input};
use super::looks::Looks;
use super::memory::Memory;
use super::message::{Person, StoreHealth};
use super::notify::Notifier;
use super::output::Outputs;
use super::readiness::ReadinessWatch;
use super::reserve::Reserve;
use super::secrets::Secrets;
use super::trust;
use super::watching::start_monitor;
use crate::executor::{Executor, Running, launched};
use crate::journal::{JournalError, RunLock, SqliteJournal};
use crate::monitor::{IdentityNews, LockNews, Monitor, Recorder, Sample, known_passwords};
use crate::run::{ActionId, Configuration, ENGINE, Event, Facts, Record, RunState, fold};

/// How often the engine is asked whether time alone has changed something.
const PULSE: Duration = Duration::from_millis(500);

#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("{0}")]
    Held(String),
    #[error("the journal in `{0}` does not begin with the opening of a run")]
    NotARun(PathBuf),
    #[error("{0}; this supervisor exits and leaves the run to the other")]
    Fenced(String),
    #[error("{0}")]
    Io(#[from] std::io::Error),
}
/// An attempt under way.
pub(super) enum Slot {
    /// A secret that it needs is on its way; nothing was started yet.
    Waiting(AbortHandle),
    /// The shim is being started; a cancellation that comes now waits for it.
    Launching {
        cancel: Option<bool>,
    },
    Running(Running),
}

/// The one writer of a run.
pub struct Supervisor {
    pub(super) state: Arc<RunState>,
    pub(super) journal: SqliteJournal,
    pub(super) lock: RunLock,
    pub(super) folder: Folder,
    pub(super) looks_at_folder: bool,
    /// Why nothing new starts: another folder stands in place of the run's.
    pub(super) displaced: Option<String>,
    /// Another supervisor writes the journal now: this one has nothing more to say.
    pub(super) fenced: Option<String>,
    pub(super) executor: Executor,
    pub(super) outputs: Outputs,
    pub(super) feed: Arc<Feed>,
    pub(super) secrets: Secrets,
    pub(super) monitor: Arc<Monitor>,
    pub(super) samples: mpsc::Receiver<Sample>,
    pub(super) lock_news: mpsc::Receiver<LockNews>,
    /// Where a monitor tells what it sees.
    pub(super) monitor_news: (
        mpsc::Sender<Sample>,
        (mpsc::Sender<LockNews>, mpsc::Sender<IdentityNews>),
    ),
    /// What its user has to agree to, where that is not in the journal yet.
    asks_consent: Option<Box<Configuration>>,
    /// Targets of which it is known who holds them, or that nobody can be asked.
    pub(super) locks_seen: HashSet<String>,
    /// Databases that said who they are before their lock was known.
    pub(super) unproved: HashMap<String, IdentityNews>,
    pub(super) identity_news: mpsc::Receiver<IdentityNews>,
    pub(super) facts: Facts,
    pub(super) missing: super::alarms::Missing,
    pub(super) held_up: super::held_up::HeldUp,
    pub(super) recorder: Recorder,
    pub(super) looks: Looks,
    pub(super) notifier: Notifier,
    /// The rollback's next command whose files are being looked at, and the number of that look.
    pub(super) looking: Option<ActionId>,
    /// Counts what may have changed the files that were looked at.
    pub(super) look: u64,
    pub(super) clock: Clock,
    pub(super) memory: Memory,
    /// The phase of which the secrets were asked for, and how often an input had changed by then.
    pub(super) fetched_for: Option<(String, usize)>,
    /// Why the run cannot go on by itself, as it was last said.
    pub(super) stopped_by: Option<String>,
    pub(super) slots: HashMap<(ActionId, u32), Slot>,
    pub(super) inputs: mpsc::Receiver<Input>,
    pub(super) sender: mpsc::Sender<Input>,
    pub(super) presence: watch::Receiver<Vec<Person>>,
    pub(super) people: Vec<Person>,
    /// When everybody was told last who is here, and is to be told next.
    pub(super) people_told: Option<Instant>,
    pub(super) people_due: Option<Instant>,
    /// The connections from which steps were lent their keyboard.
    pub(super) keyboards: HashMap<(ActionId, u32), u64>,
    /// Since when no client of the driver has been seen; as all that is measured here, since the boot.
    pub(super) driver_missed: Option<Duration>,
    /// Since when nobody is there whose hand is up, by name.
    pub(super) hands_missed: HashMap<String, Duration>,
    /// When somebody last came or went.
    pub(super) looked_at: Duration,
    /// When something was last written.
    pub(super) wrote_at: Duration,
    /// Somebody has been here since this process began.
    pub(super) visited: bool,
    pub(super) health: StoreHealth,
    pub(super) reserve: Reserve,
    /// Facts that could not be written yet; the next write carries them first.
    pub(super) unsaved: Vec<Record>,
    /// What was wrong with the end of the journal when it was opened; that end was set aside.
    damage: Option<String>,
    /// `None` while it looks.
    pub(super) guide: Option<GuideWatch>,
    /// `None` while it looks.
    pub(super) readiness: Option<ReadinessWatch>,
    /// Number of the event after which it was last kept where the run stands.
    pub(super) standing_kept: u64,
}

impl Supervisor {
    /// Opens a run: takes its lock, reads its journal, adopts what still runs, and begins to watch
    /// its targets. `binary` is this program, for the shims.
    ///
    /// # Errors
    /// Where another supervisor holds the run, or its journal cannot be read.
    pub async fn open(
        directory: &Path,
        binary: PathBuf,
    ) -> Result<(Self, Handle), SupervisorError> {
        Self::open_by(directory, binary, Arc::new(SystemClocks)).await
    }

    /// [`Self::open`], by these clocks.
    ///
    /// # Errors
    /// As `open`.
    pub async fn open_by(
        directory: &Path,
        binary: PathBuf,
        clocks: Arc<dyn Clocks>,
    ) -> Result<(Self, Handle), SupervisorError> {
        let lock = RunLock::acquire(directory, clocks.read().wall, launched(std::process::id()))
            .map_err(|held| SupervisorError::Held(held.to_string()))?;
        let journal_path = directory.join("journal.sqlite");
        let executor = Executor::new(binary, directory);
        let mut reserve = Reserve::new(directory, executor.clone());
        let (journal, state, damage) = take_up(&journal_path, &mut reserve).await?;
        reserve.plan(&state);
        let feed = Arc::new(Feed::new(state.clone()));
        let outputs = Outputs::new(executor.clone(), feed.clone());
        let (sender, inputs) = mpsc::channel(1_024);
        let (announced, presence) = watch::channel(Vec::new());
        let handle = Handle {
            feed: feed.clone(),
            inputs: sender.clone(),
            outputs: outputs.clone(),
            presence: announced,
            run: state.run.clone(),
            directory: directory.to_owned(),
            past: Arc::new(Semaphore::new(1)),
        };
        let (consent, asks_consent) = consent_to(&state);
        let secrets = Secrets::new(PathBuf::from(&state.directory), consent);
        secrets.learn(known_passwords());
        let (sample_sender, samples) = mpsc::channel(64);
        let (lock_sender, lock_news) = mpsc::channel(16);
        let clock = Clock::new(clocks, state.clock.as_ref());
        let (identity_sender, identity_news) = mpsc::channel(16);
        let monitor_news = (sample_sender, (lock_sender, identity_sender));
        let (to_sample, news) = monitor_news.clone();
        let monitor = start_monitor(&state, &secrets, clock.now(), to_sample, news);
        secrets.fetch_ahead(Secrets::at_hand(&state));
        let mut supervisor = Self {
            guide: GuideWatch::new(&state),
            notifier: Notifier::new(&state, clock.now(), &secrets, &sender),
            readiness: Some(ReadinessWatch::default()),
            state: Arc::new(state),
            journal,
            folder: Folder::of(directory)?,
            lock,
            looks_at_folder: false,
            displaced: None,
            fenced: None,
            executor,
            outputs,
            feed,
            secrets,
            monitor: Arc::new(monitor),
            samples,
            lock_news,
            monitor_news,
            asks_consent,
            locks_seen: HashSet::new(),
            missing: Default::default(),
            held_up: Default::default(),
            recorder: Recorder::start(directory),
            unproved: HashMap::new(),
            identity_news,
            facts: Facts::default(),
            looks: Looks::default(),
            looking: None,
            look: 0,
            memory: Memory::start(),
            fetched_for: None,
            stopped_by: None,
            slots: HashMap::new(),
            inputs,
            sender,
            presence,
            people: Vec::new(),
            people_told: None,
            people_due: None,
            keyboards: HashMap::new(),
            driver_missed: None,
            hands_missed: HashMap::new(),
            looked_at: clock.up(),
            wrote_at: clock.up(),
            clock,
            visited: false,
            health: StoreHealth::default(),
            reserve,
            unsaved: Vec::new(),
            damage,
            standing_kept: 0,
        };
        supervisor.introduce().await?;
        Ok((supervisor, handle))
    }

    /// Writes that it has begun, before anybody can ask it anything: whoever joins finds in the state
    /// whether its user has to agree to something first.
    async fn introduce(&mut self) -> Result<(), SupervisorError> {
        let epoch = self.state.epoch + 1;
        let mut first = vec![Event::SupervisorStarted {
            pid: std::process::id(),
            epoch,
            clock: Some(self.clock.anchor()),
        }];
        first.extend(self.damage.take().map(|reason| Event::NoteWritten {
            text: format!(
                "the end of the journal was damaged and set aside: {reason}; what happened after \
                 the events before this one is not known"
            ),
            step: None,
        }));
        let asked = self.asks_consent.take();
        first.extend(asked.map(|configuration| Event::ConsentAsked { configuration }));
        self.commit(ENGINE, first)
            .await
            .map_err(|refusal| std::io::Error::other(refusal.message))?;
        Ok(())
    }

    /// Runs until the run is over and nobody watches, or `leave` is notified. The lock of the run is handed
    /// back: what else is taken away is taken away under it.
    ///
    /// # Errors
    /// None so far: what goes wrong is told to who watches.
    pub async fn run(mut self, leave: Arc<Notify>) -> Result<RunLock, SupervisorError> {
        self.follow_the_clock().await;
        self.reserve.take();
        self.adopt().await;
        self.proceed().await;
        let mut pulse = tokio::time::interval(PULSE);
        pulse.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut secrets = self.secrets.watch();
        secrets.mark_changed();
        loop {
            tokio::select! {
                biased;
                () = leave.notified() => break,
                // Before what is asked: who asks is here.
                Ok(()) = self.presence.changed() => self.people_changed().await,
                () = Self::people_are_due(self.people_due) => self.tell_people(),
                input = self.inputs.recv() => match input {
                    Some(input) => self.take(input).await,
                    None => break,
                },
                Some(news) = self.lock_news.recv() => self.lock_seen(news).await,
                Some(news) = self.identity_news.recv() => self.identified(news).await,
                Some(sample) = self.samples.recv() => self.observe(sample).await,
                Ok(()) = secrets.changed() => self.secrets_changed(),
                _ = pulse.tick() => {
                    self.follow_the_clock().await;
                    self.repair_journal().await;
                    self.look_for_consent().await;
                    self.look_at_folder();
                    self.look_at_guide();
                    self.look_at_readiness();
                    self.look_for_due();
                    self.note_presence(false).await;
                    self.lower_hands_of_the_gone().await;
                    self.proceed().await;
                    self.note_standing(false).await;
                    if self.is_over() || self.is_parked() {
                        break;
                    }
                }
            }
            if let Some(reason) = &self.fenced {
                return Err(SupervisorError::Fenced(reason.clone()));
            }
        }
        tracing::debug!(lock = %self.lock.path().display(), "the run is let go");
        if self.is_ended() {
            self.reserve.end();
        }
        if let Err(refusal) = self.commit(ENGINE, vec![Event::SupervisorStopped {}]).await {
            tracing::warn!(reason = %refusal.message, "the end of the supervisor is not recorded");
        }
        self.notifier.finish().await;
        self.note_standing(true).await;
        self.secrets.end();
        self.memory.finish().await;
        // One file is left: whoever lists runs reads it without taking locks.
        if let Err(error) = self.journal.close().await {
            tracing::warn!(%error, "the journal's log is not written back");
        }
        Ok(self.lock)
    }

    async fn take(&mut self, input: Input) {
        match input {
            Input::Request(request) => self.asked(request).await,
            Input::Observed(observation) => self.seen(observation).await,
            Input::Found(request, found) => self.decided(request, *found).await,
            Input::FilesSeen {
                action,
                look,
                files,
            } => self.files_seen(action, look, files).await,
            Input::SecretsCame {
                action,
                attempt,
                reason,
            } => self.secrets_came(action, attempt, reason).await,
            Input::Loss(request) => self.loss(request),
            Input::Session(request) => self.session(request),
            Input::Before(request) => self.before(request),
            Input::Typed(request) => self.type_to(request),
            Input::Waiting {
                action,
                attempt,
                waiting,
            } => self.waiting(action, attempt, waiting),
            Input::Fate(action, answer) => {
                let (state, monitor) = (self.state.clone(), self.monitor.clone());
                let readings = self.facts.readings.clone();
                tokio::spawn(async move {
                    let fate = fate::find_out(state, readings, monitor, action).await;
                    if answer.send(fate).is_err() {
                        tracing::debug!("nobody waits to hear what became of an action");
                    }
                });
            }
            Input::Included(action, answer) => self.show_included(action, answer),
            Input::NotTold { receiver, reason } => self.not_told(&receiver, &reason).await,
            Input::Identity(news) => self.identified(news).await,
            Input::Guide(watch, state) => self.guide_seen(watch, state).await,
            Input::Folder(lost) => self.folder_seen(lost).await,
            Input::Readiness(watch, readiness) => self.readiness_seen(watch, readiness),
            Input::Launched {
                action,
                attempt,
                running,
            } => self.launched(action, attempt, running).await,
        }
    }
}

/// What its user has agreed to, or has to agree to first.
fn consent_to(state: &RunState) -> (Option<trust::Consent>, Option<Box<Configuration>>) {
    match trust::consent_to_run(state) {
        Ok(consent) => (Some(consent), None),
        // A run that is over starts nothing, and one that was asked before still is.
        Err(_) if state.mode.is_over() || state.untrusted.is_some() => (None, None),
        Err(asked) => (None, Some(asked)),
    }
}

/// The journal and what it says, with what was wrong at its end, which is set aside.
async fn take_up(
    path: &Path,
    reserve: &mut Reserve,
) -> Result<(SqliteJournal, RunState, Option<String>), SupervisorError> {
    let (mut journal, state) = match open_journal(path).await {
        // Without its supervisor a run has no rollback at all.
        Err(JournalError::DiskFull { .. }) if reserve.give_up() => open_journal(path).await?,
        opened => opened?,
    };
    let damage = journal.damage().map(|damage| damage.reason.clone());
    if damage.is_some() {
        journal.set_damaged_tail_aside().await?;
    }
    let state = state.ok_or_else(|| SupervisorError::NotARun(path.to_owned()))?;
    Ok((journal, state, damage))
}

/// The journal to go on with, and the state that its intact events make.
async fn open_journal(path: &Path) -> Result<(SqliteJournal, Option<RunState>), JournalError> {
    SqliteJournal::open_folding(path, None, |state, record| fold(state, &record)).await
}
