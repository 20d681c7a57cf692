//! What waits for a second person, exactly as the driver confirmed it. Their word is bound to what
//! stands here: where that changes, it is void and asked anew.
//!
//! ```text
//! ╔ a second person: drop_old ════════════════════════════ staging ╗
//! ║ anna@ops1 has confirmed this 12 s ago and asks for one more    ║
//! ║ sql on main: host=db1 dbname=app                               ║
//! ║ ▏DROP TABLE old_audits;                                        ║
//! ╚ Y APPROVE  n say no  Esc close, say nothing ═══════════════════╝
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::Line;

use super::page::Page;
use super::{Dialog, Field, Form, PreviewDialog, Reply, Scroll, size_of};
use crate::run::{
    ActionId, Command, Included, PairingAct, Subject, Waiting, preview_from, same_person,
    subject_hash,
};
use crate::ui::format::{duration, plural, seconds_between, wrap};
use crate::ui::intent::Intent;
use crate::ui::keymap::Context;
use crate::ui::markdown::plain;
use crate::ui::panes::gate_item_lines;
use crate::ui::theme::Role;
use crate::ui::view::Look;

pub struct Approve {
    subject: Subject,
    /// Of what stands here.
    hash: String,
    /// The command, as in its own view; `None` for a gate.
    command: Option<PreviewDialog>,
    scroll: Scroll,
}

impl Approve {
    /// `None` where nothing waits.
    pub fn new(look: &Look<'_>) -> Option<Self> {
        let waiting = look.run().pairing.waiting.as_ref()?;
        let subject = waiting.request.subject.clone();
        let command = match &subject {
            Subject::Start { action, from } => {
                let shown = preview_from(look.run(), *action, *from).ok()?;
                Some(PreviewDialog::new(shown))
            }
            Subject::Gate { .. } => None,
        };
        Some(Self {
            hash: subject_hash(look.run(), &subject)?,
            subject,
            command,
            scroll: Scroll::default(),
        })
    }

    /// The request that this is about, while it stands.
    fn waiting<'a>(&self, look: &Look<'a>) -> Option<&'a Waiting> {
        let waiting = look.run().pairing.waiting.as_ref()?;
        (waiting.request.subject == self.subject && waiting.request.hash == self.hash)
            .then_some(waiting)
    }

    fn lines(&self, look: &Look<'_>, columns: usize) -> Vec<Line<'static>> {
        let (run, theme) = (look.run(), look.theme);
        let mut page = Page::new(theme, columns);
        match self.waiting(look) {
            None => page.say(
                "no open request here: it ran, was withdrawn, or has changed".to_owned(),
                Role::Alarm,
            ),
            Some(waiting) => {
                let ago = duration(seconds_between(waiting.at, look.model.now));
                let given = waiting.approved_by.len();
                let needed = usize::from(waiting.request.needed).saturating_sub(given);
                let needed = plural(needed, "more person", "more people");
                page.say(
                    format!(
                        "{} has confirmed this {ago} ago and asks for {needed}",
                        waiting.by
                    ),
                    Role::Warning,
                );
                if let Some(reason) = &waiting.request.reason {
                    page.say(format!("their reason: {reason}"), Role::Text);
                }
                for name in &waiting.approved_by {
                    page.say(format!("✓ approved by {name}"), Role::Passed);
                }
            }
        }
        page.gap();
        match (&self.command, &self.subject) {
            (Some(command), _) => page.lines.extend(command.shown_lines(look, columns)),
            (None, Subject::Gate { phase }) => {
                let Some(phase) = run.runbook.phase(phase) else {
                    return page.lines;
                };
                if phase.point_of_no_return {
                    page.lines.push(Line::styled(
                        "‖ POINT OF NO RETURN: after this phase there is no rollback",
                        theme.style(Role::Alarm),
                    ));
                }
                for item in run.gate_items(phase) {
                    page.lines
                        .extend(gate_item_lines(phase, item, look, columns));
                }
                for objection in run.gate_objections(phase) {
                    let line = format!("against it: {}", plain(&objection));
                    let line = Line::styled(line, theme.style(Role::Warning));
                    page.lines.extend(wrap(line, columns, 4));
                }
            }
            (None, Subject::Start { .. }) => {}
        }
        page.lines
    }

    fn is_mine(&self, look: &Look<'_>) -> bool {
        self.waiting(look)
            .is_some_and(|waiting| same_person(&waiting.by, &look.model.me))
    }

    fn approve(&self, look: &Look<'_>) -> Reply {
        let Some(waiting) = self.waiting(look) else {
            return Reply::say("no open request here", "close it");
        };
        if same_person(&waiting.by, &look.model.me) {
            return Reply::say(
                "whoever asked cannot approve it",
                "a second person does it from their own client",
            );
        }
        let included = match &self.command {
            None => None,
            Some(command) => match command.included_digest() {
                Ok(digest) => digest,
                Err(why) => return Reply::say(why, "a moment, then Y"),
            },
        };
        Reply::Do(vec![Command::Pairing {
            act: PairingAct::Approve {
                hash: self.hash.clone(),
                included,
                assumed: false,
            },
        }])
    }
}

impl Dialog for Approve {
    fn context(&self) -> Context {
        Context::Approve
    }

    fn title(&self, look: &Look<'_>) -> String {
        let what = look.run().subject_title(&self.subject);
        format!("a second person: {}", plain(&what))
    }

    fn role(&self) -> Role {
        Role::Warning
    }

    fn is_for_anybody(&self) -> bool {
        true
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
            Intent::Approve => self.waiting(look).is_some() && !self.is_mine(look),
            Intent::Object => self.waiting(look).is_some(),
            _ => true,
        }
    }

    fn on(&mut self, intent: Intent, look: &Look<'_>) -> Reply {
        match intent {
            Intent::Close => Reply::Close,
            Intent::Approve => self.approve(look),
            Intent::Object if self.waiting(look).is_some() => {
                let title = match self.is_mine(look) {
                    true => "why you withdraw it",
                    false => "why not",
                };
                Reply::Open(Box::new(Form::new(
                    title,
                    vec![Field::required("reason")],
                    |texts| {
                        Reply::Do(vec![Command::Pairing {
                            act: PairingAct::Object {
                                reason: texts.concat(),
                            },
                        }])
                    },
                )))
            }
            other => {
                let rows = look.scrolls(|width| self.lines(look, width));
                self.scroll.on(other, rows)
            }
        }
    }

    fn wants_included(&mut self) -> Option<ActionId> {
        self.command.as_mut().and_then(Dialog::wants_included)
    }

    fn learn_included(&mut self, action: ActionId, included: Result<Vec<Included>, String>) {
        if let Some(command) = &mut self.command {
            command.learn_included(action, included);
        }
    }
}
