//! An operator who walks a guide in a real terminal: reads what stands on the screen and presses what it says.

use super::home::Home;
use super::terminal::Terminal;

/// Who walks the guide by its `next` line.
pub struct Operator {
    pub terminal: Terminal,
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
    /// Brings a demo up, in the folder `w`; `arguments` begin with its name.
    pub fn demo(home: &Home, arguments: &[&str]) -> Self {
        let workspace = home.path().join("w").display().to_string();
        let mut all = vec!["demo"];
        all.extend(arguments);
        all.extend(["--directory", &workspace]);
        let terminal = Terminal::start(home.path(), &all, 120, 40);
        terminal.wait_for("rollback");
        terminal.wait_for("healthy");
        Self { terminal }
    }

    /// Presses keys and waits until what they ask for is done: no dialog is open, and the advice is
    /// another.
    pub fn press_until_changed(&mut self, keys: &str, before: &str) {
        self.terminal.keys(keys);
        self.terminal
            .wait_until("the next act to change", |screen| {
                let next = next_line(screen);
                !screen.contains("Esc close") && !next.is_empty() && next != before
            });
    }

    /// What a whole frame tells to do next.
    pub fn advice(&self) -> String {
        let screen = self
            .terminal
            .wait_until("advice", |screen| !next_line(screen).is_empty());
        next_line(&screen)
    }

    /// Does what the screen advises; `false` when that is to wait.
    fn does(&mut self, next: &str) -> bool {
        if next.contains("to check (Space)") {
            self.terminal.keys("<space>");
            let screen = self.terminal.wait_until("the box or its form", |screen| {
                screen.contains("Enter keep") || next_line(screen) != next
            });
            if screen.contains("Enter keep") {
                self.terminal.keys("CHG-42");
                self.terminal.wait_for("CHG-42");
                self.press_until_changed("<enter>", next);
            }
        } else if next.contains("Enter shows what would run") {
            self.executes(next);
        } else if next.contains("Enter shows the alternatives") {
            self.terminal.keys("<enter>");
            self.terminal.wait_for("take this one");
            self.press_until_changed("<enter>", next);
        } else if next.contains("gate of `") {
            self.passes_the_gate(next);
        } else {
            return false;
        }
        true
    }

    /// Opens the preview and runs what it shows.
    pub fn executes(&mut self, next: &str) {
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

    pub fn passes_the_gate(&mut self, next: &str) {
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
        self.terminal.keys("G");
        // The advice on this gate changes with each judgement: only another thing to do says that it is passed.
        let gate = next.split('`').nth(1).unwrap_or_default();
        let gate = format!("gate of `{gate}`");
        self.terminal.wait_until("the gate to be passed", |screen| {
            let next = next_line(screen);
            !screen.contains("Esc close") && !next.is_empty() && !next.contains(&gate)
        });
    }

    /// Walks until the screen holds `text`.
    pub fn walks_to(&mut self, text: &str) {
        self.walks_until(&format!("`{text}`"), |screen| screen.contains(text));
    }

    /// Walks until this command is the next to run.
    pub fn walks_to_command(&mut self, id: &str) {
        let advice = format!("would run: `{id}`");
        self.walks_until(&format!("the command `{id}`"), |screen| {
            next_line(screen).contains(&advice)
        });
    }

    /// One frame says whether the goal is reached and what is to be done: two could contradict each other.
    fn walks_until(&mut self, goal: &str, is_reached: impl Fn(&str) -> bool) {
        let mut waited_at = String::new();
        for _ in 0..200 {
            let screen = self.terminal.wait_until("advice", |screen| {
                let next = next_line(screen);
                is_reached(screen) || (!next.is_empty() && next != waited_at)
            });
            if is_reached(&screen) {
                return;
            }
            let next = next_line(&screen);
            waited_at = match self.does(&next) {
                true => String::new(),
                false => next,
            };
        }
        panic!(
            "{goal} is never reached; the screen:\n{}",
            self.terminal.text()
        );
    }

    /// `R`, a look, and the key that is not the one that asked.
    pub fn goes_back(&mut self) {
        self.terminal.keys("R");
        self.terminal.wait_for("BEGIN the rollback");
        self.terminal.keys("B");
        self.terminal.wait_for("rolled back");
    }

    pub fn leaves(&mut self) {
        self.terminal.keys("q");
        self.terminal.wait_for("leave the cockpit?");
        self.terminal.keys("l");
    }
}
