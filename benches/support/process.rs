//! Processes as `/proc` tells of them: CPU time, memory, children.

use rustix::process::{Pid, Signal, kill_process};

/// User and system time in seconds. The kernel counts in hundredths.
pub fn cpu_seconds(pid: u32) -> f64 {
    let fields = stat(pid);
    let ticks: f64 = fields
        .get(11..13)
        .unwrap_or_default()
        .iter()
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    ticks / 100.0
}

/// Resident memory now, in MiB.
pub fn resident(pid: u32) -> Option<f64> {
    status(pid, "VmRSS:")
}

/// The most resident memory that there ever was, in MiB.
pub fn peak(pid: u32) -> Option<f64> {
    status(pid, "VmHWM:")
}

/// The first child whose command line holds a word.
pub fn child_with(parent: u32, word: &str) -> Option<u32> {
    let processes = std::fs::read_dir("/proc").ok()?;
    processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .find(|pid| {
            let arguments = super::text_of(format!("/proc/{pid}/cmdline"));
            stat(*pid)
                .get(1)
                .is_some_and(|field| *field == parent.to_string())
                && arguments.split('\0').any(|argument| argument == word)
        })
}

pub fn terminate(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        kill_process(pid, Signal::TERM).ok();
    }
}

/// The fields after the name: state, parent, group…
fn stat(pid: u32) -> Vec<String> {
    super::text_of(format!("/proc/{pid}/stat"))
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

fn status(pid: u32, key: &str) -> Option<f64> {
    let status = super::text_of(format!("/proc/{pid}/status"));
    let rest = status.lines().find_map(|line| line.strip_prefix(key))?;
    let kibibytes: f64 = rest.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes / 1024.0)
}
