//! What was done in the run, by whom and when: read from the state, so that who joins late sees it
//! all.

use super::theme::{Mark, Role};
use crate::run::{
    Acknowledged, ActionId, AlarmRecord, Event, GateDecision, GuideOnDisk, IdentitySeen, Input,
    Logged, Note, Outcome, PairingFact, Record, RunState, Seen, Timestamp, Verdict,
};

#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub at: Timestamp,
    pub by: String,
    pub mark: Mark,
    pub text: String,
}

const fn mark(glyph: &'static str, word: &'static str, role: Role) -> Mark {
    Mark { glyph, word, role }
}

/// What a database proved is in its banner; that it changed, and who went on with it, stands here.
fn identity(seen: &IdentitySeen) -> Option<Entry> {
    let IdentitySeen {
        target, identity, ..
    } = seen;
    let what = format!("{target}: {}", identity.describe());
    let (by, mark, text) = match &seen.how {
        Seen::Proved => return None,
        Seen::Changed { what: differs } => (
            None,
            mark("✗", "CHANGED", Role::Alarm),
            format!("{what} ({})", differs.join("; ")),
        ),
        Seen::Accepted { by, reason } => (
            Some(by.clone()),
            mark("▲", "accepted", Role::Warning),
            with_reason(&what, Some(reason)),
        ),
    };
    Some(Entry {
        at: seen.at,
        by: by.unwrap_or_else(|| crate::run::ENGINE.to_owned()),
        mark,
        text,
    })
}

