//! A transaction that is held before its `COMMIT`: what it has shown, how long it has been open, whom
//! it blocks, and what a commit would send. `C` commits, `b` rolls back; Enter closes.
//!
//! ```text
//! ╔ transaction HELD: Drop the column ══════════════════ staging ╗
//! ║ before the COMMIT of line 12, for 1m 04s; open for 1m 06s    ║
//! ║ BLOCKS 1 session                                             ║
//! ║   4711 app for 58s: UPDATE items SET n = 1                   ║
//! ║ it printed:                                                ║
//! ║   …                                                          ║
//! ║ a commit sends:                                              ║
//! ║ ▏COMMIT;                                                     ║
//! ╚ C COMMIT  b roll back  Esc close, decide later ══════════════╝
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::Line;
use tui_input::Input;

use super::page::Page;
use super::word::Word;
use super::{Dialog, Reply, draw_scrolled, moved, size_of};
use crate::run::{ActionId, Command, Verdict, preview};
use crate::ui::format::duration;
use crate::ui::held::{Held, held, roll_back};
use crate::ui::intent::Intent;
use crate::ui::keymap::Context;
use crate::ui::markdown::{code, plain};
use crate::ui::theme::Role;
use crate::ui::view::Look;

/// Lines of output that are shown; the pane has them all.
const SHOWN: u64 = 20;
/// Sessions that are named one by one.
const NAMED: usize = 8;

pub struct HeldDialog {
    action: ActionId,
    attempt: u32,
    number: u32,
    word: Word,
    top: usize,
}

impl HeldDialog {
    /// On what is held now; `None` where nothing is.
    pub fn new(look: &Look<'_>) -> Option<Self> {
        let held = held(look.model)?;
        Some(Self {
            action: held.action,
            attempt: held.attempt.number,
            number: held.hold.number,
            word: Word::default(),
            top: 0,
        })
    }

    /// What it was opened on, if that is still held.
    fn held<'a>(&self, look: &Look<'a>) -> Option<Held<'a>> {
        held(look.model).filter(|held| {
            (held.action, held.attempt.number, held.hold.number)
                == (self.action, self.attempt, self.number)
        })
    }

    fn lines(&self, look: &Look<'_>, width: usize) -> Vec<Line<'static>> {
        let theme = look.theme;
        let mut page = Page::new(theme, width);
        let Some(held) = self.held(look) else {
            let text = "it is decided: close this, and check the output";
            return vec![Line::styled(text, theme.style(Role::Muted))];
        };
        page.say(
            format!(
                "before the COMMIT of line {}, for {}; {}",
                held.hold.line,
                duration(held.held_s),
                held.open()
            ),
            Role::Heading,
        );
        let role = match held.blocked.is_empty() {
            true if held.unseen_s.is_some() => Role::Warning,
            true => Role::Passed,
            false => Role::Failed,
        };
        page.say(held.blocks(), role);
        for (session, seconds) in held.blocked.iter().take(NAMED) {
            let who = match session.application.as_str() {
                "" => session.user.as_str(),
                name => name,
            };
            page.say(
                format!(
                    "  {} {who} for {}: {}",
                    session.pid,
                    duration(*seconds),
                    session.query
                ),
                Role::Warning,
            );
        }
        for judgement in &held.hold.judgements {
            let (mark, role) = match judgement.verdict {
                Verdict::Pass => ("✓", Role::Passed),
                Verdict::Warn => ("▲", Role::Warning),
                Verdict::Fail => ("✗", Role::Failed),
                Verdict::Inconclusive => ("?", Role::Unknown),
            };
            page.say(format!("{mark} {}", judgement.explanation), role);
        }
        if let Some(output) = look.model.outputs.get(&self.action) {
            page.say("it printed:", Role::Muted);
            for number in output.lines.saturating_sub(SHOWN)..output.lines {
                if let Some(line) = output.line(number) {
                    page.say(format!("  {}", line.plain()), Role::Text);
                }
            }
        }
        page.say("a commit sends:", Role::Muted);
        page.lines.extend(code(&self.rest(look), 0, width, theme));
        if let Some(word) = look.run().commit_word(self.action) {
            page.lines.push(self.word.line(&word, "t", look));
        }
        page.lines
    }

    /// The script from the `COMMIT` on.
    fn rest(&self, look: &Look<'_>) -> String {
        let index = usize::try_from(self.number).unwrap_or(1).saturating_sub(1);
        preview(look.run(), self.action)
            .ok()
            .and_then(|shown| {
                let from = shown.holds.get(index)?.offset;
                Some(shown.command.get(from..)?.to_owned())
            })
            .unwrap_or_else(|| "COMMIT;".to_owned())
    }

    fn commit(&mut self, look: &Look<'_>) -> Reply {
        let word = look.run().commit_word(self.action);
        let typed = match &word {
            Some(word) if !self.word.is(word) => {
                self.word.start();
                return Reply::say(format!("first type `{word}`"), "then C");
            }
            Some(_) => Some(self.word.value()),
            None => None,
        };
        Reply::Do(vec![Command::EndTransaction {
            action: self.action,
            attempt: self.attempt,
            commit: true,
            typed,
            reason: None,
        }])
    }
}

impl Dialog for HeldDialog {
    fn context(&self) -> Context {
        if self.word.is_typing() {
            Context::Word
        } else {
            Context::Held
        }
    }

    fn title(&self, look: &Look<'_>) -> String {
        let run = look.run();
        let title = run.title_of(self.action);
        format!("transaction HELD: {}", plain(&title))
    }

    fn role(&self) -> Role {
        Role::Destructive
    }

    fn wants(&self, look: &Look<'_>, room: Size) -> Size {
        size_of(&self.lines(look, room.width.into()), 0)
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let lines = self.lines(look, area.width.into());
        let top = if self.word.is_typing() {
            lines.len()
        } else {
            self.top
        };
        draw_scrolled(&lines, top, look, area, buffer);
    }

    fn on(&mut self, intent: Intent, look: &Look<'_>) -> Reply {
        if self.word.is_typing() {
            self.word.stop();
            return Reply::Stay;
        }
        let held = self.held(look);
        match (intent, held) {
            (Intent::Close, _) => Reply::Close,
            (Intent::CommitHeld | Intent::RollBackHeld, None) => {
                Reply::say("it is decided already", "look at the output")
            }
            (Intent::CommitHeld, Some(_)) => self.commit(look),
            (Intent::RollBackHeld, Some(held)) => Reply::Do(vec![roll_back(&held)]),
            (Intent::TypeWord, Some(_)) if look.run().commit_word(self.action).is_some() => {
                self.word.start();
                Reply::Stay
            }
            (other, _) => {
                let most = look.scrolls(|width| self.lines(look, width));
                if let Some(top) = moved(self.top, other, most) {
                    self.top = top;
                }
                Reply::Stay
            }
        }
    }

    fn field(&mut self) -> Option<&mut Input> {
        self.word.field()
    }

    fn typed(&mut self, look: &Look<'_>) {
        if let Some(word) = look.run().commit_word(self.action) {
            self.word.typed(&word);
        }
    }
}
