//! `gonogo promote RUN --env NAME`: opens a run of the same guide in another environment, with the inputs of
//! a run that exists. What differs is listed before anything is opened; how that run went is a criterion of
//! the first gate.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::exit::Trouble;
use super::open::Opened;
use super::print;
use super::{Exit, OpenArguments, attach, inputs, kept, open, recall};
use crate::run::{Difference, Input, Origin, Promotion, Rehearsed, Remembered, RunState, Verdict};
use crate::runbook::config::{Environment, SecretSource};
use crate::runbook::values;
use crate::supervisor::guide_difference;
use crate::text::duration::format_s;

/// Lines of a changed guide that are listed at the prompt.
const SHOWN: usize = 60;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The run whose guide and inputs are taken.
    run: String,
    /// The environment of `gonogo.toml` to act on.
    #[arg(long, value_name = "NAME")]
    env: String,
    /// Where the guide lies now, if it was moved.
    #[arg(long, value_name = "PATH")]
    guide: Option<PathBuf>,
    /// A value for a blank of the guide, instead of that of the run.
    #[arg(long = "var", value_name = "NAME=VALUE")]
    variables: Vec<String>,
    /// Length of the maintenance window, counted from now.
    #[arg(long, value_name = "DURATION")]
    window: Option<String>,
    /// Why it goes on although the guide is not the one of the run any more.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Only list what differs. Exit code 1: the guide has changed, or that run did not go well.
    #[arg(long, conflicts_with = "yes")]
    show: bool,
    /// Open it without being asked at the terminal.
    #[arg(long)]
    yes: bool,
    /// Print what differs as one JSON document; opens nothing.
    #[arg(long, conflicts_with = "yes")]
    json: bool,
    /// The layout to begin with.
    #[arg(long, value_name = "NAME")]
    layout: Option<String>,
    /// The theme to begin with.
    #[arg(long, value_name = "NAME")]
    theme: Option<String>,
}

pub(super) async fn main(arguments: Arguments) -> color_eyre::Result<Exit> {
    let only_shown = arguments.show || arguments.json;
    if !only_shown {
        attach::need_terminal()?;
        attach::check_look(arguments.layout.as_deref(), arguments.theme.as_deref())?;
    }
    let kept = kept::read(&arguments.run).await?;
    if let Some(damage) = kept.damage {
        return Err(Trouble::failed(
            damage,
            "promote a run whose journal is whole",
        ));
    }
    let before = kept.state;
    let reason = arguments.reason.filter(|reason| !reason.trim().is_empty());
    let guide = guide_of(&before, arguments.guide.clone())?;
    if arguments.env == before.environment {
        return Err(Trouble::usage(
            format!("run {} is of `{}` itself", before.run, arguments.env),
            "name another environment with `--env`; for the same one use `gonogo run`",
        ));
    }
    let wanted = OpenArguments {
        guide,
        env: Some(arguments.env.clone()),
        variables: arguments.variables.clone(),
        window: arguments.window.clone(),
    };
    let mut opened = open::prepare_to_run(&wanted)?;
    recall::recall(&mut opened);
    let waiting = take_inputs(&before, &mut opened);
    let is_same = opened.runbook.digest == before.runbook.digest;
    let lines = match is_same {
        true => Vec::new(),
        false => changed_lines(&before, &wanted.guide)?,
    };
    let promotion = promotion(&before, &opened, reason.clone());
    if arguments.json {
        print::json(&document(&promotion, &opened, &lines, &waiting))?;
    } else {
        print::out(&listed(&promotion, &opened, &lines, &waiting))?;
    }
    if only_shown {
        let is_good = matches!(promotion.from.verdict, Verdict::Pass | Verdict::Warn);
        return Ok(match is_same && is_good {
            true => Exit::Done,
            false => Exit::Failed,
        });
    }
    if !is_same && reason.is_none() {
        return Err(Trouble::failed(
            format!(
                "`{}` is not the guide of run {} any more",
                wanted.guide.display(),
                before.run
            ),
            "read the difference above; `--reason TEXT` goes on with the new text, and the first gate asks \
             whether that is well",
        ));
    }
    if !arguments.yes {
        ask(&arguments.env)?;
    }
    attach_to(promotion, &mut opened);
    let layout = arguments
        .layout
        .or_else(|| opened.environment.layout.clone())
        .or_else(|| opened.runbook.settings.layout.clone());
    let theme = arguments.theme.or_else(|| opened.environment.theme.clone());
    let run = open::create(opened, false).await?;
    attach::become_cockpit(&run, layout, theme).await
}

