//! The configuration of a run, and whether its user has agreed to what it reaches for. Opening a guide
//! is not consenting: until somebody has, nothing of the run starts, and nothing is connected to.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Command, Event, PairingAct, Refusal, RunState};
use crate::runbook::config::{Environment, Reach};

/// The file that the environment of a run comes from, as it was when the run was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// Where it lies, without links.
    pub path: String,
    /// SHA-256 of its bytes.
    pub digest: String,
    pub reach: Vec<Reach>,
}

impl Configuration {
    /// Of a run that does not know which file its environment came from: the environment itself.
    pub fn of_environment(run: &str, environment: &Environment) -> Self {
        let text = serde_json::to_vec(environment).unwrap_or_default();
        Self {
            path: format!("the environment of run {run}"),
            digest: super::hex(&Sha256::digest(&text)),
            reach: environment.reach(),
        }
    }
}

/// Why a command has to wait for consent; `None` where it need not.
pub(super) fn waits(state: &RunState, command: &Command) -> Option<Refusal> {
    let asked = state.untrusted.as_ref()?;
    let begins = matches!(
        command,
        Command::Start { .. }
            | Command::Rollback { .. }
            | Command::Resume {}
            | Command::TakeTarget { .. }
            | Command::SignalSession { .. }
            // With the last word that is needed, it happens.
            | Command::Pairing {
                act: PairingAct::Approve { .. }
            }
    );
    begins.then(|| {
        Refusal::new(
            format!("you have not yet trusted `{}`", asked.path),
            format!(
                "look at what it would run and connect to, then trust it: `V` in the cockpit, or `gonogo trust --run {}`",
                state.run
            ),
        )
    })
}

/// The user of the run agrees to the configuration that was shown.
pub(super) fn consent(state: &RunState, by: &str, digest: &str) -> Result<Vec<Event>, Refusal> {
    let Some(asked) = &state.untrusted else {
        return Ok(Vec::new());
    };
    if state.pairing.guest(by).is_some() {
        return Err(Refusal::new(
            "what runs here runs as another login, and only that one can consent",
            "ask whoever opened the run",
        ));
    }
    if asked.digest != digest {
        return Err(Refusal::new(
            "the configuration is not the one that you saw",
            "read it again, then trust it",
        ));
    }
    Ok(vec![Event::ConsentGiven {
        digest: digest.to_owned(),
    }])
}
