//! Alarms of what is watched: when each began and ended, and who has seen it.

use std::ops::Bound;

use serde::{Deserialize, Serialize};

use super::{Event, Record, RunState, Timestamp};

/// One alarm from its begin to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmRecord {
    /// The same thing while it lasts has the same key.
    pub key: String,
    /// As it began.
    pub text: String,
    pub began_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub seen: Option<AlarmSeen>,
}

/// Somebody has said what it means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmSeen {
    pub at: Timestamp,
    pub by: String,
    pub note: String,
}

impl RunState {
    /// The alarm with this key that has not ended.
    pub fn open_alarm(&self, key: &str) -> Option<&AlarmRecord> {
        self.alarms.get(*self.open_alarms.get(key)?)
    }

    /// The keys of alarms that have not ended and begin with this.
    pub fn open_alarms_of<'a>(&'a self, source: &'a str) -> impl Iterator<Item = &'a str> {
        let from = self
            .open_alarms
            .range::<str, _>((Bound::Included(source), Bound::Unbounded));
        let keys = from.map(|(key, _)| key.as_str());
        keys.take_while(move |key| key.starts_with(source))
    }

    fn open_alarm_mut(&mut self, key: &str) -> Option<&mut AlarmRecord> {
        self.alarms.get_mut(*self.open_alarms.get(key)?)
    }
}

pub(super) fn apply(state: &mut RunState, record: &Record) {
    let at = record.at;
    match &record.event {
        Event::AlarmBegan { key, text } => {
            state.open_alarms.insert(key.clone(), state.alarms.len());
            state.alarms.push(AlarmRecord {
                key: key.clone(),
                text: text.clone(),
                began_at: at,
                ended_at: None,
                seen: None,
            });
        }
        Event::AlarmEnded { key } => {
            if let Some(alarm) = state.open_alarm_mut(key) {
                alarm.ended_at = Some(at);
            }
            state.open_alarms.remove(key);
        }
        Event::AlarmSeen { key, note } => {
            if let Some(alarm) = state.open_alarm_mut(key) {
                alarm.seen = Some(AlarmSeen {
                    at,
                    by: record.by.clone(),
                    note: note.clone(),
                });
            }
        }
        _ => {}
    }
}
