//! Processes by name that lasts: a pid together with its start time and the boot it belongs to. On
//! Linux all of it comes from `/proc`; elsewhere from `ps`, without start times.

use std::collections::BTreeMap;
use std::io;

use rustix::process::{Pid, Signal};

use crate::run::Launched;

/// One line of the process table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub pid: u32,
    pub parent: u32,
    pub group: u32,
    pub session: u32,
    /// In clock ticks since boot; 0 where the system does not say.
    pub start_time: u64,
    pub zombie: bool,
    pub condition: Condition,
    pub name: String,
}

/// What a process is doing, as the system says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It runs, or waits for something to do.
    Working,
    /// A signal has stopped it.
    Stopped,
    /// A debugger has.
    Traced,
    /// It waits for a disk or a device, and hears no signal meanwhile.
    Uninterruptible,
}

impl Condition {
    /// By the letter that `ps` and `/proc` use.
    fn of(letter: &str) -> Self {
        match letter.chars().next() {
            Some('T') => Self::Stopped,
            Some('t') => Self::Traced,
            Some('D' | 'U') => Self::Uninterruptible,
            _ => Self::Working,
        }
    }
}

/// The lasting name of a process that lives now.
pub fn launched(pid: u32) -> Launched {
    Launched {
        pid,
        start_time: look_up(pid).map_or(0, |process| process.start_time),
        boot_id: boot_id(),
    }
}

/// Whether that very process lives: not another one of the same pid, and not a zombie.
pub fn is_alive(launched: &Launched) -> bool {
    launched.boot_id == boot_id()
        && look_up(launched.pid)
            .is_some_and(|process| !process.zombie && process.start_time == launched.start_time)
}

/// What that very process is doing; `None` where it is gone.
pub fn condition(launched: &Launched) -> Option<Condition> {
    is_alive(launched).then(|| look_up(launched.pid).map(|process| process.condition))?
}

/// The processes of this user whose arguments end with these, by their lasting names. It reads no disk.
pub fn with_arguments(arguments: &[&str]) -> Vec<Launched> {
    let wanted: String = arguments
        .iter()
        .map(|argument| format!("\0{argument}"))
        .collect();
    let wanted = format!("{wanted}\0");
    let own = rustix::process::getuid().as_raw();
    let is_ours = |pid: u32| {
        use std::os::unix::fs::MetadataExt;
        std::fs::metadata(format!("/proc/{pid}")).is_ok_and(|found| found.uid() == own)
    };
    table()
        .into_iter()
        .filter(|process| !process.zombie && is_ours(process.pid))
        .filter(|process| {
            let said = std::fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
            said.ends_with(wanted.as_bytes())
        })
        .map(|process| launched(process.pid))
        .collect()
}

/// Signals that very process; a process that is gone is no error.
pub fn signal_exactly(launched: &Launched, signal: Signal) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    let sent = match open_exactly(launched) {
        Ok(process) => rustix::process::pidfd_send_signal(process, signal),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    #[cfg(not(target_os = "linux"))]
    let sent = match (is_alive(launched), raw_pid(launched.pid)) {
        (true, Some(pid)) => rustix::process::kill_process(pid, signal),
        _ => return Ok(()),
    };
    match sent {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A handle on that very process; `NotFound` where it is gone.
#[cfg(target_os = "linux")]
pub(super) fn open_exactly(launched: &Launched) -> io::Result<std::os::fd::OwnedFd> {
    let gone = || io::Error::new(io::ErrorKind::NotFound, "the process is gone");
    let pid = raw_pid(launched.pid).ok_or_else(gone)?;
    let handle = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::NONBLOCK)
        .or_else(|_| rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()))
        .map_err(|error| match error {
            rustix::io::Errno::SRCH => gone(),
            other => other.into(),
        })?;
    // The handle is taken first: if the pid still names the same process now, so does the handle.
    if is_alive(launched) {
        Ok(handle)
    } else {
        Err(gone())
    }
}

pub(super) fn raw_pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// What still lives in the session that a dead shim led, as the end of a sentence.
pub(super) fn survivors(launched: &Launched) -> String {
    let left: Vec<String> = table()
        .into_iter()
        .filter(|process| process.session == launched.pid && !process.zombie)
        .map(|process| format!("{} (pid {})", process.name, process.pid))
        .collect();
    if left.is_empty() {
        return String::new();
    }
    format!(
        "; still running: {}: stop it before you continue or roll back",
        left.join(", ")
    )
}

/// Everything that descends from `ancestor`, zombies included.
pub(super) fn descendants(ancestor: u32) -> Vec<Process> {
    descendants_in(table(), ancestor)
}

/// As [`descendants`], for who looks often and may miss one that comes or goes at this moment: asked of each
/// process, and not of all that run on the machine.
#[cfg(target_os = "linux")]
pub(super) fn family(ancestor: u32) -> Vec<Process> {
    let mut found = Vec::new();
    let mut parents = vec![ancestor];
    while let Some(parent) = parents.pop() {
        let Some(children) = system::children(parent) else {
            return descendants(ancestor);
        };
        found.extend(children.iter().copied().filter_map(look_up));
        parents.extend(children);
    }
    found
}

