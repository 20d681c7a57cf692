//! An action of which nobody knows whether it happened: a person finds out and says so, with what
//! they saw.
//!
//! ```text
//! ╔ did it happen? 3.2 Move the rows ═════════════════════ staging ╗
//! ║ ? its process is gone and left no exit record                  ║
//! ║ on main: db1:5432/app                                          ║
//! ║ ▏SELECT migrate_audits(500);                                   ║
//! ╚ h it happened  d it did not  Esc close, say nothing ═══════════╝
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::Line;

use super::{Dialog, Field, Form, Reply, draw_scrolled, moved, size_of};
use crate::run::{ActionId, Command, Outcome, action_title};
use crate::ui::format::wrap;
use crate::ui::intent::Intent;
use crate::ui::keymap::Context;
use crate::ui::markdown::{code, plain};
use crate::ui::theme::Role;
use crate::ui::view::Look;

pub struct Resolve {
    action: ActionId,
    top: usize,
}

impl Resolve {
    pub fn new(action: ActionId) -> Self {
        Self { action, top: 0 }
    }

    fn lines(&self, look: &Look<'_>, width: usize) -> Vec<Line<'static>> {
        let theme = look.theme;
        let mut lines = Vec::new();
        let Some(attempt) = look
            .run()
            .action(self.action)
            .and_then(|state| state.last())
        else {
            return lines;
        };
        let why = attempt
            .reason
            .as_deref()
            .unwrap_or("nobody saw how it ended");
        for (text, role) in [
            (format!("? {why}"), Role::Unknown),
            (
                "look at the target before you answer: what is said here is what the run goes on from".to_owned(),
                Role::Text,
            ),
            (String::new(), Role::Text),
            (attempt.target.clone(), Role::Heading),
        ] {
            lines.extend(wrap(Line::styled(text, theme.style(role)), width, 2));
        }
        lines.extend(code(&attempt.command, 0, width, theme));
        lines
    }

    fn say(&self, outcome: Outcome, title: &str) -> Reply {
        let action = self.action;
        Reply::Become(Box::new(Form::new(
            title,
            vec![Field::required("what you saw")],
            move |texts| {
                Reply::Do(vec![Command::Resolve {
                    action,
                    outcome,
                    reason: texts.concat(),
                }])
            },
        )))
    }
}

impl Dialog for Resolve {
    fn context(&self) -> Context {
        Context::Resolve
    }

    fn title(&self, look: &Look<'_>) -> String {
        let run = look.run();
        let title = run
            .step_of(self.action)
            .map(|step| action_title(&run.runbook, step, self.action))
            .unwrap_or_default();
        format!("did it happen? {}", plain(&title))
    }

    fn role(&self) -> Role {
        Role::Unknown
    }

    fn wants(&self, look: &Look<'_>, room: Size) -> Size {
        let lines = self.lines(look, room.width.into());
        size_of(&lines, 0)
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let lines = self.lines(look, area.width.into());
        draw_scrolled(&lines, self.top, look, area, buffer);
    }

    fn on(&mut self, intent: Intent, look: &Look<'_>) -> Reply {
        match intent {
            Intent::Close => Reply::Close,
            Intent::ItHappened => self.say(Outcome::Passed, "it happened: how do you know?"),
            Intent::ItDidNot => self.say(Outcome::Failed, "it did not happen: how do you know?"),
            other => {
                let most = self.lines(look, 80).len();
                if let Some(top) = moved(self.top, other, most) {
                    self.top = top;
                }
                Reply::Stay
            }
        }
    }
}
