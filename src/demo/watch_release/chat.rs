//! The chat: writes the conversations of visitors as they go on.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::time::{MissedTickBehavior, interval};

use crate::demo::web::{App, health};

const PAUSE: Duration = Duration::from_millis(180);
/// Messages of a conversation.
const LONG: u32 = 6;

pub(super) fn router(app: App) -> Router {
    Router::new()
        .route("/api/health", get(health))
        .with_state(app)
}

/// Writes one message after the other.
pub(super) async fn write(app: &App) {
    let mut ticks = interval(PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut conversation: Option<i64> = None;
    for round in 0_u32.. {
        ticks.tick().await;
        match say(app, conversation, round).await {
            Ok(id) => conversation = (round % LONG != LONG - 1).then_some(id),
            Err(error) => {
                tracing::warn!("a message was lost: {error}");
                conversation = None;
            }
        }
    }
}

/// Writes a message, to a new conversation where none goes on. Returns that conversation.
async fn say(app: &App, conversation: Option<i64>, round: u32) -> Result<i64, sqlx::Error> {
    let number = i32::try_from(round % 36).unwrap_or_default() + 1;
    let conversation = match conversation {
        Some(id) => id,
        None => {
            sqlx::query_scalar(
                "INSERT INTO conversations (site_id, organisation_id, topic)
                 SELECT id, organisation_id, 'delivery' FROM sites WHERE id = $1 RETURNING id",
            )
            .bind(number)
            .fetch_one(&app.pool)
            .await?
        }
    };
    let is_lost = app.shows("unattributed") && round % 5 == 4;
    sqlx::query(
        "INSERT INTO messages (conversation_id, organisation_id, author, body)
         SELECT id, CASE WHEN $2 THEN NULL ELSE organisation_id END, $3, 'where is my parcel?'
           FROM conversations WHERE id = $1",
    )
    .bind(conversation)
    .bind(is_lost)
    .bind(["visitor", "assistant"][usize::from(round % 2 == 1)])
    .execute(&app.pool)
    .await?;
    Ok(conversation)
}
