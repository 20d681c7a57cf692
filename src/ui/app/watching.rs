//! What the keys do with watches: go to them, open one, and say what a red flag means.

use super::App;
use crate::run::ActionId;
use crate::ui::alerts::acknowledgement;
use crate::ui::panes::chosen_watch;
use crate::ui::theme::Role;

impl App {
    pub(in crate::ui) fn ask_acknowledge(&mut self) {
        match acknowledgement(&self.look()) {
            Some(form) => self.dialogs.push(Box::new(form)),
            None => self.say("no red flag is open", "nothing to acknowledge", Role::Muted),
        }
    }

    pub(in crate::ui) fn look_at_watches(&mut self) {
        if self.model.run.watches().is_empty() {
            self.say(
                "there is no watch in this phase",
                "commands that never end become watches",
                Role::Muted,
            );
            return;
        }
        self.look_at("watches");
    }

    /// The output pane shows the watch with the cursor, until the next look at something else.
    pub(in crate::ui) fn pin_watch(&mut self) -> Option<ActionId> {
        if self.view.focus() != "watches" {
            return None;
        }
        let chosen = chosen_watch(&self.look())?;
        self.view.watch = Some(chosen);
        self.view.position_mut("output").top = None;
        Some(chosen)
    }
}
