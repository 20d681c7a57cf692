//! What clients read, as a log: each thing that is to be told has its place in one order, and of samples,
//! output tails, presence and health only the newest of each keeps one. A reader is a number, the place
//! up to which it has read, and asks for the next line when it has room for it: whoever reads nothing
//! costs nothing. A line is written once, however many read it. The last events are kept; a reader that
//! is further behind begins again with the whole state.

mod snapshot;

pub use snapshot::SnapshotLines;
use snapshot::{Pieces, SNAPSHOT_BYTES, SNAPSHOT_FRESH, Snapshots};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use chrono::TimeDelta;
use serde::Serialize;
use tokio::sync::watch;

use super::message::{Message, Person, StoreHealth};
use crate::monitor::{Sample, WaitsSample};
use crate::run::{
    ActionId, Asking, OutputTail, Readiness, Record, RunState, Timestamp, World, apply,
};

/// Probe readings kept for the sparkline of a client that joins later.
const PROBE_HISTORY: usize = 600;
/// Events kept for readers that are behind; all of them are in the journal, and in the state.
const EVENTS_KEPT: usize = 1_024;
/// And no more bytes of them than this.
const EVENT_BYTES_KEPT: usize = 8 << 20;

/// What a reader is to be told next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// One line, and the place to go on from.
    Line(u64, Bytes),
    /// Events were missed: the reader begins again with a snapshot.
    BeginAgain,
    Nothing,
}

/// What of a snapshot is the same for everybody, in the order of [`super::message::Snapshot`].
#[derive(Serialize)]
struct Shared<'a> {
    at: Timestamp,
    state: &'a RunState,
    samples: Vec<&'a Sample>,
    outputs: Vec<&'a OutputTail>,
    people: &'a [Person],
    store: &'a StoreHealth,
}

#[derive(Debug)]
struct Told {
    /// `None`: an event, which the state has.
    message: Option<Message>,
    line: OnceLock<Bytes>,
}

impl Told {
    fn line(&self) -> Bytes {
        let written = || self.message.as_ref().map(line).unwrap_or_default();
        self.line.get_or_init(written).clone()
    }
}

/// A message as a line of the stream; empty, and said in the log, where it cannot be written.
pub fn line(message: &Message) -> Bytes {
    match serde_json::to_vec(message) {
        Ok(mut line) => {
            line.push(b'\n');
            Bytes::from(line)
        }
        Err(error) => {
            tracing::error!(%error, "a message cannot be written as JSON");
            Bytes::new()
        }
    }
}

/// How a snapshot begins for this reader; the pieces of [`Feed::snapshot`] follow.
pub fn head(you: &str) -> Bytes {
    let you = serde_json::Value::from(you);
    Bytes::from(format!(
        "{{\"message\":\"snapshot\",\"body\":{{\"you\":{you},"
    ))
}

/// What only the newest message is told of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Subject {
    Activity(String),
    Statements(String),
    Database(String),
    Output(ActionId, u32),
    Asking(ActionId, u32),
    People,
    Health,
    Readiness,
}

#[derive(Debug)]
pub struct Feed {
    inner: Mutex<Inner>,
    place: watch::Sender<u64>,
    snapshots: Mutex<Snapshots>,
}

#[derive(Debug)]
struct Inner {
    place: u64,
    state: Arc<RunState>,
    told: BTreeMap<u64, Arc<Told>>,
    newest: HashMap<Subject, u64>,
    probes: VecDeque<u64>,
    /// What sessions waited for, by target: for who joins later.
    waits: BTreeMap<String, WaitsSample>,
    /// The last events without a gap, and their bytes.
    events: VecDeque<(u64, usize)>,
    event_bytes: usize,
    /// Place of the last event that is no longer kept.
    forgotten: u64,
}

impl Inner {
    fn tell(&mut self, message: Message) -> u64 {
        self.place += 1;
        let told = Told {
            message: Some(message),
            line: OnceLock::new(),
        };
        self.told.insert(self.place, Arc::new(told));
        self.place
    }

    fn replace(&mut self, subject: Subject, message: Message) {
        let place = self.tell(message);
        if let Some(before) = self.newest.insert(subject, place) {
            self.told.remove(&before);
        }
    }

    /// Events are written at once: it is known what they take, and the state has them anyway.
    fn tell_event(&mut self, record: Record) {
        self.place += 1;
        let line = line(&Message::Event(Box::new(record)));
        self.event_bytes += line.len();
        self.events.push_back((self.place, line.len()));
        let told = Told {
            message: None,
            line: OnceLock::from(line),
        };
        self.told.insert(self.place, Arc::new(told));
        while self.events.len() > EVENTS_KEPT || self.event_bytes > EVENT_BYTES_KEPT {
            let Some((place, bytes)) = self.events.pop_front() else {
                break;
            };
            self.told.remove(&place);
            self.event_bytes -= bytes;
            self.forgotten = place;
        }
    }

