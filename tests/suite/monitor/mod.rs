//! The samplers against a real PostgreSQL and real HTTP services.

mod before;
mod connection;
mod control;
mod database;
mod probes;
mod sessions;
mod statements;

use std::time::Duration;

use gonogo::monitor::{
    ActivitySample, Cadence, DatabaseSample, Monitor, MonitorConfig, Reading, Sample, Session,
    StatementsSample, Target,
};
use gonogo::runbook::TableName;
use gonogo::text::redact::Redactor;
use sqlx::Row;
use sqlx::postgres::PgConnection;
use tokio::sync::mpsc;

use crate::support::{Database, execute};

const RUN: &str = "r1";

/// A monitor and what it says.
struct Watch {
    monitor: Monitor,
    samples: mpsc::Receiver<Sample>,
}

/// A table that the guide names.
fn table(name: &str) -> TableName {
    TableName {
        schema: None,
        name: name.to_owned(),
    }
}

impl Watch {
    /// Looks often, so that tests are short.
    fn start(conninfo: &str) -> Self {
        Self::with_password(conninfo, None)
    }

    fn with_password(conninfo: &str, password: Option<&str>) -> Self {
        let target = Target::parse("main", conninfo, password).unwrap();
        let (sender, samples) = mpsc::channel(256);
        let config = MonitorConfig {
            run: RUN.to_owned(),
            targets: vec![target],
            probes: Vec::new(),
            tables: ["items", "orders"].map(table).to_vec(),
            redactor: Redactor::new(vec!["hunter22".to_owned()]),
            lock: None,
            identities: None,
            cadence: Cadence {
                activity: Duration::from_millis(40),
                statements: Duration::from_millis(60),
                database: Duration::from_millis(60),
                sizes: Duration::from_millis(80),
                identity: Duration::from_millis(100),
            },
        };
        Self {
            monitor: Monitor::start(config, sender),
            samples,
        }
    }

    /// The first sample from now on of which `pick` makes something.
    async fn until<T>(&mut self, what: &str, mut pick: impl FnMut(Sample) -> Option<T>) -> T {
        let mut last = None;
        let wait = async {
            while let Some(sample) = self.samples.recv().await {
                last = Some(format!("{sample:?}"));
                if let Some(found) = pick(sample) {
                    return found;
                }
            }
            panic!("the monitor ended before: {what}");
        };
        match tokio::time::timeout(Duration::from_secs(20), wait).await {
            Ok(found) => found,
            Err(_) => panic!("waited in vain for: {what}; the last sample was {last:?}"),
        }
    }

    async fn activity(
        &mut self,
        what: &str,
        mut is: impl FnMut(&ActivitySample) -> bool,
    ) -> ActivitySample {
        self.until(what, |sample| match sample {
            Sample::Activity(activity) if is(&activity) => Some(activity),
            _ => None,
        })
        .await
    }

    async fn database(
        &mut self,
        what: &str,
        mut is: impl FnMut(&DatabaseSample) -> bool,
    ) -> DatabaseSample {
        self.until(what, |sample| match sample {
            Sample::Database(database) if is(&database) => Some(*database),
            _ => None,
        })
        .await
    }

    async fn statements(
        &mut self,
        what: &str,
        mut is: impl FnMut(&StatementsSample) -> bool,
    ) -> StatementsSample {
        self.until(what, |sample| match sample {
            Sample::Statements(statements) if is(&statements) => Some(statements),
            _ => None,
        })
        .await
    }

    /// A session of the database with this application name, once it is as wanted.
    async fn session(&mut self, application: &str, is: impl Fn(&Session) -> bool) -> Session {
        self.until(
            &format!("the session of `{application}`"),
            |sample| match sample {
                Sample::Activity(activity) => activity
                    .sessions
                    .into_iter()
                    .find(|session| session.application == application && is(session)),
                _ => None,
            },
        )
        .await
    }

    /// Takes a new baseline and waits until it is told.
    async fn rebase(&mut self) {
        let asked = chrono::Utc::now();
        self.monitor.baseline();
        self.statements("the baseline", |statements| statements.since >= asked)
            .await;
    }
}

/// A session with a name of its own.
async fn named(database: &Database, application: &str) -> PgConnection {
    let mut connection = database.connect().await;
    execute(
        &mut connection,
        &format!("SET application_name = '{application}'"),
    )
    .await;
    connection
}

async fn pid(connection: &mut PgConnection) -> i32 {
    sqlx::query("SELECT pg_backend_pid()")
        .fetch_one(connection)
        .await
        .unwrap()
        .get(0)
}

/// Runs a statement beside the test; whether it succeeded.
fn spawn(
    mut connection: PgConnection,
    sql: &'static str,
) -> tokio::task::JoinHandle<Result<(), String>> {
    tokio::spawn(async move {
        match sqlx::raw_sql(sql).execute(&mut connection).await {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    })
}

fn lost(reading: &Reading) -> (&str, &str) {
    match reading {
        Reading::Lost { message, help, .. } => (message, help),
        other => panic!("expected a lost reading, got {other:?}"),
    }
}
