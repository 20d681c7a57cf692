//! Before a session is stopped: who it is, what it holds up, for how long, and whether it is this run's
//! own. What is confirmed is that session at that statement: one that has gone on is looked at again.
//!
//! ```text
//! ╔ end 1 session of `main`? ═════════════════════════════ staging ╗
//! ║ 8240 nightly-report (idle in transaction, 4m 02s)              ║
//! ║   holds up 3 sessions; it has written                          ║
//! ║   UPDATE stock SET amount = $1                                 ║
//! ║ What it has not committed is lost, and its connection closes.  ║
//! ╚ Esc no  y yes ═════════════════════════════════════════════════╝
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::{Line, Span};

use super::in_full::InFull;
use super::{Dialog, Reply, Scroll, text_size};
use crate::monitor::{Session, SessionDetail};
use crate::run::{Command, SessionSignal, Victim};
use crate::ui::ask::SessionAt;
use crate::ui::format::{duration, fit, plural, seconds_between, wrap};
use crate::ui::intent::Intent;
use crate::ui::keymap::Context;
use crate::ui::model::Activity;
use crate::ui::panes;
use crate::ui::theme::Role;
use crate::ui::view::Look;

pub struct SignalDialog {
    signal: SessionSignal,
    target: String,
    /// As they were looked at.
    victims: Vec<Session>,
    /// What the first of them holds.
    in_full: InFull,
    scroll: Scroll,
}

impl SignalDialog {
    /// For the sessions with these keys; `None` where none of them is there now.
    pub fn new(look: &Look<'_>, intent: Intent, keys: &[u64]) -> Option<Self> {
        let activity = look.model.main_activity()?;
        let victims: Vec<Session> = activity
            .sample
            .sessions
            .iter()
            .filter(|session| keys.contains(&panes::session_key(session)))
            .cloned()
            .collect();
        (!victims.is_empty()).then(|| Self {
            signal: match intent {
                Intent::EndSession => SessionSignal::Terminate,
                _ => SessionSignal::Cancel,
            },
            target: activity.sample.target.clone(),
            victims,
            in_full: InFull::default(),
            scroll: Scroll::default(),
        })
    }

    /// For ending the session with this pid.
    pub fn of(look: &Look<'_>, target: &str, pid: i32) -> Option<Self> {
        let activity = look.model.activity.get(target)?;
        let mut sessions = activity.sample.sessions.iter();
        let victim = sessions.find(|session| session.pid == pid)?;
        Some(Self {
            signal: SessionSignal::Terminate,
            target: target.to_owned(),
            victims: vec![victim.clone()],
            in_full: InFull::default(),
            scroll: Scroll::default(),
        })
    }

