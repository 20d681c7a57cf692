//! Exactly what would run, where, and with which values. `x` runs it; Enter closes. What runs is
//! bound to what was shown: if it has changed meanwhile, it is shown anew and nothing runs.
//!
//! ```text
//! ╔ what would run: 3.2 Move the rows ═════════════════ staging ╗
//! ║ on main: postgres://app@db1:5432/app                        ║
//! ║     clean up                                                ║
//! ║ › [x] ▏DELETE FROM audits WHERE done;           destroys    ║
//! ║   [ ] ▏ANALYZE audits;                           changes    ║
//! ║ with batch = 500                                            ║
//! ║ ⚠ destroys: DELETE                                          ║
//! ╚ x EXECUTE  a arm  Esc close, run nothing ═══════════════════╝
//! ```

mod body;

use std::cell::RefCell;

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::Line;
use tui_input::Input;

use super::before::Before;
use super::included::Files;
use super::preview_list::{List, has_boxes};
use super::word::Word;
use super::{Dialog, Editor, Field, Form, Inputs, Reply, draw_scrolled, moved, size_of};
use crate::monitor::BeforeStep;
use crate::run::{ActionId, Command, Included, Outcome, Preview, is_armed, preview_from};
use crate::runbook::Elsewhere;
use crate::ui::intent::Intent;
use crate::ui::keymap::Context;
use crate::ui::markdown::plain;
use crate::ui::theme::Role;
use crate::ui::view::Look;

pub struct PreviewDialog {
    shown: Preview,
    reason: Option<String>,
    word: Word,
    top: usize,
    /// It was shown anew because it had changed.
    changed: bool,
    included: Files,
    before: Before,
    list: List,
    /// Somebody said here which machine this is; not yet shown.
    awaits_place: bool,
    /// What ceases to be possible with what is shown, by its hash.
    ceases: RefCell<(String, Vec<String>)>,
}

impl PreviewDialog {
    pub fn new(shown: Preview) -> Self {
        let files = Files::of(&shown);
        let before = Before::of(&shown);
        Self {
            shown,
            reason: None,
            word: Word::default(),
            top: 0,
            changed: false,
            included: files,
            before,
            list: List::default(),
            awaits_place: false,
            ceases: RefCell::default(),
        }
    }

    /// It takes a copy of the run to say, so it is said once.
    fn ceases(&self, look: &Look<'_>) -> Vec<String> {
        let mut known = self.ceases.borrow_mut();
        if known.0 != self.shown.hash {
            let ceases = look.run().ceases_with(self.action(), look.model.now);
            *known = (self.shown.hash.clone(), ceases);
        }
        known.1.clone()
    }

    fn action(&self) -> ActionId {
        self.shown.action
    }

    fn needs_arming(&self, look: &Look<'_>) -> bool {
        !is_armed(look.run(), &self.shown)
    }

    /// Why a reason must be given before it runs.
    fn asks_reason(&self, look: &Look<'_>) -> Option<String> {
        let run = look.run();
        if let (Some(from), Some(resume)) = (self.shown.from, run.resume(self.action()))
            && Some(from) == resume.next
            && !resume.is_done
        {
            return Some(format!(
                "line {} did not succeed: continuing without it needs a reason",
                resume.at.line
            ));
        }
        let passed = run
            .action(self.action())
            .and_then(|state| state.last())
            .is_some_and(|attempt| attempt.outcome == Some(Outcome::Passed));
        let block = run.runbook.block(self.action().block)?;
        let repeats = block.attributes.may_repeat();
        if passed && !repeats {
            return Some("already passed: running it again needs a reason".to_owned());
        }
        if let Some(stray) = self.shown.strays.first() {
            return Some(format!("{stray}: running it anyway needs a reason"));
        }
        if let Some(stop) = self.before.stop() {
            return Some(format!("{stop}: running it anyway needs a reason"));
        }
        let waiting = run.waits_for(self.action(), look.model.now)?;
        Some(format!("{}: doing it now needs a reason", waiting.words()))
    }

