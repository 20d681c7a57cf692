//! Where an action that stopped in its middle may go on. What ran before is never run again unasked: an
//! attempt goes on from the command at which the last one stopped, or, with a reason, behind it.

use super::{
    ActionId, Attempt, CommandDone, CommandEnd, CommandRun, Outcome, PlannedCommand, Refusal,
    RunState, ShellState, Timestamp,
};
use crate::runbook::Actor;
use crate::runbook::syntax::SqlScript;

/// An action that stopped in its middle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resume {
    /// The command at which it stopped.
    pub at: PlannedCommand,
    /// From which command on it may be tried again. Not `at` itself where that stood in a transaction,
    /// which has been rolled back.
    pub again: usize,
    /// The line of that command in the guide.
    pub again_line: usize,
    /// `at` stood in a transaction, which has been rolled back.
    pub rolled_back: bool,
    /// From which command on it may go on, with a reason; absent where none is behind `at`, or where it
    /// stood in a transaction.
    pub next: Option<usize>,
    /// `at` is known to have been done: going on behind it needs no reason.
    pub is_done: bool,
    /// Commands before `at` that have done well.
    pub done: usize,
}

impl Attempt {
    /// The command that was begun last.
    fn stopped_at(&self) -> Option<&PlannedCommand> {
        match self.commands.last() {
            Some(run) => self.planned.iter().find(|known| known.index == run.index),
            // It never came to its first.
            None => self.planned.first(),
        }
    }

    /// A person said what became of the command that was under way. Where others stand behind it, the
    /// action as a whole is not done by that.
    pub(super) fn resolve(&mut self, outcome: Outcome, at: Timestamp) {
        let open = |run: &&mut CommandRun| {
            run.done
                .as_ref()
                .is_none_or(|done| matches!(done.end, CommandEnd::Asks { .. }))
        };
        let run = self.commands.last_mut().filter(open);
        if let Some(run) = run {
            let end = match outcome {
                Outcome::Passed => CommandEnd::Good,
                _ => CommandEnd::Failed {
                    code: -1,
                    why: "a person judged that it failed".to_owned(),
                },
            };
            run.done = Some(CommandDone {
                at,
                elapsed_ms: 0,
                status: end.code(),
                parts: Vec::new(),
                end,
                shell: None,
            });
        }
        let rest = self.stopped_at().is_some_and(|at| {
            let mut planned = self.planned.iter();
            planned.any(|command| command.index > at.index)
        });
        self.outcome = Some(match outcome {
            Outcome::Passed if rest => Outcome::Cancelled,
            outcome => outcome,
        });
    }
}

impl RunState {
    /// Where an action may go on; `None` where it runs, has passed, is unknown, or was never begun, and
    /// where it has one command only.
    pub fn resume(&self, action: ActionId) -> Option<Resume> {
        let attempts = &self.action(action)?.attempts;
        let last = attempts.last()?;
        let stopped = matches!(last.outcome, Some(Outcome::Failed | Outcome::Cancelled));
        if !stopped || self.is_watch(action) {
            return None;
        }
        let at = last.stopped_at()?;
        let run = last.commands.iter().find(|run| run.index == at.index);
        let is_done = run
            .and_then(|run| run.done.as_ref())
            .is_some_and(|done| done.end == CommandEnd::Good);
        let behind = last.planned.iter().find(|known| known.index > at.index);
        let ended = run
            .and_then(|run| run.done.as_ref())
            .is_some_and(|done| matches!(done.end, CommandEnd::Good | CommandEnd::Asks { .. }));
        if ended && behind.is_none() {
            // All of it has run; what failed is what was asked of it.
            return None;
        }
        let chain = self.chain(action, attempts.len());
        let first = chain.first()?.planned.first()?;
        if behind.is_none() && at.index == first.index {
            return None;
        }
        let transaction = match self.actor_of(action) {
            Actor::Sql if self.in_one_transaction(action) => Some(first.index),
            Actor::Sql => transaction_of(&last.planned, at.index, is_done),
            _ => None,
        };
        let again = transaction.unwrap_or(at.index);
        let done = chain
            .iter()
            .flat_map(|attempt| &attempt.commands)
            .filter(|run| run.index < again)
            .filter(|run| {
                run.done
                    .as_ref()
                    .is_some_and(|done| done.end == CommandEnd::Good)
            })
            .count();
        let mut planned = chain.iter().flat_map(|attempt| &attempt.planned);
        let begins = planned.find(|known| known.index == again).unwrap_or(at);
        Some(Resume {
            at: at.clone(),
            again,
            again_line: begins.line,
            rolled_back: transaction.is_some(),
            next: behind
                .filter(|_| transaction.is_none())
                .map(|behind| behind.index),
            is_done: is_done && transaction.is_none(),
            done,
        })
    }

    fn in_one_transaction(&self, action: ActionId) -> bool {
        let block = self.runbook.block(action.block);
        block.is_some_and(|block| block.attributes.txn == Some(crate::runbook::Transaction::One))
    }

