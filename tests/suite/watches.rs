//! Watches with real processes: beside the step, on the screen, through the death of a supervisor or a
//! shim, and to their end with the phase.

use std::io::Write;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::home::{Home, until};
use crate::support::terminal::Terminal;
use crate::support::{execute, fresh_database};

const GUIDE: &str = r#"# Watch it

## Phase 1: Deploy

### Watch the logs

```bash
tail -f api.log
tail -f worker.log
```

### Deploy

```bash {#deploy .run}
echo deployed
```

**Red flags**:
- ❌ `ERROR` in one of the logs

## Phase 2: After

- [ ] Told

## Rollback

### Option 1: Back

```bash {#back .run}
echo back
```
"#;

struct Watched {
    home: Home,
    run: String,
    terminal: Terminal,
}

impl Watched {
    fn opened(columns: u16, rows: u16) -> Self {
        let home = Home::new();
        home.write("guide.md", GUIDE);
        home.write("api.log", "");
        home.write("worker.log", "");
        let terminal = Terminal::start(home.path(), &["run", "guide.md"], columns, rows);
        terminal.wait_for("would run: `tail -f api.log`");
        let run = home.runs()[0].clone();
        Self {
            home,
            run,
            terminal,
        }
    }

    /// Both tails run.
    fn watching(columns: u16, rows: u16) -> Self {
        let mut watched = Self::opened(columns, rows);
        for next in ["`tail -f worker.log`", "`deploy`"] {
            watched.terminal.keys("<enter>");
            watched.terminal.wait_for("arm: I read it");
            watched.terminal.keys("a");
            watched.terminal.wait_for("x EXECUTE");
            watched.terminal.keys("x");
            watched.terminal.wait_for(&format!("would run: {next}"));
        }
        watched
    }

    fn logs(&self, log: &str, line: &str) {
        let path = self.home.path().join(log);
        let mut file = std::fs::File::options().append(true).open(path).unwrap();
        writeln!(file, "{line}").unwrap();
    }

    fn watches(&self) -> Vec<Value> {
        let status = self.home.status(&self.run);
        status["watches"].as_array().unwrap().clone()
    }

    fn states(&self) -> Vec<String> {
        let watches = self.watches().into_iter();
        watches
            .map(|watch| watch["state"].as_str().unwrap().to_owned())
            .collect()
    }

    fn alerts(&self) -> Vec<Value> {
        let status = self.home.status(&self.run);
        status["alerts"].as_array().unwrap().clone()
    }

    fn kills(&self, pid: u64) {
        let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        kill_process(pid, Signal::KILL).unwrap();
    }
}

/// From two tails in one fence to the gate that asks, at one size.
fn walks_to_the_gate(mut watched: Watched) {
    let terminal = &mut watched.terminal;
    terminal.keys("w");
    let screen = terminal.wait_until("both tails", |screen| {
        screen.matches("▶ watching").count() == 2
    });
    assert!(screen.contains("2 running"), "{screen}");
    watched.logs("api.log", "02:14 started");
    watched.terminal.wait_for("02:14 started");
    watched.logs("api.log", "02:15 ERROR: deadlock detected");
    let screen = watched.terminal.wait_for("RED FLAG");
    assert!(screen.contains("02:15 ERROR: deadlock"), "{screen}");
    // The watches hold nothing up: the command beside them runs.
    let terminal = &mut watched.terminal;
    terminal.keys(".");
    terminal.wait_for("would run: `deploy`");
    terminal.keys("<enter>");
    terminal.wait_for("x EXECUTE");
    terminal.keys("x");
    terminal.wait_for("gate of `");
    terminal.keys("g");
    terminal.wait_for("G GO");
    terminal.keys("<space>");
    let screen = terminal.wait_for("1 point against GO");
    assert!(
        screen.contains("red flag: ERROR in tail -f api.log"),
        "{screen}"
    );
    terminal.keys("G");
    terminal.wait_for("give a reason");
    terminal.keys("!");
    terminal.wait_for("what it means");
    terminal.keys("an old line");
    terminal.wait_for("an old line");
    terminal.keys("<enter>");
    terminal.wait_for("ready for GO");
    // What was said of it holds for the next such line: counted, and no alarm.
    watched.logs("api.log", "02:16 ERROR: deadlock detected again");
    until("the line that is counted", || {
        let report = watched.home.gonogo(&["report", &watched.run]).exits(0).out;
        report
            .contains("1 more since, the last: 02:16")
            .then_some(())
    });
    let terminal = &mut watched.terminal;
    assert!(!terminal.shows("RED FLAG"), "{}", terminal.text());
    terminal.keys("G");
    terminal.wait_for("Told");
    until("the watches to end with their phase", || {
        (watched.states() == ["watched", "watched"]).then_some(())
    });
    let report = watched.home.gonogo(&["report", &watched.run]).exits(0).out;
    for said in [
        "**watched**",
        "an old line",
        "02:15 ERROR: deadlock detected",
    ] {
        assert!(report.contains(said), "{said} in {report}");
    }
}

