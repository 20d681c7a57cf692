//! Reads the files that a command includes or calls, where it would find them.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Secrets;
use crate::monitor::known_passwords;
use crate::run::{ActionId, Included, Named, RunState, digest_of, hex, named_files, preview_ahead};
use crate::text::redact::Redactor;
use crate::text::scrub::scrub_line;

/// Lines of a file that are shown.
const SHOWN: usize = 2_000;
/// A file larger than this is no script that a person reads.
const LARGEST: u64 = 4 << 20;
/// So much of a file is looked at to tell text from a program.
const HEAD: usize = 8 << 10;

/// What an action would include and call now; nothing for one that cannot run. Secrets are masked.
pub(super) fn read(state: &RunState, action: ActionId, redactor: &Redactor) -> Vec<Included> {
    let Ok(shown) = preview_ahead(state, action) else {
        return Vec::new();
    };
    named_files(shown.actor, &shown.command)
        .into_iter()
        .filter_map(|named| {
            file(
                &Path::new(&shown.directory).join(&named.path),
                named,
                redactor,
            )
        })
        .collect()
}

/// As a supervisor would show it, where a run has none: what the actions include and call, with the
/// secrets masked that can be had without running anything.
pub async fn read_alone(
    state: &RunState,
    actions: impl IntoIterator<Item = ActionId>,
) -> BTreeMap<ActionId, Vec<Included>> {
    let mut secrets = Secrets::new(PathBuf::from(&state.directory));
    secrets.learn(known_passwords());
    secrets.resolve_what_is_at_hand(state).await;
    let redactor = Redactor::new(secrets.values());
    let actions = actions.into_iter();
    actions
        .map(|action| (action, read(state, action, &redactor)))
        .collect()
}

/// The digest of what an action includes and calls now; `None` where that is nothing.
pub(super) fn digest(state: &RunState, action: ActionId) -> Option<String> {
    let files = read(state, action, &Redactor::default());
    (!files.is_empty()).then(|| digest_of(&files))
}

/// As [`digest`], of everything that a rollback would run.
pub(super) fn digests(state: &RunState, option: &str) -> BTreeMap<ActionId, String> {
    let steps = state.runbook.option(option).into_iter();
    steps
        .flat_map(|option| &option.steps)
        .flat_map(|step| state.actions_of(step))
        .filter_map(|action| Some((action, digest(state, action)?)))
        .collect()
}

/// `None` for a program: that is no text to be read.
fn file(place: &Path, named: Named, redactor: &Redactor) -> Option<Included> {
    let Named { path, called } = named;
    let mut included = Included {
        path,
        text: String::new(),
        lines: 0,
        digest: String::new(),
        error: None,
        called,
    };
    match bytes(place, called) {
        Ok(None) => return None,
        Ok(Some(bytes)) => {
            let text = String::from_utf8_lossy(&bytes);
            let lines: Vec<_> = text
                .lines()
                .take(SHOWN)
                .map(|line| scrub_line(line, false))
                .collect();
            included.text = redactor.redact_text(&lines.join("\n"));
            included.lines = text.lines().count();
            included.digest = hex(&Sha256::digest(&bytes));
        }
        Err(error) => {
            included.error = Some(match error.kind() {
                std::io::ErrorKind::NotFound => "it is not there".to_owned(),
                _ => format!("it cannot be read: {error}"),
            });
        }
    }
    Some(included)
}

fn bytes(place: &Path, called: bool) -> std::io::Result<Option<Vec<u8>>> {
    let found = std::fs::metadata(place)?;
    if !found.is_file() {
        return Err(std::io::Error::other("it is not a file"));
    }
    let mut file = std::fs::File::open(place)?;
    let mut bytes = Vec::new();
    file.by_ref().take(HEAD as u64).read_to_end(&mut bytes)?;
    if called && bytes.contains(&0) {
        return Ok(None);
    }
    file.take(LARGEST).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > LARGEST {
        true => Err(std::io::Error::other("it is larger than 4 MiB")),
        false => Ok(Some(bytes)),
    }
}
