//! The text of a condition: what people write that CEL does not know (durations, a count of rows), and
//! where its parts begin and end.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::pattern;

static DURATION: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(\d+(?:\.\d+)?)(ms|s|m|h|d)\b"));
static ROWS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(^|[^\w.])((?:[A-Za-z_]\w*\.)?rows)(\s*(?:==|!=|<=|>=|<|>)\s*\d+(?:$|[^\w.]))")
});

/// The condition as CEL: `200ms` and `5m` are milliseconds, `rows == 0` compares the number of rows.
pub(super) fn rewritten(source: &str) -> String {
    rewrite(source, |milliseconds| format!("{milliseconds}"))
}

/// As [`rewritten`], but a duration stays one: `duration_of(200)`.
pub(super) fn typed(source: &str) -> String {
    rewrite(source, |milliseconds| {
        format!("duration_of({milliseconds})")
    })
}

fn rewrite(source: &str, duration: impl Fn(f64) -> String) -> String {
    let mut text = String::with_capacity(source.len());
    for (quoted, part) in quoted_parts(source) {
        if quoted {
            text.push_str(part);
            continue;
        }
        let part: Cow<'_, str> = ROWS.replace_all(part, "${1}size($2)$3");
        text.push_str(&DURATION.replace_all(&part, |captures: &Captures<'_>| {
            let number: f64 = captures[1].parse().unwrap_or(0.0);
            let factor = match &captures[2] {
                "ms" => 1.0,
                "s" => 1e3,
                "m" => 60e3,
                "h" => 3_600e3,
                _ => 86_400e3,
            };
            duration((number * factor).round())
        }));
    }
    text
}

pub(super) fn strip_strings(source: &str) -> String {
    quoted_parts(source)
        .into_iter()
        .map(|(quoted, part)| if quoted { " " } else { part })
        .collect()
}

/// The source cut into string literals (`true`) and the rest.
fn quoted_parts(source: &str) -> Vec<(bool, &str)> {
    let mut parts = Vec::new();
    let (mut start, mut quote) = (0, None);
    let mut escaped = false;
    for (at, character) in source.char_indices() {
        match quote {
            None if character == '"' || character == '\'' => {
                parts.push((false, &source[start..at]));
                (start, quote) = (at, Some(character));
            }
            Some(_) if escaped => escaped = false,
            Some(_) if character == '\\' => escaped = true,
            Some(open) if character == open => {
                let end = at + character.len_utf8();
                parts.push((true, &source[start..end]));
                (start, quote) = (end, None);
            }
            _ => {}
        }
    }
    parts.push((quote.is_some(), &source[start..]));
    parts
}

/// The parts between each `operator` that stands in no string and in no brackets.
pub(super) fn split<'a>(source: &'a str, operator: &str) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for at in bare(source) {
        if at >= start && source[at..].starts_with(operator) {
            parts.push(source[start..at].trim());
            start = at + operator.len();
        }
    }
    parts.push(source[start..].trim());
    parts
}

/// Both sides of a comparison that stands in no string and in no brackets.
pub(super) fn comparison(source: &str) -> Option<(&str, &str)> {
    let at = bare(source).find(|at| {
        let rest = &source[*at..];
        ["==", "!=", "<", ">", " in "]
            .iter()
            .any(|sign| rest.starts_with(sign))
    })?;
    let rest = &source[at..];
    let length = ["==", "!=", "<=", ">=", " in "]
        .iter()
        .find(|sign| rest.starts_with(**sign))
        .map_or(1, |sign| sign.len());
    Some((source[..at].trim(), source[at + length..].trim()))
}

/// The condition without brackets around all of it.
pub(super) fn bare_of_brackets(source: &str) -> &str {
    let mut source = source.trim();
    while let Some(inner) = source
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
    {
        let mut depth = 0_usize;
        let whole = quoted_parts(inner)
            .into_iter()
            .filter(|(quoted, _)| !quoted)
            .flat_map(|(_, part)| part.bytes())
            .all(|byte| match byte {
                b'(' => {
                    depth += 1;
                    true
                }
                b')' => {
                    let open = depth > 0;
                    depth = depth.saturating_sub(1);
                    open
                }
                _ => true,
            });
        if !whole {
            break;
        }
        source = inner.trim();
    }
    source
}

/// Offsets of the characters that stand in no string and in no brackets.
fn bare(source: &str) -> impl Iterator<Item = usize> {
    let mut offset = 0;
    let mut depth = 0_usize;
    let mut found = Vec::new();
    for (quoted, part) in quoted_parts(source) {
        for (at, character) in part.char_indices().filter(|_| !quoted) {
            match character {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                _ if depth == 0 => found.push(offset + at),
                _ => {}
            }
        }
        offset += part.len();
    }
    found.into_iter()
}
