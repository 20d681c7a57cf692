//! Everything that can be asked, each with who may ask it. There is no route beside this table: the
//! router is made of it, and the layer before all routes refuses what it does not name.

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::identity::{Denied, Seated, identify};
use super::server::Server;
use super::stream::stream;
use super::{CommandAnswer, CommandRequest, InputRequest, OutputPage, ViewRequest};
use crate::monitor::{BeforeStep, SessionDetail};
use crate::run::{ActionId, Command, Fate, Included, PairingAct, Timestamp, World};
use crate::supervisor::{Person, Snapshot};

/// Who may use a route. Nobody at all comes this far whom the driver does not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Whoever comes; they become somebody here.
    Comer,
    /// The login that owns the run, joined or not: what scripts ask. Others when they have joined.
    OwnLogin,
    /// Whoever has joined. What they may do with it is for the run to decide, which knows who drives.
    Joined,
    /// The connection that drives.
    Driver,
}

pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub who: Who,
    /// Bytes of its body.
    pub(super) longest: usize,
    serve: fn() -> MethodRouter<Server>,
}

impl Route {
    const fn get(path: &'static str, who: Who, serve: fn() -> MethodRouter<Server>) -> Self {
        Self {
            method: Method::GET,
            path,
            who,
            longest: 0,
            serve,
        }
    }

    const fn post(
        path: &'static str,
        who: Who,
        longest: usize,
        serve: fn() -> MethodRouter<Server>,
    ) -> Self {
        Self {
            method: Method::POST,
            path,
            who,
            longest,
            serve,
        }
    }
}

pub static ROUTES: [Route; 14] = [
    Route::get("/stream", Who::Comer, || get(stream)),
    Route::post("/command", Who::Joined, 64 << 10, || post(command)),
    // What is pasted into a step, a byte as up to four.
    Route::post("/input", Who::Driver, 2 << 20, || post(input)),
    Route::post("/view", Who::Joined, 4 << 10, || post(view)),
    Route::get("/people", Who::OwnLogin, || get(people)),
    Route::get("/world", Who::OwnLogin, || get(world)),
    Route::get("/output", Who::Joined, || get(output)),
    Route::get("/included", Who::Joined, || get(included)),
    Route::get("/loss", Who::Joined, || get(loss)),
    Route::get("/session", Who::Joined, || get(session)),
    Route::get("/before", Who::Joined, || get(before)),
    Route::get("/past", Who::Joined, || get(past)),
    Route::get("/fate", Who::Joined, || get(fate)),
    Route::get("/guide", Who::Joined, || get(guide)),
];

