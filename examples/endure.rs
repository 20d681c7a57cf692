//! Feeds the reader what nobody would write: pieces of guides cut, joined and mutated, as a guide, as
//! a `gonogo.toml` and as a condition. Stops with exit code 1 at a panic, at an input that takes longer
//! than two seconds, or above 512 MiB; the input is kept. `SEED=…` makes another series of the same
//! kind. Not part of the test suite, which runs a shorter property:
//!
//! ```text
//! cargo run --release --example endure -- 1000000 GUIDE…
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gonogo::run::{Evidence, Scope, check_condition, judge};
use gonogo::runbook::config::parse_config;
use gonogo::runbook::diagnostic::render;
use gonogo::runbook::{check_conditions, check_document, decoded, parse};

const SLOWEST: Duration = Duration::from_secs(2);
const MEMORY_MIB: u64 = 512;
/// How many inputs a line of progress stands for.
const PROGRESS: usize = 10_000;

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

const MARKS: &[u8] = b"\n`#'\"$<{[(|&;\\ \t-=*!";

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap_or(0) % limit.max(1)
    }
}

/// What one worker reads at the moment, for the one that watches over time.
type Current = Mutex<Option<(Instant, Vec<u8>)>>;

/// What all workers did together.
#[derive(Default)]
struct Totals {
    taken: AtomicUsize,
    done: AtomicUsize,
    bytes: AtomicUsize,
    slowest_us: AtomicU64,
}

impl Totals {
    fn tell(&self, begun: Instant) {
        println!(
            "{} inputs, {} MB, {:.0?}: no panic, slowest {:.1?}, peak {} MiB",
            self.done.load(Ordering::Relaxed),
            self.bytes.load(Ordering::Relaxed) / 1_000_000,
            begun.elapsed(),
            Duration::from_micros(self.slowest_us.load(Ordering::Relaxed)),
            peak_mib()
        );
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
    let seed = std::env::var("SEED").ok();
    let seed = seed.and_then(|seed| seed.parse().ok()).unwrap_or(1_u64);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers: Vec<Current> = (0..cores).map(|_| Mutex::new(None)).collect();
    let (totals, begun) = (Totals::default(), Instant::now());
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for (worker, current) in (1_u64..).zip(&workers) {
            let random = Random((seed << 8 | worker).wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let (totals, seeds) = (&totals, &seeds);
            threads.push(scope.spawn(move || work(random, count, seeds, totals, current)));
        }
        let mut told = 0;
        // A worker that ends early has failed, which the end of the scope tells.
        while !threads.iter().all(|worker| worker.is_finished()) {
            std::thread::sleep(Duration::from_millis(100));
            watch(&workers);
            let done = totals.done.load(Ordering::Relaxed) / PROGRESS;
            if done > told {
                told = done;
                totals.tell(begun);
            }
        }
    });
    totals.tell(begun);
}

/// Stops at an input that does not end, and at too much memory.
fn watch(workers: &[Current]) {
    for current in workers {
        if let Some((since, input)) = &*current.lock().expect("the input")
            && since.elapsed() > 5 * SLOWEST
        {
            stop("it does not end", input);
        }
    }
    if peak_mib() > MEMORY_MIB {
        let all: Vec<u8> = workers
            .iter()
            .filter_map(|current| current.lock().expect("the input").clone())
            .flat_map(|(_, input)| input)
            .collect();
        stop(
            "too much memory for the inputs of all workers, joined",
            &all,
        );
    }
}

fn work(mut random: Random, count: usize, seeds: &[Vec<u8>], totals: &Totals, current: &Current) {
    loop {
        let number = totals.taken.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            return;
        }
        let input = input(&mut random, seeds);
        let since = Instant::now();
        *current.lock().expect("the input") = Some((since, input.clone()));
        let kind = random.below(8);
        if catch_unwind(AssertUnwindSafe(|| read(kind, &input))).is_err() {
            stop("a panic", &input);
        }
        let took = since.elapsed();
        *current.lock().expect("the input") = None;
        if took > SLOWEST {
            stop("longer than two seconds", &input);
        }
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        totals.slowest_us.fetch_max(took, Ordering::Relaxed);
        totals.bytes.fetch_add(input.len(), Ordering::Relaxed);
        totals.done.fetch_add(1, Ordering::Relaxed);
    }
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
            let text = decoded(input);
            render(&runbook.diagnostics, "guide.md", &text);
            render(&found, "guide.md", &text);
            check_document(&runbook);
        }
    }
}

/// About 600 bytes, now and then up to 20 KiB: slices of seeds and pieces, then some bytes changed.
fn input(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut input = Vec::new();
    let large = random.below(500) == 0;
    for _ in 0..=random.below(10) {
        if random.below(3) == 0 {
            let seed = &seeds[random.below(seeds.len())];
            let from = random.below(seed.len());
            let most = if large { 20_000 } else { 500 };
            let length = random.below(most).min(seed.len() - from);
            input.extend_from_slice(&seed[from..from + length]);
        } else {
            let piece = PIECES[random.below(PIECES.len())].as_bytes();
            let most = if large { 1_000 } else { 30 };
            let often = random.below(20) == 0;
            let times = if often { random.below(most) } else { 1 };
            input.extend(piece.repeat(times));
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
            _ => input.insert(at, MARKS[random.below(MARKS.len())]),
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