    fn newest(&self, subject: &Subject) -> Option<&Message> {
        self.told.get(self.newest.get(subject)?)?.message.as_ref()
    }
}

impl Feed {
    /// A feed that begins at this state: who joins is told it whole, so no event before it is kept.
    pub fn new(state: RunState) -> Self {
        Self {
            inner: Mutex::new(Inner {
                place: 0,
                state: Arc::new(state),
                told: BTreeMap::new(),
                newest: HashMap::new(),
                probes: VecDeque::new(),
                waits: BTreeMap::new(),
                events: VecDeque::new(),
                event_bytes: 0,
                forgotten: 0,
            }),
            place: watch::Sender::new(0),
            snapshots: Mutex::default(),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Inner)) {
        let place = {
            let mut inner = self.lock();
            change(&mut inner);
            inner.place
        };
        self.place.send_replace(place);
    }

    /// A panic while the lock was held leaves consistent data: every change is one assignment.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Folds an event into the readers' state, which is their own: were it shared with the writer, each
    /// event would copy all of it, and a long run would grow slower with every one. Only a state that
    /// somebody is being told at this moment is copied.
    pub fn publish_record(&self, record: Record) {
        self.change(|inner| {
            apply(Arc::make_mut(&mut inner.state), &record);
            inner.tell_event(record);
        });
    }

    pub fn publish_sample(&self, sample: Sample) {
        self.change(|inner| {
            let subject = match &sample {
                Sample::Activity(activity) => Some(Subject::Activity(activity.target.clone())),
                Sample::Statements(seen) => Some(Subject::Statements(seen.target.clone())),
                Sample::Database(seen) => Some(Subject::Database(seen.target.clone())),
                Sample::Probe(_) | Sample::Waits(_) => None,
            };
            if let Sample::Activity(activity) = &sample {
                let waits = inner.waits.entry(activity.target.clone()).or_default();
                waits.follow(activity);
            }
            let message = Message::Sample(Box::new(sample));
            let Some(subject) = subject else {
                let place = inner.tell(message);
                inner.probes.push_back(place);
                if inner.probes.len() > PROBE_HISTORY
                    && let Some(oldest) = inner.probes.pop_front()
                {
                    inner.told.remove(&oldest);
                }
                return;
            };
            inner.replace(subject, message);
        });
    }

    /// The wall clock was set: what was read before is as old as it was.
    pub fn clock_stepped(&self, by: TimeDelta) {
        self.change(|inner| {
            inner
                .waits
                .values_mut()
                .for_each(|waits| waits.move_times(by));
            let mut moved = Vec::new();
            for (place, told) in &inner.told {
                if let Some(Message::Sample(sample)) = &told.message {
                    let mut sample = sample.clone();
                    sample.move_times(by);
                    moved.push((*place, Message::Sample(sample)));
                }
            }
            for (place, message) in moved {
                let told = Told {
                    message: Some(message),
                    line: OnceLock::new(),
                };
                inner.told.insert(place, Arc::new(told));
            }
        });
    }

    pub fn publish_output(&self, tail: OutputTail) {
        let subject = Subject::Output(tail.action, tail.attempt);
        self.change(|inner| inner.replace(subject, Message::Output(tail)));
    }

    pub fn publish_asking(&self, asking: Asking) {
        let subject = Subject::Asking(asking.action, asking.attempt);
        self.change(|inner| inner.replace(subject, Message::Asking(asking)));
    }

    pub fn publish_people(&self, people: Vec<Person>) {
        self.change(|inner| inner.replace(Subject::People, Message::People { people }));
    }

    pub fn publish_health(&self, health: StoreHealth) {
        self.change(|inner| inner.replace(Subject::Health, Message::Health(health)));
    }

    pub fn publish_readiness(&self, readiness: Readiness) {
        self.change(|inner| inner.replace(Subject::Readiness, Message::Readiness(readiness)));
    }

    /// Looks at the state without taking hold of it, which would make the next event copy it.
    pub fn look<T>(&self, look: impl FnOnce(&RunState) -> T) -> T {
        look(&self.lock().state)
    }

    pub fn state(&self) -> Arc<RunState> {
        self.lock().state.clone()
    }

    pub fn people(&self) -> Vec<Person> {
        match self.lock().newest(&Subject::People) {
            Some(Message::People { people }) => people.clone(),
            _ => Vec::new(),
        }
    }

