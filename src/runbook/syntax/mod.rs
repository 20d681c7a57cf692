//! What a text says as shell or as SQL, read once a block and asked by everything else: the ground of
//! the reader. The grammar is that of libraries (`brush-parser`, `squawk-syntax`); what they do not
//! give (bytes of each word, its quoting, comments, here-documents, psql's own commands, COPY data) is
//! read here, below them. Pure and bounded in depth and length: where a text cannot be read for certain
//! it is *unreadable*, with the reason, and nothing about it is guessed.
//!
//! ```
//! use gonogo::runbook::syntax::{Script, SqlScript};
//!
//! let script = Script::read("cd /srv/app && rm -rf 'old files'  # clean\ncat <<'END'\nhi\nEND\n");
//! assert!(script.unreadable().is_none());
//! let commands = script.commands();
//! assert_eq!(script.text(commands[0].span), "cd /srv/app && rm -rf 'old files'");
//! assert_eq!(script.text(commands[1].span), "cat <<'END'\nhi\nEND");
//! let second = script.simple_commands()[1];
//! assert_eq!(second.words[0].text, "rm");
//! assert_eq!(second.words[2].text, "old files");
//! assert_eq!(script.text(script.comments()[0].span), "# clean");
//!
//! let sql = SqlScript::read("\\set n 3\nSELECT ';--' AS a; DROP TABLE t;");
//! let texts: Vec<&str> = sql.statements().map(|one| sql.text(one.span)).collect();
//! assert_eq!(texts, ["SELECT ';--' AS a;", "DROP TABLE t;"]);
//! ```

mod memo;
pub mod shell;
pub mod sql;

pub use memo::{read_shell, read_sql};
pub use shell::{
    AndOr, Assignment, Call, Command, Compound, CompoundKind, Function, HereDocument, Holder,
    Inner, Operator, Piece, PieceKind, Pipeline, Quote, Redirection, RedirectionKind, Script,
    Simple, Stage, Target, Tongue, Visit, Word, past_options,
};
pub use sql::{
    Argument, Ending, Item, Meta, SqlGroup, SqlScript, SqlToken, SqlTokenKind, Statement,
};

/// Bytes of a text, from `start` to before `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub fn new(start: usize, end: usize) -> Self {
        Self {
            start,
            end: end.max(start),
        }
    }

    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// Whether the byte at this place is one of them.
    pub fn holds(self, at: usize) -> bool {
        self.start <= at && at < self.end
    }

    /// Whether all bytes of the other are among them.
    pub fn covers(self, other: Span) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// The shortest span that covers both.
    pub fn with(self, other: Span) -> Self {
        Self {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }

    /// Its part of the text; empty where the text has no such part.
    pub fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

/// A comment with its mark (`#`, `--`, `/*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comment {
    pub span: Span,
    /// Nothing but blanks stands before it on its line.
    pub alone: bool,
}

impl Comment {
    /// What it says, without its marks.
    pub fn text(self, source: &str) -> &str {
        let text = self.span.of(source);
        let text = match text.strip_prefix("/*") {
            Some(inner) => inner.strip_suffix("*/").unwrap_or(inner),
            None => text.trim_start_matches(['#', '-']),
        };
        text.trim()
    }
}

/// A text without its comments; the ends of lines in them stay.
fn without_comments(source: &str, comments: &[Comment]) -> String {
    let mut kept = String::with_capacity(source.len());
    let mut at = 0;
    for comment in comments {
        kept.push_str(Span::new(at, comment.span.start).of(source));
        let lines = comment.span.of(source).matches('\n').count();
        kept.extend(std::iter::repeat_n('\n', lines));
        at = comment.span.end;
    }
    kept.push_str(Span::new(at, source.len()).of(source));
    kept
}

/// A line of shell code without the remark at its end.
pub fn before_remark(line: &str) -> &str {
    let script = read_shell(line);
    let remark = script
        .comments()
        .first()
        .map_or(line.len(), |one| one.span.start);
    line[..remark].trim_end()
}

/// Why a text was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Where reading ended.
    pub at: usize,
    /// Lower case, without the place.
    pub why: String,
}

/// The line of a byte, counted from 0.
pub fn line_of(source: &str, at: usize) -> usize {
    let upto = at.min(source.len());
    source.as_bytes()[..upto]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
}

/// Whether only blanks stand between the beginning of its line and this byte.
fn is_first_on_line(source: &str, at: usize) -> bool {
    let before = &source.as_bytes()[..at.min(source.len())];
    let mut back = before.iter().rev().take_while(|byte| **byte != b'\n');
    back.all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
}

/// The length of a blank such as `<name>` or `<previous commit>` at this place, where a shell would see
/// two redirections: the guide means a word that somebody fills in.
pub fn angle_blank(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix('<')?;
    let end = inner.find(|character: char| {
        !(character.is_alphanumeric() || " _.,:/|'()-".contains(character))
    })?;
    let name = &inner[..end];
    let begins = name.starts_with(|first: char| first.is_alphabetic());
    let ends = name.ends_with(|last: char| last.is_alphanumeric() || last == ')');
    let closed = inner[end..].starts_with('>');
    (begins && ends && closed && name.len() <= 60).then_some(end + 2)
}
