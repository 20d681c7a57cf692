//! What happened, for people and for scripts: pure functions of a run's state.

mod alarms;
mod front;
mod handover;
mod html;
mod inputs;
mod markdown;
mod page;
mod since;
mod standing;
mod status;
mod words;

pub use handover::handover;
pub use markdown::{html, markdown};
pub use since::Since;
pub use standing::{Standing, minute, sentence};
pub use status::{Surroundings, status};
pub use words::{decision_word, mode_word, outcome_word, step_word};
