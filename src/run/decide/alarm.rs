//! Alarms begin and end with what is watched; a person says that they have seen one.

use super::one;
use crate::run::{Event, Refusal, RunState};

/// With a text it has begun, without one it has ended: an event where that is news.
pub(super) fn told(state: &RunState, key: &str, text: Option<&str>) -> Vec<Event> {
    let key = key.to_owned();
    match (state.open_alarm(&key), text) {
        (None, Some(text)) => vec![Event::AlarmBegan {
            key,
            text: text.to_owned(),
        }],
        (Some(_), None) => vec![Event::AlarmEnded { key }],
        _ => Vec::new(),
    }
}

pub(super) fn seen(state: &RunState, key: &str, note: &str) -> Result<Vec<Event>, Refusal> {
    match state.open_alarm(key) {
        Some(alarm) if alarm.seen.is_none() => one(Event::AlarmSeen {
            key: key.to_owned(),
            note: note.trim().to_owned(),
        }),
        Some(_) => Err(Refusal::new(
            "that alarm is already acknowledged",
            "write a note (`m`) to say more",
        )),
        None => Err(Refusal::new("that alarm is over", "nothing to acknowledge")),
    }
}
