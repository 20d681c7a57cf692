//! Earlier runs of a guide in environments that are not protected, as the next one tells of them: who
//! rehearsed it, when, how that ended and what it took; and the run that this one was promoted from, whose
//! end is a criterion of the first gate.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Event, GateDecision, Judgement, Mode, Outcome, Proof, RunState, Timestamp, Verdict};
use crate::runbook::{Expectation, Phase, Purpose, Runbook, Step};
use crate::text::duration::format_s;

/// The criterion that a promotion adds is on no line of the guide.
const LINE: usize = 0;

/// A run of a guide, told to a later one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rehearsed {
    pub run: String,
    pub environment: String,
    /// Of the guide's text.
    pub digest: String,
    pub by: String,
    pub began: Timestamp,
    /// As of this moment.
    pub at: Timestamp,
    pub verdict: Verdict,
    /// How it ended, or how far it is.
    pub words: String,
    /// From its opening to the end of its deployment, or to `at`.
    pub took_s: u64,
    /// What steps took that passed, by id.
    #[serde(default)]
    pub steps: BTreeMap<String, u64>,
}

/// What is known of rehearsals of a guide.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rehearsal {
    /// No run of it in an environment that is not protected is known.
    Never,
    /// The guide was another text then.
    Changed(Rehearsed),
    /// Of this very text.
    Same(Rehearsed),
}

/// What this run was promoted from, and what differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Promotion {
    pub from: Rehearsed,
    /// Why the guide may be another text than it was there.
    pub guide_changed: Option<String>,
    pub differences: Vec<Difference>,
}

/// Something that is not as in the run that was promoted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// `input RELEASE`, `target main`.
    pub what: String,
    pub from: String,
    pub to: String,
}

fn seconds(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from((to - from).num_seconds()).unwrap_or(0)
}

impl Rehearsed {
    pub fn of(state: &RunState) -> Self {
        let (verdict, words) = judged(state);
        let ended = state.deployed_at.unwrap_or(state.last_event_at);
        let took = |step: &Step| Some((step.id.clone(), took(state, step)?));
        Self {
            run: state.run.clone(),
            environment: state.environment.clone(),
            digest: state.runbook.digest.clone(),
            by: state.opened_by.clone(),
            began: state.opened_at,
            at: state.last_event_at,
            verdict,
            words,
            took_s: seconds(state.opened_at, ended),
            steps: state
                .walked()
                .flat_map(|phase| &phase.steps)
                .filter_map(took)
                .collect(),
        }
    }

    /// `in staging by anna@ops, 2026-12-01 14:02 UTC, 12m: done (run R)`.
    pub fn describe(&self) -> String {
        format!(
            "in {} by {}, {}, {}: {} (run {})",
            self.environment,
            self.by,
            self.began.format("%Y-%m-%d %H:%M UTC"),
            format_s(self.took_s),
            self.words,
            self.run
        )
    }
}

/// What the attempts of a step took that went well.
fn took(state: &RunState, step: &Step) -> Option<u64> {
    let last = |action| {
        let last = state.action(action)?.last()?;
        (last.outcome == Some(Outcome::Passed))
            .then_some((last.ended_at? - last.started_at).num_milliseconds())
    };
    let took: Vec<i64> = state
        .actions_of(step)
        .into_iter()
        .filter_map(last)
        .collect();
    let sum = u64::try_from(took.iter().sum::<i64>()).unwrap_or(0);
    (!took.is_empty()).then(|| sum.div_ceil(1_000))
}

/// What a run says to the next: only the whole walk with nothing left open is a pass.
fn judged(state: &RunState) -> (Verdict, String) {
    let phase = state.phase().map_or("", |phase| phase.title.as_str());
    let gates = state.phases.values().filter_map(|own| own.gate.as_ref());
    let against = gates
        .filter(|gate| gate.decision == GateDecision::Go && gate.reason.is_some())
        .count();
    let good = |words: String| match against {
        0 => (Verdict::Pass, words),
        1 => (
            Verdict::Warn,
            format!("{words}; 1 gate was passed with a reason"),
        ),
        many => (
            Verdict::Warn,
            format!("{words}; {many} gates were passed with a reason"),
        ),
    };
    match state.mode {
        Mode::Done => good("done".to_owned()),
        Mode::RolledBack if state.deployed_at.is_some() => match state.rollback_proof() {
            Some(proof @ Proof::Failed(_)) => (Verdict::Fail, rolled_back(&proof)),
            _ if state.open_alerts().next().is_some() => (
                Verdict::Fail,
                "deployed, then rolled back with a red flag open".to_owned(),
            ),
            Some(proof @ Proof::Verified(_)) => good(rolled_back(&proof)),
            // What it could not prove, production could not either.
            Some(proof @ Proof::NoCondition) => (Verdict::Warn, rolled_back(&proof)),
            Some(proof) => (Verdict::Inconclusive, rolled_back(&proof)),
            None => (
                Verdict::Inconclusive,
                "deployed, then rolled back".to_owned(),
            ),
        },
        Mode::RolledBack => (Verdict::Fail, format!("rolled back in `{phase}`")),
        Mode::Failed => (Verdict::Fail, format!("abandoned in `{phase}`")),
        Mode::Stuck => (Verdict::Fail, "its rollback is stuck".to_owned()),
        Mode::RollingBack => (Verdict::Fail, format!("rolling back from `{phase}`")),
        Mode::Running | Mode::Held => match state.deployed_at {
            Some(_) => {
                let open = state.open_points();
                let first = open.first().map_or("", |point| point.text.as_str());
                let words = format!("deployed, not done: {} open: {first}", open.len());
                (Verdict::Inconclusive, words)
            }
            None => (Verdict::Inconclusive, format!("not over: in `{phase}`")),
        },
    }
}

