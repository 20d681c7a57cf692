//! Answers as attributes: `#id`, `.class`, `key="value"`.

use super::{Answer, Settle};
use crate::runbook::attributes::Raw;
use crate::runbook::model::Block;
use crate::runbook::role::part_lines;

/// One attribute, before it is written in the form that its fence has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Id(String),
    Class(String),
    Pair(String, String),
}

impl Token {
    /// Whether these attributes say it already.
    pub fn is_in(&self, raw: &Raw) -> bool {
        match self {
            Self::Id(id) => raw.id.as_ref() == Some(id),
            Self::Class(class) => raw.classes.contains(class) || raw.get(class) == Some("true"),
            Self::Pair(key, value) => raw.get(key) == Some(value),
        }
    }

    pub fn text(&self) -> String {
        match self {
            Self::Id(id) => format!("#{id}"),
            Self::Class(class) => format!(".{class}"),
            Self::Pair(key, value) => format!("{key}={}", quoted(value)),
        }
    }
}

/// What an answer says of its block.
pub(super) fn of(answer: &Answer, block: &Block) -> Vec<Token> {
    let mut tokens = Vec::new();
    tokens.extend(answer.id.clone().map(Token::Id));
    let class = match answer.settle {
        Settle::Parts => "split",
        other => other.word(),
    };
    tokens.push(Token::Class(class.to_owned()));
    if answer.settle == Settle::Parts {
        let lines = part_lines(&block.parts, block.code_line);
        tokens.push(Token::Pair("parts".to_owned(), lines));
    }
    for (key, value) in [("expect", &answer.expect), ("undo", &answer.undo)] {
        if let Some(value) = value {
            tokens.push(Token::Pair(key.to_owned(), value.clone()));
        }
    }
    tokens
}

pub(super) fn text(tokens: &[Token]) -> String {
    tokens.iter().map(Token::text).collect::<Vec<_>>().join(" ")
}

/// A value so that it is read as it is: in the quotes that it does not hold, where there are such.
fn quoted(value: &str) -> String {
    let plain = |character: char| {
        character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.' | '/' | ':' | ',')
    };
    if !value.is_empty() && value.chars().all(plain) && !value.ends_with(',') {
        return value.to_owned();
    }
    let quote = if value.contains('"') && !value.contains('\'') {
        '\''
    } else {
        '"'
    };
    let mut text = String::from(quote);
    for character in value.chars() {
        if character == quote || character == '\\' {
            text.push('\\');
        }
        text.push(character);
    }
    text.push(quote);
    text
}
