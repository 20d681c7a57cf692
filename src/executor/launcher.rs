//! The supervisor's side: starts shims, finds them again after a crash, asks them to end.

use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::channel::{self, Told};
use super::files::{private_file, read_json};
use super::waiting::{self, Waiting};
use super::watch::Watch;
use super::{ExitRecord, ShimSpec};
use super::{prepared, process};
use crate::run::{ActionId, Launched};

/// How long a shim that was started may take to say that it is there, before it is given up.
const CLAIM_PATIENCE: Duration = Duration::from_secs(2);

pub(super) const PID_FILE: &str = "pid.json";
/// The shim's own claim, before it is one.
pub(super) const CLAIM_DRAFT: &str = "pid.json.draft";
pub(super) const EXIT_FILE: &str = "exit.json";
pub(super) const SPOOL_FILE: &str = "spool";
pub(super) const LOG_FILE: &str = "shim.log";

/// Starts actions under one root directory, by one binary.
#[derive(Clone, Debug)]
pub struct Executor {
    binary: PathBuf,
    root: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The same attempt was launched before; it is never started twice.
    #[error(
        "attempt {attempt} of action {action} was launched before (`{}` exists); start a new attempt",
        directory.display()
    )]
    Exists {
        action: ActionId,
        attempt: u32,
        directory: PathBuf,
    },
    #[error("cannot prepare `{}`: {source}; check space and rights there", path.display())]
    Prepare { path: PathBuf, source: io::Error },
    #[error("cannot start `{} shim`: {source}", binary.display())]
    Start { binary: PathBuf, source: io::Error },
    #[error("its process ended before it got its instructions: {why}; nothing was run")]
    Handover { why: String },
}

/// What became of an action that an earlier supervisor launched.
#[derive(Debug)]
pub enum Adopted {
    /// It goes on.
    Running(Running),
    Finished(ExitRecord),
    /// Nobody can say whether it did its work, or (`never_ran`) it is certain that it did not.
    Lost {
        never_ran: bool,
        reason: String,
    },
}

/// How an action that was followed has ended.
#[derive(Debug)]
pub enum End {
    Recorded(Box<ExitRecord>),
    /// Its shim ended before it ran anything, and why.
    NeverRan(String),
    /// The shim is gone without a word, so nobody can say how the action ended, or whether.
    Lost,
}

/// An action under way.
#[derive(Clone, Debug)]
pub struct Running {
    directory: PathBuf,
    launched: Launched,
}

