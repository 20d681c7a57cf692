//! Keys and pastes: who gets them, and what they ask for.

use super::App;
use crate::ui::ask::Ask;
use crate::ui::intent::Intent;
use crate::ui::keymap::{Context, Key, meaning};
use crate::ui::theme::Role;
use crossterm::event::{Event as TerminalEvent, KeyEvent, KeyEventKind};
use ratatui::layout::Size;
use tui_input::backend::crossterm::EventHandler;

/// One line: a line break must not look like Enter.
fn insert_line(field: &mut tui_input::Input, text: &str) {
    for letter in text.chars().filter(|letter| !letter.is_control()) {
        field.handle(tui_input::InputRequest::InsertChar(letter));
    }
}

impl App {
    /// Takes one terminal event in. `burst` is true of keys that came too fast to be typed.
    pub fn on_terminal(&mut self, event: &TerminalEvent, burst: bool) -> Vec<Ask> {
        let mut asks = self.asked_by(event, burst);
        // Whatever a key meant: nothing is sent to the run from its past.
        if self.past.is_some() {
            asks.retain(|ask| matches!(ask, Ask::Leave));
        }
        let commands = asks.iter().filter(|ask| matches!(ask, Ask::Commands(_)));
        self.unanswered += commands.count();
        asks
    }

    /// What was sent has not come back as events yet: the advice on the screen is of before.
    pub(super) fn is_waiting(&self) -> bool {
        self.unanswered > 0 || self.model.run.seq < self.promised
    }

    fn asked_by(&mut self, event: &TerminalEvent, burst: bool) -> Vec<Ask> {
        if let Some(asks) = self.on_typing(event) {
            return asks;
        }
        match event {
            TerminalEvent::Key(key) => self.on_key(*key, burst),
            TerminalEvent::Paste(text) => {
                self.on_paste(text);
                Vec::new()
            }
            TerminalEvent::Resize(width, height) => {
                self.resize(Size::new(*width, *height));
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// Pasted text reaches fields of text and nothing else.
    fn on_paste(&mut self, text: &str) {
        if let Some(why) = self
            .dialogs
            .last()
            .and_then(|dialog| dialog.refuses_paste(text))
        {
            self.say(why, "none of it was used", Role::Warning);
            return;
        }
        let taken = match self.dialogs.last_mut() {
            Some(dialog) if dialog.takes_paste() => {
                if !dialog.paste(text)
                    && let Some(field) = dialog.field()
                {
                    insert_line(field, text);
                }
                true
            }
            Some(_) => false,
            None => self.type_filter(|field| insert_line(field, text)),
        };
        if !taken {
            self.say("pasted text is ignored here", "type it", Role::Warning);
        }
    }

    fn on_key(&mut self, key: KeyEvent, burst: bool) -> Vec<Ask> {
        if key.kind == KeyEventKind::Release {
            return Vec::new();
        }
        self.keyed();
        // A key held down may move, but must not act again.
        let repeated = key.kind == KeyEventKind::Repeat;
        let Some(pressed) = Key::of(key) else {
            return Vec::new();
        };
        let mut intent = meaning(&self.contexts(), pressed);
        if self.past.is_some() && !intent.is_some_and(Intent::only_looks) {
            self.notice = None;
            return Vec::new();
        }
        if intent.is_none() && self.leads_back(pressed) {
            self.dialogs.clear();
            intent = Some(Intent::AskRollBack);
        }
        if let Some(intent) = intent {
            if self.is_too_small()
                && !matches!(intent, Intent::AskQuit | Intent::Leave | Intent::Close)
            {
                return Vec::new();
            }
            self.notice = None;
            if intent.acts() && (burst || repeated) {
                self.say(
                    "those keys came too fast to be typed: ignored",
                    "press the key again by itself",
                    Role::Warning,
                );
                return Vec::new();
            }
            let for_anybody = self
                .dialogs
                .last()
                .is_some_and(|dialog| dialog.is_for_anybody());
            if intent.is_for_driver() && !for_anybody && !self.model.drives() {
                let driver = &self.model.run.driver;
                self.say(
                    format!("you are watching; `{driver}` drives this run"),
                    "T asks for control, h raises your hand",
                    Role::Warning,
                );
                return Vec::new();
            }
            return self.on_intent(intent);
        }
        self.on_text(key);
        Vec::new()
    }

    /// The rollback is open at any time: its key is heard in every dialog that takes no text.
    fn leads_back(&mut self, pressed: Key) -> bool {
        let Some(dialog) = self.dialogs.last_mut() else {
            return false;
        };
        dialog.context() != Context::RollBack
            && dialog.field().is_none()
            && meaning(&[Context::Main], pressed) == Some(Intent::AskRollBack)
    }

    /// A key that is not bound is text, where a field takes it.
    fn on_text(&mut self, key: KeyEvent) {
        let Some(mut dialog) = self.dialogs.pop() else {
            self.type_filter(|field| {
                field.handle_event(&TerminalEvent::Key(key));
            });
            return;
        };
        if let Some(field) = dialog.field() {
            self.notice = None;
            field.handle_event(&TerminalEvent::Key(key));
            dialog.typed(&self.look());
        }
        self.dialogs.push(dialog);
    }

    /// Whose keys work now.
    pub fn contexts(&self) -> Vec<Context> {
        match self.dialogs.last() {
            _ if self.view.typing.is_some() => vec![Context::Keyboard],
            Some(dialog) => vec![dialog.context()],
            None if self.view.listing(self.view.focus()).typed.is_some() => vec![Context::Filter],
            None if self.past.is_some() => vec![Context::Past],
            None => crate::ui::keys::contexts(&self.look()),
        }
    }
}
