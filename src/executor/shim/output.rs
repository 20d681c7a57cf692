//! From the bytes of a terminal to the records of the spool: scrubbed, redacted, cut into lines, and
//! written in batches.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use crate::executor::files::private_file;
use crate::executor::launcher::SPOOL_FILE;
use crate::executor::spool::Tag;
use crate::run::CommandMark;
use crate::text::redact::Redactor;
use crate::text::scrub::Scrubber;

/// Lines are cut at this many bytes.
pub(super) const LONGEST_LINE: usize = 16 * 1024;
/// A write is due from here on.
const BATCH: usize = 128 * 1024;

/// The file, and what is on its way there.
pub(super) struct Spool {
    file: File,
    redactor: Rc<Redactor>,
    secrets: Vec<String>,
    started: Instant,
    /// Records not yet written, and how many lines are among them.
    batch: Vec<u8>,
    batch_lines: u64,
    /// What stands in the file for good.
    pub(super) lines: u64,
    pub(super) bytes: u64,
    /// Why nothing more is written.
    pub(super) lost: Option<String>,
}

impl Spool {
    pub(super) fn create(directory: &Path, secrets: Vec<String>) -> io::Result<Self> {
        Ok(Self {
            file: private_file(&directory.join(SPOOL_FILE))?,
            redactor: Rc::new(Redactor::new(secrets.clone())),
            secrets,
            started: Instant::now(),
            batch: Vec::with_capacity(2 * BATCH),
            batch_lines: 0,
            lines: 0,
            bytes: 0,
            lost: None,
        })
    }

    pub(super) fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// What is masked from now on, too. Records that are written already stay as they are.
    pub(super) fn add_secret(&mut self, secret: String) {
        if !self.secrets.contains(&secret) {
            self.secrets.push(secret);
            self.redactor = Rc::new(Redactor::new(self.secrets.clone()));
        }
    }

    /// Lines so far, those on their way among them.
    pub(super) fn lines_so_far(&self) -> u64 {
        self.lines + self.batch_lines
    }

    /// Says of a command that it begins, or how it ended.
    pub(super) fn mark(&mut self, mark: &CommandMark) {
        let tag = match mark {
            CommandMark::Began(_) => Tag::Began,
            CommandMark::Ended(..) => Tag::Ended,
            CommandMark::Waited(..) => Tag::Waited,
            CommandMark::Batched(..) => Tag::Batched,
            CommandMark::Flag(_) => Tag::Flag,
        };
        match serde_json::to_string(mark) {
            // A record is one line, and a secret's mask is no character of JSON.
            Ok(text) => {
                let text = self.redactor.redact_text(&text);
                self.batch.extend_from_slice(
                    format!("{}{}\t", tag.letter(), self.elapsed_ms()).as_bytes(),
                );
                self.batch.extend_from_slice(text.as_bytes());
                self.batch.push(b'\n');
            }
            Err(error) => eprintln!("gonogo shim: a command is not recorded: {error}"),
        }
    }

    /// Whether a secret stands in it: what is written of it then says something else.
    pub(super) fn masks(&self, mark: &CommandMark) -> bool {
        serde_json::to_string(mark).is_ok_and(|text| self.redactor.redact_text(&text) != text)
    }

    /// What was written so far is on the disk when this returns.
    pub(super) fn sync(&mut self) {
        self.flush();
        if self.lost.is_none()
            && let Err(error) = self.file.sync_data()
        {
            self.lost = Some(format!(
                "output after line {} may be lost: cannot sync the spool: {error}",
                self.lines
            ));
        }
    }

    /// A remark of gonogo's own.
    pub(super) fn note(&mut self, text: &str) {
        let text = self.redactor.redact_text(text);
        self.records(Tag::Note, &text);
    }

    /// Whole lines, scrubbed; redacted here.
    pub(super) fn lines(&mut self, tag: Tag, text: &str) {
        let redactor = Rc::clone(&self.redactor);
        self.records(tag, &redactor.redact(text));
    }

