//! What the words of an expectation mean, whatever the language. They stand in a data file.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

/// What a word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Class {
    /// `should`
    Modal,
    /// `return`, `be`: says nothing by itself.
    Return,
    /// `contains`
    Say,
    Exact,
    About,
    Least,
    Most,
    More,
    Less,
    /// It cannot be measured: `near`, `similar`.
    Hedge,
    None,
    Empty,
    Not,
    All,
    Row,
    Http,
    /// `error`
    Trouble,
    /// `output`
    Printed,
    True,
    False,
    Filler,
}

impl Class {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "modal" => Self::Modal,
            "return" => Self::Return,
            "say" => Self::Say,
            "exact" => Self::Exact,
            "about" => Self::About,
            "least" => Self::Least,
            "most" => Self::Most,
            "more" => Self::More,
            "less" => Self::Less,
            "hedge" => Self::Hedge,
            "none" => Self::None,
            "empty" => Self::Empty,
            "not" => Self::Not,
            "all" => Self::All,
            "row" => Self::Row,
            "http" => Self::Http,
            "trouble" => Self::Trouble,
            "printed" => Self::Printed,
            "true" => Self::True,
            "false" => Self::False,
            "filler" => Self::Filler,
            _ => return None,
        })
    }
}

/// Words of the longest phrase.
pub(super) const LONGEST: usize = 3;

static WORDS: LazyLock<HashMap<String, BTreeSet<Class>>> = LazyLock::new(|| {
    let mut words: HashMap<String, BTreeSet<Class>> = HashMap::new();
    for line in include_str!("../words/expectations.txt").lines() {
        let mut fields = line.split_whitespace();
        if let (Some(class), Some(_language)) =
            (fields.next().and_then(Class::named), fields.next())
        {
            for word in fields {
                let phrase = word.replace('_', " ");
                words.entry(phrase).or_default().insert(class);
            }
        }
    }
    words
});

/// What a word or a phrase in lower case means; nothing where it is a word of the matter itself.
pub(super) fn classes(phrase: &str) -> Option<&'static BTreeSet<Class>> {
    WORDS.get(phrase)
}

/// The words of a matter without their endings, as they are compared: `queries` and `query_count` share
/// one.
pub(super) fn stems(text: &str) -> BTreeSet<String> {
    text.to_lowercase()
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| word.chars().count() > 2 && !word.chars().all(|one| one.is_ascii_digit()))
        .filter(|word| {
            let plain = [
                Class::Filler,
                Class::Return,
                Class::Modal,
                Class::All,
                Class::None,
            ];
            !classes(word).is_some_and(|known| known.iter().all(|class| plain.contains(class)))
        })
        .map(stem)
        .collect()
}

fn stem(word: &str) -> String {
    let mut word = word;
    for (ending, least) in [
        ("ies", 5),
        ("ing", 6),
        ("es", 6),
        ("ed", 6),
        ("s", 4),
        ("y", 5),
        ("e", 5),
    ] {
        if word.len() >= least
            && let Some(rest) = word.strip_suffix(ending)
        {
            word = rest;
            break;
        }
    }
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_the_words_is_of_a_known_class() {
        for line in include_str!("../words/expectations.txt").lines() {
            let mut fields = line.split_whitespace();
            let Some(class) = fields.next().filter(|class| !class.starts_with('#')) else {
                continue;
            };
            assert!(Class::named(class).is_some(), "{line}");
            assert!(fields.count() > 1, "{line}");
            let longest = line
                .split_whitespace()
                .map(|word| word.matches('_').count() + 1);
            assert!(longest.max() <= Some(LONGEST), "{line}");
        }
    }

    #[test]
    fn forms_of_a_word_share_a_stem() {
        assert_eq!(stems("queries created"), stems("query create"));
        assert!(stems("endpoints").is_subset(&stems("api/endpoint/x")));
        assert!(stems("it should return 0").is_empty());
    }
}
