//! SQL cut into statements, as psql would cut it: past strings, quoted names, dollar quotes and
//! comments, and with psql's own backslash commands as statements of one line.

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

/// What the scanner is inside of.
enum Inside {
    Nothing,
    String,
    Name,
    Comment(usize),
    Dollar(String),
}

pub(super) fn statements(code: &str) -> Vec<Statement<'_>> {
    let bytes = code.as_bytes();
    let mut statements = Vec::new();
    let mut inside = Inside::Nothing;
    let (mut index, mut line) = (0, 0);
    let mut start: Option<(usize, usize)> = None;
    while index < bytes.len() {
        let byte = bytes[index];
        let next = bytes.get(index + 1).copied();
        if byte == b'\n' {
            line += 1;
            index += 1;
            continue;
        }
        match &mut inside {
            Inside::String => {
                if byte == b'\'' {
                    inside = Inside::Nothing;
                }
            }
            Inside::Name => {
                if byte == b'"' {
                    inside = Inside::Nothing;
                }
            }
            Inside::Comment(depth) => {
                if byte == b'*' && next == Some(b'/') {
                    index += 1;
                    *depth -= 1;
                    if *depth == 0 {
                        inside = Inside::Nothing;
                    }
                } else if byte == b'/' && next == Some(b'*') {
                    index += 1;
                    *depth += 1;
                }
            }
            Inside::Dollar(tag) => {
                if byte == b'$' && bytes[index..].starts_with(tag.as_bytes()) {
                    index += tag.len() - 1;
                    inside = Inside::Nothing;
                }
            }
            Inside::Nothing => {
                if byte == b'-' && next == Some(b'-') {
                    while index < bytes.len() && bytes[index] != b'\n' {
                        index += 1;
                    }
                    continue;
                }
                if byte == b'/' && next == Some(b'*') {
                    inside = Inside::Comment(1);
                    index += 2;
                    continue;
                }
                if byte == b'\\' && start.is_none() {
                    let end = code[index..].find('\n').map_or(code.len(), |at| index + at);
                    statements.push(Statement {
                        first: line,
                        last: line,
                        text: code[index..end].trim_end(),
                        terminated: true,
                    });
                    index = end;
                    continue;
                }
                if byte == b';' || (byte == b'\\' && is_send(&code[index..])) {
                    if let Some((from, first)) = start.take() {
                        // `\gset` and its kin run to the end of their line.
                        let end = if byte == b';' {
                            index + 1
                        } else {
                            code[index..].find('\n').map_or(code.len(), |at| index + at)
                        };
                        statements.push(Statement {
                            first,
                            last: line,
                            text: &code[from..end],
                            terminated: true,
                        });
                        index = end;
                        continue;
                    }
                } else if !byte.is_ascii_whitespace() && start.is_none() {
                    start = Some((index, line));
                }
                match byte {
                    b'\'' => inside = Inside::String,
                    b'"' => inside = Inside::Name,
                    b'$' => {
                        if let Some(tag) = dollar_tag(&code[index..]) {
                            index += tag.len() - 1;
                            inside = Inside::Dollar(tag.to_owned());
                        }
                    }
                    _ => {}
                }
            }
        }
        index += 1;
    }
    if let Some((from, first)) = start {
        let text = code[from..].trim_end();
        statements.push(Statement {
            first,
            last: first + text.matches('\n').count(),
            text,
            terminated: false,
        });
    }
    statements
}

fn is_send(rest: &str) -> bool {
    [
        "\\g",
        "\\watch",
        "\\crosstabview",
        "\\gset",
        "\\gexec",
        "\\gdesc",
        "\\gx",
    ]
    .iter()
    .any(|command| rest.starts_with(command))
}

fn dollar_tag(rest: &str) -> Option<&str> {
    let end = rest[1..].find('$')? + 1;
    let name = &rest[1..end];
    let valid = name
        .chars()
        .all(|character| character.is_alphanumeric() || character == '_')
        && !name.starts_with(|first: char| first.is_ascii_digit());
    valid.then(|| &rest[..=end])
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
