//! What watches tell: lines that match a red flag, rounds of a repeated check; and what a person says
//! about an alert.

use std::collections::BTreeSet;

use super::finish::judgements;
use super::{given, one};
use crate::run::soak::EACH_ROUND_S;
use crate::run::{
    ActionId, Attempt, Event, Evidence, Judgement, Readings, Refusal, RunState, Timestamp, Verdict,
};

/// Failing rounds of one check are told at most this often, in milliseconds.
const ROUNDS_FOLDED_MS: i64 = 10_000;
/// Characters of a matching line that are kept.
const LONGEST_TEXT: usize = 300;
/// Characters and rows of a round's output that are kept; the whole of it stands in the spool.
const ROUND_TEXT: usize = 2_000;
const ROUND_ROWS: usize = 20;

fn attempt_of(state: &RunState, action: ActionId, number: u32) -> Result<&Attempt, Refusal> {
    state
        .action(action)
        .and_then(|state| state.attempt(number))
        .ok_or_else(|| Refusal::new("there is no such attempt", "nothing to record"))
}

/// The phase that an alert stands against: the action's own while it is open, else the one at hand.
fn phase_of(state: &RunState, action: ActionId) -> String {
    state
        .step_of(action)
        .and_then(|step| state.runbook.phase_of(&step.id))
        .filter(|phase| !state.is_phase_passed(&phase.id))
        .map_or_else(|| state.current_phase.clone(), |phase| phase.id.clone())
}

/// Lines matched a pattern; `line` is the last of them. A line that was told already, to a supervisor
/// that died since, is not told again.
pub(super) fn alerted(
    state: &RunState,
    (action, attempt): (ActionId, u32),
    pattern: &str,
    (line, text): (u64, &str),
    count: u64,
) -> Result<Vec<Event>, Refusal> {
    attempt_of(state, action, attempt)?;
    let known = state.alerts.iter().any(|alert| {
        (alert.action, alert.attempt, alert.pattern.as_str()) == (action, attempt, pattern)
            && alert.line >= line
    });
    if known || count == 0 {
        return Ok(Vec::new());
    }
    one(Event::AlertRaised {
        action,
        attempt,
        phase: phase_of(state, action),
        pattern: pattern.to_owned(),
        line,
        text: shortened(text),
        count,
    })
}

/// A round of a repeated check has ended. It is recorded where it says something else than the one
/// before; one whose expectation fails raises an alert.
pub(super) fn sampled(
    state: &RunState,
    readings: &Readings,
    (action, number): (ActionId, u32),
    round: u64,
    evidence: &Evidence,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    let attempt = attempt_of(state, action, number)?;
    if attempt.outcome.is_some() || round <= attempt.round {
        return Ok(Vec::new());
    }
    let judgements = of_round(state, readings, action, evidence);
    let mut events = Vec::new();
    let seen = |evidence: &Evidence| {
        (
            evidence.exit,
            evidence.value.clone(),
            evidence
                .rows
                .iter()
                .take(ROUND_ROWS)
                .cloned()
                .collect::<Vec<_>>(),
        )
    };
    let before = attempt.evidence.as_deref().map(seen);
    let attributes = state
        .runbook
        .block(action.block)
        .map(|block| &block.attributes);
    let is_slow = attributes.and_then(|own| own.every_s) >= Some(EACH_ROUND_S);
    if is_slow || before != Some(seen(evidence)) || attempt.judgements != judgements {
        events.push(Event::ActionSampled {
            action,
            attempt: number,
            round,
            evidence: Box::new(bounded(evidence)),
            judgements: judgements.clone(),
        });
    }
    // In a row with those before it, as far as they were recorded: the others said the same.
    let first = attempt.failing_since().unwrap_or(round);
    if round - first + 1 < attributes.and_then(|own| own.fails).unwrap_or(1) {
        return Ok(events);
    }
    let failed = judgements
        .iter()
        .filter(|judgement| matches!(judgement.verdict, Verdict::Fail | Verdict::Inconclusive));
    // Two sentences of a guide may ask for the same.
    let mut told = BTreeSet::new();
    for judgement in failed {
        let pattern = judgement.cel.as_deref().unwrap_or(&judgement.text);
        if !told.insert(pattern) {
            continue;
        }
        let last = state.alerts.iter().rev().find(|alert| {
            (alert.action, alert.attempt, alert.pattern.as_str()) == (action, number, pattern)
        });
        let pattern_of =
            |known: &&Judgement| known.cel.as_deref().unwrap_or(&known.text) == pattern;
        let goes_on = attempt
            .judgements
            .iter()
            .find(pattern_of)
            .is_some_and(|known| known.verdict != Verdict::Pass);
        // Somebody has said what this failure means; the next one is another.
        if goes_on && last.is_some_and(|last| last.acknowledged.is_some()) {
            continue;
        }
        let is_fresh = |at: Timestamp| (now - at).num_milliseconds() < ROUNDS_FOLDED_MS;
        if last.is_some_and(|last| last.acknowledged.is_none() && is_fresh(last.last_at)) {
            continue;
        }
        events.push(Event::AlertRaised {
            action,
            attempt: number,
            phase: phase_of(state, action),
            pattern: pattern.to_owned(),
            line: round,
            text: shortened(&judgement.explanation),
            // Nothing else was seen since: every round between failed too.
            count: match last {
                Some(last) if last.line >= attempt.round => round - last.line,
                _ => 1,
            },
        });
    }
    Ok(events)
}

/// What a round is judged by: its conditions, else its exit code.
fn of_round(
    state: &RunState,
    readings: &Readings,
    action: ActionId,
    evidence: &Evidence,
) -> Vec<Judgement> {
    let mut judgements = judgements(state, readings, action, evidence);
    if judgements.is_empty() {
        judgements.push(Judgement {
            text: "exit == 0".to_owned(),
            cel: None,
            verdict: match evidence.exit {
                Some(0) => Verdict::Pass,
                _ => Verdict::Fail,
            },
            explanation: format!("exit is {}", evidence.exit.unwrap_or(-1)),
        });
    }
    judgements
}

/// A person has seen an alert and says what it means.
pub(super) fn acknowledge(state: &RunState, id: u64, note: &str) -> Result<Vec<Event>, Refusal> {
    let note = given(Some(note)).ok_or_else(|| {
        Refusal::new(
            "acknowledging an alert needs a note",
            "say what it means, for the report",
        )
    })?;
    match state.alerts.iter().find(|alert| alert.id == id) {
        Some(alert) if alert.acknowledged.is_none() => one(Event::AlertAcknowledged {
            alert: id,
            note: note.to_owned(),
            lasts: state.is_of_lines(alert),
        }),
        Some(_) => Err(Refusal::new(
            "that alert is already acknowledged",
            "nothing to do",
        )),
        None => Err(Refusal::new(
            format!("there is no alert {id}"),
            "choose one of those that are open",
        )),
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn bounded(evidence: &Evidence) -> Evidence {
    let mut lost = evidence.lost;
    let mut end = |text: &str| {
        let skipped = text.chars().count().saturating_sub(ROUND_TEXT);
        let kept: String = text.chars().skip(skipped).collect();
        lost += (text.len() - kept.len()) as u64;
        kept
    };
    let mut rows = evidence.rows.clone();
    rows.truncate(ROUND_ROWS);
    Evidence {
        stdout: end(&evidence.stdout),
        stderr: end(&evidence.stderr),
        rows,
        lost,
        ..evidence.clone()
    }
}
