//! What a watch looks for: patterns that an author wrote as `alert="…"`, and words that the red flags
//! of a phase quote (`ERROR`, "deadlock detected"). Expressions come from guides that nobody has vetted,
//! so their length and the memory of their automaton are bounded.

use std::collections::BTreeSet;

use regex::{Regex, RegexBuilder};

use super::model::{Expectation, Phase};
use super::pattern::pattern;

/// Longest expression in bytes.
const LONGEST: usize = 256;
/// Bytes that a compiled expression, and the cache of its automaton, may take.
const SIZE: usize = 1 << 20;
/// Words taken from the red flags of one phase.
const MOST: usize = 32;
/// Words of SQL and of conditions that guides set in code without looking for them in a log.
const NO_WORDS: [&str; 14] = [
    "NULL", "TRUE", "FALSE", "SELECT", "INSERT", "UPDATE", "DELETE", "TABLE", "HTTP", "GET",
    "POST", "PUT", "AND", "NOT",
];

/// Something that must not turn up in what a watch prints.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AlertPattern {
    /// As the guide has it; names the pattern wherever it is shown.
    pub shown: String,
    /// The same as an expression.
    pub expression: String,
}

impl AlertPattern {
    /// An expression that an author wrote.
    pub fn written(expression: &str) -> Self {
        Self {
            shown: expression.to_owned(),
            expression: expression.to_owned(),
        }
    }

    fn quoted(literal: &str) -> Self {
        let edge = |letter: Option<char>| match letter {
            Some(letter) if letter.is_alphanumeric() => r"\b",
            _ => "",
        };
        let shouted = !literal.chars().any(char::is_lowercase);
        Self {
            shown: literal.to_owned(),
            expression: format!(
                "{}{}{}{}",
                if shouted { "" } else { "(?i)" },
                edge(literal.chars().next()),
                regex::escape(literal),
                edge(literal.chars().next_back())
            ),
        }
    }
}

/// Compiles an expression within its bounds.
///
/// # Errors
/// What is wrong with it, in a few words.
pub fn compile_alert(expression: &str) -> Result<Regex, String> {
    if expression.is_empty() {
        return Err("it matches every line".to_owned());
    }
    if expression.len() > LONGEST {
        return Err(format!("it is longer than {LONGEST} bytes"));
    }
    let compiled = RegexBuilder::new(expression)
        .size_limit(SIZE)
        .dfa_size_limit(SIZE)
        .build();
    match compiled {
        Ok(regex) if regex.is_match("") => Err("it matches every line".to_owned()),
        Ok(regex) => Ok(regex),
        Err(regex::Error::CompiledTooBig(_)) => Err("it is too large when compiled".to_owned()),
        Err(error) => {
            let text = error.to_string();
            let last = text.lines().next_back().unwrap_or_default().trim();
            Err(last.strip_prefix("error: ").unwrap_or(last).to_owned())
        }
    }
}

/// The words that the red flags of a phase quote, each once.
pub fn red_flag_patterns(phase: &Phase) -> Vec<AlertPattern> {
    let flags = phase
        .criteria
        .iter()
        .chain(phase.steps.iter().flat_map(|step| &step.expect))
        .filter(|item| item.red_flag && item.cel.is_none());
    let mut seen = BTreeSet::new();
    flags
        .flat_map(literals)
        .filter(|literal| seen.insert(literal.clone()))
        .take(MOST)
        .map(|literal| AlertPattern::quoted(&literal))
        .collect()
}

/// What one red flag quotes, and the levels of log lines it names.
fn literals(item: &Expectation) -> Vec<String> {
    let quoted = pattern!(r#"`([^`]{3,80})`|"([^"]{3,80})"|“([^”]{3,80})”"#);
    let mut found: Vec<String> = quoted
        .captures_iter(&item.text)
        .filter_map(|hit| {
            let words = hit.get(2).or_else(|| hit.get(3)).map(|text| text.as_str());
            let code = hit.get(1).map(|text| text.as_str());
            words
                .or_else(|| code.filter(|code| is_of_a_log(code)))
                .map(str::trim)
        })
        .filter(|literal| !NO_WORDS.contains(literal) && literal.chars().any(char::is_alphabetic))
        .map(str::to_owned)
        .collect();
    let levels = pattern!(r"\b(?:ERROR|FATAL|PANIC|CRITICAL|SEVERE|EMERGENCY)\b");
    let plain = quoted.replace_all(&item.text, " ");
    found.extend(
        levels
            .find_iter(&plain)
            .map(|level| level.as_str().to_owned()),
    );
    found
}

/// Code in a red flag is a message where it reads like one: a shouted word, several words, the name of
/// an error. Names of columns, commands and settings are not looked for.
fn is_of_a_log(code: &str) -> bool {
    let code = code.trim();
    if code.contains(['=', '<', '>', '$', '(', ')', '|', ';', '/', '{', '*', '%']) {
        return false;
    }
    let shouted = pattern!(r"^[A-Z][A-Z_]{2,}$").is_match(code);
    let named = pattern!(r"(?i)(?:error|exception|failed|refused|timeout|panic)$").is_match(code)
        && !code.contains('_');
    let sentence = code.split_whitespace().count() > 1 && !pattern!(r"(?:^| )-").is_match(code);
    shouted || named || sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(text: &str) -> Vec<String> {
        literals(&Expectation {
            text: text.to_owned(),
            red_flag: true,
            ..Expectation::default()
        })
    }

    #[test]
    fn red_flags_that_name_what_to_look_for() {
        assert_eq!(quoted("`ERROR` lines in the log"), ["ERROR"]);
        assert_eq!(quoted("\"deadlock detected\""), ["deadlock detected"]);
        assert_eq!(quoted("FATAL or PANIC from the server"), ["FATAL", "PANIC"]);
        assert_eq!(quoted("`connection refused`"), ["connection refused"]);
        assert_eq!(
            quoted("`NullPointerException` thrown"),
            ["NullPointerException"]
        );
    }

    #[test]
    fn red_flags_that_name_nothing_of_a_log() {
        for text in [
            "Error rate above 1 %",
            "`response_time` > 200ms",
            "any `NULL` brand",
            "`SELECT count(*)` is not 0",
            "`pg_stat_activity` shows waits",
            "`kubectl -n app` fails",
        ] {
            assert_eq!(quoted(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn a_shouted_word_is_not_found_inside_another() {
        let matches = |literal: &str, line: &str| {
            compile_alert(&AlertPattern::quoted(literal).expression)
                .unwrap()
                .is_match(line)
        };
        assert!(matches("ERROR", "2026-01-02 ERROR: no"));
        assert!(!matches("ERROR", "errors: 0"));
        assert!(!matches("ERROR", "ERRORS_TOTAL 0"));
        assert!(matches("deadlock detected", "Deadlock detected"));
    }

    #[test]
    fn expressions_are_bounded() {
        assert!(compile_alert("(").unwrap_err().contains("unclosed group"));
        assert!(compile_alert("x*").unwrap_err().contains("every line"));
        assert!(compile_alert("").is_err());
        assert!(compile_alert(&"x".repeat(300)).unwrap_err().contains("256"));
        assert!(
            compile_alert(r"(\w{1000}){1000}")
                .unwrap_err()
                .contains("too large")
        );
        assert!(compile_alert("ERROR|FATAL").is_ok());
    }
}
