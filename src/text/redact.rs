//! Keeps secrets out of everything that is shown or kept. A secret is found as it is and as base64,
//! hexadecimal, percent-encoded, JSON or quoted text, with colours in the middle of it, and split over
//! chunks; passwords in URLs and connection strings, `PGPASSWORD=…` and bearer tokens are found
//! without being known.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// What stands in place of a secret.
pub const MASK: &str = "‹redacted›";

/// Shorter secrets are masked only where they stand as a word of their own: else half of any text
/// would be masked, and show by its holes what the secret is.
const SHORT: usize = 4;

/// The longest stretch that is held back because it may turn out to be a password.
const PATTERN_LIMIT: usize = 16 * 1024;

/// Recognised without being known; the named group is what is masked.
static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        r"(?i)\b[a-z][a-z0-9+.-]*://[^\s/:@?#'\x22]*:(?<secret>[^\s/]+)@",
        r#"(?i)(?:password|passwd)["']?\s*[=:]\s*(?<secret>'(?:[^'\\]|\\.)+'|"(?:[^"\\]|\\.)+"|[^\s'",;&}]+)"#,
        r"(?i)\bpassword\s+(?<secret>'(?:[^']|'')+')",
        r"(?i)\bbearer\s+(?<secret>[A-Za-z0-9._~+/=-]{8,})",
        r"(?i)\bauthorization:\s*[a-z]+\s+(?<secret>[A-Za-z0-9._~+/=-]+)",
    ]
    .into_iter()
    .filter_map(|pattern| Regex::new(pattern).ok())
    .collect()
});

/// Most text holds none of these, and is spared the search for patterns.
static HINT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new("(?i)://|password|passwd|bearer|authorization").ok());

/// What at the end of a text may be the beginning of such a pattern.
static UNFINISHED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)(?:",
        r"\b[a-z][a-z0-9+.-]*://[^\s/:@?#'\x22]*(?::[^\s/]*)?",
        r#"|(?:password|passwd)["']?\s*(?:[=:]\s*(?:'[^']*|"[^"]*|[^\s'",;&}]*))?"#,
        r"|\bpassword\s+'[^']*",
        r"|\bbearer(?:\s+[A-Za-z0-9._~+/=-]*)?",
        r"|\bauthorization(?::\s*(?:[a-z]+(?:\s+[A-Za-z0-9._~+/=-]*)?)?)?",
        r")$"
    ))
    .ok()
});

/// Masks a fixed set of secrets and everything that looks like one.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    /// All forms of all secrets, longest first.
    needles: Option<Regex>,
    /// The same, for what may be the beginning of one.
    forms: Vec<String>,
}

impl Redactor {
    /// Empty secrets are ignored; each line of a secret of several lines (a key) is one of its own.
    pub fn new(secrets: Vec<String>) -> Self {
        let mut forms = BTreeSet::new();
        let mut short = BTreeSet::new();
        for secret in &secrets {
            for part in parts(secret) {
                if part.chars().count() < SHORT {
                    short.insert(part.to_owned());
                } else {
                    add_forms(part, &mut forms);
                }
            }
            // A key of several lines may be encoded as a whole.
            if secret.contains('\n') {
                add_encodings(secret.as_bytes(), &mut forms);
            }
        }
        let mut forms: Vec<String> = forms.into_iter().collect();
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        let alternatives = forms
            .iter()
            .map(|form| regex::escape(form))
            .chain(
                short
                    .iter()
                    .map(|word| format!(r"\b{{start-half}}{}\b{{end-half}}", regex::escape(word))),
            )
            .collect::<Vec<_>>()
            .join("|");
        let needles = (!alternatives.is_empty())
            .then(|| {
                regex::RegexBuilder::new(&alternatives)
                    .size_limit(256 << 20)
                    .build()
                    .ok()
            })
            .flatten();
        forms.extend(short);
        Self { needles, forms }
    }

    /// Masks every secret in a text that is whole. Colour sequences may stand anywhere in it.
    pub fn redact_text(&self, text: &str) -> String {
        self.redact(text).into_owned()
    }

