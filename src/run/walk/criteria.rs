//! The questions of a gate: what is left to judge, what was measured, what speaks against going on.

use crate::run::sighted::sighted;
use crate::run::{ActionId, RunState, StepStatus, Verdict};
use crate::runbook::{Expectation, Phase};

/// What was found about a point of a gate.
#[derive(Clone, Debug, PartialEq)]
pub struct GateAnswer {
    pub verdict: Verdict,
    /// The values of both sides, or a person's words.
    pub found: String,
    /// The line of the command that gave it.
    pub line: Option<usize>,
    pub at: crate::run::Timestamp,
}

impl RunState {
    /// What the gate of a phase asks: the phase's criteria, then what its steps leave to judgement.
    pub fn gate_items<'a>(&self, phase: &'a Phase) -> Vec<&'a Expectation> {
        let left_to_judgement = phase
            .steps
            .iter()
            .filter(|step| !matches!(self.step_status(step), StepStatus::Skipped))
            .flat_map(|step| &step.expect)
            .filter(|item| item.output.is_none() && item.cel.is_none());
        phase.criteria.iter().chain(left_to_judgement).collect()
    }

    /// The verdict on an item of a gate; `None` while nobody has judged it.
    pub fn gate_verdict(&self, phase: &Phase, item: &Expectation) -> Option<Verdict> {
        self.phases
            .get(&phase.id)?
            .criteria
            .get(&item.line)
            .map(|criterion| criterion.judgement.verdict)
    }

    /// What of a gate's questions an action has answered: measured when it ended, and part of its
    /// verdict. Shown at the gate beside what is left to judge.
    pub fn measured_items<'a>(&self, phase: &'a Phase) -> Vec<&'a Expectation> {
        let steps = phase.steps.iter();
        steps
            .filter(|step| !matches!(self.step_status(step), StepStatus::Skipped))
            .flat_map(|step| &step.expect)
            .filter(|item| item.output.is_some() || item.cel.is_some())
            .collect()
    }

    /// What was found about a point of a gate.
    pub fn gate_answer(&self, phase: &Phase, item: &Expectation) -> Option<GateAnswer> {
        let attempt = self.attempt_about(phase, item);
        let judged = self
            .phases
            .get(&phase.id)
            .and_then(|own| own.criteria.get(&item.line));
        let line = attempt.map(|(action, _)| self.line_of(action));
        if let Some(judged) = judged {
            return Some(GateAnswer {
                verdict: judged.judgement.verdict,
                found: judged.judgement.explanation.clone(),
                line: line.filter(|_| item.cel.is_some()),
                at: judged.at,
            });
        }
        let (_, attempt) = attempt?;
        let text = match &item.output {
            Some(_) => None,
            None => Some(&item.text),
        };
        let judgement = attempt.judgements.iter().find(|known| match text {
            Some(text) => {
                known.cel == item.cel
                    && (known.text == *text || known.cel.as_ref() == Some(&known.text))
            }
            None => known.cel.is_none() && known.text.starts_with("prints "),
        })?;
        Some(GateAnswer {
            verdict: judgement.verdict,
            found: judgement.explanation.clone(),
            line,
            at: attempt.ended_at.unwrap_or(attempt.started_at),
        })
    }

    /// What was seen nearest to a point that only a person can judge: of its own block, else of the last
    /// one before it in its phase.
    pub fn nearest_evidence(&self, phase: &Phase, item: &Expectation) -> Option<String> {
        let (action, attempt) = self.attempt_about(phase, item)?;
        let evidence = attempt.evidence.as_deref()?;
        let when = attempt
            .ended_at
            .unwrap_or(attempt.started_at)
            .format("%H:%M:%S");
        let named = sighted(&item.text, &attempt.command, evidence);
        let named = named.map_or_else(String::new, |named| format!("; {named}"));
        Some(format!(
            "line {} at {when}: {}{named}",
            self.line_of(action),
            evidence.gist()
        ))
    }

    /// What the guide asks of an action and nothing measures: each with what it names, as far as that was
    /// seen.
    pub fn asked_of(&self, action: ActionId) -> Vec<(String, Option<String>)> {
        let Some(attempt) = self.action(action).and_then(|known| known.last()) else {
            return Vec::new();
        };
        let Some(evidence) = attempt.evidence.as_deref() else {
            return Vec::new();
        };
        let asked = self.expectations_of(action).into_iter();
        asked
            .map(|item| {
                let named = sighted(&item.text, &attempt.command, evidence);
                (item.text.clone(), named)
            })
            .collect()
    }

    /// The attempt whose evidence is nearest to a point of a gate.
    fn attempt_about(
        &self,
        phase: &Phase,
        item: &Expectation,
    ) -> Option<(ActionId, &crate::run::Attempt)> {
        let own = |action: &ActionId| match item.block {
            Some(block) => action.block == block && (item.part == 0 || action.part == item.part),
            None => self.line_of(*action) < item.line,
        };
        if let Some(block) = item.block {
            let action = ActionId {
                block,
                part: item.part,
            };
            if let Some(last) = self.action(action).and_then(|known| known.last()) {
                return last.evidence.is_some().then_some((action, last));
            }
        }
        let actions = phase.steps.iter().flat_map(|step| self.actions_of(step));
        let mut known = actions
            .filter(|action| own(action) && !self.is_watch(*action))
            .filter_map(|action| Some((action, self.action(action)?.last()?)));
        known.rfind(|(_, attempt)| attempt.evidence.is_some())
    }

    /// What the guide expects of an action, as far as it can be said of it alone.
    pub fn expectations_of(&self, action: ActionId) -> Vec<&Expectation> {
        let of_step = self
            .step_of(action)
            .into_iter()
            .flat_map(|step| &step.expect);
        of_step
            .filter(|item| item.block == Some(action.block) && item.part == action.part)
            .collect()
    }

    /// Why the gate is not clear, one line each; empty means go.
    pub fn gate_objections(&self, phase: &Phase) -> Vec<String> {
        let mut objections = Vec::new();
        for step in &phase.steps {
            if !self.is_step_settled(step) {
                let status = match self.step_status(step) {
                    StepStatus::Pending => "is not done",
                    StepStatus::Running => "is running",
                    StepStatus::Failed => "failed",
                    StepStatus::Cancelled => "was cancelled",
                    StepStatus::Unknown => "is unknown",
                    _ => "is stuck",
                };
                objections.push(format!("step `{}` {status}", step.title));
            }
        }
        for item in self.gate_items(phase) {
            match self.gate_verdict(phase, item) {
                Some(Verdict::Pass) => {}
                Some(Verdict::Warn) => objections.push(format!("warning: {}", item.text)),
                Some(Verdict::Fail) if item.red_flag => {
                    objections.push(format!("red flag: {}", item.text));
                }
                Some(Verdict::Fail) => objections.push(format!("not met: {}", item.text)),
                Some(Verdict::Inconclusive) => {
                    objections.push(format!("inconclusive: {}", item.text));
                }
                None => objections.push(format!("not judged: {}", item.text)),
            }
        }
        objections.extend(self.soak_objections(phase));
        objections.extend(self.alert_objections(phase));
        objections
    }
}
