//! Makes the program's own folders, or makes sure of them. A folder is opened without following a link,
//! and whose it is and who may enter it is judged and set on that descriptor: whoever puts something
//! else in its place meanwhile changes nothing that is theirs or ours.

use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::distrust::Distrust;
use super::walk::{arrive, judge};

/// For its owner alone.
pub const PRIVATE: u32 = 0o700;
/// Others may go through it to a name they know, and list or write nothing.
pub const OPEN_TO_PASS: u32 = 0o711;

/// Makes a folder of the user's own with this mode; one that is there and the user's own is given the
/// mode. Missing folders above it are made for the user alone. True where it was made.
///
/// # Errors
/// It belongs to somebody else or is none, others could replace it or write into it, or it cannot be
/// made.
pub fn make(path: &Path, mode: u32) -> Result<bool, Distrust> {
    let there = arrive(path, true)?;
    let failed = |error: Errno| Distrust::io(&there.path, error);
    let wanted = Mode::from_raw_mode(mode as _);
    let made = match rustix::fs::mkdirat(&there.folder, &there.name, wanted) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        Err(error) => return Err(failed(error)),
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = match rustix::fs::openat(&there.folder, &there.name, flags, Mode::empty()) {
        // A link that was put here since, or a file.
        Err(Errno::NOTDIR | Errno::LOOP) => {
            return Err(Distrust::Kind {
                path: there.path,
                wanted: "a folder",
            });
        }
        opened => opened.map_err(failed)?,
    };
    let stat = rustix::fs::fstat(&folder).map_err(failed)?;
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        return Err(Distrust::Owner {
            path: there.path,
            uid: stat.st_uid,
        });
    }
    // What others could write may hold what they put there.
    if judge(&stat, &there.path)? {
        return Err(Distrust::Writable {
            path: there.path,
            by: "everybody".to_owned(),
            mode: stat.st_mode & 0o7777,
        });
    }
    // Also where the umask took what others need.
    if stat.st_mode & 0o7777 != wanted.as_raw_mode() {
        rustix::fs::fchmod(&folder, wanted).map_err(failed)?;
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// A folder like `/tmp`, and one of somebody's that a link in it could lead to.
    fn shared() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let home = tempfile::tempdir().expect("a folder");
        let (shared, victim) = (home.path().join("tmp"), home.path().join("victim"));
        std::fs::create_dir(&shared).expect("a folder");
        std::fs::create_dir(&victim).expect("a folder");
        set(&shared, 0o1777);
        set(&victim, 0o755);
        (home, shared, victim)
    }

    fn set(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
    }

    fn mode_of(path: &Path) -> u32 {
        let found = std::fs::symlink_metadata(path).expect("it is there");
        found.mode() & 0o7777
    }

    #[test]
    fn a_folder_is_made_for_its_owner_alone_with_those_above_it() {
        let (_home, shared, _) = shared();
        let path = shared.join("gonogo-1/a/b");
        assert!(make(&path, PRIVATE).expect("made"));
        for part in ["gonogo-1", "gonogo-1/a", "gonogo-1/a/b"] {
            assert_eq!(mode_of(&shared.join(part)), 0o700, "{part}");
        }
        assert!(!make(&path, OPEN_TO_PASS).expect("it is ours"));
        assert_eq!(mode_of(&path), 0o711);
    }

    #[test]
    fn a_link_in_its_place_is_refused_and_where_it_leads_stays_as_it_was() {
        let (_home, shared, victim) = shared();
        let path = shared.join("gonogo-1");
        symlink(&victim, &path).expect("a link");
        for wanted in [&path, &path.join("below")] {
            let why = make(wanted, PRIVATE).expect_err("refused").to_string();
            assert!(why.contains("is a symbolic link"), "{why}");
        }
        assert_eq!(mode_of(&victim), 0o755);
        assert!(!victim.join("below").exists());
    }

    #[test]
    fn a_file_in_its_place_is_said() {
        let (_home, shared, _) = shared();
        let path = shared.join("gonogo-1");
        std::fs::write(&path, "").expect("a file");
        let why = make(&path, PRIVATE).expect_err("refused").to_string();
        assert!(why.ends_with("is not a folder"), "{why}");
    }

    #[test]
    fn a_folder_of_somebody_else_is_refused_and_stays_as_it_was() {
        if !rustix::process::geteuid().is_root() {
            // Without root's rights: root's own is somebody else's.
            let why = make(Path::new("/usr"), PRIVATE).expect_err("refused");
            assert!(matches!(why, Distrust::Owner { uid: 0, .. }), "{why}");
            return;
        }
        let (_home, shared, _) = shared();
        let path = shared.join("gonogo-1");
        std::fs::create_dir(&path).expect("a folder");
        set(&path, 0o755);
        chown(&path, Some(64_321), None).expect("root may");
        for wanted in [&path, &path.join("below")] {
            let why = make(wanted, PRIVATE).expect_err("refused").to_string();
            assert!(why.contains("belongs to user 64321"), "{why}");
        }
        assert_eq!(mode_of(&path), 0o755);
        assert!(!path.join("below").exists());
    }

    #[test]
    fn where_others_could_replace_it_nothing_is_made() {
        let (_home, shared, _) = shared();
        set(&shared, 0o777);
        let why = make(&shared.join("gonogo-1"), PRIVATE).expect_err("refused");
        assert!(why.to_string().contains("can be written by everybody"));
        assert!(!shared.join("gonogo-1").exists());
    }

    #[test]
    fn one_that_others_could_write_into_is_refused_with_what_is_in_it() {
        let (_home, shared, _) = shared();
        let path = shared.join("gonogo-1");
        make(&path, OPEN_TO_PASS).expect("made");
        for mode in [0o777, 0o1777] {
            set(&path, mode);
            let refused = make(&path, PRIVATE).expect_err("refused");
            assert!(refused.to_string().contains("written by everybody"));
            assert!(refused.help().contains("chmod"), "{}", refused.help());
        }
    }

    /// The name is a folder at one moment and a link to a victim at the next, as fast as can be.
    #[test]
    fn whoever_replaces_the_name_meanwhile_changes_nothing_of_the_victim() {
        let (_home, shared, victim) = shared();
        let path = shared.join("gonogo-1");
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    // Whichever of these fails, the other one has been quicker.
                    std::fs::remove_dir(&path).ok();
                    symlink(&victim, &path).ok();
                    std::fs::remove_file(&path).ok();
                }
            });
            for _ in 0..3_000 {
                make(&path, PRIVATE).ok();
                assert_eq!(mode_of(&victim), 0o755);
            }
            over.store(true, Ordering::Relaxed);
        });
    }
}
