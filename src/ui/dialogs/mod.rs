//! What stands on top of the panes while something is decided. A dialog gets intents and answers
//! what is to be done; it sends nothing itself. Enter closes or keeps text, and never runs, stops or
//! ends anything.

mod acts;
mod alarms;
mod approve;
mod before;
mod confirm;
mod detail;
mod editor;
mod form;
mod gate;
mod guide;
mod handover;
mod held;
mod help;
mod in_full;
mod included;
mod inputs;
mod page;
mod palette;
mod people;
mod pick;
mod preview;
mod preview_list;
mod resolve;
mod rollback;
mod signal;
mod source;
mod stopped;
mod target;
mod trust;
mod word;

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::Line;
use ratatui::widgets::Widget;
use tui_input::Input;

use super::ask::SessionAt;
use super::intent::Intent;
use super::keymap::Context;
use super::theme::Role;
use super::view::Look;
use crate::monitor::{BeforeStep, SessionDetail};
use crate::run::{ActionId, Command, Fate, Included, Timestamp};

pub use alarms::AlarmList;
pub use approve::Approve;
pub use confirm::{Confirm, Quit};
pub use detail::Detail;
pub use editor::Editor;
pub use form::{Field, Form};
pub use gate::GateDialog;
pub use guide::GuideChanged;
pub use handover::HandOver;
pub use held::HeldDialog;
pub use help::Help;
pub use inputs::Inputs;
pub use palette::{Palette, SearchFor};
pub use people::People;
pub use pick::{Pick, Subject};
pub use preview::PreviewDialog;
pub use resolve::Resolve;
pub use rollback::RollBackDialog;
pub use signal::SignalDialog;
pub use stopped::Stopped;
pub use target::{accept_target, take_target};
pub use trust::TrustDialog;

pub trait Dialog: Send {
    /// Whose keys work while it is on top.
    fn context(&self) -> Context;

