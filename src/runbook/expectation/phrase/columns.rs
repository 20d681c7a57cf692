//! Sentences that name a column and its value, or columns that hold the same.

use super::super::lexicon::Class;
use super::tokens::{Token, compare_of};
use super::{Compare, Operand, What};
use crate::runbook::pattern::pattern;

/// `` `late = 0` for the last run ``
pub(super) fn of_code(tokens: &[Token]) -> Option<What> {
    let [Token::Code { text, .. }, rest @ ..] = tokens else {
        return None;
    };
    let more = rest
        .iter()
        .any(|token| matches!(token, Token::Number(_) | Token::Code { .. }) || token.is(Class::Or));
    column_in_code(text).filter(|_| !more)
}

/// `rowsecurity must be 'true'`
pub(super) fn field(tokens: &[Token]) -> Option<(String, Operand)> {
    let [first, between @ .., last] = tokens else {
        return None;
    };
    let name = match first {
        Token::Code { text, .. } | Token::Word(text) if is_name(text) => text,
        _ => return None,
    };
    let plain = [Class::Modal, Class::Return, Class::Exact, Class::Filler];
    let is_plain =
        |token: &Token| plain.iter().any(|class| token.is(*class)) && !token.is(Class::Not);
    let says = between
        .iter()
        .any(|token| token.is(Class::Modal) || token.is(Class::Return));
    if !says || !between.iter().all(is_plain) {
        return None;
    }
    let value = match last {
        Token::Number(number) if number.time.is_none() && !number.percent => {
            Operand::Number(number.value)
        }
        Token::Code { text, .. } => match text.as_str() {
            "true" | "false" => Operand::Text(text[..1].to_owned()),
            text => text
                .parse()
                .map_or_else(|_| Operand::Text(text.to_owned()), Operand::Number),
        },
        token if token.is(Class::True) => Operand::Text("t".to_owned()),
        token if token.is(Class::False) => Operand::Text("f".to_owned()),
        _ => return None,
    };
    Some((name.clone(), value))
}

/// `late = 0`, `` `indisvalid` = `t` ``, `a = b = c`.
pub(super) fn of_columns(tokens: &[Token]) -> Option<What> {
    if let [Token::Code { text, .. }, ..] = tokens
        && column_in_code(text).is_some()
    {
        return of_code(tokens);
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

pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
