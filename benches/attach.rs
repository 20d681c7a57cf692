//! How long an operator waits for the cockpit: from the start of `gonogo attach RUN` to the first
//! whole frame, in a real terminal, on a run of the sample system; and on one with 100,000 events and
//! 1 GB of output, with what an event costs there. `cargo bench --bench attach`.

#[allow(dead_code, reason = "each benchmark uses its part")]
mod support;

use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use gonogo::api::{Client, CommandAnswer};
use gonogo::journal::{Journal, SqliteJournal};
use gonogo::run::{Command, Event, PairingFact, Record};
use support::home::{Home, until};
use support::terminal::Terminal;
use support::{COLUMNS, ROWS, System, head, process, row, times};

/// Of 99 in 100.
const PROMISE: (Duration, usize) = (Duration::from_millis(100), 99);
const STARTS: usize = 40;
/// Of the long run.
const LONG_PROMISE: (Duration, usize) = (Duration::from_secs(1), 99);
const LONG_STARTS: usize = 10;
const EVENTS: u64 = 100_000;
/// Bytes.
const OUTPUT: u64 = 1_000_000_000;
/// Events whose time is taken.
const COMMITS: usize = 200;
/// An event is durable within this time, however long the run is.
const COMMIT_PROMISE: (Duration, usize) = (Duration::from_millis(20), 99);

fn main() {
    // `-- long` leaves the ordinary run out.
    if !std::env::args().any(|argument| argument == "long") {
        short();
    }
    long();
}

fn short() {
    let home = Home::new();
    let system = System::start(&home);
    let arguments = ["run", &system.guide, "--env", "demo"];
    let mut first = Terminal::start(home.path(), &arguments, COLUMNS, ROWS);
    first.wait_for("healthy");
    let run = home.runs()[0].clone();
    leave(&mut first);

    head("first frame of `gonogo attach RUN` at 200x50, from its start");
    let mut warm: Vec<Duration> = (0..STARTS).map(|_| start(&home, &run)).collect();
    times("supervisor alive", PROMISE, &mut warm);
    let mut cold: Vec<Duration> = (0..STARTS)
        .map(|_| {
            let supervisor = home.supervisor(&run).expect("a supervisor");
            process::terminate(supervisor);
            until("the end of the supervisor", || {
                (!home.run_directory(&run).join("socket").exists()).then_some(())
            });
            start(&home, &run)
        })
        .collect();
    times("supervisor gone, revived by it", PROMISE, &mut cold);
}

/// The same on a run that is long in every way.
fn long() {
    let home = Home::new();
    home.write("gonogo.toml", "[environments.test]\npark_after = \"1h\"\n");
    let guide = home.write("long.md", include_str!("guides/long.md"));
    let guide = guide.display().to_string();
    let arguments = ["run", &guide, "--env", "test"];
    let mut first = Terminal::start(home.path(), &arguments, COLUMNS, ROWS);
    first.wait_for("would run: `much`");
    let run = home.runs()[0].clone();
    head("a journal of 100,000 events and 1 GB of output");
    let mut early = commits(&home, &run);
    times(
        "an event of a young run, durable and answered",
        COMMIT_PROMISE,
        &mut early,
    );
    first.keys("<enter>");
    first.wait_for("EXECUTE");
    first.keys("x");
    until("the step to pass", || {
        (home.outcome(&run, "1-1-print-much") == "passed").then_some(())
    });
    leave(&mut first);
    end_supervisor(&home, &run);
    let events = lengthen(&home, &run);
    row("events", None, &events, true);
    let spool = home.run_directory(&run).join("actions/1-1/spool");
    print_more(&spool);
    let bytes = std::fs::metadata(spool).expect("the spool").len();
    row("bytes of output in the spool", None, &bytes, true);

    let mut cold: Vec<Duration> = (0..LONG_STARTS)
        .map(|_| {
            end_supervisor(&home, &run);
            start(&home, &run)
        })
        .collect();
    let mut warm: Vec<Duration> = (0..LONG_STARTS).map(|_| start(&home, &run)).collect();
    times("supervisor alive", LONG_PROMISE, &mut warm);
    times("supervisor gone, revived by it", LONG_PROMISE, &mut cold);
    let mut late = commits(&home, &run);
    times(
        "an event of the long run, durable and answered",
        COMMIT_PROMISE,
        &mut late,
    );
    let supervisor = home.supervisor(&run).expect("a supervisor");
    let resident = process::resident(supervisor).unwrap_or_default();
    row(
        "supervisor: resident",
        None,
        &format!("{resident:.0} MiB"),
        true,
    );
}

