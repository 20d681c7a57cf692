//! The words, numbers and comparisons of a sentence.

use std::collections::BTreeSet;

use regex::Regex;

use super::super::lexicon::{Class, LONGEST, classes, number_word, opens_phrase, pieces};
use super::super::states;
use super::Compare;
use crate::runbook::pattern::pattern;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// What the author set as code or in quotes, or wrote as JSON.
    Code {
        text: String,
        quoted: bool,
    },
    Number(Number),
    Compare(Compare),
    Classed(BTreeSet<Class>),
    Word(String),
    /// A number in words, where it may be no more than an article: `one`.
    Count(f64),
    /// What programs call the state of something: `healthy`.
    State(String),
    /// `2xx`
    StatusClass(u16),
    Dash,
    Colon,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number {
    pub value: f64,
    pub percent: bool,
    /// Milliseconds, where a unit of time stands behind it.
    pub time: Option<f64>,
    /// `10x`
    pub ratio: bool,
    /// `401s`: what is answered, or a time.
    pub is_answered: bool,
}

impl Token {
    pub fn is(&self, class: Class) -> bool {
        matches!(self, Token::Classed(classes) if classes.contains(&class))
    }

    /// A number, also one that is set as code.
    pub fn number(&self) -> Option<Number> {
        match self {
            Token::Number(number) => Some(*number),
            Token::Code { text, .. } => {
                let value = numeral(text).parse().ok();
                let value = value.filter(|value: &f64| value.is_finite())?;
                Some(Number {
                    value,
                    percent: false,
                    time: None,
                    ratio: false,
                    is_answered: false,
                })
            }
            _ => None,
        }
    }
}

/// A number, also that of `403 Forbidden`.
fn numeral(code: &str) -> &str {
    let answer = pattern!(r"^([1-5]\d\d) [A-Z][A-Za-z -]+$").captures(code);
    answer
        .and_then(|found| found.get(1))
        .map_or(code, |found| found.as_str())
}

/// What stands at the beginning of all but words and figures.
const BEGINS: &str = "`{\"“'-<>=!≤≥≠~≈:/–—→";

