//! Many at once: 500 and 1,000 probes, 200 who watch, 1,500 who take nothing of what they are told while they
//! come and go; and a step that prints 45 lines a second. `cargo bench --bench crowd`; `-- probes`, `--
//! trickle`, `-- observers` or `-- hostile` for one of them.

#[allow(dead_code, reason = "each benchmark uses its part")]
mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gonogo::api::{Client, CommandAnswer};
use gonogo::run::Command;
use rustix::process::{Resource, getrlimit, setrlimit};
use support::home::{Home, until};
use support::terminal::Terminal;
use support::{COLUMNS, ROWS, head, process, row, times};

const PROBES: [usize; 2] = [500, 1_000];
/// Of a core, cockpit and supervisor together.
const PROBES_SHARE: f64 = 0.05;
const PROBES_MEMORY: f64 = 40.0;
const PROBES_FRAME: (Duration, usize) = (Duration::from_millis(150), 50);
const STARTS: usize = 5;
/// Of a core, all three processes together.
const TRICKLE: f64 = 0.02;
const OBSERVERS: usize = 200;
const TOLD: (Duration, usize) = (Duration::from_millis(4), 50);
const NOTES: usize = 200;
const STREAMS: usize = 1_500;
const KEYS: usize = 200;
const KEY: (Duration, usize) = (Duration::from_millis(20), 99);
const SETTLED: Duration = Duration::from_secs(4);
const WATCHED: Duration = Duration::from_secs(15);

const GUIDE: &str = "# Mine\n\n## Phase 1: Work\n\n```bash {#work .run}\nfor i in $(seq 100000); do echo \"row $i of the batch moved\"; sleep 0.022; done\n```\n\n## Phase 2: Look\n\n- [ ] It was so\n\n## Rollback\n\n### Option 1: Undo\n\n```bash {#undo .run}\necho taken-back\n```\n";

fn main() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("descriptors");
    let only = std::env::args()
        .nth(1)
        .filter(|name| !name.starts_with('-'));
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    if wanted("probes") {
        PROBES.into_iter().for_each(probes);
    }
    if wanted("trickle") {
        trickle();
    }
    if wanted("observers") {
        observers();
    }
    if wanted("hostile") {
        hostile();
    }
}

fn probes(count: usize) {
    let port = healthy();
    let home = Home::new();
    let probes: String = (0..count)
        .map(|number| format!("probes.s{number} = \"http://127.0.0.1:{port}/health/{number}\"\n"))
        .collect();
    home.write("gonogo.toml", &format!("[environments.test]\n{probes}"));
    home.write("guide.md", GUIDE);
    let arguments = ["run", "guide.md", "--env", "test"];
    head(&format!("{count} probes, each asked every second"));
    let mut shown = Vec::new();
    for number in 0..STARTS {
        let begun = Instant::now();
        let terminal = Terminal::start(home.path(), &arguments, COLUMNS, ROWS);
        let frame = terminal.moment("the first frame", |screen| {
            screen.contains("would run: `work`")
        });
        shown.push(frame - begun);
        let run = home.runs()[0].clone();
        let supervisor = home.supervisor(&run).expect("a supervisor");
        if number == 0 {
            std::thread::sleep(SETTLED);
            let watched = [("cockpit", terminal.pid()), ("supervisor", supervisor)];
            let share = shares(&watched);
            row(
                "together: of a core",
                Some(&"5 %"),
                &format!("{:.2} %", share * 100.0),
                share <= PROBES_SHARE,
            );
            for (name, pid) in watched {
                let resident = process::resident(pid).unwrap_or_default();
                row(
                    &format!("{name}: resident"),
                    Some(&"40 MiB"),
                    &format!("{resident:.1} MiB"),
                    resident <= PROBES_MEMORY,
                );
            }
        }
        leave(terminal, &home, &run);
    }
    times("first frame of `gonogo run`", PROBES_FRAME, &mut shown);
}

