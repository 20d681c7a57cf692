//! The part of the report about what was given for the blanks of the guide, and on whose authority
//! inferred commands ran.

use super::page::{Line, Page};
use super::words::time;
use crate::run::{Input, Origin, RunState};

/// Two sections, each where there is something to say.
pub(super) fn write(page: &mut Page, state: &RunState) {
    if !state.inputs.is_empty() && !state.runbook.variables.is_empty() {
        page.heading(2, &Line::new().own("Inputs"));
        page.table(&["name", "value", "from"]);
    }
    for variable in &state.runbook.variables {
        let value = match state.inputs.get(&variable.name) {
            Some(Input::Value(value)) if !variable.secret => Line::new().code(value),
            Some(_) => Line::new().own("(a secret)"),
            None => continue,
        };
        let origin = state.provenance.origins.get(&variable.name);
        let from = Line::new().own(match origin {
            Some(Origin::Shell) => "the shell in which the run was opened",
            Some(Origin::Argument) => "`--var`",
            Some(Origin::Configuration) => "`gonogo.toml`",
            Some(Origin::Default) => "its default",
            Some(Origin::Remembered) => "an earlier run",
            Some(Origin::Promoted) => "the run that was promoted",
            Some(Origin::Captured) => "an earlier step",
            Some(Origin::Typed) => "the operator",
            None => "",
        });
        let changed = state
            .input_changes
            .iter()
            .rev()
            .find(|change| change.name == variable.name && !change.taken_back);
        let from = from.with(changed, |line, change| {
            let line = line.own(", ").text(time(change.at));
            line.own(" by ").text(&change.by)
        });
        page.row(&[Line::new().text(&variable.name), value, from]);
    }
    if !state.armed_before.is_empty() {
        page.heading(
            2,
            &Line::new().own("Armed in earlier runs of this exact guide"),
        );
    }
    for (action, armed) in &state.armed_before {
        let line = state
            .runbook
            .block(action.block)
            .map_or(0, |block| block.line);
        let words = Line::new().own("block ").text(action.to_string());
        let words = words.own(" (line ").text(line.to_string()).own("): ");
        page.item(&words.text(time(armed.at)).own(" by ").text(&armed.by));
    }
}
