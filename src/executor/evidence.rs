//! What an action left behind, in the form in which conditions judge it: bounded tails of its output,
//! the rows and tags that psql printed, the answer of an HTTP request.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use super::ExitRecord;
use super::launcher::SPOOL_FILE;
use super::psql_table::TableReader;
use super::spool::{RawRecord, Tag};
use crate::run::Evidence;
use crate::runbook::Actor;
use crate::text::scrub::scrub_line;

/// Bytes kept of each stream.
const TAIL: usize = 64 * 1024;
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
    evidence.commands.clone_from(&record.commands);
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
    tag: Option<String>,
    notices: VecDeque<String>,
}

impl Collector {
    pub(super) fn new(actor: Actor) -> Self {
        Self {
            actor,
            stdout: Tail::default(),
            stderr: Tail::default(),
            table: TableReader::default(),
            tag: None,
            notices: VecDeque::new(),
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
        let tail = match record.tag {
            Tag::Out => &mut self.stdout,
            Tag::Err => &mut self.stderr,
            _ => return,
        };
        let text = scrub_line(record.text, false);
        tail.push(&text);
        if self.actor != Actor::Sql {
            return;
        }
        if record.tag == Tag::Out {
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

    pub(super) fn evidence(self) -> Evidence {
        let rows = self.table.rows();
        let value = match rows.as_slice() {
            [row] if row.len() == 1 => row.values().next().cloned(),
            _ => None,
        };
        Evidence {
            stdout: self.stdout.text(),
            stderr: self.stderr.text(),
            rows,
            value,
            tag: self.tag,
            notices: self.notices.into(),
            ..Evidence::default()
        }
    }
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
}

impl Tail {
    fn push(&mut self, line: &str) {
        self.bytes += line.len() + 1;
        self.lines.push_back(line.to_owned());
        while self.bytes > TAIL
            && self.lines.len() > 1
            && let Some(first) = self.lines.pop_front()
        {
            self.bytes -= first.len() + 1;
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
