//! A catalogue rather than a sequence: there and back again, one command with other flags, the commands
//! of a section that calls itself a reference.

use super::items::Item;
use super::variants::Group;
use crate::runbook::pattern::pattern;
use crate::runbook::shell;

/// The groups (by item) of which one is chosen, because an act stands beside its opposite or beside the
/// same act with other flags. A list that is numbered is a sequence.
pub(super) fn catalogue(groups: &[Group]) -> Option<Vec<usize>> {
    if groups.iter().filter(|group| group.numbered).count() > 1 {
        return None;
    }
    for (at, one) in groups.iter().enumerate() {
        for other in &groups[at + 1..] {
            if are_opposite_titles(&groups[at..], one, other) {
                return Some(vec![one.head, other.head]);
            }
            if one.looks || other.looks {
                continue;
            }
            if is_there_and_back(one, other, is_next(&groups[at..], other)) {
                return Some(acting_alike(groups, one));
            }
            if has_other_flags(one, other) {
                let forms = groups
                    .iter()
                    .filter(|group| {
                        group.head == one.head
                            || has_other_flags(one, group)
                            || has_other_flags(other, group)
                    })
                    .map(|group| group.head)
                    .collect();
                return Some(forms);
            }
        }
    }
    None
}

/// All groups that do something, of a section that calls itself a reference.
pub(super) fn reference(groups: &[Group]) -> Vec<usize> {
    let acting: Vec<usize> = groups
        .iter()
        .filter(|group| !group.looks && !group.first.is_empty())
        .map(|group| group.head)
        .collect();
    if acting.len() > 1 { acting } else { Vec::new() }
}

/// Whether a heading promises commands to choose from.
pub(in crate::runbook) fn is_reference(heading: &str) -> bool {
    pattern!(r"(?i)\b(quick|command|commands|cli)\s+reference\b|\bcheat\s*-?sheet\b|\b(useful|helpful|common|handy|frequent\w*|management|maintenance|operational|everyday|daily)\s+(?:\w+\s+)?(commands|operations)\b|\b\w+\s+options\b\W*$|^\W*(usage|options|commands)\W*$|\b(comandos|commandes|comandi)\s+(útiles|úteis|utiles|utili)\b|\b(nützliche|wichtige)\s+befehle\b|\boptional\s+(?:\w+\s+)?(?:services?|components?|features?|add-?ons?|packages|tools|profiles|modules|integrations)\b|常用命令|常用操作|よく使うコマンド")
        .is_match(heading)
}

/// Whether a label before a block leaves the choice.
pub(in crate::runbook) fn offers_one(label: &str) -> bool {
    let last = label.lines().last().unwrap_or_default();
    pattern!(r"(?i)\b(?:one of (?:the|these)\b|either of|choose (?:one|between|from|the)|pick (?:one|the)|depending on|whichever)\b").is_match(last)
}

/// Whether a heading is about one of several: `Start a specific instance`.
pub(in crate::runbook) fn is_of_one(heading: &str) -> bool {
    pattern!(r"(?i)\b(?:specific|single|individual|particular|certain|one of)\b").is_match(heading)
}

/// The groups that act through the same program.
fn acting_alike(groups: &[Group], one: &Group) -> Vec<usize> {
    let program = shell::program(&one.first);
    groups
        .iter()
        .filter(|group| !group.looks && shell::program(&group.first) == program)
        .map(|group| group.head)
        .collect()
}

