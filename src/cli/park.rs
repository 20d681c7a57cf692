//! `gonogo park RUN`: ends the process of a run, with its connections and the locks that it holds. The
//! run stays as it is; whoever attaches gives it a process again.

use clap::Args;

use super::print::say;
use super::{Exit, kept, owner, session};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    run: String,
}

pub(super) async fn main(arguments: &Arguments) -> color_eyre::Result<Exit> {
    let run = session::choose(Some(&arguments.run)).await?;
    match owner::park(&run).await? {
        Some(pid) => say!("run {run}: process {pid} has ended; its connections and locks are free"),
        None => say!("run {run} has no process"),
    }
    let kept = kept::read(&run).await?;
    say!("  {}", crate::report::sentence(&kept.state));
    say!("  next: `gonogo attach {run}` gives it a process again");
    Ok(Exit::Done)
}