#[test]
fn two_tails_in_one_fence_are_two_watches_and_a_red_flag_is_asked_about_at_the_gate() {
    walks_to_the_gate(Watched::watching(120, 40));
}

#[test]
fn the_same_on_a_small_terminal() {
    walks_to_the_gate(Watched::watching(80, 24));
}

#[test]
fn watches_are_adopted_and_what_they_saw_meanwhile_raises_its_alert_once() {
    let watched = Watched::watching(120, 40);
    watched.logs("api.log", "ERROR one");
    watched.terminal.wait_for("RED FLAG");
    let supervisor = watched.home.supervisor(&watched.run).unwrap();
    watched.kills(supervisor.into());
    watched.terminal.wait_for("CONNECTION LOST");
    watched.logs("api.log", "ERROR two");
    watched.logs("worker.log", "ERROR three");
    let second = Terminal::start(watched.home.path(), &["attach", &watched.run], 120, 40);
    second.wait_for("1 of 2");
    assert_eq!(watched.states(), ["watching", "watching"]);
    until("every line to be counted, each once", || {
        let counts: Vec<u64> = watched
            .alerts()
            .iter()
            .map(|alert| alert["count"].as_u64().unwrap())
            .collect();
        (counts == [2, 1]).then_some(())
    });
}

#[test]
fn a_watch_whose_shim_was_killed_has_ended_and_is_started_again() {
    let mut watched = Watched::watching(120, 40);
    let claim = watched.home.run_directory(&watched.run);
    let claim = std::fs::read_to_string(claim.join("actions/1.1-1/pid.json")).unwrap();
    let claim: Value = serde_json::from_str(&claim).unwrap();
    watched.kills(claim["shim"]["pid"].as_u64().unwrap());
    watched.terminal.wait_for("■ ended");
    assert_eq!(watched.states(), ["ended", "watching"]);
    watched.terminal.keys("w");
    watched.terminal.wait_for("1 running");
    watched.terminal.keys("<enter>");
    watched.terminal.wait_for("x EXECUTE");
    watched.terminal.keys("x");
    watched.terminal.wait_for("2 running");
}

/// Walked without a person: what stands in it is annotated.
fn rehearsed(blocks: &str) -> (Home, crate::support::home::Done) {
    let home = Home::new();
    let guide = format!(
        "---\ngonogo:\n  rehearsal: assume\n---\n# Rehearse\n\n## Phase 1: Go\n\n{blocks}\n\n## Phase 2: End\n\n- [ ] Told\n"
    );
    home.write("guide.md", &guide);
    let done = home.gonogo(&["rehearse", "guide.md", "--json"]);
    (home, done)
}

#[test]
fn a_red_flag_ends_a_rehearsal_with_a_no_go() {
    let (_home, done) = rehearsed(
        "```bash {#log .watch alert=\"FATAL|PANIC\"}\necho PANIC: no room; exec sleep 1000\n```\n\n\
         ```bash {#work .run}\nsleep 2\n```",
    );
    let status = done.exits(1).json();
    assert_eq!(status["alerts"][0]["pattern"], "FATAL|PANIC");
    assert_eq!(status["alerts"][0]["text"], "PANIC: no room");
}

