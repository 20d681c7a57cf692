//! A command meets the state and becomes events, or a refusal that says what to do instead. The
//! whole of what a person may do stands here; nothing else changes a run.

use super::{
    ActionId, Command, Event, Evidence, GateDecision, Judgement, Mode, Outcome, Readings, Refusal,
    RunState, Scope, Timestamp, Verdict, judge, matches_output, preview, rollback_plans,
};
use crate::runbook::{Phase, Step};

/// Decides one command. `by` is who asks; commands from the world come from [`super::ENGINE`].
///
/// # Errors
/// A refusal, with the next thing to do; the run is unchanged.
pub fn decide(
    state: &RunState,
    readings: &Readings,
    by: &str,
    command: &Command,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    let drives = by == state.driver || by == super::ENGINE;
    let anybody = matches!(command, Command::Note { .. } | Command::TakeControl {});
    if !drives && !anybody {
        return Err(Refusal::new(
            format!("`{}` drives this run; you are watching", state.driver),
            "take control first",
        ));
    }
    match command {
        Command::Tick {
            step,
            index,
            value,
            note,
        } => tick(state, step, *index, value.as_deref(), note.as_deref()),
        Command::Untick { step, index } => {
            find_step(state, step)?;
            let ticked = state
                .steps
                .get(step)
                .is_some_and(|step| step.ticks.contains_key(index));
            if !ticked {
                return Err(Refusal::new("that box is not ticked", "nothing to undo"));
            }
            one(Event::Unticked {
                step: step.clone(),
                index: *index,
            })
        }
        Command::SetInput { name, input } => one(Event::InputSet {
            name: name.clone(),
            input: input.clone(),
        }),
        Command::Choose { group, name } => choose(state, group, name),
        Command::Arm { action, hash } => {
            let shown = preview(state, *action)?;
            same(&shown.hash, hash)?;
            one(Event::Armed {
                action: *action,
                hash: hash.clone(),
            })
        }
        Command::Start {
            action,
            hash,
            typed,
            reason,
        } => start(
            state,
            readings,
            *action,
            hash,
            typed.as_deref(),
            reason.as_deref(),
            now,
        ),
        Command::Cancel { action } => match state.action(*action).and_then(|a| a.last()) {
            Some(attempt) if attempt.outcome.is_none() => one(Event::CancelRequested {
                action: *action,
                attempt: attempt.number,
            }),
            _ => Err(Refusal::new("it is not running", "nothing to cancel")),
        },
        Command::Skip { step, reason } => skip(state, step, reason),
        Command::Unskip { step } => {
            let skipped = state
                .steps
                .get(step)
                .is_some_and(|step| step.skipped.is_some());
            if !skipped {
                return Err(Refusal::new("that step is not skipped", "nothing to undo"));
            }
            one(Event::StepUnskipped { step: step.clone() })
        }
        Command::Judge {
            phase,
            line,
            holds,
            note,
        } => judge_by_person(state, phase, *line, *holds, note.as_deref()),
        Command::Gate {
            phase,
            decision,
            reason,
        } => gate(state, phase, *decision, reason.as_deref()),
        Command::Rollback {
            option,
            hash,
            typed,
            reason,
        } => rollback(state, option, hash, typed.as_deref(), reason.as_deref()),
        Command::Resolve {
            action,
            outcome,
            reason,
        } => match state.action(*action).and_then(|a| a.last()) {
            Some(attempt) if attempt.outcome == Some(Outcome::Unknown) => {
                one(Event::ActionResolved {
                    action: *action,
                    attempt: attempt.number,
                    outcome: *outcome,
                    reason: reason.clone(),
                })
            }
            _ => Err(Refusal::new("its outcome is known", "nothing to resolve")),
        },
        Command::Note { text, step } => {
            if text.trim().is_empty() {
                return Err(Refusal::new("the note is empty", "write what you saw"));
            }
            one(Event::NoteWritten {
                text: text.clone(),
                step: step.clone(),
            })
        }
        Command::TakeControl {} => {
            if by == state.driver {
                return Err(Refusal::new("you drive this run already", "go on"));
            }
            one(Event::DriverChanged {
                driver: by.to_owned(),
            })
        }
        Command::Resume {} => match state.mode {
            Mode::Held => one(Event::RunResumed {}),
            _ => Err(Refusal::new("the run is not held", "nothing to resume")),
        },
        Command::Abandon { reason } => {
            if !state.running().is_empty() || state.mode == Mode::RollingBack {
                return Err(Refusal::new(
                    "something is running",
                    "cancel it first, or let it end",
                ));
            }
            one(Event::RunAbandoned {
                reason: reason.clone(),
            })
        }
        Command::Launched {
            action,
            attempt,
            launched,
        } => one(Event::ActionLaunched {
            action: *action,
            attempt: *attempt,
            launched: launched.clone(),
        }),
        Command::Finished {
            action,
            attempt,
            evidence,
            reason,
        } => finished(
            state,
            readings,
            *action,
            *attempt,
            evidence.as_deref(),
            reason.as_deref(),
        ),
        Command::Identified { target, identity } => match state.identities.get(target) {
            Some(known) if known == identity => Ok(Vec::new()),
            _ => one(Event::TargetVerified {
                target: target.clone(),
                identity: identity.clone(),
            }),
        },
    }
}