/// Opens a run as the promotion of another one. Returns what differs.
pub(super) fn follow(before: &RunState, opened: &mut Opened) -> String {
    let waiting = take_inputs(before, opened);
    let changed = "it has changed since; nobody was asked".to_owned();
    let promotion = promotion(before, opened, Some(changed));
    let listed = listed(&promotion, opened, &[], &waiting);
    attach_to(promotion, opened);
    listed
}

/// `reason`: why it goes on where the guide is not the same.
fn promotion(before: &RunState, opened: &Opened, reason: Option<String>) -> Promotion {
    let is_same = opened.runbook.digest == before.runbook.digest;
    Promotion {
        from: Rehearsed::of(before),
        guide_changed: reason.filter(|_| !is_same),
        differences: differences(before, opened),
    }
}

fn attach_to(promotion: Promotion, opened: &mut Opened) {
    let first = promotion.put_before(&mut opened.runbook);
    opened.known.extend(first);
    opened.provenance.promoted = Some(Box::new(promotion));
}

/// Waits for the name of the environment at the terminal.
fn ask(environment: &str) -> color_eyre::Result<()> {
    if !std::io::stdin().is_terminal() {
        return Err(Trouble::usage(
            "no terminal to agree on; nothing was opened",
            "read the list above, then pass `--yes`",
        ));
    }
    print::remark(&format!("type `{environment}` to open the run: "));
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    if line.trim() == environment {
        return Ok(());
    }
    Err(Trouble::usage(
        "not agreed; nothing was opened",
        format!("type `{environment}`"),
    ))
}

fn guide_of(before: &RunState, named: Option<PathBuf>) -> color_eyre::Result<PathBuf> {
    if let Some(guide) = named {
        return Ok(guide);
    }
    let Some(guide) = &before.provenance.guide else {
        return Err(Trouble::usage(
            format!("run {} does not know where its guide lies", before.run),
            "name it with `--guide PATH`",
        ));
    };
    let guide = PathBuf::from(guide);
    if !guide.exists() {
        return Err(Trouble::usage(
            format!(
                "`{}`, the guide of run {}, is gone",
                guide.display(),
                before.run
            ),
            "name where it lies now with `--guide PATH`",
        ));
    }
    Ok(guide)
}

fn changed_lines(before: &RunState, guide: &Path) -> color_eyre::Result<Vec<String>> {
    let mut state = before.clone();
    state.provenance.guide = Some(guide.display().to_string());
    guide_difference(&state, &kept::directory_of(&before.run)?).map_err(|why| {
        Trouble::failed(
            format!("the guide has changed, and what differs cannot be shown: {why}"),
            "open a run of the new text with `gonogo run`",
        )
    })
}

/// Takes over what people gave in the run: not what belongs to its environment, nor what its steps left.
/// What a rollback uses, and where a secret comes from, waits to be confirmed. Returns what waits.
fn take_inputs(before: &RunState, opened: &mut Opened) -> BTreeSet<String> {
    let mut waiting = BTreeSet::new();
    for (name, input) in &before.inputs {
        let of_people = matches!(
            before.provenance.origins.get(name),
            Some(
                Origin::Shell
                    | Origin::Argument
                    | Origin::Remembered
                    | Origin::Promoted
                    | Origin::Typed
            )
        );
        let is_settled = matches!(
            opened.provenance.origins.get(name),
            Some(Origin::Argument | Origin::Configuration)
        );
        let Some(variable) = inputs::variable(&opened.runbook, name) else {
            continue;
        };
        let fits = match input {
            Input::Value(value) => !variable.secret && values::check(&variable.rule, value).is_ok(),
            Input::Secret(source) => values::source(source).is_ok(),
        };
        if !of_people || is_settled || !fits {
            continue;
        }
        let is_secret = matches!(input, Input::Secret(_));
        if is_secret || recall::is_of_rollback(&opened.runbook, name) {
            opened.inputs.remove(name);
            opened.provenance.origins.remove(name);
            let given_at = before.given_at.get(name).copied();
            let remembered = Remembered {
                input: input.clone(),
                at: given_at.unwrap_or(before.opened_at),
                by: given_by(before, name),
            };
            opened
                .provenance
                .remembered
                .insert(name.clone(), remembered);
            waiting.insert(name.clone());
        } else {
            opened.provenance.remembered.remove(name);
            opened.inputs.insert(name.clone(), input.clone());
            let origins = &mut opened.provenance.origins;
            origins.insert(name.clone(), Origin::Promoted);
        }
    }
    waiting
}

/// Who gave an input last.
fn given_by(before: &RunState, name: &str) -> String {
    let mut changes = before.input_changes.iter().rev();
    let last = changes.find(|change| change.name == name && !change.taken_back);
    last.map_or(&before.opened_by, |change| &change.by).clone()
}