    /// What is known of the world that no event tells.
    pub fn world(&self) -> World {
        let readiness = match self.lock().newest(&Subject::Readiness) {
            Some(Message::Readiness(readiness)) => Some(readiness.clone()),
            _ => None,
        };
        World {
            lost: self.lost(),
            readiness,
        }
    }

    fn lost(&self) -> BTreeMap<String, Timestamp> {
        let inner = self.lock();
        let samples = inner.told.values().filter_map(|told| match &told.message {
            Some(Message::Sample(sample)) => Some(&**sample),
            _ => None,
        });
        samples
            .filter_map(|sample| match sample {
                Sample::Activity(activity) => {
                    Some((activity.target.clone(), activity.lost_since()?))
                }
                _ => None,
            })
            .collect()
    }

    /// Changes whenever there is something to read.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.place.subscribe()
    }

    /// What comes after this place.
    pub fn next(&self, after: u64) -> Next {
        let inner = self.lock();
        if after < inner.forgotten {
            return Next::BeginAgain;
        }
        match inner.told.range(after + 1..).next() {
            Some((place, told)) => {
                let (place, told) = (*place, told.clone());
                drop(inner);
                Next::Line(place, told.line())
            }
            None => Next::Nothing,
        }
    }

    /// Everything that a new reader needs. Of those who join while no event comes, all are given the
    /// same; this may take a while where a run is long.
    pub fn snapshot(&self) -> Arc<SnapshotLines> {
        let mut snapshots = self.snapshots();
        let seq = self.look(|state| state.seq);
        if let Some(current) = &snapshots.current
            && current.made.elapsed() < SNAPSHOT_FRESH
            && (current.seq == seq || snapshots.bytes() > SNAPSHOT_BYTES)
        {
            return current.clone();
        }
        let made = Arc::new(self.write_snapshot());
        snapshots.read.retain(|read| read.strong_count() > 0);
        snapshots.read.push(Arc::downgrade(&made));
        snapshots.current = Some(made.clone());
        made
    }

    /// Whether those who read old snapshots slowly take more memory than is good.
    pub fn is_crowded(&self) -> bool {
        self.snapshots().bytes() > SNAPSHOT_BYTES
    }

    /// Nobody has joined for a while: the newest snapshot is of no more use.
    pub fn forget_snapshot(&self) {
        let mut snapshots = self.snapshots();
        let is_old = |lines: &mut Arc<SnapshotLines>| lines.made.elapsed() >= SNAPSHOT_FRESH;
        drop(snapshots.current.take_if(is_old));
    }

    fn snapshots(&self) -> MutexGuard<'_, Snapshots> {
        self.snapshots
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn write_snapshot(&self) -> SnapshotLines {
        let (place, state, told, waits) = {
            let inner = self.lock();
            let told: Vec<Arc<Told>> = inner.told.values().cloned().collect();
            let waits = inner.waits.values().cloned().map(Sample::Waits);
            let waits: Vec<Sample> = waits.collect();
            (inner.place, inner.state.clone(), told, waits)
        };
        let mut samples: Vec<&Sample> = waits.iter().collect();
        let (mut outputs, mut asking) = (Vec::new(), Vec::new());
        let (mut people, mut store): (&[Person], _) = (&[], StoreHealth::default());
        for told in &told {
            match &told.message {
                Some(Message::Sample(sample)) => samples.push(&**sample),
                Some(Message::Output(tail)) => outputs.push(tail),
                Some(Message::Asking(_) | Message::Readiness(_)) => asking.push(told.line()),
                Some(Message::People { people: here }) => people = here,
                Some(Message::Health(health)) => store = health.clone(),
                _ => {}
            }
        }
        // Outputs by action: their places tell only when each was read last.
        outputs.sort_by_key(|tail| (tail.action, tail.attempt));
        let shared = Shared {
            at: chrono::Utc::now(),
            state: &state,
            samples,
            outputs,
            people,
            store: &store,
        };
        let mut pieces = Pieces::default();
        let written = serde_json::to_writer(&mut pieces, &shared);
        let seq = state.seq;
        if let Err(error) = written {
            tracing::error!(%error, "the state cannot be written as JSON");
        }
        // Of the message.
        pieces.add(b"}\n");
        asking.iter().for_each(|line| pieces.add(line));
        let (pieces, bytes) = pieces.finish();
        SnapshotLines {
            place,
            pieces,
            bytes,
            seq,
            made: Instant::now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::snapshot::PIECE;
    use std::collections::BTreeMap;

    use super::*;
    use crate::run::{Event, open};
    use crate::runbook::parse;
    use crate::supervisor::message::Snapshot;

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

    fn message(line: &[u8]) -> Message {
        serde_json::from_slice(line).unwrap()
    }

    /// A snapshot as `you` reads it, and the messages after it in the same lines.
    fn read(lines: &SnapshotLines, you: &str) -> (Snapshot, Vec<Message>) {
        let mut text = super::head(you).to_vec();
        lines
            .pieces
            .iter()
            .for_each(|piece| text.extend_from_slice(piece));
        let mut messages = text.split_inclusive(|byte| *byte == b'\n').map(message);
        let Some(Message::Snapshot(snapshot)) = messages.next() else {
            panic!("a snapshot is first");
        };
        (*snapshot, messages.collect())
    }

    /// What a reader folds who asks whenever `asks` says so; and how often it began again.
    fn read_along(events: u64, asks: impl Fn(u64) -> bool) -> (Feed, RunState, usize) {
        let (mut place, mut state) = (0, opened());
        let feed = Feed::new(state.clone());
        let mut begun_again = 0;
        for seq in 2..=events {
            feed.publish_record(note(seq));
            if !asks(seq) {
                continue;
            }
            loop {
                match feed.next(place) {
                    Next::Line(now, line) => {
                        place = now;
                        let Message::Event(record) = message(&line) else {
                            panic!("only events were told");
                        };
                        assert_eq!(record.seq, state.seq + 1, "no event is left out");
                        apply(&mut state, &record);
                    }
                    Next::BeginAgain => {
                        let lines = feed.snapshot();
                        (place, state) = (lines.place, read(&lines, "anna").0.state);
                        begun_again += 1;
                    }
                    Next::Nothing => break,
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
    fn no_more_events_are_kept_than_these_in_number_and_in_bytes() {
        let (feed, ..) = read_along(10 * EVENTS_KEPT as u64, |_| false);
        assert_eq!(feed.lock().told.len(), EVENTS_KEPT);
        let long = "x".repeat(EVENT_BYTES_KEPT / 10);
        for seq in 0..100 {
            let event = Event::NoteWritten {
                text: long.clone(),
                step: None,
            };
            feed.publish_record(record(20_000 + seq, event));
        }
        let inner = feed.lock();
        assert!(inner.event_bytes <= EVENT_BYTES_KEPT);
        let told: usize = inner.told.values().map(|told| told.line().len()).sum();
        assert_eq!(told, inner.event_bytes);
    }

    #[test]
    fn of_what_only_the_newest_matters_only_that_is_kept_and_told() {
        let feed = Feed::new(opened());
        let named = |name: &str| Person {
            name: name.to_owned(),
            ..Person::default()
        };
        for number in 0..1_000 {
            feed.publish_people(vec![named(&format!("p{number}"))]);
            feed.publish_health(StoreHealth::default());
        }
        assert_eq!(feed.lock().told.len(), 2);
        let Next::Line(place, line) = feed.next(0) else {
            panic!("there are people");
        };
        let people = vec![named("p999")];
        assert_eq!(message(&line), Message::People { people });
        assert!(matches!(feed.next(place), Next::Line(..)));
    }

    #[test]
    fn a_line_is_written_once_for_all_who_read_it() {
        let feed = Feed::new(opened());
        feed.publish_health(StoreHealth::default());
        let lines: Vec<*const u8> = (0..3)
            .map(|_| match feed.next(0) {
                Next::Line(_, line) => line.as_ptr(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(lines.iter().all(|line| *line == lines[0]));
    }

    #[test]
    fn who_joins_while_nothing_happens_shares_one_snapshot_in_small_pieces() {
        let feed = Feed::new(opened());
        for seq in 2..2_000 {
            feed.publish_record(note(seq));
        }
        let asking = Asking {
            action: ActionId::block(0),
            attempt: 1,
            prompt: Some("sure?".to_owned()),
            hidden: false,
        };
        feed.publish_asking(asking.clone());
        let (one, other) = (feed.snapshot(), feed.snapshot());
        assert!(Arc::ptr_eq(&one, &other));
        assert!(one.pieces.len() > 2);
        assert!(one.pieces.iter().all(|piece| piece.len() <= PIECE));
        let (snapshot, more) = read(&one, "\"bert\"@ops");
        assert_eq!(snapshot.you, "\"bert\"@ops");
        assert_eq!(snapshot.state, *feed.state());
        assert_eq!(more, [Message::Asking(asking)]);
        feed.publish_record(note(2_000));
        let newer = feed.snapshot();
        assert!(!Arc::ptr_eq(&one, &newer), "an event has come");
        assert_eq!(feed.snapshots().bytes(), one.bytes);
        drop((one, other));
        assert_eq!(feed.snapshots().bytes(), 0, "nobody reads it any more");
    }
}
