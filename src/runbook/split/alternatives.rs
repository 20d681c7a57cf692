//! Ways of which one is taken, as far as comments tell them apart without the word "or". Where it is in
//! doubt they are ways: a wrong guess costs a key, and not an outage.

use super::items::Item;
use crate::runbook::doing::{Nature, natures_of};
use crate::runbook::effects::makes_dump;
use crate::runbook::hazards::destructive;
use crate::runbook::markers;
use crate::runbook::model::Actor;
use crate::runbook::pattern::pattern;

/// Groups of a block that are compared with each other; a block of more is a script.
const MOST: usize = 200;

/// A comment with the commands right under it.
struct Group<'a> {
    head: usize,
    title: &'a str,
    commands: Vec<&'a str>,
}

/// The comments (by item) that head a way each, and the rule that says so.
pub(super) fn headed(items: &[Item<'_>]) -> (&'static str, Vec<usize>) {
    let groups = groups(items);
    if groups.len() > MOST {
        return ("", Vec::new());
    }
    let lettered = lettered(items);
    if !lettered.is_empty() {
        return ("lettered", lettered);
    }
    let on_condition: Vec<usize> = groups
        .iter()
        .filter(|group| is_a_case(group.title))
        .map(|group| group.head)
        .collect();
    if on_condition.len() > 1 {
        return ("cases", on_condition);
    }
    let there_and_back = there_and_back(&groups);
    if !there_and_back.is_empty() {
        return ("there-and-back", there_and_back);
    }
    ("same-command", same_command(&groups))
}

/// The statements (by item) that are one command with other words, one right after the other, each with
/// a remark for what it is: `make up  # the core`, `make up-all  # everything`.
pub(super) fn side_by_side(items: &[Item<'_>]) -> Vec<usize> {
    let mut found: Vec<usize> = Vec::new();
    for (index, pair) in items.windows(2).enumerate() {
        let [
            Item::Statement {
                text: one,
                remark: Some(_),
                sql: false,
                ..
            },
            Item::Statement {
                text: other,
                remark: Some(_),
                sql: false,
                ..
            },
        ] = pair
        else {
            continue;
        };
        let (first, second) = (Words::of(one), Words::of(other));
        if !looks(one) && (first.is_again(&second) || first.is_extended(&second)) {
            if found.last() != Some(&index) {
                found.push(index);
            }
            found.push(index + 1);
        }
    }
    found
}

/// `4a. Promote it` beside `4b. Give it up`.
fn lettered(items: &[Item<'_>]) -> Vec<usize> {
    let number = |item: &Item<'_>| match item {
        Item::Comment { text, .. } => pattern!(r"^(?i)(?:step\s*)?(\d{1,2})[a-h][.):]\s")
            .captures(text)
            .map(|found| found[1].to_owned()),
        _ => None,
    };
    let numbers = items.iter().map(number).enumerate();
    let found: Vec<(usize, String)> = numbers
        .filter_map(|(index, number)| Some((index, number?)))
        .collect();
    let is_one = found.len() > 1 && found.iter().all(|(_, number)| *number == found[0].1);
    let heads = found.into_iter().filter(|_| is_one);
    heads.map(|(index, _)| index).collect()
}

/// `If it added a column` beside `If it made a table`: what applies is run.
fn is_a_case(title: &str) -> bool {
    pattern!(r"(?i)^(?:if|se|si|wenn|falls|если|如果)\s*\S+\s+\S+").is_match(title)
        && !pattern!(r"(?i)^if (?:needed|necessary|desired|required|applicable|you want|all|every|that|this|no)\b")
            .is_match(title)
}

/// A dump, and under a title of its own what restores one; a migration, and what takes it back.
fn there_and_back(groups: &[Group<'_>]) -> Vec<usize> {
    let is_sequence = |group: &Group<'_>| markers::is_numbered(group.title);
    let holds = |group: &Group<'_>, is_it: fn(&str) -> bool| {
        !is_sequence(group) && group.commands.iter().any(|command| is_it(command))
    };
    let makes = |command: &str| makes_dump(command, Actor::Shell);
    let restores = |command: &str| {
        let destroyed = destructive(command, Actor::Shell);
        destroyed.iter().any(|phrase| phrase == "dump restored")
    };
    let there = groups.iter().find(|group| holds(group, makes));
    let back = groups.iter().rfind(|group| holds(group, restores));
    if let (Some(there), Some(back)) = (there, back)
        && there.head < back.head
    {
        return vec![there.head, back.head];
    }
    let single: Vec<(usize, &str)> = groups
        .iter()
        .filter(|group| !markers::is_numbered(group.title))
        .filter_map(|group| match group.commands.as_slice() {
            [only] => Some((group.head, *only)),
            _ => None,
        })
        .collect();
    let pairs = single.windows(2);
    let taken_back = pairs.filter(|pair| is_taken_back(pair[0].1, pair[1].1));
    taken_back.flat_map(|pair| [pair[0].0, pair[1].0]).collect()
}

/// `migrate up`, `migrate down 1`: whoever runs both has done nothing. Containers that go down after a test
/// are another matter.
fn is_taken_back(one: &str, other: &str) -> bool {
    const PAIRS: [(&str, &str); 3] = [
        ("up", "down"),
        ("upgrade", "downgrade"),
        ("migrate", "rollback"),
    ];
    let (one, other) = (Words::of(one).plain, Words::of(other).plain);
    let is_tool = one
        .first()
        .is_some_and(|first| !first.starts_with("docker"));
    let has = |words: &[String], word: &str| words.iter().any(|one| one == word);
    is_tool
        && one.first() == other.first()
        && PAIRS
            .iter()
            .any(|(there, back)| has(&one, there) && has(&other, back))
}

/// One command again with other flags or settings, each under a title, or one that destroys again with
/// other words; what is numbered is a sequence.
fn same_command(groups: &[Group<'_>]) -> Vec<usize> {
    let single: Vec<(usize, Words)> = groups
        .iter()
        .filter(|group| !markers::is_numbered(group.title))
        .filter_map(|group| match group.commands.as_slice() {
            [only] if !looks(only) => Some((group.head, Words::of(only))),
            _ => None,
        })
        .collect();
    let is_way = |words: &Words| {
        let mut others = single.iter().map(|(_, other)| other);
        others.any(|other| words.is_again(other) || words.destroys_otherwise(other))
    };
    let ways = single.iter().filter(|(_, words)| is_way(words));
    ways.map(|(head, _)| *head).collect()
}

fn groups<'a>(items: &'a [Item<'_>]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        match item {
            Item::Comment { text, .. }
                if matches!(items.get(index + 1), Some(Item::Statement { .. })) =>
            {
                groups.push(Group {
                    head: index,
                    title: text,
                    commands: Vec::new(),
                });
            }
            Item::Statement { text, .. } => {
                if let Some(group) = groups.last_mut() {
                    group.commands.push(text);
                }
            }
            Item::Comment { .. } | Item::Session { .. } => {}
        }
    }
    groups
}

/// Looking twice harms nobody, and looking for faults before they are repaired is one act.
pub(super) fn looks(command: &str) -> bool {
    natures_of(command, Actor::Shell).contains(&Nature::Reads)
        || pattern!(r"(?:^|\s)(?:--?)?(?:check|lint|plan|diff|validate|test)\b").is_match(command)
}

/// A command as its name with its arguments, and its flags and settings.
struct Words {
    plain: Vec<String>,
    flags: Vec<String>,
    /// What it destroys.
    phrases: Vec<String>,
}

impl Words {
    fn of(command: &str) -> Self {
        let joined = command.replace("\\\n", " ");
        let joined = crate::runbook::syntax::before_remark(&joined);
        let (mut plain, mut flags) = (Vec::new(), Vec::new());
        for word in joined.split_whitespace() {
            let sets = word.split_once('=').is_some_and(|(name, _)| {
                name.len() > 1 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            });
            let kept = match sets || word.starts_with('-') {
                true => &mut flags,
                false => &mut plain,
            };
            kept.push(word.to_owned());
        }
        flags.sort_unstable();
        Self {
            plain,
            flags,
            phrases: destructive(command, Actor::Shell),
        }
    }

    /// The same command and object, or the same script (`npm` alone says nothing), with other flags or
    /// with more arguments.
    fn is_again(&self, other: &Self) -> bool {
        let more = |long: &Self, short: &Self| {
            let names = short.plain.first().is_some_and(|first| first.contains('/'));
            // `deploy`, `deploy --prod`
            let whole = short.plain.len() == 1 && long.plain == short.plain;
            (names || whole || short.plain.len() > 1) && long.plain.starts_with(&short.plain)
        };
        (more(self, other) || more(other, self))
            && (&self.plain, &self.flags) != (&other.plain, &other.flags)
    }

    /// `migrate down 1`, `migrate down to 17`.
    fn destroys_otherwise(&self, other: &Self) -> bool {
        !self.phrases.is_empty()
            && self.phrases == other.phrases
            && self.plain.first() == other.plain.first()
            && (&self.plain, &self.flags) != (&other.plain, &other.flags)
    }

    /// The same up to what one of them adds to a word, or both: `up-all`, `up-workers`.
    fn is_extended(&self, other: &Self) -> bool {
        let stem = |word: &str| word.split(['-', ':', '_']).next().map(str::to_owned);
        let (Some((one, before)), Some((another, before_it))) =
            (self.plain.split_last(), other.plain.split_last())
        else {
            return false;
        };
        before == before_it
            && self.flags == other.flags
            && one != another
            && stem(one) == stem(another)
    }
}
