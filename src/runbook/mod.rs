//! A guide as understood: Markdown text becomes a [`Runbook`] of phases, steps and typed blocks, and
//! `gonogo.toml` becomes a [`config::Config`]. Pure: nothing here reads a file, a clock or a socket.
//! What could not be understood is a diagnostic with line and column, never an error that stops the
//! reading, so a guide with mistakes still opens.

pub mod config;
pub mod diagnostic;
mod model;
mod parse;

pub use model::*;
pub use parse::parse;
