//! What is known of an action: its attempts, its alerts, its rounds.

use super::Launched;
use crate::run::{Evidence, FlagSeen, Judgement, Outcome, Timestamp, Verdict};
use crate::runbook::BlockNumber;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// What can be started: a whole block (`part` 0) or one part of a split block (from 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionId {
    pub block: BlockNumber,
    pub part: usize,
}

impl ActionId {
    pub fn block(block: BlockNumber) -> Self {
        Self { block, part: 0 }
    }
}

impl fmt::Display for ActionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            0 => write!(formatter, "{}", self.block),
            part => write!(formatter, "{}.{part}", self.block),
        }
    }
}

impl FromStr for ActionId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (block, part) = text.split_once('.').unwrap_or((text, "0"));
        match (block.parse(), part.parse()) {
            (Ok(block), Ok(part)) => Ok(Self { block, part }),
            _ => Err(format!("`{text}` is not an action such as `12` or `12.2`")),
        }
    }
}

impl Serialize for ActionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ActionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ActionState {
    /// Hash of the preview under which it was armed, for blocks whose role was inferred.
    pub armed: Option<String>,
    pub attempts: Vec<Attempt>,
    /// Commands that somebody has switched on or off, by [`crate::run::CommandText::index`].
    #[serde(default)]
    pub switched: BTreeMap<usize, bool>,
    /// Whether somebody wants a `lock_timeout` around its commands; absent: as proposed.
    #[serde(default)]
    pub lock_timeout: Option<bool>,
}

impl ActionState {
    pub fn last(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    pub fn attempt(&self, number: u32) -> Option<&Attempt> {
        let mut attempts = self.attempts.iter();
        attempts.find(|attempt| attempt.number == number)
    }

    pub fn is_running(&self) -> bool {
        self.last().is_some_and(|attempt| attempt.outcome.is_none())
    }
}

/// A round of a repeated check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoundSeen {
    pub round: u64,
    pub at: Timestamp,
    /// The worst of its judgements.
    pub verdict: crate::run::Verdict,
    /// The shortest that says what was seen.
    pub found: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Counted from 1.
    pub number: u32,
    pub by: String,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub command: String,
    pub target: String,
    pub launched: Option<Launched>,
    /// The last transaction in which it was seen to write, its 64-bit number.
    #[serde(default)]
    pub transaction: Option<i64>,
    pub cancel_requested_at: Option<Timestamp>,
    /// `None` while it runs.
    pub outcome: Option<Outcome>,
    pub evidence: Option<Box<Evidence>>,
    pub judgements: Vec<Judgement>,
    pub reason: Option<String>,
    /// Its transactions that were held before their `COMMIT`.
    #[serde(default)]
    pub holds: Vec<crate::run::Hold>,
    /// Who typed to it, and when.
    #[serde(default)]
    pub keyboard: Vec<crate::run::KeyboardUse>,
    /// The last recorded round of a repeated check, counted from 1.
    #[serde(default)]
    pub round: u64,
    /// The recorded rounds of a repeated check, oldest first: each one, or each that said something new.
    #[serde(default)]
    pub rounds: Vec<RoundSeen>,
    /// What it was to run.
    #[serde(default)]
    pub planned: Vec<crate::run::PlannedCommand>,
    /// What stood against it when it began.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<crate::run::Guard>,
    /// How its commands went, those that were begun.
    #[serde(default)]
    pub commands: Vec<crate::run::CommandRun>,
    /// What it has seen of the flag that it sets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<Box<FlagSeen>>,
    /// It goes on with the attempt before it, from the command of this index.
    #[serde(default)]
    pub from: Option<usize>,
    /// Why it was run against what was known.
    #[serde(default)]
    pub asked: Option<String>,
}

impl Attempt {
    /// The round since which a repeated check has not passed.
    pub fn failing_since(&self) -> Option<u64> {
        let bad = self.rounds.iter().rev();
        let bad = bad.take_while(|seen| {
            matches!(
                seen.verdict,
                crate::run::Verdict::Fail | crate::run::Verdict::Inconclusive
            )
        });
        bad.last().map(|seen| seen.round)
    }

    /// A watch that was ended, by its phase or by a person, and did not end by itself.
    pub fn was_stopped(&self) -> bool {
        self.outcome == Some(Outcome::Watched) && self.cancel_requested_at.is_some()
    }

    /// A watch that ended by itself, and not well: what it was to show, nobody saw.
    pub fn has_died(&self) -> bool {
        let exit = self.evidence.as_ref().and_then(|evidence| evidence.exit);
        self.outcome == Some(Outcome::Watched)
            && self.cancel_requested_at.is_none()
            && exit.is_some_and(|exit| exit != 0)
    }

    /// The worst verdict on its expectations; `None` where it has none.
    pub fn verdict(&self) -> Option<Verdict> {
        let rank = |verdict: &Verdict| match verdict {
            Verdict::Pass => 0,
            Verdict::Warn => 1,
            Verdict::Inconclusive => 2,
            Verdict::Fail => 3,
        };
        self.judgements
            .iter()
            .map(|judgement| judgement.verdict)
            .max_by_key(rank)
    }
}
