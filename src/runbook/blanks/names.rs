//! Names of blanks: how they are spelled alike, which of them code sets itself, and which are secret.

use crate::runbook::pattern::pattern;
use crate::runbook::words;

/// Names that shell code sets: by assignment, `export`, `for`, `read`.
pub(in crate::runbook) fn assigned(code: &str) -> Vec<String> {
    if !code.contains(['=', 'r']) {
        return Vec::new();
    }
    pattern!(r"(?m)(?:^|[\s;&(])(?:([A-Za-z_]\w*)\+?=|for\s+([A-Za-z_]\w*)\s+in\b|read\s+(?:-\w+\s+|'[^']*'\s+|\x22[^\x22]*\x22\s+)*([A-Za-z_]\w*))")
        .captures_iter(code)
        .filter_map(|hit| hit.get(1).or(hit.get(2)).or(hit.get(3)))
        .map(|name| name.as_str().to_owned())
        .collect()
}

/// Names that psql sets: `\set`, `\gset` keeps column names it cannot tell.
pub(in crate::runbook) fn assigned_in_psql(code: &str) -> Vec<String> {
    if !code.contains("\\set") && !code.contains("\\gset") && !code.contains("\\prompt") {
        return Vec::new();
    }
    pattern!(
        r"(?m)\\(?:set|prompt(?:\s+'[^']*')?)\s+([A-Za-z_]\w*)|\bas\s+([a-z_]\w*)(?:[^;]*\\gset)"
    )
    .captures_iter(code)
    .filter_map(|hit| hit.get(1).or(hit.get(2)))
    .map(|name| name_of(name.as_str()))
    .collect()
}

/// The key that a value without a name belongs to: `"customer_id": `, `--tag `, `name=`.
pub(super) fn key_before(before: &str) -> Option<String> {
    // A key is short; a line may be long and full of blanks.
    let from = before.char_indices().rev().nth(120).map_or(0, |(at, _)| at);
    let before = &before[from..];
    let found = pattern!(r#"(?:["']([A-Za-z_][\w-]*)["']\s*:\s*["']?|--([a-z][\w-]*)[ =]["']?|\b([A-Za-z_][\w-]*)=["']?)$"#).captures(before)?;
    let key = found.get(1).or(found.get(2)).or(found.get(3))?;
    Some(name_of(key.as_str()))
}

/// The name of a blank that has no words of its own, from its place: the second of line 526 is
/// `BLANK_526_2`.
pub(super) fn unnamed(line: usize, before: &[super::Blank]) -> String {
    let prefix = format!("BLANK_{line}_");
    let number = before
        .iter()
        .filter(|blank| blank.name.starts_with(&prefix))
        .count();
    format!("{prefix}{}", number + 1)
}

/// Upper snake case of a blank's own words.
pub fn name_of(text: &str) -> String {
    let mut name = String::new();
    let mut previous = ' ';
    for character in text.chars() {
        if character.is_alphanumeric() {
            if character.is_ascii_uppercase() && previous.is_ascii_lowercase() {
                name.push('_');
            }
            name.extend(character.to_uppercase());
        } else if !name.ends_with('_') && !name.is_empty() {
            name.push('_');
        }
        previous = character;
    }
    let name = name.trim_matches('_');
    let name = name
        .strip_prefix("YOUR_")
        .or_else(|| name.strip_prefix("THE_"))
        .unwrap_or(name);
    let name = words::without("your", name).unwrap_or(name);
    let name = name.strip_suffix("_HERE").unwrap_or(name);
    if name.is_empty() {
        "BLANK".to_owned()
    } else {
        name.to_owned()
    }
}

/// Whether a value of this name must stay out of sight.
pub fn is_secret(name: &str) -> bool {
    pattern!(r"(?i)passw|passphrase|secret|token|api_?key|private_?key|credential|PGPASS|(^|_)pwd$|(^|_)key$|access_?key|bearer|(database|db|redis|mongo\w*|postgres\w*)(_\w+)?_ur[li]$|_dsn$|connection_string").is_match(name)
        || !name.is_ascii() && words::says("secret", name)
}

/// `FROM [affected_table]`: the place of a name, not of an array.
pub(super) fn names_a_table(body: &str, text: &str) -> bool {
    body.find(text).is_some_and(|at| {
        pattern!(r"(?i)\b(from|join|into|update|table|database|schema|index|on)\s+$")
            .is_match(&body[..at])
            && !body[at + text.len()..].starts_with('.')
    })
}
