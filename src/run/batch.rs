//! A statement that runs in batches: how far it has come, and where the next attempt goes on.

use serde::{Deserialize, Serialize};

use super::{ActionId, CommandText, Refusal, RunState, Timestamp};
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

/// A batch that is done up to its `COMMIT`: durable before that is sent.
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
    /// For a line of progress.
    pub fn words(&self) -> String {
        let mut words = format!(
            "batch {}: {} rows touched",
            self.number,
            self.before + self.rows
        );
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
) -> Result<Option<Batches>, Refusal> {
    let Some(block) = state.runbook.block(action.block) else {
        return Ok(None);
    };
    let Some(batch) = &block.attributes.batch else {
        return Ok(None);
    };
    if let Some([_, why, help]) = batch_problem(block) {
        return Err(Refusal::new(why, help));
    }
    let [command] = commands else {
        return Err(Refusal::new(
            "a batch is one statement, and not what this is with its values filled in",
            "check the values",
        ));
    };
    let batches = Batches {
        batch: batch.clone(),
        behind: behind(state, action, batch, &command.text),
    };
    command.batches = Some(Box::new(batches.clone()));
    Ok(Some(batches))
}

/// Where an attempt of the same statement stopped. One that passed, or was undone, is over.
fn behind(state: &RunState, action: ActionId, batch: &Batch, text: &str) -> Option<BatchMark> {
    let undone = state
        .step_of(action)
        .is_some_and(|step| state.is_undone(step));
    let attempts = state.action(action)?.attempts.iter().rev();
    let mut attempts = attempts.skip_while(|attempt| {
        attempt.commands.iter().all(|run| run.batch.is_none())
            && attempt.outcome != Some(super::Outcome::Passed)
    });
    let last = attempts.next().filter(|_| !undone)?;
    if last.outcome == Some(super::Outcome::Passed) || last.command.trim() != text.trim() {
        return None;
    }
    let mark = last.commands.iter().find_map(|run| run.batch.clone())?;
    (mark.upto.is_some() == batch.keys.is_some()).then_some(mark)
}