pub(super) fn router(server: Server) -> Router {
    let routes = ROUTES.iter().fold(Router::new(), |router, route| {
        router.route(route.path, (route.serve)())
    });
    let layer = axum::middleware::from_fn_with_state(server.clone(), identify);
    routes.layer(layer).with_state(server)
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Denied> {
    serde_json::from_slice(body).map_err(Denied::malformed)
}

/// A query, or why it is none.
pub(super) fn asked<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Denied> {
    let Query(query) = query.map_err(|rejection| Denied::malformed(rejection.body_text()))?;
    Ok(query)
}

async fn command(
    State(server): State<Server>,
    Seated(seat): Seated,
    body: Bytes,
) -> Result<Json<CommandAnswer>, Denied> {
    let CommandRequest { id, command } = parsed(&body)?;
    let takes_over = takes_over(&command);
    let asking = seat.clone();
    let act = async move {
        match server.handle.command(asking.asker(), command).await {
            Ok(seq) => {
                if takes_over {
                    server.seats.drives(&asking);
                }
                CommandAnswer::Accepted { seq }
            }
            Err(refusal) => CommandAnswer::Refused(refusal),
        }
    };
    Ok(Json(seat.commands.once(id, &body, act).await))
}

fn takes_over(command: &Command) -> bool {
    matches!(
        command,
        Command::TakeControl {}
            | Command::Pairing {
                act: PairingAct::Demand {
                    to_go_back: false,
                    ..
                },
            }
    )
}

/// What a person types to a step. It stands in no log, whatever becomes of it.
async fn input(
    State(server): State<Server>,
    Seated(seat): Seated,
    body: Bytes,
) -> Result<Json<CommandAnswer>, Denied> {
    let InputRequest {
        id,
        action,
        attempt,
        typed,
    } = parsed(&body)?;
    let by = seat.asker();
    let act = async move {
        match server.handle.type_to(by, action, attempt, typed).await {
            Ok(seq) => CommandAnswer::Accepted { seq },
            Err(refusal) => CommandAnswer::Refused(refusal),
        }
    };
    Ok(Json(seat.keys.once(id, &body, act).await))
}

/// What a cockpit shows, and that it lives.
async fn view(
    State(server): State<Server>,
    Seated(seat): Seated,
    body: Bytes,
) -> Result<StatusCode, Denied> {
    let ViewRequest { view } = parsed(&body)?;
    let shown = server.seats.show(&seat, view);
    shown.map_err(|refusal| Denied::refused(StatusCode::BAD_REQUEST, refusal))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who is connected, for scripts that do not join.
async fn people(State(server): State<Server>) -> Json<Vec<Person>> {
    Json(server.handle.feed.people())
}

async fn world(State(server): State<Server>) -> Json<World> {
    Json(server.handle.feed.world())
}

#[derive(Deserialize)]
struct OutputQuery {
    action: ActionId,
    attempt: u32,
    from: u64,
    count: usize,
}

async fn output(
    State(server): State<Server>,
    query: Result<Query<OutputQuery>, QueryRejection>,
) -> Result<Json<OutputPage>, Denied> {
    let OutputQuery {
        action,
        attempt,
        from,
        count,
    } = asked(query)?;
    let page = server.handle.page(action, attempt, from, count).await;
    let (lines, page) = page.map_err(|error| {
        Denied::new(StatusCode::NOT_FOUND, error.to_string(), "look at the step")
    })?;
    Ok(Json(OutputPage { lines, page }))
}

#[derive(Deserialize)]
struct ActionQuery {
    action: ActionId,
}

async fn included(
    State(server): State<Server>,
    query: Result<Query<ActionQuery>, QueryRejection>,
) -> Result<Json<Vec<Included>>, Denied> {
    let included = server.handle.included(asked(query)?.action).await;
    included.map(Json).map_err(Denied::unavailable)
}

async fn fate(
    State(server): State<Server>,
    query: Result<Query<ActionQuery>, QueryRejection>,
) -> Result<Json<Fate>, Denied> {
    let fate = server.handle.fate(asked(query)?.action).await;
    fate.map(Json).map_err(Denied::unavailable)
}

async fn before(
    State(server): State<Server>,
    query: Result<Query<ActionQuery>, QueryRejection>,
) -> Result<Json<BeforeStep>, Denied> {
    let before = server.handle.before(asked(query)?.action).await;
    before.map(Json).map_err(Denied::unavailable)
}

#[derive(Deserialize)]
struct PastQuery {
    at: Timestamp,
}

async fn past(
    State(server): State<Server>,
    query: Result<Query<PastQuery>, QueryRejection>,
) -> Result<Json<Snapshot>, Denied> {
    let past = server.handle.past(asked(query)?.at).await;
    past.map(Json).map_err(Denied::unavailable)
}

#[derive(Deserialize)]
struct SessionQuery {
    target: String,
    pid: i32,
    backend_start_us: i64,
}

async fn session(
    State(server): State<Server>,
    query: Result<Query<SessionQuery>, QueryRejection>,
) -> Result<Json<SessionDetail>, Denied> {
    let SessionQuery {
        target,
        pid,
        backend_start_us,
    } = asked(query)?;
    let detail = server.handle.session(target, pid, backend_start_us).await;
    detail.map(Json).map_err(Denied::unavailable)
}

#[derive(Deserialize)]
struct LossQuery {
    block: usize,
}

async fn loss(
    State(server): State<Server>,
    query: Result<Query<LossQuery>, QueryRejection>,
) -> Result<Json<String>, Denied> {
    let loss = server.handle.loss(asked(query)?.block).await;
    loss.map(Json).map_err(Denied::unavailable)
}

/// What has changed in the guide's file since the run was opened.
async fn guide(State(server): State<Server>) -> Result<Response, Denied> {
    let difference = server.handle.guide_difference().await;
    let lines = difference.map_err(Denied::unavailable)?;
    Ok(Json(lines).into_response())
}
