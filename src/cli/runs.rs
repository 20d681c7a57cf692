//! `gonogo runs`: what is kept on this machine, newest first.

use super::print;
use super::print::say;
use clap::Args;
use serde_json::json;

use super::{Exit, session, status};
use crate::supervisor::place;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) async fn main(arguments: &Arguments) -> color_eyre::Result<Exit> {
    let mut rows = Vec::new();
    for run in place::runs()? {
        match session::read(&run).await {
            Ok(kept) => {
                let alive = session::living(&session::directory_of(&run)?).is_some();
                rows.push(json!({
                    "run": run,
                    "guide": kept.state.runbook.file,
                    "title": kept.state.runbook.title,
                    "environment": kept.state.environment,
                    "state": crate::report::mode_word(&kept.state),
                    "opened": kept.state.opened_at,
                    "last_event": kept.state.last_event_at,
                    "alive": alive,
                    "sentence": status::sentence(&kept.state),
                    "due": status::due(&kept.state),
                }));
            }
            Err(error) => rows.push(json!({ "run": run, "error": error.to_string() })),
        }
    }
    if arguments.json {
        print::json(&rows)?;
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
    }
    print::out(&lines)?;
    Ok(Exit::Done)
}
