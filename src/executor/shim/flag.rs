//! What stands around the setting of a flag: its present value is read and written down, durably, before
//! anything is set; and it is read again behind it.

use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use chrono::Utc;
use rustix::process::Signal;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use super::output::Spool;
use super::refused::Refused;
use super::signals::Signals;
use super::{feed, prepare, proof, request};
use crate::executor::{ActionKind, ExitRecord, ShimSpec, channel, process};
use crate::run::{CommandMark, FlagSeen, FlagSet, quoted_flag};
use crate::runbook::Reading;
use crate::text::scrub::scrub_line;

/// What asks a database for it.
pub(super) const SCRIPT: &str = "flag.sql";
/// No flag is longer: a value travels by environment, and stands in the journal.
const MOST: usize = 64 << 10;
/// How long a look may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// What the query of a flag without a value gives: no hexadecimal digits.
const NULL: &str = "null";

/// Reads what the flag is and writes it down. The record of why nothing is set is the error.
pub(super) async fn capture(
    spec: &ShimSpec,
    flag: &FlagSet,
    directory: &Path,
    spool: &mut Spool,
    signals: &mut Signals,
) -> Result<FlagSeen, Box<ExitRecord>> {
    let started = Utc::now();
    let cancelled = tokio::select! {
        biased;
        _ = signals.terminate.recv() => Err(None),
        _ = signals.interrupt.recv() => Err(None),
        seen = seen(spec, flag, directory, spool) => seen.map_err(Some),
    };
    let refused = match cancelled {
        Ok(seen) => return Ok(seen),
        Err(refused) => refused,
    };
    end_all();
    channel::close(directory);
    feed::remove_pipes(directory);
    let (reason, is_cancelled) = match &refused {
        Some(refused) => (scrub_line(&refused.why, false).into_owned(), false),
        None => ("cancelled; nothing was set".to_owned(), true),
    };
    let (seen, another) = match refused {
        Some(NotSet { seen, another, .. }) => (seen, another),
        None => (None, None),
    };
    spool.note(&reason);
    spool.flush();
    Err(Box::new(ExitRecord {
        cancelled: is_cancelled,
        exit: (!is_cancelled).then_some(1),
        started,
        ended: Utc::now(),
        elapsed_ms: spool.elapsed_ms(),
        lines: spool.lines,
        bytes: spool.bytes,
        flag: seen.map(Box::new),
        error: Some(spool.redactor().redact_text(&reason)),
        another,
        ..ExitRecord::default()
    }))
}

/// Why nothing is set.
struct NotSet {
    why: String,
    seen: Option<FlagSeen>,
    another: Option<Box<crate::run::TargetIdentity>>,
}

impl NotSet {
    fn because(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            seen: None,
            another: None,
        }
    }
}

async fn seen(
    spec: &ShimSpec,
    flag: &FlagSet,
    directory: &Path,
    spool: &mut Spool,
) -> Result<FlagSeen, NotSet> {
    proof::before_a_look(spec, directory).map_err(|refused| NotSet {
        another: refused.another,
        ..NotSet::because(refused.reason)
    })?;
    let before = read(spec, flag, directory).await.map_err(|why| {
        let place = flag.reading.words();
        NotSet::because(format!("{place} cannot be read: {why}; nothing was set"))
    })?;
    let foreign = !flag.known.is_empty() && !flag.known.contains(&before);
    let seen = FlagSeen {
        at: Utc::now(),
        before,
        value: flag.value.clone(),
        restores: flag.restores,
        foreign,
        after: None,
        unread: None,
    };
    let mark = CommandMark::Flag(seen.clone());
    let text = serde_json::to_string(&mark).map_err(|error| NotSet::because(error.to_string()))?;
    let redactor = spool.redactor();
    if redactor.redact_text(&text) != text || redactor.redact_text(&seen.before) != seen.before {
        let why = "the present value holds a secret, and cannot be written down to be restored; nothing was set";
        return Err(NotSet::because(why));
    }
    spool.mark(&mark);
    spool.sync();
    if let Some(lost) = spool.lost.clone() {
        return Err(NotSet::because(format!(
            "the present value cannot be written down: {lost}; nothing was set"
        )));
    }
    if foreign {
        let known: Vec<String> = flag.known.iter().map(|one| quoted_flag(one)).collect();
        let why = format!(
            "it is {}, and was {} when this run last saw it: somebody else has changed it, and nothing was set. \
             Ask who did; run it again to set it all the same",
            quoted_flag(&seen.before),
            known.join(" or ")
        );
        return Err(NotSet {
            seen: Some(seen),
            ..NotSet::because(why)
        });
    }
    spool.note(&format!("it is {} now", quoted_flag(&seen.before)));
    spool.flush();
    Ok(seen)
}

