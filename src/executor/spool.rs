//! The spool: what an action printed, as its shim wrote it, and the supervisor's way to follow it.
//!
//! One record a line: `<tag><milliseconds since the start>\t<text>\n`. The tag says what it is:
//!
//! ```text
//! o  a line of standard output          p  an unfinished line of standard output
//! e  a line of standard error           q  an unfinished line of standard error
//! n  a remark of gonogo's own
//! b  a command begins, as JSON         f  it has ended
//! w  it got no lock in time            k  a batch of it is done up to its COMMIT
//! ```
//!
//! An unfinished line is written after some silence (a prompt, a progress bar) and holds the line as
//! far as it has come; the record that follows for the same stream holds all of it again. So only `o`,
//! `e` and `n` count as lines, and `grep '^[oen]'` is the whole output. What is printed between a `b` and
//! the next belongs to that command. Lines longer than 16 KiB are
//! cut. Text is scrubbed and redacted before it is written.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::run::{CommandMark, OutputLine, OutputStream};

/// Lines that `tail` gives.
const TAIL: usize = 200;
/// Lines between two entries of the index.
const STRIDE: u64 = 4096;
/// Bytes read at once, and at most by one call of `poll`.
const CHUNK: usize = 1 << 20;
const TURN: u64 = 16 << 20;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Out,
    Err,
    Note,
    PartialOut,
    PartialErr,
    Began,
    Ended,
    /// It got no lock in time.
    Waited,
    /// A batch of it is done up to its `COMMIT`.
    Batched,
    /// What its flag is.
    Flag,
}

impl Tag {
    pub(super) fn letter(self) -> char {
        match self {
            Tag::Out => 'o',
            Tag::Err => 'e',
            Tag::Note => 'n',
            Tag::PartialOut => 'p',
            Tag::PartialErr => 'q',
            Tag::Began => 'b',
            Tag::Ended => 'f',
            Tag::Waited => 'w',
            Tag::Batched => 'k',
            Tag::Flag => 'v',
        }
    }

    /// Whether it counts as a line.
    pub(super) fn is_line(self) -> bool {
        matches!(self, Tag::Out | Tag::Err | Tag::Note)
    }

    fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            b'o' => Tag::Out,
            b'e' => Tag::Err,
            b'n' => Tag::Note,
            b'p' => Tag::PartialOut,
            b'q' => Tag::PartialErr,
            b'b' => Tag::Began,
            b'f' => Tag::Ended,
            b'w' => Tag::Waited,
            b'k' => Tag::Batched,
            b'v' => Tag::Flag,
            _ => return None,
        })
    }

    fn stream(self) -> OutputStream {
        match self {
            Tag::Out | Tag::PartialOut => OutputStream::Out,
            Tag::Err | Tag::PartialErr => OutputStream::Err,
            Tag::Note | Tag::Began | Tag::Ended | Tag::Waited | Tag::Batched | Tag::Flag => {
                OutputStream::Note
            }
        }
    }
}

/// A record as it stands in the file, without its newline.
pub(super) struct RawRecord<'a> {
    pub(super) tag: Tag,
    pub(super) at_ms: u64,
    pub(super) text: &'a str,
}

impl<'a> RawRecord<'a> {
    /// `None` for what is no record: the file was damaged there.
    pub(super) fn parse(line: &'a [u8]) -> Option<Self> {
        let line = std::str::from_utf8(line).ok()?;
        let (head, text) = line.split_once('\t')?;
        let tag = Tag::of(*head.as_bytes().first()?)?;
        Some(Self {
            tag,
            at_ms: head.get(1..)?.parse().ok()?,
            text,
        })
    }

    /// What it says of a command.
    pub(super) fn mark(&self) -> Option<CommandMark> {
        match self.tag {
            Tag::Began | Tag::Ended | Tag::Waited | Tag::Batched | Tag::Flag => {
                serde_json::from_str(self.text).ok()
            }
            _ => None,
        }
    }

    fn line(&self, number: u64) -> OutputLine {
        OutputLine {
            number,
            stream: self.tag.stream(),
            at_ms: self.at_ms,
            text: self.text.to_owned(),
        }
    }
}

/// Follows a spool while it grows. Its memory does not grow with the file but for the index: eight
/// bytes for every 4096 lines.
#[derive(Debug)]
pub struct SpoolReader {
    path: PathBuf,
    file: Option<File>,
    /// Whole records up to here have been seen.
    bytes: u64,
    lines: u64,
    /// Where lines 0, 4096, 8192… begin.
    index: Vec<u64>,
    tail: VecDeque<OutputLine>,
    /// Unfinished lines of output and errors.
    partial: [Option<OutputLine>; 2],
    /// What was said of commands and not yet asked for.
    marks: Vec<CommandMark>,
    buffer: Vec<u8>,
}

