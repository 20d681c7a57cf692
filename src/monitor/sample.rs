//! One reading of the world: what a sampler hands to the supervisor, and the supervisor to every
//! client. Readings may be lost; the next one replaces them.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::{DatabaseSample, WaitsSample};
use crate::run::{TargetIdentity, Timestamp};
use crate::text::duration::format_s;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Sample {
    Activity(ActivitySample),
    Statements(StatementsSample),
    Probe(ProbeSample),
    Database(Box<DatabaseSample>),
    /// What was read before: for who joins.
    Waits(WaitsSample),
}

impl Sample {
    /// Moves every time of it.
    pub fn move_times(&mut self, by: TimeDelta) {
        let (first, second, state) = match self {
            Self::Activity(sample) => (&mut sample.at, None, Some(&mut sample.state)),
            Self::Statements(sample) => (
                &mut sample.at,
                Some(&mut sample.since),
                Some(&mut sample.state),
            ),
            Self::Probe(sample) => (&mut sample.at, Some(&mut sample.since), None),
            Self::Database(sample) => (
                &mut sample.at,
                sample.tables.read_at.as_mut(),
                Some(&mut sample.state),
            ),
            Self::Waits(sample) => return sample.move_times(by),
        };
        let lost = match state {
            Some(Reading::Lost { since, .. }) => Some(since),
            _ => None,
        };
        for at in [Some(first), second, lost].into_iter().flatten() {
            *at = at.checked_add_signed(by).unwrap_or(*at);
        }
    }
}

/// Sessions of the target at one time, idle ones only counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActivitySample {
    pub at: Timestamp,
    pub target: String,
    /// `Err`: what went wrong, and what to do; the sessions are then those of the last good reading.
    pub state: Reading,
    pub identity: Option<TargetIdentity>,
    /// Everything but plain idle, longest transaction first.
    pub sessions: Vec<Session>,
    pub counts: SessionCounts,
    /// Time the server took for the sample, in microseconds.
    pub cost_us: u64,
    pub interval_ms: u64,
}

impl ActivitySample {
    /// Since when the database has not answered; `None` where it does.
    pub fn lost_since(&self) -> Option<Timestamp> {
        match self.state {
            Reading::Lost { since, .. } => Some(since),
            Reading::Good | Reading::Partial { .. } => None,
        }
    }
}

