//! What is asked of the text that commands print, whatever it means.

use super::cel::{LONGEST, number, pattern_of, quoted};
use super::shape::{Answer, Shape};

/// That no such word was printed: a shouted one as it is, any other as programs report it.
pub(super) fn absent(words: &[String], shape: &Shape, targets: &[usize]) -> Option<String> {
    let speaks = |at: &usize| {
        shape
            .commands
            .get(*at)
            .is_some_and(|talk| talk.answer != Answer::Silent)
    };
    let speaking: Vec<usize> = targets.iter().copied().filter(speaks).collect();
    let all = (0..shape.commands.len()).filter(speaks).count();
    let prefixes: Vec<String> = match speaking.len() {
        0 => return None,
        many if many == all => vec![String::new()],
        _ => speaking
            .iter()
            .map(|at| format!("commands[{at}]."))
            .collect(),
    };
    let patterns: Vec<String> = words.iter().map(|word| pattern_of(word)).collect();
    let pattern = quoted(&patterns.join("|"));
    let tests: Vec<String> = prefixes
        .iter()
        .flat_map(|prefix| {
            ["stdout", "stderr"].map(|stream| format!("!{prefix}{stream}.matches({pattern})"))
        })
        .collect();
    let text = tests.join(" && ");
    (text.len() <= LONGEST).then_some(text)
}

pub(super) fn tells_enough(text: &str) -> bool {
    const LETTERS: usize = 5;
    text.chars().filter(|one| one.is_alphabetic()).count() >= LETTERS
        && text.contains(['_', '-', '.', ':'])
        && !text.contains(char::is_whitespace)
}

pub(super) fn characters(prefix: &str, count: f64, class: &str, answer: &Answer) -> Option<String> {
    let pattern = quoted(&format!(
        r"(?im)(?:^|\s){class}{{{}}}(?:\s|$)",
        number(count)
    ));
    matches!(answer, Answer::Text | Answer::Line)
        .then(|| format!("{prefix}stdout.matches({pattern})"))
}
