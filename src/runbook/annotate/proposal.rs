//! What was understood of each block that nobody has settled, and how it could be settled.

use serde::Serialize;

use super::{Reading, Settle, fence};
use crate::runbook::blocks::swallowed;
use crate::runbook::languages::{Family, family};
use crate::runbook::model::{Block, BlockNumber, Expectation, Role, Runbook};

/// A block whose role was inferred.
#[derive(Clone, Debug, Serialize)]
pub struct Proposal {
    pub block: BlockNumber,
    /// Line of the opening fence.
    pub line: usize,
    /// Titles of the headings above it, from the outermost in.
    pub heading: Vec<String>,
    pub role: Role,
    pub why: String,
    /// It stands in a fence, whose line can carry attributes; an indented block has none.
    pub fenced: bool,
    /// What accepting the proposal settles it as, in one word; `None` where it cannot be accepted.
    #[serde(serialize_with = "word")]
    pub accept: Option<Settle>,
    /// Why it cannot be accepted as it is.
    pub not_accepted: Option<String>,
    /// Inference leaves no doubt and a mistake would do no harm.
    pub certain: bool,
    /// What the guide says beside it about its result, and the conditions that were made of it.
    pub expectations: Vec<Expectation>,
}

fn word<S: serde::Serializer>(settle: &Option<Settle>, serializer: S) -> Result<S::Ok, S::Error> {
    settle.map(Settle::word).serialize(serializer)
}

impl Proposal {
    /// All that the guide's words ask of what the whole block gives, as one condition.
    pub fn condition(&self) -> Option<String> {
        let of_block = self
            .expectations
            .iter()
            .filter(|one| one.part == 0 && !one.red_flag);
        let mut conditions: Vec<&str> = of_block.filter_map(|one| one.cel.as_deref()).collect();
        conditions.dedup();
        let joined = match conditions.as_slice() {
            [one] => (*one).to_owned(),
            many => {
                let bracketed = many.iter().map(|one| match one.contains("||") {
                    true => format!("({one})"),
                    false => (*one).to_owned(),
                });
                bracketed.collect::<Vec<_>>().join(" && ")
            }
        };
        (!joined.is_empty() && joined.len() <= 500).then_some(joined)
    }

    /// Whether a person may settle the block as this.
    ///
    /// # Errors
    /// Why not.
    pub fn allows(&self, settle: Settle, block: &Block) -> Result<(), String> {
        match settle {
            Settle::Check if !block.destructive.is_empty() => Err(format!(
                "it destroys something ({}), and a `check` may be repeated without asking",
                block.destructive.join(", ")
            )),
            Settle::Parts if block.role != Role::Split || block.parts.is_empty() => {
                Err("no parts were found in it".to_owned())
            }
            Settle::Fences if !self.fenced => Err("it has no fence".to_owned()),
            Settle::Fences => match fence::obstacle(block) {
                Some(why) => Err(format!("it cannot become several fences: {why}")),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

/// The blocks that a person should look at, in the order of the guide: those without an annotation that
/// are not plainly content. `all` asks about plain content too. Blocks after a fence that nothing closes
/// are left out: where code begins is not certain there.
pub fn proposals(runbook: &Runbook, bytes: &[u8], all: bool) -> Vec<Proposal> {
    let reading = Reading::of(bytes);
    let broken = reading
        .nodes
        .iter()
        .find(|node| {
            node.code()
                .is_some_and(|code| !code.closed || swallowed(code).is_some())
        })
        .map_or(usize::MAX, |node| node.line);
    runbook
        .blocks
        .iter()
        .zip(reading.keys.iter().zip(&reading.paths))
        .filter(|(block, _)| !block.annotated && block.line < broken)
        .filter(|(block, _)| all || !is_plain_content(block))
        .map(|(block, (key, path))| {
            let fenced = reading
                .nodes
                .get(key.node)
                .and_then(|node| node.code())
                .is_some_and(|code| code.info.is_some());
            let accepted = accept(block);
            Proposal {
                block: block.n,
                line: block.line,
                heading: path.clone(),
                role: block.role,
                why: block.why.clone(),
                fenced,
                certain: accepted.is_ok() && is_certain(block),
                accept: accepted.as_ref().ok().copied(),
                not_accepted: accepted.err(),
                expectations: expectations(runbook, block),
            }
        })
        .collect()
}

/// Titles above every block, by its number less one.
pub fn heading_paths(bytes: &[u8]) -> Vec<Vec<String>> {
    Reading::of(bytes).paths
}

/// A file, settings, a program: nobody takes it for a command.
fn is_plain_content(block: &Block) -> bool {
    let may_run = matches!(
        family(block.lang.as_deref()),
        Family::Shell | Family::Sql | Family::Http
    );
    block.role == Role::Content && (!may_run || block.code.trim().is_empty())
}

fn accept(block: &Block) -> Result<Settle, String> {
    match block.role {
        Role::Run | Role::Fill | Role::Promote => match &block.refused {
            // An attribute would lift what inference refuses.
            Some(why) => Err(format!("it cannot run as it stands: {why}")),
            None => Ok(Settle::Run),
        },
        Role::Split if block.parts.is_empty() => Err("its parts were not recognised".to_owned()),
        Role::Split => Ok(Settle::Parts),
        Role::Manual => Ok(Settle::Manual),
        Role::Output => Ok(Settle::Output),
        Role::Content => Ok(Settle::Content),
        Role::Foreign => Ok(Settle::Foreign),
    }
}

fn is_certain(block: &Block) -> bool {
    match block.role {
        Role::Run | Role::Fill => {
            block.lang.is_some()
                && block.destructive.is_empty()
                && block.choice.is_none()
                && !block.long_running
                && block.hold_line.is_none()
        }
        Role::Manual | Role::Output => true,
        Role::Split | Role::Content | Role::Promote | Role::Foreign => false,
    }
}

/// What the steps say about the result of a block.
fn expectations(runbook: &Runbook, block: &Block) -> Vec<Expectation> {
    runbook
        .steps()
        .flat_map(|step| &step.expect)
        .filter(|expectation| expectation.block == Some(block.n))
        .cloned()
        .collect()
}
