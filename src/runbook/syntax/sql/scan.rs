//! SQL cut as psql cuts it.

use std::sync::Arc;

use super::{Argument, Ending, Item, Meta, SqlScript, SqlToken, SqlTokenKind, Statement};
use crate::runbook::syntax::{Comment, Span, Unreadable, is_first_on_line};

pub(super) fn script(source: Arc<str>) -> SqlScript {
    let mut scanner = Scanner {
        text: &source,
        bytes: source.as_bytes(),
        at: 0,
        items: Vec::new(),
        comments: Vec::new(),
        now: Buffer::default(),
        copies: false,
        unreadable: None,
    };
    scanner.run();
    let Scanner {
        items,
        comments,
        unreadable,
        ..
    } = scanner;
    SqlScript {
        source,
        items,
        comments,
        unreadable,
    }
}

/// psql's query buffer, and what its scanner remembers of it.
#[derive(Default)]
struct Buffer {
    tokens: Vec<SqlToken>,
    open: usize,
    /// First letters of the first words, to know `CREATE [OR REPLACE] FUNCTION | PROCEDURE`.
    first: Vec<u8>,
    begun: usize,
    words: usize,
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    items: Vec<Item>,
    comments: Vec<Comment>,
    now: Buffer,
    /// A `COPY … FROM STDIN` has been sent: the next line is data.
    copies: bool,
    unreadable: Option<Unreadable>,
}

fn begins_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn goes_on(byte: u8) -> bool {
    begins_name(byte) || byte.is_ascii_digit() || byte == b'$'
}

fn is_variable_byte(byte: u8) -> bool {
    begins_name(byte) || byte.is_ascii_digit()
}