/// Everything that happened, oldest first.
pub fn of(run: &RunState) -> Vec<Entry> {
    let mut entries = vec![Entry {
        at: run.opened_at,
        by: run.opened_by.clone(),
        mark: mark("◆", "opened", Role::Heading),
        text: format!("opened on {}", run.environment),
    }];
    for phase in run.runbook.walk() {
        let Some(state) = run.phases.get(&phase.id) else {
            continue;
        };
        if let Some(at) = state.entered_at {
            entries.push(Entry {
                at,
                by: crate::run::ENGINE.to_owned(),
                mark: mark("◇", "entered", Role::Heading),
                text: phase.title.clone(),
            });
        }
        if let Some(gate) = &state.gate {
            let mark = match gate.decision {
                GateDecision::Go => mark("✓", "GO", Role::Passed),
                GateDecision::Hold => mark("■", "hold", Role::Warning),
                GateDecision::NoGo => mark("✗", "NO-GO", Role::Failed),
            };
            entries.push(Entry {
                at: gate.at,
                by: gate.by.clone(),
                mark,
                text: with_reason(&phase.title, gate.reason.as_deref()),
            });
        }
        for criterion in state.criteria.values() {
            let mark = match criterion.judgement.verdict {
                Verdict::Pass => mark("✓", "met", Role::Passed),
                Verdict::Warn => mark("▲", "warning", Role::Warning),
                Verdict::Fail => mark("✗", "not met", Role::Failed),
                Verdict::Inconclusive => mark("?", "inconclusive", Role::Unknown),
            };
            entries.push(Entry {
                at: criterion.at,
                by: criterion.by.clone(),
                mark,
                text: with_reason(&criterion.judgement.text, criterion.note.as_deref()),
            });
        }
    }
    entries.extend(run.identities_seen.iter().filter_map(identity));
    for step in run.runbook.all_steps() {
        let Some(state) = run.steps.get(&step.id) else {
            continue;
        };
        for (index, tick) in &state.ticks {
            let text = step.ticks.get(*index).map_or("", |tick| tick.text.as_str());
            let seen = tick.value.as_deref().or(tick.note.as_deref());
            entries.push(Entry {
                at: tick.at,
                by: tick.by.clone(),
                mark: mark("✓", "ticked", Role::Passed),
                text: with_reason(text, seen),
            });
        }
        if let Some(skip) = &state.skipped {
            entries.push(Entry {
                at: skip.at,
                by: skip.by.clone(),
                mark: mark("»", "skipped", Role::Warning),
                text: with_reason(&step.title, Some(&skip.reason)),
            });
        }
        for (action, skip) in &state.left_out {
            entries.push(Entry {
                at: skip.at,
                by: skip.by.clone(),
                mark: mark("»", "left out", Role::Muted),
                text: with_reason(&title_of(run, *action), Some(&skip.reason)),
            });
        }
    }
    for (action, state) in &run.actions {
        let title = title_of(run, *action);
        for attempt in &state.attempts {
            entries.push(Entry {
                at: attempt.started_at,
                by: attempt.by.clone(),
                mark: mark("▶", "started", Role::Running),
                text: title.clone(),
            });
            for hold in &attempt.holds {
                entries.push(Entry {
                    at: hold.since,
                    by: crate::run::ENGINE.to_owned(),
                    mark: mark("■", "held", Role::Warning),
                    text: format!("{title}: before the COMMIT of line {}", hold.line),
                });
                if let Some(end) = &hold.ended {
                    let mark = match end.commit {
                        true => mark("✓", "COMMIT", Role::Passed),
                        false => mark("↶", "ROLLBACK", Role::Warning),
                    };
                    entries.push(Entry {
                        at: end.at,
                        by: end.by.clone(),
                        mark,
                        text: with_reason(&title, end.reason.as_deref()),
                    });
                }
            }
            for used in &attempt.keyboard {
                entries.push(Entry {
                    at: used.since,
                    by: used.by.clone(),
                    mark: mark("⌨", "keyboard", Role::Text),
                    text: format!("{title}: given"),
                });
                entries.extend(used.until.map(|at| Entry {
                    at,
                    by: used.by.clone(),
                    mark: mark("⌨", "keyboard", Role::Text),
                    text: format!("{title}: taken back"),
                }));
            }
            if let (Some(at), Some(outcome)) = (attempt.ended_at, attempt.outcome) {
                let mark = match outcome {
                    Outcome::Passed => mark("✓", "passed", Role::Passed),
                    Outcome::Failed => mark("✗", "FAILED", Role::Failed),
                    Outcome::Cancelled => mark("⊘", "cancelled", Role::Warning),
                    Outcome::Skipped => mark("»", "skipped", Role::Warning),
                    Outcome::Unknown => mark("?", "UNKNOWN", Role::Unknown),
                    Outcome::Inconclusive => mark("?", "INCONCLUSIVE", Role::Unknown),
                    Outcome::Watched if attempt.was_stopped() => mark("■", "watched", Role::Muted),
                    Outcome::Watched => mark("■", "ended", Role::Warning),
                };
                entries.push(Entry {
                    at,
                    by: crate::run::ENGINE.to_owned(),
                    mark,
                    text: with_reason(&title, attempt.reason.as_deref()),
                });
            }
        }
    }
    for (name, captured) in &run.captured {
        entries.push(Entry {
            at: captured.at,
            by: crate::run::ENGINE.to_owned(),
            mark: mark("↳", "captured", Role::Passed),
            text: format!(
                "{name} = {}, from {}",
                captured.value,
                super::markdown::plain(&title_of(run, captured.action))
            ),
        });
    }
    for rollback in run.past_rollbacks.iter().chain(&run.rollback) {
        let title = run
            .runbook
            .option(&rollback.option)
            .map_or(rollback.option.as_str(), |option| option.title.as_str());
        entries.push(Entry {
            at: rollback.started_at,
            by: rollback.by.clone(),
            mark: mark("↶", "rollback", Role::Warning),
            text: with_reason(title, rollback.reason.as_deref()),
        });
        if let (Some(at), Some(succeeded)) = (rollback.ended_at, rollback.succeeded) {
            entries.push(Entry {
                at,
                by: crate::run::ENGINE.to_owned(),
                mark: if succeeded {
                    mark("✓", "rolled back", Role::Passed)
                } else {
                    mark("!", "STUCK", Role::Alarm)
                },
                text: with_reason(title, rollback.stuck_reason.as_deref()),
            });
        }
    }
    for (action, written) in &run.written {
        entries.push(Entry {
            at: written.at,
            by: written.by.clone(),
            mark: match written.original {
                Some(_) => mark("≠", "corrected", Role::Warning),
                None => mark("✎", "written", Role::Text),
            },
            text: title_of(run, *action),
        });
    }
    inputs(run, &mut entries);
    for alert in &run.alerts {
        // Of a watch that was started again, what was acknowledged before.
        let is_known = |known: &Acknowledged| known.at < alert.first_at;
        let again = alert.acknowledged.as_ref().is_some_and(is_known);
        entries.push(Entry {
            at: alert.first_at,
            by: crate::run::ENGINE.to_owned(),
            mark: match again {
                true => mark("⚑", "again", Role::Muted),
                false => mark("⚑", "RED FLAG", Role::Failed),
            },
            text: run.alert_words(alert),
        });
        if let Some(known) = alert.acknowledged.as_ref().filter(|_| !again) {
            entries.push(Entry {
                at: known.at,
                by: known.by.clone(),
                mark: mark("⚑", "seen", Role::Warning),
                text: format!("`{}`: {}", alert.pattern, known.note),
            });
        }
        entries.extend(run.more_words(alert).map(|more| Entry {
            at: alert.last_at,
            by: crate::run::ENGINE.to_owned(),
            mark: mark("⚑", "again", Role::Muted),
            text: format!("`{}`: {more}", alert.pattern),
        }));
    }
    entries.extend(run.alarms.iter().flat_map(of_alarm));
    entries.extend(run.notes.iter().map(of_note));
    entries.extend(run.pairing.log.iter().map(of_people));
    // Stable: what happened at the same instant stays in the order of the guide.
    entries.sort_by_key(|entry| entry.at);
    entries
}