/// Whether a sampler sees its subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reading", rename_all = "snake_case")]
pub enum Reading {
    Good,
    /// What is hidden and how to allow it: the data is incomplete.
    Partial {
        message: String,
        help: String,
    },
    /// Data is as old as `since`.
    Lost {
        since: Timestamp,
        message: String,
        help: String,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionCounts {
    pub total: u32,
    pub active: u32,
    pub idle: u32,
    pub idle_in_transaction: u32,
    pub waiting: u32,
    pub max_connections: u32,
    /// Sessions whose details this role may not see.
    pub hidden: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Session {
    pub pid: i32,
    pub user: String,
    pub database: String,
    pub application: String,
    pub client: String,
    pub state: String,
    /// `Lock: relation`, where it waits.
    pub wait: Option<String>,
    /// Milliseconds since the transaction began.
    pub transaction_ms: Option<i64>,
    /// Milliseconds since the statement began.
    pub query_ms: Option<i64>,
    /// Milliseconds since the state last changed.
    pub state_ms: Option<i64>,
    /// First 500 characters, on one line, scrubbed.
    pub query: String,
    /// Pids that this session waits for.
    pub blocked_by: Vec<i32>,
    /// Microseconds since the epoch: the session's own identity beside its pid.
    pub backend_start_us: i64,
    /// The 64-bit number of its transaction, once it has written.
    #[serde(default)]
    pub transaction: Option<i64>,
    /// `client backend`, `autovacuum worker`, ….
    #[serde(default)]
    pub kind: String,
    /// The pid of the session that a parallel worker works for.
    #[serde(default)]
    pub leader: Option<i32>,
    /// How many transactions old the oldest is that it may still see: what vacuum must keep.
    #[serde(default)]
    pub xmin_age: Option<i64>,
    /// What `pg_stat_statements` knows its statement by.
    #[serde(default)]
    pub query_id: Option<i64>,
    /// The lock that it waits for.
    #[serde(default)]
    pub awaits: Option<Awaited>,
    /// How far it is with a long command.
    #[serde(default)]
    pub progress: Option<Progress>,
    /// Started by this run (`application_name` is `gonogo:RUN:…`).
    pub ours: bool,
}

impl Session {
    /// Its application; where it names none, its role, or what kind of process it is.
    pub fn who(&self) -> &str {
        let names = [&self.application, &self.user, &self.kind];
        names
            .into_iter()
            .find(|name| !name.is_empty())
            .map_or("", String::as_str)
    }

    /// `8240 nightly-report (idle in transaction, 4m 2s)`, with what is known of it.
    pub fn named(&self) -> String {
        let age = self.transaction_ms.map(|ms| age(ms / 1_000));
        let state = Some(self.state.clone()).filter(|state| !state.is_empty());
        let facts: Vec<String> = state.into_iter().chain(age).collect();
        let facts = match facts.is_empty() {
            true => String::new(),
            false => format!(" ({})", facts.join(", ")),
        };
        format!("{} {}{facts}", self.pid, self.who())
    }

    /// How long it has waited; where the server does not say, as long as its statement at most.
    pub fn waited_ms(&self) -> i64 {
        let awaits = self.awaits.as_ref();
        let since = awaits.and_then(|awaits| awaits.waited_ms);
        since.or(self.query_ms).unwrap_or(0)
    }
}

/// Seconds that the server told, in words.
pub(super) fn age(seconds: i64) -> String {
    format_s(u64::try_from(seconds).unwrap_or(0))
}

/// How far a long command is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// `CREATE INDEX CONCURRENTLY`, `VACUUM`, ….
    pub command: String,
    pub phase: String,
    pub done: i64,
    /// 0 where the server does not know it.
    pub total: i64,
    /// `blocks`, `rows` or `bytes`
    pub unit: String,
}

impl Progress {
    /// 0 to 1, of the phase.
    pub fn share(&self) -> Option<f64> {
        (self.total > 0).then(|| (self.done as f64 / self.total as f64).clamp(0.0, 1.0))
    }
}

/// A lock that a session waits for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Awaited {
    /// `relation`, `transactionid`, ….
    pub kind: String,
    /// `AccessExclusiveLock`
    pub mode: String,
    /// By name, or by number where the name cannot be looked up.
    pub relation: Option<String>,
    /// Milliseconds, where the server says so (14 and later).
    pub waited_ms: Option<i64>,
}

impl StatementDelta {
    /// How many times slower a call is than before the baseline, where that is worth a look: a few calls,
    /// or a fraction of a millisecond, say nothing.
    pub fn slower(&self) -> Option<f64> {
        let before = self.mean_before_ms.filter(|before| *before > 0.0)?;
        let times = self.mean_ms / before;
        (times >= SLOWER && self.calls >= ENOUGH_CALLS && self.mean_ms >= WORTH_MS).then_some(times)
    }
}

/// Times that a statement is slower than before, to be told.
const SLOWER: f64 = 1.5;
const ENOUGH_CALLS: i64 = 5;
const WORTH_MS: f64 = 1.0;

/// Statements since the phase began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatementsSample {
    pub at: Timestamp,
    pub target: String,
    pub state: Reading,
    /// When the baseline was taken.
    pub since: Timestamp,
    /// By total time, the 50 largest.
    pub statements: Vec<StatementDelta>,
    /// All statements known to the server.
    pub known: u32,
    pub total_calls: i64,
    pub total_ms: f64,
    /// The counters were reset or entries evicted since the baseline.
    pub reset: bool,
    pub cost_us: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StatementDelta {
    pub query_id: i64,
    /// On one line, scrubbed.
    pub query: String,
    pub calls: i64,
    pub mean_ms: f64,
    pub total_ms: f64,
    /// Of the total time of all statements, 0 to 1.
    pub share: f64,
    pub rows: i64,
    /// Calls per second over the last interval.
    pub calls_per_s: f64,
    /// Nobody called it before the baseline.
    #[serde(default)]
    pub is_new: bool,
    /// What a call took before the baseline, since the server began to count.
    #[serde(default)]
    pub mean_before_ms: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeSample {
    pub at: Timestamp,
    pub name: String,
    pub url: String,
    pub healthy: bool,
    /// HTTP status, where there was an answer.
    pub status: Option<u16>,
    pub latency_ms: f64,
    /// Why it is not healthy.
    pub error: Option<String>,
    /// The service's own words (`version` of a JSON body), scrubbed.
    pub version: Option<String>,
    /// Since when it is as it is.
    pub since: Timestamp,
}
