//! Where runs stand, for who lists them or looks for one. Each journal's chain is verified, once for each
//! state of its files: what was found is kept with what the system says of them (`runs.seen` in the state
//! folder), and counts as long as that is the same to the nanosecond.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use futures::{Stream, StreamExt};
use serde::{Deserialize, Serialize};

use super::kept;
use crate::journal;
use crate::report::Standing;
use crate::supervisor::place;

/// A file that had changed so shortly before it was looked at may have changed once more within one tick of
/// the file system's clock.
const SETTLED: i64 = 1_000_000_000;

/// What a list says of a run.
#[derive(Clone, Debug)]
pub(super) struct Glance {
    pub standing: Standing,
    /// Where the journal is damaged; the run stands where its intact beginning leaves it.
    pub damage: Option<String>,
}

/// What was found in journals.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Seen {
    /// When the first of them was opened, in nanoseconds of the file system's own clock.
    at: i64,
    runs: BTreeMap<String, Known>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Known {
    files: Vec<Option<File>>,
    standing: Standing,
}

/// A file as the system tells it from what it was before: number, size, and the nanoseconds at which its
/// content and its entry changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct File(u64, u64, i64, i64);

/// Where a run stands.
pub(super) async fn of(run: &str) -> color_eyre::Result<Glance> {
    let path = kept::directory_of(run)?.join("journal.sqlite");
    let seen = journal::glance(&path).await?;
    let standing = seen
        .standing
        .and_then(|body| serde_json::from_str(&body).ok());
    if let (Some(standing), None) = (standing, &seen.damage) {
        return Ok(Glance {
            standing,
            damage: None,
        });
    }
    let kept = kept::read(run).await?;
    Ok(Glance {
        standing: Standing::of(&kept.state),
        damage: kept.damage,
    })
}

/// Where all runs stand, newest first.
///
/// # Errors
/// Where their folder cannot be read.
pub(super) async fn all() -> io::Result<Vec<(String, color_eyre::Result<Glance>)>> {
    let before = Seen::read();
    let mut seen = Seen::begin();
    let mut found = Vec::new();
    let mut looks = std::pin::pin!(looks(place::runs()?, &before));
    while let Some((run, look)) = looks.next().await {
        let (glance, known) = match look {
            Ok((glance, known)) => (Ok(glance), known),
            Err(error) => (Err(error), None),
        };
        seen.runs.extend(known.map(|known| (run.clone(), known)));
        found.push((run, glance));
    }
    if seen.runs != before.runs {
        seen.keep();
    }
    Ok(found)
}

/// The newest run of which this is true; only as many as are needed are looked at.
///
/// # Errors
/// Where the folder of runs cannot be read.
pub(super) async fn newest(wanted: impl Fn(&Standing) -> bool) -> io::Result<Option<String>> {
    let seen = Seen::read();
    let mut looks = std::pin::pin!(looks(place::runs()?, &seen));
    while let Some((run, look)) = looks.next().await {
        if look.is_ok_and(|(glance, _)| wanted(&glance.standing)) {
            return Ok(Some(run));
        }
    }
    Ok(None)
}

type Look = color_eyre::Result<(Glance, Option<Known>)>;

/// Runs in their order, as many at once as there are processors.
fn looks(runs: Vec<String>, seen: &Seen) -> impl Stream<Item = (String, Look)> {
    let width = std::thread::available_parallelism().map_or(1, usize::from);
    futures::stream::iter(runs)
        .map(|run| {
            let known = seen.runs.get(&run).cloned();
            let looking = tokio::spawn({
                let run = run.clone();
                async move { look(&run, known).await }
            });
            async move { (run, looking.await.unwrap_or_else(|error| Err(error.into()))) }
        })
        .buffered(2 * width)
}

/// What is known, where it still counts; else what is found now.
async fn look(run: &str, known: Option<Known>) -> Look {
    let files = files(&kept::directory_of(run)?);
    if let Some(known) = known.filter(|known| known.files == files) {
        let glance = Glance {
            standing: known.standing.clone(),
            damage: None,
        };
        return Ok((glance, Some(known)));
    }
    let glance = of(run).await?;
    let known = glance.damage.is_none().then(|| Known {
        files,
        standing: glance.standing.clone(),
    });
    Ok((glance, known))
}

/// The files that a journal is read from. Whoever reads it leaves an empty log behind, a new one each
/// time.
fn files(directory: &Path) -> Vec<Option<File>> {
    ["journal.sqlite", "journal.sqlite-wal", "journal.head"]
        .map(|name| File::of(&directory.join(name)).filter(|file| file.1 > 0))
        .into()
}

impl File {
    fn of(path: &Path) -> Option<Self> {
        let found = std::fs::symlink_metadata(path).ok()?;
        let at = |seconds: i64, nanoseconds: i64| {
            seconds
                .saturating_mul(1_000_000_000)
                .saturating_add(nanoseconds)
        };
        Some(Self(
            found.ino(),
            found.len(),
            at(found.mtime(), found.mtime_nsec()),
            at(found.ctime(), found.ctime_nsec()),
        ))
    }

    /// Whether it had been left alone for a moment by then, in nanoseconds of the file system's own clock.
    fn was_settled(&self, then: i64) -> bool {
        self.2.max(self.3).saturating_add(SETTLED) < then
    }
}

impl Seen {
    fn path() -> io::Result<PathBuf> {
        Ok(place::root()?.join("runs.seen"))
    }

    /// Nothing is known yet. Where the file system does not tell the time, nothing that is kept will count.
    fn begin() -> Self {
        let now = || -> io::Result<i64> {
            let path = Self::path()?;
            let folder = path.parent().unwrap_or(Path::new("."));
            let clock = tempfile::NamedTempFile::new_in(folder)?;
            Ok(File::of(clock.path()).map_or(0, |file| file.2))
        };
        Self {
            at: now().unwrap_or_default(),
            runs: BTreeMap::new(),
        }
    }

    /// What cannot be read is not known, nor what had changed just before it was looked at.
    fn read() -> Self {
        let read = || -> io::Result<Self> {
            let mut seen: Self = serde_json::from_slice(&std::fs::read(Self::path()?)?)?;
            let settled = |known: &Known| {
                let mut files = known.files.iter().flatten();
                files.all(|file| file.was_settled(seen.at))
            };
            seen.runs = std::mem::take(&mut seen.runs)
                .into_iter()
                .filter(|(_, known)| settled(known))
                .collect();
            Ok(seen)
        };
        read().unwrap_or_else(|error| {
            tracing::debug!(%error, "every journal is looked at");
            Self::default()
        })
    }

    /// What cannot be kept is looked for again.
    fn keep(&self) {
        let keep = || -> io::Result<()> {
            let path = Self::path()?;
            let draft = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
            serde_json::to_writer(io::BufWriter::new(draft.as_file()), self)?;
            draft.persist(path).map(drop).map_err(|error| error.error)
        };
        if let Err(error) = keep() {
            tracing::debug!(%error, "what was seen of the journals is not kept");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changes_is_another_one_and_settles_with_time() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.sqlite");
        assert_eq!(File::of(&path), None);
        std::fs::write(&path, "one").unwrap();
        let before = File::of(&path).unwrap();
        assert!(!before.was_settled(before.2));
        assert_eq!(File::of(&path), Some(before.clone()));
        // The same size, another file.
        std::fs::write(directory.path().join("two"), "two").unwrap();
        std::fs::rename(directory.path().join("two"), &path).unwrap();
        assert_ne!(File::of(&path), Some(before.clone()));
        assert!(before.was_settled(before.2.max(before.3) + SETTLED + 1));
    }
}
