//! What clients read. Events are kept whole and read by cursor; samples, output tails, presence and
//! health are kept as the newest of each and may be skipped by a slow reader. Readers wait on a
//! version number, so publishing costs the same whether nobody or fifty people watch.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::monitor::Sample;
use crate::run::{ActionId, Asking, OutputTail, Record, RunState, Timestamp, apply};

/// Whether the journal can be written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StoreHealth {
    pub events: u64,
    /// Hash of the newest link of the chain.
    pub head: String,
    /// The last write failed: no new action starts.
    pub failure: Option<String>,
}

/// Who is connected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub name: String,
    pub driver: bool,
    pub since: Timestamp,
    /// Came to watch only.
    #[serde(default)]
    pub observe: bool,
    /// The user number of another login than the run's own.
    #[serde(default)]
    pub guest: Option<u32>,
    /// Connected, but it shows no sign of life.
    #[serde(default)]
    pub stale: bool,
    /// What they look at; `None` of clients that draw nothing.
    #[serde(default)]
    pub view: Option<SharedView>,
}

/// What a cockpit shows, for those who follow it. Never journalled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedView {
    /// The step looked at; `None`: the one at hand.
    pub step: Option<String>,
    /// The box or action under the cursor.
    pub item: Option<usize>,
    /// The focused pane.
    pub pane: String,
    pub zoomed: bool,
    #[serde(default)]
    pub observe: bool,
    /// The minute of the last key.
    #[serde(default)]
    pub keyed_at: Option<Timestamp>,
}

/// Probe readings kept for the sparkline of a client that joins later.
const PROBE_HISTORY: usize = 600;

/// What has changed since a reader last looked.
#[derive(Debug, Default)]
pub struct News {
    pub records: Vec<Arc<Record>>,
    pub samples: Vec<Arc<Sample>>,
    pub outputs: Vec<Arc<OutputTail>>,
    pub asking: Vec<Asking>,
    pub people: Option<Vec<Person>>,
    pub health: Option<StoreHealth>,
}

#[derive(Debug)]
pub struct Feed {
    inner: Mutex<Inner>,
    version: watch::Sender<u64>,
}

#[derive(Debug)]
struct Inner {
    version: u64,
    state: Arc<RunState>,
    records: Vec<Arc<Record>>,
    samples: BTreeMap<String, (u64, Arc<Sample>)>,
    probes: VecDeque<(u64, Arc<Sample>)>,
    outputs: BTreeMap<(ActionId, u32), (u64, Arc<OutputTail>)>,
    asking: BTreeMap<(ActionId, u32), (u64, Asking)>,
    people: (u64, Vec<Person>),
    health: (u64, StoreHealth),
}

impl Feed {
    /// A feed that begins at this state: who joins is told it whole, so no event before it is kept.
    pub fn new(state: RunState) -> Self {
        Self {
            inner: Mutex::new(Inner {
                version: 0,
                state: Arc::new(state),
                records: Vec::new(),
                samples: BTreeMap::new(),
                probes: VecDeque::new(),
                outputs: BTreeMap::new(),
                asking: BTreeMap::new(),
                people: (0, Vec::new()),
                health: (0, StoreHealth::default()),
            }),
            version: watch::Sender::new(0),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Inner, u64)) {
        let version = {
            let mut inner = self.lock();
            inner.version += 1;
            let version = inner.version;
            change(&mut inner, version);
            version
        };
        self.version.send_replace(version);
    }

    /// A panic while the lock was held leaves consistent data: every change is one assignment.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Folds an event into the readers' state, which is their own: were it shared with the writer, each
    /// event would copy all of it, and a long run would grow slower with every one. Only a state that
    /// somebody is being told at this moment is copied.
    pub fn publish_record(&self, record: Record) {
        self.change(|inner, _| {
            apply(Arc::make_mut(&mut inner.state), &record);
            inner.records.push(Arc::new(record));
        });
    }

    pub fn publish_sample(&self, sample: Sample) {
        let sample = Arc::new(sample);
        self.change(|inner, version| match &*sample {
            Sample::Activity(activity) => {
                let key = format!("activity {}", activity.target);
                inner.samples.insert(key, (version, sample));
            }
            Sample::Statements(statements) => {
                let key = format!("statements {}", statements.target);
                inner.samples.insert(key, (version, sample));
            }
            Sample::Probe(_) => {
                inner.probes.push_back((version, sample));
                while inner.probes.len() > PROBE_HISTORY {
                    inner.probes.pop_front();
                }
            }
        });
    }

    pub fn publish_output(&self, tail: OutputTail) {
        self.change(|inner, version| {
            let key = (tail.action, tail.attempt);
            inner.outputs.insert(key, (version, Arc::new(tail)));
        });
    }

    pub fn publish_asking(&self, asking: Asking) {
        self.change(|inner, version| {
            let key = (asking.action, asking.attempt);
            inner.asking.insert(key, (version, asking));
        });
    }

    pub fn publish_people(&self, people: Vec<Person>) {
        self.change(|inner, version| inner.people = (version, people));
    }

    pub fn publish_health(&self, health: StoreHealth) {
        self.change(|inner, version| inner.health = (version, health));
    }

    pub fn state(&self) -> Arc<RunState> {
        self.lock().state.clone()
    }

    pub fn health(&self) -> StoreHealth {
        self.lock().health.1.clone()
    }

    pub fn people(&self) -> Vec<Person> {
        self.lock().people.1.clone()
    }

    pub fn watch(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// Everything a new reader needs, and the version it stands at.
    pub fn everything(&self) -> (u64, Arc<RunState>, News) {
        let inner = self.lock();
        let news = News {
            records: Vec::new(),
            samples: inner
                .samples
                .values()
                .chain(&inner.probes)
                .map(|(_, sample)| sample.clone())
                .collect(),
            outputs: inner
                .outputs
                .values()
                .map(|(_, tail)| tail.clone())
                .collect(),
            asking: inner
                .asking
                .values()
                .map(|(_, asking)| asking.clone())
                .collect(),
            people: Some(inner.people.1.clone()),
            health: Some(inner.health.1.clone()),
        };
        (inner.version, inner.state.clone(), news)
    }

    /// What has changed since `version`, events after `seq`; and the version now.
    pub fn since(&self, version: u64, seq: u64) -> (u64, News) {
        let inner = self.lock();
        let first = inner.records.partition_point(|record| record.seq <= seq);
        let newer = |at: &u64| *at > version;
        let news = News {
            records: inner.records[first..].to_vec(),
            samples: inner
                .samples
                .values()
                .chain(&inner.probes)
                .filter(|(at, _)| newer(at))
                .map(|(_, sample)| sample.clone())
                .collect(),
            outputs: inner
                .outputs
                .values()
                .filter(|(at, _)| newer(at))
                .map(|(_, tail)| tail.clone())
                .collect(),
            asking: inner
                .asking
                .values()
                .filter(|(at, _)| newer(at))
                .map(|(_, asking)| asking.clone())
                .collect(),
            people: newer(&inner.people.0).then(|| inner.people.1.clone()),
            health: newer(&inner.health.0).then(|| inner.health.1.clone()),
        };
        (inner.version, news)
    }
}
