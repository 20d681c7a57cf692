//! What was looked up in the world before something is decided: files, directories, locks, sources of
//! secrets, and the monitor's readings. It is gathered beside the loop, within limits, and passed in;
//! what is not here was not asked for.

use std::collections::BTreeMap;

use super::{ActionId, Guard, Readings, Refusal};

/// The world as it was looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    pub readings: Readings,
    /// What actions include and call.
    pub files: BTreeMap<ActionId, FilesNow>,
    /// Where the action that is asked for would start.
    pub directory: Option<DirectoryNow>,
    /// Targets of which no server has said yet who holds them.
    pub unasked: Vec<String>,
    /// What stands against the action that is asked for.
    pub guards: Vec<Guard>,
    /// The sessions that were seen to wait behind the statement whose wait is told.
    pub held_up: Vec<String>,
    /// Why an input cannot be what somebody gives it.
    pub bad_input: Option<Refusal>,
}

/// The files of one action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilesNow {
    /// [`super::digest_of`] all of them; `None` where it names none.
    pub digest: Option<String>,
    /// One that could not be looked at.
    pub hangs: Option<Hang>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DirectoryNow {
    There,
    Missing,
    Hangs(Hang),
}

/// A look that got no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` has not answered for {}: does its disk hang?", seconds(*for_ms))]
pub struct Hang {
    pub path: String,
    /// Since the oldest look that still waits, in milliseconds.
    pub for_ms: u64,
}

fn seconds(ms: u64) -> String {
    match ms {
        0..10_000 => format!("{:.1} s", ms as f64 / 1e3),
        _ => format!("{} s", ms / 1_000),
    }
}

/// Why the files of an action are not those that were shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Differs<'a> {
    Changed,
    /// Nobody can say: one of them does not answer.
    Hangs(&'a Hang),
}

impl Facts {
    /// Whether the files of an action are other ones than were shown; `None` where they are the same.
    pub(super) fn differ(&self, action: ActionId, shown: Option<&str>) -> Option<Differs<'_>> {
        let now = self.files.get(&action);
        let digest = now.and_then(|now| now.digest.as_deref());
        if digest == shown {
            return None;
        }
        Some(match now.and_then(|now| now.hangs.as_ref()) {
            Some(hang) => Differs::Hangs(hang),
            None => Differs::Changed,
        })
    }
}
