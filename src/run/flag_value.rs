//! A flag: what it was before the run set it, what it was last seen to be, and what an action would set.

use serde::{Deserialize, Serialize};

use super::carried::Missing;
use super::{ActionId, Attempt, Judgement, Outcome, Refusal, RunState, Timestamp, Verdict};
use crate::runbook::{Block, Flag, Reading, is_same_flag};
use crate::text::duration;
use crate::text::scrub::scrub_line;

/// Characters of a value that are shown.
const SHOWN: usize = 120;

/// How an action sets a flag, or restores it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagSet {
    pub reading: Reading,
    pub value: String,
    /// It restores what was captured.
    pub restores: bool,
    /// What it was before the run first set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured: Option<String>,
    /// What it may be now: as it was last seen, or was being set. Another value is somebody else's.
    /// Empty: whatever it is, is captured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<String>,
}

/// What an attempt has seen of its flag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagSeen {
    pub at: Timestamp,
    /// Before anything was set: durable before that begins.
    pub before: String,
    /// What it was to be.
    pub value: String,
    pub restores: bool,
    /// It was somebody else's, and nothing was set.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub foreign: bool,
    /// Read again, afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Why it could not be read again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
}

impl FlagSet {
    /// What the preview says of it.
    pub fn words(&self) -> Vec<String> {
        let place = self.reading.words();
        let value = quoted(&self.value);
        let mut words = Vec::new();
        match self.known.as_slice() {
            [] => words.push(format!(
                "first reads {place}: what it is now is captured, and the rollback restores that"
            )),
            known => {
                let known: Vec<String> = known.iter().map(|one| quoted(one)).collect();
                words.push(format!(
                    "first reads {place}: where it is not {}, somebody else has changed it, and nothing is set",
                    known.join(" or ")
                ));
            }
        }
        words.push(match self.restores {
            true => format!("restores {value}, and reads it again"),
            false => format!("sets {value}, and reads it again"),
        });
        if let Some(captured) = self.captured.as_ref().filter(|_| !self.restores) {
            words.push(format!("the rollback restores {}", quoted(captured)));
        }
        words
    }
}

impl FlagSeen {
    /// For a line of progress.
    pub fn words(&self) -> String {
        let (before, value) = (quoted(&self.before), quoted(&self.value));
        match (&self.after, &self.unread) {
            _ if self.foreign => format!("it is {before}: nothing was set"),
            (Some(after), _) => format!("was {before}, set to {value}, is {}", quoted(after)),
            (None, Some(_)) => format!("was {before}, set to {value}, could not be read again"),
            (None, None) => format!("was {before}, is set to {value}"),
        }
    }

    /// Nothing was set behind this look.
    pub fn untouched(mut self) -> Self {
        self.after = Some(self.before.clone());
        self
    }

    /// Whether it is what it was to be. A newline at the end is a file's, and only a restored value is
    /// the same to the byte.
    fn is_set(&self) -> Option<bool> {
        let after = self.after.as_deref()?;
        let line = after.strip_suffix('\n').filter(|_| !self.restores);
        Some(after == self.value || line == Some(self.value.as_str()))
    }

    /// What was read afterwards, judged.
    pub(super) fn judgement(&self) -> Judgement {
        let value = quoted(&self.value);
        let (verdict, explanation) = match (self.is_set(), &self.after) {
            (Some(true), _) => (Verdict::Pass, format!("it is {value}")),
            (_, Some(after)) => (
                Verdict::Fail,
                format!("it is {}, and not {value}", quoted(after)),
            ),
            (_, None) => {
                let why = self.unread.as_deref().unwrap_or("nobody did");
                (
                    Verdict::Inconclusive,
                    format!("{value} was set, and could not be read again: {why}"),
                )
            }
        };
        Judgement {
            text: "the flag, read again".to_owned(),
            cel: None,
            verdict,
            explanation,
        }
    }
}

/// A value on one line, cut where it is long.
pub fn quoted(value: &str) -> String {
    let line = scrub_line(value, false).replace('\n', "⏎");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("`{}…` ({} bytes)", &line[..end], value.len()),
        None => format!("`{line}`"),
    }
}

