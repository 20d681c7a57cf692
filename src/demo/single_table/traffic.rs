//! Background traffic: some 100 statements a second over several connections, a few of them slow, a
//! few that sit idle in a transaction. Errors are logged and survived: a database that restarts or a
//! table that is renamed must look here as it does to a real service.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection, Row};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::store::{self, Audit, QUERIES_PER_AUDIT, Scope};
use crate::demo::layout::{ServiceName, Version};

/// Pause before the next attempt after an error: first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// One connection's kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    /// Looks lines of the dashboard and queries up, all the time.
    Reader,
    /// A report over everything, which takes a while.
    Reporter,
    /// Opens a transaction, looks at something, and takes its time to close it.
    Dawdler,
    /// Fills audits with queries.
    Writer,
    /// Counts the dashboard anew, one line after the other.
    Refresher,
}

impl Habit {
    fn of(service: ServiceName) -> &'static [Self] {
        match service {
            ServiceName::Gateway => &[Self::Reader, Self::Reader, Self::Reporter, Self::Dawdler],
            _ => &[Self::Writer, Self::Writer, Self::Refresher, Self::Dawdler],
        }
    }

    fn pause(self) -> Duration {
        Duration::from_millis(match self {
            Self::Reader => 80,
            Self::Reporter => 900,
            Self::Dawdler => 1_500,
            Self::Writer => 220,
            Self::Refresher => 250,
        })
    }
}

/// Runs the traffic of one service until it is cancelled.
pub(super) async fn run(
    service: ServiceName,
    version: Version,
    options: PgConnectOptions,
    stop: CancellationToken,
) {
    let mut workers = JoinSet::new();
    for (number, habit) in Habit::of(service).iter().enumerate() {
        let worker = Worker {
            service,
            version,
            habit: *habit,
            round: u64::try_from(number).unwrap_or_default() * 17,
            audit: None,
        };
        workers.spawn(worker.run(options.clone(), stop.clone()));
    }
    while workers.join_next().await.is_some() {}
}

struct Worker {
    service: ServiceName,
    version: Version,
    habit: Habit,
    /// Counts what was done; all choices follow from it, so that traffic is the same at every start.
    round: u64,
    /// The audit being written, and its last position.
    audit: Option<(Audit, i32)>,
}

impl Worker {
    async fn run(mut self, options: PgConnectOptions, stop: CancellationToken) {
        let mut pause = FIRST_PAUSE;
        let habit = self.habit;
        let service = self.service;
        let work = async {
            loop {
                match PgConnection::connect_with(&options).await {
                    Ok(mut connection) => {
                        let rounds = self.round;
                        let error = self.work(&mut connection).await;
                        if self.round > rounds + 1 {
                            pause = FIRST_PAUSE;
                        }
                        tracing::warn!(
                            "{service} traffic, {habit:?}: {error}; going on in {pause:?}"
                        );
                    }
                    Err(error) => {
                        tracing::warn!(
                            "{service} traffic, {habit:?}: cannot connect: {error}; again in {pause:?}"
                        );
                    }
                }
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = work => {}
        }
    }

    /// Works until something goes wrong, which is what is returned.
    async fn work(&mut self, connection: &mut PgConnection) -> sqlx::Error {
        let mut ticks = interval(self.habit.pause());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.round += 1;
            let done = match self.habit {
                Habit::Reader => self.read(connection).await,
                Habit::Reporter => self.report(connection).await,
                Habit::Dawdler => self.dawdle(connection).await,
                Habit::Writer => self.write(connection).await,
                Habit::Refresher => self.refresh(connection).await,
            };
            if let Err(error) = done {
                // What was begun is gone with the transaction.
                self.audit = None;
                return error;
            }
        }
    }

    /// A number below `below` that looks drawn by lot.
    fn draw(&self, below: u64) -> u64 {
        let mixed = (self.round + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> 33) % below
    }

    /// One of the audits that are there from the start.
    fn any_audit(&self) -> i64 {
        i64::try_from(1 + self.draw(400)).unwrap_or(1)
    }

    async fn read(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let audit = self.any_audit();
        sqlx::query("SELECT company_name, overall_score, total_queries FROM dashboard_data WHERE audit_id = $1")
            .bind(audit)
            .fetch_optional(&mut *connection)
            .await?;
        let sql = match self.version {
            Version::Old => {
                "SELECT q.category, count(*) FROM ai_queries q JOIN ai_visibility_audits a USING (report_id)
                  WHERE a.id = $1 GROUP BY q.category"
            }
            Version::New => {
                "SELECT q.category, count(*) FROM audit_queries q WHERE q.audit_id = $1 GROUP BY q.category"
            }
        };
        sqlx::query(sql).bind(audit).fetch_all(connection).await?;
        Ok(())
    }

    async fn report(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let seconds = 0.2 + self.draw(5) as f64 / 10.0;
        sqlx::query(
            "SELECT provider, avg(sentiment)::float8, pg_sleep($1::float8 / 3) FROM ai_responses GROUP BY provider",
        )
        .bind(seconds)
        .fetch_all(connection)
        .await?;
        Ok(())
    }

    async fn dawdle(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let audit = self.any_audit();
        let mut transaction = connection.begin().await?;
        match self.service {
            ServiceName::Gateway => {
                sqlx::query("SELECT status, overall_score FROM ai_visibility_audits WHERE id = $1")
                    .bind(audit)
                    .fetch_optional(&mut *transaction)
                    .await?;
            }
            // Whoever refreshes the same line waits for this one: a lock to be seen.
            _ => {
                sqlx::query("UPDATE dashboard_data SET refreshed_at = now() WHERE audit_id = $1")
                    .bind(1 + audit % 20)
                    .execute(&mut *transaction)
                    .await?;
            }
        }
        sleep(Duration::from_millis(1_000 + 500 * self.draw(5))).await;
        transaction.commit().await
    }

    async fn write(&mut self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let mut transaction = connection.begin().await?;
        let (audit, position) = match self.audit.take() {
            Some((audit, position)) => (audit, position + 1),
            None => {
                let company = i64::try_from(1 + self.draw(80)).unwrap_or(1);
                let opened = store::open_audit(&mut transaction, self.version, company).await?;
                let Some(audit) = opened else {
                    return Ok(());
                };
                (audit, 1)
            }
        };
        store::write_query(&mut transaction, self.version, &audit, position).await?;
        let complete = position >= QUERIES_PER_AUDIT;
        if complete {
            store::complete_audit(&mut transaction, &audit).await?;
            store::refresh_dashboard(&mut transaction, self.version, Scope::Audit(audit.id))
                .await?;
        }
        transaction.commit().await?;
        self.audit = (!complete).then_some((audit, position));
        Ok(())
    }

    async fn refresh(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let row = sqlx::query("SELECT count(*) FROM ai_visibility_audits WHERE status = 'running'")
            .fetch_one(&mut *connection)
            .await?;
        let running: i64 = row.try_get(0)?;
        tracing::trace!(running, "audits under way");
        let audit = i64::try_from(1 + self.round % 20).unwrap_or(1);
        store::refresh_dashboard(connection, self.version, Scope::Audit(audit)).await?;
        Ok(())
    }
}
