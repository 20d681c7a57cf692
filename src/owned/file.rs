//! Reads a file that nobody but the user and root can change.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags};

use super::distrust::Distrust;
use super::walk::{arrive, is, judge};

/// A file as it was judged: the bytes are those of the file that was looked at.
#[derive(Debug)]
pub struct Judged {
    /// Where it lies, without links.
    pub path: PathBuf,
    pub bytes: Vec<u8>,
}

/// Reads a regular file of at most `largest` bytes.
///
/// # Errors
/// Others could change it or a folder above it, or it cannot be read.
pub fn read(path: &Path, largest: u64) -> Result<Judged, Distrust> {
    let there = arrive(path, false)?;
    let failed = |error: std::io::Error| Distrust::io(&there.path, error);
    // Not waited for, should it be a pipe.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&there.folder, &there.name, flags, Mode::empty())
        .map_err(|error| failed(error.into()))?;
    let stat = rustix::fs::fstat(&file).map_err(|error| failed(error.into()))?;
    if !is(&stat, FileType::RegularFile) {
        return Err(Distrust::Kind {
            path: there.path,
            wanted: "a regular file",
        });
    }
    judge(&stat, &there.path)?;
    let mut bytes = Vec::new();
    File::from(file)
        .take(largest + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > largest {
        return Err(Distrust::Large {
            path: there.path,
            largest,
        });
    }
    Ok(Judged {
        path: there.path,
        bytes,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    fn home() -> tempfile::TempDir {
        tempfile::tempdir().expect("a folder")
    }

    fn written(folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, "text").expect("a file");
        path
    }

    fn mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
    }

    fn refusal(path: &Path) -> (String, String) {
        let distrust = read(path, 10).expect_err("it is refused");
        (distrust.to_string(), distrust.help())
    }

    /// Somebody else than the user of these tests; only root can give files away.
    fn somebody_else() -> Option<u32> {
        rustix::process::geteuid().is_root().then_some(64_321)
    }

    #[test]
    fn a_file_of_the_users_own_counts() {
        let home = home();
        let path = written(home.path(), "a");
        let judged = read(&path, 10).expect("it counts");
        assert_eq!(judged.bytes, b"text");
        assert_eq!(judged.path, path.canonicalize().expect("it is there"));
    }

    #[test]
    fn what_everybody_may_write_is_refused_with_the_command_that_helps() {
        let home = home();
        let path = written(home.path(), "a");
        mode(&path, 0o646);
        let (why, help) = refusal(&path);
        assert!(why.contains("can be written by everybody"), "{why}");
        assert_eq!(help, format!("`chmod o-w {}`", path.display()));
    }

    #[test]
    fn a_folder_above_that_everybody_may_write_is_refused() {
        let home = home();
        let open = home.path().join("open");
        std::fs::create_dir_all(open.join("below")).expect("folders");
        let path = written(&open.join("below"), "a");
        mode(&open, 0o777);
        let (why, help) = refusal(&path);
        assert!(why.contains("open` can be written by everybody"), "{why}");
        assert!(
            help.contains("chmod go-w") && help.ends_with("open`"),
            "{help}"
        );
        mode(&open, 0o1777);
        read(&path, 10).expect("nobody else can replace it in a sticky folder");
    }

    #[test]
    fn in_a_folder_where_others_may_put_names_no_link_is_followed() {
        let home = home();
        let path = written(home.path(), "a");
        let shared = home.path().join("shared");
        std::fs::create_dir(&shared).expect("a folder");
        symlink(&path, shared.join("link")).expect("a link");
        symlink(home.path(), shared.join("way")).expect("a link");
        read(&shared.join("link"), 10).expect("a link of one's own leads on");
        mode(&shared, 0o1777);
        for name in ["link", "way/a"] {
            let (why, help) = refusal(&shared.join(name));
            assert!(why.contains("is a symbolic link"), "{why}");
            assert!(help.contains("`rm "), "{help}");
        }
    }

    #[test]
    fn what_belongs_to_somebody_else_is_refused() {
        let Some(other) = somebody_else() else {
            // Without root's rights: what is root's counts, as the machine's own does.
            read(Path::new("/etc/passwd"), 1 << 20).expect("it is root's");
            return;
        };
        let home = home();
        let path = written(home.path(), "a");
        chown(&path, Some(other), None).expect("root may");
        let (why, help) = refusal(&path);
        assert!(why.ends_with("belongs to user 64321, not to you"), "{why}");
        assert!(help.contains("chown"), "{help}");
        let folder = home.path().join("theirs");
        std::fs::create_dir(&folder).expect("a folder");
        let path = written(&folder, "a");
        chown(&folder, Some(other), None).expect("root may");
        assert!(refusal(&path).0.contains("theirs` belongs to user 64321"));
        let link = home.path().join("link");
        symlink(written(home.path(), "b"), &link).expect("a link");
        std::os::unix::fs::lchown(&link, Some(other), None).expect("root may");
        assert!(refusal(&link).0.contains("link` belongs to user 64321"));
    }

    #[test]
    fn a_group_that_others_belong_to_may_not_write() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let home = home();
        let path = written(home.path(), "a");
        mode(&path, 0o664);
        read(&path, 10).expect("root's own group has nobody else in it");
        chown(&path, None, Some(64_321)).expect("root may");
        let (why, help) = refusal(&path);
        assert!(why.contains("written by the group 64321"), "{why}");
        assert!(help.contains("chmod g-w"), "{help}");
    }

    #[test]
    fn neither_a_pipe_nor_a_loop_of_links_holds_the_reader_up() {
        let home = home();
        let pipe = home.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.expect("it starts").success());
        assert!(refusal(&pipe).0.contains("not a regular file"));
        let (one, two) = (home.path().join("one"), home.path().join("two"));
        symlink(&one, &two).expect("a link");
        symlink(&two, &one).expect("a link");
        assert!(refusal(&one).0.contains("one"));
        assert!(
            read(&home.path().join("none"), 10)
                .expect_err("none")
                .is_not_found()
        );
        assert!(refusal(home.path()).0.contains("not a regular file"));
        let long = home.path().join("long");
        std::fs::write(&long, "more than ten bytes").expect("a file");
        assert!(refusal(&long).0.contains("larger"));
    }
}
