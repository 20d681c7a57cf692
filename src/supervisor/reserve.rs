//! Room on the disk that is kept for the rollback: taken while there is some, given up when a rollback
//! meets a disk that is full, so that its steps, their exit records and its events can be written.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Enough for the journal and the exit records of a long rollback, and for some output.
const SIZE: usize = 1 << 20;
const FILE: &str = "reserve";

#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
}

impl Reserve {
    /// `directory` is the run's.
    pub(super) fn new(directory: &Path) -> Self {
        Self {
            path: directory.join(FILE),
        }
    }

    /// Takes the room, unless it is taken.
    pub(super) fn take(&self) {
        if self.path.exists() {
            return;
        }
        if let Err(error) = self.fill() {
            tracing::warn!(%error, "no room can be kept for the rollback");
            self.give_up();
        }
    }

    fn fill(&self) -> io::Result<()> {
        let mut file = std::fs::File::create(&self.path)?;
        file.write_all(&vec![0; SIZE])?;
        file.sync_all()
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
}
