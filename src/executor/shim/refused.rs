//! Why an action was not started.

use crate::run::TargetIdentity;

/// Why nothing was run.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) reason: String,
    /// What a check printed about it.
    pub(super) output: Vec<String>,
    /// The exit code of that check.
    pub(super) exit: Option<i32>,
    /// Another database answers than the one that was confirmed.
    pub(super) another: Option<Box<TargetIdentity>>,
}

impl Refused {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            output: Vec::new(),
            exit: None,
            another: None,
        }
    }
}