    fn title(&self, look: &Look<'_>) -> String;

    /// The room its content would like, within the room there is.
    fn wants(&self, look: &Look<'_>, room: Size) -> Size;

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer);

    fn on(&mut self, intent: Intent, look: &Look<'_>) -> Reply;

    /// Colour of its border.
    fn role(&self) -> Role {
        Role::Focus
    }

    /// Whether a key would do something now.
    fn offers(&self, _intent: Intent, _look: &Look<'_>) -> bool {
        true
    }

    /// Who only watches may answer it too.
    fn is_for_anybody(&self) -> bool {
        false
    }

    /// The field that takes the keys that are not bound.
    fn field(&mut self) -> Option<&mut Input> {
        None
    }

    /// Called after the field has changed.
    fn typed(&mut self, _look: &Look<'_>) {}

    /// Pasted text goes into the field. Never into a confirmation.
    fn takes_paste(&self) -> bool {
        false
    }

    /// Takes a pasted text whole, its lines too; false: it goes into the field, as one line.
    fn paste(&mut self, _text: &str) -> bool {
        false
    }

    /// The command that is to be looked at in its place, once that is on record.
    fn becomes(&self, _look: &Look<'_>) -> Option<ActionId> {
        None
    }

    /// Why a pasted text is not taken, where it would have to lose something.
    fn refuses_paste(&self, _text: &str) -> Option<String> {
        None
    }

    /// The run may have changed since it was drawn last.
    fn look_again(&mut self, _look: &Look<'_>) {}

    /// A text that a dialog on top of this one was asked for.
    fn told(&mut self, _text: String) {}

    /// An action of which it would like to know what became: asked once.
    fn wants_fate(&mut self) -> Option<ActionId> {
        None
    }

    fn learn_fate(&mut self, _action: ActionId, _fate: &Result<Box<Fate>, String>) {}

    /// An action whose included files it would like to see: asked once.
    fn wants_included(&mut self) -> Option<ActionId> {
        None
    }

    fn learn_included(&mut self, _action: ActionId, _included: Result<Vec<Included>, String>) {}

    /// A block whose loss it would like to know: asked once.
    fn wants_loss(&mut self, _look: &Look<'_>) -> Option<usize> {
        None
    }

    /// A session that it would like to see in full: asked once a reading, one at a time.
    fn wants_session(&mut self, _look: &Look<'_>) -> Option<SessionAt> {
        None
    }

    fn learn_session(&mut self, _session: &SessionAt, _detail: &Result<SessionDetail, String>) {}

    /// An action of which it would like to know what that would meet: asked again now and then.
    fn wants_before(&mut self, _look: &Look<'_>) -> Option<ActionId> {
        None
    }

    fn learn_before(&mut self, _action: ActionId, _before: &Result<BeforeStep, String>) {}

    /// It would like to see what has changed in the guide: asked once.
    fn wants_difference(&mut self) -> bool {
        false
    }

    fn learn_difference(&mut self, _difference: Result<Vec<String>, String>) {}

    fn learn_loss(&mut self, _block: usize, _loss: Result<String, String>) {}
}

/// What a dialog answers.
pub enum Reply {
    Stay,
    Close,
    /// Says something and stays.
    Say {
        text: String,
        help: String,
    },
    /// Closes all dialogs and sends these, one after the other.
    Do(Vec<Command>),
    /// Sends and stays.
    Send(Vec<Command>),
    /// Closes this dialog, not the one beneath, and sends.
    Done(Vec<Command>),
    /// Opens another on top.
    Open(Box<dyn Dialog>),
    /// Opens another in its place.
    Become(Box<dyn Dialog>),
    /// Closes and tells the dialog beneath.
    Tell(String),
    /// Closes all and goes on as if the key had been pressed there; sends these first.
    Then(Vec<Command>, Intent),
    FocusOn(&'static str),
    TakeLayout(usize),
    /// Closes this dialog and shows what was then.
    TravelTo(Timestamp),
    SearchFor(String),
    Copy(String),
    /// Closes all and drives from here, once these are sent.
    Drive(Vec<Command>),
    Leave,
}

impl Reply {
    fn say(text: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Say {
            text: text.into(),
            help: help.into(),
        }
    }
}

/// Draws lines from `top` on, and says how much is out of sight.
fn draw_scrolled(
    lines: &[Line<'static>],
    top: usize,
    look: &Look<'_>,
    area: Rect,
    buffer: &mut Buffer,
) {
    let height = usize::from(area.height);
    let top = top.min(lines.len().saturating_sub(height));
    for (line, row) in lines.iter().skip(top).zip(area.rows()) {
        line.render(row, buffer);
    }
    let below = lines.len().saturating_sub(top + height);
    if let (true, Some(last)) = (below > 0 || top > 0, area.rows().next_back()) {
        let text = format!(" {above} above, {below} below ", above = top);
        let wide = u16::try_from(text.chars().count())
            .unwrap_or(u16::MAX)
            .min(last.width);
        let corner = Rect {
            x: last.right() - wide,
            width: wide,
            ..last
        };
        Line::styled(text, look.theme.style(Role::Found)).render(corner, buffer);
    }
}

/// How far a dialog that is one text has been scrolled.
#[derive(Default)]
struct Scroll(usize);

impl Scroll {
    fn draw(&self, lines: &[Line<'static>], look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        draw_scrolled(lines, self.0, look, area, buffer);
    }

    /// Takes what no key of the dialog's own was: it moves, or nothing happens.
    fn on(&mut self, intent: Intent, rows: usize) -> Reply {
        if let Some(top) = moved(self.0, intent, rows) {
            self.0 = top;
        }
        Reply::Stay
    }
}

/// Moves a scroll position or cursor.
fn moved(position: usize, intent: Intent, rows: usize) -> Option<usize> {
    let last = rows.saturating_sub(1);
    Some(match intent {
        Intent::Up => position.min(last).saturating_sub(1),
        Intent::Down => (position + 1).min(last),
        Intent::PageUp => position.min(last).saturating_sub(10),
        Intent::PageDown => (position + 10).min(last),
        _ => return None,
    })
}

/// The room for a text, no wider than it is read with ease.
fn text_size(room: Size, lines: impl FnOnce(usize) -> Vec<Line<'static>>) -> Size {
    let columns = room.width.min(90);
    Size::new(columns, size_of(&lines(columns.into()), 0).height)
}

fn size_of(lines: &[Line<'_>], extra: u16) -> Size {
    let widest = lines
        .iter()
        .map(super::format::line_width)
        .max()
        .unwrap_or(0);
    Size::new(
        u16::try_from(widest).unwrap_or(u16::MAX),
        u16::try_from(lines.len())
            .unwrap_or(u16::MAX)
            .saturating_add(extra),
    )
}
