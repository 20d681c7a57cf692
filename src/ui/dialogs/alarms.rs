//! Every alarm: those that stand now, the gravest first, and below them those that are over.
//!
//! ```text
//! ╔ 2 alarms ═════════════════════════════════════════════ staging ╗
//! ║ ▸ ALTER TABLE audits waits 16s for 8240 nightly-report (…)     ║
//! ║     X ends 8240                                                ║
//! ║   `engine` is down for 9s: connection refused                  ║
//! ║     seen by anna: it is being restarted                        ║
//! ║ over                                                           ║
//! ║   02:01 for 12s  `main` has not answered for 5s                ║
//! ╚ Enter go to its pane  ! say what it means  Esc close ════════╝
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::Line;

use super::form::{Field, Form};
use super::signal::SignalDialog;
use super::{Dialog, Reply, draw_scrolled, moved, size_of};
use crate::monitor::{AlarmSubject, Gravity};
use crate::run::{AlarmRecord, Command, Timestamp};
use crate::ui::alarms::{Standing, helps, standing};
use crate::ui::format::{duration, minute, plural, seconds_between, wrap};
use crate::ui::intent::Intent;
use crate::ui::keymap::Context;
use crate::ui::theme::Role;
use crate::ui::view::Look;

/// Alarms that are over and still listed.
const PAST: usize = 20;

/// A row: the key of its alarm and, where that is over, when it began.
type RowId = (String, Option<Timestamp>);

#[derive(Default)]
pub struct AlarmList {
    /// The row with the cursor: it goes with its alarm.
    cursor: Option<RowId>,
    /// Where that row stood last: the cursor stays there when its alarm goes.
    at: usize,
}

/// The newest of those that are over, each with its end.
fn over<'a>(look: &Look<'a>) -> impl Iterator<Item = (&'a AlarmRecord, Timestamp)> {
    let alarms = look.run().alarms.iter().rev();
    alarms
        .filter_map(|alarm| Some((alarm, alarm.ended_at?)))
        .take(PAST)
}

/// Every row, in its order.
fn rows(standing: &[Standing<'_>], look: &Look<'_>) -> Vec<RowId> {
    let now = standing.iter().map(|one| (one.alarm.key.clone(), None));
    let over = over(look).map(|(alarm, _)| (alarm.key.clone(), Some(alarm.began_at)));
    now.chain(over).collect()
}

impl AlarmList {
    /// Where the cursor is.
    fn place(&self, rows: &[RowId]) -> usize {
        let found = rows
            .iter()
            .position(|row| Some(row) == self.cursor.as_ref());
        found.unwrap_or(self.at.min(rows.len().saturating_sub(1)))
    }

    fn move_to(&mut self, at: usize, rows: &[RowId]) {
        (self.cursor, self.at) = (rows.get(at).cloned(), at);
    }

    fn chosen<'a>(&self, look: &Look<'a>) -> Option<Standing<'a>> {
        let mut standing = standing(look.model);
        let at = self.place(&rows(&standing, look));
        (at < standing.len()).then(|| standing.swap_remove(at))
    }

    /// The rows, and which of them the cursor is on.
    fn lines(&self, look: &Look<'_>, columns: usize) -> (Vec<Line<'static>>, usize) {
        let theme = look.theme;
        let mut lines = Vec::new();
        let mut at = 0;
        let standing = standing(look.model);
        let cursor = self.place(&rows(&standing, look));
        let mark = |index: usize| match index == cursor {
            true => "▸ ",
            false => "  ",
        };
        if standing.is_empty() {
            let none = "no alarms";
            lines.push(Line::styled(none, theme.style(Role::Passed)));
        }
        for (index, one) in standing.iter().enumerate() {
            if index == cursor {
                at = lines.len();
            }
            let role = match (one.seen.is_some(), one.alarm.gravity) {
                (true, _) => Role::Muted,
                (false, Gravity::Harms | Gravity::Stops) => Role::Failed,
                (false, Gravity::Warns) => Role::Warning,
            };
            let text = format!("{}{}", mark(index), one.alarm.text);
            lines.extend(wrap(Line::styled(text, theme.style(role)), columns, 4));
            let after = match one.seen {
                Some(seen) => Some(format!("seen by {}: {}", seen.by, seen.note)),
                None => helps(&one.alarm, look),
            };
            lines.extend(after.into_iter().flat_map(|after| {
                let after = format!("    {after}");
                wrap(Line::styled(after, theme.style(Role::Muted)), columns, 4)
            }));
        }
        let mut over = over(look).zip(standing.len()..).peekable();
        if over.peek().is_some() {
            lines.push(Line::styled("over", theme.style(Role::Heading)));
        }
        for ((alarm, ended), index) in over {
            if index == cursor {
                at = lines.len();
            }
            let lasted = duration(seconds_between(alarm.began_at, ended));
            let began = minute(alarm.began_at);
            let text = format!("{}{began} for {lasted}  {}", mark(index), alarm.text);
            lines.extend(wrap(
                Line::styled(text, theme.style(Role::Muted)),
                columns,
                4,
            ));
        }
        (lines, at)
    }
}

