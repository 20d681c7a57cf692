//! The cockpit without a terminal: it takes keys and messages in, hands what is to be asked of the
//! supervisor out, and draws. No clock, no socket, no tty, so a test can drive all of it.

mod act;
mod cancel;
mod held;
mod keyboard;
mod keys;
mod moves;
mod pairing;
mod past;
mod tables;
mod watching;

use std::collections::BTreeSet;

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};

use super::dialogs::Dialog;
use super::files::FileError;
use super::keymap::Context;
use super::layout::{Layout, NARROW};
use super::model::Model;
use super::panes;
use super::screen::{self, Areas, Frame, Notice};
use super::theme::{Role, Theme};
use super::view::{Look, View};
use super::walk::shown_action;
use crate::api::{ClientError, CommandAnswer, Message};
use crate::run::{ActionId, Timestamp};

pub use super::ask::{Answer, Ask};

pub struct App {
    pub model: Model,
    pub view: View,
    pub(super) layouts: Vec<Layout>,
    themes: Vec<Theme>,
    pub(super) layout: usize,
    theme: usize,
    pub(super) dialogs: Vec<Box<dyn Dialog>>,
    notice: Option<Notice>,
    pub(super) size: Size,
    /// Commands without an answer yet.
    unanswered: usize,
    /// The event that the last accepted command ended in; it may arrive after the answer.
    promised: u64,
    /// Pages that were asked for and have not come.
    awaited: BTreeSet<(ActionId, u32, u64)>,
    /// The screen shows what was.
    past: Option<past::Past>,
    /// The minute of the last key.
    pub(super) keyed_at: Option<Timestamp>,
}

impl App {
    /// `themes` and `layouts` hold at least one each.
    ///
    /// # Errors
    /// A mistake in an embedded layout or theme.
    pub fn new(model: Model, layouts: Vec<Layout>, themes: Vec<Theme>) -> Result<Self, FileError> {
        let layouts = if layouts.is_empty() {
            Layout::embedded(&panes::names())?
        } else {
            layouts
        };
        // A guide without watches needs no room for them.
        let layouts = match model.run.has_watches() {
            true => layouts,
            false => layouts.iter().map(|one| one.without("watches")).collect(),
        };
        let themes = if themes.is_empty() {
            Theme::embedded()?
        } else {
            themes
        };
        let mut view = View::default();
        view.focus_on("step");
        Ok(Self {
            model,
            view,
            layouts,
            themes,
            layout: 0,
            theme: 0,
            dialogs: Vec::new(),
            notice: None,
            size: Size::new(80, 24),
            unanswered: 0,
            promised: 0,
            awaited: BTreeSet::new(),
            past: None,
            keyed_at: None,
        })
    }

