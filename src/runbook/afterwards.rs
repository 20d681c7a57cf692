//! What a statement leaves that only the catalog tells: a constraint that holds for new rows only.

use super::model::Actor;
use super::syntax::{SqlScript, SqlToken, SqlTokenKind, Statement, Tongue, read_shell, read_sql};

/// A constraint of a table: whether it is there, and is to be validated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub table: String,
    pub name: String,
    pub validated: bool,
}

/// What is to be asked after this text has run.
pub fn asked_of_catalog(code: &str, actor: Actor) -> Vec<Asked> {
    let lower = code.to_ascii_lowercase();
    if !["not valid", "validate"]
        .iter()
        .any(|word| lower.contains(word))
    {
        return Vec::new();
    }
    match actor {
        Actor::Sql => of_script(&read_sql(code)),
        Actor::Shell => of_script(&read_sql(&sql_in(code))),
        Actor::Http | Actor::Nobody => Vec::new(),
    }
}

/// The SQL that a shell text hands to a psql of this machine, as one script.
pub fn sql_in(code: &str) -> String {
    let script = read_shell(code);
    let inner = script.inner();
    let sql = inner
        .iter()
        .filter(|inner| inner.tongue == Tongue::Sql && !inner.elsewhere);
    let texts: Vec<&str> = sql
        .map(|inner| inner.text.trim_end_matches([';', ' ', '\n']))
        .collect();
    // The last line of one may be a remark.
    texts.join("\n;\n")
}

fn of_script(script: &SqlScript) -> Vec<Asked> {
    script
        .statements()
        .filter_map(|statement| of_statement(script, statement))
        .collect()
}

fn of_statement(script: &SqlScript, statement: &Statement) -> Option<Asked> {
    let source = script.source();
    let tokens = &statement.tokens;
    if statement.verb(source) != "ALTER" {
        return None;
    }
    let (_, rest) = tokens
        .get(1..)?
        .split_first()
        .filter(|(first, _)| first.is_word(source, "table"))?;
    let (table, rest) = name(source, past(source, rest, &["if", "exists", "only"]))?;
    let constraint = rest
        .iter()
        .position(|token| token.is_word(source, "constraint"))?;
    let validated = constraint > 0 && rest[constraint - 1].is_word(source, "validate");
    let is_new = rest
        .windows(2)
        .any(|pair| pair[0].is_word(source, "not") && pair[1].is_word(source, "valid"));
    let (name, _) = name(source, rest.get(constraint + 1..)?)?;
    (validated || is_new).then_some(Asked {
        table,
        name,
        validated,
    })
}

fn past<'a>(source: &str, mut tokens: &'a [SqlToken], words: &[&str]) -> &'a [SqlToken] {
    while let [first, rest @ ..] = tokens {
        if !words.iter().any(|word| first.is_word(source, word)) {
            break;
        }
        tokens = rest;
    }
    tokens
}

/// A name with its schema, as written; what follows it.
fn name<'a>(source: &str, tokens: &'a [SqlToken]) -> Option<(String, &'a [SqlToken])> {
    let is_name =
        |token: &SqlToken| matches!(token.kind, SqlTokenKind::Word | SqlTokenKind::Identifier);
    let (first, mut rest) = tokens.split_first()?;
    if !is_name(first) || first.is_word(source, "on") {
        return None;
    }
    let mut name = first.span.of(source).to_owned();
    while let [dot, next, after @ ..] = rest {
        if dot.span.of(source) != "." || !is_name(next) {
            break;
        }
        name = format!("{name}.{}", next.span.of(source));
        rest = after;
    }
    Some((name, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_whose_end_says_too_little() {
        let constraint = |validated| {
            vec![Asked {
                table: "shop.t".to_owned(),
                name: "c".to_owned(),
                validated,
            }]
        };
        for (sql, asked) in [
            (
                "ALTER TABLE shop.t ADD CONSTRAINT c CHECK (n > 0) NOT VALID",
                constraint(false),
            ),
            (
                "ALTER TABLE IF EXISTS shop.t VALIDATE CONSTRAINT c",
                constraint(true),
            ),
            ("ALTER TABLE t ADD CONSTRAINT c CHECK (n > 0)", Vec::new()),
            ("CREATE INDEX CONCURRENTLY i ON t (n)", Vec::new()),
        ] {
            assert_eq!(asked_of_catalog(sql, Actor::Sql), asked, "{sql}");
        }
        assert_eq!(
            asked_of_catalog(
                "psql -c 'ALTER TABLE shop.t VALIDATE CONSTRAINT c'",
                Actor::Shell
            ),
            constraint(true)
        );
    }
}
