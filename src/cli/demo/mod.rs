//! `gonogo demo`: a throwaway PostgreSQL, services with traffic, and the guide that deploys a new
//! version of them. It ends with the command, and leaves the workspace's files for a look.

mod choice;

use super::print;
use super::print::say;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::exit::Trouble;
use super::session::{Joined, Takeover};
use super::{
    Exit, OpenArguments, attach, configuration, identity, kept, open, owner, promote, session,
    status, unattended,
};
use crate::api::Client;
use crate::demo::workspace::{Plan, Workspace};
use crate::run::{Command, Mode, Policy};
use crate::runbook::shell_quoted;
use crate::supervisor::trust;

/// What is cancelled when the demo is left has ended after this time, or is left to its server's end.
const CANCELLED: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Which demo; without a name you are asked.
    name: Option<String>,
    /// List the demos, or the ways in which the one that is named can be broken.
    #[arg(long)]
    list: bool,
    /// Bring it up broken in this way.
    #[arg(long = "break", value_name = "NAME")]
    broken: Option<String>,
    /// How much shorter the guide's windows and waits are (`1/600`: a day in 144 seconds; `1/1`: as written).
    #[arg(long, value_name = "1/N")]
    scale: Option<String>,
    /// Walk it without a person and without a terminal.
    #[arg(long)]
    headless: bool,
    /// With `--headless`: roll back at the end, and verify it. One that is broken rolls back in any case.
    #[arg(long, requires = "headless")]
    rollback: bool,
    /// Only start the sample system, and say how to reach it.
    #[arg(long, conflicts_with_all = ["headless", "rollback"])]
    serve: bool,
    /// With `--headless`: print the final status as one JSON document.
    #[arg(long, requires = "headless")]
    json: bool,
    /// Where the workspace goes; without it a new folder under the temporary one.
    #[arg(long, value_name = "FOLDER")]
    directory: Option<PathBuf>,
    /// The layout to begin with.
    #[arg(long, value_name = "NAME")]
    layout: Option<String>,
    /// The theme to begin with.
    #[arg(long, value_name = "NAME")]
    theme: Option<String>,
}

pub(super) async fn main(arguments: Arguments) -> color_eyre::Result<Exit> {
    let Some(plan) = choice::plan(&arguments)? else {
        return Ok(Exit::Done);
    };
    if !arguments.headless && !arguments.serve {
        attach::need_terminal()?;
        attach::check_look(arguments.layout.as_deref(), arguments.theme.as_deref())?;
    }
    // Whatever ends this command must end the sample system with it.
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    let told_to_end = async {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
            _ = hung_up.recv() => {}
        }
    };
    tokio::pin!(told_to_end);

    let temporary;
    let directory = match &arguments.directory {
        Some(directory) => directory.clone(),
        None => {
            temporary = tempfile::Builder::new()
                .prefix("gonogo-demo-")
                .tempdir()?
                .keep();
            temporary
        }
    };
    say!(
        "starting PostgreSQL and the services of `{}` in {} …",
        plan.system.name,
        directory.display()
    );
    if let Some(broken) = plan.broken {
        say!("broken: {}", broken.about);
    }
    if let Some(scale) = plan.scale {
        say!("windows and waits last 1/{scale} of their time");
    }
    let binary = std::env::current_exe()?;
    let workspace = tokio::select! {
        workspace = Workspace::create(&plan, &directory, &binary) => workspace.map_err(|error| {
            Trouble::failed(error.to_string(), "`gonogo doctor` says what is missing")
        })?,
        () = &mut told_to_end => return Ok(Exit::Failed),
    };
    let mut opened = None;
    let walked = tokio::select! {
        walked = walk(&arguments, &plan, &workspace, &mut opened) => walked,
        () = &mut told_to_end => Ok(Exit::Failed),
    };
    let left = match &opened {
        Some(run) => leave_nobody_behind(run).await,
        None => Ok(()),
    };
    if opened.is_some() {
        tell_what_became(&workspace).await;
    }
    let place = workspace.directory().to_owned();
    workspace.stop().await?;
    say!(
        "the sample system is stopped; its files are in {}",
        place.display()
    );
    left?;
    walked
}

