//! How long an operator waits for the cockpit: from the start of `gonogo attach RUN` to the first
//! whole frame, in a real terminal, on a run of the sample system. `cargo bench --bench attach`.

#[allow(dead_code, reason = "each benchmark uses its part")]
mod support;

use std::time::{Duration, Instant};

use support::home::{Home, until};
use support::terminal::Terminal;
use support::{COLUMNS, ROWS, System, head, process, times};

/// Of 99 in 100.
const PROMISE: (Duration, usize) = (Duration::from_millis(100), 99);
const STARTS: usize = 40;

fn main() {
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
