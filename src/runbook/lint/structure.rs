//! Lints of the guide's shape: fences, ids, phases, attributes, undo targets.

use std::collections::{BTreeSet, HashMap};

use super::{Context, Report, did_you_mean};
use crate::runbook::annotate::beside::heading_path;
use crate::runbook::attributes::{
    COMMENT_KEYS, FENCE_KEYS, KNOWN_CLASSES, Raw, is_known_key, people, take_comments,
};
use crate::runbook::blocks;
use crate::runbook::diagnostic::Severity;
use crate::runbook::headings::Kind;
use crate::runbook::model::{Actor, Place, Role};
use crate::runbook::outline::NodeKind;
use crate::runbook::pattern::pattern;

pub(super) fn lint(context: &Context<'_>, report: &mut Report<'_>) {
    fences(context, report);
    sizes(context, report);
    ids(context, report);
    phases(context, report);
    attributes(context, report);
    comments(context, report);
    undo(context, report);
    places(context, report);
}

/// Commands that neither the walk nor a rollback runs.
fn places(context: &Context<'_>, report: &mut Report<'_>) {
    let mut chain = vec![(false, false); context.headings.len()];
    for (index, heading) in context.headings.iter().enumerate() {
        let (back, aside) = heading
            .parent
            .map_or((false, false), |parent| chain[parent]);
        let is_back = heading.kind == Kind::Rollback;
        let is_aside = heading.kind.is_aside() && !is_back && heading.level > 0;
        chain[index] = (back || is_back, aside || is_aside);
    }
    for (block, place) in context.runbook.blocks.iter().zip(context.runbook.places()) {
        let Place::Beside(section) = place else {
            continue;
        };
        if block.actor == Actor::Nobody || matches!(block.role, Role::Output | Role::Content) {
            continue;
        }
        let heading = context
            .headings
            .partition_point(|heading| heading.line < block.line);
        let (back, aside) = heading
            .checked_sub(1)
            .map_or((false, false), |index| chain[index]);
        let title = &section.title;
        if back {
            report.add(
                Severity::Warning,
                "beside-the-rollback",
                (block.line, ""),
                format!("no rollback runs this: `{title}` is kept beside them"),
                "give its heading the title of an option (`Option 2: …`) or a step, if it is one",
            );
        } else if !aside {
            report.add(
                Severity::Info,
                "beside-the-walk",
                (block.line, ""),
                format!("`{title}` is not a phase: this can be run beside the walk"),
                "put `<!-- gonogo: phase -->` under its heading, if it belongs to the walk",
            );
        }
    }
}

fn fences(context: &Context<'_>, report: &mut Report<'_>) {
    for node in context.nodes {
        let Some(code) = node.code() else { continue };
        if !code.closed {
            report.add(
                Severity::Error,
                "unterminated-fence",
                (node.line, ""),
                "this fence is never closed: everything after it reads as code",
                "close it with a fence of the same length on a line of its own; until then nothing from here on can be armed",
            );
            return;
        }
        if let Some(line) = blocks::swallowed(code) {
            report.add(
                Severity::Error,
                "unbalanced-fence",
                (code.code_line + line, "```"),
                format!("a fence opens inside the fence of line {}", node.line),
                format!("close the fence of line {} before this line, or make it longer than the fences it shows; until then nothing from there on can be armed", node.line),
            );
            return;
        }
    }
}

/// Blocks that are too long to be commands.
fn sizes(context: &Context<'_>, report: &mut Report<'_>) {
    for block in &context.runbook.blocks {
        if block.code.len() > blocks::LARGEST_BLOCK {
            report.add(
                Severity::Warning,
                "block-too-large",
                (block.line, ""),
                blocks::too_large(block.code.len()),
                "put it into a file beside the guide, and run that: `bash FILE`, `psql -f FILE`",
            );
        }
    }
}

