//! What a rollback has taken back. Only what it is known to undo is called undone; of everything else
//! the run keeps what it was, and says by which way it was rolled back.

use super::{ActionId, Mode, RunState, StepStatus};
use crate::runbook::{RollbackOption, Step, Undoes};

impl RunState {
    /// The rollback that this run has taken to its end.
    pub fn rolled_back_by(&self) -> Option<&RollbackOption> {
        let rollback = self.rollback.as_ref()?;
        (self.mode == Mode::RolledBack).then_some(())?;
        self.runbook.option(&rollback.option)
    }

    /// Whether the rollback has undone a step of the walk: everything in it that ran and may have
    /// changed something.
    pub(super) fn is_undone(&self, step: &Step) -> bool {
        let Some(option) = self.rolled_back_by() else {
            return false;
        };
        // What was left out of it took nothing back.
        let complete = option
            .steps
            .iter()
            .all(|own| self.is_passed_over(own) || self.was_done(own));
        let covered = complete && covers(self, option, step);
        let mut changed = self.actions_of(step).into_iter().filter(|action| {
            let ran = self
                .action(*action)
                .is_some_and(|own| !own.attempts.is_empty());
            ran && self.may_have_changed(*action)
        });
        let mut any = false;
        changed.all(|action| {
            any = true;
            covered || self.is_tied(option, step, action, complete)
        }) && any
    }

    fn was_done(&self, step: &Step) -> bool {
        self.step_status(step) != StepStatus::Skipped
    }

    /// A look, a watch and a backup leave nothing behind that a rollback could undo.
    fn may_have_changed(&self, action: ActionId) -> bool {
        let Some(block) = self.runbook.block(action.block) else {
            return false;
        };
        let part = action
            .part
            .checked_sub(1)
            .and_then(|index| block.parts.get(index));
        let code = part.map_or(block.code.as_str(), |part| part.code.as_str());
        let is_backup = ["pg_dump", "pg_dumpall", "pg_basebackup", "mysqldump"]
            .iter()
            .any(|program| code.contains(program));
        let destroys = !part
            .map_or(&block.destructive, |part| &part.destructive)
            .is_empty();
        !self.is_watch(action) && !block.attributes.has_class("check") && (!is_backup || destroys)
    }

    /// Whether the guide names something of this rollback as the undo of an action, and that was done.
    fn is_tied(
        &self,
        option: &RollbackOption,
        step: &Step,
        action: ActionId,
        complete: bool,
    ) -> bool {
        let own = self
            .runbook
            .block(action.block)
            .and_then(|block| block.attributes.undo.as_deref());
        let Some(target) = own.or(step.undo.as_deref()) else {
            return false;
        };
        if target == option.id {
            return complete;
        }
        option.steps.iter().any(|own| {
            let mut blocks = own
                .blocks
                .iter()
                .filter_map(|number| self.runbook.block(*number));
            self.was_done(own) && (own.id == target || blocks.any(|block| block.id == target))
        })
    }
}

fn covers(state: &RunState, option: &RollbackOption, step: &Step) -> bool {
    match &option.undoes {
        Undoes::All => true,
        Undoes::These(ids) => {
            let phase = state.runbook.phase_of(&step.id);
            ids.iter()
                .any(|id| *id == step.id || phase.is_some_and(|phase| phase.id == *id))
        }
        Undoes::Unsaid => false,
    }
}

/// What a rollback takes back, in words; `None` where the guide does not say.
pub(super) fn takes_back(state: &RunState, option: &RollbackOption) -> Option<String> {
    let book = &state.runbook;
    let quoted = |titles: Vec<&str>| {
        let titles: Vec<String> = titles.iter().map(|title| format!("`{title}`")).collect();
        titles.join(", ")
    };
    match &option.undoes {
        Undoes::All => return Some("every step of the run".to_owned()),
        Undoes::These(ids) if ids.is_empty() => return Some("no step of the run".to_owned()),
        Undoes::These(ids) => {
            let title = |id: &String| {
                let phase = book.phase(id).map(|phase| phase.title.as_str());
                phase.or_else(|| book.step(id).map(|step| step.title.as_str()))
            };
            return Some(quoted(ids.iter().filter_map(title).collect()));
        }
        Undoes::Unsaid => {}
    }
    let tied: Vec<&str> = book
        .walk()
        .flat_map(|phase| &phase.steps)
        .filter(|step| {
            let mut actions = state.actions_of(step).into_iter();
            actions.any(|action| state.is_tied(option, step, action, true))
        })
        .map(|step| step.title.as_str())
        .collect();
    (!tied.is_empty()).then(|| quoted(tied))
}

/// Whether a rollback of some phases has anything to take back yet.
pub(super) fn is_of_later(state: &RunState, option: &RollbackOption) -> bool {
    let Undoes::These(ids) = &option.undoes else {
        return false;
    };
    let begun = |id: &String| {
        let of_step = state.runbook.phase_of(id).map(|phase| &phase.id);
        let phase = state.phases.get(of_step.unwrap_or(id));
        phase.is_some_and(|phase| phase.entered_at.is_some())
    };
    !ids.is_empty() && !ids.iter().any(begun)
}
