//! What an action leaves: invalid indexes, captured values, and what its server rolled back.

use crate::run::{
    ActionId, Attempt, Evidence, Judgement, Outcome, Readings, RunState, Scope, Verdict, value_of,
};
use crate::runbook::{Actor, is_secret_name};

/// An index that is there and not valid is no success, whatever psql said (`IF NOT EXISTS` skips it), and
/// what an interrupted build has left is said.
pub(super) fn with_invalid_indexes(
    outcome: Outcome,
    evidence: &Evidence,
    reason: Option<String>,
) -> (Outcome, Option<String>) {
    let Some(first) = evidence.invalid_indexes.first() else {
        return (outcome, reason);
    };
    let names: Vec<String> = evidence
        .invalid_indexes
        .iter()
        .map(|name| format!("`{name}`"))
        .collect();
    let said = format!(
        "INVALID in the catalog: {}. No query uses it, and `IF NOT EXISTS` skips it: \
         `DROP INDEX CONCURRENTLY {first};`, then build it again",
        names.join(", ")
    );
    let outcome = match outcome {
        Outcome::Passed | Outcome::Inconclusive => Outcome::Failed,
        other => other,
    };
    let reason = match reason {
        Some(reason) => format!("{reason}; {said}"),
        None => said,
    };
    (outcome, Some(reason))
}

/// What it has left half done.
pub(super) fn left(evidence: &Evidence) -> Option<String> {
    let bad = evidence.catalog.iter().filter(|word| !word.good);
    let words: Vec<&str> = bad.map(|word| word.words.as_str()).collect();
    (!words.is_empty()).then(|| words.join("; "))
}

/// What the block's `capture` takes from the evidence: a judgement each, with name and value where it
/// is one. Of a block of several parts, the last one is asked.
pub(super) fn captures(
    state: &RunState,
    readings: &Readings,
    action: ActionId,
    evidence: &Evidence,
) -> Vec<(Judgement, Option<(String, String)>)> {
    let Some(block) = state.runbook.block(action.block) else {
        return Vec::new();
    };
    if block.attributes.capture.is_empty() || (action.part > 0 && action.part < block.parts.len()) {
        return Vec::new();
    }
    let scope = Scope::of(state, readings).with_evidence(evidence);
    let captures = block.attributes.capture.iter();
    captures
        .map(|(name, expression)| {
            let found = match is_secret_name(name) {
                true => Err("its name says that it is a secret, and secrets are not kept: name its source under `secrets` in `gonogo.toml`".to_owned()),
                false => value_of(expression, &scope),
            };
            let (verdict, explanation) = match &found {
                Ok(value) => (Verdict::Pass, format!("{name} is {value}")),
                Err(why) => (Verdict::Inconclusive, why.clone()),
            };
            let judgement = Judgement {
                text: format!("capture {name}={expression}"),
                cel: Some(expression.clone()),
                verdict,
                explanation,
            };
            (judgement, found.ok().map(|value| (name.clone(), value)))
        })
        .collect()
}

/// It ended while its transaction was held: `COMMIT` was never sent, so the server has rolled back.
pub(super) fn rolled_back(
    attempt: &Attempt,
    evidence: &Evidence,
    reason: Option<&str>,
) -> (Outcome, String) {
    let ended = match lost_session(evidence) {
        true => "the server went away",
        false => reason.unwrap_or("it ended"),
    };
    let hold = attempt.holds.last();
    let before = match attempt.holds.len() {
        0 | 1 => "",
        _ => "; what it committed before that stays",
    };
    let decided = hold.and_then(|hold| hold.ended.as_ref());
    match decided.filter(|end| !end.commit) {
        Some(end) => {
            let why = end
                .reason
                .as_ref()
                .map(|reason| format!(": {reason}"))
                .unwrap_or_default();
            let by = &end.by;
            (
                Outcome::Cancelled,
                format!("rolled back by {by}{why}{before}"),
            )
        }
        None if attempt.cancel_requested_at.is_some() => (
            Outcome::Cancelled,
            format!("cancelled while it was held before `COMMIT`: rolled back{before}"),
        ),
        None => (
            Outcome::Failed,
            format!(
                "{ended} while it was held before `COMMIT`, which was never sent: rolled back{before}"
            ),
        ),
    }
}

/// psql ends with 2 where its session broke. A COMMIT that was on its way may have happened; only a
/// check, which changes nothing, has simply failed.
pub(super) fn lost_its_server(state: &RunState, action: ActionId, evidence: &Evidence) -> bool {
    let Some(block) = state.runbook.block(action.block) else {
        return false;
    };
    block.actor == Actor::Sql && lost_session(evidence) && !block.attributes.may_repeat()
}

fn lost_session(evidence: &Evidence) -> bool {
    evidence.exit == Some(2)
        && [
            "server closed the connection",
            "connection to server was lost",
        ]
        .iter()
        .any(|words| evidence.stderr.contains(words))
}
