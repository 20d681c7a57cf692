//! Guides far larger than teams write: 5,000 and 10,000 steps in the cockpit and in `gonogo plan`,
//! 400,000 blocks in 10 MB, 100,000 headings. `cargo bench --bench large`.

#[allow(dead_code, reason = "each benchmark uses its part")]
mod support;

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use support::home::{Home, until};
use support::terminal::Terminal;
use support::{COLUMNS, ROWS, head, process, row, times};

const TIMES: usize = 5;
const KEYS: usize = 100;
const PLAN: (Duration, usize) = (Duration::from_millis(300), 50);
const BLOCKS: (Duration, usize) = (Duration::from_secs(2), 50);
const BLOCKS_MEMORY: f64 = 200.0;
const HEADINGS: (Duration, usize) = (Duration::from_secs(1), 50);
/// From a key to the screen, with its work in the cockpit; a frame every 25 ms at most is not waited for.
const KEY: (Duration, usize) = (Duration::from_millis(5), 99);
/// Of a core, idle.
const IDLE: f64 = 0.01;
const COCKPIT_MEMORY: f64 = 64.0;
const WATCHED: Duration = Duration::from_secs(10);

fn main() {
    let home = Home::new();
    let only = std::env::args()
        .nth(1)
        .filter(|name| !name.starts_with('-'));
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    if wanted("plan") {
        head("`gonogo plan` of 5,000 steps");
        let guide = home.write("plan.md", &steps(5_000));
        timed(&home, &["plan", &guide.display().to_string()], PLAN, None);
    }
    if wanted("blocks") {
        head("`gonogo check` of 400,000 blocks in 10 MB");
        let guide = home.write("blocks.md", &blocks(400_000));
        timed(
            &home,
            &["check", &guide.display().to_string()],
            BLOCKS,
            Some(BLOCKS_MEMORY),
        );
    }
    if wanted("headings") {
        head("`gonogo check` of 100,000 headings");
        let guide = home.write("headings.md", &headings(100_000));
        timed(
            &home,
            &["check", &guide.display().to_string()],
            HEADINGS,
            None,
        );
    }
    if wanted("cockpit") {
        for count in [5_000, 10_000] {
            let guide = home.write(&format!("steps-{count}.md"), &steps(count));
            cockpit(&home, &guide, count);
        }
    }
}

fn timed(home: &Home, arguments: &[&str], promise: (Duration, usize), memory: Option<f64>) {
    let mut peak: f64 = 0.0;
    let mut measured: Vec<Duration> = (0..TIMES)
        .map(|_| {
            let mut command = home.command(arguments);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            let begun = Instant::now();
            let mut child = command.spawn().expect("it starts");
            let pid = child.id();
            let watching = std::thread::spawn(move || {
                let mut most: f64 = 0.0;
                while let Some(now) = process::peak(pid) {
                    most = most.max(now);
                    std::thread::sleep(Duration::from_millis(10));
                }
                most
            });
            let status = child.wait().expect("it ends");
            let took = begun.elapsed();
            assert!(matches!(status.code(), Some(0 | 5)), "{status}");
            peak = peak.max(watching.join().expect("a watcher"));
            took
        })
        .collect();
    times("from start to exit", promise, &mut measured);
    let promised = memory.map(|most| format!("{most:.0} MiB"));
    row(
        "  most resident",
        promised.as_ref().map(|text| text as &dyn std::fmt::Display),
        &format!("{peak:.0} MiB"),
        memory.is_none_or(|most| peak <= most),
    );
}

