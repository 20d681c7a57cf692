//! What a shell step leaves for those after it: where its shell stood at the end and the variables it
//! set, as an author's terminal would have kept them. Each attempt keeps only the difference to what
//! it started with; what a step starts with is those differences laid over each other in the order of
//! the guide, so a step that is run again begins where its first attempt began.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ActionId, ActionState, Outcome, RunState};
use crate::runbook::{Actor, Part, Step};

/// Characters of a value in a summary.
const SUMMARY: usize = 60;

/// What one shell action changed in its shell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShellState {
    /// Where it ended, if that is not where it started.
    pub directory: Option<String>,
    /// Variables that it set or changed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, ShellValue>,
    /// Variables that it had and took away.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unset: BTreeSet<String>,
    /// Variables that it set and that are not handed on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub withheld: BTreeMap<String, Withheld>,
    /// Functions that it defined, as `declare -f` prints them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub functions: BTreeMap<String, String>,
    /// Aliases that it defined, and what they stand for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub aliases: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub umask: Option<String>,
    /// Where `cd -` goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
}

impl ShellState {
    /// True where the shell is as it was.
    pub fn is_unchanged(&self) -> bool {
        *self == Self::default()
    }

    /// For a person, on one line: `went to /srv/app; set TAG = v1; unset PROXY`. Empty where the shell
    /// is as it was.
    pub fn summary(&self) -> String {
        let mut said: Vec<String> = Vec::new();
        said.extend(self.directory.iter().map(|to| format!("went to {to}")));
        let set: Vec<String> = self
            .set
            .iter()
            .map(|(name, value)| {
                let value = value.to_string();
                match value.char_indices().nth(SUMMARY) {
                    Some((end, _)) => format!("{name} = {}…", &value[..end]),
                    None => format!("{name} = {value}"),
                }
            })
            .collect();
        if !set.is_empty() {
            said.push(format!("set {}", set.join(", ")));
        }
        if !self.unset.is_empty() {
            let names: Vec<&str> = self.unset.iter().map(String::as_str).collect();
            said.push(format!("unset {}", names.join(", ")));
        }
        let defined = self.functions.keys().map(|name| format!("{name}()"));
        let defined: Vec<String> = defined.chain(self.aliases.keys().cloned()).collect();
        if !defined.is_empty() {
            said.push(format!("defined {}", defined.join(", ")));
        }
        said.extend(self.umask.iter().map(|umask| format!("umask {umask}")));
        if !self.withheld.is_empty() {
            let names: Vec<&str> = self.withheld.keys().map(String::as_str).collect();
            said.push(format!("not handed on {}", names.join(", ")));
        }
        said.join("; ")
    }
}

/// A variable as a shell holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShellValue {
    /// One text, or the elements of an array; see [`encode`] for what is no text.
    pub texts: Vec<String>,
    /// An array, even of one element.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub array: bool,
    /// Its children get it too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exported: bool,
}

impl ShellValue {
    /// A plain variable.
    pub fn text(value: &str) -> Self {
        Self {
            texts: vec![value.to_owned()],
            ..Self::default()
        }
    }
}

impl fmt::Display for ShellValue {
    /// For a person: on one line, without control sequences, bytes that are no text as hexadecimal.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &String| {
            let readable = match text.strip_prefix('\0') {
                Some(bytes) => format!("0x{bytes}"),
                None => text.replace('\n', "⏎"),
            };
            crate::text::scrub::scrub_line(&readable, false).into_owned()
        };
        if self.array {
            let elements: Vec<String> = self
                .texts
                .iter()
                .map(|text| super::shell_quoted(&shown(text)))
                .collect();
            return write!(formatter, "({})", elements.join(" "));
        }
        formatter.write_str(&self.texts.iter().map(shown).collect::<String>())
    }
}

/// Bytes of a variable as text: as they are where they are UTF-8, else a zero byte (which no variable
/// of a shell can hold) and their hexadecimal.
pub fn encode(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("\0{}", super::hex(bytes)),
    }
}

/// The bytes that [`encode`] made a text of.
pub fn decode(text: &str) -> Vec<u8> {
    let Some(digits) = text.strip_prefix('\0') else {
        return text.as_bytes().to_vec();
    };
    digits
        .as_bytes()
        .chunks(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// Why a variable is not handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withheld {
    /// Its name or its value is a secret, and the journal holds none.
    Secret,
    /// It is larger than what is kept.
    Large,
    /// Its keys are no numbers from 0 on.
    Map,
    /// Every step gets it anew: it says which database and which run this is.
    Given,
}

impl fmt::Display for Withheld {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Withheld::Secret => "it is a secret, and secrets are not kept",
            Withheld::Large => "it is too large to be kept",
            Withheld::Map => "it is an associative array",
            Withheld::Given => "every step gets it anew from its target",
        })
    }
}