    fn activity<'a>(&self, look: &Look<'a>) -> Option<&'a Activity> {
        look.model.activity.get(&self.target)
    }

    /// The session as it is now.
    fn now<'a>(&self, victim: &Session, look: &Look<'a>) -> Option<&'a Session> {
        let key = panes::session_key(victim);
        let sessions = &self.activity(look)?.sample.sessions;
        sessions
            .iter()
            .find(|session| panes::session_key(session) == key)
    }

    fn lines(&self, look: &Look<'_>, columns: usize) -> Vec<Line<'static>> {
        let theme = look.theme;
        let mut lines = Vec::new();
        for victim in &self.victims {
            let Some((now, activity)) = self.now(victim, look).zip(self.activity(look)) else {
                let text = format!("{} {} HAS ENDED", victim.pid, victim.application);
                lines.push(Line::styled(text, theme.style(Role::Muted)));
                continue;
            };
            let mut who = vec![Span::styled(
                panes::named_session(now.pid, activity),
                theme.style(Role::Heading),
            )];
            if now.ours {
                let own = " THIS RUN'S OWN";
                who.push(Span::styled(own, theme.style(Role::Ours)));
            }
            lines.extend(wrap(Line::from(who), columns, 2));
            let rows = activity.tree.rows.iter();
            let behind = rows
                .filter(|row| activity.sample.sessions[row.index].pid == now.pid)
                .map(|row| row.blocks)
                .sum();
            let holds = match behind {
                0 => "holds up nobody".to_owned(),
                behind => format!("holds up {}", plural(behind, "session", "sessions")),
            };
            let writes = match now.transaction {
                Some(_) => "it has written",
                None if now.transaction_ms.is_some() => "it has written nothing yet",
                None => "no transaction is open",
            };
            let role = match behind {
                0 => Role::Text,
                _ => Role::Failed,
            };
            let facts = format!("  {holds}; {writes}; {}@{}", now.user, now.database);
            lines.extend(wrap(Line::styled(facts, theme.style(role)), columns, 2));
            for lock in self.in_full.holds(&SessionAt::of(&self.target, now)) {
                let text = format!("  has {lock}");
                lines.push(Line::styled(text, theme.style(Role::Warning)));
            }
            lines.push(Line::styled(
                format!("  {}", fit(&now.query, columns.saturating_sub(2))),
                theme.style(Role::Code),
            ));
        }
        lines.push(Line::default());
        let means = match self.signal {
            SessionSignal::Cancel => {
                "Its statement ends with an error; the session and its open transaction stay. \
                 A session that is idle in a transaction runs nothing: only ending it frees its locks."
            }
            SessionSignal::Terminate => {
                "What it has not committed is lost, and its client loses the connection."
            }
        };
        lines.extend(wrap(Line::raw(means), columns, 0));
        lines
    }

    fn commands(&self, look: &Look<'_>) -> Vec<Command> {
        let victims = self.victims.iter().filter_map(|victim| {
            let (now, activity) = self.now(victim, look).zip(self.activity(look))?;
            Some(Command::SignalSession {
                target: self.target.clone(),
                signal: self.signal,
                victim: Victim {
                    pid: now.pid,
                    backend_start_us: now.backend_start_us,
                    who: panes::named_session(now.pid, activity),
                    ours: now.ours,
                },
            })
        });
        victims.collect()
    }

    /// Whether one of them does something else than when it was looked at. A younger statement of the same
    /// text is another one to cancel.
    fn has_changed(&self, look: &Look<'_>) -> bool {
        let is_cancelled = self.signal == SessionSignal::Cancel;
        self.victims.iter().any(|victim| {
            self.now(victim, look).is_some_and(|now| {
                (&now.query, &now.state) != (&victim.query, &victim.state)
                    || (is_cancelled && now.query_ms < victim.query_ms)
            })
        })
    }

    fn confirm(&mut self, look: &Look<'_>) -> Reply {
        let lost = |activity: &Activity| activity.sample.lost_since();
        if let Some(since) = self.activity(look).and_then(lost) {
            let age = duration(seconds_between(since, look.model.now));
            return Reply::say(
                format!("the list is {age} old: nothing was sent"),
                "wait until the server answers, then y",
            );
        }
        if self.has_changed(look) {
            let now = self.victims.iter();
            self.victims = now
                .filter_map(|victim| self.now(victim, look).cloned())
                .collect();
            return Reply::say(
                "it is doing something else now: nothing was sent",
                "look at it again, then y",
            );
        }
        match self.commands(look) {
            commands if commands.is_empty() => {
                Reply::say("it has ended by itself", "Esc closes this")
            }
            commands => Reply::Do(commands),
        }
    }
}

impl Dialog for SignalDialog {
    fn context(&self) -> Context {
        Context::Confirm
    }

    fn title(&self, _look: &Look<'_>) -> String {
        let what = match self.signal {
            SessionSignal::Cancel => "cancel the statement of",
            SessionSignal::Terminate => "end",
        };
        let count = plural(self.victims.len(), "session", "sessions");
        format!("{what} {count} of `{}`?", self.target)
    }

    fn role(&self) -> Role {
        Role::Destructive
    }

    fn wants(&self, look: &Look<'_>, room: Size) -> Size {
        text_size(room, |columns| self.lines(look, columns))
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let lines = self.lines(look, area.width.into());
        self.scroll.draw(&lines, look, area, buffer);
    }

    fn wants_session(&mut self, look: &Look<'_>) -> Option<SessionAt> {
        let key = panes::session_key(self.victims.first()?);
        self.in_full.wants(&self.target, key, look)
    }

    fn learn_session(&mut self, about: &SessionAt, detail: &Result<SessionDetail, String>) {
        self.in_full.learn(about, detail);
    }

    fn on(&mut self, intent: Intent, look: &Look<'_>) -> Reply {
        match intent {
            Intent::Close => Reply::Close,
            Intent::Confirm => self.confirm(look),
            other => {
                let rows = look.scrolls(|width| self.lines(look, width));
                self.scroll.on(other, rows)
            }
        }
    }
}
