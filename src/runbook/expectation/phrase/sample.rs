//! An example of what is printed: the parts of it that are the same each time, and the fields of JSON.

use regex::Regex;
use serde_json::Value;

use super::What;
use crate::runbook::pattern::pattern;

/// Fields of a sample of JSON that are asked for at most.
const FIELDS: usize = 4;
/// Letters and figures that a sample must have to tell anything.
const LEAST: usize = 3;

/// A field of JSON by its path, and its value where that is a word or a truth: numbers, versions and
/// times are others each time.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::runbook::expectation) struct Field {
    pub path: Vec<String>,
    pub value: Option<Value>,
}

/// What a line of output that is given as an example asks for.
pub(super) fn of_line(line: &str) -> Option<What> {
    let line = line.trim();
    of_json(line).or_else(|| {
        let parts = fixed_parts(line);
        let told = parts
            .iter()
            .flat_map(|part| part.chars())
            .filter(|one| one.is_alphanumeric())
            .count();
        (told >= LEAST && line.chars().count() <= 120).then(|| What::Literal {
            texts: vec![line.to_owned()],
            all: true,
            contains: true,
        })
    })
}

/// Parts of an example that are others each time: blanks, times, ids.
fn changing() -> &'static Regex {
    pattern!(
        r"(?x)<[^<>]+> | \{[A-Za-z_]\w*\} | \$\{?[A-Za-z_]\w*\}? | \.\.\. | … | \b[xX]{3,}\b | \bN\b | \b[XYZ]\b
        | \b\d{4}-\d\d-\d\d(?:[T\x20]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)? | \b\d\d:\d\d:\d\d\b
        | \b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b | \b[0-9a-f]{12,}\b"
    )
}

/// The parts of a sample that stand for themselves, in their order; one that is whole is one part.
pub(in crate::runbook::expectation) fn fixed_parts(sample: &str) -> Vec<String> {
    changing()
        .split(sample)
        .map(|part| part.trim().to_owned())
        .filter(|part| part.chars().any(char::is_alphanumeric))
        .collect()
}

/// Whether nothing in a text is another each time.
pub(in crate::runbook::expectation) fn is_whole(sample: &str) -> bool {
    !changing().is_match(sample)
}

/// Whether a text can only be an example of what is printed: JSON, `name=value`, `Name: value`.
pub(super) fn is_output(text: &str) -> bool {
    let text = text.trim();
    let text = pattern!(r"<[^<>]+>").replace_all(text, "x");
    text.starts_with(['{', '['])
        || pattern!(r"^[\w.-]+=\S+$|^\p{Lu}[\w-]*(?: [\w-]+){0,2}: \S+(?: \S+)?$").is_match(&text)
}

/// What a sample of JSON asks for; blanks and dots in it stand for anything.
pub(super) fn of_json(text: &str) -> Option<What> {
    let text = text.trim();
    if !text.starts_with('{') || !text.ends_with('}') {
        return None;
    }
    let parsed = serde_json::from_str(text).ok().or_else(|| {
        let whole = pattern!(r#",?\s*(?:\.\.\.|…)\s*"#).replace_all(text, "");
        let whole = pattern!(r"(:\s*)<[^<>]*>").replace_all(&whole, "${1}null");
        let whole = pattern!(r#",(\s*})"#).replace_all(&whole, "$1");
        serde_json::from_str::<Value>(&whole).ok()
    })?;
    let mut fields = Vec::new();
    collect(&parsed, &mut Vec::new(), &mut fields);
    let (told, only_there): (Vec<Field>, Vec<Field>) =
        fields.into_iter().partition(|field| field.value.is_some());
    let mut asked = match told.is_empty() {
        true => only_there,
        false => told,
    };
    asked.truncate(FIELDS);
    (!asked.is_empty()).then_some(What::Json(asked))
}

fn collect(value: &Value, path: &mut Vec<String>, fields: &mut Vec<Field>) {
    let Value::Object(object) = value else { return };
    for (name, value) in object {
        path.push(name.clone());
        match value {
            Value::Object(inner) if !inner.is_empty() => collect(value, path, fields),
            _ => fields.push(Field {
                path: path.clone(),
                value: Some(value.clone()).filter(is_the_same_each_time),
            }),
        }
        path.pop();
    }
}

fn is_the_same_each_time(value: &Value) -> bool {
    match value {
        Value::Bool(_) => true,
        Value::String(text) => {
            pattern!(r"^\p{L}+(?:[ _-]\p{L}+){0,2}$").is_match(text) && is_whole(text)
        }
        _ => false,
    }
}
