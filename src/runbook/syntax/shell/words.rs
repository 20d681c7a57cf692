//! Words with their quoting, and the bodies of here-documents.

use super::lexer::{Entry, Read, Reader};
use super::{HereDocument, Piece, PieceKind, Quote};
use crate::runbook::syntax::{Span, angle_blank};

/// What a word may be where it stands.
#[derive(Clone, Copy, Default)]
pub(super) struct WordPlace {
    /// `name=value` is an assignment.
    pub assigns: bool,
    /// `name=(…)` is one word.
    pub declares: bool,
    /// Inside of `[[ … ]]`.
    pub test: bool,
}

impl Reader {
    pub fn read_word(&mut self, place: WordPlace) -> Read<Entry> {
        let start = self.at;
        let mut pieces = Vec::new();
        let mut value = None;
        if place.assigns || place.declares {
            value = self.assignment_head(place.assigns, &mut pieces)?;
            if value.is_some() && self.byte(0) == b'(' {
                let array = self.array()?;
                pieces.push(array);
                let span = Span::new(start, self.at);
                let word = self.assembled(span, pieces);
                return Ok(Entry { word, value });
            }
        }
        self.pieces_of_word(place, &mut pieces)?;
        let word = self.assembled(Span::new(start, self.at), pieces);
        Ok(Entry { word, value })
    }

    /// The operand of `=~`: parentheses and bars are its own.
    pub fn read_regex(&mut self) -> Read<Entry> {
        let start = self.at;
        let mut pieces = Vec::new();
        let mut open = 0_usize;
        loop {
            self.pieces_of_word(
                WordPlace {
                    test: true,
                    ..WordPlace::default()
                },
                &mut pieces,
            )?;
            let from = self.at;
            match self.byte(0) {
                _ if self.is_done() => break,
                b'(' => open += 1,
                b')' if open > 0 => open -= 1,
                b'|' | b'<' | b'>' | b';' | b'&' | b' ' | b'\t' if open > 0 => {}
                b'|' if self.byte(1) != b'|' => {}
                _ => break,
            }
            self.at += 1;
            pieces.push(piece(from, self.at, Quote::Bare, PieceKind::Pattern));
        }
        let word = self.assembled(Span::new(start, self.at), pieces);
        Ok(Entry { word, value: None })
    }

    /// `name=`, `name+=`, `name[…]=`: where the value begins.
    fn assignment_head(&mut self, assigns: bool, pieces: &mut Vec<Piece>) -> Read<Option<usize>> {
        let start = self.at;
        let first = self.byte(0);
        if !(first.is_ascii_alphabetic() || first == b'_') {
            return Ok(None);
        }
        let bytes = self.rest().bytes();
        let name = bytes
            .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
            .count();
        self.at = start + name;
        let mut close = start;
        if self.byte(0) == b'[' && assigns {
            // Whatever follows the `]`: bash reads on to it, over blanks and line ends.
            self.at += 1;
            let subscript = self.at;
            let inner = self.arithmetic(b"]")?;
            pieces.push(piece(start, subscript, Quote::Bare, PieceKind::Text));
            pieces.extend(inner);
            close = self.at;
            self.at += 1;
            let text = Span::new(subscript, close).of(&self.source);
            let assigned = self.byte(0) == b'=' || self.byte(0) == b'+' && self.byte(1) == b'=';
            if !assigned && text.contains(|letter: char| " \t\n;&|<>()#".contains(letter)) {
                return self.fail(start, "it is unclear where a word with a `[` in it ends");
            }
        }
        let sign = match (self.byte(0), self.byte(1)) {
            (b'=', _) => 1,
            (b'+', b'=') => 2,
            _ => 0,
        };
        // Only `declare` and its kin take an array behind their first word.
        if sign == 0 || !assigns && self.byte(sign) != b'(' {
            self.at = start;
            pieces.clear();
            return Ok(None);
        }
        self.at += sign;
        pieces.push(piece(close, self.at, Quote::Bare, PieceKind::Text));
        Ok(Some(self.at))
    }

    /// `(a b "c d")` behind `name=`.
    fn array(&mut self) -> Read<Piece> {
        let start = self.at;
        self.deeper()?;
        self.at += 1;
        let mut words = Vec::new();
        loop {
            self.step()?;
            match self.byte(0) {
                _ if self.is_done() => return self.fail(start, "an array is never closed"),
                b' ' | b'\t' | b'\n' => self.at += 1,
                b'\\' if self.byte(1) == b'\n' => self.at += 2,
                b'#' => {
                    while !self.is_done() && self.byte(0) != b'\n' {
                        self.at += 1;
                    }
                }
                b')' => break,
                _ => {
                    let at = self.at;
                    let entry = self.read_word(WordPlace {
                        assigns: false,
                        ..WordPlace::default()
                    })?;
                    if self.at == at {
                        return self.fail(at, "unexpected character where a word should begin");
                    }
                    words.push(entry.word);
                }
            }
        }
        self.at += 1;
        self.depth -= 1;
        Ok(piece(start, self.at, Quote::Bare, PieceKind::Array(words)))
    }

