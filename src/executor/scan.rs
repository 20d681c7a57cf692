//! Looks through a spool for what must not be in it, and for the rounds of a repeated check. Hits are
//! counted, not kept: a flood of them costs as much memory as one.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use regex::RegexSet;

use super::evidence::Collector;
use super::rounds::RoundEnd;
use super::spool::{RawRecord, Tag};
use crate::run::Evidence;
use crate::runbook::{Actor, AlertPattern};
use crate::text::scrub::scrub_line;

/// Bytes read at once, and at most by one call of `poll`.
const CHUNK: u64 = 1 << 20;
const TURN: u64 = 8 << 20;
/// Bytes of a line that are matched; lines of a spool are at most twice as long.
const LONGEST_LINE: usize = 8 * 1024;

/// Lines that match one pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// [`AlertPattern::shown`].
    pub pattern: String,
    /// The last of them, counted from 1.
    pub line: u64,
    /// Its text, without colours.
    pub text: String,
    pub count: u64,
}

/// A round of a repeated check.
#[derive(Clone, Debug, PartialEq)]
pub struct Round {
    /// Counted from 1.
    pub number: u64,
    pub evidence: Evidence,
}

#[derive(Debug, Default)]
pub struct Found {
    pub hits: Vec<Hit>,
    pub rounds: Vec<Round>,
    /// There is more to read at once.
    pub more: bool,
}

/// Reads a spool once from its start, as far as it has come.
pub struct Scanner {
    path: PathBuf,
    bytes: u64,
    lines: u64,
    names: Vec<String>,
    /// For each pattern, the last line that is known already.
    known: Vec<u64>,
    set: RegexSet,
    actor: Actor,
    round: Option<Collector>,
}

impl Scanner {
    /// `repeated`: the spool holds rounds.
    ///
    /// # Errors
    /// A pattern that does not compile; the reader of the guide has reported it.
    pub fn new(
        spool: impl Into<PathBuf>,
        patterns: &[AlertPattern],
        actor: Actor,
        repeated: bool,
    ) -> Result<Self, String> {
        for pattern in patterns {
            crate::runbook::compile_alert(&pattern.expression)
                .map_err(|why| format!("`{}`: {why}", pattern.shown))?;
        }
        let set = RegexSet::new(patterns.iter().map(|pattern| &pattern.expression))
            .map_err(|error| error.to_string())?;
        Ok(Self {
            path: spool.into(),
            bytes: 0,
            lines: 0,
            names: patterns
                .iter()
                .map(|pattern| pattern.shown.clone())
                .collect(),
            known: vec![0; patterns.len()],
            set,
            actor,
            round: repeated.then(|| Collector::new(actor)),
        })
    }

