//! Files of an action: private to their owner, and JSON that may not be there yet.

use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Reads a whole document; `None` where the file is missing.
pub(super) fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| io::Error::other(format!("`{}`: {error}", path.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens a file that only its owner may read, for appending; made where it is missing.
///
/// # Errors
/// Where it cannot be opened.
pub fn private_file(path: &Path) -> io::Result<std::fs::File> {
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}