/// Walks the guide in each environment of the system, until one is not done. `opened` is the name of the
/// run at hand.
async fn walk(
    arguments: &Arguments,
    plan: &Plan,
    workspace: &Workspace,
    opened: &mut Option<String>,
) -> color_eyre::Result<Exit> {
    agree(workspace)?;
    let environments: Vec<&str> = plan.system.environment_names().collect();
    if arguments.serve {
        say!("open the guide from another terminal:");
        for environment in &environments {
            let guide = workspace.guide();
            let guide = shell_quoted(&guide.to_string_lossy());
            let command = format!("gonogo run {guide} --env {environment}\n");
            print::out(&command)?;
        }
        say!("Ctrl-C stops the sample system");
        return std::future::pending().await;
    }
    let mut walked = Exit::Done;
    for (at, environment) in environments.iter().enumerate() {
        let is_last = at + 1 == environments.len();
        let mut prepared = open::prepare_to_run(&OpenArguments {
            guide: workspace.guide(),
            env: Some((*environment).to_owned()),
            ..OpenArguments::default()
        })?;
        // Still the run at hand until the next one is opened: whatever ends this leaves it as well.
        if let Some(before) = opened.clone() {
            leave_nobody_behind(&before).await?;
            say!("`{environment}` is next");
            let before = kept::read(&before).await?.state;
            print::remark(&promote::follow(&before, &mut prepared));
        }
        walked = walk_in(prepared, is_last, arguments, plan, opened).await?;
        if walked != Exit::Done {
            break;
        }
    }
    Ok(walked)
}

/// Walks the guide in one environment. Only in the last one something is broken, or taken back.
async fn walk_in(
    prepared: open::Opened,
    is_last: bool,
    arguments: &Arguments,
    plan: &Plan,
    opened: &mut Option<String>,
) -> color_eyre::Result<Exit> {
    if !arguments.headless {
        let run = opened.insert(open::create(prepared, false).await?);
        return attach::cockpit(run, arguments.layout.clone(), arguments.theme.clone()).await;
    }
    open::refuse_errors(&prepared)?;
    let assume = prepared.runbook.settings.rehearsal_assumes;
    let run = opened.insert(open::create(prepared, true).await?);
    let client = session::connect(run).await?;
    let policy = Policy {
        assume,
        roll_back: is_last && (arguments.rollback || plan.broken.is_some()),
    };
    let walked = unattended::walk(run, &client, policy, None, arguments.json && is_last).await?;
    if arguments.json && !is_last && walked != Exit::Done {
        print::json(&status::document(run).await?)?;
    }
    Ok(walked)
}

/// The rows and versions of the sample system, compared with those of the beginning.
async fn tell_what_became(workspace: &Workspace) {
    match workspace.compare().await {
        Ok(parts) => {
            say!("compared with the beginning:");
            parts.iter().for_each(|part| say!("  {part}"));
        }
        Err(error) => say!("could not be compared with the beginning: {error}"),
    }
}

/// The configuration of the demo is of its own making.
fn agree(workspace: &Workspace) -> color_eyre::Result<()> {
    let (_, file) = configuration::read_file(&workspace.config())?;
    trust::grant(&file.configuration, &identity::me(), chrono::Utc::now())?;
    Ok(())
}

/// The run's system is about to stop: what runs is cancelled, the run is abandoned where its deployment is
/// not over, and its supervisor ends.
async fn leave_nobody_behind(run: &str) -> color_eyre::Result<()> {
    if let Some(client) = session::reach(run, Takeover::default()).await?
        && let Err(error) = give_up(run, &client).await
    {
        say!("could not abandon the run: {error}");
    }
    owner::park(run).await.map(drop)
}

async fn give_up(run: &str, client: &Client) -> color_eyre::Result<()> {
    let mut state = kept::read(run).await?.state;
    // A deployment that waits for the day after is parked as it is.
    let is_deployed = state.mode == Mode::Running && state.deployed_at.is_some();
    let is_over = state.mode.is_over() || state.mode == Mode::Done;
    if state.busy().is_empty() && (is_over || is_deployed) {
        return Ok(());
    }
    let reason = "the demo was closed, and its sample system stopped";
    let mut joined = Joined::join(client).await?;
    joined.takes_controls(reason, false).await?;
    for (action, _) in state.busy() {
        joined.does(Command::Cancel { action }).await?;
    }
    let asked = Instant::now();
    while !state.busy().is_empty() && asked.elapsed() < CANCELLED {
        tokio::time::sleep(Duration::from_millis(50)).await;
        state = kept::read(run).await?.state;
    }
    if !state.mode.is_over() && state.mode != Mode::Done {
        let reason = reason.to_owned();
        joined.does(Command::Abandon { reason }).await?;
    }
    Ok(())
}
