//! Where a transaction is held: its `COMMIT` comes after writes and then a look at what they did, so
//! whoever wrote it meant to look before deciding.

use super::syntax::{self, Item, SqlTokenKind, Statement};

/// A `COMMIT` that follows a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldPlace {
    /// Bytes of the code before it.
    pub offset: usize,
    /// Its line in the code, from 0.
    pub line: usize,
}

/// What a statement means for a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Means {
    Begin,
    Commit,
    Rollback,
    Look,
    Write,
    /// It neither shows nor changes anything.
    Nothing,
}

/// Every `COMMIT` of the code that comes after writes and then a look, in one transaction. None where
/// psql decides by `\if` what of the code it runs: whether such a place is reached is not certain.
pub fn hold_places(code: &str) -> Vec<HoldPlace> {
    let script = syntax::read_sql(code);
    let (mut open, mut wrote, mut looked) = (false, false, false);
    let mut places = Vec::new();
    for item in script.items() {
        let means = match item {
            Item::Statement(statement) => of_statement(code, statement),
            Item::Meta(meta) if meta.name == "if" => return Vec::new(),
            Item::Meta(meta) => of_meta(&meta.name, meta.inside),
            Item::Data(_) => Means::Nothing,
        };
        match means {
            Means::Begin => (open, wrote, looked) = (true, false, false),
            Means::Commit => {
                if open && wrote && looked {
                    let offset = item.span().start;
                    let line = script.line(offset);
                    places.push(HoldPlace { offset, line });
                }
                open = false;
            }
            Means::Rollback => open = false,
            Means::Look => looked = wrote,
            Means::Write => (wrote, looked) = (true, false),
            Means::Nothing => {}
        }
    }
    places
}

pub(super) fn of_statement(code: &str, statement: &Statement) -> Means {
    let begins = |words: &str| statement.starts_with(code, words);
    let has = |word: &str| {
        statement
            .tokens
            .iter()
            .any(|token| token.is_word(code, word))
    };
    match statement.verb(code).as_str() {
        "BEGIN" => Means::Begin,
        "START" if begins("START TRANSACTION") => Means::Begin,
        "COMMIT" | "END" => Means::Commit,
        "ROLLBACK" if has("to") => Means::Write,
        "ROLLBACK" | "ABORT" => Means::Rollback,
        "EXPLAIN" if has("analyze") && writes(code, statement) => Means::Write,
        "SELECT" if has("into") => Means::Write,
        "SELECT" | "TABLE" | "VALUES" | "SHOW" | "EXPLAIN" | "FETCH" => Means::Look,
        // `WITH seen AS (…) SELECT`: a look, unless one of its parts writes.
        "WITH" if !writes(code, statement) => Means::Look,
        "SET" | "RESET" | "SAVEPOINT" | "RELEASE" | "DECLARE" | "CLOSE" => Means::Nothing,
        _ => Means::Write,
    }
}

/// Whether one of its parts changes rows.
fn writes(code: &str, statement: &Statement) -> bool {
    let mut before = None;
    statement.tokens.iter().any(|token| {
        // `FOR UPDATE` locks and changes nothing.
        let locks = before
            .replace(*token)
            .is_some_and(|last| last.is_word(code, "for"));
        token.kind == SqlTokenKind::Word
            && !locks
            && ["insert", "update", "delete", "merge"]
                .iter()
                .any(|word| token.is_word(code, word))
    })
}

fn of_meta(name: &str, inside: bool) -> Means {
    match name {
        // They belong to the statement that they send.
        _ if inside => Means::Nothing,
        "echo" | "qecho" | "warn" | "timing" | "x" | "set" | "unset" | "pset" | "a" | "t" | "o"
        | "encoding" | "errverbose" | "prompt" | "getenv" | "setenv" | "conninfo" => Means::Nothing,
        name if name.starts_with('d') || matches!(name, "l" | "l+" | "z" | "sf" | "sv" | "sf+") => {
            Means::Look
        }
        _ => Means::Write,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(code: &str) -> Vec<&str> {
        hold_places(code)
            .into_iter()
            .map(|place| &code[place.offset..])
            .collect()
    }

    #[test]
    fn a_commit_after_a_look_at_writes_is_held() {
        let code =
            "BEGIN;\nALTER TABLE t DROP COLUMN c;\n\n-- still fine?\nSELECT * FROM t;\nCOMMIT;\n";
        assert_eq!(held(code), ["COMMIT;\n"]);
        assert_eq!(hold_places(code)[0].line, 5);
    }

    #[test]
    fn the_place_is_found_in_the_middle_of_a_line() {
        assert_eq!(
            held("BEGIN; DELETE FROM t; SELECT 1; COMMIT; SELECT 2;"),
            ["COMMIT; SELECT 2;"]
        );
    }

    #[test]
    fn strings_data_and_bodies_hide_no_transaction() {
        for writes in [
            "UPDATE items SET n = E'it\\'s' WHERE id = 1;",
            "COPY items FROM STDIN;\n1\tit's\n\\.\n",
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END;",
            "INSERT INTO items VALUES ($$it's; COMMIT;$$);",
        ] {
            let code = format!("BEGIN;\n{writes}\nSELECT count(*) FROM items;\nCOMMIT;\n");
            assert_eq!(held(&code), ["COMMIT;\n"], "{writes}");
        }
        let code = "BEGIN;\nUPDATE t SET n = 1;\nWITH seen AS (SELECT * FROM t) SELECT count(*) FROM seen;\nCOMMIT;";
        assert_eq!(held(code), ["COMMIT;"]);
        assert!(
            held("BEGIN; WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a; COMMIT;")
                .is_empty()
        );
    }

    #[test]
    fn each_transaction_has_its_own() {
        let code = "BEGIN; DELETE FROM t; SELECT 1; COMMIT; BEGIN; DELETE FROM u; TABLE u; END;";
        assert_eq!(held(code).len(), 2);
    }

    #[test]
    fn what_shows_nothing_is_not_held() {
        assert!(held("BEGIN; DELETE FROM t; COMMIT;").is_empty());
        assert!(held("BEGIN; SELECT 1; DELETE FROM t; COMMIT;").is_empty());
        assert!(held("DELETE FROM t; SELECT 1; COMMIT;").is_empty());
        assert!(held("BEGIN; DELETE FROM t; SELECT 1; ROLLBACK; COMMIT;").is_empty());
        assert!(held("\\if :sure\nBEGIN; DELETE FROM t; SELECT 1; COMMIT;\n\\endif").is_empty());
    }

    #[test]
    fn a_word_to_the_operator_does_not_hide_the_look() {
        assert_eq!(
            held("BEGIN;\nDELETE FROM t;\nSELECT 1;\n\\echo look well\nCOMMIT;").len(),
            1
        );
    }
}
