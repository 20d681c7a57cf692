//! What the words of an expectation mean, whatever the language. They stand in the table of words.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::LazyLock;

use crate::runbook::words::{is_written_without_blanks, phrases};

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
    /// `50 to 200`
    Range,
    /// It cannot be measured: `near`, `similar`.
    Hedge,
    None,
    Empty,
    Not,
    All,
    Row,
    Http,
    /// The status with which a command ends.
    Exit,
    /// A command that checks.
    Tests,
    /// A check that found nothing wrong.
    Green,
    /// `error`
    Trouble,
    /// `output`
    Printed,
    True,
    False,
    Filler,
    Or,
    And,
    Hex,
    Digit,
    Letter,
    /// The head of a column that says what must be.
    Goal,
    /// `if`: what follows is a case.
    If,
    /// Do not go on.
    Stop,
    /// Go on.
    Proceed,
    /// It is waited for.
    Wait,
    /// A command does what it has to do.
    Run,
    /// Something is there.
    There,
    /// What follows says only until when.
    Before,
    /// What follows is where something is.
    Place,
}

const NAMES: [(Class, &str); 38] = [
    (Class::Modal, "expect-modal"),
    (Class::Return, "expect-return"),
    (Class::Say, "expect-say"),
    (Class::Exact, "expect-exact"),
    (Class::About, "expect-about"),
    (Class::Least, "expect-least"),
    (Class::Most, "expect-most"),
    (Class::More, "expect-more"),
    (Class::Less, "expect-less"),
    (Class::Range, "expect-range"),
    (Class::Hedge, "expect-hedge"),
    (Class::None, "expect-none"),
    (Class::Empty, "expect-empty"),
    (Class::Not, "expect-not"),
    (Class::All, "expect-all"),
    (Class::Row, "expect-row"),
    (Class::Http, "expect-http"),
    (Class::Exit, "expect-exit"),
    (Class::Tests, "expect-tests"),
    (Class::Green, "expect-green"),
    (Class::Trouble, "expect-trouble"),
    (Class::Printed, "expect-printed"),
    (Class::True, "expect-true"),
    (Class::False, "expect-false"),
    (Class::Filler, "expect-filler"),
    (Class::Or, "expect-or"),
    (Class::And, "expect-and"),
    (Class::Hex, "expect-hex"),
    (Class::Digit, "expect-digit"),
    (Class::Letter, "expect-letter"),
    (Class::If, "expect-if"),
    (Class::Stop, "expect-stop"),
    (Class::Proceed, "expect-proceed"),
    (Class::Wait, "expect-wait"),
    (Class::Run, "expect-run"),
    (Class::There, "expect-there"),
    (Class::Before, "expect-before"),
    (Class::Place, "expect-place"),
];
const NUMBERS: [(f64, &str); 6] = [
    (1.0, "number-1"),
    (2.0, "number-2"),
    (3.0, "number-3"),
    (4.0, "number-4"),
    (5.0, "number-5"),
    (6.0, "number-6"),
];
const GOAL: (Class, &str) = (Class::Goal, "expect-goal");

/// Words of the longest phrase.
pub(super) const LONGEST: usize = 3;
/// Letters of the longest phrase of a language without blanks between its words.
const LONGEST_RUN: usize = 8;

static WORDS: LazyLock<HashMap<&'static str, BTreeSet<Class>>> = LazyLock::new(|| {
    let mut words: HashMap<&str, BTreeSet<Class>> = HashMap::new();
    for (class, name) in NAMES {
        for phrase in phrases(name) {
            words.entry(phrase).or_default().insert(class);
        }
    }
    words
});

/// The first words of phrases of several.
static OPENINGS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let openings = WORDS.keys().filter_map(|phrase| phrase.split_once(' '));
    openings.map(|(first, _)| first).collect()
});

static NUMBER_WORDS: LazyLock<HashMap<&'static str, f64>> = LazyLock::new(|| {
    let of = |(value, name): (f64, &'static str)| phrases(name).map(move |word| (word, value));
    // The first of two that share a word has it.
    NUMBERS.into_iter().rev().flat_map(of).collect()
});

static GOALS: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| phrases(GOAL.1).collect());

/// What a word or a phrase in lower case means; nothing where it is a word of the matter itself.
pub(super) fn classes(phrase: &str) -> Option<&'static BTreeSet<Class>> {
    WORDS.get(phrase)
}

/// Whether a word in lower case may be the first of a phrase of several.
pub(super) fn opens_phrase(word: &str) -> bool {
    OPENINGS.contains(word)
}

