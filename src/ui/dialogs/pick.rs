//! A list of which one is taken: the alternatives of a step, the layouts, the inputs of the guide.
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

use super::{Dialog, Field, Form, Reply, draw_scrolled, moved, size_of};
use crate::run::{Command, Input as Value};
use crate::ui::format::{pad, width};
use crate::ui::intent::Intent;
use crate::ui::keymap::Context;
use crate::ui::theme::Role;
use crate::ui::view::Look;
use crate::ui::walk::{choices, shown_step};

/// What the list is about.
pub enum Subject {
    /// The alternatives of a group in the step shown.
    Choice(String),
    /// Names and descriptions, and which one is on the screen.
    Layouts(Vec<(String, String)>, usize),
    Inputs,
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
    pub fn new(subject: Subject, look: &Look<'_>) -> Self {
        let run = look.run();
        let cursor = match &subject {
            Subject::Layouts(_, current) => *current,
            // The first one without a value: that is why somebody opens the list.
            Subject::Inputs => run
                .runbook
                .variables
                .iter()
                .position(|variable| !run.inputs.contains_key(&variable.name))
                .unwrap_or(0),
            Subject::Choice(_) => 0,
        };
        Self { subject, cursor }
    }

    fn rows(&self, look: &Look<'_>) -> Vec<Row> {
        let run = look.run();
        match &self.subject {
            Subject::Choice(group) => {
                let Some(step) = shown_step(look) else {
                    return Vec::new();
                };
                choices(run, step)
                    .into_iter()
                    .filter(|(known, _)| known == group)
                    .flat_map(|(_, options)| options)
                    .map(|option| {
                        let chosen = run.choices.get(group) == Some(&option.name);
                        let (about, role) = match (chosen, option.recommended) {
                            (true, _) => ("chosen", Role::Passed),
                            (false, true) => ("recommended by the guide", Role::Passed),
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
            Subject::Layouts(layouts, _) => layouts
                .iter()
                .map(|(name, about)| Row {
                    name: name.clone(),
                    about: about.clone(),
                    role: Role::Muted,
                })
                .collect(),
            Subject::Inputs => run
                .runbook
                .variables
                .iter()
                .map(|variable| {
                    let lines: Vec<String> = variable
                        .lines
                        .iter()
                        .take(4)
                        .map(ToString::to_string)
                        .collect();
                    let more = if variable.lines.len() > 4 {
                        ", …"
                    } else {
                        ""
                    };
                    let lines = format!("line {}{more}", lines.join(", "));
                    let (value, role) = match run.inputs.get(&variable.name) {
                        Some(Value::Value(value)) => (format!("= {value}"), Role::Passed),
                        Some(Value::Secret(_)) => (
                            "= (a secret, read from its source)".to_owned(),
                            Role::Passed,
                        ),
                        None if variable.secret => (
                            "a secret: name its source in `gonogo.toml`".to_owned(),
                            Role::Warning,
                        ),
                        None => ("no value".to_owned(), Role::Warning),
                    };
                    Row {
                        name: variable.name.clone(),
                        about: format!("{value}   ({lines})"),
                        role,
                    }
                })
                .collect(),
        }
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
            .min(40);
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

    fn edit(&self, look: &Look<'_>) -> Reply {
        let run = look.run();
        let Some(variable) = run.runbook.variables.get(self.cursor) else {
            return Reply::Close;
        };
        let held = match run.inputs.get(&variable.name) {
            _ if variable.secret => {
                return Reply::say(
                    format!(
                        "`{}` is a secret: its value is never typed here",
                        variable.name
                    ),
                    "name its source in `gonogo.toml` and open the run anew",
                );
            }
            Some(Value::Secret(_)) => {
                return Reply::say(
                    format!(
                        "`{}` comes from its source when it is needed",
                        variable.name
                    ),
                    "nothing to type",
                );
            }
            Some(Value::Value(value)) => value.clone(),
            None => String::new(),
        };
        if !look.model.drives() {
            return Reply::say("you are watching", "T asks for control");
        }
        let name = variable.name.clone();
        let field = Field::required(&variable.name).holding(&held);
        Reply::Open(Box::new(Form::new(
            &format!("value of `{name}`"),
            vec![field],
            move |texts| {
                Reply::Done(vec![Command::SetInput {
                    name: name.clone(),
                    input: Value::Value(texts.concat()),
                }])
            },
        )))
    }
}

impl Dialog for Pick {
    fn context(&self) -> Context {
        Context::Pick
    }

    fn title(&self, _look: &Look<'_>) -> String {
        match &self.subject {
            Subject::Choice(group) => format!("choose one: {group}"),
            Subject::Layouts(..) => "layouts".to_owned(),
            Subject::Inputs => "inputs: the blanks of the guide".to_owned(),
        }
    }

    fn wants(&self, look: &Look<'_>, _room: Size) -> Size {
        let mut size = size_of(&self.lines(look), 0);
        size.width = size.width.max(60);
        size
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let top = (self.cursor + 2).saturating_sub(area.height.into());
        draw_scrolled(&self.lines(look), top, look, area, buffer);
    }

    fn on(&mut self, intent: Intent, look: &Look<'_>) -> Reply {
        match intent {
            Intent::Close => Reply::Close,
            Intent::Pick => match &self.subject {
                Subject::Inputs => self.edit(look),
                Subject::Layouts(..) => Reply::TakeLayout(self.cursor),
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
