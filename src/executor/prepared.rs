//! The folder of an attempt, with every file that carrying it out needs: made before anything runs, so
//! that a disk without room or inodes says so while nothing has happened yet. For a rollback some are
//! made ahead; one of them takes the place of a folder that cannot be made any more.

use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode};

use super::channel::CHANNEL_FILE;
use super::files::private_file;
use super::launcher::{CLAIM_DRAFT, LOG_FILE, SPOOL_FILE};
use super::shim::{EXIT_DRAFT, EXIT_ROOM, PROOF_FILE, REPORT_PIPE, SCRIPT_PIPE, SCRIPTS};
use super::waiting::DRAFTS;
use super::{ActionKind, ShimSpec};
use crate::owned;

/// A claim fits into this.
pub(super) const CLAIM_ROOM: usize = 512;
/// The claim is a second name of its draft, for which some file systems want an inode; `held` and `asks`
/// are written by new drafts; one more.
const SPARES: usize = 4;
/// What is typed, what a shell is fed and what it says, and which database it is.
const PIPES: [&str; 4] = [CHANNEL_FILE, SCRIPT_PIPE, REPORT_PIPE, PROOF_FILE];

/// Makes the folder of an attempt with its files.
pub(super) fn make(directory: &Path) -> io::Result<()> {
    if !owned::make(directory, owned::PRIVATE)? {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    fill(directory)
        .and_then(|()| take_spares(directory, SPARES + PIPES.len()))
        .and_then(|()| give_spares_up(directory))
        .inspect_err(|_| remove(directory))
}

fn fill(directory: &Path) -> io::Result<()> {
    for name in [LOG_FILE, SPOOL_FILE].iter().chain(&SCRIPTS).chain(&DRAFTS) {
        private_file(&directory.join(name))?;
    }
    take_room(&directory.join(CLAIM_DRAFT), CLAIM_ROOM)?;
    take_room(&directory.join(EXIT_DRAFT), EXIT_ROOM)?;
    Ok(())
}

/// Makes a folder for whatever a rollback may start in it: also the pipes, which a shim makes itself
/// where it needs them.
pub(super) fn make_ahead(directory: &Path) -> io::Result<()> {
    make(directory)?;
    let pipes = PIPES.map(|name| make_pipe(&directory.join(name)));
    let made: io::Result<Vec<()>> = pipes.into_iter().collect();
    made.and_then(|_| take_spares(directory, SPARES))
        .inspect_err(|_| remove(directory))
}

/// Takes inodes for what the shim makes beside these files.
fn take_spares(directory: &Path, count: usize) -> io::Result<()> {
    let mut spares = (0..count).map(|number| private_file(&spare(directory, number)));
    spares.try_for_each(|made| made.map(|_| ()))
}

fn give_spares_up(directory: &Path) -> io::Result<()> {
    for number in 0..SPARES + PIPES.len() {
        match std::fs::remove_file(spare(directory, number)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn spare(directory: &Path, number: usize) -> PathBuf {
    directory.join(format!("spare-{number}"))
}

/// Gives up what is spared for the shim, and takes the pipes away that this action does not open: whoever
/// reads the folder would wait at them.
pub(super) fn fit(directory: &Path, spec: &ShimSpec) {
    if let Err(error) = give_spares_up(directory) {
        tracing::debug!(%error, "what was spared stays");
    }
    let is_shell = matches!(spec.kind, ActionKind::Shell { .. });
    let is_proved = matches!(spec.kind, ActionKind::Sql { .. }) && spec.expected.is_some();
    let needed = [is_shell, is_shell, is_shell, is_proved];
    for (name, is_needed) in PIPES.into_iter().zip(needed) {
        if !is_needed && let Err(error) = std::fs::remove_file(directory.join(name)) {
            tracing::debug!(%error, "a pipe stays");
        }
    }
}

/// A file with blanks in it, which mean nothing after JSON: what is written over them needs no room.
pub(super) fn take_room(path: &Path, room: usize) -> io::Result<std::fs::File> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    file.write_all(&vec![b' '; room])?;
    file.sync_data()?;
    Ok(file)
}

/// A named pipe of its owner alone; one that is there serves as well.
#[cfg(not(target_os = "macos"))]
pub(super) fn make_pipe(path: &Path) -> io::Result<()> {
    match rustix::fs::mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The system has the call, but only by way of C.
#[cfg(target_os = "macos")]
pub(super) fn make_pipe(path: &Path) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let made = std::process::Command::new("mkfifo")
        .args(["-m", "600"])
        .arg(path)
        .status()?;
    match made.success() {
        true => Ok(()),
        false => Err(io::Error::other(format!("mkfifo ended with {made}"))),
    }
}

/// What cannot be used does not stay.
pub(super) fn remove(directory: &Path) {
    if let Err(error) = std::fs::remove_dir_all(directory) {
        tracing::debug!(%error, "half a folder is left");
    }
}

/// Where the folders lie that are made ahead.
pub(super) fn ahead(actions: &Path, number: usize) -> PathBuf {
    actions.join(format!(".ahead-{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_cannot_be_made_whole_does_not_stay() {
        let root = tempfile::tempdir().unwrap();
        let whole = root.path().join("1-1");
        make(&whole).unwrap();
        assert!(whole.join(SPOOL_FILE).exists() && !whole.join(SCRIPT_PIPE).exists());
        let ahead = root.path().join(".ahead-0");
        make_ahead(&ahead).unwrap();
        assert!(ahead.join(SCRIPT_PIPE).exists());
        assert!(!spare(&whole, 0).exists() && spare(&ahead, SPARES - 1).exists());
        let again = make(&whole).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert!(
            whole.join(SPOOL_FILE).exists(),
            "what was there is left alone"
        );
        std::fs::write(root.path().join("file"), "").unwrap();
        assert!(make(&root.path().join("file/2-1")).is_err());
    }
}
