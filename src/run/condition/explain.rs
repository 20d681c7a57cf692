//! Why a condition came out as it did: which of its parts is false, and the values of both sides.

use std::sync::LazyLock;

use cel::{Context, Value as Cel};
use regex::Regex;

use super::compiled::compiled;
use super::pattern;
use super::source::{bare_of_brackets, comparison, split, strip_strings};

/// Longest value that is shown, in characters.
const WIDTH: usize = 80;

/// Which part of a false condition is false, with its values.
pub(super) fn why_false(source: &str, context: &Context<'_, '_>) -> String {
    let source = bare_of_brackets(source);
    if split(source, "?").len() > 1 {
        return sides(source, context);
    }
    // All of an `or` are false; of an `and` those that are not true.
    let either = split(source, "||");
    if either.len() > 1 {
        return either
            .into_iter()
            .map(|part| part_of(part, context))
            .collect::<Vec<_>>()
            .join("; ");
    }
    let all = split(source, "&&");
    if all.len() > 1 {
        return all
            .into_iter()
            .filter(|part| value_of(part, context) != Some(Cel::Bool(true)))
            .map(|part| part_of(part, context))
            .collect::<Vec<_>>()
            .join("; ");
    }
    if let Some((left, right)) = comparison(source) {
        let found: Vec<String> = [left, right]
            .into_iter()
            .filter_map(|side| named_value(side, context))
            .collect();
        if !found.is_empty() {
            return found.join(", ");
        }
    }
    element(source, context).unwrap_or_else(|| sides(source, context))
}

/// `` `latency < 200ms` is false: latency is 310ms``.
fn part_of(part: &str, context: &Context<'_, '_>) -> String {
    let result = match value_of(part, context) {
        Some(Cel::Bool(false)) => "is false",
        _ => "cannot be determined",
    };
    let why = why_false(part, context);
    if why.is_empty() {
        format!("`{part}` {result}")
    } else {
        format!("`{part}` {result}: {why}")
    }
}

fn value_of(source: &str, context: &Context<'_, '_>) -> Option<Cel> {
    let program = compiled(source).ok()?;
    program.execute(context).ok()
}

/// `size(rows) is 3`; nothing for a side that is a value itself.
fn named_value(side: &str, context: &Context<'_, '_>) -> Option<String> {
    if !strip_strings(side).contains(|character: char| character.is_alphabetic()) {
        return None;
    }
    if is_literal(side) {
        return None;
    }
    let value = value_of(side, context)?;
    Some(format!("{side} is {}", shown_as(side, &value)))
}

fn is_literal(side: &str) -> bool {
    static LITERAL: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^(?:true|false|null|-?\d[\w.]*)$"));
    LITERAL.is_match(side)
}

/// A value, with its unit where the name tells it.
fn shown_as(path: &str, value: &Cel) -> String {
    static TIME: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|\.)(?:latency|elapsed)$"));
    match value {
        Cel::Int(milliseconds) if TIME.is_match(path) => format!("{milliseconds}ms"),
        _ => show(value),
    }
}

/// The first element that breaks an `all`, or how many an `exists` looked at.
fn element(source: &str, context: &Context<'_, '_>) -> Option<String> {
    static EACH: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"^(!?)\s*([\w.\[\]]+)\s*\.\s*(all|exists)\s*\(\s*([A-Za-z_]\w*)\s*,(.*)\)$")
    });
    let found = EACH.captures(source)?;
    let (negated, subject, name) = (&found[1] == "!", &found[2], &found[4]);
    let test = found[5].trim();
    let Cel::List(items) = value_of(subject, context)? else {
        return None;
    };
    // What breaks `all` is false of one; what breaks `!exists` is true of one.
    let breaks = match (&found[3], negated) {
        ("all", false) => false,
        ("exists", true) => true,
        _ => {
            return Some(format!(
                "`{test}` is {} for {} of {subject}",
                if negated { "true" } else { "false" },
                match items.len() {
                    0 => "want of any, there is none".to_owned(),
                    1 => "the one".to_owned(),
                    count => format!("all {count}"),
                }
            ));
        }
    };
    let program = compiled(test).ok()?;
    let (index, item, inner) = items.iter().enumerate().find_map(|(index, item)| {
        let mut inner = context.new_inner_scope();
        inner.add_variable_from_value(name, item.clone());
        (program.execute(&inner).ok() == Some(Cel::Bool(breaks))).then_some((index, item, inner))
    })?;
    let why = if breaks {
        sides(test, &inner)
    } else {
        why_false(test, &inner)
    };
    let why = match why.as_str() {
        "" => show(item),
        why => why.to_owned(),
    };
    Some(format!(
        "`{test}` is {breaks} for {subject}[{index}]: {why}"
    ))
}

