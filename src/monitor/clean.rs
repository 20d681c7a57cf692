//! Text that the server or a service hands us, before anybody sees it: scrubbed, on one line, and
//! without the passwords that statements carry in clear text.

use std::sync::LazyLock;

use regex::Regex;

/// `PASSWORD 'x'`, also where the text was cut within the literal.
static PASSWORD: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(password\s*=?\s*)(?:E|U&)?'(?:[^'\\]|''|\\.)*(?:'|\\?$)").ok()
});

/// One line, white space collapsed, control and bidi characters gone, passwords masked.
pub(super) fn line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().filter(|c| !hostile(*c)));
    }
    match PASSWORD.as_ref() {
        Some(password) if password.is_match(&line) => {
            password.replace_all(&line, "$1'…'").into_owned()
        }
        _ => line,
    }
}

/// Control characters, and those that reorder or hide text.
fn hostile(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
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
            "ALTER ROLE app PASSWORD '…' VALID"
        );
        assert_eq!(
            line("create role a password E'x\\'y'"),
            "create role a password '…'"
        );
        assert_eq!(
            line("ALTER ROLE app PASSWORD 'cut of"),
            "ALTER ROLE app PASSWORD '…'"
        );
        assert_eq!(
            line("SELECT dblink('password=x')"),
            "SELECT dblink('password=x')"
        );
    }
}
