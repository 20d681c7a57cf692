//! `gonogo resume RUN`: gives a run a supervisor again. A rehearsal goes on; any other run starts
//! held, because nothing may happen behind the operator's back.

use clap::Args;

use super::print::say;
use super::{Exit, kept, session, trust, unattended};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    run: String,
    #[command(flatten)]
    takeover: session::Takeover,
}

pub(super) async fn main(arguments: Arguments) -> color_eyre::Result<Exit> {
    let run = session::choose_in_time(Some(&arguments.run)).await?;
    trust::require_for_run(&kept::read(&run).await?.state)?;
    let client = session::connect_taking(&run, arguments.takeover).await?;
    let kept = kept::read(&arguments.run).await?;
    if kept.state.unattended {
        return unattended::walk(
            &arguments.run,
            &client,
            unattended::policy_of(&kept.state, false),
            None,
            false,
        )
        .await;
    }
    say!(
        "run {}: {}",
        arguments.run,
        crate::report::sentence(&kept.state)
    );
    say!("  next: `gonogo attach {}`", arguments.run);
    Ok(Exit::Done)
}
