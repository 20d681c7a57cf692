//! Lints of SQL: locks that queue behind others, statements that rewrite or scan a table, and
//! statements that may not stand in a transaction.

use std::collections::HashSet;

use super::{Context, Report, commands::is_executable, psql_scripts};
use crate::runbook::diagnostic::Severity;
use crate::runbook::model::{Actor, Block, Role, Transaction};
use crate::runbook::pattern::pattern;
use crate::runbook::sql::{self, Statement};
use crate::runbook::syntax::SqlScript;

pub(super) fn lint(context: &Context<'_>, report: &mut Report<'_>) {
    // A setting made in one session does not reach the next: each script is looked at alone.
    for block in &context.runbook.blocks {
        if !is_executable(block) {
            continue;
        }
        match block.actor {
            Actor::Sql => {
                unreadable(block, report);
                let open = block.attributes.txn == Some(Transaction::One);
                script(&block.code, block.code_line, open, report);
            }
            Actor::Shell if block.code.contains("psql") => {
                for inner in psql_scripts::find(&block.code) {
                    let first = block.code_line + inner.first;
                    // Several statements of one `-c` are one transaction.
                    let open = inner.single_transaction
                        || inner.of_option && sql::statements(&inner.text).len() > 1;
                    script(&inner.text, first, open, report);
                }
            }
            _ => {}
        }
        for part in block
            .parts
            .iter()
            .filter(|part| part.actor == Actor::Sql && block.actor != Actor::Sql)
        {
            script(&part.code, part.line, false, report);
        }
    }
}

/// SQL that ends inside a literal or a comment: psql would wait for the rest, or read on in the next block.
fn unreadable(block: &Block, report: &mut Report<'_>) {
    if block.role != Role::Run {
        return;
    }
    let script = SqlScript::read(&block.code);
    if let Some(unreadable) = script.unreadable() {
        let line = block.code_line + script.line(unreadable.at);
        let text = block.code.lines().nth(script.line(unreadable.at));
        report.add(
            Severity::Error,
            "unreadable-sql",
            (line, text.unwrap_or_default().trim()),
            format!("this cannot be read as SQL: {}", unreadable.why),
            "close what is open, or mark the block `.manual` if it is not to be run",
        );
    }
}

/// One script of one session, whose first line is `first` in the guide.
fn script(code: &str, first: usize, mut open: bool, report: &mut Report<'_>) {
    let statements = sql::statements(code);
    let mut guarded = false;
    let mut warned = false;
    let created: HashSet<String> = statements
        .iter()
        .filter_map(|statement| pattern!(r"(?i)^create\s+(?:unlogged\s+|temp\w*\s+)?(?:table|materialized\s+view)\s+(?:if\s+not\s+exists\s+)?([\w.\x22]+)").captures(statement.text))
        .map(|found| found[1].to_lowercase())
        .collect();
    for statement in &statements {
        let line = first + statement.first;
        let text = statement.text;
        guarded |= pattern!(r"(?i)\block_timeout\b|\bstatement_timeout\b").is_match(text);
        if statement.starts_with("BEGIN") || statement.starts_with("START TRANSACTION") {
            open = true;
        } else if statement.starts_with("COMMIT")
            || statement.starts_with("ROLLBACK")
            || statement.starts_with("END")
        {
            open = false;
        }
        if open && let Some(what) = not_in_transaction(text) {
            report.add(
                Severity::Error,
                "not-in-transaction",
                (line, first_line(text)),
                format!("`{what}` may not run inside a transaction: the server will reject it"),
                "take it out of the transaction, into a block of its own with `txn=none`",
            );
        }
        let on_new = !created.is_empty()
            && text
                .to_lowercase()
                .split(|character: char| {
                    !(character.is_alphanumeric() || matches!(character, '_' | '.' | '"'))
                })
                .any(|word| created.contains(word));
        index(statement, line, on_new, report);
        constraint(text, line, on_new, report);
        if !guarded && !warned && !on_new && takes_strong_lock(text) {
            warned = true;
            report.add(
                Severity::Warning,
                "ddl-without-lock-timeout",
                (line, first_line(text)),
                "this waits for a lock that every later query on the table then queues behind",
                "begin with `SET lock_timeout = '5s';` and try again when it fails",
            );
        }
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim()
}

/// Statements that PostgreSQL rejects inside a transaction block.
fn not_in_transaction(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    let lower = lower.trim_start();
    let starts = |words: &str| lower.starts_with(words);
    if (starts("create index")
        || starts("create unique index")
        || starts("drop index")
        || starts("reindex"))
        && lower.contains("concurrently")
    {
        return Some("CONCURRENTLY");
    }
    if starts("alter table") && lower.contains("detach partition") && lower.contains("concurrently")
    {
        return Some("DETACH PARTITION CONCURRENTLY");
    }
    [
        ("vacuum", "VACUUM"),
        ("create database", "CREATE DATABASE"),
        ("drop database", "DROP DATABASE"),
        ("create tablespace", "CREATE TABLESPACE"),
        ("drop tablespace", "DROP TABLESPACE"),
        ("alter system", "ALTER SYSTEM"),
        ("reindex database", "REINDEX DATABASE"),
        ("reindex system", "REINDEX SYSTEM"),
        ("create subscription", "CREATE SUBSCRIPTION"),
        ("drop subscription", "DROP SUBSCRIPTION"),
    ]
    .into_iter()
    .find(|(words, _)| starts(words))
    .map(|(_, name)| name)
    // Only what makes or drops a slot on the publisher cannot be taken back.
    .filter(|_| {
        let without_slot = pattern!(
            r"\b(create_slot|connect)\s*=\s*(false|off|0|'false'|'off')\b|slot_name\s*=\s*none\b"
        );
        !(starts("create subscription") && without_slot.is_match(lower))
    })
}

fn index(statement: &Statement<'_>, line: usize, on_new: bool, report: &mut Report<'_>) {
    let lower = statement.text.to_lowercase();
    let creates = lower.starts_with("create index") || lower.starts_with("create unique index");
    if creates && !lower.contains("concurrently") && !on_new {
        report.add(
            Severity::Warning,
            "index-without-concurrently",
            (line, first_line(statement.text)),
            "this blocks every write to the table until the index is built",
            "write `CREATE INDEX CONCURRENTLY …` in a block of its own, outside a transaction",
        );
    }
}

fn constraint(text: &str, line: usize, on_new: bool, report: &mut Report<'_>) {
    let lower = text.to_lowercase();
    if !lower.starts_with("alter table") || on_new {
        return;
    }
    let adds =
        pattern!(r"(?i)\badd\s+(?:constraint\s+\S+\s+)?(?:foreign\s+key|check)\b").is_match(text);
    if adds && !lower.contains("not valid") {
        report.add(
            Severity::Warning,
            "constraint-without-not-valid",
            (line, first_line(text)),
            "this checks every row while it holds the table",
            "add it with `NOT VALID`, then `ALTER TABLE … VALIDATE CONSTRAINT …` in a statement of its own",
        );
    }
}

fn takes_strong_lock(text: &str) -> bool {
    pattern!(r"(?i)^(?:alter\s+table|drop\s+(?:table|index|view|materialized\s+view|trigger)|truncate|create\s+trigger|lock\s+table|alter\s+index|cluster)\b")
        .is_match(text)
        && !text.to_lowercase().contains("concurrently")
}
