//! A client's end of the socket. Whoever joins has a stream to listen on, and a seat from which to ask;
//! without one only what scripts look at is answered.

mod stream;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
pub use stream::MessageStream;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::identity::PASS;
use super::{
    CommandAnswer, CommandRequest, InputRequest, OutputPage, Person, RequestId, SharedView,
    Snapshot, ViewRequest,
};
use crate::monitor::{BeforeStep, SessionDetail};
use crate::run::{ActionId, Command, Fate, Included, Refusal, Timestamp, Typed, World};
use crate::text::cause::root_cause;

/// A request is answered within this time, or what became of it is not known.
const PATIENCE: Duration = Duration::from_secs(10);
/// A request that was not answered is sent again after so long.
const AGAIN: Duration = Duration::from_millis(200);
/// Shorter than the supervisor keeps a connection on which nothing is asked.
const IDLE: Duration = Duration::from_secs(5);

/// Why a request or the stream failed, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It never reached the supervisor: nothing was done.
    #[error("no supervisor answers on {path}: {reason}")]
    Unreachable { path: String, reason: String },
    #[error("cannot read a message from the supervisor: {0}")]
    Garbled(String),
    /// The supervisor said no: nothing was done.
    #[error("{0}")]
    Refused(String),
    /// It was sent, and no answer came: it was done, or will be, or not.
    #[error("no answer from the supervisor ({0}): it may or may not have been done")]
    Unknown(String),
}

impl ClientError {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } | Self::Refused(_) => "nothing was done; try again",
            Self::Garbled(_) => "use a client of the supervisor's version",
            Self::Unknown(_) => "check the run before you try again",
        }
    }
}

/// A way to the supervisor of a run, for somebody who has not joined it.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    socket: PathBuf,
}

/// Somebody who has joined a run, for as long as their stream is there.
#[derive(Clone)]
pub struct Seat {
    client: Client,
    pass: reqwest::header::HeaderValue,
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
            .pool_idle_timeout(IDLE)
            // Nothing here goes by TLS: reading the system's certificates would take longer than all else.
            .tls_certs_only([])
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
        ClientError::Unreachable {
            path: self.socket.display().to_string(),
            reason: cause(error),
        }
    }

    /// Joins the run: the seat, and a stream that tells the full state first and then what is new. In it
    /// stands the name, which others may have had already. `observe`: came to watch only.
    ///
    /// # Errors
    /// Where no supervisor answers, or it has no room.
    pub async fn join(
        &self,
        name: &str,
        observe: bool,
    ) -> Result<(Seat, MessageStream), ClientError> {
        let query = [("name", name.to_owned()), ("observe", observe.to_string())];
        let response = self
            .http
            .get(address("stream", &query)?)
            .send()
            .await
            .map_err(|error| self.unreachable(&error))?;
        if !response.status().is_success() {
            return Err(self.refused(response).await);
        }
        let pass =
            response.headers().get(PASS).cloned().ok_or_else(|| {
                ClientError::Garbled("the answer to a join holds no pass".to_owned())
            })?;
        let seat = Seat {
            client: self.clone(),
            pass,
        };
        let stream = MessageStream {
            bytes: Box::pin(response.bytes_stream()),
            buffer: Vec::new(),
            start: 0,
            searched: 0,
        };
        Ok((seat, stream))
    }

    /// Who is connected.
    ///
    /// # Errors
    /// Where no supervisor answers.
    pub async fn people(&self) -> Result<Vec<Person>, ClientError> {
        self.get(None, "people", &[]).await
    }

    /// The databases that do not answer the supervisor, by target, and since when.
    ///
    /// # Errors
    /// Where no supervisor answers.
    pub async fn world(&self) -> Result<World, ClientError> {
        self.get(None, "world", &[]).await
    }

    async fn refused(&self, response: reqwest::Response) -> ClientError {
        let status = response.status();
        match response.text().await {
            Ok(text) => ClientError::Refused(match refusal(&text) {
                Some(refusal) => refusal.message,
                None => format!("{status} {text}"),
            }),
            Err(error) => self.unreachable(&error),
        }
    }

    async fn get<T: DeserializeOwned>(
        &self,
        seat: Option<&Seat>,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, ClientError> {
        let mut request = self.http.get(address(path, query)?).timeout(PATIENCE);
        if let Some(seat) = seat {
            request = request.header(PASS, seat.pass.clone());
        }
        let response = request
            .send()
            .await
            .map_err(|error| self.unreachable(&error))?;
        if !response.status().is_success() {
            return Err(self.refused(response).await);
        }
        let text = response
            .bytes()
            .await
            .map_err(|error| self.unreachable(&error))?;
        serde_json::from_slice(&text).map_err(|error| ClientError::Garbled(error.to_string()))
    }
}

impl Seat {
    /// Sends a command and waits for its answer.
    ///
    /// # Errors
    /// Where no supervisor answers in time. A refusal is an answer, not an error.
    pub async fn command(&self, command: Command) -> Result<CommandAnswer, ClientError> {
        let id = id()?;
        self.once("command", &CommandRequest { id, command }).await
    }

    /// Types to the action that was lent the keyboard from this seat.
    ///
    /// # Errors
    /// Where no supervisor answers in time. A refusal is an answer, not an error.
    pub async fn type_to(
        &self,
        action: ActionId,
        attempt: u32,
        typed: Typed,
    ) -> Result<CommandAnswer, ClientError> {
        let request = InputRequest {
            id: id()?,
            action,
            attempt,
            typed,
        };
        self.once("input", &request).await
    }

