//! Sentences about a case: what must not be seen (`If it shows X, stop`), what must be seen before going on
//! (`Proceed only if it shows X`), and what is waited for (`Wait for it to reach X`).

use super::super::lexicon::Class;
use super::tokens::Token;
use super::{What, Wish, plain, read_tokens};

/// Reads the tokens of a sentence without its asides.
pub(super) fn read(tokens: &[Token]) -> Option<Wish> {
    let opens = [Class::If, Class::Wait, Class::Stop, Class::Proceed];
    let first = tokens.iter().position(|token| {
        let is_plain = token.is(Class::Filler) || token.is(Class::And);
        !is_plain || opens.iter().any(|class| token.is(*class))
    })?;
    let has = |class: Class| tokens.iter().any(|token| token.is(class));
    match &tokens[first] {
        _ if has(Class::Or) && !only_between_codes(tokens) => None,
        token if token.is(Class::Wait) => waited_for(&tokens[first + 1..]),
        token if token.is(Class::If) && has(Class::Stop) => {
            let stop = tokens.iter().position(|token| token.is(Class::Stop))?;
            must_not(tokens.get(first + 1..stop)?)
        }
        token if token.is(Class::Stop) || token.is(Class::Proceed) => {
            let case = tokens.iter().position(|token| token.is(Class::If))?;
            let only = tokens[..case].iter().any(|token| token.is(Class::Exact));
            // `Stop the service if …` says what to do.
            let of_matter = tokens[..case]
                .iter()
                .any(|token| matches!(token, Token::Word(_)));
            match token.is(Class::Proceed) {
                _ if of_matter => None,
                true if only => must(&tokens[case + 1..]),
                true => None,
                false => must_not(&tokens[case + 1..]),
            }
        }
        _ => None,
    }
}

fn only_between_codes(tokens: &[Token]) -> bool {
    let is_code = |at: usize| {
        matches!(tokens.get(at), Some(Token::Code { .. } | Token::State(_)))
            || tokens.get(at).is_some_and(|token| token.is(Class::Trouble))
            || matches!(tokens.get(at), Some(Token::Word(word)) if tokens.get(at + 1).is_some_and(|next| next.is(Class::Trouble)) && !word.is_empty())
    };
    (0..tokens.len())
        .filter(|at| tokens[*at].is(Class::Or))
        .all(|at| at > 0 && is_code(at - 1) && is_code(at + 1))
}

/// Texts in code that are no numbers.
fn codes(tokens: &[Token]) -> Vec<String> {
    let text = |token: &Token| match token {
        Token::Code { text, .. } if token.number().is_none() && !text.is_empty() => {
            Some(text.clone())
        }
        _ => None,
    };
    tokens.iter().filter_map(text).collect()
}

fn is_shouted(text: &str) -> bool {
    text.len() > 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// What raises a stop, so that it must not be.
fn must_not(tokens: &[Token]) -> Option<Wish> {
    let has = |class: Class| tokens.iter().any(|token| token.is(class));
    let seen = has(Class::Say) || has(Class::Return) || has(Class::Printed);
    if !seen {
        return None;
    }
    let negative = has(Class::Not) || has(Class::None);
    let texts = codes(tokens);
    let trouble = super::literals::trouble(tokens);
    if !texts.is_empty() && texts.len() <= 4 {
        // A name before the verb is what the case is about.
        let verb = tokens
            .iter()
            .position(|token| token.is(Class::Say) || token.is(Class::Return))
            .unwrap_or(0);
        let behind = codes(&tokens[verb..]);
        let texts = match behind.is_empty() {
            true if !has(Class::Say) => return None,
            true => texts,
            false => behind,
        };
        if !negative && texts.iter().all(|text| is_shouted(text)) {
            return Some(plain(What::Absent(texts)));
        }
        let mut wish = plain(What::Literal {
            texts,
            all: negative,
            contains: true,
        });
        wish.negated = !negative;
        return Some(wish);
    }
    let told = has(Class::Printed) || trouble.iter().all(|word| is_shouted(word));
    if !negative && !trouble.is_empty() && told {
        return Some(plain(What::Absent(trouble)));
    }
    None
}

/// What must be seen before going on.
fn must(tokens: &[Token]) -> Option<Wish> {
    let mut asked = vec![Token::Classed([Class::Modal].into())];
    asked.extend(
        tokens
            .iter()
            .filter(|token| !token.is(Class::Hedge))
            .cloned(),
    );
    let mut wish = read_tokens(&asked)?;
    if let What::Literal { contains, .. } = &mut wish.what {
        *contains = true;
    }
    Some(wish)
}

/// What is waited for; when it is enough (`before going on`) says nothing of it.
fn waited_for(tokens: &[Token]) -> Option<Wish> {
    let is_told = |token: &Token| {
        matches!(token, Token::Code { .. } | Token::State(_)) || token.number().is_some()
    };
    let last = tokens.iter().position(is_told)?;
    let end = tokens[last..]
        .iter()
        .position(|token| token.is(Class::Hedge))
        .map_or(tokens.len(), |at| last + at);
    let told = &tokens[..end];
    // `Wait for 5 minutes` waits for nothing that is seen.
    let is_time = told
        .iter()
        .any(|token| token.number().is_some_and(|number| number.time.is_some()));
    let wish = must(told).filter(|_| !is_time)?;
    match wish.what {
        // A name alone is what is waited on: `Wait for `app` to start`.
        What::Literal { .. } => {
            let verb = told[..last].iter().any(|token| {
                token.is(Class::Say) || token.is(Class::Return) || token.is(Class::Wait)
            });
            verb.then_some(wish)
        }
        _ => Some(wish),
    }
}
