//! What is typed to an action, and when it asks for that. A line that is typed while the terminal
//! edits it and does not echo is masked in everything the action prints from then on; it is kept
//! nowhere else.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use tokio::time::Instant;

use super::by_key::ByKey;
use super::output::Spool;
use crate::executor::waiting::{self, Asks};

/// How soon after something happened it is looked whether the action asks, and at most how often when
/// nothing does.
const SOON: Duration = Duration::from_millis(100);
const SELDOM: Duration = Duration::from_secs(1);
/// When bytes that the terminal did not take are offered again.
const AGAIN: Duration = Duration::from_millis(20);
/// A program that waits by `poll` for several things at once is taken to ask after this much silence
/// behind an unfinished line.
const POLLING: Duration = Duration::from_millis(800);
/// More than this is no prompt; its end is shown.
const LONGEST_PROMPT: usize = 200;
/// A pane may be smaller than anything that a program can draw itself on.
const LEAST_COLUMNS: u16 = 40;
const LEAST_ROWS: u16 = 8;
const MOST: u16 = 1_000;
const ERASE: [u8; 2] = [0x7f, 0x08];
const KILL_LINE: u8 = 0x15;
const NOT_SHOWN: &str = "what was typed was not shown by its program, which takes keys one by one: nobody \
    can tell whether it is a secret, so it is not masked where the step prints it";

pub(super) struct Keyboard {
    directory: PathBuf,
    /// The shim's end of the action's terminal.
    terminal: OwnedFd,
    /// That of the terminal of its errors, from which a pager takes its keys.
    errors: OwnedFd,
    pending: VecDeque<u8>,
    /// What was typed of the line at hand while the terminal hides it.
    hidden: Vec<u8>,
    by_key: ByKey,
    asks: Option<Asks>,
    look_at: Instant,
    pause: Duration,
}

impl Keyboard {
    pub(super) fn new([terminal, errors]: [OwnedFd; 2], directory: PathBuf) -> Self {
        Self {
            directory,
            terminal,
            errors,
            pending: VecDeque::new(),
            hidden: Vec::new(),
            by_key: ByKey::default(),
            asks: None,
            look_at: Instant::now() + SOON,
            pause: SOON,
        }
    }

    /// When it wants to be called again.
    pub(super) fn next_wake(&self) -> Instant {
        match self.pending.is_empty() {
            true => self.look_at,
            false => self.look_at.min(Instant::now() + AGAIN),
        }
    }

    /// Something was printed or typed: what it asks for may have changed.
    pub(super) fn stir(&mut self, now: Instant) {
        self.look_at = self.look_at.min(now + SOON);
        self.pause = SOON;
    }

    pub(super) fn push(&mut self, bytes: &[u8], spool: &mut Spool) {
        self.pending.extend(bytes);
        self.write(spool);
        self.stir(Instant::now());
    }

