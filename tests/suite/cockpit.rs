//! The cockpit end to end: the real binary in a real terminal, driven by keys, on the real sample
//! system. The operator of these tests reads what stands on the screen and presses what it says.

use crate::support::home::{Home, until};
use crate::support::terminal::Terminal;

/// Who walks the guide by its `next` line.
struct Operator {
    terminal: Terminal,
}

/// The line that tells what to do next.
fn next_line(screen: &str) -> String {
    let lines: Vec<&str> = screen.lines().map(str::trim_end).collect();
    lines
        .iter()
        .rev()
        .nth(1)
        .map(|line| line.trim().to_owned())
        // While an answer is on its way there is no advice.
        .filter(|line| !line.starts_with("sent,"))
        .unwrap_or_default()
}

impl Operator {
    fn demo(home: &Home) -> Self {
        let workspace = home.path().join("w").display().to_string();
        let terminal = Terminal::start(home.path(), &["demo", "--directory", &workspace], 120, 40);
        terminal.wait_for("rollback");
        terminal.wait_for("healthy");
        Self { terminal }
    }

    /// Presses keys and waits until what they ask for is done: no dialog is open, and the advice is
    /// another.
    fn press_until_changed(&mut self, keys: &str, before: &str) {
        self.terminal.keys(keys);
        self.terminal
            .wait_until("the next act to change", |screen| {
                let next = next_line(screen);
                !screen.contains("Esc close") && !next.is_empty() && next != before
            });
    }

    /// What a whole frame tells to do next.
    fn advice(&self) -> String {
        let screen = self
            .terminal
            .wait_until("advice", |screen| !next_line(screen).is_empty());
        next_line(&screen)
    }

    /// Does the next thing that the screen advises.
    fn act(&mut self) {
        let screen = self
            .terminal
            .wait_until("advice", |screen| !next_line(screen).is_empty());
        let next = next_line(&screen);
        if next.contains("to check (Space)") {
            self.terminal.keys("<space>");
            let screen = self.terminal.wait_until("the box or its form", |screen| {
                screen.contains("Enter keep") || next_line(screen) != next
            });
            if screen.contains("Enter keep") {
                self.terminal.keys("CHG-42");
                self.terminal.wait_for("CHG-42");
                self.press_until_changed("<enter>", &next);
            }
        } else if next.contains("Enter shows what would run") {
            self.executes(&next);
        } else if next.contains("Enter shows the alternatives") {
            self.terminal.keys("<enter>");
            self.terminal.wait_for("take this one");
            self.press_until_changed("<enter>", &next);
        } else if next.contains("gate of `") {
            self.passes_the_gate(&next);
        } else {
            self.terminal
                .wait_until("something to do", |screen| next_line(screen) != next);
        }
    }

    /// Opens the preview and runs what it shows.
    fn executes(&mut self, next: &str) {
        self.terminal.keys("<enter>");
        self.terminal.wait_for("EXECUTE");
        self.terminal.keys("x");
        let screen = self
            .terminal
            .wait_until("the start, or what to type", |screen| {
                screen.contains("Esc stop typing") || !screen.contains("Esc close")
            });
        if let Some((_, asked)) = screen.split_once("first type `") {
            self.terminal.keys(asked.split('`').next().unwrap());
            self.terminal.wait_for("EXECUTE");
            self.terminal.keys("x");
        }
        self.press_until_changed("", next);
    }

    fn passes_the_gate(&mut self, next: &str) {
        self.terminal.keys("g");
        let screen = self.terminal.wait_for("G GO");
        // What a machine judges is judged; the rest is this operator's to say.
        for _ in 0..screen.matches("· open").count() {
            self.terminal.keys("<space>");
            self.terminal
                .wait_until("the judgement", |now| now != screen);
            self.terminal.keys("<down>");
        }
        // A probe's word may be a second old: a careful operator waits for the last measurement.
        self.terminal.wait_for("ready for GO");
        self.press_until_changed("G", next);
    }

    /// Walks until the screen holds `text`.
    fn walks_to(&mut self, text: &str) {
        for _ in 0..200 {
            self.advice();
            if self.terminal.shows(text) {
                return;
            }
            self.act();
        }
        panic!(
            "`{text}` is never reached; the screen:\n{}",
            self.terminal.text()
        );
    }

    /// Walks until this command is the next to run.
    fn walks_to_command(&mut self, id: &str) {
        for _ in 0..200 {
            if self.advice().contains(&format!("would run: `{id}`")) {
                return;
            }
            self.act();
        }
        panic!(
            "`{id}` is never reached; the screen:\n{}",
            self.terminal.text()
        );
    }

    /// `R`, a look, and the key that is not the one that asked.
    fn goes_back(&mut self) {
        self.terminal.keys("R");
        self.terminal.wait_for("BEGIN the rollback");
        self.terminal.keys("B");
        self.terminal.wait_for("rolled back");
    }

    fn leaves(&mut self) {
        self.terminal.keys("q");
        self.terminal.wait_for("leave the cockpit?");
        self.terminal.keys("l");
    }
}

#[test]
fn the_demo_is_walked_to_where_the_day_after_begins() {
    let home = Home::new();
    let mut operator = Operator::demo(&home);
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
    let mut operator = Operator::demo(&home);
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
    let mut operator = Operator::demo(&home);
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
    let mut operator = Operator::demo(&home);
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
