//! What is kept for the rollback: room on the disk, folders for its commands with all their files, and
//! file descriptors. Taken while there is some; given up when a rollback meets a disk that is full, so
//! that its steps, their exit records and its events can be written.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::executor::Executor;
use crate::run::RunState;

/// Enough for the journal and the exit records of a long rollback, and for some output.
const SIZE: usize = 1 << 20;
const FILE: &str = "reserve";
/// Folders that are made ahead, at most.
const FOLDERS: usize = 16;
/// With less room than this on the disk, a rollback gets what was kept for it at its beginning.
const LITTLE: u64 = 4 << 20;
/// What one command needs to be started and followed, and as much again.
const DESCRIPTORS: usize = 16;

#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    executor: Executor,
    /// One for each command of the longest rollback.
    folders: usize,
    descriptors: Vec<File>,
}

impl Reserve {
    /// `directory` is the run's.
    pub(super) fn new(directory: &Path, executor: Executor) -> Self {
        Self {
            path: directory.join(FILE),
            executor,
            folders: 0,
            descriptors: Vec::new(),
        }
    }

    /// So many folders as the longest rollback of this run has commands.
    pub(super) fn plan(&mut self, state: &RunState) {
        let commands = state.runbook.rollback.iter().map(|option| {
            let steps = option.steps.iter();
            steps
                .map(|step| state.actions_of(step).len())
                .sum::<usize>()
        });
        self.folders = commands.max().unwrap_or(0).min(FOLDERS);
    }

    /// Takes what is not taken yet.
    pub(super) fn take(&mut self) {
        if let Err(error) = self.executor.prepare_ahead(self.folders) {
            tracing::warn!(%error, "not every command of the rollback has its folder made ahead");
        }
        while self.descriptors.len() < DESCRIPTORS {
            match File::open("/dev/null") {
                Ok(file) => self.descriptors.push(file),
                Err(error) => {
                    tracing::warn!(%error, "no descriptors can be kept for the rollback");
                    break;
                }
            }
        }
        if self.path.exists() {
            return;
        }
        if let Err(error) = self.fill() {
            tracing::warn!(%error, "no room can be kept for the rollback");
            self.give_up();
        }
    }

    fn fill(&self) -> io::Result<()> {
        let mut file = File::create(&self.path)?;
        file.write_all(&vec![0; SIZE])?;
        file.sync_all()
    }

    /// A rollback begins: it shall not be short of descriptors, nor of room.
    pub(super) fn free_for_rollback(&mut self) {
        self.descriptors.clear();
        let room = rustix::fs::statvfs(&self.path);
        let is_short = room.is_ok_and(|room| room.f_bavail.saturating_mul(room.f_frsize) < LITTLE);
        if is_short && self.give_up() {
            tracing::warn!("there is little room: what is kept for the rollback is given up");
        }
    }

    /// Gives the room up; false where there was none.
    pub(super) fn give_up(&self) -> bool {
        match std::fs::remove_file(&self.path) {
            Ok(()) => true,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(%error, "the room kept for the rollback cannot be given up");
                }
                false
            }
        }
    }

    /// Nothing has to be kept any more.
    pub(super) fn end(&mut self) {
        self.give_up();
        self.executor.forget_ahead();
        self.descriptors.clear();
    }
}
