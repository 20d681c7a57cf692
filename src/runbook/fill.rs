//! Values written into the text of a command, each quoted for the place where it stands. Blanks that
//! travel beside the text (`$NAME` of a shell, `:name` of psql) stay as they are; what is filled in is
//! never read again for further blanks.

mod context;

use std::collections::BTreeMap;
use std::ops::Range;

use context::{Place, places};

use super::blanks;
use super::model::Actor;
use super::reserved::{is_reserved, travel_name};

/// What stands in for a blank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filling<'a> {
    Value(&'a str),
    /// A secret: its name is written, and the value arrives with the command.
    Secret,
}

/// The blanks to fill, by name, with their spellings.
pub type Fillings<'a> = BTreeMap<&'a str, (Filling<'a>, Vec<String>)>;

/// The text with the blanks filled in. `first_line` is the line of the guide where the code begins: it
/// names the blanks that have no name of their own.
pub fn fill(code: &str, actor: Actor, first_line: usize, fillings: &Fillings<'_>) -> String {
    let mut taken: Vec<(Range<usize>, &str, Filling<'_>)> = Vec::new();
    let starts: Vec<usize> = std::iter::once(0)
        .chain(code.match_indices('\n').map(|(at, _)| at + 1))
        .collect();
    for blank in blanks::find(code, actor, first_line) {
        let Some((name, (filling, _))) = fillings.get_key_value(blank.name.as_str()) else {
            continue;
        };
        let Some(start) = starts.get(blank.line).copied() else {
            continue;
        };
        let line = code[start..].split('\n').next().unwrap_or_default();
        if !blank.is_textual() {
            continue;
        }
        let place = occurrences(line, &blank.text)
            .map(|found| found.start + start..found.end + start)
            .find(|found| is_free(&taken, found));
        if let Some(place) = place {
            taken.push((place, name, *filling));
        }
    }
    // The same words elsewhere in the command mean the same.
    for (name, (filling, spellings)) in fillings {
        let everywhere = spellings
            .iter()
            .filter(|spelling| is_distinctive(spelling) && !travels(spelling, name, actor));
        for spelling in everywhere {
            for found in occurrences(code, spelling) {
                if is_free(&taken, &found) {
                    taken.push((found, name, *filling));
                }
            }
        }
    }
    taken.sort_by_key(|(range, _, _)| range.start);
    let places = places(code, actor);
    let mut filled = String::with_capacity(code.len());
    let mut at = 0;
    for (mut range, name, filling) in taken {
        let place = places[range.start];
        let name = travel_name(name);
        if place == Place::Comment {
            continue;
        }
        let text = match filling {
            Filling::Value(value) => quoted(value, place),
            Filling::Secret if actor == Actor::Sql && place == Place::Literal => {
                // psql fills in nothing between quotes: the quotes go, where the blank is all of it.
                let whole =
                    code[..range.start].ends_with('\'') && code[range.end..].starts_with('\'');
                if whole && range.start > at {
                    range = range.start - 1..range.end + 1;
                    format!(":'{name}'")
                } else {
                    format!("' || :'{name}' || '")
                }
            }
            Filling::Secret if actor == Actor::Sql => format!(":'{name}'"),
            Filling::Secret => match place {
                Place::Single => format!("'\"${{{name}}}\"'"),
                Place::Bare => format!("\"${{{name}}}\""),
                _ => format!("${{{name}}}"),
            },
        };
        filled.push_str(&code[at..range.start]);
        filled.push_str(&text);
        at = range.end;
    }
    filled.push_str(&code[at..]);
    filled
}

fn is_free(taken: &[(Range<usize>, &str, Filling<'_>)], range: &Range<usize>) -> bool {
    taken
        .iter()
        .all(|(other, _, _)| other.end <= range.start || range.end <= other.start)
}

/// Where a text stands by itself, not as a part of a longer word.
fn occurrences<'a>(code: &'a str, text: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let begins = text.starts_with(is_word);
    let ends = text.ends_with(is_word);
    code.match_indices(text).filter_map(move |(at, found)| {
        let range = at..at + found.len();
        let inside = begins && code[..range.start].ends_with(is_word)
            || ends && code[range.end..].starts_with(is_word);
        (!inside && !text.is_empty()).then_some(range)
    })
}

/// Whether a spelling can only mean its blank: three dots or crosses stand for anything.
fn is_distinctive(spelling: &str) -> bool {
    spelling
        .chars()
        .any(|character| character.is_alphanumeric() && !matches!(character, 'x' | 'X'))
}

/// Whether this spelling needs no substitution, because the value travels beside the text: by
/// environment to a shell, as a psql variable to SQL.
pub fn travels(spelling: &str, name: &str, actor: Actor) -> bool {
    match actor {
        // What steers the shell itself is set by no value: it is written into the text.
        Actor::Shell if is_reserved(name) => false,
        Actor::Shell => spelling == format!("${name}") || spelling == format!("${{{name}}}"),
        Actor::Sql => spelling.starts_with(':'),
        Actor::Http | Actor::Nobody => false,
    }
}

fn quoted(value: &str, place: Place) -> String {
    let escaped = |special: &[char]| {
        value.chars().fold(String::new(), |mut text, character| {
            if special.contains(&character) {
                text.push('\\');
            }
            text.push(character);
            text
        })
    };
    match place {
        Place::Bare => shell_quoted(value),
        Place::Single => value.replace('\'', r"'\''"),
        Place::Double => escaped(&['\\', '"', '$', '`']),
        Place::Expanded => escaped(&['\\', '$', '`']),
        Place::Literal => value.replace('\'', "''"),
        Place::Identifier => value.replace('"', "\"\""),
        Place::AsWritten | Place::Comment => value.to_owned(),
    }
}

/// The value as one shell word, whatever it holds.
pub fn shell_quoted(value: &str) -> String {
    let plain =
        |character: char| character.is_ascii_alphanumeric() || "_-./:@%+,=".contains(character);
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
