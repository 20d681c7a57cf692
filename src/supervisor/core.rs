//! The loop of the supervisor: the only place where a run changes.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;

use super::fate;
use super::feed::Feed;
use super::guide::GuideWatch;
use super::handle::{Handle, Input};
use super::message::{Person, StoreHealth};
use super::output::Outputs;
use super::reserve::Reserve;
use super::secrets::Secrets;
use super::watching::{lock_record, start_monitor};
use super::{included, memory};
use crate::executor::{Executor, Running, launched};
use crate::journal::{JournalError, RunLock, SqliteJournal};
use crate::monitor::{LockNews, Monitor, Sample, known_passwords};
use crate::run::{
    ActionId, Command, ENGINE, Event, Mode, PairingAct, PairingFact, Readings, Record, Refusal,
    RunState, Subject, TargetIdentity, Timestamp, advance, decide, fold, preview,
};
use crate::runbook::Actor;
use crate::text::redact::Redactor;

/// How often the engine is asked whether time alone has changed something.
const PULSE: Duration = Duration::from_millis(500);
/// How long a run that nobody looks at keeps its process, where the environment does not say.
const PARK_AFTER: TimeDelta = TimeDelta::minutes(30);
/// Who walked a run without a person has left, and nobody waits for it.
const WALK_IS_OVER: TimeDelta = TimeDelta::milliseconds(700);
/// Whoever starts a supervisor joins it within this time.
const FIRST_VISIT: TimeDelta = TimeDelta::seconds(10);
/// More steps than this without a person means a loop; the run is left as it is.
const LONGEST_ADVANCE: usize = 1_000;

