//! Those who watch and mean harm: they read nothing of what they are told, come and go by the hundred,
//! write as long and as often as they can, and keep requests half open. Meanwhile the driver drives.
//! `GONOGO_FAULTS=1500` asks for the long form, and says what was measured.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::support::home::{Home, until};
use crate::support::raw::{self, Guest, NOBODY, as_user};
use crate::support::terminal::Terminal;

/// A step that prints, so that there is something to be told at all times.
const GUIDE: &str = "# Mine\n\n## Phase 1: Work\n\n- [ ] I am awake\n- [ ] So are you\n\n\
    ```bash {#work .run}\nfor i in $(seq 100000); do echo \"row $i of the batch moved\"; sleep 0.02; done\n\
    ```\n\n## Rollback\n\n### Option 1: Undo\n\n```bash {#undo .run}\necho taken-back\n```\n";

/// MiB that a supervisor takes at most, whoever watches.
const MEMORY: f64 = 128.0;

fn asked() -> Option<usize> {
    std::env::var("GONOGO_FAULTS").ok()?.parse().ok()
}

/// A figure of a process in MiB: `VmRSS:` or `VmHWM:`.
fn memory(pid: u32, key: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let rest = status.lines().find_map(|line| line.strip_prefix(key));
    let kibibytes: f64 = rest
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .parse()
        .unwrap();
    kibibytes / 1024.0
}

/// Descriptors for all that the attack keeps open.
fn raise_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

/// Asks for a stream, and reads nothing of it.
fn deaf(socket: &Path, name: &str) -> Option<UnixStream> {
    let mut stream = UnixStream::connect(socket).ok()?;
    write!(
        stream,
        "GET /stream?name={name} HTTP/1.1\r\nHost: run\r\n\r\n"
    )
    .ok()?;
    Some(stream)
}

/// What hostile watchers did, counted.
#[derive(Default)]
struct Counts {
    deaf: AtomicUsize,
    came_and_went: AtomicUsize,
    notes_taken: AtomicUsize,
    notes_refused: AtomicUsize,
    half_open: AtomicUsize,
}

/// Everything at once through one door, until told to stop; what is kept open is kept to the end.
fn attack(socket: &Path, streams: usize, counts: &Counts, stop: &AtomicBool) -> Vec<UnixStream> {
    let mut kept = Vec::new();
    for number in 0..streams {
        kept.extend(deaf(socket, &format!("deaf{number}")));
        counts.deaf.fetch_add(1, Ordering::Relaxed);
    }
    let mut turn = 0;
    while !stop.load(Ordering::Relaxed) && turn < streams {
        turn += 1;
        // Comes, and is gone before it was told anything.
        drop(deaf(socket, &format!("storm{turn}")));
        counts.came_and_went.fetch_add(1, Ordering::Relaxed);
        if turn.is_multiple_of(4) {
            notes(socket, turn, counts);
        }
        if turn.is_multiple_of(2)
            && let Ok(mut stream) = UnixStream::connect(socket)
        {
            stream
                .write_all(b"POST /command HTTP/1.1\r\nHost: run\r\nX: ")
                .ok();
            kept.push(stream);
            counts.half_open.fetch_add(1, Ordering::Relaxed);
        }
    }
    kept
}

/// Joins, writes long notes and longer ones, and changes what it looks at.
fn notes(socket: &Path, turn: usize, counts: &Counts) {
    // It may have to make room for the next before it was told who it is.
    let Ok(guest) = Guest::try_join(socket, &format!("loud{turn}"), false) else {
        return;
    };
    for length in [2_000, 60_000, 2_000] {
        let text = "n".repeat(length);
        let note = raw::command(&json!({ "kind": "note", "text": text, "step": null }));
        let pass = Some(&*guest.pass);
        let (_, answer) = raw::ask(socket, "POST", "/command", pass, Some(&note));
        match answer.contains("accepted") {
            true => counts.notes_taken.fetch_add(1, Ordering::Relaxed),
            false => counts.notes_refused.fetch_add(1, Ordering::Relaxed),
        };
        let pane = "p".repeat(turn % 250);
        let view = json!({ "view": { "step": null, "item": turn, "pane": pane, "zoomed": false } });
        raw::ask(socket, "POST", "/view", pass, Some(&view));
    }
}

