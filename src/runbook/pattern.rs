//! Regular expressions compiled once. They are constants of this program, so a mistake in one is a
//! mistake of ours that the tests of its module find.

/// `pattern!("…")`: a `&'static Regex`.
macro_rules! pattern {
    ($expression:expr) => {{
        static PATTERN: std::sync::LazyLock<regex::Regex> =
            std::sync::LazyLock::new(|| $crate::runbook::pattern::compile($expression));
        &*PATTERN
    }};
}
pub(super) use pattern;

/// Also one that is put together from a table of ours.
pub(super) fn compile(expression: &str) -> regex::Regex {
    match crate::text::pattern::compile(expression) {
        Ok(regex) => regex,
        Err(error) => panic!("the built-in pattern `{expression}` is wrong: {error}"),
    }
}
