//! `gonogo status RUN`: where a run stands, for a person or a script.

use super::print;
use clap::Args;

use super::exit::Exit;
use super::session;
use crate::report::{self, Surroundings};
use crate::run::{Mode, RunState};

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
    let kept = session::read(&run).await?;
    let mut text = format!("run {run}: {}\n", sentence(&kept.state));
    for phase in kept.state.runbook.walk() {
        text += &format!("\n{}\n", phase.title);
        for step in &phase.steps {
            let word = report::step_word(&kept.state, step);
            text += &format!("  {word:<10} {}\n", step.title);
        }
    }
    if !kept.intact {
        text += "\nthe journal is damaged: what stands here is its intact beginning\n";
    }
    print::out(&text)?;
    Ok(Exit::Done)
}

/// The `status --json` document of a run.
pub(super) async fn document(run: &str) -> color_eyre::Result<serde_json::Value> {
    let kept = session::read(run).await?;
    let directory = session::directory_of(run)?;
    let pid = crate::journal::RunLock::holder(&directory)?.map(|holder| holder.pid);
    let socket = session::living(&directory);
    let observers = match &socket {
        Some(socket) => observers(socket).await,
        None => Vec::new(),
    };
    let surroundings = Surroundings {
        supervisor_pid: pid,
        supervisor_alive: socket.is_some(),
        observers,
        events: kept.events,
        head: kept.head,
        intact: kept.intact,
        now: chrono::Utc::now(),
    };
    Ok(report::status(&kept.state, &surroundings))
}

/// Who watches. A supervisor that ends at this moment has nobody.
async fn observers(socket: &std::path::Path) -> Vec<String> {
    let people = match crate::api::Client::new(socket) {
        Ok(client) => client.people().await,
        Err(error) => Err(error),
    };
    match people {
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

/// The exit code that the state of a run stands for.
pub(super) fn exit_of(state: &RunState) -> Exit {
    match state.mode {
        Mode::Done => Exit::Done,
        Mode::RolledBack => Exit::RolledBack,
        Mode::Failed | Mode::Stuck => Exit::Failed,
        Mode::Running | Mode::Held | Mode::RollingBack => Exit::Waiting,
    }
}

/// Where the run stands, in one sentence.
pub(super) fn sentence(state: &RunState) -> String {
    let phase = state
        .phase()
        .map_or("the beginning", |phase| phase.title.as_str());
    if let Some((action, _, hold)) = state.held() {
        let step = state.step_of(action).map_or("", |step| step.title.as_str());
        return format!(
            "`{step}` holds a transaction open before its COMMIT since {}",
            hold.since.format("%Y-%m-%d %H:%M:%S UTC")
        );
    }
    match state.mode {
        Mode::Running => format!("under way in `{phase}`"),
        Mode::Held => format!("held in `{phase}`"),
        Mode::RollingBack => format!("going back from `{phase}`"),
        Mode::Done => match due(state) {
            Some(due) => format!("done; `{phase}` is due {due}"),
            None => "done".to_owned(),
        },
        Mode::Failed => format!("given up in `{phase}`"),
        Mode::RolledBack => "rolled back".to_owned(),
        Mode::Stuck => {
            let why = state
                .rollback
                .as_ref()
                .and_then(|rollback| rollback.stuck_reason.clone());
            format!("the rollback is stuck: {}", why.unwrap_or_default())
        }
    }
}

/// When the next parked phase is due, where one waits.
pub(super) fn due(state: &RunState) -> Option<String> {
    let next = state
        .runbook
        .walk()
        .find(|phase| phase.wait_s.is_some() && !state.is_phase_passed(&phase.id))?;
    state
        .due(next)
        .map(|due| due.format("%Y-%m-%d %H:%M UTC").to_string())
}
