//! The local fence: one supervisor per run on this machine. The lock is the kernel's, so it is gone
//! with its holder however that one ended; the file's text only says who it is.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::run::{Launched, Timestamp};

/// Held as long as it lives.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
    path: PathBuf,
}

/// Who holds a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub pid: u32,
    /// With the boot, what tells it from another process of this number (see [`Launched`]).
    #[serde(default)]
    pub start_time: u64,
    #[serde(default)]
    pub boot_id: String,
    pub since: Timestamp,
}

impl Holder {
    pub fn process(&self) -> Launched {
        Launched {
            pid: self.pid,
            start_time: self.start_time,
            boot_id: self.boot_id.clone(),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error(
        "a supervisor{} has this run already; attach to it",
        holder.as_ref().map(|holder| format!(" (process {}, since {})", holder.pid, holder.since.format("%F %T UTC"))).unwrap_or_default()
    )]
    Held { holder: Option<Holder> },
    #[error("cannot lock `{}`: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl RunLock {
    /// Takes the lock of a run's directory for this process; waits no longer than a moment.
    pub fn acquire(directory: &Path, now: Timestamp, own: Launched) -> Result<Self, LockError> {
        use std::os::unix::fs::OpenOptionsExt;
        let path = directory.join("lock");
        let failed = |source| LockError::Io {
            path: path.clone(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match try_lock_patiently(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // The lock is what counts; its holder may be writing this very text.
                let holder = match file.read_to_string(&mut text) {
                    Ok(_) => serde_json::from_str(&text).ok(),
                    Err(_) => None,
                };
                return Err(LockError::Held { holder });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let holder = Holder {
            pid: own.pid,
            start_time: own.start_time,
            boot_id: own.boot_id,
            since: now,
        };
        // Without room for the text the lock still holds.
        if let Err(error) = write_holder(&mut file, &holder) {
            tracing::warn!(%error, path = %path.display(), "cannot say who holds the run");
        }
        Ok(Self { _file: file, path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Who holds the run of this directory, if anybody does.
    pub fn holder(directory: &Path) -> Result<Option<Holder>, LockError> {
        let path = directory.join("lock");
        let failed = |source| LockError::Io {
            path: path.clone(),
            source,
        };
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                file.read_to_string(&mut text).map_err(failed)?;
                Ok(serde_json::from_str(&text).ok())
            }
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

/// Somebody who only asks for the holder has the lock for a moment, too.
fn try_lock_patiently(file: &File) -> Result<(), TryLockError> {
    for _ in 0..10 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
            decided => return decided,
        }
    }
    file.try_lock()
}

fn write_holder(file: &mut File, holder: &Holder) -> io::Result<()> {
    let text = serde_json::to_vec(holder)?;
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&text)
}