    /// As `redact_text`, without a copy where there is nothing to mask.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let view = View::of(text, self.needles.is_some());
        let ranges = self.secrets_in(&view);
        if ranges.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for range in ranges {
            out.push_str(&text[from..range.start]);
            out.push_str(MASK);
            from = range.end;
        }
        out.push_str(&text[from..]);
        Cow::Owned(out)
    }

    /// Where a text that goes on must be cut: what comes before is safe to be masked and shown by
    /// itself, the rest may be the beginning of a secret.
    pub fn held_from(&self, text: &str) -> usize {
        let view = View::of(text, self.needles.is_some());
        let visible = view.visible.as_ref();
        let mut held = self
            .forms
            .iter()
            .filter_map(|form| longest_overlap(visible, form))
            .max()
            .map_or(visible.len(), |overlap| visible.len() - overlap);
        if let Some(found) = UNFINISHED
            .as_ref()
            .and_then(|unfinished| unfinished.find(&visible[tail_start(visible)..]))
        {
            held = held.min(tail_start(visible) + found.start());
        }
        let mut held = view.original(held);
        // What begins before the cut and ends after it goes as a whole, later.
        for range in self.secrets_in(&view).into_iter().rev() {
            if range.start < held && held < range.end {
                held = range.start;
            }
        }
        held
    }

    /// Of a text that ends with a line end and goes on: how much of it can be masked and kept as whole
    /// lines. The rest may be the beginning of a secret in encoded text that is wrapped over lines.
    pub fn whole_lines(&self, text: &str) -> usize {
        let line = text.trim_end_matches(['\r', '\n']);
        let last = &line[line.rfind('\n').map_or(0, |newline| newline + 1)..];
        if self.needles.is_none() || !may_be_wrapped(last) {
            return text.len();
        }
        match self.held_from(text) {
            held if held >= text.len() => text.len(),
            held => text[..held].rfind('\n').map_or(0, |newline| newline + 1),
        }
    }

    /// A stream that takes chunks and gives text that is safe so far.
    pub fn stream(&self) -> RedactStream<'_> {
        RedactStream {
            redactor: self,
            pending: String::new(),
        }
    }

    /// Ranges of the original text to be masked, in order, without overlaps.
    fn secrets_in(&self, view: &View<'_>) -> Vec<Range<usize>> {
        let visible = view.visible.as_ref();
        let mut ranges: Vec<Range<usize>> = Vec::new();
        if let Some(needles) = &self.needles {
            ranges.extend(needles.find_iter(visible).map(|found| found.range()));
        }
        let hinted = HINT.as_ref().is_none_or(|hint| hint.is_match(visible));
        for pattern in PATTERNS.iter().filter(|_| hinted) {
            for found in pattern.captures_iter(visible) {
                if let Some(secret) = found.name("secret")
                    && !secret.as_str().contains(MASK)
                {
                    ranges.push(secret.range());
                }
            }
        }
        ranges.sort_by_key(|range| (range.start, std::cmp::Reverse(range.end)));
        let mut merged: Vec<Range<usize>> = Vec::new();
        for range in ranges {
            match merged.last_mut() {
                Some(last) if range.start < last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        for range in &mut merged {
            *range = view.original(range.start)..view.original_end(range.end);
        }
        merged
    }
}

/// Masks a text that comes in chunks.
#[derive(Clone, Debug)]
pub struct RedactStream<'a> {
    redactor: &'a Redactor,
    pending: String,
}

impl RedactStream<'_> {
    /// Takes a chunk; gives what can be shown already.
    pub fn push(&mut self, chunk: &str) -> String {
        self.pending.push_str(chunk);
        let held = self.redactor.held_from(&self.pending);
        let safe = self.redactor.redact_text(&self.pending[..held]);
        self.pending.drain(..held);
        safe
    }

    /// Gives the rest.
    pub fn finish(self) -> String {
        self.redactor.redact_text(&self.pending)
    }
}

/// A text without its colour sequences, and without the line ends inside of wrapped base64 or
/// hexadecimal; and the way back to it.
struct View<'a> {
    visible: Cow<'a, str>,
    /// For each run of visible text: where it starts there and in the original. Empty: the same.
    runs: Vec<(usize, usize)>,
    original_length: usize,
}

impl<'a> View<'a> {
    /// `unwrap`: encoded text that goes on over line ends is seen as one.
    fn of(text: &'a str, unwrap: bool) -> Self {
        let original_length = text.len();
        let mut hidden = hidden_in(text, unwrap).peekable();
        if hidden.peek().is_none() {
            return Self {
                visible: Cow::Borrowed(text),
                runs: Vec::new(),
                original_length,
            };
        }
        let mut visible = String::with_capacity(text.len());
        let mut runs = Vec::new();
        let mut position = 0;
        let end = original_length..original_length;
        for range in hidden.chain(std::iter::once(end)) {
            if position < range.start {
                runs.push((visible.len(), position));
                visible.push_str(&text[position..range.start]);
            }
            position = range.end;
        }
        Self {
            visible: Cow::Owned(visible),
            runs,
            original_length,
        }
    }