/// A small number that is written as a word.
pub(super) fn number_word(word: &str) -> Option<f64> {
    NUMBER_WORDS.get(word).copied()
}

pub(super) fn is(word: &str, class: Class) -> bool {
    classes(&word.to_lowercase()).is_some_and(|known| known.contains(&class))
}

/// Whether a column with this head says what must be.
pub(in crate::runbook) fn is_goal(head: &str) -> bool {
    GOALS.contains(
        head.trim()
            .trim_matches(['*', ':', '`'])
            .to_lowercase()
            .as_str(),
    )
}

/// A word cut where its script changes, and each run of letters of a language without blanks into the
/// phrases that are known; what lies between them stays together.
pub(super) fn pieces(word: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = word;
    while let Some(first) = rest.chars().next() {
        let runs_on = is_written_without_blanks(first);
        let end = rest
            .find(|letter| is_written_without_blanks(letter) != runs_on)
            .unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        match runs_on {
            true => cut_run(run, &mut pieces),
            false => pieces.push(run),
        }
        rest = after;
    }
    pieces
}

fn cut_run<'a>(run: &'a str, pieces: &mut Vec<&'a str>) {
    let mut unknown = 0;
    let mut at = 0;
    while at < run.len() {
        let rest = &run[at..];
        let ends = rest
            .char_indices()
            .map(|(index, letter)| index + letter.len_utf8());
        let known = ends
            .take(LONGEST_RUN)
            .filter(|end| classes(&rest[..*end]).is_some())
            .last();
        match known {
            Some(end) => {
                if unknown < at {
                    pieces.push(&run[unknown..at]);
                }
                pieces.push(&rest[..end]);
                at += end;
                unknown = at;
            }
            None => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    if unknown < run.len() {
        pieces.push(&run[unknown..]);
    }
}

/// The words of a text, in any language.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|one: char| !one.is_alphanumeric() && one != '_')
        .filter(|word| !word.is_empty())
        .flat_map(pieces)
}

/// A text cut where a word joins two parts of it, outside of code and brackets.
pub(super) fn joined_by_and(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut from, mut in_code, mut depth) = (0, false, 0_usize);
    let mut at = 0;
    for word in text.split_inclusive(' ') {
        let plain = !in_code && depth == 0;
        if plain && at > from && is(word.trim(), Class::And) {
            parts.push(text[from..at].trim());
            from = at + word.len();
        }
        for letter in word.chars() {
            match letter {
                '`' | '"' => in_code = !in_code,
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        at += word.len();
    }
    parts.push(text[from..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

/// Whether words only say that something is expected: `Should print`, `预期结果`.
pub(in crate::runbook) fn is_label(text: &str) -> bool {
    let plain = [
        Class::Modal,
        Class::Return,
        Class::Say,
        Class::Printed,
        Class::Filler,
    ];
    let mut expects = false;
    let mut all = words(text).peekable();
    all.peek().is_some()
        && all.all(|word| {
            expects |= is(word, Class::Modal);
            classes(&word.to_lowercase())
                .is_some_and(|known| plain.iter().any(|class| known.contains(class)))
        })
        && expects
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
                Class::And,
                Class::Or,
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
    fn each_phrase_is_within_the_longest_that_is_tried() {
        for (_, name) in NAMES {
            for phrase in phrases(name) {
                assert!(phrase.split(' ').count() <= LONGEST, "{phrase}");
                if phrase.chars().all(is_written_without_blanks) {
                    assert!(phrase.chars().count() <= LONGEST_RUN, "{phrase}");
                }
            }
        }
    }

    #[test]
    fn forms_of_a_word_share_a_stem() {
        assert_eq!(stems("queries created"), stems("query create"));
        assert!(stems("endpoints").is_subset(&stems("api/endpoint/x")));
        assert!(stems("it should return 0").is_empty());
    }

    #[test]
    fn words_without_blanks_between_them_are_told_apart() {
        assert_eq!(pieces("应该返回"), ["应该", "返回"]);
        assert_eq!(pieces("预期输出中包含"), ["预期", "输出中", "包含"]);
        assert_eq!(pieces("结果abc值"), ["结果", "abc", "值"]);
        assert_eq!(pieces("plain"), ["plain"]);
    }

    #[test]
    fn labels_of_any_language() {
        for label in [
            "Should print",
            "预期结果",
            "예상 결과",
            "Должно вернуть",
            "Expected output",
        ] {
            assert!(is_label(label), "{label}");
        }
        for other in ["Restart", "You should know", "结果", "Output"] {
            assert!(!is_label(other), "{other}");
        }
    }
}