/// Reads again what the flag is, once it was set, and puts that into the record.
pub(super) async fn verify(
    spec: &ShimSpec,
    directory: &Path,
    spool: &mut Spool,
    record: &mut ExitRecord,
    seen: Option<FlagSeen>,
) {
    let (Some(flag), Some(mut seen)) = (&spec.flag, seen) else {
        return;
    };
    // A rollback waits for what was cancelled: the next attempt looks.
    match record.cancelled {
        true => seen.unread = Some("it was cancelled".to_owned()),
        false => match read(spec, flag, directory).await {
            Ok(after) if spool.redactor().redact_text(&after) != after => {
                seen.unread = Some("it holds a secret".to_owned());
            }
            Ok(after) => {
                spool.note(&format!("it is {} now", quoted_flag(&after)));
                seen.after = Some(after);
            }
            Err(why) => {
                let why = scrub_line(&why, false).into_owned();
                seen.unread = Some(spool.redactor().redact_text(&why));
            }
        },
    }
    if let Some(why) = &seen.unread {
        spool.note(&format!("it cannot be read again: {why}"));
    }
    spool.flush();
    record.lines = spool.lines;
    record.bytes = spool.bytes;
    record.ended = Utc::now();
    record.elapsed_ms = spool.elapsed_ms();
    record.flag = Some(Box::new(seen));
}

/// The present value, or why it cannot be read.
async fn read(spec: &ShimSpec, flag: &FlagSet, directory: &Path) -> Result<String, String> {
    let patience = spec
        .timeout_s
        .map_or(PATIENCE, Duration::from_secs)
        .min(PATIENCE);
    let reading = async {
        match &flag.reading {
            Reading::Query(query) => query_of(spec, query, directory).await,
            Reading::Command(command) => printed_by(spec, command).await,
            Reading::Request { text, at } => answered(spec, text, at.as_deref()).await,
            Reading::File(path) => content_of(spec.directory.join(path)).await,
        }
    };
    match tokio::time::timeout(patience, reading).await {
        Ok(value) => value,
        Err(_) => {
            end_all();
            Err(format!("no answer within {} s", patience.as_secs()))
        }
    }
}

/// Nothing but looks runs while this is called.
fn end_all() {
    process::signal_all(&process::descendants(std::process::id()), Signal::KILL);
}