    /// Text that is safe already, as records of its lines.
    fn records(&mut self, tag: Tag, text: &str) {
        let head = format!("{}{}\t", tag.letter(), self.elapsed_ms());
        let mut rest = text.strip_suffix('\n').unwrap_or(text);
        loop {
            let end = rest.find('\n').unwrap_or(rest.len());
            self.line(tag, &head, &rest[..end]);
            if end == rest.len() {
                break;
            }
            rest = &rest[end + 1..];
        }
        if self.batch.len() >= BATCH {
            self.flush();
        }
    }

    fn line(&mut self, tag: Tag, head: &str, line: &str) {
        let mut rest = line;
        loop {
            let cut = match rest.len() {
                length if length <= LONGEST_LINE => length,
                _ => char_boundary_before(rest, LONGEST_LINE),
            };
            self.batch.extend_from_slice(head.as_bytes());
            self.batch.extend_from_slice(&rest.as_bytes()[..cut]);
            self.batch.push(b'\n');
            self.batch_lines += u64::from(tag.is_line());
            rest = &rest[cut..];
            if rest.is_empty() {
                break;
            }
        }
    }

    /// Writes what is there. A disk that is full ends the spool, not the action.
    pub(super) fn flush(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        if self.lost.is_none() {
            match self.file.write_all(&self.batch) {
                Ok(()) => {
                    self.lines += self.batch_lines;
                    self.bytes += self.batch.len() as u64;
                }
                Err(error) => {
                    self.lost = Some(format!(
                        "output after line {} is lost: cannot write the spool: {error}",
                        self.lines
                    ));
                    // Half a record at the end would be read as a line.
                    if let Err(error) = self.file.set_len(self.bytes) {
                        eprintln!("gonogo shim: cannot cut the spool: {error}");
                    }
                }
            }
        }
        self.batch.clear();
        self.batch_lines = 0;
    }
}

/// The last place at or before `limit` where a text can be cut.
fn char_boundary_before(text: &str, limit: usize) -> usize {
    (0..=limit)
        .rev()
        .find(|position| text.is_char_boundary(*position))
        .unwrap_or(0)
}

/// One of the two streams of an action.
pub(super) struct Stream {
    whole: Tag,
    partial: Tag,
    scrubber: Scrubber,
    /// The line that is not yet whole, scrubbed.
    text: String,
    /// What is taken out of lines, and what stood behind each that has come.
    markers: Vec<(String, Option<String>)>,
    /// How our own names are written instead.
    names: Names,
    /// Something came since it was last shown as a partial line.
    unshown: bool,
}

impl Stream {
    pub(super) fn output() -> Self {
        Self::new(Tag::Out, Tag::PartialOut)
    }

    pub(super) fn errors() -> Self {
        Self::new(Tag::Err, Tag::PartialErr)
    }

    fn new(whole: Tag, partial: Tag) -> Self {
        Self {
            whole,
            partial,
            scrubber: Scrubber::new(true),
            text: String::new(),
            markers: Vec::new(),
            names: Names::default(),
            unshown: false,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8], spool: &mut Spool) {
        self.scrubber.push(bytes, &mut self.text);
        if let Some(newline) = self.text.rfind('\n') {
            let whole = spool.redactor().whole_lines(&self.text[..=newline]);
            if whole > 0 {
                self.whole_lines(whole, spool);
                self.text.drain(..whole);
            }
        }
        if self.text.len() > LONGEST_LINE {
            let cut = spool.redactor().cut_from(&self.text);
            if cut > 0 {
                spool.lines(self.whole, &self.text[..cut]);
                self.text.drain(..cut);
            }
        }
        self.unshown = true;
    }

    fn whole_lines(&mut self, end: usize, spool: &mut Spool) {
        let whole = self.names.written(&self.text[..end]);
        if !self
            .markers
            .iter()
            .any(|(marker, _)| whole.contains(marker))
        {
            return spool.lines(self.whole, &whole);
        }
        for line in whole.split_inclusive('\n') {
            let found = self.markers.iter_mut().find_map(|(marker, come)| {
                let (before, behind) = line.split_once(marker.as_str())?;
                Some((before, behind, come))
            });
            let printed = match found {
                None => line,
                // psql shows its input (`\set ECHO all`): that is not yet the answer.
                Some((before, behind, come)) => match before.strip_suffix("\\echo ") {
                    Some(input) => input.trim_end(),
                    None => {
                        *come = Some(behind.trim().to_owned());
                        before
                    }
                },
            };
            if !printed.is_empty() {
                spool.lines(self.whole, printed);
            }
        }
    }

