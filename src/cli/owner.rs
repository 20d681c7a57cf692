//! The process that owns a run, as a command at the prompt meets it: nobody, one that answers, or one
//! that is there and says nothing (stopped, or on a disk that hangs). None of them makes the prompt
//! hang; the last is named with its state and the way out.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use rustix::process::Signal;

use super::exit::Trouble;
use super::kept;
use super::print::say;
use crate::api::Client;
use crate::executor::{Condition, condition, signal_exactly, with_arguments};
use crate::journal::{Holder, RunLock};
use crate::run::Launched;
use crate::supervisor::{place, within};

/// A supervisor that works answers within this time, however loaded the machine is.
const ANSWER: Duration = Duration::from_secs(5);
/// How often it is looked again.
const LOOK: Duration = Duration::from_millis(20);
/// A file of a few bytes on a disk that works is read within this time.
const READING: Duration = Duration::from_secs(2);
/// A process that was killed is gone within this time, unless it hangs in the kernel.
const DYING: Duration = Duration::from_secs(5);
/// One that was asked to end has written its last event within this time.
const LEAVING: Duration = Duration::from_secs(15);

/// Who owns a run.
pub(super) enum Owner {
    Nobody,
    Answers(Client),
    Silent(Silent),
}

/// A supervisor that is there and does not answer.
pub(super) struct Silent {
    run: String,
    process: Option<Launched>,
}

/// Who owns the run of this name; decided within [`ANSWER`].
pub(super) async fn of(run: &str) -> color_eyre::Result<Owner> {
    let directory = kept::directory_of(run)?;
    let socket = place::socket_path(&directory)?;
    if !is_open(&socket) {
        return Ok(Owner::Nobody);
    }
    let client = Client::new(&socket)?;
    let began = Instant::now();
    while let Some(left) = ANSWER.checked_sub(began.elapsed()) {
        match tokio::time::timeout(left, client.people()).await {
            Ok(Ok(_)) => return Ok(Owner::Answers(client)),
            // One that was killed in this moment has a socket and a lock until the system has ended it.
            Ok(Err(error)) => tracing::debug!(%error, "the supervisor has just gone"),
            Err(_) => break,
        }
        if holder(&directory).await.is_none() {
            return Ok(Owner::Nobody);
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(match silent(run).await {
        Some(silent) => Owner::Silent(silent),
        None => Owner::Nobody,
    })
}

/// The supervisor that holds the run's lock without a word; `None` where nobody holds it.
pub(super) async fn silent(run: &str) -> Option<Silent> {
    let directory = kept::directory_of(run).ok()?;
    let read = within(READING, move || RunLock::holder(&directory)).await;
    let process = match read {
        Some(Ok(None)) => return None,
        Some(Ok(Some(holder))) => Some(holder.process()),
        Some(Err(_)) | None => None,
    };
    // Its disk hangs, or the lock says nothing: the system knows who was started for this run.
    let process = process.or_else(|| with_arguments(&["supervise", run]).into_iter().next());
    Some(Silent {
        run: run.to_owned(),
        process,
    })
}

/// Who holds the lock of a run's folder, told from the lock itself.
pub(super) async fn holder(directory: &Path) -> Option<Holder> {
    let directory = directory.to_owned();
    let read = within(READING, move || RunLock::holder(&directory)).await;
    read?.ok()?
}

/// Whether somebody listens at a socket. It does not wait: a process that is stopped accepts nobody, and
/// whoever waits for a place in its queue waits as long.
pub(super) fn is_open(socket: &Path) -> bool {
    let knocked = rustix::net::socket_with(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::NONBLOCK | SocketFlags::CLOEXEC,
        None,
    )
    .and_then(|knock| rustix::net::connect(&knock, &SocketAddrUnix::new(socket)?));
    matches!(
        knocked,
        Ok(()) | Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INPROGRESS)
    )
}

impl Silent {
    /// Which process it is and what it does, for a sentence.
    fn sentence(&self) -> (String, Option<Condition>) {
        let run = &self.run;
        let Some(process) = &self.process else {
            let said =
                format!("the supervisor of `{run}` does not answer, and its lock does not name it");
            return (said, None);
        };
        let condition = condition(process);
        let does = match condition {
            Some(Condition::Stopped) => "a signal has stopped it",
            Some(Condition::Traced) => "a debugger has stopped it",
            Some(Condition::Uninterruptible) => {
                "it waits for a disk or a device that does not answer"
            }
            Some(Condition::Working) => "it runs, but accepts no connection",
            None => "it has just ended",
        };
        let said = format!(
            "the supervisor of `{run}` (process {}) has not answered for {} s: {does}",
            process.pid,
            ANSWER.as_secs()
        );
        (said, condition)
    }

    /// What to say and to do instead of waiting.
    pub(super) fn trouble(&self) -> color_eyre::Report {
        let (said, condition) = self.sentence();
        let pid = self.process.as_ref().map_or(0, |process| process.pid);
        let first = match condition {
            Some(Condition::Stopped) => format!("`kill -CONT {pid}` lets it go on; "),
            Some(Condition::Traced) => "detach the debugger; ".to_owned(),
            Some(Condition::Uninterruptible) => "`dmesg` may name the disk; ".to_owned(),
            Some(Condition::Working) => "its `supervisor.log` may say why; ".to_owned(),
            None => "try again; ".to_owned(),
        };
        Trouble::failed(
            said,
            format!(
                "{first}`gonogo rollback {run} --force-takeover` ends that process, takes over what \
                 it started, and rolls back (`attach` and `resume` take the same option)",
                run = self.run
            ),
        )
    }

    /// Ends that very process, so that another can take the run over. What it started goes on.
    pub(super) async fn end(&self) -> color_eyre::Result<()> {
        let (said, _) = self.sentence();
        say!("{said}");
        let Some(process) = &self.process else {
            return Err(self.trouble());
        };
        signal_exactly(process, Signal::KILL)?;
        if is_free(&self.run, DYING).await? {
            say!("process {} is ended; what it started goes on", process.pid);
            return Ok(());
        }
        Err(Trouble::failed(
            format!(
                "process {} was killed and is still there: it hangs in the kernel, and the run \
                 cannot be taken over before it is gone",
                process.pid
            ),
            "fix the disk (`dmesg`); roll back by hand what cannot wait: \
             `gonogo plan GUIDE` shows the commands",
        ))
    }
}

/// Waits until nobody holds the run.
async fn is_free(run: &str, patience: Duration) -> color_eyre::Result<bool> {
    let directory = kept::directory_of(run)?;
    let began = Instant::now();
    while RunLock::holder(&directory)?.is_some() {
        if began.elapsed() > patience {
            return Ok(false);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(true)
}

/// Asks the process of a run to end, and waits until it has. The run stays as it is.
pub(super) async fn park(run: &str) -> color_eyre::Result<Option<u32>> {
    let directory = kept::directory_of(run)?;
    let Some(holder) = holder(&directory).await else {
        return Ok(None);
    };
    if let Owner::Silent(silent) = of(run).await? {
        return Err(silent.trouble());
    }
    signal_exactly(&holder.process(), Signal::TERM)?;
    match is_free(run, LEAVING).await? {
        true => Ok(Some(holder.pid)),
        false => Err(Trouble::failed(
            format!(
                "process {} was asked to end {} s ago and is still there",
                holder.pid,
                LEAVING.as_secs()
            ),
            format!("see `{}`", directory.join("supervisor.log").display()),
        )),
    }
}