fn cockpit(home: &Home, guide: &Path, count: usize) {
    head(&format!("the cockpit on {count} steps, at 200x50"));
    let guide = guide.display().to_string();
    let begun = Instant::now();
    let mut terminal = Terminal::start(home.path(), &["run", &guide], COLUMNS, ROWS);
    let shown = terminal.moment("the first frame", |screen| {
        last_row(screen).contains("help")
    });
    row(
        "first frame of `gonogo run`",
        None,
        &format!("{:.0?}", shown - begun),
        true,
    );
    let run = home.runs()[0].clone();
    let supervisor = home.supervisor(&run).expect("a supervisor");
    leave(&mut terminal);
    let mut terminal = Terminal::start(home.path(), &["attach", &run], COLUMNS, ROWS);
    terminal.wait_for("help");
    while !last_row(&terminal.text()).contains("open the step") {
        terminal.keys("<tab>");
        terminal.wait_for("next pane");
    }
    let before = process::cpu_seconds(terminal.pid());
    let mut moved: Vec<Duration> = (0..KEYS)
        .map(|number| {
            let before = cursor(&terminal.text());
            let pressed = terminal.key(if number % 2 == 0 { b"j" } else { b"k" });
            terminal.moment("the cursor to move", |screen| cursor(screen) != before) - pressed
        })
        .collect();
    let work = (process::cpu_seconds(terminal.pid()) - before) / KEYS as f64;
    times("key to screen: the cursor in the phases", KEY, &mut moved);
    row(
        "  work of the cockpit for each",
        None,
        &format!("{:.1} ms", work * 1e3),
        true,
    );
    let watched = [("cockpit", terminal.pid()), ("supervisor", supervisor)];
    let before = watched.map(|(_, pid)| process::cpu_seconds(pid));
    std::thread::sleep(WATCHED);
    for ((name, pid), before) in watched.into_iter().zip(before) {
        let share = (process::cpu_seconds(pid) - before) / WATCHED.as_secs_f64();
        row(
            &format!("{name}, idle: work in a second"),
            None,
            &format!("{:.1} ms", share * 1e3),
            true,
        );
        row(
            &format!("{name}, idle: of a core"),
            Some(&"1 %"),
            &format!("{:.2} %", share * 100.0),
            share <= IDLE,
        );
        let resident = process::resident(pid).unwrap_or_default();
        row(
            &format!("{name}: resident"),
            Some(&"64 MiB"),
            &format!("{resident:.1} MiB"),
            resident <= COCKPIT_MEMORY,
        );
    }
    leave(&mut terminal);
    process::terminate(supervisor);
    until("the end of the supervisor", || {
        (!home.run_directory(&run).join("socket").exists()).then_some(())
    });
}

fn leave(terminal: &mut Terminal) {
    terminal.keys("q");
    terminal.wait_for("the run goes on");
    terminal.keys("l");
    terminal.wait_exit();
}

/// The row of the tree with the cursor.
fn cursor(screen: &str) -> Option<String> {
    let mut rows = screen.lines().enumerate();
    let (at, row) = rows.find(|(_, row)| row.trim_start().starts_with('▸'))?;
    Some(format!("{at} {}", row.chars().take(60).collect::<String>()))
}

fn last_row(screen: &str) -> String {
    screen.lines().last().unwrap_or_default().to_owned()
}

/// Fifty steps a phase, a command and a box each.
fn steps(count: usize) -> String {
    let mut text = String::from("# A large guide\n\n");
    for number in 0..count {
        let (phase, step) = (number / 50 + 1, number % 50 + 1);
        if step == 1 {
            text += &format!("## Phase {phase}: Part {phase}\n\n");
        }
        text += &format!(
            "### {phase}.{step} Move batch {number}\n\nIt takes a moment.\n\n```bash\n./move-batch --number {number} --confirm\n```\n\n- [ ] Batch {number} is there\n\n"
        );
    }
    text
}

/// As many blocks as find room in 10 MB.
fn blocks(count: usize) -> String {
    let mut text = String::from("# Blocks\n\n## Step 1: All of them\n\n");
    for number in 0..count {
        text += &format!("```sh\nls {number}\n```\n\n");
    }
    text
}

fn headings(count: usize) -> String {
    let headings =
        (0..count).map(|number| format!("## Step {number}: do it\n\nA word about it.\n\n"));
    format!("# A\n\n{}", headings.collect::<String>())
}
