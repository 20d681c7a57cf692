//! Who asks, and whether they may: one layer before all routes. The kernel names the user at the other
//! end of the connection, the pass names the seat that this user joined with, and the table of routes
//! says who may use what. A route that the table does not name is refused, and a handler learns who
//! asks from here only.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::CommandAnswer;
use super::connections::Connection;
use super::routes::{ROUTES, Route, Who};
use super::seats::Seat;
use super::server::Server;
use crate::run::Refusal;

/// The header of the pass: given with the answer to a join, shown with every request after it.
pub(super) const PASS: HeaderName = HeaderName::from_static("gonogo-pass");

/// The body of a request comes within this time.
const BODY: Duration = Duration::from_secs(10);

/// Why a request is not answered with what it asks for.
#[derive(Debug)]
pub(super) struct Denied {
    status: StatusCode,
    refusal: Refusal,
}

impl Denied {
    pub(super) fn new(
        status: StatusCode,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            status,
            refusal: Refusal::new(message, help),
        }
    }

    pub(super) fn refused(status: StatusCode, refusal: Refusal) -> Self {
        Self { status, refusal }
    }

    /// What cannot be found out now.
    pub(super) fn unavailable(reason: String) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, reason, "")
    }

    pub(super) fn malformed(reason: impl std::fmt::Display) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            format!("the request is not understood: {reason}"),
            "use a client of the supervisor's version",
        )
    }
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        let answer = Json(CommandAnswer::Refused(self.refusal));
        (self.status, answer).into_response()
    }
}

/// Who asks: the connection, and the seat that was taken before, where one was.
#[derive(Clone)]
struct Caller {
    connection: Arc<Connection>,
    seat: Option<Arc<Seat>>,
}

/// The connection that a request came on.
pub(super) struct On(pub Arc<Connection>);

/// Who has joined, and asks.
pub(super) struct Seated(pub Arc<Seat>);

impl<S: Sync> FromRequestParts<S> for On {
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Denied> {
        let caller = parts.extensions.get::<Caller>().ok_or_else(unknown)?;
        Ok(Self(caller.connection.clone()))
    }
}

impl<S: Sync> FromRequestParts<S> for Seated {
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Denied> {
        let caller = parts.extensions.get::<Caller>().ok_or_else(unknown)?;
        caller.seat.clone().map(Self).ok_or_else(not_joined)
    }
}

fn unknown() -> Denied {
    Denied::new(
        StatusCode::FORBIDDEN,
        "the request has no known sender",
        "connect to the run's socket",
    )
}

fn not_joined() -> Denied {
    Denied::new(
        StatusCode::UNAUTHORIZED,
        "you have not joined this run, or your connection to it is gone",
        "join it (again), and use the pass that comes with it",
    )
}

/// The layer.
pub(super) async fn identify(
    State(server): State<Server>,
    mut request: Request,
    next: Next,
) -> Response {
    let (caller, route) = match admitted(&server, &request) {
        Ok(admitted) => admitted,
        Err(denied) => return denied.into_response(),
    };
    let _work = caller.connection.works();
    let _request = match caller.seat.as_ref().map(|seat| seat.requests.try_acquire()) {
        None => None,
        Some(Ok(permit)) => Some(permit),
        Some(Err(_)) => return too_many().into_response(),
    };
    request = match with_body(request, route).await {
        Ok(request) => request,
        Err(denied) => return denied.into_response(),
    };
    request.extensions_mut().insert(caller.clone());
    next.run(request).await
}

fn too_many() -> Denied {
    Denied::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too many requests at once",
        "wait for the answers",
    )
}

/// Who asks and for which route, where they may.
fn admitted(server: &Server, request: &Request) -> Result<(Caller, &'static Route), Denied> {
    let connection = request.extensions().get::<Arc<Connection>>();
    let connection = connection.cloned().ok_or_else(unknown)?;
    // A connection outlives the permission that it was opened with; its requests do not.
    if !server.is_welcome(&connection.peer) {
        return Err(Denied::new(
            StatusCode::FORBIDDEN,
            "the driver has revoked your access",
            "ask the driver",
        ));
    }
    let (method, path) = (request.method(), request.uri().path());
    let route = ROUTES
        .iter()
        .find(|route| route.method == *method && route.path == path)
        .ok_or_else(|| {
            Denied::new(
                StatusCode::NOT_FOUND,
                "there is no such request",
                "use a client of the supervisor's version",
            )
        })?;
    let seat = match pass(request.headers())? {
        Some(pass) => {
            let seat = server.seats.of(pass, &connection.peer);
            Some(seat.ok_or_else(not_joined)?)
        }
        None => None,
    };
    let caller = Caller { connection, seat };
    may_use(server, route.who, &caller)?;
    if let Some(seat) = &caller.seat {
        seat.asks();
    }
    Ok((caller, route))
}

/// The pass that is shown; one at most.
fn pass(headers: &HeaderMap) -> Result<Option<&str>, Denied> {
    let mut shown = headers.get_all(PASS).iter();
    match (shown.next(), shown.next()) {
        (None, _) => Ok(None),
        (Some(pass), None) => pass.to_str().map(Some).map_err(|_| not_joined()),
        (Some(_), Some(_)) => Err(not_joined()),
    }
}

fn may_use(server: &Server, who: Who, caller: &Caller) -> Result<(), Denied> {
    let is_own = caller.connection.peer.guest.is_none();
    let may = match (who, &caller.seat) {
        (Who::Comer, _) | (Who::Joined, Some(_)) => true,
        (Who::OwnLogin, seat) => is_own || seat.is_some(),
        (Who::Driver, Some(seat)) => {
            let watches = server.handle.feed.look(|state| {
                (state.driver != seat.name)
                    .then(|| format!("`{}` drives this run; you are watching", state.driver))
            });
            return match watches {
                None => Ok(()),
                Some(message) => Err(Denied::new(
                    StatusCode::FORBIDDEN,
                    message,
                    "take control first",
                )),
            };
        }
        (Who::Joined | Who::Driver, None) => false,
    };
    may.then_some(()).ok_or_else(not_joined)
}

/// The request with its whole body, which is neither longer than its route takes nor slow.
async fn with_body(request: Request, route: &Route) -> Result<Request, Denied> {
    let (parts, body) = request.into_parts();
    if parts.method == Method::POST && !is_json(&parts.headers) {
        return Err(Denied::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the request is not declared as JSON",
            "send it with `Content-Type: application/json`",
        ));
    }
    let whole = tokio::time::timeout(BODY, to_bytes(body, route.longest)).await;
    match whole {
        Ok(Ok(bytes)) => Ok(Request::from_parts(parts, Body::from(bytes))),
        Ok(Err(_)) => Err(Denied::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!(
                "the request is longer than {} bytes, or broken",
                route.longest
            ),
            "send less at once",
        )),
        Err(_) => Err(Denied::new(
            StatusCode::REQUEST_TIMEOUT,
            "the request is incomplete",
            "send it again",
        )),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/json")
}
