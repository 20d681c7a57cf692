//! What an action leaves behind: kept alive as long as it needs the shim, and buried when it ends.

use std::io;
use std::time::Duration;

use rustix::process::WaitOptions;

use super::reading::{Reader, read_turn, readable};
use super::signals::Signals;
use crate::executor::process::{self, Process};

/// How often processes that were left behind are looked for; those left to the shim tell it
/// themselves.
const LINGER: Duration = Duration::from_secs(10);

/// Keeps the terminal open for those that the action left in the background: they would be hung up on
/// if the leader of their session went, and fail to print if the terminal did.
pub(super) async fn linger(
    mut out: Reader,
    mut err: Reader,
    signals: &mut Signals,
) -> io::Result<()> {
    loop {
        let was_open = (out.is_some(), err.is_some());
        let look_around = tokio::select! {
            Some(()) = signals.terminate.recv() => return Ok(()),
            Some(()) = signals.interrupt.recv() => return Ok(()),
            Some(()) = signals.child.recv() => true,
            ready = readable(&out), if out.is_some() => { ready?; false }
            ready = readable(&err), if err.is_some() => { ready?; false }
            () = tokio::time::sleep(LINGER) => true,
        };
        read_turn(&mut out, |_| {});
        read_turn(&mut err, |_| {});
        if (look_around || was_open != (out.is_some(), err.is_some())) && !is_needed(&out, &err) {
            return Ok(());
        }
    }
}

/// Whether anybody still depends on the shim; buries those who have ended.
fn is_needed(out: &Reader, err: &Reader) -> bool {
    let own = std::process::id();
    let left = process::descendants(own);
    bury(&left, None);
    out.is_some()
        || err.is_some()
        || left
            .iter()
            .any(|process| !process.zombie && process.session == own)
}

/// Buries what was left to the shim and has ended, one by one: the child itself is waited for
/// elsewhere.
pub(super) fn bury(left: &[Process], child: Option<u32>) {
    let own = std::process::id();
    let dead = left
        .iter()
        .filter(|process| process.zombie && process.parent == own && Some(process.pid) != child);
    for process in dead {
        if let Some(pid) = process::raw_pid(process.pid)
            && let Err(error) = rustix::process::waitpid(Some(pid), WaitOptions::NOHANG)
        {
            tracing::debug!(%error, "buried already");
        }
    }
}
