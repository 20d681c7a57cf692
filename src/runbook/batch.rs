//! A statement that is repeated in batches: by ranges of a key, or until it touches nothing more.

use serde::{Deserialize, Serialize};

use super::attributes::{BadValue, Raw};
use super::effects::only_looks;
use super::model::{Actor, Block, Transaction};
use super::pattern::pattern;
use super::syntax::{Ending, Item, SqlToken, SqlTokenKind, Statement, read_sql};
use crate::text::duration;

/// What psql fills in for each batch: its first key, its last key, and its size.
pub const BATCH_VARIABLES: [&str; 3] = [LOW, HIGH, SIZE];
const LOW: &str = "batch_low";
const HIGH: &str = "batch_high";
const SIZE: &str = "batch_size";
const USUAL_SIZE: u64 = 1_000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Table and column of its ranges; `None`: repeated until it touches no row.
    pub keys: Option<(String, String)>,
    pub size: u64,
    pub pause_ms: u64,
    /// So many errors are borne, each by another try of the same batch.
    pub max_errors: u64,
    /// No batch begins while this query answers true.
    pub throttle: Option<String>,
}

impl Batch {
    /// What the preview says of it.
    pub fn words(&self) -> String {
        let mut words = match &self.keys {
            Some((table, key)) => format!(
                "in batches of {} by `{key}` of `{table}`, each a transaction",
                self.size
            ),
            None => "repeated until it touches no row, each time a transaction".to_owned(),
        };
        if self.pause_ms > 0 {
            words.push_str(&format!(
                ", {} between two",
                duration::format_ms(self.pause_ms)
            ));
        }
        words.push_str(&match self.max_errors {
            0 => "; the first error stops it".to_owned(),
            1 => "; 1 error is tried again, a second stops it".to_owned(),
            most => format!("; {most} errors are tried again, one more stops it"),
        });
        if let Some(query) = &self.throttle {
            words.push_str(&format!("; waits while `{query}` is true"));
        }
        words
    }
}

/// The attributes of a fence of class `.batch`.
pub(super) fn read(raw: &Raw, bad: &mut Vec<BadValue>) -> Option<Batch> {
    if !raw.flag("batch") {
        return None;
    }
    let mut number = |key: &str, usual: u64, least: u64| {
        let Some(value) = raw.get(key) else {
            return usual;
        };
        let digits = value.replace([',', '_'], "");
        let read = digits.parse().ok().filter(|number| *number >= least);
        read.unwrap_or_else(|| {
            bad.push(BadValue {
                key: key.to_owned(),
                message: format!("`{value}` is no number from {least} on"),
                help: format!("write it as `{key}={}`", usual.max(least)),
            });
            usual
        })
    };
    let (size, max_errors) = (number("size", USUAL_SIZE, 1), number("max-errors", 0, 0));
    let pause = raw
        .get("pause")
        .map(|value| (value, duration::parse_ms(value)));
    if let Some((value, None)) = pause {
        bad.push(BadValue {
            key: "pause".to_owned(),
            message: format!("`{value}` is not a duration"),
            help: "write it as `pause=200ms` or `pause=1s`".to_owned(),
        });
    }
    let mut name = |key: &str| {
        let value = raw.get(key)?;
        if !is_name(value) {
            bad.push(BadValue {
                key: key.to_owned(),
                message: format!("`{value}` is no name of a table or column"),
                help: format!("write it as `{key}=orders`, or as it stands in SQL"),
            });
            return None;
        }
        Some(value.to_owned())
    };
    let (table, key) = (name("table"), name("key"));
    let is_there = |key: &str| raw.get(key).is_some();
    if is_there("table") != is_there("key") {
        let given = if is_there("table") { "table" } else { "key" };
        bad.push(BadValue {
            key: given.to_owned(),
            message: "ranges need both `table` and `key`".to_owned(),
            help: "write `table=orders key=id`, or neither: then it is repeated until it touches no row"
                .to_owned(),
        });
    }
    Some(Batch {
        keys: table.zip(key),
        size,
        pause_ms: pause.and_then(|(_, pause)| pause).unwrap_or(0),
        max_errors,
        throttle: raw.get("throttle").map(|query| query.trim().to_owned()),
    })
}

