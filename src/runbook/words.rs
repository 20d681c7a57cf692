//! Words by question and by language. They stand in a data file, so that another language is a line of
//! it; nothing else of the reader lists words of a language other than its own.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{LazyLock, OnceLock};

use regex::Regex;

use super::pattern::compile;

/// The phrases of a question, in all languages.
#[derive(Default)]
struct Question {
    phrases: HashSet<String>,
    /// Its phrases as words of their languages.
    pattern: OnceLock<Regex>,
    /// Its phrases wherever they stand.
    anywhere: OnceLock<Regex>,
}

static QUESTIONS: LazyLock<HashMap<String, Question>> = LazyLock::new(|| {
    type Table = BTreeMap<String, BTreeMap<String, Vec<String>>>;
    let table: Table = match toml::from_str(include_str!("words/words.toml")) {
        Ok(table) => table,
        Err(error) => panic!("the table of words is wrong: {error}"),
    };
    let of = |languages: BTreeMap<String, Vec<String>>| Question {
        phrases: languages.into_values().flatten().collect(),
        ..Question::default()
    };
    table
        .into_iter()
        .map(|(name, languages)| (name, of(languages)))
        .collect()
});

fn question(name: &str) -> &'static Question {
    match QUESTIONS.get(name) {
        Some(question) => question,
        None => panic!("the table of words has no question `{name}`"),
    }
}

impl Question {
    fn pattern(&self) -> &Regex {
        self.pattern.get_or_init(|| {
            // The longer one first: what is found is as much as is meant.
            let mut phrases: Vec<&String> = self.phrases.iter().collect();
            phrases.sort_by_key(|phrase| (std::cmp::Reverse(phrase.len()), phrase.as_str()));
            one_of(phrases.into_iter().map(|phrase| written(phrase)))
        })
    }
}

fn one_of(alternatives: impl Iterator<Item = String>) -> Regex {
    let alternatives: Vec<String> = alternatives.collect();
    compile(&alternatives.join("|"))
}

/// Questions, each with a word of ours for its phrases.
pub(super) type Replaced<const N: usize> = [(&'static str, &'static str); N];

/// What finds a text that may have a phrase of any of these questions: by the first letters of each, without
/// bounds of words, which is read many times faster.
pub(super) fn any_of<const N: usize>(questions: &Replaced<N>) -> Regex {
    let begins = |phrase: &str| {
        let inner = phrase.trim_start_matches('^').trim_end_matches('$');
        let end = inner.find([' ', '*', '…']).unwrap_or(inner.len());
        regex::escape(&inner[..end])
    };
    let phrases = questions.iter().flat_map(|(name, _)| phrases(name));
    one_of(phrases.map(begins))
}

/// What `… ` stands for in a phrase.
const UP_TO_TWO_WORDS: &str = r"(?:[\w./'`-]+\s+){0,2}";

/// A phrase as a regular expression.
fn written(phrase: &str) -> String {
    let inner = phrase.trim_start_matches('^').trim_end_matches('$');
    let is_bound = |end: Option<char>| {
        end.is_some_and(|letter| letter.is_alphabetic() && !is_written_without_blanks(letter))
    };
    let mut text = String::new();
    if phrase.starts_with('^') {
        text.push_str(r"^(?:[\d.)(]+\s*)?");
    }
    if is_bound(inner.chars().next()) {
        text.push_str(r"\b");
    }
    text.push_str(
        &regex::escape(inner)
            .replace(r"\*", r"\w*")
            .replace("… ", UP_TO_TWO_WORDS)
            .replace(' ', r"\s+"),
    );
    if is_bound(inner.chars().next_back()) {
        text.push_str(r"\b");
    }
    if phrase.ends_with('$') {
        text.push('$');
    }
    text
}

