//! Bad input and missing things: each a clear message and a way on, nothing lost.

use crate::support::home::Home;
use crate::support::{cluster, fresh_database};

const GUIDE: &str =
    "# Tiny\n\n## Phase 1: Look\n\n```sql {#look .check expect=\"value == 1\"}\nSELECT 1;\n```\n";

#[test]
fn without_a_terminal_the_cockpit_says_what_to_use_instead() {
    let home = Home::new();
    home.write("guide.md", GUIDE);
    for arguments in [&["run", "guide.md"][..], &["attach"], &["demo"]] {
        let done = home.gonogo(arguments).exits(2);
        assert!(
            done.err.contains("no terminal") && done.err.contains("next:"),
            "{}",
            done.err
        );
    }
    assert!(home.runs().is_empty(), "nothing was opened");
}

#[test]
fn a_name_with_a_slip_is_refused_with_the_nearest() {
    let home = Home::new();
    home.write(
        "guide.md",
        "# Tiny\n\n## Phase 1: Look\n\n```bash {.run}\necho <release>\n```\n",
    );
    home.write(
        "gonogo.toml",
        "[environments.staging]\n\n[environments.production]\nprotected = true\n",
    );
    for (arguments, near) in [
        (
            &["plan", "guide.md", "--env", "stagign"][..],
            "did you mean `staging`?",
        ),
        (
            &[
                "plan",
                "guide.md",
                "--env",
                "staging",
                "--var",
                "RELEASSE=7",
            ],
            "did you mean `RELEASE`?",
        ),
        (
            &[
                "rehearse",
                "guide.md",
                "--env",
                "staging",
                "--var",
                "COLOUR=red",
            ],
            "choose `RELEASE`",
        ),
        (&["check", "giude.md"], "did you mean `guide.md`?"),
        (
            &["check", "--explain", "glob-in-restor"],
            "did you mean `glob-in-restore`?",
        ),
    ] {
        let done = home.gonogo(arguments).exits(2);
        assert!(done.err.contains(near), "{arguments:?}: {}", done.err);
    }
    let known = home.gonogo(&["plan", "guide.md", "--env", "staging", "--var", "RELEASE=7"]);
    assert!(known.exits(0).out.contains("with RELEASE=7"));
    assert!(home.runs().is_empty(), "nothing was opened");
}

#[test]
fn a_fault_beside_the_walk_is_a_warning_and_refuses_nothing() {
    let home = Home::new();
    home.write(
        "guide.md",
        "# Types\n\n## Step 1: Subscribe\n\n```sql\nBEGIN;\nCREATE SUBSCRIPTION s CONNECTION 'dbname=app' PUBLICATION p WITH (create_slot = false);\nCOMMIT;\n```\n\n## Step 2: Confirm\n\n```bash\n☐ Tests pass (105/105)\n```\n\n## Troubleshooting\n\n```sql\nSELECT 'a\ncurl -X POST http://localhost:1/x\n```\n",
    );
    let checked = home.gonogo(&["check", "guide.md"]).exits(0);
    assert!(
        checked.err.contains("warning[unreadable-sql]"),
        "{}",
        checked.err
    );
    assert!(
        checked.out.contains("0 errors, 1 warning"),
        "{}",
        checked.out
    );
    home.gonogo(&["plan", "guide.md"]).exits(0);
    home.write(
        "walk.md",
        "# Types\n\n## Step 1: Look\n\n```sql\nSELECT 'a\n```\n",
    );
    let checked = home.gonogo(&["check", "walk.md"]).exits(5);
    assert!(
        checked.err.contains("error[unreadable-sql]"),
        "{}",
        checked.err
    );
}

#[test]
fn a_guide_that_is_no_file_is_said_as_such() {
    let home = Home::new();
    std::fs::create_dir(home.path().join("folder")).unwrap();
    for (name, word) in [
        ("missing.md", "cannot read"),
        ("folder", "is a folder"),
        ("/dev/null", "not a regular file"),
    ] {
        for command in ["check", "plan", "rehearse"] {
            let done = home.gonogo(&[command, name]).exits(2);
            assert!(done.err.contains(word), "{command} {name}: {}", done.err);
        }
    }
}

#[test]
fn an_unknown_environment_is_told_with_those_there_are() {
    let home = Home::new();
    home.write("guide.md", GUIDE);
    home.environment("host=/nowhere dbname=app", "");
    let done = home
        .gonogo(&["rehearse", "guide.md", "--env", "prod"])
        .exits(2);
    assert!(
        done.err.contains("`prod`") && done.err.contains("`test`"),
        "{}",
        done.err
    );
}

#[test]
fn a_secret_is_not_taken_from_the_argument_list() {
    let home = Home::new();
    home.write("guide.md", "# T\n\n## Phase 1: A\n\n```bash {.run}\ncurl -H \"Authorization: Bearer $API_TOKEN\" http://localhost\n```\n");
    let done = home
        .gonogo(&["plan", "guide.md", "--var", "API_TOKEN=abc"])
        .exits(2);
    assert!(done.err.contains("secret"), "{}", done.err);
}

#[tokio::test]
async fn a_server_that_is_not_there_stops_sql_and_says_so() {
    let home = Home::new();
    home.write("guide.md", GUIDE);
    home.environment("host=/tmp/gonogo-nowhere dbname=app", "");
    let done = home.gonogo(&["rehearse", "guide.md"]).exits(3);
    assert!(
        done.err.contains("has not proved its identity"),
        "{}",
        done.err
    );
    let doctor = home.gonogo(&["doctor"]).exits(1);
    assert!(
        doctor.out.contains("MISS") && doctor.out.contains("target main"),
        "{}",
        doctor.out
    );
}

#[tokio::test]
async fn a_database_that_does_not_exist_is_named() {
    let home = Home::new();
    home.write("guide.md", GUIDE);
    home.environment(&cluster().conninfo("no_such_database"), "");
    let doctor = home.gonogo(&["doctor"]).exits(1);
    assert!(doctor.out.contains("no_such_database"), "{}", doctor.out);
}

#[tokio::test]
async fn doctor_finds_a_healthy_environment_healthy() {
    let database = fresh_database().await;
    let home = Home::new();
    home.environment(&database.conninfo(), "");
    let doctor = home.gonogo(&["doctor"]).exits(0);
    assert!(
        doctor.out.contains(&database.name) && doctor.out.contains("primary"),
        "{}",
        doctor.out
    );
}

#[test]
fn a_run_that_does_not_exist_is_said_with_the_way_to_those_that_do() {
    let home = Home::new();
    for command in ["status", "report", "resume", "rollback"] {
        for run in ["nope", "../../etc", "."] {
            let done = home.gonogo(&[command, run]).exits(2);
            assert!(
                done.err.contains("gonogo runs"),
                "{command} {run}: {}",
                done.err
            );
        }
    }
}

#[test]
fn completions_are_printed_for_every_shell() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            home.gonogo(&["completions", shell])
                .exits(0)
                .out
                .contains("rehearse")
        );
    }
}
