//! How grave a red flag is, and what the guide says to do then: its own table of escalation (`P0: roll back
//! now`, `| SEV-2 | within 4 hours |`), and its own words on when to roll back.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::model::Runbook;
use super::outline::{Node, NodeKind};
use super::pattern::pattern;
use super::words;
use crate::text::duration;

/// One grade of a guide's table of escalation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Severity {
    /// 0 is the gravest of this guide.
    pub rank: usize,
    /// As the guide writes it: `P0`, `SEV-1`; empty where it has no such table.
    pub label: String,
    pub line: usize,
    /// What the guide says to do.
    pub words: String,
    /// How soon, in seconds; 0: at once.
    pub within_s: Option<u64>,
    pub rolls_back: bool,
}

/// A red flag graded by the guide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Graded {
    pub severity: Severity,
    /// Its own words on when to roll back, where these are why.
    pub because: Option<String>,
}

/// The first table of escalation of a guide, the gravest grade in front.
pub(super) fn in_nodes(nodes: &[Node]) -> Vec<Severity> {
    let mut found: Vec<Severity> = Vec::new();
    let ends = |found: &[Severity]| found.len() > 1;
    for node in nodes {
        let rows: Vec<(usize, &str)> = match node.kind {
            NodeKind::Heading { .. } if ends(&found) => break,
            NodeKind::Heading { .. } => {
                found.clear();
                continue;
            }
            NodeKind::Item { .. } | NodeKind::Paragraph => vec![(node.line, node.text.as_str())],
            NodeKind::Table => {
                let rows = node.text.lines().enumerate();
                rows.map(|(at, row)| (node.line + at, row)).collect()
            }
            _ => continue,
        };
        for (line, text) in rows {
            if let Some(severity) = grade(text, line)
                && found.iter().all(|known| known.label != severity.label)
            {
                found.push(severity);
            }
        }
    }
    if !ends(&found) {
        return Vec::new();
    }
    found.sort_by_key(|severity| number(&severity.label));
    for (rank, severity) in found.iter_mut().enumerate() {
        severity.rank = rank;
    }
    found
}

/// The label of a grade in a text, and where it ends.
fn label(text: &str) -> Option<(String, usize)> {
    let found = pattern!(r"(?i)\b(?:P|SEV(?:ERITY)?|PRIO(?:RITY)?)[-\s]?[0-5]\b").find(text)?;
    Some((found.as_str().to_owned(), found.end()))
}

/// `p1`, `P-1` and `SEV 1` are one.
fn number(label: &str) -> Option<char> {
    label.chars().rfind(char::is_ascii_digit)
}

/// `Critical issues (P0): Rollback immediately`, `| P1 | 4 hours | call the team |`.
fn grade(text: &str, line: usize) -> Option<Severity> {
    /// A label further in is only spoken of.
    const FIRST: usize = 40;
    let (label, end) = label(text)?;
    let rest = text.get(end..)?;
    let is_first = text.char_indices().take(FIRST).any(|(at, _)| at == end);
    let says = rest.trim_start_matches([')', ']', '*', '_', '`', ' ']);
    let is_row = says.starts_with([':', '|', '-', '–', '—', '=', '→']) || rest.contains("**:");
    if !is_first || !is_row {
        return None;
    }
    let cells = says.split('|').map(|cell| {
        let marks = [':', '-', '–', '—', '=', '→', '*', '_', '`', ' '];
        cell.trim_matches(marks).to_owned()
    });
    let words: Vec<String> = cells.filter(|cell| !cell.is_empty()).collect();
    let words = words.join(", ");
    let within_s = match words::says("at-once", &words) {
        true => Some(0),
        false => duration::find(&words).map(|span| span.max_s()),
    };
    (!words.is_empty()).then(|| Severity {
        rank: 0,
        label,
        line,
        rolls_back: words::says("roll-back", &words),
        words,
        within_s,
    })
}

