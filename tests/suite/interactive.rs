//! Steps that ask: the screen says so, one key gives them the keyboard, another takes it back, and
//! what was typed where nothing is echoed is kept nowhere.

use std::path::Path;

use gonogo::api::CommandAnswer;
use gonogo::run::{Command, Typed};

use crate::executor::{Bench, Done, wait_for_output};
use crate::socket::Joined;
use crate::support::eventually;
use crate::support::home::{Home, until};
use crate::support::terminal::Terminal;

const CANARY: &str = "Tr0ub4dor-canary";

/// One step with this script.
fn guide(script: &str) -> String {
    format!("# Mine\n\n## Phase 1: Ask\n\n```bash {{#ask .run}}\n{script}\n```\n")
}

fn cockpit(home: &Home, script: &str, columns: u16, rows: u16) -> Terminal {
    home.write("guide.md", &guide(script));
    let mut terminal = Terminal::start(home.path(), &["run", "guide.md"], columns, rows);
    terminal.wait_for("would run: `ask`");
    terminal.keys("<enter>");
    terminal.wait_for("EXECUTE");
    terminal.keys("x");
    terminal
}

/// Gives the keyboard to the step that asks.
fn give(terminal: &mut Terminal) {
    terminal.keys("I");
    terminal.wait_for("YOUR KEYS GO TO THE STEP");
    terminal.wait_until("the answer", |screen| !screen.contains("sent, waiting"));
}

fn spool(home: &Home) -> String {
    let run = home.runs()[0].clone();
    std::fs::read_to_string(home.run_directory(&run).join("actions/1-1/spool")).unwrap()
}

/// Every file below, what is no file left out.
fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(files(&entry.path()));
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
    found
}

fn assert_nowhere(home: &Home, secret: &str) {
    let state = home.path().join("state");
    let all = files(&state);
    assert!(all.len() > 5, "{all:?}");
    for file in all {
        let bytes = std::fs::read(&file).unwrap();
        let found = bytes
            .windows(secret.len())
            .any(|window| window == secret.as_bytes());
        assert!(!found, "{} holds it", file.display());
    }
}

#[test]
fn a_yes_is_typed_to_a_step_that_asks() {
    let home = Home::new();
    let script = "read -p \"go on? \" answer\necho \"you said $answer\"";
    let mut terminal = cockpit(&home, script, 120, 40);
    terminal.wait_for("the step waits for input: `go on?`: I gives it your keyboard");
    give(&mut terminal);
    // Keys of the cockpit are the step's now: q does not leave, Ctrl-C is a byte.
    terminal.keys("qyes");
    terminal.wait_for("qyes");
    assert!(!terminal.shows("leave the cockpit"), "{}", terminal.text());
    // What is pasted is typed there, and nowhere else.
    terminal.key(b"\x1b[200~ pasted\x1b[201~");
    terminal.wait_for("qyes pasted");
    terminal.keys("<enter>");
    terminal.wait_for("you said qyes pasted");
    // What is typed in flight when it ends reaches no command.
    terminal.wait_for("THE STEP HAS ENDED");
    terminal.wait_gone("THE STEP HAS ENDED");
    terminal.wait_for("gate of `");
    assert_eq!(
        home.status(&home.runs()[0])["steps"][0]["outcome"],
        "passed"
    );
    let report = home.gonogo(&["report", &home.runs()[0]]).exits(0).out;
    assert!(report.contains("anna"), "{report}");
    assert!(report.contains("what was typed is not kept"), "{report}");
}

#[test]
fn a_password_is_kept_nowhere_even_where_the_step_prints_it_back() {
    let home = Home::new();
    let script = "read -s -p \"Password: \" x\necho\necho \"it was $x\"\nread -p 'stay? ' y";
    let mut terminal = cockpit(&home, script, 80, 24);
    terminal.wait_for("waits for hidden input: `Password:`");
    give(&mut terminal);
    terminal.keys(CANARY);
    assert!(!terminal.shows(CANARY), "{}", terminal.text());
    terminal.keys("<enter>");
    terminal.wait_for("it was ‹redacted›");
    assert_nowhere(&home, CANARY);
    terminal.keys("<enter>");
    terminal.wait_for("gate of `");
    assert_nowhere(&home, CANARY);
    let report = home.gonogo(&["report", &home.runs()[0]]).exits(0).out;
    assert!(!report.contains(CANARY));
    let action = home.run_directory(&home.runs()[0]).join("actions/1-1");
    assert!(
        !action.join("input").exists(),
        "nothing is left to write to"
    );
}

