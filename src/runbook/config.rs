//! `gonogo.toml`: what a guide may not carry. Environments with their targets, probes, values and
//! secrets, the maintenance window, and the layout.

mod annotations;
mod notify;
mod reach;
mod reader;
mod rules;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::model::VariableRule;
use crate::libpq::Ambient;

pub use annotations::{NotAdded, add_annotations, annotation_text};
pub use notify::{NotifySpec, Occasion, Sink, WebhookAddress, WebhookFormat};
pub use reach::{Reach, ReachKind};
pub use reader::{KEYS, parse_config};

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The environment used where none is named.
    pub default_environment: Option<String>,
    pub environments: BTreeMap<String, Environment>,
    /// What a value of a blank must be, by the name of the blank.
    #[serde(default)]
    pub variables: BTreeMap<String, VariableRule>,
    /// What was settled about blocks of guides that nobody may edit.
    #[serde(default)]
    pub annotations: Vec<Annotation>,
}

impl Config {
    /// The annotations of one guide; `guide` is its path from the folder of the file.
    pub fn annotations_of(&self, guide: &str) -> Vec<Annotation> {
        let plain = |path: &str| path.trim_start_matches("./").to_owned();
        self.annotations
            .iter()
            .filter(|annotation| plain(&annotation.guide) == plain(guide))
            .cloned()
            .collect()
    }
}

/// Attributes of one block, kept outside of its guide. They count as if they stood on the block's
/// fence, as long as its code stays what it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotation {
    /// Path of the guide from the folder of `gonogo.toml`, with `/`.
    pub guide: String,
    /// Titles of the headings above the block, from the outermost in, joined by ` > `.
    pub heading: String,
    /// The first 16 hexadecimal digits of the SHA-256 of the block's code; empty where the heading itself
    /// is meant.
    pub block: String,
    /// Which of several blocks with the same code under the same heading, counted from 1.
    pub occurrence: Option<usize>,
    /// As after the language of a fence: `.check expect="rows == 0"`; of a heading as in the comment under
    /// it: `phases`, `estimate=5m`.
    pub attributes: String,
    /// The line of `gonogo.toml` on which it begins.
    pub line: usize,
}

/// Everything that differs between staging and production. Two environments share nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    pub name: String,
    /// Protected environments carry a banner and are confirmed by typing their name.
    pub protected: bool,
    /// Databases by name; `main` is the default of every SQL block.
    pub targets: BTreeMap<String, Target>,
    pub probes: BTreeMap<String, ProbeSpec>,
    pub values: BTreeMap<String, String>,
    pub secrets: BTreeMap<String, SecretSource>,
    /// Who is told of what happens, by name.
    #[serde(default)]
    pub notify: BTreeMap<String, NotifySpec>,
    /// Where shell steps run, relative to the file that says so.
    pub directory: Option<String>,
    pub window_s: Option<u64>,
    /// Seconds after which a run that nobody looks at, and in which nothing runs, gives its process up.
    #[serde(default)]
    pub park_after_s: Option<u64>,
    pub layout: Option<String>,
    pub theme: Option<String>,
    /// Seconds that a driver must be gone before another may demand the controls.
    #[serde(default)]
    pub demand_after_s: Option<u64>,
    /// What asks for a second person, whatever the guide says.
    #[serde(default)]
    pub two_person: Vec<TwoPerson>,
    /// The second person must come from another login, not only under another name.
    #[serde(default)]
    pub second_login: bool,
    /// What libpq found around the run when it was opened; `None` before that.
    #[serde(default)]
    pub surroundings: Option<Ambient>,
}

/// What an environment has confirmed by two people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TwoPerson {
    /// Every command that destroys something.
    Destructive,
    /// The commands and the gate of a phase after which there is no rollback.
    PointOfNoReturn,
}

/// A database as libpq names it: keyword/value string or URI, without a password.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Target {
    pub postgres: String,
    /// Where the password comes from, when libpq's own places do not hold it.
    pub password: Option<SecretSource>,
    /// The service whose file holds the password.
    #[serde(default)]
    pub password_service: Option<String>,
    /// What of the address was not written there: `hostaddr from `PGHOSTADDR``.
    #[serde(default)]
    pub told_by: Vec<String>,
}

/// A health endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProbeSpec {
    pub url: String,
    pub every_ms: u64,
    pub timeout_ms: u64,
    /// HTTP status that means healthy.
    pub status: u16,
}

/// Where a secret comes from. The value itself is never written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    Env(String),
    File(String),
    Command(String),
}

impl SecretSource {
    /// The variable, path or command itself.
    pub fn text(&self) -> &str {
        let (Self::Env(text) | Self::File(text) | Self::Command(text)) = self;
        text
    }
}