    pub fn look(&self) -> Look<'_> {
        Look {
            model: self.past_model().unwrap_or(&self.model),
            view: &self.view,
            theme: &self.themes[self.theme],
        }
    }

    pub fn say(&mut self, text: impl Into<String>, help: impl Into<String>, role: Role) {
        self.notice = Some(Notice {
            text: text.into(),
            help: help.into(),
            role,
        });
    }

    pub(super) fn unsay(&mut self) {
        self.notice = None;
    }

    pub fn notice(&self) -> Option<&Notice> {
        let nothing = self.past.as_ref().map(|_| &*past::NOTHING_ACTS);
        self.notice.as_ref().or(nothing)
    }

    pub fn is_dialog_open(&self) -> bool {
        !self.dialogs.is_empty()
    }

    /// The time on the screen.
    pub fn tick(&mut self, now: Timestamp) {
        self.model.now = now;
        self.follow_keyboard();
    }

    pub fn resize(&mut self, size: Size) {
        self.size = size;
        self.keep_focus();
    }

    pub fn on_message(&mut self, message: Message) {
        let asked = self.model.run.untrusted.is_some();
        let answered = super::signals::answer_of(&message);
        self.model.fold(message);
        if let Some((text, help, role)) = answered.filter(|_| self.model.drives()) {
            self.say(text, help, role);
        }
        // Agreed to, the run begins; or a new supervisor asks for it.
        if asked != self.model.run.untrusted.is_some() && self.dialogs.is_empty() {
            self.begin();
        }
        self.follow_written();
        self.follow_driver();
    }

    /// What was written is on record: it is looked at like any other command.
    fn follow_written(&mut self) {
        let dialog = self.dialogs.last();
        let Some(action) = dialog.and_then(|dialog| dialog.becomes(&self.look())) else {
            return;
        };
        self.dialogs.pop();
        let run = &self.model.run;
        if run.is_beside(action) {
            self.view.step = run.step_of(action).map(|step| step.id.clone());
            self.view.item = None;
        }
        self.open_action(action);
    }

    pub fn on_answer(&mut self, answer: Answer) {
        if matches!(answer, Answer::Command(_)) {
            self.unanswered = self.unanswered.saturating_sub(1);
        }
        match answer {
            Answer::Command(Ok(CommandAnswer::Accepted { seq })) => self.promised = seq,
            Answer::Typed(Ok(CommandAnswer::Accepted { .. })) => {}
            Answer::Command(Ok(CommandAnswer::Refused(refusal)))
            | Answer::Typed(Ok(CommandAnswer::Refused(refusal))) => {
                self.keyboard_refused();
                self.say(refusal.message, refusal.help, Role::Failed);
            }
            Answer::Command(Err(why)) | Answer::Typed(Err(why)) => {
                let sent = matches!(why, ClientError::Unknown(_) | ClientError::Garbled(_));
                let words = match sent {
                    true => why.to_string(),
                    false => format!("not sent: {why}"),
                };
                self.say(words, why.help(), Role::Failed);
            }
            Answer::Page {
                action,
                attempt,
                from,
                page,
            } => {
                self.awaited.remove(&(action, attempt, from));
                let output = self.model.outputs.get_mut(&action);
                match (page, output) {
                    (Ok(page), Some(output)) if output.attempt == attempt => {
                        output.keep(from, page.lines, page.page);
                    }
                    (Ok(_), _) => {}
                    (Err(why), _) => {
                        self.view.position_mut("output").top = None;
                        self.say(
                            format!("the spool could not be read: {why}"),
                            "the end of the output is shown",
                            Role::Warning,
                        );
                    }
                }
            }
            Answer::Found { pattern, line } => self.on_found(&pattern, line),
            Answer::Included { action, included } => {
                for dialog in &mut self.dialogs {
                    dialog.learn_included(action, included.clone());
                }
            }
            Answer::Fate { action, fate } => {
                for dialog in &mut self.dialogs {
                    dialog.learn_fate(action, &fate);
                }
            }
            Answer::Before { action, before } => {
                for dialog in &mut self.dialogs {
                    dialog.learn_before(action, &before);
                }
            }
            Answer::Session { session, detail } => {
                for dialog in &mut self.dialogs {
                    dialog.learn_session(&session, &detail);
                }
            }
            Answer::Past { at, past } => self.learn_past(at, past),
            Answer::GuideDifference(difference) => {
                for dialog in &mut self.dialogs {
                    dialog.learn_difference(difference.clone());
                }
            }
            Answer::Loss { block, loss } => {
                for dialog in &mut self.dialogs {
                    dialog.learn_loss(block, loss.clone());
                }
            }
        }
    }

    fn on_found(&mut self, pattern: &str, line: Result<Option<u64>, String>) {
        let height = self.pane_height("output");
        match line {
            Ok(Some(line)) => {
                if let Some(search) = &mut self.view.search
                    && search.pattern == pattern
                {
                    search.found = Some(line);
                }
                let top = line.saturating_sub(u64::from(height / 2));
                self.view.position_mut("output").top = Some(top);
                let number = super::format::grouped(line + 1);
                self.say(
                    format!("found on line {number}"),
                    "n and N go on",
                    Role::Text,
                );
            }
            Ok(None) => self.say(
                format!("`{pattern}` not found"),
                "Esc and / search for something else",
                Role::Warning,
            ),
            Err(why) => self.say(format!("the search failed: {why}"), "", Role::Warning),
        }
    }

    fn is_too_small(&self) -> bool {
        self.size.width < screen::LEAST.width || self.size.height < screen::LEAST.height
    }

    /// What the screen or a dialog needs and is not here yet.
    pub fn wanted(&mut self) -> Vec<Ask> {
        if self.past.is_some() {
            return self.wants_past().into_iter().collect();
        }
        let mut asks = Vec::new();
        if let Some(mut dialog) = self.dialogs.pop() {
            dialog.look_again(&self.look());
            while let Some(action) = dialog.wants_included() {
                asks.push(Ask::Included { action });
            }
            if let Some(action) = dialog.wants_fate() {
                asks.push(Ask::Fate { action });
            }
            if let Some(action) = dialog.wants_before(&self.look()) {
                asks.push(Ask::Before { action });
            }
            if let Some(session) = dialog.wants_session(&self.look()) {
                asks.push(Ask::Session(session));
            }
            if dialog.wants_difference() {
                asks.push(Ask::GuideDifference);
            }
            if let Some(block) = dialog.wants_loss(&self.look()) {
                asks.push(Ask::Loss { block });
            }
            self.dialogs.push(dialog);
        }
        let height = self.pane_height("output");
        if height > 0
            && let Some(action) = shown_action(&self.look())
            && let Some(output) = self.model.outputs.get(&action)
        {
            let first = panes::first_line(&self.look(), height);
            let attempt = output.attempt;
            if let Some(from) = output.missing(first, height.into())
                && self.awaited.insert((action, attempt, from))
            {
                asks.push(Ask::Page {
                    action,
                    attempt,
                    from,
                });
            }
        }
        asks.extend(self.fit_step());
        asks
    }

    /// The layout that is shown: the chosen one, or the narrow one where that does not fit.
    pub fn layout(&self) -> &Layout {
        let chosen = &self.layouts[self.layout];
        if chosen.fits(self.size) {
            return chosen;
        }
        self.layouts
            .iter()
            .find(|layout| layout.name == NARROW)
            .unwrap_or(chosen)
    }

    pub(super) fn areas(&self) -> Areas {
        let area = Rect::new(0, 0, self.size.width, self.size.height);
        let (look, size) = (self.look(), self.size);
        let alarms = super::chrome::alarm_lines(&look, size).len();
        let acts = screen::act_lines(&look, self.notice(), self.is_waiting(), size).len();
        screen::areas(area, alarms, acts)
    }

    /// The room of a pane as it stands on the screen, its title not counted.
    pub(super) fn pane_area(&self, name: &str) -> Option<Rect> {
        let arrangement = screen::arrange(self.layout(), &self.look(), self.areas().body);
        arrangement
            .places
            .iter()
            .find(|place| place.pane == name)
            .map(|place| screen::inside(place.area))
    }

    pub(super) fn pane_height(&self, name: &str) -> u16 {
        self.pane_area(name).map_or(0, |area| area.height)
    }

    /// The focus stays on a pane that the layout has.
    pub(super) fn keep_focus(&mut self) {
        if self.view.zoomed {
            return;
        }
        let panes = self.layout().panes();
        if !panes.contains(&self.view.focus()) {
            let pane = if panes.contains(&"step") {
                Some("step")
            } else {
                panes.first().copied()
            };
            if let Some(pane) = pane {
                self.view.focus_on(pane);
            }
        }
    }

    pub fn choose_layout(&mut self, index: usize) {
        self.layout = index % self.layouts.len();
        self.view.zoomed = false;
        self.keep_focus();
        let (shown, chosen) = (
            self.layout().name.clone(),
            self.layouts[self.layout].clone(),
        );
        if shown == chosen.name {
            self.say(format!("layout {shown}: {}", chosen.about), "", Role::Text);
        } else {
            let needs = format!("{}x{}", chosen.needs.width, chosen.needs.height);
            self.say(
                format!("layout {} needs {needs}; {shown} is shown", chosen.name),
                "",
                Role::Warning,
            );
        }
    }

    pub(super) fn next_theme(&mut self) {
        self.theme = (self.theme + 1) % self.themes.len();
        let theme = &self.themes[self.theme];
        let text = format!("theme {}: {}", theme.name, theme.about);
        self.say(text, "", Role::Text);
    }

    /// Takes a layout or theme by name.
    ///
    /// # Errors
    /// The names there are.
    pub fn use_layout(&mut self, name: &str) -> Result<(), String> {
        let names: Vec<&str> = self
            .layouts
            .iter()
            .map(|layout| layout.name.as_str())
            .collect();
        let index = names
            .iter()
            .position(|known| *known == name)
            .ok_or_else(|| format!("there is no layout `{name}`: {}", names.join(", ")))?;
        self.layout = index;
        self.keep_focus();
        Ok(())
    }

    /// See [`Self::use_layout`].
    ///
    /// # Errors
    /// The names there are.
    pub fn use_theme(&mut self, name: &str) -> Result<(), String> {
        let names: Vec<&str> = self
            .themes
            .iter()
            .map(|theme| theme.name.as_str())
            .collect();
        let index = names
            .iter()
            .position(|known| *known == name)
            .ok_or_else(|| format!("there is no theme `{name}`: {}", names.join(", ")))?;
        self.theme = index;
        Ok(())
    }

    fn frame<'a>(&'a self, contexts: &'a [Context]) -> Frame<'a> {
        Frame {
            look: self.look(),
            layout: self.layout(),
            dialog: self.dialogs.last().map(AsRef::as_ref),
            notice: self.notice(),
            past: self.moment(),
            is_waiting: self.is_waiting(),
            contexts,
        }
    }

    pub fn draw(&self, area: Rect, buffer: &mut Buffer) {
        let contexts = self.contexts();
        screen::draw(&self.frame(&contexts), area, buffer);
    }
}
