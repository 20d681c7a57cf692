//! What a server answered to a signal, for the one who asked.

use super::theme::Role;
use crate::api::Message;
use crate::run::{Event, SessionSignal, Signalled, answer_words};

/// The answer in a message, with what to do next.
pub fn answer_of(message: &Message) -> Option<(String, &'static str, Role)> {
    let Message::Event(record) = message else {
        return None;
    };
    let Event::SessionAnswered {
        signal,
        victim,
        answer,
        ..
    } = &record.event
    else {
        return None;
    };
    let (role, help) = match (answer, signal) {
        (Ok(Signalled::Sent), SessionSignal::Cancel) => (
            Role::Text,
            "its statement ends in a moment; what it holds stays until its transaction ends",
        ),
        (Ok(Signalled::Sent), SessionSignal::Terminate) => {
            (Role::Text, "it leaves the list in a moment")
        }
        (Ok(Signalled::Hidden), _) => (Role::Warning, "`GRANT pg_read_all_stats` shows it"),
        (Ok(_), _) => (Role::Text, "check the list again"),
        (Err(_), _) => (Role::Failed, ""),
    };
    Some((answer_words(*signal, victim, answer), help, role))
}
