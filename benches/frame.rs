//! What a frame costs: the whole cockpit at 200×50 and 80×24 with 1,000 sessions, 50 of 10,000 known
//! statements, ten minutes of probes and an output of a million lines. `cargo bench --bench frame`
//! prints a table; numbers are for the machine it runs on.

#[path = "../tests/suite/panes/desk.rs"]
#[allow(dead_code, reason = "the tests use more of the desk than this does")]
mod desk;
#[allow(dead_code, reason = "each benchmark uses its part")]
mod support;

use std::time::{Duration, Instant};

use gonogo::api::Message;
use gonogo::monitor::Sample;

use desk::{Desk, readings, start};
use support::{COLUMNS, ROWS, head, times};

const FRAMES: u32 = 1_000;
/// What drawing costs; the slowest are those in which another process had the core.
const PROMISE: (Duration, usize) = (Duration::from_millis(1), 50);

fn main() {
    head("a whole frame: 1,000 sessions, 10,000 statements known, a million lines of output");
    for (width, height) in [(COLUMNS, ROWS), (80, 24)] {
        for layout in ["default", "database", "review", "narrow"] {
            let mut desk = busy();
            desk.app
                .use_layout(layout)
                .expect("the layout comes with gonogo");
            let mut measured: Vec<Duration> = (0..FRAMES)
                .map(|_| {
                    let begun = Instant::now();
                    std::hint::black_box(desk.buffer(width, height));
                    begun.elapsed()
                })
                .collect();
            let what = format!("layout `{layout}` at {width}x{height}");
            times(&what, PROMISE, &mut measured);
        }
    }
}

/// A run in its first command, on a system with much to show.
fn busy() -> Desk {
    let mut desk = Desk::new().identified();
    desk.press(" ")
        .press(" 4711<Enter>")
        .press(" ")
        .press("gG")
        .press("<Enter>x");
    desk.prints("backup", 0, 1_000_000);
    for sample in readings(start()) {
        desk.hears(Message::Sample(Box::new(grown(sample))));
    }
    desk
}

fn grown(sample: Sample) -> Sample {
    match sample {
        Sample::Activity(mut sample) => {
            let few = sample.sessions.clone();
            for pid in 0..997 {
                let mut session = few[usize::from(pid % 3 == 0)].clone();
                session.pid = 10_000 + pid;
                session.blocked_by = if pid % 3 == 0 { vec![4711] } else { Vec::new() };
                sample.sessions.push(session);
            }
            Sample::Activity(sample)
        }
        Sample::Statements(mut sample) => {
            sample.known = 10_000;
            while sample.statements.len() < 50 {
                let one = sample.statements[sample.statements.len() % 3].clone();
                sample.statements.push(one);
            }
            Sample::Statements(sample)
        }
        other => other,
    }
}
