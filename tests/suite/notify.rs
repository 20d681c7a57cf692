//! People who are not at the screen are told, by real receivers: a webhook, a command, a terminal.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use crate::support::home::{Home, until};
use crate::support::terminal::Terminal;

const GUIDE: &str = r#"# Move the *shop*

## Phase 1: Switch

```bash {#switch .run}
echo switched
```

### Look at it

- [ ] The shop answers

## Phase 2: Break

```bash {#break .run}
echo 'no such <!channel> table' >&2; exit 3
```

## Rollback

### Option 1: Switch back

```bash {#back .run}
echo back
```
"#;

/// What a receiver was asked for.
struct Asked {
    request: String,
    body: Value,
}

/// A webhook that answers with these status lines in turn, the last of them from then on.
fn receiver(answers: &'static [&'static str]) -> (String, Receiver<Asked>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, asked) = channel();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let got = read(&stream);
            let answer = answers[number.min(answers.len() - 1)];
            let answer =
                format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
            if sender.send(got).is_err() {
                return;
            }
        }
    });
    (url, asked)
}

fn read(stream: &TcpStream) -> Asked {
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    reader.read_line(&mut request).unwrap();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body = serde_json::from_slice(&body).unwrap();
    Asked { request, body }
}

/// Far longer than any delivery takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn next(asked: &Receiver<Asked>) -> Asked {
    asked.recv_timeout(PATIENCE).expect("a notification comes")
}

/// A cockpit in which the first phase is done, but for its gate.
fn at_the_gate(home: &Home, environment: &[(&str, &str)]) -> Terminal {
    let arguments = ["run", "guide.md"];
    let mut cockpit = Terminal::start_with(home.path(), &arguments, 120, 40, environment);
    cockpit.wait_for("Phase 1");
    cockpit.keys("<enter>");
    cockpit.wait_for("x EXECUTE");
    cockpit.keys("x");
    cockpit.wait_for("1 item to check");
    cockpit.keys(" ");
    cockpit
}

#[test]
fn a_webhook_and_a_command_are_told_of_gate_failure_and_end_and_of_nothing_else() {
    let home = Home::new();
    let (url, asked) = receiver(&["200 OK"]);
    home.write("guide.md", GUIDE);
    home.write(
        "gonogo.toml",
        &format!(
            "[environments.test]\nnotify.ticket.webhook = \"{url}/hook\"\n\
             notify.pager = {{ command = \"cat >> told; echo $GONOGO_OCCASION >> occasions\", on = [\"failure\"] }}\n"
        ),
    );
    let mut cockpit = at_the_gate(&home, &[]);
    let run = home.runs()[0].clone();
    let told = next(&asked);
    assert!(told.request.starts_with("POST /hook "), "{}", told.request);
    assert_eq!(told.body["occasion"], "gate", "{}", told.body);
    assert_eq!(told.body["run"], run.as_str());
    assert_eq!(told.body["environment"], "test");
    assert_eq!(told.body["attach"], format!("gonogo attach {run}"));
    let text = told.body["text"].as_str().unwrap();
    assert!(
        text.contains("decide at the gate of `Phase 1: Switch`"),
        "{text}"
    );
    let mine = home.gonogo(&["runs", "--awaiting-me"]).exits(0).out;
    assert!(mine.contains(&run), "{mine}");
    assert!(
        mine.contains("waits: decide at the gate of `Phase 1: Switch`"),
        "{mine}"
    );

    cockpit.wait_for("all criteria are met");
    cockpit.keys("g");
    cockpit.wait_for("ready for GO");
    cockpit.keys("G");
    cockpit.wait_for("Phase 2");
    cockpit.keys("<enter>");
    cockpit.wait_for("x EXECUTE");
    cockpit.keys("x");
    let told = next(&asked);
    assert_eq!(told.body["occasion"], "failure", "{}", told.body);
    let paged = until("the pager to be told", || {
        std::fs::read_to_string(home.path().join("told"))
            .ok()
            .filter(|text| text.ends_with('\n'))
    });
    let paged: Value = serde_json::from_str(&paged).unwrap();
    assert_eq!(paged["seq"], told.body["seq"], "both are told the same");

    let handed = home.gonogo(&["handover", &run]).exits(0).out;
    for shown in [
        "# Hand-over: Move the",
        "## People",
        "failed",
        &format!("gonogo attach {run}"),
    ] {
        assert!(handed.contains(shown), "{shown}\n{handed}");
    }

    home.gonogo(&["rollback", &run, "--confirm", "yes", "--reason", "it broke"])
        .exits(4);
    let told = next(&asked);
    assert_eq!(told.body["occasion"], "failure", "{}", told.body);
    assert!(
        told.body["text"]
            .as_str()
            .unwrap()
            .starts_with("rolling back by"),
        "{}",
        told.body
    );
    let told = next(&asked);
    assert_eq!(told.body["occasion"], "finish", "{}", told.body);
    assert!(
        told.body["text"]
            .as_str()
            .unwrap()
            .starts_with("rolled back by"),
        "{}",
        told.body
    );
    let none = home.gonogo(&["runs", "--awaiting-me"]).exits(0).err;
    assert!(none.contains("no run waits for"), "{none}");
    let occasions = std::fs::read_to_string(home.path().join("occasions")).unwrap();
    assert_eq!(
        occasions.lines().collect::<Vec<_>>(),
        ["failure", "failure"]
    );
}

