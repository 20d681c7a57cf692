//! A list of which one is taken: the alternatives of a step, or the layouts.
//!
//! ```text
//! ╔ choose how: writes ═══════════════════════════════════ staging ╗
//! ║ ▸ stop the gateway   recommended                               ║
//! ║   read-only mode                                               ║
//! ╚ Enter take this one  Esc close ════════════════════════════════╝
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::{Line, Span};

use super::{Dialog, Reply, draw_scrolled, moved, size_of};
use crate::run::{Command, Timestamp};
use crate::runbook::Choice;
use crate::ui::format::{pad, width};
use crate::ui::intent::Intent;
use crate::ui::keymap::Context;
use crate::ui::markdown::{code, plain};
use crate::ui::theme::Role;
use crate::ui::view::Look;
use crate::ui::walk::{choices, shown_step};

/// What the list is about.
pub enum Subject {
    /// The alternatives of a group in the step shown.
    Choice(String),
    /// Names and descriptions, and which one is on the screen.
    Layouts(Vec<(String, String)>, usize),
    /// What happened in the run, and when.
    Moments(Vec<(Timestamp, String, String)>),
}

pub struct Pick {
    subject: Subject,
    cursor: usize,
}

struct Row {
    name: String,
    about: String,
    role: Role,
}

impl Pick {
    pub fn new(subject: Subject) -> Self {
        let cursor = match &subject {
            Subject::Layouts(_, current) => *current,
            Subject::Choice(_) | Subject::Moments(_) => 0,
        };
        Self { subject, cursor }
    }

    fn rows(&self, look: &Look<'_>) -> Vec<Row> {
        let run = look.run();
        match &self.subject {
            Subject::Choice(group) => {
                // That of the step shown; of a rollback that has not begun, wherever it stands.
                let options = shown_step(look)
                    .into_iter()
                    .chain(run.runbook.all_steps())
                    .flat_map(|step| choices(run, step))
                    .find(|(known, _)| known == group)
                    .map(|(_, options)| options);
                options
                    .into_iter()
                    .flatten()
                    .map(|option| {
                        let chosen = run.choices.get(group) == Some(&option.name);
                        let (about, role) = match (chosen, option.recommended) {
                            (true, _) => ("chosen", Role::Passed),
                            (false, true) => ("preferred by the guide", Role::Passed),
                            (false, false) => ("", Role::Muted),
                        };
                        Row {
                            name: option.name,
                            about: about.to_owned(),
                            role,
                        }
                    })
                    .collect()
            }
            Subject::Moments(moments) => moments
                .iter()
                .map(|(_, name, about)| Row {
                    name: name.clone(),
                    about: about.clone(),
                    role: Role::Text,
                })
                .collect(),
            Subject::Layouts(layouts, _) => layouts
                .iter()
                .map(|(name, about)| Row {
                    name: name.clone(),
                    about: about.clone(),
                    role: Role::Muted,
                })
                .collect(),
        }
    }

    /// What the alternative under the cursor would run, as it is written.
    fn code(&self, look: &Look<'_>, columns: usize) -> Vec<Line<'static>> {
        let Subject::Choice(group) = &self.subject else {
            return Vec::new();
        };
        let rows = self.rows(look);
        let (Some(step), Some(row)) = (shown_step(look), rows.get(self.cursor)) else {
            return Vec::new();
        };
        let is_meant = |choice: &Option<Choice>| {
            choice
                .as_ref()
                .is_some_and(|choice| choice.group == *group && choice.name == row.name)
        };
        let run = look.run();
        // A step may itself be the alternative; then its siblings hold the others.
        let steps = run.runbook.all_steps().filter(|other| {
            other.id == step.id
                || (step.choice.is_some()
                    && other.choice.as_ref().is_some_and(|own| own.group == *group))
        });
        let mut lines = Vec::new();
        for step in steps {
            let blocks = step
                .blocks
                .iter()
                .filter_map(|number| run.runbook.block(*number));
            for block in blocks {
                if is_meant(&block.choice) || is_meant(&step.choice) {
                    lines.extend(code(&block.code, 0, columns, look.theme));
                    continue;
                }
                for part in block.parts.iter().filter(|part| is_meant(&part.choice)) {
                    lines.extend(code(&part.code, 0, columns, look.theme));
                }
            }
        }
        if !lines.is_empty() {
            lines.insert(0, Line::default());
        }
        lines
    }

    fn lines(&self, look: &Look<'_>) -> Vec<Line<'static>> {
        let theme = look.theme;
        let rows = self.rows(look);
        if rows.is_empty() {
            let text = "there is nothing to choose here";
            return vec![Line::styled(text, theme.style(Role::Muted))];
        }
        let names = rows
            .iter()
            .map(|row| width(&row.name))
            .max()
            .unwrap_or(0)
            .min(70);
        rows.into_iter()
            .enumerate()
            .map(|(index, row)| {
                let chosen = index == self.cursor;
                let line = Line::from(vec![
                    Span::styled(if chosen { "▸ " } else { "  " }, theme.style(Role::Key)),
                    Span::raw(pad(&row.name, names)),
                    Span::styled(format!("  {}", row.about), theme.style(row.role)),
                ]);
                if chosen {
                    line.patch_style(theme.style(Role::Selection))
                } else {
                    line
                }
            })
            .collect()
    }
}

impl Dialog for Pick {
    fn context(&self) -> Context {
        Context::Pick
    }

    fn title(&self, look: &Look<'_>) -> String {
        match &self.subject {
            // A group that its author did not name has a name of no meaning.
            Subject::Choice(group) if group.starts_with("block-") => {
                let step = shown_step(look).map(|step| plain(&step.title));
                format!("choose one: {}", step.unwrap_or_default())
            }
            Subject::Choice(group) => format!("choose one: {group}"),
            Subject::Layouts(..) => "layouts".to_owned(),
            Subject::Moments(_) => "go to a moment of the run".to_owned(),
        }
    }

    fn wants(&self, look: &Look<'_>, room: Size) -> Size {
        let mut lines = self.lines(look);
        lines.extend(self.code(look, room.width.into()));
        let mut size = size_of(&lines, 0);
        size.width = size.width.max(60);
        size
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let top = (self.cursor + 2).saturating_sub(area.height.into());
        let mut lines = self.lines(look);
        if lines.len() < area.height.into() {
            lines.extend(self.code(look, area.width.into()));
            lines.truncate(area.height.into());
        }
        draw_scrolled(&lines, top, look, area, buffer);
    }

    fn on(&mut self, intent: Intent, look: &Look<'_>) -> Reply {
        match intent {
            Intent::Close => Reply::Close,
            Intent::Pick => match &self.subject {
                Subject::Layouts(..) => Reply::TakeLayout(self.cursor),
                Subject::Moments(moments) => match moments.get(self.cursor) {
                    Some((at, ..)) => Reply::TravelTo(*at),
                    None => Reply::Close,
                },
                Subject::Choice(_) if !look.model.drives() => {
                    Reply::say("you are watching", "T asks for control")
                }
                Subject::Choice(group) => match self.rows(look).get(self.cursor) {
                    Some(row) => Reply::Do(vec![Command::Choose {
                        group: group.clone(),
                        name: row.name.clone(),
                    }]),
                    None => Reply::Close,
                },
            },
            other => {
                let rows = self.rows(look).len();
                if let Some(cursor) = moved(self.cursor, other, rows) {
                    self.cursor = cursor;
                }
                Reply::Stay
            }
        }
    }
}
