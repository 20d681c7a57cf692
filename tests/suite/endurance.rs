//! Faults by the hundred, at random moments: the supervisor killed, its client killed, the database
//! crashed, the journal torn. A few rounds of each belong to every run of the suite; the long form is
//! asked for by `GONOGO_FAULTS=1000` (so many kills of a supervisor, a fifth of them of clients, a tenth
//! of crashes of the database, and every byte of a journal).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gonogo::api::{Client, CommandAnswer, Message};
use gonogo::demo::cluster::{Cluster, Options};
use gonogo::journal::{Journal, SqliteJournal, verify};
use gonogo::run::{
    ActionId, Command, Event, Mode, Outcome, PairingAct, Record, RunState, StepStatus, apply,
    preview,
};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use sqlx::Connection;

use crate::socket::Joined;
use crate::support::home::{Home, until};
use crate::support::{cluster, connect, execute, fresh_database};

/// Steps of the guide, by turns a row and a line: neither is unique, so that a second run of one shows.
const STEPS: i32 = 8;
/// Faults that one run bears before it is left to end.
const FAULTS_A_RUN: usize = 12;
/// Nothing in one run takes as long as this.
const PATIENCE: Duration = Duration::from_secs(45);

fn guide() -> String {
    let mut guide = "# Bear it\n".to_owned();
    for step in 1..=STEPS {
        if step % 4 == 1 {
            guide.push_str(&format!("\n## Phase {}: Work\n", step / 4 + 1));
        }
        guide.push_str(&match step % 2 {
            1 => format!(
                "\n### Row {step}\n\n```sql {{#step-{step} .run}}\nSELECT pg_sleep(0.04);\n\
                 INSERT INTO rows VALUES ({step});\nSELECT pg_sleep(0.04);\n```\n"
            ),
            _ => format!(
                "\n### Line {step}\n\n```bash {{#step-{step} .run}}\nsleep 0.04\n\
                 echo {step} >> lines\nsleep 0.04\n```\n"
            ),
        });
    }
    guide
}

/// How many rounds: the short count, or a share of what is asked for.
fn rounds(short: usize, share: usize) -> usize {
    asked().map_or(short, |count| (count / share).max(1))
}

fn asked() -> Option<usize> {
    std::env::var("GONOGO_FAULTS").ok()?.parse().ok()
}

/// Random moments; `GONOGO_SEED` repeats those of an earlier run as far as the machine does.
struct Dice(u64);

impl Dice {
    fn new(subject: &str) -> Self {
        let given = std::env::var("GONOGO_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| chrono::Utc::now().timestamp_micros().unsigned_abs());
        eprintln!("{subject}: GONOGO_SEED={seed}");
        Self(seed | 1)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    /// Often within the first moments, else anywhere in the time of some steps.
    fn moment(&mut self) -> Duration {
        let limit = if self.below(3) == 0 { 80 } else { 1_200 };
        Duration::from_millis(self.below(limit))
    }
}

/// A client that writes down whatever it is told: told is acknowledged.
struct Watcher {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<BTreeMap<u64, Record>>,
}

impl Watcher {
    fn start(socket: PathBuf) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
                .block_on(watch(&socket, &stopped))
        });
        Self { stop, thread }
    }

    fn seen(self) -> BTreeMap<u64, Record> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

async fn watch(socket: &Path, stop: &AtomicBool) -> BTreeMap<u64, Record> {
    const MOMENT: Duration = Duration::from_millis(20);
    let mut seen: BTreeMap<u64, Record> = BTreeMap::new();
    while !stop.load(Ordering::Relaxed) {
        let client = Client::new(socket).unwrap();
        let joined = tokio::time::timeout(PATIENCE, client.join("watcher@w", true)).await;
        let Ok(Ok((_seat, mut stream))) = joined else {
            tokio::time::sleep(Duration::from_millis(2)).await;
            continue;
        };
        loop {
            match tokio::time::timeout(MOMENT, stream.next()).await {
                Ok(Some(Message::Event(record))) => {
                    if let Some(before) = seen.get(&record.seq) {
                        assert_eq!(*before, *record, "an event was told in two ways");
                    }
                    seen.insert(record.seq, *record);
                }
                Ok(Some(Message::Snapshot(snapshot))) => {
                    let told = seen.keys().next_back().copied().unwrap_or_default();
                    assert!(
                        snapshot.state.seq >= told,
                        "the run is at event {}, but {told} was told before",
                        snapshot.state.seq
                    );
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) if stop.load(Ordering::Relaxed) => break,
                Err(_) => {}
            }
        }
    }
    seen
}

