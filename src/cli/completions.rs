//! `gonogo completions SHELL`.

use clap::{Args, CommandFactory};

use super::{Cli, Exit};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    shell: clap_complete::Shell,
}

pub(super) fn main(arguments: &Arguments) -> color_eyre::Result<Exit> {
    clap_complete::generate(
        arguments.shell,
        &mut Cli::command(),
        "gonogo",
        &mut std::io::stdout(),
    );
    Ok(Exit::Done)
}
