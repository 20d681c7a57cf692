//! What keeping events costs, beside what the disk and another client of SQLite do in the same minute;
//! and what reading them costs: a journal of 100,000 events, and a list of 1,000 runs.
//! `cargo bench --bench journal`.

#[allow(dead_code, reason = "each benchmark uses its part")]
mod support;

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gonogo::journal::{Journal, SqliteJournal, verify};
use gonogo::run::{Event, Record};
use gonogo::runbook::parse;
use support::home::{Home, until};
use support::{head, row, times};

/// The disk and the journal by turns, so that a neighbour meets both.
const ROUNDS: usize = 7;
const APPENDS: u64 = 300;
const BATCHES: u64 = 60;
const BATCH: u64 = 100;
const EVENTS: u64 = 100_000;
const RUNS: usize = 1_000;
const TIMES: usize = 9;

/// Of the disk's syncs, one event after another.
const SHARE: f64 = 0.7;
const GROUPED: f64 = 50_000.0;
const OPENED: (Duration, usize) = (Duration::from_millis(250), 50);
const TOLD: (Duration, usize) = (Duration::from_millis(200), 50);
const LISTED: (Duration, usize) = (Duration::from_millis(300), 50);

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(appends());
    runtime.block_on(reading());
    listing();
}

async fn appends() {
    head("events of 300 bytes, appended; the median of 7 rounds of each, by turns");
    let home = Home::new();
    let mut journal = SqliteJournal::create(home.path().join("journal.sqlite"))
        .await
        .expect("a journal");
    let (mut disk, mut one, mut grouped) = (Vec::new(), Vec::new(), Vec::new());
    let (mut other_one, mut other_grouped) = (Vec::new(), Vec::new());
    // The log has its size before anything is timed, as that of a run has after its first minutes.
    let first: Vec<Record> = (1..=6_000).map(record).collect();
    journal.append(&first).await.expect("room");
    for _ in 0..ROUNDS {
        disk.push(syncs(home.path()));
        let begun = Instant::now();
        for _ in 0..APPENDS {
            let next = record(journal.head().seq + 1);
            journal.append(&[next]).await.expect("room");
        }
        one.push(APPENDS as f64 / begun.elapsed().as_secs_f64());
        disk.push(syncs(home.path()));
        let from = journal.head().seq + 1;
        let records: Vec<Record> = (from..from + BATCHES * BATCH).map(record).collect();
        let begun = Instant::now();
        for batch in records.chunks(BATCH as usize) {
            journal.append(batch).await.expect("room");
        }
        grouped.push(records.len() as f64 / begun.elapsed().as_secs_f64());
    }
    for (one, grouped) in (0..ROUNDS / 2).filter_map(|_| another_client(home.path())) {
        other_one.push(one);
        other_grouped.push(grouped);
    }
    let disk = median(&mut disk);
    let one = median(&mut one);
    let grouped = median(&mut grouped);
    row(
        "the disk: 4 KiB written and synced, in a second",
        None,
        &format!("{disk:.0}"),
        true,
    );
    row("one by one, in a second", None, &format!("{one:.0}"), true);
    row(
        "  of the disk's syncs",
        Some(&"70 %"),
        &format!("{:.0} %", one / disk * 100.0),
        one / disk >= SHARE,
    );
    row(
        "in batches of 100, in a second",
        Some(&GROUPED),
        &format!("{grouped:.0}"),
        grouped >= GROUPED,
    );
    if other_one.is_empty() {
        return;
    }
    let (one, grouped) = (median(&mut other_one), median(&mut other_grouped));
    row(
        "Python's sqlite3, same durability: one by one",
        None,
        &format!("{one:.0}"),
        true,
    );
    row(
        "Python's sqlite3: in batches of 100",
        None,
        &format!("{grouped:.0}"),
        true,
    );
}

/// How often a second a page is written over and synced.
fn syncs(folder: &Path) -> f64 {
    let path = folder.join("page");
    let file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .open(&path)
        .expect("a file");
    let page = [7; 4096];
    for at in 0..APPENDS {
        file.write_all_at(&page, at * 4096).expect("room");
    }
    file.sync_all().expect("a disk");
    let begun = Instant::now();
    for at in 0..APPENDS {
        file.write_all_at(&page, at * 4096).expect("room");
        file.sync_data().expect("a disk");
    }
    APPENDS as f64 / begun.elapsed().as_secs_f64()
}

/// The same rows by Python's client of SQLite, a commit each and a commit for each hundred; nothing where
/// there is no Python.
fn another_client(folder: &Path) -> Option<(f64, f64)> {
    const SCRIPT: &str = r#"
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode=WAL"); db.execute("PRAGMA synchronous=FULL")
db.execute("CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, at TEXT, by TEXT, kind TEXT, body TEXT, hash BLOB)")
at = db.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0]
insert = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)"
def rows(n):
    global at
    for _ in range(n):
        at += 1
        yield (at, "2026-01-01T00:00:00.000000000Z", "anna@ops1", "note_written", "x" * 200, b"h" * 32)