pub(super) fn tokens(text: &str) -> Vec<Token> {
    let scanner = pattern!(
        r#"(?x)
        `(?P<code>[^`]+)` | (?P<json>\{\s*"[^{}]*(?:\{[^{}]*\}[^{}]*)*\}) | "(?P<quoted>[^"]+)" | “(?P<curly>[^”]+)” | '(?P<single>[^'\s][^']*)'
        | (?P<http>\bHTTP/\d(?:\.\d)?)
        | (?P<class>\b[1-5]xx\b)
        | (?P<number>(?:\b|-)\d{1,3}(?:,\d{3})+(?:\.\d+)?|-?\d+(?:\.\d+)?)(?P<unit>\s?%|\s?(?:ms|msec|milliseconds?|s|sec|secs|seconds?|sekunden?|secondes?|segundos?|min|mins|minutes?|minuten?|minutos?|h|hours?|stunden?)\b|x\b)?
        | (?P<op><=|>=|==|!=|≤|≥|≠|<>|=>|->|<|>|=|~|≈)
        | (?P<mark>[:/–—→-])
        "#
    );
    let mut found = Vec::new();
    let mut words: Vec<String> = Vec::new();
    // Where the number before ends: `50-200` is a range.
    let mut ends = None;
    let mut ahead = Ahead::Unknown;
    let mut at = 0;
    while let Some(first) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = &text[at..];
        let begins = first.is_ascii_digit() || BEGINS.contains(first) || rest.starts_with("HTTP/");
        let is_hit = begins && ahead.begins_at(scanner, text, at);
        let hit = is_hit.then(|| scanner.captures_at(text, at)).flatten();
        let Some(hit) = hit else {
            let word = word_at_start(rest);
            at += word.len().max(first.len_utf8());
            match word.trim_end_matches(['.', '-']) {
                "" => {}
                word if word.is_ascii() => words.push(word.to_owned()),
                word => words.extend(pieces(word).into_iter().map(str::to_owned)),
            }
            continue;
        };
        at = hit.get_match().end();
        classify(&mut words, &mut found);
        let quoted = ["quoted", "curly", "single"]
            .iter()
            .find_map(|name| hit.name(name));
        if let Some(code) = hit.name("code").or(hit.name("json")) {
            found.push(Token::Code {
                text: code.as_str().trim().to_owned(),
                quoted: false,
            });
        } else if let Some(quoted) = quoted {
            found.push(Token::Code {
                text: quoted.as_str().to_owned(),
                quoted: true,
            });
        } else if hit.name("http").is_some() {
            found.push(Token::Classed(BTreeSet::from([Class::Http])));
        } else if let Some(class) = hit.name("class") {
            let first = class.as_str().bytes().next().map_or(0, |byte| byte - b'0');
            found.push(Token::StatusClass(u16::from(first)));
        } else if let Some(number) = hit.name("number") {
            let unit = hit.name("unit").map_or("", |unit| unit.as_str());
            let mut text = number.as_str();
            if let Some(rest) = text
                .strip_prefix('-')
                .filter(|_| ends == Some(number.start()))
            {
                found.push(Token::Dash);
                text = rest;
            }
            ends = Some(number.end());
            found.push(Token::Number(read_number(text, unit)));
        } else if let Some(operator) = hit.name("op") {
            found.push(match operator.as_str() {
                "=>" | "->" => Token::Colon,
                operator => Token::Compare(compare_of(operator)),
            });
        } else if let Some(mark) = hit.name("mark") {
            found.push(match mark.as_str() {
                ":" | "→" => Token::Colon,
                "/" => Token::Classed(BTreeSet::from([Class::Or])),
                _ => Token::Dash,
            });
        }
    }
    classify(&mut words, &mut found);
    settle_counts(&mut found);
    found
}

/// Where the next part of a text is that is no word. It is looked for once, not at each mark before it.
enum Ahead {
    Unknown,
    At(usize),
    Nowhere,
}

impl Ahead {
    fn begins_at(&mut self, scanner: &Regex, text: &str, at: usize) -> bool {
        let is_behind = match self {
            Self::Unknown => true,
            Self::At(start) => *start < at,
            Self::Nowhere => false,
        };
        if is_behind {
            *self = scanner
                .find_at(text, at)
                .map_or(Self::Nowhere, |hit| Self::At(hit.start()));
        }
        matches!(self, Self::At(start) if *start == at)
    }
}

/// The word that a text begins with, or nothing.
fn word_at_start(text: &str) -> &str {
    let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    let end = text.bytes().take_while(is_inner).count();
    // The tables of Unicode are asked only where a letter is none of ASCII.
    match text.as_bytes().get(end) {
        Some(byte) if !byte.is_ascii() => pattern!(r"^[\p{L}_][\p{L}\p{N}_.-]*")
            .find(text)
            .map_or("", |word| word.as_str()),
        _ if text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') => {
            &text[..end]
        }
        _ => "",
    }
}

/// A number in words is one where no figure stands beside it and the words around it count: `exactly one
/// row`, `Two triggers: …`. What is counted is no text in code.
fn settle_counts(tokens: &mut [Token]) {
    let counts = [
        Class::Exact,
        Class::Least,
        Class::Most,
        Class::About,
        Class::More,
        Class::Less,
    ];
    if tokens.iter().any(|token| token.number().is_some()) {
        return;
    }
    let at = tokens
        .iter()
        .position(|token| matches!(token, Token::Count(_)));
    let Some((at, Token::Count(value))) = at.map(|at| (at, tokens[at].clone())) else {
        return;
    };
    let next = tokens.get(at + 1);
    let before = at.checked_sub(1).map(|before| &tokens[before]);
    let counted = before.is_some_and(|before| counts.iter().any(|class| before.is(*class)));
    let asked = value > 1.0
        && before.is_none_or(|before| before.is(Class::Modal) || before.is(Class::Return));
    let of_rows = next.is_some_and(|next| next.is(Class::Row));
    let of_text = next.is_some_and(|next| matches!(next, Token::Code { .. } | Token::Compare(_)));
    if (counted || asked || of_rows) && !of_text {
        tokens[at] = Token::Number(Number {
            value,
            percent: false,
            time: None,
            ratio: false,
            is_answered: false,
        });
    }
}