impl Runbook {
    /// How grave something is by what is said of it and by the code that measured it. Its own label comes
    /// first, then the guide's words on when to roll back.
    pub fn graded(&self, said: &str, code: &str) -> Option<Graded> {
        let own = label(said).and_then(|(label, _)| {
            let mut known = self.severities.iter();
            known.find(|severity| number(&severity.label) == number(&label))
        });
        if let Some(severity) = own {
            return Some(Graded {
                severity: severity.clone(),
                because: None,
            });
        }
        let trigger = self.triggers.iter().find(|trigger| {
            speaks_of(trigger, said) || {
                let named = names(trigger);
                !named.is_disjoint(&names(said)) || !named.is_disjoint(&names(code))
            }
        })?;
        let rolls_back = self.severities.iter().find(|severity| severity.rolls_back);
        Some(Graded {
            severity: rolls_back.cloned().unwrap_or_else(|| Severity {
                words: "roll back".to_owned(),
                within_s: Some(0),
                rolls_back: true,
                ..Severity::default()
            }),
            because: Some(trigger.replace("**", "")),
        })
    }
}

/// Whether two texts are about the same: two words or more, and most of the shorter one's, are in both.
fn speaks_of(one: &str, other: &str) -> bool {
    let (one, other) = (said_in(one), said_in(other));
    let both = one.intersection(&other).count();
    let shorter = one.len().min(other.len());
    both >= 2 && both * 5 >= shorter * 2
}

/// The words of a text that say something: numbers, and what is not short, without its plural.
fn said_in(text: &str) -> BTreeSet<String> {
    const SHORT: usize = 4;
    let lower = text.to_lowercase();
    let words = lower.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    words
        .filter(|word| {
            word.chars().count() >= SHORT
                || word.starts_with(|letter: char| letter.is_ascii_digit())
        })
        .map(|word| word.strip_suffix('s').unwrap_or(word).to_owned())
        .collect()
}

/// Names of tables, columns and settings in a text.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    let named = words.filter(|word| word.trim_matches('_').contains('_'));
    named.map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use crate::runbook::parse;

    fn read(text: &str) -> Vec<(String, Option<u64>, bool)> {
        let book = parse("guide.md", text.as_bytes());
        let found = book.severities.into_iter();
        found
            .map(|one| (one.label, one.within_s, one.rolls_back))
            .collect()
    }

    #[test]
    fn a_list_and_a_table_of_escalation_are_read_with_their_clocks() {
        let hours = |hours: u64| Some(hours * 3_600);
        let list = "# Deploy\n\n## Contacts\n\n- Grave problems (P0): Roll back immediately\n- Big ones (P1): Look into it and fix it within 2 hours\n- Others (P2): within 1 day\n- Cosmetic (P3): Write it down\n";
        let of = |label: &str, within, back| (label.to_owned(), within, back);
        assert_eq!(
            read(list),
            [
                of("P0", Some(0), true),
                of("P1", hours(2), false),
                of("P2", hours(24), false),
                of("P3", None, false),
            ]
        );
        let table = "# Deploy\n\n## When something is wrong\n\n| Severity | Answer | Within |\n|---|---|---|\n| SEV-2 | call the owner | 4 h |\n| **SEV-1** | revert the release | now |\n";
        assert_eq!(
            read(table),
            [of("SEV-1", Some(0), true), of("SEV-2", hours(4), false)]
        );
        assert!(read("# Deploy\n\n## Notes\n\n- P1 tickets are closed\n- see P2\n").is_empty());
    }

    #[test]
    fn a_red_flag_is_as_grave_as_its_label_or_the_words_on_when_to_roll_back_say() {
        let text = "# Deploy\n\n## Rollback\n\n### Critical issues that require a rollback\n\n1. **Cart completely broken** (500 errors)\n2. **tenant_key is null** in production\n\n### Option 1: Revert\n\n```bash\n./revert.sh\n```\n\n## Escalation\n\n- P0: roll back at once\n- P2: fix within 24 hours\n";
        let book = parse("guide.md", text.as_bytes());
        let of = |said: &str, code: &str| book.graded(said, code).map(|one| one.severity.label);
        let p0 = Some("P0".to_owned());
        assert_eq!(of("500 errors in the cart", ""), p0);
        assert_eq!(
            of("99 % instead of 100 %", "SELECT count(tenant_key) FROM t"),
            p0
        );
        assert_eq!(of("Memory above 90 % (P2)", ""), Some("P2".to_owned()));
        assert_eq!(of("Errors are rare", "SELECT 1"), None);
        assert_eq!(of("Spike of support tickets", ""), None);
    }
}
