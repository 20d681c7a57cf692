//! The run as it was at a moment: its state folded from the journal, its readings from the recorder.

use std::path::Path;

use super::message::{Snapshot, StoreHealth};
use crate::journal::SqliteJournal;
use crate::monitor::readings_at;
use crate::run::{Record, RunState, Timestamp, fold};

pub(super) async fn past(run: &str, directory: &Path, at: Timestamp) -> Result<Snapshot, String> {
    let path = directory.join("journal.sqlite");
    // A clock that was set back does not take records out of the middle.
    let mut is_over = false;
    let until = move |state: &mut Option<RunState>, record: Record| {
        is_over |= record.at > at;
        if !is_over {
            fold(state, &record);
        }
    };
    let folded = SqliteJournal::open_read_only_folding(path, None, until);
    let (journal, state) = folded.await.map_err(|error| error.to_string())?;
    if let Err(error) = journal.close().await {
        tracing::debug!(%error, "the journal was read, and is not closed");
    }
    let state = state.ok_or_else(|| "the run was not open then".to_owned())?;
    if state.run != run {
        return Err("the journal of another run stands in its place".to_owned());
    }
    let directory = directory.to_owned();
    let read = tokio::task::spawn_blocking(move || readings_at(&directory, at));
    let samples = match read.await {
        Ok(Ok(samples)) => samples,
        Ok(Err(error)) => return Err(error.to_string()),
        Err(error) => return Err(error.to_string()),
    };
    Ok(Snapshot {
        you: String::new(),
        at,
        state,
        samples,
        outputs: Vec::new(),
        people: Vec::new(),
        store: StoreHealth::default(),
    })
}
