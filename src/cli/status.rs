//! `gonogo status RUN`: where a run stands, for a person or a script.

use super::print;

use clap::Args;

use super::exit::Exit;
use super::kept;
use super::owner::{self, Owner};
use super::session;
use crate::api::Client;
use crate::report::{self, Surroundings, sentence};
use crate::run::{Mode, RunState, World};
use crate::supervisor::clock::now_of;
use crate::supervisor::place;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The run; without it the newest that is under way.
    run: Option<String>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) async fn main(arguments: &Arguments) -> color_eyre::Result<Exit> {
    let run = session::choose(arguments.run.as_deref()).await?;
    if arguments.json {
        print::json(&document(&run).await?)?;
        return Ok(Exit::Done);
    }
    let kept = kept::read(&run).await?;
    let mut text = format!("run {run}: {}\n", sentence(&kept.state));
    if let Owner::Silent(silent) = owner::of(&run).await? {
        text += &format!("  {}\n", super::exit::explain(&silent.trouble()));
    } else if let Some(words) = unsupervised(&run, &kept.state)? {
        text += &format!("{words}\n");
    }
    let phases = kept
        .state
        .runbook
        .walk()
        .map(|phase| (&phase.title, &phase.steps));
    let rollback_texts = kept
        .state
        .rollback
        .as_ref()
        .and_then(|rollback| kept.state.runbook.option(&rollback.option))
        .map(|option| (&option.title, &option.steps));
    let parts = phases
        .map(|part| ("", part))
        .chain(rollback_texts.map(|part| ("rollback: ", part)));
    for (what, (title, steps)) in parts {
        text += &format!("\n{what}{title}\n");
        for step in steps {
            let word = report::step_word(&kept.state, step);
            text += &format!("  {word:<10} {}\n", step.title);
        }
    }
    if !kept.intact {
        text += "\nthe journal is damaged: this is its intact beginning\n";
    }
    print::out(&text)?;
    Ok(Exit::Done)
}

/// The `status --json` document of a run.
pub(super) async fn document(run: &str) -> color_eyre::Result<serde_json::Value> {
    let kept = kept::read(run).await?;
    let directory = kept::directory_of(run)?;
    let pid = owner::holder(&directory).await.map(|holder| holder.pid);
    let owner = owner::of(run).await?;
    let (observers, world) = match &owner {
        Owner::Answers(client) => (observers(client).await, world(client).await),
        Owner::Nobody | Owner::Silent(_) => (Vec::new(), World::default()),
    };
    let surroundings = Surroundings {
        world,
        supervisor_pid: pid,
        supervisor_alive: matches!(owner, Owner::Answers(_)),
        observers,
        events: kept.events,
        head: kept.head,
        intact: kept.intact,
        now: now_of(&kept.state),
    };
    Ok(report::status(&kept.state, &surroundings))
}

/// What the supervisor sees of the world. One that ends at this moment looks at nothing.
async fn world(client: &Client) -> World {
    client.world().await.unwrap_or_else(|error| {
        tracing::debug!(%error, "nobody says what is there");
        World::default()
    })
}

/// Who watches. A supervisor that ends at this moment has nobody.
async fn observers(client: &Client) -> Vec<String> {
    match client.people().await {
        Ok(people) => people
            .into_iter()
            .filter(|person| !person.driver)
            .map(|person| person.name)
            .collect(),
        Err(error) => {
            tracing::debug!(%error, "nobody says who watches");
            Vec::new()
        }
    }
}

/// What has to be said of a run that should go on by itself and has nobody to see to it.
pub(super) fn unsupervised(run: &str, state: &RunState) -> color_eyre::Result<Option<String>> {
    let waits = state.pause(now_of(state)).is_some();
    let goes_on =
        matches!(state.mode, Mode::Running | Mode::RollingBack) && !waits || state.held().is_some();
    let directory = kept::directory_of(run)?;
    let alone = !owner::is_open(&place::socket_path(&directory)?);
    Ok((goes_on && alone).then(|| {
        format!(
            "  NO SUPERVISOR: what is running goes on, nothing new starts\n  \
             next: `gonogo attach {run}` gives it one"
        )
    }))
}

/// The exit code that the state of a run stands for.
pub(super) fn exit_of(state: &RunState) -> Exit {
    match state.mode {
        Mode::Done => Exit::Done,
        Mode::RolledBack => Exit::RolledBack,
        Mode::Failed | Mode::Stuck => Exit::Failed,
        Mode::Running | Mode::Held | Mode::RollingBack => Exit::Waiting,
    }
}