    /// Takes this out of lines from now on, with what stands behind it.
    pub(super) fn expect(&mut self, marker: String) {
        self.markers.push((marker, None));
    }

    /// Whether such a line has come, asked once.
    pub(super) fn has_come(&mut self, marker: &str) -> bool {
        self.answer(marker).is_some()
    }

    /// What stood behind the marker, where such a line has come; asked once.
    pub(super) fn answer(&mut self, marker: &str) -> Option<String> {
        let mut markers = self.markers.iter_mut();
        markers.find(|(known, _)| known == marker)?.1.take()
    }

    pub(super) fn names(&mut self) -> &mut Names {
        &mut self.names
    }

    /// The line that is not yet whole, for who asks what it waits for.
    pub(super) fn unfinished(&self) -> &str {
        &self.text
    }

    /// Whether there is a line to be shown before it is whole.
    pub(super) fn has_partial(&self) -> bool {
        self.unshown && !self.text.is_empty() && !self.ends_in_a_marker()
    }

    /// Whether the beginning of a marker, or all of one, stands at the end of the line so far.
    fn ends_in_a_marker(&self) -> bool {
        let mut markers = self.markers.iter();
        markers.any(|(marker, _)| {
            if self.text.contains(marker.as_str()) {
                return true;
            }
            let lengths = 1..=marker.len().min(self.text.len());
            let mut halves = lengths.filter_map(|length| marker.get(..length));
            halves.any(|half| half.len() > 3 && self.text.ends_with(half))
                || marker.starts_with(&self.text)
        })
    }

    /// Shows the line as far as it is certain to hold no half of a secret.
    pub(super) fn show_partial(&mut self, spool: &mut Spool) {
        if self.has_partial() {
            let cut = spool.redactor().held_from(&self.text);
            if cut > 0 {
                spool.lines(self.partial, &self.text[..cut]);
            }
        }
        self.unshown = false;
    }

    /// What was printed of a line is a whole one: the answer to it was typed on the other terminal.
    pub(super) fn end_line(&mut self, spool: &mut Spool) {
        if !self.text.is_empty() {
            self.whole_lines(self.text.len(), spool);
            self.text.clear();
        }
        self.unshown = false;
    }

    /// Nothing more comes.
    pub(super) fn finish(&mut self, spool: &mut Spool) {
        self.scrubber.finish(&mut self.text);
        self.end_line(spool);
    }
}

/// What a shell or psql calls its input, as its messages name it: the author knows it by the line in
/// the guide alone.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The pipe from which bash reads.
    script: Option<String>,
    /// Lines by which the program counts ahead of the guide.
    ahead: usize,
}

impl Names {
    pub(super) fn of_bash(&mut self, script: &Path) {
        self.script = Some(script.display().to_string());
    }

    pub(super) fn is_ahead(&mut self, lines: usize) {
        self.ahead = lines;
    }

    fn written<'a>(&self, text: &'a str) -> Cow<'a, str> {
        const PSQL: &str = "psql:<stdin>:";
        match &self.script {
            Some(script) if text.contains(script) => {
                let shown = text.replace(script, "bash");
                Cow::Owned(self.counted(&shown, "bash: line "))
            }
            _ if self.ahead > 0 && text.contains(PSQL) => Cow::Owned(self.counted(text, PSQL)),
            _ => Cow::Borrowed(text),
        }
    }

    /// Line numbers behind these words, as the guide counts.
    fn counted(&self, text: &str, words: &str) -> String {
        let mut pieces = text.split(words);
        let mut out = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
            let line: usize = piece[..digits].parse().unwrap_or(0);
            let line = line.saturating_sub(self.ahead);
            out.push_str(&format!("{words}{line}{}", &piece[digits..]));
        }
        out
    }
}
