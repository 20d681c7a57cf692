//! Where a person stops between two commands, told by what the commands do and by where comments stand,
//! not by the words around them: so it holds in any language. In doubt there is a stop: one too many
//! costs a key.

use super::items::Item;
use crate::runbook::blanks;
use crate::runbook::doing::{Nature, natures_of};
use crate::runbook::effects::makes_dump;
use crate::runbook::hazards::destructive;
use crate::runbook::markers;
use crate::runbook::model::Actor;
use crate::runbook::pattern::pattern;
use crate::runbook::syntax::{RedirectionKind, Stage, before_remark, read_shell};

/// Commands of a block that are compared with each other; a block of more is a script.
const MOST: usize = 200;

/// Where the items stand, and for whom.
#[derive(Clone, Copy)]
pub(super) struct Ground {
    pub actor: Actor,
    /// In a section about going back.
    pub in_rollback: bool,
}

/// What a command is for who walks the block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Nothing of it is to be read: `cd`, `export`, `sleep`.
    Silent,
    /// Its exit code says it: `npm test`.
    Checks,
    /// It sets a value that is written out.
    Sets,
    /// It prints what a person reads.
    Shows,
    /// It makes a dump: nothing is another than before.
    Saves,
    Changes,
    Destroys,
}

struct Step<'a> {
    /// Its place among the items.
    item: usize,
    text: &'a str,
    actor: Actor,
    kind: Kind,
    asks: bool,
}

