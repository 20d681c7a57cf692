//! The rollback: what would run, in which order, how long it takes and what it loses. Reckoned from
//! the state alone, so it can be shown at every moment.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::preview::reckon;
use super::{Act, ActionId, Preview, Refusal, RunState, Timestamp};
use crate::runbook::{Actor, BlockNumber};
use crate::text::duration::format_s;

/// One rollback option as it would run now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RollbackPlan {
    pub option: String,
    pub title: String,
    pub recommended: bool,
    /// Why the guide advises against it.
    pub discouraged: Option<String>,
    pub actions: Vec<PlannedAction>,
    /// What a person does and ticks, in order; each says which command it stands before.
    pub by_hand: Vec<PlannedByHand>,
    /// Groups of alternatives that wait for a choice: nothing begins before it is made.
    pub open_choices: Vec<String>,
    /// As measured, else as the guide says.
    pub estimate_s: Option<u64>,
    /// What it took in an earlier run of this very text.
    pub measured: Option<super::MeasuredRollback>,
    pub loses: Option<String>,
    /// What was written since the point to which it returns; `None` where it puts no backup back, or nobody has
    /// looked.
    pub loss: Option<super::Loss>,
    /// The steps that it undoes, in words; `None` where the guide does not say.
    pub takes_back: Option<String>,
    /// A read-only query whose single value says how much is lost.
    pub loss_query: Option<BlockNumber>,
    /// When it is the right one, in the author's words.
    pub only_if: Option<String>,
    /// What must be true after it, in the author's words; none: nothing can verify it.
    pub expects: Vec<String>,
    /// Everything in it can run as it stands.
    pub can_begin: bool,
    /// It can run as it stands, and nothing says that it would not do what it is for.
    pub ready: bool,
    /// Why it is not ready, or what a person should know.
    pub reasons: Vec<String>,
    /// What a person should see before it begins, and what does not hinder it: a database that is
    /// another than the one that was confirmed.
    pub warnings: Vec<String>,
    /// What was found in the world of what it needs, and when; nothing where nobody has looked.
    pub found: Vec<super::Found>,
    pub looked_at: Option<Timestamp>,
    /// The word to type before it starts: the environment's name, where it is protected, data is lost or
    /// a database has changed.
    pub confirm: Option<String>,
    /// Binds a confirmation to what was shown.
    pub hash: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedAction {
    pub action: ActionId,
    pub step: String,
    pub title: String,
    /// What runs, secrets masked; `Err` says why it cannot.
    pub command: Result<String, String>,
    /// As the guide has it, blanks and all, where it cannot run as it stands; empty otherwise.
    pub written: String,
    /// What it destroys, in words (`DROP COLUMN`).
    pub destructive: Vec<String>,
    pub target: String,
    /// Name of the database that it runs on; `None` for what is no SQL.
    pub database: Option<String>,
    /// Lines of the guide before whose `COMMIT` it stops for a person.
    pub holds: Vec<usize>,
    /// Files that it includes or calls, as far as it names them in plain text.
    pub files: Vec<String>,
}

/// An act of a rollback that a person does and ticks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedByHand {
    pub step: String,
    /// Which box of the step.
    pub index: usize,
    pub line: usize,
    /// Inline Markdown.
    pub text: String,
    /// The value that the box asks for.
    pub asks: Option<String>,
    pub optional: bool,
    /// How many of the plan's commands stand before it: they run first, the others wait for it.
    pub after: usize,
}

