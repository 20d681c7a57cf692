//! The cockpit without a terminal: it takes keys and messages in, hands what is to be asked of the
//! supervisor out, and draws. No clock, no socket, no tty, so a test can drive all of it.

mod act;
mod cancel;
mod held;
mod keyboard;
mod moves;
mod pairing;
mod past;
mod tables;
mod watching;

use std::collections::BTreeSet;

use crossterm::event::{Event as TerminalEvent, KeyEvent, KeyEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use tui_input::backend::crossterm::EventHandler;

use super::dialogs::Dialog;
use super::files::FileError;
use super::intent::Intent;
use super::keymap::{Context, Key, meaning};
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

    /// Takes one terminal event in. `burst` is true of keys that came too fast to be typed.
    pub fn on_terminal(&mut self, event: &TerminalEvent, burst: bool) -> Vec<Ask> {
        let mut asks = self.asked_by(event, burst);
        // Whatever a key meant: nothing is sent to the run from its past.
        if self.past.is_some() {
            asks.retain(|ask| matches!(ask, Ask::Leave));
        }
        let commands = asks.iter().filter(|ask| matches!(ask, Ask::Commands(_)));
        self.unanswered += commands.count();
        asks
    }

    /// What was sent has not come back as events yet: the advice on the screen is of before.
    fn is_waiting(&self) -> bool {
        self.unanswered > 0 || self.model.run.seq < self.promised
    }

    fn asked_by(&mut self, event: &TerminalEvent, burst: bool) -> Vec<Ask> {
        if let Some(asks) = self.on_typing(event) {
            return asks;
        }
        match event {
            TerminalEvent::Key(key) => self.on_key(*key, burst),
            TerminalEvent::Paste(text) => {
                self.on_paste(text);
                Vec::new()
            }
            TerminalEvent::Resize(width, height) => {
                self.resize(Size::new(*width, *height));
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// Pasted text reaches fields of text and nothing else.
    fn on_paste(&mut self, text: &str) {
        if let Some(why) = self
            .dialogs
            .last()
            .and_then(|dialog| dialog.refuses_paste(text))
        {
            self.say(why, "none of it was used", Role::Warning);
            return;
        }
        let taken = match self.dialogs.last_mut() {
            Some(dialog) if dialog.takes_paste() => {
                if !dialog.paste(text)
                    && let Some(field) = dialog.field()
                {
                    insert_line(field, text);
                }
                true
            }
            Some(_) => false,
            None => self.type_filter(|field| insert_line(field, text)),
        };
        if !taken {
            self.say("pasted text is ignored here", "type it", Role::Warning);
        }
    }

    fn on_key(&mut self, key: KeyEvent, burst: bool) -> Vec<Ask> {
        if key.kind == KeyEventKind::Release {
            return Vec::new();
        }
        self.keyed();
        // A key held down may move, but must not act again.
        let repeated = key.kind == KeyEventKind::Repeat;
        let Some(pressed) = Key::of(key) else {
            return Vec::new();
        };
        let mut intent = meaning(&self.contexts(), pressed);
        if self.past.is_some() && !intent.is_some_and(Intent::only_looks) {
            self.notice = None;
            return Vec::new();
        }
        if intent.is_none() && self.leads_back(pressed) {
            self.dialogs.clear();
            intent = Some(Intent::AskRollBack);
        }
        if let Some(intent) = intent {
            if self.is_too_small()
                && !matches!(intent, Intent::AskQuit | Intent::Leave | Intent::Close)
            {
                return Vec::new();
            }
            self.notice = None;
            if intent.acts() && (burst || repeated) {
                self.say(
                    "those keys came too fast to be typed: ignored",
                    "press the key again by itself",
                    Role::Warning,
                );
                return Vec::new();
            }
            let for_anybody = self
                .dialogs
                .last()
                .is_some_and(|dialog| dialog.is_for_anybody());
            if intent.is_for_driver() && !for_anybody && !self.model.drives() {
                let driver = &self.model.run.driver;
                self.say(
                    format!("you are watching; `{driver}` drives this run"),
                    "T asks for control, h raises your hand",
                    Role::Warning,
                );
                return Vec::new();
            }
            return self.on_intent(intent);
        }
        self.on_text(key);
        Vec::new()
    }

    /// The rollback is open at any time: its key is heard in every dialog that takes no text.
    fn leads_back(&mut self, pressed: Key) -> bool {
        let Some(dialog) = self.dialogs.last_mut() else {
            return false;
        };
        dialog.context() != Context::RollBack
            && dialog.field().is_none()
            && meaning(&[Context::Main], pressed) == Some(Intent::AskRollBack)
    }

    /// A key that is not bound is text, where a field takes it.
    fn on_text(&mut self, key: KeyEvent) {
        let Some(mut dialog) = self.dialogs.pop() else {
            self.type_filter(|field| {
                field.handle_event(&TerminalEvent::Key(key));
            });
            return;
        };
        if let Some(field) = dialog.field() {
            self.notice = None;
            field.handle_event(&TerminalEvent::Key(key));
            dialog.typed(&self.look());
        }
        self.dialogs.push(dialog);
    }

    /// Whose keys work now.
    pub fn contexts(&self) -> Vec<Context> {
        match self.dialogs.last() {
            _ if self.view.typing.is_some() => vec![Context::Keyboard],
            Some(dialog) => vec![dialog.context()],
            None if self.view.listing(self.view.focus()).typed.is_some() => vec![Context::Filter],
            None if self.past.is_some() => vec![Context::Past],
            None => super::keys::contexts(&self.look()),
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

/// One line: a line break must not look like Enter.
fn insert_line(field: &mut tui_input::Input, text: &str) {
    for letter in text.chars().filter(|letter| !letter.is_control()) {
        field.handle(tui_input::InputRequest::InsertChar(letter));
    }
}