impl SpoolReader {
    /// The file need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            file: None,
            bytes: 0,
            lines: 0,
            index: vec![0],
            tail: VecDeque::new(),
            partial: [None, None],
            marks: Vec::new(),
            buffer: Vec::new(),
        }
    }

    /// What was said of commands since this was last asked.
    pub fn take_marks(&mut self) -> Vec<CommandMark> {
        std::mem::take(&mut self.marks)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whole lines so far, those of standard error and gonogo's remarks included.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Bytes of whole records so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The last lines, oldest first, at most 200; unfinished ones come last, numbered as the lines they
    /// would be if they ended now.
    pub fn tail(&self) -> Vec<OutputLine> {
        let partial: Vec<OutputLine> = self.partial.iter().flatten().cloned().collect();
        let whole = self.tail.len().min(TAIL - partial.len());
        self.tail
            .iter()
            .skip(self.tail.len() - whole)
            .cloned()
            .chain(partial.into_iter().zip(0..).map(|(mut line, offset)| {
                line.number = self.lines + offset;
                line
            }))
            .collect()
    }

    /// Reads what has come, at most 16 MiB of it; says whether there was anything. To be called until
    /// it says no, with room for other work in between.
    pub fn poll(&mut self) -> io::Result<bool> {
        let before = self.bytes;
        while self.bytes - before < TURN {
            if !self.read_chunk()? {
                break;
            }
        }
        if self.bytes == before {
            // Nothing is needed while nothing comes.
            self.buffer = Vec::new();
        }
        Ok(self.bytes != before)
    }

    fn read_chunk(&mut self) -> io::Result<bool> {
        if self.file.is_none() {
            self.file = match File::open(&self.path) {
                Ok(file) => Some(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(error),
            };
        }
        let Some(file) = &mut self.file else {
            return Ok(false);
        };
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        file.seek(SeekFrom::Start(self.bytes))?;
        file.by_ref().take(CHUNK as u64).read_to_end(&mut buffer)?;
        let Some(newline) = buffer.iter().rposition(|byte| *byte == b'\n') else {
            self.buffer = buffer;
            return Ok(false);
        };
        self.take(&buffer[..=newline]);
        self.buffer = buffer;
        Ok(true)
    }

    /// Takes whole records. Only the last ones are looked into.
    fn take(&mut self, records: &[u8]) {
        let mut recent: VecDeque<(u64, &[u8])> = VecDeque::with_capacity(TAIL + 1);
        // For each stream: whether its unfinished line has changed, and to what.
        let mut partial: [Option<Option<&[u8]>>; 2] = [None, None];
        let mut rest = records;
        while !rest.is_empty() {
            let mut after = rest;
            // Never fails: the source is memory.
            let length = after.skip_until(b'\n').unwrap_or(rest.len());
            let record = &rest[..length];
            rest = after;
            self.bytes += length as u64;
            match record.first() {
                Some(b'p') => partial[0] = Some(Some(record)),
                Some(b'q') => partial[1] = Some(Some(record)),
                Some(b'b' | b'f' | b'w' | b'k' | b'v') => {
                    let record = record.strip_suffix(b"\n").unwrap_or(record);
                    let mark = RawRecord::parse(record).and_then(|record| record.mark());
                    self.marks.extend(mark);
                }
                tag => {
                    match tag {
                        Some(b'o') => partial[0] = Some(None),
                        Some(b'e') => partial[1] = Some(None),
                        _ => {}
                    }
                    if recent.len() == TAIL {
                        recent.pop_front();
                    }
                    recent.push_back((self.lines, record));
                    self.lines += 1;
                    if self.lines.is_multiple_of(STRIDE) {
                        self.index.push(self.bytes);
                    }
                }
            }
        }
        for (number, record) in recent {
            if let Some(line) = line_of(number, record) {
                if self.tail.len() == TAIL {
                    self.tail.pop_front();
                }
                self.tail.push_back(line);
            }
        }
        for (slot, change) in self.partial.iter_mut().zip(partial) {
            if let Some(record) = change {
                *slot = record.and_then(|record| line_of(self.lines, record));
            }
        }
    }

    /// Lines `from..from + count`, as far as they have been seen.
    pub fn page(&self, from: u64, count: usize) -> io::Result<Vec<OutputLine>> {
        let end = from.saturating_add(count as u64).min(self.lines);
        if from >= end {
            return Ok(Vec::new());
        }
        let entry = usize::try_from(from / STRIDE)
            .unwrap_or(usize::MAX)
            .min(self.index.len() - 1);
        let mut number = entry as u64 * STRIDE;
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.index[entry]))?;
        let mut reader = BufReader::with_capacity(64 * 1024, file);
        let mut lines = Vec::new();
        let mut record = Vec::new();
        while number < end {
            record.clear();
            if reader.read_until(b'\n', &mut record)? == 0 {
                break;
            }
            if matches!(
                record.first(),
                Some(b'p' | b'q' | b'b' | b'f' | b'w' | b'k' | b'v')
            ) {
                continue;
            }
            if number >= from
                && let Some(line) = line_of(number, &record)
            {
                lines.push(line);
            }
            number += 1;
        }
        Ok(lines)
    }
}

fn line_of(number: u64, record: &[u8]) -> Option<OutputLine> {
    let record = record.strip_suffix(b"\n").unwrap_or(record);
    RawRecord::parse(record).map(|record| record.line(number))
}

#[cfg(test)]
mod tests;
