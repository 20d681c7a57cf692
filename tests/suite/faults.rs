//! What breaks while a run is under way: its supervisor, a step's process, the disk. Nothing that was
//! acknowledged is lost, what is not known is said to be unknown, and the rollback stays open.

use std::path::PathBuf;

use gonogo::api::CommandAnswer;
use gonogo::run::{Command, Mode, Outcome, rollback_plans};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};

use crate::socket::Joined;
use crate::support::home::{Home, until};
use crate::support::terminal::Terminal;

const GUIDE: &str = r#"# Break me

## Phase 1: Work

### The work itself

```bash {#work .run}
echo before
touch begun
while [ ! -e go ]; do sleep 0.02; done
echo after
```

### Something deaf

```bash {#deaf .run}
trap '' INT TERM HUP
{ touch begun; while [ ! -e go ]; do sleep 0.02; done; }
```

### Somebody is there

- [ ] A person is here

## Rollback

### Option A: Undo it (recommended)

```bash {#undo .undo}
touch undone
```
"#;

pub struct Broken {
    pub home: Home,
    pub run: String,
    pub terminal: Terminal,
}

/// A cockpit on a run of the guide above.
pub fn opened() -> Broken {
    let home = Home::new();
    home.write("guide.md", GUIDE);
    let terminal = Terminal::start(home.path(), &["run", "guide.md"], 120, 40);
    terminal.wait_for("would run: `work`");
    let run = home.runs()[0].clone();
    Broken {
        home,
        run,
        terminal,
    }
}

impl Broken {
    pub fn executes(&mut self) {
        self.terminal.keys("<enter>");
        self.terminal.wait_for("EXECUTE");
        self.terminal.keys("x");
        let begun = self.home.path().join("begun");
        until("the step to begin", || begun.exists().then_some(()));
    }

    pub fn socket(&self) -> PathBuf {
        self.home.run_directory(&self.run).join("socket")
    }

    pub fn supervisor(&self) -> Pid {
        let pid = self.home.supervisor(&self.run).unwrap();
        Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
    }

    /// The process that carries out the first attempt of a block.
    pub fn shim(&self, block: usize) -> Pid {
        let claim = self
            .home
            .run_directory(&self.run)
            .join(format!("actions/{block}-1/pid.json"));
        let pid = until("the claim of the shim", || {
            let claim: serde_json::Value =
                serde_json::from_str(&std::fs::read_to_string(&claim).ok()?).ok()?;
            claim["shim"]["pid"].as_u64()
        });
        Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
    }
}

#[test]
fn a_killed_supervisor_is_seen_at_once_and_what_ran_is_adopted_with_all_its_output() {
    let mut broken = opened();
    broken.executes();
    kill_process(broken.supervisor(), Signal::KILL).unwrap();
    broken.terminal.wait_for("CONNECTION LOST");
    // Nobody is told that it goes on by itself.
    for words in [["status", &broken.run].as_slice(), &["runs"]] {
        let told = broken.home.gonogo(words).exits(0).out;
        assert!(told.contains("NO SUPERVISOR"), "{told}");
        assert!(
            told.contains(&format!("gonogo attach {}", broken.run)),
            "{told}"
        );
    }
    let mut second = Terminal::start(broken.home.path(), &["attach", &broken.run], 120, 40);
    let screen = second.wait_for("HELD");
    assert!(screen.contains("running"), "{screen}");
    broken.terminal.wait_gone("CONNECTION LOST");
    broken.home.write("go", "");
    let screen = second.wait_for("after");
    assert!(screen.contains("before"), "{screen}");
    until("the step to pass", || {
        (broken.home.outcome(&broken.run, "the-work-itself") == "passed").then_some(())
    });
    second.keys("q");
    second.wait_for("the run goes on");
    second.keys("l");
    second.wait_exit();
}

#[test]
fn a_killed_shim_leaves_an_unknown_that_names_what_still_runs() {
    let mut broken = opened();
    broken.terminal.keys("s");
    broken.terminal.wait_for("Enter keep");
    broken.terminal.keys("later");
    broken.terminal.keys("<enter>");
    broken.terminal.wait_for("would run: `deaf`");
    broken.executes();
    kill_process(broken.shim(2), Signal::KILL).unwrap();
    broken.terminal.wait_for("unknown");
    broken.terminal.wait_for("left no exit record");
    let status = broken.home.status(&broken.run);
    let reason = status["steps"][1]["evidence"]["reason"].as_str().unwrap();
    assert!(reason.contains("still running: bash (pid"), "{reason}");
    broken.home.write("go", "");
}

