//! What was done, by whom and when, the newest at the end.
//!
//! ```text
//! timeline  14 entries
//! 02:10:04 ✓ GO       1 Backup                                  anna
//! 02:11:30 ✎ note     replica lags 4s, going on                 bob
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::{Moves, Pane, Title, clamped};
use crate::run::ENGINE;
use crate::ui::format::{clock, pad, plural};
use crate::ui::theme::Role;
use crate::ui::timeline::Entry;
use crate::ui::view::Look;

pub struct Timeline;

impl Pane for Timeline {
    fn name(&self) -> &'static str {
        "timeline"
    }

    fn moves(&self) -> Moves {
        Moves::Follow
    }

    fn title(&self, look: &Look<'_>) -> Title {
        Title::new(plural(look.model.timeline.len(), "entry", "entries"))
    }

    fn rows(&self, look: &Look<'_>, _size: Size) -> u64 {
        look.model.timeline.len() as u64
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let entries = &look.model.timeline;
        let rows = entries.len() as u64;
        let top = match look.view.position(self.name()).top {
            Some(top) => clamped(top, rows, area.height),
            None => rows.saturating_sub(area.height.into()),
        };
        let top = usize::try_from(top).unwrap_or(0);
        for (entry, row) in entries.iter().skip(top).zip(area.rows()) {
            line(entry, look, row.width).render(row, buffer);
        }
    }

    fn copies(&self, look: &Look<'_>, _width: u16) -> Option<String> {
        let lines: Vec<String> = look
            .model
            .timeline
            .iter()
            .map(|entry| {
                format!(
                    "{} {} {} ({})",
                    clock(entry.at),
                    entry.mark.word,
                    entry.text,
                    entry.by
                )
            })
            .collect();
        Some(lines.join("\n"))
    }
}

fn line(entry: &Entry, look: &Look<'_>, columns: u16) -> Line<'static> {
    let who = match entry.by.as_str() {
        ENGINE => String::new(),
        by => format!(" {}", by.split('@').next().unwrap_or(by)),
    };
    let room = usize::from(columns).saturating_sub(23 + who.chars().count());
    Line::from(vec![
        Span::styled(clock(entry.at), look.theme.style(Role::Muted)),
        Span::styled(
            format!(" {} {} ", entry.mark.glyph, pad(entry.mark.word, 10)),
            look.theme.style(entry.mark.role),
        ),
        Span::raw(pad(&entry.text, room)),
        Span::styled(who, look.theme.style(Role::Muted)),
    ])
}
