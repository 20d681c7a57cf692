//! What is wrong with a guide, or will surprise the person who walks it. Each lint is one function
//! from what was understood to diagnostics; nothing here runs a process or reads a file.

mod batches;
mod commands;
mod conditions;
mod names;
mod psql_scripts;
mod sql;
mod structure;
mod text;
mod watches;

pub use conditions::{ConditionProblem, Wanted, check_conditions};

use super::blocks::Blocks;
use super::diagnostic::{Diagnostic, Severity};
use super::headings::Heading;
use super::model::Runbook;
use super::outline::Node;
use super::phases::Chosen;
use super::source::Source;

/// Everything a lint may look at.
pub(super) struct Context<'a> {
    pub source: &'a Source,
    pub nodes: &'a [Node],
    pub headings: &'a [Heading],
    pub blocks: &'a Blocks,
    pub chosen: &'a Chosen,
    pub runbook: &'a Runbook,
}

/// So many blocks are looked at by each lint in a thread of its own.
const WORTH_A_THREAD: usize = 500;

/// All diagnostics of a guide, by line.
pub(super) fn lint(context: &Context<'_>) -> Vec<Diagnostic> {
    let lints = [
        structure::lint,
        batches::lint,
        commands::lint,
        sql::lint,
        text::lint,
        names::lint,
        watches::lint,
    ];
    let report = || Report {
        source: context.source,
        diagnostics: Vec::new(),
    };
    let size = context.runbook.blocks.len() + context.headings.len();
    let mut diagnostics: Vec<Diagnostic> = if size < WORTH_A_THREAD {
        let mut report = report();
        lints.iter().for_each(|lint| lint(context, &mut report));
        report.diagnostics
    } else {
        std::thread::scope(|scope| {
            let threads = lints.map(|lint| {
                scope.spawn(move || {
                    let mut report = report();
                    lint(context, &mut report);
                    report.diagnostics
                })
            });
            threads
                .into_iter()
                .flat_map(|thread| match thread.join() {
                    Ok(diagnostics) => diagnostics,
                    Err(panic) => std::panic::resume_unwind(panic),
                })
                .collect()
        })
    };
    diagnostics.sort_by(|a, b| (a.line, a.column, &a.code).cmp(&(b.line, b.column, &b.code)));
    diagnostics.dedup();
    diagnostics
}

/// Collects diagnostics and finds their columns.
pub(super) struct Report<'a> {
    source: &'a Source,
    diagnostics: Vec<Diagnostic>,
}

impl Report<'_> {
    /// Reports something about `needle` in a line (about the whole line where it does not occur).
    fn add(
        &mut self,
        severity: Severity,
        code: &str,
        (line, needle): (usize, &str),
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let (column, width) = self.source.locate(line, needle);
        self.diagnostics.push(Diagnostic {
            severity,
            code: code.to_owned(),
            line,
            column,
            width,
            message: message.into(),
            help: help.into(),
            also: Vec::new(),
        });
    }
}

/// The closest of `known` to what was written, as advice.
pub(super) fn did_you_mean(written: &str, known: &[&str]) -> String {
    match closest(written, known) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => format!("known: {}", list(known)),
    }
}

/// The one of `known` that was most likely meant; `None` where none is near.
pub fn closest<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| {
            let distance =
                strsim::damerau_levenshtein(&written.to_lowercase(), &candidate.to_lowercase());
            (distance, *candidate)
        })
        .min()
        .filter(|(distance, _)| *distance <= 1 + written.chars().count() / 4)
        .map(|(_, candidate)| candidate)
}

fn list(known: &[&str]) -> String {
    known
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
