//! Starts the child of an action: on its two terminals, with the input that its kind takes.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};

use rustix::process::Signal;

use super::feed::{self, Feed};
use super::keyboard::Keyboard;
use super::prepare;
use super::proof::{self, Gate};
use super::psql::Session;
use super::refused::Refused;
use super::terminal::{Echo, Terminal};
use crate::executor::channel;
use crate::executor::process;
use crate::executor::{ActionKind, ShimSpec};

/// A child, and the shim's ends of everything that leads to it.
pub(super) struct Spawned {
    pub(super) child: Child,
    pub(super) out: OwnedFd,
    pub(super) err: OwnedFd,
    /// Holds on its ends of both.
    pub(super) echoes: [Echo; 2],
    pub(super) told: Option<OwnedFd>,
    pub(super) feed: Feed,
    /// Where its session proves which database it has reached.
    pub(super) gate: Option<Gate>,
    /// What psql prints when it has done a command, and what is echoed behind its output.
    pub(super) words: [String; 2],
    pub(super) keyboard: Option<Keyboard>,
}

/// Starts the child.
pub(super) fn spawn(spec: &ShimSpec, directory: &Path) -> Result<Spawned, Refused> {
    let mut command = prepare::command(spec, directory)?;
    let is_shell = matches!(spec.kind, ActionKind::Shell { .. });
    // The rounds of a repeated check wait for nobody.
    let alone = spec.every_s.is_some();
    let (sql, holds) = session(spec, alone);
    if sql.is_none() {
        proof::beside(spec, directory)?;
    }
    let gate = gate(spec, sql.is_some(), directory)?;
    let hears = holds || is_shell && !alone;
    let told = match hears.then(|| channel::open(directory)) {
        Some(Err(error)) if holds => {
            let reason = format!("its transaction could not be held: {error}; nothing was run");
            return Err(Refused::new(reason));
        }
        Some(Err(error)) => {
            eprintln!("gonogo shim: nothing can be typed to the action: {error}");
            None
        }
        Some(Ok(told)) => Some(told),
        None => None,
    };
    let no_terminal = |error: io::Error| Refused::new(format!("no terminal: {error}"));
    let out = Terminal::open(is_shell && hears, spec.keyboard).map_err(no_terminal)?;
    let err = Terminal::open(false, spec.keyboard).map_err(no_terminal)?;
    // A session that already has a terminal (the shim was not started by a launcher) keeps it.
    if let Err(error) = out.control() {
        tracing::debug!(%error, "no controlling terminal");
    }
    let foreground = out.ours.try_clone().map_err(no_terminal)?;
    if is_shell && hears && spec.keyboard {
        command.stdin(Stdio::from(out.theirs.try_clone().map_err(no_terminal)?));
    }
    let not_fed = |error: io::Error| {
        Refused::new(format!(
            "its commands cannot be fed to it: {error}; nothing was run"
        ))
    };
    let word = feed::word().map_err(not_fed)?;
    let echoed = feed::word().map_err(not_fed)?;
    // A bash opens its pipe at once.
    let bash = match is_shell {
        true => Some(Feed::bash(directory, &word, &spec.shell).map_err(not_fed)?),
        false => None,
    };
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdout(Stdio::from(out.theirs))
        .stderr(Stdio::from(err.theirs))
        .process_group(0)
        .spawn()
        .map_err(|error| prepare::cannot_start(&program, &error))?;
    if let Some(group) = process::raw_pid(child.id())
        && rustix::termios::tcsetpgrp(&foreground, group).is_ok()
    {
        // It may have been stopped for using `/dev/tty` before it was in the foreground.
        if let Err(error) = rustix::process::kill_process_group(group, Signal::CONT) {
            tracing::debug!(%error, "it has ended already");
        }
    }
    let feed = match (bash, sql, child.stdin.take()) {
        (Some(feed), ..) => feed,
        // Without its input psql ends by itself: nothing was sent.
        (None, Some(session), Some(input)) => {
            Feed::psql(directory, &word, input.into(), session).map_err(not_fed)?
        }
        _ => return Err(not_fed(io::Error::other("it has no input"))),
    };
    let both =
        || -> io::Result<[OwnedFd; 2]> { Ok([out.ours.try_clone()?, err.ours.try_clone()?]) };
    let keyboard = match (is_shell && hears).then(both) {
        Some(Ok(terminals)) => Some(Keyboard::new(terminals, directory.to_owned())),
        Some(Err(error)) => {
            eprintln!("gonogo shim: nothing can be typed to the action: {error}");
            None
        }
        None => None,
    };
    Ok(Spawned {
        child,
        out: out.ours,
        err: err.ours,
        echoes: [out.echo, err.echo],
        told,
        feed,
        gate,
        words: [word, echoed],
        keyboard,
    })
}

/// The session of an SQL action, and whether it is held somewhere.
fn session(spec: &ShimSpec, alone: bool) -> (Option<Session>, bool) {
    let ActionKind::Sql {
        commands,
        single_transaction,
        ..
    } = &spec.kind
    else {
        return (None, false);
    };
    let session = Session {
        waits: !alone,
        single_transaction: *single_transaction,
        unproved: spec.expected.is_some(),
    };
    let holds = !alone && commands.iter().any(|command| command.hold);
    (Some(session), holds)
}

fn gate(spec: &ShimSpec, is_sql: bool, directory: &Path) -> Result<Option<Gate>, Refused> {
    let Some(expected) = spec.expected.as_ref().filter(|_| is_sql) else {
        return Ok(None);
    };
    let made = Gate::new(directory, expected);
    made.map(Some).map_err(|error| {
        Refused::new(format!(
            "its database cannot prove its identity: {error}; nothing was run"
        ))
    })
}
