//! Reads the files that a command includes, where it would find them.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::run::{ActionId, Included, RunState, hex, included_files, preview};
use crate::text::scrub::scrub_line;

/// Lines of a file that are shown.
const SHOWN: usize = 2_000;
/// A file larger than this is no script that a person reads.
const LARGEST: u64 = 4 << 20;

/// What an action would include now; nothing for one that cannot run.
pub(super) fn read(state: &RunState, action: ActionId) -> Vec<Included> {
    let Ok(shown) = preview(state, action) else {
        return Vec::new();
    };
    included_files(shown.actor, &shown.command)
        .into_iter()
        .map(|path| file(&Path::new(&shown.directory).join(&path), path))
        .collect()
}

fn file(place: &Path, path: String) -> Included {
    let read = std::fs::metadata(place).and_then(|found| match found.len() {
        length if length > LARGEST => Err(std::io::Error::other("it is larger than 4 MiB")),
        _ if !found.is_file() => Err(std::io::Error::other("it is not a file")),
        _ => std::fs::read(place),
    });
    match read {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let lines: Vec<_> = text
                .lines()
                .take(SHOWN)
                .map(|line| scrub_line(line, false))
                .collect();
            Included {
                path,
                text: lines.join("\n"),
                lines: text.lines().count(),
                digest: hex(&Sha256::digest(&bytes)),
                error: None,
            }
        }
        Err(error) => Included {
            path,
            text: String::new(),
            lines: 0,
            digest: String::new(),
            error: Some(error.to_string()),
        },
    }
}
