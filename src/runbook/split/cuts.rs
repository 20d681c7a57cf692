//! Where a sequence is interrupted by a person. One ordered table; each rule names the items before which a
//! part of its own begins.

use super::ground::Ground;
use super::items::Item;
use super::stops;
use crate::runbook::pattern::pattern;
use crate::runbook::words;

/// What a person does between two parts.
pub(super) struct Rule {
    pub id: &'static str,
    /// The items before which a part begins.
    pub cuts: fn(&[Item<'_>], &Ground<'_>) -> Vec<usize>,
}

/// In this order.
pub(super) const RULES: &[Rule] = &[
    // `list releases`, then `rollback <id>`; not `cd <path>`, then `make`.
    Rule {
        id: "looked-first",
        cuts: stops::looked_first,
    },
    Rule {
        id: "rehearsed-first",
        cuts: stops::rehearsed_first,
    },
    Rule {
        id: "asks",
        cuts: stops::asks,
    },
    Rule {
        id: "destroys-apart",
        cuts: stops::destroys_apart,
    },
    Rule {
        id: "loaded-elsewhere",
        cuts: stops::loaded_elsewhere,
    },
    Rule {
        id: "told-between",
        cuts: stops::told_between,
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

/// Comments that number its parts as chapters of several sections.
fn whole_guide(items: &[Item<'_>], _: &Ground<'_>) -> Vec<usize> {
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