fn one(event: Event) -> Result<Vec<Event>, Refusal> {
    Ok(vec![event])
}

fn find_step<'a>(state: &'a RunState, id: &str) -> Result<&'a Step, Refusal> {
    state.runbook.step(id).ok_or_else(|| {
        Refusal::new(
            format!("the guide has no step `{id}`"),
            "see `gonogo check` for its steps",
        )
    })
}

fn same(shown: &str, confirmed: &str) -> Result<(), Refusal> {
    if shown == confirmed {
        return Ok(());
    }
    Err(Refusal::new(
        "what would run is no longer what you saw",
        "look at it again, then confirm",
    ))
}

fn typed_word(asked: Option<&str>, typed: Option<&str>) -> Result<(), Refusal> {
    match asked {
        Some(word) if typed.map(str::trim) != Some(word) => Err(Refusal::new(
            format!("this is confirmed by typing `{word}`"),
            "type it exactly",
        )),
        _ => Ok(()),
    }
}

fn given(reason: Option<&str>) -> Option<&str> {
    reason.map(str::trim).filter(|reason| !reason.is_empty())
}

fn tick(
    state: &RunState,
    step: &str,
    index: usize,
    value: Option<&str>,
    note: Option<&str>,
) -> Result<Vec<Event>, Refusal> {
    let tick = find_step(state, step)?.ticks.get(index).ok_or_else(|| {
        Refusal::new(
            format!("step `{step}` has no box {}", index + 1),
            "choose one of its boxes",
        )
    })?;
    if let (Some(asked), None) = (&tick.value, given(value)) {
        return Err(Refusal::new(
            format!("this box asks for a value: {asked}"),
            "give what you saw, not only that you looked",
        ));
    }
    one(Event::Ticked {
        step: step.to_owned(),
        index,
        value: given(value).map(str::to_owned),
        note: given(note).map(str::to_owned),
        judgement: None,
    })
}

fn choose(state: &RunState, group: &str, name: &str) -> Result<Vec<Event>, Refusal> {
    let known = state
        .runbook
        .steps()
        .flat_map(|step| super::choices_of(&state.runbook, step))
        .any(|choice| choice.group == group && choice.name == name);
    if !known {
        return Err(Refusal::new(
            format!("there is no alternative `{name}` in `{group}`"),
            "choose one of those the guide offers",
        ));
    }
    one(Event::ChoiceMade {
        group: group.to_owned(),
        name: name.to_owned(),
    })
}

