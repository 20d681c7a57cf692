//! Questions about where a run stands: what can be started, how a step looks, what a gate asks, and
//! what to do next.

mod criteria;

pub use criteria::GateAnswer;
use std::collections::BTreeMap;

use super::{ActionId, ActionState, Mode, Outcome, RunState, StepStatus};
use crate::runbook::{Actor, Block, Choice, Phase, Role, Runbook, Step, Tick};
use crate::text::written::masked;

/// The actions of a step in order, those of alternatives not chosen left out.
pub fn runnable_actions(
    runbook: &Runbook,
    step: &Step,
    choices: &BTreeMap<String, String>,
) -> Vec<ActionId> {
    let mut actions = Vec::new();
    for block in step
        .blocks
        .iter()
        .filter_map(|number| runbook.block(*number))
    {
        if !chosen(block.choice.as_ref(), choices) || !is_offered(block) {
            continue;
        }
        match block.role {
            Role::Run | Role::Fill | Role::Promote if block.actor != Actor::Nobody => {
                actions.push(ActionId::block(block.n));
            }
            Role::Split => {
                for (index, part) in block.parts.iter().enumerate() {
                    let runs = matches!(part.role, Role::Run | Role::Fill | Role::Promote);
                    if runs && part.actor != Actor::Nobody && chosen(part.choice.as_ref(), choices)
                    {
                        actions.push(ActionId {
                            block: block.n,
                            part: index + 1,
                        });
                    }
                }
            }
            _ => {}
        }
    }
    actions
}

fn is_offered(block: &Block) -> bool {
    !block.attributes.has_class("norun") && !block.attributes.has_class("loss")
}

/// True where the alternative is the chosen one, or there is nothing to choose.
fn chosen(choice: Option<&Choice>, choices: &BTreeMap<String, String>) -> bool {
    choice.is_none_or(|choice| {
        choices
            .get(&choice.group)
            .is_some_and(|name| *name == choice.name)
    })
}

/// The alternatives of a step that wait for a choice: group, then the options in order.
pub fn open_choices(
    runbook: &Runbook,
    step: &Step,
    choices: &BTreeMap<String, String>,
) -> Vec<(String, Vec<Choice>)> {
    let mut open: Vec<(String, Vec<Choice>)> = Vec::new();
    for choice in choices_of(runbook, step) {
        if choices.contains_key(&choice.group) {
            continue;
        }
        match open.iter_mut().find(|(group, _)| *group == choice.group) {
            Some((_, options)) if options.contains(choice) => {}
            Some((_, options)) => options.push(choice.clone()),
            None => open.push((choice.group.clone(), vec![choice.clone()])),
        }
    }
    open
}

/// Every alternative that stands in a step, the step's own among them; for a step that is itself an
/// alternative, also those of its siblings.
pub fn choices_of<'a>(runbook: &'a Runbook, step: &'a Step) -> Vec<&'a Choice> {
    let siblings = step.choice.iter().flat_map(move |own| {
        runbook
            .all_steps()
            .filter_map(|other| other.choice.as_ref())
            .filter(move |other| other.group == own.group)
    });
    let blocks = step
        .blocks
        .iter()
        .filter_map(|number| runbook.block(*number))
        .flat_map(|block| {
            block
                .choice
                .iter()
                .chain(block.parts.iter().filter_map(|part| part.choice.as_ref()))
        });
    siblings.chain(blocks).collect()
}

impl RunState {
    /// The short name of an action of this run; empty where it belongs to no step.
    pub fn title_of(&self, action: ActionId) -> String {
        self.step_of(action)
            .map(|step| action_title(&self.runbook, step, action))
            .unwrap_or_default()
    }
}

/// A short name for an action: what its block or part is called, else its first words.
pub fn action_title(runbook: &Runbook, step: &Step, action: ActionId) -> String {
    let Some(block) = runbook.block(action.block) else {
        return step.title.clone();
    };
    if let Some(part) = action
        .part
        .checked_sub(1)
        .and_then(|index| block.parts.get(index))
        && !part.title.is_empty()
    {
        return part.title.clone();
    }
    if !block.id.starts_with("block-") {
        return block.id.clone();
    }
    let lines = || block.code.lines().map(str::trim);
    lines()
        .find(|line| !line.is_empty() && !is_opener(line))
        .or_else(|| lines().find(|line| !line.is_empty()))
        .map(|line| shortened(&masked(line.trim_start_matches(['#', '-', ' ']))))
        .unwrap_or_else(|| step.title.clone())
}

