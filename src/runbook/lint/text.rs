//! Lints of the text itself: characters that nobody sees, and secrets that everybody sees.

use super::{Context, Report};
use crate::runbook::diagnostic::Severity;
use crate::runbook::pattern::pattern;

pub(super) fn lint(context: &Context<'_>, report: &mut Report<'_>) {
    invisible(context, report);
    secrets(context, report);
}

/// Characters that make code read otherwise than it runs.
fn invisible(context: &Context<'_>, report: &mut Report<'_>) {
    if context.source.text.is_ascii() {
        return;
    }
    for block in &context.runbook.blocks {
        if block.code.is_ascii() {
            continue;
        }
        for (index, line) in block.code.lines().enumerate() {
            let Some((character, what, severity)) = line.chars().find_map(suspicious) else {
                continue;
            };
            let text = character.to_string();
            report.add(
                severity,
                "invisible-character",
                (block.code_line + index, &text),
                format!("U+{:04X} ({what}) in code", u32::from(character)),
                "type this line anew, without pasting it",
            );
        }
    }
}

fn suspicious(character: char) -> Option<(char, &'static str, Severity)> {
    let (what, severity) = match character {
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => (
            "a direction mark that reorders what is shown",
            Severity::Error,
        ),
        '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' => {
            ("a character of no width", Severity::Warning)
        }
        '\u{ad}' => ("a soft hyphen", Severity::Warning),
        '\u{a0}' | '\u{2007}' | '\u{202f}' => {
            ("a blank that is no blank to a shell", Severity::Warning)
        }
        '\u{fffd}' => ("a character that could not be read", Severity::Warning),
        '\u{1}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}' => {
            ("a control character", Severity::Error)
        }
        _ => return None,
    };
    // An emoji may be joined from several.
    (character != '\u{200d}').then_some((character, what, severity))
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
