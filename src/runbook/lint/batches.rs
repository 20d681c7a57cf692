//! Lints of blocks that run in batches or set a flag.

use super::{Context, Report};
use crate::runbook::batch::batch_problem;
use crate::runbook::diagnostic::Severity;
use crate::runbook::flag::flag_problem;

pub(super) fn lint(context: &Context<'_>, report: &mut Report<'_>) {
    for block in &context.runbook.blocks {
        if let Some([needle, why, help]) = batch_problem(block) {
            let at = (block.line, needle);
            report.add(Severity::Error, "bad-batch", at, why, help);
        }
        if let Some([needle, why, help]) = flag_problem(block) {
            let at = (block.line, needle);
            report.add(Severity::Error, "bad-flag", at, why, help);
        }
    }
}
