//! The terminal while the cockpit has it: raw mode, the other screen, bracketed paste. A guard gives
//! it back when it is dropped, and the panic hook does so before anything is printed.

use std::io::{Stdout, Write, stdout};
use std::mem::ManuallyDrop;
use std::sync::Once;

use crossterm::cursor::Show;
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::execute;
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

/// Its own end is left out: it would tell of a terminal that is gone on a standard error that is that
/// terminal, and panic. The guard shows the cursor again.
pub type Screen = ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>;

/// Holds the terminal. Dropping it gives the terminal back.
pub struct Guard(());

impl Guard {
    /// Takes the terminal.
    ///
    /// # Errors
    /// Standard output is no terminal, or refuses.
    pub fn take() -> std::io::Result<(Self, Screen)> {
        restore_on_panic();
        enable_raw_mode()?;
        let guard = Self(());
        execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste)?;
        // Not `Terminal::clear`: it asks the terminal where its cursor is, and not every one answers.
        execute!(stdout(), Clear(ClearType::All))?;
        let screen = Terminal::new(CrosstermBackend::new(stdout()))?;
        Ok((guard, ManuallyDrop::new(screen)))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back();
    }
}

fn give_back() {
    let screen = execute!(stdout(), DisableBracketedPaste, LeaveAlternateScreen, Show);
    // There is nobody left to tell but the log: the terminal itself is what failed.
    for error in [screen, disable_raw_mode()]
        .into_iter()
        .filter_map(Result::err)
    {
        tracing::warn!(%error, "the terminal could not be given back");
    }
}

fn restore_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            report(panic);
        }));
    });
}

/// Puts text on the clipboard of the terminal the operator sits at (OSC 52), over any number of
/// SSH hops.
///
/// # Errors
/// The terminal cannot be written to.
pub fn copy(text: &str) -> std::io::Result<()> {
    let mut out = stdout();
    write!(out, "\u{1b}]52;c;{}\u{7}", base64(text.as_bytes()))?;
    out.flush()
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |index: usize| u32::from(three.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            if place <= three.len() {
                let letter = bits >> (18 - 6 * place) & 63;
                text.push(char::from(LETTERS[letter as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_padded() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }
}
