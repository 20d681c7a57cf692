//! What was seen when an action ran, and what it means.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What an action left behind. Text is scrubbed and redacted before it gets here, and bounded: the
/// whole of it stands in the spool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Exit code of the process; 128 + signal where a signal ended it, as shells say it.
    pub exit: Option<i32>,
    /// The last 64 KiB of standard output.
    pub stdout: String,
    /// The last 64 KiB of standard error.
    pub stderr: String,
    /// Rows of the last result of an SQL block, at most 1,000; numbers are numbers, the rest text.
    pub rows: Vec<BTreeMap<String, Value>>,
    /// The single cell, where the last result has one row and one column.
    pub value: Option<Value>,
    /// The last command tag of an SQL block (`UPDATE 5`).
    pub tag: Option<String>,
    pub notices: Vec<String>,
    /// HTTP status, headers (lower-case names) and parsed body of an HTTP block.
    pub status: Option<u16>,
    pub headers: BTreeMap<String, String>,
    pub json: Option<Value>,
    /// Time to the last byte of an HTTP answer, in milliseconds.
    pub latency_ms: Option<u64>,
    pub elapsed_ms: u64,
    /// It ended while its transaction was held: the `COMMIT` was never sent.
    #[serde(default)]
    pub uncommitted: bool,
    /// It is certain that nothing of it was run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_started: bool,
    /// Lines and bytes in the spool.
    pub lines: u64,
    pub bytes: u64,
    /// Bytes of its output that are not kept here: the first ones.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost: u64,
    /// What each of several commands gave, those that were begun.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub each: Vec<CommandEvidence>,
    /// What the catalog said afterwards of indexes and constraints that it has made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub catalog: Vec<CatalogWord>,
    /// What a shell action left for later ones; absent where it left nothing, or could not say.
    #[serde(default)]
    pub shell: Option<super::ShellState>,
    /// Indexes that it built `CONCURRENTLY` and that are not valid in the catalog behind it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invalid_indexes: Vec<String>,
    /// What it has seen of the flag that it sets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<Box<super::FlagSeen>>,
    /// How its commands went, those that were begun.
    #[serde(default)]
    pub commands: Vec<super::CommandRun>,
}

fn is_zero(bytes: &u64) -> bool {
    *bytes == 0
}

impl Evidence {
    /// Bytes kept of each stream.
    pub const KEPT: usize = 64 * 1024;

    /// The shortest that says what was seen.
    pub fn gist(&self) -> String {
        const LONGEST: usize = 80;
        let last = |text: &str| {
            let line = text
                .lines()
                .rev()
                .find(|line| !line.trim().is_empty())?
                .trim();
            Some(match line.char_indices().nth(LONGEST) {
                Some((end, _)) => format!("{}…", &line[..end]),
                None => line.to_owned(),
            })
        };
        if let Some(value) = &self.value {
            return format!("value {value}");
        }
        if let Some(status) = self.status {
            return format!("status {status}");
        }
        match self.rows.len() {
            0 => {}
            1 => return format!("one row: {}", serde_json::json!(self.rows[0])),
            rows => return format!("{rows} rows"),
        }
        let printed = self
            .tag
            .clone()
            .or_else(|| last(&self.stdout))
            .or_else(|| last(&self.stderr));
        printed.unwrap_or_else(|| match self.exit {
            Some(exit) => format!("exit code {exit}, nothing printed"),
            None => "nothing printed".to_owned(),
        })
    }

    /// Its output has lost its beginning.
    pub fn is_cut(&self) -> bool {
        self.lost > 0
    }

    /// Of what could not be started.
    pub fn not_started() -> Self {
        Self {
            exit: Some(126),
            not_started: true,
            ..Self::default()
        }
    }
}

/// What one of several commands gave.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CommandEvidence {
    /// Its place among the commands of its block or part, from 0.
    pub index: usize,
    pub seen: Box<Evidence>,
}

/// What the catalog says of what a statement has left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogWord {
    pub words: String,
    pub good: bool,
}

impl CatalogWord {
    pub fn good(words: impl Into<String>) -> Self {
        Self {
            words: words.into(),
            good: true,
        }
    }

    pub fn bad(words: impl Into<String>) -> Self {
        Self {
            words: words.into(),
            good: false,
        }
    }
}

/// How an action or step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Passed,
    Failed,
    Cancelled,
    Skipped,
    /// Nobody knows: neither done nor failed.
    Unknown,
    /// It ended, and a person has to say whether what it answered is good.
    Inconclusive,
    /// A watch has ended: it has no verdict.
    Watched,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Pass,
    Warn,
    Fail,
    /// No data, or the condition could not be evaluated. Never counts as pass.
    Inconclusive,
}

/// A verdict on one expectation, with what was compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The expectation as the guide words it, or its condition where it has no words.
    pub text: String,
    pub cel: Option<String>,
    pub verdict: Verdict,
    /// The values of both sides: `value == 0: value is 3`.
    pub explanation: String,
}

impl Judgement {
    /// The judgement on a red flag: it is good that its condition does not hold.
    pub(super) fn of_a_red_flag(mut self) -> Self {
        self.verdict = match self.verdict {
            Verdict::Pass => Verdict::Fail,
            Verdict::Fail => Verdict::Pass,
            other => other,
        };
        self
    }
}
