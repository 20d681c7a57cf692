//! Pieces of conditions as they are written in CEL.

use super::phrase::{Compare, fixed_parts, is_whole};

/// Longest condition that is taken, in bytes.
pub(super) const LONGEST: usize = 500;

/// The path to a field.
pub(super) fn step(name: &str) -> String {
    match is_field(name) {
        true => format!(".{name}"),
        false => format!("[{}]", quoted(name)),
    }
}

pub(super) fn joined(tests: &[String], all: bool) -> String {
    match tests {
        [one] => one.clone(),
        many if all => {
            let many: Vec<String> = many.iter().map(|one| in_brackets(one, "||")).collect();
            many.join(" && ")
        }
        many => many.join(" || "),
    }
}

fn in_brackets(test: &str, operator: &str) -> String {
    match test.contains(operator) {
        true => format!("({test})"),
        false => test.to_owned(),
    }
}

/// That a text was printed; a word as a whole word, and of an example what is the same each time.
pub(super) fn printed(prefix: &str, stream: &str, text: &str) -> String {
    if !is_whole(text) {
        let parts: Vec<String> = fixed_parts(text)
            .iter()
            .map(|part| regex::escape(part))
            .collect();
        return format!("{prefix}{stream}.matches({})", quoted(&parts.join(".*")));
    }
    let is_word = text.chars().all(char::is_alphanumeric);
    match is_word {
        true => format!(
            "{prefix}{stream}.matches({})",
            quoted(&format!(r"\b{text}\b"))
        ),
        false => format!("{prefix}{stream}.contains({})", quoted(text)),
    }
}

pub(super) fn pattern_of(word: &str) -> String {
    if !word.chars().any(char::is_lowercase) {
        return format!(r"\b{word}\b");
    }
    let one = word.strip_suffix('s').unwrap_or(word).to_lowercase();
    format!(
        r"(?im:^\s*{one}|\b{one}s?\s?[:\]]|\b[1-9]\d* {one})|\b{}\b",
        one.to_uppercase()
    )
}

pub(super) fn compared(value: &str, compare: Compare, wanted: f64) -> String {
    match sign(compare) {
        Some(sign) => format!("{value} {sign} {}", number(wanted)),
        // Within a tenth, and at least within one.
        None => {
            let room = (wanted.abs() / 10.0).max(1.0);
            between(value, (wanted - room).floor(), (wanted + room).ceil())
        }
    }
}

pub(super) fn between(value: &str, low: f64, high: f64) -> String {
    format!("{value} >= {} && {value} <= {}", number(low), number(high))
}

pub(super) fn one_of(value: &str, values: &[f64]) -> String {
    let values: Vec<String> = values.iter().map(|value| number(*value)).collect();
    format!("{value} in [{}]", values.join(", "))
}

/// `None` for *about*.
pub(super) fn sign(compare: Compare) -> Option<&'static str> {
    Some(match compare {
        Compare::Equal => "==",
        Compare::Unequal => "!=",
        Compare::Less => "<",
        Compare::AtMost => "<=",
        Compare::More => ">",
        Compare::AtLeast => ">=",
        Compare::About => return None,
    })
}

/// As people write it.
pub(super) fn time(milliseconds: f64) -> String {
    match milliseconds % 1_000.0 == 0.0 {
        true => format!("{}s", number(milliseconds / 1_000.0)),
        false => format!("{}ms", number(milliseconds)),
    }
}

pub(super) fn number(value: f64) -> String {
    match value.fract() == 0.0 && value.abs() < 1e15 {
        true => format!("{value:.0}"),
        false => value.to_string(),
    }
}

pub(super) fn is_field(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// As a string of a condition.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '\\' => out.push_str(r"\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str(r"\n"),
            '\t' => out.push_str(r"\t"),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}
