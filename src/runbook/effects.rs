//! What a command would leave behind: nothing (it only looks), a backup, or something that is gone.

use super::hazards;
use super::model::Actor;
use super::pattern::pattern;
use super::syntax::{self, Item, Span, SqlScript, SqlTokenKind, Statement};

/// Something that a command drops or empties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// As it stands in the command, without quotes.
    pub name: String,
    /// What was in it is gone with it: a table, a column, a database, and no index.
    pub holds_data: bool,
}

/// Whether a command only looks at what is there.
pub fn only_looks(code: &str, actor: Actor) -> bool {
    match actor {
        Actor::Sql => {
            let script = syntax::read_sql(code);
            let looks = |item: &Item| match item {
                Item::Statement(statement) => is_query(&script, statement),
                Item::Meta(meta) => {
                    meta.inside || meta.name.starts_with(['d', 'l']) || meta.name == "echo"
                }
                Item::Data(_) => false,
            };
            !script.items().is_empty() && script.items().iter().all(looks)
        }
        Actor::Http => {
            let method = code.trim_start();
            method.starts_with("GET ") || method.starts_with("HEAD ")
        }
        Actor::Shell | Actor::Nobody => false,
    }
}

const READS: [&str; 6] = ["SELECT", "TABLE", "VALUES", "SHOW", "EXPLAIN", "WITH"];
const WRITES: [&str; 16] = [
    "insert",
    "update",
    "delete",
    "merge",
    "truncate",
    "drop",
    "create",
    "alter",
    "grant",
    "revoke",
    "call",
    "nextval",
    "setval",
    "pg_terminate_backend",
    "pg_cancel_backend",
    "into",
];

/// A query that calls nothing but what belongs to PostgreSQL.
fn is_query(script: &SqlScript, statement: &Statement) -> bool {
    let source = script.source();
    let words = statement
        .tokens
        .iter()
        .filter(|one| one.kind == SqlTokenKind::Word);
    let mut texts = words.map(|one| script.text(one.span).to_ascii_lowercase());
    let verb = statement.verb(source);
    if !READS.contains(&verb.as_str()) || texts.any(|word| WRITES.contains(&word.as_str())) {
        return false;
    }
    let from = statement
        .tokens
        .iter()
        .any(|one| one.is_word(source, "from"));
    // `SELECT move_orders(500);` does what its name says.
    let pairs = statement.tokens.windows(2);
    let called: Vec<Span> = pairs
        .filter(|pair| pair[0].kind == SqlTokenKind::Word && pair[1].kind == SqlTokenKind::Open)
        .map(|pair| pair[0].span)
        .collect();
    // Nor does one of a schema of its own only look: `SELECT jobs.pause(id) FROM jobs.all`.
    let is_own = |span: &Span| {
        let before = source[..span.start].trim_end();
        before.ends_with('.') && !before.ends_with("pg_catalog.")
    };
    let is_of_server = |span: &Span| is_of_server(&script.text(*span).to_ascii_lowercase());
    verb != "SELECT" || !called.iter().any(is_own) && (from || called.iter().all(is_of_server))
}

fn is_of_server(name: &str) -> bool {
    name.starts_with("pg_")
        || name.starts_with("current_")
        || matches!(
            name,
            "count"
                | "sum"
                | "min"
                | "max"
                | "avg"
                | "now"
                | "version"
                | "coalesce"
                | "round"
                | "exists"
                | "select"
                | "to_regclass"
                | "inet_server_addr"
                | "age"
                | "length"
                | "lower"
                | "upper"
                | "txid_current"
                | "values"
                | "in"
                | "and"
                | "or"
                | "not"
        )
}

/// Whether a command makes a backup of a database.
pub fn makes_dump(code: &str, actor: Actor) -> bool {
    let dumps = ["pg_dump", "pg_dumpall", "pg_basebackup", "mysqldump"];
    let script = syntax::read_shell(code);
    actor == Actor::Shell
        && script.all_simple_commands().iter().any(|(_, simple)| {
            let mut calls = simple.calls().into_iter();
            calls.any(|call| dumps.contains(&call.program))
        })
}

/// What a command creates, in the order of its text, as it stands there without quotes.
pub fn made(code: &str, actor: Actor) -> Vec<String> {
    let code = hazards::without_comments(code, actor);
    let found = pattern!(
        r#"(?i)\bcreate\s+(?:or\s+replace\s+)?(?:(?:global|local|temp|temporary|unlogged|unique|materialized|recursive)\s+)*(?:table|view|database|schema|index|function|procedure|type|sequence)\s+(?:concurrently\s+)?(?:if\s+not\s+exists\s+)?("[^"]+"|[\w.$]+)|(?m:^|[\s;&|])createdb\s+([^\n;&|]+)"#
    );
    let name = |captures: regex::Captures<'_>| {
        let last = captures
            .get(2)
            .map(|words| words.as_str().split_whitespace().last());
        let name = captures
            .get(1)
            .map(|name| name.as_str())
            .or(last.flatten())?;
        Some(name.trim_matches(['"', '\'']).to_owned())
    };
    found.captures_iter(&code).filter_map(name).collect()
}

