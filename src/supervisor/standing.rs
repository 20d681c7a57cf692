//! Keeps in the journal where the run stands, once it has come to rest, so that `gonogo runs` need not
//! replay it. A run that was killed in between is replayed as ever.

use std::time::Duration;

use super::core::Supervisor;
use crate::report::Standing;

/// A run in which nothing was written for so long is at rest.
const REST: Duration = Duration::from_secs(2);

impl Supervisor {
    /// Keeps where the run stands if it has changed and the run is at rest, or `now`.
    pub(super) async fn note_standing(&mut self, now: bool) {
        let state = &self.state;
        let at_rest = self.clock.up().saturating_sub(self.wrote_at) > REST;
        let all_is_kept = self.unsaved.is_empty() && self.health.failure.is_none();
        if state.seq == self.standing_kept || !all_is_kept || !(at_rest || now) {
            return;
        }
        self.standing_kept = state.seq;
        let kept = match serde_json::to_string(&Standing::of(state)) {
            Ok(body) => self.journal.keep_standing(&body).await,
            Err(error) => {
                tracing::debug!(%error, "where the run stands is not kept");
                return;
            }
        };
        if let Err(error) = kept {
            tracing::debug!(%error, "where the run stands is not kept");
        }
    }
}
