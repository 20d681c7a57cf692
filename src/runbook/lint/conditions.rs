//! Conditions of a guide, checked by whoever can evaluate them: this layer only knows where they stand.

use crate::runbook::blanks::is_secret;
use crate::runbook::diagnostic::{Diagnostic, Severity};
use crate::runbook::model::Runbook;
use crate::runbook::source::Source;

/// What is wrong with one condition.
#[derive(Clone, Debug, PartialEq)]
pub struct ConditionProblem {
    /// The piece of the condition that is meant; the whole condition where it is empty.
    pub fragment: String,
    pub message: String,
    pub help: String,
}

/// What an expression is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    /// True or false: a condition.
    Truth,
    /// A value for later blanks: a capture.
    Value,
}

/// Runs `check` over every condition of the guide (`expect`, `when`, captures, conditions of ticks and
/// criteria) and gives each problem its place. `bytes` is the guide as it was parsed.
pub fn check_conditions(
    runbook: &Runbook,
    bytes: &[u8],
    mut check: impl FnMut(&str, Wanted) -> Vec<ConditionProblem>,
) -> Vec<Diagnostic> {
    let source = Source::decode(bytes);
    let mut conditions: Vec<(usize, &str, Wanted)> = Vec::new();
    let mut secret = Vec::new();
    for block in &runbook.blocks {
        let attributes = &block.attributes;
        conditions.extend(
            attributes
                .expect
                .iter()
                .map(|text| (block.line, text.as_str(), Wanted::Truth)),
        );
        conditions.extend(
            attributes
                .when
                .iter()
                .map(|text| (block.line, text.as_str(), Wanted::Truth)),
        );
    }
    for block in &runbook.blocks {
        for (name, expression) in &block.attributes.capture {
            conditions.push((block.line, expression.as_str(), Wanted::Value));
            if is_secret(name) {
                let (column, width) = source.locate(block.line, name);
                secret.push(Diagnostic {
                    severity: Severity::Error,
                    code: "secret-capture".to_owned(),
                    line: block.line,
                    column,
                    width,
                    message: format!(
                        "`{name}` is a secret by its name, and what is captured is kept"
                    ),
                    help: "name its source under `secrets` in `gonogo.toml`".to_owned(),
                    also: Vec::new(),
                });
            }
        }
    }
    for step in runbook.steps() {
        conditions.extend(
            step.ticks
                .iter()
                .filter_map(|tick| Some((tick.line, tick.cel.as_deref()?, Wanted::Truth))),
        );
    }
    for phase in runbook.walk() {
        conditions.extend(phase.criteria.iter().filter_map(|criterion| {
            Some((criterion.line, criterion.cel.as_deref()?, Wanted::Truth))
        }));
    }
    conditions.sort_unstable();
    conditions.dedup();
    let mut diagnostics = secret;
    for (line, condition, wanted) in conditions {
        for problem in check(condition, wanted) {
            let needle = if problem.fragment.is_empty() {
                condition
            } else {
                &problem.fragment
            };
            let (column, width) = source.locate(line, needle);
            diagnostics.push(Diagnostic {
                severity: Severity::Error,
                code: "bad-condition".to_owned(),
                line,
                column,
                width,
                message: problem.message,
                help: problem.help,
                also: Vec::new(),
            });
        }
    }
    diagnostics
}
