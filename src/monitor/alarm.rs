//! What the readings say that nobody should have to look for. The screen reckons it from the newest
//! readings, and the supervisor puts on record when each began and ended: in the same words.

use super::database_alarms::of_database;
use super::sample::age;
use super::{ActivitySample, BlockingRow, BlockingTree, ProbeSample, Reading, Sample, Session};
use crate::run::Timestamp;

/// What a session of the run may wait before it is an alarm.
const OURS_WAITS_MS: i64 = 3_000;
/// What others may wait for the run.
const OURS_BLOCKS_MS: i64 = 5_000;
/// What others may wait for each other.
const OTHERS_WAIT_MS: i64 = 30_000;
/// Seconds without an answer.
const SILENT_S: i64 = 5;
/// Seconds for which an endpoint is down.
const DOWN_S: i64 = 3;
/// Parts of a hundred of the connections.
const TAKEN: u64 = 90;

/// One thing that is wrong now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// The same as long as it is the same thing; begins with [`source_of`] its reading.
    pub key: String,
    pub gravity: Gravity,
    pub text: String,
    pub subject: AlarmSubject,
}

/// How grave; the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gravity {
    /// The run holds others up.
    Harms,
    /// The run cannot go on, or cannot be seen.
    Stops,
    Warns,
}

/// What can be done something about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlarmSubject {
    /// The session at the root of it.
    Session {
        target: String,
        pid: i32,
        ours: bool,
    },
    Target(String),
    /// What it counts.
    Server(String),
    Probe(String),
    /// The maintenance window: the engine tells it.
    Window,
}

/// What the keys of a reading's alarms begin with.
pub fn source_of(sample: &Sample) -> Option<String> {
    match sample {
        Sample::Activity(sample) => Some(format!("database/{}/", sample.target)),
        Sample::Probe(sample) => Some(format!("probe/{}/", sample.name)),
        Sample::Database(sample) => Some(format!("server/{}/", sample.target)),
        Sample::Statements(_) | Sample::Waits(_) => None,
    }
}

/// The alarms of one reading, the gravest first.
pub fn alarms_of(sample: &Sample, now: Timestamp) -> Vec<Alarm> {
    let mut alarms = match sample {
        Sample::Activity(sample) => of_sessions(sample, &BlockingTree::of(&sample.sessions), now),
        Sample::Probe(sample) => of_probe(sample, now).into_iter().collect(),
        Sample::Database(sample) => of_database(sample),
        Sample::Statements(_) | Sample::Waits(_) => Vec::new(),
    };
    alarms.sort_by_key(|alarm| alarm.gravity);
    alarms
}

/// [`alarms_of`] sessions whose tree is reckoned already.
pub fn of_sessions(sample: &ActivitySample, tree: &BlockingTree, now: Timestamp) -> Vec<Alarm> {
    let target = &sample.target;
    if let Reading::Lost { since, .. } = &sample.state {
        let silent = (now - *since).num_seconds();
        let lost = Alarm {
            key: format!("database/{target}/lost"),
            gravity: Gravity::Stops,
            text: format!("`{target}` has not answered for {}", age(silent)),
            subject: AlarmSubject::Target(target.clone()),
        };
        return Vec::from_iter((silent >= SILENT_S).then_some(lost));
    }
    let mut alarms: Vec<Alarm> = (0..tree.rows.len())
        .filter_map(|root| blocked(sample, tree, root))
        .collect();
    let rows = tree.rows.iter();
    alarms.extend(rows.filter_map(|row| behind_nobody(sample, row)));
    let counts = &sample.counts;
    let (taken, most) = (u64::from(counts.total), u64::from(counts.max_connections));
    if most > 0 && taken * 100 >= most * TAKEN {
        alarms.push(Alarm {
            key: format!("database/{target}/connections"),
            gravity: Gravity::Warns,
            text: format!("{taken} of {most} connections of `{target}` are in use"),
            subject: AlarmSubject::Target(target.clone()),
        });
    }
    alarms
}