    /// Who carries an action out: a part of a block may have another actor than the whole.
    pub fn actor_of(&self, action: ActionId) -> Actor {
        let block = self.runbook.block(action.block);
        block
            .map(|block| match action.part.checked_sub(1) {
                Some(index) => block
                    .parts
                    .get(index)
                    .map_or(block.actor, |part| part.actor),
                None => block.actor,
            })
            .unwrap_or_default()
    }

    /// The first of these attempts that began at the beginning, and those that went on with it.
    fn chain(&self, action: ActionId, upto: usize) -> &[Attempt] {
        let attempts = self
            .action(action)
            .map_or(&[][..], |action| action.attempts.as_slice());
        let attempts = attempts.get(..upto).unwrap_or(attempts);
        let from = attempts
            .iter()
            .rposition(|attempt| attempt.from.is_none())
            .unwrap_or(0);
        &attempts[from..]
    }

    /// What an action that stopped has left in its shell for an attempt that goes on from a command.
    pub(super) fn left_before(&self, action: ActionId, from: usize) -> Vec<&ShellState> {
        let attempts = self
            .action(action)
            .map_or(0, |action| action.attempts.len());
        let chain = self.chain(action, attempts);
        let upto = chain.iter().skip(1).map(|attempt| attempt.from);
        chain
            .iter()
            .zip(upto.chain([Some(from)]))
            .flat_map(|(attempt, upto)| {
                let upto = upto.unwrap_or(0);
                attempt.commands.iter().filter(move |run| run.index < upto)
            })
            .filter_map(|run| run.done.as_ref()?.shell.as_deref())
            .collect()
    }

    /// The attempts before this one with which it goes on, each up to the command where it was left.
    pub(super) fn left_by_those_before(&self, action: ActionId, number: u32) -> Vec<&ShellState> {
        let chain = self.chain(action, number as usize);
        let upto = chain.iter().skip(1).map(|attempt| attempt.from);
        chain
            .iter()
            .zip(upto)
            .flat_map(|(attempt, upto)| {
                let upto = upto.unwrap_or(0);
                attempt.commands.iter().filter(move |run| run.index < upto)
            })
            .filter_map(|run| run.done.as_ref()?.shell.as_deref())
            .collect()
    }

    /// Whether an action may start from this command, or from its beginning.
    ///
    /// # Errors
    /// What may be done instead.
    pub(super) fn may_go_on(
        &self,
        action: ActionId,
        from: Option<usize>,
        reason: Option<&str>,
        may_repeat: bool,
    ) -> Result<(), Refusal> {
        let resume = self.resume(action);
        match (from, resume) {
            (None, Some(resume)) if resume.done > 0 && !may_repeat && reason.is_none() => {
                Err(Refusal::new(
                    format!(
                        "it stopped at line {}, and {} before it ran: that would run again",
                        resume.at.line,
                        match resume.done {
                            1 => "1 command".to_owned(),
                            count => format!("{count} commands"),
                        }
                    ),
                    "go on from where it stopped, or give a reason to run all of it again",
                ))
            }
            (None, _) => Ok(()),
            (Some(from), Some(resume)) if from == resume.again => Ok(()),
            (Some(from), Some(resume)) if Some(from) == resume.next => {
                match resume.is_done || reason.is_some() {
                    true => Ok(()),
                    false => Err(Refusal::new(
                        format!("line {} did not succeed", resume.at.line),
                        "give a reason to go on without it",
                    )),
                }
            }
            (Some(_), _) => Err(Refusal::new(
                "it did not stop there",
                "check its state, then continue from where it stopped",
            )),
        }
    }
}

/// The first command of the transaction in which a command stood, and which is open behind it.
fn transaction_of(planned: &[PlannedCommand], at: usize, is_done: bool) -> Option<usize> {
    let mut open = None;
    for command in planned.iter().filter(|command| command.index <= at) {
        let script = SqlScript::read(&command.text);
        let Some(statement) = script.statements().next() else {
            continue;
        };
        let begins = |words: &str| statement.starts_with(&command.text, words);
        if begins("BEGIN") || begins("START TRANSACTION") {
            open = Some(command.index);
        } else if (command.index < at || is_done)
            && (begins("COMMIT")
                || begins("END")
                || begins("ABORT")
                || (begins("ROLLBACK") && !begins("ROLLBACK TO")))
        {
            open = None;
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(texts: &[&str]) -> Vec<PlannedCommand> {
        let texts = texts.iter().enumerate();
        texts
            .map(|(index, text)| PlannedCommand {
                index,
                line: index + 1,
                text: (*text).to_owned(),
                ..PlannedCommand::default()
            })
            .collect()
    }

    #[test]
    fn a_statement_stands_in_the_transaction_that_is_open() {
        let script = planned(&[
            "SELECT 1;",
            "BEGIN;",
            "DELETE FROM t;",
            "COMMIT;",
            "SELECT 2;",
            "START TRANSACTION;",
            "ROLLBACK TO SAVEPOINT s;",
            "SELECT 3;",
        ]);
        let of = |at| transaction_of(&script, at, false);
        assert_eq!(
            (of(0), of(2), of(3), of(4), of(7)),
            (None, Some(1), Some(1), None, Some(5))
        );
        assert_eq!(transaction_of(&script, 3, true), None, "it is committed");
        assert_eq!(transaction_of(&script, 2, true), Some(1));
    }
}
