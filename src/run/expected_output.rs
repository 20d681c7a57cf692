//! The lines that a guide expects to be printed, compared with those that were.

use std::sync::LazyLock;

use regex::Regex;

use super::condition::pattern;
use super::{Judgement, Verdict};

/// Compares output with the lines a guide expects: in order, other lines between them allowed; a
/// line `...` stands for any lines, and `...`, `…` or a lone capital `X`, `Y`, `Z`, `N` within a
/// line for any text. Tables are compared by their cells, whatever lines they are drawn with.
pub fn matches_output(expected: &[String], output: &str) -> Judgement {
    let printed: Vec<String> = output.lines().map(undrawn).collect();
    let mut lines = printed.iter();
    let mut verdict = Verdict::Pass;
    let mut explanation = "every expected line was printed, in order".to_owned();
    for wanted in expected.iter().map(|line| undrawn(line)) {
        let wanted = wanted.as_str();
        if wanted.is_empty() || wanted == "..." || wanted == "…" {
            continue;
        }
        let matcher = Regex::new(&line_pattern(wanted));
        let found = match &matcher {
            Ok(matcher) => lines.any(|line| matcher.is_match(line)),
            Err(_) => lines.any(|line| line.contains(wanted)),
        };
        if !found {
            verdict = Verdict::Fail;
            explanation = format!("`{wanted}` was not printed");
            break;
        }
    }
    Judgement {
        text: format!(
            "prints `{}`",
            expected.first().map_or("", |line| line.trim())
        ),
        cel: None,
        verdict,
        explanation,
    }
}

/// A line without the strokes of a table: `│ a │ b │` and ` a | b` are both `a | b`, a ruler is empty.
fn undrawn(line: &str) -> String {
    let stroke = |character: char| matches!(character, '-' | '+' | '=' | '\u{2500}'..='\u{257f}');
    if line.contains(stroke)
        && line
            .chars()
            .all(|c| stroke(c) || c == '|' || c.is_whitespace())
    {
        return String::new();
    }
    line.replace('│', "|")
        .trim_matches(|character: char| character == '|' || character.is_whitespace())
        .to_owned()
}

fn line_pattern(wanted: &str) -> String {
    static WILDCARD: LazyLock<Regex> = LazyLock::new(|| pattern(r"\.\.\.|…|\b[XYZN]\b|\s+"));
    let mut built = String::new();
    let mut rest = 0;
    for wildcard in WILDCARD.find_iter(wanted) {
        built.push_str(&regex::escape(&wanted[rest..wildcard.start()]));
        built.push_str(if wildcard.as_str().trim().is_empty() {
            r"\s+"
        } else {
            ".*?"
        });
        rest = wildcard.end();
    }
    built.push_str(&regex::escape(&wanted[rest..]));
    built
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_compared_by_their_cells() {
        let expected = [" check | value", "-------+------", " gone  | 0"].map(str::to_owned);
        let output = "┌───────┬───────┐\n│ check │ value │\n├───────┼───────┤\n│ gone  │     0 │\n└───────┴───────┘";
        assert_eq!(matches_output(&expected, output).verdict, Verdict::Pass);
        let other = output.replace("0 │", "7 │");
        assert_eq!(matches_output(&expected, &other).verdict, Verdict::Fail);
    }

    #[test]
    fn expected_output_allows_wildcards_and_gaps() {
        let expected = ["NOTICE: found X audits", "...", "NOTICE: done"].map(str::to_owned);
        let output = "NOTICE:  found 400 audits\nNOTICE:  step 2\nNOTICE:  done\n";
        assert_eq!(matches_output(&expected, output).verdict, Verdict::Pass);
        assert_eq!(
            matches_output(&expected, "NOTICE: found 3 audits").verdict,
            Verdict::Fail
        );
    }
}
