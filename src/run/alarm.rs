//! Alarms of what is watched: when each began and ended, and who has seen it.

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
        let mut open = self.alarms.iter().rev();
        open.find(|alarm| alarm.ended_at.is_none() && alarm.key == key)
    }

    fn open_alarm_mut(&mut self, key: &str) -> Option<&mut AlarmRecord> {
        let mut open = self.alarms.iter_mut().rev();
        open.find(|alarm| alarm.ended_at.is_none() && alarm.key == key)
    }
}

pub(super) fn apply(state: &mut RunState, record: &Record) {
    let at = record.at;
    match &record.event {
        Event::AlarmBegan { key, text } => state.alarms.push(AlarmRecord {
            key: key.clone(),
            text: text.clone(),
            began_at: at,
            ended_at: None,
            seen: None,
        }),
        Event::AlarmEnded { key } => {
            if let Some(alarm) = state.open_alarm_mut(key) {
                alarm.ended_at = Some(at);
            }
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
