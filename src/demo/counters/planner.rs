//! The planner: chats about journeys, keeps itineraries, and checks limits before either. The old version
//! counts rows for a check, the new one reads the counter and tracks which features are used.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection, PgPool};
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::demo::layout::Version;
use crate::demo::web::{App, Failure, health};

const PAUSE: Duration = Duration::from_millis(60);
/// What a plan allows.
const MESSAGES_PER_THREAD: i64 = 10_000;
/// How long an export keeps its transaction open, and how often an importer comes.
const EXPORT: Duration = Duration::from_secs(600);
const IMPORTS_EVERY: u32 = 12;

/// The features that the new version tracks.
const FEATURES: [&str; 13] = [
    "chat",
    "itinerary",
    "search",
    "flights",
    "hotels",
    "maps",
    "budget",
    "packing_list",
    "weather",
    "translation",
    "sharing",
    "calendar",
    "export",
];

pub(super) fn router(app: App) -> Router {
    Router::new()
        .route("/api/health", get(health))
        .route("/api/threads/{id}/limit", get(limit))
        .with_state(app)
}

/// `GET /api/threads/ID/limit`: how many messages a thread has, and whether it may have more.
async fn limit(State(app): State<App>, Path(thread): Path<i32>) -> Result<Json<Value>, Failure> {
    let messages = messages_of(&app, thread).await?;
    let messages = messages.ok_or_else(|| Failure::NotFound(format!("no thread {thread}")))?;
    Ok(Json(
        json!({ "messages": messages, "allowed": messages < MESSAGES_PER_THREAD }),
    ))
}

async fn messages_of(app: &App, thread: i32) -> Result<Option<i64>, sqlx::Error> {
    let sql = match app.version {
        Version::Old => {
            "SELECT (SELECT count(*) FROM chat_messages m WHERE m.thread_id = t.id) FROM chat_threads t WHERE t.id = $1"
        }
        Version::New => "SELECT thread_messages_count::bigint FROM chat_threads WHERE id = $1",
    };
    sqlx::query_scalar(sql)
        .bind(thread)
        .fetch_optional(&app.pool)
        .await
}

/// Travellers at work, and whatever else reaches the database.
pub(super) async fn work(app: &App, options: PgConnectOptions) {
    let export = async {
        if app.is_broken_by("lock") {
            loop {
                if let Err(error) = export(&options).await {
                    tracing::warn!("the export was ended: {error}");
                }
                sleep(Duration::from_secs(1)).await;
            }
        }
    };
    let travellers = async {
        let mut ticks = interval(PAUSE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for round in 0_u32.. {
            ticks.tick().await;
            if let Err(error) = travel(app, round).await {
                tracing::warn!("a traveller was not served: {error}");
                sleep(PAUSE * 4).await;
            }
        }
    };
    tokio::join!(export, travellers);
}

/// Reads a table and dawdles with the transaction open.
async fn export(options: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let options = options.clone().application_name("export");
    let mut connection = PgConnection::connect_with(&options).await?;
    let mut transaction = connection.begin().await?;
    let threads: i64 = sqlx::query_scalar("SELECT count(*) FROM chat_threads")
        .fetch_one(&mut *transaction)
        .await?;
    tracing::info!("exporting {threads} threads");
    sleep(EXPORT).await;
    transaction.commit().await
}

async fn travel(app: &App, round: u32) -> Result<(), sqlx::Error> {
    let number = |below: u32| i32::try_from(round.wrapping_mul(7) % below).unwrap_or_default() + 1;
    match round % 4 {
        0 | 1 => {
            messages_of(app, number(1_200)).await?;
        }
        2 => write_message(&app.pool, number(1_200)).await?,
        _ => {
            sqlx::query(
                "UPDATE travel_itineraries
                    SET data = jsonb_set(data, '{waypoints}', coalesce(data -> 'waypoints', '[]') || '\"one more stop\"')
                  WHERE id = (SELECT max(id) FROM travel_itineraries) AND id > 800",
            )
            .execute(&app.pool)
            .await?;
            if round % 40 == 3 {
                sqlx::query("INSERT INTO travel_itineraries (user_id, title, data) VALUES ($1, 'a new trip', '{}')")
                    .bind(number(200))
                    .execute(&app.pool)
                    .await?;
            }
        }
    }
    if app.version == Version::New {
        let feature = FEATURES[usize::try_from(round).unwrap_or_default() % FEATURES.len()];
        sqlx::query("SELECT increment_feature_usage_safe($1, $2, 1)")
            .bind(number(200))
            .bind(feature)
            .execute(&app.pool)
            .await?;
    }
    if app.shows("drift") && round.is_multiple_of(IMPORTS_EVERY) {
        import(&app.pool, number(1_200)).await?;
    }
    Ok(())
}

/// A message, and the count that the code keeps beside it.
async fn write_message(pool: &PgPool, thread: i32) -> Result<(), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    sqlx::query("UPDATE chat_threads SET message_count = message_count + 1 WHERE id = $1")
        .bind(thread)
        .execute(&mut *transaction)
        .await?;
    sqlx::query("INSERT INTO chat_messages (thread_id, body) VALUES ($1, 'and in the evening?')")
        .bind(thread)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}

/// Messages of another system, written as a replica writes them: no trigger sees them.
async fn import(pool: &PgPool, thread: i32) -> Result<(), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    sqlx::query("SET LOCAL session_replication_role = replica")
        .execute(&mut *transaction)
        .await?;
    sqlx::query("INSERT INTO chat_messages (thread_id, body) VALUES ($1, 'imported')")
        .bind(thread)
        .execute(&mut *transaction)
        .await?;
    sqlx::query("UPDATE chat_threads SET message_count = message_count + 1 WHERE id = $1")
        .bind(thread)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}