    fn pieces_of_word(&mut self, place: WordPlace, pieces: &mut Vec<Piece>) -> Read<()> {
        let first = self.at;
        let mut from = self.at;
        loop {
            self.step()?;
            let at = self.at;
            match self.byte(0) {
                _ if self.is_done() => break,
                b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b')' => break,
                b'(' if (self.extglob || place.test)
                    && at > first
                    && matches!(
                        self.source.as_bytes()[at - 1],
                        b'?' | b'*' | b'+' | b'@' | b'!'
                    ) =>
                {
                    self.bare(from, pieces);
                    self.extended_pattern(pieces)?;
                    from = self.at;
                }
                b'(' => break,
                b'<' | b'>' if self.byte(1) == b'(' => {
                    self.bare(from, pieces);
                    let substitution = self.process()?;
                    pieces.push(substitution);
                    from = self.at;
                }
                b'<' => {
                    let Some(length) = angle_blank(self.rest()) else {
                        break;
                    };
                    self.bare(from, pieces);
                    self.at += length;
                    pieces.push(piece(at, self.at, Quote::Bare, PieceKind::Blank));
                    from = self.at;
                }
                b'>' => break,
                b'\\' => {
                    self.bare(from, pieces);
                    if self.byte(1) == b'\n' {
                        self.at += 2;
                    } else {
                        let length = self.rest()[1..].chars().next().map_or(0, char::len_utf8);
                        self.at += 1 + length;
                        pieces.push(piece(at, self.at, Quote::Escaped, PieceKind::Text));
                    }
                    from = self.at;
                }
                b'\'' => {
                    self.bare(from, pieces);
                    let text = self.single()?;
                    pieces.push(piece(text.start, text.end, Quote::Single, PieceKind::Text));
                    from = self.at;
                }
                b'"' => {
                    self.bare(from, pieces);
                    self.double(pieces)?;
                    from = self.at;
                }
                b'`' => {
                    self.bare(from, pieces);
                    let substitution = self.backquoted(Quote::Bare)?;
                    pieces.push(substitution);
                    from = self.at;
                }
                b'$' => {
                    self.bare(from, pieces);
                    match self.byte(1) {
                        b'\'' => {
                            let text = self.ansi_c()?;
                            pieces.push(piece(text.start, text.end, Quote::AnsiC, PieceKind::Text));
                        }
                        b'"' => {
                            self.at += 1;
                            self.double(pieces)?;
                        }
                        _ => {
                            let expansion = self.dollar(Quote::Bare)?;
                            pieces.push(expansion);
                        }
                    }
                    from = self.at;
                }
                _ => self.at += 1,
            }
        }
        self.bare(from, pieces);
        Ok(())
    }

    /// Bare text up to here.
    fn bare(&self, from: usize, pieces: &mut Vec<Piece>) {
        if from == self.at {
            return;
        }
        let text = &self.source[from..self.at];
        let leading = pieces.is_empty() && text.starts_with('~');
        let kind = match leading || text.contains(['*', '?', '[', '{']) {
            true => PieceKind::Pattern,
            false => PieceKind::Text,
        };
        pieces.push(piece(from, self.at, Quote::Bare, kind));
    }

