//! What was seen beside the walk: databases, red flags, alarms, the guide's file; and what people gave,
//! wrote and agreed.

use super::{Entry, mark, with_reason};
use crate::run::{
    Acknowledged, AlarmRecord, GuideOnDisk, IdentitySeen, Input, Logged, Note, PairingFact,
    RunState, Seen,
};
use crate::ui::format::plural;
use crate::ui::theme::Role;

/// What a database proved is in its banner; that it changed, and who went on with it, stands here.
pub(super) fn identity(seen: &IdentitySeen) -> Option<Entry> {
    let what = format!("{}: {}", seen.target, seen.identity.describe());
    match &seen.how {
        Seen::Proved => None,
        Seen::Changed { what: differs } => {
            let text = format!("{what} ({})", differs.join("; "));
            let changed = mark("✗", "CHANGED", Role::Alarm);
            Some(Entry::seen(seen.at, changed, text))
        }
        Seen::Accepted { by, reason } => {
            let accepted = mark("▲", "accepted", Role::Warning);
            let text = with_reason(&what, Some(reason));
            Some(Entry::by(seen.at, by, accepted, text))
        }
    }
}

/// What was given for blanks.
pub(super) fn inputs(run: &RunState, entries: &mut Vec<Entry>) {
    for change in &run.input_changes {
        let secret = |name: &str| {
            let mut variables = run.runbook.variables.iter();
            variables.any(|known| known.name == name && known.secret)
        };
        let what = match &change.after {
            Some(Input::Value(value)) if !secret(&change.name) => {
                format!("{} = {value}", change.name)
            }
            Some(Input::Value(_)) => format!("{} given", change.name),
            Some(Input::Secret(_)) => format!("{}: where it comes from", change.name),
            None => format!("{} left open", change.name),
        };
        let text = match change.taken_back {
            true => format!("{what} (taken back)"),
            false => what,
        };
        let input = mark("≔", "input", Role::Text);
        entries.push(Entry::by(change.at, &change.by, input, text));
    }
}

/// What earlier runs of the same guide had armed.
pub(super) fn armed_before(run: &RunState, entries: &mut Vec<Entry>) {
    let latest = run.armed_before.values().max_by_key(|armed| armed.at);
    entries.extend(latest.map(|latest| {
        let commands = plural(run.armed_before.len(), "command", "commands");
        let text = format!(
            "{commands} of this exact guide armed in earlier runs, last {} UTC by {}",
            latest.at.format("%Y-%m-%d %H:%M"),
            latest.by
        );
        Entry::seen(run.opened_at, mark("◆", "armed", Role::Text), text)
    }));
}

pub(super) fn guide_on_disk(run: &RunState, entries: &mut Vec<Entry>) {
    entries.extend(run.guide_on_disk.as_ref().map(|seen| {
        let text = match &seen.state {
            GuideOnDisk::Same => "the guide on disk is again the one of this run",
            GuideOnDisk::Changed(_) => {
                "the guide was changed on disk; the run goes on with its own"
            }
            GuideOnDisk::Missing => "the guide is gone from disk; the run goes on with its own",
            GuideOnDisk::Unreadable(_) => {
                "the guide on disk cannot be read; the run goes on with its own"
            }
        };
        Entry::seen(seen.at, mark("△", "guide", Role::Warning), text)
    }));
}

pub(super) fn red_flags(run: &RunState, entries: &mut Vec<Entry>) {
    for alert in &run.alerts {
        // Of a watch that was started again, what was acknowledged before.
        let is_known = |known: &Acknowledged| known.at < alert.first_at;
        let is_again = alert.acknowledged.as_ref().is_some_and(is_known);
        let again = mark("⚑", "again", Role::Muted);
        let first = match is_again {
            true => again,
            false => mark("⚑", "RED FLAG", Role::Failed),
        };
        entries.push(Entry::seen(alert.first_at, first, run.alert_words(alert)));
        if let Some(known) = alert.acknowledged.as_ref().filter(|_| !is_again) {
            let text = format!("`{}`: {}", alert.pattern, known.note);
            let seen = mark("⚑", "seen", Role::Warning);
            entries.push(Entry::by(known.at, &known.by, seen, text));
        }
        entries.extend(run.more_words(alert).map(|more| {
            let text = format!("`{}`: {more}", alert.pattern);
            Entry::seen(alert.last_at, again, text)
        }));
    }
}

/// An alarm as it began, was seen, and ended.
pub(super) fn alarm(alarm: &AlarmRecord) -> Vec<Entry> {
    let began = mark("▲", "ALARM", Role::Failed);
    let over = mark("▽", "over", Role::Muted);
    let mut entries = vec![Entry::seen(alarm.began_at, began, &*alarm.text)];
    entries.extend(alarm.seen.iter().map(|seen| {
        let text = format!("{}: {}", alarm.text, seen.note);
        Entry::by(seen.at, &seen.by, mark("▲", "seen", Role::Warning), text)
    }));
    entries.extend(alarm.ended_at.map(|at| Entry::seen(at, over, &*alarm.text)));
    entries
}

pub(super) fn note(note: &Note) -> Entry {
    Entry::by(
        note.at,
        &note.by,
        mark("✎", "note", Role::Text),
        &*note.text,
    )
}

pub(super) fn people(logged: &Logged) -> Entry {
    let (word, text) = logged.fact.words();
    let (glyph, role) = match &logged.fact {
        PairingFact::ControlDemanded { .. } | PairingFact::ApprovalRefused { .. } => {
            ("▲", Role::Warning)
        }
        PairingFact::Approved { .. } => ("✓", Role::Passed),
        PairingFact::DriverLeft { .. } | PairingFact::ApprovalVoided { .. } => ("·", Role::Warning),
        _ => ("·", Role::Text),
    };
    Entry::by(logged.at, &logged.by, mark(glyph, word, role), text)
}
