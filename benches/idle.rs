//! What watching costs while nothing is done: cockpit and supervisor on the sample system with its
//! traffic, all panes shown, read at 1 Hz for 20 s. `cargo bench --bench idle`.

#[allow(dead_code, reason = "each benchmark uses its part")]
mod support;

use std::time::{Duration, Instant};

use support::home::Home;
use support::terminal::Terminal;
use support::{COLUMNS, ROWS, System, head, memory, process, row};

const WATCHED: Duration = Duration::from_secs(20);
/// The first readings and what they allocate are not what an idle hour costs.
const SETTLED: Duration = Duration::from_secs(5);
/// Of a core.
const PROMISE: f64 = 0.01;

fn main() {
    let home = Home::new();
    let system = System::start(&home);
    let arguments = ["run", &system.guide, "--env", "demo"];
    let terminal = Terminal::start(home.path(), &arguments, COLUMNS, ROWS);
    terminal.wait_for("healthy");
    let run = home.runs()[0].clone();
    let supervisor = home.supervisor(&run).expect("a supervisor");
    let watched = [("cockpit", terminal.pid()), ("supervisor", supervisor)];

    head("idle at 1 Hz with all panes at 200x50, on the sample system, 20 s");
    std::thread::sleep(SETTLED);
    let before = watched.map(|(_, pid)| process::cpu_seconds(pid));
    let begun = Instant::now();
    std::thread::sleep(WATCHED);
    let passed = begun.elapsed().as_secs_f64();
    for ((name, pid), before) in watched.into_iter().zip(before) {
        let share = (process::cpu_seconds(pid) - before) / passed;
        let figure = format!("{:.2} %", share * 100.0);
        row(
            &format!("{name}: of a core"),
            Some(&"1 %"),
            &figure,
            share <= PROMISE,
        );
    }
    for (name, pid) in watched {
        let resident = process::resident(pid).expect("a living process");
        memory(&format!("{name}: resident"), resident);
    }
}