/// A title as it stands before a colon: a command's own `;` is no end of a sentence.
pub(super) fn before_colon(title: &str) -> &str {
    let short = title.trim_end_matches([';', ':', ',', '.', ' ']);
    if short.is_empty() { title } else { short }
}

/// Whether a line only prepares what comes after it, so that it is no name for the whole.
fn is_opener(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    let is = |word: &str| {
        lower.strip_prefix(word).is_some_and(|rest| {
            !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_')
        })
    };
    const WORDS: [&str; 8] = [
        "begin",
        "start transaction",
        "set",
        "\\set",
        "\\timing",
        "\\x",
        "\\pset",
        "\\c",
    ];
    line.starts_with("#!") || WORDS.iter().any(|word| is(word))
}

/// A title of one line; what was left out is told, so that it is not taken for the command.
fn shortened(line: &str) -> String {
    const LONGEST: usize = 60;
    if line.chars().count() <= LONGEST {
        return line.to_owned();
    }
    let kept: String = line.chars().take(LONGEST - 1).collect();
    format!("{}…", kept.trim_end())
}

impl RunState {
    pub fn action(&self, action: ActionId) -> Option<&ActionState> {
        self.actions.get(&action)
    }

    /// Actions that run now, with their attempt.
    pub fn running(&self) -> Vec<(ActionId, u32)> {
        self.actions
            .iter()
            .filter(|(_, state)| state.is_running())
            .filter_map(|(action, state)| Some((*action, state.last()?.number)))
            .collect()
    }

    /// The step that holds an action, in the walk or in a rollback option.
    pub fn step_of(&self, action: ActionId) -> Option<&Step> {
        self.runbook.step_of_block(action.block)
    }

    /// Whether an action stands in a section beside the walk.
    pub fn is_beside(&self, action: ActionId) -> bool {
        let mut steps = self.runbook.beside();
        steps.any(|step| step.blocks.contains(&action.block))
    }

    /// True of a watch: it ends with its phase and has no verdict of its own.
    pub fn is_watch(&self, action: ActionId) -> bool {
        self.runbook
            .is_watch(action.block, action.part.checked_sub(1))
    }

    /// The actions of a step under the choices made.
    pub fn actions_of(&self, step: &Step) -> Vec<ActionId> {
        runnable_actions(&self.runbook, step, &self.choices)
    }

    pub fn open_choices(&self, step: &Step) -> Vec<(String, Vec<Choice>)> {
        open_choices(&self.runbook, step, &self.choices)
    }

    /// An alternative that was not chosen, or a flag that was not set.
    pub fn is_passed_over(&self, step: &Step) -> bool {
        if self.has_nothing_to_restore(step) {
            return true;
        }
        step.choice.as_ref().is_some_and(|choice| {
            self.choices
                .get(&choice.group)
                .is_some_and(|name| *name != choice.name)
        })
    }

    /// Whether a box is asked for under the choices made.
    pub fn asks_for(&self, tick: &Tick) -> bool {
        chosen(tick.choice.as_ref(), &self.choices)
    }

