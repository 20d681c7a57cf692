//! Values written into the text of a command, each quoted for the place where it stands, and refused
//! where nothing would keep it from being read as code. Blanks that travel beside the text (`$NAME` of a
//! shell, `:name` of psql) stay as they are; what is filled in is never read again for further blanks.
//! In the end the text is read once more: it has to be the same commands with other words in them.

mod builtins;
mod flows;
mod place;
mod proof;
mod shell;
mod sql;

use std::collections::BTreeMap;
use std::ops::Range;

use flows::Held;
use place::{Place, quoted};

pub use place::Unfit;

use super::blanks;
use super::model::Actor;
use super::reserved::{is_reserved, travel_name};
use super::syntax;

/// What stands in for a blank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filling<'a> {
    Value(&'a str),
    /// A secret: its name is written, and the value arrives with the command.
    Secret,
}

/// The blanks to fill, by name, with their spellings.
pub type Fillings<'a> = BTreeMap<&'a str, (Filling<'a>, Vec<String>)>;

/// One blank of the code.
struct Slot<'a> {
    range: Range<usize>,
    name: &'a str,
    filling: Filling<'a>,
}

/// The text with the blanks filled in. `first_line` is the line of the guide where the code begins: it
/// names the blanks that have no name of their own.
///
/// # Errors
/// A value that would be read as code where it stands: why, and how the guide can be written.
pub fn fill(
    code: &str,
    actor: Actor,
    first_line: usize,
    fillings: &Fillings<'_>,
) -> Result<String, Unfit> {
    travel(code, actor, fillings)?;
    let slots = slots(code, actor, first_line, fillings);
    if slots.is_empty() {
        return Ok(code.to_owned());
    }
    let (markers, places) = places(code, actor, &slots);
    let mut texts = Vec::with_capacity(slots.len());
    for (slot, place) in slots.iter().zip(&places) {
        let text = match slot.filling {
            // What a comment says stays as its author wrote it.
            _ if *place == Place::Comment => code[slot.range.clone()].to_owned(),
            Filling::Value(value) => quoted(value, place).map_err(|why| why.of(slot.name))?,
            Filling::Secret => secret(slot.name, place, actor).map_err(|why| why.of(slot.name))?,
        };
        texts.push(text);
    }
    let values = slots.iter().map(|slot| match slot.filling {
        Filling::Value(value) => Some(value),
        Filling::Secret => None,
    });
    let values: Vec<Option<&str>> = values.collect();
    let written = proof::Written {
        code,
        slots: &slots,
        markers: &markers,
        places: &places,
        values: &values,
        texts: &texts,
    };
    if let Some(index) = written.changes(actor) {
        return Err(Unfit {
            why: "with this value the block would be read as other commands".to_owned(),
            help: "give another value, or write the block so that the blank stands between quotes"
                .to_owned(),
        }
        .of(slots[index].name));
    }
    Ok(unquoted_secrets(code, actor, &slots, &places, &texts))
}

/// Words that stand in for the blanks while the text is read, and where each of them stands.
fn places(code: &str, actor: Actor, slots: &[Slot<'_>]) -> (Vec<String>, Vec<Place>) {
    let markers: Vec<String> = (0..slots.len()).map(|index| marker(code, index)).collect();
    let marked = assembled(code, slots, &markers);
    let places = markers
        .iter()
        .map(|marker| match actor {
            Actor::Shell => shell::place(&syntax::read_shell(&marked), marker, 0),
            Actor::Sql => sql::place(&syntax::read_sql(&marked), marker, 0),
            Actor::Http | Actor::Nobody => of_request(&marked, marker),
        })
        .collect();
    (markers, places)
}

/// A blank of a shell block whose value something could read as code.
pub(super) struct Exposed {
    /// Its line in the code, from 0.
    pub line: usize,
    pub text: String,
    /// Why only plain values are taken; `None` where any is, quoted for both who read it.
    pub unfit: Option<Unfit>,
}

/// A value that no place takes but those that quote.
const PROBE: &str = "a '\"$(b)`\\\n";

/// The blanks of a shell block that stand in code within code, or where nothing can be quoted.
pub(super) fn exposed(code: &str, first_line: usize) -> Vec<Exposed> {
    let blanks = blanks::find(code, Actor::Shell, first_line);
    let mut found: Vec<Exposed> = Vec::new();
    for (index, blank) in blanks.iter().enumerate() {
        if blanks[..index].iter().any(|one| one.name == blank.name) {
            continue;
        }
        let spellings = vec![blank.text.clone()];
        let fillings = Fillings::from([(blank.name.as_str(), (Filling::Value(PROBE), spellings))]);
        let unfit = if blank.is_textual() {
            let slots = slots(code, Actor::Shell, first_line, &fillings);
            let (_, places) = places(code, Actor::Shell, &slots);
            let refused = places.iter().find_map(|place| quoted(PROBE, place).err());
            let inside = |place: &Place| matches!(place, Place::Inside(..));
            match refused {
                None if !places.iter().any(inside) => continue,
                refused => refused,
            }
        } else {
            match travel(code, Actor::Shell, &fillings) {
                Ok(()) => continue,
                Err(unfit) => Some(unfit),
            }
        };
        found.push(Exposed {
            line: blank.line,
            text: blank.text.clone(),
            unfit,
        });
    }
    found
}

/// psql fills in nothing between quotes: where a secret is all of a literal, the quotes go.
fn unquoted_secrets(
    code: &str,
    actor: Actor,
    slots: &[Slot<'_>],
    places: &[Place],
    texts: &[String],
) -> String {
    let mut filled = String::with_capacity(code.len());
    let mut at = 0;
    for ((slot, place), text) in slots.iter().zip(places).zip(texts) {
        let Range { mut start, mut end } = slot.range;
        let mut text = text.clone();
        let literal = actor == Actor::Sql && *place == Place::Literal;
        if literal && slot.filling == Filling::Secret {
            let whole = code[..start].ends_with('\'') && code[end..].starts_with('\'');
            if whole && start > at {
                (start, end) = (start - 1, end + 1);
                text = format!(":'{}'", travel_name(slot.name));
            }
        }
        filled.push_str(&code[at..start]);
        filled.push_str(&text);
        at = end;
    }
    filled.push_str(&code[at..]);
    filled
}

/// The blanks in the code, in its order.
fn slots<'a>(
    code: &str,
    actor: Actor,
    first_line: usize,
    fillings: &Fillings<'a>,
) -> Vec<Slot<'a>> {
    let mut taken: Vec<Slot<'a>> = Vec::new();
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
        if let Some(range) = place {
            let filling = *filling;
            taken.push(Slot {
                range,
                name,
                filling,
            });
        }
    }
    // The same words elsewhere in the command mean the same.
    for (name, (filling, spellings)) in fillings {
        let everywhere = spellings
            .iter()
            .filter(|spelling| is_distinctive(spelling) && !travels(spelling, name, actor));
        for spelling in everywhere {
            for range in occurrences(code, spelling) {
                if is_free(&taken, &range) {
                    let filling = *filling;
                    taken.push(Slot {
                        range,
                        name,
                        filling,
                    });
                }
            }
        }
    }
    taken.sort_by_key(|slot| slot.range.start);
    taken
}

