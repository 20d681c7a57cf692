//! The supervisor's end: an axum router on a Unix socket that only the user may open.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{CommandAnswer, CommandRequest, InputRequest, Message, OutputPage, Snapshot};
use crate::run::{ActionId, Command, Refusal};
use crate::supervisor::{Handle, News, Person};

/// A client that reads nothing holds this many lines; then its stream waits, and only its own.
const STREAM_BUFFER: usize = 64;
const HEARTBEAT: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct Server {
    handle: Handle,
    people: Arc<Mutex<BTreeMap<String, Person>>>,
}

/// Serves the run on a socket until the process ends.
///
/// # Errors
/// Where the socket cannot be bound or its permissions set.
pub async fn serve(handle: Handle, path: &Path) -> io::Result<()> {
    // A socket left by a supervisor that died; the run's lock says that none lives.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    let server = Server {
        handle,
        people: Arc::default(),
    };
    axum::serve(SameUser(listener), router(server)).await
}

/// Accepts only peers of the user that runs the supervisor (and root).
struct SameUser(UnixListener);

impl axum::serve::Listener for SameUser {
    type Io = tokio::net::UnixStream;
    type Addr = tokio::net::unix::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            match self.0.accept().await {
                Ok((stream, address)) => {
                    let own = rustix::process::getuid().as_raw();
                    match stream.peer_cred().map(|peer| peer.uid()) {
                        Ok(peer) if peer == own || peer == 0 => return (stream, address),
                        Ok(peer) => tracing::warn!(peer, "refused a client of another user"),
                        Err(error) => tracing::warn!(%error, "a client without credentials"),
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a client");
                    // Out of file descriptors: others must close theirs first.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

fn router(server: Server) -> Router {
    Router::new()
        .route("/stream", get(stream))
        .route("/command", post(command))
        .route("/input", post(input))
        .route("/people", get(people))
        .route("/output", get(output))
        .route("/included", get(included))
        .route("/loss", get(loss))
        .route("/fate", get(fate))
        .route("/guide", get(guide))
        .with_state(server)
}

#[derive(Deserialize)]
struct StreamQuery {
    name: String,
}

async fn stream(State(server): State<Server>, Query(query): Query<StreamQuery>) -> Response {
    let (sender, receiver) = mpsc::channel::<Result<Bytes, Infallible>>(STREAM_BUFFER);
    tokio::spawn(async move {
        let you = server.join(&query.name);
        if let Some(end) = feed(&server, &you, &sender).await {
            tracing::debug!(client = %you, reason = %end, "client left");
        }
        server.leave(&you);
    });
    Response::new(Body::from_stream(ReceiverStream::new(receiver)))
}

/// Sends everything, then what is new, until the client goes. Returns why it ended.
async fn feed(
    server: &Server,
    you: &str,
    sender: &mpsc::Sender<Result<Bytes, Infallible>>,
) -> Option<String> {
    let feed = &server.handle.feed;
    let mut changed = feed.watch();
    let (mut version, state, news) = feed.everything();
    let mut seq = state.seq;
    let snapshot = Snapshot {
        at: chrono::Utc::now(),
        you: you.to_owned(),
        state: (*state).clone(),
        samples: news
            .samples
            .iter()
            .map(|sample| (**sample).clone())
            .collect(),
        outputs: news.outputs.iter().map(|tail| (**tail).clone()).collect(),
        people: news.people.unwrap_or_default(),
        store: news.health.unwrap_or_default(),
    };
    drop(state);
    send(sender, &Message::Snapshot(Box::new(snapshot))).await?;
    for asking in news.asking {
        send(sender, &Message::Asking(asking)).await?;
    }
    loop {
        tokio::select! {
            gone = changed.changed() => if gone.is_err() {
                return Some("the supervisor ends".to_owned());
            },
            () = tokio::time::sleep(HEARTBEAT) => {
                send(sender, &Message::Heartbeat { at: chrono::Utc::now() }).await?;
                continue;
            }
            () = sender.closed() => return Some("the client closed".to_owned()),
        }
        let (now, news) = feed.since(version, seq);
        version = now;
        seq = news.records.last().map_or(seq, |record| record.seq);
        for message in messages(news) {
            send(sender, &message).await?;
        }
    }
}

fn messages(news: News) -> Vec<Message> {
    let mut messages = Vec::new();
    for record in news.records {
        messages.push(Message::Event(Box::new((*record).clone())));
    }
    for tail in news.outputs {
        messages.push(Message::Output((*tail).clone()));
    }
    for asking in news.asking {
        messages.push(Message::Asking(asking));
    }
    for sample in news.samples {
        messages.push(Message::Sample(Box::new((*sample).clone())));
    }
    if let Some(people) = news.people {
        messages.push(Message::People { people });
    }
    if let Some(health) = news.health {
        messages.push(Message::Health(health));
    }
    messages
}

/// `None` where the client is gone.
async fn send(sender: &mpsc::Sender<Result<Bytes, Infallible>>, message: &Message) -> Option<()> {
    let mut line = match serde_json::to_vec(message) {
        Ok(line) => line,
        Err(error) => {
            tracing::error!(%error, "a message cannot be written as JSON");
            return Some(());
        }
    };
    line.push(b'\n');
    sender.send(Ok(Bytes::from(line))).await.ok()
}

impl Server {
    /// Registers a client under a name that nobody else has.
    fn join(&self, wanted: &str) -> String {
        let name = {
            let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
            let mut name = wanted.to_owned();
            let mut number = 2;
            while people.contains_key(&name) {
                name = format!("{wanted} ({number})");
                number += 1;
            }
            people.insert(
                name.clone(),
                Person {
                    name: name.clone(),
                    driver: false,
                    since: chrono::Utc::now(),
                },
            );
            name
        };
        self.announce();
        name
    }

    fn leave(&self, name: &str) {
        self.people
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(name);
        self.announce();
    }

    fn announce(&self) {
        let people = self
            .people
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect();
        self.handle.announce(people);
    }
}

async fn command(
    State(server): State<Server>,
    Json(request): Json<CommandRequest>,
) -> Json<CommandAnswer> {
    // What only the world may say is never taken from a client.
    let from_the_world = matches!(
        request.command,
        Command::Launched { .. }
            | Command::Held { .. }
            | Command::Finished { .. }
            | Command::Identified { .. }
            | Command::GuideSeen { .. }
            | Command::Alerted { .. }
            | Command::Sampled { .. }
            | Command::LockSeen { .. }
            | Command::TransactionSeen { .. }
    );
    if from_the_world || request.by == crate::run::ENGINE {
        return Json(CommandAnswer::Refused(Refusal::new(
            "that is not for a client to say",
            "send a command of a person",
        )));
    }
    Json(
        match server.handle.command(request.by, request.command).await {
            Ok(seq) => CommandAnswer::Accepted { seq },
            Err(refusal) => CommandAnswer::Refused(refusal),
        },
    )
}

/// What a person types to a step. It stands in no log, whatever becomes of it.
async fn input(
    State(server): State<Server>,
    Json(request): Json<InputRequest>,
) -> Json<CommandAnswer> {
    let InputRequest {
        by,
        action,
        attempt,
        typed,
    } = request;
    Json(
        match server.handle.type_to(by, action, attempt, typed).await {
            Ok(seq) => CommandAnswer::Accepted { seq },
            Err(refusal) => CommandAnswer::Refused(refusal),
        },
    )
}

/// Who is connected, for scripts that do not join.
async fn people(State(server): State<Server>) -> Json<Vec<Person>> {
    Json(server.handle.feed.people())
}

#[derive(Deserialize)]
struct OutputQuery {
    action: ActionId,
    attempt: u32,
    from: u64,
    count: usize,
}

async fn output(State(server): State<Server>, Query(query): Query<OutputQuery>) -> Response {
    let page = server
        .handle
        .page(query.action, query.attempt, query.from, query.count)
        .await;
    match page {
        Ok((lines, page)) => Json(OutputPage { lines, page }).into_response(),
        Err(error) => (StatusCode::NOT_FOUND, error.to_string()).into_response(),
    }
}

#[derive(Deserialize)]
struct ActionQuery {
    action: ActionId,
}

async fn included(State(server): State<Server>, Query(query): Query<ActionQuery>) -> Response {
    match server.handle.included(query.action).await {
        Ok(included) => Json(included).into_response(),
        Err(message) => (StatusCode::SERVICE_UNAVAILABLE, message).into_response(),
    }
}

async fn fate(State(server): State<Server>, Query(query): Query<ActionQuery>) -> Response {
    match server.handle.fate(query.action).await {
        Ok(fate) => Json(fate).into_response(),
        Err(message) => (StatusCode::SERVICE_UNAVAILABLE, message).into_response(),
    }
}

#[derive(Deserialize)]
struct LossQuery {
    block: usize,
}

async fn loss(State(server): State<Server>, Query(query): Query<LossQuery>) -> Response {
    match server.handle.loss(query.block).await {
        Ok(value) => Json(value).into_response(),
        Err(message) => (StatusCode::SERVICE_UNAVAILABLE, message).into_response(),
    }
}

/// What has changed in the guide's file since the run was opened.
async fn guide(State(server): State<Server>) -> Response {
    match server.handle.guide_difference().await {
        Ok(lines) => Json(lines).into_response(),
        Err(message) => (StatusCode::SERVICE_UNAVAILABLE, message).into_response(),
    }
}