const ONE_STEP: &str = "---\ngonogo:\n  rehearsal: assume\n---\n# \\<!here\\> \\[a\\](http://b.test) \\*x\\* & y\n\n## Phase 1: Work\n\n```bash {#work .run}\necho done\n```\n";

#[test]
fn a_chat_is_told_plain_text_however_the_guide_is_titled_and_its_address_stands_nowhere() {
    let home = Home::new();
    let (slack, asked_slack) = receiver(&["200 OK"]);
    let (discord, asked_discord) = receiver(&["204 No Content"]);
    home.write("guide.md", ONE_STEP);
    home.write("address", &format!("{slack}/T0/s3cret-token\n"));
    home.write(
        "gonogo.toml",
        &format!(
            "[environments.test]\nnotify.slack = {{ webhook = {{ file = \"address\" }}, format = \"slack\", on = [\"finish\"] }}\n\
             notify.discord = {{ webhook = \"{discord}\", format = \"discord\", on = [\"finish\"] }}\n"
        ),
    );
    home.gonogo(&["rehearse", "guide.md"]).exits(0);
    let told = next(&asked_slack);
    assert!(
        told.request.starts_with("POST /T0/s3cret-token "),
        "{}",
        told.request
    );
    let text = told.body["text"].as_str().unwrap();
    assert!(!text.contains('<'), "{text}");
    assert!(
        text.contains("&lt;!here&gt;") && text.contains("finished: done"),
        "{text}"
    );
    let told = next(&asked_discord);
    let text = told.body["content"].as_str().unwrap();
    assert!(text.contains(r"\[a\]\(http://b.test\) \*x\*"), "{text}");
    assert_eq!(
        told.body["allowed_mentions"]["parse"],
        serde_json::json!([])
    );
    let run = home.runs()[0].clone();
    let kept = std::fs::read(home.run_directory(&run).join("journal.sqlite")).unwrap();
    assert!(!String::from_utf8_lossy(&kept).contains("s3cret-token"));
}

#[test]
fn a_receiver_that_fails_is_asked_again_and_one_that_refuses_is_noted_once() {
    let home = Home::new();
    let (flaps, asked_flaps) = receiver(&["503 Service Unavailable", "200 OK"]);
    let (refuses, asked_refuses) = receiver(&["404 Not Found"]);
    home.write("guide.md", GUIDE);
    home.write(
        "gonogo.toml",
        &format!(
            "[environments.test]\nnotify.flaps.webhook = \"{flaps}\"\nnotify.refuses.webhook = \"{refuses}\"\n"
        ),
    );
    let _cockpit = at_the_gate(&home, &[]);
    let run = home.runs()[0].clone();
    let (first, second) = (next(&asked_flaps), next(&asked_flaps));
    assert_eq!(first.body, second.body, "the same, once more");
    next(&asked_refuses);
    let report = until("the failure to be noted", || {
        let report = home.gonogo(&["report", &run]).exits(0).out;
        report.contains("notification to").then_some(report)
    });
    assert!(
        report.contains("`refuses` failed: its webhook answered 404 Not Found"),
        "{report}"
    );
    assert!(!report.contains("`flaps` failed"), "{report}");
}

#[test]
fn nobody_is_told_before_the_configuration_is_trusted() {
    let home = Home::new();
    let (url, asked) = receiver(&["200 OK"]);
    home.plant("guide.md", GUIDE);
    home.plant(
        "gonogo.toml",
        &format!(
            "[environments.test]\nnotify.ticket.webhook = \"{url}\"\nnotify.pager.command = \"touch paged\"\n"
        ),
    );
    let mut cockpit = Terminal::start(home.path(), &["run", "guide.md"], 120, 40);
    let screen = cockpit.wait_for("do you trust this configuration?");
    assert!(
        screen.contains("tells") && screen.contains("touch paged"),
        "{screen}"
    );
    cockpit.keys("<esc>");
    cockpit.wait_gone("do you trust this configuration?");
    let run = home.runs()[0].clone();
    home.gonogo(&["abandon", &run, "--reason", "not mine"])
        .exits(0);
    cockpit.kill();
    until("the process to be gone", || {
        home.supervisor(&run).is_none().then_some(())
    });
    assert!(asked.try_recv().is_err(), "nobody was told");
    assert!(!home.path().join("paged").exists());
}

#[test]
fn a_terminal_that_is_not_looked_at_calls_where_its_user_wants_it() {
    let home = Home::new();
    home.write("guide.md", GUIDE);
    home.write("gonogo.toml", "[environments.test]\n");
    let wanted = [("GONOGO_ATTENTION", "bell,desktop,title")];
    let cockpit = at_the_gate(&home, &wanted);
    cockpit.wait_for("all criteria are met");
    until("the call", || {
        let bytes = cockpit.bytes();
        let text = String::from_utf8_lossy(&bytes);
        text.contains("\u{1b}]9;gonogo [test] gate reached: decide at the gate")
            .then_some(())
    });
}