fn end_supervisor(home: &Home, run: &str) {
    let Some(supervisor) = home.supervisor(run) else {
        return;
    };
    process::terminate(supervisor);
    until("the end of the supervisor", || {
        (!home.run_directory(run).join("socket").exists()).then_some(())
    });
}

/// Writes output behind that of a step, as its shim would have written it.
fn print_more(spool: &Path) {
    let file = std::fs::File::options().append(true).open(spool);
    let mut file = BufWriter::new(file.expect("the spool"));
    let mut written = 0;
    for number in 0_u64.. {
        let line = format!(
            "o{}\trows {number}00 to {number}99 of the batch moved\n",
            number / 7
        );
        file.write_all(line.as_bytes()).expect("room");
        written += line.len() as u64;
        if written >= OUTPUT {
            break;
        }
    }
    file.flush().expect("room");
}

/// Writes events behind those of a run whose supervisor has ended, through the journal's own door.
fn lengthen(home: &Home, run: &str) -> u64 {
    let path = home.run_directory(run).join("journal.sqlite");
    runtime().block_on(async {
        let mut journal = SqliteJournal::open(path).await.expect("the journal");
        let begun = journal.head().seq;
        let records: Vec<Record> = (begun + 1..=EVENTS).map(record).collect();
        for batch in records.chunks(2_000) {
            journal.append(batch).await.expect("an event");
        }
        let head = journal.head().seq;
        journal.close().await.expect("the journal at rest");
        head
    })
}

/// What people leave behind in days: notes, hands, ticks.
fn record(seq: u64) -> Record {
    let event = match seq % 4 {
        0 => Event::NoteWritten {
            text: format!("batch {seq} looks well, the replica lags 0.4 s, going on"),
            step: None,
        },
        1 => Event::Pairing {
            fact: PairingFact::HandRaised {
                about: Some("the replica".to_owned()),
            },
        },
        2 => Event::Pairing {
            fact: PairingFact::HandLowered {
                whom: "bert@ops2".to_owned(),
                left: false,
            },
        },
        _ => Event::Ticked {
            step: "1-2-look-at-it".to_owned(),
            index: 0,
            value: None,
            note: Some(format!("seen {seq}")),
            judgement: None,
        },
    };
    Record {
        seq,
        at: chrono::Utc::now(),
        by: "bert@ops2".to_owned(),
        event,
    }
}

/// Notes of one person, each from its sending to its answer, which comes when it is durable.
fn commits(home: &Home, run: &str) -> Vec<Duration> {
    let socket = home.run_directory(run).join("socket");
    // Those who watch may not write as fast as that.
    let driver = home.status(run)["driver"]
        .as_str()
        .expect("a name")
        .to_owned();
    runtime().block_on(async {
        let client = Client::new(&socket).expect("a client");
        let (seat, mut stream) = client.join(&driver, false).await.expect("a stream");
        tokio::spawn(async move { while stream.next().await.is_some() {} });
        let mut times = Vec::new();
        for number in 0..COMMITS {
            let note = Command::Note {
                text: format!("seen {number}"),
                step: None,
            };
            let begun = Instant::now();
            let answer = seat.command(note).await.expect("an answer");
            times.push(begun.elapsed());
            assert!(
                matches!(answer, CommandAnswer::Accepted { .. }),
                "{answer:?}"
            );
        }
        times
    })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
}

fn start(home: &Home, run: &str) -> Duration {
    let begun = Instant::now();
    let mut terminal = Terminal::start(home.path(), &["attach", run], COLUMNS, ROWS);
    let shown = terminal.moment("the first frame", is_whole);
    leave(&mut terminal);
    shown - begun
}

/// The phases stand there, and the last row, which is drawn last.
fn is_whole(screen: &str) -> bool {
    let last = screen.lines().last();
    screen.contains("Phase 5") && last.is_some_and(|row| row.contains("next pane"))
}

fn leave(terminal: &mut Terminal) {
    terminal.keys("q");
    terminal.wait_for("the run goes on");
    terminal.keys("l");
    terminal.wait_exit();
}