/// Takes in what an event did that was just folded into the run. Notes and what goes on between people
/// are what a long run has most of, and stand at the end; anything else is reckoned anew.
pub fn follow(entries: &mut Vec<Entry>, run: &RunState, record: &Record) {
    let next = match &record.event {
        Event::NoteWritten { .. } => run.notes.last().map(of_note),
        Event::Pairing { .. } => run.pairing.log.last().map(of_people),
        _ => None,
    };
    let is_last = |entry: &Entry| entries.last().is_some_and(|last| last.at < entry.at);
    match next.filter(is_last) {
        Some(entry) => entries.push(entry),
        None => *entries = of(run),
    }
}

/// An alarm as it began, was seen, and ended.
fn of_alarm(alarm: &AlarmRecord) -> Vec<Entry> {
    let entry = |at, by: &str, mark, text: &str| Entry {
        at,
        by: by.to_owned(),
        mark,
        text: text.to_owned(),
    };
    let engine = crate::run::ENGINE;
    let began = mark("▲", "ALARM", Role::Failed);
    let mut entries = vec![entry(alarm.began_at, engine, began, &alarm.text)];
    entries.extend(alarm.seen.iter().map(|seen| {
        let text = format!("{}: {}", alarm.text, seen.note);
        entry(seen.at, &seen.by, mark("▲", "seen", Role::Warning), &text)
    }));
    entries.extend(
        alarm
            .ended_at
            .map(|at| entry(at, engine, mark("▽", "over", Role::Muted), &alarm.text)),
    );
    entries
}

fn of_note(note: &Note) -> Entry {
    Entry {
        at: note.at,
        by: note.by.clone(),
        mark: mark("✎", "note", Role::Text),
        text: note.text.clone(),
    }
}

fn of_people(logged: &Logged) -> Entry {
    let (word, text) = logged.fact.words();
    let (glyph, role) = match &logged.fact {
        PairingFact::ControlDemanded { .. } | PairingFact::ApprovalRefused { .. } => {
            ("▲", Role::Warning)
        }
        PairingFact::Approved { .. } => ("✓", Role::Passed),
        PairingFact::DriverLeft { .. } | PairingFact::ApprovalVoided { .. } => ("·", Role::Warning),
        _ => ("·", Role::Text),
    };
    Entry {
        at: logged.at,
        by: logged.by.clone(),
        mark: mark(glyph, word, role),
        text,
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

/// What was given for blanks, what earlier runs had armed, and what became of the guide's file.
fn inputs(run: &RunState, entries: &mut Vec<Entry>) {
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
        entries.push(Entry {
            at: change.at,
            by: change.by.clone(),
            mark: mark("≔", "input", Role::Text),
            text: match change.taken_back {
                true => format!("{what} (taken back)"),
                false => what,
            },
        });
    }
    if let Some(latest) = run.armed_before.values().max_by_key(|armed| armed.at) {
        let commands = super::format::plural(run.armed_before.len(), "command", "commands");
        entries.push(Entry {
            at: run.opened_at,
            by: crate::run::ENGINE.to_owned(),
            mark: mark("◆", "armed", Role::Text),
            text: format!(
                "{commands} of this exact guide armed in earlier runs, last {} UTC by {}",
                latest.at.format("%Y-%m-%d %H:%M"),
                latest.by
            ),
        });
    }
    if let Some(seen) = &run.guide_on_disk {
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
        entries.push(Entry {
            at: seen.at,
            by: crate::run::ENGINE.to_owned(),
            mark: mark("△", "guide", Role::Warning),
            text: text.to_owned(),
        });
    }
}
