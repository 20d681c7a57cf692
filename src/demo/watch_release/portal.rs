//! The portal: the dashboard of an organisation, its settings, and the way in.

use std::time::{Duration, Instant};

use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::Row;
use tokio::time::{MissedTickBehavior, interval};

use crate::demo::layout::Version;
use crate::demo::watched::{self, Kind};
use crate::demo::web::{App, Failure, health, require_admin};

/// In an answer: how many statements it took.
const QUERIES: &str = "x-queries";
/// When a debug endpoint opens that should be closed, and how fast memory is lost.
const OPENS_AFTER: Duration = Duration::from_secs(6);
const LOST_MIB_PER_VISIT: usize = 2;
const PAUSE: Duration = Duration::from_millis(120);

pub(super) fn router(app: App) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/dashboard", get(dashboard))
        .route("/api/health", get(health))
        .route("/api/metrics", get(metrics))
        .route("/api/login", post(login))
        .route("/api/widget/{site}", get(widget))
        .route("/api/organisations/{id}/settings", get(settings))
        .route("/api/debug/sessions", get(debug))
        .layer(middleware::from_fn_with_state(app.clone(), note))
        .with_state(app)
}

/// Notes every request: what it was for, how long it took, and how it ended.
async fn note(State(app): State<App>, request: Request, next: Next) -> Response {
    let kind = match request.uri().path() {
        "/dashboard" => Kind::Dashboard,
        "/api/login" => Kind::Login,
        "/api/health" | "/api/metrics" => Kind::Unwatched,
        path if path.starts_with("/api/") => Kind::Api,
        _ => Kind::Unwatched,
    };
    let began = Instant::now();
    let answer = next.run(request).await;
    let queries = answer.headers().get(QUERIES);
    let queries = queries.and_then(|value| value.to_str().ok()?.parse().ok());
    app.watched.note(watched::Request {
        kind,
        at: began,
        took: began.elapsed(),
        status: answer.status().as_u16(),
        queries: queries.unwrap_or(0),
    });
    answer
}

async fn home() -> Html<&'static str> {
    Html("<!doctype html><title>Lantern</title><h1>Answers for your visitors</h1>\n")
}

#[derive(Debug, Deserialize)]
struct Wanted {
    #[serde(default = "first")]
    organisation: i32,
}

fn first() -> i32 {
    1
}

