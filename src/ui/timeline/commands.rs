//! What ran: its attempts with holds and keyboard, what it captured, what persons wrote themselves.

use super::{Entry, mark, title_of, with_reason};
use crate::run::{Attempt, Outcome, RunState};
use crate::ui::markdown::plain;
use crate::ui::theme::Role;

pub(super) fn attempts(run: &RunState, entries: &mut Vec<Entry>) {
    for (action, state) in &run.actions {
        let title = title_of(run, *action);
        for attempt in &state.attempts {
            let started = mark("▶", "started", Role::Running);
            entries.push(Entry::by(attempt.started_at, &attempt.by, started, &*title));
            holds(attempt, &title, entries);
            keyboard(attempt, &title, entries);
            entries.extend(ended(attempt, &title));
        }
    }
}

fn holds(attempt: &Attempt, title: &str, entries: &mut Vec<Entry>) {
    for hold in &attempt.holds {
        let text = format!("{title}: before the COMMIT of line {}", hold.line);
        let held = mark("■", "held", Role::Warning);
        entries.push(Entry::seen(hold.since, held, text));
        entries.extend(hold.ended.as_ref().map(|end| {
            let mark = match end.commit {
                true => mark("✓", "COMMIT", Role::Passed),
                false => mark("↶", "ROLLBACK", Role::Warning),
            };
            Entry::by(
                end.at,
                &end.by,
                mark,
                with_reason(title, end.reason.as_deref()),
            )
        }));
    }
}

fn keyboard(attempt: &Attempt, title: &str, entries: &mut Vec<Entry>) {
    const KEYBOARD: super::Mark = mark("⌨", "keyboard", Role::Text);
    for used in &attempt.keyboard {
        let given = format!("{title}: given");
        entries.push(Entry::by(used.since, &used.by, KEYBOARD, given));
        let taken = |at| Entry::by(at, &used.by, KEYBOARD, format!("{title}: taken back"));
        entries.extend(used.until.map(taken));
    }
}

fn ended(attempt: &Attempt, title: &str) -> Option<Entry> {
    let mark = match attempt.outcome? {
        Outcome::Passed => mark("✓", "passed", Role::Passed),
        Outcome::Failed => mark("✗", "FAILED", Role::Failed),
        Outcome::Cancelled => mark("⊘", "cancelled", Role::Warning),
        Outcome::Skipped => mark("»", "skipped", Role::Warning),
        Outcome::Unknown => mark("?", "UNKNOWN", Role::Unknown),
        Outcome::Inconclusive => mark("?", "INCONCLUSIVE", Role::Unknown),
        Outcome::Watched if attempt.was_stopped() => mark("■", "watched", Role::Muted),
        Outcome::Watched => mark("■", "ended", Role::Warning),
    };
    let text = with_reason(title, attempt.reason.as_deref());
    Some(Entry::seen(attempt.ended_at?, mark, text))
}

pub(super) fn captured(run: &RunState, entries: &mut Vec<Entry>) {
    entries.extend(run.captured.iter().map(|(name, captured)| {
        let from = plain(&title_of(run, captured.action));
        let text = format!("{name} = {}, from {from}", captured.value);
        Entry::seen(captured.at, mark("↳", "captured", Role::Passed), text)
    }));
}

pub(super) fn written(run: &RunState, entries: &mut Vec<Entry>) {
    entries.extend(run.written.iter().map(|(action, written)| {
        let mark = match written.original {
            Some(_) => mark("≠", "corrected", Role::Warning),
            None => mark("✎", "written", Role::Text),
        };
        Entry::by(written.at, &written.by, mark, title_of(run, *action))
    }));
}
