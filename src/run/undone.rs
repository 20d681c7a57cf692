//! What a rollback has undone, and what it cannot bring back. Only what the guide or its author ties to
//! a rollback is called undone, and of that only what may have changed something and can still be taken
//! back; of everything else the run keeps what it was.

use super::{ActionId, Mode, Outcome, RunState, StepStatus, Timestamp};
use crate::runbook::{
    Actor, Phase, RollbackOption, Step, Undoes, dropped, made, makes_dump, only_looks,
};

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
        let mut changed = self.actions_of(step).into_iter().filter(|action| {
            let ran = self
                .action(*action)
                .is_some_and(|own| !own.attempts.is_empty());
            ran && self.may_have_changed(*action)
        });
        let mut any = false;
        changed.all(|action| {
            any = true;
            (complete && self.brings_back(option, step, action))
                || self.is_tied(option, step, action, complete)
        }) && any
    }

    fn was_done(&self, step: &Step) -> bool {
        self.step_status(step) != StepStatus::Skipped
    }

    /// The text of an action, and what it destroys.
    fn text_of(&self, action: ActionId) -> Option<(&str, Actor, &[String])> {
        let block = self.runbook.block(action.block)?;
        let part = action
            .part
            .checked_sub(1)
            .and_then(|index| block.parts.get(index));
        Some(match part {
            Some(part) => (&part.code, part.actor, &part.destructive),
            None => (&block.code, block.actor, &block.destructive),
        })
    }

    /// A look, a watch and a backup leave nothing behind that a rollback could undo.
    pub(super) fn may_have_changed(&self, action: ActionId) -> bool {
        let Some((code, actor, destructive)) = self.text_of(action) else {
            return false;
        };
        let is_check = self
            .runbook
            .block(action.block)
            .is_some_and(|block| block.attributes.has_class("check"));
        let only_dumps = makes_dump(code, actor) && destructive.is_empty();
        !self.is_watch(action) && !is_check && !only_dumps && !only_looks(code, actor)
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

    /// Whether what the guide says of a rollback as a whole covers an action that ran.
    fn brings_back(&self, option: &RollbackOption, step: &Step, action: ActionId) -> bool {
        match &option.undoes {
            Undoes::All => !self.is_beyond_return(step),
            Undoes::These(ids) => {
                let phase = self.runbook.phase_of(&step.id);
                let named = ids
                    .iter()
                    .any(|id| *id == step.id || phase.is_some_and(|phase| phase.id == *id));
                // A phase that a title names is not brought back with what it dropped.
                let whole = option.undoes_is_said || !self.destroyed(action);
                named && whole && !self.is_beyond_return(step)
            }
            Undoes::Backup => {
                let started = self
                    .action(action)
                    .and_then(|own| own.attempts.first())
                    .map(|attempt| attempt.started_at);
                self.acts_on_database(action)
                    && !self.is_beyond_return(step)
                    && started.is_some_and(|started| self.has_dump_before(started))
            }
            Undoes::Unsaid => false,
        }
    }

    fn destroyed(&self, action: ActionId) -> bool {
        self.text_of(action)
            .is_some_and(|(code, actor, _)| !dropped(code, actor).is_empty())
    }

    /// Whether an action on the way forward drops or empties anything.
    pub(super) fn destroys(&self, action: ActionId) -> bool {
        let step = self.step_of(action);
        let in_rollback = step.is_some_and(|step| self.runbook.is_of_rollback(&step.id));
        let text = self.text_of(action).filter(|_| !in_rollback);
        text.is_some_and(|(.., destructive)| !destructive.is_empty())
    }

    /// Whether an action on the way forward drops or empties something that was there before this run.
    pub(super) fn destroys_data(&self, action: ActionId) -> bool {
        let in_rollback = self
            .step_of(action)
            .is_some_and(|step| self.runbook.is_of_rollback(&step.id));
        let text = self.text_of(action).filter(|_| !in_rollback);
        text.filter(|(.., destructive)| !destructive.is_empty())
            .is_some_and(|(code, actor, _)| {
                dropped(code, actor)
                    .iter()
                    .any(|gone| gone.holds_data && !was_made_here(self, action, &gone.name))
            })
    }

    fn acts_on_database(&self, action: ActionId) -> bool {
        self.text_of(action)
            .is_some_and(|(code, actor, _)| match actor {
                Actor::Sql => true,
                Actor::Shell => ["psql", "createdb", "dropdb", "pg_restore"]
                    .iter()
                    .any(|program| code.contains(program)),
                Actor::Http | Actor::Nobody => false,
            })
    }

    /// Whether this run made a backup that ended before this moment.
    fn has_dump_before(&self, moment: Timestamp) -> bool {
        self.dumps().any(|(_, ended)| ended <= moment)
    }

    /// The commands of the walk that made a backup in this run, and when each ended.
    pub fn dumps(&self) -> impl Iterator<Item = (ActionId, Timestamp)> {
        self.actions.iter().filter_map(|(action, own)| {
            let last = own.last()?;
            let ended = last
                .ended_at
                .filter(|_| last.outcome == Some(Outcome::Passed))?;
            let (code, actor, _) = self.text_of(*action)?;
            makes_dump(code, actor).then_some((*action, ended))
        })
    }

    /// The last point of no return that this run has passed.
    pub fn beyond(&self) -> Option<&Phase> {
        let passed = |phase: &&Phase| {
            let changed = || {
                let mut actions = phase.steps.iter().flat_map(|step| self.actions_of(step));
                actions.any(|action| {
                    let ran = self
                        .action(action)
                        .is_some_and(|own| !own.attempts.is_empty());
                    ran && self.may_have_changed(action)
                })
            };
            phase.point_of_no_return && (self.is_phase_passed(&phase.id) || changed())
        };
        self.runbook.walk().filter(passed).last()
    }

    /// A step at or before a point of no return that was passed.
    fn is_beyond_return(&self, step: &Step) -> bool {
        let (Some(beyond), Some(own)) = (self.beyond(), self.runbook.phase_of(&step.id)) else {
            return false;
        };
        self.phase_index(&own.id) <= self.phase_index(&beyond.id)
    }
}

