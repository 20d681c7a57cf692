//! Settles what inference only proposed. A [`Proposal`] says what was understood of one block and how it
//! could be settled; an [`Answer`] is what a person says to it; [`annotate`] writes answers onto the
//! fences of the guide and proves, by reading the result, that nothing else has changed.

pub(super) mod beside;
mod fence;
mod patch;
mod proposal;
mod tokens;

use std::collections::HashMap;

use super::config::Annotation;
use super::headings::headings;
use super::model::{Block, BlockNumber, Role, Runbook};
use super::outline::{Node, outline};
use super::source::Source;
use super::{parse_annotated, settings};

pub use patch::{Patch, unified_diff};
pub use proposal::{Proposal, heading_paths, proposals};

/// What a block is settled as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Settle {
    /// Run it; with blanks, after they are filled in.
    Run,
    /// It only looks.
    Check,
    /// It runs beside the step.
    Watch,
    Output,
    Content,
    Manual,
    Foreign,
    /// The parts that were found stay in one fence, each of them settled.
    Parts,
    /// Each part gets a fence of its own.
    Fences,
}

impl Settle {
    pub const ALL: [Self; 9] = [
        Self::Run,
        Self::Check,
        Self::Watch,
        Self::Output,
        Self::Content,
        Self::Manual,
        Self::Foreign,
        Self::Parts,
        Self::Fences,
    ];

    /// One word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Check => "check",
            Self::Watch => "watch",
            Self::Output => "output",
            Self::Content => "content",
            Self::Manual => "manual",
            Self::Foreign => "foreign",
            Self::Parts => "parts",
            Self::Fences => "fences",
        }
    }

    /// Whether a block of this role is what was meant.
    fn fits(self, role: Role) -> bool {
        match self {
            // Blanks are found whatever the author says.
            Self::Run | Self::Check | Self::Watch => matches!(role, Role::Run | Role::Fill),
            Self::Output => role == Role::Output,
            Self::Content => role == Role::Content,
            Self::Manual => role == Role::Manual,
            Self::Foreign => role == Role::Foreign,
            Self::Parts => role == Role::Split,
            Self::Fences => false,
        }
    }
}

/// What a person says about one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub block: BlockNumber,
    pub settle: Settle,
    /// A name for the block.
    pub id: Option<String>,
    /// A condition over what it gives.
    pub expect: Option<String>,
    /// The id of what takes it back.
    pub undo: Option<String>,
}

/// Why answers cannot be written.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AnnotateError {
    #[error("the guide has no block {0}")]
    NoBlock(BlockNumber),
    #[error("line {line}: {why}")]
    NotPossible { line: usize, why: String },
    /// The fence would not be read as what was answered.
    #[error("line {line}: the fence cannot say this: {why}")]
    NotSaid { line: usize, why: String },
}

/// A guide as it was read: its blocks with their places.
pub(super) struct Reading {
    pub source: Source,
    pub nodes: Vec<Node>,
    pub keys: Vec<beside::Key>,
    /// Titles above each block.
    pub paths: Vec<Vec<String>>,
}

impl Reading {
    pub fn of(bytes: &[u8]) -> Self {
        let source = Source::decode(bytes);
        let base = settings::front_matter(&source, &mut Vec::new()).end;
        let nodes = outline(&source, base);
        let headings = headings(&nodes);
        let keys = beside::keys(&nodes, &headings);
        let paths = keys
            .iter()
            .map(|key| {
                let above = headings
                    .iter()
                    .rposition(|heading| heading.node <= key.node);
                above.map_or(Vec::new(), |index| beside::heading_path(&headings, index))
            })
            .collect();
        Self {
            source,
            nodes,
            keys,
            paths,
        }
    }

    /// The node of a block; numbers count from 1.
    pub fn node(&self, block: BlockNumber) -> Option<&Node> {
        let key = self.keys.get(block.checked_sub(1)?)?;
        self.nodes.get(key.node)
    }
}

/// A guide with answers on its fences.
#[derive(Clone, Debug, PartialEq)]
pub struct Annotated {
    pub bytes: Vec<u8>,
    pub patch: Patch,
}

