//! A statement that runs in batches: how far it has come, and where the next attempt goes on.

use serde::{Deserialize, Serialize};

use super::{ActionId, Attempt, CommandText, Outcome, Refusal, RunState, Timestamp};
use crate::runbook::syntax::{SqlTokenKind, read_sql};
use crate::runbook::{Batch, batch_problem};
use crate::text::duration;

/// How a command runs in batches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batches {
    pub batch: Batch,
    /// The last batch of an attempt that stopped: whether it was committed the server is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<BatchMark>,
}

/// A batch that is done up to its `COMMIT`: durable before that is sent. Written again with the errors
/// that came behind it; the number 0: errors came before the first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchMark {
    /// Counted from 1, over all attempts.
    pub number: u64,
    pub at: Timestamp,
    /// The transaction that it is.
    pub transaction: String,
    /// The last key before it, and its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upto: Option<String>,
    /// Rows that it touched, and those before it.
    pub rows: u64,
    pub before: u64,
    /// Rows of the key's table up to here, and about how many it has.
    pub passed: u64,
    pub passed_before: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Rows of the table (or touched rows, where it has no key) a second, in this attempt.
    pub per_s: u64,
    pub errors: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

impl BatchMark {
    /// What orders the marks of an attempt, whatever becomes of the clock: a batch that is done again is
    /// a later transaction.
    pub(super) fn place(&self) -> (u64, u64, u64) {
        let transaction = self.transaction.parse().unwrap_or(0);
        (self.number, transaction, self.errors)
    }

    /// Where an attempt with this outcome is shown: the mark is written before its `COMMIT`.
    pub fn words_in(&self, outcome: Option<Outcome>) -> String {
        match outcome {
            Some(Outcome::Passed) => self.words(),
            _ if self.number == 0 => self.words(),
            _ => format!("{}; the last may not be committed", self.words()),
        }
    }

    /// For a line of progress.
    pub fn words(&self) -> String {
        let mut words = match self.number {
            0 => "no batch is done".to_owned(),
            number => format!("batch {number}: {} rows touched", self.before + self.rows),
        };
        if self.upto.is_some() {
            words.push_str(&match self.total {
                Some(total) => format!(", {} of about {total} rows passed", self.passed),
                None => format!(", {} rows passed", self.passed),
            });
        }
        if self.per_s > 0 {
            words.push_str(&format!(", {}/s", self.per_s));
        }
        let left = self.total.and_then(|total| total.checked_sub(self.passed));
        if let Some(left) = left.and_then(|left| left.checked_div(self.per_s))
            && left > 0
        {
            words.push_str(&format!(", about {} to go", duration::format_s(left)));
        }
        match (self.errors, &self.last_error) {
            (0, _) => words.push_str(", no errors"),
            (count, Some(last)) => words.push_str(&format!(", errors: {count}, the last {last}")),
            (count, None) => words.push_str(&format!(", errors: {count}")),
        }
        words
    }
}