    /// Where the visible character at `position` begins in the original.
    fn original(&self, position: usize) -> usize {
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
    fn original_end(&self, position: usize) -> usize {
        match position.checked_sub(1) {
            Some(last) if !self.runs.is_empty() => {
                let run = self.runs.partition_point(|(start, _)| *start <= last);
                let (start, original) = self.runs[run.saturating_sub(1)];
                original + (position - start)
            }
            _ => self.original(position),
        }
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

/// The stretches of a text that are not seen: colour sequences, and line ends inside of encoded text.
fn hidden_in(text: &str, unwrap: bool) -> impl Iterator<Item = Range<usize>> + '_ {
    let colours = text.contains('\u{1B}');
    let mut position = 0;
    let mut line = 0;
    std::iter::from_fn(move || {
        if !colours && !unwrap {
            return None;
        }
        loop {
            let rest = text.get(position..)?;
            let next = position + rest.find(['\u{1B}', '\n'])?;
            if text.as_bytes()[next] == b'\n' {
                let before = &text[line..next];
                let wrapped = unwrap && may_be_wrapped(before);
                let start = next - usize::from(before.ends_with('\r'));
                position = next + 1;
                line = position;
                if wrapped {
                    return Some(start..position);
                }
                continue;
            }
            match colour_length(&text[next..]) {
                Some(length) => {
                    position = next + length;
                    return Some(next..position);
                }
                None => position = next + 1,
            }
        }
    })
}

/// Length of the colour sequence that a text begins with.
fn colour_length(text: &str) -> Option<usize> {
    let rest = text.strip_prefix("\u{1B}[")?;
    let end = rest.find(|character: char| !matches!(character, '0'..='9' | ';' | ':'))?;
    rest[end..].starts_with('m').then_some(2 + end + 1)
}

/// Length of the longest end of `text` with which `form` begins without being complete.
fn longest_overlap(text: &str, form: &str) -> Option<usize> {
    let (text, form) = (text.as_bytes(), form.as_bytes());
    let longest = form.len().saturating_sub(1).min(text.len());
    (1..=longest)
        .rev()
        .find(|length| text.ends_with(&form[..*length]))
}

/// Where the last stretch begins that may hold a pattern: its line, or `PATTERN_LIMIT` of it.
fn tail_start(text: &str) -> usize {
    let line = text.rfind('\n').map_or(0, |newline| newline + 1);
    let limit = text.len().saturating_sub(PATTERN_LIMIT);
    (line.max(limit)..=text.len())
        .find(|position| text.is_char_boundary(*position))
        .unwrap_or(text.len())
}

/// The pieces of a secret that may stand on a line of their own. Lines that say nothing (the end marks
/// of a key) are left out.
fn parts(secret: &str) -> impl Iterator<Item = &str> {
    let several = secret.trim_end_matches(['\r', '\n']).contains('\n');
    secret.lines().map(str::trim).filter(move |line| {
        !line.is_empty() && !(several && (line.len() < 8 || line.starts_with("-----")))
    })
}

fn add_forms(secret: &str, forms: &mut BTreeSet<String>) {
    forms.insert(secret.to_owned());
    // As it looks after scrubbing.
    forms.insert(super::scrub::scrub_line(secret, false).into_owned());
    forms.insert(secret.replace('\'', "''"));
    forms.insert(secret.replace('\'', r"'\''"));
    forms.insert(secret.replace('\\', r"\\").replace('\'', r"\'"));
    if let Ok(json) = serde_json::to_string(secret) {
        forms.insert(json[1..json.len() - 1].to_owned());
    }
    forms.insert(percent_encoded(
        secret,
        |byte| b"-._~".contains(&byte),
        false,
    ));
    forms.insert(percent_encoded(
        secret,
        |byte| b"-._~".contains(&byte),
        true,
    ));
    forms.insert(percent_encoded(
        secret,
        |byte| b"-._~!*'()".contains(&byte),
        false,
    ));
    forms.insert(percent_encoded(
        secret,
        |byte| b"-._~!$&'()*+,;=:@/?".contains(&byte),
        false,
    ));
    forms
        .insert(percent_encoded(secret, |byte| b"-._*".contains(&byte), false).replace("%20", "+"));
    add_encodings(secret.as_bytes(), forms);
    forms.retain(|form| form.chars().count() >= SHORT);
}

fn add_encodings(secret: &[u8], forms: &mut BTreeSet<String>) {
    forms.insert(secret.iter().map(|byte| format!("{byte:02x}")).collect());
    forms.insert(secret.iter().map(|byte| format!("{byte:02X}")).collect());
    forms.insert(secret.iter().map(|byte| format!("%{byte:02x}")).collect());
    forms.insert(secret.iter().map(|byte| format!("%{byte:02X}")).collect());
    for alphabet in [STANDARD, URL_SAFE] {
        for offset in 0..3 {
            let form = base64_inside(secret, offset, alphabet);
            if form.len() >= SHORT {
                forms.insert(form);
            }
        }
    }
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The characters that a secret gives in the base64 of any text that holds it `offset` bytes after a
/// multiple of three: those that depend on nothing but the secret.
fn base64_inside(secret: &[u8], offset: usize, alphabet: &[u8; 64]) -> String {
    let first_bit = offset * 8;
    let last_bit = first_bit + secret.len() * 8;
    let bit = |position: usize| {
        let inside = position - first_bit;
        (secret[inside / 8] >> (7 - inside % 8)) & 1
    };
    let mut out = String::new();
    let mut position = first_bit.next_multiple_of(6);
    while position + 6 <= last_bit {
        let value = (0..6).fold(0_usize, |value, index| {
            value << 1 | usize::from(bit(position + index))
        });
        out.push(char::from(alphabet[value]));
        position += 6;
    }
    out
}

fn percent_encoded(secret: &str, is_plain: impl Fn(u8) -> bool, lower: bool) -> String {
    let mut out = String::new();
    for byte in secret.bytes() {
        if byte.is_ascii_alphanumeric() || is_plain(byte) {
            out.push(char::from(byte));
        } else if lower {
            out.push_str(&format!("%{byte:02x}"));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests;
