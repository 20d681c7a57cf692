//! The second person. Where a step or a gate asks for two, the driver's confirmation becomes a request;
//! it happens when another person has approved exactly what was shown. Never asked of the rollback.

use super::start::{Asked, start};
use super::{gate, given, one};
use crate::run::facts::Differs;
use crate::run::{
    ApprovalRequest, Command, Event, Facts, GateDecision, PairingFact, Refusal, RunState, Subject,
    Timestamp, Waiting, may_be_one, preview_from, subject_hash,
};

fn fact(fact: PairingFact) -> Event {
    Event::Pairing { fact }
}

/// What a confirmed command does: its events, or the request where it asks for more people.
pub(super) fn or_ask(
    state: &RunState,
    by: &str,
    command: &Command,
    events: Vec<Event>,
) -> Result<Vec<Event>, Refusal> {
    let (subject, included, typed, reason) = match command {
        Command::Start {
            action,
            reason,
            included,
            from,
            ..
        } => (
            Subject::Start {
                action: *action,
                from: *from,
            },
            included.clone(),
            // The word that was asked for was typed; nothing else that was typed is kept.
            preview_from(state, *action, *from)?.confirm,
            reason.clone(),
        ),
        Command::Gate {
            phase,
            decision: GateDecision::Go,
            reason,
        } => (
            Subject::Gate {
                phase: phase.clone(),
            },
            None,
            None,
            reason.clone(),
        ),
        _ => return Ok(events),
    };
    let people = state.people_for(&subject);
    if people < 2 {
        return Ok(events);
    }
    let Some(hash) = subject_hash(state, &subject) else {
        return Ok(events);
    };
    let request = ApprovalRequest {
        subject,
        hash,
        included,
        typed,
        reason,
        needed: people - 1,
    };
    if state
        .pairing
        .waiting
        .as_ref()
        .is_some_and(|waiting| waiting.by == by && waiting.request == request)
    {
        return Err(Refusal::new(
            "it is already waiting for a second person",
            "they review it with `v` and approve it; `v` withdraws the request",
        ));
    }
    one(fact(PairingFact::ApprovalAsked {
        what: state.subject_title(&request.subject),
        request: Box::new(request),
    }))
}

/// The second person's word; with the last one that is needed, it happens.
pub(super) fn approve(
    state: &RunState,
    facts: &Facts,
    by: &str,
    hash: &str,
    included: Option<&str>,
    assumed: bool,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    let waiting = waiting(state)?;
    let request = &waiting.request;
    if assumed {
        if !state.unattended || state.protected || by != state.driver {
            return Err(Refusal::new(
                "only a rehearsal assumes, and never in a protected environment",
                "let a second person approve it",
            ));
        }
    } else {
        is_another(state, waiting, by)?;
    }
    let now_hash = subject_hash(state, &request.subject);
    if now_hash.as_deref() != Some(hash) || request.hash != hash {
        return Err(Refusal::new(
            "the request is no longer what you saw",
            "read it again, then approve",
        ));
    }
    if request.included.as_deref() != included {
        return Err(Refusal::new(
            "a file that it includes is not the one that was asked about",
            "let the driver read it again and ask again",
        ));
    }
    // What was approved is what was asked, down to the files that it includes.
    if let (Subject::Start { action, .. }, Some(shown)) = (&request.subject, &request.included)
        && let Some(differs) = facts.differ(*action, Some(shown))
    {
        return one(fact(PairingFact::ApprovalVoided {
            what: state.subject_title(&request.subject),
            reason: match differs {
                Differs::Changed => "a file that it includes or calls has changed".to_owned(),
                Differs::Hangs(hang) => hang.to_string(),
            },
        }));
    }
    let mut events = vec![fact(PairingFact::Approved {
        what: state.subject_title(&request.subject),
        assumed,
    })];
    if assumed || waiting.approved_by.len() + 1 >= usize::from(request.needed) {
        events.extend(match &request.subject {
            Subject::Start { action, from } => start(
                state,
                facts,
                Asked {
                    action: *action,
                    from: *from,
                    hash: &request.hash,
                    typed: request.typed.as_deref(),
                    reason: request.reason.as_deref(),
                    included: request.included.as_deref(),
                },
                now,
            )?,
            Subject::Gate { phase } => {
                gate(state, phase, GateDecision::Go, request.reason.as_deref())?
            }
        });
    }
    Ok(events)
}

pub(super) fn object(state: &RunState, reason: &str) -> Result<Vec<Event>, Refusal> {
    let waiting = waiting(state)?;
    let Some(reason) = given(Some(reason)) else {
        return Err(Refusal::new(
            "declining needs a reason",
            "say why, for the driver and the report",
        ));
    };
    one(fact(PairingFact::ApprovalRefused {
        what: state.subject_title(&waiting.request.subject),
        reason: reason.to_owned(),
    }))
}

fn waiting(state: &RunState) -> Result<&Waiting, Refusal> {
    state.pairing.waiting.as_ref().ok_or_else(|| {
        Refusal::new(
            "nothing waits for a second person",
            "the driver asks by confirming a step or gate that needs two people",
        )
    })
}

/// Two people are two names; and two logins, where the environment says so.
fn is_another(state: &RunState, waiting: &Waiting, by: &str) -> Result<(), Refusal> {
    if may_be_one(by, &waiting.by) || by == state.driver {
        return Err(Refusal::new(
            "whoever asked cannot approve it",
            "a second person reviews it with `v` and approves it",
        ));
    }
    if waiting
        .approved_by
        .iter()
        .any(|known| may_be_one(known, by))
    {
        return Err(Refusal::new(
            "you have already approved it",
            "it needs one more person",
        ));
    }
    let pairing = &state.pairing;
    if state.config.second_login && pairing.guest(by) == pairing.guest(&waiting.by) {
        return Err(Refusal::new(
            "this environment requires a second login, and you share the driver's",
            "approve it from a login of your own, which the driver lets in (`gonogo run --allow`)",
        ));
    }
    Ok(())
}