/// A service that says that it is well, whoever asks.
fn healthy() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("a port").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::Builder::new()
                .stack_size(64 << 10)
                .spawn(move || {
                    let mut request = [0; 4096];
                    while let Ok(1..) = stream.read(&mut request) {
                        let well = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                        if stream.write_all(well).is_err() {
                            break;
                        }
                    }
                })
                .ok();
        }
    });
    port
}

fn trickle() {
    let home = Home::new();
    let (terminal, run, supervisor) = working(&home);
    head("a step that prints 45 lines a second, at 200x50");
    let shim = until("the shim", || process::child_with(supervisor, "shim"));
    std::thread::sleep(SETTLED);
    let watched = [
        ("cockpit", terminal.pid()),
        ("supervisor", supervisor),
        ("shim", shim),
    ];
    let share = shares(&watched);
    row(
        "together: of a core",
        Some(&"2 %"),
        &format!("{:.2} %", share * 100.0),
        share <= TRICKLE,
    );
    leave(terminal, &home, &run);
}

fn observers() {
    let home = Home::new();
    let (terminal, run, _) = working(&home);
    let socket = home.run_directory(&run).join("socket");
    head("notes of the driver, durable and answered");
    let mut alone = notes(&home, &run).unwrap_or_default();
    for number in 0..OBSERVERS {
        let Some(mut stream) = joins(&socket, &format!("o{number}"), true) else {
            continue;
        };
        std::thread::spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(1..) = stream.read(&mut buffer) {}
        });
    }
    std::thread::sleep(SETTLED);
    let mut crowded = notes(&home, &run).unwrap_or_default();
    if alone.is_empty() || crowded.is_empty() {
        println!("this build speaks another language than its benchmark");
    } else {
        times("one who watches", TOLD, &mut alone);
        times(
            &format!("{OBSERVERS} who watch, of whom 128 find room"),
            TOLD,
            &mut crowded,
        );
    }
    leave(terminal, &home, &run);
}

/// As the long form of `tests/suite/hostile_streams.rs`, without its notes: 1,500 take nothing of what they
/// are told, others come and go or keep requests half open.
fn hostile() {
    let home = Home::new();
    let (mut terminal, run, supervisor) = working(&home);
    let socket = home.run_directory(&run).join("socket");
    head("the driver's keys, while 1,500 come that take nothing of what they are told");
    let mut before: Vec<Duration> = (0..KEYS).map(|number| key(&mut terminal, number)).collect();
    let (stop, came) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let attack = std::thread::spawn({
        let (stop, came) = (stop.clone(), came.clone());
        move || attack(&socket, &stop, &came)
    });
    let mut during: Vec<Duration> = (0..KEYS).map(|number| key(&mut terminal, number)).collect();
    stop.store(true, Ordering::Relaxed);
    let kept = attack.join().expect("the attack");
    let mut after: Vec<Duration> = (0..KEYS).map(|number| key(&mut terminal, number)).collect();
    times("key to screen, before", KEY, &mut before);
    times("key to screen, while they come", KEY, &mut during);
    times("key to screen, while they stay", KEY, &mut after);
    row("streams", None, &came.load(Ordering::Relaxed), true);
    let most = process::peak(supervisor).unwrap_or_default();
    row(
        "supervisor: most resident",
        Some(&"128 MiB"),
        &format!("{most:.0} MiB"),
        most <= 128.0,
    );
    drop(kept);
    leave(terminal, &home, &run);
}

