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
        done.err.contains("has not proved which database it is"),
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