fn steps<'a>(items: &'a [Item<'_>], actor: Actor) -> Vec<Step<'a>> {
    let statements = items.iter().enumerate();
    let statements = statements.filter_map(|(item, one)| match one {
        Item::Statement { text, sql, .. } => {
            Some((item, text.as_str(), if *sql { Actor::Sql } else { actor }))
        }
        _ => None,
    });
    let statements: Vec<_> = statements.take(MOST + 1).collect();
    if statements.len() < 2 || statements.len() > MOST {
        return Vec::new();
    }
    let step = |(item, text, actor)| {
        let natures = natures_of(text, actor);
        Step {
            item,
            text,
            actor,
            kind: kind(text, actor, &natures),
            asks: natures.contains(&Nature::AsksForInput),
        }
    };
    statements.into_iter().map(step).collect()
}

fn kind(text: &str, actor: Actor, natures: &[Nature]) -> Kind {
    let first = natures.first();
    if actor != Actor::Shell {
        return match first {
            Some(Nature::Destroys) => Kind::Destroys,
            Some(Nature::Reads) => Kind::Shows,
            _ => Kind::Changes,
        };
    }
    match first {
        Some(Nature::Destroys) => Kind::Destroys,
        _ if makes_dump(text, actor) => Kind::Saves,
        _ if is_literal_assignment(text) => Kind::Sets,
        _ if is_silent(text) => Kind::Silent,
        Some(Nature::Reads) if pattern!(r"\s(?:-q|--quiet)(?:$|\s)").is_match(text) => Kind::Checks,
        Some(Nature::Reads) => Kind::Shows,
        _ => named_kind(before_remark(text)),
    }
}

/// What the words of a command say whose program is not known to only read: the words of programs, which
/// are the same in any language.
fn named_kind(command: &str) -> Kind {
    let rehearses = command.split_whitespace().any(is_rehearsing);
    let checks = pattern!(
        r"(?:^|[\s:_/.-])(?:audit|check|diff|doctor|health|lint|ready|rollout status|scan|smoke|tests?|validate|verify|wait)(?:$|[\s:_.-])"
    );
    let changes = pattern!(
        r"(?:^|\s)(?:annotate|apply|config|create|delete|deploy|down|exec|install|kill|label|patch|pull|push|remove|replace|restart|rm|run|scale|set|start|stop|up|update|upgrade)(?:$|\s)"
    );
    let shows = pattern!(
        r"(?:^|[\s:])(?:describe|get|history|images?|inspect|list\w*|logs?|ls|ps|reflog|releases|revisions|show\w*|snapshots|status|versions?|view)(?:$|\s)"
    );
    match command {
        _ if rehearses => Kind::Shows,
        _ if checks.is_match(command) => Kind::Checks,
        _ if changes.is_match(command) && !shows.is_match(command) => Kind::Changes,
        _ if shows.is_match(command) => Kind::Shows,
        _ => Kind::Changes,
    }
}

/// `LIVE=blue`, `export LIVE=blue`
fn is_literal_assignment(text: &str) -> bool {
    pattern!(r"^\s*(?:export\s+)?[A-Za-z_]\w*=[^\s$`]+\s*(?:#.*)?$").is_match(text)
}

/// Whether what it prints is for nobody: it only prepares its own shell, fills a file, or answers by its
/// exit code.
fn is_silent(text: &str) -> bool {
    const SILENT: &[&str] = &[
        "",
        ".",
        ":",
        "[",
        "alias",
        "cd",
        "echo",
        "export",
        "false",
        "mkdir",
        "pg_isready",
        "ping",
        "popd",
        "printf",
        "pushd",
        "set",
        "sleep",
        "source",
        "test",
        "true",
        "type",
        "umask",
        "unset",
        "which",
    ];
    let script = read_shell(text);
    let mut lists = script.commands().iter().flat_map(|command| &command.lists);
    script.unreadable().is_none()
        && lists.all(|list| {
            list.pipelines()
                .all(|pipeline| match pipeline.stages.last() {
                    Some(Stage::Simple(simple)) => {
                        SILENT.contains(&simple.program())
                            || simple.redirections.iter().any(|one| {
                                matches!(one.kind, RedirectionKind::Write | RedirectionKind::Append)
                            }) && natures_of(text, Actor::Shell).first()
                                == Some(&Nature::Changes)
                                && is_reader(simple.program())
                    }
                    _ => false,
                })
        })
}

/// Whether a program reads, where its output goes to the screen.
fn is_reader(program: &str) -> bool {
    natures_of(program, Actor::Shell).first() == Some(&Nature::Reads)
}

/// `list releases`, then `drop-release v3`: who has read what was shown decides on what follows. So it is
/// with any change behind the looks that a block begins with or that have a title of their own, and else
/// with what destroys and with what needs a value that nobody had before.
pub(super) fn looked_first(items: &[Item<'_>], ground: Ground) -> Vec<usize> {
    let steps = steps(items, ground.actor);
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
pub(super) fn rehearsed_first(items: &[Item<'_>], ground: Ground) -> Vec<usize> {
    let steps = steps(items, ground.actor);
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

/// `--dry-run`, `--dry-run=client`
fn is_rehearsing(word: &str) -> bool {
    const FLAGS: &[&str] = &[
        "--dry-run",
        "--dryrun",
        "--check",
        "--diff",
        "--no-act",
        "--noop",
        "--plan",
        "--preview",
        "--simulate",
        "--what-if",
        "--whatif",
    ];
    FLAGS.contains(&word.split('=').next().unwrap_or_default())
}

/// What waits for a person to answer is a stop of its own.
pub(super) fn asks(items: &[Item<'_>], ground: Ground) -> Vec<usize> {
    let steps = steps(items, ground.actor);
    let pairs = steps.windows(2);
    let asked = pairs.filter(|pair| pair[0].asks || pair[1].asks);
    asked.map(|pair| head_of(items, pair[1].item)).collect()
}

/// What destroys at the end and under a title of its own, where nothing is numbered as a sequence and not
/// all is about going back. Restoring is what a block is for that does it.
pub(super) fn destroys_apart(items: &[Item<'_>], ground: Ground) -> Vec<usize> {
    let steps = steps(items, ground.actor);
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
pub(super) fn loaded_elsewhere(items: &[Item<'_>], ground: Ground) -> Vec<usize> {
    if ground.actor != Actor::Shell {
        return Vec::new();
    }
    let mut files: Vec<&str> = Vec::new();
    let mut cuts = Vec::new();
    for step in steps(items, ground.actor) {
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
        if makes_dump(step.text, Actor::Shell) {
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
pub(super) fn told_between(items: &[Item<'_>], ground: Ground) -> Vec<usize> {
    let steps = steps(items, ground.actor);
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