/// `Back it up` beside `Restore it`, `Add a user` right before `Remove a user`.
fn are_opposite_titles(from: &[Group], one: &Group, other: &Group) -> bool {
    let next = is_next(from, other);
    let pair = |there: &regex::Regex, back: &regex::Regex| {
        there.is_match(&one.title) && back.is_match(&other.title)
    };
    pair(
        pattern!(
            r"^(?:create (?:an? |the )?)?(?:manual |full )?(?:back ?up|sicher\w*|sauvegard\w*|respald\w*)\b"
        ),
        pattern!(r"^(?:restore|wiederherst\w*|restaur\w*|ripristin\w*)\b"),
    ) || pair(
        pattern!(r"^(?:start|enable|turn on|activate|scale up|block|lock|grant|mount|pause)\b"),
        pattern!(
            r"^(?:stop|disable|turn off|deactivate|scale down|unblock|unlock|revoke|unmount)\b"
        ),
    ) && first_of(&one.first) == first_of(&other.first)
        && last_of(&one.first) == last_of(&other.first)
        || pair(
            pattern!(r"^(?:upgrade|increase|scale up|enlarge)\b"),
            pattern!(r"^(?:downgrade|decrease|reduce|scale down|shrink)\b"),
        ) && first_of(&one.first) == first_of(&other.first)
        || next
            && pair(
                pattern!(r"^(?:create|add|install|register|insert)\b"),
                pattern!(r"^(?:delete|remove|drop|uninstall|unregister)\b"),
            )
            && first_of(&one.first) == first_of(&other.first)
}

fn first_of(command: &str) -> &str {
    shell::program(command.lines().next().unwrap_or_default())
}

fn last_of(command: &str) -> &str {
    command.split_whitespace().next_back().unwrap_or_default()
}

/// `systemctl start shop` and then `systemctl stop shop`; the other way round is a restart.
fn is_there_and_back(one: &Group, other: &Group, next: bool) -> bool {
    let (there, back) = (words(&one.first), words(&other.first));
    if there.first() != back.first() {
        return false;
    }
    let Some(at) = there
        .iter()
        .zip(&back)
        .position(|(there, back)| there != back)
    else {
        return false;
    };
    let window =
        || pattern!(r"maintenance|wartung|mantenimiento|manutenção|维护").is_match(&one.title);
    (is_opposite(&there[at], &back[at]) && !window()
        || next && is_taken_back(&there[at], &back[at]))
        // What is started and stopped is the same.
        && there[at + 1..]
            .iter()
            .zip(&back[at + 1..])
            .all(|(there, back)| there == back)
}

/// What is taken back at once, with nothing in between that it was done for.
fn is_taken_back(there: &str, back: &str) -> bool {
    matches!(
        (there, back),
        ("pause", "resume" | "unpause")
            | ("suspend", "resume")
            | ("lock", "unlock")
            | ("cordon" | "drain", "uncordon")
            | ("mask", "unmask")
            | ("on", "off")
            | ("open", "close")
            | ("add", "remove" | "delete" | "rm")
            | ("create", "delete" | "remove" | "rm" | "drop")
    )
}

fn is_next(from: &[Group], other: &Group) -> bool {
    from.get(1).is_some_and(|group| group.head == other.head)
}

fn is_opposite(there: &str, back: &str) -> bool {
    match there {
        "start" => matches!(back, "stop" | "restart" | "reload"),
        "up" => matches!(back, "down" | "destroy"),
        "enable" | "activate" => matches!(back, "disable" | "deactivate"),
        "switch" | "deploy" | "promote" | "release" | "upgrade" | "migrate" | "install"
        | "apply" => matches!(
            back,
            "rollback" | "revert" | "undo" | "uninstall" | "destroy" | "undeploy" | "remove"
        ),
        _ => false,
    }
}

/// One command twice, its arguments the same and its flags or settings not: also a trial run before the
/// real one, which a person looks at first.
fn has_other_flags(one: &Group, other: &Group) -> bool {
    if one.head == other.head || one.keys.len() != 1 || other.keys.len() != 1 {
        return false;
    }
    let (first, second) = (arguments(&one.first), arguments(&other.first));
    first.names_something()
        && first.plain == second.plain
        && first.flags != second.flags
        && !one.looks
        && !other.looks
        && !is_check(&one.first)
}

