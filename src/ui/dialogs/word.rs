//! A word that is typed to confirm. It cannot be pasted; once it is right it stays as it is, and
//! keys are keys again.

use ratatui::text::{Line, Span};
use tui_input::Input;

use crate::ui::theme::Role;
use crate::ui::view::Look;

#[derive(Default)]
pub struct Word {
    input: Input,
    typing: bool,
}

impl Word {
    pub fn is_typing(&self) -> bool {
        self.typing
    }

    pub fn start(&mut self) {
        self.input.reset();
        self.typing = true;
    }

    pub fn stop(&mut self) {
        self.typing = false;
    }

    pub fn forget(&mut self) {
        self.input.reset();
        self.typing = false;
    }

    pub fn field(&mut self) -> Option<&mut Input> {
        self.typing.then_some(&mut self.input)
    }

    /// Ends the typing as soon as the word is right.
    pub fn typed(&mut self, wanted: &str) {
        if self.is(wanted) {
            self.typing = false;
        }
    }

    pub fn is(&self, wanted: &str) -> bool {
        self.input.value() == wanted
    }

    pub fn value(&self) -> String {
        self.input.value().to_owned()
    }

    /// The field as it stands.
    pub fn line(&self, wanted: &str, asking: &str, look: &Look<'_>) -> Line<'static> {
        let theme = look.theme;
        if self.is(wanted) {
            let text = format!("✓ confirmed: {wanted}");
            return Line::styled(text, theme.style(Role::Passed));
        }
        if !self.typing {
            return Line::from(vec![
                Span::styled("to confirm, press ", theme.style(Role::Warning)),
                Span::styled(asking.to_owned(), theme.style(Role::Key)),
                Span::styled(format!(" and type `{wanted}`"), theme.style(Role::Warning)),
            ]);
        }
        Line::from(vec![
            Span::styled(format!("type `{wanted}`: "), theme.style(Role::Warning)),
            Span::styled(self.value(), theme.style(Role::Text)),
            Span::styled("█", theme.style(Role::Key)),
        ])
    }
}
