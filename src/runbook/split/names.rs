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
