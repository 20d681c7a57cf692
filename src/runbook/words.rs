//! Words by language that tell acts from descriptions. They stand in a data file, so that another
//! language is a line of it, and are only asked where nothing in the guide's structure tells.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

static WORDS: LazyLock<HashMap<&str, BTreeSet<&str>>> = LazyLock::new(|| {
    let mut words: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    for line in include_str!("words/acts.txt").lines() {
        let mut fields = line.split_whitespace();
        if let (Some(place), Some(_language)) = (fields.next(), fields.next())
            && !place.starts_with('#')
        {
            words.entry(place).or_default().extend(fields);
        }
    }
    words
});

fn has(place: &str, word: &str) -> bool {
    WORDS.get(place).is_some_and(|words| words.contains(word))
}

fn within(place: &str, text: &str) -> bool {
    let mut words = WORDS.get(place).into_iter().flatten();
    words.any(|word| text.contains(word))
}

/// First and last word of a sentence, in lower case and without Markdown.
fn edges(text: &str) -> (String, String) {
    let lower = text.to_lowercase();
    let mut words = lower
        .split(|character: char| {
            character.is_whitespace() || matches!(character, '*' | '_' | '`' | ':' | '.' | ',')
        })
        .filter(|word| word.starts_with(char::is_alphabetic));
    let first = words.next().unwrap_or_default().to_owned();
    let last = words.next_back().unwrap_or_default().to_owned();
    (first, last)
}

/// Whether a sentence tells somebody to do something: `Restart the service`, and not `Restarts by
/// itself`.
pub(super) fn is_act(text: &str) -> bool {
    let (first, last) = edges(text);
    has("first", &first) || has("last", &last) || within("within", text)
}

/// Whether a part of a rollback with this title cannot be the whole of it: `Stop the workers`.
pub(super) fn only_begins(title: &str) -> bool {
    let (first, last) = edges(title);
    has("pause", &first) || has("pause", &last) || within("within-pause", title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acts_and_descriptions() {
        for act in [
            "Restart the service",
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