impl Executor {
    /// `binary` is gonogo itself (`std::env::current_exe`); actions live in `root/actions`.
    pub fn new(binary: impl Into<PathBuf>, root: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
            root: root.into(),
        }
    }

    /// The directory of one attempt, whether it exists or not.
    pub fn directory(&self, action: ActionId, attempt: u32) -> PathBuf {
        self.root
            .join("actions")
            .join(format!("{action}-{attempt}"))
    }

    /// The file to which an attempt's output goes.
    pub fn spool(&self, action: ActionId, attempt: u32) -> PathBuf {
        self.directory(action, attempt).join(SPOOL_FILE)
    }

    /// What an attempt waited for when its shim was last heard of.
    pub fn waiting(&self, action: ActionId, attempt: u32) -> io::Result<Waiting> {
        waiting::read(&self.directory(action, attempt))
    }

    /// Makes the folders of so many attempts ahead, as long as there is room; what is there stays.
    ///
    /// # Errors
    /// Why there are fewer.
    pub fn prepare_ahead(&self, count: usize) -> io::Result<()> {
        let actions = self.root.join("actions");
        for number in 0..count {
            match prepared::make_ahead(&prepared::ahead(&actions, number)) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Nobody needs the folders that were made ahead any more.
    pub fn forget_ahead(&self) {
        let actions = self.root.join("actions");
        for number in (0..).take_while(|number| prepared::ahead(&actions, *number).exists()) {
            prepared::remove(&prepared::ahead(&actions, number));
        }
    }

    /// A folder that was made ahead takes the place of one that cannot be made.
    fn take_ahead(&self, directory: &Path) -> bool {
        let actions = self.root.join("actions");
        // The last one first: the others are then still counted without a gap.
        let last = (0..)
            .take_while(|number| prepared::ahead(&actions, *number).exists())
            .last();
        last.is_some_and(|number| {
            std::fs::rename(prepared::ahead(&actions, number), directory).is_ok()
        })
    }

    /// Starts an action. When this returns, its shim has everything it needs to go on alone.
    /// `from_reserve`: it is of a rollback, for which folders were made ahead.
    pub async fn launch_with(
        &self,
        spec: ShimSpec,
        from_reserve: bool,
    ) -> Result<Running, LaunchError> {
        let directory = self.directory(spec.action, spec.attempt);
        let made = match prepared::make(&directory) {
            Err(error)
                if from_reserve
                    && error.kind() != io::ErrorKind::AlreadyExists
                    && self.take_ahead(&directory) =>
            {
                tracing::warn!(%error, "no folder can be made; one that was made ahead is taken");
                prepared::fit(&directory, &spec);
                Ok(())
            }
            made => made,
        };
        made.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => LaunchError::Exists {
                action: spec.action,
                attempt: spec.attempt,
                directory: directory.clone(),
            },
            _ => LaunchError::Prepare {
                path: directory.clone(),
                source,
            },
        })?;
        let prepare = |source| LaunchError::Prepare {
            path: directory.clone(),
            source,
        };
        let log = private_file(&directory.join(LOG_FILE)).map_err(prepare)?;
        let log_too = log.try_clone().map_err(prepare)?;
        let message =
            serde_json::to_vec(&spec).map_err(|error| prepare(io::Error::other(error)))?;

        let start = |source| LaunchError::Start {
            binary: self.binary.clone(),
            source,
        };
        let mut child = Command::new(&self.binary)
            .arg("shim")
            .arg(&directory)
            .stdin(Stdio::piped())
            .stdout(log)
            .stderr(log_too)
            .spawn()
            .map_err(start)?;
        let pid = child
            .id()
            .ok_or_else(|| start(io::Error::other("it ended at once")))?;
        let launched = process::launched(pid);
        let stdin = child.stdin.take();
        // Reaps the shim whenever it ends, so that it never looks alive as a zombie.
        tokio::spawn(async move {
            if let Err(error) = child.wait().await {
                tracing::warn!(%error, pid, "cannot wait for a shim");
            }
        });
        let handover = |error: io::Error| LaunchError::Handover {
            why: last_word(&directory).unwrap_or_else(|| error.to_string()),
        };
        let mut stdin = stdin.ok_or_else(|| handover(io::Error::other("it has no input")))?;
        stdin.write_all(&message).await.map_err(handover)?;
        stdin.shutdown().await.map_err(handover)?;
        drop(stdin);
        Ok(Running {
            directory,
            launched,
        })
    }

    /// [`Self::launch_with`], without what is kept for a rollback.
    ///
    /// # Errors
    /// As there.
    pub async fn launch(&self, spec: ShimSpec) -> Result<Running, LaunchError> {
        self.launch_with(spec, false).await
    }

    /// Finds out what became of an attempt that was launched before this supervisor lived. After
    /// `Lost { never_ran: true }` it is certain that it will not run later either.
    pub async fn adopt(&self, action: ActionId, attempt: u32) -> io::Result<Adopted> {
        let directory = self.directory(action, attempt);
        let never = |reason: &str| Adopted::Lost {
            never_ran: true,
            reason: reason.to_owned(),
        };
        if !directory.try_exists()? {
            return Ok(never("it was never launched"));
        }
        let deadline = tokio::time::Instant::now() + CLAIM_PATIENCE;
        let claim = loop {
            if let Some(record) = read_exit(&directory)? {
                return Ok(Adopted::Finished(record));
            }
            if let Some(claim) = read_claim(&directory)? {
                break claim;
            }
            if tokio::time::Instant::now() >= deadline {
                // Whoever writes the claim first decides: a shim that comes later runs nothing.
                if claim_directory(&directory, &Claim::Abandoned)? {
                    return Ok(never("the process failed to start"));
                }
                continue;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let launched = match claim {
            Claim::Shim(launched) => launched,
            Claim::Abandoned => return Ok(never("the process failed to start")),
        };
        if process::is_alive(&launched) {
            return Ok(Adopted::Running(Running {
                directory,
                launched,
            }));
        }
        // It may have ended between the two looks.
        if let Some(record) = read_exit(&directory)? {
            return Ok(Adopted::Finished(record));
        }
        let reason = if launched.boot_id == process::boot_id() {
            format!(
                "its process {} is gone without an exit record{}",
                launched.pid,
                process::survivors(&launched)
            )
        } else {
            "the machine was restarted while it ran".to_owned()
        };
        Ok(Adopted::Lost {
            never_ran: false,
            reason,
        })
    }
}

impl Running {
    /// The process that carries the action out.
    pub fn launched(&self) -> &Launched {
        &self.launched
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    pub fn spool(&self) -> PathBuf {
        self.directory.join(SPOOL_FILE)
    }

    /// Waits for the end. `None`: the shim is gone without a word, so nobody can say how the action
    /// ended, or whether.
    pub async fn wait(&self) -> io::Result<Option<ExitRecord>> {
        Ok(match self.wait_telling(|_| {}).await? {
            End::Recorded(record) => Some(*record),
            End::NeverRan(_) | End::Lost => None,
        })
    }

    /// As `wait`; says on the way what the action waits for, whenever that changes.
    pub async fn wait_telling(&self, mut tell: impl FnMut(Waiting)) -> io::Result<End> {
        let mut known = Waiting::default();
        let mut watch = Watch::new(&self.directory, &self.launched);
        loop {
            if let Some(record) = read_exit(&self.directory)? {
                return Ok(End::Recorded(Box::new(record)));
            }
            let waiting = self.waiting()?;
            if waiting != known {
                known = waiting.clone();
                tell(waiting);
            }
            if !process::is_alive(&self.launched) {
                return self.ended();
            }
            watch.changed().await;
        }
    }

    /// Its shim is gone.
    fn ended(&self) -> io::Result<End> {
        if let Some(record) = read_exit(&self.directory)? {
            return Ok(End::Recorded(Box::new(record)));
        }
        // The claim is written last before anything runs, and nobody but that shim could write it.
        if self.directory.is_dir() && read_claim(&self.directory)?.is_none() {
            let without =
                || "its process ended before it could begin, without a message".to_owned();
            let why = last_word(&self.directory).unwrap_or_else(without);
            return Ok(End::NeverRan(why));
        }
        Ok(End::Lost)
    }

    /// What the action waits for now, or waited for when its shim ended.
    pub fn waiting(&self) -> io::Result<Waiting> {
        waiting::read(&self.directory)
    }

    /// Types to the action. What is typed is written to a pipe and nowhere else.
    pub fn type_bytes(&self, bytes: Vec<u8>) -> io::Result<()> {
        channel::tell(&self.directory, &Told::Bytes(bytes))
    }

    /// Gives the terminal of the action this size, in characters.
    pub fn resize(&self, columns: u16, rows: u16) -> io::Result<()> {
        channel::tell(&self.directory, &Told::Size { columns, rows })
    }

    /// Lets the held transaction of this number go on to its `COMMIT`, or rolls it back. Saying it again
    /// does nothing.
    pub fn release(&self, number: u32, commit: bool) -> io::Result<()> {
        channel::tell(&self.directory, &Told::Release { number, commit })
    }

    /// What still runs of an action whose shim is gone without a word, for the operator who has to say
    /// what became of it; empty where nothing does.
    pub fn survivors(&self) -> String {
        process::survivors(&self.launched)
    }

    /// Asks the shim to end the action and everything it started. `urgent` leaves it 300 ms, because
    /// a rollback waits. Asking again, or for an action that has ended, does nothing worse. To be
    /// called inside a tokio runtime: a shim that has only just been started is asked as soon as it
    /// can hear.
    pub fn cancel(&self, urgent: bool) -> io::Result<()> {
        use rustix::process::Signal;
        let signal = if urgent { Signal::TERM } else { Signal::INT };
        if read_claim(&self.directory)?.is_some() {
            return process::signal_exactly(&self.launched, signal);
        }
        let running = self.clone();
        tokio::spawn(async move {
            if let Err(error) = running.signal_when_it_hears(signal).await {
                let pid = running.launched.pid;
                tracing::warn!(%error, pid, "cannot cancel an action");
            }
        });
        Ok(())
    }

    /// The claim is written after the shim has begun to hear signals; before, one would kill it.
    async fn signal_when_it_hears(&self, signal: rustix::process::Signal) -> io::Result<()> {
        while read_claim(&self.directory)?.is_none() && process::is_alive(&self.launched) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        process::signal_exactly(&self.launched, signal)
    }
}

/// Who may carry out the action of a directory; written once.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Claim {
    Shim(Launched),
    Abandoned,
}

/// Writes the claim unless there is one; says whether it did.
pub(super) fn claim_directory(directory: &Path, claim: &Claim) -> io::Result<bool> {
    let draft = directory.join(match claim {
        // Made with the folder: a disk that is full by now has room for it.
        Claim::Shim(_) => CLAIM_DRAFT.to_owned(),
        Claim::Abandoned => format!("{PID_FILE}.{}", std::process::id()),
    });
    let mut text = serde_json::to_vec(claim)?;
    text.resize(text.len().max(prepared::CLAIM_ROOM), b' ');
    let mut file = prepared::take_room(&draft, prepared::CLAIM_ROOM)?;
    file.rewind()?;
    file.write_all(&text)?;
    let linked = std::fs::hard_link(&draft, directory.join(PID_FILE));
    std::fs::remove_file(&draft)?;
    match linked {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Why a shim ended that did nothing, as it said itself.
fn last_word(directory: &Path) -> Option<String> {
    let said = std::fs::read_to_string(directory.join(LOG_FILE)).ok()?;
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    last.map(str::to_owned)
}

fn read_claim(directory: &Path) -> io::Result<Option<Claim>> {
    read_json(&directory.join(PID_FILE))
}

fn read_exit(directory: &Path) -> io::Result<Option<ExitRecord>> {
    read_json(&directory.join(EXIT_FILE))
}
