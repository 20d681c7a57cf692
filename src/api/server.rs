//! The supervisor's end: an axum router on Unix sockets, which knows of every request whose it is.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::listen::Door;
use super::people::{Announcement, Peer, People};
use super::{
    CommandAnswer, CommandRequest, InputRequest, Message, OutputPage, Snapshot, ViewRequest,
};
use crate::run::{ActionId, Command, ENGINE, PairingAct, Refusal, Timestamp, person};
use crate::supervisor::{Feed, Handle, News, Person, place};

/// A client that reads nothing holds this many lines; then its stream waits, and only its own.
const STREAM_BUFFER: usize = 64;
const HEARTBEAT: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct Server {
    handle: Handle,
    people: People,
}

/// Serves the run on its own socket until the process ends; and on the guests' one, while the driver
/// lets another login in.
///
/// # Errors
/// Where the run's own socket cannot be bound or its permissions set.
pub async fn serve(handle: Handle, path: &Path, guests: &Path) -> io::Result<()> {
    // A socket left by a supervisor that died; the run's lock says that none lives.
    let door = Door::open(path, 0o600, handle.clone())?;
    let server = Server {
        handle,
        people: People::default(),
    };
    tokio::spawn(look_who_hangs(server.clone()));
    tokio::spawn(let_guests_in(server.clone(), guests.to_owned()));
    axum::serve(door, service(server)).await
}

type Service =
    axum::extract::connect_info::IntoMakeServiceWithConnectInfo<axum::Router, super::people::Peer>;

fn service(server: Server) -> Service {
    router(server).into_make_service_with_connect_info()
}

async fn look_who_hangs(server: Server) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        if let Some(announcement) = server.people.look() {
            server.announce(announcement);
        }
    }
}

/// Opens the second door as long as somebody may come through it.
async fn let_guests_in(server: Server, path: PathBuf) {
    let mut changed = server.handle.feed.watch();
    let mut open: Option<tokio::task::JoinHandle<io::Result<()>>> = None;
    loop {
        let wanted = !server.handle.feed.state().pairing.allowed.is_empty();
        match (&open, wanted) {
            (None, true) => {
                let door = place::create_guest_folder(&path)
                    // Everybody may knock: who is let in is decided by what the kernel says of them.
                    .and_then(|()| Door::open(&path, 0o666, server.handle.clone()));
                match door {
                    Ok(door) => {
                        let service = service(server.clone());
                        open = Some(tokio::spawn(async { axum::serve(door, service).await }));
                    }
                    Err(error) => {
                        tracing::error!(%error, path = %path.display(), "nobody else can be let in");
                        tokio::time::sleep(Duration::from_secs(5)).await;
                        continue;
                    }
                }
            }
            (Some(door), false) => {
                door.abort();
                open = None;
                if let Err(error) = std::fs::remove_file(&path) {
                    tracing::debug!(%error, "the guests' socket is gone already");
                }
            }
            _ => {}
        }
        if changed.changed().await.is_err() {
            return;
        }
    }
}

fn router(server: Server) -> Router {
    Router::new()
        .route("/stream", get(stream))
        .route("/command", post(command))
        .route("/input", post(input))
        .route("/view", post(view))
        .route("/people", get(people))
        .route("/lost", get(lost))
        .route("/output", get(output))
        .route("/included", get(included))
        .route("/loss", get(loss))
        .route("/fate", get(fate))
        .route("/guide", get(guide))
        .layer(axum::middleware::from_fn_with_state(
            server.clone(),
            still_welcome,
        ))
        .with_state(server)
}

