//! A rollback act by act: commands and what people do by hand, in the order of the guide. What is
//! done by hand is ticked in its turn, and a command waits for the acts that stand before it.

use std::collections::BTreeMap;

use super::{ActionId, Mode, Outcome, Refusal, RunState, StepStatus, Verdict};
use crate::runbook::{RollbackOption, Step, Tick};

/// Something that a step of a rollback asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// By index in [`Step::ticks`].
    ByHand(usize),
    Command(ActionId),
}

/// How an act of a rollback stands since it was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActStanding {
    Done,
    Skipped,
    Running,
    /// Why it did not pass.
    Failed(String),
    Open,
}

/// How a command of a rollback stands, by the attempts made since it began.
pub(super) enum Progress {
    NotStarted,
    Running,
    Passed,
    Ended(String),
}

impl RunState {
    /// What a step asks for, in the order of the guide, under the choices made.
    pub fn acts_of(&self, step: &Step) -> Vec<Act> {
        let by_hand = step.ticks.iter().enumerate();
        let by_hand = by_hand.filter(|(_, tick)| self.asks_for(tick));
        let mut acts: Vec<(usize, Act)> = by_hand
            .map(|(index, tick)| (tick.line, Act::ByHand(index)))
            .collect();
        for action in self.actions_of(step) {
            acts.push((self.line_of(action), Act::Command(action)));
        }
        acts.sort_by_key(|(line, act)| (*line, matches!(act, Act::Command(_))));
        acts.into_iter().map(|(_, act)| act).collect()
    }

    /// Where an action stands in the guide.
    pub fn line_of(&self, action: ActionId) -> usize {
        self.runbook.block(action.block).map_or(0, |block| {
            let part = action.part.checked_sub(1);
            part.and_then(|index| block.parts.get(index))
                .map_or(block.line, |part| part.line)
        })
    }

    /// The rollback that goes on, or is stuck.
    pub fn going_back(&self) -> Option<&RollbackOption> {
        if !matches!(self.mode, Mode::RollingBack | Mode::Stuck) {
            return None;
        }
        self.runbook.option(&self.rollback.as_ref()?.option)
    }

    pub(super) fn is_of_option(&self, option: &str, action: ActionId) -> bool {
        let option = self.runbook.option(option).into_iter();
        let mut steps = option.flat_map(|option| &option.steps);
        steps.any(|step| step.blocks.contains(&action.block))
    }

    /// Whether an action is of the rollback that was begun last.
    pub(super) fn is_of_the_rollback(&self, action: ActionId) -> bool {
        let begun = self.rollback.as_ref();
        begun.is_some_and(|begun| self.is_of_option(&begun.option, action))
    }

    /// What the rollback that goes on waits for a person to do: the step, the box and its index.
    pub fn by_hand_now(&self) -> Option<(&Step, usize, &Tick)> {
        if self.mode != Mode::RollingBack || !self.busy().is_empty() {
            return None;
        }
        let (step, act) = self.acts().into_iter().find(|(step, act)| {
            matches!(self.stands(step, *act), Stands::Open) && !self.may_be_left(step, *act)
        })?;
        match act {
            Act::ByHand(index) => Some((step, index, step.ticks.get(index)?)),
            Act::Command(_) => None,
        }
    }

    /// The acts of the rollback that was begun last, in the order of the guide; none where none was.
    pub fn rollback_so_far(&self) -> Vec<(&Step, Act, ActStanding)> {
        let begun = self.rollback.as_ref();
        let option = begun.and_then(|begun| self.runbook.option(&begun.option));
        let steps = option.into_iter().flat_map(|option| &option.steps);
        steps
            .flat_map(|step| self.acts_of(step).into_iter().map(move |act| (step, act)))
            .map(|(step, act)| (step, act, self.standing_of(step, act)))
            .collect()
    }

    fn standing_of(&self, step: &Step, act: Act) -> ActStanding {
        let progress = match act {
            Act::Command(action) => Some(self.progress(action)),
            Act::ByHand(_) => None,
        };
        match (self.stands(step, act), progress) {
            (Stands::Done, _) => ActStanding::Done,
            (Stands::Running, _) => ActStanding::Running,
            _ if self.step_status(step) == StepStatus::Skipped => ActStanding::Skipped,
            (_, Some(Progress::Ended(why))) => ActStanding::Failed(why),
            _ => ActStanding::Open,
        }
    }

    /// The command at which the rollback is stuck, and its step.
    pub fn stuck_at(&self) -> Option<(&Step, ActionId)> {
        if self.mode != Mode::Stuck {
            return None;
        }
        let acts = self.rollback_so_far().into_iter();
        acts.filter(|(.., standing)| !matches!(standing, ActStanding::Skipped | ActStanding::Done))
            .find_map(|(step, act, _)| match act {
                Act::Command(action) => Some((step, action)),
                Act::ByHand(_) => None,
            })
    }