async fn query_of(spec: &ShimSpec, query: &str, directory: &Path) -> Result<String, String> {
    let ActionKind::Sql {
        connection,
        variables,
        secret_variables,
        ..
    } = &spec.kind
    else {
        return Err("only an SQL step can ask a database".to_owned());
    };
    let words = |refused: Refused| refused.reason;
    let prelude = prepare::prelude(variables, secret_variables).map_err(words)?;
    let query = query.trim().trim_end_matches(';');
    // In letters that nothing on the way changes, and in a transaction that cannot write.
    let script = format!(
        "{prelude}BEGIN READ ONLY;\nSELECT coalesce(encode(convert_to((\n{query}\n)::text, 'UTF8'), 'hex'), '{NULL}');\nROLLBACK;\n"
    );
    let script = prepare::write_script(directory, SCRIPT, &script).map_err(words)?;
    let mut psql = std::process::Command::new("psql");
    prepare::environment(spec, &mut psql);
    psql.env("PGCLIENTENCODING", "UTF8")
        .env("PGCONNECT_TIMEOUT", "5")
        .args(["-X", "-w", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d"])
        .arg(connection)
        .arg("-f")
        .arg(script);
    let printed = output_of(psql).await?;
    let printed = String::from_utf8_lossy(&printed);
    let printed = printed.trim();
    if printed == NULL {
        return Err("the query gives no value".to_owned());
    }
    let bytes = crate::run::from_hex(printed)
        .ok_or_else(|| "the query gives something that is no value".to_owned())?;
    text_of(bytes)
}

async fn printed_by(spec: &ShimSpec, command: &str) -> Result<String, String> {
    let mut bash = std::process::Command::new("bash");
    prepare::environment(spec, &mut bash);
    for (name, value) in spec.shell.set.iter().filter(|(_, value)| !value.array) {
        bash.env(name, value.texts.concat());
    }
    bash.args(["-c", command]).current_dir(&spec.directory);
    let mut printed = text_of(output_of(bash).await?)?;
    // As `$(…)` leaves it out.
    if printed.ends_with('\n') {
        printed.pop();
    }
    Ok(printed)
}

/// What a program prints, where it succeeds.
async fn output_of(command: std::process::Command) -> Result<Vec<u8>, String> {
    let mut child = Command::from(command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("it cannot be started: {error}"))?;
    let most = MOST as u64 * 2 + 64;
    let (mut printed, mut said) = (Vec::new(), Vec::new());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let take_out = async {
        match out {
            Some(out) => out.take(most).read_to_end(&mut printed).await,
            None => Ok(0),
        }
    };
    let take_err = async {
        match err {
            Some(err) => err.take(4096).read_to_end(&mut said).await,
            None => Ok(0),
        }
    };
    let (out, err) = tokio::join!(take_out, take_err);
    out.and(err).map_err(|error| error.to_string())?;
    let status = child.wait().await.map_err(|error| error.to_string())?;
    if status.success() {
        return Ok(printed);
    }
    if printed.len() as u64 == most {
        return Err(too_long());
    }
    let said = String::from_utf8_lossy(&said);
    let last = said.lines().find(|line| !line.trim().is_empty());
    Err(match last {
        Some(line) => format!("{status}: {}", line.trim()),
        None => status.to_string(),
    })
}

async fn answered(spec: &ShimSpec, text: &str, at: Option<&str>) -> Result<String, String> {
    let mut text = text.to_owned();
    for (name, value) in &spec.secrets {
        text = text.replace(&format!("${{{name}}}"), value);
    }
    let (answer, body) = request::send(&text).await?;
    if answer.status >= 400 {
        return Err(format!("the answer is {}", answer.status));
    }
    let Some(at) = at else {
        return text_of(body);
    };
    let found = answer.json.as_ref().and_then(|json| json.pointer(at));
    match found {
        None | Some(serde_json::Value::Null) => Err(format!("the answer has nothing at `{at}`")),
        Some(serde_json::Value::String(text)) => text_of(text.clone().into_bytes()),
        Some(other) => text_of(other.to_string().into_bytes()),
    }
}

/// A disk that hangs holds a thread, and nothing else.
async fn content_of(path: PathBuf) -> Result<String, String> {
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        // Nobody waits for it any more where its time is up.
        tell.send(bytes_of(&path)).ok();
    });
    let bytes = told.await.map_err(|error| error.to_string())??;
    text_of(bytes)
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, String> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let file = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .map_err(|error| match error.raw_os_error() {
            Some(code) if code == rustix::io::Errno::LOOP.raw_os_error() => {
                "it is a link: name the file itself".to_owned()
            }
            _ => error.to_string(),
        })?;
    let kind = file.metadata().map_err(|error| error.to_string())?;
    if !kind.is_file() {
        return Err("it is no regular file".to_owned());
    }
    let mut bytes = Vec::new();
    let mut limited = file.take(MOST as u64 + 1);
    limited
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    Ok(bytes)
}

fn too_long() -> String {
    format!("it is longer than {} KiB, which no flag is", MOST >> 10)
}

fn text_of(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.len() > MOST {
        return Err(too_long());
    }
    match String::from_utf8(bytes) {
        Ok(text) if text.contains('\0') => Err("it holds a zero byte".to_owned()),
        Ok(text) => Ok(text),
        Err(_) => Err("it is no text in UTF-8".to_owned()),
    }
}
