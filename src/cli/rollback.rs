//! `gonogo rollback RUN`: the way back without the cockpit.

use super::print;
use super::print::say;
use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal};

use clap::Args;

use super::by_hand::Prompt;
use super::exit::Trouble;
use super::{Exit, identity, session, unattended};
use crate::api::{Client, CommandAnswer, Message};
use crate::run::{
    ActionId, Command, Included, PlannedAct, Policy, RollbackPlan, digest_of, rollback_plans,
    same_person,
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The run; without it the newest that is under way.
    run: Option<String>,
    /// The way back to take; without it the recommended one.
    #[arg(long, value_name = "NAME")]
    option: Option<String>,
    /// The word that confirms it (see `gonogo plan`): without it, it is asked for at the terminal.
    #[arg(long, value_name = "WORD")]
    confirm: Option<String>,
    /// Why, for the report.
    #[arg(long)]
    reason: Option<String>,
    /// Print the final status as one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) async fn main(arguments: Arguments) -> color_eyre::Result<Exit> {
    let run = session::choose(arguments.run.as_deref()).await?;
    let client = session::connect(&run).await?;
    let mut stream = client.join(&identity::me()).await?;
    let snapshot = loop {
        match stream.next().await {
            Some(Message::Snapshot(snapshot)) => break snapshot,
            Some(_) => {}
            None => {
                return Err(Trouble::failed("the supervisor is gone", "try again"));
            }
        }
    };
    let plans = rollback_plans(&snapshot.state);
    let plan = choose(&plans, arguments.option.as_deref())?;
    say!("run {run}: {}", crate::report::sentence(&snapshot.state));
    let files = files_of(&client, plan).await;
    show(plan, &files);
    let driver = &snapshot.state.driver;
    if !same_person(driver, &snapshot.you) {
        say!("  `{driver}` drives this run; going back takes the controls, and the report says so");
    }
    let word = plan.confirm.clone().unwrap_or_else(|| "yes".to_owned());
    let typed = match arguments.confirm {
        Some(typed) => typed,
        None => ask(&word)?,
    };
    if typed.trim() != word {
        return Err(Trouble::usage(
            "not confirmed; nothing was changed",
            format!("type `{word}`"),
        ));
    }
    let me = snapshot.you.clone();
    if snapshot.state.driver != me {
        // Whoever asks for the way back at a prompt takes the controls, visibly: it waits for nobody.
        let reason = match &arguments.reason {
            Some(reason) => format!("`gonogo rollback`: {reason}"),
            None => "`gonogo rollback`".to_owned(),
        };
        session::take_controls(&client, &me, &reason, true).await?;
    }
    let command = Command::Rollback {
        option: plan.option.clone(),
        hash: plan.hash.clone(),
        typed: plan.confirm.as_ref().map(|_| word),
        reason: arguments.reason,
        included: digests(&files),
    };
    if let CommandAnswer::Refused(refusal) = client.command(&me, command).await? {
        return Err(Trouble::failed(refusal.message, refusal.help));
    }
    drop(stream);
    let mut policy: Policy = unattended::policy_of(&snapshot.state, true);
    policy.assume = false;
    let prompt = Prompt::at_terminal();
    let exit = unattended::walk(&run, client, policy, prompt, arguments.json).await?;
    if exit == Exit::Failed {
        say!(
            "run {run}: {}",
            crate::report::sentence(&session::read(&run).await?.state)
        );
    }
    Ok(exit)
}

fn choose<'a>(
    plans: &'a [RollbackPlan],
    wanted: Option<&str>,
) -> color_eyre::Result<&'a RollbackPlan> {
    let names = || {
        plans
            .iter()
            .map(|plan| format!("`{}`", plan.option))
            .collect::<Vec<_>>()
            .join(", ")
    };
    match wanted {
        Some(name) => plans
            .iter()
            .find(|plan| plan.option == name)
            .ok_or_else(|| {
                Trouble::usage(
                    format!("there is no way back `{name}`"),
                    format!("choose {}", names()),
                )
            }),
        None => plans.first().ok_or_else(|| {
            Trouble::usage(
                "the guide has no way back",
                "go back by hand, and note what you did",
            )
        }),
    }
}

/// What each command includes and calls, or why it cannot be shown.
type Files = BTreeMap<ActionId, Result<Vec<Included>, String>>;

async fn files_of(client: &Client, plan: &RollbackPlan) -> Files {
    let mut files = Files::new();
    for action in plan
        .actions
        .iter()
        .filter(|action| !action.files.is_empty())
    {
        let read = client.included(action.action).await;
        files.insert(action.action, read.map_err(|error| error.to_string()));
    }
    files
}

/// What was shown is what runs; where some of it cannot be shown the way back does not wait for it.
fn digests(files: &Files) -> Option<BTreeMap<ActionId, String>> {
    let mut digests = BTreeMap::new();
    for (action, files) in files {
        let files = files.as_ref().ok()?;
        if !files.is_empty() {
            digests.insert(*action, digest_of(files));
        }
    }
    Some(digests)
}

fn show_files(files: &Result<Vec<Included>, String>) {
    let files = match files {
        Ok(files) => files,
        Err(why) => {
            say!("      what it includes cannot be shown: {why}");
            return;
        }
    };
    for file in files {
        let word = if file.called { "calls" } else { "includes" };
        match &file.error {
            Some(error) => say!("      {word} {}: {error}", file.path),
            None => {
                say!("      {word} {} ({} lines):", file.path, file.lines);
                file.text.lines().for_each(|line| say!("        {line}"));
            }
        }
    }
}

fn show(plan: &RollbackPlan, files: &Files) {
    say!("way back: {}", plan.title);
    match &plan.takes_back {
        Some(steps) => say!("  takes back: {steps}"),
        None => say!("  the guide does not say which steps it takes back"),
    }
    if let Some(loses) = &plan.loses {
        say!("  loses: {loses}");
    }
    for act in plan.order() {
        match act {
            PlannedAct::ByHand(act) => say!("  [ ] {}", act.text),
            PlannedAct::Command(action) => {
                say!("  {}  [{}]", action.title, action.target);
                match &action.command {
                    Ok(command) => command.lines().for_each(|line| say!("      {line}")),
                    Err(why) => say!("      cannot run: {why}"),
                }
                files.get(&action.action).into_iter().for_each(show_files);
            }
        }
    }
}

fn ask(word: &str) -> color_eyre::Result<String> {
    if !std::io::stdin().is_terminal() {
        return Err(Trouble::usage(
            "nobody is there to confirm it",
            format!("give `--confirm {word}`"),
        ));
    }
    print::remark(&format!("type `{word}` to begin: "));
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line)
}
