//! Why something failed, in the words of whatever failed first.

use std::error::Error;

/// What lies at the bottom of a chain of errors: it says most.
pub fn root_cause(error: &dyn Error) -> String {
    let mut reason = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    reason.to_string()
}
