//! What the cockpit knows: the run, folded from the supervisor's messages by the same `apply` as
//! everywhere, and the newest reading of everything else. Nothing here knows of panes or styles.

use std::collections::{BTreeMap, VecDeque};

use chrono::FixedOffset;

use super::output::OutputBuffer;
use super::paces::Paces;
use super::timeline::{self, Entry};
use crate::api::{Message, Snapshot};
use crate::monitor::{
    ActivitySample, BlockingTree, DatabaseSample, ProbeSample, Reading, Sample, StatementsSample,
    WaitsSample,
};
use crate::run::{
    ActionId, Asking, Readiness, RollbackPlan, RunState, Schedule, Timestamp, apply,
    plans_in_the_world, schedule,
};
use crate::supervisor::{Person, StoreHealth};

/// Without a sign of life for this many seconds the screen may be wrong, and says so.
const SILENCE_S: u64 = 3;
/// Polls of a statement that are kept: ten minutes at one in five seconds.
const POLLS: usize = 120;
/// Readings of a probe that are kept: ten minutes at one a second.
const HISTORY: usize = 600;

pub struct Model {
    /// Who sits here, as the supervisor knows them: `anna@ops1`.
    pub me: String,
    /// Joined to watch only.
    pub observe: bool,
    pub now: Timestamp,
    /// The operator's own time zone.
    pub offset: FixedOffset,
    pub run: RunState,
    /// Every rollback as it would run now, the one to take first.
    pub plans: Vec<RollbackPlan>,
    /// Whether what they need is there, as it was last seen.
    readiness: Option<Readiness>,
    pub timeline: Vec<Entry>,
    /// How fast long commands get on.
    pub paces: Paces,
    /// By target.
    pub activity: BTreeMap<String, Activity>,
    pub statements: BTreeMap<String, StatementsSample>,
    /// By target and statement, oldest first.
    pub statement_history: BTreeMap<(String, i64), VecDeque<Polled>>,
    /// What each target's server counts.
    pub database: BTreeMap<String, Counted>,
    pub waits: BTreeMap<String, WaitsSample>,
    /// By name.
    pub probes: BTreeMap<String, Probe>,
    pub outputs: BTreeMap<ActionId, OutputBuffer>,
    /// Whether a running action asks for something.
    pub asking: BTreeMap<ActionId, Asking>,
    pub people: Vec<Person>,
    pub store: StoreHealth,
    pub link: Link,
    /// When the supervisor was last heard, by this machine's clock.
    pub heard_at: Timestamp,
}

/// Whether the supervisor can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    Up,
    Lost { since: Timestamp, why: String },
}

/// Sessions of one target, and who blocks whom.
#[derive(Clone, Debug)]
pub struct Activity {
    pub sample: ActivitySample,
    pub tree: BlockingTree,
}

/// What one poll says of a statement: since the poll before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Polled {
    pub calls_per_s: f64,
    pub mean_ms: f64,
}

/// What a server counts, with the last ten minutes.
#[derive(Clone, Debug)]
pub struct Counted {
    pub sample: DatabaseSample,
    /// A second, oldest first.
    pub transactions: VecDeque<f64>,
    /// Bytes a second, oldest first.
    pub wal: VecDeque<f64>,
}

impl Counted {
    fn new(sample: DatabaseSample) -> Self {
        Self {
            sample,
            transactions: VecDeque::new(),
            wal: VecDeque::new(),
        }
    }

    fn follow(&mut self, sample: DatabaseSample) {
        let read_at = |sample: &DatabaseSample| sample.facts.as_ref().map(|facts| facts.at_us);
        // Told again with the sizes of tables, the counters are the same.
        if let Some(last) = &sample.last
            && read_at(&sample) != read_at(&self.sample)
        {
            let counters = &last.counters;
            let transactions = last.per_s(counters.commits + counters.rollbacks);
            for (history, value) in [
                (&mut self.transactions, transactions),
                (&mut self.wal, last.per_s(counters.wal_bytes)),
            ] {
                if history.len() == POLLS {
                    history.pop_front();
                }
                history.push_back(value);
            }
        }
        self.sample = sample;
    }
}

/// One health endpoint, oldest reading first.
#[derive(Clone, Debug)]
pub struct Probe {
    pub history: VecDeque<ProbeSample>,
}

impl Probe {
    pub fn last(&self) -> Option<&ProbeSample> {
        self.history.back()
    }
}

impl Model {
    pub fn new(offset: FixedOffset, now: Timestamp, snapshot: Snapshot) -> Self {
        let mut model = Self {
            me: snapshot.you.clone(),
            observe: false,
            now,
            offset,
            run: snapshot.state.clone(),
            plans: Vec::new(),
            readiness: None,
            timeline: Vec::new(),
            paces: Paces::default(),
            activity: BTreeMap::new(),
            statements: BTreeMap::new(),
            statement_history: BTreeMap::new(),
            database: BTreeMap::new(),
            waits: BTreeMap::new(),
            probes: BTreeMap::new(),
            outputs: BTreeMap::new(),
            asking: BTreeMap::new(),
            people: Vec::new(),
            store: StoreHealth::default(),
            link: Link::Up,
            heard_at: now,
        };
        model.start_over(snapshot);
        model
    }

