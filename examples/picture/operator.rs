//! Somebody at the keys: does what the cockpit's `next` line advises, and waits on what is shown.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Far longer than any step of the demo takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two keys of a hand; what comes faster is taken for a paste.
const HAND: Duration = Duration::from_millis(80);

pub struct Operator {
    screen: Arc<Mutex<vt100::Parser>>,
    input: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    _master: Box<dyn MasterPty + Send>,
}

impl Operator {
    /// Starts the demo with its workspace and its state under `home`.
    pub fn start(program: &Path, home: &Path, columns: u16, rows: u16) -> Result<Self> {
        let pair = native_pty_system().openpty(PtySize {
            rows,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        })?;
        let mut command = CommandBuilder::new(program);
        command.args(["demo", "single-table", "--directory"]);
        command.arg(home.join("w"));
        command.cwd(home);
        command.env("TERM", "xterm-256color");
        command.env("XDG_STATE_HOME", home.join("state"));
        command.env("XDG_CONFIG_HOME", home.join("config"));
        command.env("USER", "anna");
        let child = pair.slave.spawn_command(command)?;
        drop(pair.slave);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(rows, columns, 0)));
        let mut output = pair.master.try_clone_reader()?;
        let reading = screen.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 65536];
            while let Ok(length @ 1..) = output.read(&mut buffer) {
                lock(&reading).process(&buffer[..length]);
            }
        });
        let operator = Self {
            screen,
            input: pair.master.take_writer()?,
            child,
            _master: pair.master,
        };
        operator.wait("the cockpit", |screen| {
            screen.contains("rollback") && screen.contains("healthy")
        })?;
        Ok(operator)
    }

    pub fn screen(&self) -> vt100::Screen {
        lock(&self.screen).screen().clone()
    }

    /// Waits until the condition holds on a frame that stood still for a moment.
    pub fn wait(&self, what: &str, holds: impl Fn(&str) -> bool) -> Result<String> {
        let deadline = Instant::now() + PATIENCE;
        let mut before = String::new();
        loop {
            let now = self.screen().contents();
            if holds(&now) && now == before {
                return Ok(now);
            }
            if Instant::now() > deadline {
                return Err(format!("waited in vain for {what}; the screen:\n{now}").into());
            }
            before = now;
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// Walks until the `next` line holds `text`.
    pub fn walk_to(&mut self, text: &str) -> Result<()> {
        loop {
            let screen = self.wait("advice", |screen| !advice(screen).is_empty())?;
            let next = advice(&screen);
            if next.contains(text) {
                return Ok(());
            }
            self.act(&next)?;
        }
    }

    fn act(&mut self, next: &str) -> Result<()> {
        let done = |screen: &str| {
            let now = advice(screen);
            !screen.contains("Esc close") && !now.is_empty() && now != next
        };
        if next.contains("to check (Space)") {
            self.press(" ")?;
            let screen = self.wait("the box or its form", |screen| {
                screen.contains("Enter keep") || advice(screen) != next
            })?;
            if screen.contains("Enter keep") {
                self.press("CHG-2417")?;
                self.wait("what was typed", |screen| screen.contains("CHG-2417"))?;
                self.press("\r")?;
            }
        } else if next.contains("Enter shows what would run") {
            self.execute()?;
        } else if next.contains("Enter shows the alternatives") {
            self.press("\r")?;
            self.wait("the alternatives", |screen| {
                screen.contains("take this one")
            })?;
            self.press("\r")?;
        } else if next.contains("gate of `") {
            self.press("g")?;
            let screen = self.wait("the gate", |screen| screen.contains("G GO"))?;
            for _ in 0..screen.matches("· open").count() {
                self.press(" ")?;
                self.press("\x1b[B")?;
            }
            self.press("G")?;
        }
        self.wait("the next act", done)?;
        Ok(())
    }

    /// Opens the preview and runs what it shows.
    pub fn execute(&mut self) -> Result<()> {
        self.press("\r")?;
        self.wait("the preview", |screen| screen.contains("EXECUTE"))?;
        self.press("x")?;
        let screen = self.wait("the start, or what to type", |screen| {
            screen.contains("Esc stop typing") || !screen.contains("Esc close")
        })?;
        if let Some((_, asked)) = screen.split_once("first type `") {
            let word = asked.split('`').next().unwrap_or_default().to_owned();
            self.press(&word)?;
            self.wait("the word to be taken", |screen| screen.contains("EXECUTE"))?;
            self.press("x")?;
        }
        Ok(())
    }

    /// Takes the sample system back to where it began, and ends it.
    pub fn go_back_and_leave(&mut self) -> Result<()> {
        self.press("R")?;
        self.wait("the rollback", |screen| {
            screen.contains("BEGIN the rollback")
        })?;
        self.press("B")?;
        self.wait("the end of the rollback", |screen| {
            screen.contains("rolled back")
        })?;
        self.press("q")?;
        self.wait("the question", |screen| screen.contains("the run goes on"))?;
        self.press("l")?;
        self.child.wait()?;
        Ok(())
    }

    /// Types text, a key at a time; an escape sequence is one key.
    fn press(&mut self, keys: &str) -> Result<()> {
        if keys.starts_with('\x1b') {
            return self.send(keys);
        }
        let mut letter = [0; 4];
        for key in keys.chars() {
            self.send(key.encode_utf8(&mut letter))?;
        }
        Ok(())
    }

    fn send(&mut self, key: &str) -> Result<()> {
        std::thread::sleep(HAND);
        self.input.write_all(key.as_bytes())?;
        self.input.flush()?;
        Ok(())
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

/// The line before the footer.
fn advice(screen: &str) -> String {
    let lines: Vec<&str> = screen.lines().collect();
    lines
        .iter()
        .rev()
        .nth(1)
        .map(|line| line.trim().to_owned())
        .unwrap_or_default()
}

fn lock(parser: &Mutex<vt100::Parser>) -> MutexGuard<'_, vt100::Parser> {
    parser.lock().unwrap_or_else(PoisonError::into_inner)
}
