//! Walks a run without a person: what an operator would press next in an annotated guide. Pure; the
//! caller sends the command and asks again when the state has changed.

use super::{
    Command, GateDecision, Mode, Outcome, PairingAct, RunState, StepStatus, Verdict, preview,
    rollback_plans,
};
use crate::runbook::{Phase, Step, Tick};

/// What an unattended walk may do in a person's stead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Tick boxes and judge criteria that only a person can judge. Never in a protected environment.
    pub assume: bool,
    /// Go back when something fails, and at the end.
    pub roll_back: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Something is under way; ask again after the next event.
    Wait,
    /// A measurement is expected; ask again, but not for ever.
    Measure(String),
    /// Somebody else must let go; ask again, but after a while it is a person's to settle.
    Blocked(String),
    Do(Command),
    /// A person is needed, and for what.
    Person(String),
    Ended(Ending),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Done,
    RolledBack,
    /// No-go: why stands in the run.
    Failed,
    /// A rollback is stuck.
    Stuck,
}

/// The next act of an unattended walk.
pub fn autopilot(state: &RunState, policy: Policy) -> Next {
    let assume = policy.assume && !state.protected;
    if let (Some(words), Mode::Held | Mode::Running | Mode::Done) =
        (state.moved_words().into_iter().next(), state.mode)
    {
        return Next::Person(words);
    }
    if let Some(next) = decide_held(state, assume) {
        return next;
    }
    match state.mode {
        Mode::Failed => Next::Ended(Ending::Failed),
        Mode::Stuck => Next::Ended(Ending::Stuck),
        Mode::RolledBack => Next::Ended(Ending::RolledBack),
        Mode::RollingBack => roll_back(state, assume),
        Mode::Done if policy.roll_back => go_back(state, "the rehearsal ends where it began"),
        Mode::Done => Next::Ended(Ending::Done),
        Mode::Held => match last_no_go(state) {
            Some(_) if policy.roll_back => go_back(state, "a step failed"),
            Some(_) => Next::Ended(Ending::Failed),
            None => Next::Do(Command::Resume {}),
        },
        Mode::Running if state.pairing.waiting.is_some() => second_person(state, assume),
        Mode::Running => match state.phase() {
            Some(phase) => walk(state, phase, assume),
            None => Next::Wait,
        },
    }
}

/// A held transaction is committed where its expectations hold on what it has shown, and rolled back
/// where they do not. Without an expectation nobody but a person can tell.
fn decide_held(state: &RunState, assume: bool) -> Option<Next> {
    let (action, attempt, hold) = state.held()?;
    if attempt.cancel_requested_at.is_some() {
        return None;
    }
    let end = |commit, typed, reason: &str| {
        Some(Next::Do(Command::EndTransaction {
            action,
            attempt: attempt.number,
            commit,
            typed,
            reason: Some(reason.to_owned()),
        }))
    };
    let against = hold
        .judgements
        .iter()
        .find(|judgement| matches!(judgement.verdict, Verdict::Fail | Verdict::Inconclusive));
    if let Some(against) = against {
        return end(false, None, &against.explanation);
    }
    if hold.judgements.is_empty() && !assume {
        return Some(Next::Person(format!(
            "a transaction is held before its COMMIT on line {}, and no expectation says whether what it shows is right",
            hold.line
        )));
    }
    let word = state.commit_word(action);
    if word.is_some() && state.protected {
        return Some(Next::Person(format!(
            "a typed confirmation of the COMMIT on line {}",
            hold.line
        )));
    }
    let why = match hold.judgements.is_empty() {
        true => "assumed in a rehearsal",
        false => "its expectations hold",
    };
    end(true, word, why)
}

fn last_no_go(state: &RunState) -> Option<&str> {
    let gate = state.phases.get(&state.current_phase)?.gate.as_ref()?;
    (gate.decision == GateDecision::NoGo).then(|| gate.reason.as_deref().unwrap_or_default())
}

/// A rehearsal that may assume says the second person's word itself.
fn second_person(state: &RunState, assume: bool) -> Next {
    let Some(waiting) = &state.pairing.waiting else {
        return Next::Wait;
    };
    if assume && state.unattended {
        return Next::Do(Command::Pairing {
            act: PairingAct::Approve {
                hash: waiting.request.hash.clone(),
                included: waiting.request.included.clone(),
                assumed: true,
            },
        });
    }
    let what = state.subject_title(&waiting.request.subject);
    Next::Person(format!("a second person to approve `{what}`"))
}