/// What a command drops or empties, in the order of its text.
pub fn dropped(code: &str, actor: Actor) -> Vec<Dropped> {
    let code = hazards::without_comments(code, actor);
    let found = pattern!(
        r#"(?i)\b(?:drop\s+(table|materialized\s+view|view|database|schema|column|index|function|procedure|type|sequence)|(truncate)(?:\s+table)?|(delete\s+from))\s+(?:concurrently\s+)?(?:if\s+exists\s+)?(?:only\s+)?("[^"]+"|[\w.$]+(?:\s*,\s*[\w.$]+)*)|(?m:^|[\s;&|])(dropdb)\s+([^\n;&|]+)"#
    );
    let mut all: Vec<Dropped> = Vec::new();
    for captures in found.captures_iter(&code) {
        let (names, holds_data) = match captures.get(6) {
            Some(words) => {
                let last = words.as_str().split_whitespace().last();
                (last.unwrap_or_default().to_owned(), true)
            }
            // A correction of some rows loses nothing, and all of them are a loss.
            None if captures.get(3).is_some() => {
                let after = captures.get(0).map_or(code.len(), |whole| whole.end());
                let rest = code[after..].split(';').next().unwrap_or_default();
                let some = pattern!(r"(?i)\bwhere\b").is_match(rest);
                (captures[4].to_owned(), !some)
            }
            None => {
                let kind = captures.get(1).map(|kind| kind.as_str().to_lowercase());
                let holds_data = kind.is_none_or(|kind| {
                    matches!(kind.as_str(), "table" | "database" | "schema" | "column")
                });
                (captures[4].to_owned(), holds_data)
            }
        };
        for name in names.split(',') {
            let name = name.trim().trim_matches(['"', '\'']).to_owned();
            if !name.is_empty() && !all.iter().any(|known| known.name == name) {
                all.push(Dropped { name, holds_data });
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_and_changes() {
        for look in [
            "SELECT count(*) FROM a;",
            "SELECT 1;",
            "SELECT pg_catalog.pg_table_size(oid), max(a) FROM pg_class;",
            "-- how many\nSHOW server_version;\n\\dt",
            "EXPLAIN SELECT * FROM a;",
        ] {
            assert!(only_looks(look, Actor::Sql), "{look}");
        }
        for change in [
            "SELECT move_orders(500);",
            "SELECT jobs.pause(id) FROM jobs.all WHERE name = 'nightly';",
            "WITH gone AS (DELETE FROM a RETURNING *) SELECT * FROM gone;",
            "SELECT * INTO b FROM a;",
            "UPDATE a SET b = 1;",
            "",
        ] {
            assert!(!only_looks(change, Actor::Sql), "{change}");
        }
        assert!(only_looks("GET http://localhost/health", Actor::Http));
        assert!(!only_looks("POST http://localhost/go", Actor::Http));
    }

    #[test]
    fn backups() {
        assert!(makes_dump("pg_dump -Fc -f a.dump shop", Actor::Shell));
        assert!(makes_dump(
            "time /usr/bin/pg_dump shop | gzip > a.gz",
            Actor::Shell
        ));
        assert!(!makes_dump("# pg_dump was made before\nls", Actor::Shell));
        assert!(!makes_dump("cat pg_dump.log", Actor::Shell));
    }

    #[test]
    fn what_is_made_is_what_stands_behind_create() {
        assert_eq!(
            made(
                "CREATE TABLE IF NOT EXISTS new AS SELECT * FROM old;\nCREATE UNIQUE INDEX CONCURRENTLY i ON old (a);",
                Actor::Sql
            ),
            ["new", "i"]
        );
        assert_eq!(
            made("createdb -T shop shop_try && psql", Actor::Shell),
            ["shop_try"]
        );
        assert!(made("INSERT INTO a SELECT * FROM b", Actor::Sql).is_empty());
    }

    #[test]
    fn what_is_gone() {
        let names = |code: &str, actor| -> Vec<(String, bool)> {
            dropped(code, actor)
                .into_iter()
                .map(|gone| (gone.name, gone.holds_data))
                .collect()
        };
        assert_eq!(
            names(
                "DROP TABLE IF EXISTS a, b; ALTER TABLE c DROP COLUMN d;",
                Actor::Sql
            ),
            [("a".into(), true), ("b".into(), true), ("d".into(), true)]
        );
        assert_eq!(
            names("DROP INDEX CONCURRENTLY i;\nDROP FUNCTION f();", Actor::Sql),
            [("i".into(), false), ("f".into(), false)]
        );
        assert_eq!(
            names("dropdb -h db1 shop_copy", Actor::Shell),
            [("shop_copy".into(), true)]
        );
        assert_eq!(
            names("DELETE FROM a WHERE b = 1; DELETE FROM c;", Actor::Sql),
            [("a".into(), false), ("c".into(), true)]
        );
        assert!(names("-- DROP TABLE a;\nSELECT 1;", Actor::Sql).is_empty());
    }
}
