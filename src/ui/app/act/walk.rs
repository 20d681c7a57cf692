//! What Enter and Space do on the walk: open an item, its action or reference, tick it.

use crate::run::{ActionId, Command, Outcome, preview};
use crate::ui::app::{App, Ask};
use crate::ui::dialogs::{
    Editor, Field, Form, Inputs, Pick, PreviewDialog, Reply, Resolve, Stopped, Subject,
};
use crate::ui::intent::Intent;
use crate::ui::keymap::{Context, key_of};
use crate::ui::markdown::plain;
use crate::ui::panes;
use crate::ui::theme::Role;
use crate::ui::walk::{Item, is_done, item_at_cursor, items};

impl App {
    pub(super) fn open_item(&mut self) -> Vec<Ask> {
        if self.view.focus() == "phases" {
            self.look_at("step");
            return Vec::new();
        }
        if self.view.focus() == "reference" {
            self.open_reference();
            return Vec::new();
        }
        if let Some(watch) = self.pin_watch() {
            self.open_action(watch);
            return Vec::new();
        }
        self.walk()
    }

    /// Opens what stands under the cursor of the step.
    pub(super) fn walk(&mut self) -> Vec<Ask> {
        let look = self.look();
        let item = item_at_cursor(&look).map(|(_, item)| item);
        match item {
            None => self.say("there is nothing to open in this step", "", Role::Muted),
            Some(Item::Tick(_)) => {
                self.say(
                    "an item: Space ticks it, n ticks it with a note",
                    "",
                    Role::Text,
                );
            }
            Some(Item::Choice(group)) => {
                let pick = Pick::new(Subject::Choice(group));
                self.open(pick);
            }
            Some(Item::Action(action)) => self.open_action(action),
        }
        Vec::new()
    }

    /// Opens what can be run in the section under the cursor, beside the walk.
    fn open_reference(&mut self) {
        let width = self.pane_area("reference").unwrap_or_default().width;
        let Some(opened) = panes::reference_opened(&self.look(), width) else {
            self.say(
                "there is nothing to run here",
                "y copies the line",
                Role::Muted,
            );
            return;
        };
        let run = &self.model.run;
        let item = run.runbook.step(&opened.step).and_then(|step| {
            let wanted = Item::Action(opened.action?);
            items(run, step).iter().position(|item| *item == wanted)
        });
        self.view.step = Some(opened.step);
        self.view.item = item;
        self.view.watch = None;
        self.view.position_mut("step").top = None;
        self.look_at("step");
        self.say(
            "beside the walk: what runs here is on record, and changes no phase",
            ". goes back to the current step",
            Role::Text,
        );
    }

    pub(super) fn correct_command(&mut self) {
        let look = self.look();
        let editor = match item_at_cursor(&look) {
            Some((_, Item::Action(action))) => Editor::correcting(&look, action),
            _ => None,
        };
        match editor {
            Some(editor) => self.open(editor),
            None => {
                let key = key_of(Context::Main, Intent::WriteCommand);
                self.say(
                    "the cursor is not on a command",
                    format!("arrows move it; {key} writes one of your own"),
                    Role::Muted,
                );
            }
        }
    }

    pub(in crate::ui) fn open_action(&mut self, action: ActionId) {
        let run = &self.model.run;
        let outcome = run
            .action(action)
            .and_then(|state| state.last())
            .map(|attempt| attempt.outcome);
        match outcome {
            Some(None) if run.held().is_some_and(|(held, ..)| held == action) => {
                self.ask_held();
                return;
            }
            Some(None) => {
                self.look_at("output");
                self.say("it is running: c cancels it", "", Role::Running);
                return;
            }
            Some(Some(Outcome::Unknown | Outcome::Inconclusive)) => {
                self.open(Resolve::new(action));
                return;
            }
            _ => {}
        }
        if let Some(stopped) = Stopped::new(action, &self.look()) {
            self.open(stopped);
            return;
        }
        match preview(run, action) {
            Ok(shown) => self.open(PreviewDialog::new(shown)),
            Err(refusal) => {
                if refusal.message.contains("no value for") {
                    let inputs = Inputs::new(&self.look()).at_action(run, action);
                    self.open(inputs);
                }
                self.say(refusal.message, refusal.help, Role::Warning);
            }
        }
    }

    pub(super) fn tick_item(&mut self, with_note: bool) -> Vec<Ask> {
        let look = self.look();
        let Some((step, Item::Tick(index))) = item_at_cursor(&look) else {
            self.say(
                "the cursor is not on an item",
                "arrows move it; Enter shows what would run",
                Role::Muted,
            );
            return Vec::new();
        };
        if is_done(look.run(), step, &Item::Tick(index)) && !with_note {
            self.say(
                "this item is already ticked",
                "u undoes your last tick",
                Role::Muted,
            );
            return Vec::new();
        }
        let Some(tick) = step.ticks.get(index) else {
            return Vec::new();
        };
        if !self.is_item_in_sight() {
            let at = items(look.run(), step)
                .iter()
                .position(|item| *item == Item::Tick(index));
            if self.pane_height("step") == 0 {
                self.look_at("step");
            }
            self.show_item(at);
            self.say(
                "the item was out of sight",
                "read it, then Space",
                Role::Warning,
            );
            return Vec::new();
        }
        let (step, text) = (step.id.clone(), plain(&tick.text));
        let asked = tick.value.clone();
        self.view.item = None;
        if asked.is_none() && !with_note {
            return vec![Ask::Commands(vec![Command::Tick {
                step,
                index,
                value: None,
                note: None,
            }])];
        }
        let has_value = asked.is_some();
        let mut fields: Vec<Field> = asked.iter().map(|asked| Field::required(asked)).collect();
        fields.push(if has_value {
            Field::optional("note")
        } else {
            Field::required("note")
        });
        self.open(Form::new(&format!("tick: {text}"), fields, move |texts| {
            let (value, note) = match texts {
                [value, note] => (Some(value.clone()), note.clone()),
                rest => (None, rest.concat()),
            };
            Reply::Do(vec![Command::Tick {
                step: step.clone(),
                index,
                value,
                note: (!note.is_empty()).then_some(note),
            }])
        }));
        Vec::new()
    }
}
