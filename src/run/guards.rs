//! What stands against a step that locks tables, as it was looked up just before it starts. Who runs it all
//! the same says why, and that is put on record with what stood against it.

use serde::{Deserialize, Serialize};

use super::{Preview, Refusal, RunState};
use crate::runbook::{Actor, TableLock, locks_of};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuardLevel {
    /// It runs only with a reason, which is put on record.
    Stop,
    Warn,
    Note,
}

/// Something to know before it begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    pub level: GuardLevel,
    pub text: String,
}

impl Guard {
    pub fn new(level: GuardLevel, text: String) -> Self {
        Self { level, text }
    }

    /// `stop: it would wait for …`
    pub fn words(&self) -> String {
        let level = match self.level {
            GuardLevel::Stop => "stop",
            GuardLevel::Warn => "warning",
            GuardLevel::Note => "note",
        };
        format!("{level}: {}", self.text)
    }
}

impl RunState {
    /// The locks that an action will ask for, and on which target; `None`: it asks for none, or nobody can
    /// tell where. A shell command may lead to any target.
    pub fn locks_of(&self, shown: &Preview) -> Option<(String, Vec<TableLock>)> {
        let mut reaches = shown.reaches.iter();
        let is_certain =
            shown.strays.is_empty() && reaches.all(|reached| !reached.strays && !reached.unknown);
        let leads_there = self.targets.contains_key(&shown.on)
            && (shown.actor == Actor::Sql || self.targets.len() == 1);
        let locks = locks_of(&shown.command, shown.actor);
        (is_certain && leads_there && !locks.is_empty()).then(|| (shown.on.clone(), locks))
    }
}

/// What stops it, unless somebody says why it is run all the same.
pub(super) fn allow(guards: &[Guard], reason: Option<&str>) -> Result<(), Refusal> {
    let stop = guards.iter().find(|guard| guard.level == GuardLevel::Stop);
    match (stop, reason) {
        (Some(stop), None) => Err(Refusal::new(
            stop.text.clone(),
            "wait until that is over, or give a reason to run it anyway",
        )),
        _ => Ok(()),
    }
}
