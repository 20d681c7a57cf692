//! The columns that a query gives, as far as its words tell.

use crate::runbook::syntax::{SqlScript, SqlToken, SqlTokenKind, Statement};

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Columns {
    /// In their order; `None` where they cannot be told (`*`, `RETURNING`, a cursor).
    pub names: Option<Vec<String>>,
    /// It gives one row and no other number: only aggregates, or no table at all.
    pub is_single_row: bool,
    /// The literals that it selects: names of rows (`SELECT 'orders', count(*) …`).
    pub literals: Vec<String>,
    /// Literals that a column is compared with, and its name: `name IN ('a', 'b')`.
    keys: Vec<(String, String)>,
    /// Columns that hold text.
    texts: Vec<String>,
}

impl Columns {
    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&String> {
        let mut names = self.names.as_deref().unwrap_or_default().iter();
        names.find(|known| known.eq_ignore_ascii_case(name))
    }

    /// The column in which a row has this name.
    pub fn key_of(&self, literal: &str) -> Option<&str> {
        let names = self.names.as_deref()?;
        let compared = self.keys.iter().find(|(known, _)| known == literal);
        let column = match compared {
            Some((_, column)) => column,
            None if self.literals.iter().any(|known| known == literal) => names.first()?,
            None => return None,
        };
        names
            .iter()
            .find(|name| *name == column)
            .map(String::as_str)
    }

    /// Columns that may hold a number.
    pub fn numbers(&self) -> impl Iterator<Item = &str> {
        let names = self.names.as_deref().unwrap_or_default().iter();
        names
            .filter(|name| !self.texts.contains(name))
            .map(String::as_str)
    }
}

/// Functions that give text, whatever they are given.
const GIVE_TEXT: [&str; 8] = [
    "pg_size_pretty",
    "to_char",
    "concat",
    "format",
    "lower",
    "upper",
    "string_agg",
    "version",
];

const AGGREGATES: [&str; 12] = [
    "count",
    "sum",
    "min",
    "max",
    "avg",
    "bool_and",
    "bool_or",
    "every",
    "string_agg",
    "array_agg",
    "json_agg",
    "jsonb_agg",
];

pub(super) fn columns_of(script: &SqlScript, statement: &Statement) -> Columns {
    let source = script.source();
    // Tokens with their depth.
    let mut depth = 0_usize;
    let deep: Vec<(usize, &SqlToken)> = statement
        .tokens
        .iter()
        .map(|token| {
            if token.kind == SqlTokenKind::Close {
                depth = depth.saturating_sub(1);
            }
            let own = depth;
            if token.kind == SqlTokenKind::Open {
                depth += 1;
            }
            (own, token)
        })
        .collect();
    let is_word = |at: usize, words: &[&str]| {
        let (depth, token) = &deep[at];
        *depth == 0 && words.iter().any(|word| token.is_word(source, word))
    };
    let literals = statement
        .tokens
        .iter()
        .filter(|token| token.is_literal())
        .map(|token| token.span.of(source).trim_matches('\'').to_owned())
        .collect();
    if statement.verb(source) == "SHOW" {
        return Columns {
            names: Some(vec![String::new()]),
            is_single_row: true,
            literals,
            ..Columns::default()
        };
    }
    let Some(select) = (0..deep.len()).find(|at| is_word(*at, &["select"])) else {
        return Columns {
            literals,
            ..Columns::default()
        };
    };
    let ends = [
        "from",
        "where",
        "union",
        "except",
        "intersect",
        "order",
        "group",
        "limit",
        "having",
        "into",
        "window",
    ];
    let end = (select + 1..deep.len())
        .find(|at| is_word(*at, &ends) || deep[*at].1.kind == SqlTokenKind::End)
        .unwrap_or(deep.len());
    let mut items: Vec<Vec<&SqlToken>> = vec![Vec::new()];
    for (depth, token) in &deep[select + 1..end] {
        match token.kind {
            SqlTokenKind::Comma if *depth == 0 => items.push(Vec::new()),
            _ => {
                if let Some(item) = items.last_mut() {
                    item.push(token);
                }
            }
        }
    }
    let is_distinct = items[0]
        .first()
        .is_some_and(|first| first.is_word(source, "distinct"));
    if is_distinct {
        items[0].remove(0);
    }
    let after = |words: &[&str]| (end..deep.len()).any(|at| is_word(at, words));
    let many = after(&["union", "except", "intersect", "group"]) || is_distinct;
    let all_aggregates = items.iter().all(|item| is_aggregate(source, item));
    let without_table = !after(&["from"]) && !is_word_at_end(&deep, source, end, "from");
    let gives_text = |item: &&Vec<&SqlToken>| {
        let first = item.first();
        first.is_some_and(|first| GIVE_TEXT.iter().any(|name| first.is_word(source, name)))
    };
    let texts = items.iter().filter(gives_text);
    Columns {
        names: items.iter().map(|item| name_of(source, item)).collect(),
        is_single_row: !many && (all_aggregates || without_table),
        literals,
        keys: keys(source, &statement.tokens),
        texts: texts.filter_map(|item| name_of(source, item)).collect(),
    }
}

