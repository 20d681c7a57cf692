//! What is shown because of the guide: its blanks at the beginning of a run, and what has changed in
//! its file since.

use super::app::App;
use super::dialogs::{GuideChanged, Inputs};
use super::theme::Role;
use crate::run::{GuideOnDisk, Mode, open_inputs};

impl App {
    /// Opens what a new run begins with: its blanks, where somebody has to fill them in.
    pub fn begin(&mut self) {
        let run = &self.model.run;
        let untouched = run.epoch <= 1 && run.actions.is_empty() && run.steps.is_empty();
        let asks = open_inputs(run).next().is_some() || !run.provenance.remembered.is_empty();
        if untouched && asks && self.model.drives() && run.mode == Mode::Running {
            let inputs = Inputs::new(&self.look());
            self.open(inputs);
        }
    }

    pub(super) fn show_guide_change(&mut self) {
        match &self.model.run.guide_on_disk {
            Some(seen) if seen.state != GuideOnDisk::Same => self.open(GuideChanged::default()),
            _ => self.say(
                "the guide on disk is what this run was opened from",
                "",
                Role::Muted,
            ),
        }
    }
}
