//! A command as a person writes it: one of their own, or another text in the place of the guide's for this
//! run. Nothing runs by this: what was written is kept on record and shown like any other command, where
//! `x` runs it.
//!
//! ```text
//! ╔ a command of your own ═════════════════════════════════ staging ╗
//! ║ sql on main: postgres://app@db1:5432/app                        ║
//! ║ ▏SELECT pid, state FROM pg_stat_activity                        ║
//! ║ ▏WHERE state <> 'idle';█                                        ║
//! ╚ Tab look at it  Enter new line  Shift-Tab shell or SQL ═════════╝
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::{Line, Span};
use tui_input::{Input, InputRequest};

use super::{Dialog, Reply, draw_scrolled};
use crate::run::{ActionId, Command, action_title};
use crate::runbook::{Actor, read_written};
use crate::ui::format::wrap;
use crate::ui::intent::Intent;
use crate::ui::keymap::Context;
use crate::ui::markdown::plain;
use crate::ui::theme::Role;
use crate::ui::view::Look;

pub struct Editor {
    /// The command that is corrected; `None`: one of their own.
    corrects: Option<ActionId>,
    actor: Actor,
    on: Option<String>,
    rows: Vec<Input>,
    row: usize,
    /// What was sent and is not on record yet, and how many blocks there were before.
    sent: Option<(String, usize)>,
}

impl Editor {
    pub fn own() -> Self {
        Self {
            corrects: None,
            actor: Actor::Shell,
            on: None,
            rows: vec![Input::default()],
            row: 0,
            sent: None,
        }
    }

    /// `None` where there is no such command, or nothing here runs it.
    pub fn correcting(look: &Look<'_>, action: ActionId) -> Option<Self> {
        let run = look.run();
        let (code, actor) = run.code_of(action)?;
        let block = run.runbook.block(action.block)?;
        let mut rows: Vec<Input> = code.trim_end().lines().map(Input::from).collect();
        rows.first_mut()?.handle(InputRequest::GoToStart);
        matches!(actor, Actor::Shell | Actor::Sql).then(|| Self {
            corrects: Some(action),
            actor,
            on: block.attributes.on.clone(),
            rows,
            row: 0,
            sent: None,
        })
    }

    fn text(&self) -> String {
        let rows: Vec<&str> = self.rows.iter().map(Input::value).collect();
        rows.join("\n").trim_end().to_owned()
    }

    /// Where it would run.
    fn place(&self, look: &Look<'_>) -> String {
        let run = look.run();
        let on = self.on.as_deref().unwrap_or("main");
        match self.actor {
            Actor::Sql => {
                let place = run.targets.get(on).map_or("", String::as_str);
                format!("sql on {on}: {place}")
            }
            _ => "shell".to_owned(),
        }
    }

    /// A shell, then SQL on each target, then the shell again.
    fn turn(&mut self, look: &Look<'_>) {
        let mut targets = look.run().targets.keys();
        let next = match &self.on {
            None => targets.next(),
            Some(on) => targets.find(|name| *name > on),
        };
        self.actor = match next {
            Some(_) => Actor::Sql,
            None => Actor::Shell,
        };
        self.on = next.cloned();
    }

    fn current(&mut self) -> Option<&mut Input> {
        self.rows.get_mut(self.row)
    }

    fn new_line(&mut self) {
        let row = self.row;
        let Some(current) = self.rows.get_mut(row) else {
            return;
        };
        let before: String = current.value().chars().take(current.cursor()).collect();
        let after: String = current.value().chars().skip(current.cursor()).collect();
        *current = Input::from(before);
        let mut next = Input::from(after);
        next.handle(InputRequest::GoToStart);
        self.rows.insert(row + 1, next);
        self.row += 1;
    }

    /// Deletes to the left; at the start of a line that is the line's end.
    fn delete(&mut self) {
        let row = self.row;
        let at_start = self.rows.get(row).is_some_and(|row| row.cursor() == 0);
        if !at_start {
            if let Some(current) = self.current() {
                current.handle(InputRequest::DeletePrevChar);
            }
            return;
        }
        let Some(above) = row.checked_sub(1) else {
            return;
        };
        let joined = self.rows.remove(row);
        if let Some(line) = self.rows.get_mut(above) {
            let cursor = line.value().chars().count();
            let whole = format!("{}{}", line.value(), joined.value());
            *line = Input::from(whole);
            line.handle(InputRequest::SetCursor(cursor));
        }
        self.row = above;
    }

    fn go_to(&mut self, row: usize) {
        let cursor = self.rows.get(self.row).map_or(0, Input::cursor);
        self.row = row.min(self.rows.len().saturating_sub(1));
        if let Some(current) = self.current() {
            let length = current.value().chars().count();
            current.handle(InputRequest::SetCursor(cursor.min(length)));
        }
    }

