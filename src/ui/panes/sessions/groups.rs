//! Sessions counted together: by application, by user, or by state.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use ratatui::style::Style;
use ratatui::text::Line;

use super::rows::{is_lock, longest};
use crate::monitor::Session;
use crate::ui::format::{milliseconds, plural};
use crate::ui::model::Activity;
use crate::ui::table::{Cell, Column, Table, Value};
use crate::ui::theme::Role;
use crate::ui::view::Look;

/// What sessions are counted by; each is also the title of a column of theirs.
pub const BY: [&str; 3] = ["application", "user", "state"];

const COLUMNS: [[Column; 8]; 3] = [columns(BY[0]), columns(BY[1]), columns(BY[2])];

const NAME: usize = 0;
const SESSIONS: usize = 1;
const ACTIVE: usize = 2;
const WAITING: usize = 3;
const IN_TRANSACTION: usize = 4;
const TRANSACTION: usize = 5;
const LONGEST: usize = 6;

const fn columns(by: &'static str) -> [Column; 8] {
    [
        Column::left(by, 20, 0),
        Column::right("sessions", 8, 0),
        Column::right("active", 6, 0),
        Column::right("waiting", 7, 0),
        Column::right("idle in tx", 10, 60),
        Column::right("longest tx", 10, 70),
        Column::right("for", 7, 0),
        Column::left("query of the longest", 0, 0),
    ]
}

struct Group<'a> {
    name: &'a str,
    sessions: Vec<&'a Session>,
}

impl<'a> Group<'a> {
    fn count(&self, is: impl Fn(&Session) -> bool) -> i64 {
        let counted = self.sessions.iter().filter(|session| is(session)).count();
        i64::try_from(counted).unwrap_or(i64::MAX)
    }

    fn longest(&self) -> Option<&'a Session> {
        let sessions = self.sessions.iter().copied();
        sessions.max_by_key(|session| longest(session))
    }
}

pub struct Groups<'a> {
    by: usize,
    groups: Vec<Group<'a>>,
}

impl<'a> Groups<'a> {
    pub fn new(activity: &'a Activity, by: u8) -> Self {
        let by = usize::from(by).min(BY.len() - 1);
        let mut groups: BTreeMap<&str, Vec<&Session>> = BTreeMap::new();
        for session in &activity.sample.sessions {
            let name = match by {
                0 => session.who(),
                1 => &session.user,
                _ => &session.state,
            };
            groups.entry(name).or_default().push(session);
        }
        let groups = groups.into_iter();
        let mut groups: Vec<Group<'_>> = groups
            .map(|(name, sessions)| Group { name, sessions })
            .collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.sessions.len()));
        Self { by, groups }
    }

    fn number(&self, group: &Group<'_>, column: usize) -> i64 {
        match column {
            SESSIONS => group.count(|_| true),
            ACTIVE => group.count(|session| session.state == "active"),
            WAITING => group.count(|session| !session.blocked_by.is_empty() || is_lock(session)),
            _ => group.count(|session| session.state.starts_with("idle in transaction")),
        }
    }

    fn age(&self, group: &Group<'_>, column: usize) -> Option<i64> {
        let sessions = group.sessions.iter();
        match column {
            TRANSACTION => sessions.filter_map(|session| session.transaction_ms).max(),
            _ => longest(group.longest()?),
        }
    }
}

impl Table for Groups<'_> {
    fn columns(&self) -> &[Column] {
        &COLUMNS[self.by]
    }

    fn len(&self) -> usize {
        self.groups.len()
    }

    fn key(&self, row: usize) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.by, self.groups.get(row).map(|group| group.name)).hash(&mut hasher);
        hasher.finish()
    }

    fn value(&self, row: usize, column: usize) -> Value<'_> {
        let Some(group) = self.groups.get(row) else {
            return Value::None;
        };
        match column {
            NAME => Value::Text(group.name.into()),
            SESSIONS..=IN_TRANSACTION => Value::Number(self.number(group, column)),
            TRANSACTION | LONGEST => match self.age(group, column) {
                Some(ms) => Value::Measure(ms as f64),
                None => Value::None,
            },
            _ => match group.longest() {
                Some(session) => Value::Text(session.query.as_str().into()),
                None => Value::None,
            },
        }
    }

    fn cell(&self, row: usize, column: usize, _natural: bool, look: &Look<'_>) -> Cell {
        let Some(group) = self.groups.get(row) else {
            return Cell::new("", Style::default());
        };
        let is_ours = group.sessions.iter().any(|session| session.ours);
        let base = match is_ours {
            true => look.theme.style(Role::Ours),
            false => Style::default(),
        };
        match column {
            NAME if group.name.is_empty() => Cell::new("none", look.theme.style(Role::Muted)),
            NAME => Cell::new(group.name, base),
            SESSIONS..=IN_TRANSACTION => match (self.number(group, column), column) {
                (0, _) => Cell::new("", base),
                (some, WAITING | IN_TRANSACTION) => {
                    Cell::new(some.to_string(), look.theme.style(Role::Warning))
                }
                (some, _) => Cell::new(some.to_string(), base),
            },
            TRANSACTION | LONGEST => {
                let age = self.age(group, column);
                let words = age.map(|ms| milliseconds(ms.max(0) as f64));
                Cell::new(words.unwrap_or_default(), Style::default())
            }
            _ => Cell::new(group.longest().map_or("", |session| &session.query), base),
        }
    }

    fn takes_ms(&self, row: usize) -> Option<i64> {
        self.age(self.groups.get(row)?, LONGEST)
    }

    fn copies(&self, row: usize) -> String {
        self.groups.get(row).map_or_else(String::new, |group| {
            let sessions = plural(group.sessions.len(), "session", "sessions");
            format!("{}: {sessions}", group.name)
        })
    }

    fn opens(&self, row: usize) -> Option<String> {
        let group = self.groups.get(row)?;
        let name = regex::escape(group.name).replace(' ', r"\s");
        (!name.is_empty()).then(|| format!("{}:^{name}$", BY[self.by]))
    }

    fn detail(&self, row: usize, look: &Look<'_>, _width: usize) -> Vec<Line<'static>> {
        let names = self.groups.get(row).into_iter();
        names
            .flat_map(|group| &group.sessions)
            .map(|session| Line::styled(session.named(), look.theme.style(Role::Text)))
            .collect()
    }
}
