//! Where a sequence is interrupted by a person: an act that needs what the commands before it show, a
//! look that is judged first, a file that is edited in between. One ordered table; each rule names the
//! items before which a part of its own begins.

use super::alternatives;
use super::items::Item;
use crate::runbook::blanks;
use crate::runbook::model::Actor;
use crate::runbook::pattern::pattern;
use crate::runbook::words;

/// What a person does between two parts.
pub(super) struct Rule {
    pub id: &'static str,
    /// The items before which a part begins.
    pub cuts: fn(&[Item<'_>], in_trouble: bool) -> Vec<usize>,
}

/// In this order.
pub(super) const RULES: &[Rule] = &[
    // `list releases`, then `rollback <id>`; not `cd <path>`, then `make`.
    Rule {
        id: "shown-first",
        cuts: shown_first,
    },
    // `# Review the SQL`, `cat x.sql`, then `apply`; not as the last of all.
    Rule {
        id: "judged-first",
        cuts: judged_first,
    },
    // Among troubles: `# Check`, `ps`, `# Restart`, `restart app`; not in a procedure.
    Rule {
        id: "cause-first",
        cuts: cause_first,
    },
    // `# 1.2 Freeze`, `# 1.3 Dump`, `# 2.1 Switch`: what it repeats are steps of the guide.
    Rule {
        id: "whole-guide",
        cuts: whole_guide,
    },
];

fn texts<'a>(items: &'a [Item<'_>]) -> impl Iterator<Item = (usize, &'a str)> {
    items
        .iter()
        .enumerate()
        .filter_map(|(index, item)| match item {
            Item::Statement { text, .. } => Some((index, text.as_str())),
            _ => None,
        })
}

/// The comment that heads a statement, where it stands right above it; else the statement.
fn head_of(items: &[Item<'_>], statement: usize) -> usize {
    let mut head = statement;
    while let Some(Item::Comment { after_blank, .. }) = head.checked_sub(1).map(|at| &items[at]) {
        head -= 1;
        if *after_blank {
            break;
        }
    }
    head
}

/// Whether a command lists what a later one may be told to take.
fn lists(text: &str) -> bool {
    let listing = [
        "ls",
        "lsof",
        "list",
        "log",
        "reflog",
        "ps",
        "get",
        "history",
        "releases",
        "versions",
        "revisions",
        "images",
        "snapshots",
    ];
    text.split_whitespace().any(|word| listing.contains(&word))
}

/// Whether it makes something whose number is only known then: `gh pr create`.
fn numbers(text: &str) -> bool {
    text.split_whitespace().any(|word| word == "create")
}

fn is_a_number(name: &str) -> bool {
    matches!(name, "N" | "ID" | "NUMBER" | "PR")
        || name.ends_with("_ID")
        || name.ends_with("_NUMBER")
}

/// Also what tells of the state of something by its name alone: `make health`.
fn looks(text: &str) -> bool {
    alternatives::looks(text)
        || pattern!(r"(?:^|\s)(?:logs?|status|health|config|env|version|pg_isready|show\w*|list\w*|describe|inspect)(?:\s|$)")
            .is_match(text)
}

fn shown_first(items: &[Item<'_>], _: bool) -> Vec<usize> {
    let mut known: Vec<String> = Vec::new();
    // The last command that lists, and the last that makes something with a number.
    let (mut listed, mut numbered) = (None, None);
    let mut cuts = Vec::new();
    for (index, text) in texts(items) {
        let found = blanks::find(text, Actor::Shell, 1).into_iter();
        let found: Vec<String> = found
            .filter(blanks::Blank::is_textual)
            .map(|blank| blank.name)
            .collect();
        let shown = found
            .iter()
            .filter(|name| !known.contains(*name))
            .find_map(|name| listed.or(numbered.filter(|_| is_a_number(name))));
        if let Some(shown) = shown {
            // A group under a comment stays whole, unless the look is in it.
            let is_group = |at: &usize| {
                matches!(
                    items[*at],
                    Item::Comment {
                        after_blank: true,
                        ..
                    }
                )
            };
            let group = (shown + 1..index).rev().find(is_group);
            cuts.push(group.unwrap_or_else(|| head_of(items, index)));
        }
        if lists(text) {
            listed = Some(index);
        }
        if numbers(text) {
            numbered = Some(index);
        }
        known.extend(found);
    }
    cuts
}

fn judged_first(items: &[Item<'_>], _: bool) -> Vec<usize> {
    let mut judged = false;
    let mut cuts = Vec::new();
    for (index, item) in items.iter().enumerate() {
        if let Item::Comment {
            text,
            after_blank: true,
            ..
        } = item
        {
            let reviews = words::says("review", text);
            if judged && !reviews {
                cuts.push(index);
            }
            judged = reviews;
        }
    }
    cuts
}

fn cause_first(items: &[Item<'_>], in_trouble: bool) -> Vec<usize> {
    if !in_trouble {
        return Vec::new();
    }
    let mut looked = false;
    for (index, text) in texts(items) {
        let looks = looks(text);
        let head = head_of(items, index);
        if looked && !looks && head < index {
            return vec![head];
        }
        looked |= looks;
    }
    Vec::new()
}

/// Comments that number its parts as chapters of several sections.
fn whole_guide(items: &[Item<'_>], _: bool) -> Vec<usize> {
    const FEWEST: usize = 3;
    let chapter = pattern!(r"^[^\w\s]*\s*§?\s*(\d{1,2})\.\d{1,2}\b[^\d.]");
    let mut sections: Vec<String> = Vec::new();
    let mut cuts = Vec::new();
    for (index, item) in items.iter().enumerate() {
        if let Item::Comment { text, .. } = item
            && let Some(found) = chapter.captures(text)
        {
            cuts.push(index);
            sections.push(found[1].to_owned());
        }
    }
    sections.dedup();
    match cuts.len() >= FEWEST && sections.len() > 1 {
        true => cuts,
        false => Vec::new(),
    }
}

/// A command at whose end the author tells a person to edit what it made: `cp a b  # fill in`.
pub(super) fn edits(items: &[Item<'_>]) -> Vec<usize> {
    let last = texts(items).last().map(|(index, _)| index);
    let found = items
        .iter()
        .enumerate()
        .filter_map(|(index, item)| match item {
            Item::Statement {
                remark: Some(remark),
                ..
            } => (Some(index) != last && words::says("edit", remark)).then_some(index),
            _ => None,
        });
    found.collect()
}
