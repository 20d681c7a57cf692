//! What watching costs: the monitor against a throwaway PostgreSQL with many sessions and many known
//! statements. `cargo bench --bench monitor` prints one line per load; numbers are for the machine it
//! runs on.

use std::time::{Duration, Instant};

use gonogo::demo::cluster::{Cluster, Options};
use gonogo::monitor::{Monitor, MonitorConfig, Sample, Target};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Row};
use tokio::sync::mpsc;

/// Sessions, of which a fifth (200 at most) wait for a lock, and statements known to the extension.
const LOADS: [(usize, usize); 3] = [(10, 100), (200, 1_000), (1_000, 9_500)];
const WATCHED: Duration = Duration::from_secs(20);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    println!(
        "{:>8} {:>10} {:>12} {:>16} {:>18} {:>18} {:>11} {:>12}",
        "sessions",
        "statements",
        "first data",
        "activity server",
        "activity worst",
        "statements server",
        "CPU s/min",
        "memory MiB"
    );
    for (sessions, statements) in LOADS {
        measure(sessions, statements).await;
    }
}

async fn measure(sessions: usize, statements: usize) {
    let settings = [
        ("max_connections", "1200"),
        ("pg_stat_statements.max", "10000"),
    ];
    let cluster = Cluster::start(Options {
        settings: settings
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        ..Options::default()
    })
    .await
    .expect("a server");
    let mut admin = connect(&cluster).await;
    execute(&mut admin, "CREATE EXTENSION pg_stat_statements").await;
    execute(&mut admin, "CREATE TABLE held (id int)").await;
    for number in 0..statements {
        execute(&mut admin, &distinct(number)).await;
    }
    let mut held = connect(&cluster).await;
    execute(&mut held, "BEGIN").await;
    execute(&mut held, "LOCK TABLE held").await;
    let mut idle = Vec::new();
    for number in 0..sessions {
        let mut session = connect(&cluster).await;
        if number < (sessions / 5).min(200) {
            tokio::spawn(async move {
                sqlx::raw_sql("SELECT id FROM held")
                    .execute(&mut session)
                    .await
            });
        } else {
            idle.push(session);
        }
    }

    let target = Target::parse("main", &cluster.conninfo("postgres"), None).expect("a target");
    let (sender, mut samples) = mpsc::channel(64);
    let (memory, cpu, began) = (resident(), cpu_seconds(), Instant::now());
    let monitor = Monitor::start(
        MonitorConfig {
            run: "bench".to_owned(),
            targets: vec![target],
            ..MonitorConfig::default()
        },
        sender,
    );
    let mut first = None;
    let mut worst_us = 0;
    while let Ok(Some(sample)) =
        tokio::time::timeout_at((began + WATCHED).into(), samples.recv()).await
    {
        if let Sample::Activity(activity) = sample {
            first.get_or_insert(began.elapsed());
            worst_us = worst_us.max(activity.cost_us);
        }
    }
    let minute = (cpu_seconds() - cpu) / began.elapsed().as_secs_f64() * 60.0;
    let grown = resident() - memory;
    drop(monitor);
    println!(
        "{sessions:>8} {statements:>10} {:>9.1} ms {:>13.2} ms {:>15.2} ms {:>15.2} ms {minute:>11.2} {grown:>12.1}",
        first.map_or(f64::NAN, |first| first.as_secs_f64() * 1_000.0),
        mean_ms(&mut admin, "WITH /* gonogo monitor */%").await,
        worst_us as f64 / 1_000.0,
        mean_ms(&mut admin, "%gonogo monitor%pg_stat_statements($_)%").await,
    );
}

/// A statement whose shape no other has.
fn distinct(number: usize) -> String {
    let columns = vec!["id"; number % 100 + 1].join(",");
    let conditions = vec!["id = 1"; number / 100 + 1].join(" AND ");
    format!("SELECT {columns} FROM held WHERE {conditions}")
}

/// Time in the server of one reading, planning aside, as the server itself counts it.
async fn mean_ms(admin: &mut PgConnection, pattern: &str) -> f64 {
    sqlx::query(
        "SELECT max(mean_exec_time) FROM pg_stat_statements WHERE query LIKE $1 AND calls > 1",
    )
    .bind(pattern)
    .fetch_one(admin)
    .await
    .expect("the statements of the monitor")
    .try_get(0)
    .unwrap_or(f64::NAN)
}

async fn connect(cluster: &Cluster) -> PgConnection {
    PgConnectOptions::new_without_pgpass()
        .socket(cluster.socket_directory())
        .port(cluster.port())
        .username("postgres")
        .database("postgres")
        .disable_statement_logging()
        .connect()
        .await
        .expect("a connection")
}

async fn execute(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .expect("a statement of the bench");
}

/// User and system time of this process; 0 where `/proc` does not tell.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks: f64 = [11, 12]
        .iter()
        .filter_map(|index| fields.get(*index)?.parse::<f64>().ok())
        .sum();
    ticks / 100.0
}

/// Resident memory of this process in MiB; 0 where `/proc` does not tell.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok())
        .map_or(0.0, |kibibytes| kibibytes / 1024.0)
}
