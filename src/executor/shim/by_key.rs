//! What is typed to a program that has taken over line editing (readline, a password with asterisks):
//! the terminal echoes nothing there and says nothing of whether it is a secret. What the program shows
//! of it is none; of the rest nobody can tell, and that is said.

use std::time::Duration;

use tokio::time::Instant;

/// How long after a line its program may take to show it.
const SHOWN_WITHIN: Duration = Duration::from_millis(100);
/// More than this is not kept of what it prints meanwhile.
const MOST: usize = 64 * 1024;

#[derive(Default)]
pub(super) struct ByKey {
    typed: Vec<u8>,
    printed: Vec<u8>,
    /// When the last line was sent off.
    ended: Option<Instant>,
    said: bool,
}

impl ByKey {
    pub(super) fn typed(&mut self, bytes: &[u8], ends_line: bool, now: Instant) {
        let room = MOST - self.typed.len().min(MOST);
        self.typed
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
        if ends_line {
            self.ended = Some(now);
        }
    }

    pub(super) fn printed(&mut self, bytes: &[u8]) {
        if !self.typed.is_empty() {
            let room = MOST - self.printed.len().min(MOST);
            self.printed
                .extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    /// Whether a line was not shown by its program; told once.
    pub(super) fn is_unsure(&mut self, now: Instant) -> bool {
        if self.ended.is_none_or(|at| now < at + SHOWN_WITHIN) {
            return false;
        }
        self.ended = None;
        let (typed, printed) = (
            std::mem::take(&mut self.typed),
            std::mem::take(&mut self.printed),
        );
        let unsure = !self.said && !shows(&printed, &typed);
        self.said |= unsure;
        unsure
    }
}

/// Whether every character that was typed was printed, in this order: between them a program moves its
/// cursor, colours, and draws the line anew.
fn shows(printed: &[u8], typed: &[u8]) -> bool {
    let (printed, typed) = (
        String::from_utf8_lossy(printed),
        String::from_utf8_lossy(typed),
    );
    let mut printed = printed.chars();
    visible(&typed).all(|typed| printed.any(|printed| printed == typed))
}

/// Without keys that stand for no character (arrows, Ctrl-R).
fn visible(typed: &str) -> impl Iterator<Item = char> {
    let mut in_key = false;
    typed.chars().filter(move |character| {
        match character {
            '\x1b' => in_key = true,
            '[' | 'O' if in_key => {}
            character if in_key => {
                in_key = !(character.is_ascii_alphabetic() || *character == '~');
            }
            character => return !character.is_control(),
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unsure(typed: &str, printed: &str) -> bool {
        let now = Instant::now();
        let mut keys = ByKey::default();
        keys.printed(b"what was there before ");
        keys.typed(typed.as_bytes(), true, now);
        keys.printed(printed.as_bytes());
        assert!(!keys.is_unsure(now), "not yet");
        keys.is_unsure(now + SHOWN_WITHIN)
    }

    #[test]
    fn what_its_program_shows_is_no_secret() {
        assert!(!unsure("5\r", "5\r\n"));
        assert!(!unsure("select 1;\r", "s\x1b[1mse\x1b[0mlect\x1b[K 1;\r\n"));
        assert!(!unsure("\x1b[Aok\x12\r", "ok\r\n"), "keys are not shown");
        assert!(!unsure("\r", ""), "nothing was typed");
        assert!(!unsure("grün\r", "gr\u{fc}n\r\n"));
    }

    #[test]
    fn of_what_it_does_not_show_nobody_can_tell() {
        assert!(unsure("hunter2\r", "*******\r\n"));
        assert!(unsure("hunter2\r", ""));
    }

    #[test]
    fn it_is_said_once() {
        let mut keys = ByKey::default();
        let now = Instant::now();
        keys.typed(b"a\r", true, now);
        assert!(keys.is_unsure(now + SHOWN_WITHIN));
        keys.typed(b"b\r", true, now);
        assert!(!keys.is_unsure(now + SHOWN_WITHIN));
    }
}