/// What became of a flag in this run.
#[derive(Default)]
struct Past<'a> {
    captured: Option<&'a str>,
    known: Vec<String>,
}

impl RunState {
    /// The flag that an action sets or restores.
    fn flag_of(&self, action: ActionId) -> Option<(&Block, &Flag)> {
        let block = self.runbook.block(action.block)?;
        Some((block, block.attributes.flag.as_ref()?))
    }

    /// Every attempt on a flag that saw it, oldest first.
    fn attempts_on(&self, block: &Block) -> Vec<(ActionId, &Attempt, &FlagSeen)> {
        let actions = self.actions.iter().filter(|(action, _)| {
            let other = self.runbook.block(action.block);
            other.is_some_and(|other| is_same_flag(block, other))
        });
        let attempts = actions.flat_map(|(action, own)| {
            let attempts = own.attempts.iter();
            attempts.map(|attempt| (*action, attempt))
        });
        let mut seen: Vec<_> = attempts
            .filter_map(|(action, attempt)| Some((action, attempt, attempt.flag.as_deref()?)))
            .collect();
        seen.sort_by_key(|(_, attempt, _)| attempt.started_at);
        seen
    }

    /// Who runs an action again has read what somebody else had set; every other action asks first.
    fn past_of(&self, block: &Block, action: Option<ActionId>) -> Past<'_> {
        let mut past = Past::default();
        for (own, attempt, seen) in self.attempts_on(block) {
            if seen.restores && attempt.outcome == Some(Outcome::Passed) {
                past = Past::default();
                continue;
            }
            past.captured.get_or_insert(&seen.before);
            if seen.foreign && action != Some(own) {
                continue;
            }
            past.known = match &seen.after {
                Some(after) => vec![after.clone()],
                None if seen.foreign => vec![seen.before.clone()],
                None => vec![seen.before.clone(), seen.value.clone()],
            };
            past.known.dedup();
        }
        past
    }

    /// A step that restores a flag which this run has not touched.
    pub(super) fn has_nothing_to_restore(&self, step: &crate::runbook::Step) -> bool {
        let [number] = &step.blocks[..] else {
            return false;
        };
        self.flag_of(ActionId::block(*number))
            .is_some_and(|(block, flag)| {
                let own = self.action(ActionId::block(*number));
                let was_tried = own.is_some_and(|own| !own.attempts.is_empty());
                flag.restores.is_some()
                    && !was_tried
                    && self.past_of(block, None).captured.is_none()
            })
    }

    /// Where the flags of this run are: each with its stage, since when, and what its last look said.
    pub fn flag_places(&self) -> Vec<FlagPlace> {
        let mut places: Vec<FlagPlace> = Vec::new();
        let mut done: Vec<&Block> = Vec::new();
        for block in &self.runbook.blocks {
            let Some(flag) = &block.attributes.flag else {
                continue;
            };
            if flag.restores.is_some() || done.iter().any(|known| is_same_flag(known, block)) {
                continue;
            }
            done.push(block);
            let Some((_, attempt, seen)) = self.attempts_on(block).pop() else {
                continue;
            };
            let (stage, of) = match flag.values.iter().position(|value| *value == seen.value) {
                Some(at) if flag.values.len() > 1 => (at + 1, flag.values.len()),
                _ => (0, 0),
            };
            places.push(FlagPlace {
                name: block.id.clone(),
                value: seen.after.clone().unwrap_or_else(|| seen.before.clone()),
                captured: self.past_of(block, None).captured.map(str::to_owned),
                stage,
                of,
                since: attempt.ended_at.unwrap_or(attempt.started_at),
                restored: seen.restores && attempt.outcome == Some(Outcome::Passed),
                outcome: attempt.outcome,
            });
        }
        places
    }

    /// Why a stage does not begin yet: the one before it has not passed, or not for long enough.
    pub(super) fn stage_is_due(
        &self,
        action: ActionId,
        now: Timestamp,
        reason: Option<&str>,
    ) -> Result<(), Refusal> {
        let Some((block, flag)) = self.flag_of(action) else {
            return Ok(());
        };
        if action.part < 2 || reason.is_some() {
            return Ok(());
        }
        let before = ActionId {
            part: action.part - 1,
            ..action
        };
        let last = self.action(before).and_then(|own| own.last());
        let title = block
            .parts
            .get(before.part - 1)
            .map_or("", |part| &part.title);
        let passed = last.filter(|attempt| attempt.outcome == Some(Outcome::Passed));
        let Some(since) = passed.and_then(|attempt| attempt.ended_at) else {
            return Err(Refusal::new(
                format!("`{title}` has not passed"),
                "run it first, or give a reason to leave it out",
            ));
        };
        let Some(due) = flag.hold_s.and_then(|hold| held_until(since, hold)) else {
            return Ok(());
        };
        if due <= now {
            return Ok(());
        }
        let left = u64::try_from((due - now).num_seconds()).unwrap_or(0) + 1;
        Err(Refusal::new(
            format!(
                "`{title}` is held until {}: {} to go",
                due.format("%Y-%m-%d %H:%M:%S UTC"),
                duration::format_s(left)
            ),
            "watch it until then, or give a reason to go on now",
        ))
    }
}