/// The first field that the evidence does not have, and how it would come to have it.
pub(super) fn unmeasured(source: &str, context: &Context<'_, '_>) -> Option<String> {
    let bare = strip_strings(source);
    let path = PATH.find_iter(&bare).find(|path| {
        let is_call = bare[path.end()..].trim_start().starts_with('(');
        let subject = path.as_str().rsplit_once('.').map(|(subject, _)| subject);
        let is_field = subject.and_then(|subject| value_of(subject, context));
        !is_call
            && matches!(is_field, Some(Cel::Map(_) | Cel::Null))
            && value_of(path.as_str(), context).is_none()
    })?;
    let path = path.as_str();
    let advice = match path.rsplit_once('.') {
        Some((_, "status")) => "; `curl -i` prints the status",
        Some((_, "json")) => "; the output is not JSON",
        _ => "",
    };
    Some(format!("`{path}` was not measured{advice}"))
}

/// A name with its fields and elements.
static PATH: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\[\d+\])*"));

/// The value of every path named in the condition.
pub(super) fn sides(source: &str, context: &Context<'_, '_>) -> String {
    let mut seen: Vec<(String, String)> = Vec::new();
    for path in PATH.find_iter(&strip_strings(source)) {
        let path = path.as_str();
        if matches!(path, "true" | "false" | "null" | "in" | "size" | "has")
            || seen.iter().any(|(known, _)| known == path)
        {
            continue;
        }
        // A method call such as `stdout.contains` is explained by its subject.
        let value = value_of(path, context)
            .map(|value| (path.to_owned(), value))
            .or_else(|| {
                let (subject, _) = path.rsplit_once('.')?;
                Some((subject.to_owned(), value_of(subject, context)?))
            });
        if let Some((path, value)) = value
            && !matches!(value, Cel::Function(..))
            && !seen.iter().any(|(known, _)| *known == path)
        {
            let shown = shown_as(&path, &value);
            seen.push((path, shown));
        }
    }
    seen.iter()
        .map(|(path, value)| format!("{path} is {value}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// A value on one short line; of a long list its beginning.
pub(super) fn show(value: &Cel) -> String {
    const SHOWN: usize = 3;
    let text = match value {
        Cel::String(text) => format!("{:?}", start_of(text)),
        Cel::List(items) if items.is_empty() => "an empty list".to_owned(),
        Cel::List(items) => {
            let shown: Vec<String> = items.iter().take(SHOWN).map(show).collect();
            let more = if items.len() > SHOWN { ", …" } else { "" };
            format!("a list of {}: [{}{more}]", items.len(), shown.join(", "))
        }
        Cel::Map(map) if map.map.len() > 2 * SHOWN => format!("a map of {}", map.map.len()),
        other => other
            .json()
            .map_or_else(|_| "not a value".to_owned(), |json| json.to_string()),
    };
    if text.chars().count() <= WIDTH {
        return text;
    }
    let short: String = text.chars().take(WIDTH - 1).collect();
    format!("{short}…")
}

/// No more of a text than can be shown: an output may have megabytes.
fn start_of(text: &str) -> &str {
    text.char_indices()
        .nth(2 * WIDTH)
        .map_or(text, |(at, _)| &text[..at])
}
