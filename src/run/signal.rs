//! Sessions of a database that a person stops: what was asked, and what the server answered.

use serde::{Deserialize, Serialize};

use super::Event;

/// How to stop a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionSignal {
    /// End the statement, keep the session.
    Cancel,
    /// End the session.
    Terminate,
}

/// A session as the person saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Victim {
    pub pid: i32,
    /// Microseconds since the epoch: with the pid, it is this session and no later one.
    pub backend_start_us: i64,
    /// Who it is and what it did, in words.
    pub who: String,
    /// Of this run.
    pub ours: bool,
}

/// What came of a signal to one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signalled {
    /// The server's function returned true: the signal was sent, which is not yet its effect.
    Sent,
    /// The server's function returned false: the process was gone in that moment.
    NotSent,
    /// No session has this pid any more.
    Gone,
    /// Another session has this pid by now; it was left alone.
    Recycled,
    /// It is a session of gonogo; it was left alone.
    Ours,
    /// The role may not see when the session began, so it cannot be told from another.
    Hidden,
}

impl SessionSignal {
    /// What is asked, of a session: `end the session`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Cancel => "cancel the statement of",
            Self::Terminate => "end the session",
        }
    }
}

/// What came of it, in words for the record; an error says why it could not be asked.
pub fn answer_words(
    signal: SessionSignal,
    victim: &Victim,
    answer: &Result<Signalled, String>,
) -> String {
    let what = match signal {
        SessionSignal::Cancel => "cancel",
        SessionSignal::Terminate => "end",
    };
    let pid = victim.pid;
    match answer {
        Ok(Signalled::Sent) => format!("{pid}: the server has sent the signal to {what} it"),
        Ok(Signalled::NotSent | Signalled::Gone) => {
            format!("{pid}: had ended by itself; nothing was sent")
        }
        Ok(Signalled::Recycled) => {
            format!("{pid}: is another session by now, and was left alone")
        }
        Ok(Signalled::Ours) => {
            format!("{pid}: is a session of this run or holds a lock, and was left alone")
        }
        Ok(Signalled::Hidden) => {
            format!("{pid}: this role may not see that session, so nothing was sent")
        }
        Err(why) => format!("{pid}: could not {what} it: {why}"),
    }
}

/// What is kept of it as a note.
pub(super) fn words(event: &Event) -> String {
    match event {
        Event::SessionSignalled {
            target,
            signal,
            victim,
        } => format!("asks `{target}` to {} {}", signal.words(), victim.who),
        Event::SessionAnswered {
            target,
            signal,
            victim,
            answer,
        } => format!("`{target}`: {}", answer_words(*signal, victim, answer)),
        _ => String::new(),
    }
}
