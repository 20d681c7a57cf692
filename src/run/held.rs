//! A transaction that is held before its `COMMIT`, and the keyboard of a running step: what both mean
//! for an attempt, and who decides about them.

use serde::{Deserialize, Serialize};

use super::{ActionId, Attempt, Judgement, RunState, Timestamp, preview};

/// A `COMMIT` before which an action stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldPoint {
    /// Bytes of the command before it.
    pub offset: usize,
    /// Its line in the guide.
    pub line: usize,
}

/// A transaction that was or is held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    /// Which one of the attempt, counted from 1.
    pub number: u32,
    /// The line of its `COMMIT` in the guide.
    pub line: usize,
    /// When everything before the `COMMIT` was done.
    pub since: Timestamp,
    /// The action's expectations, judged on what it has shown so far.
    pub judgements: Vec<Judgement>,
    pub ended: Option<HoldEnd>,
}

/// What somebody decided about a held transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HoldEnd {
    pub at: Timestamp,
    pub by: String,
    /// False: rolled back.
    pub commit: bool,
    pub reason: Option<String>,
}

/// A time in which a person's keys went to a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyboardUse {
    pub by: String,
    pub since: Timestamp,
    /// `None` while it goes on.
    pub until: Option<Timestamp>,
}

impl Attempt {
    /// The transaction that is held now and waits for a decision.
    pub fn held(&self) -> Option<&Hold> {
        let hold = self.holds.last()?;
        (self.outcome.is_none() && hold.ended.is_none()).then_some(hold)
    }

    /// Who has given the keyboard to this attempt.
    pub fn keyboard(&self) -> Option<&str> {
        let used = self.keyboard.last()?;
        (self.outcome.is_none() && used.until.is_none()).then_some(used.by.as_str())
    }

    /// The keyboard is nobody's any more.
    pub(super) fn return_keyboard(&mut self, at: Timestamp) {
        if let Some(used) = self.keyboard.last_mut() {
            used.until = used.until.or(Some(at));
        }
    }
}

impl RunState {
    /// The running attempt whose transaction is held, and the hold.
    pub fn held(&self) -> Option<(ActionId, &Attempt, &Hold)> {
        self.actions.iter().find_map(|(action, state)| {
            let attempt = state.last()?;
            Some((*action, attempt, attempt.held()?))
        })
    }

    /// The running attempt that has somebody's keyboard.
    pub fn keyboard(&self) -> Option<(ActionId, u32, &str)> {
        self.actions.iter().find_map(|(action, state)| {
            let attempt = state.last()?;
            Some((*action, attempt.number, attempt.keyboard()?))
        })
    }

    /// The word to type before a held transaction is committed: in a protected environment, where it
    /// destroys something, and where its block asks for one.
    pub fn commit_word(&self, action: ActionId) -> Option<String> {
        let shown = preview(self, action).ok();
        let asked = shown.as_ref().and_then(|shown| shown.confirm.clone());
        let grave = self.protected || shown.is_none_or(|shown| !shown.destructive.is_empty());
        asked.or_else(|| {
            grave.then(|| match self.environment.as_str() {
                "" => "commit".to_owned(),
                name => name.to_owned(),
            })
        })
    }
}
