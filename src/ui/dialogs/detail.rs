//! One row of a pane in full, as it is now; when it has gone, as it was last.
//!
//! ```text
//! ╔ sessions: in full ═══════════════════════════════════ staging ╗
//! ║ session      4801 nightly-report                              ║
//! ║ holds up     4790 api (active, 58s)                           ║
//! ╚ Esc close  y copy ════════════════════════════════════════════╝
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::Line;

use super::in_full::InFull;
use super::signal::SignalDialog;
use super::{Dialog, Reply, Scroll, size_of};
use crate::monitor::SessionDetail;
use crate::ui::ask::SessionAt;
use crate::ui::intent::Intent;
use crate::ui::keymap::Context;
use crate::ui::panes;
use crate::ui::theme::Role;
use crate::ui::view::Look;

pub struct Detail {
    pane: &'static str,
    key: u64,
    scroll: Scroll,
    in_full: InFull,
    /// What was shown last, and what would have been copied.
    last: (Vec<Line<'static>>, String),
}

impl Detail {
    pub fn new(pane: &'static str, key: u64) -> Self {
        Self {
            pane,
            key,
            scroll: Scroll::default(),
            in_full: InFull::default(),
            last: (Vec::new(), String::new()),
        }
    }

    /// What is known of the row now; `None`: it is there no more.
    fn now(&self, look: &Look<'_>, width: usize) -> Option<(Vec<Line<'static>>, String)> {
        let table = panes::pane(self.pane)?.table(look, u16::MAX)?;
        let row = (0..table.len()).find(|row| table.key(*row) == self.key)?;
        Some((table.detail(row, look, width), table.copies(row)))
    }

    fn lines(&self, look: &Look<'_>, width: usize) -> Vec<Line<'static>> {
        if let Some((mut lines, _)) = self.now(look, width) {
            lines.extend(self.in_full.lines(look, width));
            return lines;
        }
        let gone = "it is no longer in the list; this is its last state";
        let mut lines = vec![Line::styled(gone, look.theme.style(Role::Warning))];
        lines.extend(self.last.0.iter().cloned());
        lines
    }
}

impl Dialog for Detail {
    fn context(&self) -> Context {
        Context::Detail
    }

    fn title(&self, _look: &Look<'_>) -> String {
        format!("{}: one row in full", self.pane)
    }

    fn offers(&self, intent: Intent, look: &Look<'_>) -> bool {
        match intent {
            Intent::CancelSession | Intent::EndSession => {
                self.pane == "sessions" && look.model.drives()
            }
            _ => true,
        }
    }

    fn wants(&self, look: &Look<'_>, room: Size) -> Size {
        let mut size = size_of(&self.lines(look, room.width.into()), 0);
        size.width = size.width.max(70).min(room.width);
        size
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let lines = self.lines(look, area.width.into());
        self.scroll.draw(&lines, look, area, buffer);
    }

    fn look_again(&mut self, look: &Look<'_>) {
        if let Some(now) = self.now(look, 76) {
            self.last = now;
        }
    }

    fn wants_session(&mut self, look: &Look<'_>) -> Option<SessionAt> {
        match self.pane {
            "sessions" => {
                let target = &look.sessions()?.sample.target;
                self.in_full.wants(target, self.key, look)
            }
            _ => None,
        }
    }

    fn learn_session(&mut self, about: &SessionAt, detail: &Result<SessionDetail, String>) {
        self.in_full.learn(about, detail);
    }

    fn on(&mut self, intent: Intent, look: &Look<'_>) -> Reply {
        match intent {
            Intent::Close => Reply::Close,
            Intent::CancelSession | Intent::EndSession => {
                match SignalDialog::new(look, intent, &[self.key]) {
                    Some(dialog) if self.pane == "sessions" => Reply::Become(Box::new(dialog)),
                    _ => Reply::Stay,
                }
            }
            Intent::Copy => Reply::Copy(match self.in_full.whole_query(look) {
                Some(query) => query.to_owned(),
                None => self.last.1.clone(),
            }),
            other => {
                let rows = look.scrolls(|width| self.lines(look, width));
                self.scroll.on(other, rows)
            }
        }
    }
}
