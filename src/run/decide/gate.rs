//! Judgements and decisions at the gate of a phase.

use super::{given, one};
use crate::run::{Event, GateDecision, Judgement, Mode, Refusal, RunState, Verdict};
use crate::runbook::{Expectation, Phase};

pub(super) fn find_phase<'a>(state: &'a RunState, id: &str) -> Result<&'a Phase, Refusal> {
    state.runbook.phase(id).ok_or_else(|| {
        Refusal::new(
            format!("the guide has no phase `{id}`"),
            "see `gonogo check` for its phases",
        )
    })
}

/// Whether a judgement is about the rollback that was begun last.
pub(super) fn is_of_rollback(state: &RunState, phase: &str) -> bool {
    let begun = state.rollback.as_ref();
    begun.is_some_and(|begun| begun.option == phase)
}

pub(super) fn judge_by_person(
    state: &RunState,
    phase: &str,
    line: usize,
    holds: bool,
    note: Option<&str>,
) -> Result<Vec<Event>, Refusal> {
    // What must be true after a rollback is judged like the criteria of a phase.
    let of_rollback = state.rollback_gate().filter(|gate| gate.id == phase);
    let phase = match &of_rollback {
        Some(gate) => gate,
        None => find_phase(state, phase)?,
    };
    let item = find_item(state, phase, line)?;
    if item.cel.is_some() && given(note).is_none() {
        return Err(Refusal::new(
            "this is judged by measurement",
            "to overrule it, give a reason",
        ));
    }
    if state.is_of_promotion(item) && given(note).is_none() {
        return Err(Refusal::new(
            "the run that was promoted answers this",
            "to overrule it, give a reason",
        ));
    }
    if let (Some(measure), None) = (&item.measure, given(note)) {
        return Err(Refusal::new(
            format!("this asks for a value: {}", measure.wanted),
            "give what you saw; to judge it without one, give a reason",
        ));
    }
    let good = holds != item.red_flag;
    let verdict = if good { Verdict::Pass } else { Verdict::Fail };
    let explanation = given(note).unwrap_or("judged by a person").to_owned();
    judged(phase, item, verdict, explanation, given(note))
}

/// A person's word on a criterion.
fn judged(
    phase: &Phase,
    item: &Expectation,
    verdict: Verdict,
    explanation: String,
    note: Option<&str>,
) -> Result<Vec<Event>, Refusal> {
    one(Event::CriterionJudged {
        phase: phase.id.clone(),
        line: item.line,
        judgement: Judgement {
            text: item.text.clone(),
            cel: None,
            verdict,
            explanation,
        },
        note: note.map(str::to_owned),
    })
}

fn find_item<'a>(
    state: &RunState,
    phase: &'a Phase,
    line: usize,
) -> Result<&'a Expectation, Refusal> {
    let mut items = state.gate_items(phase).into_iter();
    items.find(|item| item.line == line).ok_or_else(|| {
        Refusal::new(
            format!("phase `{}` has no criterion on line {line}", phase.title),
            "choose one of its criteria",
        )
    })
}

/// A person's value, held against what the guide wants. One that cannot be compared passes nothing.
pub(super) fn answer(
    state: &RunState,
    phase: &str,
    line: usize,
    value: &str,
) -> Result<Vec<Event>, Refusal> {
    let phase = find_phase(state, phase)?;
    let item = find_item(state, phase, line)?;
    let asked = item.measure.as_ref().filter(|_| item.cel.is_none());
    let (Some(measure), Some(value)) = (asked, given(Some(value))) else {
        return Err(Refusal::new(
            format!("`{}` takes no such answer", item.text),
            "give a value where one is asked for",
        ));
    };
    let (verdict, compared) = match measure.is_met_by(value) {
        Some(true) => (Verdict::Pass, ""),
        Some(false) => (Verdict::Fail, ""),
        None => (Verdict::Inconclusive, ", which cannot be compared"),
    };
    let explanation = format!("{value}, wanted {}{compared}", measure.wanted);
    judged(phase, item, verdict, explanation, None)
}

pub(super) fn gate(
    state: &RunState,
    phase: &str,
    decision: GateDecision,
    reason: Option<&str>,
) -> Result<Vec<Event>, Refusal> {
    let phase = find_phase(state, phase)?;
    if phase.id != state.current_phase {
        return Err(Refusal::new(
            format!("the gate of `{}` is not the current one", phase.title),
            "decide the gate of the open phase",
        ));
    }
    if decision == GateDecision::Go {
        super::identity::settled(state)?;
    }
    if !matches!(state.mode, Mode::Running | Mode::Held | Mode::Done) {
        return Err(Refusal::new(
            "this run accepts no more gate decisions",
            "see the report, or open a new run",
        ));
    }
    if decision == GateDecision::Go {
        if state.is_phase_passed(&phase.id) {
            return Err(Refusal::new(
                "this gate is already passed",
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
                "settle it, or give a reason to override",
            ));
        }
    }
    let mut events = vec![Event::GateDecided {
        phase: phase.id.clone(),
        decision,
        reason: given(reason).map(str::to_owned),
    }];
    if decision == GateDecision::NoGo && state.unattended {
        // Nobody is there to look at them.
        events.extend(state.end_watches(|_| true));
    }
    if decision == GateDecision::Go {
        events.extend(state.soaks_cut_short(phase, given(reason)));
        // Watches end with their phase.
        events.extend(state.end_watches(|action| state.ends_with(action, &phase.id)));
    }
    Ok(events)
}
