//! What outlives a run: values that operators gave, by guide and environment, and what they armed, by
//! the digest of the guide and environment. Small JSON files that only their owner may read, under
//! `memory/` of the state folder. Secrets never reach them, only where a secret comes from.
//!
//! ```text
//! memory/values/HASH.json  of guide path and environment: name -> value, when, by whom
//! memory/armed/HASH.json   of guide digest and environment: action -> hash of its code, when, by whom
//! memory/guides/HASH.json  of guide digest: when, by whom something of it was armed or run first
//! memory/rollbacks/HASH.json  of guide digest: option -> what it took the last time it went through
//! memory/rehearsals/HASH.json  of guide digest, and of guide path: the newest run that was not in production
//! memory/trust/HASH.json   of a configuration's path: what was agreed to (see `trust`)
//! memory/lock              one writer at a time
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use super::place;
use crate::owned;
use crate::run::{
    ActionId, ArmedBefore, Command, ENGINE, Input, MeasuredRollback, Rehearsal, Rehearsed,
    Remembered, RunState, Timestamp, code_hash, hex, preview,
};

/// A memory larger than this is none that this program wrote.
const LARGEST: u64 = 4 << 20;

/// The last of it is written within this time.
const AT_THE_END: Duration = Duration::from_secs(2);

/// What is remembered of one guide in one environment.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Values {
    guide: String,
    environment: String,
    values: BTreeMap<String, Remembered>,
}

/// What was armed in one text of a guide, in one environment.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Armed {
    digest: String,
    environment: String,
    armed: BTreeMap<ActionId, ArmedBefore>,
}

/// What the rollbacks of one text of a guide took.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Measured {
    digest: String,
    rollbacks: BTreeMap<String, MeasuredRollback>,
}

/// The newest run of a guide in an environment that is not protected.
#[derive(Debug, Default, Serialize, Deserialize)]
struct KnownRehearsal {
    /// The digest or the path of the guide.
    key: String,
    newest: Option<Rehearsed>,
}

/// A text of a guide of which its user has armed or run something.
#[derive(Debug, Default, Serialize, Deserialize)]
struct KnownGuide {
    digest: String,
    first: Option<(Timestamp, String)>,
}

/// Whether the user has armed or run something of this very text before.
pub fn knows_guide(digest: &str) -> bool {
    let kept: Option<KnownGuide> = recall("guides", digest, "");
    kept.is_some_and(|kept| kept.digest == digest)
}

/// Values that earlier runs of this guide left behind in this environment.
pub fn recall_values(guide: &str, environment: &str) -> BTreeMap<String, Remembered> {
    let kept: Option<Values> = recall("values", guide, environment);
    // A hash could be anybody's: the names in the file have to agree.
    kept.filter(|kept| kept.guide == guide && kept.environment == environment)
        .map(|kept| kept.values)
        .unwrap_or_default()
}

/// What was armed in earlier runs of the byte-identical guide in this environment.
pub fn recall_armed(digest: &str, environment: &str) -> BTreeMap<ActionId, ArmedBefore> {
    let kept: Option<Armed> = recall("armed", digest, environment);
    kept.filter(|kept| kept.digest == digest && kept.environment == environment)
        .map(|kept| kept.armed)
        .unwrap_or_default()
}

/// What the rollbacks of the byte-identical guide took in earlier runs, by option.
pub fn recall_rollbacks(digest: &str) -> BTreeMap<String, MeasuredRollback> {
    let kept: Option<Measured> = recall("rollbacks", digest, "");
    kept.filter(|kept| kept.digest == digest)
        .map(|kept| kept.rollbacks)
        .unwrap_or_default()
}

/// What is known of rehearsals of a guide, by its digest and its path.
pub fn recall_rehearsal(digest: &str, guide: &str) -> Rehearsal {
    let of = |key: &str| {
        let kept: Option<KnownRehearsal> = recall("rehearsals", key, "");
        kept.filter(|kept| kept.key == key)?.newest
    };
    match (of(digest), of(guide)) {
        (Some(same), _) => Rehearsal::Same(same),
        (None, Some(other)) => Rehearsal::Changed(other),
        (None, None) => Rehearsal::Never,
    }
}

/// Forgets the values of a guide and what was armed in this text of it, in one environment. Returns
/// whether there was anything.
///
/// # Errors
/// Where a file cannot be removed.
pub fn forget(guide: &str, digest: &str, environment: &str) -> io::Result<bool> {
    let mut found = false;
    for (kind, key) in [("values", guide), ("armed", digest)] {
        found |= remove(kind, key, environment)?;
    }
    Ok(found)
}

