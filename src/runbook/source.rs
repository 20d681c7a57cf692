//! The text of a guide and where things stand in it. Bytes are decoded once, here: UTF-8 with or
//! without a byte order mark, line ends of any system, and UTF-8 that was once read as Mac Roman, which
//! is undone only where the whole file allows it.

use super::diagnostic::{Diagnostic, Severity};

/// Decoded text; lines end with `\n`. Line numbers are those of the file.
pub(super) struct Source {
    pub text: String,
    line_starts: Vec<usize>,
    pub repaired: Option<String>,
    pub diagnostics: Vec<Diagnostic>,
}

impl Source {
    pub fn decode(bytes: &[u8]) -> Self {
        let mut diagnostics = Vec::new();
        let mut repaired = None;
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => match undo_macroman(text) {
                Some(original) => {
                    repaired = Some("macroman".to_owned());
                    original
                }
                None => text.to_owned(),
            },
            Err(error) => {
                let before = &bytes[..error.valid_up_to()];
                let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
                diagnostics.push(Diagnostic {
                    severity: Severity::Warning,
                    code: "not-utf8".to_owned(),
                    line,
                    column: 1,
                    width: 1,
                    message: format!(
                        "byte {} of the file is not UTF-8; what could not be read is shown as `\u{fffd}`",
                        error.valid_up_to() + 1
                    ),
                    help: "save the guide as UTF-8, for example with `iconv -t UTF-8`".to_owned(),
                });
                String::from_utf8_lossy(bytes).into_owned()
            }
        };
        let text = normalize(text);
        let line_starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(index, _)| index + 1))
            .collect();
        Self {
            text,
            line_starts,
            repaired,
            diagnostics,
        }
    }

    /// Line of a byte, counted from 1.
    pub fn line(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }

    pub fn line_text(&self, line: usize) -> &str {
        let Some(start) = line
            .checked_sub(1)
            .and_then(|index| self.line_starts.get(index))
        else {
            return "";
        };
        let end = self
            .line_starts
            .get(line)
            .map_or(self.text.len(), |next| next - 1);
        &self.text[*start..end]
    }

    /// Column (in characters, from 1) and width of the first occurrence of `needle` in a line; the whole
    /// line, without its indentation, where it does not occur.
    pub fn locate(&self, line: usize, needle: &str) -> (usize, usize) {
        let text = self.line_text(line);
        match text.find(needle).filter(|_| !needle.is_empty()) {
            Some(at) => (
                text[..at].chars().count() + 1,
                needle.chars().count().max(1),
            ),
            None => {
                let trimmed = text.trim_start();
                let indent = text[..text.len() - trimmed.len()].chars().count();
                (indent + 1, trimmed.trim_end().chars().count().max(1))
            }
        }
    }
}

/// Line ends of all systems become `\n`; NUL, which no command can carry, becomes U+FFFD.
fn normalize(text: String) -> String {
    if !text.contains(['\r', '\0']) {
        return text;
    }
    text.replace("\r\n", "\n")
        .replace('\r', "\n")
        .replace('\0', "\u{fffd}")
}

/// Mac Roman, 0x80 to 0xFF.
const MACROMAN: &str = "ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø¿¡¬√ƒ≈∆«»…\u{a0}ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\u{f8ff}ÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ";

/// The text as it was before somebody read its UTF-8 as Mac Roman. `None` unless every character goes
/// back to a byte, the bytes are UTF-8, and the text has fewer characters outside ASCII than before: a
/// guide in German is full of `ü`, and a lone `ü` is no UTF-8.
fn undo_macroman(text: &str) -> Option<String> {
    if text.is_ascii() {
        return None;
    }
    let table: std::collections::HashMap<char, u8> = MACROMAN
        .chars()
        .zip(0x80..=0xff)
        .chain([('¤', 0xdb), ('Ω', 0xbd)])
        .collect();
    let mut bytes = Vec::with_capacity(text.len());
    let mut before = 0_usize;
    for character in text.chars() {
        if character.is_ascii() {
            bytes.push(character as u8);
        } else {
            before += 1;
            bytes.push(*table.get(&character)?);
        }
    }
    let original = String::from_utf8(bytes).ok()?;
    let after = original
        .chars()
        .filter(|character| !character.is_ascii())
        .count();
    let clean = !original
        .chars()
        .any(|character| ('\u{80}'..'\u{a0}').contains(&character));
    (clean && after < before).then_some(original)
}

/// Text with the damage of [`undo_macroman`]: what has to be written into a damaged file so that it
/// reads as `text` after the repair.
pub(super) fn as_macroman(text: &str) -> String {
    let table: Vec<char> = MACROMAN.chars().collect();
    text.bytes()
        .map(|byte| match byte.checked_sub(0x80) {
            Some(index) => table
                .get(usize::from(index))
                .copied()
                .unwrap_or(char::from(byte)),
            None => char::from(byte),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_undone_without_loss() {
        let original = "## 🎯 Zero downtime — 450ms → 5ms ✅\n";
        let source = Source::decode(as_macroman(original).as_bytes());
        assert_eq!(source.text, original);
        assert_eq!(source.repaired.as_deref(), Some("macroman"));
    }

    #[test]
    fn good_text_in_any_language_is_left_alone() {
        for text in [
            "Überprüfe die Größe für später — ‚gut‘ ✅",
            "été √2 ≈ 1.41…",
            "Ωμέγα",
        ] {
            let source = Source::decode(text.as_bytes());
            assert_eq!(source.text, text);
            assert_eq!(source.repaired, None);
        }
        let mixed = format!("{} ✅ 日本", as_macroman("→ ✅"));
        assert_eq!(Source::decode(mixed.as_bytes()).repaired, None);
    }

    #[test]
    fn lines_of_every_system_count_alike() {
        for text in ["a\nb\nc", "a\r\nb\r\nc", "a\rb\rc", "\u{feff}a\nb\nc"] {
            let source = Source::decode(text.as_bytes());
            assert_eq!(source.text, "a\nb\nc");
            assert_eq!(source.line(4), 3);
            assert_eq!(source.line_text(2), "b");
            assert_eq!(source.line_text(9), "");
        }
    }

    #[test]
    fn other_encodings_open_with_a_diagnostic() {
        let source = Source::decode(b"one\ntw\xf6\n");
        assert_eq!(source.text, "one\ntw\u{fffd}\n");
        assert_eq!(source.diagnostics[0].line, 2);
        assert_eq!(source.diagnostics[0].code, "not-utf8");
    }
}
