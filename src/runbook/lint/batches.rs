//! Lints of blocks that run in batches.

use super::{Context, Report};
use crate::runbook::batch::batch_problem;
use crate::runbook::diagnostic::Severity;

pub(super) fn lint(context: &Context<'_>, report: &mut Report<'_>) {
    for block in &context.runbook.blocks {
        if let Some([needle, why, help]) = batch_problem(block) {
            let at = (block.line, needle);
            report.add(Severity::Error, "bad-batch", at, why, help);
        }
    }
}
