//! A guide as understood: Markdown text becomes a [`Runbook`] of phases, steps and typed blocks, and
//! `gonogo.toml` becomes a [`config::Config`]. Pure: nothing here reads a file, a clock or a socket.
//! What could not be understood is a diagnostic with line and column, never an error that stops the
//! reading, so a guide with mistakes still opens.

mod assemble;
mod attributes;
mod blocks;
pub mod config;
pub mod diagnostic;
mod expectation;
mod hazards;
mod headings;
pub mod interim;
mod labels;
mod lint;
mod model;
mod outline;
mod parse;
mod pattern;
mod phases;
mod role;
mod settings;
mod source;
mod steps;
mod timing;

pub use model::*;
pub use parse::parse;
