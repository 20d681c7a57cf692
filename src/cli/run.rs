//! `gonogo run GUIDE`: opens a run and the cockpit on it.

use clap::Args;

use super::{Exit, OpenArguments, attach, open, recall};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    open: OpenArguments,
    /// Let another login of this machine watch: a user, or `@group`.
    #[arg(long, value_name = "USER")]
    allow: Vec<String>,
    /// The layout to begin with.
    #[arg(long, value_name = "NAME")]
    layout: Option<String>,
    /// The theme to begin with.
    #[arg(long, value_name = "NAME")]
    theme: Option<String>,
    /// Forget the values and armed commands that earlier runs left for the environment.
    #[arg(long)]
    forget: bool,
}

pub(super) async fn main(arguments: Arguments) -> color_eyre::Result<Exit> {
    attach::need_terminal()?;
    attach::check_look(arguments.layout.as_deref(), arguments.theme.as_deref())?;
    let mut opened = open::prepare_to_run(&arguments.open)?;
    if arguments.forget {
        recall::forget(&opened)?;
    }
    recall::recall(&mut opened);
    opened.allow = arguments.allow;
    let layout = arguments
        .layout
        .or_else(|| opened.environment.layout.clone())
        .or_else(|| opened.runbook.settings.layout.clone());
    let theme = arguments.theme.or_else(|| opened.environment.theme.clone());
    let run = open::create(opened, false).await?;
    attach::become_cockpit(&run, layout, theme).await
}
