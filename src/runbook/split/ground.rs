//! What each command of a block is for who walks it: what it prints is read, its exit code is enough, or it
//! changes something. Told by real parsers and by the words of programs, which are the same in any language.

use super::items::Item;
use crate::runbook::doing::{Nature, natures_of};
use crate::runbook::effects::makes_dump;
use crate::runbook::model::Actor;
use crate::runbook::pattern::pattern;
use crate::runbook::syntax::{RedirectionKind, Stage, before_remark, read_shell};

/// Commands of a block that are compared with each other; a block of more is a script.
const MOST: usize = 200;

/// The commands of a block, each with what it is for, and where they stand.
pub(super) struct Ground<'a> {
    pub steps: Vec<Step<'a>>,
    /// In a section about going back.
    pub in_rollback: bool,
}

impl<'a> Ground<'a> {
    pub fn of(items: &'a [Item<'_>], actor: Actor, in_rollback: bool) -> Self {
        Self {
            steps: steps(items, actor),
            in_rollback,
        }
    }
}

/// What a command is for who walks the block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
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

pub(super) struct Step<'a> {
    /// Its place among the items.
    pub item: usize,
    pub text: &'a str,
    pub actor: Actor,
    pub kind: Kind,
    pub asks: bool,
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

/// `--dry-run`, `--dry-run=client`
pub(super) fn is_rehearsing(word: &str) -> bool {
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
