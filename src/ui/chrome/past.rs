//! The rows that say unmistakably that the screen shows the past.

use crate::run::Timestamp;
use crate::ui::format::{clock, duration, fit, pad, seconds_between};
use crate::ui::theme::Role;
use crate::ui::view::Look;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::Line;
use ratatui::widgets::Widget;

/// The screen shows the past, or is about to: said across the whole row.
pub fn past(moment: &Moment, look: &Look<'_>, row: Rect, buffer: &mut Buffer) {
    let Moment {
        shown, wanted, now, ..
    } = *moment;
    let mut text = match shown {
        Some(at) => {
            let ago = duration(seconds_between(at, now));
            format!(" ◀◀ THE PAST: {} UTC, {ago} ago", clock(at))
        }
        None => " ◀◀ THE PAST: not yet here".to_owned(),
    };
    let has_readings = !(look.model.activity.is_empty() && look.model.probes.is_empty());
    if shown != Some(wanted) {
        text.push_str(&format!(" · going to {}", clock(wanted)));
    } else if !has_readings {
        text.push_str(" · no readings were kept then");
    }
    of_time(&text, look, row, buffer);
}

/// What presses now, while the screen shows the past.
pub fn presses_now(moment: &Moment, look: &Look<'_>, row: Rect, buffer: &mut Buffer) {
    match &moment.presses {
        Some(what) => of_time(&format!(" NOW: {what}"), look, row, buffer),
        None => past(moment, look, row, buffer),
    }
}

fn of_time(text: &str, look: &Look<'_>, row: Rect, buffer: &mut Buffer) {
    let style = look.theme.style(Role::Alarm);
    let text = pad(&fit(text, row.width.into()), row.width.into());
    Line::styled(text, style.add_modifier(Modifier::REVERSED)).render(row, buffer);
}

/// Where a screen is in time.
#[derive(Clone, Debug)]
pub struct Moment {
    /// `None`: it still shows now.
    pub shown: Option<Timestamp>,
    pub wanted: Timestamp,
    pub now: Timestamp,
    /// What the run waits for or suffers from at this time, where that is loud.
    pub presses: Option<String>,
}
