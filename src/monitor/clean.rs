//! Text that the server or a service hands us, before anybody sees it: scrubbed, on one line, and
//! without the passwords that statements carry in clear text.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::Sample;
use crate::text::redact::{MASK, Redactor};
use crate::text::scrub::scrub_line;

/// `PASSWORD 'x'`, also where the text was cut within the literal.
static PASSWORD: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(password\s*=?\s*)(?:E|U&)?'(?:[^'\\]|''|\\.)*(?:'|\\?$)").ok()
});

/// One line, white space collapsed, control and bidi characters gone, passwords masked.
pub(super) fn line(text: &str) -> String {
    let scrubbed = scrub_line(text, false);
    let mut line = String::with_capacity(scrubbed.len());
    for word in scrubbed.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    match PASSWORD.as_ref() {
        Some(password) if password.is_match(&line) => password
            .replace_all(&line, format!("${{1}}{MASK}"))
            .into_owned(),
        _ => line,
    }
}

/// Takes the run's own secrets out of a reading, and what looks like one.
pub(super) fn redact(sample: &mut Sample, redactor: &Redactor) {
    let apply = |text: &mut String| {
        if let Cow::Owned(redacted) = redactor.redact(text) {
            *text = redacted;
        }
    };
    match sample {
        Sample::Activity(activity) => {
            for session in &mut activity.sessions {
                apply(&mut session.query);
                apply(&mut session.application);
            }
        }
        Sample::Statements(statements) => {
            for statement in &mut statements.statements {
                apply(&mut statement.query);
            }
        }
        Sample::Database(database) => {
            for replica in database
                .facts
                .iter_mut()
                .flat_map(|facts| &mut facts.replicas)
            {
                apply(&mut replica.name);
            }
        }
        Sample::Waits(_) => {}
        Sample::Probe(probe) => {
            apply(&mut probe.url);
            for text in [&mut probe.version, &mut probe.error].into_iter().flatten() {
                apply(text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn a_query_becomes_one_line() {
        assert_eq!(line("SELECT 1,\n\t  2\r\n"), "SELECT 1, 2");
    }

    #[test]
    fn escapes_and_bidi_tricks_do_not_pass() {
        let text = line("SELECT '\u{1b}]52;c;aGk=\u{7}' -- \u{202e}evil");
        assert!(
            !text.contains(|c: char| c.is_control() || c == '\u{202e}'),
            "{text:?}"
        );
    }

    #[test]
    fn a_password_in_a_statement_is_masked() {
        assert_eq!(
            line("ALTER ROLE app PASSWORD 'it''s' VALID"),
            "ALTER ROLE app PASSWORD ‹redacted› VALID"
        );
        assert_eq!(
            line("create role a password E'x\\'y'"),
            "create role a password ‹redacted›"
        );
        assert_eq!(
            line("ALTER ROLE app PASSWORD 'cut of"),
            "ALTER ROLE app PASSWORD ‹redacted›"
        );
        assert_eq!(
            line("SELECT dblink('password=x')"),
            "SELECT dblink('password=x')"
        );
    }
}