def grouped(batches, size):
    begun = time.perf_counter()
    for _ in range(batches):
        db.execute("BEGIN IMMEDIATE"); db.executemany(insert, rows(size)); db.execute("COMMIT")
    return batches * size / (time.perf_counter() - begun)
if at == 0: grouped(60, 100)
print(grouped(300, 1), grouped(60, 100))
"#;
    let done = Command::new("python3")
        .args(["-c", SCRIPT])
        .arg(folder.join("another.sqlite"))
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let told = String::from_utf8(done.stdout).ok()?;
    let (one, grouped) = told.trim().split_once(' ')?;
    Some((one.parse().ok()?, grouped.parse().ok()?))
}

async fn reading() {
    let home = Home::new();
    let run = "20260101-000000-aaa";
    let folder = home.run_directory(run);
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("journal.sqlite");
    let mut journal = SqliteJournal::create(&path).await.expect("a journal");
    journal.append(&[opened(run)]).await.expect("room");
    let records: Vec<Record> = (2..=EVENTS).map(record).collect();
    for batch in records.chunks(2_000) {
        journal.append(batch).await.expect("room");
    }
    journal.close().await.expect("a journal at rest");
    head("a journal of 100,000 events");
    let mut opened = Vec::new();
    for _ in 0..TIMES {
        let begun = Instant::now();
        let found = verify(&path).await.expect("a journal");
        opened.push(begun.elapsed());
        assert!(found.intact && found.events == EVENTS, "{found:?}");
    }
    times("opened, verified, and each event read", OPENED, &mut opened);
    let mut told: Vec<Duration> = (0..TIMES)
        .map(|_| timed(&home, &["status", run, "--json"]))
        .collect();
    times("`gonogo status` of its run", TOLD, &mut told);
}

/// 1,000 runs of a guide of 30 KB.
fn listing() {
    let home = Home::new();
    let prose =
        "Nobody has to do anything here: it tells why the next step is needed.\n\n".repeat(420);
    let guide = format!(
        "---\ngonogo:\n  rehearsal: assume\n---\n# Move it\n\n{prose}\n## Phase 1: Work\n\n```bash {{#work .run}}\necho moved\n```\n"
    );
    home.write("guide.md", &guide);
    home.gonogo(&["rehearse", "guide.md"]).exits(0);
    let run = home.runs()[0].clone();
    until("the end of the supervisor", || {
        (home.status(&run)["supervisor"]["alive"] == false).then_some(())
    });
    let folder = home.run_directory(&run);
    for number in 1..RUNS {
        let copy = folder.with_file_name(format!("20200101-{number:06}"));
        std::fs::create_dir(&copy).expect("a folder");
        for entry in std::fs::read_dir(&folder).expect("a run").flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                std::fs::copy(entry.path(), copy.join(entry.file_name())).expect("room");
            }
        }
    }
    head("1,000 runs");
    let mut listed: Vec<Duration> = (0..TIMES).map(|_| timed(&home, &["runs"])).collect();
    println!("{:<52} {:>12} {:>12.2?}", "  the first time", "", listed[0]);
    times("`gonogo runs`", LISTED, &mut listed);
}

/// From its start to its end, all that it says read.
fn timed(home: &Home, arguments: &[&str]) -> Duration {
    let mut command = home.command(arguments);
    command.stderr(Stdio::null());
    let begun = Instant::now();
    let done = command.output().expect("it starts");
    let took = begun.elapsed();
    assert!(
        done.status.success() || done.status.code() == Some(3),
        "{:?}",
        done.status
    );
    took
}

fn opened(run: &str) -> Record {
    let guide = include_str!("guides/long.md");
    Record {
        event: Event::RunOpened {
            run: run.to_owned(),
            runbook: Arc::new(parse("long.md", guide.as_bytes())),
            environment: Box::default(),
            directory: "/".to_owned(),
            inputs: Default::default(),
            window_ends: None,
            driver: "anna@ops1".to_owned(),
            unattended: false,
            provenance: Default::default(),
        },
        ..record(1)
    }
}

fn record(seq: u64) -> Record {
    Record {
        seq,
        at: chrono::Utc::now(),
        by: "anna@ops1".to_owned(),
        event: Event::NoteWritten {
            text: format!(
                "batch {seq} looks well, the replica lags 0.4 s, going on; the next one begins when the queue is short again, which takes a minute or two at this time"
            ),
            step: None,
        },
    }
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
