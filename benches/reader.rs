//! What opening guides costs: `gonogo check` as it is shipped, over 10 MB of our own guides repeated,
//! 10 MB in a single fence, 100,000 headings, and 172 guides of 4.5 MB together. `cargo bench --bench
//! reader` prints a table; numbers are for the machine it runs on.

#[allow(dead_code, reason = "each benchmark uses its part")]
mod support;

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use support::home::Home;
use support::{head, times};

const TIMES: usize = 9;
/// The best of several is not promised: the median is.
const PROMISE: (Duration, usize) = (Duration::from_secs(1), 50);

const GUIDES: [&str; 6] = [
    include_str!("../tests/guides/counters.md"),
    include_str!("../tests/guides/migration.md"),
    include_str!("../tests/guides/release.md"),
    include_str!("../tests/guides/rivals.md"),
    include_str!("../tests/guides/schema.md"),
    include_str!("../runbooks/single-table-migration.md"),
];

fn main() {
    head("`gonogo check`");
    let home = Home::new();
    let mixed = home.write("mixed.md", &guides(10_000_000, 0));
    let lines: String = (0..300_000)
        .map(|number| format!("echo line {number} of many | grep x\n"))
        .collect();
    let fence = home.write(
        "fence.md",
        &format!("# A\n\n## Step 1: a\n\n```bash\n{lines}```\n"),
    );
    let headings: String = (0..100_000)
        .map(|number| format!("## Step {number}: do it\n\nA word about it.\n\n"))
        .collect();
    let headings = home.write("headings.md", &format!("# A\n\n{headings}"));
    let many: Vec<PathBuf> = (0..172)
        .map(|number| home.write(&format!("many/{number}.md"), &guides(26_200, number * 7)))
        .collect();
    let (mut blocks, mut found) = (0, 0);
    for file in &many {
        let more = counted(&std::fs::read_to_string(file).expect("it was written"));
        (blocks, found) = (blocks + more.0, found + more.1);
    }
    println!("172 guides: {blocks} blocks (2,608 were found), {found} headings (4,766)\n");
    for (what, files) in [
        ("10 MB of guides in one file", vec![mixed]),
        ("10 MB in a single fence", vec![fence]),
        ("100,000 headings", vec![headings]),
        ("172 guides of 4.5 MB together", many),
    ] {
        let mut measured: Vec<Duration> = (0..TIMES).map(|_| check(&home, &files)).collect();
        let bytes: u64 = files
            .iter()
            .map(|file| std::fs::metadata(file).map_or(0, |metadata| metadata.len()))
            .sum();
        let what = format!("{what} ({:.1} MB)", bytes as f64 / 1e6);
        times(&what, PROMISE, &mut measured);
    }
}

fn check(home: &Home, files: &[PathBuf]) -> Duration {
    let mut command = home.command(&["check"]);
    command
        .args(files)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let begun = Instant::now();
    let status = command.status().expect("it starts");
    let took = begun.elapsed();
    assert!(matches!(status.code(), Some(0 | 5)), "{status}");
    took
}

/// Our own guides again and again, no two copies alike, with as much between their blocks as was found
/// in 172 guides of other people: a block in 1,725 bytes, a heading in 944. A text ends after a line,
/// never inside of a fence.
fn guides(size: usize, from: usize) -> String {
    let mut text = String::with_capacity(size + 60_000);
    for number in from.. {
        let copy = copy(GUIDES[number % GUIDES.len()], number);
        let mut fenced = false;
        for line in copy.lines() {
            if text.len() >= size && !fenced {
                return text;
            }
            fenced ^= is_fence(line);
            text.push_str(line);
            text.push('\n');
        }
        text.push('\n');
    }
    text
}

/// One guide with a comment of its own in each block, and with prose and headings before its blocks.
fn copy(guide: &str, number: usize) -> String {
    const PROSE: &str = "Nobody has to do anything here: this paragraph tells why the next\nstep is needed, who was asked about it, and which of the services\nwill notice. It names no command, no time and no value, and it is\nas long as such paragraphs usually are in guides of this length.\n\n";
    let (blocks, headings) = counted(guide);
    let bytes = blocks * 1_725;
    let paragraphs = bytes.saturating_sub(guide.len()) / PROSE.len();
    let more_headings = (bytes / 944).saturating_sub(headings);
    let mut text = String::with_capacity(bytes + 2_000);
    let (mut block, mut paragraph, mut heading, mut fenced) = (0, 0, 0, false);
    for line in guide.lines() {
        let opens = is_fence(line) && !fenced;
        fenced ^= is_fence(line);
        if !opens {
            text.push_str(line);
            text.push('\n');
            continue;
        }
        block += 1;
        // Not inside of a list.
        if line.starts_with('`') {
            while paragraph * blocks < paragraphs * block {
                text.push_str(PROSE);
                paragraph += 1;
            }
            while heading * blocks < more_headings * block {
                text.push_str(&format!("#### Why this is so ({number})\n\n"));
                heading += 1;
            }
        }
        text.push_str(line);
        text.push('\n');
        match line.trim_start_matches([' ', '`']).split(' ').next() {
            Some("bash") => text.push_str(&format!("# copy {number}\n")),
            Some("sql") => text.push_str(&format!("-- copy {number}\n")),
            _ => {}
        }
    }
    text.push('\n');
    text
}

fn is_fence(line: &str) -> bool {
    line.trim_start().starts_with("```")
}

/// Blocks and headings.
fn counted(text: &str) -> (usize, usize) {
    let (mut blocks, mut headings, mut fenced) = (0, 0, false);
    for line in text.lines() {
        if is_fence(line) {
            blocks += usize::from(!fenced);
            fenced = !fenced;
        } else {
            headings += usize::from(!fenced && line.starts_with('#'));
        }
    }
    (blocks, headings)
}
