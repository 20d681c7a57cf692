//! `gonogo trust`: what a configuration would run, connect to and read, and whether its user agrees.
//! Once for each content of the file: whatever changes it, asks again.

use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::configuration;
use super::exit::Trouble;
use super::print::{self, say};
use super::{Exit, identity, kept};
use crate::run::{Configuration, RunState};
use crate::runbook::config::{Reach, ReachKind};
use crate::supervisor::trust;
use crate::text::scrub::scrub_line;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A `gonogo.toml`, or its guide or folder; without it, lists what you trust.
    file: Option<PathBuf>,
    /// The configuration of this run, as it was when the run was opened.
    #[arg(long, value_name = "RUN", conflicts_with = "file")]
    run: Option<String>,
    /// Only show what it would do. Exit code 3: not trusted yet.
    #[arg(long, group = "how")]
    show: bool,
    /// Agree without being asked at the terminal.
    #[arg(long, group = "how")]
    yes: bool,
    /// Revoke your trust.
    #[arg(long, group = "how")]
    revoke: bool,
    /// Print one JSON document; agrees to nothing by itself.
    #[arg(long, conflicts_with_all = ["yes", "revoke"])]
    json: bool,
}

pub(super) async fn main(arguments: &Arguments) -> color_eyre::Result<Exit> {
    let wanted = match (&arguments.run, &arguments.file) {
        (Some(run), _) => of_run(&kept::read(run).await?.state),
        (None, Some(file)) if arguments.revoke => return revoke(&of_file_to_forget(file)),
        (None, Some(file)) => of_file(file)?,
        (None, None) if arguments.yes || arguments.show || arguments.revoke => {
            return Err(Trouble::usage(
                "no configuration given",
                "name a `gonogo.toml`, a guide or a folder, or a run with `--run`",
            ));
        }
        (None, None) => return list(arguments.json),
    };
    if arguments.revoke {
        return revoke(&wanted.path);
    }
    let granted = trust::granted(&wanted);
    let agreed = trust::consent(&wanted).is_some();
    if arguments.json {
        print::json(&json!({
            "path": wanted.path,
            "digest": wanted.digest,
            "reach": wanted.reach,
            "trusted": agreed,
            "granted": granted.map(|granted| json!({ "at": granted.at, "by": granted.by })),
        }))?;
        return Ok(if agreed { Exit::Done } else { Exit::Waiting });
    }
    print::out(&shown(&wanted))?;
    if let Some(granted) = granted {
        let when = granted.at.format("%Y-%m-%d %H:%M UTC");
        say!("trusted by {} since {when}", granted.by);
        return Ok(Exit::Done);
    }
    if agreed {
        say!("nothing that needs your consent");
        return Ok(Exit::Done);
    }
    if arguments.show {
        say!("not trusted yet");
        say!(
            "  next: `{}`",
            command_for(&wanted, arguments.run.as_deref())
        );
        return Ok(Exit::Waiting);
    }
    if !arguments.yes {
        ask()?;
    }
    trust::grant(&wanted, &identity::me(), chrono::Utc::now()).map_err(|error| {
        Trouble::failed(
            format!("your consent cannot be kept: {error}"),
            "free space or fix permissions in the state folder, then try again",
        )
    })?;
    say!("trusted until the file changes");
    Ok(Exit::Done)
}

/// Waits for the word at the terminal.
fn ask() -> color_eyre::Result<()> {
    if !std::io::stdin().is_terminal() {
        return Err(Trouble::usage(
            "no terminal to agree on; nothing was changed",
            "read the list above, then pass `--yes`",
        ));
    }
    print::remark("type `trust` to agree to all of it: ");
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    if line.trim() == "trust" {
        return Ok(());
    }
    Err(Trouble::usage(
        "not agreed; nothing was changed",
        "type `trust`",
    ))
}

fn of_file(file: &Path) -> color_eyre::Result<Configuration> {
    let named_itself = file
        .extension()
        .is_some_and(|extension| extension == "toml");
    let (_, found) = match named_itself {
        true => configuration::read_file(file).map(|(config, found)| (config, Some(found)))?,
        false => configuration::read(file)?,
    };
    let found = found.ok_or_else(|| {
        Trouble::usage(
            format!(
                "there is no `gonogo.toml` beside `{}` or above it",
                file.display()
            ),
            "name one, or a guide or folder that has one",
        )
    })?;
    Ok(found.configuration)
}

