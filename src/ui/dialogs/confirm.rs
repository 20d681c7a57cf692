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
use crate::run::Command;
use crate::ui::format::wrap;
use crate::ui::intent::Intent;
use crate::ui::keymap::Context;
use crate::ui::theme::Role;
use crate::ui::view::Look;

/// What a yes does.
enum Yes {
    Send(Vec<Command>),
    Drive,
}

pub struct Confirm {
    title: String,
    text: String,
    yes: Yes,
    role: Role,
}

impl Confirm {
    pub fn new(title: &str, text: &str, commands: Vec<Command>) -> Self {
        Self {
            title: title.to_owned(),
            text: text.to_owned(),
            yes: Yes::Send(commands),
            role: Role::Destructive,
        }
    }

    pub fn driving(title: &str, text: &str) -> Self {
        Self {
            yes: Yes::Drive,
            role: Role::Focus,
            ..Self::new(title, text, Vec::new())
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

    fn is_for_anybody(&self) -> bool {
        matches!(self.yes, Yes::Drive)
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
        match (intent, &self.yes) {
            (Intent::Close, _) => Reply::Close,
            (Intent::Confirm, Yes::Send(commands)) => Reply::Do(commands.clone()),
            (Intent::Confirm, Yes::Drive) => Reply::Drive,
            _ => Reply::Stay,
        }
    }
}

/// Leaving the cockpit. The run goes on without it.
pub struct Quit;

impl Quit {
    fn text(look: &Look<'_>) -> String {
        let run = look.run();
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
