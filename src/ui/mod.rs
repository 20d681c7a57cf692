//! The cockpit in the terminal: a client of the supervisor like any other. It holds a model, draws
//! it, and turns keys into commands; it never acts by itself, and the run goes on without it.
//!
//! ```text
//! terminal -> Key -> Intent (keymap) -> App -> Ask -> Control -> supervisor
//! supervisor -> Message -> Model -> Pane::render -> terminal
//! ```

mod alarms;
mod alerts;
pub mod app;
mod ask;
mod attention;
mod chrome;
mod dialogs;
mod event_loop;
mod files;
mod filter;
pub mod format;
mod held;
pub mod intent;
pub mod keymap;
mod keys;
pub mod layout;
mod link;
mod listing;
mod markdown;
pub mod model;
mod next_action;
mod opening;
mod output;
mod paces;
mod panes;
mod people;
mod progress;
mod screen;
mod segments;
mod signals;
mod soaks;
mod spark;
mod sql_text;
mod step_input;
mod table;
pub mod terminal;
pub mod theme;
mod timeline;
mod typing;
mod typist;
pub mod view;
mod walk;

pub use event_loop::{Leave, Options, known_names, run, run_on};
pub use files::FileError;
pub use link::{Control, Feed};
pub use panes::names as pane_names;
