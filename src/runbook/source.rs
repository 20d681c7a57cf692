//! The text of a guide and where things stand in it. Bytes are decoded once, here: UTF-8 with or
//! without a byte order mark, line ends of any system, and UTF-8 that was once read as Mac Roman, which
//! is undone only where the whole file allows it. What could drive a terminal or deceive a reader does
//! not get past here.

use super::diagnostic::{Diagnostic, Severity};
use crate::text::scrub::{is_clean, is_hidden};

/// Decoded text; lines end with `\n`. Line numbers are those of the file.
pub(super) struct Source {
    pub text: String,
    line_starts: Vec<usize>,
    pub repaired: Option<String>,
    pub diagnostics: Vec<Diagnostic>,
    /// What stood in the file and is not in the text: the gravest of each line, by line.
    pub hidden: Vec<Hidden>,
}

/// A character of the file that has no place in what an operator must be able to trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hidden {
    pub line: usize,
    /// In characters of the text, counted from 1.
    pub column: usize,
    pub character: char,
}

impl Hidden {
    /// It drives a terminal or reorders text, and `\u{FFFD}` stands in its place. Others are not seen
    /// anywhere; they are left out.
    pub fn is_grave(self) -> bool {
        is_grave(self.character)
    }
}

fn is_grave(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
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
            Err(error) if utf16(bytes).is_none() => {
                let at = error.valid_up_to();
                let known = windows_1252(bytes);
                diagnostics.push(not_utf8(bytes, at, known.is_some()));
                repaired = known.is_some().then(|| "windows-1252".to_owned());
                known.unwrap_or_else(|| String::from_utf8_lossy(bytes).into_owned())
            }
            Err(_) => {
                repaired = Some("utf-16".to_owned());
                utf16(bytes).unwrap_or_default()
            }
        };
        let (text, hidden) = without_hidden(normalize(text));
        let line_starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(index, _)| index + 1))
            .collect();
        Self {
            text,
            line_starts,
            repaired,
            diagnostics,
            hidden,
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

/// Text that begins with the byte order mark of UTF-16 and is nothing else.
fn utf16(bytes: &[u8]) -> Option<String> {
    let read = match bytes.get(..2)? {
        [0xff, 0xfe] => u16::from_le_bytes,
        [0xfe, 0xff] => u16::from_be_bytes,
        _ => return None,
    };
    let (pairs, []) = bytes[2..].as_chunks::<2>() else {
        return None;
    };
    char::decode_utf16(pairs.iter().map(|pair| read(*pair)))
        .collect::<Result<_, _>>()
        .ok()
}

/// Windows-1252, 0x80 to 0x9F; what it leaves undefined is U+FFFD. From 0xA0 on it is Latin-1.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{fffd}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{fffd}', 'Ž',
    '\u{fffd}', '\u{fffd}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{fffd}',
    'ž', 'Ÿ',
];

fn of_windows_1252(byte: u8) -> char {
    match byte.checked_sub(0x80) {
        Some(index) if index < 32 => WINDOWS_1252[usize::from(index)],
        _ => char::from(byte),
    }
}

/// Text of one byte a character. `None` where UTF-8 is mixed in, where a byte means nothing, or where
/// control characters say that it is no text.
fn windows_1252(bytes: &[u8]) -> Option<String> {
    let wide = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    let mixed = wide || bytes.utf8_chunks().any(|chunk| !chunk.valid().is_ascii());
    let text: String = bytes.iter().map(|byte| of_windows_1252(*byte)).collect();
    let odd = text
        .chars()
        .any(|character| character == '\u{fffd}' || character < ' ' && !character.is_whitespace());
    (!mixed && !odd).then_some(text)
}

