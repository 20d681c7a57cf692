//! How far the walk came: phases and their gates, steps and what was ticked in them, rollbacks.

use super::{Entry, mark, title_of, with_reason};
use crate::run::{GateDecision, RunState, Verdict};
use crate::ui::theme::Role;

pub(super) fn phases(run: &RunState, entries: &mut Vec<Entry>) {
    for phase in run.runbook.walk() {
        let Some(state) = run.phases.get(&phase.id) else {
            continue;
        };
        entries.extend(state.entered_at.map(|at| {
            let entered = mark("◇", "entered", Role::Heading);
            Entry::seen(at, entered, phase.title.clone())
        }));
        entries.extend(state.gate.as_ref().map(|gate| {
            let mark = match gate.decision {
                GateDecision::Go => mark("✓", "GO", Role::Passed),
                GateDecision::Hold => mark("■", "hold", Role::Warning),
                GateDecision::NoGo => mark("✗", "NO-GO", Role::Failed),
            };
            let text = with_reason(&phase.title, gate.reason.as_deref());
            Entry::by(gate.at, &gate.by, mark, text)
        }));
        entries.extend(state.criteria.values().map(|criterion| {
            let mark = match criterion.judgement.verdict {
                Verdict::Pass => mark("✓", "met", Role::Passed),
                Verdict::Warn => mark("▲", "warning", Role::Warning),
                Verdict::Fail => mark("✗", "not met", Role::Failed),
                Verdict::Inconclusive => mark("?", "inconclusive", Role::Unknown),
            };
            let text = with_reason(&criterion.judgement.text, criterion.note.as_deref());
            Entry::by(criterion.at, &criterion.by, mark, text)
        }));
    }
}

pub(super) fn steps(run: &RunState, entries: &mut Vec<Entry>) {
    for step in run.runbook.all_steps() {
        let Some(state) = run.steps.get(&step.id) else {
            continue;
        };
        entries.extend(state.ticks.iter().map(|(index, tick)| {
            let text = step.ticks.get(*index).map_or("", |tick| tick.text.as_str());
            let seen = tick.value.as_deref().or(tick.note.as_deref());
            let ticked = mark("✓", "ticked", Role::Passed);
            Entry::by(tick.at, &tick.by, ticked, with_reason(text, seen))
        }));
        entries.extend(state.skipped.as_ref().map(|skip| {
            let text = with_reason(&step.title, Some(&skip.reason));
            let skipped = mark("»", "skipped", Role::Warning);
            Entry::by(skip.at, &skip.by, skipped, text)
        }));
        entries.extend(state.left_out.iter().map(|(action, skip)| {
            let text = with_reason(&title_of(run, *action), Some(&skip.reason));
            let left_out = mark("»", "left out", Role::Muted);
            Entry::by(skip.at, &skip.by, left_out, text)
        }));
    }
}

pub(super) fn rollbacks(run: &RunState, entries: &mut Vec<Entry>) {
    for rollback in run.past_rollbacks.iter().chain(&run.rollback) {
        let title = run
            .runbook
            .option(&rollback.option)
            .map_or(rollback.option.as_str(), |option| option.title.as_str());
        entries.push(Entry::by(
            rollback.started_at,
            &rollback.by,
            mark("↶", "rollback", Role::Warning),
            with_reason(title, rollback.reason.as_deref()),
        ));
        if let (Some(at), Some(succeeded)) = (rollback.ended_at, rollback.succeeded) {
            let mark = match succeeded {
                true => mark("✓", "rolled back", Role::Passed),
                false => mark("!", "STUCK", Role::Alarm),
            };
            let text = with_reason(title, rollback.stuck_reason.as_deref());
            entries.push(Entry::seen(at, mark, text));
        }
    }
}
