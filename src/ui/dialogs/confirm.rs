//! A question that is answered by a key other than the one that asked.
//!
//! ```text
//! ╔ cancel `3.2 Move the rows`? ══════════════════════════ staging ╗
//! ║ its whole process tree is interrupted, and its query cancelled ║
//! ╚ y yes  Esc no ═════════════════════════════════════════════════╝
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::Line;

use super::{Dialog, Reply, draw_scrolled, size_of};
use crate::run::{Command, Mode};
use crate::ui::format::wrap;
use crate::ui::intent::Intent;
use crate::ui::keymap::Context;
use crate::ui::model::Link;
use crate::ui::theme::Role;
use crate::ui::view::Look;

pub struct Confirm {
    title: String,
    text: String,
    commands: Vec<Command>,
    role: Role,
}

impl Confirm {
    pub fn new(title: &str, text: &str, commands: Vec<Command>) -> Self {
        Self {
            title: title.to_owned(),
            text: text.to_owned(),
            commands,
            role: Role::Destructive,
        }
    }
}

impl Dialog for Confirm {
    fn context(&self) -> Context {
        Context::Confirm
    }

    fn title(&self, _look: &Look<'_>) -> String {
        self.title.clone()
    }

    fn role(&self) -> Role {
        self.role
    }

    fn wants(&self, _look: &Look<'_>, room: Size) -> Size {
        let columns = room.width.min(76);
        let lines = wrap(Line::raw(self.text.clone()), columns.into(), 0);
        Size::new(columns, size_of(&lines, 0).height)
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let lines = wrap(Line::raw(self.text.clone()), area.width.into(), 0);
        draw_scrolled(&lines, 0, look, area, buffer);
    }

    fn on(&mut self, intent: Intent, _look: &Look<'_>) -> Reply {
        match intent {
            Intent::Close => Reply::Close,
            Intent::Confirm => Reply::Do(self.commands.clone()),
            _ => Reply::Stay,
        }
    }
}

/// Leaving the cockpit. The run goes on without it.
pub struct Quit;

impl Quit {
    fn text(look: &Look<'_>) -> String {
        let run = look.run();
        if matches!(run.mode, Mode::RolledBack | Mode::Failed | Mode::Done) {
            return format!(
                "nothing here needs you; everything is kept: `gonogo report {}` shows it, \
                 `gonogo attach {}` comes back",
                run.run, run.run
            );
        }
        if let Link::Lost { .. } = look.model.link {
            return format!(
                "no supervisor answers: what is running goes on, but nothing new starts, the rollback \
                 included, until `gonogo attach {}` gives the run a supervisor",
                run.run
            );
        }
        let running = match run.running().len() {
            0 => "nothing is running".to_owned(),
            1 => "what is running goes on".to_owned(),
            count => format!("the {count} commands that are running go on"),
        };
        format!(
            "the run goes on without this screen: {running}, nothing is cancelled. \
             Come back with `gonogo attach {}`",
            run.run
        )
    }
}

impl Dialog for Quit {
    fn context(&self) -> Context {
        Context::Quit
    }

    fn title(&self, _look: &Look<'_>) -> String {
        "leave the cockpit?".to_owned()
    }

    fn wants(&self, look: &Look<'_>, room: Size) -> Size {
        let columns = room.width.min(76);
        let lines = wrap(Line::raw(Self::text(look)), columns.into(), 0);
        Size::new(columns, size_of(&lines, 0).height)
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let lines = wrap(Line::raw(Self::text(look)), area.width.into(), 0);
        draw_scrolled(&lines, 0, look, area, buffer);
    }

    fn on(&mut self, intent: Intent, _look: &Look<'_>) -> Reply {
        match intent {
            Intent::Leave => Reply::Leave,
            Intent::Close => Reply::Close,
            _ => Reply::Stay,
        }
    }
}