#[tokio::test]
async fn a_journal_without_room_stops_what_is_new_but_not_the_rollback() {
    let broken = opened();
    let directory = broken.home.run_directory(&broken.run);
    assert!(
        directory.join("reserve").exists(),
        "room is kept for the rollback"
    );
    let status = broken.home.status(&broken.run);
    let driver = status["driver"].as_str().unwrap().to_owned();
    let mut joined = Joined::join(broken.socket(), &driver).await;
    // The same person at a second terminal takes over without asking.
    let me = joined.me.clone();
    joined.asks(Command::TakeControl {}).await;
    joined
        .sees("control", move |state| state.driver == me)
        .await;
    // No file of the supervisor grows any more: its next write fails as on a full disk.
    let supervisor = Some(broken.supervisor());
    let room = std::fs::metadata(directory.join("journal.sqlite-wal")).unwrap();
    let limited = Rlimit {
        current: Some(room.len()),
        maximum: None,
    };
    let before = prlimit(supervisor, Resource::Fsize, limited).unwrap();
    let known = joined.state.seq;
    match joined.asks(joined.start("work")).await {
        CommandAnswer::Refused(refusal) => {
            assert!(refusal.message.contains("journal"), "{refusal}");
        }
        CommandAnswer::Accepted { .. } => panic!("nothing new starts without a journal"),
    }
    broken.terminal.wait_for("JOURNAL NOT WRITTEN");
    assert!(!broken.home.path().join("begun").exists());
    let plan = rollback_plans(&joined.state).remove(0);
    let back = Command::Rollback {
        option: plan.option,
        hash: plan.hash,
        typed: None,
        reason: None,
        included: None,
    };
    assert!(matches!(
        joined.asks(back).await,
        CommandAnswer::Accepted { .. }
    ));
    joined
        .sees("the rollback", |state| state.mode == Mode::RolledBack)
        .await;
    assert!(broken.home.path().join("undone").exists());
    let kept = broken.home.status(&broken.run);
    assert_eq!(kept["journal"]["events"], known, "nothing could be written");
    // There is room again: what happened meanwhile is written, in order and without a gap.
    prlimit(supervisor, Resource::Fsize, before).unwrap();
    broken.terminal.wait_gone("JOURNAL NOT WRITTEN");
    let kept = broken.home.status(&broken.run);
    assert_eq!(kept["state"], "rolled_back");
    assert_eq!(kept["journal"]["intact"], true);
    assert!(kept["journal"]["events"].as_u64().unwrap() >= joined.state.seq);
    let undo = joined.action("undo");
    assert_eq!(Joined::outcome(&joined.state, undo), Some(Outcome::Passed));
}

#[test]
fn a_supervisor_that_is_told_to_end_says_so_in_its_log() {
    let broken = opened();
    kill_process(broken.supervisor(), Signal::TERM).unwrap();
    let log = broken
        .home
        .run_directory(&broken.run)
        .join("supervisor.log");
    let said = until("the end in the log", || {
        let said = std::fs::read_to_string(&log).ok()?;
        said.contains("supervisor ends").then_some(said)
    });
    assert!(said.contains("SIGTERM"), "{said}");
}

#[test]
fn a_finished_run_leaves_no_process_and_no_socket() {
    let mut broken = opened();
    broken.terminal.keys("R");
    broken.terminal.wait_for("BEGIN the rollback");
    broken.terminal.keys("B");
    broken.terminal.wait_for("rolled back");
    broken.terminal.keys("q");
    broken.terminal.wait_for("leave");
    broken.terminal.keys("l");
    assert_eq!(broken.terminal.wait_exit(), 4);
    until("the supervisor to end", || {
        let status = broken.home.status(&broken.run);
        (status["supervisor"]["alive"] == false).then_some(())
    });
    until("its socket to go", || {
        (!broken.socket().exists()).then_some(())
    });
    let directory = broken.home.run_directory(&broken.run);
    assert!(
        !directory.join("reserve").exists(),
        "its room is given back"
    );
}

#[test]
fn a_file_that_is_not_text_is_no_guide() {
    let home = Home::new();
    std::fs::write(
        home.path().join("image.md"),
        [0x89, b'P', b'N', b'G', 0, 0, 1],
    )
    .unwrap();
    let done = home.gonogo(&["plan", "image.md"]).exits(2);
    assert!(done.err.contains("is not text"), "{}", done.err);
}

#[test]
fn a_guide_that_changes_on_the_disk_does_not_change_the_run() {
    let mut broken = opened();
    broken.home.write("guide.md", "# Another\n");
    broken.executes();
    broken.home.write("go", "");
    broken.terminal.wait_for("would run: `deaf`");
}

#[test]
fn a_state_folder_that_cannot_be_written_is_named_with_the_way_on() {
    let home = Home::new();
    home.write("guide.md", GUIDE);
    home.write("state", "a file where a folder should be");
    let done = home.gonogo(&["rehearse", "guide.md"]).exits(1);
    for said in ["state/gonogo/runs", "next:", "XDG_STATE_HOME"] {
        assert!(done.err.contains(said), "{}", done.err);
    }
    let done = home.gonogo(&["runs"]).exits(1);
    assert!(done.err.contains("state/gonogo/runs"), "{}", done.err);
}
