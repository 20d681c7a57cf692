//! Sentences without numbers: what is printed, and what must not be.

use super::super::lexicon::Class;
use super::tokens::Token;
use super::{Compare, What, fixed_parts, is_name, is_whole, sample};
use crate::runbook::pattern::pattern;

/// The words of trouble that a sentence names, as it writes them.
pub(super) fn trouble(tokens: &[Token]) -> Vec<String> {
    tokens
        .windows(2)
        .filter_map(|pair| match pair {
            [Token::Word(word), second] if second.is(Class::Trouble) => Some(word.clone()),
            _ => None,
        })
        .collect()
}

/// Sentences without numbers.
pub(super) fn of_words(tokens: &[Token]) -> Option<What> {
    let has = |class: Class| tokens.iter().any(|token| token.is(class));
    let is_matter = |token: &&Token| matches!(token, Token::Word(_)) || token.is(Class::Or);
    let trouble = trouble(tokens);
    if has(Class::None) && !trouble.is_empty() && has(Class::Run) && !has(Class::Printed) {
        return Some(What::Exit {
            compare: Compare::Equal,
            value: 0.0,
        });
    }
    if has(Class::None) && !trouble.is_empty() {
        // `No unexpected errors`: which ones are expected?
        let rest = tokens.iter().filter(is_matter).count() - trouble.len();
        let known = tokens.iter().any(|token| token.is(Class::Printed)) || rest == 0;
        return known.then_some(What::Absent(trouble));
    }
    if has(Class::None) && has(Class::Row) {
        return Some(What::Rows {
            compare: Compare::Equal,
            count: 0.0,
            named: !tokens.iter().any(|token| matches!(token, Token::Word(_))),
        });
    }
    let free = tokens.iter().filter(is_matter).count();
    let refused = has(Class::None) || has(Class::Not);
    if let Some(what) = of_states(tokens).filter(|_| !refused && free <= 2) {
        return Some(what);
    }
    if has(Class::There)
        && free > 0
        && !refused
        && !tokens
            .iter()
            .any(|token| matches!(token, Token::Code { .. }))
    {
        return Some(What::There);
    }
    if has(Class::Empty) && free == 0 {
        return Some(What::Rows {
            compare: Compare::Equal,
            count: 0.0,
            named: true,
        });
    }
    if let Some(what) = of_literals(tokens, free) {
        return what;
    }
    if free > 0 {
        // `PONG`, `t`
        return match tokens {
            [.., Token::Word(word)] if free == 1 && matches!(word.as_str(), "t" | "f") => {
                Some(What::Truth(word == "t"))
            }
            [.., Token::Word(word)] if free == 1 && is_shouted(word) => {
                Some(literal(word, has(Class::Say)))
            }
            [.., before, Token::Word(word)]
                if free == 1 && has(Class::Modal) && before.is(Class::Return) =>
            {
                Some(What::Value(word.clone()))
            }
            _ => {
                // The name of something that is printed, among words.
                let mut names = tokens.iter().filter_map(|token| match token {
                    Token::Word(word) if word.contains('_') && is_name(word) => Some(word),
                    _ => None,
                });
                let (Some(name), None) = (names.next(), names.next()) else {
                    return None;
                };
                (has(Class::Say) && has(Class::Modal) && free <= 2).then(|| literal(name, true))
            }
        };
    }
    match (has(Class::True), has(Class::False)) {
        (true, false) => Some(What::Truth(true)),
        (false, true) => Some(What::Truth(false)),
        _ => None,
    }
}

pub(super) fn literal(text: &str, contains: bool) -> What {
    What::Literal {
        texts: vec![text.to_owned()],
        all: true,
        contains,
    }
}

/// States by the words that programs have for them.
fn of_states(tokens: &[Token]) -> Option<What> {
    let words: Vec<String> = tokens
        .iter()
        .filter_map(|token| match token {
            Token::State(word) => Some(word.clone()),
            _ => None,
        })
        .collect();
    let coded = tokens
        .iter()
        .any(|token| matches!(token, Token::Code { .. }));
    let all = !tokens.iter().any(|token| token.is(Class::Or));
    // That each of several is so, the word alone does not say.
    let of_each = tokens.iter().any(|token| token.is(Class::All));
    (!words.is_empty() && !coded && !of_each).then_some(What::State { words, all })
}

