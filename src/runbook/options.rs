//! Ways of which one is taken, told by the words over them: headings side by side, or the labels of
//! blocks one after the other. One ordered table of rules; each compares two neighbours. What is doubtful
//! is taken for a choice: walking both would be worse than being asked.

use super::attributes::parse_choice;
use super::headings::{Heading, Kind, Word, bare_title, number_of, slug};
use super::model::Choice;
use super::outline::Node;
use super::pattern::pattern;
use super::words;

/// Words over a way are no longer than this, in characters: longer ones tell something.
const LONGEST_LABEL: usize = 80;

/// When two neighbours exclude each other.
struct Rule {
    #[cfg(test)]
    id: &'static str,
    /// Two that do, and two that do not.
    #[cfg(test)]
    fires: [&'static str; 2],
    #[cfg(test)]
    spares: [&'static str; 2],
    excludes: fn(&str, &str) -> bool,
}

macro_rules! rules {
    ($($id:literal fires($a:literal, $b:literal) spares($c:literal, $d:literal) $test:expr;)*) => {
        &[$(Rule {
            #[cfg(test)]
            id: $id,
            #[cfg(test)]
            fires: [$a, $b],
            #[cfg(test)]
            spares: [$c, $d],
            excludes: $test,
        }),*]
    };
}

const RULES: &[Rule] = rules! {
    "numbered" fires("Option A: Console", "Option B: Script") spares("Step 1: Stop", "Step 2: Start")
        |one, other| is_numbered(one) && is_numbered(other);
    "or" fires("Run the script:", "Or by hand:") spares("Run it", "Order the parts")
        |_, other| words::says("or", other);
    "system" fires("Ubuntu / Debian:", "If you are on CentOS:") spares("Copy it to the Windows share:", "Start the Linux server:")
        |one, other| is_system(one) && is_system(other) && systems(one) != systems(other);
    "platform" fires("LXC/VPS", "Docker") spares("Docker", "Helm")
        |one, other| is_only("on-a-machine", one) && is_only("in-containers", other)
            || is_only("in-containers", one) && is_only("on-a-machine", other);
    "instead" fires("Load the dump:", "If that fails, use this instead:") spares("Load the dump:", "Start the new one instead of the old")
        |_, other| words::says("instead", other);
    "mode" fires("Address mode:", "Domain mode:") spares("Switch to read-only mode and wait for the workers:", "Domain mode:")
        |one, other| is_mode(one) && (is_mode(other) || is_system(other)) && one != other;
    "by-hand" fires("Migration (scripted)", "Migration (manual: dump and restore)") spares("Manual approval", "Automated tests")
        |one, other| one_by_hand(one, other) && stem(one) == stem(other);
};

fn is_numbered(title: &str) -> bool {
    number_of(title).is_some_and(|number| number.word == Word::Option)
}

/// A label that says little more than on which system.
fn is_system(title: &str) -> bool {
    words::says("system", title) && is_little(&words::remove("system", title))
}

fn systems(title: &str) -> Option<String> {
    words::said("system", title)
}

/// A title of nothing but such names.
fn is_only(question: &str, title: &str) -> bool {
    let title = bare_title(title);
    words::says(question, title) && !words::remove(question, title).contains(char::is_alphanumeric)
}

fn is_mode(title: &str) -> bool {
    words::says("mode", title) && is_little(title)
}

/// No more than two words, those in brackets aside, or five that begin with `if`, `on` or their like; of
/// a language without blanks, sixteen letters.
fn is_little(text: &str) -> bool {
    let text = pattern!(r"[(（][^)）]*[)）]").replace_all(text, " ");
    let glued = text
        .chars()
        .filter(|letter| words::is_written_without_blanks(*letter))
        .count();
    let count = pattern!(r"\w+").find_iter(&text).count();
    match glued {
        0 => count <= 2 || count <= 5 && words::says("where", &text),
        _ => glued <= 16,
    }
}

fn one_by_hand(one: &str, other: &str) -> bool {
    let by_hand = |title: &str| words::says("by-hand", title);
    let by_program = |title: &str| words::says("by-program", title);
    by_hand(one) && by_program(other) && !by_hand(other)
        || by_program(one) && by_hand(other) && !by_hand(one)
}

/// What is done, whichever way: `Migration (scripted)` is `migration`.
fn stem(title: &str) -> String {
    let title = pattern!(r"[(（][^)）]*[)）]").replace_all(bare_title(title), " ");
    let left = words::remove("by-program", &words::remove("by-hand", &title));
    let words: Vec<&str> = left
        .split(|mark: char| !mark.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}

fn exclude_each_other(one: &str, other: &str) -> bool {
    let short = |title: &str| title.chars().count() <= LONGEST_LABEL;
    short(other) && RULES.iter().any(|rule| (rule.excludes)(one, other))
}

/// The last line of the words before a block, without its marks.
pub(super) fn bare_label(label: &str) -> &str {
    let last = label.lines().last().unwrap_or_default();
    last.trim().trim_matches(['*', ':', '：', '_', ' '])
}

/// For each of neighbouring labels, the number of the first one of its group, where it is one of several
/// ways.
pub(super) fn groups(titles: &[&str]) -> Vec<Option<usize>> {
    let mut groups: Vec<Option<usize>> = vec![None; titles.len()];
    for at in 1..titles.len() {
        if exclude_each_other(titles[at - 1], titles[at]) {
            let first = *groups[at - 1].get_or_insert(at - 1);
            groups[at] = Some(first);
        }
    }
    groups
}

pub(super) fn choice(group: String, name: &str) -> Choice {
    Choice {
        group,
        recommended: is_recommended(name),
        name: name.to_owned(),
    }
}

pub(super) fn is_recommended(title: &str) -> bool {
    words::says("recommended", title) && !words::says("not-recommended", title)
}

/// For each heading, the way that it stands for where one of it and its siblings is taken. A rollback
/// has rules of its own.
pub(super) fn of_headings(headings: &[Heading], nodes: &[Node]) -> Vec<Option<Choice>> {
    let mut found: Vec<Option<Choice>> = vec![None; headings.len()];
    let mut aside = vec![false; headings.len()];
    let mut tops = Vec::new();
    for (index, heading) in headings.iter().enumerate() {
        let above = heading.parent.is_some_and(|parent| aside[parent]);
        aside[index] = above || heading.level > 0 && heading.kind == Kind::Rollback;
        if heading.parent.is_none() {
            tops.push(index);
        }
    }
    let families = headings.iter().map(|heading| &heading.children);
    for family in families.chain([&tops]) {
        let family: Vec<usize> = family.iter().copied().filter(|one| !aside[*one]).collect();
        let Some(first) = family.first() else {
            continue;
        };
        let parent = headings[*first].parent.map(|parent| &headings[parent]);
        let group = parent.map_or("document".to_owned(), |parent| slug(&parent.title));
        let offered = parent.is_some_and(|parent| offers_one(parent, nodes));
        for members in of_family(headings, &family, offered) {
            let group = match found.iter().flatten().any(|known| known.group == group) {
                true => format!("{group}-{}", headings[members[0]].line),
                false => group.clone(),
            };
            for member in members {
                found[member] = Some(choice(group.clone(), &headings[member].title));
            }
        }
    }
    // What the author wrote under a heading says more than its words.
    for (heading, found) in headings.iter().zip(&mut found) {
        if let Some(written) = heading.raw.get("choice") {
            let recommended = heading.raw.flag("recommended") || is_recommended(&heading.title);
            *found = Some(parse_choice(written, recommended));
        }
    }
    found
}

/// The ways among the siblings: first those with the number of an option, wherever they stand.
fn of_family(headings: &[Heading], family: &[usize], offered: bool) -> Vec<Vec<usize>> {
    let title = |index: usize| headings[index].title.as_str();
    let lettered =
        |index: usize| pattern!(r"^\(?[A-Ha-h][.):]\s").is_match(bare_title(title(index)));
    let numbered: Vec<usize> = family
        .iter()
        .copied()
        .filter(|index| is_numbered(title(*index)) || offered && lettered(*index))
        .collect();
    if numbered.len() > 1 {
        return vec![numbered];
    }
    let titles: Vec<&str> = family.iter().map(|index| title(*index)).collect();
    let mut ways: Vec<Vec<usize>> = Vec::new();
    let mut last = None;
    for (at, group) in groups(&titles).into_iter().enumerate() {
        match group {
            Some(_) if group == last => ways
                .last_mut()
                .into_iter()
                .for_each(|way| way.push(family[at])),
            Some(_) => ways.push(vec![family[at]]),
            None => {}
        }
        last = group;
    }
    ways
}

/// Whether the title of a section, or what stands before its sub-headings, says that one of them is
/// taken.
fn offers_one(heading: &Heading, nodes: &[Node]) -> bool {
    let own = nodes[heading.node + 1..heading.body_end].iter();
    words::says("options", &heading.title)
        || words::says("one-of", &heading.title)
        || own
            .into_iter()
            .any(|node| words::says("one-of", &node.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_has_two_titles_that_exclude_each_other_and_two_that_do_not() {
        for rule in RULES {
            let [one, other] = rule.fires;
            assert!((rule.excludes)(one, other), "{}", rule.id);
            let [one, other] = rule.spares;
            assert!(!exclude_each_other(one, other), "{}", rule.id);
        }
    }

    #[test]
    fn neighbours_in_many_languages() {
        for pair in [
            ["Вариант 1: облако", "Вариант 2: свой сервер"],
            ["[방법 1] 컨테이너", "[방법 2] 외부 서버"],
            ["方式一：云数据库", "方式二：本机安装"],
            ["Método 1: Consola", "Método 2: Script"],
            ["Скриптом:", "Или вручную:"],
            ["地址模式：", "域名模式："],
            ["Automatisch:", "Manuell:"],
        ] {
            assert_eq!(groups(&pair), [Some(0), Some(0)], "{pair:?}");
        }
        for pair in [
            ["O serviço", "O banco"],
            ["On the server:", "On the client:"],
            ["Install it on Ubuntu:", "Start it on Ubuntu:"],
            ["Production mode", "Check the logs"],
            [
                "Start the web server in test mode",
                "Stop the web server in test mode",
            ],
        ] {
            assert_eq!(groups(&pair), [None, None], "{pair:?}");
        }
    }
}
