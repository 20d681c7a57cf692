//! What only the server knows of a session, asked again with each reading while somebody looks.

use ratatui::text::Line;

use crate::monitor::{Session, SessionDetail};
use crate::run::Timestamp;
use crate::ui::ask::SessionAt;
use crate::ui::format::{plural, wrap};
use crate::ui::panes;
use crate::ui::sql_text::highlighted;
use crate::ui::theme::Role;
use crate::ui::view::Look;

#[derive(Default)]
pub struct InFull {
    /// The reading after which it was asked last.
    asked_at: Option<Timestamp>,
    /// Whose locks they are.
    asked: Option<SessionAt>,
    is_waiting: bool,
    known: Option<Result<SessionDetail, String>>,
}

impl InFull {
    /// The session of a target with this key, where a new reading has come since it was asked.
    pub fn wants(&mut self, target: &str, key: u64, look: &Look<'_>) -> Option<SessionAt> {
        let sample = &look.model.activity.get(target)?.sample;
        let mut sessions = sample.sessions.iter();
        let session: &Session = sessions.find(|session| panes::session_key(session) == key)?;
        let wanted = SessionAt::of(target, session);
        if self.asked.as_ref() != Some(&wanted) {
            *self = Self {
                asked: Some(wanted.clone()),
                ..Self::default()
            };
        }
        if self.is_waiting || self.asked_at == Some(sample.at) {
            return None;
        }
        self.asked_at = Some(sample.at);
        self.is_waiting = true;
        Some(wanted)
    }

    /// An answer about another session than the one asked for comes too late: it is dropped.
    pub fn learn(&mut self, about: &SessionAt, detail: &Result<SessionDetail, String>) {
        if self.asked.as_ref() != Some(about) {
            return;
        }
        self.is_waiting = false;
        // What was known stays where the server does not answer for a moment.
        if detail.is_ok() || self.known.is_none() {
            self.known = Some(detail.clone());
        }
    }

    /// The locks in words, those that are waited for first.
    pub fn lines(&self, look: &Look<'_>, columns: usize) -> Vec<Line<'static>> {
        let theme = look.theme;
        let detail = match &self.known {
            None => return Vec::new(),
            Some(Err(why)) => {
                let text = format!("its locks are not known: {why}");
                return wrap(Line::styled(text, theme.style(Role::Muted)), columns, 0);
            }
            Some(Ok(detail)) => detail,
        };
        let mut lines = vec![
            Line::default(),
            Line::styled(
                match detail.locks.len() + detail.more {
                    0 => "no lock".to_owned(),
                    count => plural(count, "lock", "locks"),
                },
                theme.style(Role::Heading),
            ),
        ];
        lines.extend(detail.locks.iter().map(|lock| {
            let on = lock.relation.as_deref().unwrap_or(&lock.kind);
            let (glyph, role) = match lock.granted {
                true => ("has", Role::Text),
                false => ("WAITS", Role::Warning),
            };
            let text = format!("{glyph:<6} {:<25} {on}", lock.mode);
            Line::styled(super::super::format::fit(&text, columns), theme.style(role))
        }));
        if detail.more > 0 {
            let more = format!("and {} more", detail.more);
            lines.push(Line::styled(more, theme.style(Role::Muted)));
        }
        if let Some(query) = self.whole_query(look) {
            lines.push(Line::default());
            let heading = Line::styled("the whole query", theme.style(Role::Heading));
            lines.push(heading);
            lines.extend(highlighted(query, columns, theme));
        }
        lines
    }

    /// Its query, where the list has only the beginning of it.
    pub fn whole_query(&self, look: &Look<'_>) -> Option<&str> {
        let (about, Ok(detail)) = self.asked.as_ref().zip(self.known.as_ref())? else {
            return None;
        };
        let mut sessions = look
            .model
            .activity
            .get(&about.target)?
            .sample
            .sessions
            .iter();
        let listed = sessions.find(|session| SessionAt::of(&about.target, session) == *about)?;
        (detail.query.len() > listed.query.len()).then_some(detail.query.as_str())
    }

    /// The tables that a session has locked, the strongest lock first: `AccessExclusiveLock on items`.
    pub fn holds(&self, of: &SessionAt) -> Vec<String> {
        let Some(Ok(detail)) = self
            .known
            .as_ref()
            .filter(|_| self.asked.as_ref() == Some(of))
        else {
            return Vec::new();
        };
        let held = detail.locks.iter().filter(|lock| lock.granted);
        held.filter_map(|lock| Some(format!("{} on {}", lock.mode, lock.relation.as_ref()?)))
            .take(4)
            .collect()
    }
}