impl RollbackPlan {
    /// Commands and manual items in the order in which they come: the index in either list.
    pub fn order(&self) -> impl Iterator<Item = PlannedAct<'_>> {
        (0..=self.actions.len()).flat_map(|index| {
            let by_hand = self.by_hand.iter().filter(move |act| act.after == index);
            by_hand
                .map(PlannedAct::ByHand)
                .chain(self.actions.get(index).map(PlannedAct::Command))
        })
    }

    /// What to say where a database that its commands need does not answer: it may begin all the same.
    /// `lost`: by name, since when each has not answered.
    pub fn out_of_reach(
        &self,
        lost: &BTreeMap<String, Timestamp>,
        now: Timestamp,
    ) -> Option<String> {
        let needed: BTreeSet<&String> = self
            .actions
            .iter()
            .filter_map(|action| action.database.as_ref())
            .collect();
        let silent = lost.iter().filter(|(name, _)| needed.contains(name));
        let (name, since) = silent.min_by_key(|(_, since)| **since)?;
        let seconds = u64::try_from((now - *since).num_seconds()).unwrap_or(0);
        let which = match needed.len() {
            1 => String::new(),
            _ => format!(" `{name}`"),
        };
        Some(format!(
            "its database{which} has not answered for {}",
            format_s(seconds)
        ))
    }

    /// Nothing of it is a command.
    pub fn is_by_hand(&self) -> bool {
        self.actions.is_empty() && !self.by_hand.is_empty()
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PlannedAct<'a> {
    ByHand(&'a PlannedByHand),
    Command(&'a PlannedAction),
}

/// Every option, the one to take first.
pub fn rollback_plans(state: &RunState) -> Vec<RollbackPlan> {
    let options = state.runbook.rollback.iter();
    let mut plans: Vec<RollbackPlan> = options.map(|option| plan(state, option)).collect();
    put_in_order(state, &mut plans);
    plans
}

/// The one to take first comes first.
pub(super) fn put_in_order(state: &RunState, plans: &mut [RollbackPlan]) {
    plans.sort_by_cached_key(|plan| {
        let option = state.runbook.option(&plan.option);
        (
            plan.discouraged.is_some(),
            option.map(|option| super::undone::distance(state, option)),
            !plan.recommended,
            !plan.ready,
            plan.only_if.is_some(),
            plan.actions.is_empty(),
        )
    });
}

fn plan(state: &RunState, option: &crate::runbook::RollbackOption) -> RollbackPlan {
    let mut actions = Vec::new();
    let mut reasons = Vec::new();
    let mut hasher = Sha256::new();
    hasher.update(option.id.as_bytes());
    let mut by_hand = Vec::new();
    let mut open_choices: Vec<String> = Vec::new();
    for step in option
        .steps
        .iter()
        .filter(|step| !state.is_passed_over(step))
    {
        for (group, options) in state.open_choices(step) {
            if open_choices.contains(&group) {
                continue;
            }
            let names: Vec<String> = options
                .iter()
                .map(|one| format!("`{}`", one.name))
                .collect();
            reasons.push(format!("choose first: {}", names.join(" or ")));
            open_choices.push(group);
        }
        for act in state.acts_of(step) {
            let action = match act {
                Act::Command(action) => action,
                Act::ByHand(index) => {
                    let Some(tick) = step.ticks.get(index) else {
                        continue;
                    };
                    hasher.update(tick.text.as_bytes());
                    hasher.update([0]);
                    by_hand.push(PlannedByHand {
                        step: step.id.clone(),
                        index,
                        line: tick.line,
                        text: tick.text.clone(),
                        asks: tick.value.clone(),
                        optional: tick.optional,
                        after: actions.len(),
                    });
                    continue;
                }
            };
            let (planned, bound, why) = planned_action(state, option, step, action);
            hasher.update(bound.as_bytes());
            reasons.extend(why);
            actions.push(planned);
        }
    }
    let nothing = actions.is_empty() && by_hand.is_empty();
    if nothing && open_choices.is_empty() {
        reasons.push("it has nothing to run or to tick: read it, and note what you do".to_owned());
    } else if actions.is_empty() && open_choices.is_empty() {
        reasons.push("it has no command: do its items by hand, and tick them".to_owned());
    }
    let can_begin =
        !nothing && open_choices.is_empty() && actions.iter().all(|action| action.command.is_ok());
    let doubts = doubts(state, option);
    let ready = can_begin && doubts.is_empty();
    for moved in state.moved.values() {
        hasher.update(moved.to.mark().as_bytes());
        hasher.update([0]);
    }
    let asks = state.protected
        || loses_something(option, &actions)
        || !doubts.is_empty()
        || !state.moved.is_empty();
    let confirm = asks.then(|| state.environment.clone());
    reasons.splice(0..0, doubts);
    let gate = option.steps.iter().flat_map(|step| &step.expect);
    let expects = gate.chain(&option.criteria).map(|item| item.text.clone());
    RollbackPlan {
        option: option.id.clone(),
        title: option.title.clone(),
        recommended: option.recommended,
        discouraged: option.discouraged.clone(),
        actions,
        by_hand,
        open_choices,
        estimate_s: estimate_of(state, option),
        measured: state.provenance.measured.get(&option.id).cloned(),
        loses: option.loses.clone(),
        loss: None,
        takes_back: super::undone::takes_back(state, option),
        loss_query: option.loss_query,
        only_if: option.only_if.clone(),
        expects: expects.collect(),
        can_begin,
        ready,
        reasons,
        warnings: state.moved_words(),
        found: Vec::new(),
        looked_at: None,
        confirm,
        hash: super::hex(&hasher.finalize()),
    }
}

/// Why a rollback that can run would not do what it is for: what it needs is gone, or nothing in it
/// brings back what this run has destroyed.
fn doubts(state: &RunState, option: &crate::runbook::RollbackOption) -> Vec<String> {
    let mut doubts = Vec::new();
    if let Some(phase) = state.beyond()
        && super::undone::distance(state, option) > 0
    {
        doubts.push(format!(
            "`{}` is past: after it there is no rollback",
            phase.title
        ));
    }
    for lost in super::undone::lost_to(state, option) {
        let names: Vec<String> = lost.names.iter().map(|name| format!("`{name}`")).collect();
        doubts.push(format!(
            "{} is gone since `{}` ran, and nothing in this rollback brings it back",
            names.join(", "),
            super::walk::before_colon(&lost.title)
        ));
    }
    doubts
}

/// The text of an action in the guide, and what it destroys.
fn as_written(state: &RunState, action: ActionId) -> (String, Vec<String>) {
    let Some(block) = state.runbook.block(action.block) else {
        return (String::new(), Vec::new());
    };
    let part = action
        .part
        .checked_sub(1)
        .and_then(|index| block.parts.get(index));
    match part {
        Some(part) => (part.code.clone(), part.destructive.clone()),
        None => (block.code.clone(), block.destructive.clone()),
    }
}

/// What would run when its turn comes. What an earlier step of the same rollback sets is there by then.
fn planned(
    state: &RunState,
    option: &crate::runbook::RollbackOption,
    action: ActionId,
) -> Result<Preview, Refusal> {
    let (shown, missing) = reckon(state, action, None)?;
    let set_by_itself = |from: &BlockNumber| {
        option
            .steps
            .iter()
            .any(|step| step.blocks.contains(from) && *from <= action.block)
    };
    match missing
        .into_iter()
        .find(|missing| !missing.from.iter().any(set_by_itself))
    {
        Some(missing) => Err(missing.refusal),
        None => Ok(shown),
    }
}

/// One action of a rollback, what a confirmation is bound to, and why it cannot run.
fn planned_action(
    state: &RunState,
    option: &crate::runbook::RollbackOption,
    step: &crate::runbook::Step,
    action: ActionId,
) -> (PlannedAction, String, Option<String>) {
    let title = super::action_title(&state.runbook, step, action);
    let (written, destructive) = as_written(state, action);
    let mut one = PlannedAction {
        action,
        step: step.id.clone(),
        title,
        command: Ok(String::new()),
        written: String::new(),
        destructive,
        target: String::new(),
        database: None,
        holds: Vec::new(),
        files: Vec::new(),
    };
    match planned(state, option, action) {
        Ok(shown) => {
            one.database = (shown.actor == Actor::Sql).then_some(shown.on);
            one.holds = shown.holds.iter().map(|hold| hold.line).collect();
            let files = super::named_files(shown.actor, &shown.command).into_iter();
            one.files = files.map(|file| file.path).collect();
            one.target = shown.target;
            one.command = Ok(shown.command);
            (one, shown.hash, None)
        }
        Err(refusal) => {
            let short = super::walk::before_colon(&one.title);
            let why = format!("{short}: {}", refusal.message);
            one.written = written;
            one.command = Err(refusal.message.clone());
            (one, refusal.message, Some(why))
        }
    }
}

/// How long it takes in seconds: by the guide's word, or by those of all its steps.
/// As measured in an earlier run, else as the guide says.
fn estimate_of(state: &RunState, option: &crate::runbook::RollbackOption) -> Option<u64> {
    let measured = state.provenance.measured.get(&option.id);
    measured
        .map(|known| known.seconds)
        .or_else(|| estimate_told(option))
}

fn estimate_told(option: &crate::runbook::RollbackOption) -> Option<u64> {
    option.estimate.map(|estimate| estimate.max_s).or_else(|| {
        option
            .steps
            .iter()
            .map(|step| step.estimate.map(|e| e.max_s))
            .sum()
    })
}

fn loses_something(option: &crate::runbook::RollbackOption, actions: &[PlannedAction]) -> bool {
    match option.loses.as_deref() {
        Some(loses) => !says_nothing(loses),
        // Where the author does not say that nothing is lost, what destroys something loses it.
        None => actions.iter().any(|action| !action.destructive.is_empty()),
    }
}

/// An author who writes `loses="nothing: …"` says that there is no loss to confirm.
fn says_nothing(loses: &str) -> bool {
    let loses = loses.trim().to_lowercase();
    ["nothing", "none", "no data"]
        .iter()
        .any(|word| loses.starts_with(word))
}