fn start(
    state: &RunState,
    readings: &Readings,
    action: ActionId,
    hash: &str,
    typed: Option<&str>,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    let shown = preview(state, action)?;
    let step = state.step_of(action);
    let phase = step.and_then(|step| state.runbook.phase_of(&step.id));
    let in_option = step.is_some() && phase.is_none();
    match (state.mode, in_option) {
        (Mode::Running | Mode::Done, false) | (Mode::Stuck, true) => {}
        (Mode::Held, false) => {
            return Err(Refusal::new("the run is held", "resume it first"));
        }
        (Mode::RollingBack, _) => {
            return Err(Refusal::new("a rollback is going on", "wait for its end"));
        }
        (Mode::RolledBack | Mode::Failed, _) => {
            return Err(Refusal::new(
                "this run is over; an aborted change is run anew, not resumed",
                "open a new run of the guide",
            ));
        }
        (_, true) => {
            return Err(Refusal::new(
                "this belongs to a way back",
                "press `R` to see it and start it",
            ));
        }
        (Mode::Stuck, false) => {
            return Err(Refusal::new(
                "the rollback is stuck",
                "retry its failed step, skip it with a reason, or choose another way back",
            ));
        }
    }
    if let Some(phase) = phase {
        let (wanted, at) = (
            state.phase_index(&phase.id),
            state.phase_index(&state.current_phase),
        );
        if wanted > at {
            let here = state.phase().map_or("", |phase| phase.title.as_str());
            return Err(Refusal::new(
                format!("phase `{}` is not open yet", phase.title),
                format!("pass the gate of `{here}` first"),
            ));
        }
        if phase.wait_s.is_some() && given(reason).is_none() {
            match state.due(phase) {
                Some(due) if due <= now => {}
                Some(due) => {
                    return Err(Refusal::new(
                        format!("this waits until {}", due.format("%Y-%m-%d %H:%M UTC")),
                        "come back then, or give a reason to do it now",
                    ));
                }
                None => {
                    return Err(Refusal::new(
                        "this waits until the deployment is done",
                        "pass the gates before it, or give a reason to do it now",
                    ));
                }
            }
        }
    }
    same(&shown.hash, hash)?;
    let known = state.action(action);
    if shown.needs_arming && known.and_then(|known| known.armed.as_deref()) != Some(hash) {
        return Err(Refusal::new(
            "that this is a command was only inferred",
            "look at it and arm it first",
        ));
    }
    typed_word(shown.confirm.as_deref(), typed)?;
    if shown.actor == crate::runbook::Actor::Sql && !state.identities.contains_key(&shown.on) {
        return Err(Refusal::new(
            format!("`{}` has not proved which database it is", shown.on),
            "wait until it answers; the database pane says what is wrong",
        ));
    }
    if let Some(last) = known.and_then(|known| known.last()) {
        match last.outcome {
            None => return Err(Refusal::new("it is running", "wait, or cancel it")),
            Some(Outcome::Unknown) => {
                return Err(Refusal::new(
                    "nobody knows what became of its last attempt",
                    "say first whether it happened",
                ));
            }
            Some(Outcome::Passed) if given(reason).is_none() && !is_repeatable(state, action) => {
                return Err(Refusal::new(
                    "it has passed already",
                    "give a reason to run it again",
                ));
            }
            _ => {}
        }
    }
    if !state.is_watch(action)
        && let Some((other, _)) = state
            .running()
            .into_iter()
            .find(|(other, _)| !state.is_watch(*other))
    {
        let title = state.step_of(other).map_or("", |step| step.title.as_str());
        return Err(Refusal::new(
            format!("`{title}` is running"),
            "one command at a time: wait, or cancel it",
        ));
    }
    let attributes = state
        .runbook
        .block(action.block)
        .map(|block| &block.attributes);
    for needed in attributes.iter().flat_map(|attributes| &attributes.needs) {
        let passed = state.runbook.block_by_id(needed).is_none_or(|block| {
            state
                .action(ActionId::block(block.n))
                .and_then(|action| action.last())
                .is_some_and(|attempt| attempt.outcome == Some(Outcome::Passed))
        });
        if !passed {
            return Err(Refusal::new(
                format!("it needs `{needed}`, which has not passed"),
                format!("run `{needed}` first"),
            ));
        }
    }
    if let Some(when) = attributes.and_then(|attributes| attributes.when.as_deref()) {
        let judgement = judge("", when, &Scope::of(state, readings));
        if judgement.verdict == Verdict::Fail {
            return Err(Refusal::new(
                format!("it only runs when `{when}`: {}", judgement.explanation),
                "skip the step with that reason",
            ));
        }
    }
    one(started(state, action, &shown))
}

fn is_repeatable(state: &RunState, action: ActionId) -> bool {
    state
        .runbook
        .block(action.block)
        .is_some_and(|block| block.attributes.repeatable || block.attributes.has_class("check"))
}

pub(super) fn started(state: &RunState, action: ActionId, shown: &super::Preview) -> Event {
    let attempts = state
        .action(action)
        .map_or(0, |action| action.attempts.len());
    Event::ActionStarted {
        action,
        attempt: u32::try_from(attempts).unwrap_or(u32::MAX - 1) + 1,
        command: shown.command.clone(),
        target: shown.target.clone(),
        hash: shown.hash.clone(),
    }
}

fn skip(state: &RunState, step: &str, reason: &str) -> Result<Vec<Event>, Refusal> {
    let step = find_step(state, step)?;
    if given(Some(reason)).is_none() {
        return Err(Refusal::new(
            "a step is skipped with a reason",
            "say why, for the report",
        ));
    }
    if state.actions_of(step).iter().any(|action| {
        state
            .action(*action)
            .is_some_and(|action| action.is_running())
    }) {
        return Err(Refusal::new("it is running", "cancel it first"));
    }
    one(Event::StepSkipped {
        step: step.id.clone(),
        reason: reason.trim().to_owned(),
    })
}

fn find_phase<'a>(state: &'a RunState, id: &str) -> Result<&'a Phase, Refusal> {
    state.runbook.phase(id).ok_or_else(|| {
        Refusal::new(
            format!("the guide has no phase `{id}`"),
            "see `gonogo check` for its phases",
        )
    })
}

