//! Whether a rollback has been verified: only by conditions of its own that were judged and passed.

use super::{RunState, Verdict};
use crate::runbook::{Phase, RollbackOption};

/// What the conditions of a finished rollback say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// So many conditions were judged, and all passed.
    Verified(usize),
    /// Nothing in it says what must be true afterwards.
    NoCondition,
    /// What nobody has judged yet.
    Open(Vec<String>),
    /// What is not so.
    Failed(Vec<String>),
}

impl Proof {
    /// For a sentence: `rolled back, …`.
    pub fn words(&self) -> String {
        let first = |texts: &[String]| match texts {
            [] => String::new(),
            [only] => only.clone(),
            [first, more @ ..] => format!("{first} (and {} more)", more.len()),
        };
        match self {
            Self::Verified(1) => "verified: its condition passed".to_owned(),
            Self::Verified(count) => format!("verified: its {count} conditions passed"),
            Self::NoCondition => {
                "not verified: it has no condition for what must be true now".to_owned()
            }
            Self::Open(open) => format!("not verified: not judged yet: {}", first(open)),
            Self::Failed(failed) => format!("NOT AS EXPECTED: {}", first(failed)),
        }
    }
}

impl RunState {
    /// The rollback that was begun last as a gate of its own: what must be true after it is judged like
    /// the criteria of a phase, under the id of the rollback.
    pub fn rollback_gate(&self) -> Option<Phase> {
        let option = self.runbook.option(&self.rollback.as_ref()?.option)?;
        Some(gate_of(option))
    }

    /// What the conditions of the rollback that this run has taken say; `None` where none has ended.
    pub fn rollback_proof(&self) -> Option<Proof> {
        let option = self.rolled_back_by()?;
        let gate = gate_of(option);
        let (mut passed, mut open, mut failed) = (0, Vec::new(), Vec::new());
        let mut count = |verdict: Option<Verdict>, text: &str| match verdict {
            Some(Verdict::Pass | Verdict::Warn) => passed += 1,
            Some(Verdict::Fail) => failed.push(text.to_owned()),
            Some(Verdict::Inconclusive) | None => open.push(text.to_owned()),
        };
        let begun = self.rollback.as_ref();
        let before = |action| {
            let known = begun.and_then(|begun| begun.attempts_before.get(&action));
            known.copied().unwrap_or(0) as usize
        };
        let of_steps = option.steps.iter();
        for action in of_steps.flat_map(|step| self.actions_of(step)) {
            let attempts = self.action(action).map(|own| own.attempts.as_slice());
            let own = attempts.and_then(|attempts| attempts.get(before(action)..));
            let last = own.and_then(|attempts| attempts.last());
            for judgement in last.iter().flat_map(|attempt| &attempt.judgements) {
                count(Some(judgement.verdict), &judgement.text);
            }
        }
        for step in &option.steps {
            let own = self.steps.get(&step.id);
            let judged = own.into_iter().flat_map(|own| own.ticks.values());
            for judgement in judged.filter_map(|tick| tick.judgement.as_ref()) {
                count(Some(judgement.verdict), &judgement.text);
            }
        }
        for item in self.gate_items(&gate) {
            count(self.gate_verdict(&gate, item), &item.text);
        }
        Some(match (passed, open.is_empty(), failed.is_empty()) {
            (_, _, false) => Proof::Failed(failed),
            (_, false, true) => Proof::Open(open),
            (0, true, true) => Proof::NoCondition,
            (passed, true, true) => Proof::Verified(passed),
        })
    }
}

fn gate_of(option: &RollbackOption) -> Phase {
    Phase {
        id: option.id.clone(),
        title: option.title.clone(),
        line: option.line,
        steps: option.steps.clone(),
        criteria: option.criteria.clone(),
        ..Phase::default()
    }
}
