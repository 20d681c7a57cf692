//! HTTP actions: one request, one answer, against a server of a few lines.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use gonogo::executor::ActionKind;
use gonogo::runbook::Actor;
use serde_json::json;

use crate::executor::{Bench, Done};
use crate::support::eventually;

/// Answers one request with these bytes; gives what it got.
fn serve_once(answer: &'static [u8]) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let got = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let request = read_request(&stream);
        stream.write_all(answer).unwrap();
        request
    });
    (url, got)
}

fn read_request(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        request.push_str(&line);
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    request.push_str(&String::from_utf8(body).unwrap());
    request
}

fn http(request: String) -> ActionKind {
    ActionKind::Http { request }
}

#[tokio::test]
async fn status_headers_and_json_are_evidence() {
    let (url, got) = serve_once(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-token: swordfish99\r\nconnection: close\r\n\r\n\
          {\"status\": \"healthy\", \"key\": \"swordfish99\", \"count\": 3, \"db_password\": \"unknown1\", \"name\": \"\\u001b]0;x\\u0007ok\"}",
    );
    let bench = Bench::new();
    let mut spec = bench.spec(http(format!(
        "POST {url}/api/admin?x=1\nauthorization: Bearer swordfish99\ncontent-type: application/json\n\n{{\"mode\": 1}}"
    )));
    spec.secrets
        .insert("TOKEN".to_owned(), "swordfish99".to_owned());
    let done = bench.run(spec).await;

    let request = got.join().unwrap();
    assert!(
        request.starts_with("POST /api/admin?x=1 HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(request.contains("authorization: Bearer swordfish99\r\n"));
    assert!(request.ends_with("\r\n\r\n{\"mode\": 1}"));

    assert_eq!(done.record.exit, Some(0));
    let evidence = done.evidence(Actor::Http);
    assert_eq!(evidence.status, Some(200));
    assert_eq!(evidence.headers["content-type"], "application/json");
    assert_eq!(evidence.headers["x-token"], "‹redacted›");
    assert_eq!(
        evidence.json,
        Some(
            json!({"status": "healthy", "key": "‹redacted›", "count": 3, "db_password": "‹redacted›", "name": "ok"})
        )
    );
    assert!(evidence.latency_ms.is_some());
    assert_eq!(done.out()[0], "HTTP 200 OK");
    assert!(done.out().contains(&"  \"count\": 3,"), "{:?}", done.out());
    for entry in std::fs::read_dir(&done.directory).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(
            !text.contains("swordfish") && !text.contains("unknown1"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn an_answer_of_400_and_above_fails_and_is_shown() {
    let (url, got) =
        serve_once(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 9\r\n\r\nnot today");
    let bench = Bench::new();
    let done = bench.run(bench.spec(http(url))).await;
    got.join().unwrap();
    assert_eq!(done.record.exit, Some(1));
    assert_eq!(done.evidence(Actor::Http).status, Some(503));
    assert_eq!(done.out().last(), Some(&"not today"));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let (url, got) = serve_once(
        b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/elsewhere\r\ncontent-length: 0\r\n\r\n",
    );
    let bench = Bench::new();
    let done = bench.run(bench.spec(http(format!("GET {url}/")))).await;
    got.join().unwrap();
    assert_eq!(done.record.exit, Some(0));
    assert_eq!(done.evidence(Actor::Http).status, Some(302));
}

#[tokio::test]
async fn no_answer_is_no_exit_code_but_a_reason() {
    // A port that was free a moment ago: nobody listens there.
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let bench = Bench::new();
    for (attempt, (request, reason)) in [
        (format!("GET http://{address}/"), "refused"),
        ("GET ftp:nowhere".to_owned(), "builder error"),
        ("FETCH ME http".to_owned(), "is not a URL"),
        (String::new(), "the request is empty"),
        (
            format!("GET http://{address}/\nno header"),
            "is not a header",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let mut spec = bench.spec(http(request));
        spec.attempt = attempt as u32 + 1;
        let done = bench.run(spec).await;
        assert_eq!(done.record.exit, None);
        let error = done.record.error.clone().unwrap();
        assert!(error.contains(reason), "{error}");
        assert_eq!(done.notes(), error);
    }
}

#[tokio::test]
async fn a_server_that_never_answers_times_out_or_is_cancelled() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("GET http://{}/", listener.local_addr().unwrap());
    let bench = Bench::new();
    let mut spec = bench.spec(http(url.clone()));
    spec.timeout_s = Some(1);
    let done = bench.run(spec).await;
    assert!(done.record.timed_out);
    assert_eq!(done.record.error.as_deref(), Some("no answer within 1 s"));

    let mut spec = bench.spec(http(url));
    spec.attempt = 2;
    let running = bench.executor.launch(spec).await.unwrap();
    eventually("the shim", async || {
        running.directory().join("pid.json").exists().then_some(())
    })
    .await;
    running.cancel(false).unwrap();
    let done = Done::of(&running).await;
    assert!(done.record.cancelled);
    assert_eq!(done.record.exit, None);
}
