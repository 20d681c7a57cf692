//! Standard output that may be a closed pipe: `gonogo report | head` is no error. Text from outside was
//! scrubbed where it entered; names of files and arguments come straight here, so nothing that could
//! drive a terminal is written either, and no secret that somebody wrote into a guide.

use std::fmt::Write as _;
use std::io::{ErrorKind, Write};

use crate::text::scrub::{is_clean, is_hidden, visible};
use crate::text::written::{mask, masked};

/// Writes text to standard output.
///
/// # Errors
/// Where it cannot be written, a reader that has gone away excepted.
pub(super) fn out(text: &str) -> std::io::Result<()> {
    bytes(visible(&masked(text)).as_bytes())
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
    let mut document = serde_json::to_value(document)?;
    mask_strings(&mut document);
    let mut text = serde_json::to_string_pretty(&document)?;
    text.push('\n');
    if !is_clean(&text) {
        text = escaped(&text)?;
    }
    Ok(bytes(text.as_bytes())?)
}

/// Masks what was written into a guide in every text of a document.
fn mask_strings(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => mask(text),
        serde_json::Value::Array(items) => items.iter_mut().for_each(mask_strings),
        serde_json::Value::Object(fields) => fields.values_mut().for_each(mask_strings),
        _ => {}
    }
}

/// The same document, with what could drive a terminal or deceive a reader as `\uXXXX`.
fn escaped(json: &str) -> Result<String, std::fmt::Error> {
    let mut out = String::with_capacity(json.len() + 64);
    for character in json.chars() {
        if is_hidden(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
        } else {
            out.push(character);
        }
    }
    Ok(out)
}

/// Writes a remark for the person at the prompt to standard error. Where that is closed nobody is
/// there to be told.
pub(super) fn remark(text: &str) {
    if let Err(error) = error_bytes(visible(&masked(text)).as_bytes()) {
        tracing::debug!(%error, "standard error is closed");
    }
}

/// Writes to standard error what was made safe before.
///
/// # Errors
/// Where it cannot be written.
pub(super) fn error_bytes(bytes: &[u8]) -> std::io::Result<()> {
    std::io::stderr().lock().write_all(bytes)
}

/// A line on standard error.
macro_rules! say {
    ($($text:tt)*) => {
        $crate::cli::print::remark(&format!("{}\n", format_args!($($text)*)))
    };
}
pub(super) use say;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_of_a_document_is_masked() {
        let mut document = serde_json::json!({
            "steps": [{ "command": "PGPASSWORD=hunter psql", "lines": [1, 2] }],
            "password": null,
        });
        mask_strings(&mut document);
        let masked = serde_json::json!({
            "steps": [{ "command": "PGPASSWORD=‹redacted› psql", "lines": [1, 2] }],
            "password": null,
        });
        assert_eq!(document, masked);
    }

    #[test]
    fn json_says_the_same_without_the_characters() {
        let text = "a\u{202e}b\u{9b}2J\u{7f}\u{e0041}ü";
        let json = escaped(&serde_json::to_string(text).unwrap()).unwrap();
        assert!(is_clean(&json), "{json:?}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
