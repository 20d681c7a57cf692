//! What the benchmarks share: the program in a terminal, the sample system, what `/proc` tells of a
//! process, and the table of promises. The machine is told with the figures, for they are its own.

#[path = "../../tests/suite/support/home.rs"]
pub mod home;
#[path = "../../tests/suite/support/terminal.rs"]
pub mod terminal;

pub mod process;

use std::fmt::Display;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::time::Duration;

use home::Home;

/// The size of a large terminal, of which the promises speak.
pub const COLUMNS: u16 = 200;
pub const ROWS: u16 = 50;

/// Prints what the figures hold for, and the head of the table.
pub fn head(subject: &str) {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().unwrap_or("unknown");
    println!("{subject}");
    println!("{cores} cores, load {load} before the start\n");
    println!("{:<52} {:>12} {:>12}", "", "promised", "measured");
}

/// One figure beside its promise; without one it is only told.
pub fn row(what: &str, promise: Option<&dyn Display>, figure: &dyn Display, kept: bool) {
    let verdict = match (promise, kept) {
        (None, _) => "",
        (Some(_), true) => "kept",
        (Some(_), false) => "MISSED",
    };
    let promise = promise.map_or_else(|| "-".to_owned(), ToString::to_string);
    println!("{what:<52} {promise:>12} {figure:>12} {verdict}");
}

/// Median, 99th percentile and worst of some times. The promise is kept where this share of them, in
/// hundredths, is within it.
pub fn times(what: &str, (promise, share): (Duration, usize), times: &mut [Duration]) {
    times.sort();
    println!("{what}, {} times", times.len());
    for (name, of) in [("median", 50), ("99 of 100 within", 99), ("worst", 100)] {
        let reached = times[(times.len() * of).div_ceil(100).max(1) - 1];
        let shown = format!("{promise:.0?}");
        let shown = (of == share).then_some(&shown as &dyn Display);
        let figure = format!("{reached:.2?}");
        row(&format!("  {name}"), shown, &figure, reached <= promise);
    }
}

/// Memory in MiB against its promise of 64.
pub fn memory(what: &str, mebibytes: f64) {
    const PROMISED: f64 = 64.0;
    let figure = format!("{mebibytes:.1} MiB");
    row(what, Some(&"64 MiB"), &figure, mebibytes <= PROMISED);
}

/// `gonogo demo --serve`: the sample system with its traffic, until dropped.
pub struct System {
    child: Child,
    /// The guide that it is deployed by.
    pub guide: String,
}

impl System {
    pub fn start(home: &Home) -> Self {
        let workspace = home.path().join("w").display().to_string();
        let mut child = home
            .command(&["demo", "--serve", "--directory", &workspace])
            .stderr(Stdio::null())
            .spawn()
            .expect("the demo");
        let output = child.stdout.take().expect("its output");
        let mut lines = BufReader::new(output).lines();
        // `gonogo run GUIDE --env demo`
        let command = lines
            .next()
            .expect("a line")
            .expect("how to open the guide");
        let guide = command
            .split_whitespace()
            .nth(2)
            .expect("a guide")
            .to_owned();
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, guide }
    }
}

impl Drop for System {
    fn drop(&mut self) {
        process::terminate(self.child.id());
        self.child.wait().ok();
    }
}

/// How many lines the output pane says that there are.
pub fn lines_shown(screen: &str) -> Option<u64> {
    let (before, _) = screen.split_once(" lines ─")?;
    let number = before.rsplit(' ').next()?;
    number.replace(',', "").parse().ok()
}

/// A whole file; what cannot be read is empty.
pub fn text_of(path: impl AsRef<std::path::Path>) -> String {
    let mut text = String::new();
    if let Ok(mut file) = std::fs::File::open(path) {
        file.read_to_string(&mut text).ok();
    }
    text
}
