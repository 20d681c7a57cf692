//! What all sample services have in common on the web: their state, the health endpoint, the bearer
//! token of the administrators, and errors as JSON.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use sqlx::PgPool;

use super::layout::{ServiceName, Version};
use super::watched::Watched;

/// How long a health check waits for the database.
const HEALTH_PATIENCE: Duration = Duration::from_secs(1);

/// What every handler may use.
#[derive(Clone)]
pub(super) struct App {
    pub service: ServiceName,
    pub version: Version,
    pub pool: PgPool,
    /// `None`: nobody is an administrator.
    pub admin_token: Option<Arc<str>>,
    /// The engine, as the gateway reaches it.
    pub engine_url: Arc<str>,
    pub client: reqwest::Client,
    pub started: Instant,
    /// Where this service reaches itself.
    pub own_url: Arc<str>,
    /// The way in which the system is broken.
    pub broken: Option<Arc<str>>,
    /// What it has noted of its own requests.
    pub watched: Arc<Watched>,
}

impl App {
    /// Whether this service shows the fault `name`: only new versions have faults.
    pub fn shows(&self, name: &str) -> bool {
        self.version == Version::New && self.is_broken_by(name)
    }

    /// Whether its system is broken in this way, whatever version runs.
    pub fn is_broken_by(&self, name: &str) -> bool {
        self.broken.as_deref() == Some(name)
    }
}

/// `GET /api/health`: 200 as long as the database answers, whatever else goes wrong.
pub(super) async fn health(State(app): State<App>) -> Response {
    let answer =
        tokio::time::timeout(HEALTH_PATIENCE, sqlx::query("SELECT 1").execute(&app.pool)).await;
    let failure = match answer {
        Ok(Ok(_)) if app.shows("flap") && app.started.elapsed().as_millis() % 5_000 > 3_500 => {
            Some("the pool of workers is being restarted".to_owned())
        }
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!(
            "no answer within {} ms",
            HEALTH_PATIENCE.as_millis()
        )),
    };
    let status = match failure {
        None => StatusCode::OK,
        Some(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = json!({
        "status": if failure.is_none() { "ok" } else { "unavailable" },
        "service": app.service,
        "version": app.version,
        "database": if failure.is_none() { "reachable" } else { "unreachable" },
        "error": failure,
        "uptime_s": app.started.elapsed().as_secs(),
    });
    (status, Json(body)).into_response()
}

/// Refuses a request that does not carry the administrators' token.
pub(super) fn require_admin(app: &App, headers: &HeaderMap) -> Result<(), Failure> {
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    match (&app.admin_token, given) {
        (Some(token), Some(given)) if **token == *given => Ok(()),
        _ => Err(Failure::Unauthorized),
    }
}

/// Why a request was not served.
#[derive(Debug)]
pub(super) enum Failure {
    Unauthorized,
    NotFound(String),
    /// A service or the database behind this one does not answer as it should.
    Upstream(String),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Upstream(format!("the database: {error}"))
    }
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        Self::Upstream(format!("the engine: {error}"))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Self::Unauthorized => (
                StatusCode::UNAUTHORIZED,
                "send the header `Authorization: Bearer TOKEN` with the administrators' token"
                    .to_owned(),
            ),
            Self::NotFound(message) => (StatusCode::NOT_FOUND, message),
            Self::Upstream(message) => {
                tracing::error!("{message}");
                (StatusCode::BAD_GATEWAY, message)
            }
        };
        let mut response = (status, Json(json!({ "error": message }))).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                header::HeaderValue::from_static("Bearer"),
            );
        }
        response
    }
}
