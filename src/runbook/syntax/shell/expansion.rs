//! What a shell fills in: `$name`, `${…}`, `$(…)`, `` `…` ``, `$((…))`, `<(…)`.

use std::sync::Arc;

use super::lexer::{Read, Reader};
use super::words::piece;
use super::{Piece, PieceKind, Quote, Script, build};
use crate::runbook::syntax::Span;

impl Reader {
    /// What begins with `$`; a `$` before nothing of the kind is itself.
    pub fn dollar(&mut self, quote: Quote) -> Read<Piece> {
        let start = self.at;
        let kind = match self.byte(1) {
            b'(' if self.byte(2) == b'(' => match self.arithmetic_expansion()? {
                Some(inner) => PieceKind::Arithmetic(inner),
                None => PieceKind::Command(self.command_substitution()?),
            },
            b'(' => PieceKind::Command(self.command_substitution()?),
            b'[' => {
                self.deeper()?;
                self.at += 2;
                let inner = self.arithmetic(b"]")?;
                if self.byte(0) != b']' {
                    return self.fail(start, "a `$[` is never closed");
                }
                self.at += 1;
                self.depth -= 1;
                PieceKind::Arithmetic(inner)
            }
            b'{' => self.braces(quote)?,
            first if first.is_ascii_alphabetic() || first == b'_' => {
                let length = self.rest()[1..]
                    .bytes()
                    .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
                    .count();
                self.parameter(length)
            }
            b'@' | b'*' | b'#' | b'?' | b'-' | b'$' | b'!' | b'0'..=b'9' => self.parameter(1),
            _ => {
                self.at += 1;
                PieceKind::Text
            }
        };
        Ok(piece(start, self.at, quote, kind))
    }

    fn parameter(&mut self, length: usize) -> PieceKind {
        let name = self.rest()[1..=length].to_owned();
        self.at += 1 + length;
        PieceKind::Parameter {
            name,
            operand: Vec::new(),
        }
    }

    /// `${…}`.
    fn braces(&mut self, quote: Quote) -> Read<PieceKind> {
        let start = self.at;
        self.deeper()?;
        self.at += 2;
        if matches!(self.byte(0), b'!' | b'#') && self.byte(1) != b'}' {
            self.at += 1;
        }
        let rest = self.rest();
        let word = rest
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
            .count();
        let special = usize::from(rest.starts_with(['@', '*', '#', '?', '-', '$', '!']));
        let length = word.max(special);
        if length == 0 {
            return self.fail(start, "a `${` names no variable");
        }
        let name = rest[..length].to_owned();
        self.at += length;
        let mut operand = Vec::new();
        if self.byte(0) == b'[' {
            self.at += 1;
            operand = self.arithmetic(b"]")?;
            if self.byte(0) != b']' {
                return self.fail(start, "a `${` is never closed");
            }
            self.at += 1;
        }
        // An offset is a sum; anything else is text.
        let sum = self.byte(0) == b':' && !matches!(self.byte(1), b'-' | b'=' | b'?' | b'+');
        let inner = match sum {
            true => Quote::Arithmetic,
            false => Quote::Operand,
        };
        self.operand(start, inner, quote, &mut operand)?;
        self.depth -= 1;
        Ok(PieceKind::Parameter { name, operand })
    }

