//! An HTTP action: one request as it was shown, one answer.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use chrono::Utc;
use serde_json::Value;
use tokio::time::Instant;

use super::exit::ExitFile;
use super::output::Spool;
use super::signals::Signals;
use crate::executor::spool::Tag;
use crate::executor::{ExitRecord, HttpAnswer, ShimSpec};
use crate::text::redact::MASK;
use crate::text::scrub::scrub_line;

/// Where the step names no timeout.
const PATIENCE: Duration = Duration::from_secs(30);
/// A larger body is shown in part, and not kept as JSON.
const BODY_LIMIT: usize = 1 << 20;

/// A request as a guide writes it.
#[derive(Debug, PartialEq)]
struct Request {
    method: reqwest::Method,
    url: reqwest::Url,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

/// Sends the request and writes the exit record: exit 0 for an answer below 400, 1 for any other, and
/// none where no answer came.
pub(super) async fn run(
    spec: &ShimSpec,
    request: &str,
    mut spool: Spool,
    exit_file: ExitFile,
    mut signals: Signals,
) -> io::Result<()> {
    let started = Utc::now();
    let mut record = ExitRecord {
        started,
        ..ExitRecord::default()
    };
    let patience = spec.timeout_s.map_or(PATIENCE, Duration::from_secs);
    let failure = tokio::select! {
        biased;
        _ = signals.terminate.recv() => Some("cancelled".to_owned()),
        _ = signals.interrupt.recv() => Some("cancelled".to_owned()),
        () = tokio::time::sleep(patience) => {
            record.timed_out = true;
            Some(format!("no answer within {} s", patience.as_secs()))
        }
        answer = send(request) => match answer {
            Ok((answer, body)) => {
                record.exit = Some(i32::from(answer.status >= 400));
                show(&answer, &body, &mut spool);
                record.http = Some(redacted(answer, &spool));
                None
            }
            Err(reason) => Some(reason),
        },
    };
    record.cancelled = failure.as_deref() == Some("cancelled");
    if let Some(reason) = failure {
        spool.note(&scrub_line(&reason, false));
        if !record.cancelled {
            record.error = Some(spool.redactor().redact_text(&scrub_line(&reason, false)));
        }
    }
    spool.flush();
    record.ended = Utc::now();
    record.elapsed_ms = spool.elapsed_ms();
    record.lines = spool.lines;
    record.bytes = spool.bytes;
    record.error = record.error.or_else(|| spool.lost.clone());
    exit_file.write(&record)
}

async fn send(text: &str) -> Result<(HttpAnswer, String), String> {
    let request = parse(text)?;
    // Fails only where a provider is there already.
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        tracing::debug!("a TLS provider is there already");
    }
    let client = reqwest::Client::builder()
        // What was shown is what is sent: an answer that points elsewhere is an answer.
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("gonogo/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| causes(&error))?;
    let mut builder = client.request(request.method, request.url);
    for (name, value) in request.headers {
        builder = builder.header(name, value);
    }
    if let Some(body) = request.body {
        builder = builder.body(body);
    }
    let began = Instant::now();
    let mut response = builder.send().await.map_err(|error| causes(&error))?;
    let status = response.status().as_u16();
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in response.headers() {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        headers
            .entry(name.as_str().to_owned())
            .and_modify(|before| *before = format!("{before}, {value}"))
            .or_insert(value);
    }
    let mut body = Vec::new();
    let mut whole = true;
    while let Some(chunk) = response.chunk().await.map_err(|error| causes(&error))? {
        if whole {
            let room = BODY_LIMIT - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            whole = chunk.len() <= room;
        }
    }
    let latency_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let answer = HttpAnswer {
        status,
        headers,
        json: whole.then(|| serde_json::from_slice(&body).ok()).flatten(),
        latency_ms,
    };
    Ok((answer, String::from_utf8_lossy(&body).into_owned()))
}

fn show(answer: &HttpAnswer, body: &str, spool: &mut Spool) {
    let reason = reqwest::StatusCode::from_u16(answer.status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default();
    let mut text = format!("HTTP {} {reason}\n", answer.status);
    for (name, value) in &answer.headers {
        text.push_str(&format!("{name}: {value}\n"));
    }
    text.push('\n');
    let pretty = answer
        .json
        .as_ref()
        .and_then(|json| serde_json::to_string_pretty(json).ok());
    text.push_str(pretty.as_deref().unwrap_or(body));
    spool.lines(Tag::Out, &scrub_line(&text, true));
    if body.len() >= BODY_LIMIT && answer.json.is_none() {
        spool.note("the body is longer than 1 MiB; the rest was read and not kept");
    }
}

/// The same answer without secrets and foreign controls in its texts.
fn redacted(answer: HttpAnswer, spool: &Spool) -> HttpAnswer {
    let clean = |text: &str| spool.redactor().redact_text(&scrub_line(text, false));
    HttpAnswer {
        headers: answer
            .headers
            .iter()
            .map(|(name, value)| (clean(name), clean(value)))
            .collect(),
        json: answer.json.map(|json| clean_json(json, &clean)),
        ..answer
    }
}

fn clean_json(value: Value, clean: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(clean(&text)),
        Value::Array(items) => items
            .into_iter()
            .map(|item| clean_json(item, clean))
            .collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| match value {
                // Beside its name it would be recognised in text, too.
                Value::String(_) if is_password(&name) => {
                    (clean(&name), Value::String(MASK.to_owned()))
                }
                value => (clean(&name), clean_json(value, clean)),
            })
            .collect(),
        other => other,
    }
}

fn is_password(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with("password") || name.ends_with("passwd")
}

fn parse(text: &str) -> Result<Request, String> {
    let mut lines = text.lines();
    let first = lines
        .by_ref()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .ok_or("the request is empty; write `GET http://…` on its first line")?;
    let mut words = first.split_whitespace();
    let (method, url) = match (words.next(), words.next()) {
        (Some(method), Some(url)) => (method, url),
        (Some(url), None) => ("GET", url),
        _ => return Err(format!("`{first}` is not `METHOD URL`")),
    };
    let method: reqwest::Method = method
        .parse()
        .map_err(|_| format!("`{method}` is not an HTTP method"))?;
    let url = reqwest::Url::parse(url).map_err(|error| format!("`{url}` is not a URL: {error}"))?;
    let mut headers = Vec::new();
    for line in lines.by_ref() {
        if line.trim().is_empty() {
            break;
        }
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| format!("`{line}` is not a header such as `accept: text/plain`"))?;
        headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    let body = lines.collect::<Vec<_>>().join("\n");
    Ok(Request {
        method,
        url,
        headers,
        body: (!body.is_empty()).then_some(body),
    })
}

/// An error with what caused it, in one line.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
