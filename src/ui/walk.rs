//! Where the operator stands: the current step, and the boxes and actions in it. All of it is read from the run; nothing is decided here.

use super::view::Look;
use crate::run::{ActionId, Mode, Outcome, RunState, StepStatus};
use crate::runbook::{Choice, Step};

/// Something in a step that a person does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// By index in [`Step::ticks`].
    Tick(usize),
    /// The group of alternatives.
    Choice(String),
    Action(ActionId),
}

/// The step that the run waits for: of the rollback while one goes on, else of the phase at hand.
pub fn step_at_hand(run: &RunState) -> Option<&Step> {
    if matches!(run.mode, Mode::RollingBack | Mode::Stuck | Mode::RolledBack) {
        let option = run
            .rollback
            .as_ref()
            .and_then(|rollback| run.runbook.option(&rollback.option))?;
        return option
            .steps
            .iter()
            .find(|step| {
                !matches!(
                    run.step_status(step),
                    StepStatus::Passed | StepStatus::Skipped
                )
            })
            .or(option.steps.last());
    }
    let phase = run.phase()?;
    phase
        .steps
        .iter()
        .find(|step| run.step_status(step) == StepStatus::Running)
        .or_else(|| run.offered_watch().and_then(|watch| run.step_of(watch)))
        .or_else(|| phase.steps.iter().find(|step| !run.is_step_settled(step)))
        .or(phase.steps.last())
}

/// The step on the screen: the one chosen in the tree, else the one at hand.
pub fn shown_step<'a>(look: &Look<'a>) -> Option<&'a Step> {
    look.view
        .step
        .as_deref()
        .and_then(|id| look.run().runbook.step(id))
        .or_else(|| step_at_hand(look.run()))
}

/// What a person does in a step, in the order of the guide.
pub fn items(run: &RunState, step: &Step) -> Vec<Item> {
    let mut placed: Vec<(usize, Item)> = step
        .ticks
        .iter()
        .enumerate()
        .filter(|(_, tick)| run.asks_for(tick))
        .map(|(index, tick)| (tick.line, Item::Tick(index)))
        .collect();
    for action in run.actions_of(step) {
        placed.push((action_line(run, action), Item::Action(action)));
    }
    for (group, _) in choices(run, step) {
        let of_group =
            |choice: &Option<Choice>| choice.as_ref().is_some_and(|choice| choice.group == group);
        let line = step
            .blocks
            .iter()
            .filter_map(|number| run.runbook.block(*number))
            .find_map(|block| {
                let part = block.parts.iter().find(|part| of_group(&part.choice));
                match part {
                    Some(part) => Some(part.line),
                    None => of_group(&block.choice).then_some(block.line),
                }
            })
            .unwrap_or(step.line);
        placed.push((line, Item::Choice(group)));
    }
    // A choice stands before the alternatives it is about.
    placed.sort_by_key(|(line, item)| (*line, !matches!(item, Item::Choice(_))));
    placed.into_iter().map(|(_, item)| item).collect()
}

fn action_line(run: &RunState, action: ActionId) -> usize {
    run.runbook.block(action.block).map_or(0, |block| {
        action
            .part
            .checked_sub(1)
            .and_then(|index| block.parts.get(index))
            .map_or(block.line, |part| part.line)
    })
}

/// The alternatives of a step, decided or not: group, then the options in the order of the guide.
pub fn choices(run: &RunState, step: &Step) -> Vec<(String, Vec<Choice>)> {
    let mut groups: Vec<(String, Vec<Choice>)> = Vec::new();
    for choice in crate::run::choices_of(&run.runbook, step) {
        match groups.iter_mut().find(|(group, _)| *group == choice.group) {
            Some((_, options)) if options.iter().any(|known| known.name == choice.name) => {}
            Some((_, options)) => options.push(choice.clone()),
            None => groups.push((choice.group.clone(), vec![choice.clone()])),
        }
    }
    groups
}

pub fn is_done(run: &RunState, step: &Step, item: &Item) -> bool {
    match item {
        Item::Tick(index) => run
            .steps
            .get(&step.id)
            .is_some_and(|state| state.ticks.contains_key(index)),
        Item::Choice(group) => run.choices.contains_key(group),
        // A watch is begun, and that is all; one that died has to be looked at.
        Item::Action(action) if run.is_watch(*action) && !run.is_repeated(*action) => run
            .action(*action)
            .and_then(|state| state.last())
            .is_some_and(|attempt| !attempt.has_died()),
        Item::Action(action) if run.is_repeated(*action) => run
            .action(*action)
            .and_then(|state| state.last())
            .is_some_and(|attempt| attempt.round > 0 || attempt.outcome.is_none()),
        Item::Action(action) => match attempt_outcome(run, step, *action) {
            None => run.is_left_out(step, *action),
            ended => ended == Some(Outcome::Passed),
        },
    }
}

