//! How the commands of an action went: when each began and ended, and which was in flight.

use super::CommandText;
use crate::run::{BatchMark, FlagSeen, LockTimeout, LockWait, ShellState, Timestamp};
use serde::{Deserialize, Serialize};

/// What the end of a command means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandEnd {
    Good,
    Failed {
        code: i32,
        why: String,
    },
    /// Its status is an answer, and nothing says whether that is good: a person does.
    Asks {
        code: i32,
        question: String,
    },
}

impl CommandEnd {
    pub(super) fn failed(code: i32) -> Self {
        Self::Failed {
            code,
            why: format!("exit code {code}"),
        }
    }

    /// What a shell that stopped here would end with.
    pub fn code(&self) -> i32 {
        match self {
            Self::Good => 0,
            Self::Failed { code, .. } | Self::Asks { code, .. } => *code,
        }
    }
}

/// How a command of an attempt went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandRun {
    /// [`CommandText::index`].
    pub index: usize,
    pub began: Timestamp,
    /// The lines of the attempt's output before it began.
    #[serde(default)]
    pub lines_before: u64,
    /// `None` while it runs, and for good where nobody saw it end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<CommandDone>,
    /// Its waits for a lock that it did not get in time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<LockWait>,
    /// The last of its batches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchMark>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandDone {
    pub at: Timestamp,
    pub elapsed_ms: u64,
    /// As the shell says it: 128 + signal where a signal ended it.
    pub status: i32,
    /// The statuses of all stages of its pipe; empty where it was none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<i32>,
    pub end: CommandEnd,
    /// What it changed in its shell; absent where that is nothing, or not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<Box<ShellState>>,
}

/// A command that an attempt was to run, for who tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedCommand {
    /// [`CommandText::index`].
    pub index: usize,
    /// Its line in the guide.
    pub line: usize,
    /// Its first line, cut where it is long.
    pub text: String,
    /// What was put before it and behind it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub around: Vec<String>,
}

impl From<&CommandText> for PlannedCommand {
    fn from(command: &CommandText) -> Self {
        const LONGEST: usize = 160;
        let line = command.text.lines().next().unwrap_or_default();
        Self {
            index: command.index,
            line: command.line,
            text: line.chars().take(LONGEST).collect(),
            around: match command.lock {
                Some(_) => vec![LockTimeout::before(), LockTimeout::AFTER.to_owned()],
                None => Vec::new(),
            },
        }
    }
}

/// What a shim says of the commands of its action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandMark {
    Began(CommandRun),
    /// With the index of the command.
    Ended(usize, CommandDone),
    /// It got no lock in time.
    Waited(usize, LockWait),
    /// A batch of it is done up to its `COMMIT`.
    Batched(usize, BatchMark),
    /// What its flag is, before anything is set.
    Flag(FlagSeen),
}

impl CommandMark {
    /// Whether it says more than what is known.
    pub fn is_news(&self, runs: &[CommandRun]) -> bool {
        let (index, ends) = match self {
            // Of its action, and not of a command.
            Self::Flag(_) => return true,
            Self::Began(run) => (run.index, false),
            Self::Ended(index, _) => (*index, true),
            Self::Waited(index, wait) => {
                let known = runs.iter().find(|known| known.index == *index);
                return known.is_some_and(|known| {
                    let mut numbers = known.waits.iter().map(|wait| wait.number);
                    numbers.all(|number| number < wait.number)
                });
            }
            Self::Batched(index, mark) => {
                let known = runs.iter().find(|known| known.index == *index);
                return known.is_some_and(|known| {
                    let last = known.batch.as_ref();
                    last.is_none_or(|last| last.place() < mark.place())
                });
            }
        };
        match runs.iter().find(|known| known.index == index) {
            None => !ends,
            Some(known) => ends && known.done.is_none(),
        }
    }

    /// Adds it to what is known; said again, it changes nothing.
    pub fn add_to(self, runs: &mut Vec<CommandRun>) {
        if !self.is_news(runs) {
            return;
        }
        match self {
            Self::Flag(_) => {}
            Self::Began(run) => runs.push(run),
            Self::Ended(index, done) => {
                if let Some(run) = runs.iter_mut().find(|run| run.index == index) {
                    run.done = Some(done);
                }
            }
            Self::Waited(index, wait) => {
                if let Some(run) = runs.iter_mut().find(|run| run.index == index) {
                    run.waits.push(wait);
                }
            }
            Self::Batched(index, mark) => {
                if let Some(run) = runs.iter_mut().find(|run| run.index == index) {
                    run.batch = Some(mark);
                }
            }
        }
    }
}
