//! Short names of commands, for titles and choices.

use crate::runbook::syntax::before_remark;

pub(super) fn first_command(code: &str) -> &str {
    code.lines()
        .find(|line| {
            let line = line.trim_start();
            !line.is_empty() && !line.starts_with('#') && !line.starts_with("--")
        })
        .unwrap_or_default()
}

/// A command as a short name.
pub(super) fn command_name(text: &str) -> String {
    let line = first_command(text);
    let line = before_remark(line).trim().trim_end_matches('\\').trim();
    if line.chars().count() > 60 {
        let short: String = line.chars().take(59).collect();
        format!("{short}…")
    } else {
        line.to_owned()
    }
}

/// `./switch.sh blue  # or green`: the command with the remark's word for its last one.
pub(super) fn with_last_word(command: &str, remark: &str) -> Option<String> {
    if !super::survey::is_other_word(remark) {
        return None;
    }
    let other = remark.split_whitespace().next_back()?.trim_matches('`');
    let command = command.lines().next()?;
    let command = before_remark(command).trim();
    let (before, _) = command.rsplit_once(char::is_whitespace)?;
    Some(format!("{before} {other}"))
}

/// `build:ios  # or build:android`: the command with the word that the remark gives for one of its own.
pub(super) fn with_other_word(command: &str, remark: &str) -> Option<String> {
    let other = remark
        .trim()
        .strip_prefix("or ")
        .or_else(|| remark.trim().strip_prefix("or: "))?
        .trim_matches(['`', '"', '\'', ' ']);
    let stem = other.find([':', '-', '/', '.', '=']).filter(|at| *at > 1)?;
    if other.contains(char::is_whitespace) {
        return None;
    }
    let command = command.lines().next()?;
    let command = before_remark(command);
    let word = command
        .split_whitespace()
        .find(|word| *word != other && word.starts_with(&other[..=stem]))?;
    Some(command.trim().replacen(word, other, 1))
}