#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("{0}")]
    Held(String),
    #[error("the journal in `{0}` does not begin with the opening of a run")]
    NotARun(PathBuf),
    #[error("{0}")]
    Io(#[from] std::io::Error),
}
/// An attempt under way.
pub(super) enum Slot {
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
    pub(super) _lock: RunLock,
    pub(super) executor: Executor,
    pub(super) outputs: Outputs,
    pub(super) feed: Arc<Feed>,
    pub(super) secrets: Secrets,
    pub(super) monitor: Arc<Monitor>,
    pub(super) samples: mpsc::Receiver<Sample>,
    pub(super) lock_news: mpsc::Receiver<LockNews>,
    /// Targets of which it is known who holds them, or that nobody can be asked.
    pub(super) locks_seen: HashSet<String>,
    /// Databases that said who they are before their lock was known.
    pub(super) unproved: HashMap<String, TargetIdentity>,
    pub(super) readings: Readings,
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
    /// Since when no client of the driver has been seen.
    pub(super) driver_missed: Option<Timestamp>,
    /// Since when nobody is there whose hand is up, by name.
    pub(super) hands_missed: HashMap<String, Timestamp>,
    /// When somebody last came or went.
    pub(super) looked_at: Timestamp,
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
        let lock = RunLock::acquire(directory, chrono::Utc::now(), launched(std::process::id()))
            .map_err(|held| SupervisorError::Held(held.to_string()))?;
        let journal_path = directory.join("journal.sqlite");
        let reserve = Reserve::new(directory);
        let opened = open_journal(&journal_path).await;
        let (mut journal, state) = match opened {
            // Without its supervisor a run has no rollback at all.
            Err(JournalError::DiskFull { .. }) if reserve.give_up() => {
                open_journal(&journal_path).await?
            }
            opened => opened?,
        };
        let damage = journal.damage().map(|damage| damage.reason.clone());
        if damage.is_some() {
            journal.set_damaged_tail_aside().await?;
        }
        let state = state.ok_or_else(|| SupervisorError::NotARun(journal_path.clone()))?;
        let executor = Executor::new(binary, directory);
        let feed = Arc::new(Feed::new(state.clone()));
        let outputs = Outputs::new(executor.clone(), feed.clone());
        let (sender, inputs) = mpsc::channel(1_024);
        let (announced, presence) = watch::channel(Vec::new());
        let handle = Handle {
            feed: feed.clone(),
            inputs: sender.clone(),
            outputs: outputs.clone(),
            presence: announced,
            directory: directory.to_owned(),
        };
        let mut secrets = Secrets::new(PathBuf::from(&state.directory));
        secrets.learn(known_passwords());
        let (sample_sender, samples) = mpsc::channel(64);
        let (lock_sender, lock_news) = mpsc::channel(16);
        let monitor = start_monitor(&state, &mut secrets, sample_sender, lock_sender).await;
        let supervisor = Self {
            guide: GuideWatch::new(&state),
            state: Arc::new(state),
            journal,
            _lock: lock,
            executor,
            outputs,
            feed,
            secrets,
            monitor: Arc::new(monitor),
            samples,
            lock_news,
            locks_seen: HashSet::new(),
            unproved: HashMap::new(),
            readings: Readings::default(),
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
            looked_at: chrono::Utc::now(),
            visited: false,
            health: StoreHealth::default(),
            reserve,
            unsaved: Vec::new(),
            damage,
            standing_kept: 0,
        };
        Ok((supervisor, handle))
    }

    /// Runs until the run is over and nobody watches, or `leave` is notified.
    ///
    /// # Errors
    /// Where even the first event cannot be written.
    pub async fn run(mut self, leave: Arc<Notify>) -> Result<(), SupervisorError> {
        let epoch = self.state.epoch + 1;
        let mut first = vec![Event::SupervisorStarted {
            pid: std::process::id(),
            epoch,
        }];
        first.extend(self.damage.take().map(|reason| Event::NoteWritten {
            text: format!(
                "the end of the journal was damaged and set aside: {reason}; what happened after \
                 the events before this one is not known"
            ),
            step: None,
        }));
        self.commit(ENGINE, first)
            .await
            .map_err(|refusal| std::io::Error::other(refusal.message))?;
        self.reserve.take();
        self.adopt().await;
        self.proceed().await;
        let mut pulse = tokio::time::interval(PULSE);
        pulse.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
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
                Some(sample) = self.samples.recv() => self.observe(sample).await,
                _ = pulse.tick() => {
                    self.repair_journal().await;
                    self.look_at_guide();
                    self.note_presence(false).await;
                    self.lower_hands_of_the_gone().await;
                    self.proceed().await;
                    self.note_standing(false).await;
                    if self.is_over() || self.is_parked() {
                        break;
                    }
                }
            }
        }
        if self.is_ended() {
            self.reserve.give_up();
        }
        if let Err(refusal) = self.commit(ENGINE, vec![Event::SupervisorStopped {}]).await {
            tracing::warn!(reason = %refusal.message, "the end of the supervisor is not recorded");
        }
        self.note_standing(true).await;
        // One file is left: whoever lists runs reads it without taking locks.
        if let Err(error) = self.journal.close().await {
            tracing::warn!(%error, "the journal's log is not written back");
        }
        Ok(())
    }

    /// A finished run needs no process, once nobody looks at it.
    fn is_over(&self) -> bool {
        let after = match self.state.unattended && self.visited {
            true => WALK_IS_OVER,
            false => TimeDelta::seconds(5),
        };
        let idle = chrono::Utc::now() - self.state.last_event_at > after;
        let all_is_kept = self.unsaved.is_empty();
        self.is_ended() && idle && all_is_kept && self.people.is_empty() && self.slots.is_empty()
    }

    /// How long this run keeps its process, its connections and its locks when nobody looks at it.
    fn keeps_for(&self) -> TimeDelta {
        let configured = self.state.config.park_after_s.and_then(|seconds| {
            let seconds = i64::try_from(seconds).ok()?;
            TimeDelta::try_seconds(seconds)
        });
        match (configured, self.state.unattended) {
            (Some(configured), _) => configured,
            (None, false) => PARK_AFTER,
            (None, true) if self.visited => WALK_IS_OVER,
            (None, true) => FIRST_VISIT,
        }
    }

    /// A run that waits for a person, perhaps for days, needs no process either: the next who attaches
    /// starts one.
    fn is_parked(&self) -> bool {
        let last = self.state.last_event_at.max(self.looked_at);
        let idle = chrono::Utc::now() - last > self.keeps_for();
        // A watch goes on in its shim; what it saw meanwhile is heard by the next supervisor.
        let mut slots = self.slots.keys();
        let rests = slots.all(|(action, _)| self.state.is_watch(*action))
            && self.state.mode != Mode::RollingBack;
        idle && rests && self.unsaved.is_empty() && self.people.is_empty()
    }

    pub(super) fn is_ended(&self) -> bool {
        self.state.mode == Mode::Done || self.state.mode.is_over()
    }

    async fn take(&mut self, input: Input) {
        match input {
            Input::Request(request) => {
                if takes_over(&request.command) {
                    self.note_presence(true).await;
                }
                let lent = match &request.command {
                    Command::GiveKeyboard { action } => Some(*action),
                    _ => None,
                };
                let answer = self.carry_out(&request.by.name, request.command).await;
                if let (Ok(_), Some(action)) = (&answer, lent) {
                    self.keyboard_lent(action, &request.by);
                }
                if let Some(waiting) = request.answer
                    && waiting.send(answer).is_err()
                {
                    tracing::debug!("the client left before its answer");
                }
                self.proceed().await;
            }
            Input::Loss(request) => self.loss(request),
            Input::Typed(request) => self.type_to(request),
            Input::Waiting {
                action,
                attempt,
                waiting,
            } => self.waiting(action, attempt, waiting),
            Input::Fate(action, answer) => {
                let (state, monitor) = (self.state.clone(), self.monitor.clone());
                let readings = self.readings.clone();
                tokio::spawn(async move {
                    let fate = fate::find_out(state, readings, monitor, action).await;
                    if answer.send(fate).is_err() {
                        tracing::debug!("nobody waits to hear what became of an action");
                    }
                });
            }
            Input::Included(action, answer) => {
                self.secrets.resolve_what_is_at_hand(&self.state).await;
                let redactor = Redactor::new(self.secrets.values());
                let state = self.state.clone();
                tokio::task::spawn_blocking(move || {
                    if answer
                        .send(included::read(&state, action, &redactor))
                        .is_err()
                    {
                        tracing::debug!("nobody waits to see what an action includes");
                    }
                });
            }
            Input::Guide(watch, state) => self.guide_seen(watch, state).await,
            Input::Launched {
                action,
                attempt,
                running,
            } => self.launched(action, attempt, running).await,
        }
    }

    pub(super) async fn carry_out(&mut self, by: &str, command: Command) -> Result<u64, Refusal> {
        let command = self.secrets.redacted(command);
        if let Command::Finished {
            action, attempt, ..
        } = &command
        {
            self.slots.remove(&(*action, *attempt));
            self.keyboards.remove(&(*action, *attempt));
            self.asks_no_more(*action, *attempt);
        }
        if let Command::Start {
            action,
            included: Some(shown),
            ..
        } = &command
            && included::digest(&self.state, *action).as_ref() != Some(shown)
        {
            return Err(Refusal::new(
                "a file that it includes or calls has changed since you looked",
                "look at it again, then confirm",
            ));
        }
        if let Command::Rollback {
            option,
            included: Some(shown),
            ..
        } = &command
            && *shown != included::digests(&self.state, option)
        {
            return Err(Refusal::new(
                "a file that the rollback includes or calls has changed since you looked",
                "look at it again (`R`), then confirm",
            ));
        }
        if let Command::Pairing {
            act: PairingAct::Approve { .. },
        } = &command
        {
            self.void_if_included_changed().await?;
            self.look_at_locks().await?;
        }
        if let Command::Start { action, .. } = &command {
            self.starts_somewhere(*action)?;
            // A rollback waits for no lock.
            if !matches!(self.state.mode, Mode::Stuck | Mode::RollingBack) {
                self.look_at_locks().await?;
            }
        }
        let now = chrono::Utc::now();
        let driver = self.state.driver.clone();
        let events = decide(&self.state, &self.readings, by, &command, now)?;
        self.secrets.check(&self.state, &command).await?;
        // A run that was taken over asks for its targets again when a person says so.
        if matches!(command, Command::Resume {} | Command::TakeTarget { .. }) {
            self.monitor.want_locks(lock_record(&self.state));
        }
        self.commit(by, events).await?;
        memory::keep(&self.state, by, &command);
        if self.state.driver != driver {
            self.driver_missed = None;
            self.tell_people();
        }
        Ok(self.state.seq)
    }

    /// The directory that an earlier step left may be gone by now: better said before it starts.
    fn starts_somewhere(&self, action: ActionId) -> Result<(), Refusal> {
        let Ok(shown) = preview(&self.state, action) else {
            // Why it cannot run is the engine's to say.
            return Ok(());
        };
        let needs_it = matches!(shown.actor, Actor::Shell | Actor::Sql);
        if !needs_it || Path::new(&shown.directory).is_dir() {
            return Ok(());
        }
        let (from, help) = match &shown.directory_from {
            Some(step) => (
                format!(", where `{step}` left the shell,"),
                format!("make it, run `{step}` again, or give the block a `cwd=`"),
            ),
            None => (String::new(), "make it, or fix its `cwd`".to_owned()),
        };
        Err(Refusal::new(
            format!("the directory `{}`{from} does not exist", shown.directory),
            help,
        ))
    }

    /// What was approved is what was asked, down to the files that it includes.
    async fn void_if_included_changed(&mut self) -> Result<(), Refusal> {
        let Some(waiting) = &self.state.pairing.waiting else {
            return Ok(());
        };
        let (Subject::Start { action }, Some(shown)) =
            (&waiting.request.subject, &waiting.request.included)
        else {
            return Ok(());
        };
        if included::digest(&self.state, *action).as_ref() == Some(shown) {
            return Ok(());
        }
        let fact = PairingFact::ApprovalVoided {
            what: self.state.subject_title(&waiting.request.subject),
            reason: "a file that it includes or calls has changed".to_owned(),
        };
        self.commit(ENGINE, vec![Event::Pairing { fact }]).await?;
        Err(Refusal::new(
            "a file that it includes or calls has changed since it was asked",
            "the driver looks at it again and asks anew",
        ))
    }

    /// A command of a rollback runs only with the files that were shown when that began; else the rollback
    ///  stops for a look at them.
    fn as_shown(&self, events: Vec<Event>) -> Vec<Event> {
        let rollback = self.state.rollback.as_ref();
        let Some((rollback, shown)) = rollback
            .filter(|_| self.state.mode == Mode::RollingBack)
            .and_then(|rollback| Some((rollback, rollback.included.as_ref()?)))
        else {
            return events;
        };
        let changed = events.iter().find_map(|event| match event {
            Event::ActionStarted { action, .. } => {
                let now = included::digest(&self.state, *action);
                (now.as_ref() != shown.get(action)).then_some(*action)
            }
            _ => None,
        });
        let Some(action) = changed else { return events };
        let step = self.state.step_of(action);
        let title = step.map(|step| crate::run::action_title(&self.state.runbook, step, action));
        vec![Event::RollbackFinished {
            option: rollback.option.clone(),
            succeeded: false,
            reason: Some(format!(
                "{}: a file that it includes or calls is not what was shown when the rollback began; look at it, then run it",
                title.unwrap_or_default()
            )),
        }]
    }

    /// Lets the engine do what it does by itself.
    pub(super) async fn proceed(&mut self) {
        for _ in 0..LONGEST_ADVANCE {
            let events = advance(&self.state, &self.readings, chrono::Utc::now());
            if events.is_empty() {
                let nothing_left =
                    self.state.mode == Mode::Done && self.state.runbook.cleanup.is_empty();
                if nothing_left || self.state.mode.is_over() {
                    self.monitor.give_locks_up();
                }
                return;
            }
            let events = self.as_shown(events);
            if let Err(refusal) = self.commit(ENGINE, events).await {
                tracing::warn!(reason = %refusal.message, "the run cannot go on by itself");
                return;
            }
        }
        tracing::error!("the engine does not come to rest; the run is left as it is");
    }
}

/// The journal to go on with, and the state that its intact events make.
async fn open_journal(path: &Path) -> Result<(SqliteJournal, Option<RunState>), JournalError> {
    SqliteJournal::open_folding(path, None, |state, record| fold(state, &record)).await
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