fn judge_by_person(
    state: &RunState,
    phase: &str,
    line: usize,
    holds: bool,
    note: Option<&str>,
) -> Result<Vec<Event>, Refusal> {
    let phase = find_phase(state, phase)?;
    let item = state
        .gate_items(phase)
        .into_iter()
        .find(|item| item.line == line)
        .ok_or_else(|| {
            Refusal::new(
                format!("phase `{}` asks nothing on line {line}", phase.title),
                "choose one of its criteria",
            )
        })?;
    if item.cel.is_some() && given(note).is_none() {
        return Err(Refusal::new(
            "this is judged by measurement",
            "to overrule it, give a reason",
        ));
    }
    let good = holds != item.red_flag;
    one(Event::CriterionJudged {
        phase: phase.id.clone(),
        line,
        judgement: Judgement {
            text: item.text.clone(),
            cel: None,
            verdict: if good { Verdict::Pass } else { Verdict::Fail },
            explanation: given(note).unwrap_or("judged by a person").to_owned(),
        },
        note: given(note).map(str::to_owned),
    })
}

fn gate(
    state: &RunState,
    phase: &str,
    decision: GateDecision,
    reason: Option<&str>,
) -> Result<Vec<Event>, Refusal> {
    let phase = find_phase(state, phase)?;
    if phase.id != state.current_phase {
        return Err(Refusal::new(
            format!("the gate of `{}` is not the one at hand", phase.title),
            "decide the phase that is open",
        ));
    }
    if !matches!(state.mode, Mode::Running | Mode::Held | Mode::Done) {
        return Err(Refusal::new(
            "this run takes no more decisions at its gates",
            "see the report, or open a new run",
        ));
    }
    if decision == GateDecision::Go {
        if state.is_phase_passed(&phase.id) {
            return Err(Refusal::new(
                "this gate is passed already",
                "nothing to decide",
            ));
        }
        if let Some(step) = phase.steps.iter().find(|step| {
            state.actions_of(step).iter().any(|action| {
                !state.is_watch(*action) && state.action(*action).is_some_and(|a| a.is_running())
            })
        }) {
            return Err(Refusal::new(
                format!("`{}` is running", step.title),
                "wait for its end, or cancel it",
            ));
        }
        let objections = state.gate_objections(phase);
        if !objections.is_empty() && given(reason).is_none() {
            let more = match objections.len() - 1 {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            return Err(Refusal::new(
                format!("{}{more}", objections[0]),
                "settle it, or give a reason to go all the same",
            ));
        }
    }
    let mut events = vec![Event::GateDecided {
        phase: phase.id.clone(),
        decision,
        reason: given(reason).map(str::to_owned),
    }];
    if decision == GateDecision::Go {
        // Watches end with their phase.
        for (action, attempt) in state.running() {
            if state.is_watch(action)
                && phase
                    .steps
                    .iter()
                    .any(|step| step.blocks.contains(&action.block))
            {
                events.push(Event::CancelRequested { action, attempt });
            }
        }
    }
    Ok(events)
}

fn rollback(
    state: &RunState,
    option: &str,
    hash: &str,
    typed: Option<&str>,
    reason: Option<&str>,
) -> Result<Vec<Event>, Refusal> {
    if state.mode == Mode::RollingBack {
        return Err(Refusal::new(
            "a rollback is going on already",
            "wait for its end; it says where it stands",
        ));
    }
    let plan = rollback_plans(state)
        .into_iter()
        .find(|plan| plan.option == option)
        .ok_or_else(|| {
            Refusal::new(
                format!("the guide has no way back `{option}`"),
                "choose one of those it offers",
            )
        })?;
    same(&plan.hash, hash)?;
    if !plan.ready {
        return Err(Refusal::new(
            plan.reasons.first().cloned().unwrap_or_default(),
            "mend that, or choose another way back",
        ));
    }
    typed_word(plan.confirm.as_deref(), typed)?;
    let mut events = vec![Event::RollbackStarted {
        option: option.to_owned(),
        reason: given(reason).map(str::to_owned),
        hash: hash.to_owned(),
    }];
    for (action, attempt) in state.running() {
        events.push(Event::CancelRequested { action, attempt });
    }
    Ok(events)
}

/// An action ended: its outcome follows from exit, cancellation and every expectation on it.
fn finished(
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
        let outcome = match (evidence.exit, state.is_watch(action)) {
            (Some(0), false) => Outcome::Passed,
            _ => Outcome::Cancelled,
        };
        if outcome == Outcome::Cancelled {
            return event(
                outcome,
                evidence.clone(),
                Vec::new(),
                reason.map(str::to_owned),
            );
        }
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

fn judgements(
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
                judgement.verdict = match judgement.verdict {
                    Verdict::Pass => Verdict::Fail,
                    Verdict::Fail => Verdict::Pass,
                    other => other,
                };
            }
            judgements.push(judgement);
        }
    }
    judgements
}
