//! Lints of watches: what they look for, how long they live, and what can be repeated.

use super::{Context, Report, closest};
use crate::runbook::alerts::compile_alert;
use crate::runbook::diagnostic::Severity;
use crate::runbook::model::{Actor, UNTIL_END};

pub(super) fn lint(context: &Context<'_>, report: &mut Report<'_>) {
    let runbook = context.runbook;
    let phases: Vec<&str> = runbook.walk().map(|phase| phase.id.as_str()).collect();
    for block in &runbook.blocks {
        let attributes = &block.attributes;
        if let Some(expression) = &attributes.alert
            && let Err(why) = compile_alert(expression)
        {
            let written = context.source.line_text(block.line);
            let needle = if expression.is_empty() || !written.contains(expression.as_str()) {
                "alert"
            } else {
                expression
            };
            report.add(
                Severity::Error,
                "bad-attribute",
                (block.line, needle),
                format!("`{expression}` is not a valid alert pattern: {why}"),
                "write a regular expression such as `alert=\"ERROR|FATAL\"`",
            );
        }
        if let Some(until) = &attributes.until {
            if until != UNTIL_END && !phases.contains(&until.as_str()) {
                report.add(
                    Severity::Error,
                    "bad-attribute",
                    (block.line, until),
                    format!("`until={until}` names no phase of this guide"),
                    match closest(until, &phases) {
                        Some(phase) => format!("did you mean `{phase}`?"),
                        None => "write the id of a phase, or `until=end`".to_owned(),
                    },
                );
            } else if !block.is_watch() {
                report.add(
                    Severity::Warning,
                    "bad-attribute",
                    (block.line, "until"),
                    "`until` is for watches, and this block ends by itself",
                    "mark it `.watch`, or leave `until` out",
                );
            }
        }
        if attributes.every_s.is_some() && !matches!(block.actor, Actor::Shell | Actor::Sql) {
            report.add(
                Severity::Warning,
                "bad-attribute",
                (block.line, "every"),
                "only shell and SQL blocks can be repeated",
                "name the endpoint as a probe in `gonogo.toml`, or leave `every` out",
            );
        }
    }
}
