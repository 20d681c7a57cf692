//! The program in a real pseudo-terminal, and what its user sees. Waiting is on what stands on the
//! screen, never on time.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// Far longer than anything takes; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// Nothing is added to a frame after so much silence.
const FRAME: Duration = Duration::from_millis(20);
/// Between two keys of a quick hand. The cockpit takes what comes faster for a paste.
const HAND: Duration = Duration::from_millis(60);

pub struct Terminal {
    screen: Arc<(Mutex<vt100::Parser>, Condvar)>,
    /// Every byte that came, as it came.
    raw: Arc<Mutex<Vec<u8>>>,
    input: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    /// Starts the program at `columns` × `rows`, with its state under `home`.
    pub fn start(home: &Path, arguments: &[&str], columns: u16, rows: u16) -> Self {
        Self::start_with(home, arguments, columns, rows, &[])
    }

    pub fn start_with(
        home: &Path,
        arguments: &[&str],
        columns: u16,
        rows: u16,
        environment: &[(&str, &str)],
    ) -> Self {
        Self::start_in(home, home, arguments, columns, rows, environment)
    }

    /// Starts it in a folder of its own.
    pub fn start_in(
        home: &Path,
        folder: &Path,
        arguments: &[&str],
        columns: u16,
        rows: u16,
        environment: &[(&str, &str)],
    ) -> Self {
        let size = PtySize {
            rows,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(super::home::binary());
        command.args(arguments);
        command.cwd(folder);
        command.env("TERM", "xterm-256color");
        command.env("XDG_STATE_HOME", home.join("state"));
        command.env("XDG_CONFIG_HOME", home.join("config"));
        command.env("USER", "anna");
        for (name, value) in environment {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let screen = Arc::new((
            Mutex::new(vt100::Parser::new(rows, columns, 0)),
            Condvar::new(),
        ));
        let mut output = pair.master.try_clone_reader().unwrap();
        let input = pair.master.take_writer().unwrap();
        let reading = screen.clone();
        let raw = Arc::new(Mutex::new(Vec::new()));
        let recording = raw.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 65536];
            while let Ok(length @ 1..) = output.read(&mut buffer) {
                recording
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .extend_from_slice(&buffer[..length]);
                let (parser, changed) = &*reading;
                parser
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .process(&buffer[..length]);
                changed.notify_all();
            }
            reading.1.notify_all();
        });
        Self {
            screen,
            raw,
            input,
            child,
            master: pair.master,
        }
    }

    /// What stands on the screen, a line a row.
    pub fn text(&self) -> String {
        self.screen
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .screen()
            .contents()
    }

    pub fn shows(&self, text: &str) -> bool {
        self.text().contains(text)
    }

    /// Every byte that was sent to the terminal so far.
    #[allow(dead_code, reason = "the benchmarks look at screens")]
    pub fn bytes(&self) -> Vec<u8> {
        self.raw
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until the screen holds `text`, and returns the screen.
    pub fn wait_for(&self, text: &str) -> String {
        self.wait_until(&format!("`{text}` on the screen"), |screen| {
            screen.contains(text)
        })
    }

    /// Waits until the screen holds `text` no more.
    pub fn wait_gone(&self, text: &str) -> String {
        self.wait_until(&format!("`{text}` to leave the screen"), |screen| {
            !screen.contains(text)
        })
    }

    /// Waits until the condition holds on a whole frame: one that nothing was added to for a moment.
    pub fn wait_until(&self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        let (parser, changed) = &*self.screen;
        let mut parser = parser.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let text = parser.screen().contents();
            let fine = holds(&text);
            assert!(
                Instant::now() < deadline,
                "waited in vain for {what}; the screen:\n{text}"
            );
            let patience = if fine {
                FRAME
            } else {
                Duration::from_millis(500)
            };
            let (next, waited) = changed
                .wait_timeout(parser, patience)
                .unwrap_or_else(PoisonError::into_inner);
            if fine && waited.timed_out() {
                return text;
            }
            parser = next;
        }
    }

    /// Types keys: text as it is, `<enter>`, `<esc>`, `<tab>`, `<space>`, `<down>`, `<up>`,
    /// `<left>`, `<right>`, `<backtab>`, `<del>`, `<ctrl-c>`, `<ctrl-]>` in angle brackets. One write a key, as a hand does it.
    pub fn keys(&mut self, keys: &str) {
        let mut rest = keys;
        while !rest.is_empty() {
            let (key, bytes): (&str, Vec<u8>) = match rest.find('>') {
                Some(end) if rest.starts_with('<') => {
                    let name = &rest[..=end];
                    let bytes: &[u8] = match name {
                        "<enter>" => b"\r",
                        "<esc>" => b"\x1b",
                        "<tab>" => b"\t",
                        "<space>" => b" ",
                        "<backtab>" => b"\x1b[Z",
                        "<del>" => b"\x1b[3~",
                        "<down>" => b"\x1b[B",
                        "<up>" => b"\x1b[A",
                        "<left>" => b"\x1b[D",
                        "<right>" => b"\x1b[C",
                        "<ctrl-c>" => b"\x03",
                        "<ctrl-]>" => b"\x1d",
                        other => panic!("no key is named {other}"),
                    };
                    (name, bytes.to_vec())
                }
                _ => {
                    let length = rest.chars().next().unwrap().len_utf8();
                    (&rest[..length], rest.as_bytes()[..length].to_vec())
                }
            };
            std::thread::sleep(HAND);
            self.input.write_all(&bytes).unwrap();
            self.input.flush().unwrap();
            rest = &rest[key.len()..];
        }
    }

    /// Types the bytes of one key after a hand's pause, and says when.
    #[allow(dead_code, reason = "the benchmarks time keys")]
    pub fn key(&mut self, bytes: &[u8]) -> Instant {
        std::thread::sleep(HAND);
        let pressed = Instant::now();
        self.input.write_all(bytes).unwrap();
        self.input.flush().unwrap();
        pressed
    }

    /// The moment at which the condition first holds of the screen as it comes in, whole frame or not.
    #[allow(dead_code, reason = "the benchmarks time frames")]
    pub fn moment(&self, what: &str, holds: impl Fn(&str) -> bool) -> Instant {
        let deadline = Instant::now() + PATIENCE;
        let (parser, changed) = &*self.screen;
        let mut parser = parser.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let text = parser.screen().contents();
            let now = Instant::now();
            if holds(&text) {
                return now;
            }
            assert!(
                now < deadline,
                "waited in vain for {what}; the screen:\n{text}"
            );
            (parser, _) = changed
                .wait_timeout(parser, Duration::from_millis(500))
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    #[allow(dead_code, reason = "the benchmarks look at the process")]
    pub fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        self.screen
            .0
            .lock()
            .unwrap()
            .screen_mut()
            .set_size(rows, columns);
        let size = PtySize {
            rows,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        };
        self.master.resize(size).unwrap();
    }

    /// Ends the program the hard way, as a lost connection does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the end, and returns the exit code.
    pub fn wait_exit(&mut self) -> u32 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(
                Instant::now() < deadline,
                "it does not end; the screen:\n{}",
                self.text()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}