    /// Commands of a rollback that have passed in this run: beginning it runs them a second time.
    pub fn would_run_again(&self, option: &str) -> Vec<(&Step, ActionId)> {
        let has_passed = |action: &ActionId| {
            let own = self.action(*action).into_iter();
            let mut attempts = own.flat_map(|own| &own.attempts);
            attempts.any(|attempt| attempt.outcome == Some(Outcome::Passed))
        };
        let steps = self.runbook.option(option).into_iter();
        steps
            .flat_map(|option| &option.steps)
            .flat_map(|step| {
                self.actions_of(step)
                    .into_iter()
                    .map(move |act| (step, act))
            })
            .filter(|(_, action)| has_passed(action))
            .collect()
    }

    /// All acts of the rollback that goes on, those of skipped steps left out.
    fn acts(&self) -> Vec<(&Step, Act)> {
        self.going_back()
            .into_iter()
            .flat_map(|option| &option.steps)
            .filter(|step| self.step_status(step) != StepStatus::Skipped)
            .flat_map(|step| self.acts_of(step).into_iter().map(move |act| (step, act)))
            .collect()
    }

    fn may_be_left(&self, step: &Step, act: Act) -> bool {
        matches!(act, Act::ByHand(index) if step.ticks.get(index).is_none_or(|tick| tick.optional))
    }

    pub(super) fn is_ticked(&self, step: &Step, index: usize) -> bool {
        let own = self.steps.get(&step.id);
        own.is_some_and(|own| own.ticks.contains_key(&index))
    }

    fn stands(&self, step: &Step, act: Act) -> Stands {
        match act {
            Act::ByHand(index) if self.is_ticked(step, index) => Stands::Done,
            Act::ByHand(_) => Stands::Open,
            Act::Command(action) => match self.progress(action) {
                Progress::Passed => Stands::Done,
                Progress::Running if self.is_watch(action) && !self.is_repeated(action) => {
                    Stands::Done
                }
                Progress::Running => Stands::Running,
                Progress::NotStarted | Progress::Ended(_) => Stands::Open,
            },
        }
    }

    /// How a command of the rollback stands since it began.
    pub(super) fn progress(&self, action: ActionId) -> Progress {
        let none = BTreeMap::new();
        let before = self
            .rollback
            .as_ref()
            .map_or(&none, |rollback| &rollback.attempts_before);
        let attempts = self
            .action(action)
            .map(|action| action.attempts.as_slice())
            .unwrap_or_default();
        let since = before.get(&action).copied().unwrap_or(0) as usize;
        match attempts.get(since..).and_then(|attempts| attempts.last()) {
            None => Progress::NotStarted,
            // A repeated check counts by its last round.
            Some(attempt) if self.is_repeated(action) => match (attempt.round, attempt.verdict()) {
                (0, _) if attempt.outcome.is_none() => Progress::Running,
                (0, _) => Progress::Ended("it ended before its first round".to_owned()),
                (_, Some(Verdict::Fail | Verdict::Inconclusive)) => Progress::Ended(
                    attempt
                        .judgements
                        .first()
                        .map_or_else(String::new, |one| one.explanation.clone()),
                ),
                _ => Progress::Passed,
            },
            Some(attempt) => match attempt.outcome {
                None => Progress::Running,
                Some(Outcome::Passed | Outcome::Skipped | Outcome::Watched) => Progress::Passed,
                Some(outcome) => Progress::Ended(attempt.reason.clone().unwrap_or_else(|| {
                    match outcome {
                        Outcome::Cancelled => "it was cancelled",
                        Outcome::Unknown => "its outcome is unknown",
                        Outcome::Inconclusive => "nobody has judged its answer yet",
                        _ => "it failed",
                    }
                    .to_owned()
                })),
            },
        }
    }

    /// Whether it is this act's turn: what a person did by hand follows on all that stands before it,
    /// a command on what is done by hand before it.
    ///
    /// # Errors
    /// What comes first.
    pub(super) fn in_turn(&self, step: &Step, act: Act) -> Result<(), Refusal> {
        if !self
            .going_back()
            .is_some_and(|option| option.steps.iter().any(|own| own.id == step.id))
        {
            return Err(Refusal::new(
                "this belongs to a rollback",
                "press `R` to see it and start it",
            ));
        }
        for (other, earlier) in self.acts() {
            if other.id == step.id && earlier == act {
                break;
            }
            if matches!(self.stands(other, earlier), Stands::Done)
                || self.may_be_left(other, earlier)
            {
                continue;
            }
            let (what, help) = match earlier {
                Act::ByHand(index) => {
                    let tick = other.ticks.get(index);
                    let text = tick.map_or("", |tick| tick.text.as_str());
                    (text.to_owned(), "do that and tick it first")
                }
                // A person who tries a command of a stuck rollback again may choose which.
                Act::Command(_) if matches!(act, Act::Command(_)) => continue,
                Act::Command(action) => {
                    let title = super::action_title(&self.runbook, other, action);
                    (title, "wait until it has passed")
                }
            };
            return Err(Refusal::new(format!("`{what}` comes before it"), help));
        }
        Ok(())
    }
}

enum Stands {
    Open,
    Running,
    Done,
}
