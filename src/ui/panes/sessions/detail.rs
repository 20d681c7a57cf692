//! Everything that is known about one session.

use ratatui::text::{Line, Span};

use super::words::wait_words;
use crate::monitor::{Progress, Session};
use crate::run::Timestamp;
use crate::ui::format::{clock, count, milliseconds, pad, plural, wrap};
use crate::ui::model::Activity;
use crate::ui::progress::words;
use crate::ui::sql_text::highlighted;
use crate::ui::theme::{Role, Theme};
use crate::ui::view::Look;

/// Sessions that are named one by one.
const NAMED: usize = 12;

/// Labelled facts, one under the other.
struct Facts<'a> {
    theme: &'a Theme,
    width: usize,
    lines: Vec<Line<'static>>,
}

impl Facts<'_> {
    fn add(&mut self, label: &str, text: impl Into<String>, role: Role) {
        let line = Line::from(vec![
            Span::styled(pad(label, 13), self.theme.style(Role::Muted)),
            Span::styled(text.into(), self.theme.style(role)),
        ]);
        self.lines.extend(wrap(line, self.width, 13));
    }
}

pub fn lines(
    session: &Session,
    activity: &Activity,
    look: &Look<'_>,
    width: usize,
) -> Vec<Line<'static>> {
    let theme = look.theme;
    let mut facts = Facts {
        theme,
        width,
        lines: Vec::new(),
    };
    who(session, &mut facts);
    doing(session, &mut facts);
    if let Some(progress) = &session.progress {
        let target = &activity.sample.target;
        let words = words(progress, target, session.pid, look.model);
        let text = format!("{} {}: {words}", bar(progress), progress.command);
        facts.add("progress", text, Role::Running);
    }
    waiting(session, activity, &mut facts);
    if let Some(query_id) = session.query_id {
        let known = look.statements().map(|sample| sample.statements.iter());
        let known = known.and_then(|mut all| all.find(|other| other.query_id == query_id));
        let text = match known {
            Some(statement) => format!(
                "{query_id}: {} calls since the phase began, {} a call",
                count(statement.calls),
                milliseconds(statement.mean_ms)
            ),
            None => query_id.to_string(),
        };
        facts.add("statement", text, Role::Text);
    }
    let mut lines = facts.lines;
    lines.push(Line::default());
    let what = match session.state.as_str() {
        "active" => "its query",
        _ => "its last query",
    };
    lines.push(Line::styled(what, theme.style(Role::Heading)));
    lines.extend(highlighted(&session.query, width, theme));
    lines
}

/// Twenty columns, as full as its phase is.
fn bar(progress: &Progress) -> String {
    let full = (progress.share().unwrap_or(0.0) * 20.0).round() as usize;
    format!("{}{}", "█".repeat(full), "░".repeat(20 - full))
}

fn who(session: &Session, facts: &mut Facts<'_>) {
    let whose = match session.ours {
        true => " (this run's own)",
        false => "",
    };
    let name = format!("{} {}{whose}", session.pid, session.application);
    facts.add("session", name, Role::Text);
    let role = format!(
        "{} on {}, from {}",
        or_unknown(&session.user),
        or_unknown(&session.database),
        or_unknown(&session.client)
    );
    facts.add("role", role, Role::Text);
    if let Some(since) = connected_since(session) {
        facts.add(
            "connected",
            format!("since {} UTC", clock(since)),
            Role::Text,
        );
    }
    if !matches!(session.kind.as_str(), "" | "client backend") {
        let of = session.leader.map(|pid| format!(" of {pid}"));
        let text = format!("{}{}", session.kind, of.unwrap_or_default());
        facts.add("type", text, Role::Text);
    }
}

fn doing(session: &Session, facts: &mut Facts<'_>) {
    let mut state = or_unknown(&session.state).to_owned();
    if let Some(ms) = session.state_ms {
        state += &format!(" for {}", milliseconds(ms as f64));
    }
    facts.add("state", state, Role::Text);
    if let Some(ms) = session.transaction_ms {
        let writes = match session.transaction {
            Some(number) => format!(", it has written (transaction {number})"),
            None => ", it has written nothing".to_owned(),
        };
        let text = format!("open for {}{writes}", milliseconds(ms as f64));
        facts.add("transaction", text, Role::Text);
    }
    if let Some(age) = session.xmin_age.filter(|age| *age > 0) {
        let text = format!(
            "keeps vacuum from the rows of the last {} transactions",
            count(age)
        );
        facts.add("xmin", text, Role::Text);
    }
}

fn waiting(session: &Session, activity: &Activity, facts: &mut Facts<'_>) {
    if let Some(wait) = &session.wait {
        let text = format!("{} ({wait})", wait_words(wait));
        facts.add("waits for", text, Role::Warning);
    }
    if let Some(lock) = &session.awaits {
        let on = match &lock.relation {
            Some(relation) => format!("{} on {relation}", lock.mode),
            None => format!("{} ({})", lock.mode, lock.kind),
        };
        let since = match lock.waited_ms {
            Some(ms) => format!("{on}, for {}", milliseconds(ms as f64)),
            None => on,
        };
        facts.add("lock", since, Role::Warning);
    }
    for pid in session.blocked_by.iter().take(NAMED) {
        facts.add("behind", named(*pid, activity), Role::Warning);
    }
    let behind: Vec<&Session> = activity
        .sample
        .sessions
        .iter()
        .filter(|other| other.blocked_by.contains(&session.pid))
        .collect();
    for other in behind.iter().take(NAMED) {
        facts.add("holds up", named(other.pid, activity), Role::Failed);
    }
    if behind.len() > NAMED {
        let more = plural(behind.len() - NAMED, "more session", "more sessions");
        facts.add("", format!("and {more}"), Role::Failed);
    }
}

fn or_unknown(text: &str) -> &str {
    match text {
        "" => "unknown",
        text => text,
    }
}

/// A session by its pid: `4711 nightly-report (idle in transaction, 4m 02s)`.
pub fn named(pid: i32, activity: &Activity) -> String {
    let found = activity
        .sample
        .sessions
        .iter()
        .find(|session| session.pid == pid);
    match found {
        None if pid == 0 => "a prepared transaction: `pg_prepared_xacts` names it".to_owned(),
        None => pid.to_string(),
        Some(session) => session.named(),
    }
}

fn connected_since(session: &Session) -> Option<Timestamp> {
    Timestamp::from_timestamp_micros(session.backend_start_us)
        .filter(|_| session.backend_start_us > 0)
}
