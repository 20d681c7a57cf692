//! `gonogo plan GUIDE`: what would run, in order, filled in; and the rollback. Nothing is opened.

mod text;

use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use super::{Exit, OpenArguments, open, print};
use crate::run::{
    Batches, Event, FlagSet, Record, RollbackPlan, RunState, action_title, may_start_elsewhere,
    preview_ahead, rollback_plans,
};
use crate::runbook::{Actor, Phase, Runbook, Step, Wait, environment_in};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    open: OpenArguments,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn main(arguments: &Arguments) -> color_eyre::Result<Exit> {
    let opened = open::prepare(&arguments.open)?;
    let errors = open::errors(&opened.runbook.diagnostics);
    let state = imagined(opened)?;
    let document = document(&state);
    if arguments.json {
        print::json(&document)?;
    } else {
        print::out(&text::text(&document))?;
    }
    Ok(if errors > 0 { Exit::Guide } else { Exit::Done })
}

/// The state that a run would have right after its opening.
fn imagined(opened: open::Opened) -> color_eyre::Result<RunState> {
    let record = Record {
        seq: 1,
        at: chrono::Utc::now(),
        by: super::identity::me(),
        event: Event::RunOpened {
            run: "plan".to_owned(),
            runbook: Arc::new(opened.runbook),
            environment: Box::new(opened.environment),
            directory: opened.directory.display().to_string(),
            inputs: opened.inputs,
            window_ends: None,
            driver: super::identity::me(),
            unattended: false,
            provenance: opened.provenance,
        },
    };
    crate::run::open(&record).ok_or_else(|| color_eyre::eyre::eyre!("a run does not open"))
}

