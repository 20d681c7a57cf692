//! Keys that go to a running step instead of the cockpit. The screen says so in every frame; one key
//! takes them back, and when the step ends they are nobody's for a moment, so that what was typed in
//! flight reaches no command of the cockpit.

use chrono::TimeDelta;
use crossterm::event::{Event as TerminalEvent, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::{App, Ask};
use crate::run::{ActionId, Command, Typed, preview};
use crate::runbook::Actor;
use crate::ui::intent::Intent;
use crate::ui::keymap::{Context, Key, key_of, meaning};
use crate::ui::step_input::{TypingTo, asking};
use crate::ui::theme::Role;
use crate::ui::walk::shown_action;

/// So long after the last key that went to a step which has ended, keys are the cockpit's again.
const IN_FLIGHT: TimeDelta = TimeDelta::milliseconds(1_000);

impl App {
    /// Gives the keyboard to the step that runs.
    pub(in crate::ui) fn give_keyboard(&mut self) -> Vec<Ask> {
        let run = &self.model.run;
        let running = run.running();
        let shown = shown_action(&self.look());
        let asks = asking(&self.model).map(|asking| asking.action);
        let is_shell = |action: ActionId| {
            preview(run, action).is_ok_and(|preview| preview.actor == Actor::Shell)
        };
        let found = running
            .iter()
            .filter(|(action, _)| is_shell(*action))
            .max_by_key(|(action, _)| (asks == Some(*action), shown == Some(*action)));
        let Some((action, attempt)) = found.copied() else {
            self.say(
                "no shell step is running",
                "only a running one takes keys",
                Role::Muted,
            );
            return Vec::new();
        };
        let typing = TypingTo {
            action,
            attempt,
            given: false,
            last_key: self.model.now,
            told: None,
        };
        self.view.typing = Some(typing);
        self.view.position_mut("output").top = None;
        // Also where it has it: it was perhaps given before this terminal joined again.
        vec![Ask::Commands(vec![Command::GiveKeyboard { action }])]
    }

    /// A command was refused: was it the one that gives the keyboard?
    pub(in crate::ui) fn keyboard_refused(&mut self) {
        self.view.typing = self.view.typing.filter(|typing| typing.given);
    }

    /// Follows what the run says about the keyboard, as time goes on.
    pub(in crate::ui) fn follow_keyboard(&mut self) {
        let Some(mut typing) = self.view.typing else {
            return;
        };
        typing.given |= typing.reaches(&self.model);
        let waited = self.model.now - typing.last_key >= IN_FLIGHT;
        let is_over = typing.is_over(&self.model) && waited;
        self.view.typing = (!is_over).then_some(typing);
    }

    /// Takes an event that is not the cockpit's while keys go to a step; `None` leaves it to the cockpit.
    pub(in crate::ui) fn on_typing(&mut self, event: &TerminalEvent) -> Option<Vec<Ask>> {
        self.follow_keyboard();
        let mut typing = self.view.typing?;
        let bytes = match event {
            TerminalEvent::Key(key) if key.kind == KeyEventKind::Release => return Some(Vec::new()),
            TerminalEvent::Key(key) => {
                let taken_back = Key::of(*key)
                    .and_then(|key| of_keyboard(&[Context::Keyboard], key))
                    == Some(Intent::TakeKeyboardBack);
                if taken_back {
                    return Some(self.take_keyboard_back(typing));
                }
                let Some(bytes) = bytes_of(*key) else {
                    return Some(Vec::new());
                };
                bytes
            }
            TerminalEvent::Paste(text) => text.replace("\r\n", "\r").replace('\n', "\r").into(),
            _ => return None,
        };
        typing.last_key = self.model.now;
        self.view.typing = Some(typing);
        if !typing.reaches(&self.model) {
            let key = key_of(Context::Keyboard, Intent::TakeKeyboardBack);
            let why = match typing.given {
                true => "the step has ended: what you typed was dropped",
                false => "the step does not have your keyboard yet: type it again",
            };
            self.say(
                why,
                format!("{key} and the keys are the cockpit's"),
                Role::Warning,
            );
            return Some(Vec::new());
        }
        self.unsay();
        Some(vec![Ask::Type {
            action: typing.action,
            attempt: typing.attempt,
            typed: Typed::Keys(bytes),
        }])
    }

    /// The terminal of a step that has the keyboard is as large as the pane that shows it.
    pub(in crate::ui) fn fit_step(&mut self) -> Option<Ask> {
        let typing = self.view.typing?;
        let room = self.pane_area("output")?.as_size();
        if !typing.reaches(&self.model) || typing.told == Some(room) {
            return None;
        }
        self.view.typing = Some(TypingTo {
            told: Some(room),
            ..typing
        });
        Some(Ask::Type {
            action: typing.action,
            attempt: typing.attempt,
            typed: Typed::Size {
                columns: room.width,
                rows: room.height,
            },
        })
    }

    fn take_keyboard_back(&mut self, typing: TypingTo) -> Vec<Ask> {
        self.view.typing = None;
        self.unsay();
        if typing.given && !typing.reaches(&self.model) {
            return Vec::new();
        }
        let action = typing.action;
        vec![Ask::Commands(vec![Command::ReturnKeyboard { action }])]
    }
}

/// Unlike [`meaning`], without the keys that work everywhere: Ctrl-C is the step's.
fn of_keyboard(contexts: &[Context], key: Key) -> Option<Intent> {
    meaning(contexts, key).filter(|intent| *intent == Intent::TakeKeyboardBack)
}

/// What a terminal sends for a key; `None` for keys that it has no bytes for.
fn bytes_of(key: KeyEvent) -> Option<Vec<u8>> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let mut bytes = match key.code {
        KeyCode::Char(letter) if control => match letter.to_ascii_lowercase() {
            letter @ ('a'..='z' | '[' | '\\' | ']' | '^' | '_' | '@') => {
                vec![u8::try_from(letter).ok()? & 0x1f]
            }
            ' ' | '2' => vec![0],
            digit @ '3'..='7' => vec![u8::try_from(digit).ok()? - b'3' + 0x1b],
            '8' => vec![0x7f],
            _ => return None,
        },
        KeyCode::Char(letter) => letter.to_string().into_bytes(),
        KeyCode::Enter => b"\r".to_vec(),
        KeyCode::Backspace => vec![0x7f],
        KeyCode::Tab => b"\t".to_vec(),
        KeyCode::BackTab => b"\x1b[Z".to_vec(),
        KeyCode::Esc => vec![0x1b],
        KeyCode::Up => b"\x1b[A".to_vec(),
        KeyCode::Down => b"\x1b[B".to_vec(),
        KeyCode::Right => b"\x1b[C".to_vec(),
        KeyCode::Left => b"\x1b[D".to_vec(),
        KeyCode::Home => b"\x1b[H".to_vec(),
        KeyCode::End => b"\x1b[F".to_vec(),
        KeyCode::PageUp => b"\x1b[5~".to_vec(),
        KeyCode::PageDown => b"\x1b[6~".to_vec(),
        KeyCode::Insert => b"\x1b[2~".to_vec(),
        KeyCode::Delete => b"\x1b[3~".to_vec(),
        _ => return None,
    };
    if key.modifiers.contains(KeyModifiers::ALT) {
        bytes.insert(0, 0x1b);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_what_a_terminal_sends() {
        let key = |code, modifiers| bytes_of(KeyEvent::new(code, modifiers));
        let none = KeyModifiers::NONE;
        assert_eq!(key(KeyCode::Char('y'), none), Some(b"y".to_vec()));
        assert_eq!(key(KeyCode::Char('é'), none), Some("é".into()));
        assert_eq!(key(KeyCode::Enter, none), Some(b"\r".to_vec()));
        let control = |letter| key(KeyCode::Char(letter), KeyModifiers::CONTROL);
        assert_eq!(control('c'), Some(vec![3]));
        assert_eq!(control('4'), Some(vec![0x1c]));
        assert_eq!(
            key(KeyCode::Char('b'), KeyModifiers::ALT),
            Some(b"\x1bb".to_vec())
        );
        assert_eq!(key(KeyCode::F(5), none), None);
    }

    #[test]
    fn the_key_that_takes_back_is_known_as_terminals_send_it() {
        for letter in [']', '5'] {
            let key = Key::of(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL));
            assert_eq!(
                of_keyboard(&[Context::Keyboard], key.unwrap()),
                Some(Intent::TakeKeyboardBack)
            );
        }
        assert_eq!(of_keyboard(&[Context::Keyboard], Key::Ctrl('c')), None);
    }
}
