//! The file system of the state folder turns read-only: between two supervisors, and (in the long form,
//! `GONOGO_FAULTS=1`, which needs root, a loop device and `mkfs.ext4`) at each write of a run's journal,
//! as the kernel does it when a disk fails. Nothing is claimed that is not so, and once the disk can be
//! written again the rollback reaches its end.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gonogo::journal::Holder;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::home::{Done, Home, until};

const GUIDE: &str = r#"# Three steps

## Phase 1: Work

```bash {#first .run}
echo first >> ../ran
```

```bash {#second .run}
echo second >> ../ran
```

```bash {#third .run}
echo third >> ../ran; exit 1
```

## Rollback

### Option A: Undo it (recommended)

```bash {#undo .undo}
echo undone >> ../undone
```
"#;

fn home() -> Home {
    let home = Home::new();
    home.write("guide/guide.md", GUIDE);
    home.write(
        "guide/gonogo.toml",
        "[environments.test]\npark_after = \"30m\"\n",
    );
    std::fs::create_dir_all(home.path().join("state")).unwrap();
    home
}

/// `gonogo` beside the guide.
fn beside(home: &Home, arguments: &[&str]) -> Command {
    let mut command = home.command(arguments);
    command.current_dir(home.path().join("guide"));
    command
}

#[test]
fn a_disk_that_can_only_be_read_is_said_and_the_rollback_goes_on_when_it_can_be_written() {
    let home = home();
    let binary = env!("CARGO_BIN_EXE_gonogo");
    let script = format!(
        "mount -t tmpfs -o size=32m tmpfs state || exit 99\n\
         cd guide; export XDG_STATE_HOME=$PWD/../state\n\
         '{binary}' rehearse guide.md >/dev/null 2>&1\n\
         run=$(ls ../state/gonogo/runs)\n\
         '{binary}' park $run >/dev/null 2>&1\n\
         mount -o remount,ro $PWD/../state || exit 98\n\
         for what in status report; do '{binary}' $what $run >../$what 2>&1; echo $? >>../codes; done\n\
         '{binary}' rollback $run --confirm yes >../refused 2>&1; echo $? >>../codes\n\
         mount -o remount,rw $PWD/../state || exit 97\n\
         '{binary}' rollback $run --confirm yes >../back 2>&1; echo $? >>../codes\n\
         '{binary}' status $run --json >../after\n\
         '{binary}' park $run >/dev/null 2>&1\n\
         true\n"
    );
    let is_root = rustix::process::getuid().is_root();
    let done = Command::new("unshare")
        .args([if is_root { "-m" } else { "-rm" }, "bash", "-c", &script])
        .current_dir(home.path())
        .env("USER", "anna")
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let read = |name: &str| std::fs::read_to_string(home.path().join(name)).unwrap();
    assert_eq!(
        read("codes").split_whitespace().collect::<Vec<_>>(),
        ["0", "0", "1", "4"],
        "{}\n{}\n{}\n{}",
        read("status"),
        read("report"),
        read("refused"),
        read("back")
    );
    assert!(
        read("refused").contains("Read-only file system"),
        "{}",
        read("refused")
    );
    assert!(
        read("after").contains("\"rolled_back\""),
        "{}",
        read("after")
    );
    assert_eq!(read("undone"), "undone\n");
    if std::env::var_os("GONOGO_FAULTS").is_some() {
        at_each_write();
    }
}

/// A file system of its own that can be made to fail.
struct Disk {
    folder: PathBuf,
    image: PathBuf,
}

impl Disk {
    fn new(home: &Home) -> Self {
        let disk = Self {
            folder: home.path().join("state"),
            image: home.path().join("disk"),
        };
        let file = std::fs::File::create(&disk.image).unwrap();
        file.set_len(32 << 20).unwrap();
        run(Command::new("mkfs.ext4").arg("-qF").arg(&disk.image));
        disk.mount();
        disk
    }

    fn mount(&self) {
        let mut mount = Command::new("mount");
        mount.args(["-o", "loop,errors=remount-ro"]);
        run(mount.arg(&self.image).arg(&self.folder));
    }

    fn unmount(&self) {
        until("the disk to be free", || {
            let mut unmount = Command::new("umount");
            unmount.arg(&self.folder).stderr(Stdio::null());
            unmount.status().unwrap().success().then_some(())
        });
    }

    /// As when the kernel finds an error on it.
    fn fail(&self) {
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
        let folder = self.folder.to_str().unwrap();
        let mounted = mounts.lines().find(|line| line.contains(folder)).unwrap();
        let device = mounted.split(' ').next().unwrap();
        let name = Path::new(device).file_name().unwrap().to_str().unwrap();
        std::fs::write(format!("/sys/fs/ext4/{name}/trigger_fs_error"), "1").unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let mut unmount = Command::new("umount");
        unmount.arg("-l").arg(&self.folder).stderr(Stdio::null());
        unmount.status().ok();
    }
}

#[track_caller]
fn run(command: &mut Command) {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{command:?}: {done:?}");
}

/// The name of the only run, if there is a folder for it.
fn run_of(home: &Home) -> Option<String> {
    let mut runs = std::fs::read_dir(home.path().join("state/gonogo/runs")).ok()?;
    runs.next()?.ok()?.file_name().into_string().ok()
}

/// Whether its opening is on the disk.
fn is_open(home: &Home, run: &str) -> bool {
    home.gonogo(&["status", run, "--json"]).code == 0
}

/// How often the journal of the only run was written to so far, as whoever watches its log sees it.
struct Writes<'a> {
    home: &'a Home,
    last: Option<(u64, i64, i64)>,
    count: usize,
}

