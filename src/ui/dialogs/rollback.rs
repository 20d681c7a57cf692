//! The rollback: the options of the guide, what would run and in which order, how long it takes and
//! what it loses. `B` begins it; where data is lost or the environment is protected, its name is
//! typed first.
//!
//! ```text
//! ╔ the rollback ═══════════════════════════════════ PRODUCTION · PROTECTED ╗
//! ║ ▸ restore the dump (recommended)        ~15m   ready                    ║
//! ║   code only (the guide advises against it)                              ║
//! ║ what runs is cancelled first: `3.2 Move the rows`                       ║
//! ║ 1 stop the services     shell in /srv/app                               ║
//! ║   ▏systemctl stop app                                                   ║
//! ║ loses: writes since the dump (41 rows, read just now)                   ║
//! ╚ B BEGIN the rollback  Tab next option  Esc close, run nothing ══════════╝
//! ```

mod body;

use std::collections::BTreeMap;

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::{Line, Span};
use tui_input::Input;

use super::acts::{as_written, command};
use super::included::Files;
use super::page::Page;
use super::pick::Subject;
use super::word::Word;
use super::{Dialog, Field, Form, Pick, Reply, draw_scrolled, moved, size_of};
use crate::run::{ActionId, Command, Included, Mode, PlannedAct, RollbackPlan};
use crate::ui::format::{estimate, plural, wrap};
use crate::ui::intent::Intent;
use crate::ui::keymap::Context;
use crate::ui::markdown::plain;
use crate::ui::theme::Role;
use crate::ui::view::Look;

#[derive(Default)]
pub struct RollBackDialog {
    /// By id: the order of the options may change while the dialog is open.
    option: String,
    /// Hash of the plan that was shown.
    hash: String,
    changed: bool,
    reason: Option<String>,
    word: Word,
    top: usize,
    /// What each of its commands includes and calls.
    files: BTreeMap<ActionId, Files>,
    /// By block; `None` while it is read.
    losses: BTreeMap<usize, Option<Result<String, String>>>,
}

impl RollBackDialog {
    /// `None` where the guide names no rollback.
    pub fn new(look: &Look<'_>) -> Option<Self> {
        let plan = look.model.rollback()?;
        let mut dialog = Self::default();
        dialog.take(plan);
        Some(dialog)
    }

    /// This plan is what is shown from now on.
    fn take(&mut self, plan: &RollbackPlan) {
        self.option.clone_from(&plan.option);
        self.hash.clone_from(&plan.hash);
        let actions = plan.actions.iter();
        self.files = actions
            .map(|action| (action.action, Files::named(action.files.len())))
            .collect();
        self.word.forget();
    }

    /// The digests of all that is shown; `None` where some of it cannot be: going back waits for no
    /// disk that hangs.
    ///
    /// # Errors
    /// It is being read.
    fn included(&self) -> Result<Option<BTreeMap<ActionId, String>>, Reply> {
        let mut digests = BTreeMap::new();
        for (action, files) in &self.files {
            match files.digest() {
                Ok(digest) => digests.extend(digest.map(|digest| (*action, digest))),
                Err(why) if files.is_awaited() => return Err(Reply::say(why, "a moment, then B")),
                Err(_) => return Ok(None),
            }
        }
        Ok(Some(digests))
    }

