//! Who holds what: the runs of this account that have a process, and what that keeps from others.

use serde::Serialize;

use super::{glance, kept, owner};
use crate::executor::{Condition, condition};
use crate::report::Standing;
use crate::run::Timestamp;
use crate::supervisor::place;

/// A run with a process.
#[derive(Debug, Serialize)]
pub(super) struct Holding {
    pub pid: u32,
    pub since: Timestamp,
    /// False where that process is stopped or hangs.
    pub works: bool,
    /// The targets whose lock it holds.
    pub locks: Vec<String>,
    /// The targets that it is connected to.
    pub targets: Vec<String>,
}

/// What the process of a run keeps; `None` where it has none.
pub(super) async fn of(run: &str, standing: &Standing) -> color_eyre::Result<Option<Holding>> {
    let directory = kept::directory_of(run)?;
    let Some(holder) = owner::holder(&directory).await else {
        return Ok(None);
    };
    Ok(Some(Holding {
        works: condition(&holder.process()) == Some(Condition::Working),
        pid: holder.pid,
        since: holder.since,
        locks: standing.locks.clone(),
        targets: standing.targets.clone(),
    }))
}

/// Every run that has a process, newest first.
pub(super) async fn all() -> color_eyre::Result<Vec<(String, Standing, Holding)>> {
    let mut found = Vec::new();
    for run in place::runs()? {
        if owner::holder(&kept::directory_of(&run)?).await.is_none() {
            continue;
        }
        let Ok(glance) = glance::of(&run).await else {
            continue;
        };
        if let Some(holding) = of(&run, &glance.standing).await? {
            found.push((run, glance.standing, holding));
        }
    }
    Ok(found)
}

impl Holding {
    /// For a list: `process 4711 since 02:13 UTC, holds the lock of `main``.
    pub(super) fn words(&self) -> String {
        let mut words = format!(
            "process {} since {}",
            self.pid,
            self.since.format("%Y-%m-%d %H:%M UTC")
        );
        let named = |targets: &[String]| {
            let names: Vec<String> = targets.iter().map(|name| format!("`{name}`")).collect();
            names.join(", ")
        };
        if !self.locks.is_empty() {
            words += &format!(", holds the lock of {}", named(&self.locks));
        }
        if !self.targets.is_empty() {
            words += &format!(", two connections each to {}", named(&self.targets));
        }
        if !self.works {
            words += "; it is stopped or hangs";
        }
        words
    }

    /// How to end it.
    pub(super) fn help(&self, run: &str) -> String {
        match self.works {
            true => format!("`gonogo park {run}` ends it; the run stays"),
            false => format!("`gonogo attach {run}` says why, and how to go on"),
        }
    }
}
