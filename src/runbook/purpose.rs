//! Sections that are for one environment: `Staging Environment`, `Production (after staging)`. Only a title
//! that says nothing else is taken for one: `Load the staging tables` is a step of every environment.

use super::pattern::pattern;

/// What an environment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Where a change is tried.
    Trial,
    Production,
}

impl Purpose {
    /// What the title of a section says; `None` where it is about something else, or about both.
    pub fn of_title(title: &str) -> Option<Self> {
        let plain = pattern!(r"\([^)]*\)|\[[^\]]*\]").replace_all(title, " ");
        let plain = plain.to_lowercase();
        let words: Vec<&str> = plain
            .split(|letter: char| !letter.is_alphanumeric() && letter != '-')
            .map(|word| word.trim_matches('-'))
            .filter(|word| !word.is_empty())
            .collect();
        let mut found = None;
        let is_said = words.iter().any(|word| is_place(word));
        for (index, word) in words.iter().enumerate() {
            let is_number = word.chars().all(|letter| letter.is_ascii_digit());
            let is_label = matches!(*word, "step" | "phase" | "part") || word.len() == 1;
            // `Test`, `Live` and `Dev` alone are what somebody does, or whom it concerns.
            let named = Self::of_name(word).filter(|_| is_said || is_only_a_place(word));
            match named {
                Some(said) if found.is_none_or(|known| known == said) => found = Some(said),
                Some(_) => return None,
                None if is_place(word) || is_particle(word) => {}
                // In front: `Step 2`, `3.1`, `a)`.
                None if index < 3 && found.is_none() && (is_number || is_label) => {}
                None => return None,
            }
        }
        found
    }

    /// What an environment of this name is for; one that is protected is for production, whatever its name.
    pub fn of_environment(name: &str, protected: bool) -> Option<Self> {
        if protected {
            return Some(Self::Production);
        }
        let name = name.to_lowercase();
        let parts = name.split(|letter: char| !letter.is_alphanumeric());
        Self::of_name(&name).or_else(|| parts.into_iter().find_map(Self::of_name))
    }

    fn of_name(name: &str) -> Option<Self> {
        match name {
            "staging" | "stage" | "stg" | "preprod" | "pre-prod" | "pre-production" | "uat"
            | "qa" | "test" | "testing" | "testumgebung" | "dev" | "development"
            | "entwicklung" | "recette" | "pruebas" | "desarrollo" | "homologação" | "collaudo"
            | "тестовая" => Some(Self::Trial),
            "production" | "prod" | "prd" | "live" | "produktion" | "produktiv" | "producción"
            | "produção" | "produzione" | "productie" => Some(Self::Production),
            _ => None,
        }
    }
}

/// Names that are nothing else.
fn is_only_a_place(name: &str) -> bool {
    !matches!(
        name,
        "test" | "testing" | "qa" | "dev" | "development" | "stage" | "live"
    )
}

/// Words that say that a place is meant.
fn is_place(word: &str) -> bool {
    matches!(
        word,
        "environment"
            | "environments"
            | "env"
            | "server"
            | "servers"
            | "cluster"
            | "system"
            | "umgebung"
            | "environnement"
            | "entorno"
            | "ambiente"
            | "среда"
    )
}

fn is_particle(word: &str) -> bool {
    matches!(
        word,
        "in" | "on"
            | "for"
            | "to"
            | "the"
            | "our"
            | "only"
            | "first"
            | "für"
            | "auf"
            | "nur"
            | "zuerst"
            | "die"
            | "der"
            | "en"
            | "la"
            | "em"
            | "на"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_that_is_only_an_environment_is_for_it() {
        use Purpose::{Production, Trial};
        for (title, said) in [
            ("Staging Environment", Some(Trial)),
            ("Staging", Some(Trial)),
            ("1. In staging first", Some(Trial)),
            ("Step 2: Production", Some(Production)),
            (
                "Production Environment (after staging is verified)",
                Some(Production),
            ),
            ("🚀 PROD", Some(Production)),
            ("Produktionsdaten", None),
            ("Load the staging tables", None),
            ("Test", None),
            ("Test environment", Some(Trial)),
            ("Stage 2", None),
            ("Test the API", None),
            ("Staging first, then production", None),
            ("Deploy", None),
            ("", None),
        ] {
            assert_eq!(Purpose::of_title(title), said, "{title}");
        }
    }

    #[test]
    fn a_protected_environment_is_for_production_whatever_its_name() {
        use Purpose::{Production, Trial};
        assert_eq!(Purpose::of_environment("eu-1", true), Some(Production));
        assert_eq!(Purpose::of_environment("eu-1", false), None);
        assert_eq!(Purpose::of_environment("eu-prod", false), Some(Production));
        assert_eq!(Purpose::of_environment("Staging_2", false), Some(Trial));
    }
}
