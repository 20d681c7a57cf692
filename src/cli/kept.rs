//! A run as its journal tells it, without its supervisor.

use std::path::PathBuf;

use super::exit::Trouble;
use crate::journal::{Damage, Journal, SqliteJournal};
use crate::run::{RunState, fold};
use crate::supervisor::place;

/// What a journal says of its run.
pub(super) struct Kept {
    pub state: RunState,
    pub events: u64,
    pub head: String,
    pub intact: bool,
    /// Where and how the journal is damaged.
    pub damage: Option<String>,
}

/// Reads a run from its journal.
pub(super) async fn read(run: &str) -> color_eyre::Result<Kept> {
    let directory = directory_of(run)?;
    let path = directory.join("journal.sqlite");
    let (journal, state) = SqliteJournal::open_read_only_folding(
        &path,
        None,
        |state: &mut Option<RunState>, record| {
            fold(state, &record);
        },
    )
    .await?;
    let head = journal.head().hash;
    let damage = journal.damage().map(damage_sentence);
    let state = state.ok_or_else(|| {
        Trouble::failed(
            format!("the journal of `{run}` does not begin with the opening of a run"),
            "see `docs/operations.md` on damaged journals",
        )
    })?;
    Ok(Kept {
        events: state.seq,
        state,
        head,
        intact: damage.is_none(),
        damage,
    })
}

fn damage_sentence(damage: &Damage) -> String {
    format!(
        "the journal is damaged from event {} on: {}",
        damage.first_bad, damage.reason
    )
}

/// The folder of an existing run.
pub(super) fn directory_of(run: &str) -> color_eyre::Result<PathBuf> {
    let directory = place::run_directory(run).map_err(|error| {
        Trouble::usage(error.to_string(), "`gonogo runs` lists the runs kept here")
    })?;
    if directory.join("journal.sqlite").exists() {
        return Ok(directory);
    }
    Err(Trouble::usage(
        format!("there is no run `{run}`"),
        "`gonogo runs` lists the runs kept here",
    ))
}