/// `Tab` from the step to the output and back, which alone can be searched: how long until the last row,
/// which is drawn last, says so.
fn key(terminal: &mut Terminal, number: usize) -> Duration {
    let there = number.is_multiple_of(2);
    let pressed = terminal.key(if there { b"\t" } else { b"\x1b[Z" });
    let arrived = terminal.moment("the other pane", |screen| {
        let mut rows = screen.lines().rev();
        let last = rows.find(|row| !row.trim().is_empty()).unwrap_or_default();
        last.contains("/ search") == there
    });
    arrived - pressed
}

fn percentile(times: &mut [Duration], of: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() * of).div_ceil(100).max(1) - 1]
}

#[test]
fn whoever_watches_takes_neither_memory_nor_the_drivers_keys() {
    raise_limit();
    let streams = asked().unwrap_or(200);
    let keys = if asked().is_some() { 200 } else { 30 };
    let home = Home::new();
    home.write("guide.md", GUIDE);
    let arguments = ["run", "guide.md", "--allow", "nobody"];
    let mut anna = Terminal::start(home.path(), &arguments, 120, 40);
    anna.wait_for("to check (Space)");
    let run = home.runs()[0].clone();
    let supervisor = home.supervisor(&run).unwrap();
    anna.keys("<space>");
    anna.wait_for("1 item to check");
    anna.keys("<space>");
    anna.wait_for("would run: `work`");
    anna.keys("<enter>");
    anna.wait_for("EXECUTE");
    anna.keys("x");
    anna.wait_for("of the batch moved");
    let at_rest = memory(supervisor, "VmRSS:");
    let mut before: Vec<Duration> = (0..keys).map(|number| key(&mut anna, number)).collect();

    let private: PathBuf = home.run_directory(&run).join("socket");
    let own = rustix::process::getuid().as_raw();
    let door = gonogo::supervisor::place::guest_socket_path(own, &run);
    until("the door", || door.exists().then_some(()));
    let (counts, stop) = (
        Arc::new(Counts::default()),
        Arc::new(AtomicBool::new(false)),
    );
    let mut attackers = Vec::new();
    for as_guest in [false, true] {
        if as_guest && !raw::can_be_another() {
            continue;
        }
        let (counts, stop) = (counts.clone(), stop.clone());
        let socket = if as_guest {
            door.clone()
        } else {
            private.clone()
        };
        attackers.push(std::thread::spawn(move || match as_guest {
            true => as_user(NOBODY, || attack(&socket, streams / 2, &counts, &stop)),
            false => attack(&socket, streams, &counts, &stop),
        }));
    }
    let mut times: Vec<Duration> = (0..keys).map(|number| key(&mut anna, number)).collect();
    stop.store(true, Ordering::Relaxed);
    let kept: Vec<UnixStream> = attackers
        .into_iter()
        .flat_map(|attacker| attacker.join().unwrap())
        .collect();
    // They are all still there when the driver goes back.
    let mut later: Vec<Duration> = (0..keys).map(|number| key(&mut anna, number)).collect();
    let attacked = memory(supervisor, "VmRSS:");
    // A command at the prompt still finds room.
    let people = home.status(&run)["observers"].as_array().unwrap().len();
    assert!(people < 128 + 32, "{people} are here");
    anna.keys("R");
    anna.wait_for("BEGIN the rollback");
    anna.keys("B");
    anna.wait_for("rolled back");
    drop(kept);
    until("everybody else to be gone", || {
        let observers = &home.status(&run)["observers"];
        (observers.as_array().map(Vec::len) == Some(0)).then_some(())
    });
    let (after, peak) = (memory(supervisor, "VmRSS:"), memory(supervisor, "VmHWM:"));
    let [quiet, during, then] =
        [&mut before, &mut times, &mut later].map(|times| percentile(times, 99));
    eprintln!(
        "supervisor: {at_rest:.1} MiB at rest, {attacked:.1} attacked, {peak:.1} at most, {after:.1} after; \
         keys: 99 of 100 within {quiet:.1?} before, {during:.1?} while they came, {then:.1?} while they stayed; \
         {} deaf, {} came and went, {} half open, {} notes taken, {} refused",
        counts.deaf.load(Ordering::Relaxed),
        counts.came_and_went.load(Ordering::Relaxed),
        counts.half_open.load(Ordering::Relaxed),
        counts.notes_taken.load(Ordering::Relaxed),
        counts.notes_refused.load(Ordering::Relaxed),
    );
    assert!(peak <= MEMORY, "{peak:.1} MiB");
    // On whatever machine the tests run; 20 ms is what the long form is to show.
    assert!(
        during.max(then) < Duration::from_secs(1),
        "{during:?}, {then:?}"
    );
    assert!(counts.notes_refused.load(Ordering::Relaxed) > 0);
}
