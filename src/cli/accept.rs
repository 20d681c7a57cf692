//! `gonogo accept RUN`: goes on with a target that answers as another database than the one that was
//! confirmed, without the cockpit. Both are shown; it asks why.

use std::io::{BufRead, IsTerminal};

use clap::Args;

use super::exit::Trouble;
use super::print::{self, say};
use super::{Exit, session};
use crate::run::{Command, RunState};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    run: String,
    /// The target, if more than one has changed.
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// Why the run may continue with it, for the report.
    #[arg(long)]
    reason: String,
    /// The environment's name, if it is protected; the default is to ask for it.
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
}

pub(super) async fn main(arguments: Arguments) -> color_eyre::Result<Exit> {
    let client = session::connect(&arguments.run).await?;
    let mut joined = session::Joined::join(&client).await?;
    let state = joined.state.clone();
    let Some(target) = wanted(&arguments, &state)? else {
        say!(
            "every target of {} is the database that was confirmed",
            arguments.run
        );
        return Ok(Exit::Done);
    };
    let moved = &state.moved[&target];
    if let Some(known) = state.identities.get(&target) {
        say!("{target} confirmed:    {}", known.describe());
    }
    say!("{target} answers now:  {}", moved.to.describe());
    let typed = match state.identity_word() {
        Some(word) => Some(typed(&arguments, &word)?),
        None => None,
    };
    let reason = format!("`gonogo accept`: {}", arguments.reason);
    joined.takes_controls(&reason, false).await?;
    let command = Command::AcceptTarget {
        seen: moved.to.mark(),
        target,
        typed,
        reason: arguments.reason,
    };
    joined.does(command).await?;
    say!("accepted; earlier confirmations must be given again");
    say!("  next: `gonogo attach {}`", arguments.run);
    Ok(Exit::Done)
}

/// The target that has changed.
fn wanted(arguments: &Arguments, state: &RunState) -> color_eyre::Result<Option<String>> {
    let changed: Vec<String> = state.moved.keys().cloned().collect();
    match (&arguments.target, changed.as_slice()) {
        (Some(target), _) if state.moved.contains_key(target) => Ok(Some(target.clone())),
        (Some(target), _) if !state.targets.contains_key(target) => Err(Trouble::usage(
            format!("this run has no target `{target}`"),
            format!(
                "it has {}",
                state.targets.keys().cloned().collect::<Vec<_>>().join(", ")
            ),
        )),
        (Some(_), _) | (None, []) => Ok(None),
        (None, [only]) => Ok(Some(only.clone())),
        (None, several) => Err(Trouble::usage(
            "more than one target has changed",
            format!("name one with `--target`: {}", several.join(", ")),
        )),
    }
}

fn typed(arguments: &Arguments, word: &str) -> color_eyre::Result<String> {
    if let Some(given) = &arguments.confirm {
        return Ok(given.clone());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Trouble::usage(
            "no terminal to confirm it on; nothing was changed",
            format!("give `--confirm {word}`"),
        ));
    }
    print::remark(&format!("type `{word}` to go on with it: "));
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}