/// Whether a letter is of a language that puts no blanks between its words.
pub(super) fn is_written_without_blanks(letter: char) -> bool {
    matches!(letter, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
}

/// A text as phrases are compared with it: in lower case, without the marks around it.
pub(super) fn bare(text: &str) -> String {
    text.trim_matches(|mark: char| !mark.is_alphanumeric() && !matches!(mark, '(' | '<' | '$'))
        .to_lowercase()
}

/// Whether a text says what is asked.
pub(super) fn says(name: &str, text: &str) -> bool {
    question(name).pattern().is_match(&bare(text))
}

/// The first phrase of a question in a text, in lower case.
pub(super) fn said(name: &str, text: &str) -> Option<String> {
    let text = bare(text);
    let found = question(name).pattern().find(&text)?;
    Some(found.as_str().to_owned())
}

/// A text in lower case, with a word of ours for the phrases of a question.
pub(super) fn replace(name: &str, text: &str, with: &str) -> String {
    let text = bare(text);
    question(name)
        .pattern()
        .replace_all(&text, with)
        .into_owned()
}

/// A text in lower case, without the phrases of a question.
pub(super) fn remove(name: &str, text: &str) -> String {
    replace(name, text, " ")
}

/// What the table has for a question, as a regular expression without bounds of words.
pub(super) fn alternatives(name: &str) -> String {
    let mut phrases: Vec<String> = question(name)
        .phrases
        .iter()
        .map(|phrase| regex::escape(phrase))
        .collect();
    phrases.sort_by_key(|phrase| std::cmp::Reverse(phrase.len()));
    phrases.join("|")
}

/// Whether a text begins with a phrase of a question.
pub(super) fn alternatives_begin(name: &str, text: &str) -> bool {
    without(name, text).is_some()
}

/// A text without the phrase of a question that it begins with, where something is left.
pub(super) fn without<'a>(name: &str, text: &'a str) -> Option<&'a str> {
    let lower = text.to_lowercase();
    let longest = question(name)
        .phrases
        .iter()
        .filter(|phrase| lower.starts_with(phrase.as_str()))
        .map(|phrase| phrase.chars().count())
        .max()?;
    let at = text.char_indices().nth(longest)?.0;
    Some(text[at..].trim_start_matches('_'))
}

/// The phrases of a question, as they stand in the table.
pub(super) fn phrases(name: &str) -> impl Iterator<Item = &'static str> {
    question(name).phrases.iter().map(String::as_str)
}

/// Whether a word is a phrase of a question.
pub(super) fn has(name: &str, word: &str) -> bool {
    question(name).phrases.contains(word)
}

fn within(name: &str, text: &str) -> bool {
    let question = question(name);
    let anywhere = question
        .anywhere
        .get_or_init(|| one_of(question.phrases.iter().map(|phrase| regex::escape(phrase))));
    anywhere.is_match(text)
}

/// The words of a sentence in lower case, without Markdown.
fn words(lower: &str) -> impl DoubleEndedIterator<Item = &str> {
    lower
        .split(|character: char| {
            character.is_whitespace() || matches!(character, '*' | '_' | '`' | ':' | '.' | ',')
        })
        .filter(|word| word.starts_with(char::is_alphabetic))
}

/// First and last word of a sentence, in lower case and without Markdown.
fn edges(text: &str) -> (String, String) {
    let lower = text.to_lowercase();
    let mut words = words(&lower);
    let first = words.next().unwrap_or_default().to_owned();
    let last = words.next_back().unwrap_or_default().to_owned();
    (first, last)
}

/// Whether a sentence tells somebody to do something: `Restart the service`, and not `Restarts by
/// itself`.
pub(super) fn is_act(text: &str) -> bool {
    let (first, last) = edges(text);
    (has("act-first", &first) && !only_tells(text))
        || has("act-last", &last)
        || within("act-within", text)
}

/// Whether a sentence tells what something does that could be an act as well: `Rollback validation
/// ensures a clean state`.
fn only_tells(text: &str) -> bool {
    let lower = text.to_lowercase();
    let mut words = words(&lower);
    words.next().is_some_and(|first| has("act-or-noun", first))
        && words.take(3).any(|word| has("tells", word))
}

/// Whether a part of a rollback with this title cannot be the whole of it: `Stop the workers`.
pub(super) fn only_begins(title: &str) -> bool {
    let (first, last) = edges(title);
    has("pause-edge", &first) || has("pause-edge", &last) || within("pause-within", title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_can_be_asked() {
        for question in QUESTIONS.values() {
            question.pattern();
        }
    }

    #[test]
    fn a_phrase_is_found_as_words_of_its_language() {
        assert!(says("or", "**Или вручную:**"));
        assert!(says("or", "Or, with the console:"));
        assert!(!says("or", "Order them first"));
        assert!(says("or", "或者使用控制台"));
        assert!(says("mode", "Domain mode:"));
        assert!(!says("mode", "Mode of work"));
    }

    #[test]
    fn acts_and_descriptions() {
        for act in [
            "Restart the service",
            "Rollback the release and check that it is up",
            "Restore the dump",
            "**Stop** the workers",
            "Den Dienst stoppen",
            "Restaurer la base",
            "Остановить приложение",
            "アプリを停止する",
        ] {
            assert!(is_act(act), "{act}");
        }
        for description in [
            "Restarts by itself",
            "Snapshots are taken before each release",
            "One-click return through the console",
            "Keeps the old files",
            "Rollback checks are automatic",
            "Restore takes ten minutes",
            "",
        ] {
            assert!(!is_act(description), "{description}");
        }
    }

    #[test]
    fn what_only_begins_a_rollback() {
        assert!(only_begins("Stop the workers"));
        assert!(only_begins("First, freeze the queue"));
        assert!(!only_begins("Restore the dump"));
        assert!(!only_begins("Kubernetes"));
    }
}
