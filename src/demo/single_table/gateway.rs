//! The gateway: what customers and administrators talk to. It reads the database itself and leaves
//! writing to the engine.

use axum::Json;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::store;
use crate::demo::web::{App, Failure, health, require_admin};

pub(super) fn router(app: App) -> Router {
    Router::new()
        .route("/api/health", get(health))
        .route("/api/admin/companies", get(companies))
        .route("/api/onboarding", post(onboard))
        .route("/api/reports/{report_id}", get(report))
        .with_state(app)
}

/// `GET /api/admin/companies`, for administrators.
async fn companies(State(app): State<App>, headers: HeaderMap) -> Result<Json<Value>, Failure> {
    require_admin(&app, &headers)?;
    let mut connection = app.pool.acquire().await?;
    let companies = store::companies(&mut connection, app.version).await?;
    Ok(Json(json!({ "companies": companies })))
}

/// A company that begins: its name, where it is found, and whom it competes with.
#[derive(Debug, Deserialize)]
struct Onboarding {
    company: String,
    #[serde(default)]
    domain: String,
    #[serde(default)]
    competitors: Vec<String>,
}

/// `POST /api/onboarding`: adds the company and has the engine make its first audit.
async fn onboard(
    State(app): State<App>,
    Json(request): Json<Onboarding>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    let company_id = {
        let mut connection = app.pool.acquire().await?;
        store::company(&mut connection, &request.company, &request.domain).await?
    };
    let answer = app
        .client
        .post(format!("{}/api/ai-visibility/audits", app.engine_url))
        .bearer_auth(app.admin_token.as_deref().unwrap_or_default())
        .json(&json!({ "company_id": company_id }))
        .send()
        .await?
        .error_for_status()?;
    let mut body: Value = answer.json().await?;
    if let Some(object) = body.as_object_mut() {
        object.insert("competitors".to_owned(), json!(request.competitors));
    }
    tracing::info!("onboarded `{}`", request.company);
    Ok((StatusCode::CREATED, Json(body)))
}

/// `GET /api/reports/ID`: what a report id that a customer holds leads to.
async fn report(
    State(app): State<App>,
    Path(report_id): Path<String>,
) -> Result<Json<Value>, Failure> {
    let mut connection = app.pool.acquire().await?;
    match store::report(&mut connection, app.version, &report_id).await? {
        Some(report) => Ok(Json(json!(report))),
        None => Err(Failure::NotFound(format!("no report `{report_id}`"))),
    }
}
