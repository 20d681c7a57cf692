//! What an action left behind, in the form in which conditions judge it: bounded tails of its output,
//! the rows and tags that psql printed, the answer of an HTTP request.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use super::ExitRecord;
use super::http_lines::HttpLines;
use super::launcher::SPOOL_FILE;
use super::psql_table::{PlainReader, TableReader, single};
use super::spool::{RawRecord, Tag};
use crate::run::{CommandEvidence, CommandMark, Evidence};
use crate::runbook::Actor;
use crate::text::scrub::scrub_line;

/// Bytes kept of each stream.
const TAIL: usize = Evidence::KEPT;
/// Bytes kept of each stream of one command among several, and how many of them are told apart.
const TAIL_OF_ONE: usize = 8 * 1024;
const COMMANDS: usize = 64;
/// Bytes at the end of a spool that are read where an action was cancelled: nothing judges it, and a
/// rollback waits for it.
const CANCELLED: u64 = 1024 * 1024;
/// Notices kept; the first ones go.
const NOTICES: usize = 1000;

/// The first words of the tags that PostgreSQL answers commands with.
static COMMAND_TAG: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"^(?:INSERT \d+ \d+|(?:UPDATE|DELETE|MERGE|SELECT|COPY|FETCH|MOVE) \d+",
        r"|(?:CREATE|ALTER|DROP|REFRESH|IMPORT|SECURITY|GRANT|REVOKE|COMMENT|TRUNCATE|DO|CALL|BEGIN|START",
        r"|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|PREPARE|EXECUTE|DEALLOCATE|DECLARE|CLOSE|SET|RESET|DISCARD",
        r"|LOCK|LISTEN|NOTIFY|UNLISTEN|VACUUM|ANALYZE|REINDEX|CLUSTER|CHECKPOINT|LOAD|REASSIGN)",
        r"(?: [A-Z]+)*)$"
    ))
    .ok()
});

/// What psql puts before a message: its own name, the file and the line.
static PSQL_PREFIX: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^psql:.*?:\d+: ").ok());

