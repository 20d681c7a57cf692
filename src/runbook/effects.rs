//! What a command would leave behind: nothing (it only looks), a backup, or something that is gone.

use super::model::Actor;
use super::pattern::pattern;
use super::shell::{self, LineKind};
use super::{hazards, sql};

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
            let statements = sql::statements(code);
            !statements.is_empty() && statements.iter().all(|statement| is_query(statement.text))
        }
        Actor::Http => {
            let method = code.trim_start();
            method.starts_with("GET ") || method.starts_with("HEAD ")
        }
        Actor::Shell | Actor::Nobody => false,
    }
}

/// A query that calls nothing but what belongs to PostgreSQL.
fn is_query(text: &str) -> bool {
    let lower = text.trim_start().to_lowercase();
    let reads = ["select", "table ", "values", "show ", "explain ", "with "]
        .iter()
        .any(|word| lower.starts_with(word));
    let psql = lower.starts_with("\\d") || lower.starts_with("\\l") || lower.starts_with("\\echo");
    let writes = pattern!(
        r"\b(insert|update|delete|merge|truncate|drop|create|alter|grant|revoke|call|nextval|setval|pg_terminate_backend|pg_cancel_backend)\b|\binto\b"
    )
    .is_match(&lower);
    // `SELECT move_orders(500);` does what its name says.
    let calls = lower.starts_with("select") && !lower.contains("from") && {
        let called = pattern!(r"\b([a-z_][\w.]*)\s*\(").captures_iter(&lower);
        called
            .filter_map(|found| found.get(1))
            .any(|name| !is_of_server(name.as_str()))
    };
    psql || (reads && !writes && !calls)
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
    actor == Actor::Shell
        && shell::lines(code).iter().any(|line| {
            line.kind != LineKind::Comment
                && pattern!(r"(?:^|[\s|;&(/])(pg_dump|pg_dumpall|pg_basebackup|mysqldump)(?:\s|$)")
                    .is_match(line.command())
        })
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
            "-- how many\nSHOW server_version;\n\\dt",
            "EXPLAIN SELECT * FROM a;",
        ] {
            assert!(only_looks(look, Actor::Sql), "{look}");
        }
        for change in [
            "SELECT move_orders(500);",
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
