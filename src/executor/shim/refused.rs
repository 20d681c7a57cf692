//! Why an action was not started.

/// Why nothing was run.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) reason: String,
    /// What a check printed about it.
    pub(super) output: Vec<String>,
    /// The exit code of that check.
    pub(super) exit: Option<i32>,
}

impl Refused {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            output: Vec::new(),
            exit: None,
        }
    }
}