impl Scanner<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn run(&mut self) {
        use SqlTokenKind::{Close, Comma, Identifier, Literal, Number, Open, Operator, Word};
        while self.at < self.bytes.len() {
            let start = self.at;
            match self.peek(0) {
                b'\n' => {
                    self.at += 1;
                    if std::mem::take(&mut self.copies) {
                        self.data();
                    }
                }
                b' ' | b'\t' | b'\r' | 0x0c | 0x0b => self.at += 1,
                b'-' if self.peek(1) == b'-' => {
                    self.at += self.line_length();
                    self.comment(start);
                }
                b'/' if self.peek(1) == b'*' => self.block_comment(),
                b'\'' => self.quoted(Literal, 0),
                b'"' => {
                    self.closing(b'"', false);
                    self.push(Identifier, start);
                }
                b'e' | b'E' if self.peek(1) == b'\'' => self.quoted(SqlTokenKind::Escape, 1),
                b'b' | b'B' | b'x' | b'X' | b'n' | b'N' if self.peek(1) == b'\'' => {
                    self.quoted(Literal, 1);
                }
                b'u' | b'U' if self.peek(1) == b'&' && self.peek(2) == b'\'' => {
                    self.quoted(SqlTokenKind::Unicode, 2);
                }
                b'u' | b'U' if self.peek(1) == b'&' && self.peek(2) == b'"' => {
                    self.at += 2;
                    self.closing(b'"', false);
                    self.push(Identifier, start);
                }
                b'$' => self.dollar(),
                b':' => self.colon(),
                b'\\' => self.backslash(),
                b'(' => {
                    self.at += 1;
                    self.now.open += 1;
                    self.push(Open, start);
                }
                b')' => {
                    self.at += 1;
                    self.now.open = self.now.open.saturating_sub(1);
                    self.push(Close, start);
                }
                b',' => {
                    self.at += 1;
                    self.push(Comma, start);
                }
                b';' => {
                    self.at += 1;
                    if self.now.open == 0 && self.now.begun == 0 {
                        self.push(SqlTokenKind::End, start);
                        self.end(Ending::Semicolon);
                    } else {
                        self.push(SqlTokenKind::Semicolon, start);
                    }
                }
                byte if begins_name(byte) => {
                    self.at += self.length_of(goes_on);
                    self.word(start);
                    self.push(Word, start);
                }
                byte if byte.is_ascii_digit() => {
                    self.at += self
                        .length_of(|byte| byte.is_ascii_alphanumeric() || b"._".contains(&byte));
                    self.run_on(start, 0);
                    self.push(Number, start);
                }
                _ => {
                    self.at += 1;
                    self.push(Operator, start);
                }
            }
        }
        self.end(Ending::Open);
    }

    fn length_of(&self, accepts: impl Fn(u8) -> bool) -> usize {
        self.rest()
            .iter()
            .take_while(|byte| accepts(**byte))
            .count()
    }

    fn line_length(&self) -> usize {
        self.length_of(|byte| byte != b'\n')
    }

    fn push(&mut self, kind: SqlTokenKind, start: usize) {
        let span = Span::new(start, self.at);
        self.now.tokens.push(SqlToken { span, kind });
    }

    fn comment(&mut self, start: usize) {
        let span = Span::new(start, self.at);
        let alone = is_first_on_line(self.text, start);
        self.comments.push(Comment { span, alone });
    }

    fn fail(&mut self, at: usize, why: &str) {
        self.unreadable.get_or_insert(Unreadable {
            at,
            why: why.to_owned(),
        });
    }

    /// Letters behind a number, and a quote behind them: to psql before 15 the letters begin another word,
    /// which may be the `E` of a literal, and to later ones some of them belong to the number.
    fn run_on(&mut self, start: usize, letters: usize) {
        let end = self.at + letters;
        let lettered = !self.bytes[end - 1].is_ascii_digit();
        if lettered && matches!(self.peek(letters), b'\'' | b'$') {
            self.fail(
                start,
                "versions of psql read a number with letters and a quote behind it differently",
            );
        }
    }

    fn block_comment(&mut self) {
        let start = self.at;
        let mut depth = 0_usize;
        while self.at < self.bytes.len() {
            match (self.peek(0), self.peek(1)) {
                (b'/', b'*') => {
                    depth += 1;
                    self.at += 2;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        self.comment(start);
                        return;
                    }
                }
                _ => self.at += 1,
            }
        }
        self.fail(start, "a `/*` is never closed");
        self.comment(start);
    }

    /// Past the closing quote; doubled ones are none.
    fn closing(&mut self, quote: u8, escapes: bool) {
        let start = self.at;
        self.at += 1;
        while self.at < self.bytes.len() {
            match self.peek(0) {
                b'\\' if escapes => self.at += 2,
                byte if byte == quote && self.peek(1) == quote => self.at += 2,
                byte if byte == quote => {
                    self.at += 1;
                    return;
                }
                _ => self.at += 1,
            }
        }
        self.at = self.bytes.len();
        let why = match quote {
            b'"' => "a `\"` is never closed",
            _ => "a `'` is never closed",
        };
        self.fail(start, why);
    }

    /// A literal, with the parts of it that follow on other lines.
    fn quoted(&mut self, kind: SqlTokenKind, prefix: usize) {
        let start = self.at;
        self.at += prefix;
        let escapes = kind == SqlTokenKind::Escape;
        loop {
            self.closing(b'\'', escapes);
            let blanks = self.length_of(|byte| byte.is_ascii_whitespace());
            let between = &self.rest()[..blanks];
            if !between.contains(&b'\n') || self.peek(blanks) != b'\'' {
                break;
            }
            self.at += blanks;
        }
        self.push(kind, start);
    }

    fn dollar(&mut self) {
        let start = self.at;
        self.at += 1;
        let tag = match self.peek(0) {
            byte if begins_name(byte) => self.length_of(is_variable_byte),
            _ => 0,
        };
        if self.peek(tag) == b'$' {
            let opening = Span::new(start, self.at + tag + 1);
            self.at = opening.end;
            let mark = opening.of(self.text);
            match self.text.get(self.at..).and_then(|rest| rest.find(mark)) {
                Some(length) => self.at += length + mark.len(),
                None => {
                    self.at = self.bytes.len();
                    self.fail(start, "a dollar quote is never closed");
                }
            }
            self.push(SqlTokenKind::Dollar, start);
            return;
        }
        self.at += self.length_of(|byte| byte.is_ascii_digit());
        let kind = match self.at > start + 1 {
            true => {
                self.run_on(start, self.length_of(is_variable_byte));
                SqlTokenKind::Parameter
            }
            false => SqlTokenKind::Operator,
        };
        self.push(kind, start);
    }

    /// `:name`, `:'name'`, `:"name"`, `:{?name}`; `::` and `:=` are operators.
    fn colon(&mut self) {
        let start = self.at;
        self.at += 1;
        let kind = match self.peek(0) {
            b':' | b'=' => {
                self.at += 1;
                SqlTokenKind::Operator
            }
            byte if is_variable_byte(byte) => {
                self.at += self.length_of(is_variable_byte);
                SqlTokenKind::Variable
            }
            quote @ (b'\'' | b'"') => {
                self.at += 1;
                let length = self.length_of(is_variable_byte);
                if length > 0 && self.peek(length) == quote {
                    self.at += length + 1;
                    match quote {
                        b'\'' => SqlTokenKind::VariableLiteral,
                        _ => SqlTokenKind::VariableIdentifier,
                    }
                } else {
                    self.at -= 1;
                    SqlTokenKind::Operator
                }
            }
            b'{' if self.peek(1) == b'?' => {
                self.at += 2;
                let length = self.length_of(is_variable_byte);
                if length > 0 && self.peek(length) == b'}' {
                    self.at += length + 1;
                    SqlTokenKind::VariableTest
                } else {
                    self.at -= 2;
                    SqlTokenKind::Operator
                }
            }
            _ => SqlTokenKind::Operator,
        };
        self.push(kind, start);
    }

    /// What psql's scanner remembers of words, to know where the body of a function ends.
    fn word(&mut self, start: usize) {
        let text = Span::new(start, self.at).of(self.text);
        let is = |word: &str| text.eq_ignore_ascii_case(word);
        let now = &mut self.now;
        if now.words < 4
            && ["create", "function", "procedure", "or", "replace"]
                .iter()
                .any(|word| is(word))
        {
            now.first.resize(now.words, 0);
            now.first.push(text.as_bytes()[0].to_ascii_lowercase());
        }
        now.words += 1;
        let is_body = matches!(
            now.first.as_slice(),
            [b'c', b'f' | b'p', ..] | [b'c', b'o', b'r', b'f' | b'p', ..]
        );
        if !is_body || now.open > 0 {
            return;
        }
        if is("begin") || is("case") && now.begun > 0 {
            now.begun += 1;
        } else if is("end") {
            now.begun = now.begun.saturating_sub(1);
        }
    }

    fn end(&mut self, ending: Ending) {
        let now = std::mem::take(&mut self.now);
        let Some((first, last)) = now.tokens.first().zip(now.tokens.last()) else {
            return;
        };
        if first.kind == SqlTokenKind::End {
            return;
        }
        let end = match ending {
            Ending::Sent(command) => command.end,
            _ => last.span.end,
        };
        if ending == Ending::Open && (now.open > 0 || now.begun > 0) {
            self.fail(
                first.span.start,
                "a statement ends inside of parentheses or of a body",
            );
        }
        let statement = Statement {
            span: Span::new(first.span.start, end),
            ending,
            tokens: now.tokens,
        };
        self.copies |= reads_data(self.text, &statement);
        self.items.push(Item::Statement(statement));
    }

    /// The lines that a COPY reads, up to `\.`.
    fn data(&mut self) {
        let start = self.at;
        while self.at < self.bytes.len() {
            let from = self.at;
            self.at += self.line_length();
            let line = Span::new(from, self.at).of(self.text);
            self.at = (self.at + 1).min(self.bytes.len());
            if line.trim_end_matches('\r') == "\\." {
                self.items.push(Item::Data(Span::new(start, from)));
                return;
            }
        }
        self.items.push(Item::Data(Span::new(start, self.at)));
        self.fail(start, "no line `\\.` ends the data of a COPY");
    }

    fn backslash(&mut self) {
        let start = self.at;
        if matches!(self.peek(1), b';' | b':') {
            self.at += 2;
            let kind = match self.bytes[start + 1] {
                b';' => SqlTokenKind::Semicolon,
                _ => SqlTokenKind::Operator,
            };
            if kind == SqlTokenKind::Semicolon {
                // The scanner begins anew, the buffer does not.
                (self.now.first, self.now.words) = (Vec::new(), 0);
            }
            self.push(kind, start);
            return;
        }
        self.at += 1;
        let length =
            self.length_of(|byte| !(byte.is_ascii_whitespace() || byte == b'\\' || byte == 0));
        let name = Span::new(self.at, self.at + length)
            .of(self.text)
            .to_owned();
        self.at += length;
        let name = match name.is_empty() {
            true => String::new(),
            false => name,
        };
        let arguments = arguments(self.text, &mut self.at, &name);
        let end = arguments
            .last()
            .map_or(start + 1 + length, |last| last.span.end);
        // `\\` ends a command within its line.
        if self.rest().starts_with(b"\\\\") {
            self.at += 2;
        }
        let meta = Meta {
            span: Span::new(start, end),
            inside: !self.now.tokens.is_empty(),
            name,
            arguments,
        };
        self.add_meta(meta);
    }

    fn add_meta(&mut self, meta: Meta) {
        let copies = meta.name == "copy"
            && meta.arguments.first().is_some_and(|line| {
                let words: Vec<String> = line
                    .text
                    .split_whitespace()
                    .map(str::to_ascii_lowercase)
                    .collect();
                words.windows(2).any(|pair| pair == ["from", "stdin"])
            });
        self.copies |= copies;
        if meta.sends() && meta.inside {
            let span = meta.span;
            self.end(Ending::Sent(span));
        } else if matches!(meta.name.as_str(), "r" | "reset") {
            self.now = Buffer::default();
        }
        self.items.push(Item::Meta(meta));
    }
}

