//! A sentence that says what must be true, read into what it asks for. A grammar over words, numbers
//! and comparisons: what it does not read for certain, or what cannot be measured, is left to a person.

mod literals;
mod numbers;
mod sample;
mod tokens;

use std::collections::BTreeSet;

pub(super) use sample::{Field, fixed_parts, is_whole};

use super::lexicon::{Class, classes, stems};
use crate::runbook::pattern::pattern;
use literals::of_words;
use numbers::{of_characters, of_checks, of_named, of_numbers, of_status_of_end};
use tokens::{Token, compare_of, tokens};

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
    let tokens = tokens(match main.is_empty() {
        true => whole,
        false => &main,
    });
    let has = |class: Class| tokens.iter().any(|token| token.is(class));
    if has(Class::Hedge) {
        return None;
    }
    let what = of_columns(&tokens)
        .or_else(|| of_named(&tokens))
        .or_else(|| of_status_of_end(&tokens))
        .or_else(|| of_checks(&tokens))
        .or_else(|| of_characters(&tokens))
        .or_else(|| of_numbers(&tokens))
        .or_else(|| of_words(&tokens))?;
    let lacks = has(Class::None) && matches!(what, What::Literal { .. });
    let negated =
        (negated(&tokens) || lacks) && !matches!(what, What::Absent(_) | What::Column { .. });
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
    read(text).or_else(|| {
        let is_output = sample::is_output(bare);
        is_output.then(|| read_sample(bare)).flatten()
    })
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

/// Whether a sentence says that something must be so, and does not only tell what happens.
pub(in crate::runbook) fn asserts(text: &str) -> bool {
    let tokens = tokens(&without_asides(text.trim()));
    let has = |class: Class| tokens.iter().any(|token| token.is(class));
    let answers = |token: &Token| {
        let number = token.number();
        number.is_some_and(|one| {
            one.is_answered || (100.0..600.0).contains(&one.value) && one.time.is_none()
        })
    };
    has(Class::Modal)
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

/// `late = 0`, `` `indisvalid` = `t` ``, `a = b = c`.
fn of_columns(tokens: &[Token]) -> Option<What> {
    if let [Token::Code { text, .. }, ..] = tokens
        && let Some(what) = column_in_code(text)
    {
        let rest = tokens[1..].iter();
        let free = rest
            .filter(|token| {
                matches!(token, Token::Number(_) | Token::Code { .. }) || token.is(Class::Or)
            })
            .count();
        return (free == 0).then_some(what);
    }
    let name = |token: &Token| match token {
        Token::Code { text, .. } if is_name(text) => Some(text.clone()),
        Token::Word(word) if is_name(word) => Some(word.clone()),
        _ => None,
    };
    let [first, Token::Compare(compare), rest @ ..] = tokens else {
        return None;
    };
    let first = name(first)?;
    match rest {
        [Token::Number(number)] if number.time.is_none() => Some(What::Column {
            name: first,
            compare: *compare,
            value: Operand::Number(number.value),
        }),
        [Token::Classed(classes)] if classes.contains(&Class::True) => Some(truth(first, true)),
        [Token::Classed(classes)] if classes.contains(&Class::False) => Some(truth(first, false)),
        [Token::Code { text, quoted }] if *quoted || !is_name(text) || text.len() == 1 => {
            Some(What::Column {
                name: first,
                compare: *compare,
                value: Operand::Text(text.clone()),
            })
        }
        _ if *compare == Compare::Equal => {
            let mut names = vec![first];
            let mut rest = rest.iter();
            loop {
                names.push(name(rest.next()?)?);
                match rest.next() {
                    None => return Some(What::Same(names)),
                    Some(Token::Compare(Compare::Equal)) => {}
                    Some(_) => return None,
                }
            }
        }
        _ => None,
    }
}

fn truth(name: String, is_true: bool) -> What {
    What::Column {
        name,
        compare: Compare::Equal,
        value: Operand::Text(if is_true { "t" } else { "f" }.to_owned()),
    }
}

fn column_in_code(code: &str) -> Option<What> {
    let found = pattern!(
        r#"(?x)^(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*(?P<op><=|>=|==|!=|<>|=|<|>|:)\s*
        (?:(?P<number>-?\d+(?:\.\d+)?)|(?P<truth>true|false|t|f)\b|'(?P<text>[^']*)'|"(?P<quoted>[^"]*)"|(?P<bare>[A-Za-z][\w-]*))$"#
    )
    .captures(code)?;
    let value = match (found.name("number"), found.name("truth")) {
        (Some(number), _) => Operand::Number(number.as_str().parse().ok()?),
        (None, Some(truth)) => Operand::Text(truth.as_str()[..1].to_owned()),
        (None, None) => {
            let text = ["text", "quoted", "bare"]
                .iter()
                .find_map(|name| found.name(name))?;
            Operand::Text(text.as_str().to_owned())
        }
    };
    Some(What::Column {
        name: found["name"].to_owned(),
        compare: compare_of(&found["op"]),
        value,
    })
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests;
