//! What a pane that lists things is filtered by: words that all must be found in a row. A word is a regular
//! expression over every column, or over one (`user:anna`); `!word` must not be found; `>5s` is the least
//! time that a row takes.

use std::borrow::Cow;

use regex::{Regex, RegexBuilder};

use crate::text::duration::parse_ms;

/// Bytes that one compiled word may take.
const SIZE: usize = 1 << 18;

#[derive(Clone, Debug, Default)]
pub struct Filter {
    text: String,
    words: Vec<Word>,
}

#[derive(Clone, Debug)]
enum Word {
    Takes(i64),
    Found {
        negated: bool,
        /// The column it names, and what is looked for there.
        of_column: Option<(String, Regex)>,
        anywhere: Regex,
    },
}

impl Filter {
    pub fn new(text: &str) -> Self {
        Self {
            text: text.trim().to_owned(),
            words: text.split_whitespace().filter_map(Word::read).collect(),
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether a row stays; `text` gives what stands in a column, which is read only as far as it is asked for.
    pub fn takes<'a>(
        &self,
        takes_ms: Option<i64>,
        titles: &[&str],
        text: impl Fn(usize) -> Option<Cow<'a, str>>,
    ) -> bool {
        let found = |expression: &Regex, column: usize| {
            text(column).is_some_and(|text| expression.is_match(&text))
        };
        self.words.iter().all(|word| match word {
            Word::Takes(least) => takes_ms.is_some_and(|takes| takes >= *least),
            Word::Found {
                negated,
                of_column,
                anywhere,
            } => {
                let named = of_column.as_ref().and_then(|(name, within)| {
                    let column = titles.iter().position(|title| title == name)?;
                    Some((column, within))
                });
                let found = match named {
                    Some((column, within)) => found(within, column),
                    None => (0..titles.len()).any(|column| found(anywhere, column)),
                };
                found != *negated
            }
        })
    }
}

impl Word {
    /// `None`: nothing of it is written yet.
    fn read(word: &str) -> Option<Self> {
        if let Some(least) = word.strip_prefix('>') {
            return match parse_ms(least) {
                Some(least) => Some(Self::Takes(i64::try_from(least).unwrap_or(i64::MAX))),
                None if least.is_empty() => None,
                None => Some(Self::found(word, false)),
            };
        }
        match word.strip_prefix('!') {
            Some("") => None,
            Some(rest) => Some(Self::found(rest, true)),
            None => Some(Self::found(word, false)),
        }
    }

    fn found(word: &str, negated: bool) -> Self {
        let of_column = word
            .split_once(':')
            .filter(|(name, _)| !name.is_empty())
            .map(|(name, rest)| (name.to_lowercase(), expression(rest)));
        Self::Found {
            negated,
            of_column,
            anywhere: expression(word),
        }
    }
}

/// A word in the middle of being written is no expression yet: it is looked for as it stands.
fn expression(word: &str) -> Regex {
    let compile = |expression: &str| {
        RegexBuilder::new(expression)
            .case_insensitive(true)
            .size_limit(SIZE)
            .dfa_size_limit(SIZE)
            .build()
    };
    compile(word)
        .or_else(|_| compile(&regex::escape(word)))
        .unwrap_or_else(|_| nothing())
}

/// Found nowhere: a word that is too long even as it stands.
fn nothing() -> Regex {
    static NOTHING: std::sync::LazyLock<Regex> = std::sync::LazyLock::new(|| {
        #[expect(clippy::expect_used, reason = "a constant")]
        Regex::new(r"[^\s\S]").expect("an empty class is an expression")
    });
    NOTHING.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TITLES: [&str; 3] = ["user", "application", "query"];
    const ROW: [&str; 3] = ["anna", "gonogo:r1:move", "SELECT * FROM audits"];

    fn takes(filter: &str) -> bool {
        Filter::new(filter).takes(Some(4_000), &TITLES, |column| Some(ROW[column].into()))
    }

    #[test]
    fn every_word_must_be_found_somewhere() {
        assert!(takes("") && takes("anna") && takes("ANNA audits"));
        assert!(!takes("anna bob"));
        assert!(takes("^select") && !takes("^audits"));
        assert!(takes("!bob") && !takes("!anna"));
    }

    #[test]
    fn a_word_may_name_its_column() {
        assert!(takes("user:anna") && !takes("user:audits"));
        assert!(takes("gonogo:r1"), "no column is called so");
        assert!(!takes("!user:anna"));
    }

    #[test]
    fn the_least_time_is_a_word_of_its_own() {
        assert!(takes(">4s") && !takes(">5s") && takes(">200ms anna"));
        assert!(takes(">"), "a number is still to come");
    }

    #[test]
    fn what_is_no_expression_yet_is_looked_for_as_it_stands() {
        assert!(!takes("("));
        assert!(takes("* from") && takes("[*]"));
        assert!(!takes(&"(a{1000}){1000}".repeat(9)));
    }
}
