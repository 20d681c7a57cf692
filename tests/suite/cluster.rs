//! The throwaway PostgreSQL itself.

use std::process::Command;

use gonogo::demo::cluster::{Cluster, Options};
use sqlx::Connection;

use crate::support::{connect, eventually, execute, fresh_database};

/// Runs, and is not merely a zombie that nobody has reaped yet.
fn alive(pid: u32) -> bool {
    let output = Command::new("ps")
        .args(["-o", "stat=", "-p", &pid.to_string()])
        .output()
        .unwrap();
    let state = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}

#[tokio::test]
async fn a_server_starts_and_leaves_nothing_behind() {
    let cluster = Cluster::start(Options::default()).await.unwrap();
    let directory = cluster.socket_directory().to_owned();
    let pid = cluster.server_pid().unwrap();
    let mut connection = connect(&cluster, "postgres").await;
    execute(&mut connection, "CREATE EXTENSION pg_stat_statements").await;
    drop(connection);

    drop(cluster);

    assert!(!alive(pid));
    assert!(!directory.exists());
}

#[tokio::test]
async fn psql_understands_the_conninfo_and_the_url() {
    let cluster = Cluster::start(Options {
        tcp: true,
        ..Options::default()
    })
    .await
    .unwrap();
    let tcp = cluster.tcp_url("postgres").unwrap();
    for target in [cluster.conninfo("postgres"), cluster.url("postgres"), tcp] {
        let output = Command::new(cluster.psql_path().unwrap())
            .args([
                "-XAtc",
                "SELECT current_user || '/' || current_database()",
                "-d",
                &target,
            ])
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout).trim(),
            "postgres/postgres",
            "{target}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[tokio::test]
async fn data_outlives_a_restart_and_a_crash() {
    let cluster = Cluster::start(Options::default()).await.unwrap();
    let mut connection = connect(&cluster, "postgres").await;
    execute(
        &mut connection,
        "CREATE TABLE kept AS SELECT 1 AS one; CHECKPOINT",
    )
    .await;
    let first = cluster.server_pid().unwrap();

    cluster.restart().await.unwrap();
    assert_ne!(cluster.server_pid().unwrap(), first);
    assert!(
        connection.ping().await.is_err(),
        "the restart ends sessions"
    );

    cluster.stop_immediately().await.unwrap();
    assert_eq!(cluster.server_pid(), None);
    cluster.restart().await.unwrap();
    execute(
        &mut connect(&cluster, "postgres").await,
        "SELECT one FROM kept",
    )
    .await;
}

#[tokio::test]
async fn a_setting_that_the_server_refuses_is_told_with_its_log() {
    let options = Options {
        settings: vec![("max_connections".into(), "many".into())],
        ..Options::default()
    };
    let error = Cluster::start(options).await.unwrap_err().to_string();
    assert!(error.contains("did not start"), "{error}");
    assert!(error.contains("max_connections"), "{error}");
}

/// Holds a server until it is killed; only of use to the test below.
#[test]
#[ignore = "run by `a_killed_owner_takes_its_server_along` as a process of its own"]
fn owner_of_a_server() {
    let cluster = Cluster::start_blocking(Options::default()).unwrap();
    println!(
        "\nowner {} {}",
        cluster.server_pid().unwrap(),
        cluster.socket_directory().display()
    );
    std::thread::park();
}

#[tokio::test]
async fn a_killed_owner_takes_its_server_along() {
    use std::io::BufRead;
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "cluster::owner_of_a_server",
            "--nocapture",
        ])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let line = std::io::BufReader::new(owner.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap)
        .find(|line| line.starts_with("owner "))
        .unwrap();
    let words: Vec<&str> = line.split(' ').collect();
    let pid: u32 = words[1].parse().unwrap();
    assert!(alive(pid));

    owner.kill().unwrap();
    owner.wait().unwrap();

    eventually("the server and its directory to go", async || {
        (!alive(pid) && !std::path::Path::new(words[2]).exists()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn tests_get_a_database_of_their_own_on_one_server() {
    let one = fresh_database().await;
    let two = fresh_database().await;
    execute(&mut one.connect().await, "CREATE TABLE mine ()").await;
    execute(&mut two.connect().await, "CREATE TABLE mine ()").await;
    assert_ne!(one.name, two.name);
    assert!(one.url().contains(&one.name));
    assert!(one.conninfo().contains(&one.name));
}
