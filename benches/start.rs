//! How long an operator waits for the cockpit on a guide as teams write them, and what it holds in
//! memory then: `gonogo run GUIDE`, and `gonogo attach` with its supervisor alive and gone.
//! `cargo bench --bench start`.

#[allow(dead_code, reason = "each benchmark uses its part")]
mod support;

use std::time::{Duration, Instant};

use support::home::{Home, until};
use support::terminal::Terminal;
use support::{COLUMNS, ROWS, head, process, row, times};

const STARTS: usize = 15;
const RUN: (Duration, usize) = (Duration::from_millis(100), 50);
const ATTACH: (Duration, usize) = (Duration::from_millis(25), 50);
const REVIVE: (Duration, usize) = (Duration::from_millis(60), 50);
/// MiB of a cockpit that opened its run.
const MEMORY: f64 = 48.0;
/// Long enough for what is given back after the first frame.
const SETTLED: Duration = Duration::from_millis(1_500);

fn main() {
    let home = Home::new();
    let guide = include_str!("../runbooks/single-table-migration.md");
    let guide = home.write("guide.md", guide).display().to_string();
    head("first frame at 200x50, from the start of the command; a guide of 31 KB");
    let mut opened = Vec::new();
    let mut spent = 0.0;
    let mut held: Vec<f64> = Vec::new();
    let mut run = String::new();
    for number in 0..STARTS {
        let begun = Instant::now();
        let mut terminal = Terminal::start(home.path(), &["run", &guide], COLUMNS, ROWS);
        opened.push(terminal.moment("the first frame", is_whole) - begun);
        spent += process::cpu_seconds(terminal.pid());
        if number % 5 == 0 {
            std::thread::sleep(SETTLED);
            held.extend(process::resident(terminal.pid()));
        }
        leave(&mut terminal);
        run.clone_from(&home.runs()[0]);
        end_supervisor(&home, &run);
    }
    times("`gonogo run`", RUN, &mut opened);
    processor(spent);
    let most = held.iter().copied().fold(0.0, f64::max);
    row(
        "  its cockpit, resident",
        Some(&"48 MiB"),
        &format!("{most:.1} MiB"),
        most <= MEMORY,
    );

    let mut gone = Vec::new();
    for _ in 0..STARTS {
        end_supervisor(&home, &run);
        gone.push(attach(&home, &run).0);
    }
    let started: Vec<(Duration, f64)> = (0..STARTS).map(|_| attach(&home, &run)).collect();
    let (mut alive, spent): (Vec<Duration>, Vec<f64>) = started.into_iter().unzip();
    times("`gonogo attach`, supervisor alive", ATTACH, &mut alive);
    processor(spent.iter().sum());
    times("`gonogo attach`, supervisor gone", REVIVE, &mut gone);
    end_supervisor(&home, &run);
}

/// What a start took of the processor, in the mean: the kernel counts in hundredths of a second.
fn processor(seconds: f64) {
    let each = seconds / STARTS as f64 * 1e3;
    row(
        "  processor time until then, in the mean",
        None,
        &format!("{each:.0} ms"),
        true,
    );
}

/// The time to the first frame, and what it took of the processor in seconds.
fn attach(home: &Home, run: &str) -> (Duration, f64) {
    let begun = Instant::now();
    let mut terminal = Terminal::start(home.path(), &["attach", run], COLUMNS, ROWS);
    let shown = terminal.moment("the first frame", is_whole);
    let spent = process::cpu_seconds(terminal.pid());
    leave(&mut terminal);
    (shown - begun, spent)
}

fn is_whole(screen: &str) -> bool {
    let last = screen.lines().last();
    last.is_some_and(|row| row.contains("all commands") || row.contains("Esc close"))
}

fn leave(terminal: &mut Terminal) {
    // A guide with blanks asks for their values first.
    terminal.keys("<esc>");
    terminal.wait_for("all commands");
    terminal.keys("q");
    terminal.wait_for("the run goes on");
    terminal.keys("l");
    terminal.wait_exit();
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
