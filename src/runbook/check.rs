//! The document of `gonogo check --json`: stable, because scripts depend on it.

use serde_json::{Value, json};

use super::diagnostic::Diagnostic;
use super::model::{
    Block, Choice, Estimate, Expectation, Phase, Role, RollbackOption, Runbook, Step,
};

/// What was understood of a guide, and what was not. Phases are those of the forward path; the blocks of
/// preparation, cleanup and reference sections stand in the list of blocks.
pub fn check_document(runbook: &Runbook) -> Value {
    json!({
        "file": runbook.file,
        "title": runbook.title,
        "digest": runbook.digest,
        "repaired": runbook.repaired,
        "phases": runbook.phases.iter().map(|item| phase(runbook, item)).collect::<Vec<_>>(),
        "rollback": runbook.rollback.iter().map(rollback).collect::<Vec<_>>(),
        "soaks": runbook.soaks.iter().map(|soak| json!({
            "title": soak.title,
            "line": soak.line,
            "duration_s": soak.duration_s,
            "criteria": soak.criteria,
            "red_flags": soak.red_flags,
        })).collect::<Vec<_>>(),
        "waits": runbook.waits.iter().map(|wait| json!({
            "line": wait.line,
            "text": wait.text,
            "duration_s": wait.duration_s,
        })).collect::<Vec<_>>(),
        "blocks": runbook.blocks.iter().map(block).collect::<Vec<_>>(),
        "variables": runbook.variables.iter().filter(|known| !known.fills_itself).map(|variable| json!({
            "name": variable.name,
            "lines": variable.lines,
            "secret": variable.secret,
        })).collect::<Vec<_>>(),
        "diagnostics": runbook.diagnostics.iter().map(diagnostic).collect::<Vec<_>>(),
    })
}

fn phase(runbook: &Runbook, phase: &Phase) -> Value {
    json!({
        "id": phase.id,
        "title": phase.title,
        "line": phase.line,
        "optional": phase.optional,
        "estimate": estimate(phase.estimate),
        "steps": phase.steps.iter().map(|item| step(runbook, item)).collect::<Vec<_>>(),
    })
}

fn step(runbook: &Runbook, step: &Step) -> Value {
    let by_hand = step
        .blocks
        .iter()
        .filter_map(|number| runbook.block(*number))
        .flat_map(|block| &block.parts)
        .filter(|part| part.role == Role::Manual)
        .map(|part| part.title.clone());
    let manual: Vec<String> = step
        .ticks
        .iter()
        .map(|tick| tick.text.clone())
        .chain(by_hand)
        .collect();
    json!({
        "id": step.id,
        "title": step.title,
        "line": step.line,
        "optional": step.optional,
        "blocks": step.blocks,
        "manual": manual,
        "expect": step.expect.iter().map(expectation).collect::<Vec<_>>(),
        "choice": choice(step.choice.as_ref()),
    })
}

fn expectation(expectation: &Expectation) -> Value {
    json!({
        "line": expectation.line,
        "text": expectation.text,
        "cel": expectation.cel,
    })
}

fn rollback(option: &RollbackOption) -> Value {
    let blocks: Vec<usize> = option
        .steps
        .iter()
        .flat_map(|step| step.blocks.clone())
        .collect();
    json!({
        "id": option.id,
        "title": option.title,
        "line": option.line,
        "recommended": option.recommended,
        "discouraged": option.discouraged,
        "blocks": blocks,
    })
}

fn block(block: &Block) -> Value {
    json!({
        "n": block.n,
        "line": block.line,
        "lang": block.lang,
        "role": block.role,
        "why": block.why,
        "destructive": block.destructive,
        "long_running": block.long_running,
        "choice": choice(block.choice.as_ref().or_else(|| block.parts.iter().find_map(|part| part.choice.as_ref()))),
        "needs": block.needs,
    })
}

fn diagnostic(diagnostic: &Diagnostic) -> Value {
    json!({
        "severity": diagnostic.severity,
        "code": diagnostic.code,
        "line": diagnostic.line,
        "column": diagnostic.column,
        "message": diagnostic.message,
        "help": diagnostic.help,
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
