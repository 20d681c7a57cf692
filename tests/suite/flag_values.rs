//! A flag is captured before it is set, read again behind that, and restored from what was captured: in a
//! database, over HTTP and in a file; with values, links and people that are in the way.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use gonogo::executor::{ActionKind, ShimSpec};
use gonogo::run::{CommandText, FlagSet};
use gonogo::runbook::{FLAG_NAME, FLAG_VARIABLE, Reading};

use crate::executor::{Bench, Done};
use crate::support::home::Home;
use crate::support::{Database, execute, fresh_database};

/// What no place takes that does not quote.
const HOSTILE: &str = "it's \"a\" $(touch /tmp/never) `b` \\ ; DROP\nTABLE flags; -- :x ${y}";

fn set(reading: Reading, value: &str) -> FlagSet {
    FlagSet {
        reading,
        value: value.to_owned(),
        restores: false,
        captured: None,
        known: Vec::new(),
    }
}

fn in_file(bench: &Bench, value: &str) -> ShimSpec {
    let mut spec = bench.shell("printf '%s' \"$FLAG_VALUE\" > flag");
    spec.env.insert(FLAG_NAME.to_owned(), value.to_owned());
    spec.flag = Some(set(Reading::File("flag".to_owned()), value));
    spec
}

async fn flags(value: &str) -> Database {
    let database = fresh_database().await;
    let mut connection = database.connect().await;
    execute(
        &mut connection,
        "CREATE TABLE flags (n text PRIMARY KEY, v text)",
    )
    .await;
    let insert = sqlx::query("INSERT INTO flags VALUES ('share', $1)").bind(value);
    insert.execute(&mut connection).await.unwrap();
    database
}

async fn share(database: &Database) -> String {
    let query = sqlx::query_scalar("SELECT v FROM flags WHERE n = 'share'");
    query
        .fetch_one(&mut database.connect().await)
        .await
        .unwrap()
}

fn in_database(bench: &Bench, database: &Database, value: &str) -> ShimSpec {
    let text = "UPDATE flags SET v = :'flag_value' WHERE n = 'share';";
    let mut spec = bench.spec(ActionKind::Sql {
        commands: vec![CommandText::new(0, 1, text)],
        connection: database.conninfo(),
        variables: BTreeMap::from([(FLAG_VARIABLE.to_owned(), value.to_owned())]),
        secret_variables: Vec::new(),
        single_transaction: false,
        settings: BTreeMap::new(),
    });
    let query = "SELECT v FROM flags WHERE n = 'share';".to_owned();
    spec.flag = Some(set(Reading::Query(query), value));
    spec
}

fn restoring(mut spec: ShimSpec, attempt: u32, known: &[&str]) -> ShimSpec {
    spec.attempt = attempt;
    if let Some(flag) = &mut spec.flag {
        flag.restores = true;
        flag.known = known.iter().map(|one| (*one).to_owned()).collect();
    }
    spec
}

/// What was seen before and behind it.
fn seen(done: &Done) -> (String, Option<String>) {
    let flag = done.record.flag.clone().expect("the flag was seen");
    (flag.before, flag.after)
}

#[tokio::test]
async fn a_hostile_value_in_a_database_comes_back_to_the_byte() {
    let database = flags(HOSTILE).await;
    let bench = Bench::new();
    let done = bench.run(in_database(&bench, &database, "10")).await;
    assert_eq!(done.record.exit, Some(0), "{:?}", done.lines);
    assert_eq!(seen(&done), (HOSTILE.to_owned(), Some("10".to_owned())));
    let back = restoring(in_database(&bench, &database, HOSTILE), 2, &["10"]);
    let done = bench.run(back).await;
    assert_eq!(seen(&done), ("10".to_owned(), Some(HOSTILE.to_owned())));
    assert_eq!(share(&database).await, HOSTILE);
}

#[tokio::test]
async fn a_hostile_file_comes_back_to_the_byte() {
    let bench = Bench::new();
    let content = format!("{HOSTILE}\n\n");
    std::fs::write(bench.path().join("flag"), &content).unwrap();
    let done = bench.run(in_file(&bench, "on")).await;
    assert_eq!(seen(&done), (content.clone(), Some("on".to_owned())));
    let done = bench
        .run(restoring(in_file(&bench, &content), 2, &["on"]))
        .await;
    assert_eq!(done.record.exit, Some(0), "{:?}", done.lines);
    assert_eq!(
        std::fs::read_to_string(bench.path().join("flag")).unwrap(),
        content
    );
}

#[tokio::test]
async fn what_somebody_else_has_set_is_left_alone_and_said() {
    let database = flags("mine, theirs").await;
    let bench = Bench::new();
    let back = restoring(in_database(&bench, &database, "0"), 1, &["10"]);
    let done = bench.run(back).await;
    assert_eq!(done.record.exit, Some(1));
    let why = done.record.error.clone().unwrap_or_default();
    assert!(why.contains("it is `mine, theirs`, and was `10`"), "{why}");
    assert!(
        why.contains("somebody else has changed it, and nothing was set"),
        "{why}"
    );
    assert_eq!(share(&database).await, "mine, theirs");
    assert!(done.record.flag.is_some_and(|seen| seen.foreign));
}

