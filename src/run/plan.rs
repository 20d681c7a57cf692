//! The way back: what would run, in which order, how long it takes and what it loses. Reckoned from
//! the state alone, so it can be shown at every moment.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::preview::reckon;
use super::{ActionId, Preview, Refusal, RunState};
use crate::runbook::BlockNumber;

/// One rollback option as it would run now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RollbackPlan {
    pub option: String,
    pub title: String,
    pub recommended: bool,
    /// Why the guide advises against it.
    pub discouraged: Option<String>,
    pub actions: Vec<PlannedAction>,
    pub estimate_s: Option<u64>,
    pub loses: Option<String>,
    /// A read-only query whose single value says how much is lost.
    pub loss_query: Option<BlockNumber>,
    /// Everything in it can run as it stands.
    pub ready: bool,
    /// Why it is not ready, or what a person should know.
    pub reasons: Vec<String>,
    /// The word to type before it starts: the environment's name, where it is protected or data is lost.
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
    /// Lines of the guide before whose `COMMIT` it stops for a person.
    pub holds: Vec<usize>,
}

/// Every option, the one to take first.
pub fn rollback_plans(state: &RunState) -> Vec<RollbackPlan> {
    let mut plans: Vec<RollbackPlan> = state
        .runbook
        .rollback
        .iter()
        .map(|option| plan(state, option))
        .collect();
    plans.sort_by_key(|plan| (plan.discouraged.is_some(), !plan.recommended, !plan.ready));
    plans
}

fn plan(state: &RunState, option: &crate::runbook::RollbackOption) -> RollbackPlan {
    let mut actions = Vec::new();
    let mut reasons = Vec::new();
    let mut hasher = Sha256::new();
    hasher.update(option.id.as_bytes());
    for step in &option.steps {
        for action in super::runnable_actions(&state.runbook, step, &state.choices) {
            let shown = planned(state, option, action);
            let title = super::action_title(&state.runbook, step, action);
            let (written, destructive) = as_written(state, action);
            let (command, target, holds) = match shown {
                Ok(shown) => {
                    hasher.update(shown.hash.as_bytes());
                    let holds = shown.holds.iter().map(|hold| hold.line).collect();
                    (Ok(shown.command), shown.target, holds)
                }
                Err(refusal) => {
                    hasher.update(refusal.message.as_bytes());
                    reasons.push(format!("{title}: {}", refusal.message));
                    (Err(refusal.message), String::new(), Vec::new())
                }
            };
            let written = if command.is_ok() {
                String::new()
            } else {
                written
            };
            actions.push(PlannedAction {
                action,
                step: step.id.clone(),
                title,
                command,
                written,
                destructive,
                target,
                holds,
            });
        }
    }
    if actions.is_empty() {
        reasons.push("it holds no command: its steps are done by hand".to_owned());
    }
    let ready = !actions.is_empty() && actions.iter().all(|action| action.command.is_ok());
    let estimate_s = option.estimate.map(|estimate| estimate.max_s).or_else(|| {
        option
            .steps
            .iter()
            .map(|step| step.estimate.map(|e| e.max_s))
            .sum()
    });
    let loses_data = option
        .loses
        .as_deref()
        .is_some_and(|loses| !says_nothing(loses));
    // Where the author does not say that nothing is lost, what destroys something loses it.
    let destroys =
        option.loses.is_none() && actions.iter().any(|action| !action.destructive.is_empty());
    let confirm = (state.protected || loses_data || destroys).then(|| state.environment.clone());
    RollbackPlan {
        option: option.id.clone(),
        title: option.title.clone(),
        recommended: option.recommended,
        discouraged: option.discouraged.clone(),
        actions,
        estimate_s,
        loses: option.loses.clone(),
        loss_query: option.loss_query,
        ready,
        reasons,
        confirm,
        hash: super::hex(&hasher.finalize()),
    }
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

/// What would run when its turn comes. What an earlier step of the same way back sets is there by then.
fn planned(
    state: &RunState,
    option: &crate::runbook::RollbackOption,
    action: ActionId,
) -> Result<Preview, Refusal> {
    let (shown, missing) = reckon(state, action)?;
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

/// An author who writes `loses="nothing: …"` says that there is no loss to confirm.
fn says_nothing(loses: &str) -> bool {
    let loses = loses.trim().to_lowercase();
    ["nothing", "none", "no data"]
        .iter()
        .any(|word| loses.starts_with(word))
}