/// What became of the steps that were in flight at a fault.
#[derive(Debug, Default)]
struct Tally {
    runs: usize,
    faults: usize,
    told: usize,
    events: usize,
    /// In flight when a supervisor died, and adopted with their end.
    adopted: usize,
    never_ran: usize,
    unknown: usize,
    resolved_as_done: usize,
    run_again: usize,
}

/// A rehearsal under way, with everything that tells what it did.
struct Ordeal<'a> {
    home: &'a Home,
    server: &'a Cluster,
    database: String,
    run: String,
    socket: PathBuf,
    walk: Child,
    watcher: Option<Watcher>,
}

impl<'a> Ordeal<'a> {
    async fn begin(home: &'a Home, server: &'a Cluster, database: &str) -> Self {
        let mut connection = connect(server, database).await;
        execute(&mut connection, "TRUNCATE rows").await;
        std::fs::write(home.path().join("lines"), "").unwrap();
        let runs = home.path().join("state/gonogo/runs");
        let before = names(&runs);
        let walk = spawn(home, &["rehearse", "guide.md"]);
        let run = until("the run", || {
            let now = names(&runs);
            let new = now.into_iter().find(|name| !before.contains(name))?;
            runs.join(&new).join("lock").exists().then_some(new)
        });
        let socket = gonogo::supervisor::place::socket_path(&runs.join(&run)).unwrap();
        Self {
            home,
            server,
            database: database.to_owned(),
            run,
            watcher: Some(Watcher::start(socket.clone())),
            socket,
            walk,
        }
    }

