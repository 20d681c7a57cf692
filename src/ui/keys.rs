//! Which key asks for something from where the operator is: the pane with the focus has keys of its own,
//! and a sentence must never name one that does something else there.

use super::intent::Intent;
use super::keymap::{Context, Key, key_of, meaning, of};
use super::panes;
use super::view::Look;

/// Whose keys work in the panes now, the focused pane's first.
pub fn contexts(look: &Look<'_>) -> Vec<Context> {
    let own = panes::pane(look.view.focus()).map_or(&[][..], |pane| pane.contexts());
    own.iter().copied().chain([Context::Main]).collect()
}

/// The key for an intent from here; where the focused pane has taken it, the one that leads to the step
/// and then that.
pub fn key(look: &Look<'_>, intent: Intent) -> String {
    let contexts = contexts(look);
    let reaches = |key: &&Key| meaning(&contexts, **key) == Some(intent);
    let found = contexts
        .iter()
        .flat_map(|context| of(*context))
        .filter(|binding| binding.intent == intent)
        .find_map(|binding| binding.keys.iter().find(reaches));
    match found {
        Some(key) => key.label(),
        None => format!(
            "{} {}",
            key_of(Context::Main, Intent::AtHand),
            key_of(Context::Main, intent)
        ),
    }
}

/// The key that opens what the run waits for: Enter in the step, and a key of its own everywhere.
pub fn walk_key(look: &Look<'_>) -> String {
    match look.view.focus() {
        "phases" | "reference" | "watches" => key(look, Intent::Walk),
        _ if meaning(&contexts(look), Key::Code(crossterm::event::KeyCode::Enter))
            == Some(Intent::Open) =>
        {
            key(look, Intent::Open)
        }
        _ => key(look, Intent::Walk),
    }
}
