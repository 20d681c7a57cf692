//! `gonogo runs`: what is kept on this machine, newest first.

use std::collections::BTreeMap;

use super::print;
use super::print::say;
use clap::Args;
use serde_json::json;

use super::glance::{self, Glance};
use super::{Exit, holders, identity};
use crate::report;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
    /// Only runs that wait for a time, the next due first.
    #[arg(long)]
    due: bool,
    /// Only runs that wait for you: as their driver, or as the second person.
    #[arg(long)]
    awaiting_me: bool,
}

pub(super) async fn main(arguments: &Arguments) -> color_eyre::Result<Exit> {
    let mut rows = Vec::new();
    let mut held = BTreeMap::new();
    let all = chosen(arguments, glance::all().await?);
    for (run, found) in all {
        match found {
            Ok(found) => {
                let standing = found.standing;
                let holding = holders::of(&run, &standing).await?;
                if let Some(holding) = &holding {
                    held.insert(run.clone(), (holding.words(), holding.help(&run)));
                }
                rows.push(json!({
                    "run": run,
                    "guide": standing.guide,
                    "title": standing.title,
                    "environment": standing.environment,
                    "state": standing.state,
                    "opened": standing.opened,
                    "last_event": standing.last_event,
                    "alive": holding.as_ref().is_some_and(|holding| holding.works),
                    "sentence": standing.sentence,
                    "due": standing.due_at.map(report::minute),
                    "awaited": standing.awaited,
                    "process": holding,
                    "damage": found.damage,
                }));
            }
            Err(error) => rows.push(json!({ "run": run, "error": error.to_string() })),
        }
    }
    if arguments.json {
        print::json(&rows)?;
        return Ok(Exit::Done);
    }
    if rows.is_empty() && arguments.awaiting_me {
        say!("no run waits for {}", identity::me());
        return Ok(Exit::Done);
    }
    if rows.is_empty() && arguments.due {
        say!("no run is waiting for a time");
        return Ok(Exit::Done);
    }
    if rows.is_empty() {
        say!("there are no runs yet");
        say!("  next: `gonogo run GUIDE`, or try `gonogo demo`");
        return Ok(Exit::Done);
    }
    let mut lines = String::new();
    for row in &rows {
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        if row.get("error").is_some() {
            lines += &format!("{}  cannot be read: {}\n", text("run"), text("error"));
            continue;
        }
        let due = match row["due"].as_str() {
            Some(due) => format!("  due {due}"),
            None => String::new(),
        };
        lines += &format!(
            "{}  {:<12} {:<12} {}{due}\n    {}\n",
            text("run"),
            text("environment"),
            text("state"),
            text("title"),
            text("sentence"),
        );
        let goes_on = ["running", "rolling_back"].contains(&text("state").as_str());
        if let Some((words, help)) = held.get(&text("run")) {
            lines += &format!("    {words}\n    {help}\n");
        } else if goes_on {
            lines += &format!(
                "    NO SUPERVISOR: nothing new starts; `gonogo attach {}` gives it one\n",
                text("run")
            );
        }
        if arguments.awaiting_me {
            lines += &format!(
                "    waits: {}\n",
                row["awaited"]["text"].as_str().unwrap_or_default()
            );
        }
        if let Some(damage) = row["damage"].as_str() {
            lines += &format!("    {damage}; this is the state after the events before it\n");
        }
    }
    print::out(&lines)?;
    Ok(Exit::Done)
}

type Found = (String, color_eyre::Result<Glance>);

/// What was asked for of all runs.
fn chosen(arguments: &Arguments, mut all: Vec<Found>) -> Vec<Found> {
    if arguments.due {
        let due = |found: &color_eyre::Result<Glance>| found.as_ref().ok()?.standing.due_at;
        all.retain(|(_, found)| due(found).is_some());
        all.sort_by_key(|(_, found)| due(found));
    }
    if arguments.awaiting_me {
        let me = identity::me();
        all.retain(|(_, found)| {
            let awaited = found
                .as_ref()
                .ok()
                .and_then(|found| found.standing.awaited.as_ref());
            awaited.is_some_and(|awaited| awaited.whom.is(&me))
        });
    }
    all
}