/// `COPY t FROM STDIN`.
fn reads_data(source: &str, statement: &Statement) -> bool {
    statement.starts_with(source, "COPY")
        && statement
            .tokens
            .windows(2)
            .any(|pair| pair[0].is_word(source, "from") && pair[1].is_word(source, "stdin"))
}

/// Commands whose argument is the rest of the line, as it stands.
const WHOLE_LINE: [&str; 10] = [
    "!", "copy", "ef", "ev", "sf", "sv", "h", "help", "sf+", "sv+",
];

/// The arguments of a command of psql, up to the end of its line or to `\`.
fn arguments(text: &str, at: &mut usize, name: &str) -> Vec<Argument> {
    let bytes = text.as_bytes();
    let line_end = text[*at..]
        .find('\n')
        .map_or(text.len(), |length| *at + length);
    if WHOLE_LINE.contains(&name) {
        let from = *at + text[*at..line_end].len() - text[*at..line_end].trim_start().len();
        let line = text[from.min(line_end)..line_end].trim_end();
        *at = line_end;
        if line.is_empty() {
            return Vec::new();
        }
        return vec![Argument {
            span: Span::new(from, from + line.len()),
            text: line.to_owned(),
            runs: name == "!" || line.contains('`'),
            is_literal: !line.contains(':'),
        }];
    }
    let mut found = Vec::new();
    loop {
        while *at < line_end && bytes[*at].is_ascii_whitespace() {
            *at += 1;
        }
        if *at >= line_end || bytes[*at] == b'\\' {
            return found;
        }
        // `\g |command` runs the rest of the line.
        if bytes[*at] == b'|' && found.is_empty() && pipes(name) {
            let line = text[*at..line_end].trim_end();
            found.push(Argument {
                span: Span::new(*at, *at + line.len()),
                text: line.to_owned(),
                runs: true,
                is_literal: true,
            });
            *at = line_end;
            return found;
        }
        let mut one = argument(text, at, line_end);
        // Quotes around it keep nothing: `\g '|command'` runs as well.
        one.runs |= found.is_empty() && pipes(name) && one.text.starts_with('|');
        found.push(one);
    }
}

