//! The loop of the supervisor: the only place where a run changes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};

use super::feed::{Feed, Person, StoreHealth};
use super::launch::specification;
use super::output::{Outputs, PageError};
use super::reserve::Reserve;
use super::secrets::Secrets;
use crate::executor::{Adopted, Executor, ExitRecord, Running, application_name, evidence};
use crate::journal::{Journal, JournalError, RunLock, SqliteJournal};
use crate::monitor::{Cadence, Monitor, MonitorConfig, Probe, Sample, Target};
use crate::run::{
    ActionId, Command, ENGINE, Effect, Event, Evidence, Mode, OutputLine, ProbeReading, Readings,
    Record, Refusal, RunState, advance, apply, decide, effects, open,
};
use crate::runbook::Actor;

/// How often the engine is asked whether time alone has changed something.
const PULSE: Duration = Duration::from_millis(500);
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

/// What the loop is asked.
pub struct Request {
    pub by: String,
    pub command: Command,
    /// Gets the sequence number of the last event.
    pub answer: Option<oneshot::Sender<Result<u64, Refusal>>>,
}

/// A question to the monitor's reserved connection.
pub struct LossRequest {
    pub block: usize,
    pub answer: oneshot::Sender<Result<String, String>>,
}

enum Input {
    Request(Request),
    Loss(LossRequest),
    People(Vec<Person>),
    Launched {
        action: ActionId,
        attempt: u32,
        running: Result<Running, String>,
    },
}

/// How the rest of the process reaches the supervisor.
#[derive(Clone)]
pub struct Handle {
    pub feed: Arc<Feed>,
    inputs: mpsc::Sender<Input>,
    outputs: Outputs,
}

impl Handle {
    /// Asks for a command and waits until its events are durable.
    ///
    /// # Errors
    /// The refusal of the engine, or that the supervisor is gone.
    pub async fn command(&self, by: String, command: Command) -> Result<u64, Refusal> {
        let (answer, answered) = oneshot::channel();
        let request = Input::Request(Request {
            by,
            command,
            answer: Some(answer),
        });
        let gone = || Refusal::new("the supervisor is ending", "attach again");
        self.inputs.send(request).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// Lines of an action's output.
    ///
    /// # Errors
    /// Where there is none, or it cannot be read.
    pub async fn page(
        &self,
        action: ActionId,
        attempt: u32,
        from: u64,
        count: usize,
    ) -> Result<(u64, Vec<OutputLine>), PageError> {
        self.outputs.page(action, attempt, from, count).await
    }

    /// What a rollback option would lose, read from the database now.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub async fn loss(&self, block: usize) -> Result<String, String> {
        let (answer, answered) = oneshot::channel();
        let gone = || "the supervisor is ending".to_owned();
        self.inputs
            .send(Input::Loss(LossRequest { block, answer }))
            .await
            .map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// Says who is connected.
    pub fn announce(&self, people: Vec<Person>) {
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            if inputs.send(Input::People(people)).await.is_err() {
                tracing::debug!("nobody is left to hear who is connected");
            }
        });
    }
}

/// An attempt under way.
enum Slot {
    /// The shim is being started; a cancellation that comes now waits for it.
    Launching {
        cancel: Option<bool>,
    },
    Running(Running),
}

