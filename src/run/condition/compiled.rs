//! Conditions in the form that is executed. A run asks the same few again with each of its events, and
//! reading one costs more than its answer.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use cel::Program;

use super::first_line;
use super::source::rewritten;

/// So many are kept; a guide with more of them has the rest read anew.
const KEPT: usize = 4_096;

static KNOWN: LazyLock<Mutex<HashMap<String, Arc<Program>>>> = LazyLock::new(Mutex::default);

/// To be asked on a deep stack, because the parser recurses.
///
/// # Errors
/// Why it is no condition, in one line.
pub(super) fn compiled(source: &str) -> Result<Arc<Program>, String> {
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(program) = known().get(source) {
        return Ok(program.clone());
    }
    let program = Program::compile(&rewritten(source))
        .map(Arc::new)
        .map_err(|error| first_line(&error.to_string()))?;
    let mut known = known();
    if known.len() < KEPT {
        known.insert(source.to_owned(), program.clone());
    }
    Ok(program)
}
