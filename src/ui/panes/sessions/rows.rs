//! Sessions as rows: those that wait stand under the one they wait for, unless they are sorted.

use std::hash::{DefaultHasher, Hash, Hasher};

use ratatui::style::Style;
use ratatui::text::Line;

use super::detail;
use super::words::waits_for;
use crate::monitor::{BlockingRow as Row, Session};
use crate::ui::format::{count, fit, milliseconds, width};
use crate::ui::model::Activity;
use crate::ui::progress;
use crate::ui::table::{Cell, Column, Table, Value};
use crate::ui::theme::{Role, Theme};
use crate::ui::view::Look;

const PID: usize = 0;
const APPLICATION: usize = 1;
const STATE: usize = 2;
const WAIT: usize = 3;
const TRANSACTION: usize = 4;
const QUERY_AGE: usize = 5;
const DATABASE: usize = 6;
const USER: usize = 7;
const CLIENT: usize = 8;
const KIND: usize = 9;
const LEADER: usize = 10;
const XMIN: usize = 11;

/// A pane of so many columns tells a wait beside the state, and both ages.
const ROOMY: u16 = 84;
/// Scrolled to only.
const NEVER: u16 = u16::MAX;

const NARROW: [Column; 13] = columns(12, 10);
const MIDDLE: [Column; 13] = columns(16, 14);
const WIDE: [Column; 13] = columns(24, 12);

const fn columns(application: u16, state: u16) -> [Column; 13] {
    [
        Column::right("pid", 7, 0),
        Column::left("application", application, 0),
        Column::left("state", state, 0),
        Column::left("wait", 18, ROOMY),
        Column::right("tx", 7, ROOMY),
        Column::right("for", 7, 0),
        Column::left("database", 10, 130),
        Column::left("user", 10, 130),
        Column::left("client", 15, 170),
        Column::left("type", 14, 190),
        Column::right("leader", 7, NEVER),
        Column::right("xmin", 8, NEVER),
        Column::left("query", 0, 0),
    ]
}

pub struct Rows<'a> {
    pub activity: &'a Activity,
    columns: &'static [Column],
    is_roomy: bool,
}

impl<'a> Rows<'a> {
    /// For a pane of this width.
    pub fn new(activity: &'a Activity, width: u16) -> Self {
        Self {
            activity,
            columns: match width {
                0..52 => &NARROW,
                52..ROOMY => &MIDDLE,
                _ => &WIDE,
            },
            is_roomy: width >= ROOMY,
        }
    }

    fn at(&self, row: usize) -> Option<(Row, &'a Session)> {
        let row = *self.activity.tree.rows.get(row)?;
        Some((row, self.activity.sample.sessions.get(row.index)?))
    }
}

fn text(text: &str) -> Value<'_> {
    match text {
        "" => Value::None,
        text => Value::Text(text.into()),
    }
}

/// What tells a session from every other that has or had its pid.
pub fn key_of(session: &Session) -> u64 {
    let mut hasher = DefaultHasher::new();
    (session.pid, session.backend_start_us).hash(&mut hasher);
    hasher.finish()
}