    /// The machine to which the guide leads with this block.
    fn led_away<'a>(&self, look: &Look<'a>) -> Option<&'a Elsewhere> {
        let block = look.run().runbook.block(self.action().block)?;
        block.elsewhere.as_ref()
    }

    /// Says of that machine that it is this one, for all blocks there, or takes that back.
    fn settle_place(&mut self, look: &Look<'_>) -> Reply {
        let Some(there) = self.led_away(look) else {
            return Reply::Stay;
        };
        self.awaits_place = true;
        let name = match self.shown.elsewhere {
            Some(_) => Elsewhere::HERE.to_owned(),
            None => there.place.clone(),
        };
        Reply::Send(vec![Command::Choose {
            group: there.group(),
            name,
        }])
    }

    /// Line, words and condition of what was read from words and may be changed here.
    fn editable(&self, look: &Look<'_>) -> Vec<(usize, String, String)> {
        let items = look.run().expectations_of(self.action());
        let open = items
            .into_iter()
            .filter(|item| item.output.is_none() && (item.proposed || item.cel.is_none()));
        open.map(|item| {
            (
                item.line,
                plain(&item.text),
                item.cel.clone().unwrap_or_default(),
            )
        })
        .collect()
    }

    /// One field for each of them; an empty one leaves it to a person.
    fn conditions(&self, look: &Look<'_>) -> Reply {
        let items = self.editable(look);
        let fields = items
            .iter()
            .map(|(line, _, cel)| Field::optional(&format!("line {line}")).holding(cel))
            .collect();
        let about = items
            .iter()
            .map(|(line, text, _)| format!("line {line}: {text}"));
        let mut about: Vec<String> = about.collect();
        about.push(
            "a condition over `value`, `rows`, `status`, `stdout`, …; empty: a person judges it"
                .to_owned(),
        );
        let action = self.action();
        let known: Vec<(usize, String)> = items
            .iter()
            .map(|(line, _, cel)| (*line, cel.clone()))
            .collect();
        let form = Form::new("what must be true", fields, move |texts| {
            let changed = known
                .iter()
                .zip(texts)
                .filter(|((_, cel), text)| cel != *text);
            let commands = changed.map(|((line, _), text)| Command::Expect {
                action,
                line: *line,
                cel: (!text.is_empty()).then(|| text.clone()),
            });
            Reply::Done(commands.collect())
        });
        Reply::Open(Box::new(form.about(about)))
    }

    fn lines(&self, look: &Look<'_>, width: usize) -> Vec<Line<'static>> {
        self.body(look, width).0
    }

    /// What would run, as somebody reads it who is asked about it.
    pub(super) fn shown_lines(&self, look: &Look<'_>, width: usize) -> Vec<Line<'static>> {
        self.lines(look, width)
    }

    /// The digest of the files that it includes, as they are shown.
    ///
    /// # Errors
    /// They are not shown (yet).
    pub(super) fn included_digest(&self) -> Result<Option<String>, String> {
        self.included.digest()
    }

    /// The command, or what stands in its way.
    fn execute(&mut self, look: &Look<'_>) -> Reply {
        match preview_from(look.run(), self.action(), self.shown.from) {
            Ok(now) if now.hash == self.shown.hash => {}
            // What it proved to be stands in the dialog since; nothing that was shown has changed.
            Ok(now)
                if self.shown.proved.is_none()
                    && now.content == self.shown.content
                    && now.command == self.shown.command =>
            {
                self.shown = now;
            }
            Ok(now) => {
                self.included = Files::of(&now);
                self.before = Before::of(&now);
                self.shown = now;
                self.changed = true;
                self.word.forget();
                return Reply::say("what would run has changed", "read it again, then x");
            }
            Err(refusal) => return Reply::say(refusal.message, refusal.help),
        }
        if let Some(words) = self.shown.belongs_elsewhere() {
            return Reply::say(words, Preview::WHAT_TO_DO_ELSEWHERE);
        }
        if self.shown.commands.is_empty() && !self.shown.listed.is_empty() {
            return Reply::say(
                "all of its commands are off",
                "Space switches one on, then x",
            );
        }
        let included = match self.included.digest() {
            Ok(digest) => digest,
            Err(why) if self.included.is_awaited() => return Reply::say(why, "a moment, then x"),
            Err(why) => return Reply::say(why, "close this and check again"),
        };
        if self.needs_arming(look) {
            return Reply::say(
                "this was only inferred to be a command",
                "read it, then `a` arms it",
            );
        }
        if let (Some(asked), None) = (self.asks_reason(look), &self.reason) {
            return Reply::say(asked, "press r");
        }
        let typed = match &self.shown.confirm {
            Some(word) if !self.word.is(word) => {
                self.word.start();
                return Reply::say(format!("first type `{word}`"), "then x");
            }
            Some(_) => Some(self.word.value()),
            None => None,
        };
        Reply::Do(vec![Command::Start {
            from: self.shown.from,
            action: self.action(),
            hash: self.shown.hash.clone(),
            typed,
            reason: self.reason.clone(),
            included,
        }])
    }
}

impl Dialog for PreviewDialog {
    fn context(&self) -> Context {
        if self.word.is_typing() {
            Context::Word
        } else {
            Context::Preview
        }
    }

    fn title(&self, look: &Look<'_>) -> String {
        let run = look.run();
        let title = run.title_of(self.action());
        format!("what would run: {}", plain(&title))
    }

    fn role(&self) -> Role {
        if self.shown.destructive.is_empty() {
            Role::Focus
        } else {
            Role::Destructive
        }
    }

    fn wants(&self, look: &Look<'_>, room: Size) -> Size {
        let lines = self.lines(look, room.width.into());
        size_of(&lines, 0)
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let (lines, at) = self.body(look, area.width.into());
        // While a word is typed its field, the last line, is in sight.
        let top = if self.word.is_typing() {
            lines.len()
        } else {
            self.list.top(self.top, at, area.height.into())
        };
        draw_scrolled(&lines, top, look, area, buffer);
    }

    fn offers(&self, intent: Intent, look: &Look<'_>) -> bool {
        match intent {
            Intent::Arm => self.needs_arming(look),
            // Nothing is offered before all of it has been shown.
            Intent::Execute => !self.needs_arming(look) && !self.included.is_awaited(),
            Intent::Tick => has_boxes(&self.shown),
            // Where a place is known only when it runs, a reason may be asked for then.
            Intent::WriteReason => {
                self.asks_reason(look).is_some()
                    || self.shown.reaches.iter().any(|reached| reached.unknown)
            }
            Intent::EditConditions => !self.editable(look).is_empty(),
            Intent::ItIsHere => self.led_away(look).is_some(),
            _ => true,
        }
    }

    fn on(&mut self, intent: Intent, look: &Look<'_>) -> Reply {
        if self.word.is_typing() {
            self.word.stop();
            return Reply::Stay;
        }
        match intent {
            Intent::Close => Reply::Close,
            Intent::Execute => self.execute(look),
            Intent::Arm => {
                // A condition that was changed a moment ago is armed as it is now, once it is shown.
                if let Ok(now) = preview_from(look.run(), self.action(), self.shown.from)
                    && now.content != self.shown.content
                {
                    self.included = Files::of(&now);
                    self.before = Before::of(&now);
                    self.shown = now;
                    self.changed = true;
                    self.word.forget();
                    return Reply::say(
                        "what would run, or what it is judged by, has changed",
                        "read it again, then a",
                    );
                }
                Reply::Send(vec![Command::Arm {
                    action: self.action(),
                    hash: self.shown.hash.clone(),
                }])
            }
            Intent::TypeWord if self.shown.confirm.is_some() => {
                self.word.start();
                Reply::Stay
            }
            Intent::WriteReason => Reply::Open(Box::new(Form::new(
                "why run it",
                vec![Field::required("reason")],
                |texts| Reply::Tell(texts.concat()),
            ))),
            Intent::EditConditions => self.conditions(look),
            Intent::ItIsHere => self.settle_place(look),
            Intent::Inputs => Reply::Open(Box::new(Inputs::new(look))),
            Intent::CorrectCommand => match Editor::correcting(look, self.action()) {
                Some(editor) => Reply::Become(Box::new(editor)),
                None => Reply::say("that cannot be written here", "annotate the guide"),
            },
            Intent::Copy => Reply::Copy(self.shown.command.clone()),
            Intent::Tick => self.list.switch(&self.shown, look),
            Intent::Up | Intent::Down if self.list.moves(intent, &self.shown) => Reply::Stay,
            other => {
                self.list.leave();
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

    fn typed(&mut self, _look: &Look<'_>) {
        if let Some(word) = &self.shown.confirm {
            self.word.typed(word);
        }
    }

    fn wants_before(&mut self, look: &Look<'_>) -> Option<ActionId> {
        self.before.wants(self.shown.action, look)
    }

    fn learn_before(&mut self, action: ActionId, before: &Result<BeforeStep, String>) {
        if action == self.shown.action {
            self.before.learn(before.clone());
        }
    }

    fn wants_included(&mut self) -> Option<ActionId> {
        self.included.ask().then_some(self.shown.action)
    }

    fn learn_included(&mut self, action: ActionId, included: Result<Vec<Included>, String>) {
        if action == self.shown.action {
            self.included.learn(included);
        }
    }

    fn told(&mut self, text: String) {
        self.reason = Some(text);
    }

    /// What was switched here is shown as it is by now, with all that follows from it.
    fn look_again(&mut self, look: &Look<'_>) {
        if self.awaits_place
            && let Ok(now) = preview_from(look.run(), self.action(), self.shown.from)
            && now.elsewhere.is_some() != self.shown.elsewhere.is_some()
        {
            self.awaits_place = false;
            self.included = Files::of(&now);
            self.shown = now;
            self.word.forget();
            return;
        }
        if !self.list.awaits() {
            return;
        }
        if let Ok(now) = preview_from(look.run(), self.action(), self.shown.from)
            && self.list.is_switched(&self.shown, &now)
        {
            self.included = Files::of(&now);
            self.before = Before::of(&now);
            self.shown = now;
            self.word.forget();
        }
    }
}
