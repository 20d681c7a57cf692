//! Statements that queue for a strong lock: while one waits, everybody who comes behind it waits too. So it
//! waits for a short time only, lets the others pass, and is tried again from where that changes nothing.

use serde::{Deserialize, Serialize};

use super::hold::{Means, of_statement};
use super::locks::{LockMode, locks_of};
use super::model::Actor;
use super::syntax::{Ending, Item, Meta, SqlScript, Statement, read_sql};

/// How a statement that got no lock in time is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockTry {
    /// The command to go back to, by its place: itself, or the `BEGIN` of its transaction, which is rolled
    /// back. `None`: what ran since cannot be taken back, so it is not tried again.
    pub again_from: Option<usize>,
}

/// What is done about the strong locks of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockTries {
    /// It queues for none.
    Nothing,
    /// It sets `lock_timeout` itself.
    Own,
    /// Something in it may change its session: named here.
    Unclear(String),
    /// By the place of the command.
    Around(Vec<(usize, LockTry)>),
}

/// Reads commands as they run one after the other in one psql; `is_one`: all of them in one transaction.
pub fn lock_tries(commands: &[&str], is_one: bool) -> LockTries {
    let mut around = Vec::new();
    let mut unclear = None;
    let mut open = is_one.then_some(Some(0));
    for (at, text) in commands.iter().enumerate() {
        let script = read_sql(text);
        let changes = script.metas().find(|meta| changes_session(meta));
        unclear = unclear.or(changes.map(|meta| format!("\\{}", meta.name)));
        let Some(statement) = only_statement(&script) else {
            // What it does is not in the transaction alone.
            open = open.map(|_| None);
            continue;
        };
        match of_statement(text, statement) {
            // In a transaction it begins no other.
            Means::Begin => open = open.or(Some(Some(at))),
            Means::Commit | Means::Rollback => {
                let chains = has_word(text, statement, "chain");
                open = chains.then_some(None);
            }
            _ if queues(text, statement) => {
                let again_from = open.unwrap_or(Some(at));
                around.push((at, LockTry { again_from }));
            }
            _ if ["COPY", "PREPARE"].contains(&statement.verb(text).as_str()) => {
                open = open.map(|_| None);
            }
            _ => {}
        }
    }
    let sets_it = |text: &&str| {
        let code = read_sql(text).without_comments().to_lowercase();
        code.contains("lock_timeout")
    };
    match unclear {
        _ if around.is_empty() => LockTries::Nothing,
        _ if commands.iter().any(sets_it) => LockTries::Own,
        Some(name) => LockTries::Unclear(name),
        None => LockTries::Around(around),
    }
}

/// What a command is, where it is one plain statement.
fn only_statement(script: &SqlScript) -> Option<&Statement> {
    match script.items() {
        [Item::Statement(statement)] if !matches!(statement.ending, Ending::Sent(_)) => {
            Some(statement)
        }
        _ => None,
    }
}

/// It asks for a lock that keeps writers out, waits as long as it takes, and is no `CONCURRENTLY`: that is
/// left half done by a timeout.
fn queues(text: &str, statement: &Statement) -> bool {
    let has = |word| has_word(text, statement, word);
    let mut locks = locks_of(text, Actor::Sql).into_iter();
    locks.any(|lock| lock.mode >= LockMode::Share) && !has("concurrently") && !has("nowait")
}

fn has_word(text: &str, statement: &Statement, word: &str) -> bool {
    let mut tokens = statement.tokens.iter();
    tokens.any(|token| token.is_word(text, word))
}

/// Another session, other text, or another way to go on after an error.
fn changes_session(meta: &Meta) -> bool {
    match meta.name.as_str() {
        // Its own variables are in capitals.
        "set" | "unset" => meta.arguments.first().is_some_and(|argument| {
            let name = argument.text.as_str();
            name.chars().all(|letter| !letter.is_lowercase())
        }),
        "c" | "connect" | "i" | "ir" | "include" | "include_relative" | "if" | "gexec" => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(commands: &[&str]) -> Vec<(usize, Option<usize>)> {
        match lock_tries(commands, false) {
            LockTries::Around(around) => around
                .into_iter()
                .map(|(at, again)| (at, again.again_from))
                .collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_statement_by_itself_is_tried_again_alone_and_one_in_a_transaction_from_its_begin() {
        let commands = [
            "ALTER TABLE items ADD COLUMN a int;",
            "BEGIN;",
            "UPDATE items SET a = 1;",
            "ALTER TABLE items DROP COLUMN b;",
            "COMMIT;",
            "DROP TABLE old_items",
        ];
        assert_eq!(
            around(&commands),
            [(0, Some(0)), (3, Some(1)), (5, Some(5))]
        );
        let LockTries::Around(one) = lock_tries(&["TRUNCATE a;", "TRUNCATE b;"], true) else {
            panic!("nothing is put around");
        };
        assert!(one.iter().all(|(_, again)| again.again_from == Some(0)));
        let twice = ["BEGIN;", "DELETE FROM a;", "BEGIN;", "TRUNCATE b;"];
        assert_eq!(around(&twice), [(3, Some(0))]);
        let LockTries::Around(inner) =
            lock_tries(&["DELETE FROM a;", "BEGIN;", "TRUNCATE b;"], true)
        else {
            panic!("nothing is put around");
        };
        assert!(inner.iter().all(|(_, again)| again.again_from == Some(0)));
    }

    #[test]
    fn what_a_rollback_does_not_take_back_is_not_done_twice() {
        for before in ["\\! touch done", "COPY items TO PROGRAM 'mail';"] {
            let commands = ["BEGIN;", before, "DROP TABLE items;", "COMMIT;"];
            assert_eq!(around(&commands), [(2, None)], "{before}");
        }
        let chained = ["BEGIN;", "COMMIT AND CHAIN;", "DROP TABLE items;"];
        assert_eq!(around(&chained), [(2, None)]);
    }

    #[test]
    fn neither_concurrently_nor_nowait_nor_a_weak_lock_gets_a_timeout() {
        for command in [
            "CREATE INDEX CONCURRENTLY i ON items (n);",
            "ALTER TABLE parts DETACH PARTITION part CONCURRENTLY;",
            "REFRESH MATERIALIZED VIEW CONCURRENTLY totals;",
            "LOCK TABLE items NOWAIT;",
            "ALTER TABLE items VALIDATE CONSTRAINT c;",
            "UPDATE items SET n = 1;",
        ] {
            assert_eq!(
                lock_tries(&[command], false),
                LockTries::Nothing,
                "{command}"
            );
        }
    }

    #[test]
    fn what_the_guide_sets_itself_is_left_as_it_is() {
        for own in [
            "SET lock_timeout = '1s';",
            "SELECT set_config('lock_timeout', '1s', false);",
        ] {
            assert_eq!(
                lock_tries(&[own, "DROP TABLE items;"], false),
                LockTries::Own
            );
        }
        for meta in ["\\connect other", "\\set ON_ERROR_STOP off", "\\i more.sql"] {
            let tries = lock_tries(&[meta, "DROP TABLE items;"], false);
            assert!(matches!(tries, LockTries::Unclear(_)), "{meta}: {tries:?}");
        }
        let fine = ["\\set size 500", "\\timing on", "DROP TABLE items;"];
        assert_eq!(around(&fine), [(2, Some(2))]);
    }
}
