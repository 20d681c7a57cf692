//! What a value for a blank may be: one line of visible text, of bounded length, that matches the
//! rule of its blank. Every way in (a key, an argument, a file) asks here.

use regex::{Regex, RegexBuilder};

use super::config::SecretSource;
use super::model::VariableRule;
use super::pattern::pattern;
use crate::text::scrub::is_deceptive;
use crate::text::written::secrets_in;

/// Characters of the longest value.
pub const LONGEST_VALUE: usize = 4_096;
/// Bytes that a compiled pattern may take; a larger one is a mistake or an attack.
const LARGEST_PATTERN: usize = 1 << 20;

/// Why a value is not taken. The message never holds the value: it may be a secret in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    #[error("it is empty")]
    Empty,
    #[error("it has {0} characters; the limit is {LONGEST_VALUE}")]
    TooLong(usize),
    #[error("it holds a line break; a value is one line")]
    LineBreak,
    #[error("it holds the control character U+{0:04X}")]
    Control(u32),
    #[error("it holds the invisible character U+{0:04X}, which makes text look like another")]
    Deceptive(u32),
    #[error("it does not match the pattern `{0}`")]
    Pattern(String),
    #[error("it is not one of {0}")]
    Choice(String),
    #[error("it holds the secret itself, and would be kept with the run")]
    HoldsSecret,
}

/// A pattern that the whole value must match.
///
/// # Errors
/// What is wrong with it, in one line.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    // By itself first: `a)|(b` must not close the bracket around it.
    RegexBuilder::new(pattern)
        .size_limit(LARGEST_PATTERN)
        .build()
        .and_then(|_| bounded(pattern))
        .map_err(|error| {
            let text = error.to_string();
            let last = text.lines().rev().find(|line| !line.trim().is_empty());
            let last = last.unwrap_or("it cannot be read").trim();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        })
}

fn bounded(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(&format!("^(?:{pattern})$"))
        .size_limit(LARGEST_PATTERN)
        .build()
}

/// Whether a value is one line of visible text, and what its rule asks for.
///
/// # Errors
/// The first reason why not.
pub fn check(rule: &VariableRule, value: &str) -> Result<(), ValueError> {
    plain(value)?;
    if !rule.choices.is_empty() && !rule.choices.iter().any(|choice| choice == value) {
        let choices: Vec<String> = rule
            .choices
            .iter()
            .map(|choice| format!("`{choice}`"))
            .collect();
        return Err(ValueError::Choice(choices.join(", ")));
    }
    if let Some(pattern) = &rule.pattern {
        // A pattern that cannot be compiled was refused where it was read.
        let matches = compile(pattern).is_ok_and(|pattern| pattern.is_match(value));
        if !matches {
            return Err(ValueError::Pattern(pattern.clone()));
        }
    }
    Ok(())
}

/// Whether it is one line of visible text, of bounded length.
///
/// # Errors
/// The first reason why not.
pub fn plain(value: &str) -> Result<(), ValueError> {
    if value.trim().is_empty() {
        return Err(ValueError::Empty);
    }
    let length = value.chars().count();
    if length > LONGEST_VALUE {
        return Err(ValueError::TooLong(length));
    }
    for character in value.chars() {
        if matches!(character, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}') {
            return Err(ValueError::LineBreak);
        }
        if character.is_control() {
            return Err(ValueError::Control(character.into()));
        }
        if is_deceptive(character) {
            return Err(ValueError::Deceptive(character.into()));
        }
    }
    Ok(())
}

/// What to do about [`ValueError::HoldsSecret`].
pub const SECRET_ELSEWHERE: &str = "put the secret into a file that only you can read, or into an environment variable, and name that";