/// The statements (by item) that are one command with other flags, one right after the other, each with
/// a remark for what it is: `build --all  # everything`.
pub(super) fn statements(items: &[Item<'_>], of_one: bool) -> Vec<usize> {
    let mut found: Vec<usize> = Vec::new();
    for index in 1..items.len() {
        let (
            Item::Statement {
                text: one,
                remark: first,
                sql: false,
                ..
            },
            Item::Statement {
                text: other,
                remark: second,
                sql: false,
                ..
            },
        ) = (&items[index - 1], &items[index])
        else {
            continue;
        };
        let (one_words, other_words) = (arguments(one), arguments(other));
        let program = one_words.plain.first() == other_words.plain.first();
        let remarked = first.is_some() && second.is_some();
        let for_what = |remark: &Option<&str>| {
            remark.is_some_and(|remark| {
                pattern!(r"(?i)^(?:for|if|when|only|para|für|pour|per|bei|wenn|для)\b")
                    .is_match(remark)
            })
        };
        let looks = super::variants::key_only_looks(&super::variants::key_of(one));
        let flags = remarked
            && one_words.names_something()
            && one_words.plain == other_words.plain
            && one_words.flags != other_words.flags
            && !is_check(one);
        let purposes = program && for_what(first) && for_what(second);
        let places = of_one
            && one_words.plain.len() == other_words.plain.len()
            && one_words.plain.len() > 1
            && differences(&one_words, &other_words) == 1;
        // `make up  # the core`, `make up-all  # everything`.
        let extended = remarked
            && one_words.flags == other_words.flags
            && one_words.plain.len() == other_words.plain.len()
            && differences(&one_words, &other_words) == 1
            && is_extended(one_words.plain.last(), other_words.plain.last());
        if purposes || !looks && (flags || places || extended) {
            if found.last() != Some(&(index - 1)) {
                found.push(index - 1);
            }
            found.push(index);
        }
    }
    found
}

/// Whether two words are the same up to what one of them adds, or both: `up-all`, `up-workers`.
fn is_extended(one: Option<&String>, other: Option<&String>) -> bool {
    let stem = |word: &String| {
        word.split(['-', ':', '_'])
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    match (one, other) {
        (Some(one), Some(other)) => one != other && stem(one) == stem(other),
        _ => false,
    }
}

fn differences(one: &Arguments, other: &Arguments) -> usize {
    one.plain
        .iter()
        .zip(&other.plain)
        .filter(|(one, other)| one != other)
        .count()
}

/// Looking for faults, then fixing them, is one act.
fn is_check(command: &str) -> bool {
    pattern!(r"(?:^|\s)(?:--?)?(?:check|lint|plan|diff|validate|test)\b").is_match(command)
}

struct Arguments {
    plain: Vec<String>,
    flags: Vec<String>,
}

impl Arguments {
    /// A command and its object, or a script: `npm` alone says nothing.
    fn names_something(&self) -> bool {
        self.plain.len() > 1
            || self
                .plain
                .first()
                .is_some_and(|program| program.contains('/'))
    }
}

fn arguments(command: &str) -> Arguments {
    let joined = command.replace("\\\n", " ");
    let joined = crate::runbook::syntax::before_remark(&joined);
    let (mut plain, mut flags) = (Vec::new(), Vec::new());
    let mut began = false;
    for word in joined.split_whitespace() {
        let setting = !began
            && word.split_once('=').is_some_and(|(name, _)| {
                !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            });
        let value = began
            && word.split_once('=').is_some_and(|(name, _)| {
                name.len() > 1 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            });
        if setting || value || word.starts_with('-') {
            flags.push(word.to_owned());
        } else {
            began = true;
            plain.push(word.to_owned());
        }
    }
    flags.sort_unstable();
    Arguments { plain, flags }
}

/// The words of a command, also those within a name: `compose-up` is two.
fn words(command: &str) -> Vec<String> {
    command
        .lines()
        .next()
        .unwrap_or_default()
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}
