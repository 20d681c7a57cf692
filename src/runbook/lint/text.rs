//! Lints of the text itself: characters that nobody sees, and secrets that everybody sees.

use std::collections::BTreeSet;

use super::{Context, Report};
use crate::runbook::diagnostic::{Diagnostic, Severity};
use crate::runbook::pattern::pattern;
use crate::runbook::source::Hidden;

pub(super) fn lint(context: &Context<'_>, report: &mut Report<'_>) {
    invisible(context, report);
    secrets(context, report);
}

/// Characters that make code read otherwise than it runs, and that make a reader see what is not there.
fn invisible(context: &Context<'_>, report: &mut Report<'_>) {
    let hidden = &context.source.hidden;
    if context.source.text.is_ascii() && hidden.is_empty() {
        return;
    }
    let mut in_code = BTreeSet::new();
    for block in &context.runbook.blocks {
        let lines = block.code_line..block.code_line + block.code.lines().count();
        let from = hidden.partition_point(|found| found.line < lines.start);
        for found in hidden[from..]
            .iter()
            .take_while(|found| lines.contains(&found.line))
        {
            in_code.insert(found.line);
            let (what, severity) = suspicious(found.character).unwrap_or(if found.is_grave() {
                ("a control character", Severity::Error)
            } else {
                ("an invisible character", Severity::Warning)
            });
            // An emoji may be joined from several.
            if found.character != '\u{200d}' {
                let left_out = if found.is_grave() { "" } else { ", left out" };
                report.hidden(*found, severity, format!("({what}) in code{left_out}"));
            }
        }
        if block.code.is_ascii() {
            continue;
        }
        for (index, line) in block.code.lines().enumerate() {
            let number = block.code_line + index;
            let found = line
                .chars()
                .find_map(|character| Some((character, suspicious(character)?)));
            let Some((character, (what, severity))) = found.filter(|_| !in_code.contains(&number))
            else {
                continue;
            };
            report.add(
                severity,
                "invisible-character",
                (number, &character.to_string()),
                format!("U+{:04X} ({what}) in code", u32::from(character)),
                "retype this line, without pasting it",
            );
        }
    }
    for found in hidden {
        if found.is_grave() && !in_code.contains(&found.line) {
            let (what, _) =
                suspicious(found.character).unwrap_or(("a control character", Severity::Warning));
            let words = format!("({what}) in the text, shown as `\u{fffd}`");
            report.hidden(*found, Severity::Warning, words);
        }
    }
}

impl Report<'_> {
    fn hidden(&mut self, found: Hidden, severity: Severity, words: String) {
        self.diagnostics.push(Diagnostic {
            severity,
            code: "invisible-character".to_owned(),
            line: found.line,
            column: found.column,
            width: 1,
            message: format!("U+{:04X} {words}", u32::from(found.character)),
            help: "retype this line, without pasting it".to_owned(),
            also: Vec::new(),
        });
    }
}

fn suspicious(character: char) -> Option<(&'static str, Severity)> {
    Some(match character {
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' => {
            (
                "a direction mark that reorders what is shown",
                Severity::Error,
            )
        }
        '\u{2028}' | '\u{2029}' => ("a line break that a shell does not see", Severity::Error),
        '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' => {
            ("a character of no width", Severity::Warning)
        }
        '\u{ad}' => ("a soft hyphen", Severity::Warning),
        '\u{a0}' | '\u{2007}' | '\u{202f}' => {
            ("a space that is not a space to a shell", Severity::Warning)
        }
        '\u{fffd}' => ("a character that could not be read", Severity::Warning),
        other if other.is_control() && !matches!(other, '\t' | '\n') => {
            ("a control character", Severity::Error)
        }
        _ => return None,
    })
}

/// Passwords and keys written out. The message never repeats them.
fn secrets(context: &Context<'_>, report: &mut Report<'_>) {
    let assigned = pattern!(
        r#"(?i)\b(PGPASSWORD|[A-Z0-9_]*(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|ACCESS_KEY))\s*=\s*["']?([^\s"'$<{\[;&|]{3,})"#
    );
    let address = pattern!(r"[a-z][a-z0-9+]*://[^\s:/@$<{]+:([^\s@/$<{]{2,})@");
    let keys = pattern!(
        r"\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30,}|sk_live_[A-Za-z0-9]{16,}|xox[bap]-[A-Za-z0-9-]{10,}|eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{10,})|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    );
    for block in &context.runbook.blocks {
        for (index, line) in block.code.lines().enumerate() {
            if !line.contains(['=', ':', '-', '_']) {
                continue;
            }
            let found = assigned
                .captures(line)
                .and_then(|found| Some((found.get(2)?.as_str(), found[1].to_owned())))
                .or_else(|| {
                    address
                        .captures(line)
                        .and_then(|found| Some((found.get(1)?.as_str(), "an address".to_owned())))
                })
                .filter(|(value, _)| !is_blank(value))
                .or_else(|| {
                    keys.find(line)
                        .map(|found| (found.as_str(), "a key".to_owned()))
                });
            let Some((value, name)) = found else { continue };
            report.add(
                Severity::Warning,
                "secret-in-the-open",
                (block.code_line + index, value),
                format!("a secret of `{name}` is written in the guide"),
                "take it out, and say in `gonogo.toml` where it comes from: `secrets.NAME = { env = \"…\" }`",
            );
        }
    }
}

/// Values that only stand for a secret.
fn is_blank(value: &str) -> bool {
    pattern!(r"(?i)^(your|my|change|replace|example|xxx|\*+|\.\.\.|<|\{|secret_?here|password_?here|redacted|env\b|process\.|os\.|none|null|true|false|placeholder|todo)|(?-i:^[A-Z_]+$)|^\$|^x+$").is_match(value)
}