    /// Leaves out what is known: by pattern, the lines up to this one.
    #[must_use]
    pub fn after<'a>(mut self, known: impl IntoIterator<Item = (&'a str, u64)>) -> Self {
        for (pattern, line) in known {
            if let Some(index) = self.names.iter().position(|name| name == pattern) {
                self.known[index] = self.known[index].max(line);
            }
        }
        self
    }

    /// Reads what has come, at most 8 MiB of it.
    ///
    /// # Errors
    /// The spool cannot be read; one that does not exist yet is empty.
    pub fn poll(&mut self) -> io::Result<Found> {
        let mut found = Found::default();
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
            Err(error) => return Err(error),
        };
        let before = self.bytes;
        let mut buffer = Vec::new();
        loop {
            buffer.clear();
            file.seek(SeekFrom::Start(self.bytes))?;
            file.by_ref().take(CHUNK).read_to_end(&mut buffer)?;
            let Some(end) = buffer.iter().rposition(|byte| *byte == b'\n') else {
                return Ok(found);
            };
            for record in buffer[..end].split(|byte| *byte == b'\n') {
                self.record(record, &mut found);
            }
            self.bytes += end as u64 + 1;
            if self.bytes - before >= TURN {
                found.more = true;
                return Ok(found);
            }
        }
    }

    fn record(&mut self, record: &[u8], found: &mut Found) {
        let Some(record) = RawRecord::parse(record) else {
            self.lines += 1;
            return;
        };
        if !record.tag.is_line() {
            return;
        }
        self.lines += 1;
        if record.tag == Tag::Note {
            self.round_ends(record.text, found);
            return;
        }
        if let Some(round) = &mut self.round {
            round.record(&record);
        }
        if self.names.is_empty() {
            return;
        }
        let text = scrub_line(record.text, false);
        let mut end = text.len().min(LONGEST_LINE);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let text = &text[..end];
        for index in self.set.matches(text) {
            if self.lines <= self.known[index] {
                continue;
            }
            let pattern = &self.names[index];
            match found.hits.iter_mut().find(|hit| hit.pattern == *pattern) {
                Some(hit) => {
                    hit.count += 1;
                    hit.line = self.lines;
                    hit.text.clear();
                    hit.text.push_str(text);
                }
                None => found.hits.push(Hit {
                    pattern: pattern.clone(),
                    line: self.lines,
                    text: text.to_owned(),
                    count: 1,
                }),
            }
        }
    }

    fn round_ends(&mut self, note: &str, found: &mut Found) {
        let Some(end) = RoundEnd::parse(note) else {
            return;
        };
        let Some(round) = &mut self.round else { return };
        let round = std::mem::replace(round, Collector::new(self.actor));
        found.rounds.push(Round {
            number: end.number,
            evidence: Evidence {
                exit: Some(end.exit),
                elapsed_ms: end.elapsed_ms,
                ..round.evidence()
            },
        });
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn scanner(text: &str, repeated: bool) -> (tempfile::TempDir, Scanner) {
        let directory = tempfile::tempdir().unwrap();
        let spool = directory.path().join("spool");
        std::fs::write(&spool, text).unwrap();
        let patterns = ["ERROR", "FATAL|PANIC"].map(AlertPattern::written);
        let scanner = Scanner::new(&spool, &patterns, Actor::Shell, repeated).unwrap();
        (directory, scanner)
    }

    #[test]
    fn hits_are_counted_and_the_last_line_is_kept() {
        let text = "o1\tfine\no2\t\u{1b}[31mERROR\u{1b}[0m one\np3\tERROR half\ne4\tERROR two\nn5\tERROR of ours\n";
        let (_directory, mut scanner) = scanner(text, false);
        let found = scanner.poll().unwrap();
        let hit = Hit {
            pattern: "ERROR".to_owned(),
            line: 3,
            text: "ERROR two".to_owned(),
            count: 2,
        };
        assert_eq!(found.hits, [hit]);
        assert!(scanner.poll().unwrap().hits.is_empty(), "read once");
    }

    #[test]
    fn what_is_known_is_not_found_again() {
        let text = "o1\tERROR one\no2\tFATAL\no3\tERROR two\n";
        let (_directory, scanner) = scanner(text, false);
        let mut scanner = scanner.after([("ERROR", 1), ("else", 9)]);
        let hits = scanner.poll().unwrap().hits;
        let lines: Vec<_> = hits.iter().map(|hit| (hit.line, hit.count)).collect();
        assert_eq!(lines, [(2, 1), (3, 1)]);
    }

    #[test]
    fn a_line_is_matched_when_it_is_whole() {
        let (directory, mut scanner) = scanner("o1\tPAN", false);
        assert!(scanner.poll().unwrap().hits.is_empty());
        let spool = directory.path().join("spool");
        let mut file = std::fs::File::options().append(true).open(spool).unwrap();
        file.write_all(b"IC\n").unwrap();
        assert_eq!(scanner.poll().unwrap().hits[0].text, "PANIC");
    }

    #[test]
    fn rounds_have_their_own_evidence() {
        let text = "o1\tone\nn2\tround 1: exit 0 after 5 ms\no3\ttwo\nn4\tround 2: exit 3 after 6 ms\no5\tthree\n";
        let (_directory, mut scanner) = scanner(text, true);
        let rounds = scanner.poll().unwrap().rounds;
        let seen: Vec<_> = rounds
            .iter()
            .map(|round| {
                (
                    round.number,
                    round.evidence.exit,
                    round.evidence.stdout.as_str(),
                )
            })
            .collect();
        assert_eq!(seen, [(1, Some(0), "one\n"), (2, Some(3), "two\n")]);
    }

    #[test]
    fn a_flood_is_read_in_turns() {
        let text = "o1\tERROR of a flood that goes on and on\n".repeat(400_000);
        let (_directory, mut scanner) = scanner(&text, false);
        let (mut count, mut turns) = (0, 0);
        loop {
            let found = scanner.poll().unwrap();
            count += found.hits.iter().map(|hit| hit.count).sum::<u64>();
            turns += 1;
            if !found.more {
                break;
            }
        }
        assert_eq!(count, 400_000);
        assert!(turns > 1);
    }
}
