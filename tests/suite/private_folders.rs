//! Folders of the program's own: nobody else's is used or changed, and what is in the way is said.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use crate::support::home::{Done, Home};

const GUIDE: &str = "# G\n\n## Phase 1: Work\n\n### Work\n\n```bash {#work .run}\ntrue\n```\n";

/// A state folder whose runs have paths that no socket fits into.
fn deep(home: &Home) -> PathBuf {
    home.path().join("state-of-a-long-name/".repeat(6))
}

fn rehearse(home: &Home, state: &Path, session: &Path) -> Done {
    home.plant("guide.md", GUIDE);
    let mut command = home.command(&["rehearse", "guide.md"]);
    command
        .env("XDG_STATE_HOME", state)
        .env("XDG_RUNTIME_DIR", session);
    Home::finish(command)
}

fn folder(path: PathBuf, mode: u32) -> PathBuf {
    std::fs::create_dir(&path).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    path
}

#[test]
fn a_run_with_a_long_path_listens_in_the_folder_of_the_session() {
    let home = Home::new();
    let session = folder(home.path().join("session"), 0o700);
    rehearse(&home, &deep(&home), &session).exits(0);
    for arguments in [vec!["runs"], vec!["status"]] {
        Home::finish(with_state(&home, &arguments, &deep(&home))).exits(0);
    }
    let own = session.join("gonogo");
    assert_eq!(std::fs::metadata(&own).unwrap().mode() & 0o777, 0o700);
}

#[test]
fn a_link_in_the_folder_of_the_session_leads_to_no_victim() {
    let home = Home::new();
    // As `/tmp` is: others may put names there.
    let session = folder(home.path().join("session"), 0o1777);
    let victim = folder(home.path().join("victim"), 0o755);
    symlink(&victim, session.join("gonogo")).unwrap();
    rehearse(&home, &deep(&home), &session).exits(0);
    let after = std::fs::metadata(&victim).unwrap();
    assert_eq!(after.mode() & 0o777, 0o755, "its mode is its own");
    assert_eq!(std::fs::read_dir(&victim).unwrap().count(), 0);
}

#[test]
fn a_state_folder_of_somebody_else_is_not_called_ours() {
    let home = Home::new();
    let state = folder(home.path().join("theirs"), 0o755);
    let root = folder(state.join("gonogo"), 0o755);
    let root_is_ours = || Home::finish(with_state(&home, &["doctor"], &state));
    let said = root_is_ours().out;
    assert!(said.contains("is ours alone"), "{said}");
    let (why, mode) = match rustix::process::geteuid().is_root() {
        true => {
            chown(&root, Some(64_321), None).unwrap();
            ("belongs to user 64321, not to you", 0o700)
        }
        false => {
            std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o777)).unwrap();
            ("can be written by everybody", 0o777)
        }
    };
    let done = root_is_ours();
    assert_eq!(done.code, 1);
    assert!(done.out.contains(why), "{}", done.out);
    assert!(done.out.contains("XDG_STATE_HOME"), "{}", done.out);
    assert_eq!(std::fs::metadata(&root).unwrap().mode() & 0o777, mode);
    // Nor does a run begin there.
    home.plant("guide.md", GUIDE);
    let refused = Home::finish(with_state(&home, &["rehearse", "guide.md"], &state));
    assert_eq!(refused.code, 1, "{}", refused.err);
    assert!(refused.err.contains(why), "{}", refused.err);
}

fn with_state(home: &Home, arguments: &[&str], state: &Path) -> std::process::Command {
    let mut command = home.command(arguments);
    command.env("XDG_STATE_HOME", state);
    command
}
