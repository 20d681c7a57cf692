//! Parts made of interactive sessions: what was to be typed becomes the script of the command that
//! opens the session.

use super::{Builder, Open, with_sql_comments};
use crate::runbook::commands::{self, Opener};
use crate::runbook::model::{Actor, Part, Role};

impl Builder<'_> {
    pub(super) fn session(&mut self, first: usize, opener: &Opener, body: &str) {
        self.cut();
        let (title, optional) = (std::mem::take(&mut self.open.title), self.open.optional);
        self.open = Open::default();
        let line = self.code_line + first;
        let empty = body
            .lines()
            .all(|line| line.trim().is_empty() || line.trim_start().starts_with(['#', '-']));
        let nested = body
            .lines()
            .any(|line| commands::opener(line.trim()).is_some());
        if !empty && !nested && self.parts_of_session(opener, body, line) {
            return;
        }
        let mut part = Part {
            title,
            line,
            optional,
            actor: Actor::Shell,
            ..Part::default()
        };
        match opener {
            Opener::Psql(command) if !empty => {
                if part.title.is_empty() {
                    "psql session".clone_into(&mut part.title);
                }
                part.code = psql_session(command, body);
                part = self.finish(part);
            }
            Opener::Ssh(command) if !empty && !nested => {
                if part.title.is_empty() {
                    part.title = format!(
                        "on {}",
                        command.split_whitespace().last().unwrap_or("the host")
                    );
                }
                part.code = fed("bash -se", command, body);
                part = self.finish(part);
            }
            Opener::Container(command) if !empty && !nested => {
                if part.title.is_empty() {
                    "inside the container".clone_into(&mut part.title);
                }
                part.code = fed("-se", &without_terminal(command), body);
                part = self.finish(part);
            }
            Opener::Psql(command)
            | Opener::Ssh(command)
            | Opener::Container(command)
            | Opener::User(command)
            | Opener::Foreign(command)
            | Opener::Console(command) => {
                if part.title.is_empty() {
                    part.title = format!("session of `{command}`");
                }
                part.code = format!("{command}\n{}", body.trim_end())
                    .trim_end()
                    .to_owned();
                part.role = if matches!(opener, Opener::Foreign(_)) {
                    Role::Foreign
                } else {
                    Role::Manual
                };
                part.actor = Actor::Nobody;
                part.refused = Some(format!(
                    "`{command}` waits for a person to type; open it in a terminal, or give the command its script"
                ));
            }
        }
        self.parts.push(part);
    }
}

impl Builder<'_> {
    /// What is typed into a shell elsewhere, where that is no one act either: each part of it reaches that
    /// place by itself. False where it is one act.
    fn parts_of_session(&mut self, opener: &Opener, body: &str, line: usize) -> bool {
        let (shell, command) = match opener {
            Opener::Ssh(command) => ("bash -se", command.clone()),
            Opener::Container(command) => ("-se", without_terminal(command)),
            _ => return false,
        };
        let around = super::Around::default();
        let Some(split) = super::split(body, Actor::Shell, self.number, line + 1, around) else {
            return false;
        };
        let groups = self.groups;
        for mut part in split.parts {
            if let Some(choice) = &mut part.choice {
                // Each group of the session is another than those of the block.
                let own = choice.group.rsplit('.').next();
                let own = groups + own.and_then(|own| own.parse().ok()).unwrap_or(1);
                choice.group = format!("block-{}.{own}", self.number);
                self.groups = self.groups.max(own);
            }
            if part.role != Role::Manual {
                part.code = fed(shell, &command, &part.code);
                part = self.finish(part);
            }
            self.parts.push(part);
        }
        true
    }
}

/// A command that opens a shell elsewhere, with its script.
fn fed(shell: &str, command: &str, script: &str) -> String {
    format!(
        "{command} {shell} <<'GONOGO'\n{}\nGONOGO",
        script.trim_end()
    )
}

/// The psql of a session with the lines that were to be typed into it as its script.
pub(super) fn psql_session(command: &str, body: &str) -> String {
    let script = with_sql_comments(body.trim_end());
    let command = without_terminal(command).replacen("psql", "psql -X -v ON_ERROR_STOP=1", 1);
    format!(
        "{command} <<'GONOGO'\n{}\nGONOGO",
        script.trim_start_matches('\n')
    )
}

/// A here-document is no terminal: `docker exec -it` becomes `docker exec -i`.
pub(super) fn without_terminal(command: &str) -> String {
    command
        .replacen(" -it ", " -i ", 1)
        .replacen(" -ti ", " -i ", 1)
        .replacen(" -t ", " ", 1)
}
