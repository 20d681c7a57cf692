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

/// Our own guides again and again, no two blocks alike, with as much prose between them as was found in
/// guides of other people: a block in 1,700 bytes.
fn guides(size: usize, from: usize) -> String {
    const PROSE: &str = "Nobody has to do anything here: this paragraph tells why the next step is needed, who was asked about it, and which of the services will notice. It names no command, no time and no value, and it is as long as such paragraphs usually are.\n\n";
    let mut text = String::with_capacity(size + 30_000);
    for number in from.. {
        let guide = GUIDES[number % GUIDES.len()];
        let mut rest = guide;
        while let Some(at) = rest.find("\n```bash\n").or_else(|| rest.find("\n```sql\n")) {
            let code = at + rest[at + 1..].find('\n').map_or(0, |end| end + 2);
            let mark = if rest[at..].starts_with("\n```sql") {
                "--"
            } else {
                "#"
            };
            text.push_str(&rest[..at + 1]);
            text.push_str(&PROSE.repeat(3));
            text.push_str(&rest[at + 1..code]);
            text.push_str(&format!("{mark} copy {number}\n"));
            rest = &rest[code..];
        }
        text.push_str(rest);
        text.push_str("\n\n");
        if text.len() >= size {
            break;
        }
    }
    // A guide may end anywhere but inside of a fence.
    while text.len() > size {
        let Some(at) = text.rfind("\n## ") else { break };
        text.truncate(at + 1);
    }
    text
}
