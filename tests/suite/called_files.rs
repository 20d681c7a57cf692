//! Scripts that a command calls, and the files of a rollback: shown before they run, secrets masked,
//! and bound to the confirmation. And a step that opens an editor, which says that it waits.

use std::path::Path;

use crate::support::home::Home;
use crate::support::terminal::Terminal;

/// Two commands of the rollback; the first may change what the second calls.
const GUIDE: &str = "# Scripts\n\n## Phase 1: Deploy\n\n```bash {#deploy .run}\n./deploy.sh --all\n```\n\n\
    ## Rollback\n\n```bash {#stop .run}\nbash stop.sh\n```\n\n```bash {#back .run}\ncd old && ./back.sh\n```\n\n\
    ```bash {#more .run}\n./gone.sh || true\n```\n";

fn script(home: &Home, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = home.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn prepared() -> Home {
    let home = Home::new();
    home.write("guide.md", GUIDE);
    script(
        &home,
        "deploy.sh",
        "#!/bin/sh\n# postgres://app:hunter2canary@db/app\necho deployed\n",
    );
    script(&home, "stop.sh", "echo stopped-it\n");
    script(
        &home,
        "old/back.sh",
        "#!/bin/sh\necho went-back > ../back.log\n",
    );
    home
}

fn cockpit(home: &Home) -> Terminal {
    let terminal = Terminal::start(home.path(), &["run", "guide.md"], 120, 60);
    terminal.wait_for("would run: `deploy`");
    terminal
}

#[test]
fn a_script_is_shown_masked_and_bound_to_the_confirmation() {
    let home = prepared();
    let mut terminal = cockpit(&home);
    terminal.keys("<enter>");
    let screen = terminal.wait_for("calls ./deploy.sh (3 lines)");
    assert!(screen.contains("echo deployed"), "{screen}");
    assert!(!screen.contains("hunter2canary"), "{screen}");
    script(&home, "deploy.sh", "#!/bin/sh\necho something-else\n");
    terminal.keys("x");
    terminal.wait_for("has changed since you looked");
    terminal.keys("<enter>");
    terminal.wait_for("echo something-else");
    terminal.keys("x");
    terminal.wait_for("gate of `");
    assert!(terminal.shows("something-else"));
}

#[test]
fn the_files_of_a_rollback_are_shown_and_bound_to_its_confirmation() {
    let home = prepared();
    let mut terminal = cockpit(&home);
    terminal.keys("R");
    let screen = terminal.wait_for("calls old/back.sh (2 lines)");
    for shown in [
        "calls stop.sh (1 line)",
        "echo stopped-it",
        "echo went-back",
        "calls ./gone.sh: it is not there",
    ] {
        assert!(screen.contains(shown), "{shown}\n{screen}");
    }
    script(
        &home,
        "old/back.sh",
        "#!/bin/sh\necho other > ../back.log\n",
    );
    terminal.wait_for("BEGIN the rollback");
    terminal.keys("B");
    terminal.wait_for("has changed since you looked");
    assert!(!home.path().join("back.log").exists());
    terminal.keys("R");
    terminal.wait_for("echo other");
    terminal.wait_for("BEGIN the rollback");
    terminal.keys("B");
    terminal.wait_for("rolled back");
    assert_eq!(read(&home.path().join("back.log")), "other\n");
}

#[test]
fn a_file_that_changes_in_rollback_is_looked_at_before_it_runs() {
    let home = prepared();
    let swap = "printf '#!/bin/sh\\necho swapped > ../back.log\\n' > old/back.sh\n";
    script(&home, "stop.sh", swap);
    let mut terminal = cockpit(&home);
    terminal.keys("R");
    terminal.wait_for("calls old/back.sh (2 lines)");
    terminal.wait_for("BEGIN the rollback");
    terminal.keys("B");
    terminal.wait_for("STUCK");
    let status = home.gonogo(&["status", &home.runs()[0]]).exits(0).out;
    assert!(status.contains("is not what was shown"), "{status}");
    assert!(!home.path().join("back.log").exists());
    terminal.keys("<enter>");
    terminal.wait_for("echo swapped");
    terminal.keys("x");
    terminal.wait_for("rolled back");
    assert_eq!(read(&home.path().join("back.log")), "swapped\n");
}

#[test]
fn at_the_prompt_the_files_are_shown_too() {
    let home = prepared();
    let mut terminal = cockpit(&home);
    terminal.kill();
    let run = home.runs()[0].clone();
    let done = home
        .gonogo(&["rollback", &run, "--confirm", "yes"])
        .exits(4);
    for shown in ["calls stop.sh", "echo went-back", "it is not there"] {
        assert!(done.err.contains(shown), "{shown}\n{}", done.err);
    }
    assert_eq!(read(&home.path().join("back.log")), "went-back\n");
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// As an editor does it: the whole terminal is its own until it is left.
const EDITOR: &str = "#!/bin/bash\nstty -icanon -echo < /dev/tty\nIFS= read -r -n 1 key < /dev/tty\nstty sane < /dev/tty\necho \"left with $key\"\n";

#[test]
fn an_editor_in_rollback_is_said_and_takes_the_keyboard() {
    let home = Home::new();
    home.write(
        "guide.md",
        "# E\n\n## Phase 1: A\n\n- [ ] x\n\n## Rollback\n\n```bash {#revert .run}\n./vi message\n```\n",
    );
    script(&home, "vi", EDITOR);
    let mut terminal = Terminal::start(home.path(), &["run", "guide.md"], 120, 40);
    terminal.wait_for("to check (Space)");
    terminal.keys("R");
    terminal.wait_for("calls ./vi");
    terminal.wait_for("BEGIN the rollback");
    terminal.keys("B");
    terminal.wait_for("an editor (vi) is open");
    terminal.keys("I");
    terminal.wait_for("YOUR KEYS GO TO THE STEP");
    terminal.wait_until("the answer", |screen| !screen.contains("sent, waiting"));
    terminal.keys("q");
    terminal.wait_for("rolled back");
    assert!(terminal.shows("left with q"));
}

#[test]
fn an_editor_that_nobody_can_leave_holds_no_rehearsal_up_in_silence() {
    let home = Home::new();
    home.write(
        "guide.md",
        "# E\n\n## Phase 1: A\n\n```bash {#revert .run}\n./vi message\n```\n",
    );
    script(&home, "vi", EDITOR);
    let done = home.gonogo(&["rehearse", "guide.md"]).exits(3);
    assert!(
        done.err.contains("`revert` waits for input"),
        "{}",
        done.err
    );
    assert!(done.err.contains("an editor (vi)"), "{}", done.err);
    let run = home.runs()[0].clone();
    let mut terminal = Terminal::start(home.path(), &["attach", &run], 120, 40);
    terminal.wait_for("an editor (vi) is open");
    terminal.keys("I");
    terminal.wait_for("YOUR KEYS GO TO THE STEP");
    terminal.wait_until("the answer", |screen| !screen.contains("sent, waiting"));
    terminal.keys("q");
    terminal.wait_for("left with q");
}

#[test]
fn the_editor_of_the_operator_stays_what_it_is() {
    let home = Home::new();
    home.write(
        "guide.md",
        "# E\n\n## Phase 1: A\n\n```bash {#show .run}\nprintenv GIT_EDITOR EDITOR\nprintenv VISUAL || echo no-visual\n```\n",
    );
    let mut command = home.command(&["rehearse", "guide.md"]);
    command
        .env("GIT_EDITOR", "my-git-editor")
        .env("EDITOR", "my-editor")
        .env_remove("VISUAL");
    Home::finish(command).exits(0);
    let run = home.runs()[0].clone();
    let report = home.gonogo(&["report", &run]).exits(0).out;
    for line in ["my-git-editor", "my-editor", "no-visual"] {
        assert!(report.contains(line), "{line}\n{report}");
    }
}