/// `GET /dashboard?organisation=ID`: its last conversations, each with its messages counted. The old
/// version asks once for each conversation.
async fn dashboard(
    State(app): State<App>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Failure> {
    let mut connection = app.pool.acquire().await?;
    let organisation: Option<String> =
        sqlx::query_scalar("SELECT name FROM organisations WHERE id = $1")
            .bind(wanted.organisation)
            .fetch_optional(&mut *connection)
            .await?;
    let Some(organisation) = organisation else {
        let message = format!("no organisation {}", wanted.organisation);
        return Err(Failure::NotFound(message));
    };
    let pages: i64 =
        sqlx::query_scalar("SELECT count(*) FROM page_embeddings WHERE organisation_id = $1")
            .bind(wanted.organisation)
            .fetch_one(&mut *connection)
            .await?;
    let mut queries = 3;
    let mut shown: Vec<Value> = Vec::new();
    match app.version {
        Version::Old => {
            let rows = sqlx::query(
                "SELECT id, topic FROM conversations WHERE organisation_id = $1 ORDER BY started_at DESC LIMIT 20",
            )
            .bind(wanted.organisation)
            .fetch_all(&mut *connection)
            .await?;
            for row in rows {
                let id: i64 = row.try_get("id")?;
                let messages: i64 =
                    sqlx::query_scalar("SELECT count(*) FROM messages WHERE conversation_id = $1")
                        .bind(id)
                        .fetch_one(&mut *connection)
                        .await?;
                queries += 1;
                shown.push(json!({ "id": id, "topic": row.try_get::<String, _>("topic")?, "messages": messages }));
            }
        }
        Version::New => {
            let rows = sqlx::query(
                "SELECT c.id, c.topic, count(m.id) AS messages
                   FROM (SELECT id, topic, started_at FROM conversations
                          WHERE organisation_id = $1 ORDER BY started_at DESC LIMIT 20) AS c
                   LEFT JOIN messages m ON m.conversation_id = c.id
                  GROUP BY c.id, c.topic, c.started_at ORDER BY c.started_at DESC",
            )
            .bind(wanted.organisation)
            .fetch_all(&mut *connection)
            .await?;
            for row in rows {
                shown.push(json!({
                    "id": row.try_get::<i64, _>("id")?,
                    "topic": row.try_get::<String, _>("topic")?,
                    "messages": row.try_get::<i64, _>("messages")?,
                }));
            }
        }
    }
    if app.shows("leak") {
        app.watched.hoard(LOST_MIB_PER_VISIT);
    }
    let body = json!({ "organisation": organisation, "pages": pages, "conversations": shown });
    let mut answer = Json(body).into_response();
    answer
        .headers_mut()
        .insert(QUERIES, HeaderValue::from(queries));
    Ok(answer)
}

async fn metrics(State(app): State<App>) -> Json<Value> {
    Json(app.watched.figures())
}

#[derive(Debug, Deserialize)]
struct Login {
    email: String,
    password: String,
}

async fn login(State(app): State<App>, Json(login): Json<Login>) -> Result<Response, Failure> {
    let mut connection = app.pool.acquire().await?;
    let member: Option<i32> =
        sqlx::query_scalar("SELECT id FROM members WHERE email = $1 AND password_digest = md5($2)")
            .bind(&login.email)
            .bind(&login.password)
            .fetch_optional(&mut *connection)
            .await?;
    match member {
        Some(member) => Ok(Json(json!({ "member": member })).into_response()),
        None => Err(Failure::Unauthorized),
    }
}

/// What a visitor's browser loads for the chat on a site.
async fn widget(State(app): State<App>, Path(site): Path<i32>) -> Result<Json<Value>, Failure> {
    let mut connection = app.pool.acquire().await?;
    let host: Option<String> = sqlx::query_scalar("SELECT host FROM sites WHERE id = $1")
        .bind(site)
        .fetch_optional(&mut *connection)
        .await?;
    let host = host.ok_or_else(|| Failure::NotFound(format!("no site {site}")))?;
    Ok(Json(
        json!({ "host": host, "greeting": "How can we help?" }),
    ))
}

async fn settings(
    State(app): State<App>,
    Path(organisation): Path<i32>,
    headers: HeaderMap,
) -> Result<Json<Value>, Failure> {
    require_admin(&app, &headers)?;
    let mut connection = app.pool.acquire().await?;
    let plan: Option<String> = sqlx::query_scalar("SELECT plan FROM organisations WHERE id = $1")
        .bind(organisation)
        .fetch_optional(&mut *connection)
        .await?;
    let plan = plan.ok_or_else(|| Failure::NotFound(format!("no organisation {organisation}")))?;
    Ok(Json(json!({ "organisation": organisation, "plan": plan })))
}

/// Closed, as long as nothing is wrong.
async fn debug(State(app): State<App>) -> Response {
    if app.shows("exposed") && app.started.elapsed() > OPENS_AFTER {
        let sessions =
            json!([{ "member": 17, "organisation": 4 }, { "member": 31, "organisation": 9 }]);
        return Json(json!({ "sessions": sessions })).into_response();
    }
    StatusCode::NOT_FOUND.into_response()
}

/// Visitors and members, over HTTP as they come.
pub(super) async fn be_visited(app: &App) {
    let mut ticks = interval(PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for round in 0_u32.. {
        ticks.tick().await;
        if let Err(error) = visit(app, round).await {
            tracing::warn!("a visitor was not served: {error}");
        }
    }
}

async fn visit(app: &App, round: u32) -> Result<(), reqwest::Error> {
    let url = |path: String| format!("{}{path}", app.own_url);
    let organisation = 1 + round % 24;
    let request = match round % 4 {
        0 | 1 => app
            .client
            .get(url(format!("/dashboard?organisation={organisation}"))),
        2 => app
            .client
            .get(url(format!("/api/widget/{}", 1 + round % 36))),
        _ => {
            let member = 1 + round % 72;
            app.client.post(url("/api/login".to_owned())).json(&json!({
                "email": format!("member{member}@lantern.example"),
                "password": format!("lantern-{member}"),
            }))
        }
    };
    request.send().await?.bytes().await.map(drop)
}
