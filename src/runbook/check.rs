//! The document of `gonogo check --json`: stable, because scripts depend on it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::diagnostic::Diagnostic;
use super::listing::listed;
use super::model::{
    Actor, Block, Choice, Estimate, Expectation, Part, Phase, Place, Role, RollbackOption, Runbook,
    Step, Wait,
};
use crate::text::written::masked;

/// What was understood of a guide, and what was not. `phases` are those of the forward path; what comes
/// before and after it stands in `preparation` and `cleanup`. Each block says where it belongs.
pub fn check_document(runbook: &Runbook) -> Value {
    let phases = |phases: &[Phase]| phases.iter().map(phase).collect::<Vec<_>>();
    let places = runbook.places();
    json!({
        "file": runbook.file,
        "title": runbook.title,
        "digest": runbook.digest,
        "repaired": runbook.repaired,
        "phases": phases(&runbook.phases),
        "phases_why": runbook.phases_why,
        "rollback": runbook.rollback.iter().map(rollback).collect::<Vec<_>>(),
        "soaks": runbook.soaks.iter().map(|soak| json!({
            "title": soak.title,
            "line": soak.line,
            "duration_s": soak.duration_s,
            "criteria": soak.criteria,
            "red_flags": soak.red_flags,
            "phase": soak.phase,
            "step": soak.step,
        })).collect::<Vec<_>>(),
        "waits": runbook.waits.iter().map(wait).collect::<Vec<_>>(),
        "triggers": runbook.triggers,
        "severities": runbook.severities,
        "blocks": runbook.blocks.iter().zip(&places).map(|(item, place)| block(item, place)).collect::<Vec<_>>(),
        "variables": runbook.variables.iter().filter(|known| !known.fills_itself).map(|variable| json!({
            "name": variable.name,
            "lines": variable.lines,
            "secret": variable.secret,
        })).collect::<Vec<_>>(),
        "diagnostics": runbook.diagnostics.iter().map(diagnostic).collect::<Vec<_>>(),
        "preparation": phases(&runbook.preparation),
        "cleanup": phases(&runbook.cleanup),
        "references": runbook.references.iter().map(|section| json!({
            "kind": section.kind,
            "title": section.title,
            "line": section.line,
            "blocks": section.blocks,
            "expect": section.step.iter().flat_map(|step| &step.expect).map(expectation).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    })
}

fn phase(phase: &Phase) -> Value {
    json!({
        "id": phase.id,
        "title": phase.title,
        "line": phase.line,
        "optional": phase.optional,
        "estimate": estimate(phase.estimate),
        "steps": phase.steps.iter().map(step).collect::<Vec<_>>(),
        "wait_s": phase.wait_s,
        "criteria": phase.criteria.iter().map(expectation).collect::<Vec<_>>(),
    })
}

fn step(step: &Step) -> Value {
    json!({
        "id": step.id,
        "title": step.title,
        "line": step.line,
        "optional": step.optional,
        "blocks": step.blocks,
        "manual": step.ticks.iter().map(|tick| &tick.text).collect::<Vec<_>>(),
        "expect": step.expect.iter().map(expectation).collect::<Vec<_>>(),
        "choice": choice(step.choice.as_ref()),
        "waits": step.waits.iter().map(wait).collect::<Vec<_>>(),
    })
}

fn expectation(expectation: &Expectation) -> Value {
    json!({
        "line": expectation.line,
        "text": expectation.text,
        "cel": expectation.cel,
        "block": expectation.block,
        "part": expectation.part,
        "proposed": expectation.proposed,
    })
}

fn wait(wait: &Wait) -> Value {
    json!({
        "line": wait.line,
        "text": wait.text,
        "duration_s": wait.duration_s,
        "holds": wait.holds,
    })
}

fn rollback(option: &RollbackOption) -> Value {
    let blocks: BTreeSet<usize> = option
        .steps
        .iter()
        .flat_map(|step| step.blocks.iter().copied())
        .collect();
    json!({
        "id": option.id,
        "title": option.title,
        "line": option.line,
        "recommended": option.recommended,
        "discouraged": option.discouraged,
        "blocks": blocks,
        "only_if": option.only_if,
        "steps": option.steps.iter().map(step).collect::<Vec<_>>(),
        "criteria": option.criteria.iter().map(expectation).collect::<Vec<_>>(),
    })
}

/// Where a block belongs: in the walk, in a rollback, or in a section beside them.
fn place(place: &Place<'_>) -> Value {
    match place {
        Place::Walk(phase, step) => json!({ "in": "walk", "phase": phase.id, "step": step.id }),
        Place::Rollback(option) => json!({ "in": "rollback", "option": option.id }),
        Place::Beside(section) => {
            json!({ "in": "beside", "section": section.title, "line": section.line })
        }
        Place::Nowhere => json!({ "in": "nowhere" }),
    }
}

fn block(block: &Block, at: &Place<'_>) -> Value {
    json!({
        "n": block.n,
        "line": block.line,
        "lang": block.lang,
        "role": block.role,
        "why": block.why,
        "rule": block.rule,
        "destructive": block.destructive,
        "long_running": block.long_running,
        "choice": choice(block.choice.as_ref().or_else(|| block.parts.iter().find_map(|part| part.choice.as_ref()))),
        "needs": block.needs,
        "place": place(at),
        "commands": match block.parts.is_empty() {
            true => commands(block.role, block.actor, &block.code, block.code_line, off_here(block)),
            false => Vec::new(),
        },
        "parts": block.parts.iter().map(|one| part(one, off_here(block))).collect::<Vec<_>>(),
        "elsewhere": block.elsewhere,
    })
}

/// What of a block is started by itself.
fn part(part: &Part, elsewhere: Option<&str>) -> Value {
    let off = elsewhere.or(match (&part.choice, part.optional) {
        (Some(_), _) => Some("one of several"),
        (None, true) => Some("optional"),
        (None, false) => None,
    });
    json!({
        "title": part.title,
        "line": part.line,
        "role": part.role,
        "session": part.session,
        "choice": part.choice.as_ref().map(|choice| json!({ "group": choice.group, "name": choice.name })),
        "commands": commands(part.role, part.actor, &part.code, part.line, off),
    })
}

/// What belongs to another machine is off on this one.
fn off_here(block: &Block) -> Option<&'static str> {
    block.elsewhere.as_ref().map(|_| "elsewhere")
}

/// The commands of a text with their lines in the guide, what each does, and whether it is proposed;
/// `off` says why none of them is.
fn commands(role: Role, actor: Actor, text: &str, line: usize, off: Option<&str>) -> Vec<Value> {
    if !matches!(role, Role::Run | Role::Fill | Role::Promote) {
        return Vec::new();
    }
    let off = off.or((role == Role::Promote).then_some("its language is not said"));
    listed(actor, text.trim_end(), line)
        .iter()
        .map(|command| {
            let does: Vec<&str> = command
                .natures
                .iter()
                .map(|nature| nature.words())
                .collect();
            json!({
                "line": command.line,
                "last_line": command.line + command.text.matches('\n').count(),
                "text": masked(&command.text),
                "title": command.title.as_deref().map(masked),
                "does": does,
                "on": command.on && off.is_none(),
                "off": off.or(command.optional.then_some("optional")),
            })
        })
        .collect()
}

fn diagnostic(diagnostic: &Diagnostic) -> Value {
    json!({
        "severity": diagnostic.severity,
        "code": diagnostic.code,
        "line": diagnostic.line,
        "column": diagnostic.column,
        "message": diagnostic.message,
        "help": diagnostic.help,
        "also": diagnostic.also,
    })
}

fn estimate(estimate: Option<Estimate>) -> Value {
    estimate.map_or(
        Value::Null,
        |range| json!({"min_s": range.min_s, "max_s": range.max_s}),
    )
}

fn choice(choice: Option<&Choice>) -> Value {
    choice.map_or(Value::Null, |choice| Value::String(choice.group.clone()))
}
