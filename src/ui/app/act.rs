//! What each intent does: move, look, open a dialog, or ask something of the supervisor.

mod walk;

use super::{App, Ask};
use crate::run::{Command, Mode, action_title};
use crate::ui::dialogs::{
    Confirm, Dialog, Editor, Field, Form, GateDialog, Help, Inputs, Palette, Pick, Quit, Reply,
    RollBackDialog, SearchFor, Subject, accept_target, take_target,
};
use crate::ui::intent::Intent;
use crate::ui::markdown::plain;
use crate::ui::screen::dialog_areas;
use crate::ui::theme::Role;
use crate::ui::view::{Look, Search};
use crate::ui::walk::{Undoable, last_undoable, optional_part_at, shown_step};

impl App {
    pub(in crate::ui) fn on_intent(&mut self, intent: Intent) -> Vec<Ask> {
        if intent == Intent::AskQuit {
            self.open(Quit);
            return Vec::new();
        }
        match self.dialogs.pop() {
            Some(mut dialog) => {
                let (_, room) = dialog_areas(dialog.as_ref(), &self.look(), self.areas().body);
                self.view.dialog = room.as_size();
                let reply = dialog.on(intent, &self.look());
                self.on_reply(dialog, reply)
            }
            None => self.on_main(intent),
        }
    }

    pub(in crate::ui) fn open(&mut self, dialog: impl Dialog + 'static) {
        self.dialogs.push(Box::new(dialog));
    }

    fn on_reply(&mut self, dialog: Box<dyn Dialog>, reply: Reply) -> Vec<Ask> {
        match reply {
            Reply::Stay => {
                self.dialogs.push(dialog);
                Vec::new()
            }
            Reply::Close => Vec::new(),
            Reply::Say { text, help } => {
                self.dialogs.push(dialog);
                self.say(text, help, Role::Warning);
                Vec::new()
            }
            Reply::Do(commands) => {
                self.dialogs.clear();
                self.follow(&commands);
                vec![Ask::Commands(commands)]
            }
            Reply::Send(commands) => {
                self.dialogs.push(dialog);
                vec![Ask::Commands(commands)]
            }
            Reply::Done(commands) => vec![Ask::Commands(commands)],
            Reply::Open(other) => {
                self.dialogs.push(dialog);
                self.dialogs.push(other);
                Vec::new()
            }
            Reply::Become(other) => {
                self.dialogs.push(other);
                Vec::new()
            }
            Reply::Tell(text) => {
                if let Some(beneath) = self.dialogs.last_mut() {
                    beneath.told(text);
                }
                Vec::new()
            }
            Reply::Then(commands, intent) => {
                self.dialogs.clear();
                let mut asks = Vec::new();
                if !commands.is_empty() {
                    asks.push(Ask::Commands(commands));
                }
                // From the palette too, what is the driver's stays the driver's.
                if intent.is_for_driver() && !self.model.drives() {
                    self.say("you are watching", "T asks for control", Role::Warning);
                } else {
                    asks.extend(self.on_intent(intent));
                }
                asks
            }
            Reply::FocusOn(pane) => {
                self.dialogs.clear();
                self.look_at(pane);
                Vec::new()
            }
            Reply::TravelTo(at) => {
                self.travel_to(at);
                Vec::new()
            }
            Reply::TakeLayout(index) => {
                self.dialogs.clear();
                self.choose_layout(index);
                Vec::new()
            }
            Reply::SearchFor(pattern) => {
                self.view.search = Some(Search {
                    pattern,
                    found: None,
                });
                self.look_at("output");
                self.search(true)
            }
            Reply::Copy(text) => {
                self.dialogs.push(dialog);
                self.copied(&text)
            }
            Reply::Drive(commands) => {
                self.dialogs.clear();
                self.model.observe = false;
                match commands.is_empty() {
                    true => Vec::new(),
                    false => vec![Ask::Commands(commands)],
                }
            }
            Reply::Leave => vec![Ask::Leave],
        }
    }