/// A connection outlives the permission that it was opened with; its requests do not.
async fn still_welcome(
    State(server): State<Server>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Response {
    if server.is_welcome(&peer) {
        return next.run(request).await;
    }
    let words = "the driver does not let you in any more";
    (StatusCode::FORBIDDEN, words).into_response()
}

#[derive(Deserialize)]
struct StreamQuery {
    name: String,
    #[serde(default)]
    observe: bool,
}

async fn stream(
    State(server): State<Server>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Query(query): Query<StreamQuery>,
) -> Response {
    let (sender, receiver) = mpsc::channel::<Result<Bytes, Infallible>>(STREAM_BUFFER);
    tokio::spawn(async move {
        let you = server.join(&query.name, &peer, query.observe).await;
        if let Some(end) = feed(&server, &you, &peer, &sender).await {
            tracing::debug!(client = %you, reason = %end, "client left");
        }
        server.announce(server.people.leave(&you));
    });
    Response::new(Body::from_stream(ReceiverStream::new(receiver)))
}

/// Sends everything, then what is new, until the client goes. Returns why it ended.
async fn feed(
    server: &Server,
    you: &str,
    peer: &Peer,
    sender: &mpsc::Sender<Result<Bytes, Infallible>>,
) -> Option<String> {
    let sender = Sender {
        people: &server.people,
        you,
        channel: sender,
    };
    let feed = &server.handle.feed;
    let mut changed = feed.watch();
    let (mut version, mut seq) = sender.everything(feed).await?;
    loop {
        tokio::select! {
            gone = changed.changed() => if gone.is_err() {
                return Some("the supervisor ends".to_owned());
            },
            () = tokio::time::sleep(HEARTBEAT) => {
                sender.send(&Message::Heartbeat { at: chrono::Utc::now() }).await?;
                continue;
            }
            () = sender.channel.closed() => return Some("the client closed".to_owned()),
        }
        match feed.since(version, seq) {
            Some((now, news)) => {
                version = now;
                seq = news.records.last().map_or(seq, |record| record.seq);
                for message in messages(news) {
                    sender.send(&message).await?;
                }
            }
            // It took so long to read what it was told that it begins again.
            None => (version, seq) = sender.everything(feed).await?,
        }
        if !server.is_welcome(peer) {
            return Some("the driver does not let them in any more".to_owned());
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

/// A client's stream, and who it belongs to.
struct Sender<'a> {
    people: &'a People,
    you: &'a str,
    channel: &'a mpsc::Sender<Result<Bytes, Infallible>>,
}

impl Sender<'_> {
    /// Sends all there is; the version and the last event of it. `None` where the client is gone.
    async fn everything(&self, feed: &Feed) -> Option<(u64, u64)> {
        let (version, state, news) = feed.everything();
        let seq = state.seq;
        let snapshot = Snapshot {
            at: chrono::Utc::now(),
            you: self.you.to_owned(),
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
        self.send(&Message::Snapshot(Box::new(snapshot))).await?;
        for asking in news.asking {
            self.send(&Message::Asking(asking)).await?;
        }
        Some((version, seq))
    }

    /// `None` where the client is gone.
    async fn send(&self, message: &Message) -> Option<()> {
        let mut line = match serde_json::to_vec(message) {
            Ok(line) => line,
            Err(error) => {
                tracing::error!(%error, "a message cannot be written as JSON");
                return Some(());
            }
        };
        line.push(b'\n');
        match self.channel.try_send(Ok(Bytes::from(line))) {
            Ok(()) => Some(()),
            Err(mpsc::error::TrySendError::Closed(_)) => None,
            // It reads slower than it is told: others see that it hangs, and none waits for it.
            Err(mpsc::error::TrySendError::Full(line)) => {
                self.people.blocked(self.you, true);
                let sent = self.channel.send(line).await.ok();
                self.people.blocked(self.you, false);
                sent
            }
        }
    }
}

impl Server {
    /// Whether this login may be here (still).
    fn is_welcome(&self, peer: &Peer) -> bool {
        peer.guest
            .as_ref()
            .is_none_or(|guest| guest.is_allowed(&self.handle.feed.state().pairing.allowed))
    }

    /// Registers a client; another login is recorded the first time it comes.
    async fn join(&self, claimed: &str, peer: &Peer, observe: bool) -> String {
        let state = self.handle.feed.state();
        let is_guests = |name: &str| state.pairing.guests.contains_key(name);
        let (name, announcement) = self.people.join(claimed, peer, observe, is_guests);
        if peer.guest.is_some() {
            let act = PairingAct::GuestJoined {
                name: person(&name).to_owned(),
                uid: peer.uid,
            };
            let recorded = self
                .handle
                .command(ENGINE.to_owned(), Command::Pairing { act });
            if let Err(refusal) = recorded.await {
                tracing::warn!(reason = %refusal.message, "a guest is not recorded");
            }
        }
        self.announce(announcement);
        name
    }

    fn announce(&self, (version, people): Announcement) {
        self.handle.announce(version, people);
    }
}

/// `POST /view`: what a cockpit shows, and that it lives.
async fn view(
    State(server): State<Server>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Json(request): Json<ViewRequest>,
) -> StatusCode {
    if !server.people.is(&request.by, &peer) {
        return StatusCode::FORBIDDEN;
    }
    if let Some(announcement) = server.people.show(&request.by, request.view) {
        server.announce(announcement);
    }
    StatusCode::NO_CONTENT
}

async fn command(
    State(server): State<Server>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Json(request): Json<CommandRequest>,
) -> Json<CommandAnswer> {
    // What only the world may say is never taken from a client.
    let from_the_world = match &request.command {
        Command::Launched { .. }
        | Command::Held { .. }
        | Command::Finished { .. }
        | Command::Identified { .. }
        | Command::GuideSeen { .. }
        | Command::Alerted { .. }
        | Command::Sampled { .. }
        | Command::LockSeen { .. }
        | Command::TransactionSeen { .. } => true,
        Command::Pairing { act } => act.is_of_the_world(),
        _ => false,
    };
    if from_the_world || request.by == ENGINE {
        return Json(CommandAnswer::Refused(Refusal::new(
            "that is not for a client to say",
            "send a command of a person",
        )));
    }
    // A name is spoken under by those who joined with it, from the login that they joined from.
    if !server.people.is(&request.by, &peer) {
        return Json(CommandAnswer::Refused(Refusal::new(
            format!("you are not here as `{}`", request.by),
            "join the run first, and use the name it gives you",
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

async fn lost(State(server): State<Server>) -> Json<BTreeMap<String, Timestamp>> {
    Json(server.handle.feed.lost())
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
