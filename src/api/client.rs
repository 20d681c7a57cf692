//! A client's end of the socket: one stream to listen on, and requests beside it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use futures::{Stream, StreamExt};

use super::{
    CommandAnswer, CommandRequest, InputRequest, Message, OutputPage, Person, SharedView,
    ViewRequest,
};
use crate::run::{ActionId, Command, Fate, Included, Timestamp, Typed};

/// A command is answered within this time or the supervisor is taken to be stuck.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a request or the stream failed, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("no supervisor answers on {path}: {reason}")]
    Unreachable { path: String, reason: String },
    #[error("the supervisor sent something that is not understood: {0}")]
    Garbled(String),
    #[error("{0}")]
    Refused(String),
}

/// A connection to the supervisor of a run.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    socket: PathBuf,
}

impl Client {
    /// Prepares a client; nothing is sent yet.
    ///
    /// # Errors
    /// Where the HTTP client cannot be built.
    pub fn new(socket: &Path) -> Result<Self, ClientError> {
        crate::tls::install();
        let http = reqwest::Client::builder()
            .unix_socket(socket)
            .build()
            .map_err(|error| ClientError::Unreachable {
                path: socket.display().to_string(),
                reason: error.to_string(),
            })?;
        Ok(Self {
            http,
            socket: socket.to_owned(),
        })
    }

    fn unreachable(&self, error: &reqwest::Error) -> ClientError {
        let mut reason: &dyn std::error::Error = error;
        while let Some(source) = reason.source() {
            reason = source;
        }
        ClientError::Unreachable {
            path: self.socket.display().to_string(),
            reason: reason.to_string(),
        }
    }

    /// Joins the run under a name: the full state first, then what is new.
    ///
    /// # Errors
    /// Where no supervisor answers.
    pub async fn join(&self, name: &str) -> Result<MessageStream, ClientError> {
        self.join_as(name, false).await
    }

    /// [`Self::join`]; `observe` says that this client came to watch only.
    ///
    /// # Errors
    /// Where no supervisor answers.
    pub async fn join_as(&self, name: &str, observe: bool) -> Result<MessageStream, ClientError> {
        let query = [("name", name.to_owned()), ("observe", observe.to_string())];
        let response = self
            .http
            .get(address("stream", &query)?)
            .send()
            .await
            .map_err(|error| self.unreachable(&error))?;
        Ok(MessageStream {
            bytes: Box::pin(response.bytes_stream()),
            buffer: Vec::new(),
            start: 0,
            searched: 0,
        })
    }

    /// Sends a command and waits for its answer.
    ///
    /// # Errors
    /// Where no supervisor answers in time. A refusal is an answer, not an error.
    pub async fn command(&self, by: &str, command: Command) -> Result<CommandAnswer, ClientError> {
        let request = CommandRequest {
            by: by.to_owned(),
            command,
        };
        self.ask("command", &request).await
    }

    /// Types to the action that has this person's keyboard.
    ///
    /// # Errors
    /// Where no supervisor answers in time. A refusal is an answer, not an error.
    pub async fn type_to(
        &self,
        by: &str,
        action: ActionId,
        attempt: u32,
        typed: Typed,
    ) -> Result<CommandAnswer, ClientError> {
        let request = InputRequest {
            by: by.to_owned(),
            action,
            attempt,
            typed,
        };
        self.ask("input", &request).await
    }

    /// Tells the others what this client shows.
    ///
    /// # Errors
    /// Where no supervisor answers, or the name is not this client's.
    pub async fn show(&self, by: &str, view: SharedView) -> Result<(), ClientError> {
        let request = ViewRequest {
            by: by.to_owned(),
            view,
        };
        let response = self
            .http
            .post("http://run/view")
            .json(&request)
            .timeout(PATIENCE)
            .send()
            .await
            .map_err(|error| self.unreachable(&error))?;
        match response.status().is_success() {
            true => Ok(()),
            false => Err(ClientError::Refused(response.status().to_string())),
        }
    }

    /// Who is connected.
    ///
    /// # Errors
    /// Where no supervisor answers.
    pub async fn people(&self) -> Result<Vec<Person>, ClientError> {
        self.get("people", &[]).await
    }

    /// The databases that do not answer the supervisor, by target, and since when.
    ///
    /// # Errors
    /// Where no supervisor answers.
    pub async fn lost(&self) -> Result<BTreeMap<String, Timestamp>, ClientError> {
        self.get("lost", &[]).await
    }

    /// Reads lines of an action's output.
    ///
    /// # Errors
    /// Where no supervisor answers, or there is no such output.
    pub async fn output(
        &self,
        action: ActionId,
        attempt: u32,
        from: u64,
        count: usize,
    ) -> Result<OutputPage, ClientError> {
        let query = [
            ("action", action.to_string()),
            ("attempt", attempt.to_string()),
            ("from", from.to_string()),
            ("count", count.to_string()),
        ];
        self.get("output", &query).await
    }

    /// The files that an action would include now.
    ///
    /// # Errors
    /// Where no supervisor answers.
    pub async fn included(&self, action: ActionId) -> Result<Vec<Included>, ClientError> {
        self.get("included", &[("action", action.to_string())])
            .await
    }

    /// What can be found out now about an action whose end nobody saw.
    ///
    /// # Errors
    /// Where no supervisor answers.
    pub async fn fate(&self, action: ActionId) -> Result<Fate, ClientError> {
        self.get("fate", &[("action", action.to_string())]).await
    }

    /// What a rollback option would lose, read from the database now.
    ///
    /// # Errors
    /// Where no supervisor answers, or the query fails.
    pub async fn loss(&self, block: usize) -> Result<String, ClientError> {
        self.get("loss", &[("block", block.to_string())]).await
    }

    /// What has changed in the guide's file since the run was opened, as a unified difference.
    ///
    /// # Errors
    /// Where no supervisor answers, or one of the two texts cannot be read.
    pub async fn guide_difference(&self) -> Result<Vec<String>, ClientError> {
        self.get("guide", &[]).await
    }

    async fn ask(
        &self,
        path: &str,
        request: &impl serde::Serialize,
    ) -> Result<CommandAnswer, ClientError> {
        self.http
            .post(address(path, &[])?)
            .json(request)
            .timeout(PATIENCE)
            .send()
            .await
            .map_err(|error| self.unreachable(&error))?
            .json()
            .await
            .map_err(|error| ClientError::Garbled(error.to_string()))
    }

    async fn get<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, ClientError> {
        let response = self
            .http
            .get(address(path, query)?)
            .timeout(PATIENCE)
            .send()
            .await
            .map_err(|error| self.unreachable(&error))?;
        let well = response.status().is_success();
        let text = response
            .text()
            .await
            .map_err(|error| self.unreachable(&error))?;
        if !well {
            return Err(ClientError::Refused(text));
        }
        serde_json::from_str(&text).map_err(|error| ClientError::Garbled(error.to_string()))
    }
}

/// The host is of no account: the socket leads to the supervisor.
fn address(path: &str, query: &[(&str, String)]) -> Result<reqwest::Url, ClientError> {
    reqwest::Url::parse_with_params(&format!("http://run/{path}"), query)
        .map_err(|error| ClientError::Garbled(error.to_string()))
}

/// Messages of a run, in order.
pub struct MessageStream {
    bytes: Pin<Box<dyn Stream<Item = reqwest::Result<axum::body::Bytes>> + Send>>,
    buffer: Vec<u8>,
    /// Where the unread part of the buffer begins.
    start: usize,
    /// No line ends before here: the snapshot of a long run comes in thousands of pieces.
    searched: usize,
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
