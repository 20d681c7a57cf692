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
    let (held, is_shell) = match &spec.kind {
        // The rounds of a repeated check wait for nobody.
        _ if spec.every_s.is_some() => (None, false),
        ActionKind::Sql { script, .. } if !spec.holds.is_empty() => (Some(script), false),
        kind => (None, matches!(kind, ActionKind::Shell { .. })),
    };
    let told = match (held.is_some() || is_shell).then(|| channel::open(directory)) {
        Some(Err(error)) if held.is_some() => {
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
    if held.is_some() {
        command.stdin(Stdio::piped());
    } else if is_shell && spec.keyboard {
        command.stdin(Stdio::from(out.theirs.try_clone().map_err(no_terminal)?));
    }
    let program = command.get_program().to_string_lossy().into_owned();
    let environment = environment_of(&command);
    let listener = Listener::new(directory);
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
    if let (Some(script), Some(input)) = (held, child.stdin.take()) {
        let made = Feed::new(script, &spec.holds, input.into(), directory, out_stream);
        // Without its input psql ends by itself: nothing of the script was sent.
        feed = Some(made.map_err(|error| {
            Refused::new(format!(
                "its script cannot be held: {error}; nothing was run"
            ))
        })?);
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
        keyboard,
        environment,
        listener,
    })
}
