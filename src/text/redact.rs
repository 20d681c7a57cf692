//! Keeps secrets out of everything that is shown or kept. A secret is found as it is and as base64,
//! hexadecimal, percent-encoded, JSON or quoted text, with colours in the middle of it, and split over
//! chunks; passwords in URLs and connection strings, `PGPASSWORD=…` and bearer tokens are found
//! without being known.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

mod forms;
mod needles;
mod view;

use forms::{add_encodings, add_forms, parts};
use needles::Needles;
use view::View;
pub(crate) use view::may_be_wrapped;

/// What stands in place of a secret.
pub const MASK: &str = "‹redacted›";

/// Shorter secrets are masked only where they stand as a word of their own: else half of any text
/// would be masked, and show by its holes what the secret is.
const SHORT: usize = 4;

/// The longest stretch that is held back because it may turn out to be a password.
const PATTERN_LIMIT: usize = 16 * 1024;

/// What is longer is not searched for a pattern within a pattern, so that the time of a search stays
/// in proportion to its text.
const NESTED: usize = 256;

/// The longest word of a pattern, or scheme of a URL, that is not cut.
const LONGEST_NAME: usize = 64;

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
    /// All forms of all secrets.
    needles: Needles,
    /// Those that are masked as words of their own only.
    words: Option<Regex>,
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
        let alternatives = short
            .iter()
            .map(|word| format!(r"\b{{start-half}}{}\b{{end-half}}", regex::escape(word)))
            .collect::<Vec<_>>()
            .join("|");
        let words = (!alternatives.is_empty())
            .then(|| Regex::new(&alternatives).ok())
            .flatten();
        forms.extend(short);
        Self {
            needles: Needles::new(forms),
            words,
        }
    }

    /// Masks every secret in a text that is whole. Colour sequences may stand anywhere in it.
    pub fn redact_text(&self, text: &str) -> String {
        self.redact(text).into_owned()
    }

    /// As `redact_text`, without a copy where there is nothing to mask.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let view = View::of(text, !self.needles.is_empty());
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

    /// How much of a text that goes on can be masked and shown as it stands: the rest may be the
    /// beginning of a secret. All of it must be given again when more has come.
    pub fn held_from(&self, text: &str) -> usize {
        self.safe(text, 0)
    }

    /// As [`Self::held_from`], of a text whose beginning is forgotten: what comes before the cut is
    /// safe to be masked by itself, and what comes after it is too. So that the name of a secret is
    /// not cut off from it, no word is cut.
    pub fn cut_from(&self, text: &str) -> usize {
        self.safe(text, LONGEST_NAME)
    }

    fn safe(&self, text: &str, longest_name: usize) -> usize {
        // What goes on behind a line of a dump may be one more of its lines.
        let text = match self.needles.is_empty() {
            true => text,
            false => view::without_begun_dump(text),
        };
        let view = View::of(text, !self.needles.is_empty());
        let visible = view.visible.as_ref();
        let mut held = self.needles.begun(visible);
        if let Some(found) = UNFINISHED
            .as_ref()
            .and_then(|unfinished| unfinished.find(&visible[tail_start(visible)..]))
        {
            held = held.min(tail_start(visible) + found.start());
        }
        let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"+.-:/".contains(byte);
        let name = visible.bytes().rev().take(longest_name);
        let name = name.take_while(is_of_name).count();
        held = held.min(visible.len() - name);
        // What begins before the cut and ends after it goes as a whole, later: of a pattern also what
        // it is known by, of a dump its lines.
        let mut cut = view.before_dump(view.original(held));
        let found = self.found_in(visible).into_iter().map(|found| {
            let start = view.before_dump(view.original(found.begins));
            start..view.past_dump(view.original_end(found.secret.end))
        });
        let mut found: Vec<Range<usize>> = found.collect();
        found.sort_by_key(|found| std::cmp::Reverse(found.end));
        for found in found {
            if found.start < cut && cut < found.end {
                cut = found.start;
            }
        }
        cut
    }

    /// Of a text that ends with a line end and goes on: how much of it can be masked and kept as whole
    /// lines. The rest may be the beginning of a secret in encoded text that is wrapped over lines.
    pub fn whole_lines(&self, text: &str) -> usize {
        let line = text.trim_end_matches(['\r', '\n']);
        let last = &line[line.rfind('\n').map_or(0, |newline| newline + 1)..];
        if self.needles.is_empty() || !(may_be_wrapped(last) || view::is_dump(last)) {
            return text.len();
        }
        match self.held_from(text) {
            held if held >= text.len() => text.len(),
            held => text[..held].rfind('\n').map_or(0, |newline| newline + 1),
        }
    }

    /// Ranges of the original text to be masked, in order, without overlaps.
    fn secrets_in(&self, view: &View<'_>) -> Vec<Range<usize>> {
        let mut ranges: Vec<Range<usize>> = self
            .found_in(view.visible.as_ref())
            .into_iter()
            .map(|found| found.secret)
            .collect();
        ranges.sort_by_key(|range| (range.start, std::cmp::Reverse(range.end)));
        let mut merged: Vec<Range<usize>> = Vec::new();
        for range in ranges {
            match merged.last_mut() {
                Some(last) if range.start < last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        for range in &mut merged {
            let end = view.past_dump(view.original_end(range.end));
            *range = view.original(range.start)..end;
        }
        merged
    }

    /// Every secret in a visible text, those that overlap each other too.
    fn found_in(&self, visible: &str) -> Vec<Found> {
        let mut secrets = Vec::new();
        let after = |start: usize| {
            let first = visible[start..].chars().next();
            start + first.map_or(1, char::len_utf8)
        };
        // The longest form that begins at each place: a form may begin within another.
        let found = self.needles.in_text(visible);
        secrets.extend(found.map(|secret| Found {
            begins: secret.start,
            secret,
        }));
        if let Some(words) = &self.words {
            let mut from = 0;
            while from < visible.len()
                && let Some(found) = words.find_at(visible, from)
            {
                from = after(found.start());
                secrets.push(Found {
                    begins: found.start(),
                    secret: found.range(),
                });
            }
        }
        let hinted = HINT.as_ref().is_none_or(|hint| hint.is_match(visible));
        for pattern in PATTERNS.iter().filter(|_| hinted) {
            let mut from = 0;
            while from < visible.len()
                && let Some(found) = pattern.captures_at(visible, from)
            {
                let whole = found.get_match();
                from = whole.end();
                if let Some(secret) = found.name("secret")
                    && !secret.as_str().contains(MASK)
                {
                    // What is taken for the secret may be the name of one: `password: password: x`.
                    if secret.len() <= NESTED {
                        from = secret.start();
                    }
                    secrets.push(Found {
                        begins: whole.start(),
                        secret: secret.range(),
                    });
                }
            }
        }
        secrets
    }
}

/// A secret in a text.
struct Found {
    /// Where what it is known by begins: `password=`.
    begins: usize,
    secret: Range<usize>,
}

/// Where the last stretch begins that may hold a pattern: its line, or `PATTERN_LIMIT` of it.
fn tail_start(text: &str) -> usize {
    let line = text.rfind('\n').map_or(0, |newline| newline + 1);
    let limit = text.len().saturating_sub(PATTERN_LIMIT);
    (line.max(limit)..=text.len())
        .find(|position| text.is_char_boundary(*position))
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests;
