//! The guide's file while its run goes on: looked at now and then, and held against the copy that the
//! run was opened from. The run itself never reads it again.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use similar::{Algorithm, TextDiff};
use tokio::time::Instant;

use super::core::Supervisor;
use super::handle::Input;
use crate::run::{GuideOnDisk, Observation, RunState, hex};
use crate::text::scrub::scrub_line;

/// How often the file's time and size are asked for.
const PAUSE: Duration = Duration::from_secs(2);
/// A guide larger than this is not read again.
const LARGEST: u64 = 64 << 20;
/// Lines of the difference that are shown.
const SHOWN: usize = 2_000;
/// A difference is looked for this long; then it is a coarser one.
const PATIENCE: Duration = Duration::from_secs(1);

/// What of the file has been seen.
#[derive(Debug)]
pub(super) struct GuideWatch {
    path: PathBuf,
    looked: Option<Instant>,
    /// Time and size of the file when it was last read.
    read: Option<(SystemTime, u64)>,
    state: GuideOnDisk,
    digest: String,
}

impl GuideWatch {
    /// `None` for a run that does not know where its guide lies.
    pub(super) fn new(state: &RunState) -> Option<Self> {
        Some(Self {
            path: PathBuf::from(state.provenance.guide.as_ref()?),
            looked: None,
            read: None,
            state: GuideOnDisk::Same,
            digest: state.runbook.digest.clone(),
        })
    }

    /// Whether it is time to look again.
    fn is_due(&self) -> bool {
        self.looked.is_none_or(|looked| looked.elapsed() >= PAUSE)
    }

    /// What the file is now.
    fn look(&mut self) -> GuideOnDisk {
        self.looked = Some(Instant::now());
        let metadata = match std::fs::metadata(&self.path) {
            Ok(metadata) => metadata,
            Err(error) => {
                self.read = None;
                self.state = failed(&error);
                return self.state.clone();
            }
        };
        let now = (
            metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
            metadata.len(),
        );
        if self.read != Some(now) {
            self.state = match read(&self.path) {
                Ok(bytes) => {
                    let digest = hex(&Sha256::digest(&bytes));
                    self.read = Some(now);
                    if digest == self.digest {
                        GuideOnDisk::Same
                    } else {
                        GuideOnDisk::Changed(digest)
                    }
                }
                Err(error) => failed(&error),
            };
        }
        self.state.clone()
    }
}

impl Supervisor {
    /// Looks at the guide's file beside the loop: a file system that hangs holds up this alone.
    pub(super) fn look_at_guide(&mut self) {
        if !self.guide.as_ref().is_some_and(GuideWatch::is_due) {
            return;
        }
        let Some(mut watch) = self.guide.take() else {
            return;
        };
        let sender = self.sender.clone();
        tokio::task::spawn_blocking(move || {
            let seen = watch.look();
            if sender.blocking_send(Input::Guide(watch, seen)).is_err() {
                tracing::debug!("the guide was looked at, but the supervisor is ending");
            }
        });
    }

    /// Says so when the guide's file is no longer what the run was opened from.
    pub(super) async fn guide_seen(&mut self, watch: GuideWatch, state: GuideOnDisk) {
        self.guide = Some(watch);
        if let Err(refusal) = self.observed(Observation::GuideSeen { state }).await {
            tracing::warn!(reason = %refusal.message, "a change of the guide is not recorded");
        }
    }
}

fn failed(error: &io::Error) -> GuideOnDisk {
    match error.kind() {
        io::ErrorKind::NotFound => GuideOnDisk::Missing,
        _ => GuideOnDisk::Unreadable(error.to_string()),
    }
}

/// Reads a regular file; a pipe put in its place must not hold the supervisor up.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no longer a regular file"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other("it has more than 64 MiB"));
    }
    Ok(bytes)
}

/// The unified difference between the copy in the run's folder and the file as it is now, a line each.
///
/// # Errors
/// Which of the two cannot be read.
pub fn difference(state: &RunState, directory: &Path) -> Result<Vec<String>, String> {
    let kept = directory.join("guide.md");
    let before = std::fs::read(&kept)
        .map_err(|error| format!("the run's own copy cannot be read: {error}"))?;
    let path = state
        .provenance
        .guide
        .as_deref()
        .unwrap_or(&state.runbook.file);
    let after = read(Path::new(path)).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("`{path}` is gone; the run goes on with its own copy"),
        _ => format!("`{path}` cannot be read: {error}; the run goes on with its own copy"),
    })?;
    let (before, after) = (
        String::from_utf8_lossy(&before),
        String::from_utf8_lossy(&after),
    );
    Ok(unified(&before, &after))
}

fn unified(before: &str, after: &str) -> Vec<String> {
    let difference = TextDiff::configure()
        .algorithm(Algorithm::Patience)
        .timeout(PATIENCE)
        .diff_lines(before, after);
    let text = difference
        .unified_diff()
        .context_radius(3)
        .header("as the run was opened", "as it is now")
        .missing_newline_hint(false)
        .to_string();
    let mut lines: Vec<String> = text
        .lines()
        .take(SHOWN)
        .map(|line| scrub_line(line, false).into_owned())
        .collect();
    let more = text.lines().count().saturating_sub(SHOWN);
    if more > 0 {
        lines.push(format!("… and {more} more lines"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_names_lines_and_holds_no_control_characters() {
        let before = "# G\n\nold\nsame\n";
        let after = "# G\n\nnew \u{1b}[31mred\u{202e}\nsame\n";
        let lines = unified(before, after);
        assert!(
            lines.iter().any(|line| line.starts_with("@@ -1,4 +1,4 @@")),
            "{lines:?}"
        );
        assert!(lines.contains(&"-old".to_owned()), "{lines:?}");
        let added = lines.iter().find(|line| line.starts_with("+new")).unwrap();
        assert!(
            !added.contains('\u{1b}') && !added.contains('\u{202e}'),
            "{added:?}"
        );
        assert!(unified(before, before).is_empty());
    }

    #[test]
    fn a_file_that_changes_and_goes_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("guide.md");
        std::fs::write(&path, "one").unwrap();
        let digest = hex(&Sha256::digest(b"one"));
        let mut watch = GuideWatch {
            path: path.clone(),
            looked: None,
            read: None,
            state: GuideOnDisk::Same,
            digest,
        };
        assert!(watch.is_due());
        assert_eq!(watch.look(), GuideOnDisk::Same);
        assert!(!watch.is_due(), "not at every pulse");
        std::fs::write(&path, "two two").unwrap();
        assert!(matches!(watch.look(), GuideOnDisk::Changed(_)));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(watch.look(), GuideOnDisk::Missing);
        std::fs::create_dir(&path).unwrap();
        assert!(matches!(watch.look(), GuideOnDisk::Unreadable(_)));
        std::fs::remove_dir(&path).unwrap();
        std::fs::write(&path, "one").unwrap();
        assert_eq!(watch.look(), GuideOnDisk::Same);
    }
}
