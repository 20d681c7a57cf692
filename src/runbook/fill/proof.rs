//! The filled text is the same commands as before, with other words in them.

use super::place::Place;
use super::{Slot, assembled, quoted};
use crate::runbook::model::Actor;
use crate::runbook::syntax::{Item, Script, SqlScript, Target, Visit};

/// A text as it was filled in.
pub(super) struct Written<'a> {
    pub code: &'a str,
    pub slots: &'a [Slot<'a>],
    pub markers: &'a [String],
    pub places: &'a [Place],
    /// `None`: a secret, whose name is written.
    pub values: &'a [Option<&'a str>],
    pub texts: &'a [String],
}

impl Written<'_> {
    /// The first blank whose value changes more than its own word.
    pub fn changes(&self, actor: Actor) -> Option<usize> {
        (0..self.slots.len()).find(|index| !self.is_kept(*index, actor))
    }

    /// Whether one value changes nothing but its word.
    fn is_kept(&self, index: usize, actor: Actor) -> bool {
        // Plain characters stand for themselves; a secret's name is our own.
        let (Some(value), false) = (self.values[index], is_plain(&self.places[index])) else {
            return true;
        };
        let marker = &self.markers[index];
        let mut texts: Vec<String> = self.texts.to_vec();
        let filled = assembled(self.code, self.slots, &texts);
        texts[index] = marker.clone();
        let marked = assembled(self.code, self.slots, &texts);
        match actor {
            Actor::Shell => {
                let shown = match &self.places[index] {
                    Place::Inside(inner, _) => match quoted(value, inner) {
                        Ok(text) => text,
                        Err(_) => return false,
                    },
                    _ => value.to_owned(),
                };
                let before = shape(&Script::read(&marked));
                let after = shape(&Script::read(&filled));
                let expected = before.map(|words| {
                    let words = words.into_iter();
                    words
                        .map(|word| word.replace(marker.as_str(), &shown))
                        .collect::<Vec<_>>()
                });
                after.is_some() && after == expected
            }
            Actor::Sql => {
                let before = sql_shape(&SqlScript::read(&marked));
                before.is_some() && before == sql_shape(&SqlScript::read(&filled))
            }
            Actor::Http | Actor::Nobody => true,
        }
    }
}

fn is_plain(place: &Place) -> bool {
    matches!(
        place,
        Place::Plain(_) | Place::Number(_) | Place::Comment | Place::Line
    )
}

/// What a shell makes of it: its constructs and its words, each expansion as one sign.
fn shape(script: &Script) -> Option<Vec<String>> {
    if script.unreadable().is_some() {
        return None;
    }
    let mut words = Vec::new();
    script.visit(&mut |visit| {
        match visit {
            Visit::Pipeline(pipeline) => words.push(format!("|{}", pipeline.stages.len())),
            Visit::Simple(simple) => words.push(format!(
                "s{} {} {}",
                simple.assignments.len(),
                simple.words.len(),
                simple.redirections.len()
            )),
            Visit::Compound(compound) => words.push(format!("{:?}", compound.kind)),
            Visit::Assignment(assignment) => words.push(format!("={}", assignment.name)),
            Visit::Word(word) => words.push(format!("w{}", script.outline(&word.pieces))),
            Visit::Redirection(redirection) => {
                let said = format!("{:?} {:?}", redirection.kind, redirection.descriptor);
                words.push(said);
                if let Target::HereDocument(document) = &redirection.target {
                    words.push(format!("d{}", document.delimiter));
                    words.push(format!("h{}", script.outline(&document.pieces)));
                }
            }
            Visit::Substitution(inner) => match shape(inner) {
                Some(own) => words.extend(own),
                None => words.push("?".to_owned()),
            },
        }
        false
    });
    Some(words)
}

/// What psql makes of it: its statements and commands, and the kinds of their tokens.
fn sql_shape(script: &SqlScript) -> Option<Vec<String>> {
    if script.unreadable().is_some() {
        return None;
    }
    let items = script.items().iter().map(|item| match item {
        Item::Statement(statement) => {
            let kinds = statement.tokens.iter().map(|token| token.kind);
            format!("{:?}", kinds.collect::<Vec<_>>())
        }
        Item::Meta(meta) => {
            let runs: Vec<bool> = meta.arguments.iter().map(|one| one.runs).collect();
            format!("{} {runs:?}", meta.name)
        }
        Item::Data(_) => "data".to_owned(),
    });
    Some(items.collect())
}
