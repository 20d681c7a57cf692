//! One blank being filled in: a value, or where a secret comes from.

use std::path::Path;

use tui_input::Input as Text;

use super::files;

use crate::run::Input;
use crate::runbook::Variable;
use crate::runbook::config::SecretSource;

/// Where a secret may come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Variable,
    File,
    Command,
}

impl Source {
    pub(super) const ALL: [Self; 3] = [Self::Variable, Self::File, Self::Command];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Variable => "environment variable",
            Self::File => "file",
            Self::Command => "command",
        }
    }
}

pub(super) struct Entry {
    pub name: String,
    pub text: Text,
    /// `None`: a value that anybody may see.
    pub source: Option<Source>,
    choices: Vec<String>,
}

impl Entry {
    /// A blank that is a pattern of files offers those that match it in the run's directory.
    pub(super) fn new(variable: &Variable, held: Option<&Input>, directory: &str) -> Self {
        let (text, source) = match held {
            Some(Input::Secret(source)) => {
                let kind = match source {
                    SecretSource::Env(_) => Source::Variable,
                    SecretSource::File(_) => Source::File,
                    SecretSource::Command(_) => Source::Command,
                };
                (source.text().to_owned(), Some(kind))
            }
            Some(Input::Value(value)) if !variable.secret => (value.clone(), None),
            _ => (String::new(), variable.secret.then_some(Source::Variable)),
        };
        Self {
            name: variable.name.clone(),
            text: Text::new(text),
            source,
            choices: match variable.rule.choices.as_slice() {
                [] => variable
                    .spellings
                    .iter()
                    .filter(|spelling| spelling.contains('*'))
                    .flat_map(|pattern| files::matching(Path::new(directory), pattern))
                    .collect(),
                named => named.to_vec(),
            },
        }
    }

    /// What Tab turns through, for the screen.
    pub(super) fn choices(&self) -> &[String] {
        &self.choices
    }

    pub(super) fn input(&self) -> Input {
        let text = self.text.value().trim().to_owned();
        match self.source {
            None => Input::Value(text),
            Some(Source::Variable) => Input::Secret(SecretSource::Env(text)),
            Some(Source::File) => Input::Secret(SecretSource::File(text)),
            Some(Source::Command) => Input::Secret(SecretSource::Command(text)),
        }
    }

    /// Whether Tab has something to turn.
    pub(super) fn has_fields(&self) -> bool {
        self.source.is_some() || !self.choices.is_empty()
    }

    /// The next kind of source, or the next choice.
    pub(super) fn turn(&mut self, by: isize) {
        if let Some(source) = self.source {
            let at = Source::ALL.iter().position(|kind| *kind == source);
            self.source = Some(Source::ALL[turned(at.unwrap_or(0), by, Source::ALL.len())]);
        } else if !self.choices.is_empty() {
            let at = self
                .choices
                .iter()
                .position(|choice| choice == self.text.value());
            let next = match at {
                Some(at) => turned(at, by, self.choices.len()),
                None => 0,
            };
            self.text = Text::new(self.choices[next].clone());
        }
    }
}

fn turned(at: usize, by: isize, count: usize) -> usize {
    let count = isize::try_from(count).unwrap_or(1).max(1);
    let at = isize::try_from(at).unwrap_or(0);
    usize::try_from((at + by).rem_euclid(count)).unwrap_or(0)
}
