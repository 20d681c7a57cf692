//! What the author says a block is: an attribute settles the role, and parts that a person accepted
//! settle a split.

use super::{Surroundings, Verdict, guess_actor, readable, refusal};
use crate::runbook::blanks;
use crate::runbook::model::{Actor, Part, Role};

/// What an attribute of the author says.
pub(super) fn settled(block: &Surroundings<'_>, actor: Actor) -> Option<Verdict> {
    let (class, role) = block.classes.iter().find_map(|class| {
        let role = match class.as_str() {
            "run" | "check" | "undo" | "loss" | "watch" | "batch" | "flag" => Role::Run,
            "output" => Role::Output,
            "content" | "norun" => Role::Content,
            "manual" => Role::Manual,
            "foreign" => Role::Foreign,
            _ => return None,
        };
        Some((class, role))
    })?;
    let mut verdict = Verdict {
        role,
        actor,
        why: format!("the author says `.{class}`"),
        annotated: true,
        ..Verdict::default()
    };
    if role == Role::Run {
        if actor == Actor::Nobody {
            verdict.actor = guess_actor(block.code);
        }
        let readable = readable(block, verdict.actor);
        if !readable.mixed {
            verdict.actor = readable.actor;
            verdict.code = readable.code;
        }
        let code = verdict.code.as_deref().unwrap_or(block.code);
        if blanks::find(code, verdict.actor, block.code_line)
            .iter()
            .any(blanks::Blank::is_textual)
        {
            verdict.role = Role::Fill;
        }
        verdict.refused = refusal(code, verdict.actor);
    }
    if matches!(
        role,
        Role::Output | Role::Content | Role::Manual | Role::Foreign
    ) {
        verdict.actor = Actor::Nobody;
    }
    Some(verdict)
}

/// A split is settled where its parts begin on the lines that were accepted: neither the code nor the
/// reading of it has changed since.
pub(super) fn accept_parts(block: &Surroundings<'_>, verdict: &mut Verdict) {
    let found = part_lines(&verdict.parts, block.code_line);
    if verdict.role == Role::Split && block.parts == Some(found.as_str()) {
        verdict.annotated = true;
        verdict.why = "the author says `.split`".to_owned();
    } else if let Some(accepted) = block.parts {
        verdict.why = format!(
            "{}; its parts are no longer those of lines {accepted} that were accepted",
            verdict.why
        );
    }
}

/// The lines on which parts begin, counted from 1 within the code, as the attribute `parts` has them.
pub(in crate::runbook) fn part_lines(parts: &[Part], code_line: usize) -> String {
    parts
        .iter()
        .map(|part| (part.line + 1).saturating_sub(code_line).to_string())
        .collect::<Vec<_>>()
        .join(",")
}