fn held_until(since: Timestamp, hold_s: u64) -> Option<Timestamp> {
    let hold = chrono::TimeDelta::try_seconds(i64::try_from(hold_s).ok()?)?;
    since.checked_add_signed(hold)
}

/// Where a flag is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FlagPlace {
    pub name: String,
    pub value: String,
    /// What the rollback would restore.
    pub captured: Option<String>,
    /// Counted from 1, and how many there are; 0 of a flag without stages.
    pub stage: usize,
    pub of: usize,
    pub since: Timestamp,
    pub restored: bool,
    pub outcome: Option<Outcome>,
}

impl FlagPlace {
    pub fn words(&self) -> String {
        let mut words = format!("{} is {}", self.name, quoted(&self.value));
        if self.stage > 0 && !self.restored {
            words.push_str(&format!(", stage {} of {}", self.stage, self.of));
        }
        words.push_str(&format!(" since {}", self.since.format("%H:%M:%S UTC")));
        words.push_str(match (self.outcome, self.restored) {
            (_, true) => ", restored",
            (Some(Outcome::Passed), _) => ", passed",
            (Some(Outcome::Failed), _) => ", failed",
            (None, _) => ", is being set",
            (Some(_), _) => ", not judged",
        });
        words
    }
}

/// What an action sets, as far as it is known; `None` of one that sets no flag.
pub(super) fn value_of(state: &RunState, action: ActionId) -> Result<Option<String>, Box<Missing>> {
    let Some((block, flag)) = state.flag_of(action) else {
        return Ok(None);
    };
    if let Some(value) = flag.value(action.part) {
        return Ok(Some(value.to_owned()));
    }
    // Once it is restored, what it restored is what it would restore again.
    let captured = state.past_of(block, None).captured.map(str::to_owned);
    let restored = || {
        let last = state.action(action)?.last()?;
        last.flag.as_ref().map(|seen| seen.value.clone())
    };
    match captured.or_else(restored) {
        Some(value) => Ok(Some(value)),
        None => {
            let from = flag.restores.unwrap_or_default();
            let name = state
                .runbook
                .block(from)
                .map_or("", |block| block.id.as_str());
            Err(Box::new(Missing {
                name: crate::runbook::FLAG_NAME.to_owned(),
                from: vec![from],
                step: name.to_owned(),
                refusal: Refusal::new(
                    format!("what it restores is not known: `{name}` has not captured it"),
                    "it is captured before the flag is set for the first time",
                ),
            }))
        }
    }
}

/// How an action sets its flag.
pub(super) fn put(
    state: &RunState,
    action: ActionId,
    reading: Option<Reading>,
    value: Option<&String>,
) -> Option<FlagSet> {
    let (block, flag) = state.flag_of(action)?;
    let past = state.past_of(block, Some(action));
    Some(FlagSet {
        reading: reading?,
        value: value?.clone(),
        restores: flag.restores.is_some(),
        captured: past.captured.map(str::to_owned),
        known: past.known,
    })
}