impl Table for Rows<'_> {
    fn columns(&self) -> &[Column] {
        self.columns
    }

    fn len(&self) -> usize {
        self.activity.tree.rows.len()
    }

    fn key(&self, row: usize) -> u64 {
        self.at(row).map_or(0, |(_, session)| key_of(session))
    }

    fn value(&self, row: usize, column: usize) -> Value<'_> {
        let Some((_, session)) = self.at(row) else {
            return Value::None;
        };
        let measure = |number: Option<i64>| {
            number.map_or(Value::None, |number| Value::Measure(number as f64))
        };
        match column {
            PID => Value::Number(session.pid.into()),
            APPLICATION => text(session.who()),
            STATE => text(&session.state),
            WAIT => match waits_for(session) {
                words if words.is_empty() => Value::None,
                words => Value::Text(words.into()),
            },
            TRANSACTION => measure(session.transaction_ms),
            QUERY_AGE => measure(longest(session)),
            DATABASE => text(&session.database),
            USER => text(&session.user),
            CLIENT => text(&session.client),
            KIND => text(&session.kind),
            LEADER => session
                .leader
                .map_or(Value::None, |pid| Value::Number(pid.into())),
            XMIN => session.xmin_age.map_or(Value::None, Value::Number),
            _ => text(&session.query),
        }
    }

    fn cell(&self, row: usize, column: usize, natural: bool, look: &Look<'_>) -> Cell {
        let Some((row, session)) = self.at(row) else {
            return Cell::new("", Style::default());
        };
        let theme = look.theme;
        let base = base(row, session, theme);
        let plain = Style::default();
        let age = |ms: Option<i64>| {
            ms.map(|ms| milliseconds(ms.max(0) as f64))
                .unwrap_or_default()
        };
        match column {
            PID => Cell::new(session.pid.to_string(), base),
            APPLICATION => {
                let branch = match row.depth {
                    depth if natural && depth > 0 => format!("{}└ ", " ".repeat(depth - 1)),
                    _ => String::new(),
                };
                Cell::new(format!("{branch}{}", session.who()), base)
            }
            STATE => self.state(session, theme),
            WAIT => Cell::new(waits_for(session), theme.style(Role::Warning)),
            TRANSACTION => Cell::new(age(session.transaction_ms), plain),
            QUERY_AGE if self.is_roomy => {
                Cell::new(age(session.query_ms.or(session.state_ms)), plain)
            }
            QUERY_AGE => Cell::new(age(longest(session)), plain),
            DATABASE => Cell::new(&session.database, plain),
            USER => Cell::new(&session.user, plain),
            CLIENT => Cell::new(&session.client, plain),
            KIND => Cell::new(&session.kind, plain),
            LEADER => {
                let leader = session.leader.map(|pid| pid.to_string());
                Cell::new(leader.unwrap_or_default(), plain)
            }
            XMIN => Cell::new(session.xmin_age.map(count).unwrap_or_default(), plain),
            _ => Cell::new(&session.query, base),
        }
    }

    fn badges(&self, row: usize, look: &Look<'_>) -> Vec<Cell> {
        let Some((row, session)) = self.at(row).filter(|_| self.is_roomy) else {
            return Vec::new();
        };
        let mut badges = Vec::new();
        if let Some(progress) = &session.progress {
            let text = format!("[{}]", progress::short(progress));
            badges.push(Cell::new(text, look.theme.style(Role::Running)));
        }
        if row.blocks > 0 {
            let text = format!("[blocks {}]", row.blocks);
            badges.push(Cell::new(text, look.theme.style(Role::Failed)));
        }
        if session.blocked_by.len() > 1 {
            let text = format!("[+{} blockers]", session.blocked_by.len() - 1);
            badges.push(Cell::new(text, look.theme.style(Role::Warning)));
        }
        badges
    }

    fn is_in(&self, row: usize, part: u8) -> bool {
        self.at(row).is_some_and(|(row, session)| match part {
            0 => session.state == "active",
            1 => !session.blocked_by.is_empty() || is_lock(session),
            _ => row.blocks > 0,
        })
    }

    fn takes_ms(&self, row: usize) -> Option<i64> {
        longest(self.at(row)?.1)
    }

    fn copies(&self, row: usize) -> String {
        self.at(row).map_or_else(String::new, |(_, session)| {
            format!("{}: {}", session.pid, session.query)
        })
    }

    fn detail(&self, row: usize, look: &Look<'_>, width: usize) -> Vec<Line<'static>> {
        self.at(row).map_or_else(Vec::new, |(_, session)| {
            detail::lines(session, self.activity, look, width)
        })
    }
}

impl Rows<'_> {
    /// Where there is no column for it, what a session waits for is its state.
    fn state(&self, session: &Session, theme: &Theme) -> Cell {
        let room = usize::from(self.columns[STATE].width);
        match &session.wait {
            // Waiting for its client is what a session in a transaction always does.
            Some(wait) if !self.is_roomy && !wait.starts_with("Client") => {
                Cell::new(waits_for(session), theme.style(Role::Warning))
            }
            _ => short_state(&session.state, room, theme),
        }
    }
}

pub fn is_lock(session: &Session) -> bool {
    session
        .wait
        .as_deref()
        .is_some_and(|wait| wait.starts_with("Lock:"))
}

pub fn longest(session: &Session) -> Option<i64> {
    session
        .query_ms
        .max(session.transaction_ms)
        .or(session.state_ms)
}

fn base(row: Row, session: &Session, theme: &Theme) -> Style {
    match (session.ours, row.blocks > 0, session.blocked_by.is_empty()) {
        (true, _, _) => theme.style(Role::Ours),
        (false, true, _) => theme.style(Role::Failed),
        (false, false, false) => theme.style(Role::Warning),
        _ => Style::default(),
    }
}

/// The state in the room there is: `idle in transaction` is what must stand out.
fn short_state(state: &str, room: usize, theme: &Theme) -> Cell {
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
    Cell::new(fit(word, room), theme.style(role))
}
