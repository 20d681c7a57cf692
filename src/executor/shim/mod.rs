//! The shim: the process `gonogo shim DIR` that carries one action out. It needs nobody while it
//! works: what to do comes through its input at the start, everything else stands in its directory.
//!
//! Signals are how it is spoken to: SIGINT ends the action politely, SIGTERM urgently. When an action
//! ends by itself, processes that it put into the background stay, for a step may well start a
//! service; the shim then keeps their terminal open as long as they need it. When it is cancelled or
//! its time is up, everything it started is ended, wherever it went.

mod action;
mod batches;
mod by_key;
mod course;
mod ending;
mod exit;
mod feed;
mod flag;
mod http;
mod keyboard;
mod left;
mod leftovers;
mod lock_timeout;
mod output;
mod prepare;
mod proof;
mod psql;
mod reading;
mod refused;
mod report;
mod request;
mod rounds;
mod shell;
mod signals;
mod start;
mod terminal;

use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use chrono::Utc;

use self::exit::ExitFile;
pub(super) use self::exit::{EXIT_DRAFT, EXIT_ROOM};
pub(super) use self::feed::REPORT_PIPE;
use self::output::Spool;
pub(super) use self::prepare::{PROOF_FILE, SCRIPT_PIPE};
use self::signals::Signals;
use super::launcher::{Claim, claim_directory};
use super::{ActionKind, ExitRecord, ShimSpec, process};

/// Files that an action is carried out by.
pub(super) const SCRIPTS: [&str; 8] = [
    flag::SCRIPT,
    "script.sh",
    "script.sql",
    "variables.sql",
    "begin.sql",
    shell::HOLDS_FILE,
    prepare::PROOF_SCRIPT,
    proof::ANSWER,
];

/// Carries out the action of this directory; the specification comes on standard input as JSON.
/// Returns the exit code of the shim itself: 0 where the exit record tells the rest.
pub fn main(directory: &Path) -> i32 {
    match run(directory) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("gonogo shim: `{}`: {error}", directory.display());
            1
        }
    }
}

fn run(directory: &Path) -> io::Result<()> {
    leave_the_supervisor();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut signals = runtime.block_on(async { Signals::new() })?;
    let mut text = Vec::new();
    io::stdin().lock().read_to_end(&mut text)?;
    let exit_file = ExitFile::reserve(directory)?;
    let spec: ShimSpec = match serde_json::from_slice(&text) {
        Ok(spec) => spec,
        // The supervisor died while it wrote.
        Err(error) => {
            claim(directory)?;
            let now = Utc::now();
            return exit_file.write(&ExitRecord {
                started: now,
                ended: now,
                error: Some(format!(
                    "its instructions arrived incomplete ({error}); nothing was run"
                )),
                ..ExitRecord::default()
            });
        }
    };
    drop(text);
    let secrets = spec.secrets.values().chain(&spec.redact).cloned().collect();
    let mut spool = Spool::create(directory, secrets)?;
    // The last before anything runs: without a claim it is certain that nothing did.
    claim(directory)?;
    runtime.block_on(async {
        let seen = match &spec.flag {
            None => None,
            Some(flag) => {
                match flag::capture(&spec, flag, directory, &mut spool, &mut signals).await {
                    Ok(seen) => Some(seen),
                    Err(not_set) => return exit_file.write(&not_set),
                }
            }
        };
        match &spec.kind {
            ActionKind::Http { request } => {
                http::run(&spec, directory, request, spool, exit_file, signals, seen).await
            }
            ActionKind::Shell { .. } | ActionKind::Sql { .. } if spec.every_s.is_some() => {
                let every = Duration::from_secs(spec.every_s.unwrap_or(1).max(1));
                rounds::run(&spec, every, directory, spool, exit_file, signals).await
            }
            ActionKind::Shell { .. } | ActionKind::Sql { .. } => {
                action::run(&spec, directory, spool, exit_file, signals, seen).await
            }
        }
    })
}

fn claim(directory: &Path) -> io::Result<()> {
    let claim = Claim::Shim(process::launched(std::process::id()));
    match claim_directory(directory, &claim)? {
        true => Ok(()),
        false => Err(io::Error::other(
            "abandoned before it started; nothing was run",
        )),
    }
}

/// Makes the process independent of who started it, and parent of everything the action leaves behind.
fn leave_the_supervisor() {
    // Fails only where the process leads a session already.
    if let Err(error) = rustix::process::setsid() {
        tracing::debug!(%error, "no session of its own");
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_child_subreaper, set_dumpable_behavior};
        if let Err(error) = set_child_subreaper(Some(rustix::process::getpid())) {
            eprintln!("gonogo shim: processes that leave their group may escape: {error}");
        }
        // Secrets in its memory belong in no core file.
        if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
            eprintln!("gonogo shim: a core file might hold secrets: {error}");
        }
    }
}
