//! Feeds the reader what nobody would write: pieces of guides cut, joined and mutated, as a guide, as
//! a `gonogo.toml` and as a condition. Stops with exit code 1 at a panic, at an input that takes longer
//! than two seconds, or above 512 MiB; the input is kept. Not part of the test suite, which runs a
//! shorter property of the same kind:
//!
//! ```text
//! cargo run --release --example endure -- 1000000 GUIDE…
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gonogo::run::{Evidence, Scope, check_condition, judge};
use gonogo::runbook::config::parse_config;
use gonogo::runbook::diagnostic::render;
use gonogo::runbook::{check_conditions, check_document, parse};

const SLOWEST: Duration = Duration::from_secs(2);
const MEMORY_MIB: u64 = 512;

const SEEDS: [&str; 8] = [
    include_str!("../tests/guides/counters.md"),
    include_str!("../tests/guides/migration.md"),
    include_str!("../tests/guides/release.md"),
    include_str!("../tests/guides/rivals.md"),
    include_str!("../tests/guides/schema.md"),
    include_str!("../runbooks/single-table-migration.md"),
    include_str!("../docs/dialect.md"),
    include_str!("../docs/configuration.md"),
];

const PIECES: [&str; 62] = [
    "# ",
    "## Step 1: ",
    "### Rollback\n",
    "\n```bash\n",
    "\n```sql {#a .check expect=\"",
    "\n```\n",
    "````\n",
    "~~~",
    "- [ ] ",
    "1. ",
    "\n# or: npx b\n",
    "\n# Option A\n",
    "psql \"$URL\"\n",
    "psql <<SQL\n",
    "SQL\n",
    "psql -c \"",
    "<!-- gonogo: undo=",
    " -->",
    "**Expected**: ",
    "WAIT 7 DAYS (5-",
    "ssh host\n",
    "exit\n",
    "BEGIN;\n",
    "COMMIT;\n",
    "$a$",
    "$body$",
    "/*",
    "*/",
    "--",
    "'",
    "\"",
    "\\\n",
    "$(",
    "`",
    "{",
    "}",
    "{{x}}",
    "<a b>",
    "YOUR_X",
    "...",
    "|",
    "\r\n",
    "\0",
    "\t",
    "    ",
    "> ",
    "é",
    "\u{202e}",
    "✅ ",
    "❌ ",
    "---\n",
    "gonogo:\n",
    "T-30m",
    "5-10 minutes",
    " && ",
    " || ",
    "rows.all(r, r.n == 0)",
    "latency < 200ms",
    "==",
    "[0]",
    "(",
    ")",
];

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap_or(0) % limit.max(1)
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let count: usize = arguments
        .next()
        .and_then(|count| count.parse().ok())
        .unwrap_or(10_000);
    let mut seeds: Vec<Vec<u8>> = SEEDS.iter().map(|seed| seed.as_bytes().to_vec()).collect();
    seeds.extend(arguments.map(|path| std::fs::read(&path).expect("a seed can be read")));
    let seed = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let mut random = Random(seed.unwrap_or(0x9E37_79B9_7F4A_7C15));
    let current = Arc::new(Mutex::new((Instant::now(), Vec::new())));
    let watched = Arc::clone(&current);
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_millis(500));
            let (since, input) = &*watched.lock().expect("the input");
            if since.elapsed() > 5 * SLOWEST {
                stop("it does not end", input);
            }
        }
    });
    std::panic::set_hook(Box::new(|_| {}));
    let (begun, mut slowest, mut bytes) = (Instant::now(), Duration::ZERO, 0_usize);
    for number in 1..=count {
        let input = input(&mut random, &seeds);
        bytes += input.len();
        let since = Instant::now();
        *current.lock().expect("the input") = (since, input.clone());
        let kind = number % 8;
        if catch_unwind(AssertUnwindSafe(|| read(kind, &input))).is_err() {
            stop("a panic", &input);
        }
        let took = since.elapsed();
        slowest = slowest.max(took);
        if took > SLOWEST {
            stop("longer than two seconds", &input);
        }
        if number % 10_000 == 0 {
            let memory = peak_mib();
            println!(
                "{number} inputs, {} MB, {:.0?}: no panic, slowest {slowest:.1?}, peak {memory} MiB",
                bytes / 1_000_000,
                begun.elapsed()
            );
            if memory > MEMORY_MIB {
                stop("too much memory", &input);
            }
        }
    }
    println!(
        "{count} inputs, {} MB, {:.0?}: no panic, slowest {slowest:.1?}, peak {} MiB",
        bytes / 1_000_000,
        begun.elapsed(),
        peak_mib()
    );
}

/// Six inputs in eight are guides, one is a configuration, one a condition.
fn read(kind: usize, input: &[u8]) {
    match kind {
        6 => {
            parse_config("gonogo.toml", &String::from_utf8_lossy(input));
        }
        7 => {
            let text = String::from_utf8_lossy(&input[..input.len().min(700)]);
            check_condition(
                &text,
                &parse("guide.md", b""),
                Some(&["gateway".to_owned()]),
            )
            .ok();
            judge(
                "",
                &text,
                &Scope::default().with_evidence(&Evidence::default()),
            );
        }
        _ => {
            let runbook = parse("guide.md", input);
            let found = check_conditions(&runbook, input, |condition, _| {
                check_condition(condition, &runbook, None).ok();
                Vec::new()
            });
            render(
                &runbook.diagnostics,
                "guide.md",
                &String::from_utf8_lossy(input),
            );
            render(&found, "guide.md", "");
            check_document(&runbook);
        }
    }
}

/// Up to a few KiB, now and then more: slices of seeds and pieces, then some bytes changed.
fn input(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut input = Vec::new();
    for _ in 0..=random.below(12) {
        if random.below(3) == 0 {
            let seed = &seeds[random.below(seeds.len())];
            let from = random.below(seed.len());
            let most = if random.below(50) == 0 { 20_000 } else { 700 };
            let length = random.below(most).min(seed.len() - from);
            input.extend_from_slice(&seed[from..from + length]);
        } else {
            let piece = PIECES[random.below(PIECES.len())].as_bytes();
            let times = if random.below(40) == 0 {
                random.below(300)
            } else {
                1
            };
            for _ in 0..times {
                input.extend_from_slice(piece);
            }
        }
    }
    for _ in 0..random.below(6) {
        if input.is_empty() {
            break;
        }
        let at = random.below(input.len());
        match random.below(3) {
            0 => input[at] = u8::try_from(random.below(256)).unwrap_or(0),
            1 => {
                input.remove(at);
            }
            _ => input.insert(at, b"\n`#'\"$<{[(|&;\\ \t-=*!"[random.below(22)]),
        }
    }
    input
}

fn stop(why: &str, input: &[u8]) -> ! {
    let file = std::env::temp_dir().join("gonogo-endure.input");
    std::fs::write(&file, input).expect("the input can be kept");
    println!("stopped: {why}; the input is in {}", file.display());
    std::process::exit(1)
}

fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        .map_or(0, |kibibytes| kibibytes / 1024)
}
