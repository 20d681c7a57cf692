//! What an action runs before anything is put in: its text, its names, where it stands in the guide.

use crate::run::{ActionId, Refusal, RunState};
use crate::runbook::{Actor, Attributes, Carried, Elsewhere, Role};

/// A block or a part of one, whichever the action names.
pub(super) struct Subject<'a> {
    pub(super) code: &'a str,
    pub(super) line: usize,
    /// Line of the first line of its code.
    pub(super) code_line: usize,
    pub(super) actor: Actor,
    pub(super) needs: &'a [String],
    pub(super) carries: &'a [Carried],
    pub(super) destructive: &'a [String],
    pub(super) attributes: &'a Attributes,
    pub(super) annotated: bool,
    pub(super) elsewhere: Option<&'a Elsewhere>,
}

impl Subject<'_> {
    pub(super) fn names(&self) -> Vec<&str> {
        let carries = self.carries.iter().map(|carried| carried.name.as_str());
        self.needs
            .iter()
            .map(String::as_str)
            .chain(carries)
            .collect()
    }
}

pub(super) fn subject(state: &RunState, action: ActionId) -> Result<Subject<'_>, Refusal> {
    let block = state.runbook.block(action.block).ok_or_else(|| {
        Refusal::new(
            format!("the guide has no block {}", action.block),
            "see `gonogo check` for the blocks it has",
        )
    })?;
    let part = match action.part.checked_sub(1) {
        None => None,
        Some(index) => Some(block.parts.get(index).ok_or_else(|| {
            Refusal::new(
                format!("block {} has no part {}", action.block, action.part),
                "see `gonogo check` for its parts",
            )
        })?),
    };
    let (role, refused, line) = part.map_or((block.role, &block.refused, block.line), |part| {
        (part.role, &part.refused, part.line)
    });
    if let Some(why) = refused {
        return Err(Refusal::new(
            format!("line {line}: {why}"),
            "do it by hand and skip the step with a reason, or annotate the block",
        ));
    }
    let why = match role {
        Role::Run | Role::Fill | Role::Promote => None,
        Role::Split => Some("it has several actions: run them part by part"),
        Role::Manual => Some("there is nothing in it to execute"),
        Role::Output => Some("it is expected output, not a command"),
        Role::Content => Some("it is content, not a command"),
        Role::Foreign => Some("it is for another database or system"),
    };
    if let Some(why) = why {
        return Err(Refusal::new(
            format!("line {line} cannot run: {why}"),
            "annotate the block if that is wrong",
        ));
    }
    let elsewhere = block.elsewhere.as_ref().filter(|there| {
        let answer = state.choices.get(&there.group());
        answer.is_none_or(|answer| answer != Elsewhere::HERE)
    });
    Ok(match part {
        Some(part) => Subject {
            code: &part.code,
            line,
            code_line: part.line,
            actor: part.actor,
            needs: &part.needs,
            carries: &part.carries,
            destructive: &part.destructive,
            attributes: &block.attributes,
            annotated: block.annotated && role != Role::Promote,
            elsewhere,
        },
        None => Subject {
            code: &block.code,
            line,
            code_line: block.code_line,
            actor: block.actor,
            needs: &block.needs,
            carries: &block.carries,
            destructive: &block.destructive,
            attributes: &block.attributes,
            annotated: block.annotated && role != Role::Promote,
            elsewhere,
        },
    })
}
