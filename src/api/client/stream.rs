//! The messages of a run as they come.

use crate::api::Message;
use futures::{Stream, StreamExt};
use std::pin::Pin;

/// Messages of a run, in order.
pub struct MessageStream {
    pub(super) bytes: Pin<Box<dyn Stream<Item = reqwest::Result<bytes::Bytes>> + Send>>,
    pub(super) buffer: Vec<u8>,
    /// Where the unread part of the buffer begins.
    pub(super) start: usize,
    /// No line ends before here: the snapshot of a long run comes in thousands of pieces.
    pub(super) searched: usize,
}

impl MessageStream {
    /// The next message; `None` where the supervisor is gone. Cancel safe.
    pub async fn next(&mut self) -> Option<Message> {
        loop {
            let from = self.searched.max(self.start);
            if let Some(length) = self.buffer[from..].iter().position(|byte| *byte == b'\n') {
                let end = from + length;
                let message = serde_json::from_slice(&self.buffer[self.start..end]);
                self.start = end + 1;
                self.searched = self.start;
                match message {
                    Ok(message) => return Some(message),
                    // Going on without it would show a state that is not the run's.
                    Err(error) => {
                        tracing::error!(%error, "a message is not understood");
                        return None;
                    }
                }
            }
            self.buffer.drain(..self.start);
            self.start = 0;
            self.searched = self.buffer.len();
            match self.bytes.next().await {
                Some(Ok(bytes)) => self.buffer.extend_from_slice(&bytes),
                Some(Err(error)) => {
                    tracing::warn!(%error, "the stream broke");
                    return None;
                }
                None => return None,
            }
        }
    }
}
