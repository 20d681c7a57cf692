//! One statement by `squawk-syntax`'s grammar. What psql puts into it (variables, `\;`, its own
//! commands) and blanks of the guide are masked first by words of the same length.

use squawk_syntax::{SourceFile, SyntaxNode};

use super::{SqlScript, SqlTokenKind, Statement};
use crate::runbook::syntax::{Span, angle_blank};

/// Parentheses and the like inside of each other, and signs in a row: the grammar is recursive.
const DEEPEST: usize = 48;
/// Longer statements are not read by the grammar.
const LONGEST: usize = 64 * 1024;

impl SqlScript {
    /// The tree of a statement; places in it count from the statement's first byte. `None` where it is
    /// too long or too deep to be read.
    pub fn tree(&self, statement: &Statement) -> Option<SyntaxNode> {
        let text = self.masked(statement);
        (text.len() <= LONGEST && !is_deep(self, statement))
            .then(|| SourceFile::parse(&text).syntax_node())
    }

    /// The statement as plain SQL of the same length.
    fn masked(&self, statement: &Statement) -> String {
        let span = statement.body();
        let mut text = self.text(span).to_owned().into_bytes();
        let mut mask = |from: usize, to: usize, with: u8| {
            let range =
                from.saturating_sub(span.start)..to.saturating_sub(span.start).min(text.len());
            if let Some(part) = text.get_mut(range) {
                part.fill(with);
            }
        };
        for token in &statement.tokens {
            let Span { start, end } = token.span;
            match token.kind {
                SqlTokenKind::Variable
                | SqlTokenKind::VariableIdentifier
                | SqlTokenKind::VariableTest => mask(start, end, b'x'),
                SqlTokenKind::VariableLiteral => {
                    mask(start, end, b'\'');
                    mask(start + 1, end - 1, b'x');
                }
                SqlTokenKind::Semicolon if end - start == 2 => mask(start, start + 1, b' '),
                SqlTokenKind::Operator => {
                    let rest = Span::new(start, span.end).of(&self.source);
                    if rest.starts_with(['$', '{', '}']) {
                        // A shell fills it in: `psql -c "… $NAME …"`.
                        mask(start, end, b'x');
                    } else if let Some(length) = angle_blank(rest) {
                        mask(start, start + length, b'x');
                    } else if rest.starts_with("...") {
                        mask(start, start + 3, b'x');
                    } else if rest.starts_with('…') {
                        mask(start, start + '…'.len_utf8(), b'x');
                    }
                }
                _ => {}
            }
        }
        for meta in self.metas().filter(|meta| span.covers(meta.span)) {
            mask(meta.span.start, meta.span.end, b' ');
        }
        String::from_utf8(text).unwrap_or_default()
    }
}

fn is_deep(script: &SqlScript, statement: &Statement) -> bool {
    let (mut open, mut row) = (0_usize, 0_usize);
    for token in &statement.tokens {
        let text = script.text(token.span);
        match token.kind {
            SqlTokenKind::Open => open += 1,
            SqlTokenKind::Close => open = open.saturating_sub(1),
            SqlTokenKind::Operator => match text {
                "[" => open += 1,
                "]" => open = open.saturating_sub(1),
                _ => {}
            },
            SqlTokenKind::Word if text.eq_ignore_ascii_case("case") => open += 1,
            SqlTokenKind::Word if text.eq_ignore_ascii_case("end") => open = open.saturating_sub(1),
            _ => {}
        }
        let sign = token.kind == SqlTokenKind::Operator
            || ["not", "explain", "array", "if", "begin", "all", "lateral"]
                .iter()
                .any(|word| token.is_word(&script.source, word));
        row = if sign { row + 1 } else { 0 };
        if open > DEEPEST || row > DEEPEST {
            return true;
        }
    }
    false
}
