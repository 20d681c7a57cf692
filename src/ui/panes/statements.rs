//! `pg_stat_statements` since the phase began: what the deployment changed in the load.
//!
//! ```text
//! statements  since 02:10: 1.2k calls, 0.5s
//!   calls   /s   mean   total share query
//!    1.1k   98  0.4ms    0.5s ▇▇▁ 61% INSERT INTO ai_queries …
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::{Line, Span};

use super::{Moves, Pane, Title, draw_lines, trouble};
use crate::monitor::StatementDelta;
use crate::ui::format::{count, milliseconds, minute, pad, pad_left, width};
use crate::ui::theme::Role;
use crate::ui::view::Look;

pub struct Statements;

const NAME: &str = "statements";
/// The sampler's own interval is not in the sample; it is never longer than this.
const INTERVAL_MS: u64 = 5_000;

impl Pane for Statements {
    fn name(&self) -> &'static str {
        NAME
    }

    fn moves(&self) -> Moves {
        Moves::Cursor
    }

    fn title(&self, look: &Look<'_>) -> Title {
        let Some(sample) = look.model.main_statements() else {
            return Title::default();
        };
        let alert = super::alert(&sample.state, sample.at, INTERVAL_MS, look).or_else(|| {
            sample
                .reset
                .then(|| ("counters were reset".to_owned(), Role::Warning))
        });
        Title {
            words: format!(
                "since {}: {} calls, {}",
                minute(sample.since),
                count(sample.total_calls),
                milliseconds(sample.total_ms)
            ),
            alert,
        }
    }

    fn rows(&self, look: &Look<'_>, _size: Size) -> u64 {
        look.model
            .main_statements()
            .map_or(0, |sample| sample.statements.len() as u64)
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let Some(sample) = look.model.main_statements() else {
            super::empty(super::no_database(look), look, area, buffer);
            return;
        };
        let mut lines = trouble(&sample.state, area.width, look);
        if sample.statements.is_empty() {
            if lines.is_empty() {
                super::empty(
                    "no statement has run since the phase began",
                    look,
                    area,
                    buffer,
                );
            } else {
                draw_lines(&lines, 0, area, buffer);
            }
            return;
        }
        lines.truncate(usize::from(area.height / 2));
        let wide = area.width >= 64;
        lines.push(Line::styled(
            if wide {
                "  calls     /s    mean   total  share query"
            } else {
                "  calls    mean  share query"
            },
            look.theme.style(Role::Muted),
        ));
        let statements = &sample.statements;
        let line = |index: usize, width: u16| {
            let statement = statements.get(index)?;
            Some(row(statement, wide, look, width))
        };
        super::draw_rows(NAME, &lines, statements.len(), line, look, area, buffer);
    }

    fn copies(&self, look: &Look<'_>, _width: u16) -> Option<String> {
        let sample = look.model.main_statements()?;
        let statement = sample.statements.get(look.view.position(NAME).cursor)?;
        Some(statement.query.clone())
    }
}

fn row(statement: &StatementDelta, wide: bool, look: &Look<'_>, columns: u16) -> Line<'static> {
    let share = statement.share.clamp(0.0, 1.0) * 100.0;
    let role = match share {
        share if share >= 50.0 => Role::Warning,
        _ => Role::Text,
    };
    let mut numbers = pad_left(&count(statement.calls), 7);
    if wide {
        let rate = match statement.calls_per_s {
            rate if rate >= 10.0 => format!("{rate:.0}"),
            rate => format!("{rate:.1}"),
        };
        numbers += &pad_left(&rate, 7);
    }
    numbers += &pad_left(&milliseconds(statement.mean_ms), 8);
    if wide {
        numbers += &pad_left(&milliseconds(statement.total_ms), 8);
    }
    let share = pad_left(&format!("{share:.0}%"), 7);
    let room = usize::from(columns).saturating_sub(width(&numbers) + 8);
    Line::from(vec![
        Span::raw(numbers),
        Span::styled(share, look.theme.style(role)),
        Span::raw(" "),
        Span::raw(pad(&statement.query, room)),
    ])
}