impl Dialog for AlarmList {
    fn context(&self) -> Context {
        Context::Alarms
    }

    fn title(&self, look: &Look<'_>) -> String {
        plural(standing(look.model).len(), "alarm", "alarms")
    }

    fn is_for_anybody(&self) -> bool {
        false
    }

    fn offers(&self, intent: Intent, look: &Look<'_>) -> bool {
        let chosen = || self.chosen(look);
        match intent {
            Intent::AskAcknowledge => {
                look.model.drives() && chosen().is_some_and(|one| one.seen.is_none())
            }
            Intent::EndBlocker => {
                look.model.drives()
                    && chosen().is_some_and(|one| {
                        matches!(one.alarm.subject, AlarmSubject::Session { ours: false, .. })
                    })
            }
            Intent::Pick => chosen().is_some_and(|one| one.alarm.subject != AlarmSubject::Window),
            _ => true,
        }
    }

    fn wants(&self, look: &Look<'_>, room: Size) -> Size {
        let (lines, _) = self.lines(look, room.width.into());
        let mut size = size_of(&lines, 0);
        size.width = size.width.max(70).min(room.width);
        size
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let (lines, at) = self.lines(look, area.width.into());
        let top = (at + 2).saturating_sub(area.height.into());
        draw_scrolled(&lines, top, look, area, buffer);
    }

    fn look_again(&mut self, look: &Look<'_>) {
        let rows = rows(&standing(look.model), look);
        self.move_to(self.place(&rows), &rows);
    }

    fn on(&mut self, intent: Intent, look: &Look<'_>) -> Reply {
        let rows = rows(&standing(look.model), look);
        if let Some(at) = moved(self.place(&rows), intent, rows.len()) {
            self.move_to(at, &rows);
            return Reply::Stay;
        }
        let Some(chosen) = self.chosen(look) else {
            return match intent {
                Intent::Close => Reply::Close,
                _ => Reply::Stay,
            };
        };
        match (intent, &chosen.alarm.subject) {
            (Intent::Close, _) => Reply::Close,
            (Intent::Pick, AlarmSubject::Probe(_)) => Reply::FocusOn("health"),
            (Intent::Pick, AlarmSubject::Server(_)) => Reply::FocusOn("database"),
            (Intent::Pick, AlarmSubject::Session { target, .. } | AlarmSubject::Target(target)) => {
                match look.sessions().map(|shown| &shown.sample.target) {
                    Some(shown) if shown != target => Reply::say(
                        format!("the sessions pane shows `{shown}`, and this is about `{target}`"),
                        "",
                    ),
                    _ => Reply::FocusOn("sessions"),
                }
            }
            (Intent::Pick, AlarmSubject::Window) => Reply::Stay,
            (Intent::EndBlocker, AlarmSubject::Session { target, pid, .. }) => {
                match SignalDialog::of(look, target, *pid) {
                    Some(dialog) => Reply::Become(Box::new(dialog)),
                    None => Reply::say("it has ended by itself", "Esc closes this"),
                }
            }
            (Intent::AskAcknowledge, _) if chosen.seen.is_none() => {
                let key = chosen.alarm.key.clone();
                let (title, asks) = match chosen.alarm.subject {
                    AlarmSubject::Window => ("the run goes on", "why, and who agreed"),
                    _ => ("an alarm was seen", "what it means"),
                };
                let form = Form::new(title, vec![Field::required(asks)], move |texts| {
                    Reply::Done(vec![Command::SeeAlarm {
                        key: key.clone(),
                        note: texts.concat(),
                    }])
                });
                Reply::Open(Box::new(form.about(vec![chosen.alarm.text.clone()])))
            }
            _ => Reply::Stay,
        }
    }
}
