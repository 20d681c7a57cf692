//! What a command would meet if it began now, as it is shown with it before it runs: the locks that it will
//! ask for, who has them, and what else stands against it.

use ratatui::text::Line;

use crate::monitor::{BeforeStep, LockForecast};
use crate::run::{ActionId, Guard, GuardLevel, Preview, Timestamp};
use crate::ui::format::{plural, seconds_between, wrap};
use crate::ui::theme::Role;
use crate::ui::view::Look;

/// So often it is looked at again while somebody reads.
const AGAIN_S: u64 = 5;

#[derive(Default)]
pub(super) struct Before {
    shown: Option<Preview>,
    asked_at: Option<Timestamp>,
    is_awaited: bool,
    known: Option<Result<BeforeStep, String>>,
}

impl Before {
    pub(super) fn of(shown: &Preview) -> Self {
        Self {
            shown: Some(shown.clone()),
            ..Self::default()
        }
    }

    fn matters(&self, look: &Look<'_>) -> bool {
        let shown = self.shown.as_ref();
        shown.is_some_and(|shown| look.run().locks_of(shown).is_some())
    }

    pub(super) fn wants(&mut self, action: ActionId, look: &Look<'_>) -> Option<ActionId> {
        let now = look.model.now;
        let is_fresh = self
            .asked_at
            .is_some_and(|asked| seconds_between(asked, now) < AGAIN_S);
        if !self.matters(look) || self.is_awaited || is_fresh {
            return None;
        }
        (self.asked_at, self.is_awaited) = (Some(now), true);
        Some(action)
    }

    pub(super) fn learn(&mut self, before: Result<BeforeStep, String>) {
        self.is_awaited = false;
        self.known = Some(before);
    }

    /// What it must not run against without a reason.
    pub(super) fn stop(&self) -> Option<&str> {
        let Some(Ok(before)) = &self.known else {
            return None;
        };
        let mut guards = before.guards.iter();
        let stop = guards.find(|guard| guard.level == GuardLevel::Stop)?;
        Some(&stop.text)
    }

    pub(super) fn lines(&self, look: &Look<'_>, columns: usize) -> Vec<Line<'static>> {
        let line =
            |text: String, role| wrap(Line::styled(text, look.theme.style(role)), columns, 2);
        match &self.known {
            _ if !self.matters(look) => Vec::new(),
            None => line(
                "looking at who holds what it will lock …".to_owned(),
                Role::Muted,
            ),
            Some(Err(why)) => line(
                format!("who holds what it will lock is not known: {why}"),
                Role::Unknown,
            ),
            Some(Ok(before)) => {
                let locks = before.locks.iter().flat_map(|lock| {
                    let (text, role) = of_lock(lock);
                    line(text, role)
                });
                let guards = before.guards.iter().flat_map(|guard| {
                    let (text, role) = of_guard(guard);
                    line(text, role)
                });
                locks.chain(guards).collect()
            }
        }
    }
}

/// `locks audits (AccessExclusiveLock): nobody is in its way`
fn of_lock(lock: &LockForecast) -> (String, Role) {
    let queue = match lock.waited_for_by.len() {
        0 => String::new(),
        some => format!(
            ", {} before it",
            plural(some, "session waits", "sessions wait")
        ),
    };
    let (state, role) = match lock.held_by.as_slice() {
        _ if !lock.is_there => ("it is not there yet".to_owned(), Role::Muted),
        [] if queue.is_empty() => ("nobody is in its way".to_owned(), Role::Passed),
        [] => ("nobody has it".to_owned(), Role::Warning),
        [one] => (format!("{one} has it"), Role::Warning),
        [one, more @ ..] => (
            format!("{one} and {} more have it", more.len()),
            Role::Warning,
        ),
    };
    (
        format!("locks {} ({}): {state}{queue}", lock.table, lock.mode),
        role,
    )
}

fn of_guard(guard: &Guard) -> (String, Role) {
    let (word, role) = match guard.level {
        GuardLevel::Stop => ("✗ stop", Role::Failed),
        GuardLevel::Warn => ("⚠ warning", Role::Warning),
        GuardLevel::Note => ("· note", Role::Muted),
    };
    (format!("{word}: {}", guard.text), role)
}