/// Writes answers onto the fences of a guide. `annotations` are those that `gonogo.toml` carries for it.
/// Only opening lines of fences change, and lines of fences are added where a fence becomes several.
///
/// # Errors
/// A block that is not there or has no fence line, an answer that its fence cannot carry, and a result
/// that would not be read as what was answered.
pub fn annotate(
    file: &str,
    bytes: &[u8],
    annotations: &[Annotation],
    answers: &[Answer],
) -> Result<Annotated, AnnotateError> {
    let before = parse_annotated(file, bytes, annotations);
    let reading = Reading::of(bytes);
    let mut patch = Patch::default();
    for answer in answers {
        let block = before
            .block(answer.block)
            .ok_or(AnnotateError::NoBlock(answer.block))?;
        for (line, lines) in fence::edit(bytes, &reading, &before, block, answer)? {
            patch.replace(line, lines);
        }
    }
    let bytes = patch.apply(bytes);
    let after = parse_annotated(file, &bytes, annotations);
    prove(&before, &after, answers)?;
    Ok(Annotated { bytes, patch })
}

/// The answers as entries for `gonogo.toml`; `guide` is the guide's path from there.
///
/// # Errors
/// A block that is not there, and an answer that needs lines of the guide.
pub fn annotations(
    guide: &str,
    bytes: &[u8],
    runbook: &Runbook,
    answers: &[Answer],
) -> Result<Vec<Annotation>, AnnotateError> {
    let reading = Reading::of(bytes);
    answers
        .iter()
        .map(|answer| {
            let block = runbook.block(answer.block);
            let key = reading.keys.get(answer.block.wrapping_sub(1));
            let (Some(block), Some(key)) = (block, key) else {
                return Err(AnnotateError::NoBlock(answer.block));
            };
            if answer.settle == Settle::Fences {
                return Err(AnnotateError::NotPossible {
                    line: block.line,
                    why: "only the guide itself can have several fences; settle its parts instead"
                        .to_owned(),
                });
            }
            Ok(Annotation {
                guide: guide.to_owned(),
                heading: key.heading.clone(),
                block: key.block.clone(),
                occurrence: (key.of > 1).then_some(key.occurrence),
                attributes: tokens::text(&tokens::of(answer, block)),
                line: 0,
            })
        })
        .collect()
}

/// Entries that fit no block of the guide any more.
pub fn stale(bytes: &[u8], annotations: &[Annotation]) -> Vec<Annotation> {
    let keys = Reading::of(bytes).keys;
    annotations
        .iter()
        .filter(|annotation| !annotation.block.is_empty())
        .filter(|annotation| {
            !keys.iter().any(|key| {
                key.heading == annotation.heading
                    && key.block == annotation.block
                    && annotation
                        .occurrence
                        .is_none_or(|number| number == key.occurrence)
            })
        })
        .cloned()
        .collect()
}

/// Reads the result against what was there and what was answered.
///
/// # Errors
/// The first block that is not what it should be.
pub fn prove(before: &Runbook, after: &Runbook, answers: &[Answer]) -> Result<(), AnnotateError> {
    let answered: HashMap<BlockNumber, &Answer> = answers
        .iter()
        .map(|answer| (answer.block, answer))
        .collect();
    let mut found = after.blocks.iter();
    let lost = |block: &Block, why: &str| AnnotateError::NotSaid {
        line: block.line,
        why: why.to_owned(),
    };
    for block in &before.blocks {
        let answer = answered.get(&block.n);
        if answer.is_some_and(|answer| answer.settle == Settle::Fences) {
            for part in &block.parts {
                let now = found
                    .next()
                    .ok_or_else(|| lost(block, "its parts would not be blocks of their own"))?;
                let same = fence::acts(&part.code) == fence::acts(&now.code);
                let fits = now.annotated
                    && (now.role == part.role
                        || (matches!(now.role, Role::Run | Role::Fill)
                            && matches!(part.role, Role::Run | Role::Fill)));
                if !same || !fits {
                    return Err(lost(block, "its parts do not stand one after the other"));
                }
            }
            continue;
        }
        let now = found
            .next()
            .ok_or_else(|| lost(block, "blocks after it would be read as something else"))?;
        let Some(answer) = answer else {
            let same = now.code == block.code
                && now.role == block.role
                && now.lang == block.lang
                && now.annotated == block.annotated;
            if !same {
                return Err(lost(block, "it would be read as something else"));
            }
            continue;
        };
        if !answer.settle.fits(now.role) || !now.annotated {
            let why = format!("it would not be read as `{}`", answer.settle.word());
            return Err(lost(block, &why));
        }
        if now.lang != block.lang {
            return Err(lost(block, "its language would be lost"));
        }
        for (name, asked, said) in [
            ("expect", &answer.expect, &now.attributes.expect),
            ("undo", &answer.undo, &now.attributes.undo),
            ("id", &answer.id, &Some(now.id.clone())),
        ] {
            if asked.is_some() && asked != said {
                let why = format!("`{name}` would be read as something else");
                return Err(lost(block, &why));
            }
        }
    }
    match found.next() {
        Some(block) => Err(lost(block, "it would be read as more blocks")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