fn attack(socket: &Path, stop: &AtomicBool, came: &AtomicUsize) -> Vec<UnixStream> {
    let mut kept = Vec::new();
    let mut turn = 0;
    while !stop.load(Ordering::Relaxed) {
        turn += 1;
        if turn <= STREAMS {
            kept.extend(joins(socket, &format!("deaf{turn}"), false));
        } else if turn > 4 * STREAMS {
            std::thread::sleep(Duration::from_millis(1));
        }
        drop(joins(socket, &format!("storm{turn}"), false));
        came.store(turn, Ordering::Relaxed);
        if turn < STREAMS
            && turn.is_multiple_of(2)
            && let Ok(mut stream) = UnixStream::connect(socket)
        {
            stream
                .write_all(b"POST /command HTTP/1.1\r\nHost: run\r\nX: ")
                .ok();
            kept.push(stream);
        }
    }
    kept
}

/// Asks for a stream, and reads nothing of it.
fn joins(socket: &Path, name: &str, observe: bool) -> Option<UnixStream> {
    let mut stream = UnixStream::connect(socket).ok()?;
    write!(
        stream,
        "GET /stream?name={name}&observe={observe} HTTP/1.1\r\nHost: run\r\n\r\n"
    )
    .ok()?;
    Some(stream)
}

/// A run whose step prints, with the cockpit on it, and its supervisor.
fn working(home: &Home) -> (Terminal, String, u32) {
    home.write("guide.md", GUIDE);
    let mut terminal = Terminal::start(home.path(), &["run", "guide.md"], COLUMNS, ROWS);
    terminal.wait_for("would run: `work`");
    terminal.keys("<enter>");
    terminal.wait_for("EXECUTE");
    terminal.keys("x");
    terminal.wait_for("of the batch moved");
    let run = home.runs()[0].clone();
    let supervisor = home.supervisor(&run).expect("a supervisor");
    (terminal, run, supervisor)
}

/// How much of a core some processes take together.
fn shares(watched: &[(&str, u32)]) -> f64 {
    let spent = || -> f64 {
        let spent = watched.iter().map(|(_, pid)| process::cpu_seconds(*pid));
        spent.sum()
    };
    let (before, begun) = (spent(), Instant::now());
    std::thread::sleep(WATCHED);
    (spent() - before) / begun.elapsed().as_secs_f64()
}

/// `Tab` from the step to the output and back, which alone can be searched, until the last row, which is
/// drawn last, says so.
fn key(terminal: &mut Terminal, number: usize) -> Duration {
    let there = number.is_multiple_of(2);
    let pressed = terminal.key(if there { b"\t" } else { b"\x1b[Z" });
    let arrived = terminal.moment("the other pane", |screen| {
        let last = screen.lines().rev().find(|row| !row.trim().is_empty());
        last.unwrap_or_default().contains("/ search") == there
    });
    arrived - pressed
}

/// Notes of the driver, each from its sending to its answer; `None` where the supervisor understands no such
/// client.
fn notes(home: &Home, run: &str) -> Option<Vec<Duration>> {
    let socket = home.run_directory(run).join("socket");
    let driver = home.status(run)["driver"].as_str()?.to_owned();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .ok()?;
    runtime.block_on(async {
        let client = Client::new(&socket).ok()?;
        let (seat, mut stream) = client.join(&driver, false).await.ok()?;
        tokio::spawn(async move { while stream.next().await.is_some() {} });
        let mut times = Vec::new();
        for number in 0..NOTES {
            let note = Command::Note {
                text: format!("seen {number}"),
                step: None,
            };
            let begun = Instant::now();
            let answer = seat.command(note).await.ok()?;
            matches!(answer, CommandAnswer::Accepted { .. }).then_some(())?;
            times.push(begun.elapsed());
        }
        Some(times)
    })
}

/// Ends the cockpit, the supervisor and what it started.
fn leave(terminal: Terminal, home: &Home, run: &str) {
    process::terminate(terminal.pid());
    let Some(supervisor) = home.supervisor(run) else {
        return;
    };
    let shim = process::child_with(supervisor, "shim");
    process::terminate(supervisor);
    until("the end of the supervisor", || {
        (!home.run_directory(run).join("socket").exists()).then_some(())
    });
    if let Some(shim) = shim {
        process::terminate(shim);
    }
}
