//! Goes to a file or folder name by name, each step by the descriptor of the folder before it, and
//! judges every folder on the way.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::account;
use super::distrust::Distrust;

/// As many links as the kernel follows.
const LINKS: u32 = 40;

/// A folder that is only gone through need not be readable.
#[cfg(target_os = "linux")]
const PASS: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const PASS: OFlags = OFlags::RDONLY;

/// The folder that holds the last name of a path, and that name: not a link that would be followed.
pub(super) struct Arrived {
    pub folder: OwnedFd,
    pub name: OsString,
    /// The whole of it, without links.
    pub path: PathBuf,
}

/// Goes to the folder of a path's last name. With `make` folders that are missing on the way are made,
/// for their owner alone.
pub(super) fn arrive(path: &Path, make: bool) -> Result<Arrived, Distrust> {
    let whole = std::path::absolute(path).map_err(|error| Distrust::io(path, error))?;
    let mut at = At::root()?;
    let mut ahead: VecDeque<OsString> = names(&whole).collect();
    let mut links = 0;
    while let Some(name) = ahead.pop_front() {
        match at.look(&name)? {
            Some(stat) if is(&stat, FileType::Symlink) => {
                links += 1;
                let target = at.link(&name, &stat)?;
                if links > LINKS {
                    return Err(Distrust::io(&at.path.join(&name), Errno::LOOP));
                }
                if target.is_absolute() {
                    at = At::root()?;
                }
                for name in names(&target).collect::<Vec<_>>().into_iter().rev() {
                    ahead.push_front(name);
                }
            }
            _ if ahead.is_empty() => {
                return Ok(Arrived {
                    path: at.path.join(&name),
                    folder: at.folder,
                    name,
                });
            }
            Some(_) => at.enter(&name)?,
            None if make => {
                at.make(&name)?;
                at.enter(&name)?;
            }
            None => return Err(Distrust::io(&at.path.join(&name), Errno::NOENT)),
        }
    }
    Err(Distrust::Kind {
        path: whole,
        wanted: "a path that ends with a name",
    })
}

fn names(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

/// Where the walk stands.
struct At {
    folder: OwnedFd,
    path: PathBuf,
    /// Others may make names in it, but replace none of ours.
    shared: bool,
}

impl At {
    fn root() -> Result<Self, Distrust> {
        let path = PathBuf::from("/");
        let folder = rustix::fs::open(
            "/",
            PASS | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .map_err(|error| Distrust::io(&path, error))?;
        let stat = rustix::fs::fstat(&folder).map_err(|error| Distrust::io(&path, error))?;
        let shared = judge(&stat, &path)?;
        Ok(Self {
            folder,
            path,
            shared,
        })
    }

    fn look(&self, name: &OsStr) -> Result<Option<Stat>, Distrust> {
        match rustix::fs::statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(Distrust::io(&self.path.join(name), error)),
        }
    }

    fn enter(&mut self, name: &OsStr) -> Result<(), Distrust> {
        let path = match name == ".." {
            true => self.path.parent().unwrap_or(&self.path).to_owned(),
            false => self.path.join(name),
        };
        let failed = |error| Distrust::io(&path, error);
        let flags = PASS | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder =
            rustix::fs::openat(&self.folder, name, flags, Mode::empty()).map_err(failed)?;
        let stat = rustix::fs::fstat(&folder).map_err(failed)?;
        self.shared = judge(&stat, &path)?;
        self.folder = folder;
        self.path = path;
        Ok(())
    }

    fn make(&self, name: &OsStr) -> Result<(), Distrust> {
        match rustix::fs::mkdirat(&self.folder, name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(error) => Err(Distrust::io(&self.path.join(name), error)),
        }
    }

    /// Where a link leads that may be followed.
    fn link(&self, name: &OsStr, stat: &Stat) -> Result<PathBuf, Distrust> {
        let path = self.path.join(name);
        if self.shared {
            return Err(Distrust::Link { path });
        }
        owned(stat, &path)?;
        let target = rustix::fs::readlinkat(&self.folder, name, Vec::new())
            .map_err(|error| Distrust::io(&path, error))?;
        Ok(PathBuf::from(OsStr::from_bytes(target.as_bytes())))
    }
}

pub(super) fn is(stat: &Stat, kind: FileType) -> bool {
    FileType::from_raw_mode(stat.st_mode) == kind
}

/// It belongs to the user or to root.
fn owned(stat: &Stat, path: &Path) -> Result<(), Distrust> {
    let me = rustix::process::geteuid().as_raw();
    if [0, me].contains(&stat.st_uid) {
        return Ok(());
    }
    Err(Distrust::Owner {
        path: path.to_owned(),
        uid: stat.st_uid,
    })
}

/// Judges a file or folder. Whether others may make names in a folder, but replace none of ours.
pub(super) fn judge(stat: &Stat, path: &Path) -> Result<bool, Distrust> {
    owned(stat, path)?;
    let mode = stat.st_mode;
    let by_all = mode & 0o002 != 0;
    if !by_all && !others_write(stat, path) {
        return Ok(false);
    }
    if is(stat, FileType::Directory) && mode & 0o1000 != 0 {
        return Ok(true);
    }
    Err(Distrust::Writable {
        path: path.to_owned(),
        by: match by_all {
            true => "everybody".to_owned(),
            false => account::group_name(stat.st_gid),
        },
        mode: mode & 0o7777,
    })
}

/// Whether somebody else may write by the rights of the group. Where a list of rights names more users,
/// the rights of the group are the most that any of them has.
fn others_write(stat: &Stat, path: &Path) -> bool {
    if stat.st_mode & 0o020 == 0 {
        return false;
    }
    let listed = rustix::fs::lgetxattr(path, "system.posix_acl_access", &mut [0u8; 0]);
    if listed.is_ok_and(|bytes| bytes > 0) {
        return true;
    }
    let me = rustix::process::geteuid().as_raw();
    ![0, me]
        .iter()
        .any(|uid| account::is_private_group(stat.st_gid, *uid))
}
