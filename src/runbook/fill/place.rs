//! Where a value stands, and how it is written there so that nothing reads it as code.

use std::fmt;

/// What surrounds a blank. It decides how a value is written, or which values can stand there at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A word of a shell, outside quotes.
    Bare,
    /// `'…'` of a shell.
    Single,
    /// `"…"` of a shell.
    Double,
    /// `$'…'` of a shell.
    AnsiC,
    /// A here-document in which variables are expanded.
    Here,
    /// Text that nothing reads: a here-document whose word is quoted, a request's body.
    Verbatim,
    /// One line of a request: its address or a header.
    Line,
    /// `'…'` of SQL.
    Literal,
    /// `E'…'` of SQL.
    Escape,
    /// `"…"` of SQL.
    Identifier,
    /// A word of a command of psql.
    Argument,
    /// `'…'` of a command of psql.
    QuotedArgument,
    /// Only a value of plain characters can stand there: nothing would keep another from being read as
    /// code. The reason, and how to write it instead.
    Plain(Reason),
    /// As [`Place::Plain`], and a whole number.
    Number(Reason),
    /// Text that something else reads as code: first written for its place in there, then for the
    /// place of that text.
    Inside(Box<Place>, Box<Place>),
    Comment,
}

/// Why a value is not quoted somewhere, and what helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reason {
    pub why: &'static str,
    pub help: &'static str,
}

/// A value that cannot stand where it is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// Lower case: `` in back quotes nothing keeps … ``.
    pub why: String,
    pub help: String,
}

impl Unfit {
    /// Without the name of the blank it is about.
    pub(in crate::runbook) fn reason(&self) -> &str {
        let named = self.why.strip_prefix("no value for `");
        named
            .and_then(|rest| rest.split_once("`: "))
            .map_or(self.why.as_str(), |(_, why)| why)
    }

    /// With the name of the blank it is about.
    pub(super) fn of(self, name: &str) -> Self {
        Self {
            why: format!("no value for `{name}`: {}", self.why),
            ..self
        }
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.why)
    }
}

impl From<Reason> for Unfit {
    fn from(reason: Reason) -> Self {
        Self {
            why: reason.why.to_owned(),
            help: reason.help.to_owned(),
        }
    }
}

/// Letters, digits and signs that mean nothing to any shell or SQL, wherever they stand.
pub(super) fn is_plain(value: &str) -> bool {
    let plain = |character: char| {
        character.is_alphanumeric()
            || matches!(
                character,
                '_' | '.' | '/' | '@' | '%' | '+' | ',' | '-' | ':'
            )
    };
    !value.is_empty()
        && value.chars().all(plain)
        && !value.starts_with('-')
        && !value.contains("--")
        && !value.contains(":'")
}

fn is_number(value: &str) -> bool {
    let digits = value.strip_prefix('-').unwrap_or(value);
    !digits.is_empty() && digits.len() < 19 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The value as it is written at a place.
pub(super) fn quoted(value: &str, place: &Place) -> Result<String, Unfit> {
    if value.contains('\0') && *place != Place::Comment {
        return Err(Unfit {
            why: "the value holds a NUL byte, which no command can be given".to_owned(),
            help: "give a value without it".to_owned(),
        });
    }
    let escaped = |special: &[char]| {
        value.chars().fold(String::new(), |mut text, character| {
            if special.contains(&character) {
                text.push('\\');
            }
            text.push(character);
            text
        })
    };
    Ok(match place {
        Place::Bare => super::shell_quoted(value),
        Place::Single => value.replace('\'', r"'\''"),
        Place::Double => escaped(&['\\', '"', '$', '`']),
        Place::AnsiC => escaped(&['\\', '\'']),
        Place::Here => escaped(&['\\', '$', '`']),
        Place::Literal => value.replace('\'', "''"),
        Place::Escape => escaped(&['\\']).replace('\'', "''"),
        Place::Identifier => value.replace('"', "\"\""),
        Place::Argument if is_plain(value) && !value.contains(':') => value.to_owned(),
        Place::Argument => format!("'{}'", of_psql(value)),
        Place::QuotedArgument => of_psql(value),
        Place::Line if value.contains(['\n', '\r']) => {
            return Err(Unfit {
                why: "the value holds a line break, which would begin another header".to_owned(),
                help: "give a value of one line".to_owned(),
            });
        }
        Place::Plain(reason) if !is_plain(value) => return Err((*reason).into()),
        Place::Number(reason) if !is_number(value) => return Err((*reason).into()),
        Place::Inside(inner, outer) => quoted(&quoted(value, inner)?, outer)?,
        Place::Verbatim | Place::Line | Place::Plain(_) | Place::Number(_) | Place::Comment => {
            value.to_owned()
        }
    })
}

/// As psql reads it between single quotes.
fn of_psql(value: &str) -> String {
    value
        .replace('\\', r"\\")
        .replace('\'', "''")
        .replace('\n', r"\n")
        .replace('\r', r"\r")
        .replace('\t', r"\t")
}