/// Whoever waits behind the session at the root of a tree, where that is long enough to be told.
fn blocked(sample: &ActivitySample, tree: &BlockingTree, root: usize) -> Option<Alarm> {
    let head = tree.rows.get(root)?;
    if head.depth > 0 || head.blocks == 0 {
        return None;
    }
    let session = |index: usize| sample.sessions.get(index);
    let blocker = session(head.index)?;
    let rows = tree.rows[root + 1..].iter();
    let waiting: Vec<(usize, &Session)> = rows
        .take_while(|row| row.depth > 0)
        .filter_map(|row| Some((row.blocks, session(row.index)?)))
        .filter(|(_, session)| !session.blocked_by.is_empty())
        .collect();
    let waited = waiting.iter().map(|(_, session)| session.waited_ms());
    let longest = waited.max()?;
    let behind = match waiting.len() {
        1 => "1 session".to_owned(),
        many => format!("{many} sessions"),
    };
    let ours = waiting
        .iter()
        .filter(|(_, session)| session.ours && session.waited_ms() >= OURS_WAITS_MS)
        .max_by_key(|(_, session)| session.waited_ms());
    let (gravity, least, text) = match ours {
        _ if blocker.ours => (
            Gravity::Harms,
            OURS_BLOCKS_MS,
            format!(
                "THIS RUN HOLDS UP {behind} for {} with {}",
                age(longest / 1_000),
                statement(blocker)
            ),
        ),
        Some((more, waiter)) => (
            Gravity::Stops,
            OURS_WAITS_MS,
            waits(waiter, &blocker.named(), *more),
        ),
        None => (
            Gravity::Warns,
            OTHERS_WAIT_MS,
            format!(
                "{} holds up {behind} for {}",
                blocker.named(),
                age(longest / 1_000)
            ),
        ),
    };
    (longest >= least).then(|| Alarm {
        key: format!(
            "database/{}/blocked/{}/{}",
            sample.target, blocker.pid, blocker.backend_start_us
        ),
        gravity,
        text,
        subject: AlarmSubject::Session {
            target: sample.target.clone(),
            pid: blocker.pid,
            ours: blocker.ours,
        },
    })
}

/// A session of the run that waits for what has no row: a prepared transaction belongs to no session.
fn behind_nobody(sample: &ActivitySample, row: &BlockingRow) -> Option<Alarm> {
    let waiter = sample.sessions.get(row.index)?;
    let is_listed = |pid: &i32| sample.sessions.iter().any(|session| session.pid == *pid);
    if !waiter.ours
        || waiter.waited_ms() < OURS_WAITS_MS
        || waiter.blocked_by.is_empty()
        || waiter.blocked_by.iter().any(is_listed)
    {
        return None;
    }
    let whom = match waiter.blocked_by.iter().find(|pid| **pid != 0) {
        None => "a prepared transaction".to_owned(),
        Some(pid) => format!("{pid}, which is not listed"),
    };
    Some(Alarm {
        key: format!(
            "database/{}/waits/{}/{}",
            sample.target, waiter.pid, waiter.backend_start_us
        ),
        gravity: Gravity::Stops,
        text: waits(waiter, &whom, row.blocks),
        subject: AlarmSubject::Target(sample.target.clone()),
    })
}

/// `ALTER TABLE audits waits 16s for 8240 …, 2 sessions behind it`.
fn waits(waiter: &Session, whom: &str, behind: usize) -> String {
    let after = match behind {
        0 => String::new(),
        1 => ", 1 session behind it".to_owned(),
        more => format!(", {more} sessions behind it"),
    };
    let waited = age(waiter.waited_ms() / 1_000);
    format!("{} waits {waited} for {whom}{after}", statement(waiter))
}

fn of_probe(sample: &ProbeSample, now: Timestamp) -> Option<Alarm> {
    let down = (now - sample.since).num_seconds();
    let name = &sample.name;
    (!sample.healthy && down >= DOWN_S).then(|| Alarm {
        key: format!("probe/{name}/down"),
        gravity: Gravity::Stops,
        text: match &sample.error {
            Some(error) => format!("`{name}` is down for {}: {error}", age(down)),
            None => format!("`{name}` is down for {}", age(down)),
        },
        subject: AlarmSubject::Probe(name.clone()),
    })
}

