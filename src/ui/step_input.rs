//! Input of a running step: what it asks for on its terminal, and whether this client's keys go to it.

use ratatui::layout::Size;

use super::format::without_colour;
use super::model::Model;
use crate::run::{ActionId, Asking, Timestamp};

/// The step that this client types to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypingTo {
    pub action: ActionId,
    pub attempt: u32,
    /// The run has said that the keyboard is there.
    pub(super) given: bool,
    pub(super) last_key: Timestamp,
    /// What its terminal was last told of the room it has on the screen.
    pub(super) told: Option<Size>,
}

impl TypingTo {
    /// Whether keys reach the step now.
    pub fn reaches(&self, model: &Model) -> bool {
        model
            .run
            .action(self.action)
            .and_then(|state| state.last())
            .filter(|last| last.number == self.attempt)
            .and_then(|last| last.keyboard())
            .is_some_and(|who| who == model.me && model.drives())
    }

    /// It reached the step, and that has ended or was taken over.
    pub fn is_over(&self, model: &Model) -> bool {
        self.given && !self.reaches(model)
    }
}

/// What a running action asks for on its terminal.
pub fn asking(model: &Model) -> Option<&Asking> {
    model
        .run
        .running()
        .into_iter()
        .find_map(|(action, attempt)| {
            model
                .asking
                .get(&action)
                .filter(|asking| asking.attempt == attempt && asking.prompt.is_some())
        })
}

/// What it asks, in words: `asks for a password: [sudo] password for anna:`.
pub fn question(asking: &Asking) -> String {
    let what = match asking.hidden {
        true => "waits for hidden input",
        false => "waits for input",
    };
    match asking.prompt.as_deref().map(without_colour) {
        Some(prompt) if !prompt.is_empty() => format!("{what}: `{prompt}`"),
        _ => what.to_owned(),
    }
}