/// `name = 'a'`, `t.name IN ('a', 'b')`: each literal and the column before it.
fn keys(source: &str, tokens: &[SqlToken]) -> Vec<(String, String)> {
    let mut keys = Vec::new();
    let mut column: Option<&SqlToken> = None;
    for (at, token) in tokens.iter().enumerate() {
        let text = token.span.of(source);
        let compares = text == "=" || token.is_word(source, "in");
        if compares {
            column = at.checked_sub(1).and_then(|before| tokens.get(before));
        } else if token.is_literal() {
            if let Some(column) = column {
                let literal = text.trim_matches('\'').to_owned();
                let name = column
                    .span
                    .of(source)
                    .rsplit('.')
                    .next()
                    .unwrap_or_default();
                keys.push((literal, name.to_lowercase()));
            }
        } else if token.kind != SqlTokenKind::Comma && token.kind != SqlTokenKind::Open {
            column = None;
        }
    }
    keys
}

fn is_word_at_end(deep: &[(usize, &SqlToken)], source: &str, end: usize, word: &str) -> bool {
    deep.get(end)
        .is_some_and(|(_, token)| token.is_word(source, word))
}

/// `count(*)`, `max(x) AS y`, `count(*) FILTER (…)`, `round(avg(x), 2)`.
fn is_aggregate(source: &str, item: &[&SqlToken]) -> bool {
    let window = item.iter().any(|token| token.is_word(source, "over"));
    let sub = item.iter().any(|token| token.is_word(source, "select"));
    let is_sub = sub
        && item
            .first()
            .is_some_and(|first| first.kind == SqlTokenKind::Open);
    let holds = item.windows(2).any(|pair| {
        pair[1].kind == SqlTokenKind::Open
            && AGGREGATES.iter().any(|name| pair[0].is_word(source, name))
    });
    holds && !window && !is_sub
}

/// What PostgreSQL calls the column; `None` for `*`.
fn name_of(source: &str, item: &[&SqlToken]) -> Option<String> {
    let text = |token: &SqlToken| {
        let text = token.span.of(source);
        match token.kind {
            SqlTokenKind::Identifier => text.trim_matches('"').to_owned(),
            _ => text.to_lowercase(),
        }
    };
    let is_name =
        |token: &SqlToken| matches!(token.kind, SqlTokenKind::Word | SqlTokenKind::Identifier);
    let last = item.last()?;
    if last.span.of(source) == "*" {
        return None;
    }
    match item {
        [.., with, name] if with.is_word(source, "as") => return Some(text(name)),
        // `expression name`, where what stands before it is the end of an expression.
        [.., before, name]
            if is_name(name)
                && (before.kind == SqlTokenKind::Close
                    || before.is_literal()
                    || before.kind == SqlTokenKind::Number
                    || is_name(before)) =>
        {
            return Some(text(name));
        }
        _ => {}
    }
    if is_name(last) {
        return Some(text(last));
    }
    if last.kind == SqlTokenKind::Close {
        let begins = item.first().filter(|first| is_name(first));
        let calls = item
            .get(1)
            .is_some_and(|second| second.kind == SqlTokenKind::Open);
        let closes = item
            .iter()
            .filter(|token| token.kind == SqlTokenKind::Open)
            .count();
        if let (Some(first), true) = (begins, calls && (closes == 1 || is_one_call(item))) {
            return Some(text(first));
        }
    }
    Some("?column?".to_owned())
}

/// Whether the bracket behind the first word closes at the end.
fn is_one_call(item: &[&SqlToken]) -> bool {
    let mut depth = 0_usize;
    for (at, token) in item.iter().enumerate() {
        match token.kind {
            SqlTokenKind::Open => depth += 1,
            SqlTokenKind::Close => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at == item.len() - 1;
                }
            }
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runbook::syntax::read_sql;

    fn of(sql: &str) -> (Option<Vec<String>>, bool) {
        let script = read_sql(sql);
        let statement = script.statements().next().unwrap();
        let columns = columns_of(&script, statement);
        (columns.names, columns.is_single_row)
    }

    #[test]
    fn columns_are_named_as_the_server_names_them() {
        for (sql, names, single) in [
            ("SELECT count(*) FROM t", "count", true),
            (
                "SELECT COUNT(*) AS recent, max(a) last FROM t",
                "recent,last",
                true,
            ),
            (
                "SELECT a, b.c, round(x, 2), a + 1 FROM b",
                "a,c,round,?column?",
                false,
            ),
            ("SELECT pg_is_in_recovery();", "pg_is_in_recovery", true),
            ("SELECT a, count(*) FROM t GROUP BY a", "a,count", false),
            (
                "SELECT 'x' AS n, count(*) FROM t UNION ALL SELECT 'y', 1",
                "n,count",
                false,
            ),
            ("WITH s AS (SELECT 1) SELECT n FROM s", "n", false),
            (
                "SELECT ROUND(COUNT(a) * 100.0 / COUNT(*), 2) as percent FROM t",
                "percent",
                true,
            ),
        ] {
            let names = names.split(',').map(str::to_owned).collect();
            assert_eq!(of(sql), (Some(names), single), "{sql}");
        }
        assert_eq!(of("SELECT * FROM t"), (None, false));
    }
}
