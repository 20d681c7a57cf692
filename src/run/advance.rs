//! What the engine does by itself after each change: enter the next phase, tick and judge what a
//! condition judges, and carry a rollback from step to step. It is asked again until it has nothing
//! more to say.

use super::back::Progress;
use super::facts::Differs;
use super::{
    Act, ActionId, Event, Evidence, Facts, Mode, Outcome, Preview, Readings, RollbackState,
    RunState, Scope, StepStatus, Timestamp, Verdict, judge, named_files, preview,
};
use crate::runbook::{Phase, Step, Tick};

/// A rollback goes on without a cancelled step that has not ended after this many milliseconds.
const CANCEL_PATIENCE_MS: i64 = 5_000;

/// The next events, none when all is said or something has to be looked up first (see [`awaits_look`]).
pub fn advance(state: &RunState, facts: &Facts, now: Timestamp) -> Vec<Event> {
    let readings = &facts.readings;
    if let Some(fact) = super::pairing::void(state) {
        return vec![Event::Pairing { fact }];
    }
    let of_the_window = super::window::events(state, now);
    if !of_the_window.is_empty() {
        return of_the_window;
    }
    match state.mode {
        Mode::RollingBack => roll_back(state, facts, now).unwrap_or_default(),
        Mode::Running | Mode::Held | Mode::Done => {
            let mut events = state.soak_events(now);
            if events.is_empty() {
                events = walk(state, readings);
            }
            events
        }
        // What must be true after a rollback is measured like the criteria of a gate.
        Mode::RolledBack => state
            .rollback_gate()
            .map(|gate| judge_criteria(state, &gate, &Scope::of(state, readings)))
            .unwrap_or_default(),
        Mode::Failed | Mode::Stuck => Vec::new(),
    }
}

/// The command of a rollback that does not start before its files were looked at.
pub fn awaits_look(state: &RunState, facts: &Facts, now: Timestamp) -> Option<ActionId> {
    match state.mode {
        Mode::RollingBack => roll_back(state, facts, now).err(),
        _ => None,
    }
}

fn walk(state: &RunState, readings: &Readings) -> Vec<Event> {
    let Some(phase) = state.phase() else {
        let first = state.runbook.walk().next();
        return Vec::from_iter(first.map(|phase| Event::PhaseEntered {
            phase: phase.id.clone(),
        }));
    };
    if state.is_phase_passed(&phase.id) {
        return state.goes_on_after(phase);
    }
    judge_by_measurement(state, phase, readings)
}

/// Ticks and criteria of the phase at hand that carry a condition, where the verdict has changed.
fn judge_by_measurement(state: &RunState, phase: &Phase, readings: &Readings) -> Vec<Event> {
    let measured = phase.criteria.iter().any(|item| item.cel.is_some())
        || phase
            .steps
            .iter()
            .any(|step| step.ticks.iter().any(|tick| tick.cel.is_some()));
    if !measured {
        return Vec::new();
    }
    let scope = Scope::of(state, readings);
    let mut events = Vec::new();
    for step in &phase.steps {
        for (index, tick) in step.ticks.iter().enumerate() {
            let Some(cel) = &tick.cel else { continue };
            let ticked = state
                .steps
                .get(&step.id)
                .is_some_and(|step| step.ticks.contains_key(&index));
            if ticked {
                continue;
            }
            let judgement = judge(&tick.text, cel, &scope);
            if judgement.verdict == Verdict::Pass {
                events.push(Event::Ticked {
                    step: step.id.clone(),
                    index,
                    value: None,
                    note: None,
                    judgement: Some(judgement),
                });
            }
        }
    }
    events.extend(judge_criteria(state, phase, &scope));
    events
}

