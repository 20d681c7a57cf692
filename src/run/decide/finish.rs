//! An action ended: what that means.

use super::one;
use crate::run::{
    ActionId, Event, Evidence, Judgement, Outcome, Readings, Refusal, RunState, Scope, Verdict,
    judge, matches_output,
};
use crate::runbook::Actor;

/// An action ended: its outcome follows from exit, cancellation and every expectation on it.
pub(super) fn finished(
    state: &RunState,
    readings: &Readings,
    action: ActionId,
    number: u32,
    evidence: Option<&Evidence>,
    reason: Option<&str>,
) -> Result<Vec<Event>, Refusal> {
    let attempt = state
        .action(action)
        .and_then(|state| {
            state
                .attempts
                .iter()
                .find(|attempt| attempt.number == number)
        })
        .filter(|attempt| attempt.outcome.is_none())
        .ok_or_else(|| Refusal::new("that attempt has ended already", "nothing to record"))?;
    let event = |outcome, evidence: Evidence, judgements, reason: Option<String>| {
        one(Event::ActionFinished {
            action,
            attempt: number,
            outcome,
            evidence: Box::new(evidence),
            judgements,
            reason,
        })
    };
    if state.is_watch(action) {
        // Nothing waits for a watch and nothing follows from its end, not even from that of its shim.
        let reason = reason.map(str::to_owned).or_else(|| match evidence {
            None => Some("its process is gone".to_owned()),
            Some(_) if attempt.cancel_requested_at.is_some() => None,
            Some(evidence) => Some(match evidence.exit {
                Some(exit) => format!("it ended by itself: exit code {exit}"),
                None => "it ended by itself".to_owned(),
            }),
        });
        return event(
            Outcome::Watched,
            evidence.cloned().unwrap_or_default(),
            attempt.judgements.clone(),
            reason,
        );
    }
    let Some(evidence) = evidence else {
        let reason = reason.unwrap_or("its process is gone and left no exit record");
        return event(
            Outcome::Unknown,
            Evidence::default(),
            Vec::new(),
            Some(reason.to_owned()),
        );
    };
    if attempt.cancel_requested_at.is_some() {
        // A command that ended well before the cancellation reached it did happen.
        if evidence.exit != Some(0) {
            return event(
                Outcome::Cancelled,
                evidence.clone(),
                Vec::new(),
                reason.map(str::to_owned),
            );
        }
    }
    if lost_its_server(state, action, evidence) {
        return event(
            Outcome::Unknown,
            evidence.clone(),
            Vec::new(),
            Some(
                "the connection to the server was lost while it ran: whether its last statement \
                 took effect is not known"
                    .to_owned(),
            ),
        );
    }
    let judgements = judgements(state, readings, action, evidence);
    let expects_exit = judgements
        .iter()
        .filter_map(|judgement| judgement.cel.as_deref())
        .any(|cel| {
            // An author who asks for a status or an exit code says what a good end is.
            cel.contains("exit") || (evidence.status.is_some() && cel.contains("status"))
        });
    let ended_well = evidence.exit == Some(0) || expects_exit;
    let failed = judgements
        .iter()
        .find(|judgement| matches!(judgement.verdict, Verdict::Fail | Verdict::Inconclusive));
    let (outcome, why) = match (ended_well, failed) {
        (true, None) => (Outcome::Passed, None),
        (true, Some(judgement)) => (
            Outcome::Failed,
            Some(format!("{}: {}", judgement.text, judgement.explanation)),
        ),
        (false, _) => (
            Outcome::Failed,
            evidence.exit.map(|exit| format!("exit code {exit}")),
        ),
    };
    event(
        outcome,
        evidence.clone(),
        judgements,
        reason.map(str::to_owned).or(why),
    )
}

/// psql ends with 2 where its session broke. A COMMIT that was on its way may have happened; only a
/// check, which changes nothing, has simply failed.
fn lost_its_server(state: &RunState, action: ActionId, evidence: &Evidence) -> bool {
    let Some(block) = state.runbook.block(action.block) else {
        return false;
    };
    let broke = [
        "server closed the connection",
        "connection to server was lost",
    ]
    .iter()
    .any(|words| evidence.stderr.contains(words));
    block.actor == Actor::Sql && evidence.exit == Some(2) && broke && !block.attributes.may_repeat()
}

pub(super) fn judgements(
    state: &RunState,
    readings: &Readings,
    action: ActionId,
    evidence: &Evidence,
) -> Vec<Judgement> {
    let scope = Scope::of(state, readings).with_evidence(evidence);
    let mut judgements = Vec::new();
    let Some(block) = state.runbook.block(action.block) else {
        return judgements;
    };
    if let Some(expect) = &block.attributes.expect {
        judgements.push(judge("", expect, &scope));
    }
    let bound = state
        .step_of(action)
        .into_iter()
        .flat_map(|step| &step.expect)
        .filter(|expectation| expectation.block == Some(action.block) && action.part == 0)
        // The block's own attribute is judged above.
        .filter(|expectation| {
            expectation.cel.is_none() || expectation.cel != block.attributes.expect
        });
    for expectation in bound {
        if let Some(lines) = &expectation.output {
            let printed = format!(
                "{}\n{}\n{}",
                evidence.stdout,
                evidence.stderr,
                evidence
                    .notices
                    .iter()
                    .map(|notice| format!("NOTICE: {notice}\n"))
                    .collect::<String>()
            );
            judgements.push(matches_output(lines, &printed));
        } else if let Some(cel) = &expectation.cel {
            let mut judgement = judge(&expectation.text, cel, &scope);
            if expectation.red_flag {
                judgement = judgement.of_a_red_flag();
            }
            judgements.push(judgement);
        }
    }
    judgements
}
