//! The part of the report about what was given for the blanks of the guide, and on whose authority
//! inferred commands ran.

use std::fmt::Write;

use super::words::time;
use crate::run::{Input, Origin, RunState};

/// Two sections, each where there is something to say.
pub(super) fn write(out: &mut String, state: &RunState) -> std::fmt::Result {
    if !state.inputs.is_empty() && !state.runbook.variables.is_empty() {
        writeln!(out, "\n## Inputs\n\n| name | value | from |\n|---|---|---|")?;
    }
    for variable in &state.runbook.variables {
        let value = match state.inputs.get(&variable.name) {
            Some(Input::Value(value)) if !variable.secret => {
                format!("`{}`", value.replace('|', "\\|"))
            }
            Some(_) => "(a secret)".to_owned(),
            None => continue,
        };
        let origin = state.provenance.origins.get(&variable.name);
        let from = match origin {
            Some(Origin::Shell) => "the shell in which the run was opened",
            Some(Origin::Argument) => "`--var`",
            Some(Origin::Configuration) => "`gonogo.toml`",
            Some(Origin::Default) => "its default",
            Some(Origin::Remembered) => "an earlier run",
            Some(Origin::Captured) => "an earlier step",
            Some(Origin::Typed) => "the operator",
            None => "",
        };
        let changed = state
            .input_changes
            .iter()
            .rev()
            .find(|change| change.name == variable.name && !change.taken_back)
            .map(|change| format!(", {} by {}", time(change.at), change.by));
        let changed = changed.unwrap_or_default();
        writeln!(out, "| {} | {value} | {from}{changed} |", variable.name)?;
    }
    if !state.armed_before.is_empty() {
        writeln!(out, "\n## Armed in earlier runs of this very guide\n")?;
    }
    for (action, armed) in &state.armed_before {
        let line = state
            .runbook
            .block(action.block)
            .map_or(0, |block| block.line);
        writeln!(
            out,
            "- block {action} (line {line}): {} by {}",
            time(armed.at),
            armed.by
        )?;
    }
    Ok(())
}