/// Something that a command of this run has destroyed.
pub(super) struct Lost {
    /// The title of the command.
    pub(super) title: String,
    pub(super) names: Vec<String>,
}

/// What this run has destroyed and a rollback neither needs nor brings back, and what it needs: each is
/// why it may not work.
pub(super) fn lost_to(state: &RunState, option: &RollbackOption) -> Vec<Lost> {
    let code: Vec<&str> = option
        .steps
        .iter()
        .flat_map(|step| &step.blocks)
        .filter_map(|number| state.runbook.block(*number))
        .map(|block| block.code.as_str())
        .collect();
    let mut lost = Vec::new();
    for step in state.runbook.walk().flat_map(|phase| &phase.steps) {
        for action in state.actions_of(step) {
            let own = state.action(action).and_then(|own| own.last());
            let passed = own.is_some_and(|attempt| attempt.outcome == Some(Outcome::Passed));
            let text = state.text_of(action);
            let text = text.filter(|(.., destructive)| passed && !destructive.is_empty());
            let Some((text, actor, _)) = text else {
                continue;
            };
            let names: Vec<String> = dropped(text, actor)
                .into_iter()
                .filter(|gone| {
                    let needed = code.iter().any(|code| mentions(code, &gone.name));
                    (gone.holds_data && !was_made_here(state, action, &gone.name)) || needed
                })
                .map(|gone| gone.name)
                .collect();
            let back = state.is_tied(option, step, action, true)
                || state.brings_back(option, step, action);
            if !names.is_empty() && !back {
                let title = super::action_title(&state.runbook, step, action);
                lost.push(Lost { title, names });
            }
        }
    }
    lost
}

/// Whether an earlier command of this run made what this one dropped: a copy to try something on.
fn was_made_here(state: &RunState, action: ActionId, name: &str) -> bool {
    state.actions.iter().any(|(earlier, own)| {
        let ran = *earlier < action && !own.attempts.is_empty();
        let text = state.text_of(*earlier).filter(|_| ran);
        text.is_some_and(|(code, actor, destructive)| {
            destructive.is_empty() && made(code, actor).iter().any(|own| own == name)
        })
    })
}

/// Whether a name stands in a text as a word of its own.
fn mentions(text: &str, name: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(name).any(|(at, _)| {
        !text[..at].ends_with(is_part) && !text[at + name.len()..].starts_with(is_part)
    })
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
        Undoes::Backup => {
            return Some("what ran on the database since this run made its backup".to_owned());
        }
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

/// How near a rollback is to where the run stands, the nearest first: of the phase at hand, of the whole
/// run, of a phase that is behind, of one that has not begun.
pub(super) fn distance(state: &RunState, option: &RollbackOption) -> u8 {
    let ids = match &option.undoes {
        Undoes::These(ids) if !ids.is_empty() => ids,
        _ => return 1,
    };
    let of_step = |id: &String| {
        let phase = state.runbook.phase_of(id).map(|phase| phase.id.clone());
        phase.unwrap_or_else(|| id.clone())
    };
    let phases: Vec<String> = ids.iter().map(of_step).collect();
    let begun = |id: &String| {
        let phase = state.phases.get(id);
        phase.is_some_and(|phase| phase.entered_at.is_some())
    };
    // The cleanup is no phase of the change: what stands before it is still at hand.
    let forward = |id: &String| {
        state
            .runbook
            .phases
            .iter()
            .position(|phase| phase.id == *id)
    };
    let last = state.runbook.phases.len().saturating_sub(1);
    let here = forward(&state.current_phase).unwrap_or(match state.deployed_at {
        Some(_) => last,
        None => 0,
    });
    let reaches = phases.iter().filter_map(forward).max();
    match reaches {
        _ if !phases.iter().any(begun) => 3,
        Some(last) if last < here => 2,
        _ => 0,
    }
}
