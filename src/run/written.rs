//! What people have written into the run: commands of their own, and corrections of the guide's, told as
//! the difference to what the guide has.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use similar::{ChangeTag, TextDiff};

use super::{ActionId, Event, Record, RunState, Timestamp};
use crate::runbook::{Actor, Written};

/// A command that a person wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByPerson {
    pub at: Timestamp,
    pub by: String,
    /// What the guide has in its place; `None` of a command of their own.
    pub original: Option<String>,
}

impl RunState {
    /// The text of an action as it stands in the run, and who carries it out.
    pub fn code_of(&self, action: ActionId) -> Option<(&str, Actor)> {
        let block = self.runbook.block(action.block)?;
        match action.part.checked_sub(1) {
            None => Some((&block.code, block.actor)),
            Some(index) => block
                .parts
                .get(index)
                .map(|part| (part.code.as_str(), part.actor)),
        }
    }

    /// A correction against what the guide has, line by line, each with its sign; empty of everything else.
    pub fn difference(&self, action: ActionId) -> Vec<String> {
        let original = self
            .written
            .get(&action)
            .and_then(|written| written.original.as_deref());
        let (Some(original), Some((now, _))) = (original, self.code_of(action)) else {
            return Vec::new();
        };
        let whole = |text: &str| format!("{}\n", text.trim_end());
        TextDiff::from_lines(&whole(original), &whole(now))
            .iter_all_changes()
            .map(|change| {
                let sign = match change.tag() {
                    ChangeTag::Delete => '-',
                    ChangeTag::Insert => '+',
                    ChangeTag::Equal => ' ',
                };
                format!("{sign}{}", change.value().trim_end_matches('\n'))
            })
            .collect()
    }
}

/// What persons wrote: commands, corrections, and what measures a criterion.
pub(super) fn apply(state: &mut RunState, record: &Record) {
    let by = record.by.clone();
    match &record.event {
        Event::CommandWritten { written } => add(state, record.at, by, written),
        Event::CommandCorrected { action, written } => {
            correct(state, record.at, by, *action, written);
        }
        _ => bind(state, record),
    }
}

/// Gives a command of a person its place.
fn add(state: &mut RunState, at: Timestamp, by: String, written: &Written) {
    Arc::make_mut(&mut state.runbook).add_written(written);
    let action = ActionId::block(state.runbook.blocks.len());
    let original = None;
    let own = ByPerson { at, by, original };
    state.written.insert(action, own);
}

/// A criterion is measured from now on: what was said of it before is taken back.
fn bind(state: &mut RunState, record: &Record) {
    let Event::CriterionBound {
        phase,
        line,
        cel,
        block,
    } = &record.event
    else {
        return;
    };
    Arc::make_mut(&mut state.runbook).bind(phase, *line, cel, *block);
    if let Some(own) = state.phases.get_mut(phase) {
        own.criteria.remove(line);
    }
    let source = block.map(|number| state.title_of(ActionId::block(number)));
    let by = source.map_or_else(String::new, |title| format!(", by `{title}`"));
    let items = state.runbook.phase(phase).into_iter();
    let item = items
        .flat_map(|own| &own.criteria)
        .find(|item| item.line == *line);
    let text = item.map_or("", |item| item.text.as_str());
    let text = format!("measured from now on: {text}: `{cel}`{by}");
    state.note_down(record, text);
}

/// Puts a correction in the place of a command.
fn correct(state: &mut RunState, at: Timestamp, by: String, action: ActionId, written: &Written) {
    let Some((now, _)) = state.code_of(action) else {
        return;
    };
    let original = match state.written.get(&action) {
        Some(known) => known.original.clone(),
        None => Some(now.to_owned()),
    };
    Arc::make_mut(&mut state.runbook).correct(action.block, action.part, written);
    // As the guide has it again, nothing is corrected.
    let again = original.as_deref().map(str::trim_end) == Some(written.block.code.trim_end());
    if again {
        state.written.remove(&action);
    } else {
        state.written.insert(action, ByPerson { at, by, original });
    }
}
