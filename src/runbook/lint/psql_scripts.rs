//! SQL that shell commands hand to `psql`: the text of `-c`, a here-document, a here-string.

use super::commands::logical_commands;
use crate::runbook::pattern::pattern;

/// SQL inside a shell command.
#[derive(Debug, PartialEq)]
pub(super) struct Script {
    /// Its first line in the code, from 0.
    pub first: usize,
    pub text: String,
    /// The text of a `-c`.
    pub of_option: bool,
    /// `psql -1`.
    pub single_transaction: bool,
}

pub(super) fn find(code: &str) -> Vec<Script> {
    let mut scripts = Vec::new();
    for (first, command) in logical_commands(code) {
        if !pattern!(r"\bpsql\b").is_match(&command) {
            continue;
        }
        let single_transaction = pattern!(r"\s(?:-1\b|--single-transaction\b)").is_match(&command);
        let mut add = |at: usize, text: String, of_option: bool| {
            scripts.push(Script {
                first: first + command[..at].matches('\n').count(),
                text,
                of_option,
                single_transaction,
            });
        };
        let mut end = 0;
        for hit in
            pattern!(r#"(?:\s-[a-zA-Z]*c\s*|\s--command[=\s]\s*|<<<\s*)(["'])"#).find_iter(&command)
        {
            // A `-c` inside the text of the one before is none.
            if hit.start() < end {
                continue;
            }
            let quote = if hit.as_str().ends_with('"') {
                '"'
            } else {
                '\''
            };
            let text = quoted(&command[hit.end()..], quote);
            end = hit.end() + text.len();
            let text = match quote {
                '"' => text.replace("\\\"", "\"").replace("\\$", "$"),
                _ => text.to_owned(),
            };
            add(hit.end(), text, !hit.as_str().starts_with("<<<"));
        }
        if let Some(opened) = pattern!(r#"<<-?\s*["'\\]?([A-Za-z_]\w*)"#).captures(&command)
            && let Some(whole) = opened.get(0)
            && !command[..whole.start()].ends_with('<')
            && let Some(line_end) = command[whole.end()..].find('\n')
        {
            let body = whole.end() + line_end + 1;
            let text: Vec<&str> = command[body..]
                .lines()
                .take_while(|line| line.trim() != &opened[1])
                .collect();
            add(body, text.join("\n"), false);
        }
    }
    scripts
}

/// Up to the closing quote.
fn quoted(text: &str, quote: char) -> &str {
    let mut escaped = false;
    let end = text.char_indices().find(|(_, character)| {
        let ends = *character == quote && !escaped;
        escaped = *character == '\\' && quote == '"' && !escaped;
        ends
    });
    end.map_or(text, |(at, _)| &text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_psql_is_handed() {
        let code = "psql \"$URL\" -c 'DROP TABLE a;'\nls\npsql -d app \\\n  -Atc \"\nSELECT \\\"x\\\";\nSELECT 2;\n\"\npsql -1 app <<'SQL'\nDROP TABLE b;\nSQL\ncat <<EOF\npsql\nEOF\npsql <<< \"VACUUM\"\n";
        let found: Vec<(usize, String, bool, bool)> = find(code)
            .into_iter()
            .map(|script| {
                (
                    script.first,
                    script.text,
                    script.of_option,
                    script.single_transaction,
                )
            })
            .filter(|(_, text, ..)| text != "psql")
            .collect();
        assert_eq!(
            found,
            [
                (0, "DROP TABLE a;".to_owned(), true, false),
                (3, "\nSELECT \"x\";\nSELECT 2;\n".to_owned(), true, false),
                (8, "DROP TABLE b;".to_owned(), false, true),
                (13, "VACUUM".to_owned(), false, false),
            ]
        );
    }
}