fn is_name(text: &str) -> bool {
    pattern!(r#"^(?:[A-Za-z_]\w*|"[^"]+")(?:\.(?:[A-Za-z_]\w*|"[^"]+"))*$"#).is_match(text)
}

/// Why a block cannot run in batches: what is meant, why, and what to do.
pub fn batch_problem(block: &Block) -> Option<[&'static str; 3]> {
    let script = read_sql(&block.code);
    let names = |name: &str| {
        let mut tokens = script.statements().flat_map(|one| &one.tokens);
        tokens.any(|token| {
            token.kind == SqlTokenKind::VariableLiteral
                && token.variable(script.source()) == Some(name)
        })
    };
    let Some(batch) = &block.attributes.batch else {
        let stray = block.actor == Actor::Sql && (names(LOW) || names(HIGH));
        return stray.then_some([
            "batch_",
            "the range of a batch is known only in a block of class `.batch`",
            "add `.batch table=… key=… size=…` to its fence",
        ]);
    };
    if block.actor != Actor::Sql {
        return Some([
            "batch",
            "only SQL runs in batches",
            "make it an SQL block, or leave `.batch` out",
        ]);
    }
    if block.attributes.txn == Some(Transaction::One) || block.attributes.every_s.is_some() {
        return Some([
            "batch",
            "each batch is a transaction of its own, and the whole runs once",
            "leave `txn` and `every` out",
        ]);
    }
    let mut items = script.items().iter();
    let (Some(Item::Statement(statement)), None) = (items.next(), items.next()) else {
        return Some([
            "batch",
            "a batch is one statement, without commands of psql",
            "give each statement a block of its own",
        ]);
    };
    let source = script.source();
    if matches!(statement.ending, Ending::Sent(_)) || !changes_rows(source, statement) {
        return Some([
            "batch",
            "a batch is an INSERT, UPDATE, DELETE or MERGE: its end is known by the rows that it touches",
            "write it as one of these, or leave `.batch` out",
        ]);
    }
    if !batch.throttle.as_deref().is_none_or(is_one_look) {
        return Some([
            "throttle",
            "the throttle is not one query that only looks",
            "write it as `throttle=\"SELECT …\"`, without `;` and without commands of psql",
        ]);
    }
    let mut bare = statement.tokens.iter();
    if bare.any(|token| {
        let name = token.variable(source).unwrap_or_default();
        token.kind == SqlTokenKind::Variable && BATCH_VARIABLES.contains(&name)
    }) {
        return Some([
            ":batch_",
            "outside of quotes a key would be read as SQL",
            "write `:'batch_low'`, `:'batch_high'`, `:'batch_size'`",
        ]);
    }
    match (&batch.keys, names(LOW) && names(HIGH)) {
        (Some(_), false) => Some([
            "batch",
            "the statement does not name the range of its batch",
            "write `WHERE … BETWEEN :'batch_low' AND :'batch_high'`",
        ]),
        (None, _) if names(LOW) || names(HIGH) => Some([
            "batch",
            "without `table` and `key` there are no ranges",
            "write `.batch table=… key=…`, or a statement that finds what is left by itself",
        ]),
        _ => None,
    }
}

/// The rows that it touches are those of its last part: `WITH gone AS (DELETE …) SELECT …` shows some.
fn changes_rows(source: &str, statement: &Statement) -> bool {
    const WRITES: [&str; 4] = ["insert", "update", "delete", "merge"];
    let mut depth = 0_usize;
    let mut outer: Vec<&SqlToken> = statement.tokens.iter().collect();
    outer.retain(|token| {
        match token.kind {
            SqlTokenKind::Open => depth += 1,
            SqlTokenKind::Close => depth = depth.saturating_sub(1),
            _ => return depth == 0,
        }
        false
    });
    let is = |token: &SqlToken, word: &&str| token.is_word(source, word);
    let writes = |token: &SqlToken| WRITES.iter().any(|word| is(token, word));
    if !statement.starts_with(source, "WITH") {
        return outer.first().is_some_and(|first| writes(first));
    }
    // `WITH update AS (…)`: a name.
    let mut pairs = outer.windows(2).filter(|pair| !is(pair[1], &"as"));
    let last = pairs.find(|pair| writes(pair[0]) || is(pair[0], &"select"));
    last.is_some_and(|pair| writes(pair[0]))
}

/// It can stand between brackets in a query of ours.
fn is_one_look(query: &str) -> bool {
    let script = read_sql(query);
    let [Item::Statement(statement)] = script.items() else {
        return false;
    };
    let mut depth = 0_i32;
    let is_closed = statement.tokens.iter().all(|token| {
        depth += match token.kind {
            SqlTokenKind::Open => 1,
            SqlTokenKind::Close => -1,
            _ => 0,
        };
        depth >= 0 && token.kind != SqlTokenKind::Semicolon
    });
    script.unreadable().is_none()
        && statement.ending == Ending::Open
        && is_closed
        && depth == 0
        && only_looks(query, Actor::Sql)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runbook::parse;

    fn problem(fence: &str, code: &str) -> Option<&'static str> {
        let text = format!("# Fill\n\n## Phase 1: Go\n\n```sql {{#fill {fence}}}\n{code}\n```\n");
        let runbook = parse("guide.md", text.as_bytes());
        let block = &runbook.blocks[0];
        batch_problem(block).map(|[needle, ..]| needle)
    }

    #[test]
    fn a_throttle_is_one_query_that_only_looks() {
        let update = "UPDATE t SET n = 1 WHERE NOT n > 0";
        let throttled = |query: &str| problem(&format!(".batch throttle=\"{query}\""), update);
        for fine in [
            "SELECT count(*) > 5 FROM pg_stat_activity",
            "SELECT (SELECT n > 0 FROM busy) -- a note",
        ] {
            assert_eq!(throttled(fine), None, "{fine}");
        }
        for bad in [
            "SELECT true); DROP TABLE t; --",
            "SELECT true); SELECT (true",
            "SELECT true) OR (SELECT true",
            "SELECT true;",
            "SELECT true \\g /tmp/file",
            "\\! touch /tmp/file",
            "DELETE FROM t RETURNING true",
            "SELECT '",
        ] {
            assert_eq!(throttled(bad), Some("throttle"), "{bad}");
        }
    }

    #[test]
    fn a_batch_changes_rows_by_its_last_part() {
        for fine in [
            "DELETE FROM t WHERE old",
            "WITH some AS (SELECT id FROM t LIMIT 5) DELETE FROM t USING some",
            "WITH update AS (SELECT 1 AS n) INSERT INTO t SELECT n FROM update",
        ] {
            assert_eq!(problem(".batch", fine), None, "{fine}");
        }
        for shows in [
            "WITH gone AS (DELETE FROM t RETURNING id) SELECT count(*) FROM gone",
            "WITH some AS (SELECT id FROM t) SELECT id FROM some FOR UPDATE",
            "SELECT update FROM t",
        ] {
            assert_eq!(problem(".batch", shows), Some("batch"), "{shows}");
        }
    }

    #[test]
    fn a_range_in_a_comment_is_none() {
        let fence = ".batch table=t key=id";
        let range = "BETWEEN :'batch_low' AND :'batch_high'";
        let named = format!("UPDATE t SET n = 1 WHERE id {range}");
        assert_eq!(problem(fence, &named), None);
        let commented = format!("UPDATE t SET n = 1 -- WHERE id {range}");
        assert_eq!(problem(fence, &commented), Some("batch"));
    }

    #[test]
    fn what_is_no_name_is_told_and_not_kept() {
        let text = "# Fill\n\n## Phase 1: Go\n\n```sql {.batch table=\"t; DROP TABLE t\" key=id}\nDELETE FROM t\n```\n";
        let runbook = parse("guide.md", text.as_bytes());
        let block = &runbook.blocks[0];
        assert_eq!(block.attributes.batch.as_ref().unwrap().keys, None);
    }
}
