//! What clients read. The state is told whole to who joins, then events by cursor: the last ones are
//! kept, and a reader that is further behind is told the state again. Samples, output tails, presence
//! and health are kept as the newest of each and may be skipped by a slow reader. Readers wait on a
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
/// Events kept for readers that are behind; all of them are in the journal, and in the state.
const EVENTS_KEPT: usize = 1_024;

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
    /// The last events, without a gap.
    records: VecDeque<Arc<Record>>,
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
                records: VecDeque::new(),
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
            inner.records.push_back(Arc::new(record));
            while inner.records.len() > EVENTS_KEPT {
                inner.records.pop_front();
            }
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

    /// The databases that do not answer, by target, and since when.
    pub fn lost(&self) -> BTreeMap<String, Timestamp> {
        let inner = self.lock();
        let samples = inner.samples.values().map(|(_, sample)| sample);
        samples
            .filter_map(|sample| match &**sample {
                Sample::Activity(activity) => {
                    Some((activity.target.clone(), activity.lost_since()?))
                }
                _ => None,
            })
            .collect()
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

    /// What has changed since `version`, events after `seq`; and the version now. `None` for a reader
    /// that is further behind than events are kept: it begins again with everything.
    pub fn since(&self, version: u64, seq: u64) -> Option<(u64, News)> {
        let inner = self.lock();
        let oldest = inner.records.front().map_or(seq, |record| record.seq);
        if oldest > seq + 1 {
            return None;
        }
        let first = inner.records.partition_point(|record| record.seq <= seq);
        let newer = |at: &u64| *at > version;
        let news = News {
            records: inner.records.range(first..).cloned().collect(),
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
        Some((inner.version, news))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::run::{Event, open};
    use crate::runbook::parse;

    fn record(seq: u64, event: Event) -> Record {
        Record {
            seq,
            at: chrono::Utc::now(),
            by: "anna@ops1".to_owned(),
            event,
        }
    }

    fn note(seq: u64) -> Record {
        let event = Event::NoteWritten {
            text: format!("note {seq}"),
            step: None,
        };
        record(seq, event)
    }

    /// The state that a run is opened with, event 1.
    fn opened() -> RunState {
        let event = Event::RunOpened {
            run: "r".to_owned(),
            runbook: Arc::new(parse("g.md", b"# G\n\n## Phase 1: A\n\n- [ ] box\n")),
            environment: Box::default(),
            directory: "/".to_owned(),
            inputs: BTreeMap::new(),
            window_ends: None,
            driver: "anna@ops1".to_owned(),
            unattended: false,
            provenance: Default::default(),
        };
        open(&record(1, event)).unwrap()
    }

    /// What a reader folds who asks whenever `asks` says so; and how often it began again.
    fn read_along(events: u64, asks: impl Fn(u64) -> bool) -> (Feed, RunState, usize) {
        let feed = Feed::new(opened());
        let (mut version, state, _) = feed.everything();
        let (mut state, mut begun_again) = ((*state).clone(), 0);
        for seq in 2..=events {
            feed.publish_record(note(seq));
            if !asks(seq) {
                continue;
            }
            match feed.since(version, state.seq) {
                Some((now, news)) => {
                    version = now;
                    for record in news.records {
                        assert_eq!(record.seq, state.seq + 1, "no event is left out");
                        apply(&mut state, &record);
                    }
                }
                None => {
                    let (now, whole, _) = feed.everything();
                    (version, state) = (now, (*whole).clone());
                    begun_again += 1;
                }
            }
        }
        (feed, state, begun_again)
    }

    #[test]
    fn a_reader_that_keeps_up_hears_every_event() {
        let kept = EVENTS_KEPT as u64;
        for every in [1, 2, 100, kept] {
            let last = 1 + 4 * kept - (4 * kept) % every;
            let (feed, state, begun_again) =
                read_along(last, |seq| (seq - 1).is_multiple_of(every));
            assert_eq!(begun_again, 0, "every {every}");
            assert_eq!(state, *feed.state());
        }
    }

    #[test]
    fn one_that_is_too_far_behind_is_told_the_state_again() {
        let kept = EVENTS_KEPT as u64;
        let (feed, state, begun_again) =
            read_along(1 + 3 * (kept + 1), |seq| (seq - 1).is_multiple_of(kept + 1));
        assert_eq!(begun_again, 3);
        assert_eq!(state, *feed.state());
    }

    #[test]
    fn no_more_events_are_kept_than_these() {
        let (feed, ..) = read_along(10 * EVENTS_KEPT as u64, |_| false);
        assert_eq!(feed.lock().records.len(), EVENTS_KEPT);
    }
}