#[tokio::test]
async fn what_cannot_be_read_or_kept_is_not_set() {
    let bench = Bench::new();
    let root = bench.path().to_owned();
    let flag = root.join("flag");
    std::fs::write(root.join("elsewhere"), "x").unwrap();
    let attempts: [(&dyn Fn(), &str); 5] = [
        (&|| {}, "No such file"),
        (
            &|| std::fs::write(&flag, vec![b'a'; 1 << 20]).unwrap(),
            "longer than 64 KiB",
        ),
        (
            &|| std::fs::write(&flag, [b'a', 0xff]).unwrap(),
            "no text in UTF-8",
        ),
        (
            &|| std::fs::write(&flag, "token swordfish99").unwrap(),
            "holds a secret",
        ),
        (
            &|| {
                std::fs::remove_file(&flag).unwrap();
                std::os::unix::fs::symlink(root.join("elsewhere"), &flag).unwrap();
            },
            "it is a link",
        ),
    ];
    for (number, (prepare, expected)) in (1..).zip(attempts) {
        prepare();
        let mut spec = in_file(&bench, "on");
        spec.attempt = number;
        spec.redact = vec!["swordfish99".to_owned()];
        let done = bench.run(spec).await;
        assert_eq!(done.record.exit, Some(1), "{expected}");
        let why = done.record.error.clone().unwrap_or_default();
        assert!(
            why.contains(expected) && why.contains("nothing was set"),
            "{why}"
        );
        assert!(!done.notes().contains("swordfish99"));
    }
    assert_eq!(
        std::fs::read_to_string(root.join("elsewhere")).unwrap(),
        "x"
    );
}

#[tokio::test]
async fn a_look_that_hangs_ends_and_nothing_is_set() {
    let bench = Bench::new();
    let mut spec = in_file(&bench, "on");
    spec.timeout_s = Some(1);
    spec.flag = Some(set(Reading::Command("sleep 600".to_owned()), "on"));
    let done = bench.run(spec).await;
    let why = done.record.error.clone().unwrap_or_default();
    assert!(
        why.contains("no answer within 1 s; nothing was set"),
        "{why}"
    );
    assert!(!bench.path().join("flag").exists());
}

#[tokio::test]
async fn a_value_that_was_not_taken_is_seen() {
    let bench = Bench::new();
    let mut spec = bench.shell("true");
    spec.flag = Some(set(Reading::Command("echo off".to_owned()), "on"));
    let done = bench.run(spec).await;
    assert_eq!(done.record.exit, Some(0));
    assert_eq!(seen(&done), ("off".to_owned(), Some("off".to_owned())));
}

/// A service with one flag: `GET` gives it as JSON, `PUT` takes it.
fn service(value: &str) -> (String, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/flag", listener.local_addr().unwrap());
    let kept = Arc::new(Mutex::new(value.to_owned()));
    let flag = Arc::clone(&kept);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut first, mut length) = (String::new(), 0);
            reader.read_line(&mut first).unwrap();
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
            if first.starts_with("PUT") {
                let sent: serde_json::Value = serde_json::from_slice(&body).unwrap();
                *flag.lock().unwrap() = sent["mode"].as_str().unwrap().to_owned();
            }
            let answer = serde_json::json!({ "mode": *flag.lock().unwrap() }).to_string();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                answer.len()
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (url, kept)
}

#[test]
fn a_flag_of_a_service_is_set_and_the_rollback_restores_it() {
    let (url, kept) = service("say \"no\"\n& more");
    let home = Home::new();
    let guide = format!(
        "# Mode\n\n## Phase 1: Switch\n\n```http {{#mode .flag read=\"GET {url}\" at=/mode value=dual}}\nPUT {url}\ncontent-type: application/json\n\n{{\"mode\": \"${{FLAG_VALUE}}\"}}\n```\n"
    );
    home.write("guide.md", &guide);
    home.gonogo(&["rehearse", "guide.md", "--assume", "--rollback"])
        .exits(4);
    assert_eq!(*kept.lock().unwrap(), "say \"no\"\n& more");
    let report = home.gonogo(&["report"]).exits(0);
    assert!(
        report.out.contains("set to `dual`, is `dual`"),
        "{}",
        report.out
    );
}

#[tokio::test]
async fn the_stages_of_the_documentation_run_and_the_rollback_restores_the_first_value() {
    let database = flags("0").await;
    let page = include_str!("../../docs/steps.md");
    let (_, flags) = page.split_once("## Flags\n").unwrap();
    let (_, example) = flags.split_once("````markdown\n").unwrap();
    let (guide, _) = example.split_once("````\n").unwrap();
    let home = Home::new();
    home.write("guide.md", guide);
    home.environment(&database.conninfo(), "");
    let plan = home.gonogo(&["plan", "guide.md"]).exits(0);
    assert!(
        plan.out.contains("sets `10`, and reads it again"),
        "{}",
        plan.out
    );
    home.gonogo(&["rehearse", "guide.md", "--assume"]).exits(0);
    assert_eq!(share(&database).await, "100");
    home.gonogo(&["rehearse", "guide.md", "--assume", "--rollback"])
        .exits(4);
    assert_eq!(share(&database).await, "100", "as this run found it");
    let status = home.status(&home.runs()[0]);
    assert_eq!(status["flags"][0]["captured"], serde_json::Value::Null);
    assert_eq!(status["flags"][0]["restored"], true, "{status}");
}
