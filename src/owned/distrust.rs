//! Why a file or folder does not count, and what makes it count.

use std::io;
use std::path::{Path, PathBuf};

use super::account;

/// Why a file or folder does not count. Messages are one lower-case sentence.
#[derive(Debug, thiserror::Error)]
pub enum Distrust {
    #[error("`{}` belongs to {}, not to you", path.display(), user(*uid))]
    Owner { path: PathBuf, uid: u32 },
    #[error("`{}` can be written by {by}", path.display())]
    Writable {
        path: PathBuf,
        by: String,
        mode: u32,
    },
    #[error("`{}` is a symbolic link in a folder where others may put one", path.display())]
    Link { path: PathBuf },
    #[error("`{}` is not {wanted}", path.display())]
    Kind { path: PathBuf, wanted: &'static str },
    #[error("`{}` is larger than {} MiB", path.display(), largest >> 20)]
    Large { path: PathBuf, largest: u64 },
    #[error("`{}`: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl Distrust {
    pub(super) fn io(path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Io {
            path: path.to_owned(),
            source: source.into(),
        }
    }

    /// What makes it count: a command where there is one.
    pub fn help(&self) -> String {
        match self {
            Self::Owner { path, .. } => {
                let me = account::login_of(rustix::process::geteuid().as_raw());
                let me = me.unwrap_or_else(|| "YOU".to_owned());
                format!(
                    "check what it is; if it is yours, `sudo chown {me} {}`, else use a copy of your own",
                    path.display()
                )
            }
            Self::Writable { path, mode, .. } => {
                let whom = match mode & 0o022 {
                    0o020 => "g",
                    0o002 => "o",
                    _ => "go",
                };
                format!("`chmod {whom}-w {}`", path.display())
            }
            Self::Link { path } => format!("check where it leads, then `rm {}`", path.display()),
            Self::Kind { path, .. } => format!("`ls -ld {}` shows what it is", path.display()),
            Self::Large { .. } => "use a smaller file".to_owned(),
            Self::Io { .. } => "check the path and its permissions".to_owned(),
        }
    }

    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// For callers that know of `io::Error` alone: the kind stays, the reason and the fix are its words.
impl From<Distrust> for io::Error {
    fn from(distrust: Distrust) -> Self {
        match distrust {
            Distrust::Io { path, source } => {
                Self::new(source.kind(), format!("`{}`: {source}", path.display()))
            }
            other => Self::new(
                io::ErrorKind::PermissionDenied,
                format!("{other}; {}", other.help()),
            ),
        }
    }
}

fn user(uid: u32) -> String {
    match account::login_of(uid) {
        Some(login) => format!("`{login}` (user {uid})"),
        None => format!("user {uid}"),
    }
}
