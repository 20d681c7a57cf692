//! Lints of the names of blanks.

use super::{Context, Report};
use crate::runbook::diagnostic::Severity;
use crate::runbook::reserved::is_reserved;

/// A blank whose name is that of a variable by which programs are steered.
pub(super) fn lint(context: &Context<'_>, report: &mut Report<'_>) {
    for variable in &context.runbook.variables {
        let (Some(line), Some(spelling)) = (variable.lines.first(), variable.spellings.first())
        else {
            continue;
        };
        if !is_reserved(&variable.name) {
            continue;
        }
        let name = &variable.name;
        report.add(
            Severity::Info,
            "reserved-name",
            (*line, spelling),
            format!("`{name}` controls what a step starts: the value of `{spelling}` never becomes that variable"),
            format!("it is written into the command as one quoted word, and your own `{name}` is not taken for it"),
        );
    }
}