/// The criteria of a gate that carry a condition, where the verdict has changed.
fn judge_criteria(state: &RunState, phase: &Phase, scope: &Scope) -> Vec<Event> {
    let mut events = Vec::new();
    for item in &phase.criteria {
        let Some(cel) = &item.cel else { continue };
        let known = state
            .phases
            .get(&phase.id)
            .and_then(|phase| phase.criteria.get(&item.line));
        // A person's word with a reason stands above the measurement.
        if known.is_some_and(|known| known.note.is_some()) {
            continue;
        }
        let mut judgement = match item.block.filter(|_| item.proposed) {
            // Of what one action gave.
            Some(block) => {
                let action = ActionId {
                    block,
                    part: item.part,
                };
                let last = state.action(action).and_then(|known| known.last());
                match last.and_then(|attempt| attempt.evidence.as_deref()) {
                    Some(evidence) => {
                        judge(&item.text, cel, &scope.clone().with_evidence(evidence))
                    }
                    None => continue,
                }
            }
            None => judge(&item.text, cel, scope),
        };
        if item.red_flag {
            judgement = judgement.of_a_red_flag();
        }
        if known.map(|known| known.judgement.verdict) == Some(judgement.verdict) {
            continue;
        }
        // Nothing is said about what has not been looked at yet.
        if known.is_none() && judgement.verdict == Verdict::Inconclusive {
            continue;
        }
        events.push(Event::CriterionJudged {
            phase: phase.id.clone(),
            line: item.line,
            judgement,
            note: None,
        });
    }
    events
}

/// # Errors
/// The command whose files have to be looked at first.
fn roll_back(state: &RunState, facts: &Facts, now: Timestamp) -> Result<Vec<Event>, ActionId> {
    let Some(rollback) = &state.rollback else {
        return Ok(Vec::new());
    };
    let Some(option) = state.runbook.option(&rollback.option) else {
        return Ok(finish(
            state,
            &rollback.option,
            Some("the guide has no such rollback".to_owned()),
        ));
    };
    // First what was running, then the rollback.
    let running = state.busy();
    let foreign = running.iter().filter(|(action, attempt)| {
        // What ran before it began is not its own, be it one of its steps.
        let began_before = rollback.attempts_before.get(action).copied().unwrap_or(0);
        *attempt <= began_before || !state.is_of_option(&option.id, *action)
    });
    let mut overdue = Vec::new();
    for (action, attempt) in foreign {
        let asked = state
            .action(*action)
            .and_then(|action| action.last())
            .and_then(|attempt| attempt.cancel_requested_at)
            // Asked politely long before: it was told to hurry when the rollback began.
            .map(|asked| asked.max(rollback.started_at));
        match asked {
            Some(asked) if (now - asked).num_milliseconds() < CANCEL_PATIENCE_MS => {
                return Ok(Vec::new());
            }
            Some(_) => overdue.push(Event::ActionFinished {
                action: *action,
                attempt: *attempt,
                outcome: Outcome::Unknown,
                evidence: Box::new(Evidence::default()),
                judgements: Vec::new(),
                reason: Some(
                    "it did not stop when cancelled; the rollback continues without it".to_owned(),
                ),
            }),
            None => overdue.push(Event::CancelRequested {
                action: *action,
                attempt: *attempt,
            }),
        }
    }
    if !overdue.is_empty() {
        return Ok(overdue);
    }
    for step in &option.steps {
        if state.step_status(step) == StepStatus::Skipped {
            continue;
        }
        // Nothing of an alternative runs before one is chosen.
        if !state.open_choices(step).is_empty() {
            return Ok(Vec::new());
        }
        for act in state.acts_of(step) {
            let action = match act {
                Act::Command(action) => action,
                // It waits until a person has done and ticked it.
                Act::ByHand(index) => match open_box(state, step, index) {
                    Some(tick) => {
                        return Ok(measured(state, &facts.readings, step, index, tick));
                    }
                    None => continue,
                },
            };
            match state.progress(action) {
                // A watch of the rollback is only begun.
                Progress::Running if state.is_watch(action) && !state.is_repeated(action) => {}
                Progress::Running => return Ok(Vec::new()),
                Progress::Passed => {}
                Progress::Ended(why) => {
                    let title = super::action_title(&state.runbook, step, action);
                    let title = super::walk::before_colon(&title);
                    return Ok(finish(state, &option.id, Some(format!("{title}: {why}"))));
                }
                Progress::NotStarted if state.untrusted.is_some() => return Ok(Vec::new()),
                // Another database than the one it was begun for: a person looks, and types the word.
                Progress::NotStarted if !state.moved.is_empty() => {
                    let words = state.moved_words().into_iter().next();
                    return Ok(finish(state, &option.id, words));
                }
                Progress::NotStarted => {
                    let started = begin(state, facts, rollback, step, action)?;
                    return Ok(match started {
                        Ok(started) => vec![started],
                        Err(why) => finish(state, &option.id, Some(why)),
                    });
                }
            }
        }
    }
    Ok(finish(state, &option.id, None))
}

