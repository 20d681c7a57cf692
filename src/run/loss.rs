//! What is lost with a rollback that puts a backup back: the rows that were written since the backup began, by
//! the server's own counters, of the tables that the guide names. They were counted when it began; where they
//! were not, the loss is unknown, and said to be.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ActionId, Need, Outcome, Readiness, RunState, Timestamp};
use crate::runbook::{RollbackOption, TableName, Undoes};

/// Tables that are named in a sentence.
const SHOWN: usize = 4;

/// Rows that were written to each table since its server's counters began, or why that is not known.
pub type Writes = Result<BTreeMap<String, i64>, String>;

/// What the counters of all targets said when a backup began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    pub action: ActionId,
    pub attempt: u32,
    pub at: Timestamp,
    /// Those that were asked for: the guide may name more of them later in the run.
    #[serde(default)]
    pub tables: Vec<TableName>,
    pub targets: BTreeMap<String, Writes>,
}

impl Counted {
    /// Of what is written by now, that of the tables that were asked for then.
    fn of_its_tables(&self, now: &Writes) -> Writes {
        let asked = |table: &str| {
            let name = table.rsplit('.').next().unwrap_or(table);
            self.tables.iter().any(|own| own.name == name)
        };
        let now = now.clone()?.into_iter();
        Ok(now.filter(|(table, _)| asked(table)).collect())
    }
}

/// What a rollback would lose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// The point to which it returns.
    pub since: Option<Timestamp>,
    /// Rows written since, the most first; only tables that were written to.
    pub tables: Vec<(String, i64)>,
    /// Why all of it, or some of it, is not known.
    pub unknown: Vec<String>,
}

impl Loss {
    /// `written since 2026-12-01 02:13 UTC: about 1,020 rows of `orders``; a sentence without its period. A session that
    /// is idle tells the server's counters late what it wrote, so that no number is exact.
    pub fn words(&self) -> String {
        let since = self.since.map_or_else(String::new, |at| {
            at.format(" since %Y-%m-%d %H:%M UTC").to_string()
        });
        let rows = |(table, rows): &(String, i64)| match rows {
            1 => format!("about 1 row of `{table}`"),
            rows => format!("about {} rows of `{table}`", grouped(*rows)),
        };
        let mut named: Vec<String> = self.tables.iter().take(SHOWN).map(rows).collect();
        let more = self.tables.len().saturating_sub(SHOWN);
        if more > 0 {
            named.push(format!("and of {more} more tables"));
        }
        let unknown = self.unknown.join("; ");
        match (named.is_empty(), self.unknown.is_empty()) {
            (true, true) => format!("nothing was written{since} to the tables of the guide"),
            (true, false) => format!("how much was written{since} is unknown: {unknown}"),
            (false, true) => format!("written{since}: {}", named.join(", ")),
            (false, false) => format!(
                "written{since}: {}, and more that is unknown: {unknown}",
                named.join(", ")
            ),
        }
    }

    /// In a few characters, for a row that is always there.
    pub fn short(&self) -> Option<String> {
        let rows: i64 = self.tables.iter().map(|(_, rows)| rows).sum();
        let more = match self.unknown.is_empty() {
            true => "",
            false => ", and more that is unknown",
        };
        match (rows, self.unknown.is_empty()) {
            (0, true) => None,
            (0, false) => Some("loses an unknown number of rows".to_owned()),
            (1, _) => Some(format!("loses about 1 row{more}")),
            (rows, _) => Some(format!("loses about {} rows{more}", grouped(rows))),
        }
    }
}

/// `1,020`.
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl RunState {
    /// A command that makes a backup has just begun: what its rollback will lose is counted from here.
    pub(super) fn begins_backup(&self, action: ActionId) -> bool {
        let step = self.step_of(action);
        let in_rollback = step.is_some_and(|step| self.runbook.is_of_rollback(&step.id));
        let code = self.code_of(action).filter(|_| !in_rollback);
        code.is_some_and(|(code, actor)| crate::runbook::makes_dump(code, actor))
    }

    /// The count from which what a rollback to one of these backups loses is reckoned: that of the command that
    /// names it; where none does, of the first backup, so that nothing is left out.
    pub fn counted_for(&self, backups: &[&str]) -> Option<&Counted> {
        let attempt_of = |counted: &Counted| {
            let own = self.action(counted.action)?;
            own.attempt(counted.attempt)
        };
        let mut passed = self.counted.iter().filter(|counted| {
            attempt_of(counted).is_some_and(|attempt| attempt.outcome == Some(Outcome::Passed))
        });
        let names = |counted: &&Counted| {
            let text = attempt_of(counted).map_or("", |attempt| attempt.command.as_str());
            let mut files = backups.iter().filter_map(|path| path.rsplit('/').next());
            files.any(|file| !file.is_empty() && text.contains(file))
        };
        let last = passed.clone().rev().find(names);
        last.or_else(|| passed.next())
    }

    /// What a rollback loses by what the counters say now; `None` where it puts no backup back.
    pub fn loss_of(&self, option: &RollbackOption, now: &Readiness) -> Option<Loss> {
        let found = now.options.get(&option.id).into_iter().flatten();
        let backups: Vec<&str> = found
            .filter_map(|found| match &found.need {
                Need::Dump { path } => Some(path.as_str()),
                _ => None,
            })
            .collect();
        if backups.is_empty() && option.undoes != Undoes::Backup || self.targets.is_empty() {
            return None;
        }
        let mut loss = Loss {
            since: None,
            tables: Vec::new(),
            unknown: Vec::new(),
        };
        let Some(begun) = self.counted_for(&backups) else {
            let why = match self.dumps().next() {
                Some(_) => "nobody counted when the backup was made",
                None => "this run has made no backup",
            };
            loss.unknown.push(why.to_owned());
            return Some(loss);
        };
        loss.since = Some(begun.at);
        if begun.tables.is_empty() {
            loss.unknown.push("the guide names no table".to_owned());
            return Some(loss);
        }
        if now.written_at.is_none_or(|asked| asked < begun.at) {
            loss.unknown.push("it is being counted".to_owned());
            return Some(loss);
        }
        for (target, written) in &now.written {
            let written = begun.of_its_tables(written);
            loss.take(target, begun.targets.get(target), &written);
        }
        loss.tables
            .sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
        Some(loss)
    }
}

