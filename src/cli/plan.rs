//! `gonogo plan GUIDE`: what would run, in order, filled in; and the rollback. Nothing is opened.

use super::print;
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use super::{Exit, OpenArguments, open};
use crate::run::{
    Batches, Event, Record, RollbackPlan, RunState, action_title, may_start_elsewhere,
    preview_ahead, rollback_plans,
};
use crate::runbook::{Actor, Phase, Runbook, Step, Wait, environment_in};
use crate::text::duration;

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
        print::out(&text(&document))?;
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
                "batches": shown.as_ref().ok().and_then(|shown| shown.batches.as_ref()).map(Batches::words),
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

fn text(document: &Value) -> String {
    let string = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut out = format!(
        "{} on {}\n",
        string(&document["title"]),
        string(&document["environment"])
    );
    for phase in document["phases"].as_array().into_iter().flatten() {
        let estimate = match (
            phase["estimate"]["min_s"].as_u64(),
            phase["estimate"]["max_s"].as_u64(),
        ) {
            (Some(min), Some(max)) => format!("  ({})", duration::format_range_s(min, max)),
            _ => String::new(),
        };
        let optional = if phase["optional"] == true {
            "  optional"
        } else {
            ""
        };
        out += &format!("\n{}{estimate}{optional}\n", string(&phase["title"]));
        if let Some(other) = phase["speaks_of"].as_str() {
            out += &format!(
                "    note: its title mentions {other}, and this run is on {}\n",
                string(&document["environment"])
            );
        }
        out += &steps_text(phase);
        for criterion in phase["gate"].as_array().into_iter().flatten() {
            out += &format!("    gate: {}\n", string(&criterion["text"]));
        }
    }
    let sum = (
        &document["estimate"]["min_s"],
        &document["estimate"]["max_s"],
    );
    if let (Some(min), Some(max)) = (sum.0.as_u64(), sum.1.as_u64())
        && max > 0
    {
        out += &format!("\nin all {}\n", duration::format_range_s(min, max));
    }
    let told: Vec<&Value> = document["phases"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|phase| phase["waits"].as_array().into_iter().flatten())
        .collect();
    for wait in document["waits"].as_array().into_iter().flatten() {
        if !told.contains(&wait) {
            out += &format!("wait: {}\n", string(&wait["text"]));
        }
    }
    for section in document["beside"].as_array().into_iter().flatten() {
        let blocks = section["blocks"].as_array().into_iter().flatten();
        let lines: Vec<String> = blocks.map(|block| block["line"].to_string()).collect();
        let title = string(&section["title"]);
        out += &format!(
            "beside the walk: {title} (blocks on line {})\n",
            lines.join(", ")
        );
    }
    for trigger in document["triggers"].as_array().into_iter().flatten() {
        out += &format!("roll back when: {}\n", string(trigger));
    }
    for option in document["rollback"].as_array().into_iter().flatten() {
        out += &rollback_text(option);
    }
    out
}

fn rollback_text(option: &Value) -> String {
    let string = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut out = String::new();
    {
        let title = string(&option["title"]);
        let said = title.to_lowercase().contains("recommended");
        let advice = if option["recommended"] == true && !said {
            " (recommended)"
        } else {
            ""
        };
        out += &format!("\nrollback: {title}{advice}\n");
        if let Some(when) = option["only_if"].as_str() {
            out += &format!("    the guide says when: {when}\n");
        }
        if let Some(against) = option["discouraged"].as_str() {
            out += &format!("    the guide advises against it: {against}\n");
        }
        if let Some(loses) = option["loses"].as_str() {
            out += &format!("    loses: {loses}\n");
        }
        // Before one of its alternatives is chosen, all of them are shown.
        if option["open_choices"]
            .as_array()
            .is_some_and(|open| !open.is_empty())
        {
            for step in option["steps"].as_array().into_iter().flatten() {
                out += &format!("  {}\n", string(&step["title"]));
                out += &step_text(step);
            }
            return out + &expects_text(option);
        }
        let by_hand = |after: usize| {
            let acts = option["by_hand"].as_array().into_iter().flatten();
            acts.filter(move |act| act["after"] == after)
                .map(|act| format!("  [ ] {}\n", act["text"].as_str().unwrap_or_default()))
                .collect::<String>()
        };
        let actions = option["actions"].as_array();
        for (index, action) in actions.into_iter().flatten().enumerate() {
            out += &by_hand(index);
            let target = match action["target"].as_str() {
                Some(target) if !target.is_empty() => format!("  [{target}]"),
                _ => String::new(),
            };
            out += &format!("  {}{target}\n", string(&action["title"]));
            for line in action["holds"].as_array().into_iter().flatten() {
                out += &format!("      stops before the COMMIT on line {line}\n");
            }
            let command = action["command"]["Ok"]
                .as_str()
                .or(action["command"]["Err"].as_str());
            for line in command.unwrap_or_default().lines() {
                out += &format!("      {line}\n");
            }
        }
        out += &by_hand(actions.map_or(0, Vec::len));
        out += &expects_text(option);
    }
    out
}

fn expects_text(option: &Value) -> String {
    let expects = option["expects"].as_array().into_iter().flatten();
    expects
        .map(|text| format!("    after it: {}\n", text.as_str().unwrap_or_default()))
        .collect()
}