/// What a step's shell starts with, and which action each of it comes from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShellStart<'a> {
    /// The directory that an earlier step left, and which one; `None`: that of the run.
    pub directory: Option<(&'a str, ActionId)>,
    pub set: BTreeMap<&'a str, (&'a ShellValue, ActionId)>,
    pub unset: BTreeMap<&'a str, ActionId>,
    pub withheld: BTreeMap<&'a str, (Withheld, ActionId)>,
    pub functions: BTreeMap<&'a str, (&'a str, ActionId)>,
    pub aliases: BTreeMap<&'a str, (&'a str, ActionId)>,
    pub umask: Option<&'a str>,
    /// Where `cd -` goes.
    pub previous: Option<&'a str>,
}

impl<'a> ShellStart<'a> {
    fn add(&mut self, action: ActionId, left: &'a ShellState) {
        if let Some(directory) = &left.directory {
            self.directory = Some((directory, action));
        }
        for (name, value) in &left.set {
            self.forget(name);
            self.set.insert(name, (value, action));
        }
        for name in &left.unset {
            self.forget(name);
            self.unset.insert(name, action);
        }
        for (name, why) in &left.withheld {
            self.forget(name);
            self.withheld.insert(name, (*why, action));
        }
        for (name, body) in &left.functions {
            self.functions.insert(name, (body, action));
        }
        for (name, value) in &left.aliases {
            self.aliases.insert(name, (value, action));
        }
        self.umask = left.umask.as_deref().or(self.umask);
        self.previous = left.previous.as_deref().or(self.previous);
    }

    fn forget(&mut self, name: &str) {
        self.set.remove(name);
        self.unset.remove(name);
        self.withheld.remove(name);
    }
}

/// What an action's shell starts with: all that the shell steps before it in the guide left, in the
/// same terminal or on the same host. The last attempt that passed counts; where none did, what the
/// last one left half-way, as a terminal would keep it.
///
/// A step of a rollback gets the variables of the whole walk, but starts in the run's directory: the
/// rollback must not depend on a half-done `cd`.
///
/// With `from`, what its own last attempt had left before that command comes on top.
pub fn shell_start(state: &RunState, action: ActionId, from: Option<usize>) -> ShellStart<'_> {
    let mut start = ShellStart::default();
    let option = state.runbook.rollback.iter().find(|option| {
        option
            .steps
            .iter()
            .any(|step| step.blocks.contains(&action.block))
    });
    let walk = state.runbook.walk().flat_map(|phase| &phase.steps);
    gather(state, walk, action, None, &mut start);
    if let Some(option) = option {
        start.directory = None;
        start.previous = None;
        let begun = state.rollback.as_ref();
        if let Some(begun) = begun.filter(|begun| begun.option == option.id) {
            let before = Some(&begun.attempts_before);
            gather(state, option.steps.iter(), action, before, &mut start);
        }
    }
    if let Some(from) = from {
        for left in state.left_before(action, from) {
            start.add(action, left);
        }
    }
    // What a person gave after the step that set it is the later word.
    let given = |name: &str, from: ActionId| state.is_given_after(name, from);
    start.set.retain(|name, (_, from)| !given(name, *from));
    start.unset.retain(|name, from| !given(name, *from));
    start.withheld.retain(|name, (_, from)| !given(name, *from));
    start
}

/// The title of the step that may move the shell of this one, before any of them has run: the last one
/// before it in the walk whose commands change the directory. `None` where the block says itself where
/// it starts.
pub fn may_start_elsewhere(state: &RunState, action: ActionId) -> Option<String> {
    let block = state.runbook.block(action.block)?;
    let part = action
        .part
        .checked_sub(1)
        .and_then(|at| block.parts.get(at));
    let actor = part.map_or(block.actor, |part| part.actor);
    if block.attributes.cwd.is_some() || !matches!(actor, Actor::Shell | Actor::Sql) {
        return None;
    }
    // A rollback starts in the run's directory.
    let at = state.runbook.position_of_block(action.block)?;
    let place = |step: &Step, other: ActionId| {
        let mut actions = state.actions_of(step).into_iter();
        actions.position(|action| action == other)
    };
    let own = place(state.step_of(action)?, action)?;
    let session = session_of(state, action);
    let movers = state.runbook.movers();
    movers
        .iter()
        .rev()
        .skip_while(|mover| mover.at > at)
        .find_map(|mover| {
            let other = ActionId {
                block: mover.block,
                part: mover.part.map_or(0, |index| index + 1),
            };
            let step = state.step_of(other)?;
            let before = place(step, other).is_some_and(|there| mover.at < at || there < own);
            let moves = before && session_of(state, other) == session && !state.is_watch(other);
            moves.then(|| step.title.clone())
        })
}

