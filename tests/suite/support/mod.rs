//! What tests of real things share: one throwaway server per process, a fresh database per test.

pub mod demo;
pub mod home;
pub mod operator;
pub mod raw;
pub mod terminal;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use gonogo::demo::cluster::{Cluster, Options};
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection};

/// The server of this test process. It ends with the process.
pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    // The server must not belong to the runtime of the one test that happens to come first.
    CLUSTER.get_or_init(|| {
        std::thread::scope(|scope| {
            scope
                .spawn(|| Cluster::start_blocking(Options::default()).unwrap())
                .join()
                .unwrap()
        })
    })
}

/// A database of one test on the shared server.
pub struct Database {
    pub name: String,
}

impl Database {
    /// libpq keywords.
    pub fn conninfo(&self) -> String {
        cluster().conninfo(&self.name)
    }

    pub fn url(&self) -> String {
        cluster().url(&self.name)
    }

    pub async fn connect(&self) -> PgConnection {
        connect(cluster(), &self.name).await
    }
}

/// An empty database with a name of its own.
pub async fn fresh_database() -> Database {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let name = format!(
        "test_{}_{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    );
    let mut connection = connect(cluster(), "postgres").await;
    execute(&mut connection, &format!("CREATE DATABASE {name}")).await;
    Database { name }
}

/// A connection as the superuser.
pub async fn connect(cluster: &Cluster, database: &str) -> PgConnection {
    let options = PgConnectOptions::new_without_pgpass()
        .socket(cluster.socket_directory())
        .port(cluster.port())
        .username("postgres")
        .database(database);
    PgConnection::connect_with(&options).await.unwrap()
}

/// Runs one or several statements.
pub async fn execute(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
        .execute(connection)
        .await
        .unwrap();
}

/// Looks until a condition holds; fails the test with what was waited for after 20 s.
pub async fn eventually<T, F>(what: &str, mut look: F) -> T
where
    F: AsyncFnMut() -> Option<T>,
{
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "waited in vain for: {what}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
