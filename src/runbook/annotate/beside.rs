//! Annotations that stand in `gonogo.toml` instead of the guide: which block each of them means. A
//! block is told by the headings above it and by its code, so an annotation never counts for code that
//! nobody has looked at.

use std::collections::HashMap;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::runbook::attributes::{self, Raw};
use crate::runbook::config::Annotation;
use crate::runbook::diagnostic::{Diagnostic, Severity};
use crate::runbook::headings::{Heading, forced_kind};
use crate::runbook::lint::closest;
use crate::runbook::outline::Node;
use crate::runbook::source::Source;

/// How a block is named from outside of its guide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::runbook) struct Key {
    /// The index of its node.
    pub node: usize,
    pub line: usize,
    /// Titles of the headings above it, joined by ` > `; empty before the first heading.
    pub heading: String,
    pub block: String,
    /// Its place among the blocks with the same heading and code, from 1, and how many there are.
    pub occurrence: usize,
    pub of: usize,
}

/// The first 16 hexadecimal digits of the SHA-256 of a block's code.
fn code_hash(code: &str) -> String {
    let digest = Sha256::digest(code.as_bytes());
    digest.iter().take(8).fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

/// Titles of a heading and those above it, from the outermost in.
pub(in crate::runbook) fn heading_path(headings: &[Heading], index: usize) -> Vec<String> {
    let mut path = Vec::new();
    let mut next = Some(index);
    while let Some(heading) = next.and_then(|index| headings.get(index)) {
        path.push(heading.title.clone());
        next = heading.parent;
    }
    path.reverse();
    path
}

/// The keys of all blocks, in the order of the guide.
pub(in crate::runbook) fn keys(nodes: &[Node], headings: &[Heading]) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    let mut counts: HashMap<(String, String), usize> = HashMap::new();
    let mut next = headings.iter().enumerate().peekable();
    let mut path = String::new();
    for (node, found) in nodes.iter().enumerate() {
        while let Some((index, _)) = next.next_if(|(_, heading)| heading.node <= node) {
            path = heading_path(headings, index).join(" > ");
        }
        let Some(code) = found.code() else { continue };
        let block = code_hash(&code.code);
        let count = counts.entry((path.clone(), block.clone())).or_default();
        *count += 1;
        keys.push(Key {
            node,
            line: found.line,
            heading: path.clone(),
            block,
            occurrence: *count,
            of: 0,
        });
    }
    for key in &mut keys {
        key.of = counts
            .get(&(key.heading.clone(), key.block.clone()))
            .copied()
            .unwrap_or(1);
    }
    keys
}

/// The attributes that `annotations` give to nodes, by index. An annotation without exactly one block is
/// left out and reported.
pub(in crate::runbook) fn resolve(
    source: &Source,
    nodes: &[Node],
    headings: &[Heading],
    annotations: &[Annotation],
    diagnostics: &mut Vec<Diagnostic>,
) -> HashMap<usize, Raw> {
    let mut resolved: HashMap<usize, Raw> = HashMap::new();
    if annotations.is_empty() {
        return resolved;
    }
    let keys = keys(nodes, headings);
    for annotation in annotations
        .iter()
        .filter(|annotation| !annotation.block.is_empty())
    {
        let meant: Vec<&Key> = keys
            .iter()
            .filter(|key| {
                key.heading == annotation.heading
                    && key.block == annotation.block
                    && annotation
                        .occurrence
                        .is_none_or(|occurrence| occurrence == key.occurrence)
            })
            .collect();
        if let [only] = meant.as_slice() {
            resolved
                .entry(only.node)
                .or_default()
                .merge(attributes::parse_raw(&annotation.attributes));
            continue;
        }
        let (line, code, message, help) = trouble(annotation, &meant, &keys, headings);
        diagnostics.push(warning(source, line, code, message, help));
    }
    resolved
}