/// Whether the first argument may be a program to write to.
fn pipes(name: &str) -> bool {
    matches!(name, "g" | "gx" | "o" | "out" | "w" | "write")
}

impl Meta {
    /// Its arguments may be run: written to as a program, or kept for when a program is needed.
    pub fn may_run(&self) -> bool {
        let kept = [
            "pager",
            "psql_pager",
            "psql_watch_pager",
            "editor",
            "psql_editor",
            "visual",
        ];
        let named = self
            .arguments
            .first()
            .map(|one| one.text.to_ascii_lowercase());
        pipes(&self.name)
            || self.name == "setenv" && named.is_none_or(|name| kept.contains(&name.as_str()))
    }
}

fn argument(text: &str, at: &mut usize, line_end: usize) -> Argument {
    let bytes = text.as_bytes();
    let start = *at;
    let (mut value, mut runs, mut is_literal) = (String::new(), false, true);
    while *at < line_end {
        let from = *at;
        match bytes[from] {
            quote @ (b'\'' | b'"' | b'`') => {
                runs |= quote == b'`';
                is_literal &= quote != b'`';
                *at += 1;
                while *at < line_end && bytes[*at] != quote {
                    *at += if quote == b'\'' && bytes[*at] == b'\\' {
                        2
                    } else {
                        1
                    };
                }
                *at = (*at).min(line_end);
                let inner = text.get(from + 1..*at).unwrap_or_default();
                match quote {
                    b'"' => value.push_str(&text[from..(*at + 1).min(line_end)]),
                    _ => value.push_str(inner),
                }
                *at = (*at + 1).min(line_end);
            }
            b'\\' => break,
            byte if byte.is_ascii_whitespace() => break,
            byte => {
                is_literal &= byte != b':';
                let length = text[from..].chars().next().map_or(1, char::len_utf8);
                *at += length;
                value.push_str(&text[from..*at]);
            }
        }
    }
    Argument {
        span: Span::new(start, *at),
        text: value,
        runs,
        is_literal,
    }
}
