//! The commands of an action on their way: which one is under way, how those before it ended, and
//! whether another may begin. Each beginning and each end is a record in the spool, and is on the disk
//! before the next command begins: after a crash at most one is unknown.

use std::collections::VecDeque;

use chrono::Utc;
use tokio::time::Instant;

use super::output::Spool;
use crate::run::{
    CommandDone, CommandEnd, CommandMark, CommandRun, CommandText, LockWait, ShellState,
};

pub(super) struct Course {
    all: Vec<CommandText>,
    /// Not yet begun.
    rest: VecDeque<CommandText>,
    current: Option<Current>,
    runs: Vec<CommandRun>,
    /// A round of many: nothing is said of its commands.
    silent: bool,
    /// No further command begins.
    over: bool,
    /// How the last command that ended did.
    last: Option<CommandEnd>,
    /// The command that is tried again, and since when it has been under way.
    again: Option<(usize, Instant)>,
}

struct Current {
    command: CommandText,
    began: Instant,
    sent: Instant,
    told: Option<(Instant, i32, Vec<i32>)>,
}

impl Course {
    pub(super) fn new(commands: &[CommandText], silent: bool) -> Self {
        Self {
            all: commands.to_vec(),
            rest: commands.iter().cloned().collect(),
            current: None,
            runs: Vec::new(),
            silent,
            over: false,
            last: None,
            again: None,
        }
    }

    /// The command that would begin next.
    pub(super) fn next(&self) -> Option<&CommandText> {
        self.rest
            .front()
            .filter(|_| !self.over && self.current.is_none())
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.current.is_some()
    }

    /// Whether the command under way has said how it ended.
    pub(super) fn is_told(&self) -> bool {
        let current = self.current.as_ref();
        current.is_some_and(|current| current.told.is_some())
    }

    /// Nothing more begins.
    pub(super) fn stop(&mut self) {
        self.over = true;
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn is_done(&self) -> bool {
        self.current.is_none() && (self.over || self.rest.is_empty())
    }

    /// The command under way, and when it was sent last.
    pub(super) fn current(&self) -> Option<(&CommandText, Instant)> {
        let current = self.current.as_ref()?;
        Some((&current.command, current.sent))
    }

    /// The command under way got no lock in time.
    pub(super) fn waited(&mut self, mut wait: LockWait, spool: &mut Spool) {
        let index = self.current.as_ref().map(|one| one.command.index);
        let mut runs = self.runs.iter_mut();
        let run = runs.find(|run| Some(run.index) == index);
        if let Some(run) = run.filter(|_| !self.silent) {
            wait.number = u32::try_from(run.waits.len()).unwrap_or(u32::MAX - 1) + 1;
            run.waits.push(wait.clone());
            spool.mark(&CommandMark::Waited(run.index, wait));
            spool.sync();
        }
    }

    /// The command under way, and those before it from this one on, are to be sent again.
    pub(super) fn go_back_to(&mut self, index: usize) {
        let Some(current) = self.current.take() else {
            return;
        };
        let upto = current.command.index;
        let again = self.all.iter().rev();
        let again = again.filter(|command| (index..=upto).contains(&command.index));
        for command in again {
            self.rest.push_front(command.clone());
        }
        self.again = self.again.or(Some((upto, current.began)));
    }

    /// Begins the next command: it may be sent when this returns. What is sent again has begun before.
    pub(super) fn begin(&mut self, spool: &mut Spool) -> Option<CommandText> {
        let command = self.rest.pop_front()?;
        if let Some((upto, began)) = self.again {
            let is_it = command.index == upto;
            let began = match is_it {
                true => began,
                false => Instant::now(),
            };
            self.again = self.again.filter(|_| !is_it);
            self.current = Some(Current {
                command: command.clone(),
                began,
                sent: Instant::now(),
                told: None,
            });
            return Some(command);
        }
        if !self.silent {
            let run = CommandRun {
                index: command.index,
                began: Utc::now(),
                lines_before: spool.lines_so_far(),
                done: None,
                waits: Vec::new(),
                batch: None,
            };
            spool.mark(&CommandMark::Began(run.clone()));
            spool.sync();
            self.runs.push(run);
        }
        self.current = Some(Current {
            command: command.clone(),
            began: Instant::now(),
            sent: Instant::now(),
            told: None,
        });
        Some(command)
    }

    /// The command under way has ended; what it printed may still be on its way.
    pub(super) fn told(&mut self, at: Instant, status: i32, parts: Vec<i32>) {
        if let Some(current) = &mut self.current {
            let parts = if parts.len() > 1 { parts } else { Vec::new() };
            current.told.get_or_insert((at, status, parts));
        }
    }

    /// All that it printed is there: says what its end means, and what it changed in its shell.
    pub(super) fn conclude(&mut self, spool: &mut Spool, shell: Option<ShellState>) {
        let Some(current) = self.current.take() else {
            return;
        };
        let told = current.told.unwrap_or((Instant::now(), -1, Vec::new()));
        let (at, status, parts) = told;
        let mut end = current.command.judge(status, &parts);
        if end != CommandEnd::Good {
            self.over = true;
        }
        if self.again.is_some() {
            // A command of a transaction that is done again: it has ended once.
            if end == CommandEnd::Good {
                self.last = Some(end);
                return;
            }
            let line = current.command.line;
            end = CommandEnd::Failed {
                code: end.code(),
                why: format!("line {line} failed when its transaction was tried again"),
            };
        }
        if let Some(run) = self.runs.last_mut() {
            let done = CommandDone {
                at: Utc::now(),
                elapsed_ms: u64::try_from((at - current.began).as_millis()).unwrap_or(u64::MAX),
                status,
                parts,
                end: end.clone(),
                shell: shell.filter(|shell| !shell.is_unchanged()).map(Box::new),
            };
            run.done = Some(done.clone());
            spool.mark(&CommandMark::Ended(run.index, done));
        }
        self.last = Some(end);
    }

    /// How the last command that ended did.
    pub(super) fn last_end(&self) -> Option<&CommandEnd> {
        self.last.as_ref()
    }

    /// Commands that were never begun.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn into_runs(self) -> Vec<CommandRun> {
        self.runs
    }
}
