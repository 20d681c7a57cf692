//! What a run waits for from a person, and from whom: for lists of runs and for those who are told of it
//! without looking at a screen.

use serde::{Deserialize, Serialize};

use super::{Mode, Outcome, RunState, StepStatus, Timestamp, same_person};
use crate::runbook::Phase;

/// Something that only a person can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaited {
    pub kind: AwaitedKind,
    pub whom: Whom,
    /// For a line of its own.
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AwaitedKind {
    /// To agree to what the configuration reaches for.
    Consent,
    /// To look at a target that answers as another.
    Target,
    /// To confirm what the driver asked for.
    SecondPerson,
    /// To commit or roll back a transaction that is held.
    Transaction,
    /// To do a step of a rollback by hand.
    ByHand,
    /// To go on with a rollback that is stuck.
    Stuck,
    /// To resume a run that is held.
    Held,
    /// To say whether an answer is good.
    Question,
    /// To decide about a step that failed, or that nobody knows the end of.
    Failure,
    /// To decide at a gate.
    Gate,
    /// To do the next step.
    Step,
}

/// Who can do it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    Driver(String),
    AnybodyBut(String),
}

impl Whom {
    /// Whether it is this person, named as in a run: `anna@ops`.
    pub fn is(&self, name: &str) -> bool {
        match self {
            Self::Driver(driver) => same_person(driver, name),
            Self::AnybodyBut(asker) => !same_person(asker, name),
        }
    }
}

impl RunState {
    /// What the run waits for from a person now; `None` where it goes on by itself, waits for a time, or is
    /// over.
    pub fn awaited(&self, now: Timestamp) -> Option<Awaited> {
        if self.mode.is_over() && self.mode != Mode::Stuck {
            return None;
        }
        let driver = |kind, text: String| {
            Some(Awaited {
                kind,
                whom: Whom::Driver(self.driver.clone()),
                text,
            })
        };
        if let Some(asked) = &self.untrusted {
            let text = format!("say whether you trust `{}`", asked.path);
            return driver(AwaitedKind::Consent, text);
        }
        if let Some(words) = self.moved_words().into_iter().next() {
            return driver(AwaitedKind::Target, words);
        }
        if let Some(waiting) = &self.pairing.waiting {
            let what = self.subject_title(&waiting.request.subject);
            return Some(Awaited {
                kind: AwaitedKind::SecondPerson,
                whom: Whom::AnybodyBut(waiting.by.clone()),
                text: format!("confirm `{what}`, asked by {}", waiting.by),
            });
        }
        if let Some((action, _, hold)) = self.held() {
            let text = format!(
                "commit or roll back `{}`, held before its COMMIT on line {}",
                self.title_of(action),
                hold.line
            );
            return driver(AwaitedKind::Transaction, text);
        }
        let phase = self.phase();
        let title = phase.map_or("the beginning", |phase| phase.title.as_str());
        match self.mode {
            Mode::Stuck => {
                let why = self.rollback.as_ref();
                let why = why.and_then(|rollback| rollback.stuck_reason.clone());
                let text = format!("the rollback is stuck: {}", why.unwrap_or_default());
                driver(AwaitedKind::Stuck, text)
            }
            Mode::Held => driver(AwaitedKind::Held, format!("resume `{title}`, or roll back")),
            Mode::RollingBack => {
                let (_, _, tick) = self.by_hand_now()?;
                let text = format!("do by hand, in the rollback: {}", tick.text);
                driver(AwaitedKind::ByHand, text)
            }
            Mode::Running if self.busy().is_empty() && self.pause(now).is_none() => {
                let (kind, text) = self.awaited_in(phase?)?;
                driver(kind, text)
            }
            _ => None,
        }
    }

    /// What the phase at hand waits for, while nothing runs.
    fn awaited_in(&self, phase: &Phase) -> Option<(AwaitedKind, String)> {
        let mut open = None;
        for step in &phase.steps {
            let word = match self.step_status(step) {
                StepStatus::Failed => "failed",
                StepStatus::Unknown => "is unknown",
                StepStatus::Cancelled => "was cancelled",
                _ if self.is_step_settled(step) => continue,
                _ => {
                    open = open.or(Some(step));
                    continue;
                }
            };
            let text = format!("step `{}` {word}: decide what to do", step.title);
            return Some((AwaitedKind::Failure, text));
        }
        let actions = phase.steps.iter().flat_map(|step| self.actions_of(step));
        let asks = actions
            .filter_map(|action| Some((action, self.action(action)?.last()?)))
            .find(|(_, attempt)| attempt.outcome == Some(Outcome::Inconclusive));
        if let Some((action, attempt)) = asks {
            let why = attempt.reason.as_deref().unwrap_or_default();
            let text = format!("say whether `{}` is good: {why}", self.title_of(action));
            return Some((AwaitedKind::Question, text));
        }
        if self.is_phase_passed(&phase.id) {
            let open = self.open_points();
            let first = open.first()?;
            return Some((AwaitedKind::Step, first.text.clone()));
        }
        Some(match open {
            Some(step) => (AwaitedKind::Step, format!("next step: `{}`", step.title)),
            None => (
                AwaitedKind::Gate,
                format!("decide at the gate of `{}`", phase.title),
            ),
        })
    }
}