    /// Takes in one message of the supervisor.
    pub fn fold(&mut self, message: Message) {
        self.heard_at = self.now;
        self.link = Link::Up;
        match message {
            Message::Snapshot(snapshot) => self.start_over(*snapshot),
            Message::Event(record) => {
                // A snapshot may already hold events that come again after a reconnection.
                if record.seq > self.run.seq {
                    apply(&mut self.run, &record);
                    self.plans = plans_in_the_world(&self.run, self.readiness.as_ref());
                    timeline::follow(&mut self.timeline, &self.run, &record);
                }
            }
            Message::Sample(sample) => self.read(*sample),
            Message::Output(tail) => self.outputs.entry(tail.action).or_default().follow(tail),
            Message::Asking(asking) => {
                self.asking.insert(asking.action, asking);
            }
            Message::Health(store) => self.store = store,
            Message::Readiness(readiness) => {
                self.readiness = Some(readiness);
                self.plans = plans_in_the_world(&self.run, self.readiness.as_ref());
            }
            Message::People { people } => self.people = people,
            Message::Heartbeat { .. } => {}
        }
    }

    fn start_over(&mut self, snapshot: Snapshot) {
        self.me = snapshot.you;
        self.run = snapshot.state;
        self.people = snapshot.people;
        self.store = snapshot.store;
        self.probes.clear();
        self.waits.clear();
        self.asking.clear();
        for sample in snapshot.samples {
            self.read(sample);
        }
        for tail in snapshot.outputs {
            self.outputs.entry(tail.action).or_default().follow(tail);
        }
        self.reckon();
    }

    /// What follows from the run alone; after it an event at a time.
    fn reckon(&mut self) {
        self.plans = plans_in_the_world(&self.run, self.readiness.as_ref());
        self.timeline = timeline::of(&self.run);
    }

    fn read(&mut self, sample: Sample) {
        match sample {
            Sample::Activity(sample) => {
                let tree = BlockingTree::of(&sample.sessions);
                self.paces.follow(&sample);
                self.waits
                    .entry(sample.target.clone())
                    .or_default()
                    .follow(&sample);
                self.activity
                    .insert(sample.target.clone(), Activity { sample, tree });
            }
            Sample::Statements(sample) => {
                self.keep_polled(&sample);
                self.statements.insert(sample.target.clone(), sample);
            }
            Sample::Database(sample) => match self.database.get_mut(&sample.target) {
                Some(counted) => counted.follow(*sample),
                None => {
                    let target = sample.target.clone();
                    self.database.insert(target, Counted::new(*sample));
                }
            },
            Sample::Waits(sample) => {
                self.waits.insert(sample.target.clone(), sample);
            }
            Sample::Probe(sample) => {
                let probe = self
                    .probes
                    .entry(sample.name.clone())
                    .or_insert_with(|| Probe {
                        history: VecDeque::new(),
                    });
                if probe.history.len() == HISTORY {
                    probe.history.pop_front();
                }
                probe.history.push_back(sample);
            }
        }
    }

    /// What each statement did since the poll before.
    fn keep_polled(&mut self, sample: &StatementsSample) {
        let before = self.statements.get(&sample.target);
        if !matches!(sample.state, Reading::Good | Reading::Partial { .. }) {
            return;
        }
        let is_listed = |target: &str, id: i64| {
            target != sample.target || sample.statements.iter().any(|one| one.query_id == id)
        };
        self.statement_history
            .retain(|(target, id), _| is_listed(target, *id));
        for statement in &sample.statements {
            let known = before
                .filter(|before| before.since == sample.since)
                .map(|before| before.statements.iter());
            let known =
                known.and_then(|mut all| all.find(|one| one.query_id == statement.query_id));
            let calls = statement.calls - known.map_or(0, |known| known.calls);
            let spent = statement.total_ms - known.map_or(0.0, |known| known.total_ms);
            let history = self
                .statement_history
                .entry((sample.target.clone(), statement.query_id))
                .or_default();
            if history.len() == POLLS {
                history.pop_front();
            }
            history.push_back(Polled {
                calls_per_s: statement.calls_per_s,
                mean_ms: match calls > 0 {
                    true => spent.max(0.0) / calls as f64,
                    false => 0.0,
                },
            });
        }
    }

    pub fn lose_link(&mut self, why: String) {
        let since = match &self.link {
            Link::Lost { since, .. } => *since,
            Link::Up => self.heard_at,
        };
        self.link = Link::Lost { since, why };
    }

    pub fn schedule(&self) -> Schedule {
        schedule(&self.run, &self.plans, self.now)
    }

    /// Seconds without a sign of life, once they are too many.
    pub fn silent_s(&self) -> Option<u64> {
        let silent = super::format::seconds_between(self.heard_at, self.now);
        (silent >= SILENCE_S || self.link != Link::Up).then_some(silent)
    }

    pub fn drives(&self) -> bool {
        !self.observe && self.me == self.run.driver
    }

    /// What to say of a database that a rollback needs and that does not answer.
    pub fn out_of_reach(&self, plan: &RollbackPlan) -> Option<String> {
        let activity = self.activity.iter();
        let lost: BTreeMap<String, Timestamp> = activity
            .filter_map(|(name, activity)| Some((name.clone(), activity.sample.lost_since()?)))
            .collect();
        plan.out_of_reach(&lost, self.now)
    }

    /// The rollback that would be taken.
    pub fn rollback(&self) -> Option<&RollbackPlan> {
        self.plans.first()
    }

    /// The sessions to show: those of `main`, else of the first target.
    pub fn main_activity(&self) -> Option<&Activity> {
        self.activity
            .get("main")
            .or_else(|| self.activity.values().next())
    }

    pub fn main_database(&self) -> Option<&Counted> {
        self.database
            .get("main")
            .or_else(|| self.database.values().next())
    }

    pub fn main_waits(&self) -> Option<&WaitsSample> {
        self.waits
            .get("main")
            .or_else(|| self.waits.values().next())
    }

    pub fn main_statements(&self) -> Option<&StatementsSample> {
        self.statements
            .get("main")
            .or_else(|| self.statements.values().next())
    }
}
