//! The cockpit end to end: the real binary in a real terminal, driven by keys, on the real sample
//! system. The operator of these tests reads what stands on the screen and presses what it says.

use crate::support::home::{Home, until};
use crate::support::operator::Operator;
use crate::support::terminal::Terminal;

#[test]
fn the_demo_is_walked_to_where_the_day_after_begins() {
    let home = Home::new();
    let mut operator = Operator::demo(&home, &["single-table"]);
    operator.walks_to("`The day after` waits until");
    operator.leaves();
    assert_eq!(operator.terminal.wait_exit(), 3);
    let status = home.status(&home.runs()[0]);
    assert_eq!(status["state"], "waiting");
    assert_eq!(status["journal"]["intact"], true);
}

#[test]
fn a_rollback_in_the_middle_of_the_migration_ends_where_it_began() {
    let home = Home::new();
    let mut operator = Operator::demo(&home, &["single-table"]);
    operator.walks_to_command("migration");
    // What the command includes is part of what would run.
    operator.terminal.keys("<enter>");
    operator
        .terminal
        .wait_for("includes migrations/007_single_query_table.sql");
    operator.terminal.keys("<esc>");
    operator.advice();
    operator.executes("");
    operator.terminal.wait_for("NOTICE");
    operator.goes_back();
    operator.leaves();
    assert_eq!(operator.terminal.wait_exit(), 4);
    let run = home.runs()[0].clone();
    let report = home.gonogo(&["report", &run]).exits(0).out;
    assert!(
        report.contains("**cancelled**"),
        "the migration was cancelled:\n{report}"
    );
    assert_eq!(home.status(&run)["state"], "rolled_back");
}

#[test]
fn a_failed_verification_leads_to_a_no_go_and_back() {
    let home = Home::new();
    let mut operator = Operator::demo(&home, &["single-table"]);
    operator.walks_to_command("verify");
    // Somebody breaks what the migration made, behind the operator's back.
    let conninfo = std::fs::read_to_string(home.path().join("w/gonogo.toml")).unwrap();
    let table: toml::Table = conninfo.parse().unwrap();
    let main = &table["environments"]["demo"]["targets"]["main"];
    let address = main
        .as_str()
        .or_else(|| main["postgres"].as_str())
        .unwrap()
        .to_owned();
    let broken = std::process::Command::new("psql")
        .args(["-X", "-v", "ON_ERROR_STOP=1", "-d", &address, "-c"])
        .arg("ALTER TABLE report_audit_mapping DROP CONSTRAINT report_audit_mapping_audit_id_fkey")
        .output()
        .unwrap();
    assert!(
        broken.status.success(),
        "{}",
        String::from_utf8_lossy(&broken.stderr)
    );
    operator.executes("");
    let screen = operator.terminal.wait_for("failed");
    assert!(screen.contains("R"), "the rollback is named:\n{screen}");
    operator.terminal.keys("g");
    operator.terminal.wait_for("no-go");
    operator.terminal.keys("n");
    operator.terminal.wait_for("try again");
    operator.goes_back();
    operator.leaves();
    assert_eq!(operator.terminal.wait_exit(), 4);
}

#[test]
fn leaving_and_coming_back_is_the_same_screen() {
    let home = Home::new();
    let mut operator = Operator::demo(&home, &["single-table"]);
    operator.walks_to_command("backup");
    // The connection drops: no goodbye. The run is still there, and so is its screen.
    let run = until("the run", || home.runs().first().cloned());
    let mut second = Terminal::start(home.path(), &["attach", &run, "--observe"], 120, 40);
    second.wait_for("you watch");
    second.wait_for("Dump the database");
    second.keys("<space>");
    second.wait_for("you are watching");
    second.keys("q");
    second.wait_for("the run goes on");
    second.keys("l");
    assert_eq!(second.wait_exit(), 3, "the run waits for a person");
    assert_eq!(home.status(&run)["state"], "waiting");
}

/// A guide of one's own: nothing of the sample system is near.
const OWN: &str = "# Mine\n\n## Phase 1: Look\n\n- [ ] I am awake\n\n## Phase 2: Do\n\n```bash {#echo .run}\necho done-by-hand\n```\n\n\
    ## Rollback\n\n### Option 1: Undo\n\n```bash {#undo .run}\necho taken-back\n```\n";

#[test]
fn a_dropped_connection_loses_nothing() {
    let home = Home::new();
    home.write("guide.md", OWN);
    let mut first = Terminal::start(home.path(), &["run", "guide.md"], 120, 40);
    first.wait_for("to check (Space)");
    first.keys("<space>");
    first.wait_for("gate of `");
    first.kill();
    let mut second = Terminal::start(home.path(), &["attach"], 120, 40);
    second.wait_for("gate of `");
    second.wait_for("[✓] I am awake");
    second.keys("g");
    second.wait_for("G GO");
    second.keys("G");
    second.wait_for("would run: `echo`");
    assert_eq!(home.runs().len(), 1, "it is the same run");
}

#[test]
fn any_size_shows_something_sensible_and_the_rollback() {
    let home = Home::new();
    home.write("guide.md", OWN);
    let terminal = Terminal::start(home.path(), &["run", "guide.md"], 200, 60);
    terminal.wait_for("I am awake");
    for (columns, rows) in [(80, 24), (120, 40), (60, 16)] {
        terminal.resize(columns, rows);
        terminal.wait_until("the rollback at this size", |screen| {
            screen.contains("rollback") && screen.contains("I am awake")
        });
    }
    terminal.resize(20, 5);
    terminal.wait_for("20x5");
    terminal.resize(80, 24);
    terminal.wait_for("I am awake");
}

#[test]
fn a_guide_of_ones_own_goes_back_with_one_key_and_another() {
    let home = Home::new();
    home.write("guide.md", OWN);
    let mut operator = Operator {
        terminal: Terminal::start(home.path(), &["run", "guide.md"], 80, 24),
    };
    operator.terminal.wait_for("to check (Space)");
    operator.goes_back();
    operator.terminal.wait_for("taken-back");
    operator.leaves();
    assert_eq!(operator.terminal.wait_exit(), 4);
}
