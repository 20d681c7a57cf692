//! A disk that does not answer. Opening a file on which somebody else holds a write lease waits until
//! they give it up, as reading a dead mount does; nobody at the run waits with it.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::home::{Home, until};
use crate::support::terminal::Terminal;

/// Who presses `R` or `B` sees the answer within this time, however loaded the machine is.
const AT_ONCE: Duration = Duration::from_secs(3);

const GUIDE: &str = r#"# Read a dead disk

## Phase 1: Work

### Here

- [ ] A person is here

### Call it

```bash {#call .run}
bash dead/part.sh
```

## Rollback

### Option A: Undo it (recommended)

```bash {#first .undo}
touch undone
```

```bash {#second .undo}
bash dead/part.sh
```
"#;

/// Holds a write lease on a file: whoever opens it waits.
struct Lease(Child);

impl Lease {
    fn on(path: &Path) -> Self {
        // F_SETLEASE is 1024, F_WRLCK is 1; SIGIO says that somebody waits.
        let script = "$SIG{IO} = 'IGNORE'; open(my $f, '+<', $ARGV[0]) or die $!; \
             fcntl($f, 1024, 1) or die \"no lease: $!\"; print \"held\\n\"; <STDIN>;";
        let mut child = Command::new("perl")
            .args(["-e", &format!("$| = 1; {script}"), path.to_str().unwrap()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = [0; 5];
        let out = child.stdout.as_mut().unwrap();
        std::io::Read::read_exact(out, &mut said).unwrap();
        assert_eq!(&said, b"held\n");
        Self(child)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.stdin.take().unwrap().write_all(b"\n").ok();
        self.0.wait().ok();
    }
}

fn home() -> Home {
    let home = Home::new();
    home.write("guide.md", GUIDE);
    home.write("dead/part.sh", "touch called\n");
    home
}

#[test]
fn a_dead_disk_delays_neither_the_rollback_nor_its_beginning() {
    let home = home();
    let mut terminal = Terminal::start(home.path(), &["run", "guide.md"], 120, 40);
    terminal.wait_for("A person is here");
    let run = home.runs()[0].clone();
    let lease = Lease::on(&home.path().join("dead/part.sh"));
    let began = Instant::now();
    terminal.keys("R");
    terminal.wait_for("BEGIN the rollback");
    terminal.wait_for("has not answered for");
    terminal.keys("B");
    let undone = home.path().join("undone");
    until("the first command", || undone.exists().then_some(()));
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    // Its second command reads that file; what was shown of it is that it does not answer.
    until("the command that hangs", || {
        let status = home.status(&run);
        let is = status["state"].as_str().unwrap().to_owned();
        (is == "rolling_back" || is == "stuck").then_some(())
    });
    drop(lease);
    until("the end", || {
        let status = home.status(&run);
        ["rolled_back", "stuck"]
            .contains(&status["state"].as_str().unwrap())
            .then_some(())
    });
}

#[test]
fn a_file_that_was_shown_and_hangs_since_stops_the_rollback_with_its_name() {
    let home = home();
    let mut terminal = Terminal::start(home.path(), &["run", "guide.md"], 120, 40);
    terminal.wait_for("A person is here");
    terminal.keys("R");
    terminal.wait_for("touch called");
    let lease = Lease::on(&home.path().join("dead/part.sh"));
    let began = Instant::now();
    terminal.keys("B");
    let undone = home.path().join("undone");
    until("the first command", || undone.exists().then_some(()));
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    terminal.wait_for("has not answered");
    assert!(!home.path().join("called").exists());
    drop(lease);
    let run = home.runs()[0].clone();
    home.gonogo(&["rollback", &run, "--retry"]).exits(4);
    assert!(home.path().join("called").exists());
}

#[test]
fn a_pipe_in_place_of_a_file_is_said_and_waits_for_nobody() {
    let home = home();
    let part = home.path().join("dead/part.sh");
    std::fs::remove_file(&part).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &part, rustix::fs::Mode::RWXU).unwrap();
    let mut terminal = Terminal::start(home.path(), &["run", "guide.md"], 120, 40);
    terminal.wait_for("A person is here");
    let began = Instant::now();
    terminal.keys("R");
    terminal.wait_for("it is not a file");
    terminal.keys("B");
    let undone = home.path().join("undone");
    until("the first command", || undone.exists().then_some(()));
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
}
