//! `gonogo report RUN`: what happened, with evidence and times, as Markdown, HTML or JSON.

use super::print;
use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, ValueEnum};

use super::exit::Trouble;
use super::{Exit, kept, session};
use crate::report::{self, Since};
use crate::run::Timestamp;
use crate::text::duration;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The run; without it the newest that is under way.
    run: Option<String>,
    #[arg(long, value_enum, default_value_t = Format::Markdown)]
    format: Format,
    /// Only evidence and events from then on: a time (`2026-01-02T03:04Z`), or how long ago (`2h`).
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
}

/// A moment as a person writes it: RFC 3339, seconds optional, or a duration before now.
fn moment(text: &str) -> Result<Timestamp, String> {
    if let Some(ms) = duration::parse_ms(text).filter(|_| !text.contains(':')) {
        let before = i64::try_from(ms).ok().and_then(TimeDelta::try_milliseconds);
        let at = before.and_then(|before| Utc::now().checked_sub_signed(before));
        return at.ok_or_else(|| "that is too long ago".to_owned());
    }
    let zoned = |text: &str| DateTime::parse_from_rfc3339(text).ok();
    let at = zoned(text).or_else(|| {
        // `2026-01-02T03:04Z`, as reports write minutes.
        let (minute, zone) = text.split_at_checked(16)?;
        zoned(&format!("{minute}:00{zone}"))
    });
    at.map(|at| at.with_timezone(&Utc))
        .ok_or_else(|| "write `2026-01-02T03:04Z`, or how long ago: `2h`".to_owned())
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
            print::out(&report::markdown(
                &kept.state,
                Since(arguments.since),
                kept.intact,
                kept.events,
            ))?;
        }
        Format::Html => {
            let kept = kept::read(&run).await?;
            print::out(&report::html(
                &kept.state,
                Since(arguments.since),
                kept.intact,
                kept.events,
            ))?;
        }
        Format::Json if arguments.since.is_some() => {
            let help = "`--format markdown` or `--format html`";
            return Err(Trouble::usage("`--since` is of a report for people", help));
        }
        Format::Json => {
            print::json(&super::status::document(&run).await?)?;
        }
    }
    Ok(Exit::Done)
}