impl Loss {
    fn take(&mut self, target: &str, before: Option<&Writes>, now: &Writes) {
        let (before, now) = match (before, now) {
            (Some(Ok(before)), Ok(now)) => (before, now),
            (Some(Err(why)), _) | (_, Err(why)) => {
                return self.unknown.push(format!("`{target}`: {why}"));
            }
            (None, Ok(_)) => {
                let why = format!("`{target}` was not counted when the backup began");
                return self.unknown.push(why);
            }
        };
        for (table, rows) in now {
            match rows - before.get(table).copied().unwrap_or(0) {
                0 => {}
                more if more > 0 => self.tables.push((table.clone(), more)),
                _ => self
                    .unknown
                    .push(format!("the counters of `{table}` were reset since")),
            }
        }
        // A table that is gone has no counters any more.
        for table in before.keys().filter(|table| !now.contains_key(*table)) {
            self.unknown
                .push(format!("`{table}` is not there any more"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writes(known: &[(&str, i64)]) -> Writes {
        Ok(known
            .iter()
            .map(|(name, rows)| ((*name).to_owned(), *rows))
            .collect())
    }

    fn between(before: &[(&str, i64)], now: &[(&str, i64)]) -> Loss {
        let mut loss = Loss {
            since: None,
            tables: Vec::new(),
            unknown: Vec::new(),
        };
        loss.take("main", Some(&writes(before)), &writes(now));
        loss
    }

    #[test]
    fn what_was_written_since_is_named_by_table() {
        let loss = between(
            &[("items", 5), ("orders", 100)],
            &[("items", 5), ("orders", 1_120)],
        );
        assert_eq!(loss.words(), "written: about 1,020 rows of `orders`");
        assert_eq!(loss.short().as_deref(), Some("loses about 1,020 rows"));
        let loss = between(&[("items", 5)], &[("items", 5)]);
        assert_eq!(loss.short(), None);
        assert_eq!(
            loss.words(),
            "nothing was written to the tables of the guide"
        );
    }

    #[test]
    fn what_is_not_known_is_said() {
        let reset = between(&[("items", 50)], &[("items", 5)]);
        assert_eq!(
            reset.words(),
            "how much was written is unknown: the counters of `items` were reset since"
        );
        let gone = between(&[("items", 50)], &[]);
        assert!(gone.words().ends_with("`items` is not there any more"));
        let mut asked = between(&[], &[]);
        asked.take("main", None, &writes(&[("items", 1)]));
        assert!(asked.words().contains("was not counted"));
        asked.take("other", Some(&writes(&[])), &Err("it is away".to_owned()));
        assert!(asked.words().contains("`other`: it is away"));
    }

    #[test]
    fn a_table_that_was_not_asked_for_when_the_backup_began_is_not_lost_whole() {
        let counted = Counted {
            action: ActionId::block(1),
            attempt: 1,
            at: Timestamp::default(),
            tables: vec![TableName {
                schema: None,
                name: "orders".to_owned(),
            }],
            targets: BTreeMap::new(),
        };
        let now = writes(&[("shop.orders", 7), ("customers", 50_000_000)]);
        assert_eq!(
            counted.of_its_tables(&now),
            writes(&[("shop.orders", 7)]),
            "what a person named since is not of this count"
        );
    }

    #[test]
    fn a_part_that_is_unknown_is_said_in_short_too() {
        let mut loss = between(&[("orders", 1)], &[("orders", 6)]);
        loss.take("other", None, &writes(&[]));
        let said = loss.short().unwrap_or_default();
        assert_eq!(said, "loses about 5 rows, and more that is unknown");
    }

    #[test]
    fn a_table_that_came_since_is_lost_with_all_its_rows() {
        assert_eq!(
            between(&[], &[("new", 7)]).words(),
            "written: about 7 rows of `new`"
        );
    }
}
