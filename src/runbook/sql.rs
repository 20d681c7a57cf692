//! SQL as statements with their lines, psql's own backslash commands among them.

use super::syntax::{self, Ending, Item};

/// One statement or backslash command.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Statement<'a> {
    /// First and last line in the code, from 0.
    pub first: usize,
    pub last: usize,
    pub text: &'a str,
    /// False where the code ends before its semicolon.
    pub terminated: bool,
}

impl Statement<'_> {
    pub fn is_meta(&self) -> bool {
        self.text.starts_with('\\')
    }

    /// The words it begins with, in capitals.
    pub fn starts_with(&self, words: &str) -> bool {
        let mut rest = self.text.split_whitespace();
        words.split(' ').all(|word| {
            rest.next().is_some_and(|candidate| {
                candidate
                    .trim_end_matches([';', '('])
                    .eq_ignore_ascii_case(word)
            })
        })
    }
}

/// The statements and commands in order; data of a COPY is none of them.
pub(super) fn statements(code: &str) -> Vec<Statement<'_>> {
    let script = syntax::read_sql(code);
    let (mut at, mut line) = (0, 0);
    let mut statements = Vec::new();
    for item in script.items() {
        let terminated = match item {
            Item::Statement(statement) => statement.ending != Ending::Open,
            Item::Meta(meta) if !meta.inside => true,
            _ => continue,
        };
        let span = item.span();
        line += syntax::line_of(&code[at..], span.start - at);
        at = span.start;
        let text = span.of(code);
        statements.push(Statement {
            first: line,
            last: line + text.matches('\n').count(),
            text,
            terminated,
        });
    }
    statements
}

/// Whether a word begins an SQL statement.
pub(super) fn is_verb(word: &str) -> bool {
    const VERBS: &[&str] = &[
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "CREATE",
        "ALTER",
        "DROP",
        "TRUNCATE",
        "GRANT",
        "REVOKE",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT",
        "RELEASE",
        "START",
        "END",
        "WITH",
        "EXPLAIN",
        "ANALYZE",
        "VACUUM",
        "REINDEX",
        "REFRESH",
        "COMMENT",
        "COPY",
        "SET",
        "RESET",
        "SHOW",
        "LOCK",
        "CALL",
        "DO",
        "DECLARE",
        "FETCH",
        "CLOSE",
        "PREPARE",
        "EXECUTE",
        "DEALLOCATE",
        "LISTEN",
        "NOTIFY",
        "CLUSTER",
        "CHECKPOINT",
        "VALUES",
        "TABLE",
        "MERGE",
        "DISCARD",
        "REASSIGN",
    ];
    VERBS.iter().any(|verb| verb.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_where_psql_ends_them() {
        let code = "-- a; b\nSELECT ';' AS \"x;y\";\nDO $body$ BEGIN; END $body$;\n\\i file.sql\nSELECT 1 /* ; */\n  + 1; SELECT 2 \\gset\nSELECT 3";
        let texts: Vec<(usize, usize, &str)> = statements(code)
            .iter()
            .map(|statement| (statement.first, statement.last, statement.text))
            .collect();
        assert_eq!(
            texts,
            [
                (1, 1, "SELECT ';' AS \"x;y\";"),
                (2, 2, "DO $body$ BEGIN; END $body$;"),
                (3, 3, "\\i file.sql"),
                (4, 5, "SELECT 1 /* ; */\n  + 1;"),
                (5, 5, "SELECT 2 \\gset"),
                (6, 6, "SELECT 3"),
            ]
        );
        assert!(!statements(code)[5].terminated);
    }
}
