//! The exit record: written once, durably, and also on a disk that is full by then.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use crate::executor::ExitRecord;
use crate::executor::launcher::EXIT_FILE;
use crate::executor::prepared::take_room;

/// Room that is taken before the action starts.
pub(in crate::executor) const EXIT_ROOM: usize = 4096;
pub(in crate::executor) const EXIT_DRAFT: &str = "exit.json.draft";

pub(super) struct ExitFile {
    directory: PathBuf,
    draft: PathBuf,
    file: File,
}

impl ExitFile {
    /// Takes the room that the record will need, so that an action that fills the disk can still be
    /// said to have ended.
    pub(super) fn reserve(directory: &Path) -> io::Result<Self> {
        let draft = directory.join(EXIT_DRAFT);
        Ok(Self {
            file: take_room(&draft, EXIT_ROOM)?,
            directory: directory.to_owned(),
            draft,
        })
    }

    pub(super) fn write(mut self, record: &ExitRecord) -> io::Result<()> {
        if let Err(error) = self.try_write(record) {
            // A large answer may not find room; how the action ended must.
            let mut smaller = record.clone();
            if let Some(http) = &mut smaller.http {
                http.json = None;
                http.headers.clear();
            }
            smaller.shell = None;
            smaller.error = Some(match &record.error {
                Some(before) => format!("{before}; {error}"),
                None => format!("part of the record is lost: {error}"),
            });
            self.try_write(&smaller)?;
        }
        std::fs::rename(&self.draft, self.directory.join(EXIT_FILE))?;
        File::open(&self.directory)?.sync_all()
    }

    fn try_write(&mut self, record: &ExitRecord) -> io::Result<()> {
        let mut text = serde_json::to_vec(record)?;
        // Blanks after JSON mean nothing; shortening the file would give up room it may need.
        let length = text.len().max(EXIT_ROOM);
        text.resize(length, b' ');
        self.file.rewind()?;
        self.file.write_all(&text)?;
        self.file.set_len(length as u64)?;
        self.file.sync_all()
    }
}
