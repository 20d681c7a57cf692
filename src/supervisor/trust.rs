//! Which configurations the user has agreed to, by path and by the SHA-256 of their content: under
//! `memory/trust/` of the state folder. This is the one place that decides it: whatever runs a command
//! of a configuration, or connects to an address of it, asks for a [`Consent`], which nothing else makes.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};

use super::memory;
use crate::run::{Configuration, RunState, Timestamp};
use crate::runbook::config::Reach;

const KIND: &str = "trust";

/// Proof that the user has agreed to what a configuration reaches for, or that it reaches for nothing.
#[derive(Clone, Debug)]
pub struct Consent(());

/// What was agreed to of one file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Trusted {
    pub path: String,
    /// By the SHA-256 of the content.
    pub contents: BTreeMap<String, Granted>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Granted {
    pub at: Timestamp,
    pub by: String,
    pub reach: Vec<Reach>,
}

/// When and by whom this very content was agreed to.
pub fn granted(configuration: &Configuration) -> Option<Granted> {
    let kept: Option<Trusted> = memory::recall(KIND, &configuration.path, "");
    // A hash could be anybody's: the name in the file has to agree.
    kept.filter(|kept| kept.path == configuration.path)?
        .contents
        .remove(&configuration.digest)
}

/// `None` where somebody has to be asked first.
pub fn consent(configuration: &Configuration) -> Option<Consent> {
    let agreed = configuration.reach.is_empty() || granted(configuration).is_some();
    agreed.then_some(Consent(()))
}

/// Of a run: what was agreed to, or what has to be.
///
/// # Errors
/// The configuration that somebody has to agree to first.
pub fn consent_to_run(state: &RunState) -> Result<Consent, Box<Configuration>> {
    let named = state.provenance.configuration.clone();
    // What acts is the environment; a file is only where it came from.
    let asked = named
        .filter(|named| !named.reach.is_empty())
        .unwrap_or_else(|| Configuration::of_environment(&state.run, &state.config));
    consent(&asked).ok_or_else(|| Box::new(asked))
}

/// Keeps that the user agrees.
///
/// # Errors
/// Where it cannot be kept: then nobody has agreed.
pub fn grant(configuration: &Configuration, by: &str, at: Timestamp) -> io::Result<()> {
    memory::change(KIND, &configuration.path, "", |kept: &mut Trusted| {
        kept.path.clone_from(&configuration.path);
        let granted = Granted {
            at,
            by: by.to_owned(),
            reach: configuration.reach.clone(),
        };
        kept.contents.insert(configuration.digest.clone(), granted);
    })
}

/// Takes back what was agreed to of a file, whatever its content. False where there was nothing.
///
/// # Errors
/// Where it cannot be taken back.
pub fn revoke(path: &str) -> io::Result<bool> {
    memory::remove(KIND, path, "")
}

/// Everything that was agreed to, by path.
///
/// # Errors
/// Where the folder cannot be read; a missing one is nothing.
pub fn all() -> io::Result<Vec<Trusted>> {
    let mut all: Vec<Trusted> = memory::all(KIND)?;
    all.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(all)
}
