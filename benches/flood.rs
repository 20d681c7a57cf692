//! A step that prints a million lines, again and again: nothing of it is lost, nobody's memory grows
//! with it, and keys are answered meanwhile, with 50 who watch and one who takes nothing of what they
//! are told. `cargo bench --bench flood`.

#[allow(dead_code, reason = "each benchmark uses its part")]
mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gonogo::demo::cluster::{Cluster, Options};

use support::home::{Home, until};
use support::terminal::Terminal;
use support::{COLUMNS, ROWS, head, lines_shown, memory, process, row, times};

/// Of 99 in 100.
const PROMISE: (Duration, usize) = (Duration::from_millis(20), 99);
const KEYS: usize = 200;
const OBSERVERS: usize = 50;
/// For a judgement of all that was printed.
const PATIENCE: Duration = Duration::from_secs(120);
/// One turn of the guide's loop.
const LINES: u64 = 1_000_000;

fn main() {
    let server = Cluster::start_blocking(Options::default()).expect("a server to watch meanwhile");
    let home = Home::new();
    home.environment(&server.conninfo("postgres"), "");
    let guide = home.write("flood.md", include_str!("guides/flood.md"));
    let guide = guide.display().to_string();
    let mut terminal = Terminal::start(
        home.path(),
        &["run", &guide, "--env", "test"],
        COLUMNS,
        ROWS,
    );
    terminal.wait_for("would run: `flood`");
    let run = home.runs()[0].clone();
    let supervisor = home.supervisor(&run).expect("a supervisor");

    head("a step that prints 1,000,000 lines, again and again, at 200x50");
    terminal.keys("<enter>");
    terminal.wait_for("EXECUTE");
    terminal.keys("x");
    let begun = Instant::now();
    let shim = until("the shim", || process::child_with(supervisor, "shim"));
    terminal.moment("the flood", |screen| lines_shown(screen) > Some(0));

    let watching = observers(&home, &run);
    until("everybody", || {
        let observers = &home.status(&run)["observers"];
        (observers.as_array().map(Vec::len) == Some(OBSERVERS + 1)).then_some(())
    });
    let mut moved = keys_in_the_tree(&mut terminal);
    let mut focused = keys_between_panes(&mut terminal);
    let peaks = [
        ("cockpit", process::peak(terminal.pid())),
        ("supervisor", process::peak(supervisor)),
        ("shim", process::peak(shim)),
    ];
    home.write("enough", "");
    until("the end of the shim", || {
        process::peak(shim).is_none().then_some(())
    });
    let (lasted, ended) = (begun.elapsed(), Instant::now());
    // All of it is read once more for the evidence.
    while home.outcome(&run, "1-1-count") != "passed" {
        assert!(ended.elapsed() < PATIENCE, "the step does not pass");
        std::thread::sleep(Duration::from_millis(20));
    }
    let judged = ended.elapsed();

    let spool = home.run_directory(&run).join("actions");
    let (lines, wrong) = counted(&spool);
    let rounds = lines / LINES;
    row("lines printed", None, &(rounds.max(1) * LINES), true);
    let heard = watching.heard.load(Ordering::Relaxed);
    row("bytes that 50 observers took", None, &heard, heard > 0);
    let lost = wrong + lines % LINES;
    row(
        "lines lost, doubled or changed",
        Some(&0),
        &lost,
        lost == 0 && rounds > 0,
    );
    let pace = lines as f64 / lasted.as_secs_f64();
    row("lines in a second", None, &format!("{pace:.0}"), true);
    row(
        "from its end to `passed`",
        None,
        &format!("{judged:.1?}"),
        true,
    );
    times(
        "key to screen: the cursor in the phases",
        PROMISE,
        &mut moved,
    );
    times(
        "key to screen: the focus, told in the last row",
        PROMISE,
        &mut focused,
    );
    for (name, peak) in peaks {
        memory(
            &format!("{name}: most resident"),
            peak.expect("a living process"),
        );
    }
}

/// Everybody who watches; they leave with the benchmark.
struct Watching {
    heard: Arc<AtomicU64>,
    _deaf: UnixStream,
}

/// Fifty observers that take whatever they are told, and one that takes nothing. They draw nothing: a
/// cockpit of theirs would have a core of its own elsewhere.
fn observers(home: &Home, run: &str) -> Watching {
    let socket = home.run_directory(run).join("socket");
    let heard = Arc::new(AtomicU64::new(0));
    let join = |number: usize| {
        let mut stream = UnixStream::connect(&socket).expect("the supervisor");
        write!(
            stream,
            "GET /stream?name=observer{number}@ops&observe=true HTTP/1.1\r\nHost: run\r\n\r\n"
        )
        .expect("a stream");
        stream
    };
    for number in 0..OBSERVERS {
        let (mut stream, heard) = (join(number), heard.clone());
        std::thread::spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(length @ 1..) = stream.read(&mut buffer) {
                heard.fetch_add(length as u64, Ordering::Relaxed);
            }
        });
    }
    Watching {
        heard,
        _deaf: join(OBSERVERS),
    }
}

/// `j` and `k` in the tree of phases, until the cursor stands elsewhere.
fn keys_in_the_tree(terminal: &mut Terminal) -> Vec<Duration> {
    while !last_row(&terminal.text()).contains("open the step") {
        terminal.keys("<tab>");
        terminal.wait_for("next pane");
    }
    (0..KEYS)
        .map(|number| {
            let before = cursor(&terminal.text());
            let pressed = terminal.key(if number % 2 == 0 { b"j" } else { b"k" });
            terminal.moment("the cursor to move", |screen| cursor(screen) != before) - pressed
        })
        .collect()
}

/// `Tab` out of the tree and Shift-Tab back into it, until the last row, which is drawn last, tells the
/// keys of the other pane.
fn keys_between_panes(terminal: &mut Terminal) -> Vec<Duration> {
    (0..KEYS)
        .map(|number| {
            let before = last_row(&terminal.text());
            let pressed = terminal.key(if number % 2 == 0 { b"\t" } else { b"\x1b[Z" });
            terminal.moment("other keys", |screen| last_row(screen) != before) - pressed
        })
        .collect()
}

/// The row of the tree with the cursor.
fn cursor(screen: &str) -> Option<usize> {
    screen
        .lines()
        .position(|row| row.trim_start().starts_with('▸'))
}

fn last_row(screen: &str) -> String {
    screen.lines().last().unwrap_or_default().to_owned()
}

/// Lines of output in the spools of a run, and those that are not the number that is due.
fn counted(directory: &Path) -> (u64, u64) {
    let (mut lines, mut wrong) = (0, 0);
    for attempt in std::fs::read_dir(directory).expect("actions").flatten() {
        let file = std::fs::File::open(attempt.path().join("spool")).expect("a spool");
        for record in BufReader::new(file).lines() {
            let record = record.expect("text");
            if !record.starts_with('o') {
                continue;
            }
            let due = lines % LINES + 1;
            let number = record
                .split_once('\t')
                .and_then(|(_, text)| text.parse().ok());
            wrong += u64::from(number != Some(due));
            lines += 1;
        }
    }
    (lines, wrong)
}