    /// Boxes of a step that wait to be ticked, with their index; optional ones wait for nobody.
    pub fn open_ticks<'a>(&'a self, step: &'a Step) -> impl Iterator<Item = (usize, &'a Tick)> {
        let own = self.steps.get(&step.id);
        step.ticks.iter().enumerate().filter(move |(index, tick)| {
            !tick.optional
                && self.asks_for(tick)
                && !own.is_some_and(|own| own.ticks.contains_key(index))
        })
    }

    /// How a step stands.
    pub fn step_status(&self, step: &Step) -> StepStatus {
        let own = self.steps.get(&step.id);
        if own.is_some_and(|own| own.skipped.is_some()) || self.is_passed_over(step) {
            return StepStatus::Skipped;
        }
        let in_option = self.runbook.is_of_rollback(&step.id);
        let before = |action: &ActionId| -> usize {
            match &self.rollback {
                Some(rollback) if in_option => {
                    rollback.attempts_before.get(action).copied().unwrap_or(0) as usize
                }
                _ => 0,
            }
        };
        let actions = self.actions_of(step);
        let mut pending = false;
        let mut worst: Option<StepStatus> = None;
        let mut ran = false;
        let mut left_out = false;
        pending |= actions.iter().any(|action| self.awaits_round(*action));
        for action in actions.iter().filter(|action| !self.is_watch(**action)) {
            let last = self
                .actions
                .get(action)
                .and_then(|state| state.attempts.get(before(action)..))
                .and_then(|attempts| attempts.last());
            let status = match last {
                None if self.is_left_out(step, *action) => {
                    left_out = true;
                    continue;
                }
                None => {
                    pending |= !self.runbook.block(action.block).is_some_and(is_optional);
                    continue;
                }
                Some(attempt) => match attempt.outcome {
                    None => return StepStatus::Running,
                    Some(Outcome::Passed | Outcome::Skipped | Outcome::Watched) => None,
                    Some(Outcome::Failed) => Some(StepStatus::Failed),
                    Some(Outcome::Cancelled) => Some(StepStatus::Cancelled),
                    Some(Outcome::Unknown | Outcome::Inconclusive) => Some(StepStatus::Unknown),
                },
            };
            ran = true;
            if worst != Some(StepStatus::Unknown) {
                worst = status.or(worst);
            }
        }
        let phase_is_passed = || {
            let phase = self.runbook.phase_of(&step.id);
            phase.is_some_and(|phase| self.is_phase_passed(&phase.id))
        };
        let died = actions.iter().any(|action| {
            let last = self.action(*action).and_then(|own| own.last());
            self.is_watch(*action) && last.is_some_and(super::Attempt::has_died)
        });
        if died && !in_option && !phase_is_passed() {
            worst = worst.or(Some(StepStatus::Failed));
        }
        if ran && !in_option && self.is_undone(step) {
            return StepStatus::Undone;
        }
        if let Some(worst) = worst {
            return match (self.mode, in_option) {
                (Mode::Stuck, true) => StepStatus::Stuck,
                _ => worst,
            };
        }
        let ticked = self.open_ticks(step).next().is_none();
        let watches_only =
            !actions.is_empty() && actions.iter().all(|action| self.is_watch(*action));
        if !pending && ticked && self.open_choices(step).is_empty() {
            if left_out && !ran && step.ticks.is_empty() {
                return StepStatus::Skipped;
            }
            // A step that asks nothing of anybody is read, and passed with its phase.
            let asks = !actions.is_empty() || !step.ticks.is_empty();
            if asks
                && (!watches_only
                    || self
                        .runbook
                        .phase_of(&step.id)
                        .is_none_or(|phase| self.is_phase_passed(&phase.id)))
            {
                return StepStatus::Passed;
            }
            if !asks
                && self
                    .runbook
                    .phase_of(&step.id)
                    .is_some_and(|phase| self.is_phase_passed(&phase.id))
            {
                return StepStatus::Passed;
            }
        }
        StepStatus::Pending
    }

    /// Nothing is left to do in this step before its gate.
    pub fn is_step_settled(&self, step: &Step) -> bool {
        match self.step_status(step) {
            StepStatus::Passed | StepStatus::Skipped | StepStatus::Undone => true,
            StepStatus::Pending => {
                // Reading matter and watches hold no gate up.
                let only_watches = self.actions_of(step).iter().all(|action| {
                    (self.is_watch(*action) && !self.awaits_round(*action))
                        || self.runbook.block(action.block).is_some_and(is_optional)
                });
                only_watches
                    && self.open_choices(step).is_empty()
                    && self.open_ticks(step).next().is_none()
            }
            _ => false,
        }
    }

    pub fn is_phase_passed(&self, phase: &str) -> bool {
        self.phases
            .get(phase)
            .is_some_and(|phase| phase.is_passed())
    }

    /// The phase at hand.
    pub fn phase(&self) -> Option<&Phase> {
        self.runbook.phase(&self.current_phase)
    }

    /// Position of a phase in the walk.
    pub fn phase_index(&self, phase: &str) -> Option<usize> {
        self.runbook.phase_index(phase)
    }
}

fn is_optional(block: &Block) -> bool {
    block.attributes.has_class("optional")
}