/// Whether a secret can come from there: one line of visible text that says where the secret is, and not
/// what it is. Sources are kept and shown, secrets are not.
///
/// # Errors
/// The first reason why not.
pub fn source(source: &SecretSource) -> Result<(), ValueError> {
    plain(source.text())?;
    let only_prints = match source {
        SecretSource::Command(command) => {
            pattern!(r"^\s*(?:\S*/)?(?:echo|printf)\s+[^$`|<>;&]*$").is_match(command)
        }
        SecretSource::Env(_) | SecretSource::File(_) => false,
    };
    if only_prints || !secrets_in(source.text()).is_empty() {
        return Err(ValueError::HoldsSecret);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(pattern: &str, choices: &[&str]) -> VariableRule {
        VariableRule {
            pattern: (!pattern.is_empty()).then(|| pattern.to_owned()),
            choices: choices.iter().map(|choice| (*choice).to_owned()).collect(),
            ..VariableRule::default()
        }
    }

    #[test]
    fn the_whole_value_matches_the_pattern() {
        let commit = rule("[0-9a-f]{7,40}", &[]);
        assert_eq!(check(&commit, "0a1b2c3"), Ok(()));
        for wrong in ["0a1b2c", "x0a1b2c3", "0a1b2c3 ", "0a1b2c3; rm -rf /"] {
            let error = check(&commit, wrong).unwrap_err();
            assert!(
                error.to_string().contains("[0-9a-f]{7,40}"),
                "{wrong}: {error}"
            );
        }
        // An alternative at the top is no way around the ends.
        assert!(check(&rule("a|b", &[]), "ab").is_err());
    }

    #[test]
    fn only_a_choice_is_a_value() {
        let colour = rule("", &["blue", "green"]);
        assert_eq!(check(&colour, "green"), Ok(()));
        let error = check(&colour, "Green").unwrap_err().to_string();
        assert_eq!(error, "it is not one of `blue`, `green`");
    }

    #[test]
    fn a_value_is_one_line_of_visible_text() {
        let any = VariableRule::default();
        assert_eq!(check(&any, "  "), Err(ValueError::Empty));
        assert_eq!(check(&any, "a\nb"), Err(ValueError::LineBreak));
        assert_eq!(check(&any, "a\u{1b}[31m"), Err(ValueError::Control(0x1b)));
        assert_eq!(
            check(&any, "a\u{202e}b"),
            Err(ValueError::Deceptive(0x202e))
        );
        assert_eq!(
            check(&any, "a\u{200b}b"),
            Err(ValueError::Deceptive(0x200b))
        );
        assert_eq!(
            check(&any, &"x".repeat(10_240)),
            Err(ValueError::TooLong(10_240))
        );
        assert_eq!(check(&any, "Größe µ 東京"), Ok(()));
    }

    #[test]
    fn a_source_says_where_a_secret_is_and_not_what_it_is() {
        for command in [
            "printf postgresql://u:p@h/d",
            "printf '%s' hunter22",
            "/bin/echo hunter22",
            "curl -u admin:hunter22 https://vault/shop",
            "PGPASSWORD=hunter22 psql -Atc 'SELECT token FROM tokens'",
        ] {
            let command = SecretSource::Command(command.to_owned());
            assert_eq!(
                source(&command),
                Err(ValueError::HoldsSecret),
                "{command:?}"
            );
        }
        for command in [
            "pass show shop/staging/admin",
            "printf %s \"$SHOP_PASSWORD\"",
            "echo $(cat /run/secrets/shop)",
            "sed -n 's/^DB_PASSWORD=//p' .env",
            "curl -H \"Authorization: Bearer $VAULT_TOKEN\" https://vault/shop",
            "gcloud secrets versions access latest --secret=shop-password",
        ] {
            assert_eq!(
                source(&SecretSource::Command(command.to_owned())),
                Ok(()),
                "{command}"
            );
        }
        let file = SecretSource::File("postgresql://u:p@h/d".to_owned());
        assert_eq!(source(&file), Err(ValueError::HoldsSecret));
        let variable = SecretSource::Env("SHOP_PASSWORD".to_owned());
        assert_eq!(source(&variable), Ok(()));
    }

    #[test]
    fn a_pattern_that_is_none_is_said_in_one_line() {
        let why = compile("[a-").unwrap_err();
        assert!(!why.contains('\n') && why.contains("class"), "{why}");
        assert!(compile("a)|(b").is_err());
        assert!(compile("(?:(?:a{1000}){1000}){1000}").is_err());
    }
}