    /// After a decision the screen follows the run again.
    fn follow(&mut self, commands: &[Command]) {
        let decides = commands.iter().any(|command| {
            matches!(
                command,
                Command::Gate { .. } | Command::Rollback { .. } | Command::Abandon { .. }
            )
        });
        if decides {
            self.at_hand();
        }
        let is_signal = |command: &Command| matches!(command, Command::SignalSession { .. });
        if commands.iter().any(is_signal) {
            self.view.listing_mut("sessions").marked.clear();
        }
        if commands
            .iter()
            .any(|command| matches!(command, Command::Start { .. } | Command::Rollback { .. }))
        {
            self.view.position_mut("output").top = None;
            self.view.watch = None;
        }
    }

    pub(in crate::ui) fn at_hand(&mut self) {
        self.view.step = None;
        self.view.item = None;
        self.view.watch = None;
        self.view.position_mut("step").top = None;
    }

    pub(in crate::ui) fn look_at(&mut self, pane: &'static str) {
        self.view.focus_on(pane);
        let shown = self.pane_height(pane) > 0;
        self.view.zoomed = !shown && !self.layout().panes().contains(&pane);
    }

    fn on_main(&mut self, intent: Intent) -> Vec<Ask> {
        if self.travels(intent) {
            return Vec::new();
        }
        self.moved_alone(intent);
        match intent {
            Intent::Up
            | Intent::Down
            | Intent::PageUp
            | Intent::PageDown
            | Intent::First
            | Intent::Last => self.go(intent),
            Intent::FocusNext => self.turn_place(1),
            Intent::FocusPrevious => self.turn_place(-1),
            Intent::TabNext => self.turn_tab(1),
            Intent::TabPrevious => self.turn_tab(-1),
            Intent::AtHand => {
                self.at_hand();
                self.look_at("step");
            }
            Intent::Zoom => {
                self.view.zoomed = !self.view.zoomed;
                self.keep_focus();
            }
            Intent::Open => return self.open_item(),
            Intent::Walk => {
                self.at_hand();
                return self.walk();
            }
            Intent::Help => self.open(Help::default()),
            Intent::Palette => self.open_palette(),
            Intent::ListLayouts => self.list_layouts(),
            Intent::NextLayout => self.choose_layout(self.layout + 1),
            Intent::NextTheme => self.next_theme(),
            Intent::Search => self.ask_search(),
            Intent::SearchNext => return self.search(true),
            Intent::SearchPrevious => return self.search(false),
            Intent::Copy => return self.copy(),
            Intent::Inputs => {
                let inputs = Inputs::new(&self.look());
                self.open(inputs);
            }
            Intent::AskHeld => self.ask_held(),
            Intent::RollBackHeld => return self.roll_back_held(),
            Intent::GiveKeyboard => return self.give_keyboard(),
            Intent::GuideChanged => self.show_guide_change(),
            Intent::AskCancel => self.ask_cancel(),
            Intent::AskSkip => self.ask_skip(),
            Intent::AskGate => match GateDialog::new(&self.look()) {
                Some(dialog) => self.open(dialog),
                None => self.say(
                    "the guide holds no phases",
                    "see `gonogo check`",
                    Role::Warning,
                ),
            },
            Intent::AskRollBack => match RollBackDialog::new(&self.look()) {
                Some(dialog) => self.open(dialog),
                None => self.say(
                    "the guide names no rollback",
                    "add a section `Rollback` to it, for the next run",
                    Role::Warning,
                ),
            },
            Intent::AskAcknowledge => self.ask_acknowledge(),
            Intent::LookAtWatches => self.look_at_watches(),
            Intent::AskTarget => self.ask_target(),
            Intent::AskTrust => self.ask_trust(),
            Intent::AskAbandon => self.ask_abandon(),
            Intent::WriteNote => self.write_note(),
            Intent::WriteCommand => match self.model.run.mode.is_over() {
                true => self.say("this run is over", "nothing more runs in it", Role::Muted),
                false => self.open(Editor::own()),
            },
            Intent::CorrectCommand => self.correct_command(),
            Intent::Tick => return self.tick_item(false),
            Intent::TickWithNote => return self.tick_item(true),
            Intent::Undo => return self.undo(),
            Intent::Resume => match self.model.run.mode {
                Mode::Held => return vec![Ask::Commands(vec![Command::Resume {}])],
                _ => self.say("the run is not held", "nothing to resume", Role::Muted),
            },
            other if self.on_table(other) => {}
            other => return self.on_pairing(other),
        }
        Vec::new()
    }