/// `ALTER TABLE audits`: what a statement begins with.
fn statement(session: &Session) -> String {
    let words: Vec<&str> = session.query.split_whitespace().take(3).collect();
    match words.is_empty() {
        true => session.pid.to_string(),
        false => words.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, TimeZone, Utc};

    use super::*;
    use crate::monitor::SessionCounts;

    fn now() -> Timestamp {
        Utc.with_ymd_and_hms(2026, 3, 14, 2, 0, 0).unwrap()
    }

    fn session(pid: i32, blocked_by: &[i32], query_s: i64) -> Session {
        Session {
            pid,
            application: format!("app-{pid}"),
            state: "active".to_owned(),
            blocked_by: blocked_by.to_vec(),
            query_ms: Some(query_s * 1_000),
            transaction_ms: Some(query_s * 1_000),
            query: "UPDATE stock SET amount = 1".to_owned(),
            ..Session::default()
        }
    }

    fn ours(session: Session) -> Session {
        Session {
            ours: true,
            query: "ALTER TABLE stock ADD note text".to_owned(),
            ..session
        }
    }

    fn alarms(sessions: Vec<Session>) -> Vec<String> {
        texts(ActivitySample {
            at: now(),
            target: "main".to_owned(),
            state: Reading::Good,
            identity: None,
            sessions,
            counts: SessionCounts::default(),
            cost_us: 0,
            interval_ms: 1_000,
        })
    }

    fn texts(sample: ActivitySample) -> Vec<String> {
        let alarms = alarms_of(&Sample::Activity(sample), now());
        alarms.into_iter().map(|alarm| alarm.text).collect()
    }

    #[test]
    fn a_step_that_waits_is_told_with_whom_it_waits_for_and_who_is_behind_it() {
        let mut blocker = session(8240, &[], 242);
        blocker.state = "idle in transaction".to_owned();
        let sessions = |waited| {
            vec![
                blocker.clone(),
                ours(session(2, &[8240], waited)),
                session(3, &[2], 1),
                session(4, &[2], 1),
            ]
        };
        assert_eq!(alarms(sessions(2)), Vec::<String>::new());
        assert_eq!(
            alarms(sessions(16)),
            [
                "ALTER TABLE stock waits 16s for 8240 app-8240 (idle in transaction, 4m 2s), 2 sessions behind it"
            ]
        );
    }

    #[test]
    fn a_run_that_holds_others_up_is_the_gravest() {
        let sessions = vec![
            session(1, &[], 90),
            session(2, &[1], 80),
            ours(session(3, &[], 20)),
            session(4, &[3], 12),
        ];
        assert_eq!(
            alarms(sessions),
            [
                "THIS RUN HOLDS UP 1 session for 12s with ALTER TABLE stock",
                "1 app-1 (active, 1m 30s) holds up 1 session for 1m 20s",
            ]
        );
    }

    #[test]
    fn others_may_wait_for_each_other_for_a_while() {
        let sessions = vec![session(1, &[], 90), session(2, &[1], 29)];
        assert_eq!(alarms(sessions), Vec::<String>::new());
    }

    #[test]
    fn a_step_is_told_by_its_own_wait_and_not_by_that_of_others() {
        let blocker = session(1, &[], 90);
        let sessions = vec![
            blocker.clone(),
            ours(session(2, &[1], 1)),
            session(3, &[1], 20),
        ];
        assert_eq!(alarms(sessions), Vec::<String>::new());
        let mut longer = ours(session(3, &[1], 16));
        longer.query = "DROP INDEX stock_note".to_owned();
        let sessions = vec![blocker, ours(session(2, &[1], 4)), longer];
        assert_eq!(
            alarms(sessions),
            ["DROP INDEX stock_note waits 16s for 1 app-1 (active, 1m 30s)"]
        );
    }

    #[test]
    fn a_step_that_waits_for_a_prepared_transaction_is_told() {
        let sessions = |waited| vec![ours(session(2, &[0], waited)), session(3, &[2], 1)];
        assert_eq!(alarms(sessions(2)), Vec::<String>::new());
        assert_eq!(
            alarms(sessions(4)),
            ["ALTER TABLE stock waits 4s for a prepared transaction, 1 session behind it"]
        );
        assert!(alarms(vec![session(2, &[0], 90)]).is_empty());
    }

    #[test]
    fn a_session_is_named_by_what_is_known_of_it() {
        let mut worker = Session {
            pid: 7,
            kind: "autovacuum worker".to_owned(),
            ..Session::default()
        };
        assert_eq!(worker.named(), "7 autovacuum worker");
        worker.state = "idle".to_owned();
        assert_eq!(worker.named(), "7 autovacuum worker (idle)");
    }

    #[test]
    fn nothing_is_said_of_sessions_of_a_server_that_does_not_answer() {
        let sample = ActivitySample {
            at: now(),
            target: "main".to_owned(),
            state: Reading::Lost {
                since: now() - TimeDelta::seconds(30),
                message: "m".to_owned(),
                help: "h".to_owned(),
            },
            identity: None,
            sessions: vec![session(1, &[], 90), session(2, &[1], 80)],
            counts: SessionCounts::default(),
            cost_us: 0,
            interval_ms: 1_000,
        };
        assert_eq!(texts(sample), ["`main` has not answered for 30s"]);
    }

    #[test]
    fn connections_that_run_out_are_told_in_time() {
        let of = |total| {
            texts(ActivitySample {
                at: now(),
                target: "main".to_owned(),
                state: Reading::Good,
                identity: None,
                sessions: Vec::new(),
                counts: SessionCounts {
                    total,
                    max_connections: 100,
                    ..SessionCounts::default()
                },
                cost_us: 0,
                interval_ms: 1_000,
            })
        };
        assert_eq!(of(89), Vec::<String>::new());
        assert_eq!(of(90), ["90 of 100 connections of `main` are in use"]);
    }

    #[test]
    fn an_endpoint_that_is_down_is_told_once_it_stays_so() {
        let probe = |healthy, seconds| {
            Sample::Probe(ProbeSample {
                at: now(),
                name: "engine".to_owned(),
                url: String::new(),
                healthy,
                status: None,
                latency_ms: 1.0,
                error: Some("connection refused".to_owned()),
                version: None,
                since: now() - TimeDelta::seconds(seconds),
            })
        };
        assert!(alarms_of(&probe(true, 60), now()).is_empty());
        assert!(alarms_of(&probe(false, 2), now()).is_empty());
        let alarm = &alarms_of(&probe(false, 9), now())[0];
        assert_eq!(alarm.text, "`engine` is down for 9s: connection refused");
        assert!(alarm.key.starts_with(&source_of(&probe(false, 9)).unwrap()));
    }
}
