//! An action of which nobody knows whether it happened: a person finds out and says so, with what
//! they saw.
//!
//! ```text
//! ╔ did it happen? 3.2 Move the rows ═════════════════════ staging ╗
//! ║ ? its process is gone and left no exit record                  ║
//! ║ on main: db1:5432/app                                          ║
//! ║ ▏SELECT migrate_audits(500);                                   ║
//! ║ what is known                                                  ║
//! ║   its last transaction was committed                           ║
//! ║   no session on the server has its name any more           ║
//! ║   counts (line 40) now: value == 0: value is 0 — met           ║
//! ║   it printed last: NOTICE: batch 7                             ║
//! ╚ h it happened  d it did not  Esc close, say nothing ═══════════╝
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::Line;

use super::{Dialog, Field, Form, Reply, Scroll, size_of};
use crate::run::{ActionId, Command, Fate, Outcome, Verdict};
use crate::ui::format::wrap;
use crate::ui::intent::Intent;
use crate::ui::keymap::Context;
use crate::ui::markdown::{code, plain};
use crate::ui::theme::Role;
use crate::ui::view::Look;

/// Lines of the end of its output that are shown.
const LAST_LINES: u64 = 4;

pub struct Resolve {
    action: ActionId,
    scroll: Scroll,
    /// `None` until it is here.
    fate: Option<Result<Box<Fate>, String>>,
    asked: bool,
}

impl Resolve {
    pub fn new(action: ActionId) -> Self {
        Self {
            action,
            scroll: Scroll::default(),
            fate: None,
            asked: false,
        }
    }

    fn lines(&self, look: &Look<'_>, width: usize) -> Vec<Line<'static>> {
        let theme = look.theme;
        let mut lines = Vec::new();
        let Some(attempt) = look
            .run()
            .action(self.action)
            .and_then(|state| state.last())
        else {
            return lines;
        };
        let why = attempt
            .reason
            .as_deref()
            .unwrap_or("nobody saw how it ended");
        for (text, role) in [
            (format!("? {why}"), Role::Unknown),
            (
                "check the target before you answer: the run continues from what you say"
                    .to_owned(),
                Role::Text,
            ),
            (String::new(), Role::Text),
            (attempt.target.clone(), Role::Heading),
        ] {
            lines.extend(wrap(Line::styled(text, theme.style(role)), width, 2));
        }
        lines.extend(code(&attempt.command, 0, width, theme));
        let heading = Line::styled("what is known", theme.style(Role::Heading));
        lines.extend([Line::default(), heading]);
        for (text, role) in self.known(look) {
            lines.extend(wrap(
                Line::styled(format!("  {text}"), theme.style(role)),
                width,
                4,
            ));
        }
        lines
    }

    /// It is known how it ended; what is asked is whether that is good.
    fn answered(&self, look: &Look<'_>) -> bool {
        let known = look
            .run()
            .action(self.action)
            .and_then(|state| state.last());
        known.is_some_and(|attempt| attempt.outcome == Some(Outcome::Inconclusive))
    }

    /// What the world says, a line each.
    fn known(&self, look: &Look<'_>) -> Vec<(String, Role)> {
        let mut known = Vec::new();
        match &self.fate {
            None => known.push(("asking the server …".to_owned(), Role::Muted)),
            Some(Err(why)) => {
                known.push((format!("cannot ask the supervisor: {why}"), Role::Warning));
            }
            Some(Ok(fate)) => tell(fate, &mut known),
        }
        if self.answered(look) {
            known = self.asked(look);
        }
        if let Some(output) = look.model.outputs.get(&self.action) {
            for number in output.lines.saturating_sub(LAST_LINES)..output.lines {
                if let Some(line) = output.line(number) {
                    known.push((format!("it printed: {}", line.plain()), Role::Muted));
                }
            }
        }
        known
    }

    /// What the guide asks, and what of it was seen.
    fn asked(&self, look: &Look<'_>) -> Vec<(String, Role)> {
        let asked = look.run().asked_of(self.action).into_iter();
        let line = |(text, named): (String, Option<String>)| {
            let named = named.unwrap_or_else(|| "a person judges it".to_owned());
            (
                format!("the guide asks: {}: {named}", plain(&text)),
                Role::Text,
            )
        };
        asked.map(line).collect()
    }

    fn say(&self, outcome: Outcome, title: &str) -> Reply {
        let action = self.action;
        Reply::Become(Box::new(Form::new(
            title,
            vec![Field::required("what you saw")],
            move |texts| {
                Reply::Do(vec![Command::Resolve {
                    action,
                    outcome,
                    reason: texts.concat(),
                }])
            },
        )))
    }
}

fn tell(fate: &Fate, known: &mut Vec<(String, Role)>) {
    match &fate.transaction {
        Some(Ok(status)) => {
            known.push((format!("its last transaction: {status}"), Role::Text));
        }
        Some(Err(why)) => known.push((format!("its last transaction: {why}"), Role::Warning)),
        None => {}
    }
    match &fate.sessions {
        Some(Ok(sessions)) if sessions.is_empty() => known.push((
            "no session on the server has its name any more".to_owned(),
            Role::Text,
        )),
        Some(Ok(sessions)) => {
            for session in sessions {
                known.push((format!("still on the server: {session}"), Role::Warning));
            }
        }
        Some(Err(why)) => {
            known.push((format!("cannot ask the server: {why}"), Role::Warning));
        }
        None => {}
    }
    for check in &fate.checks {
        let (said, role) = match &check.judgement {
            Ok(judgement) => {
                let (word, role) = match judgement.verdict {
                    Verdict::Pass => ("met", Role::Passed),
                    Verdict::Fail => ("not met", Role::Failed),
                    Verdict::Warn | Verdict::Inconclusive => ("inconclusive", Role::Warning),
                };
                (format!("{word}: {}", judgement.explanation), role)
            }
            Err(why) => (format!("cannot be asked: {why}"), Role::Warning),
        };
        let title = plain(&check.title);
        known.push((format!("{title} (line {}) now: {said}", check.line), role));
    }
}

impl Dialog for Resolve {
    fn context(&self) -> Context {
        Context::Resolve
    }

