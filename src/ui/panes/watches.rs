//! What runs beside the steps: each watch with its state and how long it has been silent, and below
//! them the end of what the chosen one prints. Enter opens that in the output pane, or starts it.
//!
//! ```text
//! watches  2 running                                        1 red flag
//! ▸ ▶ watching  tail -f app.log              1,204 lines · 3s ago · ⚑ 2
//!   ■ ended     ssh -N bastion                         exit 255 · 02:13
//! ── tail -f app.log ──────────────────────────────────────────────────
//! 02:14:07 ERROR: deadlock detected
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::document::attempt_mark;
use super::{Moves, Pane, Title, output};
use crate::run::{ActionId, Attempt};
use crate::ui::format::{
    duration, fit, grouped, line_width, minute, pad, plural, seconds_between, width,
};
use crate::ui::table::first_row;
use crate::ui::theme::{Mark, Role};
use crate::ui::view::Look;

/// Rows of the list where there is output below it.
const LEAST_OUTPUT: u16 = 3;

pub struct Watches;

/// The watch with the cursor.
pub fn chosen_watch(look: &Look<'_>) -> Option<ActionId> {
    let watches = look.run().watches();
    let last = watches.len().checked_sub(1)?;
    watches
        .get(look.view.position("watches").cursor.min(last))
        .copied()
}

impl Pane for Watches {
    fn name(&self) -> &'static str {
        "watches"
    }

    fn moves(&self) -> Moves {
        Moves::Cursor
    }

    fn title(&self, look: &Look<'_>) -> Title {
        let run = look.run();
        let words = match run.watching().len() {
            0 => "none running".to_owned(),
            running => format!("{running} running"),
        };
        let open = run.open_alerts().count();
        Title {
            words,
            alert: (open > 0).then(|| (plural(open, "red flag", "red flags"), Role::Failed)),
        }
    }

    fn rows(&self, look: &Look<'_>, _size: Size) -> u64 {
        look.run().watches().len() as u64
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let watches = look.run().watches();
        let Some(chosen) = chosen_watch(look) else {
            let text = "no watch in this phase: commands that never end appear here";
            super::empty(text, look, area, buffer);
            return;
        };
        let rows = u16::try_from(watches.len()).unwrap_or(u16::MAX);
        let room = area.height.saturating_sub(LEAST_OUTPUT + 1).max(1);
        let listed = rows.min(room).min(area.height);
        let at = watches.iter().position(|watch| *watch == chosen);
        let at = at.unwrap_or(0);
        let top = first_row(at, 0, watches.len(), listed.into());
        let places = area.rows().take(listed.into());
        for ((index, watch), row) in watches.iter().enumerate().skip(top).zip(places) {
            line(*watch, index == at, look, row.width).render(row, buffer);
        }
        let below = Rect {
            y: area.y + listed,
            height: area.height - listed,
            ..area
        };
        self.output(chosen, look, below, buffer);
    }

    fn copies(&self, look: &Look<'_>, _width: u16) -> Option<String> {
        output::text_of(look.model.outputs.get(&chosen_watch(look)?)?)
    }
}

impl Watches {
    /// A rule with the name, and the end of what it prints.
    fn output(&self, chosen: ActionId, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        if area.height < 2 {
            return;
        }
        let border = look.theme.style(Role::Border);
        let columns = usize::from(area.width);
        let title = fit(&title_of(chosen, look), columns.saturating_sub(6));
        let rest = columns.saturating_sub(width(&title) + 4);
        Line::from(vec![
            Span::styled("── ", border),
            Span::styled(title, look.theme.style(Role::Heading)),
            Span::styled(format!(" {}", "─".repeat(rest)), border),
        ])
        .render(Rect { height: 1, ..area }, buffer);
        let area = Rect {
            y: area.y + 1,
            height: area.height - 1,
            ..area
        };
        let known = look.model.outputs.get(&chosen);
        match known.filter(|output| output.lines > 0) {
            Some(output) => {
                let first = output.lines.saturating_sub(area.height.into());
                output::draw(output, first, look, area, buffer);
            }
            None => {
                let text = match last_attempt(chosen, look) {
                    None => "not started: Enter shows what would run",
                    Some(_) => "it has printed nothing yet",
                };
                super::empty(text, look, area, buffer);
            }
        }
    }
}