impl Writes<'_> {
    fn look(&mut self) -> usize {
        let log = run_of(self.home).and_then(|run| {
            let log = self.home.run_directory(&run).join("journal.sqlite-wal");
            std::fs::metadata(log).ok()
        });
        let seen = log.map(|log| (log.len(), log.mtime(), log.mtime_nsec()));
        if seen.is_some() && seen != self.last {
            self.last = seen;
            self.count += 1;
        }
        self.count
    }
}

#[derive(Debug, Default)]
struct Tally {
    writes: usize,
    not_opened: usize,
    rolled_back_later: usize,
    undone_again: usize,
    rolled_back_at_once: usize,
    said_why_not: usize,
    not_started: usize,
    in_flight_unknown: usize,
}

fn at_each_write() {
    let mut tally = Tally::default();
    let began = Instant::now();
    while fails_at(tally.writes + 1, &mut tally) {
        tally.writes += 1;
        println!("write {}: {tally:?}", tally.writes);
    }
    println!(
        "read-only at each write: {tally:?} in {:?}",
        began.elapsed()
    );
    assert!(tally.writes > 10, "{tally:?}");
}

/// False where the run, and its rollback, have ended before so many writes.
fn fails_at(write: usize, tally: &mut Tally) -> bool {
    let home = home();
    let disk = Disk::new(&home);
    let mut writes = Writes {
        home: &home,
        last: None,
        count: 0,
    };
    let Some(mut refused) = ["rehearse", "rollback"]
        .into_iter()
        .find_map(|what| until_write(write, what, &mut writes, &disk))
    else {
        end(&home);
        disk.unmount();
        return false;
    };
    if let Some(run) = run_of(&home).filter(|run| is_open(&home, run)) {
        if refused.code != 4 {
            refused = Home::finish(beside(&home, &["rollback", &run, "--confirm", "yes"]));
        }
        judge(write, &home, &run, &refused, tally);
    }
    end(&home);
    disk.unmount();
    disk.mount();
    if let Some(run) = run_of(&home).filter(|run| is_open(&home, run)) {
        if home.status(&run)["state"] != "rolled_back" {
            let back = ["rollback", &run, "--confirm", "yes"];
            let first = Home::finish(beside(&home, &back));
            if first.code != 4 {
                // A command whose start was written and that never ran: it says so, and how it goes on.
                assert!(first.err.contains("did not start"), "{}", first.err);
                let again = [&back[..], &["--retry"]].concat();
                Home::finish(beside(&home, &again)).exits(4);
            }
        }
        let undone = std::fs::read_to_string(home.path().join("undone")).unwrap_or_default();
        // One that was under way when its end could not be written is run again.
        match undone.lines().count() {
            1 => tally.rolled_back_later += 1,
            2 => tally.undone_again += 1,
            times => panic!("write {write}: undone {times} times"),
        }
    } else {
        tally.not_opened += 1;
    }
    end(&home);
    disk.unmount();
    true
}

/// Starts a command and lets the disk fail at this write; `None` where the command has ended before.
fn until_write(write: usize, what: &str, writes: &mut Writes<'_>, disk: &Disk) -> Option<Done> {
    let home = writes.home;
    let run = run_of(home);
    let arguments = match &run {
        Some(run) => vec![what, run, "--confirm", "yes"],
        None => vec![what, "guide.md"],
    };
    let mut child = beside(home, &arguments).spawn().unwrap();
    while writes.look() < write {
        if child.try_wait().unwrap().is_some() {
            return None;
        }
        std::thread::sleep(Duration::from_micros(50));
    }
    disk.fail();
    let done = child.wait_with_output().unwrap();
    Some(Done {
        code: done.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&done.stdout).into_owned(),
        err: String::from_utf8_lossy(&done.stderr).into_owned(),
    })
}

/// What is said while nothing can be written: only what began may be unknown.
fn judge(write: usize, home: &Home, run: &str, refused: &Done, tally: &mut Tally) {
    let said = format!("{}{}", refused.out, refused.err);
    let ran = std::fs::read_to_string(home.path().join("ran")).unwrap_or_default();
    let status = home.gonogo(&["status", run, "--json"]);
    if refused.code == 4 {
        tally.rolled_back_at_once += 1;
        assert!(home.path().join("undone").exists(), "write {write}: {said}");
    } else {
        tally.said_why_not += 1;
        let why = [
            "Read-only file system",
            "did not start",
            "readonly database",
            "cannot be written",
        ];
        assert!(
            why.iter().any(|why| said.contains(why)),
            "write {write}: {said}"
        );
    }
    if status.code != 0 {
        return;
    }
    let status = status.json();
    for (step, title) in status["steps"]
        .as_array()
        .unwrap()
        .iter()
        .zip(["first", "second", "third"])
    {
        let has_run = ran.lines().any(|line| line == title);
        match step["outcome"].as_str().unwrap() {
            "passed" => assert!(has_run, "write {write}: {step} {ran}"),
            "unknown" => tally.in_flight_unknown += 1,
            "failed" if !has_run => tally.not_started += 1,
            _ => {}
        }
    }
}

/// Ends the supervisor of the only run.
fn end(home: &Home) {
    let Some(run) = run_of(home) else { return };
    let lock = std::fs::read_to_string(home.run_directory(&run).join("lock")).unwrap_or_default();
    let Ok(holder) = serde_json::from_str::<Holder>(&lock) else {
        return;
    };
    let Some(pid) = i32::try_from(holder.pid).ok().and_then(Pid::from_raw) else {
        return;
    };
    if !gonogo::executor::is_alive(&holder.process()) {
        return;
    }
    if kill_process(pid, Signal::KILL).is_ok() {
        until("the supervisor to be gone", || {
            rustix::process::test_kill_process(pid)
                .is_err()
                .then_some(())
        });
    }
}
