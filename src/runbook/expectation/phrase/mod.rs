//! A sentence that says what must be true, read into what it asks for. A grammar over words, numbers
//! and comparisons: what it does not read for certain, or what cannot be measured, is left to a person.

mod cases;
mod columns;
mod literals;
mod numbers;
mod sample;
mod tokens;

use std::collections::BTreeSet;

pub(super) use sample::{Field, fixed_parts, is_whole};

use super::lexicon::{Class, classes, stems};
use crate::runbook::pattern::pattern;
use columns::{field, is_name, of_code, of_columns};
use literals::of_words;
use numbers::{of_characters, of_checks, of_named, of_numbers, of_status_of_end};
use tokens::{Token, tokens};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compare {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
    /// Within a tenth.
    About,
}

/// What a sentence asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wish {
    pub what: What,
    /// Of each row, each answer.
    pub all: bool,
    /// It must not be so.
    pub negated: bool,
    /// It speaks of a status of HTTP.
    pub http: bool,
    /// Its words about the matter itself, by their stems.
    pub about: BTreeSet<String>,
    /// Nothing but what is asked for: `0`, `should return 404`.
    pub bare: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// A number of rows; said of `rows`, or of something that rows may be.
    Rows {
        compare: Compare,
        count: f64,
        named: bool,
    },
    Number {
        compare: Compare,
        value: f64,
        percent: bool,
    },
    Between(f64, f64),
    OneOf(Vec<f64>),
    /// `2xx`
    StatusClass(u16),
    /// `name = 0`
    Column {
        name: String,
        compare: Compare,
        value: Operand,
    },
    /// `a = b`
    Same(Vec<String>),
    /// Texts that are printed: all of them, or one.
    Literal {
        texts: Vec<String>,
        all: bool,
        contains: bool,
    },
    /// The one value of a query: `must be logical`.
    Value(String),
    /// Fields of the JSON that is printed.
    Json(Vec<Field>),
    /// So many hexadecimal digits, figures or letters.
    Characters(f64, &'static str),
    Truth(bool),
    /// The status with which it ends.
    Exit {
        compare: Compare,
        value: f64,
    },
    /// Its checks pass, within so many milliseconds.
    Green {
        within: Option<(Compare, f64)>,
    },
    /// A row by the name that stands in it, or a column by its own: `idx_a: 50-200 scans`.
    Named {
        name: String,
        what: Box<What>,
    },
    /// Words that must not be printed.
    Absent(Vec<String>),
    /// Milliseconds.
    Time {
        compare: Compare,
        value: f64,
    },
    Tag(String),
    /// Something is in a state that programs have a word for.
    State {
        words: Vec<String>,
        all: bool,
    },
    /// Something is there at all.
    There,
    /// `name must be x`: a column where there is one of that name.
    Field {
        name: String,
        value: Operand,
        otherwise: Option<Box<What>>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Number(f64),
    Text(String),
}

/// Reads a sentence.
pub(super) fn read(text: &str) -> Option<Wish> {
    let whole = text.trim().trim_end_matches(['.', '!', ';']).trim();
    if let Some(tag) = pattern!(r"^`?(INSERT 0 \d+|(?:UPDATE|DELETE|MERGE|COPY|SELECT) \d+|(?:CREATE|ALTER|DROP|REFRESH|REINDEX|VACUUM|ANALYZE)(?: [A-Z]+)*)`?$").captures(whole) {
        return Some(plain(What::Tag(tag[1].to_owned())));
    }
    let main = without_asides(whole);
    let own = tokens(&main);
    if let Some(wish) = cases::read(&own) {
        return Some(wish);
    }
    read_tokens(&speaking(whole, &main, own))
}

/// What is asked, where its words were told apart.
fn read_tokens(tokens: &[Token]) -> Option<Wish> {
    let tokens = up_to_then(tokens);
    let has = |class: Class| tokens.iter().any(|token| token.is(class));
    // A comparison that is written out as code says all of it.
    let written = of_code(tokens).filter(|_| !has(Class::If));
    if written.is_none() && (has(Class::Hedge) || has(Class::If)) {
        return None;
    }
    let of_rest = || {
        of_named(tokens)
            .or_else(|| of_status_of_end(tokens))
            .or_else(|| of_checks(tokens))
            .or_else(|| of_characters(tokens))
            .or_else(|| of_numbers(tokens))
            .or_else(|| of_words(tokens))
    };
    let what = written
        .or_else(|| of_columns(tokens))
        .or_else(|| {
            let (name, value) = field(tokens)?;
            Some(What::Field {
                name,
                value,
                otherwise: of_rest().map(Box::new),
            })
        })
        .or_else(of_rest)?;
    let lacks = has(Class::None) && matches!(what, What::Literal { .. });
    let negated =
        (negated(tokens) || lacks) && !matches!(what, What::Absent(_) | What::Column { .. });
    let matter = |token: &Token| match token {
        Token::Word(word) => Some(word.clone()),
        Token::Code { text, .. } => Some(text.clone()),
        _ => None,
    };
    let words: Vec<String> = tokens.iter().filter_map(matter).collect();
    let bare = !tokens.iter().any(|token| matches!(token, Token::Word(_)));
    let mut about = stems(&words.join(" "));
    if let What::Literal { texts, .. } = &what {
        about.retain(|stem| !texts.iter().any(|text| stems(text).contains(stem)));
    }
    let is_answered = matches!(&what, What::Number { .. })
        && tokens
            .iter()
            .any(|token| matches!(token, Token::Number(number) if number.is_answered));
    Some(Wish {
        what,
        all: has(Class::All),
        negated,
        http: has(Class::Http) || is_answered,
        about,
        bare,
    })
}

impl Wish {
    /// Each of several texts by itself, so that each has a verdict of its own.
    pub fn apart(self) -> Vec<Self> {
        let each: Vec<What> = match &self.what {
            What::Literal {
                texts,
                all: true,
                contains: true,
            } if !self.negated => {
                let one = |text: &String| What::Literal {
                    texts: vec![text.clone()],
                    all: true,
                    contains: true,
                };
                texts.iter().map(one).collect()
            }
            What::Absent(words) => words
                .iter()
                .map(|word| What::Absent(vec![word.clone()]))
                .collect(),
            _ => Vec::new(),
        };
        match each.len() > 1 {
            true => each
                .into_iter()
                .map(|what| Self {
                    what,
                    ..self.clone()
                })
                .collect(),
            false => vec![self],
        }
    }
}

/// What a text behind a label asks for: a sentence, one word, or an example of what is printed.
pub(super) fn read_label(text: &str) -> Option<Wish> {
    let bare = text.trim().trim_matches(['`', '"']);
    let is_one_word =
        pattern!(r"^[A-Za-z][\w./-]*$").is_match(bare) && classes(&bare.to_lowercase()).is_none();
    if is_one_word {
        return Some(plain(What::Literal {
            texts: vec![bare.to_owned()],
            all: true,
            contains: false,
        }));
    }
    // How long it takes is no output.
    let is_time = |token: &Token| token.number().is_some_and(|number| number.time.is_some());
    read(text).or_else(|| {
        let is_output = sample::is_output(bare) && !tokens(bare).iter().any(is_time);
        is_output.then(|| read_sample(bare)).flatten()
    })
}

/// What a line of a longer example asks for: its words, however they are spaced.
pub(super) fn read_words(line: &str) -> Option<Wish> {
    const ANYTHING: &str = " … ";
    let words: Vec<&str> = line.split_whitespace().collect();
    sample::of_line(&words.join(ANYTHING)).map(plain)
}

/// What an example of the output asks for, line by line.
pub(super) fn read_sample(line: &str) -> Option<Wish> {
    let line = line.trim();
    let item = line
        .strip_prefix(['-', '*', '•'])
        .map_or(line, str::trim_start);
    let item = match item.find(" (").filter(|_| item.ends_with(')')) {
        Some(aside) if aside > 0 => &item[..aside],
        _ => item,
    };
    let answer = pattern!(r"^HTTP/\d(?:\.\d)? \d{3}\b").is_match(item);
    let number = item.parse::<f64>().is_ok();
    match answer || number {
        true => read(item),
        false => sample::of_line(item).map(plain),
    }
}

/// The part of a text that says what must be: not what stands in brackets or behind a dash, but where
/// only that does (`Hit ratio (should be > 95 %)`, `Quicker in the shell – the answer must be …`).
///
/// `own` are the tokens of `main`, the text without its asides.
fn speaking(text: &str, main: &str, own: Vec<Token>) -> Vec<Token> {
    if main.is_empty() {
        return tokens(text);
    }
    let has_modal = |tokens: &[Token]| tokens.iter().any(|token| token.is(Class::Modal));
    let says = |part: &str| has_modal(&tokens(part));
    if has_modal(&own) || main == text || !says(text) {
        return own;
    }
    let dashes = [" — ", " – ", " - "];
    let behind = dashes.iter().filter_map(|dash| text.split_once(dash));
    let aside = pattern!(r"\(([^()]+)\)").captures(text);
    let aside = aside
        .as_ref()
        .and_then(|found| found.get(1))
        .map(|found| found.as_str());
    behind
        .map(|(_, rest)| rest)
        .chain(aside)
        .find(|part| says(part))
        .map_or(own, |part| {
            tokens(&without_asides(part.trim_end_matches([':', '：'])))
        })
}

/// Without the end of a sentence that says only until when it must be so: `before the window opens`.
fn up_to_then(tokens: &[Token]) -> &[Token] {
    let is_told = |token: &Token| {
        matches!(
            token,
            Token::Code { .. } | Token::State(_) | Token::Number(_)
        )
    };
    let told = tokens.iter().rposition(is_told).map_or(0, |last| last + 1);
    let then = tokens[told..]
        .iter()
        .position(|token| token.is(Class::Before));
    match then {
        Some(then) if told > 0 => &tokens[..told + then],
        _ => tokens,
    }
}

/// Whether a text says what to do in a case, or what is waited for.
pub(super) fn is_case(text: &str) -> bool {
    cases::read(&tokens(&without_asides(text))).is_some()
}

/// Whether a text says that something does something.
pub(in crate::runbook) fn has_verb(text: &str) -> bool {
    let verbs = [Class::Modal, Class::Say, Class::Return, Class::Exit];
    let tokens = tokens(text);
    tokens
        .iter()
        .any(|token| verbs.iter().any(|verb| token.is(*verb)))
}

/// Whether a sentence says what is waited for.
pub(in crate::runbook) fn waits(text: &str) -> bool {
    let tokens = tokens(text);
    let first = tokens.iter().find(|token| !token.is(Class::Filler));
    first.is_some_and(|first| first.is(Class::Wait)) && is_case(text)
}

/// Whether a text is about the state of something.
pub(super) fn is_of_state(text: &str) -> bool {
    matches!(
        read(text),
        Some(Wish {
            what: What::State { .. },
            ..
        })
    )
}

/// Whether a sentence says that something must be so, and does not only tell what happens.
pub(in crate::runbook) fn asserts(text: &str) -> bool {
    let text = text.trim();
    let main = without_asides(text);
    let own = tokens(&main);
    if cases::read(&own).is_some() {
        return true;
    }
    let tokens = speaking(text, &main, own);
    let has = |class: Class| tokens.iter().any(|token| token.is(class));
    let answers = |token: &Token| {
        let number = token.number();
        number.is_some_and(|one| {
            one.is_answered || (100.0..600.0).contains(&one.value) && one.time.is_none()
        })
    };
    let is_code = |token: &Token| matches!(token, Token::Code { .. });
    // `The output shows …`, `Two triggers: …`
    let shows = has(Class::Printed) && has(Class::Say) && tokens.iter().any(is_code);
    let counts = matches!(&tokens[..], [Token::Number(number), Token::Word(_), rest @ ..]
        if number.time.is_none() && rest.first().is_none_or(|next| matches!(next, Token::Colon)));
    let runs = has(Class::Run) && has(Class::None) && !literals::trouble(&tokens).is_empty();
    has(Class::Modal)
        || shows
        || counts
        || runs
        || has(Class::Tests) && has(Class::Green)
        || tokens.iter().any(answers)
            && (has(Class::Return)
                || has(Class::Http)
                || tokens
                    .iter()
                    .any(|token| matches!(token, Token::Number(number) if number.is_answered)))
}

fn plain(what: What) -> Wish {
    Wish {
        what,
        all: false,
        negated: false,
        http: false,
        about: BTreeSet::new(),
        bare: true,
    }
}

/// Without what stands in brackets, but for a call: `count(*)`.
fn without_asides(text: &str) -> String {
    let mut out = String::new();
    let mut depth = 0_usize;
    let mut in_code = false;
    for character in text.chars() {
        match character {
            '`' => in_code = !in_code,
            '(' if !in_code && (depth > 0 || out.ends_with(' ') || out.is_empty()) => depth += 1,
            ')' if depth > 0 && !in_code => {
                depth -= 1;
                continue;
            }
            _ => {}
        }
        if depth == 0 {
            out.push(character);
        }
    }
    let out = out.replace("**", "");
    // What comes behind a dash explains.
    let end = [" — ", " – ", " - "]
        .iter()
        .filter_map(|dash| out.find(dash))
        .min();
    out[..end.filter(|end| *end > 0).unwrap_or(out.len())]
        .trim()
        .to_owned()
}

/// `not` before a verb or a number: `should not return 500`, and not `404 Not Found`.
fn negated(tokens: &[Token]) -> bool {
    let number = tokens
        .iter()
        .position(|token| matches!(token, Token::Number { .. } | Token::Code { .. }))
        .unwrap_or(tokens.len());
    tokens[..number].iter().any(|token| token.is(Class::Not))
}

#[cfg(test)]
mod tests;
