//! The seam to the supervisor: what comes in, and what can be asked. The cockpit knows no more of it
//! than this, so tests stand in for it and a remote run looks like a local one.

use std::future::Future;

use crate::api::{CommandAnswer, Message, OutputPage};
use crate::run::{ActionId, Command};

/// The stream of messages.
pub trait Feed: Send + 'static {
    /// The next message, a [`Message::Snapshot`] first; `None` when the connection is gone.
    fn next(&mut self) -> impl Future<Output = Option<Message>> + Send;

    /// Connects again. The next message is then a snapshot.
    ///
    /// # Errors
    /// Why the supervisor cannot be reached, in a few words.
    fn reconnect(&mut self) -> impl Future<Output = Result<(), String>> + Send;
}

/// What can be asked of the supervisor, beside the stream. Clones share the connection.
pub trait Control: Clone + Send + Sync + 'static {
    /// # Errors
    /// The command did not reach the supervisor; a refusal is an answer.
    fn command(&self, command: Command) -> impl Future<Output = Result<CommandAnswer, String>> + Send;

    /// Lines `from` to `from + count` of an attempt's spool, fewer at its end.
    ///
    /// # Errors
    /// The spool cannot be read.
    fn output(
        &self,
        action: ActionId,
        attempt: u32,
        from: u64,
        count: u64,
    ) -> impl Future<Output = Result<OutputPage, String>> + Send;

    /// How much going back would lose now, by the read-only query in this block, in words.
    ///
    /// # Errors
    /// It cannot be read.
    fn loss(&self, block: usize) -> impl Future<Output = Result<String, String>> + Send;
}
