//! The rollback under a flood: from the key that confirms it to the first process of the rollback,
//! while the current step prints as fast as it can. `cargo bench --bench rollback`.

#[allow(dead_code, reason = "each benchmark uses its part")]
mod support;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gonogo::demo::cluster::{Cluster, Options};

use support::home::{Home, until};
use support::terminal::Terminal;
use support::{COLUMNS, ROWS, head, lines_shown, text_of, times};

/// Of 99 in 100.
const PROMISE: (Duration, usize) = (Duration::from_millis(100), 99);
const RUNS: usize = 60;
/// Printed before the key, with more to come.
const LINES: u64 = 1_000_000;

fn main() {
    let server = Cluster::start_blocking(Options::default()).expect("a server to watch meanwhile");
    head("from the confirming key to the first process of the rollback, under a flood");
    let mut measured: Vec<Duration> = (0..RUNS).map(|_| measure(&server)).collect();
    times("key to process", PROMISE, &mut measured);
}

fn measure(server: &Cluster) -> Duration {
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
    terminal.keys("<enter>");
    terminal.wait_for("EXECUTE");
    terminal.keys("x");
    terminal.moment("a million lines", |screen| {
        lines_shown(screen) >= Some(LINES)
    });
    terminal.keys("R");
    terminal.moment("the rollback", |screen| {
        screen.contains("BEGIN the rollback")
    });
    let pressed = terminal.key(b"B");
    let pressed = SystemTime::now() - pressed.elapsed();
    let started = until("the first process of the rollback", || {
        let started = text_of(home.path().join("started"));
        started.trim().parse().ok().map(Duration::from_nanos)
    });
    (UNIX_EPOCH + started)
        .duration_since(pressed)
        .expect("a rollback after its key")
}