/// Adds what the steps before the action left; of each action, the attempts after that many.
fn gather<'a>(
    state: &'a RunState,
    steps: impl Iterator<Item = &'a Step>,
    action: ActionId,
    before: Option<&BTreeMap<ActionId, u32>>,
    start: &mut ShellStart<'a>,
) {
    // Reckoned for every frame: few actions have left anything, and only those are looked at.
    let with_shell: Vec<(&ActionId, &ActionState)> = state
        .actions
        .iter()
        .filter(|(_, known)| known.attempts.iter().any(has_left))
        .collect();
    if with_shell.is_empty() {
        return;
    }
    let session = session_of(state, action);
    for number in steps.flat_map(|step| &step.blocks) {
        let own = *number == action.block;
        let of_block = with_shell
            .iter()
            .filter(|(other, _)| other.block == *number && !(own && other.part >= action.part));
        for (other, known) in of_block {
            let since = before.and_then(|before| before.get(other).copied());
            let mut ended =
                known.attempts.iter().rev().filter(|attempt| {
                    attempt.number > since.unwrap_or(0) && attempt.outcome.is_some()
                });
            let counts = ended
                .clone()
                .find(|attempt| attempt.outcome == Some(Outcome::Passed))
                .or_else(|| ended.find(|attempt| left(attempt).is_some()));
            if let Some(attempt) = counts
                && !state.is_watch(**other)
                && session_of(state, **other) == session
            {
                for before in state.left_by_those_before(**other, attempt.number) {
                    start.add(**other, before);
                }
                if let Some(left) = left(attempt) {
                    start.add(**other, left);
                }
            }
        }
        if own {
            return;
        }
    }
}

/// Whether it, or a command of it that another attempt goes on behind, changed its shell.
fn has_left(attempt: &super::Attempt) -> bool {
    let mut done = attempt.commands.iter().filter_map(|run| run.done.as_ref());
    left(attempt).is_some() || done.any(|done| done.shell.is_some())
}

fn left(attempt: &super::Attempt) -> Option<&ShellState> {
    attempt.evidence.as_ref()?.shell.as_ref()
}

/// The terminal or host that the guide names for a part; `None` is the one that all else runs in.
fn session_of(state: &RunState, action: ActionId) -> Option<&str> {
    let index = action.part.checked_sub(1)?;
    let part: &Part = state.runbook.block(action.block)?.parts.get(index)?;
    part.session.as_deref()
}

impl RunState {
    /// Whether a person gave this value after the last attempt of that action had ended.
    fn is_given_after(&self, name: &str, action: ActionId) -> bool {
        let Some(given) = self.given_at.get(name) else {
            return false;
        };
        self.action(action)
            .and_then(|known| known.last())
            .and_then(|attempt| attempt.ended_at)
            .is_none_or(|ended| *given > ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_survive() {
        for bytes in [
            &b"plain"[..],
            b"",
            b"two\nlines",
            b"\xff\x00\x01",
            "ä".as_bytes(),
        ] {
            assert_eq!(decode(&encode(bytes)), bytes);
        }
    }

    #[test]
    fn a_summary_is_one_line() {
        let state = ShellState {
            directory: Some("/srv".to_owned()),
            set: BTreeMap::from([("A".to_owned(), ShellValue::text("x\ny"))]),
            unset: BTreeSet::from(["B".to_owned()]),
            withheld: BTreeMap::from([("C".to_owned(), Withheld::Secret)]),
            umask: Some("0077".to_owned()),
            ..ShellState::default()
        };
        assert_eq!(
            state.summary(),
            "went to /srv; set A = x⏎y; unset B; umask 0077; not handed on C"
        );
    }

    #[test]
    fn a_value_is_shown_on_one_line_without_control_sequences() {
        let value = ShellValue::text("one\ntwo\u{1b}[31m");
        assert_eq!(value.to_string(), "one⏎two");
        let array = ShellValue {
            texts: vec!["a".to_owned(), "b c".to_owned()],
            array: true,
            exported: false,
        };
        assert_eq!(array.to_string(), "(a 'b c')");
    }
}
