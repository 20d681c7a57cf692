//! Where a person stops between two commands, told by what the commands do and by where comments stand,
//! not by the words around them: so it holds in any language. In doubt there is a stop: one too many
//! costs a key.

use super::ground::{Ground, Kind, Step, is_rehearsing};
use super::items::Item;
use crate::runbook::blanks;
use crate::runbook::hazards::destructive;
use crate::runbook::markers;
use crate::runbook::model::Actor;
use crate::runbook::pattern::pattern;
use crate::runbook::syntax::before_remark;

/// `list releases`, then `drop-release v3`: who has read what was shown decides on what follows. So it is
/// with any change behind the looks that a block begins with or that have a title of their own, and else
/// with what destroys and with what needs a value that nobody had before.
pub(super) fn looked_first(items: &[Item<'_>], ground: &Ground<'_>) -> Vec<usize> {
    let steps = &ground.steps;
    let mut cuts = Vec::new();
    let mut known: Vec<String> = Vec::new();
    let mut shown: Option<usize> = None;
    let (mut changed, mut checked, mut printed) = (false, false, false);
    for (at, step) in steps.iter().enumerate() {
        let unknown = blanks_of(items, step, &mut known);
        let is_new = !unknown.is_empty();
        let decided = shown.is_some() && (!changed || is_new) || checked && is_new;
        let is_stop = match step.kind {
            Kind::Silent | Kind::Checks | Kind::Shows => false,
            Kind::Sets => shown.is_some() && !changed,
            Kind::Saves => shown.is_some() && is_new,
            Kind::Changes => decided || shown_by_itself(items, &steps[..at], step.item),
            Kind::Destroys => shown.is_some() || decided,
        };
        let is_told = printed && unknown.iter().any(|name| is_a_number(name));
        if is_stop || is_told {
            cuts.push(group_behind(items, shown, step.item));
            printed = false;
        }
        match step.kind {
            Kind::Silent | Kind::Sets | Kind::Saves => {}
            Kind::Checks => checked = true,
            Kind::Shows => shown = Some(step.item),
            Kind::Changes | Kind::Destroys => (shown, checked, changed) = (None, false, true),
        }
        printed |= !matches!(step.kind, Kind::Silent | Kind::Sets);
    }
    cuts
}

/// Whether the group of lines before that of a command has a title and nothing but looks.
fn shown_by_itself(items: &[Item<'_>], before: &[Step<'_>], command: usize) -> bool {
    let group = |item: usize| {
        let begins = |at: &usize| {
            matches!(
                items[*at],
                Item::Comment {
                    after_blank: true,
                    ..
                }
            )
        };
        (0..item).rev().find(begins)
    };
    let own = group(command);
    let Some(last) = before.last().map(|step| group(step.item)) else {
        return false;
    };
    let mut looks = before
        .iter()
        .rev()
        .take_while(|step| group(step.item) == last);
    own.is_some()
        && last.is_some()
        && own != last
        && before
            .iter()
            .any(|step| step.kind == Kind::Shows && group(step.item) == last)
        && looks.all(|step| !matches!(step.kind, Kind::Changes | Kind::Destroys))
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

/// The blanks of a command and of the comment over it that are none of those known, which they join.
fn blanks_of(items: &[Item<'_>], step: &Step<'_>, known: &mut Vec<String>) -> Vec<String> {
    let comments = items[head_of(items, step.item)..step.item].iter();
    let said: Vec<&str> = comments
        .filter_map(|item| match item {
            Item::Comment { text, .. } => Some(*text),
            _ => None,
        })
        .collect();
    let mark = if step.actor == Actor::Sql { "--" } else { "#" };
    let text = format!("{mark} {}\n{}", said.join(" "), step.text);
    let found = blanks::find(&text, step.actor, 1).into_iter();
    let names = found
        .filter(blanks::Blank::is_textual)
        .map(|blank| blank.name);
    let new: Vec<String> = names.filter(|name| !known.contains(name)).collect();
    known.extend(new.iter().cloned());
    new
}

/// What is only known once something was made or begun.
fn is_a_number(name: &str) -> bool {
    matches!(name, "N" | "ID" | "PID" | "NUMBER" | "PR")
        || name.ends_with("_ID")
        || name.ends_with("_NUMBER")
}

/// The first group of lines behind what was shown; where there is none, the comment over a command.
fn group_behind(items: &[Item<'_>], shown: Option<usize>, command: usize) -> usize {
    let begins = |at: &usize| {
        matches!(
            items[*at],
            Item::Comment {
                after_blank: true,
                ..
            }
        )
    };
    let group = shown.and_then(|shown| (shown + 1..command).find(begins));
    group.unwrap_or_else(|| head_of(items, command))
}

/// `shop migrate --dry-run`, then `shop migrate`; `plan`, then `apply`: the one is read before the other.
pub(super) fn rehearsed_first(items: &[Item<'_>], ground: &Ground<'_>) -> Vec<usize> {
    let steps = &ground.steps;
    let pairs = steps.windows(2);
    let rehearsed = pairs.filter(|pair| is_rehearsal(pair[0].text, pair[1].text));
    rehearsed.map(|pair| head_of(items, pair[1].item)).collect()
}

fn is_rehearsal(one: &str, other: &str) -> bool {
    const VERBS: &[&str] = &["diff", "plan", "preview"];
    let words = |text: &str| -> Vec<String> {
        let joined = text.replace("\\\n", " ");
        before_remark(&joined)
            .split_whitespace()
            .map(str::to_owned)
            .collect()
    };
    let is_flag = |word: &String| is_rehearsing(word);
    let (one, other) = (words(one), words(other));
    if one.first() != other.first() {
        return false;
    }
    if one.iter().any(is_flag) {
        let mut plain = one.iter().filter(|word| !word.starts_with('-'));
        return !other.iter().any(is_flag) && plain.all(|word| other.contains(word));
    }
    let differs = one.iter().zip(&other).position(|(one, other)| one != other);
    differs.is_some_and(|at| {
        let verb = other[at].as_str();
        at > 0
            && VERBS.contains(&one[at].as_str())
            && !VERBS.contains(&verb)
            && !verb.starts_with('-')
    })
}

/// What waits for a person to answer is a stop of its own.
pub(super) fn asks(items: &[Item<'_>], ground: &Ground<'_>) -> Vec<usize> {
    let steps = &ground.steps;
    let pairs = steps.windows(2);
    let asked = pairs.filter(|pair| pair[0].asks || pair[1].asks);
    asked.map(|pair| head_of(items, pair[1].item)).collect()
}

/// What destroys at the end and under a title of its own, where nothing is numbered as a sequence and not
/// all is about going back. Restoring is what a block is for that does it.
pub(super) fn destroys_apart(items: &[Item<'_>], ground: &Ground<'_>) -> Vec<usize> {
    let steps = &ground.steps;
    let head = |step: &Step<'_>| {
        let head = head_of(items, step.item);
        matches!(
            items[head],
            Item::Comment {
                after_blank: true,
                ..
            }
        )
        .then_some(head)
    };
    let last = steps.iter().rposition(|step| head(step).is_some());
    let is_sequence = items
        .iter()
        .any(|item| matches!(item, Item::Comment { text, .. } if markers::is_numbered(text)));
    let Some(last) = last.filter(|last| *last > 0 && !ground.in_rollback && !is_sequence) else {
        return Vec::new();
    };
    let destroys = |step: &Step<'_>| {
        step.kind == Kind::Destroys
            && destructive(step.text, step.actor)
                .iter()
                .any(|phrase| phrase != "dump restored")
    };
    let head = head(&steps[last]).filter(|_| steps[last..].iter().any(destroys));
    head.into_iter().collect()
}

/// A dump, and what loads that very file into a server: nobody does both to the same one.
pub(super) fn loaded_elsewhere(items: &[Item<'_>], ground: &Ground<'_>) -> Vec<usize> {
    let mut files: Vec<&str> = Vec::new();
    let mut cuts = Vec::new();
    for step in &ground.steps {
        let loads = pattern!(r"\b(?:psql|pg_restore|mysql)\b").is_match(step.text)
            && !pattern!(r"\bpg_restore\b.*\s(?:-l|--list)\b").is_match(step.text);
        if loads
            && step
                .text
                .split_whitespace()
                .any(|word| files.contains(&word))
        {
            cuts.push(head_of(items, step.item));
            files.clear();
        }
        if step.kind == Kind::Saves {
            let file = pattern!(r"(?:>\s*|-f\s*|--file[= ])([^\s>|&;]+)");
            files.extend(
                file.captures_iter(step.text)
                    .filter_map(|found| Some(found.get(1)?.as_str())),
            );
        }
    }
    cuts
}

/// A paragraph of comments between two commands that heads neither: what it tells is done, or known,
/// before what follows.
pub(super) fn told_between(items: &[Item<'_>], ground: &Ground<'_>) -> Vec<usize> {
    let steps = &ground.steps;
    let changes = |step: &&Step<'_>| matches!(step.kind, Kind::Changes | Kind::Destroys);
    let (Some(first), Some(last)) = (steps.first(), steps.iter().rfind(changes)) else {
        return Vec::new();
    };
    let mut cuts = Vec::new();
    let mut index = first.item;
    while index < last.item {
        let start = index;
        index += 1;
        if !matches!(
            items[start],
            Item::Comment {
                after_blank: true,
                ..
            }
        ) {
            continue;
        }
        while matches!(
            items[index],
            Item::Comment {
                after_blank: false,
                ..
            }
        ) {
            index += 1;
        }
        if matches!(items[index], Item::Comment { .. }) {
            cuts.push(start);
        }
    }
    cuts
}