fn read_number(text: &str, unit: &str) -> Number {
    let value = text.replace(',', "").parse().unwrap_or(f64::NAN);
    let is_answered = unit == "s" && (100.0..600.0).contains(&value);
    let unit = unit.trim();
    Number {
        value,
        percent: unit == "%",
        time: time_unit(unit).map(|factor| value * factor),
        ratio: unit == "x",
        is_answered,
    }
}

pub(super) fn compare_of(operator: &str) -> Compare {
    match operator {
        "<" => Compare::Less,
        "<=" | "≤" => Compare::AtMost,
        ">" => Compare::More,
        ">=" | "≥" => Compare::AtLeast,
        "!=" | "≠" | "<>" => Compare::Unequal,
        "~" | "≈" => Compare::About,
        _ => Compare::Equal,
    }
}

fn time_unit(unit: &str) -> Option<f64> {
    let unit = unit.to_lowercase();
    Some(match unit.as_str() {
        "" | "%" | "x" => return None,
        "ms" | "msec" => 1.0,
        unit if unit.starts_with("milli") => 1.0,
        unit if unit.starts_with('s') => 1_000.0,
        unit if unit.starts_with('m') => 60_000.0,
        _ => 3_600_000.0,
    })
}

/// Words become what they mean, the longest phrases first.
fn classify(words: &mut Vec<String>, found: &mut Vec<Token>) {
    let lower: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    let mut at = 0;
    while at < lower.len() {
        let longest = match opens_phrase(&lower[at]) {
            true => LONGEST.min(lower.len() - at),
            false => 1,
        };
        let phrase = (2..=longest)
            .rev()
            .find_map(|length| Some((length, classes(&lower[at..at + length].join(" "))?)))
            .or_else(|| Some((1, classes(&lower[at])?)));
        let after_exact = found.last().is_some_and(|before| before.is(Class::Exact));
        match phrase {
            // `genau eine Zeile`: an article, but for the word before it.
            Some((1, _)) if after_exact && number_word(&lower[at]).is_some() => {
                found.extend(number_word(&lower[at]).map(Token::Count));
                at += 1;
            }
            Some((length, known)) => {
                // A level of a log that is shouted is looked for as it is written.
                let mut known = known.clone();
                if known.contains(&Class::Trouble) {
                    found.push(Token::Word(words[at].clone()));
                    known.retain(|class| *class == Class::Trouble);
                }
                found.push(Token::Classed(known));
                at += length;
            }
            None => {
                found.push(match number_word(&lower[at]) {
                    Some(value) => Token::Count(value),
                    None if states::is_state(&lower[at]) => Token::State(words[at].clone()),
                    None => Token::Word(words[at].clone()),
                });
                at += 1;
            }
        }
    }
    words.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_of_letters_of_any_script() {
        for (text, word) in [
            ("plain_word-2.x rest", "plain_word-2.x"),
            ("naïve rest", "naïve"),
            ("über", "über"),
            ("cost€", "cost"),
            ("2nd", ""),
            (".hidden", ""),
            ("€", ""),
            ("", ""),
        ] {
            assert_eq!(word_at_start(text), word, "{text}");
        }
    }

    #[test]
    fn marks_before_code_do_not_hide_it() {
        let code = |text: &str| Token::Code {
            text: text.to_owned(),
            quoted: false,
        };
        let word = |text: &str| Token::Word(text.to_owned());
        assert_eq!(
            tokens("writers' queues' `a` queues' `b`"),
            [
                word("writers"),
                word("queues"),
                code("a"),
                word("queues"),
                code("b")
            ]
        );
    }
}