fn document(state: &RunState) -> Value {
    let beginnings = beginnings(&state.runbook);
    let phases: Vec<Value> = state
        .runbook
        .walk()
        .map(|phase| phase_document(state, phase, &beginnings))
        .collect();
    let (min_s, max_s) = state
        .runbook
        .phases
        .iter()
        .filter_map(|phase| phase.estimate)
        .fold((0, 0), |sum, estimate| {
            (sum.0 + estimate.min_s, sum.1 + estimate.max_s)
        });
    let mut document = json!({
        "file": state.runbook.file,
        "title": state.runbook.title,
        "digest": state.runbook.digest,
        "environment": state.environment,
        "protected": state.protected,
        "targets": state.targets,
        "phases": null,
        "estimate": { "min_s": min_s, "max_s": max_s },
        "waits": state.runbook.waits,
        "soaks": state.runbook.soaks,
        "triggers": state.runbook.triggers,
        "rollback": rollback_plans(state).iter().map(|plan| rollback_document(state, plan)).collect::<Vec<_>>(),
        "beside": state.runbook.references.iter().filter(|section| !section.blocks.is_empty()).map(|section| json!({
            "title": section.title,
            "line": section.line,
            "blocks": section.blocks.iter().filter_map(|number| state.runbook.block(*number)).map(|block| json!({
                "n": block.n, "line": block.line, "role": block.role,
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    });
    put(&mut document, "phases", phases);
    document
}

/// What is written inside of `json!` is copied, all that it holds with it.
fn put(document: &mut Value, key: &str, values: Vec<Value>) {
    document[key] = Value::Array(values);
}

/// A rollback as it would run now, and its steps with every alternative.
fn rollback_document(state: &RunState, plan: &RollbackPlan) -> Value {
    let mut document = serde_json::to_value(plan).unwrap_or_default();
    let option = state.runbook.option(&plan.option);
    let steps = option.into_iter().flat_map(|option| &option.steps);
    document["steps"] = steps.map(|step| step_document(state, step)).collect();
    document
}

/// Where the phases and the rollbacks of a guide begin, in order.
fn beginnings(runbook: &Runbook) -> Vec<usize> {
    let phases = runbook.walk().map(|phase| phase.line);
    let options = runbook.rollback.iter().map(|option| option.line);
    let mut lines: Vec<usize> = phases.chain(options).collect();
    lines.sort_unstable();
    lines
}

/// The waits that the text of a phase asks for: those after its heading and before the next phase or rollback.
fn waits_of<'a>(runbook: &'a Runbook, phase: &Phase, beginnings: &[usize]) -> Vec<&'a Wait> {
    let after = beginnings.partition_point(|line| *line <= phase.line);
    let next = beginnings.get(after).copied().unwrap_or(usize::MAX);
    runbook
        .waits
        .iter()
        .filter(|wait| wait.line >= phase.line && wait.line < next)
        .collect()
}

fn phase_document(state: &RunState, phase: &Phase, beginnings: &[usize]) -> Value {
    let steps = phase.steps.iter();
    let steps = steps.map(|step| step_document(state, step)).collect();
    let mut document = json!({
        "id": phase.id,
        "title": phase.title,
        "line": phase.line,
        "optional": phase.optional,
        "estimate": phase.estimate,
        "wait_s": phase.wait_s,
        "waits": waits_of(&state.runbook, phase, beginnings),
        "speaks_of": environment_in(&phase.title, &state.environment),
        "point_of_no_return": phase.point_of_no_return,
        "steps": null,
        "gate": phase.criteria.iter().map(|item| json!({
            "line": item.line, "text": item.text, "cel": item.cel, "red_flag": item.red_flag,
        })).collect::<Vec<_>>(),
    });
    put(&mut document, "steps", steps);
    document
}

fn step_document(state: &RunState, step: &Step) -> Value {
    let choices: Vec<Value> = state
        .open_choices(step)
        .into_iter()
        .map(|(group, options)| json!({ "group": group, "options": options }))
        .collect();
    // Every alternative is shown: none has been chosen yet.
    let mut everything = state.choices.clone();
    let mut actions = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    let rounds: Vec<Option<(String, String)>> = std::iter::once(None)
        .chain(
            crate::run::choices_of(&state.runbook, step)
                .into_iter()
                .map(|choice| Some((choice.group.clone(), choice.name.clone()))),
        )
        .collect();
    for round in rounds {
        let chosen = round.as_ref().map(|(_, name)| name.clone());
        if let Some((group, name)) = round {
            everything.insert(group, name);
        }
        for action in crate::run::runnable_actions(&state.runbook, step, &everything) {
            if !seen.insert(action) {
                continue;
            }
            let shown = preview_ahead(state, action);
            let moved = may_start_elsewhere(state, action);
            let document = json!({
                "action": action,
                "title": action_title(&state.runbook, step, action),
                "line": state.line_of(action),
                "optional": state.is_optional(action),
                "choice": chosen,
                "command": shown.as_ref().ok().map(|shown| shown.command.clone()),
                "target": shown.as_ref().ok().map(|shown| shown.target.clone()),
                "values": shown.as_ref().ok().map(|shown| shown.values.clone()),
                "secrets": shown.as_ref().ok().map(|shown| shown.secrets.clone()),
                // Where SQL starts matters to files that it names, and is in its preview.
                "starts_where": moved.filter(|_| shown.as_ref().is_ok_and(|shown| shown.actor == Actor::Shell)),
                "awaits": shown.as_ref().ok().map(|shown| shown.awaits.iter().map(|awaited| json!({
                    "name": awaited.name, "from": awaited.from,
                })).collect::<Vec<_>>()),
                "commands": shown.as_ref().ok().map(|shown| shown.listed.iter().map(|command| json!({
                    "index": command.index, "line": command.line, "text": command.text,
                    "title": command.title, "does": command.natures, "needs": command.needs,
                    "on": command.on, "optional": command.optional,
                })).collect::<Vec<_>>()),
                "destructive": shown.as_ref().ok().map(|shown| shown.destructive.clone()),
                "reaches": shown.as_ref().ok().map(|shown| shown.reaches.clone()),
                "strays": shown.as_ref().ok().map(|shown| shown.strays.clone()),
                "expect": state.expectations_of(action).iter().filter_map(|item| item.cel.as_ref().map(|cel| json!({
                    "line": item.line, "text": item.text, "cel": cel, "proposed": item.proposed,
                }))).collect::<Vec<_>>(),
                "holds": shown.as_ref().ok().map(|shown| shown.holds.iter().map(|hold| hold.line).collect::<Vec<_>>()),
                "batches": shown.as_ref().ok().and_then(|shown| shown.batches()).map(Batches::words),
                "flag": shown.as_ref().ok().and_then(|shown| shown.flag.as_ref()).map(FlagSet::words),
                "watch": state.goes_on_words(action).filter(|_| state.is_watch(action)),
                "goes_on": state.goes_on_words(action),
                "needs_arming": shown.as_ref().ok().map(|shown| shown.needs_arming),
                "refused": shown.err().map(|refusal| refusal.message),
            });
            actions.push((action, document));
        }
    }
    // In the order of the guide, whichever alternative they belong to.
    actions.sort_by_key(|(action, _)| *action);
    let actions: Vec<Value> = actions.into_iter().map(|(_, shown)| shown).collect();
    let mut document = json!({
        "id": step.id,
        "title": step.title,
        "line": step.line,
        "optional": step.optional,
        "choices": choices,
        "manual": step.ticks.iter().map(|tick| &tick.text).collect::<Vec<_>>(),
        "by_hand": step.ticks.iter().map(|tick| json!({
            "text": tick.text,
            "line": tick.line,
            "choice": tick.choice.as_ref().map(|choice| &choice.name),
        })).collect::<Vec<_>>(),
        "waits": step.waits,
        "actions": null,
    });
    put(&mut document, "actions", actions);
    document
}
