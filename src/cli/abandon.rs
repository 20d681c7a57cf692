//! `gonogo abandon RUN`: gives a run up where it stands, without the cockpit.

use clap::Args;

use super::exit::Trouble;
use super::print::say;
use super::{Exit, identity, session};
use crate::api::{CommandAnswer, Message};
use crate::run::Command;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    run: String,
    /// Why, for the report.
    #[arg(long)]
    reason: String,
}

pub(super) async fn main(arguments: Arguments) -> color_eyre::Result<Exit> {
    let client = session::connect(&arguments.run).await?;
    let mut stream = client.join(&identity::me()).await?;
    let snapshot = loop {
        match stream.next().await {
            Some(Message::Snapshot(snapshot)) => break snapshot,
            Some(_) => {}
            None => return Err(Trouble::failed("the supervisor is gone", "try again")),
        }
    };
    if snapshot.state.driver != snapshot.you {
        let reason = format!("`gonogo abandon`: {}", arguments.reason);
        session::take_controls(&client, &snapshot.you, &reason, false).await?;
    }
    let command = Command::Abandon {
        reason: arguments.reason,
    };
    if let CommandAnswer::Refused(refusal) = client.command(&snapshot.you, command).await? {
        return Err(Trouble::failed(refusal.message, refusal.help));
    }
    say!("run {} is given up; nothing was rolled back", arguments.run);
    say!("  next: `gonogo report {}`", arguments.run);
    Ok(Exit::Done)
}
