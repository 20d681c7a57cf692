//! The blanks of a run: where each value comes from, what was changed and taken back, which values
//! and armings an earlier run left behind, and which steps wait for a value.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{ActionId, Event, Input, Preview, Record, Refusal, RunState, Timestamp};
use crate::runbook::values::{self, ValueError};
use crate::runbook::{Step, Variable, blank_name};

/// Changes of inputs that are kept to be shown and taken back.
const CHANGES_KEPT: usize = 200;

/// Where a run comes from: its guide's place, and its first values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The guide's own path, absolute; `None` for a run of a version that did not keep it.
    pub guide: Option<String>,
    /// Where each input comes from, by name.
    pub origins: BTreeMap<String, Origin>,
    /// Values of earlier runs that wait to be confirmed, by name.
    pub remembered: BTreeMap<String, Remembered>,
    /// The file of the environment; `None` for a run without one, or of a version that did not keep it.
    #[serde(default)]
    pub configuration: Option<super::Configuration>,
    /// The user has armed or run nothing of this very text so far.
    #[serde(default)]
    pub guide_is_new: bool,
    /// What the rollbacks of this very text took in an earlier run, by option.
    #[serde(default)]
    pub measured: BTreeMap<String, MeasuredRollback>,
    /// What is known of rehearsals, where the environment is protected; `None` where nobody has looked.
    #[serde(default)]
    pub rehearsal: Option<super::Rehearsal>,
    #[serde(default)]
    pub promoted: Option<Box<super::Promotion>>,
}

/// A rollback that went through in an earlier run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasuredRollback {
    pub seconds: u64,
    pub run: String,
    pub environment: String,
    pub at: Timestamp,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The shell in which the run was opened.
    Shell,
    /// `--var` of the command line.
    Argument,
    /// `values` or `secrets` of the environment in `gonogo.toml`.
    Configuration,
    /// The default of the guide or of `gonogo.toml`.
    Default,
    /// An earlier run of this guide in this environment.
    Remembered,
    /// The run that this one was promoted from.
    Promoted,
    /// The evidence of an earlier step.
    Captured,
    /// Somebody typed it in this run.
    #[default]
    Typed,
}

/// What somebody gave in an earlier run of the same guide in the same environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Remembered {
    pub input: Input,
    pub at: Timestamp,
    pub by: String,
}

/// One change of an input, the newest last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputChange {
    pub at: Timestamp,
    pub by: String,
    pub name: String,
    /// What stood there before; `None`: it was open.
    pub before: Option<(Input, Origin)>,
    /// `None`: it was left open.
    pub after: Option<Input>,
    pub taken_back: bool,
}

/// An inferred block that was armed in an earlier run of the byte-identical guide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmedBefore {
    /// [`code_hash`] of what was armed.
    pub code: String,
    pub at: Timestamp,
    pub by: String,
}

/// The guide's file as it is now, held against what the run was opened from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuideOnDisk {
    Same,
    /// Another text, by its SHA-256.
    Changed(String),
    Missing,
    /// Why it cannot be read.
    Unreadable(String),
}

/// When the guide's file was first seen to be so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuideSeen {
    pub at: Timestamp,
    pub state: GuideOnDisk,
}

/// Binds an arming to the code alone: with the same guide, the same block. `None` where there is no
/// such action.
pub fn code_hash(state: &RunState, action: ActionId) -> Option<String> {
    let block = state.runbook.block(action.block)?;
    let code = match action.part.checked_sub(1) {
        Some(index) => &block.parts.get(index)?.code,
        None => &block.code,
    };
    let mut hasher = Sha256::new();
    hasher.update(action.to_string().as_bytes());
    hasher.update([0]);
    hasher.update(code.as_bytes());
    Some(super::hex(&hasher.finalize()))
}

/// Who armed this in an earlier run, where that still counts: never for what destroys something.
pub fn armed_before<'a>(state: &'a RunState, shown: &Preview) -> Option<&'a ArmedBefore> {
    let known = state.armed_before.get(&shown.action)?;
    let same = code_hash(state, shown.action).is_some_and(|code| code == known.code);
    (same && shown.destructive.is_empty()).then_some(known)
}

/// Whether an inferred command may start as it was shown.
pub fn is_armed(state: &RunState, shown: &Preview) -> bool {
    let armed = state
        .action(shown.action)
        .and_then(|known| known.armed.as_deref());
    !shown.needs_arming || armed == Some(&shown.content) || armed_before(state, shown).is_some()
}

/// The blanks without a value for which a step waits, in the order of the guide.
pub fn open_inputs(state: &RunState) -> impl Iterator<Item = &Variable> {
    state
        .runbook
        .variables
        .iter()
        .filter(|variable| is_open(state, variable))
        .filter(|variable| !steps_needing(state, &variable.name).is_empty())
}

/// Whether somebody still has to say what this is.
pub fn is_open(state: &RunState, variable: &Variable) -> bool {
    !state.inputs.contains_key(&variable.name)
        && state.runbook.asks(&variable.name)
        && !variable.fills_itself
        && !(super::preview::is_provided(state, &variable.name))
}