/// All that is not as in the run: inputs, targets, probes, folder, window.
fn differences(before: &RunState, opened: &Opened) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut differ = |what: String, from: Option<String>, to: Option<String>| {
        if from != to {
            let said = |text: Option<String>| text.unwrap_or_else(|| "(open)".to_owned());
            found.push(Difference {
                what,
                from: said(from),
                to: said(to),
            });
        }
    };
    differ(
        "environment".to_owned(),
        Some(named(&before.config)),
        Some(named(&opened.environment)),
    );
    let names: BTreeSet<&String> = before.inputs.keys().chain(opened.inputs.keys()).collect();
    for name in names {
        let secret = inputs::variable(&opened.runbook, name).is_some_and(|known| known.secret);
        let said =
            |inputs: &BTreeMap<String, Input>| inputs.get(name).map(|input| told(input, secret));
        differ(
            format!("input {name}"),
            said(&before.inputs),
            said(&opened.inputs),
        );
    }
    let places = |environment: &Environment| -> BTreeMap<String, String> {
        let targets = environment.targets.iter();
        let targets =
            targets.map(|(name, target)| (format!("target {name}"), target.postgres.clone()));
        let probes = environment.probes.iter();
        let probes = probes.map(|(name, probe)| (format!("probe {name}"), probe.url.clone()));
        targets.chain(probes).collect()
    };
    let (old, new) = (places(&before.config), places(&opened.environment));
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for key in keys {
        differ(key.clone(), old.get(key).cloned(), new.get(key).cloned());
    }
    differ(
        "folder".to_owned(),
        Some(before.directory.clone()),
        Some(opened.directory.display().to_string()),
    );
    let length = before.window_ends.map(|ends| ends - before.opened_at);
    let length = length.and_then(|length| u64::try_from(length.num_seconds()).ok());
    differ(
        "window".to_owned(),
        length.map(format_s),
        opened.window_s.map(format_s),
    );
    found
}

fn named(environment: &Environment) -> String {
    let protected = if environment.protected {
        " (protected)"
    } else {
        ""
    };
    format!("{}{protected}", environment.name)
}

/// An input for who compares: where a secret comes from, never what it is.
fn told(input: &Input, is_secret: bool) -> String {
    match input {
        Input::Value(_) if is_secret => "(a secret)".to_owned(),
        Input::Value(value) => value.clone(),
        Input::Secret(source) => {
            let kind = match source {
                SecretSource::Env(_) => "environment variable",
                SecretSource::File(_) => "file",
                SecretSource::Command(_) => "command",
            };
            format!("a secret of the {kind} `{}`", source.text())
        }
    }
}

fn listed(
    promotion: &Promotion,
    opened: &Opened,
    lines: &[String],
    waiting: &BTreeSet<String>,
) -> String {
    let mut text = format!(
        "{}\n  {}\n\n",
        opened.runbook.title,
        promotion.from.describe()
    );
    if !lines.is_empty() {
        text.push_str("The guide has changed since:\n");
        for line in lines.iter().take(SHOWN) {
            text.push_str(&format!("  {line}\n"));
        }
        let more = lines.len().saturating_sub(SHOWN);
        if more > 0 {
            text.push_str(&format!("  … and {more} more lines\n"));
        }
        text.push('\n');
    }
    text.push_str("Differs from that run:\n");
    let widest = promotion.differences.iter().map(|one| one.what.len()).max();
    let widest = widest.unwrap_or(0);
    for Difference { what, from, to } in &promotion.differences {
        text.push_str(&format!("  {what:widest$}  {from} → {to}\n"));
    }
    let is_taken = |origin: &&Origin| **origin == Origin::Promoted;
    let taken = opened.provenance.origins.values().filter(is_taken).count();
    text.push_str(&match taken {
        0 => "No input is taken over.\n".to_owned(),
        taken => format!("Taken over as it was: {}.\n", open::counted(taken, "input")),
    });
    if !waiting.is_empty() {
        let names: Vec<&str> = waiting.iter().map(String::as_str).collect();
        text.push_str(&format!(
            "Waits to be confirmed in the cockpit: {}.\n",
            names.join(", ")
        ));
    }
    text
}

fn document(
    promotion: &Promotion,
    opened: &Opened,
    lines: &[String],
    waiting: &BTreeSet<String>,
) -> serde_json::Value {
    let from = &promotion.from;
    json!({
        "run": from.run,
        "from": from.environment,
        "to": opened.environment.name,
        "guide": opened.runbook.file,
        "digest": opened.runbook.digest,
        "same_text": from.digest == opened.runbook.digest,
        "guide_difference": lines,
        "verdict": from.verdict,
        "says": from.describe(),
        "differences": promotion.differences,
        "waits_for_confirmation": waiting,
    })
}
