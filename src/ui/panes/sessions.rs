//! `pg_stat_activity`: who does what, who waits, and who blocks whom.
//!
//! ```text
//! sessions  34/100 · 2 waiting · 3 active · 29 idle not listed
//! YOU ARE THE BLOCKER: 2 sessions wait for this run
//!    pid application      state      wait              tx     for query
//!  4711 gonogo:r1:move    active                   1m 02s  1m 02s ALTER TABLE audits …
//!  4790 └ api             active     a table lock     58s     58s SELECT * FROM audits
//! ```

mod detail;
mod groups;
mod rows;
mod words;

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::Line;

use super::{Moves, Pane, Title, trouble};
use crate::ui::format::{pad, plural};
use crate::ui::keymap::Context;
use crate::ui::listing::Frozen;
use crate::ui::model::Activity;
use crate::ui::table::{self, Arranged, Table};
use crate::ui::theme::Role;
use crate::ui::view::Look;

pub use detail::named;
use groups::Groups;
use rows::Rows;
pub use rows::key_of;

pub struct Sessions;

const NAME: &str = "sessions";

impl Pane for Sessions {
    fn name(&self) -> &'static str {
        NAME
    }

    fn contexts(&self) -> &'static [Context] {
        &[Context::Sessions, Context::Table]
    }

    fn moves(&self) -> Moves {
        Moves::Table
    }

    fn parts(&self) -> &'static [&'static str] {
        &["running", "waiting", "blocking"]
    }

    fn table<'a>(&self, look: &Look<'a>, width: u16) -> Option<Box<dyn Table + 'a>> {
        let activity = look.sessions()?;
        Some(match look.view.listing(NAME).group {
            Some(by) => Box::new(Groups::new(activity, by)),
            None => Box::new(Rows::new(activity, width)),
        })
    }

    fn groups(&self) -> &'static [&'static str] {
        &groups::BY
    }

    fn freezes(&self, look: &Look<'_>) -> Option<Frozen> {
        let activity = look.model.main_activity()?;
        Some(Frozen::Sessions(Box::new(activity.clone())))
    }

    fn title(&self, look: &Look<'_>) -> Title {
        let Some(activity) = look.sessions() else {
            return Title::default();
        };
        let sample = &activity.sample;
        let listing = look.view.listing(NAME);
        let part = listing
            .part
            .and_then(|part| self.parts().get(usize::from(part)));
        let (mut words, paused) = match self.table(look, u16::MAX) {
            Some(rows) => {
                let arranged = Arranged::of(rows.as_ref(), listing);
                table::words(&arranged, listing, part.copied(), look)
            }
            None => (Vec::new(), None),
        };
        let by = listing.group.and_then(|by| groups::BY.get(usize::from(by)));
        words.extend(by.map(|by| format!("by {by}")));
        let counts = &sample.counts;
        words.push(format!("{}/{}", counts.total, counts.max_connections));
        if counts.waiting > 0 {
            words.push(format!("{} waiting", counts.waiting));
        }
        words.push(format!("{} active", counts.active));
        if counts.idle_in_transaction > 0 {
            words.push(format!(
                "{} idle in transaction",
                counts.idle_in_transaction
            ));
        }
        if counts.hidden > 0 {
            words.push(format!("{} hidden", counts.hidden));
        }
        if counts.idle > 0 {
            words.push(format!("{} idle not listed", counts.idle));
        }
        if look.model.activity.len() > 1 {
            words.insert(0, sample.target.clone());
        }
        Title {
            words: words.join(" · "),
            alert: paused
                .or_else(|| super::alert(&sample.state, sample.at, sample.interval_ms, look)),
        }
    }

    fn rows(&self, look: &Look<'_>, _size: Size) -> u64 {
        look.sessions()
            .map_or(0, |activity| activity.tree.rows.len() as u64)
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let (Some(activity), Some(rows)) = (look.sessions(), self.table(look, area.width)) else {
            super::empty(super::no_database(look), look, area, buffer);
            return;
        };
        let head = head(activity, look, area);
        table::draw(NAME, head, rows.as_ref(), look, area, buffer);
    }
}

/// What is told above the rows.
fn head(activity: &Activity, look: &Look<'_>, area: Rect) -> Vec<Line<'static>> {
    let mut lines = trouble(&activity.sample.state, area.width, look);
    // Trouble never takes all of the pane: the last good data stays in sight below it.
    lines.truncate(usize::from(area.height / 2));
    if activity.tree.blocked_by_ours > 0 {
        let waiting = plural(
            activity.tree.blocked_by_ours,
            "session waits",
            "sessions wait",
        );
        lines.push(Line::styled(
            pad(
                &format!(" YOU ARE THE BLOCKER: {waiting} for this run"),
                area.width.into(),
            ),
            look.theme.style(Role::Alarm),
        ));
    }
    if activity.tree.rows.is_empty() {
        // Before the first good sample nobody knows who is at work.
        let text = match activity.sample.counts.total {
            0 => "no session has been seen yet",
            _ => "no active sessions",
        };
        lines.push(Line::styled(text, look.theme.style(Role::Muted)));
    }
    lines
}