fn walk(state: &RunState, phase: &Phase, assume: bool) -> Next {
    if let Some((target, holder)) = state.held_elsewhere() {
        return Next::Blocked(format!("`{target}` is held by {}", holder.describe()));
    }
    if !state.busy().is_empty() {
        return Next::Wait;
    }
    // A watch that was reviewed is begun where it stands; one that was not holds nothing up.
    if let Some(action) = state.offered_watch()
        && let Ok(shown) = preview(state, action)
        && !shown.needs_arming
        && shown.confirm.is_none()
        && state.runbook.block(action.block).is_none_or(|block| {
            block.attributes.when.is_none() && block.attributes.needs.is_empty()
        })
        && (shown.actor != crate::runbook::Actor::Sql || state.identities.contains_key(&shown.on))
    {
        return Next::Do(Command::Start {
            from: None,
            action,
            hash: shown.hash,
            typed: None,
            reason: None,
            included: None,
        });
    }
    if let Some(question) = asked(state, phase) {
        return Next::Person(question);
    }
    for step in &phase.steps {
        match state.step_status(step) {
            StepStatus::Passed | StepStatus::Skipped | StepStatus::Undone => {}
            StepStatus::Pending => match advance_step(state, step, assume) {
                Some(next) => return next,
                None => continue,
            },
            StepStatus::Running => return Next::Wait,
            StepStatus::Failed
            | StepStatus::Cancelled
            | StepStatus::Unknown
            | StepStatus::Stuck => {
                return Next::Do(Command::Gate {
                    phase: phase.id.clone(),
                    decision: GateDecision::NoGo,
                    reason: Some(format!("step `{}` did not pass", step.title)),
                });
            }
        }
    }
    if let Some(alert) = state.open_alerts().find(|alert| alert.phase == phase.id) {
        return Next::Do(Command::Gate {
            phase: phase.id.clone(),
            decision: GateDecision::NoGo,
            reason: Some(format!("red flag: {}", state.alert_words(alert))),
        });
    }
    if waits_for_window(state, phase) {
        return Next::Wait;
    }
    for item in state.gate_items(phase) {
        match (state.gate_verdict(phase, item), &item.cel) {
            (Some(Verdict::Pass | Verdict::Warn), _) => {}
            (Some(Verdict::Fail), None) | (None, None) if assume => {
                return Next::Do(Command::Judge {
                    phase: phase.id.clone(),
                    line: item.line,
                    holds: !item.red_flag,
                    note: Some("assumed in a rehearsal".to_owned()),
                });
            }
            (_, Some(_)) => return Next::Measure(item.text.clone()),
            (_, None) => return Next::Person(format!("criterion: {}", item.text)),
        }
    }
    let soak = state.soak_objections(phase).into_iter().next();
    if let (Some(words), false) = (&soak, assume) {
        return Next::Person(words.clone());
    }
    // A window that was waited for has shown what it has shown.
    if let (Some(words), Some(_)) = (&soak, state.runbook.settings.scale) {
        return Next::Do(Command::Gate {
            phase: phase.id.clone(),
            decision: GateDecision::NoGo,
            reason: Some(words.clone()),
        });
    }
    Next::Do(Command::Gate {
        phase: phase.id.clone(),
        decision: GateDecision::Go,
        reason: soak.map(|_| "a rehearsal waits for no window".to_owned()),
    })
}

/// Where time is short enough (`scale`) a rehearsal waits for the windows of a phase, too.
fn waits_for_window(state: &RunState, phase: &Phase) -> bool {
    let is_over = |line| {
        let own = state.soaks.get(&line);
        own.is_some_and(|own| own.ended.is_some())
    };
    state.runbook.settings.scale.is_some() && state.soaks_of(phase).any(|soak| !is_over(soak.line))
}

/// What a command of the phase has answered, and nobody has judged.
fn asked(state: &RunState, phase: &Phase) -> Option<String> {
    let actions = phase.steps.iter().flat_map(|step| state.actions_of(step));
    actions
        .filter_map(|action| state.action(action)?.last())
        .find(|attempt| attempt.outcome == Some(Outcome::Inconclusive))
        .map(|attempt| attempt.reason.clone().unwrap_or_default())
}