/// Gives headings what annotations without a block say about them, as if it stood in a comment under them.
pub(in crate::runbook) fn settle_headings(
    source: &Source,
    headings: &mut [Heading],
    annotations: &[Annotation],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let about: Vec<&Annotation> = annotations
        .iter()
        .filter(|annotation| annotation.block.is_empty())
        .collect();
    if about.is_empty() {
        return;
    }
    let paths: Vec<String> = (0..headings.len())
        .map(|index| heading_path(headings, index).join(" > "))
        .collect();
    for annotation in about {
        let meant: Vec<usize> = (0..paths.len())
            .filter(|index| paths[*index] == annotation.heading)
            .collect();
        let chosen = match (annotation.occurrence, meant.as_slice()) {
            (None, [only]) => Some(*only),
            (Some(number), _) => meant.get(number.saturating_sub(1)).copied(),
            _ => None,
        };
        if let Some(heading) = chosen.and_then(|index| headings.get_mut(index)) {
            heading
                .raw
                .merge(attributes::parse_raw(&annotation.attributes));
            if let Some(kind) = forced_kind(&heading.raw) {
                heading.kind = kind;
            }
            continue;
        }
        let entry = format!(
            "the annotation of line {} of `gonogo.toml` (`{}`)",
            annotation.line, annotation.attributes
        );
        let known: Vec<&str> = paths.iter().map(String::as_str).collect();
        let (line, code, message, help) = match meant.as_slice() {
            [first, second, ..] => (
                headings[*first].line,
                "ambiguous-annotation",
                format!(
                    "{entry} fits the headings of line {} and line {}, so it applies to neither",
                    headings[*first].line, headings[*second].line
                ),
                "add `occurrence = 1` to it for the first of them".to_owned(),
            ),
            _ => (
                1,
                "stale-annotation",
                format!(
                    "{entry} no longer applies: the guide has no heading `{}`",
                    annotation.heading
                ),
                match closest(&annotation.heading, &known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => {
                        "write the titles from the outermost heading in, joined by ` > `".to_owned()
                    }
                },
            ),
        };
        diagnostics.push(warning(source, line, code, message, help));
    }
}

/// Why an annotation counts for nothing: the line of the guide it is about, a code, what, and the way on.
fn trouble(
    annotation: &Annotation,
    meant: &[&Key],
    keys: &[Key],
    headings: &[Heading],
) -> (usize, &'static str, String, String) {
    let entry = format!(
        "the annotation of line {} of `gonogo.toml` (`{}`)",
        annotation.line, annotation.attributes
    );
    let place = if annotation.heading.is_empty() {
        "before the first heading".to_owned()
    } else {
        format!("under `{}`", annotation.heading)
    };
    if let [first, second, ..] = meant {
        return (
            first.line,
            "ambiguous-annotation",
            format!(
                "{entry} fits the blocks of line {} and line {}, so it applies to neither",
                first.line, second.line
            ),
            "add `occurrence = 1` to it for the first of them, or annotate them again".to_owned(),
        );
    }
    let elsewhere = keys.iter().find(|key| key.block == annotation.block);
    if let Some(key) = elsewhere.filter(|key| key.heading != annotation.heading) {
        return (
            key.line,
            "stale-annotation",
            format!("{entry} was made {place}, and its block now stands elsewhere"),
            format!(
                "check the block again with `gonogo annotate`, or write `heading = \"{}\"`",
                key.heading
            ),
        );
    }
    let heading = (0..headings.len())
        .find(|index| heading_path(headings, *index).join(" > ") == annotation.heading);
    match heading.and_then(|index| headings.get(index)) {
        Some(heading) => (
            heading.line,
            "stale-annotation",
            format!("{entry} no longer applies: the code it was made for {place} has changed"),
            "check the block again with `gonogo annotate`".to_owned(),
        ),
        None if annotation.heading.is_empty() => (
            1,
            "stale-annotation",
            format!("{entry} no longer applies: the code it was made for {place} has changed"),
            "check the block again with `gonogo annotate`".to_owned(),
        ),
        None => (
            1,
            "stale-annotation",
            format!(
                "{entry} no longer applies: the guide has no heading `{}`",
                annotation.heading
            ),
            "remove the entry, or write the path of the heading as it is now".to_owned(),
        ),
    }
}

fn warning(source: &Source, line: usize, code: &str, message: String, help: String) -> Diagnostic {
    let (column, width) = source.locate(line, "");
    Diagnostic {
        severity: Severity::Warning,
        code: code.to_owned(),
        line,
        column,
        width,
        message,
        help,
        also: Vec::new(),
    }
}