fn rolled_back(proof: &Proof) -> String {
    format!("deployed, then rolled back, {}", proof.words())
}

impl Rehearsal {
    /// Whether there was one of this text, and it went well.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Same(known) if matches!(known.verdict, Verdict::Pass | Verdict::Warn))
    }

    /// The newest one, of whatever text.
    pub fn known(&self) -> Option<&Rehearsed> {
        match self {
            Self::Never => None,
            Self::Changed(known) | Self::Same(known) => Some(known),
        }
    }

    /// For a line of its own, without a period.
    pub fn describe(&self) -> String {
        match self {
            Self::Never => {
                "never rehearsed: no run of this guide in another environment is known here"
                    .to_owned()
            }
            Self::Changed(known) => format!(
                "the guide has changed since its rehearsal {}",
                known.describe()
            ),
            Self::Same(known) => format!("rehearsed {}", known.describe()),
        }
    }

    /// What must not be overlooked, in few words; `None` where all is well.
    pub fn warning(&self) -> Option<&'static str> {
        match self {
            Self::Never => Some("never rehearsed"),
            Self::Changed(_) => Some("guide changed since its rehearsal"),
            Self::Same(known) => match known.verdict {
                Verdict::Pass | Verdict::Warn => None,
                Verdict::Fail => Some("its rehearsal failed"),
                Verdict::Inconclusive => Some("its rehearsal is not done"),
            },
        }
    }
}

impl Promotion {
    /// What the run that was promoted says to the first gate. Of another text it says nothing.
    fn judgement(&self) -> Judgement {
        let (verdict, explanation) = match &self.guide_changed {
            None => (self.from.verdict, self.from.describe()),
            Some(reason) => (
                Verdict::Inconclusive,
                format!(
                    "the guide was another text there ({reason}); {}",
                    self.from.describe()
                ),
            ),
        };
        Judgement {
            text: text(&self.from),
            cel: None,
            verdict,
            explanation,
        }
    }

    /// Adds the criterion to the first gate of a guide; what is on record of it from the beginning.
    pub fn put_before(&self, runbook: &mut Runbook) -> Option<Event> {
        let mut phases = runbook.preparation.iter_mut().chain(&mut runbook.phases);
        let first = phases.next()?;
        first.criteria.insert(
            0,
            Expectation {
                line: LINE,
                text: text(&self.from),
                ..Expectation::default()
            },
        );
        Some(Event::CriterionJudged {
            phase: first.id.clone(),
            line: LINE,
            judgement: self.judgement(),
            note: None,
        })
    }
}

fn text(from: &Rehearsed) -> String {
    format!("The run in {} went well", from.environment)
}

impl RunState {
    /// A criterion that the run answers that this one was promoted from.
    pub fn is_of_promotion(&self, item: &Expectation) -> bool {
        item.line == LINE && self.provenance.promoted.is_some()
    }

    /// What a step took in the rehearsal of this very text.
    pub fn rehearsed_s(&self, step: &str) -> Option<u64> {
        match &self.provenance.rehearsal {
            Some(Rehearsal::Same(known)) => known.steps.get(step).copied(),
            _ => None,
        }
    }
}

/// Steps of this guide that are for another environment than this, by id, with the words that say so.
pub fn steps_of_others(
    runbook: &Runbook,
    environment: &str,
    protected: bool,
) -> Vec<(String, String)> {
    let Some(own) = Purpose::of_environment(environment, protected) else {
        return Vec::new();
    };
    let steps = runbook.walk().flat_map(|phase: &Phase| {
        let of_phase = Purpose::of_title(&phase.title).map(|said| (said, &phase.title));
        phase.steps.iter().map(move |step| {
            let said = Purpose::of_title(&step.title).map(|said| (said, &step.title));
            (step, said.or(of_phase))
        })
    });
    let of_others = steps.filter_map(|(step, said)| {
        let (said, title) = said?;
        (said != own).then(|| (step.id.clone(), title.clone()))
    });
    of_others.collect()
}
