//! What sessions wait for, second by second: counted from the readings of sessions that are made anyway,
//! and kept for a while.

use std::collections::VecDeque;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::{ActivitySample, Session};
use crate::run::Timestamp;

/// Readings that are kept: half an hour at one a second.
const KEPT: usize = 1_800;

/// What a session that is at work does: it computes, or waits for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WaitClass {
    Cpu,
    Io,
    Lock,
    /// Locks within the server, on its buffers and tables.
    LwLock,
    /// Another process of the server.
    Ipc,
    Client,
    Other,
}

impl WaitClass {
    pub const ALL: [Self; 7] = [
        Self::Cpu,
        Self::Io,
        Self::Lock,
        Self::LwLock,
        Self::Ipc,
        Self::Client,
        Self::Other,
    ];

    /// `None`: the session is not at work, or nobody may see what it does.
    pub fn of(session: &Session) -> Option<Self> {
        // What is sent to replicas all day is no work that waits.
        if session.state != "active" || session.kind == "walsender" {
            return None;
        }
        let kind = session
            .wait
            .as_deref()
            .map(|wait| match wait.split_once(':') {
                Some((kind, _)) => kind,
                None => wait,
            });
        Some(match kind {
            None | Some("") => Self::Cpu,
            Some("IO") => Self::Io,
            Some("Lock") => Self::Lock,
            Some("LWLock" | "BufferPin") => Self::LwLock,
            Some("IPC") => Self::Ipc,
            Some("Client") => Self::Client,
            Some(_) => Self::Other,
        })
    }
}

/// One reading: how many sessions did what, in the order of [`WaitClass::ALL`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitSecond {
    /// Short, for there are many of them.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub at: Timestamp,
    pub counts: [u16; WaitClass::ALL.len()],
}

impl WaitSecond {
    fn of(sample: &ActivitySample) -> Self {
        let mut counts = [0_u16; WaitClass::ALL.len()];
        for class in sample.sessions.iter().filter_map(WaitClass::of) {
            let count = &mut counts[class as usize];
            *count = count.saturating_add(1);
        }
        Self {
            at: sample.at,
            counts,
        }
    }
}

/// What the sessions of one target waited for, oldest reading first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WaitsSample {
    pub target: String,
    pub seconds: VecDeque<WaitSecond>,
}

impl WaitsSample {
    /// Moves every time of it.
    pub fn move_times(&mut self, by: TimeDelta) {
        for second in &mut self.seconds {
            second.at = second.at.checked_add_signed(by).unwrap_or(second.at);
        }
    }

    /// Takes a reading in. One that is lost says nothing: that time stays empty.
    pub fn follow(&mut self, sample: &ActivitySample) {
        let at = sample.at.timestamp_millis();
        let is_known = self
            .seconds
            .back()
            .is_some_and(|last| last.at.timestamp_millis() >= at);
        if sample.lost_since().is_some() || is_known {
            return;
        }
        self.target.clone_from(&sample.target);
        if self.seconds.len() >= KEPT {
            self.seconds.pop_front();
        }
        self.seconds.push_back(WaitSecond::of(sample));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_at_work_computes_or_waits_and_an_idle_one_does_neither() {
        let session = |state: &str, wait: Option<&str>| Session {
            state: state.to_owned(),
            wait: wait.map(str::to_owned),
            ..Session::default()
        };
        let class = |state, wait| WaitClass::of(&session(state, wait));
        assert_eq!(class("active", None), Some(WaitClass::Cpu));
        assert_eq!(
            class("active", Some("Lock: relation")),
            Some(WaitClass::Lock)
        );
        assert_eq!(
            class("active", Some("LWLock: WALWrite")),
            Some(WaitClass::LwLock)
        );
        assert_eq!(
            class("active", Some("Extension: Extension")),
            Some(WaitClass::Other)
        );
        assert_eq!(
            class("idle in transaction", Some("Client: ClientRead")),
            None
        );
        // Nobody may see what it does.
        assert_eq!(class("", None), None);
        for (at, class) in WaitClass::ALL.into_iter().enumerate() {
            assert_eq!(class as usize, at);
        }
    }
}
