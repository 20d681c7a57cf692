//! A check that is run again and again: round after round into one spool, each closed by a remark with
//! its number and exit code, until somebody ends it.

use std::io;
use std::path::Path;
use std::time::Duration;

use chrono::Utc;
use rustix::process::Signal;
use tokio::time::Instant;

use super::action::Action;
use super::exit::ExitFile;
use super::output::Spool;
use super::signals::Signals;
use crate::executor::rounds::RoundEnd;
use crate::executor::{ShimSpec, process};

/// Runs rounds, one every `every` at most, and writes the exit record when it is cancelled.
pub(super) async fn run(
    spec: &ShimSpec,
    every: Duration,
    directory: &Path,
    mut spool: Spool,
    exit_file: ExitFile,
    mut signals: Signals,
) -> io::Result<()> {
    let started = Utc::now();
    let mut number = 0;
    loop {
        number += 1;
        let began = Instant::now();
        let mut action = match Action::begin(spec, directory, spool, started)? {
            Ok(action) => action,
            Err(refused) => return exit_file.write(&refused),
        };
        action.watch(&mut signals).await?;
        let (mut record, _) = action.conclude(started);
        // Another database answers: no round is for that one.
        if record.cancelled || record.another.is_some() {
            return exit_file.write(&record);
        }
        spool = action.into_spool();
        let end = RoundEnd {
            number,
            exit: record.code().unwrap_or(-1),
            elapsed_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        spool.note(&end.to_string());
        spool.flush();
        tokio::select! {
            Some(()) = signals.terminate.recv() => {}
            Some(()) = signals.interrupt.recv() => {}
            () = tokio::time::sleep_until(began + every) => continue,
        }
        // Between two rounds there is nothing to end but what they left behind.
        process::signal_all(&process::descendants(std::process::id()), Signal::TERM);
        spool.note("cancelled");
        spool.flush();
        record.cancelled = true;
        record.ended = Utc::now();
        record.elapsed_ms = spool.elapsed_ms();
        record.lines = spool.lines;
        record.bytes = spool.bytes;
        return exit_file.write(&record);
    }
}
