//! The run's own folder while the run goes on: whether it still is the one that was opened. Where it was
//! deleted it is made again and the journal written into it from what is known; where another stands in
//! its place, the journal goes on beside it and nothing new starts.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::core::Supervisor;
use super::handle::Input;
use super::place;
use crate::executor::launched;
use crate::journal::{Journal, JournalError, RunLock, SqliteJournal};
use crate::monitor::Recorder;
use crate::owned;
use crate::run::{ENGINE, Event};

/// A look at three names on a disk that works.
const LOOK: Duration = Duration::from_millis(500);
/// A folder that is being deleted is gone after this.
const SETTLED: Duration = Duration::from_millis(300);
const JOURNAL: &str = "journal.sqlite";
const LOCK: &str = "lock";

/// Device and number of what was opened.
type Identity = (u64, u64);

#[derive(Clone, Debug)]
pub(super) struct Folder {
    directory: PathBuf,
    own: Identity,
    journal: Identity,
    lock: Identity,
}

/// What became of the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    Deleted,
    Replaced,
    /// A file in it that the run cannot do without.
    File(&'static str),
}

impl Folder {
    pub(super) fn of(directory: &Path) -> io::Result<Self> {
        Ok(Self {
            own: identity(directory)?,
            journal: identity(&directory.join(JOURNAL))?,
            lock: identity(&directory.join(LOCK))?,
            directory: directory.to_owned(),
        })
    }

    fn look(&self) -> Option<Lost> {
        match identity(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Some(Lost::Deleted),
            Ok(found) if found != self.own => return Some(Lost::Replaced),
            _ => {}
        }
        let is_gone = |name: &str, own: Identity| match identity(&self.directory.join(name)) {
            Err(error) => error.kind() == io::ErrorKind::NotFound,
            Ok(found) => found != own,
        };
        if is_gone(JOURNAL, self.journal) {
            return Some(Lost::File(JOURNAL));
        }
        is_gone(LOCK, self.lock).then_some(Lost::File(LOCK))
    }
}

fn identity(path: &Path) -> io::Result<Identity> {
    let found = std::fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}

impl Supervisor {
    /// Looks beside the loop whether the folder is still the one that was opened.
    pub(super) fn look_at_folder(&mut self) {
        if std::mem::replace(&mut self.looks_at_folder, true) {
            return;
        }
        let (folder, looks, sender) =
            (self.folder.clone(), self.looks.clone(), self.sender.clone());
        tokio::spawn(async move {
            let look = async || {
                let (path, folder) = (folder.directory.clone(), folder.clone());
                let seen = looks.at(&path, LOOK, move || folder.look()).await;
                // A disk that hangs has taken nothing away.
                seen.unwrap_or_default()
            };
            let mut lost = look().await;
            if matches!(lost, Some(Lost::File(_))) {
                // Whoever deletes the folder deletes what is in it first.
                tokio::time::sleep(SETTLED).await;
                lost = look().await;
            }
            if sender.send(Input::Folder(lost)).await.is_err() {
                tracing::debug!("the folder was looked at, but the supervisor is ending");
            }
        });
    }

    pub(super) async fn folder_seen(&mut self, lost: Option<Lost>) {
        self.looks_at_folder = false;
        let Some(lost) = lost else { return };
        let shown = self.folder.directory.display().to_string();
        let what = match &lost {
            Lost::Deleted => format!("the folder of this run, `{shown}`, was deleted"),
            Lost::Replaced => format!("another folder is in place of this run's, `{shown}`"),
            Lost::File(name) => {
                format!("`{name}` of this run was deleted or replaced in `{shown}`")
            }
        };
        tracing::error!("{what}");
        self.report_health(Some(what.clone()));
        match self.write_again(&lost).await {
            Ok(at) if lost == Lost::Deleted => {
                tracing::info!(at = %at.display(), "the journal is written again");
                self.report_health(None);
                self.reserve.take();
                self.note_folder(format!(
                    "{what} while it went on: the journal was written again from what is known; \
                     outputs of earlier commands are lost"
                ))
                .await;
            }
            Ok(at) => {
                let failure = format!("{what}; its journal goes on in `{}`", at.display());
                self.note_folder(failure.clone()).await;
                self.displaced = Some(failure.clone());
                self.report_health(Some(failure));
            }
            Err(error) => {
                self.displaced = Some(what.clone());
                self.report_health(Some(format!("{what}; it cannot be written again: {error}")));
            }
        }
    }

    async fn note_folder(&mut self, text: String) {
        let note = Event::NoteWritten { text, step: None };
        if let Err(refusal) = Box::pin(self.commit(ENGINE, vec![note])).await {
            tracing::error!(reason = %refusal.message, "what became of the folder is not noted");
        }
    }

    /// Writes the journal again: in its place where that is free, else beside it. The old files are
    /// still open and can be read.
    async fn write_again(&mut self, lost: &Lost) -> Result<PathBuf, JournalError> {
        let directory = match lost {
            Lost::Deleted => self.folder.directory.clone(),
            Lost::Replaced | Lost::File(_) => beside(&self.folder.directory),
        };
        let failed = |error: io::Error| JournalError::Io {
            path: directory.clone(),
            reason: error.to_string(),
        };
        owned::make(&directory, owned::PRIVATE).map_err(|why| failed(why.into()))?;
        let records = self.journal.read(0).await?;
        let mut journal = SqliteJournal::create(directory.join(JOURNAL)).await?;
        journal.append(&records).await?;
        let own = launched(std::process::id());
        let lock = RunLock::acquire(&directory, self.clock.now(), own)
            .map_err(|error| failed(io::Error::other(error.to_string())))?;
        self.journal = journal;
        self.lock = lock;
        self.watch_folder(&directory);
        self.recorder = Recorder::start(&directory);
        // Where its path is too long for a socket, the way to that lay in the folder, too.
        place::make_socket_path(&directory).map_err(failed)?;
        Ok(directory)
    }

    fn watch_folder(&mut self, directory: &Path) {
        match Folder::of(directory) {
            Ok(folder) => self.folder = folder,
            Err(error) => tracing::error!(%error, "the folder of this run is not watched"),
        }
    }
}

/// A name of its own in the folder of runs, so that every command finds it.
fn beside(directory: &Path) -> PathBuf {
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    let named = |number: usize| directory.with_file_name(format!("{name}-rescued-{number}"));
    let mut free = (1..).map(named).filter(|path| !path.exists());
    free.next().unwrap_or_else(|| named(0))
}
