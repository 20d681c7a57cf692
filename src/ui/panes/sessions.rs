//! `pg_stat_activity`: who does what, who waits, and who blocks whom. Only the rows in sight are
//! built.
//!
//! ```text
//! sessions  34/100 · 2 waiting · 3 active
//! YOU ARE THE BLOCKER: 2 sessions wait for this run
//!    pid application      state      wait            for query
//!  4711 gonogo:r1:move    active                  1m 02s ALTER TABLE audits …
//!  4790 └ api             active     Lock:relation  58s  SELECT * FROM audits
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{Moves, Pane, Title, trouble};
use crate::monitor::Session;
use crate::ui::format::{fit, milliseconds, pad, pad_left, plural, width};
use crate::ui::model::Activity;
use crate::ui::theme::Role;
use crate::ui::tree::Row;
use crate::ui::view::Look;

pub struct Sessions;

const NAME: &str = "sessions";

impl Pane for Sessions {
    fn name(&self) -> &'static str {
        NAME
    }

    fn moves(&self) -> Moves {
        Moves::Cursor
    }

    fn title(&self, look: &Look<'_>) -> Title {
        let Some(Activity { sample, .. }) = look.model.main_activity() else {
            return Title::default();
        };
        let counts = &sample.counts;
        let mut words = vec![format!("{}/{}", counts.total, counts.max_connections)];
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
        if look.model.activity.len() > 1 {
            words.insert(0, sample.target.clone());
        }
        Title {
            words: words.join(" · "),
            alert: super::alert(&sample.state, sample.at, sample.interval_ms, look),
        }
    }

    fn rows(&self, look: &Look<'_>, _size: Size) -> u64 {
        look.model
            .main_activity()
            .map_or(0, |activity| activity.tree.rows.len() as u64)
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let Some(activity) = look.model.main_activity() else {
            super::empty(super::no_database(look), look, area, buffer);
            return;
        };
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
        let columns = Columns::of(area.width);
        if activity.tree.rows.is_empty() {
            // Before the first good sample nobody knows who is at work.
            let seen = activity.sample.counts.total > 0;
            lines.push(Line::styled(
                if seen {
                    "no active sessions"
                } else {
                    "no session has been seen yet"
                },
                look.theme.style(Role::Muted),
            ));
        } else {
            lines.push(columns.heading(look));
        }
        let rows = &activity.tree.rows;
        let row = |index: usize, width: u16| {
            let row = rows.get(index)?;
            let session = activity.sample.sessions.get(row.index)?;
            Some(columns.row(*row, session, look, width))
        };
        super::draw_rows(NAME, &lines, rows.len(), row, look, area, buffer);
    }

    fn copies(&self, look: &Look<'_>, _width: u16) -> Option<String> {
        let activity = look.model.main_activity()?;
        let row = activity.tree.rows.get(look.view.position(NAME).cursor)?;
        let session = activity.sample.sessions.get(row.index)?;
        Some(format!("{}: {}", session.pid, session.query))
    }
}

/// Which columns there is room for. The query takes the rest.
struct Columns {
    application: usize,
    state: usize,
    wait: usize,
}

impl Columns {
    fn of(columns: u16) -> Self {
        match columns {
            0..52 => Self {
                application: 12,
                state: 10,
                wait: 0,
            },
            52..84 => Self {
                application: 16,
                state: 14,
                wait: 0,
            },
            _ => Self {
                application: 24,
                state: 12,
                wait: 18,
            },
        }
    }

    fn heading(&self, look: &Look<'_>) -> Line<'static> {
        let state = if self.wait > 0 { "state" } else { "state/wait" };
        let mut text = format!(
            "{} {} {} ",
            pad_left("pid", 7),
            pad("application", self.application),
            pad(state, self.state)
        );
        if self.wait > 0 {
            text += &pad("waits for", self.wait);
            text.push(' ');
        }
        text += &pad_left("for", 7);
        text += " query";
        Line::styled(text, look.theme.style(Role::Muted))
    }

    fn row(&self, row: Row, session: &Session, look: &Look<'_>, columns: u16) -> Line<'static> {
        let theme = look.theme;
        let who = match session.application.as_str() {
            "" => session.user.as_str(),
            application => application,
        };
        let branch = match row.depth {
            0 => String::new(),
            depth => format!("{}└ ", " ".repeat(depth - 1)),
        };
        let blocker = row.blocks > 0;
        let base = match (session.ours, blocker, session.blocked_by.is_empty()) {
            (true, _, _) => theme.style(Role::Ours),
            (false, true, _) => theme.style(Role::Failed),
            (false, false, false) => theme.style(Role::Warning),
            _ => Style::default(),
        };
        // Where there is no column for it, what a session waits for is its state.
        let (state, state_role) = match &session.wait {
            // Waiting for its client is what a session in a transaction always does.
            Some(wait) if self.wait == 0 && !wait.starts_with("Client") => {
                (fit(wait, self.state), Role::Warning)
            }
            _ => short_state(&session.state, self.state),
        };
        let longest = session
            .query_ms
            .max(session.transaction_ms)
            .or(session.state_ms);
        let time = longest
            .map(|ms| milliseconds(ms.max(0) as f64))
            .unwrap_or_default();
        let mut spans = vec![
            Span::styled(pad_left(&session.pid.to_string(), 7), base),
            Span::raw(" "),
            Span::styled(pad(&format!("{branch}{who}"), self.application), base),
            Span::raw(" "),
            Span::styled(pad(&state, self.state), theme.style(state_role)),
            Span::raw(" "),
        ];
        if self.wait > 0 {
            let wait = session.wait.as_deref().unwrap_or_default();
            spans.push(Span::styled(
                pad(wait, self.wait),
                theme.style(Role::Warning),
            ));
            spans.push(Span::raw(" "));
        }
        spans.push(Span::raw(pad_left(&time, 7)));
        spans.push(Span::raw(" "));
        if blocker && self.wait > 0 {
            spans.push(Span::styled(
                format!("[blocks {}] ", row.blocks),
                theme.style(Role::Failed),
            ));
        }
        if session.blocked_by.len() > 1 && self.wait > 0 {
            let also = session.blocked_by.len() - 1;
            spans.push(Span::styled(
                format!("[+{also} blockers] "),
                theme.style(Role::Warning),
            ));
        }
        let used: usize = spans.iter().map(|span| width(&span.content)).sum();
        let room = usize::from(columns).saturating_sub(used);
        spans.push(Span::styled(pad(&session.query, room), base));
        Line::from(spans)
    }
}

/// The state in the room there is: `idle in transaction` is what must stand out.
fn short_state(state: &str, room: usize) -> (String, Role) {
    let role = match state {
        "active" => Role::Running,
        "idle in transaction" | "idle in transaction (aborted)" => Role::Warning,
        _ => Role::Muted,
    };
    let word = match (state, room) {
        (state, room) if width(state) <= room => state,
        ("idle in transaction (aborted)", _) => "failed tx",
        ("idle in transaction", _) => "idle in tx",
        (state, _) => state,
    };
    (fit(word, room), role)
}