/// Texts in code or quotes, where they are what is printed; `None` where there are none.
fn of_literals(tokens: &[Token], free: usize) -> Option<Option<What>> {
    let has = |class: Class| tokens.iter().any(|token| token.is(class));
    // What stands before the verb is what is spoken of, where something stands behind it.
    let verb = tokens.iter().position(|token| {
        token.is(Class::Modal) || token.is(Class::Say) || token.is(Class::Return)
    });
    let places = candidates(tokens, verb, free == 0 && !has(Class::Say))?;
    if places.is_empty() {
        return Some(None);
    }
    let (first, last) = (*places.first()?, *places.last()?);
    let texts: Vec<String> = places
        .iter()
        .filter_map(|at| match &tokens[*at] {
            Token::Code { text, .. } => Some(text.clone()),
            _ => None,
        })
        .collect();
    // What is printed, and not the name of what must be so.
    let says = has(Class::Say);
    let before = first.checked_sub(1).map(|before| &tokens[before]);
    let gives = has(Class::Modal)
        && !has(Class::All)
        && before.is_some_and(|before| before.is(Class::Return) || before.is(Class::Modal));
    // A name before the verb is what is spoken of.
    let is_behind = verb.is_some_and(|verb| first > verb);
    let shown = has(Class::Modal)
        && (says || is_behind && has(Class::Printed) || texts.iter().all(|text| is_setting(text)));
    // `must not be run on …` says what is done.
    let does = has(Class::Run) || has(Class::Stop) || has(Class::Proceed);
    let is_output = says && first > 0 || free == 0 && !does || gives || shown;
    let among = &tokens[first..last];
    let joined = among
        .iter()
        .all(|token| !matches!(token, Token::Word(_) | Token::Compare(_)));
    let either = among.iter().any(|token| token.is(Class::Or));
    // Another possibility than those in code is not known.
    let ors = tokens.iter().filter(|token| token.is(Class::Or)).count();
    let ors_among = among.iter().filter(|token| token.is(Class::Or)).count();
    let is_short = texts.len() <= 4 && texts.iter().all(|text| text.chars().count() <= 120);
    if !is_output || !joined || !is_short || ors > ors_among {
        return Some(None);
    }
    if let [text] = texts.as_slice()
        && let Some(json) = sample::of_json(text)
    {
        return Some(Some(json));
    }
    // Of what is another each time something has to stay.
    let says_nothing = |text: &String| !is_whole(text) && fixed_parts(text).is_empty();
    if texts
        .iter()
        .any(|text| text.is_empty() || says_nothing(text))
    {
        return Some(None);
    }
    Some(Some(What::Literal {
        texts,
        all: !either,
        contains: says || shown,
    }))
}

/// The texts in code that may be what is printed: not where something is, and before the verb only what it
/// speaks of. `None` where there is no code at all.
fn candidates(tokens: &[Token], verb: Option<usize>, all: bool) -> Option<Vec<usize>> {
    let is_filler = |token: &&Token| token.is(Class::Filler);
    let is_place = |at: usize| {
        let mut before = tokens[..at].iter().rev().take_while(is_filler);
        before.any(|token| token.is(Class::Place))
    };
    let codes: Vec<usize> = (0..tokens.len())
        .filter(|at| matches!(tokens[*at], Token::Code { .. }))
        .collect();
    if codes.is_empty() {
        return None;
    }
    let places: Vec<usize> = codes.into_iter().filter(|at| !is_place(*at)).collect();
    let behind: Vec<usize> = places
        .iter()
        .copied()
        .filter(|at| verb.is_some_and(|verb| *at > verb))
        .collect();
    if !behind.is_empty() {
        return Some(if all { places } else { behind });
    }
    // `X should appear`, and not `Open X, the page should appear`.
    let between = |last: usize| tokens.get(last + 1..verb.unwrap_or(last + 1));
    let speaks = places.last().and_then(|last| between(*last));
    let apart =
        speaks.is_some_and(|between| between.iter().any(|token| matches!(token, Token::Word(_))));
    Some(if apart { Vec::new() } else { places })
}

/// `key=value`
fn is_setting(text: &str) -> bool {
    pattern!(r"^[\w.-]+=[\w.-]+$").is_match(text)
}

fn is_shouted(word: &str) -> bool {
    word.len() > 1
        && word
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}
