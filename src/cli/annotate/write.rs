//! Puts a file in the place of another without a moment at which neither is whole: a new file beside it,
//! made durable, then renamed over it. Mode and owner stay, a symbolic link stays a link, and a file that
//! somebody else has changed in the meantime is left alone.

use std::io::{ErrorKind, Write};
use std::path::Path;

use rustix::fs::{Access, access};

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    #[error("it was changed on disk since it was read")]
    Changed,
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Why a file is not to be written to; `None` where it is. A file without any right to write is left
/// alone even where this user could.
pub(super) fn obstacle(path: &Path) -> Option<String> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.permissions().readonly() => {
            return Some("it is read-only".to_owned());
        }
        Ok(_) => {
            if let Err(error) = access(path, Access::WRITE_OK) {
                return Some(format!("it cannot be written: {error}"));
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Some(error.to_string()),
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    access(folder, Access::WRITE_OK)
        .err()
        .map(|error| format!("its folder cannot be written: {error}"))
}

/// Whether the file still holds what was read; `None` stands for a file that was not there.
///
/// # Errors
/// [`WriteError::Changed`] where it does not, and why it cannot be read.
pub(super) fn unchanged(path: &Path, before: Option<&[u8]>) -> Result<(), WriteError> {
    match (std::fs::read(path), before) {
        (Ok(now), Some(before)) if now == before => Ok(()),
        (Err(error), None) if error.kind() == ErrorKind::NotFound => Ok(()),
        (Err(error), _) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Err(WriteError::Changed),
    }
}

/// Puts `after` in the place of `before`.
///
/// # Errors
/// As [`unchanged`], and what the system says. The file is then as it was.
pub(super) fn replace(path: &Path, before: Option<&[u8]>, after: &[u8]) -> Result<(), WriteError> {
    // The file itself, not the link to it.
    let path = match before {
        Some(_) => path.canonicalize()?,
        None => path.to_owned(),
    };
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::Builder::new()
        .prefix(".gonogo-annotate-")
        .tempfile_in(folder)?;
    file.write_all(after)?;
    match std::fs::metadata(&path) {
        Ok(metadata) => {
            file.as_file().set_permissions(metadata.permissions())?;
            keep_owner(file.as_file(), &metadata);
        }
        Err(_) => {
            use std::os::unix::fs::PermissionsExt;
            file.as_file()
                .set_permissions(std::fs::Permissions::from_mode(0o644))?;
        }
    }
    file.as_file().sync_all()?;
    unchanged(&path, before)?;
    file.persist(&path).map_err(|error| error.error)?;
    // The rename itself must outlive a power cut.
    std::fs::File::open(folder)?.sync_all()?;
    Ok(())
}

/// A file that root edits still belongs to its owner.
fn keep_owner(file: &std::fs::File, metadata: &std::fs::Metadata) {
    use std::os::unix::fs::MetadataExt;
    let (owner, group) = (metadata.uid(), metadata.gid());
    if let Err(error) = std::os::unix::fs::fchown(file, Some(owner), Some(group)) {
        tracing::debug!(%error, "the owner of the file could not be kept");
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_replaced_behind_its_link_and_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("a.md"), folder.path().join("b.md"));
        std::fs::write(&file, "one").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        replace(&link, Some(b"one"), b"two").unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"two");
        assert!(link.is_symlink());
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert_eq!(
            folder.path().read_dir().unwrap().count(),
            2,
            "nothing is left over"
        );
    }

    #[test]
    fn what_somebody_else_wrote_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.md");
        std::fs::write(&file, "theirs").unwrap();
        for before in [Some(&b"mine"[..]), None] {
            let refused = replace(&file, before, b"two").unwrap_err();
            assert!(matches!(refused, WriteError::Changed));
        }
        assert_eq!(std::fs::read(&file).unwrap(), b"theirs");
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
        let gone = replace(&folder.path().join("c.md"), Some(b"x"), b"y");
        assert!(gone.is_err());
    }

    #[test]
    fn a_file_without_the_right_to_write_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.md");
        assert_eq!(obstacle(&file), None, "a new file");
        std::fs::write(&file, "x").unwrap();
        assert_eq!(obstacle(&file), None);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o444)).unwrap();
        assert!(obstacle(&file).unwrap().contains("read-only"));
    }
}
