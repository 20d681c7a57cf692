//! What the keys do about a held transaction.

use super::{App, Ask};
use crate::ui::dialogs::HeldDialog;
use crate::ui::held::{held, roll_back};
use crate::ui::theme::Role;

impl App {
    pub(in crate::ui) fn ask_held(&mut self) {
        match HeldDialog::new(&self.look()) {
            Some(dialog) => self.dialogs.push(Box::new(dialog)),
            None => self.say("no transaction is held", "", Role::Muted),
        }
    }

    /// One key: what was not committed is lost, and nothing else.
    pub(in crate::ui) fn roll_back_held(&mut self) -> Vec<Ask> {
        match held(&self.model) {
            Some(held) => vec![Ask::Commands(vec![roll_back(&held)])],
            None => {
                self.say("no transaction is held", "", Role::Muted);
                Vec::new()
            }
        }
    }
}
