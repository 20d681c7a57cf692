//! One act in several forms: `Deploy the newest version` beside `Deploy a specific version`, `Revert one
//! commit` beside `Revert several`, and a command that is given once more as an example of itself.

use super::forms;
use super::items::Item;
use super::survey::first_word;
use super::views::views;
use crate::runbook::markers::{self, Marker};
use crate::runbook::pattern::pattern;
use crate::runbook::shell;

/// Groups and statements of a block that are compared with each other; a block of more is a script.
const MOST: usize = 200;

/// A comment with the commands right under it.
pub(super) struct Group {
    pub head: usize,
    pub title: String,
    pub keys: Vec<String>,
    pub first: String,
    pub numbered: bool,
    /// All its commands only look.
    pub looks: bool,
}

/// The comments (by item) that head the forms of one act, of which one is meant.
pub(super) fn variants(items: &[Item<'_>], is_reference: bool) -> Vec<usize> {
    let groups = groups(items);
    if groups.len() > MOST {
        return Vec::new();
    }
    let forms = forms(items, &groups);
    if forms.is_empty() && is_reference {
        return forms::reference(&groups);
    }
    forms
}

fn forms(items: &[Item<'_>], groups: &[Group]) -> Vec<usize> {
    let examples: Vec<usize> = groups
        .iter()
        .map(|group| group.head)
        .filter(|head| {
            matches!(
                items[*head],
                Item::Comment {
                    marker: Marker::Example,
                    ..
                }
            )
        })
        .collect();
    if examples.len() > 1 {
        return examples;
    }
    // `If it added a column` beside `If it made a table`: what applies is run.
    let conditions: Vec<usize> = groups
        .iter()
        .filter(|group| {
            pattern!(r"^(if|se|si|wenn|falls|如果)\s*\S+\s+\S+").is_match(&group.title)
                && matches!(
                    items[group.head],
                    Item::Comment {
                        marker: Marker::Plain | Marker::Optional,
                        ..
                    }
                )
                && !pattern!(r"^if (needed|necessary|desired|required|applicable|you want|all|every|that|this|no)\b|^se (necess|presente)").is_match(&group.title)
        })
        .map(|group| group.head)
        .collect();
    if conditions.len() > 1 {
        return conditions;
    }
    // `4a. Promote it` beside `4b. Give it up`.
    let lettered: Vec<(usize, &str)> = items
        .iter()
        .enumerate()
        .filter_map(|(index, item)| match item {
            Item::Comment { text, .. } => {
                let number = pattern!(r"^(?i)(?:step\s*)?(\d{1,2})[a-h][.):]\s").captures(text)?;
                Some((index, number.get(1)?.as_str()))
            }
            _ => None,
        })
        .collect();
    if lettered.len() > 1 && lettered.iter().all(|(_, number)| *number == lettered[0].1) {
        return lettered.into_iter().map(|(index, _)| index).collect();
    }
    // A second commit without anything staged in between is another message, not another act.
    if groups.len() > 1 && groups.iter().all(|group| group.keys == ["git commit"]) {
        return groups.iter().map(|group| group.head).collect();
    }
    if let Some(forms) = contrasts(groups)
        .or_else(|| forms::catalogue(groups))
        .or_else(|| views(groups))
    {
        return forms;
    }
    for one in groups.iter().filter(|group| is_single(&group.title)) {
        let verb = first_word(&one.title);
        let forms: Vec<usize> = groups
            .iter()
            .filter(|other| {
                let same_verb = first_word(&other.title) == verb && !only_looks(&verb);
                let same_command = one
                    .keys
                    .iter()
                    .any(|key| other.keys.contains(key) && !key_only_looks(key));
                let contrast = is_specific(&one.title) && !is_specific(&other.title);
                other.head != one.head
                    && ((same_command && contrast)
                        || (same_verb && (contrast || (same_command && is_plural(&other.title))))
                        || (same_command && is_specific(&one.title) && is_plural(&other.title)))
            })
            .map(|group| group.head)
            .collect();
        if forms.is_empty() {
            continue;
        }
        // The other groups of the same command or verb are forms too.
        let mut all: Vec<usize> = groups
            .iter()
            .filter(|group| {
                group.head == one.head
                    || forms.contains(&group.head)
                    || (first_word(&group.title) == verb && !only_looks(&verb))
                    || (one.keys.iter().any(|key| group.keys == [key.clone()])
                        && !one.keys.iter().any(|key| key_only_looks(key)))
            })
            .map(|group| group.head)
            .collect();
        all.sort_unstable();
        return all;
    }
    Vec::new()
}

/// For now beside for good, and a rollback or down that is given once more with other flags.
fn contrasts(groups: &[Group]) -> Option<Vec<usize>> {
    for (at, one) in groups.iter().enumerate() {
        for other in &groups[at + 1..] {
            let lasting = |group: &Group| {
                pattern!(r"\b(permanent\w*|dauerhaft\w*|définitiv\w*|permanente\w*)\b|永久")
                    .is_match(&group.title)
            };
            let passing = |group: &Group| {
                pattern!(r"\b(temporar\w*|vorübergehend\w*|temporane\w*|temporaire\w*|temporal\w*)\b|临时|一時").is_match(&group.title)
            };
            let opposed = (lasting(one) && passing(other)) || (passing(one) && lasting(other));
            if opposed || is_other_form(one, other) {
                return Some(vec![one.head, other.head]);
            }
        }
    }
    None
}

/// The words of commands that take something back or away.
fn goes_back() -> &'static regex::Regex {
    pattern!(
        r"\b(down|undo|rollback|reset|revert|downgrade|restore|delete|destroy|prune|uninstall|undeploy)\b"
    )
}

/// `compose down` beside `compose down -v`: the same command with more flags, each alone in its group.
fn is_other_form(one: &Group, other: &Group) -> bool {
    if one.keys.len() != 1 || one.keys != other.keys {
        return false;
    }
    let words = |group: &Group| -> Vec<String> {
        group.first.split_whitespace().map(str::to_owned).collect()
    };
    let (short, long) = (words(one), words(other));
    let (short, long) = if short.len() <= long.len() {
        (short, long)
    } else {
        (long, short)
    };
    short.len() < long.len()
        && goes_back().is_match(&short.join(" "))
        && short.iter().all(|word| long.contains(word))
        && long
            .iter()
            .filter(|word| !short.contains(word))
            .all(|word| word.starts_with('-'))
}

/// Turns comments that only give an example of the command above them into alternatives of it.
pub(super) fn examples(items: &mut [Item<'_>]) {
    let mut keys: Vec<String> = Vec::new();
    for index in 0..items.len() {
        let repeats = match items.get(index + 1) {
            Some(Item::Statement { text, .. }) => keys.contains(&key_of(text)),
            _ => false,
        };
        match &mut items[index] {
            Item::Statement { text, .. } if keys.len() < MOST => keys.push(key_of(text)),
            Item::Comment { marker, .. } if *marker == Marker::Example && repeats => {
                *marker = Marker::OrNext;
            }
            _ => {}
        }
    }
}

fn groups(items: &[Item<'_>]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    // An example says so in the first of its comments; all else in the one above the command.
    let mut example = None;
    for (index, item) in items.iter().enumerate() {
        match item {
            Item::Comment { text, marker, .. } => {
                if *marker == Marker::Example {
                    example = Some(index);
                }
                if matches!(items.get(index + 1), Some(Item::Statement { .. })) {
                    groups.push(Group {
                        head: example.take().unwrap_or(index),
                        title: markers::title(text).to_lowercase(),
                        keys: Vec::new(),
                        first: String::new(),
                        numbered: markers::is_numbered(text),
                        looks: true,
                    });
                }
            }
            Item::Statement { text, .. } => {
                if let Some(group) = groups.last_mut().filter(|group| group.keys.len() < MOST) {
                    if group.keys.is_empty() {
                        group.first.clone_from(text);
                    }
                    let key = key_of(text);
                    group.looks &= key_only_looks(&key) && !is_a_script(&key);
                    group.keys.push(key);
                }
            }
            Item::Session { .. } => {}
        }
    }
    groups
}

/// The program and its first word that is no flag: `uv run pytest -k x` is `uv pytest`.
pub(super) fn key_of(statement: &str) -> String {
    let joined = statement.replace("\\\n", " ");
    let line = joined.lines().next().unwrap_or_default();
    let program = shell::program(line);
    let second = line
        .split_whitespace()
        .skip_while(|word| *word != program)
        .skip(1)
        .find(|word| {
            !word.starts_with('-')
                && !matches!(*word, "run" | "exec" | "tool")
                && word.chars().all(|character| {
                    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | ':')
                })
        })
        .unwrap_or_default();
    format!("{program} {second}")
}

fn is_specific(title: &str) -> bool {
    pattern!(r"\b(specific|particular|certain|given|spécifique|específic\w|specific[aoi]|bestimmte\w?)\b|特定|指定").is_match(title)
}

fn is_single(title: &str) -> bool {
    is_specific(title)
        || pattern!(r"\b(single|one|last|previous|latest|individual)\b|上一|最后").is_match(title)
}

fn is_plural(title: &str) -> bool {
    pattern!(r"\b(all|multiple|several|every\w*|entire|whole|full)\b|所有|全部|多个")
        .is_match(title)
}

/// Looking twice harms nobody.
pub(super) fn only_looks(verb: &str) -> bool {
    matches!(
        verb,
        "check"
            | "view"
            | "show"
            | "list"
            | "get"
            | "see"
            | "inspect"
            | "describe"
            | "watch"
            | "tail"
            | "monitor"
            | "verify"
            | "find"
            | "look"
            | "print"
            | "count"
            | "query"
            | "display"
            | "search"
            | "grep"
            | "read"
            | "examine"
            | "review"
            | "test"
            | "confirm"
            | "查看"
            | "检查"
            | "验证"
    )
}

/// A shell or a script without a word of its own: nobody knows what it does.
fn is_a_script(key: &str) -> bool {
    pattern!(r"^(?:bash|sh|zsh|python3?|node|\./|\.\./|~/|/).*\s$").is_match(key)
        || key.starts_with(['.', '/', '~'])
}

pub(super) fn key_only_looks(key: &str) -> bool {
    pattern!(r"(?i)^(select|with|show|explain|values|table|curl|wget|ssh|cat|ls|grep|psql|tail|head|less|df|du|ps|dig|ping|echo|cd|export)\b| (logs?|get|describe|ps|status|list|ls|show|inspect|top|history|images|version|info|stats)$")
        .is_match(key)
        || key.ends_with(' ')
}
