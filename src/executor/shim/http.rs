//! An HTTP action: one request as it was shown, one answer.

use std::io;
use std::path::Path;
use std::time::Duration;

use chrono::Utc;
use serde_json::Value;

use super::exit::ExitFile;
use super::flag;
use super::output::Spool;
use super::request::{BODY_LIMIT, send};
use super::signals::Signals;
use crate::executor::spool::Tag;
use crate::executor::{ExitRecord, HttpAnswer, ShimSpec};
use crate::run::FlagSeen;
use crate::text::redact::MASK;
use crate::text::scrub::scrub_line;

/// Where the step names no timeout.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends the request and writes the exit record: exit 0 for an answer below 400, 1 for any other, and
/// none where no answer came.
pub(super) async fn run(
    spec: &ShimSpec,
    directory: &Path,
    request: &str,
    mut spool: Spool,
    exit_file: ExitFile,
    mut signals: Signals,
    seen: Option<FlagSeen>,
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
                show(&answer, &String::from_utf8_lossy(&body), &mut spool);
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
    flag::verify(spec, directory, &mut spool, &mut record, seen).await;
    record.error = record.error.or_else(|| spool.lost.clone());
    exit_file.write(&record)
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
