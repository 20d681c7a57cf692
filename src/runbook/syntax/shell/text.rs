//! What a word is once its quotes are taken away.

use super::lexer::Reader;
use super::{Piece, PieceKind, Quote, Script, Word};
use crate::runbook::syntax::Span;

/// One piece without its quoting.
fn plain(source: &str, piece: &Piece, text: &mut String) {
    let raw = piece.span.of(source);
    match (&piece.kind, piece.quote) {
        (PieceKind::Text, Quote::Escaped) => text.push_str(&raw[1.min(raw.len())..]),
        (PieceKind::Text, Quote::Double) => unescape(raw, &['$', '`', '"', '\\'], text),
        (PieceKind::Text, Quote::AnsiC) => ansi_c(raw, text),
        (PieceKind::Text, Quote::Here) => unescape(raw, &['$', '`', '\\'], text),
        _ => text.push_str(raw),
    }
}

impl Script {
    /// The text of some pieces without their quoting, each expansion as one NUL.
    pub fn outline(&self, pieces: &[Piece]) -> String {
        let mut text = String::new();
        for piece in pieces {
            match &piece.kind {
                PieceKind::Text | PieceKind::Pattern | PieceKind::Blank => {
                    plain(&self.source, piece, &mut text);
                }
                PieceKind::Array(words) => {
                    for word in words {
                        text.push_str(&self.outline(&word.pieces));
                        text.push('\0');
                    }
                }
                _ => text.push('\0'),
            }
        }
        text
    }
}

/// A word of these pieces.
pub(super) fn assembled(source: &str, span: Span, pieces: Vec<Piece>) -> Word {
    let mut text = String::with_capacity(span.end - span.start);
    for piece in &pieces {
        plain(source, piece, &mut text);
    }
    Word { span, text, pieces }
}

impl Reader {
    pub fn assembled(&self, span: Span, pieces: Vec<Piece>) -> Word {
        assembled(&self.source, span, pieces)
    }

    /// What is read of a here-document's body.
    pub fn here_text(&self, pieces: &[Piece], strips_tabs: bool) -> String {
        let mut text = String::new();
        for piece in pieces {
            plain(&self.source, piece, &mut text);
        }
        if !strips_tabs {
            return text;
        }
        let lines = text.split_inclusive('\n');
        lines.map(|line| line.trim_start_matches('\t')).collect()
    }
}

/// `\` before one of these characters or before the end of a line goes.
fn unescape(raw: &str, special: &[char], out: &mut String) {
    let mut characters = raw.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match characters.peek() {
            Some('\n') => {
                characters.next();
            }
            Some(next) if special.contains(next) => {
                out.push(*next);
                characters.next();
            }
            _ => out.push('\\'),
        }
    }
}

/// `\n`, `\t`, `\x41`, `\101`, `\u00e4` of `$'…'`.
fn ansi_c(raw: &str, out: &mut String) {
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(first) = rest.chars().next() else {
            out.push('\\');
            return;
        };
        let after = &rest[first.len_utf8()..];
        let (skipped, character) = match first {
            'a' => (0, Some('\u{7}')),
            'b' => (0, Some('\u{8}')),
            'e' | 'E' => (0, Some('\u{1b}')),
            'f' => (0, Some('\u{c}')),
            'n' => (0, Some('\n')),
            'r' => (0, Some('\r')),
            't' => (0, Some('\t')),
            'v' => (0, Some('\u{b}')),
            '\\' | '\'' | '"' | '?' => (0, Some(first)),
            'x' => number(after, 16, 2),
            'u' => number(after, 16, 4),
            'U' => number(after, 16, 8),
            '0'..='7' => {
                let (length, character) = number(rest, 8, 3);
                (length.saturating_sub(1), character)
            }
            _ => {
                out.push('\\');
                (0, Some(first))
            }
        };
        match character {
            Some(character) => out.push(character),
            None => {
                out.push('\\');
                out.push(first);
            }
        }
        rest = &after[skipped..];
    }
    out.push_str(rest);
}

/// A character by its number: how many digits it took.
fn number(text: &str, radix: u32, most: usize) -> (usize, Option<char>) {
    let digits = text
        .bytes()
        .take(most)
        .take_while(|byte| char::from(*byte).is_digit(radix))
        .count();
    let value = u32::from_str_radix(&text[..digits], radix).ok();
    (digits, value.and_then(char::from_u32))
}
