//! Why code cannot run as it stands, whatever is filled in, and what only a person can do.

use crate::runbook::markers::{Marker, marker};
use crate::runbook::model::Actor;
use crate::runbook::pattern::pattern;
use crate::runbook::shell::{self, LineKind};
use crate::runbook::{blanks, commands, sql};

/// Something was left out that no value can fill in.
pub(super) fn incomplete(found: &[blanks::Blank]) -> Option<String> {
    found
        .iter()
        .find(|blank| blank.name.starts_with("OMITTED_"))
        .map(|blank| {
            format!(
                "the guide leaves something out here (`{}`): write out what is meant",
                blank.text
            )
        })
}

/// Only comments, or only an editor: the rule.
pub(super) fn manual(code: &str, actor: Actor) -> Option<&'static str> {
    if actor == Actor::Sql {
        return sql::statements(code).is_empty().then_some("comments");
    }
    let mut commands_seen = 0;
    for line in shell::lines(code) {
        if matches!(line.kind, LineKind::Command) {
            commands_seen += 1;
            if !commands::is_manual(line.command()) {
                return None;
            }
        }
    }
    Some(if commands_seen == 0 {
        "comments"
    } else {
        "editor"
    })
}

/// Why code cannot run as it stands, whatever is filled in: a shell command inside SQL.
pub(in crate::runbook) fn refusal(code: &str, actor: Actor) -> Option<String> {
    let stranger = match actor {
        Actor::Shell => {
            let mut inside_psql = false;
            let mut found = None;
            for line in shell::lines(code) {
                match line.kind {
                    LineKind::Command => {
                        let command = line.command();
                        inside_psql = shell::program(command) == "psql"
                            && command.contains("-c")
                            && !command.contains("<<");
                    }
                    LineKind::Continuation if inside_psql => {
                        found = found.or_else(|| shell_line(line.text));
                    }
                    _ => {}
                }
            }
            found
        }
        Actor::Sql => sql::statements(code)
            .iter()
            .find_map(|statement| shell_line(statement.text)),
        _ => None,
    };
    stranger.map(|command| {
        format!("`{command}` is a shell command inside SQL: psql would reject it; take it out into a block of its own")
    })
}

pub(super) fn shell_line(text: &str) -> Option<String> {
    let word = text.split_whitespace().next()?;
    let unmistakable = matches!(
        word,
        "curl"
            | "wget"
            | "git"
            | "npm"
            | "npx"
            | "yarn"
            | "pnpm"
            | "docker"
            | "docker-compose"
            | "kubectl"
            | "cd"
            | "sudo"
            | "ssh"
            | "systemctl"
            | "pm2"
            | "pg_dump"
            | "pg_restore"
            | "psql"
            | "echo"
            | "grep"
    );
    (unmistakable
        && text
            .split_whitespace()
            .nth(1)
            .is_some_and(|next| next != "=" && next != ":="))
    .then(|| word.to_owned())
}

/// What the comments of a block say a person has to do, where no command follows: the block's last
/// words. Lines are counted from 0.
pub(in crate::runbook) fn trailing_acts(code: &str, actor: Actor) -> Vec<(usize, String)> {
    let mark = if actor == Actor::Sql { "--" } else { "#" };
    let lines: Vec<&str> = code.lines().collect();
    let mut acts = Vec::new();
    for (index, line) in lines.iter().enumerate().rev() {
        let trimmed = line.trim();
        if trimmed.is_empty() {
            if acts.is_empty() {
                continue;
            }
            break;
        }
        let Some(comment) = trimmed.strip_prefix(mark) else {
            // A comment right under a command describes it.
            if lines
                .get(index + 1)
                .is_some_and(|next| !next.trim().is_empty())
            {
                acts.clear();
            }
            break;
        };
        acts.push((
            index,
            comment.trim_start_matches(['#', '-']).trim().to_owned(),
        ));
    }
    acts.reverse();
    acts.retain(|(_, text)| {
        pattern!(r"(?i)^(?:\d+[.)]\s*)?(verify|check|update|re-?run|confirm|test|open|click|go to|log ?in|notify|trigger|enter|create|visit|navigate|review|monitor|ensure|inspect|contact|announce|restart|wait)\b").is_match(text)
            && marker(text) != Marker::OrNext
    });
    acts
}
