//! What was done in the run, by whom and when: read from the state, so that who joins late sees it
//! all.

mod commands;
mod facts;
mod walked;

use super::theme::{Mark, Role};
use crate::run::{ActionId, ENGINE, Event, Record, RunState, Timestamp};

#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub at: Timestamp,
    pub by: String,
    pub mark: Mark,
    pub text: String,
}

impl Entry {
    /// What a person did.
    fn by(at: Timestamp, by: &str, mark: Mark, text: impl Into<String>) -> Entry {
        Entry {
            at,
            by: by.to_owned(),
            mark,
            text: text.into(),
        }
    }

    /// What nobody did: it was seen, or came of itself.
    fn seen(at: Timestamp, mark: Mark, text: impl Into<String>) -> Entry {
        Entry::by(at, ENGINE, mark, text)
    }
}

const fn mark(glyph: &'static str, word: &'static str, role: Role) -> Mark {
    Mark { glyph, word, role }
}

/// Everything that happened, oldest first.
pub fn of(run: &RunState) -> Vec<Entry> {
    let mut entries = vec![Entry::by(
        run.opened_at,
        &run.opened_by,
        mark("◆", "opened", Role::Heading),
        format!("opened on {}", run.environment),
    )];
    walked::phases(run, &mut entries);
    entries.extend(run.identities_seen.iter().filter_map(facts::identity));
    walked::steps(run, &mut entries);
    commands::attempts(run, &mut entries);
    commands::captured(run, &mut entries);
    walked::rollbacks(run, &mut entries);
    commands::written(run, &mut entries);
    facts::inputs(run, &mut entries);
    facts::armed_before(run, &mut entries);
    facts::guide_on_disk(run, &mut entries);
    facts::red_flags(run, &mut entries);
    entries.extend(run.alarms.iter().flat_map(facts::alarm));
    entries.extend(run.notes.iter().map(facts::note));
    entries.extend(run.pairing.log.iter().map(facts::people));
    // Stable: what happened at the same instant stays in the order of the guide.
    entries.sort_by_key(|entry| entry.at);
    entries
}

/// Takes in what an event did that was just folded into the run. Notes and what goes on between people
/// are what a long run has most of, and stand at the end; anything else is reckoned anew.
pub fn follow(entries: &mut Vec<Entry>, run: &RunState, record: &Record) {
    let next = match &record.event {
        Event::NoteWritten { .. } => run.notes.last().map(facts::note),
        Event::Pairing { .. } => run.pairing.log.last().map(facts::people),
        _ => None,
    };
    let is_last = |entry: &Entry| entries.last().is_some_and(|last| last.at < entry.at);
    match next.filter(is_last) {
        Some(entry) => entries.push(entry),
        None => *entries = of(run),
    }
}

fn title_of(run: &RunState, action: ActionId) -> String {
    run.title_of(action)
}

fn with_reason(text: &str, reason: Option<&str>) -> String {
    let text = super::markdown::plain(text);
    match reason {
        Some(reason) => format!("{text}: {reason}"),
        None => text,
    }
}
