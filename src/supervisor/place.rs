//! Where the state of runs lies: `$XDG_STATE_HOME/gonogo/runs/RUN`, private to the user.
//!
//! ```text
//! journal.sqlite  every event          guide.md      the guide as it was when the run was opened
//! lock            who supervises       actions/      spools and exit records, one folder an attempt
//! socket          the socket, or a link to it            supervisor.log
//! reserve         room kept for the rollback on a disk that fills up (with folders in actions/)
//! ```

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::owned;

/// Unix socket paths end at 108 bytes on Linux and 104 on macOS.
const LONGEST_SOCKET_PATH: usize = 100;
const SOCKET: &str = "socket";

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

/// Where a new supervisor of this run listens: in the run's folder, or where that path is too long for a
/// socket, in a private folder of the session or under `/tmp`. Then `socket` in the run's folder is a link
/// that leads there.
///
/// # Errors
/// Where no folder for it can be made that is the user's own.
pub fn make_socket_path(directory: &Path) -> io::Result<PathBuf> {
    let beside = directory.join(SOCKET);
    if fits(&beside) {
        return Ok(beside);
    }
    let digest = {
        use sha2::Digest;
        let hash = sha2::Sha256::digest(directory.as_os_str().as_encoded_bytes());
        crate::run::hex(&hash)
    };
    let session =
        std::env::var_os("XDG_RUNTIME_DIR").map(|folder| PathBuf::from(folder).join("gonogo"));
    let socket = short_socket_path(
        session,
        Path::new("/tmp"),
        &format!("{}.sock", &digest[..24]),
    )?;
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => std::os::unix::fs::symlink(&socket, &beside)?,
    }
    Ok(socket)
}

fn short_socket_path(session: Option<PathBuf>, shared: &Path, name: &str) -> io::Result<PathBuf> {
    let uid = rustix::process::getuid().as_raw();
    if let Some(folder) = session.filter(|folder| folder.is_absolute() && fits(&folder.join(name)))
    {
        match owned::make(&folder, owned::PRIVATE) {
            Ok(_) => return Ok(folder.join(name)),
            Err(why) => tracing::warn!("no socket in the session's folder: {why}"),
        }
    }
    let folder = shared.join(format!("gonogo-{uid}"));
    owned::make(&folder, owned::PRIVATE).map_err(|why| {
        io::Error::other(format!(
            "the path of the run's folder is too long for a socket, and {why}; {}, or set `XDG_STATE_HOME` to a shorter path",
            why.help()
        ))
    })?;
    Ok(folder.join(name))
}

/// Where the supervisor of this run listens, if it has one.
///
/// # Errors
/// Where its socket is elsewhere and that place cannot be read.
pub fn socket_path(directory: &Path) -> io::Result<PathBuf> {
    let beside = directory.join(SOCKET);
    if fits(&beside) {
        return Ok(beside);
    }
    match std::fs::read_link(&beside) {
        // Nobody has listened there yet.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(beside),
        found => found,
    }
}

fn fits(socket: &Path) -> bool {
    socket.as_os_str().len() <= LONGEST_SOCKET_PATH
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
    owned::make(folder, owned::OPEN_TO_PASS)?;
    Ok(())
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
    }

    #[test]
    fn a_link_in_the_shared_folder_leads_no_socket_to_a_victim() {
        let home = tempfile::tempdir().expect("a folder");
        let (shared, victim) = (home.path().join("tmp"), home.path().join("victim"));
        std::fs::create_dir(&shared).expect("a folder");
        std::fs::create_dir(&victim).expect("a folder");
        mode(&shared, 0o1777);
        mode(&victim, 0o755);
        let uid = rustix::process::getuid().as_raw();
        let planted = shared.join(format!("gonogo-{uid}"));
        symlink(&victim, &planted).expect("a link");
        let why = short_socket_path(None, &shared, "a.sock").expect_err("refused");
        assert!(why.to_string().contains("is a symbolic link"), "{why}");
        assert!(why.to_string().contains("XDG_STATE_HOME"), "{why}");
        let after = std::fs::metadata(&victim).expect("it is there");
        assert_eq!(after.mode() & 0o777, 0o755);
        std::fs::remove_file(&planted).expect("removed");
        let path = short_socket_path(None, &shared, "a.sock").expect("a place");
        assert_eq!(path, planted.join("a.sock"));
    }

    #[test]
    fn the_folder_of_the_session_comes_first_where_it_is_ours_and_short() {
        let home = tempfile::tempdir().expect("a folder");
        let (session, shared) = (home.path().join("session"), home.path().join("tmp"));
        let path = short_socket_path(Some(session.clone()), &shared, "a.sock").expect("a place");
        assert_eq!(path, session.join("a.sock"));
        assert!(!shared.exists());
        for unfit in [home.path().join("x".repeat(120)), PathBuf::from("session")] {
            let path = short_socket_path(Some(unfit), &shared, "a.sock").expect("a place");
            assert!(path.starts_with(&shared), "{}", path.display());
        }
    }
}