/// The steps with a command that cannot run without this value, in the order of the guide.
pub fn steps_needing<'a>(state: &'a RunState, name: &str) -> Vec<&'a Step> {
    let needs = |step: &&Step| {
        step.blocks
            .iter()
            .filter_map(|number| state.runbook.block(*number))
            .any(|block| block.needs.iter().any(|needed| needed == name))
    };
    state.runbook.steps().filter(needs).collect()
}

/// Whether an input may be given to a blank.
///
/// # Errors
/// Why not, with the rule that it breaks.
pub fn check_input(state: &RunState, name: &str, input: &Input) -> Result<(), Refusal> {
    let variable = state
        .runbook
        .asked_or_carried()
        .find(|known| known.name == name);
    if variable.is_none() && !state.inputs.contains_key(name) {
        return Err(Refusal::new(
            format!("the guide has no blank `{name}`"),
            "see `gonogo check` for those it has",
        ));
    }
    let source = match input {
        Input::Value(_) if variable.is_some_and(|known| known.secret) => {
            return Err(Refusal::new(
                format!("`{name}` is a secret: its value is never typed here"),
                "say where it comes from: an environment variable, a file or a command",
            ));
        }
        Input::Value(value) => {
            let rule = variable.map(|known| &known.rule);
            let checked = match rule {
                Some(rule) => values::check(rule, value),
                None => values::plain(value),
            };
            return checked.map_err(|why| {
                Refusal::new(
                    format!("no value for `{name}`: {why}"),
                    "fix it, or leave it open: only the steps that need it wait",
                )
            });
        }
        Input::Secret(source) => source,
    };
    values::source(source).map_err(|why| {
        let help = match why {
            ValueError::HoldsSecret => values::SECRET_ELSEWHERE,
            _ => "name an environment variable, a file or a command",
        };
        Refusal::new(format!("that is not a source for `{name}`: {why}"), help)
    })
}

pub(super) fn set(state: &RunState, name: &str, input: &Input) -> Result<Vec<Event>, Refusal> {
    check_input(state, name, input)?;
    Ok(vec![Event::InputSet {
        name: name.to_owned(),
        input: input.clone(),
    }])
}

pub(super) fn clear(state: &RunState, name: &str) -> Result<Vec<Event>, Refusal> {
    if !state.inputs.contains_key(name) && !state.provenance.remembered.contains_key(name) {
        return Err(Refusal::new(
            format!("`{name}` is already open"),
            "nothing to clear",
        ));
    }
    Ok(vec![Event::InputCleared {
        name: name.to_owned(),
    }])
}

pub(super) fn undo(state: &RunState) -> Result<Vec<Event>, Refusal> {
    let last = state
        .input_changes
        .iter()
        .rev()
        .find(|change| !change.taken_back);
    match last {
        Some(change) => Ok(vec![Event::InputChangeUndone {
            name: change.name.clone(),
        }]),
        None => Err(Refusal::new(
            "no input was changed in this run",
            "nothing to undo",
        )),
    }
}

/// Folds what happened to an input.
pub(super) fn apply(state: &mut RunState, record: &Record) {
    match &record.event {
        Event::InputSet { name, input } => {
            let remembered = state.provenance.remembered.remove(name);
            let origin = match remembered {
                Some(remembered) if remembered.input == *input => Origin::Remembered,
                _ if record.by == super::ENGINE => Origin::Captured,
                _ => Origin::Typed,
            };
            keep(state, record, name, Some(input.clone()));
            state.inputs.insert(name.clone(), input.clone());
            state.provenance.origins.insert(name.clone(), origin);
            // What a person gives stands above what earlier steps left.
            state.given_at.insert(name.clone(), record.at);
            state.captured.remove(&blank_name(name));
        }
        Event::InputCleared { name } => {
            state.given_at.remove(name);
            state.provenance.remembered.remove(name);
            keep(state, record, name, None);
            state.inputs.remove(name);
            state.provenance.origins.remove(name);
        }
        Event::InputChangeUndone { name } => {
            let change = state
                .input_changes
                .iter_mut()
                .rev()
                .find(|change| change.name == *name && !change.taken_back);
            let Some(change) = change else { return };
            change.taken_back = true;
            match change.before.clone() {
                Some((input, origin)) => {
                    state.inputs.insert(name.clone(), input);
                    state.provenance.origins.insert(name.clone(), origin);
                }
                None => {
                    state.inputs.remove(name);
                    state.provenance.origins.remove(name);
                }
            }
        }
        _ => {}
    }
}

fn keep(state: &mut RunState, record: &Record, name: &str, after: Option<Input>) {
    let before = state.inputs.get(name).cloned().map(|input| {
        let origin = state.provenance.origins.get(name).copied();
        (input, origin.unwrap_or_default())
    });
    state.input_changes.push(InputChange {
        at: record.at,
        by: record.by.clone(),
        name: name.to_owned(),
        before,
        after,
        taken_back: false,
    });
    if state.input_changes.len() > CHANGES_KEPT {
        state.input_changes.remove(0);
    }
}

#[cfg(test)]
mod tests;
