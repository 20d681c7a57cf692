//! The directory a throwaway server lives in, and the user it runs as. A data directory is copied
//! from a template that `initdb` makes once per installation, because that is three times as fast.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use super::{Binaries, ClusterError};
use crate::owned;

/// Longest directory in which `.s.PGSQL.65535` still fits a socket address (macOS: 104 bytes).
const LONGEST: usize = 85;
/// Changed when the way a template is made changes.
const INITDB: [&str; 7] = [
    "-A",
    "trust",
    "--no-sync",
    "-U",
    "postgres",
    "--locale=C",
    "--encoding=UTF8",
];

/// A user to run the server as, where we are root: the server refuses to.
#[derive(Clone, Copy, Debug)]
struct User {
    uid: u32,
    gid: u32,
}

#[derive(Debug)]
pub(super) struct Place {
    directory: tempfile::TempDir,
    user: Option<User>,
}

impl Place {
    /// A new directory with a data directory in it that is ready to be started.
    pub(super) fn create(binaries: &Binaries) -> Result<Self, ClusterError> {
        let user = server_user()?;
        let base = base(user.is_some())?;
        let directory = tempfile::Builder::new()
            .prefix("s")
            .rand_bytes(8)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(&base)
            .map_err(ClusterError::io(format!(
                "create a directory in `{}`",
                base.display()
            )))?;
        let place = Self { directory, user };
        place.give(place.directory())?;
        let template = base.join(template_name(binaries, user));
        if !template.is_dir() {
            place.make_template(binaries, &template)?;
        }
        copy(&template, &place.data())?;
        Ok(place)
    }

    /// The server's own directory: its socket, its log, its data.
    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(super) fn data(&self) -> PathBuf {
        self.directory().join("data")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.directory().join("log")
    }

    /// A program run as the server's user, in its directory, deaf to the terminal's signals.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.directory())
            .env("LC_ALL", "C")
            .process_group(0);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        if let Some(user) = self.user {
            command.uid(user.uid).gid(user.gid);
        }
        command
    }

    pub(super) fn write_hba(&self, lines: &str) -> Result<(), ClusterError> {
        std::fs::write(self.data().join("pg_hba.conf"), lines)
            .map_err(ClusterError::io("write `pg_hba.conf`"))
    }

    pub(super) fn remove(&self) -> Result<(), ClusterError> {
        match std::fs::remove_dir_all(self.directory()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(ClusterError::Io {
                what: format!("remove `{}`", self.directory().display()),
                source: error,
            }),
            _ => Ok(()),
        }
    }

    fn give(&self, path: &Path) -> Result<(), ClusterError> {
        match self.user {
            Some(user) => chown(path, Some(user.uid), Some(user.gid)).map_err(ClusterError::io(
                format!("give `{}` to the server's user", path.display()),
            )),
            None => Ok(()),
        }
    }

    /// Several processes may do this at once: each makes its own, the first rename wins.
    fn make_template(&self, binaries: &Binaries, template: &Path) -> Result<(), ClusterError> {
        let fresh = self.directory().join("template");
        let output = self
            .command(&binaries.initdb())
            .args(INITDB)
            .arg("-D")
            .arg(&fresh)
            .stdin(Stdio::null())
            .output()
            .map_err(ClusterError::io("start `initdb`"))?;
        if !output.status.success() {
            return Err(ClusterError::Program {
                program: "initdb",
                output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            });
        }
        match std::fs::rename(&fresh, template) {
            Ok(()) => Ok(()),
            Err(_) if template.is_dir() => std::fs::remove_dir_all(&fresh)
                .map_err(ClusterError::io(format!("remove `{}`", fresh.display()))),
            Err(error) => Err(ClusterError::Io {
                what: format!("create `{}`", template.display()),
                source: error,
            }),
        }
    }
}

/// Another installation, another way to call `initdb` or another user needs another template.
fn template_name(binaries: &Binaries, user: Option<User>) -> String {
    let mut digest = Sha256::new();
    digest.update(binaries.directory().to_string_lossy().as_bytes());
    digest.update(binaries.version().as_bytes());
    digest.update(INITDB.join(" ").as_bytes());
    digest.update(user.map_or(0, |user| user.uid).to_le_bytes());
    let hex: String = digest
        .finalize()
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("template-{hex}")
}

fn copy(from: &Path, to: &Path) -> Result<(), ClusterError> {
    let output = Command::new("cp")
        .args(["-R", "-p"])
        .arg(from)
        .arg(to)
        .stdin(Stdio::null())
        .output()
        .map_err(ClusterError::io("start `cp`"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(ClusterError::Program {
        program: "cp",
        output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

/// `None` where we are not root.
fn server_user() -> Result<Option<User>, ClusterError> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let accounts =
        std::fs::read_to_string("/etc/passwd").map_err(ClusterError::io("read `/etc/passwd`"))?;
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| account(&accounts, name))
        .map(Some)
        .ok_or(ClusterError::NoUser)
}

/// A line of `/etc/passwd`: `name:password:uid:gid:…`.
fn account(accounts: &str, name: &str) -> Option<User> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then_some(())?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(User { uid, gid })
    })
}

/// The directory of all throwaway servers of this user: ours, short, and open to the server's user.
fn base(shared: bool) -> Result<PathBuf, ClusterError> {
    let uid = rustix::process::geteuid().as_raw();
    let mut reason = String::new();
    for parent in [
        std::env::temp_dir(),
        PathBuf::from("/tmp"),
        PathBuf::from("/var/tmp"),
    ] {
        let base = parent.join(format!("gonogo-pg-{uid}"));
        if base.as_os_str().len() + 10 > LONGEST {
            reason = format!("`{}` is too long for a socket", base.display());
        } else if shared && !all_may_enter(&parent) {
            reason = format!("`{}` is closed to other users", parent.display());
        } else {
            match owned::make(&base, owned::OPEN_TO_PASS) {
                Ok(_) => return Ok(base),
                Err(why) => reason = format!("{why}; {}", why.help()),
            }
        }
    }
    Err(ClusterError::Place { reason })
}

fn all_may_enter(path: &Path) -> bool {
    path.canonicalize().is_ok_and(|path| {
        path.ancestors()
            .all(|part| std::fs::metadata(part).is_ok_and(|metadata| metadata.mode() & 0o001 != 0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let accounts = "root:x:0:0::/root:/bin/sh\npostgresx:x:7:8::/:/bin/sh\npostgres:x:101:104:,,,:/var/lib:/bin/bash\n";
        let user = account(accounts, "postgres").unwrap();
        assert_eq!((user.uid, user.gid), (101, 104));
        assert!(account(accounts, "nobody").is_none());
    }

    #[test]
    fn a_private_directory_is_not_for_all() {
        let private = tempfile::tempdir().unwrap();
        std::fs::set_permissions(private.path(), Permissions::from_mode(0o700)).unwrap();
        assert!(!all_may_enter(private.path()));
        assert!(all_may_enter(Path::new("/usr")));
    }
}