/// A word that stands nowhere in the code.
fn marker(code: &str, index: usize) -> String {
    let mut letters = "gonogo".to_owned();
    while code.contains(&letters) {
        letters.push('q');
    }
    format!("{letters}{index}z")
}

/// The code with other texts in place of its blanks.
fn assembled(code: &str, slots: &[Slot<'_>], texts: &[String]) -> String {
    let mut filled = String::with_capacity(code.len());
    let mut at = 0;
    for (slot, text) in slots.iter().zip(texts) {
        filled.push_str(&code[at..slot.range.start]);
        filled.push_str(text);
        at = slot.range.end;
    }
    filled.push_str(&code[at..]);
    filled
}

/// Address and headers of a request are lines; its body is text.
fn of_request(marked: &str, marker: &str) -> Place {
    let at = marked.find(marker).unwrap_or_default();
    match marked[..at].contains("\n\n") {
        true => Place::Verbatim,
        false => Place::Line,
    }
}

/// How a secret is named at a place, so that its value comes from beside the text.
fn secret(name: &str, place: &Place, actor: Actor) -> Result<String, Unfit> {
    let name = travel_name(name);
    // A quote in it is doubled by the shell.
    let doubled = format!("${{{name}//\\'/\\'\\'}}");
    let text = match (actor, place) {
        (Actor::Sql, Place::Literal) => format!("' || :'{name}' || '"),
        (Actor::Sql, Place::Plain(_)) => format!(":'{name}'"),
        (Actor::Http | Actor::Nobody, _) => format!("${{{name}}}"),
        (Actor::Shell, Place::Bare) => format!("\"${{{name}}}\""),
        (Actor::Shell, Place::Single) => format!("'\"${{{name}}}\"'"),
        (Actor::Shell, Place::Double | Place::Here) => format!("${{{name}}}"),
        (Actor::Shell, Place::Inside(inner, outer)) if **inner == Place::Literal => match **outer {
            Place::Double | Place::Here => doubled,
            Place::Single => format!("'\"{doubled}\"'"),
            _ => return Err(unfit_secret()),
        },
        _ => return Err(unfit_secret()),
    };
    Ok(text)
}

fn unfit_secret() -> Unfit {
    Unfit {
        why: "a secret cannot be inserted here: it is never written into the text".to_owned(),
        help: "let the command take it from its environment, or write it between double quotes"
            .to_owned(),
    }
}

/// Values that travel beside the text may come to places where they would be read as code.
fn travel(code: &str, actor: Actor, fillings: &Fillings<'_>) -> Result<(), Unfit> {
    for (name, (filling, spellings)) in fillings {
        let Filling::Value(value) = filling else {
            continue;
        };
        let strict = match actor {
            Actor::Shell if code.contains(name) && !is_reserved(name) => {
                flows::strict(&syntax::read_shell(code), &mut Held::named(name), 0)
            }
            Actor::Sql if code.contains(':') => spellings
                .iter()
                .filter_map(|spelling| spelling.strip_prefix(':'))
                .find_map(|spelling| {
                    let name = spelling.trim_matches(['\'', '"']);
                    sql::travelling(&syntax::read_sql(code), name)
                }),
            _ => None,
        };
        if let Some(place) = strict {
            quoted(value, &place).map_err(|why| why.of(name))?;
        }
    }
    Ok(())
}

fn is_free(taken: &[Slot<'_>], range: &Range<usize>) -> bool {
    taken
        .iter()
        .all(|slot| slot.range.end <= range.start || range.end <= slot.range.start)
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
