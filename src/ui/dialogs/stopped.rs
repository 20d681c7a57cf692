//! An action that stopped in its middle: which command did not do well and why, and the three ways on.
//! Nothing before it runs again; what would run is shown once more before it does.
//!
//! ```text
//! ╔ stopped: Restore ════════════════════════════════════ staging ╗
//! ║ ✓ line 39  mkdir -p restore                                   ║
//! ║ ✗ line 41  pg_restore -d app dump: exit code 1                ║
//! ║ · line 44  psql -f counts.sql                                 ║
//! ║   it printed: pg_restore: error: could not read               ║
//! ╚ t retry from this one  n skip to the next  Esc stop here ═════╝
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::Line;

use super::{Dialog, PreviewDialog, Reply, Scroll, size_of};
use crate::run::{ActionId, CommandEnd, Resume, preview_from};
use crate::ui::format::wrap;
use crate::ui::intent::Intent;
use crate::ui::keymap::Context;
use crate::ui::markdown::plain;
use crate::ui::theme::Role;
use crate::ui::view::Look;

/// Lines of the end of its output that are shown.
const LAST_LINES: u64 = 4;
/// Commands shown before the one at which it stopped, and behind it.
const AROUND: usize = 4;

pub struct Stopped {
    action: ActionId,
    scroll: Scroll,
}

impl Stopped {
    /// `None` where it did not stop in its middle.
    pub fn new(action: ActionId, look: &Look<'_>) -> Option<Self> {
        look.run().resume(action)?;
        Some(Self {
            action,
            scroll: Scroll::default(),
        })
    }

    fn resume(&self, look: &Look<'_>) -> Option<Resume> {
        look.run().resume(self.action)
    }

    fn lines(&self, look: &Look<'_>, width: usize) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        let known = look.run().action(self.action);
        let (Some(resume), Some(attempt)) =
            (self.resume(look), known.and_then(|known| known.last()))
        else {
            return lines;
        };
        let mut say = |text: String, role: Role| {
            let line = Line::styled(text, look.theme.style(role));
            lines.extend(wrap(line, width, 4));
        };
        let mut commands: Vec<(usize, usize, &str)> = known
            .into_iter()
            .flat_map(|known| &known.attempts)
            .flat_map(|attempt| &attempt.planned)
            .map(|command| (command.index, command.line, command.text.as_str()))
            .collect();
        commands.sort_unstable();
        commands.dedup_by_key(|(index, ..)| *index);
        let at = commands
            .iter()
            .position(|(index, ..)| *index == resume.at.index)
            .unwrap_or(0);
        let (first, last) = (
            at.saturating_sub(AROUND),
            (at + AROUND).min(commands.len() - 1),
        );
        if first > 0 {
            say(format!("✓ {first} before these"), Role::Muted);
        }
        for (index, line, text) in &commands[first..=last] {
            let run = known
                .into_iter()
                .flat_map(|known| known.attempts.iter().rev())
                .find_map(|attempt| attempt.commands.iter().find(|run| run.index == *index));
            let end = run.and_then(|run| run.done.as_ref()).map(|done| &done.end);
            let (mark, role, why) = match (end, run) {
                (Some(CommandEnd::Good), _)
                    if resume.rolled_back && (resume.again..=resume.at.index).contains(index) =>
                {
                    ("↩", Role::Muted, ": rolled back".to_owned())
                }
                (Some(CommandEnd::Good), _) => ("✓", Role::Passed, String::new()),
                (Some(CommandEnd::Failed { why, .. }), _) => {
                    ("✗", Role::Failed, format!(": {why}"))
                }
                (Some(CommandEnd::Asks { question, .. }), _) => {
                    ("?", Role::Unknown, format!(": {question}"))
                }
                (None, Some(_)) => ("✗", Role::Failed, ": it was ended".to_owned()),
                (None, None) => ("·", Role::Muted, String::new()),
            };
            say(format!("{mark} line {line}  {text}{why}"), role);
        }
        if last + 1 < commands.len() {
            say(format!("· {} more", commands.len() - last - 1), Role::Muted);
        }
        if let Some(reason) = &attempt.reason {
            say(reason.clone(), Role::Failed);
        }
        if let Some(output) = look.model.outputs.get(&self.action) {
            for number in output.lines.saturating_sub(LAST_LINES)..output.lines {
                let line = output.line(number).map(|line| line.plain());
                // What the reason says is not said twice.
                let reason = attempt.reason.as_deref().unwrap_or_default();
                if let Some(text) = line.filter(|text| !reason.contains(text.trim())) {
                    say(format!("  it printed: {text}"), Role::Muted);
                }
            }
        }
        say(String::new(), Role::Text);
        if resume.rolled_back {
            say(
                format!(
                    "its transaction was rolled back: it begins again with line {}",
                    resume.again_line
                ),
                Role::Text,
            );
        } else {
            say("what ran before it is not run again".to_owned(), Role::Text);
        }
        lines
    }

    /// What would run from a command on.
    fn show(&self, look: &Look<'_>, from: usize) -> Reply {
        match preview_from(look.run(), self.action, Some(from)) {
            Ok(shown) => Reply::Become(Box::new(PreviewDialog::new(shown))),
            Err(refusal) => Reply::say(refusal.message, refusal.help),
        }
    }
}

impl Dialog for Stopped {
    fn context(&self) -> Context {
        Context::Stopped
    }

    fn title(&self, look: &Look<'_>) -> String {
        let run = look.run();
        let title = run.title_of(self.action);
        format!("stopped: {}", plain(&title))
    }

    fn role(&self) -> Role {
        Role::Failed
    }

    fn wants(&self, look: &Look<'_>, room: Size) -> Size {
        let lines = self.lines(look, room.width.into());
        size_of(&lines, 0)
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let lines = self.lines(look, area.width.into());
        self.scroll.draw(&lines, look, area, buffer);
    }

    fn offers(&self, intent: Intent, look: &Look<'_>) -> bool {
        match intent {
            Intent::TryAgain => self.resume(look).is_some_and(|resume| !resume.is_done),
            Intent::GoOn => self
                .resume(look)
                .is_some_and(|resume| resume.next.is_some()),
            _ => true,
        }
    }

    fn on(&mut self, intent: Intent, look: &Look<'_>) -> Reply {
        let resume = self.resume(look);
        match (intent, resume) {
            (Intent::Close, _) => Reply::Close,
            (Intent::TryAgain, Some(resume)) => self.show(look, resume.again),
            (
                Intent::GoOn,
                Some(Resume {
                    next: Some(next), ..
                }),
            ) => self.show(look, next),
            (Intent::TryAgain | Intent::GoOn, _) => {
                Reply::say("it is no longer there", "close this and check again")
            }
            (other, _) => {
                let rows = look.scrolls(|width| self.lines(look, width));
                self.scroll.on(other, rows)
            }
        }
    }
}