/// Starts the next command of a rollback, or says why it does not: it runs only with the files that were
/// shown when that began.
///
/// # Errors
/// Its files have to be looked at first.
fn begin(
    state: &RunState,
    facts: &Facts,
    rollback: &RollbackState,
    step: &Step,
    action: ActionId,
) -> Result<Result<Event, String>, ActionId> {
    let preview = match preview(state, action) {
        Ok(preview) => preview,
        Err(refusal) => return Ok(Err(refusal.message)),
    };
    if let Some(words) = preview.belongs_elsewhere() {
        let what = Preview::WHAT_TO_DO_ELSEWHERE;
        return Ok(Err(format!(
            "line {}: {words}: {what}",
            state.line_of(action)
        )));
    }
    let started = super::decide::started(state, action, &preview, None, &[]);
    let Some(shown) = &rollback.included else {
        return Ok(Ok(started));
    };
    let shown = shown.get(&action).map(String::as_str);
    if shown.is_none() && named_files(preview.actor, &preview.command).is_empty() {
        return Ok(Ok(started));
    }
    if !facts.files.contains_key(&action) {
        return Err(action);
    }
    let why = match facts.differ(action, shown) {
        None => return Ok(Ok(started)),
        Some(Differs::Hangs(hang)) => hang.to_string(),
        Some(Differs::Changed) => {
            "a file that it includes or calls is not what was shown when the \
             rollback began"
                .to_owned()
        }
    };
    let title = super::action_title(&state.runbook, step, action);
    Ok(Err(format!("{title}: {why}; read it, then run it")))
}

/// A box that somebody has to tick before the rollback goes on.
fn open_box<'a>(state: &RunState, step: &'a Step, index: usize) -> Option<&'a Tick> {
    let tick = step.ticks.get(index)?;
    (!tick.optional && !state.is_ticked(step, index)).then_some(tick)
}

/// A box that a condition ticks, where it holds now.
fn measured(
    state: &RunState,
    readings: &Readings,
    step: &Step,
    index: usize,
    tick: &Tick,
) -> Vec<Event> {
    let Some(cel) = &tick.cel else {
        return Vec::new();
    };
    let judgement = judge(&tick.text, cel, &Scope::of(state, readings));
    let holds = judgement.verdict == Verdict::Pass;
    Vec::from_iter(holds.then(|| Event::Ticked {
        step: step.id.clone(),
        index,
        value: None,
        note: None,
        judgement: Some(judgement),
    }))
}

/// The watches end with a rollback that is done; one that is stuck is still looked at.
fn finish(state: &RunState, option: &str, stuck: Option<String>) -> Vec<Event> {
    let done = stuck.is_none();
    let mut events = vec![Event::RollbackFinished {
        option: option.to_owned(),
        succeeded: done,
        reason: stuck,
    }];
    events.extend(state.end_watches(|_| done));
    events
}
