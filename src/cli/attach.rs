//! `gonogo attach [RUN]`: the cockpit on a run that exists.

use std::io::IsTerminal;
use std::os::unix::process::CommandExt;

use clap::Args;

use super::exit::Trouble;
use super::print::say;
use super::{Exit, identity, kept, session};
use crate::api::Client;
use crate::run::Mode;
use crate::ui;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The run; without it the newest that is under way. A run of another login, whose driver lets you
    /// in, must be named.
    run: Option<String>,
    /// Watch only: keys change nothing.
    #[arg(long)]
    observe: bool,
    /// The layout to begin with.
    #[arg(long, value_name = "NAME")]
    layout: Option<String>,
    /// The theme to begin with.
    #[arg(long, value_name = "NAME")]
    theme: Option<String>,
    #[command(flatten)]
    takeover: session::Takeover,
}

pub(super) async fn main(arguments: Arguments) -> color_eyre::Result<Exit> {
    need_terminal()?;
    check_look(arguments.layout.as_deref(), arguments.theme.as_deref())?;
    if let Some(named) = arguments.run.clone()
        && kept::directory_of(&named).is_err()
        && let Some((uid, client)) = session::of_another_login(&named).await
    {
        say!("run {named} of another login (user number {uid}), which lets you in");
        return as_guest(&named, client, arguments).await;
    }
    let run = session::choose_in_time(arguments.run.as_deref()).await?;
    let client = session::connect_taking(&run, arguments.takeover).await?;
    let options = ui::Options {
        me: identity::me(),
        observe: arguments.observe,
        layout: arguments.layout,
        theme: arguments.theme,
    };
    watch(&run, client, options).await
}

/// The cockpit on a run whose journal this login cannot read.
async fn as_guest(run: &str, client: Client, arguments: Arguments) -> color_eyre::Result<Exit> {
    let options = ui::Options {
        me: identity::me(),
        observe: arguments.observe,
        layout: arguments.layout,
        theme: arguments.theme,
    };
    let left = ui::run(client, options).await?;
    Ok(match left {
        ui::Leave::RunGoesOn { .. } => {
            say!("run {run} goes on without this screen");
            say!("  next: `gonogo attach {run}` comes back to it");
            Exit::Waiting
        }
        ui::Leave::RunIsOver {
            mode: Mode::RolledBack,
            ..
        } => Exit::RolledBack,
        ui::Leave::RunIsOver { .. } => Exit::Failed,
        ui::Leave::Early => Exit::Waiting,
    })
}

/// As [`cockpit`], and goes on as `gonogo attach RUN`: to read a guide takes far more memory than to show
/// its run, and a process does not give it back.
pub(super) async fn become_cockpit(
    run: &str,
    layout: Option<String>,
    theme: Option<String>,
) -> color_eyre::Result<Exit> {
    let mut attach = std::process::Command::new(std::env::current_exe()?);
    attach.args(["attach", run]);
    for (option, name) in [("--layout", &layout), ("--theme", &theme)] {
        attach.args(name.iter().map(|name| format!("{option}={name}")));
    }
    // It comes back only where it fails.
    let error = attach.exec();
    tracing::debug!(%error, "this process stays the cockpit");
    cockpit(run, layout, theme).await
}

/// Refuses a layout or a theme that there is none of, before anything is opened.
pub(super) fn check_look(layout: Option<&str>, theme: Option<&str>) -> color_eyre::Result<()> {
    if layout.is_none() && theme.is_none() {
        return Ok(());
    }
    let (layouts, themes) = ui::known_names()?;
    for (what, wanted, known) in [("layout", layout, layouts), ("theme", theme, themes)] {
        let Some(wanted) = wanted.filter(|wanted| !known.iter().any(|name| name == wanted)) else {
            continue;
        };
        let names: Vec<&str> = known.iter().map(String::as_str).collect();
        return Err(Trouble::usage(
            format!("there is no {what} `{wanted}`"),
            nearest(wanted, &names),
        ));
    }
    Ok(())
}

/// The name that was most likely meant, or all there are.
pub(super) fn nearest(wanted: &str, known: &[&str]) -> String {
    match crate::runbook::closest(wanted, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            format!("choose {}", names.join(", "))
        }
    }
}

/// Opens the cockpit on a run that has just been opened.
pub(super) async fn cockpit(
    run: &str,
    layout: Option<String>,
    theme: Option<String>,
) -> color_eyre::Result<Exit> {
    let client = session::connect(run).await?;
    let options = ui::Options {
        me: identity::me(),
        observe: false,
        layout,
        theme,
    };
    watch(run, client, options).await
}

/// Shows the cockpit until it is left, and says how to come back.
async fn watch(run: &str, client: Client, options: ui::Options) -> color_eyre::Result<Exit> {
    ui::run(client, options).await?;
    let kept = kept::read(run).await?;
    let exit = super::status::exit_of(&kept.state);
    say!("run {run}: {}", crate::report::sentence(&kept.state));
    if let Some(words) = super::status::unsupervised(run, &kept.state)? {
        say!("{words}");
    } else if exit == Exit::Waiting {
        say!(
            "  next: `gonogo attach {run}` comes back to it; `gonogo report {run}` tells what happened"
        );
    } else {
        say!("  next: `gonogo report {run}` tells what happened");
    }
    Ok(exit)
}

/// The cockpit draws on a terminal; a pipe gets the way to do without.
pub(super) fn need_terminal() -> color_eyre::Result<()> {
    if std::io::stdout().is_terminal() && std::io::stdin().is_terminal() {
        return Ok(());
    }
    Err(Trouble::usage(
        "no terminal to draw the cockpit on (standard input or output is a pipe or a file)",
        "use `gonogo plan GUIDE` to see what would run, `gonogo rehearse GUIDE` to walk without a person, or \
         `gonogo status RUN --json` to follow a run",
    ))
}
