//! The step at hand.
//!
//! ```text
//! step  1.2 Read the dump through  ▶ running 41s
//!   Read the dump through, or it is no backup.
//! ▸ ▶ shell in /srv/app  running 41s
//!   ▏pg_restore -f /dev/null app.dump
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};

use super::document::{Document, document};
use super::{Moves, Pane, Title, clamped, draw_lines};
use crate::run::preview;
use crate::ui::format::{duration, estimate_range};
use crate::ui::keymap::Context;
use crate::ui::markdown::plain;
use crate::ui::theme::status_mark;
use crate::ui::view::Look;
use crate::ui::walk::{Item, is_done, item_at_cursor, items, shown_step};

pub struct StepPane;

impl Pane for StepPane {
    fn name(&self) -> &'static str {
        "step"
    }

    fn contexts(&self) -> &'static [Context] {
        &[Context::Step]
    }

    fn moves(&self) -> Moves {
        Moves::Items
    }

    fn title(&self, look: &Look<'_>) -> Title {
        let Some(step) = shown_step(look) else {
            return Title::default();
        };
        let mark = status_mark(look.run().step_status(step));
        let estimate = step
            .estimate
            .map(|estimate| format!(" · {}", estimate_range(estimate.min_s, estimate.max_s)))
            .unwrap_or_default();
        let rehearsed = look
            .run()
            .rehearsed_s(&step.id)
            .map(|seconds| format!(" · {} in rehearsal", duration(seconds)))
            .unwrap_or_default();
        Title {
            words: plain(&step.title),
            alert: Some((
                format!("{} {}{estimate}{rehearsed}", mark.glyph, mark.word),
                mark.role,
            )),
        }
    }

    fn rows(&self, look: &Look<'_>, size: Size) -> u64 {
        shown_step(look).map_or(0, |step| {
            document(look, step, size.width).lines.len() as u64
        })
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let Some(step) = shown_step(look) else {
            super::empty(
                "the guide holds no steps: see `gonogo check`",
                look,
                area,
                buffer,
            );
            return;
        };
        let document = document(look, step, area.width);
        let top = top_of(&document, look, area.height);
        draw_lines(&document.lines, top, area, buffer);
    }

    fn copies(&self, look: &Look<'_>, _width: u16) -> Option<String> {
        match item_at_cursor(look)? {
            (_, Item::Action(action)) => {
                preview(look.run(), action).ok().map(|shown| shown.command)
            }
            (step, Item::Tick(index)) => step.ticks.get(index).map(|tick| plain(&tick.text)),
            (_, Item::Choice(_)) => None,
        }
    }
}

/// The first row on the screen.
pub fn top(look: &Look<'_>, area: Rect) -> u64 {
    shown_step(look).map_or(0, |step| {
        top_of(&document(look, step, area.width), look, area.height)
    })
}

fn top_of(document: &Document, look: &Look<'_>, height: u16) -> u64 {
    let rows = document.lines.len() as u64;
    match look.view.position("step").top {
        Some(top) => clamped(top, rows, height),
        // A step is read from its start until something in it is done or pointed at.
        None if look.view.item.is_none() && is_fresh(look) => 0,
        None => following(document, rows, height),
    }
}

/// Nothing of the step shown has been done yet.
fn is_fresh(look: &Look<'_>) -> bool {
    let run = look.run();
    shown_step(look).is_some_and(|step| {
        let begun = |item: &Item| match item {
            Item::Action(action) => run
                .action(*action)
                .is_some_and(|state| !state.attempts.is_empty()),
            other => is_done(run, step, other),
        };
        !items(run, step).iter().any(begun)
    })
}

/// Whether the item with the cursor can be seen in this area.
pub fn is_in_sight(look: &Look<'_>, area: Rect) -> bool {
    let Some(step) = shown_step(look) else {
        return false;
    };
    let document = document(look, step, area.width);
    let top = top_of(&document, look, area.height);
    let first = document
        .at
        .and_then(|at| document.places.get(at))
        .map(|(first, _)| *first as u64);
    first.is_some_and(|first| (top..top + u64::from(area.height)).contains(&first))
}

/// The first row so that the item with the cursor is in sight, its end too where there is room.
fn following(document: &Document, rows: u64, height: u16) -> u64 {
    let Some((first, last)) = document.at.and_then(|at| document.places.get(at)) else {
        return 0;
    };
    if *first == usize::MAX {
        return 0;
    }
    let (first, last, height) = (*first as u64, *last as u64, u64::from(height));
    let top = (last + 2).saturating_sub(height);
    top.min(first.saturating_sub(1))
        .min(rows.saturating_sub(height))
}
