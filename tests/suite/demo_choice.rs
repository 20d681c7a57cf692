//! Which demo is brought up: named, asked for, or the first.

use crate::support::home::Home;
use crate::support::terminal::Terminal;

#[test]
fn without_a_name_and_a_terminal_the_demos_are_listed_with_how_to_start_one() {
    let home = Home::new();
    let done = home.gonogo(&["demo"]).exits(2);
    for name in ["single-table", "watch-release", "counters", "star-schema"] {
        assert!(done.out.contains(name), "{}", done.out);
    }
    assert!(
        done.err.contains("gonogo demo NAME --headless"),
        "{}",
        done.err
    );
    let listed = home.gonogo(&["demo", "--list"]).exits(0);
    assert_eq!(listed.out, done.out);
    // A folder names none.
    let folder = home.path().join("w").display().to_string();
    let asked = home.gonogo(&["demo", "--directory", &folder]).exits(2);
    assert_eq!(asked.out, done.out);
}

#[test]
fn a_demo_tells_how_it_can_be_broken_and_a_slip_the_nearest() {
    let home = Home::new();
    let listed = home.gonogo(&["demo", "watch-release", "--list"]).exits(0);
    for name in ["leak", "exposed", "flap", "unattributed"] {
        assert!(
            listed.out.contains(&format!("--break {name}")),
            "{}",
            listed.out
        );
    }
    for (arguments, near) in [
        (
            &["demo", "watch-relaese"][..],
            "did you mean `watch-release`?",
        ),
        (
            &["demo", "watch-release", "--break", "leek"],
            "did you mean `leak`?",
        ),
        (
            &["demo", "watch-release", "--scale", "600"],
            "--scale 1/600",
        ),
    ] {
        let done = home.gonogo(arguments).exits(2);
        assert!(done.err.contains(near), "{}", done.err);
    }
    assert!(home.runs().is_empty(), "nothing was opened");
}

#[test]
fn in_a_terminal_the_demos_are_listed_and_asked_for() {
    let home = Home::new();
    let mut terminal = Terminal::start(home.path(), &["demo"], 120, 40);
    terminal.wait_for("which one");
    terminal.keys("9<enter>");
    terminal.wait_for("type a number from 1 to");
    terminal.keys("q<enter>");
    assert_eq!(terminal.wait_exit(), 0);
    assert!(home.runs().is_empty(), "nothing was opened");
}

/// What is broken is noticed where the list says so, and the rollback leaves all as it was.
#[test]
fn each_break_of_the_single_table_ends_by_the_rollback() {
    for (name, noticed) in [
        ("orphans", "failed    orphans"),
        ("lost-copies", "failed    migration"),
    ] {
        let home = Home::new();
        let done = home
            .gonogo(&["demo", "single-table", "--headless", "--break", name])
            .exits(4);
        let said = &done.err;
        assert!(said.contains(noticed), "{name}: {said}");
        let (_, compared) = said.split_once("compared with the beginning:\n").unwrap();
        let parts: Vec<&str> = compared
            .lines()
            .take_while(|line| line.starts_with("  "))
            .collect();
        assert_eq!(parts.len(), 4, "{said}");
        for part in parts {
            assert!(part.contains(": as before ("), "{name}: {said}");
        }
    }
}