fn last_attempt<'a>(watch: ActionId, look: &Look<'a>) -> Option<&'a Attempt> {
    look.run().action(watch).and_then(|state| state.last())
}

fn title_of(watch: ActionId, look: &Look<'_>) -> String {
    let run = look.run();
    run.title_of(watch)
}

fn line(watch: ActionId, chosen: bool, look: &Look<'_>, columns: u16) -> Line<'static> {
    let theme = look.theme;
    let attempt = last_attempt(watch, look);
    let Mark { glyph, word, role } = match attempt {
        Some(attempt) if attempt.outcome.is_none() => Mark {
            glyph: "▶",
            word: "watching",
            role: Role::Running,
        },
        Some(_) => attempt_mark(attempt),
        None => Mark {
            glyph: "·",
            word: "not yet",
            role: Role::Pending,
        },
    };
    let mut facts = Vec::new();
    let output = look.model.outputs.get(&watch);
    if let Some(attempt) = attempt {
        match attempt.ended_at {
            None => {
                let last = output.and_then(|output| output.last());
                let heard = last.and_then(|line| {
                    let after =
                        chrono::TimeDelta::try_milliseconds(i64::try_from(line.at_ms).ok()?)?;
                    attempt.started_at.checked_add_signed(after)
                });
                match (output, heard) {
                    (Some(output), Some(heard)) => {
                        let silent = seconds_between(heard, look.model.now);
                        facts.push(match output.lines {
                            1 => "1 line".to_owned(),
                            lines => format!("{} lines", grouped(lines)),
                        });
                        facts.push(format!("{} ago", duration(silent)));
                    }
                    _ => {
                        let silent = seconds_between(attempt.started_at, look.model.now);
                        facts.push(format!("silent for {}", duration(silent)));
                    }
                }
            }
            Some(ended) => {
                let exit = attempt.evidence.as_ref().and_then(|known| known.exit);
                facts.extend(exit.map(|exit| format!("exit {exit}")));
                facts.push(minute(ended));
            }
        }
    }
    let open: u64 = look
        .run()
        .open_alerts()
        .filter(|alert| alert.action == watch)
        .map(|alert| alert.count)
        .sum();
    // What was acknowledged and goes on is counted in sight, without its colour.
    let known: u64 = look
        .run()
        .alerts
        .iter()
        .filter(|alert| alert.action == watch)
        .filter_map(|alert| alert.acknowledged.as_ref())
        .map(|known| known.more)
        .sum();
    let flags = match open {
        0 => String::new(),
        open => format!(" ⚑ {}", grouped(open)),
    };
    if known > 0 {
        facts.push(format!("⚑ {} of known flags", grouped(known)));
    }
    let facts = format!(" {}", facts.join(" · "));
    let head = format!(
        "{} {glyph} {} ",
        if chosen { "▸" } else { " " },
        pad(word, 9)
    );
    let used = width(&head) + width(&facts) + width(&flags);
    let title = pad(
        &title_of(watch, look),
        usize::from(columns).saturating_sub(used),
    );
    let mut line = Line::from(vec![
        Span::styled(head, theme.style(role)),
        Span::raw(title),
        Span::styled(facts, theme.style(Role::Muted)),
        Span::styled(flags, theme.style(Role::Failed)),
    ]);
    if chosen {
        let fill = usize::from(columns).saturating_sub(line_width(&line));
        line.spans.push(Span::raw(" ".repeat(fill)));
        line = line.patch_style(theme.style(Role::Selection));
    }
    line
}