    /// The living process that holds the run; read from its lock, which costs nothing.
    fn supervisor(&self) -> Option<Pid> {
        let lock = self.home.run_directory(&self.run).join("lock");
        let holder: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(lock).ok()?).ok()?;
        let pid = Pid::from_raw(i32::try_from(holder["pid"].as_i64()?).ok()?)?;
        let is_there = test_kill_process(pid).is_ok() && !is_zombie(pid);
        is_there.then_some(pid)
    }

    fn resume(&mut self) {
        self.walk = spawn(self.home, &["resume", &self.run]);
    }

    /// Waits for a moment, but not beyond the end of the walk. Its exit code where it has ended.
    fn pass(&mut self, moment: Duration) -> Option<i32> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.walk.try_wait().unwrap() {
                return Some(status.code().unwrap_or(-1));
            }
            if began.elapsed() >= moment {
                return None;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Goes on without faults until the run is done; what needs a person gets one.
    async fn ends(&mut self, tally: &mut Tally) {
        let began = Instant::now();
        loop {
            match self.pass(PATIENCE) {
                Some(0) => return,
                Some(_) => {}
                None => panic!("run {} does not end: {}", self.run, self.told().await),
            }
            let is_late = began.elapsed() > PATIENCE;
            assert!(
                !is_late,
                "run {} does not end: {}",
                self.run,
                self.told().await
            );
            self.person_mends(tally).await;
            self.resume();
        }
    }

    /// Whether the step has done its work, as the world tells.
    async fn has_happened(&self, action: &str) -> bool {
        let number: i32 = action.strip_prefix("step-").unwrap().parse().unwrap();
        if number % 2 == 0 {
            return self.lines().contains(&number);
        }
        self.rows().await.contains(&number)
    }

    fn lines(&self) -> Vec<i32> {
        let text = std::fs::read_to_string(self.home.path().join("lines")).unwrap();
        text.lines().map(|line| line.parse().unwrap()).collect()
    }

    async fn rows(&self) -> Vec<i32> {
        let mut connection = connect(self.server, &self.database).await;
        let rows = sqlx::query_scalar("SELECT n FROM rows ORDER BY n")
            .fetch_all(&mut connection)
            .await
            .unwrap();
        connection.close().await.ok();
        rows
    }

    /// What an operator does: looks what a step did, says so, and runs again what did not happen.
    async fn person_mends(&self, tally: &mut Tally) {
        if let Some(state) = self.kept().await
            && matches!(state.mode, Mode::Done)
        {
            return;
        }
        if self.supervisor().is_none() {
            // The walk that comes next starts one.
            return;
        }
        let Some(mut joined) = self.operator().await else {
            return;
        };
        if joined.state.mode == Mode::Held {
            // The no-go that the walk came to is looked into now.
            accepted(&joined.asks(Command::Resume {}).await);
        }
        let steps: Vec<String> = (1..=STEPS).map(|step| format!("step-{step}")).collect();
        for id in steps {
            let action = joined.action(&id);
            joined
                .sees("its end", |state| {
                    state
                        .action(action)
                        .is_none_or(|action| !action.is_running())
                })
                .await;
            let happened = self.has_happened(&id).await;
            match Joined::outcome(&joined.state, action) {
                Some(Outcome::Unknown) => {
                    tally.unknown += 1;
                    let outcome = if happened {
                        tally.resolved_as_done += 1;
                        Outcome::Passed
                    } else {
                        Outcome::Failed
                    };
                    let resolve = Command::Resolve {
                        action,
                        outcome,
                        reason: "looked at what it left".to_owned(),
                    };
                    accepted(&joined.asks(resolve).await);
                    if !happened {
                        self.starts_again(&mut joined, action, tally).await;
                    }
                }
                Some(Outcome::Failed) => {
                    let last = joined.state.action(action).unwrap().last().unwrap().clone();
                    assert!(
                        !happened,
                        "`{id}` is said to have failed, but happened: {last:?}"
                    );
                    self.starts_again(&mut joined, action, tally).await;
                }
                Some(Outcome::Passed) => assert!(happened, "`{id}` passed, but did not happen"),
                None => assert!(!happened, "`{id}` was never started, but happened"),
                Some(other) => panic!("`{id}` is {other:?}"),
            }
        }
        // The walk that comes next goes on; for all it knows the operator may still be here.
        let act = PairingAct::Offer { to: None };
        accepted(&joined.asks(Command::Pairing { act }).await);
    }

    async fn kept(&self) -> Option<RunState> {
        let path = self.home.run_directory(&self.run).join("journal.sqlite");
        let mut journal = SqliteJournal::open_read_only(path).await.ok()?;
        let records = journal.read(0).await.ok()?;
        journal.close().await.ok()?;
        let mut records = records.iter();
        let mut state = gonogo::run::open(records.next()?)?;
        records.for_each(|record| apply(&mut state, record));
        Some(state)
    }

    /// Where a run stands that does not go on.
    async fn told(&self) -> String {
        let log = self.home.run_directory(&self.run).join("supervisor.log");
        let log = std::fs::read_to_string(log).unwrap_or_default();
        let Some(state) = self.kept().await else {
            return format!("its journal cannot be read; {log}");
        };
        let actions: Vec<_> = state
            .actions
            .iter()
            .map(|(id, action)| (id, action.last().and_then(|attempt| attempt.outcome)))
            .collect();
        let next = gonogo::run::autopilot(&state, gonogo::run::Policy::default());
        let said = std::fs::read_to_string(self.home.path().join("walk.log")).unwrap_or_default();
        let facts: Vec<_> = state.pairing.log.iter().rev().take(12).collect();
        format!(
            "{:?} in {}, {:?} drives, then {next:?}; locks {:?}, identities {:?}, alive {}; {actions:?}\n\
             {facts:#?}\n{log}\n{}",
            state.mode,
            state.current_phase,
            state.driver,
            state.locks,
            state.identities.keys(),
            self.supervisor().is_some(),
            said.lines().rev().take(40).collect::<Vec<_>>().join("\n"),
        )
    }

    async fn operator(&self) -> Option<Joined> {
        let began = Instant::now();
        while !self.socket.exists() {
            self.supervisor()?;
            assert!(began.elapsed() < PATIENCE, "no socket");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let joined = Joined::join(self.socket.clone(), "operator@o").await;
        let took = joined.asks(Command::TakeControl {}).await;
        if matches!(took, CommandAnswer::Refused(_)) {
            let act = PairingAct::Demand {
                reason: "the walk is over".to_owned(),
                to_go_back: false,
            };
            accepted(&joined.asks(Command::Pairing { act }).await);
        }
        Some(joined)
    }

    /// Starts a step whose work is known not to be done, as soon as the run knows its database again.
    async fn starts_again(&self, joined: &mut Joined, action: ActionId, tally: &mut Tally) {
        tally.run_again += 1;
        let began = Instant::now();
        loop {
            let start = Command::Start {
                from: None,
                action,
                hash: preview(&joined.state, action).unwrap().hash,
                typed: None,
                reason: None,
                included: None,
            };
            match joined.asks(start).await {
                CommandAnswer::Accepted { seq } => {
                    joined.sees("the start", |state| state.seq >= seq).await;
                    break;
                }
                CommandAnswer::Refused(refusal) => {
                    assert!(began.elapsed() < PATIENCE, "{refusal}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        joined
            .sees("its end", |state| {
                !state.action(action).unwrap().is_running()
            })
            .await;
        let last = joined.state.action(action).unwrap().last().unwrap();
        assert_eq!(last.outcome, Some(Outcome::Passed), "{last:?}");
    }

    /// The promises, at the end of a run.
    async fn is_whole(&mut self, tally: &mut Tally) {
        let seen = self.watcher.take().unwrap().seen();
        let (odd, even): (Vec<i32>, Vec<i32>) = (1..=STEPS).partition(|step| step % 2 == 1);
        assert_eq!(self.rows().await, odd, "run {}: each row once", self.run);
        assert_eq!(self.lines(), even, "run {}: each line once", self.run);
        let path = self.home.run_directory(&self.run).join("journal.sqlite");
        let found = verify(&path).await.unwrap();
        assert!(found.intact, "{found:?}");
        let mut journal = SqliteJournal::open_read_only(path).await.unwrap();
        let records = journal.read(0).await.unwrap();
        assert!(!seen.is_empty(), "the watcher was told nothing");
        for record in seen.values() {
            let kept = usize::try_from(record.seq).unwrap() - 1;
            assert_eq!(records.get(kept), Some(record), "an acknowledged event");
        }
        let state = self.kept().await.unwrap();
        assert_eq!(state.mode, Mode::Done);
        for step in state.runbook.steps() {
            assert_eq!(state.step_status(step), StepStatus::Passed, "{}", step.id);
        }
        tally.runs += 1;
        tally.told += seen.len();
        tally.events += records.len();
        count_in_flight(&records, tally);
    }
}

impl Drop for Ordeal<'_> {
    fn drop(&mut self) {
        self.walk.kill().ok();
        self.walk.wait().ok();
    }
}

/// What became of the steps that ran when a supervisor died.
fn count_in_flight(records: &[Record], tally: &mut Tally) {
    let mut running: BTreeMap<(ActionId, u32), bool> = BTreeMap::new();
    for record in records {
        match &record.event {
            Event::ActionStarted {
                action, attempt, ..
            } => {
                let twice = running.insert((*action, *attempt), false);
                assert_eq!(twice, None, "an attempt began twice");
            }
            Event::SupervisorStarted { .. } => {
                running.values_mut().for_each(|orphan| *orphan = true)
            }
            Event::ActionFinished {
                action,
                attempt,
                outcome,
                ..
            } => {
                let orphan = running.remove(&(*action, *attempt));
                match (orphan.expect("it had begun"), outcome) {
                    (true, Outcome::Passed) => tally.adopted += 1,
                    (true, Outcome::Failed) => tally.never_ran += 1,
                    _ => {}
                }
            }
            _ => {}
        }
    }
    assert!(running.is_empty(), "no step is left without an end");
}

fn accepted(answer: &CommandAnswer) {
    assert!(
        matches!(answer, CommandAnswer::Accepted { .. }),
        "{answer:?}"
    );
}

fn names(runs: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(runs) else {
        return Vec::new();
    };
    let entries = entries.flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

fn is_zombie(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    stat.is_ok_and(|stat| {
        stat.rsplit(')')
            .next()
            .unwrap_or_default()
            .starts_with(" Z")
    })
}

fn spawn(home: &Home, arguments: &[&str]) -> Child {
    let mut command = home.command(arguments);
    let said = std::fs::File::options()
        .create(true)
        .append(true)
        .open(home.path().join("walk.log"))
        .unwrap();
    command.stdout(Stdio::null()).stderr(said);
    command.spawn().unwrap()
}

async fn place(conninfo: &str, server: &Cluster, database: &str) -> Home {
    let home = Home::new();
    home.write("guide.md", &guide());
    home.environment(conninfo, "");
    let mut connection = connect(server, database).await;
    execute(&mut connection, "CREATE TABLE rows (n int NOT NULL)").await;
    home
}

fn told(what: &str, tally: &Tally, began: Instant) {
    eprintln!("{what}: {tally:?} in {:.0?}", began.elapsed());
}

#[tokio::test]
async fn a_supervisor_killed_at_any_moment_loses_nothing_and_runs_nothing_twice() {
    let database = fresh_database().await;
    let home = place(&database.conninfo(), cluster(), &database.name).await;
    let (mut dice, mut tally) = (Dice::new("supervisors"), Tally::default());
    let (wanted, began) = (rounds(5, 1), Instant::now());
    while tally.faults < wanted {
        let mut ordeal = Ordeal::begin(&home, cluster(), &database.name).await;
        let mut borne = 0;
        while borne < FAULTS_A_RUN && tally.faults < wanted {
            let Some(supervisor) = ordeal.supervisor() else {
                // Nobody holds the run yet, or no more: the walk has ended or is about to start one.
                if ordeal.pass(Duration::from_millis(2)) == Some(0) {
                    break;
                }
                if ordeal.walk.try_wait().unwrap().is_some() {
                    ordeal.resume();
                }
                continue;
            };
            match ordeal.pass(dice.moment()) {
                Some(0) => break,
                Some(_) => {
                    ordeal.person_mends(&mut tally).await;
                    ordeal.resume();
                }
                None => {
                    kill_process(supervisor, Signal::KILL).ok();
                    until("its end", || {
                        (test_kill_process(supervisor).is_err() || is_zombie(supervisor))
                            .then_some(())
                    });
                    tally.faults += 1;
                    borne += 1;
                    ordeal.pass(PATIENCE);
                    ordeal.resume();
                }
            }
        }
        ordeal.ends(&mut tally).await;
        ordeal.is_whole(&mut tally).await;
        drop(ordeal);
        if tally.runs.is_multiple_of(10) {
            told("supervisors killed so far", &tally, began);
        }
    }
    told("supervisors killed", &tally, began);
}

#[tokio::test]
async fn a_client_killed_at_any_moment_is_no_matter_to_the_run() {
    let database = fresh_database().await;
    let home = place(&database.conninfo(), cluster(), &database.name).await;
    let (mut dice, mut tally) = (Dice::new("clients"), Tally::default());
    let (wanted, began) = (rounds(5, 5), Instant::now());
    while tally.faults < wanted {
        let mut ordeal = Ordeal::begin(&home, cluster(), &database.name).await;
        until("the supervisor", || ordeal.socket.exists().then_some(()));
        let mut borne = 0;
        while borne < FAULTS_A_RUN && tally.faults < wanted {
            if ordeal.pass(dice.moment()) == Some(0) {
                break;
            }
            ordeal.walk.kill().unwrap();
            ordeal.walk.wait().unwrap();
            tally.faults += 1;
            borne += 1;
            ordeal.resume();
        }
        ordeal.ends(&mut tally).await;
        ordeal.is_whole(&mut tally).await;
        let state = ordeal.kept().await.unwrap();
        assert_eq!(state.epoch, 1, "one supervisor was enough");
    }
    assert_eq!((tally.unknown, tally.run_again), (0, 0));
    told("clients killed", &tally, began);
}

#[tokio::test]
async fn a_database_that_crashes_leaves_every_step_known_or_said_to_be_unknown() {
    // The machine lives on: what was committed is in its memory.
    let durable = ("synchronous_commit".to_owned(), "on".to_owned());
    let options = Options {
        settings: vec![durable],
        ..Options::default()
    };
    let server = Cluster::start(options).await.unwrap();
    let home = place(&server.conninfo("postgres"), &server, "postgres").await;
    let (mut dice, mut tally) = (Dice::new("databases"), Tally::default());
    let (wanted, began) = (rounds(2, 10), Instant::now());
    while tally.faults < wanted {
        let mut ordeal = Ordeal::begin(&home, &server, "postgres").await;
        let mut borne = 0;
        while borne < FAULTS_A_RUN && tally.faults < wanted {
            match ordeal.pass(dice.moment()) {
                Some(0) => break,
                Some(_) => {
                    ordeal.person_mends(&mut tally).await;
                    ordeal.resume();
                }
                None => {
                    server.stop_immediately().await.unwrap();
                    // Sometimes it is back before anybody looks.
                    let down = dice.below(2) * dice.below(600);
                    ordeal.pass(Duration::from_millis(down));
                    server.restart().await.unwrap();
                    tally.faults += 1;
                    borne += 1;
                }
            }
        }
        ordeal.ends(&mut tally).await;
        ordeal.is_whole(&mut tally).await;
        told("databases crashed so far", &tally, began);
    }
    told("databases crashed", &tally, began);
}