    fn submit(&mut self, look: &Look<'_>) -> Reply {
        let code = self.text();
        if let Err((why, help)) = read_written(&code, self.actor, self.on.as_deref()) {
            return Reply::say(why, help);
        }
        if self.sent.as_ref().is_some_and(|(sent, _)| *sent == code) {
            return Reply::say("it was sent already", "a moment, or change it");
        }
        self.sent = Some((code.clone(), look.run().runbook.blocks.len()));
        Reply::Send(vec![match self.corrects {
            Some(action) => Command::Correct { action, code },
            None => Command::Write {
                code,
                actor: self.actor,
                on: self.on.clone(),
            },
        }])
    }

    /// The lines, and which of them is the last of the row with the cursor.
    fn lines(&self, look: &Look<'_>, columns: usize) -> (Vec<Line<'static>>, usize) {
        let theme = look.theme;
        let place = Line::styled(self.place(look), theme.style(Role::Heading));
        let mut lines = wrap(place, columns, 2);
        let mut at = 0;
        for (index, row) in self.rows.iter().enumerate() {
            let mut spans = vec![Span::styled("▏", theme.style(Role::Muted))];
            if index == self.row {
                let letters = row.value().chars();
                let before: String = letters.clone().take(row.cursor()).collect();
                let after: String = letters.skip(row.cursor()).collect();
                spans.push(Span::raw(before));
                spans.push(Span::styled("█", theme.style(Role::Key)));
                spans.push(Span::raw(after));
            } else {
                spans.push(Span::raw(row.value().to_owned()));
            }
            lines.extend(wrap(Line::from(spans), columns, 2));
            if index == self.row {
                at = lines.len().saturating_sub(1);
            }
        }
        (lines, at)
    }
}

impl Dialog for Editor {
    fn context(&self) -> Context {
        Context::Editor
    }

    fn title(&self, look: &Look<'_>) -> String {
        let run = look.run();
        let step = self
            .corrects
            .and_then(|action| Some((run.step_of(action)?, action)));
        match step {
            Some((step, action)) => {
                let title = action_title(&run.runbook, step, action);
                format!("correct for this run: {}", plain(&title))
            }
            None => "a command of your own".to_owned(),
        }
    }

    fn wants(&self, look: &Look<'_>, room: Size) -> Size {
        let columns = room.width.min(100);
        let rows = self.lines(look, columns.into()).0.len().max(4);
        Size::new(columns, u16::try_from(rows).unwrap_or(u16::MAX))
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let (lines, at) = self.lines(look, area.width.into());
        let top = (at + 2).saturating_sub(area.height.into());
        draw_scrolled(&lines, top, look, area, buffer);
    }

    fn offers(&self, intent: Intent, look: &Look<'_>) -> bool {
        intent != Intent::NextField || (self.corrects.is_none() && !look.run().targets.is_empty())
    }

    fn on(&mut self, intent: Intent, look: &Look<'_>) -> Reply {
        match intent {
            Intent::Close => return Reply::Close,
            Intent::Submit => return self.submit(look),
            Intent::NextField if self.corrects.is_none() => self.turn(look),
            Intent::NewLine => self.new_line(),
            Intent::DeleteBefore => self.delete(),
            Intent::Up => self.go_to(self.row.saturating_sub(1)),
            Intent::Down => self.go_to(self.row + 1),
            _ => {}
        }
        Reply::Stay
    }

    fn field(&mut self) -> Option<&mut Input> {
        self.current()
    }

    fn takes_paste(&self) -> bool {
        true
    }

    fn paste(&mut self, text: &str) -> bool {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                self.new_line();
            }
            for letter in line.replace('\t', "    ").chars() {
                if let (false, Some(row)) = (letter.is_control(), self.current()) {
                    row.handle(InputRequest::InsertChar(letter));
                }
            }
        }
        true
    }

    fn becomes(&self, look: &Look<'_>) -> Option<ActionId> {
        let (code, before) = self.sent.as_ref()?;
        let run = look.run();
        let action = match self.corrects {
            Some(action) => action,
            None => ActionId::block(before + 1),
        };
        let (now, _) = run.code_of(action)?;
        (now.trim_end() == code).then_some(action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(editor: &mut Editor, text: &str) {
        for letter in text.chars() {
            if let Some(row) = editor.current() {
                row.handle(InputRequest::InsertChar(letter));
            }
        }
    }

    #[test]
    fn lines_are_split_and_joined_where_the_cursor_is() {
        let mut editor = Editor::own();
        typed(&mut editor, "echo äb");
        if let Some(row) = editor.current() {
            row.handle(InputRequest::SetCursor(6));
        }
        editor.new_line();
        assert_eq!(editor.text(), "echo ä\nb");
        editor.delete();
        assert_eq!(editor.text(), "echo äb");
        assert_eq!(editor.rows[0].cursor(), 6);
        editor.delete();
        assert_eq!(editor.text(), "echo b");
    }

    #[test]
    fn what_is_pasted_keeps_its_lines_and_no_control_characters() {
        let mut editor = Editor::own();
        assert!(editor.paste("a\r\n\tb\u{1b}[31m\n"));
        assert_eq!(editor.text(), "a\n    b[31m");
    }
}