fn descendants_in(table: Vec<Process>, ancestor: u32) -> Vec<Process> {
    let mut children: BTreeMap<u32, Vec<Process>> = BTreeMap::new();
    for process in table {
        children.entry(process.parent).or_default().push(process);
    }
    let mut found = Vec::new();
    let mut parents = vec![ancestor];
    while let Some(parent) = parents.pop() {
        for process in children.remove(&parent).unwrap_or_default() {
            parents.push(process.pid);
            found.push(process);
        }
    }
    found
}

/// Signals each of these processes that still is what it was; wakes stopped ones to let them hear it.
pub(super) fn signal_all(processes: &[Process], signal: Signal) {
    for process in processes.iter().filter(|process| !process.zombie) {
        let exactly = Launched {
            pid: process.pid,
            start_time: process.start_time,
            boot_id: boot_id(),
        };
        for signal in [signal, Signal::CONT] {
            if let Err(error) = signal_exactly(&exactly, signal) {
                tracing::warn!(%error, pid = process.pid, "cannot signal a process");
            }
        }
    }
}

#[cfg(target_os = "linux")]
mod system {
    use super::{Condition, Process};

    /// The boot this machine is in.
    pub fn boot_id() -> String {
        use std::sync::OnceLock;
        static BOOT: OnceLock<String> = OnceLock::new();
        BOOT.get_or_init(|| {
            std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
                .map(|id| id.trim().to_owned())
                .unwrap_or_default()
        })
        .clone()
    }

    pub(in super::super) fn look_up(pid: u32) -> Option<Process> {
        let text = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
        parse(&String::from_utf8_lossy(&text))
    }

    /// The children of all threads of a process; `None` where the kernel keeps no such lists.
    pub(super) fn children(pid: u32) -> Option<Vec<u32>> {
        let mut found = Vec::new();
        // One that has just gone has none.
        let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
            return Some(found);
        };
        for thread in threads.flatten() {
            match std::fs::read_to_string(thread.path().join("children")) {
                Ok(children) => {
                    let pids = children.split_whitespace();
                    found.extend(pids.filter_map(|pid| pid.parse::<u32>().ok()));
                }
                Err(_) if thread.path().join("stat").exists() => return None,
                Err(_) => {}
            }
        }
        Some(found)
    }

    pub(super) fn table() -> Vec<Process> {
        let Ok(entries) = std::fs::read_dir("/proc") else {
            return Vec::new();
        };
        entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter_map(look_up)
            .collect()
    }

    /// `pid (name) state ppid pgrp session …`; the name may itself hold brackets and blanks.
    pub(super) fn parse(stat: &str) -> Option<Process> {
        let (pid, rest) = stat.split_once(" (")?;
        let (name, rest) = rest.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        Some(Process {
            pid: pid.parse().ok()?,
            name: name.to_owned(),
            zombie: matches!(*fields.first()?, "Z" | "X"),
            condition: Condition::of(fields.first()?),
            parent: fields.get(1)?.parse().ok()?,
            group: fields.get(2)?.parse().ok()?,
            session: fields.get(3)?.parse().ok()?,
            start_time: fields.get(19)?.parse().ok()?,
        })
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::{Condition, Process};

    /// Nothing names a boot here: a pid is trusted as long as a process has it.
    pub fn boot_id() -> String {
        String::new()
    }

    pub(in super::super) fn look_up(pid: u32) -> Option<Process> {
        table().into_iter().find(|process| process.pid == pid)
    }

    pub(super) fn table() -> Vec<Process> {
        std::process::Command::new("ps")
            .args(["-A", "-o", "pid=,ppid=,pgid=,stat=,comm="])
            .output()
            .map(|output| {
                String::from_utf8_lossy(&output.stdout)
                    .lines()
                    .filter_map(parse)
                    .collect()
            })
            .unwrap_or_default()
    }

    fn parse(line: &str) -> Option<Process> {
        let mut fields = line.split_whitespace();
        let pid = fields.next()?.parse().ok()?;
        let parent = fields.next()?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        let state = fields.next()?;
        let name = fields.next()?.rsplit('/').next()?.to_owned();
        let session = super::raw_pid(pid)
            .and_then(|pid| rustix::process::getsid(Some(pid)).ok())
            .map_or(0, |session| session.as_raw_nonzero().get().unsigned_abs());
        Some(Process {
            pid,
            parent,
            group,
            session,
            start_time: 0,
            zombie: state.starts_with('Z'),
            condition: Condition::of(state),
            name,
        })
    }
}

pub use system::boot_id;
pub(super) use system::look_up;
use system::table;

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_family_is_found_to_its_grandchildren() {
        let mut child = Command::new("sh")
            .args(["-c", "(sh -c 'echo $$; read line'; true); true"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut grandchild = String::new();
        let mut told = BufReader::new(child.stdout.take().unwrap());
        told.read_line(&mut grandchild).unwrap();
        let grandchild: u32 = grandchild.trim().parse().unwrap();
        let found = family(std::process::id());
        let times = |pid: u32| found.iter().filter(|process| process.pid == pid).count();
        assert_eq!(times(child.id()), 1, "{found:?}");
        assert_eq!(times(grandchild), 1, "{found:?}");
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}