    /// Gives the terminal another size; what runs on it is told by the system (`SIGWINCH`).
    pub(super) fn resize(&mut self, columns: u16, rows: u16) {
        let size = Winsize {
            ws_row: rows.clamp(LEAST_ROWS, MOST),
            ws_col: columns.clamp(LEAST_COLUMNS, MOST),
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        for terminal in [&self.terminal, &self.errors] {
            if let Err(error) = tcsetwinsize(terminal, size) {
                tracing::debug!(%error, "nobody holds the terminal");
            }
        }
        self.stir(Instant::now());
    }

    /// Passes on what the terminal takes, line by line: a hidden line is masked before its program can
    /// have it.
    pub(super) fn write(&mut self, spool: &mut Spool) {
        while !self.pending.is_empty() {
            let end = self
                .pending
                .iter()
                .position(|byte| is_newline(*byte))
                .map_or(self.pending.len(), |newline| newline + 1);
            let piece: Vec<u8> = self.pending.iter().take(end).copied().collect();
            let line = Line::of(self.modes());
            if line == Line::Hidden && piece.last().copied().is_some_and(is_newline) {
                let mut line = self.hidden.clone();
                edit(&mut line, &piece);
                if let Ok(line) = String::from_utf8(line)
                    && !line.is_empty()
                {
                    spool.add_secret(line);
                }
            }
            let written = match rustix::io::write(self.at_hand(), &piece) {
                Ok(written) => written,
                Err(rustix::io::Errno::AGAIN) => return,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => {
                    tracing::debug!(%error, "nobody holds the terminal");
                    self.pending.clear();
                    return;
                }
            };
            let taken: Vec<u8> = self.pending.drain(..written).collect();
            let ends_line = taken.last().copied().is_some_and(is_newline);
            match line {
                Line::Hidden => edit(&mut self.hidden, &taken),
                Line::ByKey => self.by_key.typed(&taken, ends_line, Instant::now()),
                Line::Shown => {}
            }
            if ends_line {
                self.hidden.clear();
            }
        }
    }

    /// The action has printed this.
    pub(super) fn printed(&mut self, bytes: &[u8]) {
        self.by_key.printed(bytes);
    }

    /// The terminal whose keys are taken: that of the errors only by a program that takes them one by one.
    fn at_hand(&self) -> &OwnedFd {
        match tcgetattr(&self.errors).map(|modes| Line::of(modes.local_modes)) {
            Ok(Line::ByKey) => &self.errors,
            Ok(Line::Shown | Line::Hidden) | Err(_) => &self.terminal,
        }
    }

    fn modes(&self) -> LocalModes {
        tcgetattr(self.at_hand()).map_or(LocalModes::empty(), |modes| modes.local_modes)
    }

    /// Looks whether the action asks, if it is time; `unfinished` are the lines before its cursors,
    /// `silent_for` the time since it printed something.
    pub(super) fn look(
        &mut self,
        now: Instant,
        unfinished: [&str; 2],
        silent_for: Duration,
        spool: &mut Spool,
    ) {
        self.judge(now, spool);
        if now < self.look_at {
            return;
        }
        self.look_at = now + self.pause;
        self.pause = (self.pause * 2).min(SELDOM);
        let prompt = unfinished
            .into_iter()
            .find(|text| !text.trim().is_empty())
            .unwrap_or_default();
        let modes = self.modes();
        let line = Line::of(modes);
        if line == Line::ByKey
            && let Some(editor) = reading::full_screen()
        {
            self.say(Some(Asks {
                prompt: format!("{editor} is open"),
                hidden: false,
            }));
            return;
        }
        let polls = !prompt.is_empty() && silent_for >= POLLING;
        let asks = asks_unechoed(modes, prompt) || reading::reads(self.at_hand(), polls);
        let asks = asks.then(|| Asks {
            prompt: end_of(&spool.redactor().redact_text(prompt)),
            hidden: line == Line::Hidden,
        });
        self.say(asks);
    }

    /// It has ended: it asks nothing.
    pub(super) fn end(&mut self, spool: &mut Spool) {
        self.judge(Instant::now() + SELDOM, spool);
        self.pending.clear();
        self.hidden.clear();
        self.say(None);
    }

    fn judge(&mut self, now: Instant, spool: &mut Spool) {
        if self.by_key.is_unsure(now) {
            spool.note(NOT_SHOWN);
        }
    }

    fn say(&mut self, asks: Option<Asks>) {
        if asks == self.asks {
            return;
        }
        match waiting::write_asks(&self.directory, asks.as_ref()) {
            Ok(()) => self.asks = asks,
            Err(error) => eprintln!("gonogo shim: cannot say that it asks: {error}"),
        }
    }
}

/// What becomes of a line that is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// The terminal echoes it.
    Shown,
    /// The terminal edits it and hides it: a secret.
    Hidden,
    /// Its program takes the keys one by one and edits the line itself: it shows what it likes.
    ByKey,
}

impl Line {
    fn of(modes: LocalModes) -> Self {
        match (
            modes.contains(LocalModes::ECHO),
            modes.contains(LocalModes::ICANON),
        ) {
            (true, _) => Self::Shown,
            (false, true) => Self::Hidden,
            (false, false) => Self::ByKey,
        }
    }
}

/// Whether the modes of its terminal say that a program asks for a line that is not shown: echo is
/// off and lines are still edited. One that takes keys one by one (`watch`, `top`) draws a screen of
/// its own, unless what it has written looks like a question (`sudo` that shows asterisks).
fn asks_unechoed(modes: LocalModes, prompt: &str) -> bool {
    match Line::of(modes) {
        Line::Shown => false,
        Line::Hidden => true,
        Line::ByKey => prompt.trim_end().ends_with([':', '?']),
    }
}

