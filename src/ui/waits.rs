//! The next act where something that runs waits for a person: a decision about a held transaction, or
//! an answer to what a step asks.

use super::held::held;
use super::intent::Intent;
use super::keyboard::{asking, question};
use super::keymap::{Context, key_of};
use super::theme::Role;
use super::view::Look;
use super::walk::NextAct;

/// Something that runs waits for a person in its middle: that comes before everything else.
pub(super) fn waits_for_person(look: &Look<'_>) -> Option<NextAct> {
    let key = |intent| key_of(Context::Main, intent);
    if let Some(held) = held(look.model) {
        let role = match held.blocked.is_empty() {
            true => Role::Warning,
            false => Role::Failed,
        };
        return Some(NextAct {
            text: format!(
                "HELD before COMMIT, {}, {}: {} decides, {} rolls back",
                held.open(),
                held.blocks(),
                key(Intent::AskHeld),
                key(Intent::RollBackHeld)
            ),
            role,
        });
    }
    let asking = asking(look.model)?;
    let question = question(asking);
    let text = match look.view.typing {
        Some(_) => format!(
            "the step {question}; {} takes the keyboard back",
            key_of(Context::Keyboard, Intent::TakeKeyboardBack)
        ),
        None => format!(
            "the step {question}: {} gives it your keyboard, {} cancels",
            key(Intent::GiveKeyboard),
            key(Intent::AskCancel)
        ),
    };
    Some(NextAct {
        text,
        role: Role::Warning,
    })
}