    fn open_palette(&mut self) {
        let names = self.layouts.iter().map(|layout| layout.name.clone());
        let palette = Palette::new(names.collect(), &self.contexts());
        self.open(palette);
    }

    fn list_layouts(&mut self) {
        let layouts = self.layouts.iter();
        let described = layouts.map(|layout| (layout.name.clone(), layout.about.clone()));
        let pick = Pick::new(Subject::Layouts(described.collect(), self.layout));
        self.open(pick);
    }

    fn ask_search(&mut self) {
        self.pin_watch();
        let before = self.view.search.as_ref();
        let dialog = SearchFor::new(before.map_or("", |search| &search.pattern));
        self.open(dialog);
    }

    fn ask_target(&mut self) {
        let form = accept_target(&self.look()).or_else(|| take_target(&self.look()));
        match form {
            Some(form) => self.open(form),
            None => self.say(
                "every target is the confirmed database, and no other run holds one",
                "",
                Role::Muted,
            ),
        }
    }

    fn write_note(&mut self) {
        let step = shown_step(&self.look()).map(|step| step.id.clone());
        let noted = move |texts: &[String]| {
            Reply::Do(vec![Command::Note {
                text: texts.concat(),
                step: step.clone(),
            }])
        };
        self.open(Form::new(
            "write a note",
            vec![Field::required("note")],
            noted,
        ));
    }

    fn undo(&mut self) -> Vec<Ask> {
        if let Some(step) = skipped_by_engine(&self.look()) {
            return vec![Ask::Commands(vec![Command::Unskip { step, action: None }])];
        }
        let command = match last_undoable(&self.model.run, &self.model.me) {
            Some(Undoable::Tick(step, index)) => Command::Untick { step, index },
            Some(Undoable::Skip(step, action)) => Command::Unskip { step, action },
            None => {
                self.say(
                    "you have no tick or skip to undo",
                    "R rolls back what ran",
                    Role::Muted,
                );
                return Vec::new();
            }
        };
        self.view.item = None;
        vec![Ask::Commands(vec![command])]
    }

    fn ask_skip(&mut self) {
        let Some(step) = shown_step(&self.look()) else {
            return;
        };
        let id = step.id.clone();
        let part = optional_part_at(&self.look(), step);
        let title = match part {
            Some(part) => action_title(&self.model.run.runbook, step, part),
            None => step.title.clone(),
        };
        let title = plain(&title);
        self.open(Form::new(
            &format!("skip `{title}`"),
            vec![Field::required("reason")],
            move |texts| {
                Reply::Do(vec![Command::Skip {
                    step: id.clone(),
                    reason: texts.concat(),
                    action: part,
                }])
            },
        ));
    }

    fn ask_abandon(&mut self) {
        self.open(Form::new(
            "abandon the run where it is",
            vec![Field::required("reason")],
            |texts| {
                let reason = texts.concat();
                Reply::Become(Box::new(Confirm::new(
                    "abandon the run?",
                    &format!(
                        "nothing more starts and nothing is rolled back; the run ends as failed: {reason}"
                    ),
                    vec![Command::Abandon { reason }],
                )))
            },
        ));
    }
}

/// The step at hand, where it was skipped because it is for another environment.
fn skipped_by_engine(look: &Look<'_>) -> Option<String> {
    let step = shown_step(look)?;
    let skip = look.run().steps.get(&step.id)?.skipped.as_ref()?;
    (skip.by == crate::run::ENGINE).then(|| step.id.clone())
}
