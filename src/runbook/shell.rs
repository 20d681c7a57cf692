//! Shell code cut into lines that know what they are: a command, a comment, the inside of a quoted
//! string or of a here-document. Not a shell parser; just enough that a `#` in a string is no comment
//! and an SQL line in a here-document is no command.

/// One line of shell code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineKind {
    Blank,
    /// `# text`
    Comment,
    /// A command starts here.
    Command,
    /// Goes on with the command before it: after a backslash, inside a string or a here-document.
    Continuation,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct ShellLine<'a> {
    pub kind: LineKind,
    pub text: &'a str,
    /// The comment at the end of a command, without `#`.
    pub remark: Option<&'a str>,
}

impl<'a> ShellLine<'a> {
    /// The comment's text without its marks; the remark of a command.
    pub fn comment(&self) -> Option<&'a str> {
        match self.kind {
            LineKind::Comment => Some(self.text.trim().trim_start_matches('#').trim()),
            _ => self.remark,
        }
    }

    /// The command without its remark.
    pub fn command(&self) -> &'a str {
        match self.remark {
            Some(remark) => {
                let length = remark.as_ptr() as usize - self.text.as_ptr() as usize;
                self.text[..length].trim_end().trim_end_matches('#').trim()
            }
            None => self.text.trim(),
        }
    }
}

/// Cuts shell code into lines.
pub(super) fn lines(code: &str) -> Vec<ShellLine<'_>> {
    let mut result = Vec::new();
    let mut quote: Option<char> = None;
    let mut continued = false;
    let mut here: Vec<(String, bool)> = Vec::new();
    for text in code.lines() {
        if let Some((end, strip)) = here.first() {
            let candidate = if *strip {
                text.trim_start_matches('\t')
            } else {
                text
            };
            if candidate.trim_end() == end {
                here.remove(0);
            }
            result.push(ShellLine {
                kind: LineKind::Continuation,
                text,
                remark: None,
            });
            continue;
        }
        let trimmed = text.trim_start();
        if quote.is_none() && (trimmed.starts_with('#') || trimmed.is_empty()) {
            // A comment between continued lines ends the command.
            continued = false;
            result.push(ShellLine {
                kind: if trimmed.is_empty() {
                    LineKind::Blank
                } else {
                    LineKind::Comment
                },
                text,
                remark: None,
            });
            continue;
        }
        let kind = if quote.is_some() || continued {
            LineKind::Continuation
        } else {
            LineKind::Command
        };
        let scan = scan(text, quote);
        quote = scan.quote;
        continued = scan.continued;
        here.extend(scan.here);
        result.push(ShellLine {
            kind,
            text,
            remark: scan.remark,
        });
    }
    result
}

struct Scan<'a> {
    quote: Option<char>,
    continued: bool,
    here: Vec<(String, bool)>,
    remark: Option<&'a str>,
}

fn scan(text: &str, mut quote: Option<char>) -> Scan<'_> {
    let bytes = text.as_bytes();
    let mut here = Vec::new();
    let mut remark = None;
    let mut index = 0;
    let mut end = bytes.len();
    while index < bytes.len() {
        let byte = bytes[index];
        match (byte, quote) {
            (b'\\', None | Some('"')) => index += 1,
            (b'\'', None) => quote = Some('\''),
            (b'\'', Some('\'')) => quote = None,
            (b'"', None) => quote = Some('"'),
            (b'"', Some('"')) => quote = None,
            (b'#', None) if index > 0 && bytes[index - 1].is_ascii_whitespace() => {
                remark = Some(text[index..].trim_start_matches('#').trim_start());
                end = index;
                break;
            }
            (b'<', None)
                if bytes[index..].starts_with(b"<<") && !bytes[index..].starts_with(b"<<<") =>
            {
                let rest = &text[index + 2..];
                let strip = rest.starts_with('-');
                let word: String = rest
                    .trim_start_matches('-')
                    .trim_start()
                    .trim_start_matches(['\'', '"', '\\'])
                    .chars()
                    .take_while(|character| character.is_alphanumeric() || *character == '_')
                    .collect();
                if word.starts_with(|first: char| first.is_alphabetic() || first == '_') {
                    here.push((word, strip));
                }
                index += 1;
            }
            (b'<', None) if bytes[index..].starts_with(b"<<<") => index += 2,
            _ => {}
        }
        index += 1;
    }
    let body = text[..end].trim_end();
    let continued = quote.is_none()
        && remark.is_none()
        && (body.ends_with('\\')
            || body.ends_with("&&")
            || body.ends_with("||")
            || body.ends_with('|'));
    Scan {
        quote,
        continued,
        here,
        remark,
    }
}

/// The program a command starts: past assignments, `sudo`, `time`, `nohup`, `env` and their options.
pub(super) fn program(command: &str) -> &str {
    let mut words = command.split_whitespace().peekable();
    let mut after_prefix = false;
    while let Some(word) = words.next() {
        let word = word.trim_start_matches(['(', '{', '!', '$']);
        if word.is_empty() {
            continue;
        }
        let assignment = word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        });
        if assignment {
            after_prefix = false;
            continue;
        }
        if after_prefix && word.starts_with('-') {
            // `sudo -u postgres`: the option's value is no program.
            if matches!(word, "-u" | "-n" | "-g" | "--user" | "-i" | "-C" | "-p") {
                if word == "-i" {
                    continue;
                }
                words.next();
            }
            continue;
        }
        if matches!(
            word,
            "sudo"
                | "time"
                | "nohup"
                | "env"
                | "exec"
                | "command"
                | "nice"
                | "then"
                | "do"
                | "else"
        ) {
            after_prefix = true;
            continue;
        }
        return word.trim_end_matches([';', ')', '&']);
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_here_documents_hide_their_lines() {
        let code = "# note\npsql -c \"\nSELECT 1; -- # x\n\"  # or: other\ncat <<'EOF' > f\n# no comment\nEOF\nls \\\n  -l";
        let kinds: Vec<LineKind> = lines(code).iter().map(|line| line.kind).collect();
        use LineKind::*;
        assert_eq!(
            kinds,
            [
                Comment,
                Command,
                Continuation,
                Continuation,
                Command,
                Continuation,
                Continuation,
                Command,
                Continuation
            ]
        );
        assert_eq!(lines(code)[3].remark, Some("or: other"));
        assert_eq!(
            lines("npm run build  # or: npx tsc")[0].command(),
            "npm run build"
        );
    }

    #[test]
    fn programs() {
        assert_eq!(program("PGPASSWORD=x sudo -u postgres psql -c 'x'"), "psql");
        assert_eq!(program("sudo systemctl stop api"), "systemctl");
        assert_eq!(program("X=1"), "");
    }
}