    fn title(&self, look: &Look<'_>) -> String {
        let run = look.run();
        let title = run.title_of(self.action);
        match self.answered(look) {
            true => format!("is it good? {}", plain(&title)),
            false => format!("did it happen? {}", plain(&title)),
        }
    }

    fn wants_fate(&mut self) -> Option<ActionId> {
        let first = !std::mem::replace(&mut self.asked, true);
        first.then_some(self.action)
    }

    fn learn_fate(&mut self, action: ActionId, fate: &Result<Box<Fate>, String>) {
        if action == self.action {
            self.fate = Some(fate.clone());
        }
    }

    fn role(&self) -> Role {
        Role::Unknown
    }

    fn wants(&self, look: &Look<'_>, room: Size) -> Size {
        let lines = self.lines(look, room.width.into());
        size_of(&lines, 0)
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let lines = self.lines(look, area.width.into());
        self.scroll.draw(&lines, look, area, buffer);
    }

    fn on(&mut self, intent: Intent, look: &Look<'_>) -> Reply {
        match intent {
            Intent::Close => Reply::Close,
            Intent::ItHappened if self.answered(look) => {
                self.say(Outcome::Passed, "it is good: why?")
            }
            Intent::ItDidNot if self.answered(look) => {
                self.say(Outcome::Failed, "it is not good: why?")
            }
            Intent::ItHappened => self.say(Outcome::Passed, "it happened: how do you know?"),
            Intent::ItDidNot => self.say(Outcome::Failed, "it did not happen: how do you know?"),
            other => {
                let rows = look.scrolls(|width| self.lines(look, width));
                self.scroll.on(other, rows)
            }
        }
    }
}
