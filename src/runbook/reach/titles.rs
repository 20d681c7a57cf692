//! Environments that titles name: `Staging Environment`, `Deploy to Production`.

use crate::runbook::headings::bare_title;
use crate::runbook::words;

const KINDS: [&str; 3] = ["production", "staging", "development"];

/// The kind of environment that a word names.
fn kind_of(word: &str) -> Option<&'static str> {
    KINDS
        .into_iter()
        .find(|kind| words::has(&format!("environment-{kind}"), word))
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
    let said: Vec<&str> = title
        .split(|one: char| !(one.is_alphanumeric() || one == '-'))
        .filter(|word| !word.is_empty())
        .collect();
    let mut other = None;
    for (at, word) in said.iter().enumerate() {
        let Some(kind) = kind_of(word) else { continue };
        if kind == own {
            return None;
        }
        let behind = said
            .get(at + 1)
            .is_some_and(|next| words::has("environment-place", next));
        let before = at > 0 && words::has("environment-before", said[at - 1])
            || at > 1 && words::has("environment-before", said[at - 2]) && said[at - 1] == "the";
        if behind || before || said.len() == 1 {
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
