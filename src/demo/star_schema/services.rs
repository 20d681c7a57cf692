//! The scorer, which writes, and the dashboard, which reads. The old versions know the wide table alone; the
//! new ones do what the flags in `rollout` say.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection, Postgres, Transaction};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::readers::{READERS, Reader};
use crate::demo::layout::{ServiceName, Version};
use crate::demo::web::{App, Failure, health};

const SCORES_EVERY: Duration = Duration::from_millis(100);
const READS_EVERY: Duration = Duration::from_millis(15);
/// How long an export keeps its transaction open.
const EXPORT: Duration = Duration::from_secs(600);
const BRANDS: u32 = 20;

const WRITE_OLD: &str = "INSERT INTO extracted_positions
       (collector_result_id, brand_id, customer_id, query_id, collector_type, topic, processed_at, brand_name,
        competitor_name, raw_answer, visibility_index, share_of_answers_brand, has_brand_presence, brand_first_position,
        total_brand_mentions, visibility_index_competitor, share_of_answers_competitor, competitor_mentions,
        sentiment_label, sentiment_score)
     SELECT * FROM scores WHERE collector_result_id = $1";

/// The backfill or its catch-up may have been first.
const WRITE_NEW: &str = "WITH source AS (
    SELECT * FROM scores WHERE collector_result_id = $1
), facts AS (
    INSERT INTO metric_facts (collector_result_id, brand_id, customer_id, query_id, collector_type, topic, processed_at)
    SELECT collector_result_id, brand_id, customer_id, query_id, collector_type, topic, processed_at
      FROM source WHERE competitor_name IS NULL
    ON CONFLICT (collector_result_id) DO NOTHING RETURNING id
), metrics AS (
    INSERT INTO brand_metrics
    SELECT id, visibility_index, share_of_answers_brand, has_brand_presence, brand_first_position, total_brand_mentions
      FROM source, facts WHERE competitor_name IS NULL
), sentiment AS (
    INSERT INTO brand_sentiment SELECT id, sentiment_label, sentiment_score FROM source, facts WHERE competitor_name IS NULL
), rivals AS (
    SELECT f.id, c.id AS competitor_id, s.*
      FROM source s CROSS JOIN facts f JOIN brand_competitors c USING (brand_id, competitor_name)
), rival_metrics AS (
    INSERT INTO competitor_metrics
    SELECT id, competitor_id, visibility_index_competitor, share_of_answers_competitor, competitor_mentions FROM rivals
)
INSERT INTO competitor_sentiment SELECT id, competitor_id, sentiment_label, sentiment_score FROM rivals";

type Flags = HashMap<String, i32>;

pub(super) fn router(app: App) -> Router {
    let router = Router::new().route("/api/health", get(health));
    let router = match app.service {
        ServiceName::Dashboard => router.route("/api/readers/{reader}/{brand}", get(read)),
        _ => router,
    };
    router.with_state(app)
}

/// `GET /api/readers/READER/BRAND`: what a page shows of a brand, and where it was read.
async fn read(
    State(app): State<App>,
    Path((name, brand)): Path<(String, i32)>,
) -> Result<Json<Value>, Failure> {
    let reader = READERS.iter().find(|reader| reader.name == name);
    let reader = reader.ok_or_else(|| Failure::NotFound(format!("no reader `{name}`")))?;
    let mut transaction = app.pool.begin().await?;
    let flags = flags(&app, &mut transaction).await?;
    let is_new = is_new(&flags, reader.name, brand.unsigned_abs());
    let sql = if is_new { reader.new } else { reader.old };
    let rows = ask(&mut transaction, sql, brand).await?;
    let rows: Value = serde_json::from_str(&rows).unwrap_or_default();
    Ok(Json(
        json!({ "from": if is_new { "star schema" } else { "wide table" }, "rows": rows }),
    ))
}

/// What a service does by itself.
pub(super) async fn work(app: &App, options: PgConnectOptions) {
    let is_scorer = app.service == ServiceName::Scorer;
    let export = async {
        while is_scorer && app.is_broken_by("lock") {
            if let Err(error) = export(&options).await {
                tracing::warn!("the export was ended: {error}");
            }
            sleep(Duration::from_secs(1)).await;
        }
    };
    let traffic = async {
        let mut ticks = interval(if is_scorer { SCORES_EVERY } else { READS_EVERY });
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for round in 0_u32.. {
            ticks.tick().await;
            let served = match is_scorer {
                true => score(app, round).await,
                false => visit(app, round).await,
            };
            if let Err(error) = served {
                tracing::error!("not served: {error}");
                sleep(SCORES_EVERY * 2).await;
            }
        }
    };
    tokio::join!(export, traffic);
}