#[test]
fn a_reader_of_the_terminal_itself_is_heard_as_sudo_is() {
    let home = Home::new();
    let sudo = "bash -c 'printf \"[sudo] password for x: \" >/dev/tty; read -s x </dev/tty; echo; echo \"${#x} letters\"'";
    home.write("sudo.sh", sudo);
    let script = "bash sudo.sh";
    let mut terminal = cockpit(&home, script, 120, 40);
    terminal.wait_for("waits for hidden input: `[sudo] password for x:`");
    give(&mut terminal);
    terminal.keys(CANARY);
    terminal.keys("<enter>");
    terminal.wait_for(&format!("{} letters", CANARY.len()));
    assert_nowhere(&home, CANARY);
}

#[test]
fn a_pager_is_noticed_and_left_by_its_own_key() {
    let home = Home::new();
    let mut terminal = cockpit(&home, "seq 1 300 | less\necho after", 120, 40);
    terminal.wait_for("waits for input: `a pager (less) is open`");
    give(&mut terminal);
    // It takes its keys from the terminal of its errors.
    terminal.keys("q");
    terminal.wait_for("gate of `");
    assert!(spool(&home).contains("after"), "{}", terminal.text());
}

#[test]
fn one_key_takes_the_keyboard_back() {
    let home = Home::new();
    let mut terminal = cockpit(&home, "read -p 'go on? ' answer", 120, 40);
    terminal.wait_for("waits for input");
    give(&mut terminal);
    terminal.keys("<ctrl-]>");
    terminal.wait_gone("YOUR KEYS GO TO THE STEP");
    terminal.keys("q");
    terminal.wait_for("leave the cockpit");
    terminal.keys("<esc>");
    assert!(!spool(&home).contains("? q"));
    give(&mut terminal);
    terminal.keys("<ctrl-c>");
    terminal.wait_for("`ask` failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_types_nothing() {
    let home = Home::new();
    let mut terminal = cockpit(
        &home,
        "read -p 'go on? ' answer; echo \"got $answer\"",
        120,
        40,
    );
    terminal.wait_for("waits for input");
    let run = home.runs()[0].clone();
    let socket = home.run_directory(&run).join("socket");
    let observer = Joined::join(socket, "bert@elsewhere").await;
    let action = observer.action("ask");
    let answer = observer.asks(Command::GiveKeyboard { action }).await;
    assert!(matches!(answer, CommandAnswer::Refused(_)), "{answer:?}");
    give(&mut terminal);
    let typed = Typed::Keys(b"intruder\r".to_vec());
    let answer = observer.seat.type_to(action, 1, typed).await;
    let CommandAnswer::Refused(refusal) = answer.unwrap() else {
        panic!("an observer's bytes are refused");
    };
    assert!(refusal.message.contains("you are watching"), "{refusal}");
    terminal.keys("mine<enter>");
    terminal.wait_for("got mine");
    assert!(!spool(&home).contains("intruder"));
    // The journal tells of the keyboard, not of the keys.
    let driver = home.status(&run)["driver"].as_str().unwrap().to_owned();
    assert!(driver.starts_with("anna"));
}

#[tokio::test]
async fn unattended_a_script_that_reads_finds_the_end_of_its_input() {
    let bench = Bench::new();
    let done = bench.run(bench.shell("cat; echo \"end $?\"")).await;
    assert_eq!(done.out(), ["end 0"]);
    let home = Home::new();
    home.write("guide.md", &guide("read x || echo nothing to read"));
    home.gonogo(&["rehearse", "guide.md"]).exits(0);
    assert!(spool(&home).contains("nothing to read"));
}

#[tokio::test]
async fn a_heredoc_and_a_pipe_are_fed_as_ever_and_nothing_is_asked() {
    let bench = Bench::new();
    let mut spec =
        bench.shell("cat <<E\nfed\nE\nprintf 'a\\nb\\n' | while read x; do echo \"<$x>\"; done");
    spec.keyboard = true;
    let done = bench.run(spec).await;
    assert_eq!(done.out(), ["fed", "<a>", "<b>"]);
}

#[tokio::test]
async fn a_later_supervisor_types_to_what_an_earlier_one_started() {
    let bench = Bench::new();
    let mut spec = bench.shell("echo ready; read x; echo \"heard $x\"");
    spec.keyboard = true;
    let (action, attempt) = (spec.action, spec.attempt);
    bench.executor.launch(spec).await.unwrap();
    let gonogo::executor::Adopted::Running(adopted) =
        bench.executor.adopt(action, attempt).await.unwrap()
    else {
        panic!("it runs");
    };
    wait_for_output(&adopted, "ready").await;
    eventually("its question", async || {
        adopted
            .waiting()
            .unwrap()
            .asks
            .map(|asks| assert!(!asks.hidden))
    })
    .await;
    adopted.type_bytes(b"from another\r".to_vec()).unwrap();
    let done = Done::of(&adopted).await;
    assert!(
        done.out().contains(&"heard from another"),
        "{:?}",
        done.lines
    );
    let gone = adopted.type_bytes(b"late".to_vec()).unwrap_err();
    assert_eq!(gone.kind(), std::io::ErrorKind::NotFound);
}

#[tokio::test]
async fn a_quiet_command_asks_for_nothing() {
    let bench = Bench::new();
    let mut spec = bench.shell("printf 'working: '; sleep 2; echo done");
    spec.keyboard = true;
    let running = bench.executor.launch(spec).await.unwrap();
    let mut asked = false;
    running
        .wait_telling(|waiting| asked |= waiting.asks.is_some())
        .await
        .unwrap();
    assert!(!asked);
}

/// `rows columns`, as the step's own terminal has them.
fn sizes(home: &Home) -> Vec<(u16, u16)> {
    spool(home)
        .lines()
        .filter_map(|record| {
            let (rows, columns) = record
                .split('\t')
                .nth(1)?
                .strip_prefix("size ")?
                .split_once(' ')?;
            Some((rows.parse().ok()?, columns.parse().ok()?))
        })
        .collect()
}

#[test]
fn the_terminal_of_a_step_is_as_large_as_the_pane_that_shows_it() {
    let home = Home::new();
    let script = "trap 'echo told' WINCH\nwhile [ ! -e over ]; do size=$(stty size); [ \"$size\" = \"$before\" ] || echo \"size $size\"; before=$size; sleep 0.05; done";
    let mut terminal = cockpit(&home, script, 120, 40);
    terminal.wait_for("size 40 120");
    give(&mut terminal);
    let latest = |what: &str, other: (u16, u16)| {
        until(what, || {
            let size = *sizes(&home).last()?;
            (size != other).then_some(size)
        })
    };
    let given = latest("the size of the pane", (40, 120));
    assert!(given.0 < 40 && given.1 < 120, "{given:?}");
    terminal.resize(150, 50);
    let larger = latest("the size of the larger pane", given);
    assert!(larger.0 > given.0 && larger.1 > given.1, "{larger:?}");
    // Who watches changes nothing of it, whatever the size of their screen.
    let run = home.runs()[0].clone();
    let watcher = Terminal::start_with(
        home.path(),
        &["attach", &run, "--observe"],
        80,
        24,
        &[("USER", "bert")],
    );
    watcher.wait_for("you watch");
    home.write("over", "");
    until("the end of the step", || {
        (home.status(&run)["steps"][0]["outcome"] == "passed").then_some(())
    });
    assert_eq!(sizes(&home).last(), Some(&larger));
    assert!(spool(&home).contains("told"), "what runs there is told");
}
