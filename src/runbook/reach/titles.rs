//! Environments that titles name: `Staging Environment`, `Deploy to Production`.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::runbook::headings::bare_title;

static WORDS: LazyLock<HashMap<&str, Vec<&str>>> = LazyLock::new(|| {
    let mut words: HashMap<&str, Vec<&str>> = HashMap::new();
    for line in include_str!("../words/environments.txt").lines() {
        let mut fields = line.split_whitespace();
        if let (Some(kind), Some(_language)) = (fields.next(), fields.next())
            && !kind.starts_with('#')
        {
            words.entry(kind).or_default().extend(fields);
        }
    }
    words
});

fn has(kind: &str, word: &str) -> bool {
    WORDS.get(kind).is_some_and(|words| words.contains(&word))
}

const KINDS: [&str; 3] = ["production", "staging", "development"];

/// The kind of environment that a word names.
fn kind_of(word: &str) -> Option<&'static str> {
    KINDS.into_iter().find(|kind| has(kind, word))
}

/// The word by which a title says where its step belongs, where that is another environment than the
/// one of this name. A title that names both, and a name of no known kind, say nothing.
pub fn environment_in(title: &str, environment: &str) -> Option<String> {
    let lower = environment.to_lowercase();
    let own = lower
        .split(|one: char| !one.is_alphanumeric())
        .find_map(kind_of)
        .or((lower == "local").then_some("development"))?;
    let title = bare_title(title).to_lowercase();
    // Behind its number: `step 2: staging`.
    let title = title
        .split_once(':')
        .map_or(title.as_str(), |(_, rest)| rest);
    let words: Vec<&str> = title
        .split(|one: char| !(one.is_alphanumeric() || one == '-'))
        .filter(|word| !word.is_empty())
        .collect();
    let mut other = None;
    for (at, word) in words.iter().enumerate() {
        let Some(kind) = kind_of(word) else { continue };
        if kind == own {
            return None;
        }
        let behind = words.get(at + 1).is_some_and(|next| has("place", next));
        let before = at > 0 && has("before", words[at - 1])
            || at > 1 && has("before", words[at - 2]) && words[at - 1] == "the";
        if behind || before || words.len() == 1 {
            other.get_or_insert_with(|| (*word).to_owned());
        }
    }
    other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_that_name_another_environment() {
        for (title, environment, other) in [
            ("Staging Environment", "production", Some("staging")),
            ("Deploy to Production", "staging", Some("production")),
            ("Step 2: Staging", "prod-eu", Some("staging")),
            (
                "Deploy to the production cluster",
                "local",
                Some("production"),
            ),
            ("Auf Produktion", "staging", Some("produktion")),
            ("Production Environment", "production", None),
            ("Copy production data into staging", "staging", None),
            ("Test 1: Company onboarding", "production", None),
            ("Production readiness", "staging", None),
            ("Staging Environment", "blue", None),
        ] {
            assert_eq!(
                environment_in(title, environment).as_deref(),
                other,
                "{title} / {environment}"
            );
        }
    }
}
