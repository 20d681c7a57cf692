//! Cancelling what runs: the command or watch that is looked at, else the command that is waited for.

use super::App;
use crate::run::{Command, action_title};
use crate::ui::dialogs::Confirm;
use crate::ui::markdown::plain;
use crate::ui::theme::Role;
use crate::ui::walk::shown_action;

impl App {
    pub(in crate::ui) fn ask_cancel(&mut self) {
        self.pin_watch();
        let run = &self.model.run;
        let running = run.running();
        let shown = shown_action(&self.look())
            .filter(|action| running.iter().any(|(running, _)| running == action));
        let action = shown
            .or_else(|| {
                running
                    .iter()
                    .map(|(action, _)| *action)
                    .find(|action| !run.is_watch(*action))
            })
            .or_else(|| running.first().map(|(action, _)| *action));
        let Some(action) = action else {
            self.say("nothing is running", "nothing to cancel", Role::Muted);
            return;
        };
        let step = run.step_of(action);
        let (title, means) = if run.is_watch(action) {
            let title = step.map(|step| action_title(&run.runbook, step, action));
            let means = "its processes are interrupted; a watch can be started again";
            (title.unwrap_or_default(), means)
        } else {
            let means = "its whole process tree is interrupted, and what it does in the database is cancelled";
            (step.map_or(String::new(), |step| step.title.clone()), means)
        };
        let dialog = Confirm::new(
            &format!("cancel `{}`?", plain(&title)),
            means,
            vec![Command::Cancel { action }],
        );
        self.open(dialog);
    }
}
