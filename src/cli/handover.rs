//! `gonogo handover RUN`: where a run stands, for whoever takes it over.

use clap::Args;

use super::{Exit, kept, print, session};
use crate::report;
use crate::supervisor::clock::now_of;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The run; without it the newest that is under way.
    run: Option<String>,
}

pub(super) async fn main(arguments: &Arguments) -> color_eyre::Result<Exit> {
    let run = session::choose(arguments.run.as_deref()).await?;
    let kept = kept::read(&run).await?;
    print::out(&report::handover(&kept.state, now_of(&kept.state)))?;
    Ok(Exit::Done)
}