    /// Up to the `}` that closes it, and past it.
    fn operand(
        &mut self,
        start: usize,
        inner: Quote,
        around: Quote,
        pieces: &mut Vec<Piece>,
    ) -> Read<()> {
        let mut from = self.at;
        loop {
            self.step()?;
            let at = self.at;
            let flush = |pieces: &mut Vec<Piece>| {
                if at > from {
                    pieces.push(piece(from, at, inner, PieceKind::Text));
                }
            };
            match self.byte(0) {
                _ if self.is_done() => return self.fail(start, "a `${` is never closed"),
                b'}' => {
                    flush(pieces);
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => self.skip_escaped(),
                // Bash pairs them here even between double quotes, but not in here-documents.
                b'\'' if around != Quote::Here => {
                    flush(pieces);
                    let text = self.single()?;
                    // Between double quotes they are characters in the end.
                    let quote = match around {
                        Quote::Bare if inner == Quote::Operand => Quote::Single,
                        _ => inner,
                    };
                    pieces.push(piece(text.start, text.end, quote, PieceKind::Text));
                    from = self.at;
                }
                b'"' => {
                    flush(pieces);
                    self.double(pieces)?;
                    from = self.at;
                }
                b'`' | b'$' => {
                    flush(pieces);
                    let expansion = match self.byte(0) {
                        b'$' => self.dollar(inner)?,
                        _ => self.backquoted(around)?,
                    };
                    pieces.push(expansion);
                    from = self.at;
                }
                _ => self.at += 1,
            }
        }
    }

    /// The inside of `$((…))`; `None` where it is `$( (…) )`.
    fn arithmetic_expansion(&mut self) -> Read<Option<Vec<Piece>>> {
        let (start, comments, depth) = (self.at, self.comments.len(), self.depth);
        self.at += 3;
        let read = self.deeper().and_then(|()| self.arithmetic(b""));
        match read {
            Ok(pieces) if self.byte(0) == b')' && self.byte(1) == b')' => {
                self.at += 2;
                self.depth = depth;
                Ok(Some(pieces))
            }
            Err(failure) if self.budget == 0 => Err(failure),
            _ => {
                self.at = start;
                self.depth = depth;
                self.comments.truncate(comments);
                Ok(None)
            }
        }
    }

    /// A sum, up to the `)` that closes it or to one of `stops` outside of parentheses.
    pub fn arithmetic(&mut self, stops: &[u8]) -> Read<Vec<Piece>> {
        let start = self.at;
        let mut pieces = Vec::new();
        let (mut from, mut open) = (self.at, 0_usize);
        loop {
            self.step()?;
            let at = self.at;
            let byte = self.byte(0);
            if self.is_done() {
                return self.fail(start, "a sum is never closed");
            }
            let subscripts = stops == b"]";
            if open == 0 && (stops.contains(&byte) || byte == b')' && !subscripts) {
                if at > from {
                    pieces.push(piece(from, at, Quote::Arithmetic, PieceKind::Text));
                }
                return Ok(pieces);
            }
            match byte {
                b'(' if !subscripts => open += 1,
                b')' if !subscripts => open -= 1,
                b'[' if subscripts => open += 1,
                b']' if subscripts => open -= 1,
                b'\\' => {
                    self.skip_escaped();
                    continue;
                }
                b'\'' | b'"' | b'`' | b'$' => {
                    if at > from {
                        pieces.push(piece(from, at, Quote::Arithmetic, PieceKind::Text));
                    }
                    match byte {
                        b'\'' => {
                            let text = self.single()?;
                            let (from, end) = (text.start, text.end);
                            pieces.push(piece(from, end, Quote::Arithmetic, PieceKind::Text));
                        }
                        b'"' => {
                            let before = pieces.len();
                            self.double(&mut pieces)?;
                            for inner in &mut pieces[before..] {
                                inner.quote = Quote::Arithmetic;
                            }
                        }
                        b'`' => {
                            let inner = self.backquoted(Quote::Arithmetic)?;
                            pieces.push(inner);
                        }
                        _ => {
                            let inner = self.dollar(Quote::Arithmetic)?;
                            pieces.push(inner);
                        }
                    }
                    from = self.at;
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    /// `$(…)`.
    fn command_substitution(&mut self) -> Read<Box<Script>> {
        self.at += 2;
        self.nested()
    }

    /// `<(…)`, `>(…)`.
    pub fn process(&mut self) -> Read<Piece> {
        let start = self.at;
        self.at += 2;
        let script = self.nested()?;
        Ok(piece(
            start,
            self.at,
            Quote::Bare,
            PieceKind::Process(script),
        ))
    }

    /// Commands up to the `)` that closes them, and past it.
    fn nested(&mut self) -> Read<Box<Script>> {
        let start = self.at;
        self.deeper()?;
        let outer = std::mem::take(&mut self.comments);
        let (tokens, read) = self.tokens(true);
        let comments = std::mem::replace(&mut self.comments, outer);
        read?;
        let span = Span::new(start, self.at);
        let script = build::nested(&self.source, span, tokens, comments)?;
        self.at += 1;
        self.depth -= 1;
        Ok(Box::new(script))
    }

    /// `` `…` ``: what is escaped in it is unescaped before it is read.
    pub fn backquoted(&mut self, around: Quote) -> Read<Piece> {
        let start = self.at;
        self.deeper()?;
        let bytes = self.source.as_bytes();
        let mut at = start + 1;
        while at < self.end && bytes[at] != b'`' {
            at += if bytes[at] == b'\\' { 2 } else { 1 };
        }
        if at >= self.end {
            return self.fail(start, "a back quote is never closed");
        }
        let inner = Span::new(start + 1, at);
        let text = inner.of(&self.source);
        let mut script = if text.contains('\\') {
            let special: &[char] = match around {
                Quote::Double => &['`', '\\', '$', '"'],
                _ => &['`', '\\', '$'],
            };
            let mut script = build::script(Arc::from(unescaped(text, special)), self.depth);
            script.detached = true;
            script
        } else {
            build::part(&self.source, inner, self.depth)
        };
        script.backquoted = true;
        self.budget = self.budget.saturating_sub(text.len());
        self.at = at + 1;
        self.depth -= 1;
        let kind = PieceKind::Backquoted(Box::new(script));
        Ok(piece(start, self.at, around, kind))
    }
}

fn unescaped(text: &str, special: &[char]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\\'
            && let Some(next) = characters.next_if(|next| special.contains(next))
        {
            out.push(next);
            continue;
        }
        out.push(character);
    }
    out
}