/// How the last attempt that counts ended: during a rollback only those made since it began.
pub fn attempt_outcome(run: &RunState, step: &Step, action: ActionId) -> Option<Outcome> {
    let in_option = run.runbook.is_of_rollback(&step.id);
    let before = match &run.rollback {
        Some(rollback) if in_option => rollback.attempts_before.get(&action).copied().unwrap_or(0),
        _ => 0,
    };
    run.action(action)?
        .attempts
        .get(before as usize..)?
        .last()?
        .outcome
}

/// Left alone by the walk: it is optional, measured, or never ends.
pub fn may_wait(run: &RunState, step: &Step, item: &Item) -> bool {
    match item {
        Item::Tick(index) => step
            .ticks
            .get(*index)
            .is_none_or(|tick| tick.optional || tick.cel.is_some()),
        Item::Choice(_) => false,
        Item::Action(action) => {
            let died = run.action(*action).and_then(|own| own.last());
            let died = died.is_some_and(crate::run::Attempt::has_died);
            (run.is_watch(*action) && !run.is_repeated(*action) && !died)
                || run
                    .runbook
                    .block(action.block)
                    .is_none_or(|block| block.attributes.has_class("optional"))
        }
    }
}

/// The part under the cursor, where it may be left out by itself: the guide calls it optional, and it
/// has not run.
pub fn optional_part_at(look: &Look<'_>, step: &Step) -> Option<ActionId> {
    let run = look.run();
    let items = items(run, step);
    match items.get(item_at(look, step, &items)?)? {
        Item::Action(action)
            if run.is_optional(*action)
                && run.runbook.phase_of(&step.id).is_some()
                && run.action(*action).and_then(|own| own.last()).is_none()
                && !run.is_left_out(step, *action) =>
        {
            Some(*action)
        }
        _ => None,
    }
}

/// The item with the cursor: where the operator put it, else the next one that is not done.
pub fn item_at(look: &Look<'_>, step: &Step, items: &[Item]) -> Option<usize> {
    let run = look.run();
    if let Some(index) = look.view.item {
        return (!items.is_empty()).then(|| index.min(items.len() - 1));
    }
    let offered = run.offered_watch().map(Item::Action);
    items
        .iter()
        .position(|item| Some(item) == offered.as_ref())
        .or_else(|| {
            items
                .iter()
                .position(|item| !is_done(run, step, item) && !may_wait(run, step, item))
        })
        .or_else(|| items.iter().position(|item| !is_done(run, step, item)))
        .or_else(|| items.len().checked_sub(1))
}

pub fn item_at_cursor<'a>(look: &Look<'a>) -> Option<(&'a Step, Item)> {
    let step = shown_step(look)?;
    let items = items(look.run(), step);
    let index = item_at(look, step, &items)?;
    Some((step, items.get(index)?.clone()))
}

/// Whose output is shown: the action under the cursor if it has run, else what runs, else what ran
/// last in the step.
pub fn shown_action(look: &Look<'_>) -> Option<ActionId> {
    let run = look.run();
    let has_run = |action: &ActionId| {
        run.action(*action)
            .is_some_and(|state| !state.attempts.is_empty())
    };
    if let Some(watch) = look.view.watch.filter(has_run) {
        return Some(watch);
    }
    if let Some((_, Item::Action(action))) = item_at_cursor(look)
        && has_run(&action)
        && (look.view.item.is_some() || run.busy().is_empty())
    {
        return Some(action);
    }
    let latest = |actions: &mut dyn Iterator<Item = ActionId>| {
        actions.filter(has_run).max_by_key(|action| {
            run.action(*action)
                .and_then(|state| state.last())
                .map(|attempt| attempt.started_at)
        })
    };
    let running = latest(&mut run.busy().into_iter().map(|(action, _)| action));
    running
        .or_else(|| {
            let step = shown_step(look)?;
            latest(&mut run.actions_of(step).into_iter())
        })
        .or_else(|| latest(&mut run.actions.keys().copied()))
}

/// The last tick or skip that this person may take back.
pub fn last_undoable(run: &RunState, me: &str) -> Option<Undoable> {
    run.steps
        .iter()
        .flat_map(|(step, state)| {
            let ticks = state.ticks.iter().map(|(index, tick)| {
                let what = Undoable::Tick(step.clone(), *index);
                (tick.at, tick.by.as_str(), what)
            });
            let skip = state.skipped.iter().map(|skip| {
                (
                    skip.at,
                    skip.by.as_str(),
                    Undoable::Skip(step.clone(), None),
                )
            });
            let left_out = state.left_out.iter().map(|(action, skip)| {
                let what = Undoable::Skip(step.clone(), Some(*action));
                (skip.at, skip.by.as_str(), what)
            });
            ticks.chain(skip).chain(left_out)
        })
        .filter(|(_, by, _)| *by == me)
        .max_by_key(|(at, _, _)| *at)
        .map(|(_, _, what)| what)
}

/// What [`Intent::Undo`] would take back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undoable {
    Tick(String, usize),
    /// A step, or only a part of it.
    Skip(String, Option<ActionId>),
}