fn ids(context: &Context<'_>, report: &mut Report<'_>) {
    let mut first: HashMap<&str, usize> = HashMap::new();
    let headings = context.headings.iter().filter_map(|heading| {
        Some((
            heading.raw.id.as_deref().or(heading.raw.get("id"))?,
            heading.line,
        ))
    });
    let blocks = context
        .blocks
        .raws
        .iter()
        .zip(&context.runbook.blocks)
        .filter(|(raw, _)| raw.id.is_some() || raw.get("id").is_some() || raw.get("name").is_some())
        .map(|(_, block)| (block.id.as_str(), block.line));
    let mut all: Vec<(&str, usize)> = headings.chain(blocks).collect();
    all.sort_by_key(|(_, line)| *line);
    for (id, line) in all {
        if let Some(before) = first.get(id) {
            report.add(
                Severity::Error,
                "duplicate-id",
                (line, id),
                format!("the id `{id}` is taken by line {before}"),
                "give this one an id of its own, and name it in `undo=` and `needs=` where it is meant",
            );
        } else {
            first.insert(id, line);
        }
    }
}

fn phases(context: &Context<'_>, report: &mut Report<'_>) {
    let title = |index: usize| {
        format!(
            "`{}` (line {})",
            context.headings[index].title, context.headings[index].line
        )
    };
    for rival in &context.chosen.rivals {
        let (Some(first), Some(taken)) = (rival.first(), context.chosen.phases.first()) else {
            continue;
        };
        report.add(
            Severity::Warning,
            "rival-phases",
            (context.headings[*first].line, ""),
            format!(
                "{} sections from {} on look like phases too; the phases taken begin at {}",
                rival.len(),
                title(*first),
                title(*taken)
            ),
            format!(
                "put `<!-- gonogo: begin -->` under the first section of those that are the phases; for a \
                 guide that nobody may edit, in `gonogo.toml`: `[[annotations]]` with `guide`, \
                 `heading = \"{}\"` and `attributes = \"begin\"`",
                heading_path(context.headings, *first).join(" > ")
            ),
        );
    }
    if context.runbook.phases.is_empty() && !context.nodes.is_empty() {
        report.add(
            Severity::Warning,
            "no-phases",
            (1, ""),
            "no phase was found: no section holds anything to do",
            "put `<!-- gonogo: phase -->` under each heading that is a phase",
        );
        return;
    }
    let count = context.runbook.phases.len();
    let numbered = context
        .chosen
        .phases
        .iter()
        .filter(|index| context.headings[**index].number.is_some())
        .count();
    for node in context
        .nodes
        .iter()
        .filter(|node| node.kind == NodeKind::Paragraph)
    {
        if numbered != count || !node.text.contains("phases") {
            continue;
        }
        if let Some(found) = pattern!(r"\b(\d{1,2}) phases\b").captures(&node.text)
            && found[1].parse::<usize>().is_ok_and(|said| said != count)
        {
            report.add(
                Severity::Info,
                "phase-count",
                (node.line, &found[0]),
                format!(
                    "the text mentions {} phases, the headings make {count}",
                    &found[1]
                ),
                "the headings count; correct the text",
            );
            return;
        }
    }
}

fn attributes(context: &Context<'_>, report: &mut Report<'_>) {
    for (raw, block) in context.blocks.raws.iter().zip(&context.runbook.blocks) {
        // Without braces, words after a language belong to other tools more often than to this one.
        let ours = raw.id.is_some()
            || raw
                .classes
                .iter()
                .any(|class| KNOWN_CLASSES.contains(&class.as_str()))
            || raw
                .pairs
                .iter()
                .any(|(key, _)| FENCE_KEYS.contains(&key.as_str()));
        for (key, value) in &raw.pairs {
            if is_known_key(key) {
                continue;
            }
            let near = super::closest(key, &FENCE_KEYS).is_some() && value != "true";
            if ours || near {
                report.add(
                    // A slip in our own attributes silently switches off a check or a rollback.
                    if ours && near {
                        Severity::Error
                    } else {
                        Severity::Warning
                    },
                    "unknown-attribute",
                    (block.line, key),
                    format!("unknown attribute `{key}`"),
                    did_you_mean(key, &FENCE_KEYS),
                );
            }
        }
        if let Some(lines) = raw.get("parts").filter(|_| !block.annotated) {
            report.add(
                Severity::Warning,
                "stale-parts",
                (block.line, lines),
                format!(
                    "the parts accepted as those of lines {lines} are not those found in this block"
                ),
                "check the block again with `gonogo annotate`, after removing `parts`",
            );
        }
        for class in &raw.classes {
            let known = KNOWN_CLASSES.contains(&class.as_str());
            let near = super::closest(class, &KNOWN_CLASSES).is_some();
            if !known && near {
                report.add(
                    if ours {
                        Severity::Error
                    } else {
                        Severity::Warning
                    },
                    "unknown-class",
                    (block.line, class),
                    format!("unknown class `.{class}`"),
                    did_you_mean(class, &KNOWN_CLASSES),
                );
            }
        }
    }
    for (number, bad) in &context.blocks.bad {
        let Some(block) = context.runbook.block(*number) else {
            continue;
        };
        report.add(
            Severity::Error,
            "bad-attribute",
            (block.line, &bad.key),
            bad.message.clone(),
            bad.help.clone(),
        );
    }
}

