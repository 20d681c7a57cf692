//! What can still be found out about an action whose end nobody saw: it helps a person to say what
//! became of it, and never says so itself.

use serde::{Deserialize, Serialize};

use super::Judgement;

/// What the world says now about an unknown action.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fate {
    /// Sessions on the server that still carry its name, one line each; `Err`: they cannot be asked for.
    pub sessions: Option<Result<Vec<String>, String>>,
    /// What the server says of its last transaction: `committed`, `aborted` or `in progress`.
    pub transaction: Option<Result<String, String>>,
    /// What the checks of its step say now; those that a machine can judge and that only read.
    pub checks: Vec<CheckNow>,
}

/// A check of the step, asked anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckNow {
    pub title: String,
    /// The line of its block in the guide.
    pub line: usize,
    pub judgement: Result<Judgement, String>,
}