/// Says which byte it is, where, what it may mean, and how to convert the file.
fn not_utf8(bytes: &[u8], at: usize, read: bool) -> Diagnostic {
    let before = &bytes[..at];
    let start = before
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let byte = bytes.get(at).copied().unwrap_or_default();
    let place = format!("byte {} of the file (0x{byte:02X}) is not UTF-8", at + 1);
    let (severity, message, from) = match (read, of_windows_1252(byte)) {
        (true, character) => (
            Severity::Warning,
            format!("{place}; the file is read as Windows-1252, where it is `{character}`"),
            "WINDOWS-1252",
        ),
        (false, _) => (
            Severity::Error,
            format!("{place}; what could not be read is shown as `\u{fffd}`"),
            "ENCODING",
        ),
    };
    Diagnostic {
        severity,
        code: "not-utf8".to_owned(),
        line,
        column: String::from_utf8_lossy(&bytes[start..at]).chars().count() + 1,
        width: 1,
        message,
        help: format!("save the guide as UTF-8: `iconv -f {from} -t UTF-8 GUIDE > COPY`"),
        also: Vec::new(),
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

/// Takes out what is hidden. Lines stay what they are.
fn without_hidden(text: String) -> (String, Vec<Hidden>) {
    if is_clean(&text) {
        return (text, Vec::new());
    }
    let mut out = String::with_capacity(text.len());
    let mut hidden: Vec<Hidden> = Vec::new();
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let mut column = 1;
        let mut found: Option<Hidden> = None;
        for character in line.chars() {
            if !is_hidden(character) {
                out.push(character);
                column += 1;
                continue;
            }
            let grave = is_grave(character);
            if found.is_none_or(|found| grave && !found.is_grave()) {
                found = Some(Hidden {
                    line: index + 1,
                    column,
                    character,
                });
            }
            if grave {
                out.push('\u{fffd}');
                column += 1;
            }
        }
        hidden.extend(found);
    }
    (out, hidden)
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
        let source = Source::decode(b"one\ntw\xf6 \x93x\x94\n");
        assert_eq!(source.text, "one\ntwö “x”\n");
        assert_eq!(source.repaired.as_deref(), Some("windows-1252"));
        let found = &source.diagnostics[0];
        assert_eq!((found.line, found.column), (2, 3));
        assert!(
            found.message.contains("byte 7 of the file (0xF6)") && found.message.contains("`ö`")
        );
        assert!(found.help.contains("iconv -f WINDOWS-1252"));
        // UTF-8 and something else in one file: nobody can tell what the bytes mean.
        let source = Source::decode(
            "é\n"
                .bytes()
                .chain(*b"\xf6\n")
                .collect::<Vec<_>>()
                .as_slice(),
        );
        assert_eq!(source.text, "é\n\u{fffd}\n");
        assert_eq!(source.repaired, None);
        assert_eq!(source.diagnostics[0].severity, Severity::Error);
    }

    #[test]
    fn nothing_hidden_gets_into_the_text() {
        let source = Source::decode(
            "# a\u{1b}]0;x\u{7}\nzero\u{200b}\u{202e}width\u{ad}\ntab\there\n".as_bytes(),
        );
        assert_eq!(
            source.text,
            "# a\u{fffd}]0;x\u{fffd}\nzero\u{fffd}width\ntab\there\n"
        );
        let found: Vec<_> = source
            .hidden
            .iter()
            .map(|hidden| (hidden.line, hidden.column, hidden.character))
            .collect();
        assert_eq!(found, [(1, 4, '\u{1b}'), (2, 5, '\u{202e}')]);
        // Nothing else is touched: blanks that cannot be broken, emoji with their selectors.
        let kept = "a\u{a0}b ⚠\u{fe0f} ü é 東京\n";
        assert_eq!(Source::decode(kept.as_bytes()).text, kept);
    }

    #[test]
    fn utf16_is_read() {
        for order in [u16::to_le_bytes, u16::to_be_bytes] {
            let bytes: Vec<u8> = "\u{feff}# é\r\n🎯".encode_utf16().flat_map(order).collect();
            let source = Source::decode(&bytes);
            assert_eq!(source.text, "# é\n🎯");
            assert_eq!(source.repaired.as_deref(), Some("utf-16"));
        }
        assert_eq!(Source::decode(b"\xff\xfea").repaired, None);
    }
}
