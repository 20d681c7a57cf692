//! Where the state of runs lies: `$XDG_STATE_HOME/gonogo/runs/RUN`, private to the user.
//!
//! ```text
//! journal.sqlite  every event          guide.md      the guide as it was when the run was opened
//! lock            who supervises       actions/      spools and exit records, one folder an attempt
//! socket          path of the socket   supervisor.log
//! reserve         room kept for the rollback on a disk that fills up
//! ```

use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Unix socket paths end at 108 bytes on Linux and 104 on macOS.
const LONGEST_SOCKET_PATH: usize = 100;

/// `$XDG_STATE_HOME/gonogo`, or `~/.local/state/gonogo`.
///
/// # Errors
/// Where neither `XDG_STATE_HOME` nor `HOME` is set.
pub fn root() -> io::Result<PathBuf> {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .map(|base| base.join("gonogo"))
        .ok_or_else(|| {
            io::Error::other(
                "neither `XDG_STATE_HOME` nor `HOME` names a folder for the state of runs",
            )
        })
}

/// The folder of one run.
///
/// # Errors
/// As [`root`]; and where the name could leave the folder of runs.
pub fn run_directory(run: &str) -> io::Result<PathBuf> {
    if run.is_empty() || run.contains('/') || run.starts_with('.') {
        return Err(io::Error::other(format!(
            "`{run}` is not the name of a run"
        )));
    }
    Ok(root()?.join("runs").join(run))
}

/// Makes a folder that only its owner may enter, parents included.
///
/// # Errors
/// Where it cannot be made.
pub fn create_private(directory: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700))
}

/// Names of all runs, newest first.
///
/// # Errors
/// Where the folder cannot be read; a missing one is no runs.
pub fn runs() -> io::Result<Vec<String>> {
    let folder = root()?.join("runs");
    let entries = match std::fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            let message = format!("cannot read `{}`: {error}", folder.display());
            return Err(io::Error::new(error.kind(), message));
        }
        Ok(entries) => entries,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.path().join("journal.sqlite").exists()
            && let Ok(name) = entry.file_name().into_string()
            && !name.starts_with('.')
        {
            names.push(name);
        }
    }
    names.sort_by(|a, b| b.cmp(a));
    Ok(names)
}

/// Where a new supervisor of this run listens: in the run's folder, or where that path is too long
/// for a socket, in a private folder under the temporary one.
///
/// # Errors
/// Where the fallback folder cannot be made, or belongs to somebody else.
pub fn socket_path(directory: &Path) -> io::Result<PathBuf> {
    let beside = directory.join("socket");
    if beside.as_os_str().len() <= LONGEST_SOCKET_PATH {
        return Ok(beside);
    }
    let uid = rustix::process::getuid().as_raw();
    let folder = PathBuf::from(format!("/tmp/gonogo-{uid}"));
    create_private(&folder)?;
    let owner = std::fs::symlink_metadata(&folder)?;
    if owner.uid() != uid || !owner.is_dir() {
        return Err(io::Error::other(format!(
            "{} belongs to somebody else; set `XDG_STATE_HOME` to a shorter path",
            folder.display()
        )));
    }
    let digest = {
        use sha2::Digest;
        let hash = sha2::Sha256::digest(directory.as_os_str().as_encoded_bytes());
        crate::run::hex(&hash)
    };
    Ok(folder.join(format!("{}.sock", &digest[..24])))
}

/// Where other logins reach a run, once its driver lets somebody in: `/tmp/gonogo-join-UID/RUN.sock`.
/// `uid` is the run's own login.
pub fn guest_socket_path(uid: u32, run: &str) -> PathBuf {
    PathBuf::from(format!("/tmp/gonogo-join-{uid}/{run}.sock"))
}

/// Makes the folder of a guests' socket: others may go through it to a name they know, and list or
/// write nothing.
///
/// # Errors
/// Where it cannot be made, or belongs to somebody else.
pub fn create_guest_folder(socket: &Path) -> io::Result<()> {
    let folder = socket
        .parent()
        .ok_or_else(|| io::Error::other("the guests' socket has no folder"))?;
    match std::fs::DirBuilder::new().mode(0o711).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = std::fs::symlink_metadata(folder)?;
    if !found.is_dir() || found.uid() != rustix::process::getuid().as_raw() {
        return Err(io::Error::other(format!(
            "`{}` belongs to somebody else",
            folder.display()
        )));
    }
    // The umask may have taken what others need.
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o711))
}

/// The guests' sockets of a run of this name, of whatever login.
///
/// # Errors
/// Where the temporary folder cannot be read.
pub fn guest_sockets(run: &str) -> io::Result<Vec<(u32, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/tmp")? {
        let name = entry?.file_name();
        let uid = name
            .to_str()
            .and_then(|name| name.strip_prefix("gonogo-join-"))
            .and_then(|uid| uid.parse().ok());
        let Some(uid) = uid else { continue };
        let path = guest_socket_path(uid, run);
        // A folder of that name may be anybody's; it counts where it is that login's own.
        let owner = path.parent().map(std::fs::symlink_metadata);
        let is_theirs = matches!(owner, Some(Ok(folder)) if folder.is_dir() && folder.uid() == uid);
        if is_theirs && path.exists() {
            found.push((uid, path));
        }
    }
    Ok(found)
}