impl Batches {
    /// What the preview says of it.
    pub fn words(&self) -> Vec<String> {
        let behind = self.behind.as_ref().map(|mark| {
            let place = match &mark.upto {
                Some(key) => format!("{} (up to key {key})", mark.number),
                None => mark.number.to_string(),
            };
            format!(
                "goes on behind batch {place}; whether that was committed the server is asked first"
            )
        });
        [Some(self.batch.words()), behind]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// Makes batches of the command of an action, where its author says so.
pub(super) fn put(
    state: &RunState,
    action: ActionId,
    commands: &mut [CommandText],
) -> Result<(), Refusal> {
    let Some(block) = state.runbook.block(action.block) else {
        return Ok(());
    };
    let Some(batch) = &block.attributes.batch else {
        return Ok(());
    };
    if let Some([_, why, help]) = batch_problem(block) {
        return Err(Refusal::new(why, help));
    }
    if commands.is_empty() {
        // Its only one is switched off.
        return Ok(());
    }
    let [command] = commands else {
        return Err(Refusal::new(
            "a batch is one statement, and not what this is with its values filled in",
            "check the values",
        ));
    };
    command.batches = Some(Box::new(Batches {
        batch: batch.clone(),
        behind: behind(state, action, batch, &command.text),
    }));
    Ok(())
}

/// Where an attempt of the same statement stopped. One that passed, or was undone, is over.
fn behind(state: &RunState, action: ActionId, batch: &Batch, text: &str) -> Option<BatchMark> {
    let undone = state
        .step_of(action)
        .is_some_and(|step| state.is_undone(step));
    let attempts = state.action(action)?.attempts.iter().rev();
    let marked = |attempt: &Attempt| {
        let mut marks = attempt.commands.iter().filter_map(|run| run.batch.clone());
        marks.find(|mark| mark.number > 0)
    };
    let mut attempts = attempts.skip_while(|attempt| {
        marked(attempt).is_none() && attempt.outcome != Some(Outcome::Passed)
    });
    let last = attempts.next().filter(|_| !undone)?;
    if last.outcome == Some(Outcome::Passed) || words_of(&last.command) != words_of(text) {
        return None;
    }
    let mark = marked(last)?;
    (mark.upto.is_some() == batch.keys.is_some()).then_some(mark)
}

/// All that the server is sent of it: neither comments nor blanks, nor what ends it.
fn words_of(sql: &str) -> Vec<String> {
    let script = read_sql(sql);
    let tokens = script.statements().flat_map(|statement| &statement.tokens);
    let words = tokens.filter(|token| token.kind != SqlTokenKind::End);
    words
        .map(|token| script.text(token.span).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{CommandMark, CommandRun};

    #[test]
    fn marks_are_news_by_batch_and_transaction_whatever_the_clock_says() {
        let mark = |number, transaction: &str, second| BatchMark {
            number,
            transaction: transaction.to_owned(),
            at: Timestamp::UNIX_EPOCH + chrono::TimeDelta::seconds(second),
            ..BatchMark::default()
        };
        let known = CommandRun {
            index: 0,
            began: Timestamp::UNIX_EPOCH,
            lines_before: 0,
            done: None,
            waits: Vec::new(),
            batch: Some(mark(2, "99", 50)),
        };
        let is_news = |mark| CommandMark::Batched(0, mark).is_news(std::slice::from_ref(&known));
        assert!(
            is_news(mark(2, "100", 10)),
            "done again, the clock set back"
        );
        assert!(is_news(mark(3, "101", 10)));
        assert!(!is_news(mark(2, "99", 60)), "told twice");
        assert!(!is_news(mark(1, "98", 60)));
        let failed = BatchMark {
            errors: 1,
            ..mark(2, "99", 50)
        };
        assert!(is_news(failed));
    }

    #[test]
    fn only_what_has_passed_is_certain() {
        let mark = BatchMark {
            number: 2,
            rows: 5,
            before: 5,
            ..BatchMark::default()
        };
        let done = "batch 2: 10 rows touched, no errors";
        assert_eq!(mark.words_in(Some(Outcome::Passed)), done);
        let may_be = format!("{done}; the last may not be committed");
        assert_eq!(mark.words_in(Some(Outcome::Cancelled)), may_be);
        assert_eq!(mark.words_in(None), may_be);
        let none = BatchMark {
            errors: 1,
            ..BatchMark::default()
        };
        assert_eq!(
            none.words_in(Some(Outcome::Failed)),
            "no batch is done, errors: 1"
        );
    }

    #[test]
    fn comments_and_blanks_make_no_other_statement() {
        let known = words_of("-- All.\nUPDATE t SET n = 1 /* why */\nWHERE id = 2;\n");
        assert_eq!(known, words_of("UPDATE t SET n = 1 WHERE id = 2"));
        assert_ne!(known, words_of("UPDATE t SET n = 1 WHERE id = 3"));
    }
}