/// The steps of a phase, each wait where it stands.
fn steps_text(phase: &Value) -> String {
    let items = |value: &'_ Value| value.as_array().cloned().unwrap_or_default();
    let steps = items(&phase["steps"]);
    let of_steps: Vec<Value> = steps
        .iter()
        .flat_map(|step| items(&step["waits"]))
        .collect();
    let first = steps.first().and_then(|step| step["line"].as_u64());
    let (before, after): (Vec<Value>, Vec<Value>) = items(&phase["waits"])
        .into_iter()
        .filter(|wait| !of_steps.contains(wait))
        .partition(|wait| wait["line"].as_u64() <= first);
    let mut out: String = before.iter().map(wait_text).collect();
    for step in &steps {
        if step["title"] != phase["title"] {
            out += &format!("  {}\n", step["title"].as_str().unwrap_or_default());
        }
        out += &step_text(step);
    }
    out.extend(after.iter().map(wait_text));
    out
}

fn wait_text(wait: &Value) -> String {
    let word = if wait["holds"] == true {
        "wait"
    } else {
        "takes time"
    };
    format!(
        "    {word}: {}\n",
        wait["text"].as_str().unwrap_or_default()
    )
}

/// Boxes, commands and waits of a step, in the order of the guide.
fn step_text(step: &Value) -> String {
    let waits = step["waits"].as_array().into_iter().flatten();
    let waits = waits.map(|wait| (wait["line"].as_u64().unwrap_or(0), wait_text(wait)));
    let manual = step["by_hand"].as_array().into_iter().flatten();
    let manual = manual.map(|act| {
        let text = act["text"].as_str().unwrap_or_default();
        let choice = act["choice"].as_str();
        let choice = choice.map(|name| format!("  (if `{name}` is chosen)"));
        let text = format!("    [ ] {text}{}\n", choice.unwrap_or_default());
        (act["line"].as_u64().unwrap_or(0), text)
    });
    let actions = step["actions"].as_array().into_iter().flatten();
    let actions = actions.map(|action| (action["line"].as_u64().unwrap_or(0), action_text(action)));
    let mut lines: Vec<(u64, String)> = waits.chain(manual).chain(actions).collect();
    lines.sort_by_key(|(line, _)| *line);
    lines.into_iter().map(|(_, text)| text).collect()
}

/// Each command with its box and what it does, under the words that title it; a single one as it is
/// written.
fn commands_text(action: &Value) -> String {
    let commands = action["commands"].as_array().map_or(&[][..], Vec::as_slice);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut out = String::new();
    if commands.len() < 2 {
        for line in text(&action["command"]).lines() {
            out += &format!("      {line}\n");
        }
        return out;
    }
    for command in commands {
        if let Some(title) = command["title"].as_str() {
            out += &format!("      # {title}\n");
        }
        let mut words: Vec<String> = command["does"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|word| text(word).replace('_', " "))
            .collect();
        if command["on"] == false {
            words.push("off".to_owned());
        }
        let mark = if command["on"] == true { "x" } else { " " };
        let whole = text(&command["text"]);
        let mut lines = whole.lines();
        let first = lines.next().unwrap_or_default();
        out += &format!("      [{mark}] {first}  ({})\n", words.join(", "));
        for line in lines {
            out += &format!("          {line}\n");
        }
    }
    out
}

fn action_text(action: &Value) -> String {
    let string = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let choice = match action["choice"].as_str() {
        Some(name) => format!("  (if `{name}` is chosen)"),
        None if action["optional"] == true => "  optional".to_owned(),
        None => String::new(),
    };
    let mut out = match action["refused"].as_str() {
        Some(refused) => format!("    {}{choice}: {refused}\n", string(&action["title"])),
        None => format!(
            "    {}  [{}]{choice}\n",
            string(&action["title"]),
            string(&action["target"])
        ),
    };
    if let Some(step) = action["starts_where"].as_str() {
        out += &format!("      starts where `{step}` leaves the shell\n");
    }
    if let Some(words) = action["goes_on"].as_str() {
        out += &format!("      {words}\n");
    }
    for words in action["batches"].as_array().into_iter().flatten() {
        out += &format!("      {}\n", string(words));
    }
    for stray in action["strays"].as_array().into_iter().flatten() {
        out += &format!("      ⚠ {}: it needs a reason\n", string(stray));
    }
    let expected = action["expect"].as_array().into_iter().flatten();
    // Two sentences may ask the same.
    let asked: std::collections::BTreeSet<String> =
        expected.map(|item| string(&item["cel"])).collect();
    for cel in asked {
        out += &format!("      must be: {cel}\n");
    }
    for what in action["destructive"].as_array().into_iter().flatten() {
        out += &format!("      destroys: {}\n", string(what));
    }
    for line in action["holds"].as_array().into_iter().flatten() {
        out += &format!("      stops before the COMMIT on line {line}\n");
    }
    out += &commands_text(action);
    for (name, value) in action["values"].as_object().into_iter().flatten() {
        out += &format!("      with {name}={}\n", string(value));
    }
    for awaited in action["awaits"].as_array().into_iter().flatten() {
        out += &format!(
            "      with {} from `{}`\n",
            string(&awaited["name"]),
            string(&awaited["from"])
        );
    }
    for name in action["secrets"].as_array().into_iter().flatten() {
        out += &format!("      with the secret {}\n", string(name));
    }
    out
}
