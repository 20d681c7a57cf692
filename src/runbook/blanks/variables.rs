//! Variables of a shell and of psql: blanks whose values arrive beside the command.

use super::{Blank, Spelling, name_of};
use crate::runbook::batch::BATCH_VARIABLES;
use crate::runbook::pattern::pattern;
use crate::runbook::reserved::{is_psql_own, is_shell_own};

/// `:name`, `:'name'` and `:"name"` of psql; `${NAME}` is no SQL and has to be replaced.
pub(super) fn psql_variables(body: &str, index: usize, blanks: &mut Vec<Blank>) {
    if body.contains(':') {
        // Up to where the quotes are counted, and whether that is inside a string.
        let (mut counted, mut quoted) = (0, false);
        for hit in
            pattern!(r#"(?:^|[^:\w'"\]])(:(?:([A-Za-z_]\w*)|'([A-Za-z_]\w*)'|"([A-Za-z_]\w*)"))"#)
                .captures_iter(body)
        {
            let Some(name) = hit.get(2).or(hit.get(3)).or(hit.get(4)) else {
                continue;
            };
            let start = hit.get(1).map_or(0, |text| text.start());
            quoted ^= body[counted..start].matches('\'').count() % 2 == 1;
            counted = start;
            if quoted || is_psql_own(name.as_str()) || BATCH_VARIABLES.contains(&name.as_str()) {
                continue;
            }
            blanks.push(Blank {
                name: name_of(name.as_str()),
                text: hit[1].to_owned(),
                line: index,
                spelling: Spelling::Psql,
            });
        }
    }
    if body.contains('$') {
        for hit in
            pattern!(r"\$\{([A-Za-z_]\w*)\}|(?:^|[\s='(])\$([A-Z][A-Z0-9_]+)\b").captures_iter(body)
        {
            let Some(name) = hit.get(1).or(hit.get(2)) else {
                continue;
            };
            let text = if hit.get(1).is_some() {
                hit[0].to_owned()
            } else {
                format!("${}", &hit[2])
            };
            blanks.push(Blank {
                name: name_of(name.as_str()),
                text,
                line: index,
                spelling: Spelling::Text,
            });
        }
    }
}

/// `$VAR` and `${VAR}` outside single quotes and comments, without those the shell itself sets.
pub(super) fn environment(code: &str, blanks: &mut Vec<Blank>) {
    if !code.contains('$') {
        return;
    }
    let bytes = code.as_bytes();
    let (mut single, mut double) = (false, false);
    let (mut line, mut index) = (0, 0);
    let mut line_start = true;
    while index < bytes.len() {
        let byte = bytes[index];
        match byte {
            b'\n' => {
                line += 1;
                line_start = true;
                index += 1;
                continue;
            }
            b'\\' if !single => {
                index += 1;
                // A continued line is a line.
                line += usize::from(bytes.get(index) == Some(&b'\n'));
            }
            b'\'' if !double => single = !single,
            b'"' if !single => double = !double,
            b'#' if !single
                && !double
                && (line_start || bytes[index - 1].is_ascii_whitespace()) =>
            {
                while index < bytes.len() && bytes[index] != b'\n' {
                    index += 1;
                }
                continue;
            }
            b'$' if !single => {
                let rest = &code[index + 1..];
                let (braced, name_text) = match rest.strip_prefix('{') {
                    Some(inner) => (true, inner),
                    None => (false, rest),
                };
                let length = name_text
                    .find(|character: char| {
                        !(character.is_ascii_alphanumeric() || character == '_')
                    })
                    .unwrap_or(name_text.len());
                let name = &name_text[..length];
                let following = name_text[length..].chars().next();
                let has_default = braced
                    && matches!(
                        following,
                        Some(':' | '-' | '=' | '+' | '#' | '%' | '/' | '[' | '!' | '@')
                    )
                    && !name_text[length..].starts_with(":?");
                if name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
                    && !has_default
                    && !is_shell_own(name)
                    && !is_sourced(&code[..index])
                {
                    blanks.push(Blank {
                        name: name.to_owned(),
                        text: if braced {
                            format!("${{{name}}}")
                        } else {
                            format!("${name}")
                        },
                        line,
                        spelling: Spelling::Environment,
                    });
                }
            }
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            line_start = false;
        }
        index += 1;
    }
}

/// `. /etc/os-release && echo "$VERSION"`: the command reads its names from a file just before.
fn is_sourced(before: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or_default();
    pattern!(r"(?:^|[\s;(&])(?:\.|source)\s+\S+\s*&&").is_match(line)
}
