//! What people do with the walk itself: they tick, skip, judge and decide at gates.

use super::unstick;
use crate::run::{
    CriterionState, Event, Gate, GateDecision, Mode, Record, RunState, Skip, Subject, TickState,
    pairing, soak,
};

/// What is ticked and skipped of a step.
pub(super) fn step(state: &mut RunState, record: &Record) {
    let at = record.at;
    match &record.event {
        Event::Ticked {
            step,
            index,
            value,
            note,
            judgement,
        } => {
            state.steps.entry(step.clone()).or_default().ticks.insert(
                *index,
                TickState {
                    at,
                    by: record.by.clone(),
                    value: value.clone(),
                    note: note.clone(),
                    judgement: judgement.clone(),
                },
            );
        }
        Event::Unticked { step, index } => {
            if let Some(step) = state.steps.get_mut(step) {
                step.ticks.remove(index);
            }
        }
        Event::StepSkipped {
            step,
            reason,
            action,
        } => {
            let own = state.steps.entry(step.clone()).or_default();
            let skip = Skip {
                at,
                by: record.by.clone(),
                reason: reason.clone(),
            };
            match action {
                Some(action) => {
                    own.left_out.insert(*action, skip);
                }
                None => {
                    own.skipped = Some(skip);
                    unstick(state);
                }
            }
        }
        Event::StepUnskipped { step, action } => {
            if let Some(step) = state.steps.get_mut(step) {
                match action {
                    Some(action) => {
                        step.left_out.remove(action);
                    }
                    None => step.skipped = None,
                }
            }
        }
        _ => {}
    }
}

/// Phases, the criteria of their gates, and the decisions there.
pub(super) fn gate(state: &mut RunState, record: &Record) {
    let at = record.at;
    match &record.event {
        Event::CriterionJudged {
            phase,
            line,
            judgement,
            note,
        } => {
            state
                .phases
                .entry(phase.clone())
                .or_default()
                .criteria
                .insert(
                    *line,
                    CriterionState {
                        judgement: judgement.clone(),
                        at,
                        by: record.by.clone(),
                        note: note.clone(),
                    },
                );
            soak::answered(state, phase, *line, judgement, at);
        }
        Event::GateDecided {
            phase,
            decision,
            reason,
        } => {
            let subject = Subject::Gate {
                phase: phase.clone(),
            };
            let asked_by = pairing::happens(state, &subject);
            state.phases.entry(phase.clone()).or_default().gate = Some(Gate {
                decision: *decision,
                at,
                by: asked_by.unwrap_or_else(|| record.by.clone()),
                reason: reason.clone(),
            });
            state.mode = match decision {
                GateDecision::Hold => Mode::Held,
                // The rollback, or giving up, is a decision of its own.
                GateDecision::NoGo => Mode::Held,
                GateDecision::Go if state.mode == Mode::Held => Mode::Running,
                GateDecision::Go => state.mode,
            };
        }
        Event::PhaseEntered { phase } => {
            state.current_phase.clone_from(phase);
            let phase = state.phases.entry(phase.clone()).or_default();
            phase.entered_at = phase.entered_at.or(Some(at));
        }
        _ => {}
    }
}