    /// Tells the others what this client shows.
    ///
    /// # Errors
    /// Where no supervisor answers.
    pub async fn show(&self, view: SharedView) -> Result<(), ClientError> {
        let sent = self.post("view", &ViewRequest { view }, PATIENCE)?.send();
        let response = sent
            .await
            .map_err(|error| self.client.unreachable(&error))?;
        match response.status().is_success() {
            true => Ok(()),
            false => Err(self.client.refused(response).await),
        }
    }

    /// The databases that do not answer the supervisor, by target, and since when.
    ///
    /// # Errors
    /// Where no supervisor answers.
    pub async fn world(&self) -> Result<World, ClientError> {
        self.get("world", &[]).await
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

    /// One session of a target in full.
    ///
    /// # Errors
    /// Where no supervisor answers, or the session cannot be read.
    pub async fn session(
        &self,
        target: &str,
        pid: i32,
        backend_start_us: i64,
    ) -> Result<SessionDetail, ClientError> {
        let query = [
            ("target", target.to_owned()),
            ("pid", pid.to_string()),
            ("backend_start_us", backend_start_us.to_string()),
        ];
        self.get("session", &query).await
    }

    /// What an action would meet if it began now.
    ///
    /// # Errors
    /// Where no supervisor answers, or the database cannot be asked.
    pub async fn before(&self, action: ActionId) -> Result<BeforeStep, ClientError> {
        self.get("before", &[("action", action.to_string())]).await
    }

    /// The run and its readings as they were at a moment.
    ///
    /// # Errors
    /// Where no supervisor answers, or they cannot be read.
    pub async fn past(&self, at: Timestamp) -> Result<Snapshot, ClientError> {
        self.get("past", &[("at", at.to_rfc3339())]).await
    }

    /// What has changed in the guide's file since the run was opened, as a unified difference.
    ///
    /// # Errors
    /// Where no supervisor answers, or one of the two texts cannot be read.
    pub async fn guide_difference(&self) -> Result<Vec<String>, ClientError> {
        self.get("guide", &[]).await
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, ClientError> {
        self.client.get(Some(self), path, query).await
    }

    fn post(
        &self,
        path: &str,
        request: &impl Serialize,
        patience: Duration,
    ) -> Result<reqwest::RequestBuilder, ClientError> {
        let post = self.client.http.post(address(path, &[])?);
        Ok(post
            .header(PASS, self.pass.clone())
            .json(request)
            .timeout(patience))
    }

    /// Sends a request with an id until it is answered: where an answer was lost it is given again, and
    /// nothing is done twice. Without any, what became of it is unknown.
    async fn once(
        &self,
        path: &str,
        request: &impl Serialize,
    ) -> Result<CommandAnswer, ClientError> {
        let end = Instant::now() + PATIENCE;
        let mut lost: Option<String> = None;
        loop {
            let patience = end.saturating_duration_since(Instant::now());
            let why = match self.try_once(path, request, patience).await {
                // What was refused at the door now may have been let in before.
                Ok((status, answer)) if status.is_success() || lost.is_none() => return Ok(answer),
                Ok((_, CommandAnswer::Refused(refusal))) => refusal.message,
                Ok((_, answer)) => return Ok(answer),
                Err(Failed::Before(error)) if lost.is_none() => return Err(error),
                Err(Failed::Before(error)) => error.to_string(),
                Err(Failed::After(why)) => why,
            };
            let first = lost.get_or_insert(why);
            if Instant::now() + AGAIN >= end {
                return Err(ClientError::Unknown(first.clone()));
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn try_once(
        &self,
        path: &str,
        request: &impl Serialize,
        patience: Duration,
    ) -> Result<(reqwest::StatusCode, CommandAnswer), Failed> {
        let request = self.post(path, request, patience).map_err(Failed::Before)?;
        let response = request.send().await.map_err(|error| {
            match error.is_connect() || error.is_builder() {
                true => Failed::Before(self.client.unreachable(&error)),
                false => Failed::After(cause(&error)),
            }
        })?;
        let status = response.status();
        let bytes = response
            .bytes()
            .await
            .map_err(|error| Failed::After(cause(&error)))?;
        let answer = serde_json::from_slice(&bytes);
        let answer = answer.map_err(|error| Failed::After(error.to_string()))?;
        Ok((status, answer))
    }
}

/// Whether a request failed before it can have reached the supervisor, or perhaps after.
enum Failed {
    Before(ClientError),
    After(String),
}

fn id() -> Result<RequestId, ClientError> {
    RequestId::random().map_err(|error| {
        ClientError::Refused(format!("no id can be made for the request: {error}"))
    })
}

/// The first of the reasons, which says most.
fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("waited {} s", PATIENCE.as_secs());
    }
    root_cause(error)
}

fn refusal(text: &str) -> Option<Refusal> {
    match serde_json::from_str(text) {
        Ok(CommandAnswer::Refused(refusal)) => Some(refusal),
        _ => None,
    }
}

/// The host is of no account: the socket leads to the supervisor.
fn address(path: &str, query: &[(&str, String)]) -> Result<reqwest::Url, ClientError> {
    reqwest::Url::parse_with_params(&format!("http://run/{path}"), query)
        .map_err(|error| ClientError::Garbled(error.to_string()))
}
