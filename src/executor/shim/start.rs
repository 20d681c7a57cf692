//! Starts the child of an action: on its two terminals, with the input that its kind takes.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};

use rustix::process::Signal;

use super::dump::Listener;
use super::feed::Feed;
use super::keyboard::Keyboard;
use super::output::Stream;
use super::prepare;
use super::proof::{self, Gate};
use super::refused::Refused;
use super::shell::environment_of;
use super::terminal::Terminal;
use crate::executor::channel;
use crate::executor::process;
use crate::executor::{ActionKind, ShimSpec};

/// A child, and the shim's ends of everything that leads to it.
pub(super) struct Spawned {
    pub(super) child: Child,
    pub(super) out: OwnedFd,
    pub(super) err: OwnedFd,
    pub(super) told: Option<OwnedFd>,
    pub(super) feed: Option<Feed>,
    /// Where its session proves which database it has reached.
    pub(super) gate: Option<Gate>,
    pub(super) keyboard: Option<Keyboard>,
    /// The variables it was given.
    pub(super) environment: BTreeMap<String, Vec<u8>>,
    pub(super) listener: Option<Listener>,
}

/// Starts the child.
pub(super) fn spawn(
    spec: &ShimSpec,
    directory: &Path,
    out_stream: &mut Stream,
) -> Result<Spawned, Refused> {
    let mut command = prepare::command(spec, directory)?;
    let script = match &spec.kind {
        ActionKind::Sql { script, .. } => Some(script),
        ActionKind::Shell { .. } | ActionKind::Http { .. } => None,
    };
    // The rounds of a repeated check wait for nobody.
    let alone = spec.every_s.is_some();
    let is_shell = !alone && matches!(spec.kind, ActionKind::Shell { .. });
    let holds = if alone { &[][..] } else { &spec.holds };
    let is_held = script.is_some() && !holds.is_empty();
    if script.is_none() {
        proof::beside(spec, directory)?;
    }
    let gate = gate(spec, script.is_some(), directory)?;
    let told = match (is_held || is_shell).then(|| channel::open(directory)) {
        Some(Err(error)) if is_held => {
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
    let out = Terminal::open(is_shell).map_err(no_terminal)?;
    let err = Terminal::open(false).map_err(no_terminal)?;
    // A session that already has a terminal (the shim was not started by a launcher) keeps it.
    if let Err(error) = out.control() {
        tracing::debug!(%error, "no controlling terminal");
    }
    let foreground = out.ours.try_clone().map_err(no_terminal)?;
    if script.is_some() {
        command.stdin(Stdio::piped());
    } else if is_shell && spec.keyboard {
        command.stdin(Stdio::from(out.theirs.try_clone().map_err(no_terminal)?));
    }
    let program = command.get_program().to_string_lossy().into_owned();
    let environment = environment_of(&command);
    let listener = match &spec.kind {
        ActionKind::Shell { .. } => Listener::new(directory).map_err(|error| {
            Refused::new(format!("no pipe to the shell: {error}; nothing was run"))
        })?,
        ActionKind::Sql { .. } | ActionKind::Http { .. } => None,
    };
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
    let mut feed = None;
    if let (Some(script), Some(input)) = (script, child.stdin.take()) {
        let made = Feed::new(script, holds, input.into(), directory, out_stream);
        // Without its input psql ends by itself: nothing of the script was sent.
        let mut made = made.map_err(|error| {
            Refused::new(format!(
                "its script cannot be given to it: {error}; nothing was run"
            ))
        })?;
        if gate.is_some() {
            made.wait_for_proof();
        }
        feed = Some(made);
    }
    let keyboard = match is_shell.then(|| out.ours.try_clone()) {
        Some(Ok(terminal)) => Some(Keyboard::new(terminal, directory.to_owned())),
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
        told,
        feed,
        gate,
        keyboard,
        environment,
        listener,
    })
}

fn gate(spec: &ShimSpec, is_sql: bool, directory: &Path) -> Result<Option<Gate>, Refused> {
    let Some(expected) = spec.expected.as_ref().filter(|_| is_sql) else {
        return Ok(None);
    };
    let made = Gate::new(directory, expected);
    made.map(Some).map_err(|error| {
        Refused::new(format!(
            "its database cannot prove which one it is: {error}; nothing was run"
        ))
    })
}