/// Reads the wide table and dawdles with the transaction open.
async fn export(options: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let options = options.clone().application_name("export");
    let mut connection = PgConnection::connect_with(&options).await?;
    let mut transaction = connection.begin().await?;
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM extracted_positions")
        .fetch_one(&mut *transaction)
        .await?;
    tracing::info!("exporting {rows} positions");
    sleep(EXPORT).await;
    transaction.commit().await
}

/// The flags; the old version knows of none.
async fn flags(
    app: &App,
    transaction: &mut Transaction<'_, Postgres>,
) -> Result<Flags, sqlx::Error> {
    if app.version == Version::Old {
        return Ok(Flags::from([("old_write".to_owned(), 100)]));
    }
    let rows: Vec<(String, i32)> = sqlx::query_as("SELECT name, percent FROM rollout")
        .fetch_all(&mut **transaction)
        .await?;
    Ok(rows.into_iter().collect())
}

fn is_on(flags: &Flags, name: &str) -> bool {
    flags.get(name).is_some_and(|percent| *percent > 0)
}

/// Whether this visit is among those that are moved. Consecutive visits are spread over the hundred.
fn is_new(flags: &Flags, reader: &str, visit: u32) -> bool {
    let place = i32::try_from(visit.wrapping_mul(37) % 100).unwrap_or_default();
    flags.get(reader).is_some_and(|percent| place < *percent)
}

/// An answer comes in, and is scored in one transaction.
async fn score(app: &App, round: u32) -> Result<(), sqlx::Error> {
    let query = i32::try_from(round.wrapping_mul(7) % 240).unwrap_or_default() + 1;
    let mut transaction = app.pool.begin().await?;
    let flags = flags(app, &mut transaction).await?;
    let result: i64 = sqlx::query_scalar(
        "INSERT INTO collector_results (query_id, collector_type, source, answer)
         VALUES ($1, 'chat', 'site1.example', 'a new answer') RETURNING id",
    )
    .bind(query)
    .fetch_one(&mut *transaction)
    .await?;
    if is_on(&flags, "old_write") {
        sqlx::query(WRITE_OLD)
            .bind(result)
            .execute(&mut *transaction)
            .await?;
    }
    // What a worker that is too small for the load of both would lose.
    let is_lost = app.shows("behind")
        && READERS
            .iter()
            .any(|reader| flags.get(reader.name) >= Some(&50));
    if is_on(&flags, "dual_write") && !is_lost {
        sqlx::query(WRITE_NEW)
            .bind(result)
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await
}

/// A page is looked at. In the shadow, the other way is asked as well, and the two are compared.
async fn visit(app: &App, round: u32) -> Result<(), sqlx::Error> {
    let visit = usize::try_from(round).unwrap_or_default();
    let reader = &READERS[visit % READERS.len()];
    let turn = round / 6;
    let brand = i32::try_from(turn % BRANDS).unwrap_or_default() + 1;
    let mut transaction = app
        .pool
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ")
        .await?;
    let flags = flags(app, &mut transaction).await?;
    let is_new = is_new(&flags, reader.name, turn);
    match is_on(&flags, "shadow") {
        true => compare(&mut transaction, reader, brand, is_new).await?,
        false => {
            let sql = if is_new { reader.new } else { reader.old };
            ask(&mut transaction, sql, brand).await?;
        }
    }
    transaction.commit().await
}

async fn compare(
    transaction: &mut Transaction<'_, Postgres>,
    reader: &Reader,
    brand: i32,
    is_new: bool,
) -> Result<(), sqlx::Error> {
    let began = Instant::now();
    let old = ask(transaction, reader.old, brand).await?;
    let old_took = began.elapsed();
    let began = Instant::now();
    let new = ask(transaction, reader.new, brand).await?;
    let new_took = began.elapsed();
    sqlx::query(
        "INSERT INTO reader_samples (reader, is_new, agrees, old_ms, new_ms) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(reader.name)
    .bind(is_new)
    .bind(old == new)
    .bind(old_took.as_secs_f64() * 1_000.0)
    .bind(new_took.as_secs_f64() * 1_000.0)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

async fn ask(
    transaction: &mut Transaction<'_, Postgres>,
    sql: &'static str,
    brand: i32,
) -> Result<String, sqlx::Error> {
    let rows: Option<String> = sqlx::query_scalar(sql)
        .bind(brand)
        .fetch_one(&mut **transaction)
        .await?;
    Ok(rows.unwrap_or_default())
}