/// The one writer of a run.
pub struct Supervisor {
    state: Arc<RunState>,
    journal: SqliteJournal,
    _lock: RunLock,
    executor: Executor,
    outputs: Outputs,
    feed: Arc<Feed>,
    secrets: Secrets,
    monitor: Arc<Monitor>,
    samples: mpsc::Receiver<Sample>,
    readings: Readings,
    slots: HashMap<(ActionId, u32), Slot>,
    inputs: mpsc::Receiver<Input>,
    sender: mpsc::Sender<Input>,
    people: Vec<Person>,
    health: StoreHealth,
    reserve: Reserve,
    /// Facts that could not be written yet; the next write carries them first.
    unsaved: Vec<Record>,
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
        let lock = RunLock::acquire(directory, chrono::Utc::now())
            .map_err(|held| SupervisorError::Held(held.to_string()))?;
        let journal_path = directory.join("journal.sqlite");
        let reserve = Reserve::new(directory);
        let mut journal = match SqliteJournal::open(&journal_path).await {
            // Without its supervisor a run has no way back at all.
            Err(JournalError::DiskFull { .. }) if reserve.give_up() => {
                SqliteJournal::open(&journal_path).await?
            }
            opened => opened?,
        };
        let records = journal.read(0).await?;
        let mut records_in_order = records.iter();
        let mut state = records_in_order
            .next()
            .and_then(open)
            .ok_or_else(|| SupervisorError::NotARun(journal_path.clone()))?;
        for record in records_in_order {
            apply(&mut state, record);
        }
        let executor = Executor::new(binary, directory);
        let feed = Arc::new(Feed::new(state.clone(), records));
        let outputs = Outputs::new(executor.clone(), feed.clone());
        let (sender, inputs) = mpsc::channel(1_024);
        let handle = Handle {
            feed: feed.clone(),
            inputs: sender.clone(),
            outputs: outputs.clone(),
        };
        let mut secrets = Secrets::new(PathBuf::from(&state.directory));
        let (sample_sender, samples) = mpsc::channel(64);
        let monitor = start_monitor(&state, &mut secrets, sample_sender).await;
        let supervisor = Self {
            state: Arc::new(state),
            journal,
            _lock: lock,
            executor,
            outputs,
            feed,
            secrets,
            monitor: Arc::new(monitor),
            samples,
            readings: Readings::default(),
            slots: HashMap::new(),
            inputs,
            sender,
            people: Vec::new(),
            health: StoreHealth::default(),
            reserve,
            unsaved: Vec::new(),
        };
        Ok((supervisor, handle))
    }

    /// Runs until the run is over and nobody watches, or `leave` is notified.
    ///
    /// # Errors
    /// Where even the first event cannot be written.
    pub async fn run(mut self, leave: Arc<Notify>) -> Result<(), SupervisorError> {
        let epoch = self.state.epoch + 1;
        self.commit(
            ENGINE,
            vec![Event::SupervisorStarted {
                pid: std::process::id(),
                epoch,
            }],
        )
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
                input = self.inputs.recv() => match input {
                    Some(input) => self.take(input).await,
                    None => break,
                },
                Some(sample) = self.samples.recv() => self.observe(sample).await,
                _ = pulse.tick() => {
                    self.mend_journal().await;
                    self.proceed().await;
                    if self.is_over() {
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
        Ok(())
    }

    /// A finished run needs no process, once nobody looks at it.
    fn is_over(&self) -> bool {
        let idle = chrono::Utc::now() - self.state.last_event_at > chrono::TimeDelta::seconds(5);
        let all_is_kept = self.unsaved.is_empty();
        self.is_ended() && idle && all_is_kept && self.people.is_empty() && self.slots.is_empty()
    }

    fn is_ended(&self) -> bool {
        matches!(
            self.state.mode,
            Mode::RolledBack | Mode::Failed | Mode::Done
        )
    }

    async fn take(&mut self, input: Input) {
        match input {
            Input::Request(request) => {
                let answer = self.carry_out(&request.by, request.command).await;
                if let Some(waiting) = request.answer
                    && waiting.send(answer).is_err()
                {
                    tracing::debug!("the client left before its answer");
                }
                self.proceed().await;
            }
            Input::Loss(request) => self.loss(request),
            Input::People(people) => {
                self.people = people;
                self.announce();
            }
            Input::Launched {
                action,
                attempt,
                running,
            } => self.launched(action, attempt, running).await,
        }
    }

    fn announce(&self) {
        let mut people = self.people.clone();
        for person in &mut people {
            person.driver = person.name == self.state.driver;
        }
        self.feed.publish_people(people);
    }

    async fn carry_out(&mut self, by: &str, command: Command) -> Result<u64, Refusal> {
        let command = self.secrets.redacted(command);
        if let Command::Finished {
            action, attempt, ..
        } = &command
        {
            self.slots.remove(&(*action, *attempt));
        }
        let now = chrono::Utc::now();
        let events = decide(&self.state, &self.readings, by, &command, now)?;
        self.commit(by, events).await?;
        if matches!(command, Command::TakeControl {}) {
            self.announce();
        }
        Ok(self.state.seq)
    }

    /// Makes events durable, folds and publishes them, and starts their effects.
    async fn commit(&mut self, by: &str, events: Vec<Event>) -> Result<(), Refusal> {
        if events.is_empty() {
            return Ok(());
        }
        let now = chrono::Utc::now();
        let records: Vec<Record> = (self.state.seq + 1..)
            .zip(events)
            .map(|(seq, event)| Record {
                seq,
                at: now,
                by: by.to_owned(),
                event,
            })
            .collect();
        let mut batch = std::mem::take(&mut self.unsaved);
        batch.extend(records.iter().cloned());
        let goes_back = matches!(self.state.mode, Mode::RollingBack | Mode::Stuck)
            || matches!(records[0].event, Event::RollbackStarted { .. });
        let mut appended = self.journal.append(&batch).await;
        if goes_back && appended.is_err() && self.reserve.give_up() {
            tracing::warn!(
                "the journal cannot be written; the room kept for the way back is given up"
            );
            appended = self.journal.append(&batch).await;
        }
        if let Err(error) = appended {
            let message = format!("the journal cannot be written: {error}");
            tracing::error!("{message}");
            // What has happened in the world has happened, and a rollback waits for nothing: these
            // go on unsaved and are written as soon as the journal takes them.
            let must_go_on = goes_back || records.iter().all(|record| is_fact(&record.event));
            batch.truncate(batch.len() - records.len());
            self.unsaved = batch;
            self.report_health(Some(message.clone()));
            if !must_go_on {
                return Err(Refusal::new(
                    message,
                    "free space or mend the disk; no new action starts, but the way back (`R`) does",
                ));
            }
            self.unsaved.extend(records.iter().cloned());
        } else if self.health.failure.is_some() {
            self.report_health(None);
        }
        for record in records {
            apply(Arc::make_mut(&mut self.state), &record);
            let started = effects(&self.state, &record.event);
            self.feed.publish_record(self.state.clone(), record);
            for effect in started {
                self.start(effect).await;
            }
        }
        Ok(())
    }

    /// Tries a failed journal again, so that the red word goes and what could not be written is
    /// written as soon as there is room, without waiting for anybody's next act.
    async fn mend_journal(&mut self) {
        if self.health.failure.is_none() {
            return;
        }
        let tried = match self.unsaved.is_empty() {
            true => self.journal.try_out().await,
            false => self.journal.append(&self.unsaved).await,
        };
        match tried {
            Ok(()) => {
                tracing::info!(
                    late = self.unsaved.len(),
                    "the journal can be written again"
                );
                self.unsaved.clear();
                self.reserve.take();
                self.report_health(None);
            }
            Err(error) => tracing::debug!(%error, "the journal cannot be written yet"),
        }
    }

    fn report_health(&mut self, failure: Option<String>) {
        self.health.failure = failure;
        self.feed.publish_health(self.health.clone());
    }

    /// Lets the engine do what it does by itself.
    async fn proceed(&mut self) {
        for _ in 0..LONGEST_ADVANCE {
            let events = advance(&self.state, &self.readings, chrono::Utc::now());
            if events.is_empty() {
                return;
            }
            if let Err(refusal) = self.commit(ENGINE, events).await {
                tracing::warn!(reason = %refusal.message, "the run cannot go on by itself");
                return;
            }
        }
        tracing::error!("the engine does not come to rest; the run is left as it is");
    }

    async fn start(&mut self, effect: Effect) {
        match effect {
            Effect::Launch { action, attempt } => {
                let spec = specification(&self.state, &mut self.secrets, action, attempt).await;
                self.slots
                    .insert((action, attempt), Slot::Launching { cancel: None });
                let (executor, sender) = (self.executor.clone(), self.sender.clone());
                tokio::spawn(async move {
                    let running = match spec {
                        Ok(spec) => executor
                            .launch(spec)
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
            Effect::Cancel {
                action,
                attempt,
                urgent,
            } => match self.slots.get_mut(&(action, attempt)) {
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
            Effect::Baseline => self.monitor.baseline(),
        }
    }

    /// A cancelled client does not always stop its server: what the step's sessions still do there is
    /// cancelled over the monitor's reserved connection.
    fn cancel_leftovers(&self, action: ActionId) {
        let Some(step) = self.state.step_of(action) else {
            return;
        };
        let name = application_name(&self.state.run, &step.id);
        let on = self
            .state
            .runbook
            .block(action.block)
            .and_then(|block| block.attributes.on.clone())
            .unwrap_or_else(|| "main".to_owned());
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

    async fn launched(&mut self, action: ActionId, attempt: u32, running: Result<Running, String>) {
        let cancel = match self.slots.remove(&(action, attempt)) {
            Some(Slot::Launching { cancel }) => cancel,
            _ => None,
        };
        match running {
            Ok(running) => {
                let command = Command::Launched {
                    action,
                    attempt,
                    launched: running.launched().clone(),
                };
                if let Err(refusal) = self.carry_out(ENGINE, command).await {
                    tracing::error!(reason = %refusal.message, "a launch is not recorded");
                }
                if let Some(urgent) = cancel
                    && let Err(error) = running.cancel(urgent)
                {
                    tracing::warn!(%action, attempt, %error, "cannot be cancelled");
                }
                self.watch(action, attempt, running);
            }
            Err(reason) => {
                // It never began: that is known, and it is a failure.
                let evidence = Evidence {
                    exit: Some(126),
                    ..Evidence::default()
                };
                let command = Command::Finished {
                    action,
                    attempt,
                    evidence: Some(Box::new(evidence)),
                    reason: Some(reason),
                };
                if let Err(refusal) = self.carry_out(ENGINE, command).await {
                    tracing::error!(reason = %refusal.message, "a failed launch is not recorded");
                }
                self.proceed().await;
            }
        }
    }

    /// Follows an attempt to its end, and reports it.
    fn watch(&mut self, action: ActionId, attempt: u32, running: Running) {
        self.slots
            .insert((action, attempt), Slot::Running(running.clone()));
        let actor = self.actor_of(action);
        let (outputs, sender) = (self.outputs.clone(), self.sender.clone());
        let following = tokio::spawn(async move {
            let ended = Arc::new(Notify::new());
            let follower = {
                let (outputs, ended) = (outputs.clone(), ended.clone());
                tokio::spawn(async move { outputs.follow(action, attempt, ended).await })
            };
            let exit = running.wait().await;
            ended.notify_one();
            let end = match exit {
                Ok(Some(record)) => {
                    let (evidence, reason) = collect(running.directory(), record, actor).await;
                    (Some(Box::new(evidence)), reason)
                }
                Ok(None) => {
                    let left = running.survivors();
                    let reason = format!("its process is gone and left no exit record{left}");
                    (None, Some(reason))
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
            let request = Input::Request(Request {
                by: ENGINE.to_owned(),
                command: Command::Finished {
                    action,
                    attempt,
                    evidence,
                    reason,
                },
                answer: None,
            });
            if sender.send(request).await.is_err() {
                tracing::warn!(%action, attempt, "ended, but the supervisor is ending");
            }
        });
    }

    /// Who carries an action out: a part of a split block may have another actor than the whole.
    fn actor_of(&self, action: ActionId) -> Actor {
        let block = self.state.runbook.block(action.block);
        block
            .map(|block| match action.part.checked_sub(1) {
                Some(index) => block
                    .parts
                    .get(index)
                    .map_or(block.actor, |part| part.actor),
                None => block.actor,
            })
            .unwrap_or_default()
    }

    /// Takes over what an earlier supervisor started.
    async fn adopt(&mut self) {
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
                    let actor = self.actor_of(action);
                    let directory = self.executor.directory(action, attempt);
                    let (evidence, reason) = collect(&directory, record, actor).await;
                    self.outputs.look(action, attempt).await;
                    (Some(Box::new(evidence)), reason)
                }
                // It certainly did not run: that is a failure, not a riddle.
                Ok(Adopted::Lost {
                    never_ran: true,
                    reason,
                }) => {
                    let evidence = Evidence {
                        exit: Some(126),
                        ..Evidence::default()
                    };
                    (Some(Box::new(evidence)), Some(reason))
                }
                Ok(Adopted::Lost { reason, .. }) => (None, Some(reason)),
                Err(error) => (
                    None,
                    Some(format!("what became of it cannot be read: {error}")),
                ),
            };
            let (evidence, reason) = command;
            let command = Command::Finished {
                action,
                attempt,
                evidence,
                reason,
            };
            if let Err(refusal) = self.carry_out(ENGINE, command).await {
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

    async fn observe(&mut self, sample: Sample) {
        match &sample {
            Sample::Activity(activity) => {
                if let Some(identity) = &activity.identity {
                    let command = Command::Identified {
                        target: activity.target.clone(),
                        identity: identity.clone(),
                    };
                    if let Err(refusal) = self.carry_out(ENGINE, command).await {
                        tracing::warn!(reason = %refusal.message, "an identity is not recorded");
                    }
                }
            }
            Sample::Probe(probe) => {
                self.readings.probes.insert(
                    probe.name.clone(),
                    ProbeReading {
                        healthy: probe.healthy,
                        status: probe.status,
                        latency: probe.latency_ms.ceil() as i64,
                        version: probe.version.clone(),
                    },
                );
            }
            Sample::Statements(_) => {}
        }
        self.feed.publish_sample(sample);
    }

    /// Answers from a task of its own: the database may be slow, the run may not.
    fn loss(&self, request: LossRequest) {
        let query = self
            .state
            .runbook
            .rollback
            .iter()
            .any(|option| option.loss_query == Some(request.block))
            .then(|| self.state.runbook.block(request.block))
            .flatten()
            .map(|block| {
                let on = block.attributes.on.clone();
                (on.unwrap_or_else(|| "main".to_owned()), block.code.clone())
            });
        let monitor = self.monitor.clone();
        tokio::spawn(async move {
            let answer = match query {
                Some((target, query)) => monitor
                    .loss(&target, &query)
                    .await
                    .map_err(|trouble| format!("{}; {}", trouble.message, trouble.help)),
                None => Err("no way back names this query".to_owned()),
            };
            if request.answer.send(answer).is_err() {
                tracing::debug!("nobody waits for the loss any more");
            }
        });
    }
}

/// Things that have happened in the world, whether or not they can be written down.
fn is_fact(event: &Event) -> bool {
    matches!(
        event,
        Event::ActionLaunched { .. }
            | Event::ActionFinished { .. }
            | Event::CancelRequested { .. }
            | Event::TargetVerified { .. }
    )
}

/// Reads the evidence of an ended attempt in the background; spools may be large.
async fn collect(directory: &Path, record: ExitRecord, actor: Actor) -> (Evidence, Option<String>) {
    let directory = directory.to_owned();
    let reason = match (&record.error, record.timed_out) {
        (Some(error), _) => Some(error.clone()),
        (None, true) => Some("its time was up".to_owned()),
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

/// Begins to watch every target and probe of the environment. One that cannot be watched is said in
/// the log; opening the run has refused it already.
async fn start_monitor(
    state: &RunState,
    secrets: &mut Secrets,
    samples: mpsc::Sender<Sample>,
) -> Monitor {
    let mut targets = Vec::new();
    for (name, target) in &state.config.targets {
        let mut password = None;
        if let Some(source) = &target.password {
            match secrets.resolve(&format!("{name} password"), source).await {
                Ok(value) => password = Some(value),
                // The pane will say that the login fails; the reason stands here.
                Err(reason) => tracing::warn!("{reason}"),
            }
        }
        match Target::parse(name, &target.postgres, password.as_deref()) {
            Ok(target) => targets.push(target),
            Err(error) => tracing::error!("{error}"),
        }
    }
    let mut probes = Vec::new();
    for (name, probe) in &state.config.probes {
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
        cadence: Cadence::default(),
        redactor: crate::text::redact::Redactor::new(secrets.values()),
    };
    Monitor::start(config, samples)
}