/// The path under which a file is known, be it gone or refused by now.
fn of_file_to_forget(file: &Path) -> String {
    let found = match file
        .extension()
        .is_some_and(|extension| extension == "toml")
    {
        true => None,
        false => configuration::find(file),
    };
    let path = found.unwrap_or_else(|| file.to_owned());
    let path = path.canonicalize().or_else(|_| std::path::absolute(&path));
    path.unwrap_or_else(|_| file.to_owned())
        .display()
        .to_string()
}

fn of_run(state: &RunState) -> Configuration {
    match trust::consent_to_run(state) {
        Err(asked) => *asked,
        Ok(_) => state
            .provenance
            .configuration
            .clone()
            .unwrap_or_else(|| Configuration::of_environment(&state.run, &state.config)),
    }
}

fn revoke(path: &str) -> color_eyre::Result<Exit> {
    let found = trust::revoke(path).map_err(|error| {
        Trouble::failed(
            format!("cannot revoke your trust: {error}"),
            "remove the folder `memory/trust` of the state folder by hand",
        )
    })?;
    if !found {
        say!("`{path}` was not trusted");
        return Ok(Exit::Done);
    }
    say!(
        "`{path}` is no longer trusted; a run in progress keeps what it has until its supervisor ends"
    );
    Ok(Exit::Done)
}

fn list(as_json: bool) -> color_eyre::Result<Exit> {
    let all = trust::all().map_err(|error| {
        Trouble::failed(
            format!("cannot read what you trust: {error}"),
            "check the permissions of the state folder",
        )
    })?;
    if as_json {
        print::json(&all)?;
        return Ok(Exit::Done);
    }
    if all.is_empty() {
        say!("you trust no configuration yet");
        say!("  next: `gonogo trust GUIDE` shows what its `gonogo.toml` would do, and asks");
        return Ok(Exit::Done);
    }
    let mut text = String::new();
    for trusted in &all {
        let now = configuration::read_file(Path::new(&trusted.path)).ok();
        let now = now.map(|(_, file)| file.configuration.digest);
        let standing = match now {
            Some(digest) if trusted.contents.contains_key(&digest) => "as it is now",
            Some(_) => "changed since: asks again",
            None => "gone, or no longer usable",
        };
        text += &format!("{}  {standing}\n", trusted.path);
        for (digest, granted) in &trusted.contents {
            text += &format!(
                "  {}  {} by {}, {}\n",
                &digest[..digest.len().min(12)],
                granted.at.format("%Y-%m-%d %H:%M UTC"),
                granted.by,
                super::open::counted(granted.reach.len(), "entry").replace("entrys", "entries")
            );
        }
    }
    print::out(&text)?;
    Ok(Exit::Done)
}

/// What a configuration reaches for, kind by kind.
pub(super) fn shown(configuration: &Configuration) -> String {
    let mut text = format!(
        "{}\n  SHA-256 {}\n",
        configuration.path, configuration.digest
    );
    let mut kind: Option<ReachKind> = None;
    for reach in &configuration.reach {
        if kind != Some(reach.kind) {
            text += &format!("  {}\n", reach.kind.words());
            kind = Some(reach.kind);
        }
        text += &format!("    {}\n      ({})\n", one_line(reach), reach.key);
    }
    text
}

fn one_line(reach: &Reach) -> String {
    let lines: Vec<_> = reach
        .text
        .lines()
        .map(|line| scrub_line(line, false))
        .collect();
    lines.join(" ⏎ ")
}

fn command_for(configuration: &Configuration, run: Option<&str>) -> String {
    match run {
        Some(run) => format!("gonogo trust --run {run}"),
        None => format!("gonogo trust {}", configuration.path),
    }
}

/// Refuses to open a run without a person where nobody has agreed to its configuration.
///
/// # Errors
/// What it would do, and how to agree.
pub(super) fn require(configuration: Option<&Configuration>) -> color_eyre::Result<()> {
    match configuration {
        Some(asked) if trust::consent(asked).is_none() => Err(missing(asked, None)),
        _ => Ok(()),
    }
}

/// [`require`], of a run that exists. One that is over starts nothing.
///
/// # Errors
/// As [`require`].
pub(super) fn require_for_run(state: &RunState) -> color_eyre::Result<()> {
    match trust::consent_to_run(state) {
        Err(asked) if !state.mode.is_over() => Err(missing(&asked, Some(&state.run))),
        _ => Ok(()),
    }
}

fn missing(asked: &Configuration, run: Option<&str>) -> color_eyre::Report {
    print::remark(&shown(asked));
    Trouble::usage(
        format!(
            "you have not yet trusted `{}`, which would do what is listed above; nothing was started",
            asked.path
        ),
        format!("`{}` asks you once", command_for(asked, run)),
    )
}
