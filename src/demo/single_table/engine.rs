//! The engine: makes audits and keeps the dashboard. The only one that writes queries.

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::Connection;

use super::store::{self, QUERIES_PER_AUDIT, Scope};
use crate::demo::web::{App, Failure, health, require_admin};

pub(super) fn router(app: App) -> Router {
    Router::new()
        .route("/api/health", get(health))
        .route("/api/ai-visibility/audits", post(make_audit))
        .route("/api/ai-visibility/regenerate-dashboard", post(regenerate))
        .with_state(app)
}

#[derive(Debug, Deserialize)]
struct AuditRequest {
    company_id: i64,
}

/// `POST /api/ai-visibility/audits`: a whole audit in one transaction, each query a statement of its
/// own (two in the old version), as a real engine writes them.
async fn make_audit(
    State(app): State<App>,
    headers: HeaderMap,
    Json(request): Json<AuditRequest>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    require_admin(&app, &headers)?;
    let mut connection = app.pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    let audit = store::open_audit(&mut transaction, app.version, request.company_id)
        .await?
        .ok_or_else(|| Failure::NotFound(format!("no company {}", request.company_id)))?;
    for position in 1..=QUERIES_PER_AUDIT {
        store::write_query(&mut transaction, app.version, &audit, position).await?;
    }
    store::complete_audit(&mut transaction, &audit).await?;
    store::refresh_dashboard(&mut transaction, app.version, Scope::Audit(audit.id)).await?;
    transaction.commit().await?;
    tracing::info!("audit {} of `{}` made", audit.id, audit.company);
    let mut body = json!(audit);
    if let Some(object) = body.as_object_mut() {
        object.insert("queries".to_owned(), json!(QUERIES_PER_AUDIT));
    }
    Ok((StatusCode::CREATED, Json(body)))
}

/// Without a company, everything is counted anew.
#[derive(Debug, Default, Deserialize)]
struct Regeneration {
    company: Option<String>,
}

/// `POST /api/ai-visibility/regenerate-dashboard`, for administrators.
async fn regenerate(
    State(app): State<App>,
    headers: HeaderMap,
    Json(request): Json<Regeneration>,
) -> Result<Json<Value>, Failure> {
    require_admin(&app, &headers)?;
    let scope = match &request.company {
        Some(company) => Scope::Company(company),
        None => Scope::Everything,
    };
    let mut connection = app.pool.acquire().await?;
    let refreshed = store::refresh_dashboard(&mut connection, app.version, scope).await?;
    tracing::info!("dashboard counted anew, {refreshed} audits");
    Ok(Json(
        json!({ "company": request.company, "refreshed": refreshed }),
    ))
}