    /// `(…)` of `@(…)`, as a part of a word.
    fn extended_pattern(&mut self, pieces: &mut Vec<Piece>) -> Read<()> {
        let start = self.at;
        self.deeper()?;
        self.at += 1;
        pieces.push(piece(start, self.at, Quote::Bare, PieceKind::Pattern));
        loop {
            let place = WordPlace {
                test: true,
                ..WordPlace::default()
            };
            self.pieces_of_word(place, pieces)?;
            let at = self.at;
            match self.byte(0) {
                _ if self.is_done() => return self.fail(start, "a pattern is never closed"),
                b'\n' => return self.fail(start, "a pattern is never closed"),
                byte => {
                    self.at += 1;
                    pieces.push(piece(at, self.at, Quote::Bare, PieceKind::Pattern));
                    if byte == b')' {
                        break;
                    }
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// The text between two `'`.
    pub fn single(&mut self) -> Read<Span> {
        let start = self.at + 1;
        match self.source[start..self.end].find('\'') {
            Some(length) => {
                self.at = start + length + 1;
                Ok(Span::new(start, start + length))
            }
            None => self.fail(self.at, "a `'` is never closed"),
        }
    }

    fn ansi_c(&mut self) -> Read<Span> {
        let start = self.at + 2;
        let mut at = start;
        let bytes = self.source.as_bytes();
        while at < self.end {
            match bytes[at] {
                b'\\' => at += 2,
                b'\'' => {
                    self.at = at + 1;
                    return Ok(Span::new(start, at));
                }
                _ => at += 1,
            }
        }
        self.fail(self.at, "a `$'` is never closed")
    }

    /// `"…"`, piece by piece.
    pub fn double(&mut self, pieces: &mut Vec<Piece>) -> Read<()> {
        let start = self.at;
        self.at += 1;
        let before = pieces.len();
        let mut from = self.at;
        loop {
            self.step()?;
            let at = self.at;
            match self.byte(0) {
                _ if self.is_done() => return self.fail(start, "a `\"` is never closed"),
                b'"' => {
                    if at > from || pieces.len() == before {
                        pieces.push(piece(from, at, Quote::Double, PieceKind::Text));
                    }
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => self.skip_escaped(),
                b'`' | b'$' => {
                    if at > from {
                        pieces.push(piece(from, at, Quote::Double, PieceKind::Text));
                    }
                    let expansion = match self.byte(0) {
                        b'$' => self.dollar(Quote::Double)?,
                        _ => self.backquoted(Quote::Double)?,
                    };
                    pieces.push(expansion);
                    from = self.at;
                }
                _ => self.at += 1,
            }
        }
    }

    /// Past a backslash and what it escapes.
    pub fn skip_escaped(&mut self) {
        let escaped = self.rest().chars().nth(1).map_or(0, char::len_utf8);
        self.at += 1 + escaped;
    }

    /// The lines of a here-document from here on.
    pub fn here_document(
        &mut self,
        word: Span,
        delimiter: String,
        quoted: bool,
        strips_tabs: bool,
    ) -> Read<HereDocument> {
        let start = self.at;
        let mut closed = false;
        let mut body = Span::new(start, self.end);
        while self.at < self.end {
            let from = self.at;
            let line = self.here_line(quoted);
            let line = match strips_tabs {
                true => line.trim_start_matches('\t'),
                false => &line,
            };
            if line == delimiter {
                closed = true;
                body = Span::new(start, from);
                break;
            }
        }
        let after = self.at;
        let end = match closed && self.source.as_bytes()[after - 1] == b'\n' {
            true => after - 1,
            false => after,
        };
        let pieces = match quoted {
            true => vec![piece(
                body.start,
                body.end,
                Quote::Verbatim,
                PieceKind::Text,
            )],
            false => self.here_pieces(body)?,
        };
        self.at = after;
        let text = self.here_text(&pieces, strips_tabs);
        Ok(HereDocument {
            word,
            delimiter,
            quoted,
            strips_tabs,
            body,
            pieces,
            text,
            closed,
            end,
        })
    }

    /// One line without its end; lines joined by `\` are one where nothing is quoted.
    fn here_line(&mut self, quoted: bool) -> String {
        let mut line = String::new();
        loop {
            let rest = self.rest();
            let length = rest.find('\n').unwrap_or(rest.len());
            let text = &rest[..length];
            let slashes = text.bytes().rev().take_while(|byte| *byte == b'\\').count();
            let joined = !quoted && slashes % 2 == 1 && length < rest.len();
            line.push_str(&text[..length - usize::from(joined)]);
            self.at = (self.at + length + 1).min(self.end);
            if !joined {
                return line;
            }
        }
    }

    /// The body of a here-document in which variables are expanded.
    fn here_pieces(&mut self, body: Span) -> Read<Vec<Piece>> {
        let (at, end) = (self.at, self.end);
        (self.at, self.end) = (body.start, body.end);
        let mut pieces = Vec::new();
        let mut from = self.at;
        while !self.is_done() {
            self.step()?;
            let here = self.at;
            match self.byte(0) {
                b'\\' => self.skip_escaped(),
                b'`' | b'$' => {
                    if here > from {
                        pieces.push(piece(from, here, Quote::Here, PieceKind::Text));
                    }
                    let expansion = match self.byte(0) {
                        b'$' => self.dollar(Quote::Here)?,
                        _ => self.backquoted(Quote::Here)?,
                    };
                    pieces.push(expansion);
                    from = self.at;
                }
                _ => self.at += 1,
            }
        }
        if self.at > from {
            pieces.push(piece(from, self.at, Quote::Here, PieceKind::Text));
        }
        (self.at, self.end) = (at, end);
        Ok(pieces)
    }
}

pub(super) fn piece(start: usize, end: usize, quote: Quote, kind: PieceKind) -> Piece {
    Piece {
        span: Span::new(start, end),
        quote,
        kind,
    }
}
