//! The supervisor's socket, both ends. A client gets the full state first and then events from a
//! cursor; it folds them with the same `apply` as the supervisor, so there is one truth and one
//! way to read it. The local cockpit uses this path too: attaching is never a second one.

mod client;
mod listen;
mod message;
mod people;
mod server;
#[cfg(test)]
mod tests;

pub use crate::supervisor::{Person, SharedView, StoreHealth};
pub use client::{Client, ClientError, MessageStream};
pub use message::*;
pub use server::serve;