#[test]
fn what_a_watch_leaves_in_the_background_ends_with_its_phase() {
    let (home, done) = rehearsed(
        "```bash {#server .watch}\nsleep 1000 &\necho $! > server.pid\n```\n\n\
         ```bash {#work .run}\nuntil [ -s server.pid ]; do sleep 0.02; done; sleep 0.5; kill -0 $(cat server.pid)\n```",
    );
    assert_eq!(done.exits(0).json()["state"], "done");
    let pid = std::fs::read_to_string(home.path().join("server.pid")).unwrap();
    until("the server to end", || {
        let gone = !std::path::Path::new("/proc").join(pid.trim()).exists();
        gone.then_some(())
    });
}

#[test]
fn a_server_that_the_guide_puts_into_the_background_is_there_after_the_run() {
    let (home, done) = rehearsed(
        "```bash {#server .run}\n# Start the server\nwhile :; do sleep 1; done &\necho $! > server.pid\n```",
    );
    assert_eq!(done.exits(0).json()["state"], "done");
    let pid = std::fs::read_to_string(home.path().join("server.pid")).unwrap();
    let killed = std::process::Command::new("kill").arg(pid.trim()).status();
    assert!(killed.unwrap().success(), "it was still there");
}

#[test]
fn a_repeated_check_is_judged_round_by_round() {
    let (_home, done) = rehearsed(
        "```bash {#count .check every=1s expect=\"stdout == 'x\\n'\"}\necho x; [ ! -e full ]\n```\n\n\
         ```bash {#work .run}\nsleep 2.5; touch full\n```",
    );
    let status = done.exits(0).json();
    assert_eq!(status["steps"][0]["outcome"], "passed");
    let (_home, done) = rehearsed(
        "```bash {#count .check every=1s expect=\"exit == 0\"}\n[ ! -e full ]\n```\n\n\
         ```bash {#work .run}\nsleep 1; touch full; sleep 3\n```",
    );
    let status = done.exits(1).json();
    assert_eq!(status["alerts"][0]["pattern"], "exit == 0");
    assert!(status["alerts"][0]["count"].as_u64().unwrap() >= 1);
}

#[tokio::test]
async fn a_query_is_repeated_on_its_target() {
    let database = fresh_database().await;
    execute(
        &mut database.connect().await,
        "CREATE TABLE leftovers (n int)",
    )
    .await;
    let home = Home::new();
    home.environment(&database.conninfo(), "");
    home.write(
        "guide.md",
        "# G\n\n## Phase 1: Go\n\n```sql {#left .check every=1s expect=\"value == 0\"}\nSELECT count(*) FROM leftovers;\n```\n\n\
         ```bash {#work .run}\npsql -X -c 'INSERT INTO leftovers VALUES (1), (2)'; sleep 3\n```\n\n## Phase 2: End\n\n```bash {.run}\ntrue\n```\n",
    );
    let done = home.gonogo(&["rehearse", "guide.md", "--json"]);
    let status = done.exits(1).json();
    let alert = &status["alerts"][0];
    assert_eq!(alert["pattern"], "value == 0");
    assert!(
        alert["text"].as_str().unwrap().contains("value is 2"),
        "{alert}"
    );
    until("the repeated query to end with the no-go", || {
        let status = home.status(status["run"].as_str().unwrap());
        (status["watches"][0]["state"] == "watched").then_some(())
    });
}

#[test]
fn a_pattern_that_is_none_is_shown_with_its_place() {
    let home = Home::new();
    home.write(
        "guide.md",
        "# G\n\n## Step 1: A\n\n```bash {.watch alert=\"ERR(\" until=stp-2}\ntail -f x\n```\n\n## Step 2: B\n\n```bash {.run}\ntrue\n```\n",
    );
    let done = home.gonogo(&["check", "guide.md"]).exits(5);
    let said = format!("{}{}", done.out, done.err);
    assert!(
        said.contains("unclosed group") && said.contains("^^^^"),
        "{said}"
    );
    assert!(said.contains("did you mean `step-2`"), "{said}");
}
