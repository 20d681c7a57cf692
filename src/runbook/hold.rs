//! Where a transaction is held: its `COMMIT` comes after writes and then a look at what they did, so
//! whoever wrote it meant to look before deciding.

use super::sql;

/// A `COMMIT` that follows a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldPlace {
    /// Bytes of the code before it.
    pub offset: usize,
    /// Its line in the code, from 0.
    pub line: usize,
}

/// Every `COMMIT` of the code that comes after writes and then a look, in one transaction. None where
/// psql decides by `\if` what of the code it runs: whether such a place is reached is not certain.
pub fn hold_places(code: &str) -> Vec<HoldPlace> {
    let (mut open, mut wrote, mut looked) = (false, false, false);
    let mut places = Vec::new();
    for statement in sql::statements(code) {
        let begins = |words: &str| statement.starts_with(words);
        if begins("\\if") {
            return Vec::new();
        } else if begins("BEGIN") || begins("START TRANSACTION") {
            (open, wrote, looked) = (true, false, false);
        } else if begins("COMMIT") || begins("END") {
            if open && wrote && looked {
                places.push(HoldPlace {
                    offset: statement.text.as_ptr() as usize - code.as_ptr() as usize,
                    line: statement.first,
                });
            }
            open = false;
        } else if (begins("ROLLBACK") && !statement.text.to_uppercase().contains(" TO "))
            || begins("ABORT")
        {
            open = false;
        } else if ["SELECT", "TABLE", "EXPLAIN", "\\d", "SHOW"]
            .iter()
            .any(|verb| begins(verb))
        {
            looked = wrote;
        } else if !begins("SET")
            && !["\\echo", "\\timing", "\\x", "\\qecho"]
                .iter()
                .any(|verb| begins(verb))
        {
            (wrote, looked) = (true, false);
        }
    }
    places
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
