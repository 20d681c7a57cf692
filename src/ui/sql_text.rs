//! A query as it is read on the screen: its words told from its values.

use ratatui::text::{Line, Span};

use super::format::wrap;
use super::theme::{Role, Theme};
use crate::runbook::syntax::{SqlScript, SqlToken, SqlTokenKind};

/// The whole query in lines of this width.
pub fn highlighted(query: &str, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let script = SqlScript::read(query);
    let mut spans = Vec::new();
    let mut at = 0;
    let tokens = script.statements().flat_map(|statement| &statement.tokens);
    for token in tokens {
        let (start, end) = (token.span.start, token.span.end);
        let (Some(before), Some(text)) = (query.get(at..start), query.get(start..end)) else {
            continue;
        };
        spans.push(Span::styled(before.to_owned(), theme.style(Role::Muted)));
        spans.push(Span::styled(
            text.to_owned(),
            theme.style(role(token, text)),
        ));
        at = end;
    }
    let rest = query.get(at..).unwrap_or_default();
    spans.push(Span::raw(rest.to_owned()));
    wrap(Line::from(spans), width, 2)
}

/// What is written in capitals is a word of the language, as is the custom.
fn role(token: &SqlToken, text: &str) -> Role {
    match token.kind {
        SqlTokenKind::Word if !text.chars().any(char::is_lowercase) => Role::Heading,
        SqlTokenKind::Number | SqlTokenKind::Parameter => Role::Key,
        _ if token.is_literal() => Role::Key,
        _ => Role::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_query_is_lost() {
        let theme = &Theme::embedded().unwrap()[0];
        for query in [
            "SELECT * FROM t /* why */ WHERE a = 'it''s' AND b = $1",
            "UPDATE t SET a = 1; COMMIT",
            "not 'ended",
            "",
        ] {
            let lines = highlighted(query, 400, theme);
            let text: String = lines.iter().map(ToString::to_string).collect();
            assert_eq!(text, query);
        }
    }
}