fn is_newline(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// The line as its terminal edits it.
fn edit(line: &mut Vec<u8>, typed: &[u8]) {
    for byte in typed {
        match *byte {
            byte if ERASE.contains(&byte) => {
                // A letter of several bytes goes as a whole.
                while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            KILL_LINE => line.clear(),
            byte if is_newline(byte) => {}
            byte => line.push(byte),
        }
    }
}

fn end_of(prompt: &str) -> String {
    let skipped = prompt.chars().count().saturating_sub(LONGEST_PROMPT);
    prompt
        .chars()
        .skip(skipped)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// Whether a process of the action waits in a read of its terminal.
#[cfg(target_os = "linux")]
mod reading {
    use std::os::fd::OwnedFd;
    use std::path::Path;

    use crate::executor::process;

    /// Numbers of `read`, and of the calls that wait for several files at once.
    #[cfg(target_arch = "x86_64")]
    const CALLS: (u64, &[u64]) = (0, &[7, 23, 232, 270, 271, 281]);
    #[cfg(target_arch = "aarch64")]
    const CALLS: (u64, &[u64]) = (63, &[22, 72, 73]);
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    const CALLS: (u64, &[u64]) = (u64::MAX, &[]);

    /// An editor or pager among the processes of the action, in words.
    pub(super) fn full_screen() -> Option<String> {
        const EDITORS: [&str; 12] = [
            "vi", "vim", "nvim", "view", "nano", "pico", "emacs", "micro", "joe", "mcedit", "hx",
            "ne",
        ];
        let processes = process::family(std::process::id());
        let mut running = processes.iter().filter(|process| !process.zombie);
        running.find_map(|process| {
            let name = std::fs::read_to_string(format!("/proc/{}/comm", process.pid)).ok()?;
            // `vim.basic` is vim.
            let name = name.trim().split('.').next()?.to_owned();
            match name.as_str() {
                "less" | "more" | "most" => Some(format!("a pager ({name})")),
                known if EDITORS.contains(&known) => Some(format!("an editor ({name})")),
                _ => None,
            }
        })
    }

    pub(super) fn reads(terminal: &OwnedFd, polls: bool) -> bool {
        let Ok(name) = rustix::pty::ptsname(terminal, Vec::new()) else {
            return false;
        };
        let name = name.to_string_lossy().into_owned();
        process::family(std::process::id())
            .iter()
            .filter(|process| !process.zombie)
            .any(|process| waits(process.pid, &name, polls))
    }

    fn waits(pid: u32, terminal: &str, polls: bool) -> bool {
        let Ok(text) = std::fs::read_to_string(format!("/proc/{pid}/syscall")) else {
            return false;
        };
        let mut words = text.split_whitespace();
        let Some(call) = words.next().and_then(|word| word.parse::<u64>().ok()) else {
            return false;
        };
        let is_terminal = |descriptor: u64| {
            std::fs::read_link(format!("/proc/{pid}/fd/{descriptor}"))
                .is_ok_and(|link| link == Path::new(terminal) || link == Path::new("/dev/tty"))
        };
        let (read, wait_for_several) = CALLS;
        if call == read {
            let descriptor = words
                .next()
                .and_then(|word| u64::from_str_radix(word.trim_start_matches("0x"), 16).ok());
            return descriptor.is_some_and(is_terminal);
        }
        polls && wait_for_several.contains(&call) && is_terminal(0)
    }
}

/// Elsewhere an unfinished line and silence must do.
#[cfg(not(target_os = "linux"))]
mod reading {
    pub(super) fn reads(_terminal: &std::os::fd::OwnedFd, polls: bool) -> bool {
        polls
    }

    pub(super) fn full_screen() -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_draws_a_screen_of_its_own_asks_for_nothing() {
        let (lines, keys) = (LocalModes::ICANON, LocalModes::empty());
        assert!(asks_unechoed(lines, "Password: "));
        assert!(asks_unechoed(lines, ""), "a silent one, too");
        assert!(!asks_unechoed(keys, "drwxr-xr-x 2 root root log"));
        assert!(asks_unechoed(keys, "[sudo] password for x: "));
        let shown = LocalModes::ECHO | LocalModes::ICANON;
        assert!(!asks_unechoed(shown, "name: "));
    }

    #[test]
    fn a_hidden_line_is_masked_as_its_terminal_edits_it() {
        let mut line = Vec::new();
        edit(&mut line, "wrong\x15hunteé\x7f\x7fer2\r".as_bytes());
        assert_eq!(line, b"hunter2");
    }

    #[test]
    fn a_prompt_is_short_and_one_line() {
        assert_eq!(end_of("  go on? "), "go on?");
        assert_eq!(end_of(&"x".repeat(500)).len(), LONGEST_PROMPT);
    }
}
