//! A text as it is searched for secrets: without colours, with wrapped base64 and hexadecimal as one
//! line, and of the dumps of `xxd`, `hexdump` and `od` the bytes alone.

use std::borrow::Cow;
use std::ops::Range;

/// A text without its colour sequences, without the line ends inside of encoded text, without the
/// addresses and characters of dumps; and where each stood.
pub(super) struct View<'a> {
    pub visible: Cow<'a, str>,
    /// For each run of visible text: where it starts there and in the original. Empty: the same.
    runs: Vec<(usize, usize)>,
    /// The lines of dumps in the original, without their ends.
    dumps: Vec<Range<usize>>,
    original_length: usize,
}

impl<'a> View<'a> {
    /// `unwrap`: encoded text that goes on over line ends is seen as one.
    pub fn of(text: &'a str, unwrap: bool) -> Self {
        let original_length = text.len();
        let mut dumps = Vec::new();
        let mut hidden = Vec::new();
        if unwrap || text.contains('\u{1B}') {
            hide(text, unwrap, &mut hidden, &mut dumps);
        }
        if hidden.is_empty() {
            return Self {
                visible: Cow::Borrowed(text),
                runs: Vec::new(),
                dumps,
                original_length,
            };
        }
        let mut visible = String::with_capacity(text.len());
        let mut runs = Vec::new();
        let mut position = 0;
        let end = original_length..original_length;
        for range in hidden.into_iter().chain(std::iter::once(end)) {
            if position < range.start {
                runs.push((visible.len(), position));
                visible.push_str(&text[position..range.start]);
            }
            position = range.end;
        }
        Self {
            visible: Cow::Owned(visible),
            runs,
            dumps,
            original_length,
        }
    }

    /// Where the visible character at `position` begins in the original.
    pub fn original(&self, position: usize) -> usize {
        if self.runs.is_empty() {
            return if matches!(self.visible, Cow::Borrowed(_)) {
                position
            } else {
                self.original_length
            };
        }
        if position >= self.visible.len() {
            return self.original_length;
        }
        let run = self.runs.partition_point(|(start, _)| *start <= position);
        let (start, original) = self.runs[run.saturating_sub(1)];
        original + (position - start)
    }

    /// Where the visible text that ends at `position` ends in the original.
    pub fn original_end(&self, position: usize) -> usize {
        match position.checked_sub(1) {
            Some(last) if !self.runs.is_empty() => {
                let run = self.runs.partition_point(|(start, _)| *start <= last);
                let (start, original) = self.runs[run.saturating_sub(1)];
                original + (position - start)
            }
            _ => self.original(position),
        }
    }

    /// The end of the line of a dump in which a secret ends: its column of characters shows it again.
    pub fn past_dump(&self, end: usize) -> usize {
        self.dump_with(end).map_or(end, |line| line.end)
    }

    /// The beginning of the line of a dump in which this is.
    pub fn before_dump(&self, at: usize) -> usize {
        self.dump_with(at).map_or(at, |line| line.start)
    }

    fn dump_with(&self, at: usize) -> Option<&Range<usize>> {
        let next = self.dumps.partition_point(|line| line.end < at);
        self.dumps.get(next).filter(|line| line.start < at)
    }
}

/// A line of wrapped encoded text has at least so many bytes.
const WRAPPED: usize = 16;

/// Whether a line may be one of an encoded text that goes on in the next.
pub(crate) fn may_be_wrapped(line: &str) -> bool {
    let line = line.strip_suffix('\r').unwrap_or(line);
    let encoded = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte);
    line.len() >= WRAPPED && line.bytes().all(encoded)
}

/// The stretches of a text that are not seen, and the lines that are those of a dump.
fn hide(text: &str, unwrap: bool, hidden: &mut Vec<Range<usize>>, dumps: &mut Vec<Range<usize>>) {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let body = line.strip_suffix('\n').unwrap_or(line);
        let end = start + body.len();
        let next = start + line.len();
        if let Some(bytes) = dumped(body).filter(|_| unwrap) {
            let mut at = start;
            for own in bytes {
                hidden.push(at..start + own.start);
                at = start + own.end;
            }
            hidden.push(at..next);
            dumps.push(start..end);
        } else {
            let mut at = 0;
            while let Some(found) = body[at..].find('\u{1B}') {
                at += found;
                match colour_length(&body[at..]) {
                    Some(length) => {
                        hidden.push(start + at..start + at + length);
                        at += length;
                    }
                    None => at += 1,
                }
            }
            if unwrap && end < next && may_be_wrapped(body) {
                hidden.push(end - usize::from(body.ends_with('\r'))..next);
            }
        }
        start = next;
    }
}

/// A line of a dump has at most so many bytes: what is longer is no dump, and need not be kept whole.
const DUMPED: usize = 512;

/// The text up to a line that has not ended, and is one of a dump or may turn out to be one.
pub(super) fn without_begun_dump(text: &str) -> &str {
    let start = text.rfind('\n').map_or(0, |newline| newline + 1);
    let begun = &text[start..];
    if begun.is_empty() || begun.len() > DUMPED {
        return text;
    }
    let fits = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b' ' | b':');
    let digits = begun.bytes().take_while(u8::is_ascii_hexdigit).count();
    let may_be = digits >= 6 || digits == begun.len() || begun.starts_with(' ');
    match may_be && begun.bytes().all(fits) || is_dump(begun) {
        true => &text[..start],
        false => text,
    }
}

pub(super) fn is_dump(line: &str) -> bool {
    dumped(line).is_some()
}

/// Where the bytes stand in a line such as `00000010: 6869 0a  hi.`, `00000010  68 69 0a  |hi.|`,
/// `0000020 6968 000a` or ` 68 69 0a`.
fn dumped(line: &str) -> Option<Vec<Range<usize>>> {
    let line = line.trim_end_matches('\r');
    if line.len() > DUMPED {
        return None;
    }
    let digits = line.bytes().take_while(u8::is_ascii_hexdigit).count();
    let first = line.as_bytes().get(digits).copied();
    let (from, colon) = match (digits, first) {
        (0, Some(b' ')) => (0, false),
        (6..=16, Some(b':')) => (digits + 1, true),
        (6..=16, Some(b' ')) => (digits, false),
        _ => return None,
    };
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut at = from;
    loop {
        let blanks = line[at..].bytes().take_while(|byte| *byte == b' ').count();
        let word = at + blanks;
        // The characters that `xxd` prints behind the bytes may look like some.
        if blanks == 0 || colon && blanks > 1 && !found.is_empty() {
            break;
        }
        let length = line[word..].find(' ').unwrap_or(line.len() - word);
        let is_bytes = line[word..word + length]
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit());
        let whole = length.is_multiple_of(2) && length <= 16;
        if !is_bytes || length == 0 || !(whole || word + length == line.len()) {
            let shows = line[word..].starts_with(['|', '>']) || line[word..].is_empty();
            if digits == 0 && !shows {
                return None;
            }
            break;
        }
        found.push(word..word + length);
        at = word + length;
    }
    (!found.is_empty()).then_some(found)
}

/// Length of the colour sequence that a text begins with.
fn colour_length(text: &str) -> Option<usize> {
    let rest = text.strip_prefix("\u{1B}[")?;
    let end = rest.find(|character: char| !matches!(character, '0'..='9' | ';' | ':'))?;
    rest[end..].starts_with('m').then_some(2 + end + 1)
}
