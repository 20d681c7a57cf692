//! Sentences with numbers: what is counted, compared, timed, and the status of a command's end.

use super::super::lexicon::Class;
use super::literals::trouble;
use super::tokens::{Number, Token};
use super::{Compare, What, is_name};

/// Sentences with numbers.
pub(super) fn of_numbers(tokens: &[Token]) -> Option<What> {
    if let Some(class) = tokens.iter().find_map(|token| match token {
        Token::StatusClass(class) => Some(*class),
        _ => None,
    }) {
        return Some(What::StatusClass(class));
    }
    let numbers: Vec<usize> = (0..tokens.len())
        .filter(|at| tokens[*at].number().is_some())
        .collect();
    let number = |at: usize| tokens[at].number();
    let value = |at: usize| number(at).map_or(f64::NAN, |number| number.value);
    let first = number(*numbers.first()?)?;
    match numbers.as_slice() {
        _ if first.ratio => None,
        [at] => of_one_number(tokens, *at, first),
        [low, high]
            if low + 1 < *high
                && tokens[low + 1..*high]
                    .iter()
                    .all(|token| matches!(token, Token::Dash) || token.is(Class::Range)) =>
        {
            let plain = number(*high).is_some_and(|high| high.time.is_none() && !high.ratio);
            (first.time.is_none() && plain).then(|| What::Between(value(*low), value(*high)))
        }
        many => {
            let is_or = |between: &[Token]| matches!(between, [token] if token.is(Class::Or));
            let joined = many
                .windows(2)
                .all(|pair| is_or(&tokens[pair[0] + 1..pair[1]]));
            joined.then(|| What::OneOf(many.iter().map(|at| value(*at)).collect()))
        }
    }
}

fn of_one_number(tokens: &[Token], at: usize, number: Number) -> Option<What> {
    let compare = compare_before(tokens, at);
    if let Some(time) = number.time
        && !(number.is_answered && compare == Compare::Equal)
    {
        return Some(What::Time {
            compare,
            value: time,
        });
    }
    // Only what stands right behind the number is what is counted.
    let counted = tokens
        .iter()
        .skip(at + 1)
        .find(|token| !token.is(Class::Exact));
    if counted.is_some_and(|token| token.is(Class::Row)) {
        return Some(What::Rows {
            compare,
            count: number.value,
            named: true,
        });
    }
    let trouble = trouble(tokens);
    if number.value == 0.0 && compare == Compare::Equal && !trouble.is_empty() {
        return Some(What::Absent(trouble));
    }
    Some(What::Number {
        compare,
        value: number.value,
        percent: number.percent,
    })
}

/// `` `idx_a`: 50-200 scans ``
pub(super) fn of_named(tokens: &[Token]) -> Option<What> {
    let [first, Token::Colon | Token::Dash, rest @ ..] = tokens else {
        return None;
    };
    let name = match first {
        Token::Code { text, .. } if is_name(text) => text,
        Token::Word(word) if is_name(word) && word.contains('_') => word,
        _ => return None,
    };
    let what = of_numbers(rest)?;
    let is_value = matches!(what, What::Number { .. } | What::Between(..));
    is_value.then(|| What::Named {
        name: name.clone(),
        what: Box::new(what),
    })
}

/// `Both must exit 0`
pub(super) fn of_status_of_end(tokens: &[Token]) -> Option<What> {
    let at = tokens.iter().position(|token| token.is(Class::Exit))?;
    let mut numbers = (0..tokens.len()).filter(|at| tokens[*at].number().is_some());
    let (Some(number), None) = (numbers.next(), numbers.next()) else {
        return None;
    };
    let value = tokens[number].number()?.value;
    (number > at && (0.0..256.0).contains(&value)).then(|| What::Exit {
        compare: compare_before(tokens, number),
        value,
    })
}

/// `All tests must pass within 10 s`
pub(super) fn of_checks(tokens: &[Token]) -> Option<What> {
    let has = |class: Class| tokens.iter().any(|token| token.is(class));
    let is_matter = |token: &&Token| matches!(token, Token::Word(_)) || token.is(Class::Or);
    let free = tokens.iter().filter(is_matter).count();
    let says = has(Class::All) || has(Class::Modal);
    if !(has(Class::Tests) && has(Class::Green) && says)
        || has(Class::Not)
        || has(Class::None)
        || free > 2
    {
        return None;
    }
    let timed = (0..tokens.len()).find_map(|at| Some((at, tokens[at].number()?.time?)));
    let within = timed.map(|(at, time)| (compare_before(tokens, at), time));
    let bounded =
        within.is_none_or(|(compare, _)| matches!(compare, Compare::Less | Compare::AtMost));
    bounded.then_some(What::Green { within })
}

/// `32 hex characters`
pub(super) fn of_characters(tokens: &[Token]) -> Option<What> {
    let (at, number) = (0..tokens.len()).find_map(|at| Some((at, tokens[at].number()?)))?;
    let behind = tokens.get(at + 1)?;
    let after = tokens.get(at + 2);
    let class = match () {
        () if behind.is(Class::Hex) => "[0-9a-f]",
        () if behind.is(Class::Digit) => "[0-9]",
        () if behind.is(Class::Letter)
            && !after.is_some_and(|token| matches!(token, Token::Word(_))) =>
        {
            "\\S"
        }
        () => return None,
    };
    let is_count = number.value.fract() == 0.0 && (1.0..=4096.0).contains(&number.value);
    (is_count && number.time.is_none()).then_some(What::Characters(number.value, class))
}

/// The comparison that stands before the token at this place, words of no matter between them.
fn compare_before(tokens: &[Token], at: usize) -> Compare {
    for token in tokens[..at].iter().rev() {
        match token {
            Token::Compare(compare) => return *compare,
            Token::Classed(classes) => {
                let found = classes.iter().find_map(|class| compare_word(*class));
                if let Some(compare) = found {
                    return compare;
                }
            }
            Token::Dash | Token::Colon => {}
            _ => break,
        }
    }
    // `3 or more`, `5 maximum`.
    let behind = tokens.get(at + 1).and_then(|token| match token {
        Token::Classed(classes) => classes.iter().find_map(|class| match class {
            Class::Least => Some(Compare::AtLeast),
            Class::Most => Some(Compare::AtMost),
            _ => None,
        }),
        _ => None,
    });
    behind.unwrap_or(Compare::Equal)
}

fn compare_word(class: Class) -> Option<Compare> {
    Some(match class {
        Class::About => Compare::About,
        Class::Least => Compare::AtLeast,
        Class::Most => Compare::AtMost,
        Class::More => Compare::More,
        Class::Less => Compare::Less,
        _ => return None,
    })
}
