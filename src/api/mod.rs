//! The supervisor's socket, both ends. A client gets the full state first and then events from a
//! cursor; it folds them with the same `apply` as the supervisor, so there is one truth and one
//! way to read it. The local cockpit uses this path too: attaching is never a second one.
//!
//! ```text
//! doors        the sockets: who is at the other end, says the kernel
//! connections  how many each login may have, and which is cut where that is too many
//! identity     one layer before every route: the connection that joined, and what it may do
//! routes       the table of routes, each with who may use it
//! seats        who has joined, under which name
//! stream       what they are told            answers  what they asked, answered once
//! ```

mod answers;
mod client;
mod connections;
mod doors;
mod identity;
mod message;
mod routes;
mod seats;
mod server;
mod stream;
#[cfg(test)]
mod tests;

pub use crate::supervisor::{Message, Person, SharedView, Snapshot, StoreHealth};
pub use client::{Client, ClientError, MessageStream, Seat};
pub use message::*;
pub use routes::{ROUTES, Route, Who};
pub use server::serve;

/// 32 random hexadecimal digits, which nobody guesses.
pub(crate) fn random_text() -> std::io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(crate::run::hex(&bytes))
}
