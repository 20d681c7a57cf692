//! Tokens of SQL.

use crate::runbook::syntax::Span;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqlToken {
    /// With its quotes.
    pub span: Span,
    pub kind: SqlTokenKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqlTokenKind {
    /// A word outside of quotes: a key word or a name.
    Word,
    Number,
    /// `'…'`, `N'…'`, `B'…'`, `X'…'`: a quote in it is doubled.
    Literal,
    /// `E'…'`: a backslash escapes.
    Escape,
    /// `U&'…'`
    Unicode,
    /// `$$…$$`, `$tag$…$tag$`
    Dollar,
    /// `"…"`, `U&"…"`
    Identifier,
    /// `$1`
    Parameter,
    /// `:name`, filled in by psql as it is.
    Variable,
    /// `:'name'`: a literal.
    VariableLiteral,
    /// `:"name"`: a name.
    VariableIdentifier,
    /// `:{?name}`
    VariableTest,
    Open,
    Close,
    Comma,
    /// `;` inside of parentheses or of a `BEGIN ATOMIC` body, or `\;`.
    Semicolon,
    /// The `;` that ends the statement.
    End,
    Operator,
}

impl SqlToken {
    /// Whether it is this word, in any case.
    pub fn is_word(&self, source: &str, word: &str) -> bool {
        self.kind == SqlTokenKind::Word && self.span.of(source).eq_ignore_ascii_case(word)
    }

    pub fn is_literal(&self) -> bool {
        use SqlTokenKind::{Dollar, Escape, Literal, Unicode};
        matches!(self.kind, Literal | Escape | Unicode | Dollar)
    }

    /// The name in `:name` and its quoted forms.
    pub fn variable<'a>(&self, source: &'a str) -> Option<&'a str> {
        let text = self.span.of(source);
        match self.kind {
            SqlTokenKind::Variable => text.get(1..),
            SqlTokenKind::VariableLiteral | SqlTokenKind::VariableIdentifier => {
                text.get(2..text.len() - 1)
            }
            SqlTokenKind::VariableTest => text.get(3..text.len() - 1),
            _ => None,
        }
    }
}