/// Collects the evidence of an action that has ended. Reads the whole spool once (blocking), but only
/// its end where the action was cancelled and did not succeed.
pub fn collect(directory: &Path, record: &ExitRecord, actor: Actor) -> io::Result<Evidence> {
    let mut collector = Collector::new(actor);
    match File::open(directory.join(SPOOL_FILE)) {
        Ok(file) => {
            let mut spool = BufReader::with_capacity(256 * 1024, file);
            if record.cancelled && record.code() != Some(0) {
                skip_to_end(&mut spool)?;
            }
            collector.read(spool)?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut evidence = collector.evidence();
    evidence.exit = record.code();
    evidence.elapsed_ms = record.elapsed_ms;
    evidence.lines = record.lines;
    evidence.bytes = record.bytes;
    evidence.uncommitted = record.uncommitted;
    let shell = record.shell.as_deref();
    evidence.shell = shell.filter(|shell| !shell.is_unchanged()).cloned();
    evidence.flag.clone_from(&record.flag);
    evidence.commands.clone_from(&record.commands);
    for one in &mut evidence.each {
        let mut runs = record.commands.iter();
        let done = runs
            .find(|run| run.index == one.index)
            .and_then(|run| run.done.as_ref());
        one.seen.exit = done.map(|done| done.status);
        one.seen.elapsed_ms = done.map_or(0, |done| done.elapsed_ms);
    }
    if let Some(http) = &record.http {
        evidence.status = Some(http.status);
        evidence.headers = http.headers.clone();
        evidence.json = http.json.clone();
        evidence.latency_ms = Some(http.latency_ms);
    }
    Ok(evidence)
}

/// Leaves out all but the last whole records.
fn skip_to_end(spool: &mut BufReader<File>) -> io::Result<()> {
    let length = spool.get_ref().metadata()?.len();
    if length > CANCELLED {
        spool.seek(SeekFrom::Start(length - CANCELLED))?;
        spool.skip_until(b'\n')?;
    }
    Ok(())
}

pub(super) struct Collector {
    actor: Actor,
    stdout: Tail,
    stderr: Tail,
    table: TableReader,
    /// What programs of a shell step print: a `psql`, a `curl` (with `-v` on standard error).
    plain: PlainReader,
    answer: HttpLines,
    answer_on_stderr: HttpLines,
    tag: Option<String>,
    /// As a plan says it.
    execution_ms: Option<u64>,
    notices: VecDeque<String>,
    /// What each of the first commands gave, by its index, in the order in which they began.
    each: Vec<(usize, Collector)>,
    /// Commands that began.
    begun: usize,
    /// Bytes kept of each stream.
    most: usize,
}

impl Collector {
    pub(super) fn new(actor: Actor) -> Self {
        Self {
            actor,
            stdout: Tail::default(),
            stderr: Tail::default(),
            table: TableReader::default(),
            plain: PlainReader::default(),
            answer: HttpLines::default(),
            answer_on_stderr: HttpLines::default(),
            tag: None,
            execution_ms: None,
            notices: VecDeque::new(),
            each: Vec::new(),
            begun: 0,
            most: TAIL,
        }
    }

    /// Of one command among several.
    fn of_command(actor: Actor) -> Self {
        Self {
            most: TAIL_OF_ONE,
            ..Self::new(actor)
        }
    }

    fn read(&mut self, mut spool: impl BufRead) -> io::Result<()> {
        let mut record = Vec::new();
        loop {
            record.clear();
            if spool.read_until(b'\n', &mut record)? == 0 {
                return Ok(());
            }
            // A record without its newline is not whole.
            let Some(line) = record.strip_suffix(b"\n") else {
                return Ok(());
            };
            if let Some(record) = RawRecord::parse(line) {
                self.record(&record);
            }
        }
    }

    pub(super) fn record(&mut self, record: &RawRecord<'_>) {
        if let Some(CommandMark::Began(run)) = record.mark() {
            self.begun += 1;
            if self.begun <= COMMANDS {
                self.each.push((run.index, Self::of_command(self.actor)));
            }
        }
        if !matches!(record.tag, Tag::Out | Tag::Err) {
            return;
        }
        let text = scrub_line(record.text, false);
        if self.begun <= COMMANDS
            && let Some((_, command)) = self.each.last_mut()
        {
            command.line(record.tag, text.clone());
        }
        self.line(record.tag, text);
    }

    fn line(&mut self, tag: Tag, text: Cow<'_, str>) {
        let most = self.most;
        match tag {
            Tag::Out => self.stdout.push(&text, most),
            _ => self.stderr.push(&text, most),
        }
        if self.actor == Actor::Shell {
            match tag {
                Tag::Out => {
                    self.plain.line(&text);
                    self.answer.line(&text);
                }
                _ => {
                    if let Some(received) = text.strip_prefix("< ") {
                        self.answer_on_stderr.line(received);
                    }
                }
            }
        }
        if !matches!(self.actor, Actor::Sql | Actor::Shell) {
            return;
        }
        if tag == Tag::Out {
            self.execution_ms = execution_ms(&text).or(self.execution_ms);
            let in_table = self.table.line(&text);
            if !in_table && COMMAND_TAG.as_ref().is_some_and(|tag| tag.is_match(&text)) {
                self.tag = Some(text.into_owned());
            }
        } else if let Some(notice) = notice(&text) {
            if self.notices.len() == NOTICES {
                self.notices.pop_front();
            }
            self.notices.push_back(notice);
        }
    }

    pub(super) fn evidence(mut self) -> Evidence {
        let each = std::mem::take(&mut self.each);
        // Of one command the whole says it.
        let each = match each.len() {
            0 | 1 => Vec::new(),
            _ => each
                .into_iter()
                .map(|(index, command)| CommandEvidence {
                    index,
                    seen: Box::new(command.evidence()),
                })
                .collect(),
        };
        let lost = (self.stdout.lost + self.stderr.lost) as u64;
        let stdout = self.stdout.text();
        let plain = self.plain.rows();
        let is_table = plain.is_some() || self.actor == Actor::Sql;
        let rows = plain.unwrap_or_else(|| self.table.rows());
        let value = match rows.as_slice() {
            [row] if row.len() == 1 => row.values().next().cloned(),
            _ if is_table || self.actor != Actor::Shell => None,
            _ => single(&stdout),
        };
        let json = match self.actor {
            Actor::Shell => self.answer.json(&stdout),
            _ => None,
        };
        let answer = match self.answer.status() {
            Some(_) => self.answer,
            None => self.answer_on_stderr,
        };
        Evidence {
            latency_ms: self.execution_ms,
            status: answer.status(),
            headers: answer.into_headers(),
            json,
            stdout,
            stderr: self.stderr.text(),
            rows,
            value,
            tag: self.tag,
            notices: self.notices.into(),
            each,
            lost,
            ..Evidence::default()
        }
    }
}

/// Whole milliseconds of `Execution Time: 0.042 ms`, drawn in a frame or not.
fn execution_ms(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once("Execution Time: ")?;
    let (number, _) = rest.split_once(" ms")?;
    let number: f64 = number.trim().parse().ok()?;
    (number >= 0.0).then_some(number as u64)
}

/// The text of a notice, without what psql and the server put before it.
fn notice(line: &str) -> Option<String> {
    let text = match PSQL_PREFIX.as_ref().and_then(|prefix| prefix.find(line)) {
        Some(prefix) => &line[prefix.end()..],
        None => line,
    };
    text.strip_prefix("NOTICE:")
        .map(|text| text.trim_start().to_owned())
}

/// The end of a stream, in whole lines.
#[derive(Default)]
struct Tail {
    lines: VecDeque<String>,
    bytes: usize,
    /// Bytes that were not kept.
    lost: usize,
}

impl Tail {
    fn push(&mut self, line: &str, most: usize) {
        self.bytes += line.len() + 1;
        self.lines.push_back(line.to_owned());
        while self.bytes > most
            && self.lines.len() > 1
            && let Some(first) = self.lines.pop_front()
        {
            self.bytes -= first.len() + 1;
            self.lost += first.len() + 1;
        }
    }

    /// Lines joined by newlines, one at the end too.
    fn text(self) -> String {
        let mut text = String::with_capacity(self.bytes);
        for line in self.lines {
            text.push_str(&line);
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests;
