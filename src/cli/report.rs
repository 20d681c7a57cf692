//! `gonogo report RUN`: what happened, with evidence and times, as Markdown, HTML or JSON.

use super::print;
use clap::{Args, ValueEnum};

use super::{Exit, kept, session};
use crate::report;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The run; without it the newest that is under way.
    run: Option<String>,
    #[arg(long, value_enum, default_value_t = Format::Markdown)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Markdown,
    /// One page that holds no script and needs no network.
    Html,
    Json,
}

pub(super) async fn main(arguments: &Arguments) -> color_eyre::Result<Exit> {
    let run = session::choose(arguments.run.as_deref()).await?;
    match arguments.format {
        Format::Markdown => {
            let kept = kept::read(&run).await?;
            print::out(&report::markdown(&kept.state, kept.intact, kept.events))?;
        }
        Format::Html => {
            let kept = kept::read(&run).await?;
            print::out(&report::html(&kept.state, kept.intact, kept.events))?;
        }
        Format::Json => {
            print::json(&super::status::document(&run).await?)?;
        }
    }
    Ok(Exit::Done)
}
