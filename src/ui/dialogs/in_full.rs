//! What only the server knows of a session, asked again with each reading while somebody looks.

use ratatui::text::Line;

use crate::monitor::{Session, SessionDetail};
use crate::run::Timestamp;
use crate::ui::ask::SessionAt;
use crate::ui::format::{plural, wrap};
use crate::ui::panes;
use crate::ui::theme::Role;
use crate::ui::view::Look;

#[derive(Default)]
pub struct InFull {
    /// The reading after which it was asked last.
    asked_at: Option<Timestamp>,
    is_waiting: bool,
    known: Option<Result<SessionDetail, String>>,
}

impl InFull {
    /// The session with this key, where a new reading has come since it was asked.
    pub fn wants(&mut self, key: u64, look: &Look<'_>) -> Option<SessionAt> {
        let activity = look.model.main_activity()?;
        let sample = &activity.sample;
        if self.is_waiting || self.asked_at == Some(sample.at) {
            return None;
        }
        let mut sessions = sample.sessions.iter();
        let session: &Session = sessions.find(|session| panes::session_key(session) == key)?;
        self.asked_at = Some(sample.at);
        self.is_waiting = true;
        Some(SessionAt {
            target: sample.target.clone(),
            pid: session.pid,
            backend_start_us: session.backend_start_us,
        })
    }

    pub fn learn(&mut self, detail: &Result<SessionDetail, String>) {
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
        lines
    }

    /// The tables it has locked, the strongest lock first: `AccessExclusiveLock on items`.
    pub fn holds(&self) -> Vec<String> {
        let Some(Ok(detail)) = &self.known else {
            return Vec::new();
        };
        let held = detail.locks.iter().filter(|lock| lock.granted);
        held.filter_map(|lock| Some(format!("{} on {}", lock.mode, lock.relation.as_ref()?)))
            .take(4)
            .collect()
    }
}
