//! Reads the files that a command includes or calls, where it would find them.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use sha2::{Digest, Sha256};

use super::Secrets;
use super::looks::Looks;
use super::trust;
use crate::monitor::known_passwords;
use crate::run::{
    ActionId, FilesNow, Hang, Included, Named as NamedFile, RunState, digest_of, hex, named_files,
    preview_ahead,
};
use crate::text::redact::Redactor;
use crate::text::scrub::scrub_line;

/// Lines of a file that are shown.
const SHOWN: usize = 2_000;
/// A file larger than this is no script that a person reads.
const LARGEST: u64 = 4 << 20;
/// So much of a file is looked at to tell text from a program.
const HEAD: usize = 8 << 10;
/// At the prompt nobody has a rollback under their fingers.
const AT_THE_PROMPT: Duration = Duration::from_secs(3);

/// A file that a command names, and where that is.
#[derive(Clone, Debug)]
pub(super) struct Named {
    path: PathBuf,
    file: NamedFile,
}

/// The files that an action names; nothing for one that cannot run.
pub(super) fn named(state: &RunState, action: ActionId) -> Vec<Named> {
    let Ok(shown) = preview_ahead(state, action) else {
        return Vec::new();
    };
    named_files(shown.actor, &shown.command)
        .into_iter()
        .map(|file| Named {
            path: Path::new(&shown.directory).join(&file.path),
            file,
        })
        .collect()
}

/// What these files hold now, secrets masked. One that does not answer within the limit is one that
/// cannot be read.
pub(super) async fn read(
    looks: &Looks,
    named: Vec<Named>,
    limit: Duration,
    redactor: Arc<Redactor>,
) -> Vec<Included> {
    let looked = named
        .into_iter()
        .map(|named| look(looks, named, limit, redactor.clone()));
    let looked = join_all(looked).await.into_iter();
    looked.filter_map(|(file, _)| file).collect()
}

/// The digest of these files now, and which of them hangs.
pub(super) async fn now(looks: &Looks, named: Vec<Named>, limit: Duration) -> FilesNow {
    let redactor = Arc::new(Redactor::default());
    let looked = named
        .into_iter()
        .map(|named| look(looks, named, limit, redactor.clone()));
    let (files, hangs): (Vec<_>, Vec<_>) = join_all(looked).await.into_iter().unzip();
    let files: Vec<Included> = files.into_iter().flatten().collect();
    FilesNow {
        digest: (!files.is_empty()).then(|| digest_of(&files)),
        hangs: hangs.into_iter().flatten().next(),
    }
}

/// One file; no file for a program.
async fn look(
    looks: &Looks,
    named: Named,
    limit: Duration,
    redactor: Arc<Redactor>,
) -> (Option<Included>, Option<Hang>) {
    let Named { path, file: wanted } = named;
    let looked = looks.at(&path, limit, {
        let (path, wanted) = (path.clone(), wanted.clone());
        move || file(&path, wanted, &redactor)
    });
    match looked.await {
        Ok(file) => (file, None),
        Err(hang) => {
            let mut file = empty(wanted);
            file.error = Some(hang.to_string());
            (Some(file), Some(hang))
        }
    }
}

/// As a supervisor would show it, where a run has none: what the actions include and call, with the
/// secrets masked that can be had without running anything.
pub async fn read_alone(
    state: &RunState,
    actions: impl IntoIterator<Item = ActionId>,
) -> BTreeMap<ActionId, Vec<Included>> {
    let consent = trust::consent_to_run(state).ok();
    let secrets = Secrets::new(PathBuf::from(&state.directory), consent);
    secrets.learn(known_passwords());
    secrets
        .read_all(Secrets::at_hand(state), AT_THE_PROMPT)
        .await;
    let redactor = Arc::new(Redactor::new(secrets.values()));
    let looks = Looks::default();
    let mut all = BTreeMap::new();
    for action in actions {
        let named = named(state, action);
        let files = read(&looks, named, AT_THE_PROMPT, redactor.clone()).await;
        all.insert(action, files);
    }
    all
}

fn empty(named: NamedFile) -> Included {
    Included {
        path: named.path,
        text: String::new(),
        lines: 0,
        digest: String::new(),
        error: None,
        called: named.called,
    }
}

/// `None` for a program: that is no text to be read.
fn file(place: &Path, named: NamedFile, redactor: &Redactor) -> Option<Included> {
    let mut included = empty(named);
    match bytes(place, included.called) {
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