/// Keys of comments under headings and after list items.
fn comments(context: &Context<'_>, report: &mut Report<'_>) {
    let mut keys = |raw: &Raw, line: usize| {
        for (key, value) in &raw.pairs {
            if !COMMENT_KEYS.contains(&key.as_str()) {
                report.add(
                    Severity::Error,
                    "unknown-attribute",
                    (line, key),
                    format!("unknown key `{key}` in a comment"),
                    did_you_mean(key, &COMMENT_KEYS),
                );
            }
            let duration = matches!(key.as_str(), "wait" | "soak")
                && crate::text::duration::parse_s(value).is_none();
            let range = key == "estimate" && crate::text::duration::find(value).is_none();
            if duration || range {
                report.add(
                    Severity::Error,
                    "bad-attribute",
                    (line, value),
                    format!("`{value}` is not a duration"),
                    format!("write it as `{key}=15m`, `{key}=2h` or `{key}=7d`"),
                );
            }
            if key == "approvals" && people(value).is_none() {
                report.add(
                    Severity::Error,
                    "bad-attribute",
                    (line, value),
                    format!("`{value}` is not a number of people"),
                    "write `approvals=2`: two people, the driver among them".to_owned(),
                );
            }
        }
    };
    for node in context.nodes {
        if node.text.contains("gonogo:") {
            let raw = take_comments(&node.text).1;
            let offset = node
                .text
                .lines()
                .position(|line| line.contains("gonogo:"))
                .unwrap_or_default();
            let line = if node.kind == NodeKind::Html {
                node.line + offset
            } else {
                node.line
            };
            keys(&raw, line);
        }
    }
}

fn undo(context: &Context<'_>, report: &mut Report<'_>) {
    let runbook = context.runbook;
    let mut known: BTreeSet<&str> = runbook
        .blocks
        .iter()
        .map(|block| block.id.as_str())
        .collect();
    known.extend(runbook.steps().map(|step| step.id.as_str()));
    known.extend(runbook.walk().map(|phase| phase.id.as_str()));
    known.extend(runbook.rollback.iter().map(|option| option.id.as_str()));
    let names: Vec<&str> = known
        .iter()
        .copied()
        .filter(|name| !name.starts_with("block-"))
        .collect();
    let mut check = |target: &str, line: usize| {
        if !known.contains(target) {
            report.add(
                Severity::Error,
                "unknown-undo",
                (line, target),
                format!("`undo={target}` names nothing in this guide"),
                match super::closest(target, &names) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => {
                        "give the step or block that undoes this an id: `{#restore}`".to_owned()
                    }
                },
            );
        }
    };
    for heading in context.headings {
        if let Some(target) = heading.raw.get("undo") {
            check(target, heading.line);
        }
    }
    for (name, line) in context.headings.iter().flat_map(|heading| {
        let value = heading.raw.get("undoes").unwrap_or_default();
        let names = value.split([',', ' ']).map(str::trim);
        let names = names.filter(|name| !matches!(*name, "" | "all" | "nothing" | "none"));
        names.map(|name| (name, heading.line))
    }) {
        check(name, line);
    }
    for block in &runbook.blocks {
        if let Some(target) = &block.attributes.undo {
            check(target, block.line);
        }
    }
}
