//! What a process says about itself when things go wrong, and what it leaves behind: no secret, and
//! nothing that could drive a terminal.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::LazyLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::print;
use crate::monitor::known_passwords;
use crate::text::redact::Redactor;
use crate::text::scrub::{scrub_line, visible};

/// The passwords that this process could know.
static KNOWN: LazyLock<Redactor> = LazyLock::new(|| Redactor::new(known_passwords()));

/// Text without the passwords that this process could know, and without what looks like one.
pub(super) fn masked(text: &str) -> String {
    KNOWN.redact_text(text)
}

/// Gets ready to write a log: looking for passwords may itself have something to say.
pub(super) fn log() -> Log {
    LazyLock::force(&KNOWN);
    Log
}

/// Says why the arguments mean nothing, or prints the help that was asked for. The colours are clap's
/// own; the arguments may hold anything.
pub(super) fn misused(error: &clap::Error) -> ExitCode {
    let rendered = error.render();
    let to_out = !error.use_stderr();
    let on_terminal = match to_out {
        true => std::io::stdout().is_terminal(),
        false => std::io::stderr().is_terminal(),
    };
    let text = match on_terminal && std::env::var_os("NO_COLOR").is_none() {
        true => rendered.ansi().to_string(),
        false => rendered.to_string(),
    };
    let lines: String = text
        .lines()
        .map(|line| format!("{}\n", scrub_line(line, true)))
        .collect();
    let written = match to_out {
        true => print::bytes(lines.as_bytes()),
        false => print::error_bytes(lines.as_bytes()),
    };
    if let Err(error) = written {
        tracing::debug!(%error, "nobody reads the help");
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// The memory of this process, and of what it starts, holds secrets: no core is written of it. A step
/// that wants one says `ulimit -c unlimited`.
pub(super) fn leave_no_core() {
    let limit = Rlimit {
        current: Some(0),
        ..getrlimit(Resource::Core)
    };
    if let Err(error) = setrlimit(Resource::Core, limit) {
        tracing::debug!(%error, "a crash may write a core");
    }
}

/// A file that meets the limit of its size (`ulimit -f`) is an error of the write, not the end of this
/// process. To be called inside the runtime; what it starts has the default again.
pub(super) fn bear_limits() {
    use tokio::signal::unix::{SignalKind, signal};
    let too_large = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
    if let Err(error) = signal(too_large) {
        tracing::debug!(%error, "a file that is too large ends this process");
    }
}

/// Panics and errors are reported without the environment, without colours (a log has none), masked.
pub(super) fn report_panics() {
    let (panic_hook, error_hook) = color_eyre::config::HookBuilder::default()
        .display_env_section(false)
        .theme(color_eyre::config::Theme::new())
        .into_hooks();
    if let Err(error) = error_hook.install() {
        print::say!("gonogo: {error}");
    }
    std::panic::set_hook(Box::new(move |panic| {
        print::say!("{}", masked(&panic_hook.panic_report(panic).to_string()));
    }));
}

/// A log without what could drive the terminal of whoever reads it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Log;

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let text = masked(&String::from_utf8_lossy(bytes));
        print::error_bytes(visible(&text).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_with_a_connection_string_says_no_password() {
        let said = masked("cannot connect to `postgres://app:hunter22@db/app` (password=hunter22)");
        assert!(!said.contains("hunter22"), "{said}");
        assert!(said.contains("db/app"), "{said}");
    }
}