/// Removes one memory. False where there was none.
pub(super) fn remove(kind: &str, key: &str, environment: &str) -> io::Result<bool> {
    match std::fs::remove_file(path(kind, key, environment)?) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// All memories of a kind that can be read.
pub(super) fn all<T: DeserializeOwned>(kind: &str) -> io::Result<Vec<T>> {
    let folder = place::root()?.join("memory").join(kind);
    let entries = match std::fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut all = Vec::new();
    for entry in entries {
        let path = entry?.path();
        match read(&path) {
            Ok(kept) => all.push(kept),
            Err(error) => tracing::warn!(path = %path.display(), %error, "cannot be read"),
        }
    }
    Ok(all)
}

/// What is to be kept: a state, and what somebody did to it; how a run went needs nobody.
type ToKeep = (Arc<RunState>, Option<(String, Command)>);

/// Keeps beside the loop, in the order of the commands: the folder may lie on a disk that hangs.
#[derive(Debug)]
pub(super) struct Memory {
    sender: Option<mpsc::Sender<ToKeep>>,
    ended: Option<oneshot::Receiver<()>>,
}

impl Memory {
    pub(super) fn start() -> Self {
        let (sender, to_keep) = mpsc::channel::<ToKeep>();
        let (end, ended) = oneshot::channel::<()>();
        let started = std::thread::Builder::new()
            .name("memory".to_owned())
            .spawn(move || {
                for (state, given) in to_keep {
                    let kept = match given {
                        Some((by, command)) => keep(&state, &by, &command),
                        None => keep_rollback(&state).and_then(|()| keep_rehearsal(&state)),
                    };
                    // The run itself has it in its journal.
                    if let Err(error) = kept {
                        tracing::warn!(%error, "not remembered for the next run");
                    }
                }
                drop(end);
            });
        if let Err(error) = started {
            tracing::warn!(%error, "nothing is remembered for the next run");
        }
        Self {
            sender: Some(sender),
            ended: Some(ended),
        }
    }

    /// Keeps what a person's accepted command says about later runs.
    pub(super) fn keep(&self, state: &Arc<RunState>, by: &str, command: &Command) {
        let is_kept = matches!(
            command,
            Command::SetInput { .. }
                | Command::ClearInput { .. }
                | Command::UndoInput {}
                | Command::Arm { .. }
                | Command::Start { .. }
        );
        if !is_kept || by == ENGINE || state.unattended {
            return;
        }
        self.send((state.clone(), Some((by.to_owned(), command.clone()))));
    }

    /// Keeps how the run went so far, and what its rollback took, a rehearsed one too.
    pub(super) fn keep_course(&self, state: &Arc<RunState>) {
        self.send((state.clone(), None));
    }

    fn send(&self, to_keep: ToKeep) {
        if let Some(sender) = &self.sender
            && sender.send(to_keep).is_err()
        {
            tracing::warn!("not remembered for the next run");
        }
    }

    /// Waits until all of it is written, but not for a disk that hangs.
    pub(super) async fn finish(&mut self) {
        self.sender = None;
        if let Some(ended) = self.ended.take()
            && tokio::time::timeout(AT_THE_END, ended).await.is_err()
        {
            tracing::warn!("what is to be remembered for the next run is not all written");
        }
    }
}

fn keep(state: &RunState, by: &str, command: &Command) -> io::Result<()> {
    match command {
        Command::SetInput { name, .. } | Command::ClearInput { name } => {
            keep_value(state, by, name)
        }
        // Which of them it was is not said; those that stand as before are written as before.
        Command::UndoInput {} => {
            let taken_back = state
                .input_changes
                .iter()
                .filter(|change| change.taken_back);
            let names: BTreeSet<&str> = taken_back.map(|change| change.name.as_str()).collect();
            names
                .into_iter()
                .try_for_each(|name| keep_value(state, by, name))
        }
        Command::Arm { action, .. } => {
            keep_guide(state, by).and_then(|()| keep_armed(state, by, *action))
        }
        Command::Start { .. } => keep_guide(state, by),
        _ => Ok(()),
    }
}

fn keep_rollback(state: &RunState) -> io::Result<()> {
    let Some(rollback) = &state.rollback else {
        return Ok(());
    };
    let (Some(ended_at), Some(true)) = (rollback.ended_at, rollback.succeeded) else {
        return Ok(());
    };
    let took = (ended_at - rollback.started_at).num_milliseconds();
    let measured = MeasuredRollback {
        seconds: u64::try_from(took).unwrap_or(0).div_ceil(1_000),
        run: state.run.clone(),
        environment: state.environment.clone(),
        at: ended_at,
    };
    let digest = &state.runbook.digest;
    change("rollbacks", digest, "", |kept: &mut Measured| {
        kept.digest.clone_from(digest);
        kept.rollbacks.insert(rollback.option.clone(), measured);
    })
}

/// A run in a protected environment is no rehearsal.
fn keep_rehearsal(state: &RunState) -> io::Result<()> {
    if state.protected {
        return Ok(());
    }
    let rehearsed = Rehearsed::of(state);
    let keys = [Some(&state.runbook.digest), state.provenance.guide.as_ref()];
    for key in keys.into_iter().flatten() {
        change("rehearsals", key, "", |kept: &mut KnownRehearsal| {
            let known = kept.newest.as_ref();
            if known.is_none_or(|known| known.began <= rehearsed.began) {
                kept.key.clone_from(key);
                kept.newest = Some(rehearsed.clone());
            }
        })?;
    }
    Ok(())
}

fn keep_value(state: &RunState, by: &str, name: &str) -> io::Result<()> {
    let Some(guide) = &state.provenance.guide else {
        return Ok(());
    };
    let mut variables = state.runbook.variables.iter();
    let is_secret = variables.any(|known| known.name == name && known.secret);
    let input = state.inputs.get(name).filter(|input| match input {
        Input::Value(_) => !is_secret,
        Input::Secret(_) => true,
    });
    change("values", guide, &state.environment, |kept: &mut Values| {
        kept.guide.clone_from(guide);
        kept.environment.clone_from(&state.environment);
        match input {
            Some(input) => {
                let remembered = Remembered {
                    input: input.clone(),
                    at: state.last_event_at,
                    by: by.to_owned(),
                };
                kept.values.insert(name.to_owned(), remembered);
            }
            None => {
                kept.values.remove(name);
            }
        }
    })
}

fn keep_guide(state: &RunState, by: &str) -> io::Result<()> {
    let digest = &state.runbook.digest;
    if knows_guide(digest) {
        return Ok(());
    }
    change("guides", digest, "", |kept: &mut KnownGuide| {
        kept.digest.clone_from(digest);
        kept.first = Some((state.last_event_at, by.to_owned()));
    })
}

fn keep_armed(state: &RunState, by: &str, action: ActionId) -> io::Result<()> {
    let harmless = preview(state, action).is_ok_and(|shown| shown.destructive.is_empty());
    let Some(code) = code_hash(state, action).filter(|_| harmless) else {
        return Ok(());
    };
    let digest = &state.runbook.digest;
    change("armed", digest, &state.environment, |kept: &mut Armed| {
        kept.digest.clone_from(digest);
        kept.environment.clone_from(&state.environment);
        let armed = ArmedBefore {
            code,
            at: state.last_event_at,
            by: by.to_owned(),
        };
        kept.armed.insert(action, armed);
    })
}

fn path(kind: &str, key: &str, environment: &str) -> io::Result<PathBuf> {
    let mut hasher = Sha256::new();
    hasher.update(key.as_bytes());
    hasher.update([0]);
    hasher.update(environment.as_bytes());
    let name = format!("{}.json", &hex(&hasher.finalize())[..32]);
    Ok(place::root()?.join("memory").join(kind).join(name))
}

pub(super) fn recall<T: DeserializeOwned>(kind: &str, key: &str, environment: &str) -> Option<T> {
    let path = path(kind, key, environment).ok()?;
    match read(&path) {
        Ok(kept) => Some(kept),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "what was remembered cannot be read");
            None
        }
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    Ok(serde_json::from_slice(&owned::read(path, LARGEST)?.bytes)?)
}

/// Reads, changes and replaces one memory, one writer at a time.
pub(super) fn change<T: DeserializeOwned + Serialize + Default>(
    kind: &str,
    key: &str,
    environment: &str,
    change: impl FnOnce(&mut T),
) -> io::Result<()> {
    let path = path(kind, key, environment)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let root = folder.parent().unwrap_or(folder);
    owned::make(folder, owned::PRIVATE)?;
    let lock = crate::executor::private_file(&root.join("lock"))?;
    lock.lock()?;
    // A memory that cannot be read is begun anew.
    let mut kept: T = read(&path).unwrap_or_default();
    change(&mut kept);
    // Made by its owner for its owner: mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&serde_json::to_vec_pretty(&kept)?)?;
    file.persist(&path).map_err(|error| error.error)?;
    lock.unlock()
}
