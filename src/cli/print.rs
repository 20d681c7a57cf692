//! Standard output that may be a closed pipe: `gonogo report | head` is no error.

use std::io::{ErrorKind, Write};

/// Writes to standard output.
///
/// # Errors
/// Where it cannot be written, a reader that has gone away excepted.
pub(super) fn out(text: &str) -> std::io::Result<()> {
    bytes(text.as_bytes())
}

/// Writes to standard output what need not be UTF-8.
///
/// # Errors
/// As [`out`].
pub(super) fn bytes(bytes: &[u8]) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Writes one JSON document.
///
/// # Errors
/// As [`out`].
pub(super) fn json(document: &impl serde::Serialize) -> color_eyre::Result<()> {
    let mut text = serde_json::to_string_pretty(document)?;
    text.push('\n');
    Ok(out(&text)?)
}

/// Writes a remark for the person at the prompt to standard error. Where that is closed nobody is
/// there to be told.
pub(super) fn remark(text: &str) {
    let mut stderr = std::io::stderr().lock();
    if let Err(error) = stderr.write_all(text.as_bytes()) {
        tracing::debug!(%error, "standard error is closed");
    }
}

/// A line on standard error.
macro_rules! say {
    ($($text:tt)*) => {
        $crate::cli::print::remark(&format!("{}\n", format_args!($($text)*)))
    };
}
pub(super) use say;
