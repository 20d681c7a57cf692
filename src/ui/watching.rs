//! What a person does with watches: go to them, open one, and say what a red flag means.

use super::app::App;
use super::dialogs::{Field, Form, Reply};
use super::intent::Intent;
use super::keymap::{Context, key_of};
use super::panes::chosen_watch;
use super::theme::Role;
use super::view::Look;
use crate::run::{ActionId, Alert, Command, action_title};

/// The alert that is shown, and asked about first: the oldest that is open.
pub fn alert_at_hand<'a>(look: &Look<'a>) -> Option<&'a Alert> {
    look.run().open_alerts().next()
}

/// Asks what the alert at hand means.
pub fn acknowledgement(look: &Look<'_>) -> Option<Form> {
    let run = look.run();
    let alert = alert_at_hand(look)?;
    let id = alert.id;
    let title = format!("red flag: `{}`", alert.pattern);
    let mut about = vec![run.alert_words(alert)];
    if run.is_of_lines(alert) {
        about.push(format!(
            "Once acknowledged, more lines with `{}` in this watch are counted and raise no alarm, until the phase ends.",
            alert.pattern
        ));
    }
    let form = Form::new(
        &title,
        vec![Field::required("what it means")],
        move |texts| {
            Reply::Done(vec![Command::Acknowledge {
                alert: id,
                note: texts.concat(),
            }])
        },
    );
    Some(form.about(about))
}

/// A watch is offered; nobody has to take it.
pub fn offer(look: &Look<'_>, watch: ActionId, is_last: bool) -> String {
    let run = look.run();
    let key = |intent| key_of(Context::Main, intent);
    let step = run.step_of(watch);
    let title = step
        .map(|step| action_title(&run.runbook, step, watch))
        .unwrap_or_default();
    let shown = look.view.step.as_deref();
    let elsewhere = match (shown, step) {
        (Some(shown), Some(step)) if shown != step.id => {
            format!("{} goes to `{}`: ", key(Intent::AtHand), step.title)
        }
        _ => String::new(),
    };
    let instead = if is_last {
        format!("; {} is the gate", key(Intent::AskGate))
    } else {
        String::new()
    };
    format!("{elsewhere}Enter shows what would run: `{title}`, a watch beside the steps{instead}")
}

impl App {
    pub(super) fn ask_acknowledge(&mut self) {
        match acknowledgement(&self.look()) {
            Some(form) => self.dialogs.push(Box::new(form)),
            None => self.say("no red flag is open", "nothing to acknowledge", Role::Muted),
        }
    }

    pub(super) fn look_at_watches(&mut self) {
        if self.model.run.watches().is_empty() {
            self.say(
                "there is no watch in this phase",
                "commands that never end become watches",
                Role::Muted,
            );
            return;
        }
        self.look_at("watches");
    }

    /// The output pane shows the watch with the cursor, until the next look at something else.
    pub(super) fn pin_watch(&mut self) -> Option<ActionId> {
        if self.view.focus() != "watches" {
            return None;
        }
        let chosen = chosen_watch(&self.look())?;
        self.view.watch = Some(chosen);
        self.view.position_mut("output").top = None;
        Some(chosen)
    }
}
