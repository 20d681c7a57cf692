//! `gonogo abandon RUN`: gives a run up where it stands, without the cockpit.

use clap::Args;

use super::print::say;
use super::{Exit, session};
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
    let mut joined = session::Joined::join(&client).await?;
    let reason = format!("`gonogo abandon`: {}", arguments.reason);
    joined.takes_controls(&reason, false).await?;
    let command = Command::Abandon {
        reason: arguments.reason,
    };
    joined.does(command).await?;
    say!(
        "run {} is abandoned; nothing was rolled back",
        arguments.run
    );
    say!("  next: `gonogo report {}`", arguments.run);
    Ok(Exit::Done)
}