    fn plan<'a>(&self, look: &Look<'a>) -> Option<&'a RollbackPlan> {
        look.model
            .plans
            .iter()
            .find(|plan| plan.option == self.option)
    }

    fn turn(&mut self, look: &Look<'_>, forward: bool) {
        let plans = &look.model.plans;
        let at = plans
            .iter()
            .position(|plan| plan.option == self.option)
            .unwrap_or(0);
        let next = if forward {
            at + 1
        } else {
            at + plans.len() - 1
        };
        if let Some(plan) = plans.get(next % plans.len().max(1)) {
            self.take(plan);
            self.changed = false;
            self.top = 0;
        }
    }

    fn begin(&mut self, look: &Look<'_>) -> Reply {
        let Some(plan) = self.plan(look) else {
            return Reply::say("that rollback is gone", "choose another");
        };
        if look.run().mode == Mode::RollingBack {
            return Reply::say("a rollback is already running", "it says where it stands");
        }
        if plan.hash != self.hash {
            self.take(plan);
            self.changed = true;
            return Reply::say("what would run has changed", "read it again, then B");
        }
        if let Some(group) = plan.open_choices.first() {
            return Reply::Open(Box::new(Pick::new(Subject::Choice(group.clone()))));
        }
        if !plan.can_begin {
            let why = plan.reasons.first().cloned().unwrap_or_default();
            return Reply::say(why, "fix that, or choose another rollback (Tab)");
        }
        let included = match self.included() {
            Ok(included) => included,
            Err(awaited) => return awaited,
        };
        let typed = match &plan.confirm {
            Some(word) if !self.word.is(word) => {
                self.word.start();
                return Reply::say(format!("first type `{word}`"), "then B");
            }
            Some(_) => Some(self.word.value()),
            None => None,
        };
        Reply::Do(vec![Command::Rollback {
            option: plan.option.clone(),
            hash: self.hash.clone(),
            typed,
            reason: self.reason.clone(),
            included,
        }])
    }

    /// The options, one line each.
    fn options(&self, look: &Look<'_>, width: usize) -> Vec<Line<'static>> {
        let theme = look.theme;
        let mut lines = Vec::new();
        for plan in &look.model.plans {
            let chosen = plan.option == self.option;
            let mut words = plain(&plan.title);
            if plan.recommended && !words.to_lowercase().contains("recommended") {
                words += " (recommended)";
            }
            if let Some(seconds) = plan.estimate_s {
                words = format!("{words}  {}", estimate(seconds));
            }
            let (ready, role) = match (plan.ready, &plan.discouraged) {
                (false, _) if !plan.open_choices.is_empty() => ("to be chosen", Role::Warning),
                (false, _) if plan.can_begin => ("in doubt", Role::Failed),
                (false, _) => ("not ready", Role::Failed),
                (true, None) if plan.is_by_hand() => ("by hand", Role::Warning),
                (true, Some(_)) => ("the guide advises against it", Role::Warning),
                (true, None) => ("ready", Role::Passed),
            };
            let style = theme.style(if chosen { Role::Selection } else { Role::Text });
            let line = Line::from(vec![
                Span::styled(if chosen { "▸ " } else { "  " }, theme.style(Role::Key)),
                Span::styled(words, style),
                Span::styled(format!("  {ready}"), theme.style(role)),
            ]);
            lines.extend(wrap(line, width, 4));
        }
        lines
    }

    fn lines(&self, look: &Look<'_>, width: usize) -> Vec<Line<'static>> {
        let mut page = Page::new(look.theme, width);
        page.lines = self.options(look, width);
        let Some(plan) = self.plan(look) else {
            return page.lines;
        };
        page.lines.push(Line::default());
        self.about(plan, look, &mut page);
        page.lines.push(Line::default());
        page.lines.extend(self.acts(plan, look, width));
        if plan.actions.is_empty() {
            page.lines.extend(as_written(look, &plan.option, width));
        }
        page.lines
    }

    /// What it consists of, in the order in which it comes.
    fn acts(&self, plan: &RollbackPlan, look: &Look<'_>, width: usize) -> Vec<Line<'static>> {
        let theme = look.theme;
        let mut lines = Vec::new();
        let mut counts = Vec::new();
        if !plan.actions.is_empty() {
            counts.push(plural(plan.actions.len(), "command", "commands"));
        }
        if !plan.by_hand.is_empty() {
            counts.push(plural(plan.by_hand.len(), "manual item", "manual items"));
        }
        if !counts.is_empty() {
            let order = match plan.order().nth(1) {
                Some(_) => ", in this order:",
                None => ":",
            };
            let count = format!("{}{order}", counts.join(" and "));
            lines.push(Line::styled(count, theme.style(Role::Muted)));
        }
        for (index, act) in plan.order().enumerate() {
            let number = index + 1;
            match act {
                PlannedAct::ByHand(act) => {
                    let more = match (&act.asks, act.optional) {
                        (Some(asked), _) => format!("  asks: {}", plain(asked)),
                        (None, true) => "  optional".to_owned(),
                        (None, false) => String::new(),
                    };
                    let line = Line::from(vec![
                        Span::styled(format!("{number} by hand: "), theme.style(Role::Heading)),
                        Span::styled(plain(&act.text), theme.style(Role::Text)),
                        Span::styled(more, theme.style(Role::Muted)),
                    ]);
                    lines.extend(wrap(line, width, 4));
                }
                PlannedAct::Command(action) => {
                    lines.extend(command(number, action, look, width));
                    if let Some(files) = self.files.get(&action.action) {
                        lines.extend(files.lines(width, look));
                    }
                }
            }
        }
        lines
    }

    fn last_line(&self, look: &Look<'_>) -> Option<Line<'static>> {
        let word = self.plan(look)?.confirm.as_ref()?;
        Some(self.word.line(word, "t", look))
    }
}

impl Dialog for RollBackDialog {
    fn context(&self) -> Context {
        if self.word.is_typing() {
            Context::Word
        } else {
            Context::RollBack
        }
    }

    fn title(&self, _look: &Look<'_>) -> String {
        "the rollback".to_owned()
    }

    fn role(&self) -> Role {
        Role::Destructive
    }

    fn wants(&self, look: &Look<'_>, room: Size) -> Size {
        let lines = self.lines(look, room.width.into());
        size_of(&lines, 1)
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let lines = self.lines(look, area.width.into());
        let last = self.last_line(look);
        let height = area.height.saturating_sub(u16::from(last.is_some()));
        draw_scrolled(&lines, self.top, look, Rect { height, ..area }, buffer);
        if let (Some(line), Some(row)) = (last, area.rows().next_back()) {
            ratatui::widgets::Widget::render(line, row, buffer);
        }
    }

    fn offers(&self, intent: Intent, look: &Look<'_>) -> bool {
        match intent {
            // Nothing is offered before all of it has been shown.
            Intent::Begin => {
                let plan = self.plan(look);
                plan.is_some_and(|plan| plan.can_begin || !plan.open_choices.is_empty())
                    && !self.files.values().any(Files::is_awaited)
            }
            Intent::NextField => look.model.plans.len() > 1,
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
            Intent::Begin => self.begin(look),
            Intent::TypeWord => {
                if self.plan(look).is_some_and(|plan| plan.confirm.is_some()) {
                    self.word.start();
                }
                Reply::Stay
            }
            Intent::NextField | Intent::PreviousField => {
                self.turn(look, intent == Intent::NextField);
                Reply::Stay
            }
            Intent::WriteReason => Reply::Open(Box::new(Form::new(
                "why roll back",
                vec![Field::required("reason")],
                |texts| Reply::Tell(texts.concat()),
            ))),
            Intent::Copy => {
                let commands: Vec<String> = self
                    .plan(look)
                    .into_iter()
                    .flat_map(|plan| &plan.actions)
                    .filter_map(|action| action.command.clone().ok())
                    .collect();
                Reply::Copy(commands.join("\n\n"))
            }
            other => {
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
        if let Some(word) = self.plan(look).and_then(|plan| plan.confirm.as_deref()) {
            self.word.typed(word);
        }
    }

    fn told(&mut self, text: String) {
        self.reason = Some(text);
    }

    fn wants_included(&mut self) -> Option<ActionId> {
        let mut files = self.files.iter_mut();
        files.find_map(|(action, files)| files.ask().then_some(*action))
    }

    fn learn_included(&mut self, action: ActionId, included: Result<Vec<Included>, String>) {
        if let Some(files) = self.files.get_mut(&action) {
            files.learn(included);
        }
    }

    fn wants_loss(&mut self, look: &Look<'_>) -> Option<usize> {
        let block = self.plan(look)?.loss_query?;
        if self.losses.contains_key(&block) {
            return None;
        }
        self.losses.insert(block, None);
        Some(block)
    }

    fn learn_loss(&mut self, block: usize, loss: Result<String, String>) {
        self.losses.insert(block, Some(loss));
    }
}
