//! An SQL block as psql reads it: statements as psql cuts them, its own commands, its variables, COPY
//! data, comments. The cutting follows psql's own scanner (`psqlscan.l` of PostgreSQL 15), the grammar
//! of a statement is `squawk-syntax`'s.

mod scan;
mod token;
mod tree;

use std::sync::Arc;

use super::{Comment, Span, Unreadable};

pub use token::{SqlToken, SqlTokenKind};

/// An SQL text as understood. Spans are bytes of [`SqlScript::source`].
#[derive(Clone, Debug, PartialEq)]
pub struct SqlScript {
    source: Arc<str>,
    items: Vec<Item>,
    comments: Vec<Comment>,
    unreadable: Option<Unreadable>,
}

/// Items that psql runs as one.
#[derive(Clone, Debug, PartialEq)]
pub struct SqlGroup<'a> {
    pub span: Span,
    pub first: &'a Item,
    /// What of it runs is decided by `\if`.
    pub conditional: bool,
}

/// What psql does one after the other.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    Statement(Statement),
    Meta(Meta),
    /// The lines that a `COPY … FROM STDIN` before it reads, without the closing `\.`.
    Data(Span),
}

impl Item {
    pub fn span(&self) -> Span {
        match self {
            Item::Statement(statement) => statement.span,
            Item::Meta(meta) => meta.span,
            Item::Data(span) => *span,
        }
    }
}

/// What goes to the server at once. Statements joined by `\;` are one.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// From its first word to its semicolon, or to the end of the command that sends it.
    pub span: Span,
    pub ending: Ending,
    /// Everything but blanks and comments.
    pub tokens: Vec<SqlToken>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Semicolon,
    /// `\g`, `\gset`, `\gexec`, `\watch` and their kin: the span of that command.
    Sent(Span),
    /// The text ends before: psql sends it at the end of a file.
    Open,
}

impl Statement {
    /// Whether it begins with these words, in any case: `"START TRANSACTION"`.
    pub fn starts_with(&self, source: &str, words: &str) -> bool {
        let mut tokens = self.tokens.iter();
        words.split(' ').all(|word| {
            tokens
                .next()
                .is_some_and(|token| token.is_word(source, word))
        })
    }

    /// Its first word in capitals; empty where it begins otherwise.
    pub fn verb(&self, source: &str) -> String {
        match self.tokens.first() {
            Some(first) if first.kind == SqlTokenKind::Word => {
                first.span.of(source).to_ascii_uppercase()
            }
            _ => String::new(),
        }
    }

    /// Without what ends it.
    pub fn body(&self) -> Span {
        let end = match self.ending {
            Ending::Semicolon => self.span.end - 1,
            Ending::Sent(command) => command.start,
            Ending::Open => self.span.end,
        };
        Span::new(self.span.start, end)
    }
}

/// A command of psql: `\set name value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Meta {
    /// From its backslash to the end of its last argument.
    pub span: Span,
    /// Without the backslash.
    pub name: String,
    pub arguments: Vec<Argument>,
    /// A statement has begun before it and goes on behind it.
    pub inside: bool,
}

impl Meta {
    /// It sends what was typed before it.
    pub fn sends(&self) -> bool {
        matches!(
            self.name.as_str(),
            "g" | "gx" | "gset" | "gexec" | "gdesc" | "crosstabview" | "watch"
        )
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// With its quotes.
    pub span: Span,
    /// Without its quotes; variables as they are written.
    pub text: String,
    /// A shell runs a part of it, or it is a line for a shell.
    pub runs: bool,
    /// It is as it stands: no variable and no back quotes in it.
    pub is_literal: bool,
}

impl SqlScript {
    pub fn read(code: &str) -> Self {
        Self::read_arc(Arc::from(code))
    }

    /// As [`SqlScript::read`], without another copy of the text.
    pub fn read_arc(source: Arc<str>) -> Self {
        scan::script(source)
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    pub fn text(&self, span: Span) -> &str {
        span.of(&self.source)
    }

    /// Statements, psql's commands and data in the order in which psql comes to them.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Items as they run one by one: what is sent is one with what sends it, data with the statement that
    /// reads it, and all between `\if` and `\endif` is one, as psql alone knows what of it runs.
    pub fn groups(&self) -> Vec<SqlGroup<'_>> {
        let mut groups: Vec<SqlGroup<'_>> = Vec::new();
        let mut depth = 0_usize;
        for item in &self.items {
            let mut span = item.span();
            let mut joins = depth > 0;
            match item {
                Item::Data(_) => {
                    let rest = self.source.get(span.end..).unwrap_or_default();
                    let closing = rest.trim_start_matches(['\r', '\n']);
                    if closing.starts_with("\\.") {
                        span.end += rest.len() - closing.len() + 2;
                    }
                    joins = true;
                }
                Item::Meta(meta) => {
                    match meta.name.as_str() {
                        "if" => depth += 1,
                        "endif" => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    joins |= meta.inside;
                }
                Item::Statement(_) => {}
            }
            match groups.last_mut() {
                Some(last) if joins || last.span.holds(span.start) => {
                    last.span = last.span.with(span);
                    last.conditional |= depth > 0;
                }
                _ => groups.push(SqlGroup {
                    span,
                    first: item,
                    conditional: false,
                }),
            }
        }
        groups
    }

    pub fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.items.iter().filter_map(|item| match item {
            Item::Statement(statement) => Some(statement),
            _ => None,
        })
    }

    pub fn metas(&self) -> impl Iterator<Item = &Meta> {
        self.items.iter().filter_map(|item| match item {
            Item::Meta(meta) => Some(meta),
            _ => None,
        })
    }

    pub fn comments(&self) -> &[Comment] {
        &self.comments
    }

    /// With those in the bodies of functions and of `DO`.
    pub fn all_comments(&self) -> Vec<Comment> {
        let mut all = self.comments.clone();
        for statement in self.statements() {
            let is_code = ["DO", "CREATE"]
                .iter()
                .any(|word| statement.starts_with(&self.source, word));
            let bodies = statement.tokens.iter().filter(|_| is_code);
            for token in bodies.filter(|token| token.kind == SqlTokenKind::Dollar) {
                let text = self.text(token.span);
                let tag = text[1..].find('$').map_or(2, |length| length + 2);
                let inner = text.get(tag..text.len() - tag).unwrap_or_default();
                let from = token.span.start + tag;
                all.extend(SqlScript::read(inner).comments.iter().map(|one| Comment {
                    span: Span::new(one.span.start + from, one.span.end + from),
                    alone: one.alone,
                }));
            }
        }
        all.sort_by_key(|one| one.span);
        all
    }

    pub fn unreadable(&self) -> Option<&Unreadable> {
        self.unreadable.as_ref()
    }

    /// The text without its comments; line ends stay.
    pub fn without_comments(&self) -> String {
        super::without_comments(&self.source, &self.comments)
    }

    /// The line of a byte in the source, counted from 0.
    pub fn line(&self, at: usize) -> usize {
        super::line_of(&self.source, at)
    }
}

#[cfg(test)]
mod tests;
