//! One shape for everything that is wrong with a guide or its configuration: what, where, and what
//! to do next.

use serde::{Deserialize, Serialize};

use crate::text::redact::MASK;
use crate::text::scrub::visible;
use crate::text::written::{masked, secrets_in};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Diagnostic {
    pub severity: Severity,
    /// Stable, kebab-case: `unterminated-fence`.
    pub code: String,
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// How many characters the caret underlines; at least 1.
    pub width: usize,
    pub message: String,
    /// The next act.
    pub help: String,
    /// The other places of the same finding.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Spot>,
}

/// A place in a guide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    pub line: usize,
    pub column: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Error,
    Warning,
    Info,
}

/// The code of a diagnostic that points at a secret.
pub(super) const SECRET: &str = "secret-in-the-open";

/// Writes diagnostics for people: `file:line:column` with the line, a caret, the cause and the next
/// act. `source` is the text of the file; without colours, which a terminal may add. Secrets in the line
/// are masked, and a caret that points into one points at the mask.
pub fn render(diagnostics: &[Diagnostic], file: &str, source: &str) -> String {
    use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

    let mut starts = vec![0];
    starts.extend(source.match_indices('\n').map(|(at, _)| at + 1));
    let renderer = Renderer::plain();
    let mut text = String::new();
    for diagnostic in diagnostics {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Info => Level::INFO,
        };
        // Each is drawn over its own line: drawing over the whole file would take time for each.
        let index = diagnostic.line.saturating_sub(1);
        let start = starts.get(index).copied().unwrap_or(source.len());
        let end = starts.get(index + 1).map_or(source.len(), |next| next - 1);
        // A configuration is drawn as it is in the file; a guide was cleaned when it was read.
        let line = visible(source[start..end.max(start)].trim_end_matches('\r'));
        let (file, message) = (visible(file), visible(&diagnostic.message));
        let help = visible(&diagnostic.help);
        let byte = |column: usize| {
            line.char_indices()
                .nth(column)
                .map_or(line.len(), |(at, _)| at)
        };
        let from = byte(diagnostic.column.saturating_sub(1));
        let to = byte(diagnostic.column.saturating_sub(1) + diagnostic.width).max(from);
        let (line, to) = match diagnostic.code.as_str() {
            // What it points at is the secret, whatever it looks like.
            SECRET => (
                format!("{}{MASK}{}", &line[..from], &line[to..]).into(),
                from + MASK.len(),
            ),
            _ => (line, to),
        };
        let shown = masked(&line);
        let from = in_shown(&line, from, false);
        let to = in_shown(&line, to, true).max(from);
        let (message, help) = (masked(&message), masked(&help));
        let group = level
            .primary_title(message.as_ref())
            .id(diagnostic.code.as_str())
            .element(
                Snippet::source(shown.as_ref())
                    .path(file.as_ref())
                    .line_start(diagnostic.line.max(1))
                    .annotation(AnnotationKind::Primary.span(from..to)),
            )
            .element(Level::HELP.message(help.as_ref()));
        let also = also(diagnostic);
        let group = match also.is_empty() {
            true => group,
            false => group.element(Level::NOTE.message(also.as_str())),
        };
        text.push_str(&renderer.render(&[group]));
        text.push_str("\n\n");
    }
    text
}

/// `the same on lines 12, 40 and 4 more`.
fn also(diagnostic: &Diagnostic) -> String {
    const NAMED: usize = 6;
    let lines: Vec<String> = diagnostic
        .also
        .iter()
        .map(|spot| spot.line.to_string())
        .collect();
    match lines.len() {
        0 => String::new(),
        1 => format!("the same on line {}", lines[0]),
        count if count <= NAMED => format!("the same on lines {}", lines.join(", ")),
        count => format!(
            "the same on lines {} and {} more",
            lines[..NAMED].join(", "),
            count - NAMED
        ),
    }
}

/// Where a byte of a line stands in the masked line: what is inside of a secret, at an edge of its mask.
fn in_shown(line: &str, at: usize, ends: bool) -> usize {
    let mut shown = at;
    for secret in secrets_in(line) {
        if secret.end <= at {
            shown = shown + MASK.len() - secret.len();
        } else if secret.start < at {
            shown -= at - secret.start;
            shown += if ends { MASK.len() } else { 0 };
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(line: &str, pointed_at: &str) -> String {
        rendered_as("unknown-table", line, pointed_at)
    }

    fn rendered_as(code: &str, line: &str, pointed_at: &str) -> String {
        let at = line.find(pointed_at).unwrap();
        let diagnostic = Diagnostic {
            severity: Severity::Warning,
            code: code.to_owned(),
            line: 1,
            column: line[..at].chars().count() + 1,
            width: pointed_at.chars().count(),
            message: "a secret is written in the guide".to_owned(),
            help: "take it out".to_owned(),
            also: Vec::new(),
        };
        render(&[diagnostic], "guide.md", line)
    }

    /// What the carets stand under.
    fn under_carets(text: &str) -> String {
        let lines: Vec<&str> = text.lines().collect();
        let carets = lines.iter().position(|line| line.contains('^')).unwrap();
        let pairs = lines[carets - 1].chars().zip(lines[carets].chars());
        pairs
            .filter(|(_, caret)| *caret == '^')
            .map(|(shown, _)| shown)
            .collect()
    }

    #[test]
    fn carets_point_at_the_mask_of_a_secret() {
        let line = "PGPASSWORD=hunter psql \"postgresql://deploy:hunter22@db/shop\" -c tabel";
        for (pointed_at, shown) in [
            ("hunter", "‹redacted›"),
            ("hunter22", "‹redacted›"),
            ("unt", "‹redacted›"),
            ("psql", "psql"),
            ("tabel", "tabel"),
            ("PGPASSWORD=hunter psql", "PGPASSWORD=‹redacted› psql"),
        ] {
            let text = rendered(line, pointed_at);
            assert!(!text.contains("hunter"), "{text}");
            assert_eq!(under_carets(&text), shown, "{text}");
        }
    }

    #[test]
    fn what_is_said_to_be_a_secret_is_not_shown() {
        let text = rendered_as(SECRET, "secrets.TOKEN = \"canary\" # here", "\"canary\"");
        assert!(!text.contains("canary"), "{text}");
        assert!(text.contains("secrets.TOKEN = ‹redacted› # here"), "{text}");
        assert_eq!(under_carets(&text), "‹redacted›", "{text}");
    }
}
