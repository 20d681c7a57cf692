//! A transaction that is held before its `COMMIT`: how long it has been open, whom it keeps waiting,
//! and the two things that can be done about it.

use std::collections::HashSet;

use super::format::{duration, plural, seconds_between};
use super::model::{Activity, Model};
use crate::executor::application_name;
use crate::monitor::{Reading, Session};
use crate::run::{ActionId, Attempt, Command, Hold};

/// Others that have waited this long for it are an alarm.
const PATIENCE_S: u64 = 10;

/// A held transaction as it stands now.
pub struct Held<'a> {
    pub action: ActionId,
    pub attempt: &'a Attempt,
    pub hold: &'a Hold,
    /// Seconds since it was held.
    pub held_s: u64,
    /// Seconds since the transaction began, where the server says so; else it is at most as old as the
    /// action.
    pub open_s: Result<u64, u64>,
    /// The server shows no such session any more: it has rolled back.
    pub gone: bool,
    /// Seconds for which the server has not answered: what it last said of the transaction says nothing
    /// about now.
    pub unseen_s: Option<u64>,
    /// Sessions that wait for it, directly or behind one that does, with the seconds of their wait.
    pub blocked: Vec<(&'a Session, u64)>,
}

/// The transaction that is held now, unless it is being cancelled.
pub fn held(model: &Model) -> Option<Held<'_>> {
    let run = &model.run;
    let (action, attempt, hold) = run.held()?;
    if attempt.cancel_requested_at.is_some() {
        return None;
    }
    let block = run.runbook.block(action.block);
    let on = block
        .and_then(|block| block.attributes.on.as_deref())
        .unwrap_or("main");
    let name = run
        .step_of(action)
        .map(|step| application_name(&run.run, &step.id))
        .unwrap_or_default();
    let at_most = seconds_between(attempt.started_at, model.now);
    let mut held = Held {
        action,
        attempt,
        hold,
        held_s: seconds_between(hold.since, model.now),
        open_s: Err(at_most),
        gone: false,
        unseen_s: None,
        blocked: Vec::new(),
    };
    let activity = model.activity.get(on);
    if let Some(Reading::Lost { since, .. }) = activity.map(|activity| &activity.sample.state) {
        held.unseen_s = Some(seconds_between(*since, model.now));
    } else if let Some(activity) = activity {
        let sessions = &activity.sample.sessions;
        let age_s = seconds_between(activity.sample.at, model.now);
        let open_ms = sessions
            .iter()
            .filter(|session| session.application == name)
            .find_map(|session| session.transaction_ms);
        // Read after it was held, and of everything.
        let read_s = (activity.sample.at - hold.since).num_seconds();
        held.gone = open_ms.is_none() && activity.sample.state == Reading::Good && read_s >= 2;
        if let Some(milliseconds) = open_ms {
            held.open_s = Ok(seconds(milliseconds) + age_s);
        }
        held.blocked = waiting_for(activity, &name)
            .map(|session| (session, seconds(session.waited_ms()) + age_s))
            .collect();
    }
    Some(held)
}

fn seconds(milliseconds: i64) -> u64 {
    u64::try_from(milliseconds / 1_000).unwrap_or(0)
}

/// Who waits for a session of this name, or for one that does.
fn waiting_for<'a>(activity: &'a Activity, name: &str) -> impl Iterator<Item = &'a Session> {
    let sessions = &activity.sample.sessions;
    let mut pids: HashSet<i32> = sessions
        .iter()
        .filter(|session| session.application == name)
        .map(|session| session.pid)
        .collect();
    let mut found: Vec<&Session> = Vec::new();
    loop {
        let next: Vec<&Session> = sessions
            .iter()
            .filter(|session| !pids.contains(&session.pid))
            .filter(|session| session.blocked_by.iter().any(|pid| pids.contains(pid)))
            .collect();
        if next.is_empty() {
            return found.into_iter();
        }
        pids.extend(next.iter().map(|session| session.pid));
        found.extend(next);
    }
}

impl Held<'_> {
    /// `open for 1m 04s`, or `open for at most 1m 04s`, or that nobody knows.
    pub fn open(&self) -> String {
        if let Some(seconds) = self.unseen_s {
            let silent = duration(seconds);
            return format!(
                "the server has not answered for {silent}: nobody knows whether it is still open"
            );
        }
        match self.open_s {
            _ if self.gone => "GONE from the server, which has rolled it back".to_owned(),
            Ok(seconds) => format!("open for {}", duration(seconds)),
            Err(seconds) => format!("open for at most {}", duration(seconds)),
        }
    }

    /// `blocks 2 sessions`, or that it blocks nobody, or that nobody knows.
    pub fn blocks(&self) -> String {
        match self.blocked.len() {
            _ if self.unseen_s.is_some() => "nor whom it blocks".to_owned(),
            0 => "blocks nobody".to_owned(),
            count => format!("BLOCKS {}", plural(count, "session", "sessions")),
        }
    }

    /// What must not be overlooked: others have waited for it too long.
    pub fn alarm(&self, look_key: &str, roll_back_key: &str) -> Option<String> {
        let longest = self.blocked.iter().map(|(_, seconds)| *seconds).max()?;
        (longest >= PATIENCE_S).then(|| {
            format!(
                "HELD TRANSACTION {} for {}: {look_key} decides, {roll_back_key} rolls back",
                self.blocks(),
                duration(longest)
            )
        })
    }
}

/// The command that rolls it back.
pub fn roll_back(held: &Held<'_>) -> Command {
    Command::EndTransaction {
        action: held.action,
        attempt: held.attempt.number,
        commit: false,
        typed: None,
        reason: None,
    }
}
