//! The panes between the header and the footer. A pane is one file: it renders the model into its
//! area and changes nothing. To add one, write its file and register it in [`PANES`]; where it
//! stands on the screen is a layout file's business.

mod database;
mod document;
mod gate;
mod health;
mod output;
mod phases;
mod reference;
mod sessions;
mod statements;
mod step;
mod timeline;
mod waits;
mod watches;

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::Line;
use ratatui::widgets::Widget;

use super::format::{duration, seconds_between};
use super::keymap::Context;
use super::listing::Frozen;
use super::table::{Table, first_row};
use super::theme::Role;
use super::view::Look;
use crate::monitor::Reading;
use crate::run::Timestamp;

pub use gate::item_lines as gate_item_lines;
pub use output::first_line;
pub use phases::steps_in_order;
pub use reference::opened as reference_opened;
pub use sessions::{key_of as session_key, named as named_session};
pub use step::{is_in_sight, top as step_top};
pub use watches::chosen_watch;

/// One pane of the cockpit.
pub trait Pane: Sync {
    /// As layout files call it.
    fn name(&self) -> &'static str;

    /// Whose keys are asked first while it has the focus, one after the other.
    fn contexts(&self) -> &'static [Context] {
        &[Context::Pane]
    }

    /// Its rows, where it lists things, for a pane of this width.
    fn table<'a>(&self, _look: &Look<'a>, _width: u16) -> Option<Box<dyn Table + 'a>> {
        None
    }

    /// The parts of its list that can be shown by themselves.
    fn parts(&self) -> &'static [&'static str] {
        &[]
    }

    /// What its rows can be counted together by.
    fn groups(&self) -> &'static [&'static str] {
        &[]
    }

    /// What it goes on showing while it is paused.
    fn freezes(&self, _look: &Look<'_>) -> Option<Frozen> {
        None
    }

    /// How the arrows move in it.
    fn moves(&self) -> Moves {
        Moves::Scroll
    }

    /// What it shows, in a few words, for its title.
    fn title(&self, look: &Look<'_>) -> Title;

    /// All its rows at this size, those out of sight too.
    fn rows(&self, look: &Look<'_>, size: Size) -> u64;

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer);

    /// What the copy key copies, in a pane of this width.
    fn copies(&self, _look: &Look<'_>, _width: u16) -> Option<String> {
        None
    }
}

/// What Up and Down do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moves {
    /// Rows pass by.
    Scroll,
    /// Rows pass by, and the end is followed until somebody scrolls up.
    Follow,
    /// A cursor goes from row to row.
    Cursor,
    /// The same in a [`Table`]: the cursor keeps its row while rows come and go.
    Table,
    /// A cursor goes from box to action.
    Items,
    /// A cursor goes from step to step.
    Steps,
}

/// The words after a pane's name, and what is wrong with its data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Title {
    pub words: String,
    pub alert: Option<(String, Role)>,
}

impl Title {
    pub fn new(words: impl Into<String>) -> Self {
        Self {
            words: words.into(),
            alert: None,
        }
    }
}

/// Every pane.
pub const PANES: [&dyn Pane; 12] = [
    &phases::Phases,
    &step::StepPane,
    &output::Output,
    &watches::Watches,
    &sessions::Sessions,
    &statements::Statements,
    &database::Database,
    &waits::Waits,
    &health::Health,
    &gate::GatePane,
    &timeline::Timeline,
    &reference::Reference,
];

/// The names a layout may use.
pub fn names() -> Vec<&'static str> {
    PANES.iter().map(|pane| pane.name()).collect()
}

pub fn pane(name: &str) -> Option<&'static dyn Pane> {
    PANES.iter().find(|pane| pane.name() == name).copied()
}

/// Draws the visible ones of `lines`.
fn draw_lines(lines: &[Line<'_>], top: u64, area: Rect, buffer: &mut Buffer) {
    let top = usize::try_from(top).unwrap_or(usize::MAX);
    for (line, row) in lines.iter().skip(top).zip(area.rows()) {
        line.render(row, buffer);
    }
}

/// The first row to show, so that a scroll position left over from a longer text shows something.
fn clamped(top: u64, rows: u64, height: u16) -> u64 {
    top.min(rows.saturating_sub(height.into()))
}

/// Draws a head that stays and below it as many rows as there is room for, those around the cursor of
/// the pane; the one under it is marked while the pane has the focus.
fn draw_rows(
    name: &'static str,
    head: &[Line<'static>],
    rows: usize,
    row: impl Fn(usize, u16) -> Option<Line<'static>>,
    look: &Look<'_>,
    area: Rect,
    buffer: &mut Buffer,
) {
    let used = u16::try_from(head.len())
        .unwrap_or(u16::MAX)
        .min(area.height);
    draw_lines(head, 0, area, buffer);
    let rest = Rect {
        y: area.y + used,
        height: area.height - used,
        ..area
    };
    let position = look.view.position(name);
    let cursor = position.cursor.min(rows.saturating_sub(1));
    let top = usize::try_from(position.top.unwrap_or(0)).unwrap_or(0);
    let top = first_row(cursor, top, rows, rest.height.into());
    let focused = look.view.focus() == name;
    let visible: Vec<Line<'static>> = (top..rows)
        .take(rest.height.into())
        .filter_map(|index| {
            let line = row(index, rest.width)?;
            Some(match focused && index == cursor {
                true => line.patch_style(look.theme.style(Role::Selection)),
                false => line,
            })
        })
        .collect();
    draw_lines(&visible, 0, rest, buffer);
}

/// What is wrong with a reading, in a few words: lost, incomplete, or older than three intervals.
fn alert(
    reading: &Reading,
    at: Timestamp,
    interval_ms: u64,
    look: &Look<'_>,
) -> Option<(String, Role)> {
    let age = seconds_between(at, look.model.now);
    match reading {
        Reading::Lost { since, .. } => {
            let age = seconds_between(*since, look.model.now);
            Some((format!("LOST for {}", duration(age)), Role::Failed))
        }
        _ if age > (interval_ms * 3 / 1_000).max(3) => {
            Some((format!("{} old", duration(age)), Role::Warning))
        }
        Reading::Partial { .. } => Some(("incomplete".to_owned(), Role::Warning)),
        Reading::Good => None,
    }
}

/// Why a reading is lost or incomplete and what to do, as lines on top of a pane.
fn trouble(reading: &Reading, width: u16, look: &Look<'_>) -> Vec<Line<'static>> {
    let (message, help, role) = match reading {
        Reading::Good => return Vec::new(),
        Reading::Partial { message, help } => (message, help, Role::Warning),
        Reading::Lost { message, help, .. } => (message, help, Role::Failed),
    };
    let mut lines = super::format::wrap(
        Line::styled(message.clone(), look.theme.style(role)),
        width.into(),
        0,
    );
    lines.extend(super::format::wrap(
        Line::styled(help.clone(), look.theme.style(Role::Muted)),
        width.into(),
        0,
    ));
    lines
}

/// Why there is no reading of a database.
fn no_database(look: &Look<'_>) -> &'static str {
    if look.run().targets.is_empty() {
        "this environment names no database: see `[environments.NAME.targets]` in `gonogo.toml`"
    } else {
        "no reading of the database yet"
    }
}

/// A pane that has nothing to show says why.
fn empty(text: &str, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
    let line = Line::styled(text.to_owned(), look.theme.style(Role::Muted));
    draw_lines(
        &super::format::wrap(line, area.width.into(), 0),
        0,
        area,
        buffer,
    );
}
