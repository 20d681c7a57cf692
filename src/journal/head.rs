//! Where a journal ends, written down a second time beside it: a write-ahead log whose end was cut off
//! looks to SQLite like one that never had it. The note follows the durable commit and is not synced
//! itself, so it may lag behind the journal, but never names an event that the journal had not kept.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::Head;

/// The note's file, kept open by the writer.
#[derive(Debug, Default)]
pub(super) struct Noted {
    file: Option<File>,
}

fn path_of(journal: &Path) -> PathBuf {
    journal.with_extension("head")
}

/// The end as it was last noted; `None` where nobody noted it, or not in words that can be read.
pub(super) fn noted(journal: &Path) -> Option<Head> {
    let mut text = String::new();
    let file = File::open(path_of(journal)).ok()?;
    file.take(128).read_to_string(&mut text).ok()?;
    let (seq, hash) = text.trim_end().split_once(' ')?;
    let seq = seq.parse().ok()?;
    (hash.len() == 64).then(|| Head {
        seq,
        hash: hash.to_owned(),
    })
}

impl Noted {
    /// Notes an end that is durable. The text has always the same length: a full disk takes it too.
    pub(super) fn note(&mut self, journal: &Path, head: &Head) {
        let text = format!("{:020} {}\n", head.seq, head.hash);
        let file = match self.file.take() {
            Some(file) => Ok(file),
            None => OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(path_of(journal)),
        };
        let written = file.and_then(|file| {
            file.write_all_at(text.as_bytes(), 0)?;
            Ok(file)
        });
        match written {
            Ok(file) => self.file = Some(file),
            // The journal itself has it: only a cut at its end would go unnoticed.
            Err(error) => tracing::debug!(%error, "the end of the journal is not noted"),
        }
    }
}