/// What a pending step needs; `None` where it needs nothing but the gate.
fn advance_step(state: &RunState, step: &Step, assume: bool) -> Option<Next> {
    if let Some((group, options)) = state.open_choices(step).into_iter().next() {
        let choice = options
            .iter()
            .find(|choice| choice.recommended)
            .or(options.first())?;
        return Some(Next::Do(Command::Choose {
            group,
            name: choice.name.clone(),
        }));
    }
    for action in state.actions_of(step) {
        let settled = state
            .action(action)
            .and_then(|action| action.last())
            .is_some_and(|attempt| attempt.outcome == Some(Outcome::Passed));
        if state.is_repeated(action) {
            let last = state.action(action).and_then(|action| action.last());
            match last {
                Some(attempt) if attempt.round > 0 => continue,
                Some(attempt) if attempt.outcome.is_none() => {
                    return Some(Next::Measure(super::action_title(
                        &state.runbook,
                        step,
                        action,
                    )));
                }
                Some(_) => {
                    return Some(Next::Do(Command::Gate {
                        phase: state.current_phase.clone(),
                        decision: GateDecision::NoGo,
                        reason: Some(format!(
                            "`{}` ended before its first round",
                            super::action_title(&state.runbook, step, action)
                        )),
                    }));
                }
                None => {}
            }
        } else if settled || state.is_watch(action) {
            continue;
        }
        return Some(match preview(state, action) {
            Ok(shown) if shown.needs_arming => Next::Person(format!(
                "line {}: this was only inferred to be a command; annotate it (`.run`)",
                state
                    .runbook
                    .block(action.block)
                    .map_or(0, |block| block.line)
            )),
            Ok(shown) if shown.confirm.is_some() && state.protected => {
                Next::Person("a typed confirmation".to_owned())
            }
            Ok(shown) => {
                let waiting = state.waits_for(action, state.last_event_at);
                if let (Some(waiting), false) = (&waiting, assume) {
                    let title = super::action_title(&state.runbook, step, action);
                    return Some(Next::Person(format!("`{title}`: {}", waiting.words())));
                }
                Next::Do(Command::Start {
                    from: None,
                    action,
                    hash: shown.hash,
                    typed: shown.confirm,
                    reason: waiting.map(|_| "assumed in a rehearsal".to_owned()),
                    included: None,
                })
            }
            Err(refusal) => Next::Person(refusal.message),
        });
    }
    untick(state, step, assume)
}

fn untick(state: &RunState, step: &Step, assume: bool) -> Option<Next> {
    let is_due =
        |index| state.runbook.settings.scale.is_none() || state.asked_later(step, index).is_none();
    let (index, tick) = state.open_ticks(step).find(|(index, _)| is_due(*index))?;
    Some(answer(step, index, tick, assume))
}

fn answer(step: &Step, index: usize, tick: &Tick, assume: bool) -> Next {
    match &tick.cel {
        Some(_) => Next::Measure(tick.text.clone()),
        None if assume => Next::Do(Command::Tick {
            step: step.id.clone(),
            index,
            value: tick.value.as_ref().map(|_| "rehearsal".to_owned()),
            note: Some("assumed in a rehearsal".to_owned()),
        }),
        None => Next::Person(format!("tick: {}", tick.text)),
    }
}

fn roll_back(state: &RunState, assume: bool) -> Next {
    match state.by_hand_now() {
        Some((step, index, tick)) => answer(step, index, tick, assume),
        None => Next::Wait,
    }
}

fn go_back(state: &RunState, reason: &str) -> Next {
    let plans = rollback_plans(state);
    // Nobody is there to do by hand what a command could do.
    let by_command = plans
        .iter()
        .position(|plan| plan.ready && !plan.actions.is_empty());
    let ready = by_command
        .or_else(|| plans.iter().position(|plan| plan.ready))
        .or_else(|| {
            plans
                .iter()
                .position(|plan| plan.can_begin && !plan.actions.is_empty())
        });
    match ready.and_then(|index| plans.into_iter().nth(index)) {
        Some(plan) if state.protected && plan.confirm.is_some() => Next::Person(format!(
            "a typed confirmation of the rollback `{}`",
            plan.title
        )),
        Some(plan) => Next::Do(Command::Rollback {
            option: plan.option,
            hash: plan.hash,
            typed: plan.confirm,
            reason: Some(reason.to_owned()),
            included: None,
        }),
        None => Next::Person("the guide has no rollback that can run as it stands".to_owned()),
    }
}
