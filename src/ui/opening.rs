//! What is shown because of the guide and its configuration: what has to be agreed to, blanks at the
//! beginning of a run, and what has changed in the guide's file since.

use super::app::App;
use super::dialogs::{GuideChanged, Inputs, TrustDialog};
use super::theme::Role;
use crate::run::{GuideOnDisk, Mode, open_inputs};

impl App {
    /// Opens what a new run begins with: what its configuration would do, where nobody has agreed to it;
    /// then its blanks, where somebody has to fill them in.
    pub fn begin(&mut self) {
        let run = &self.model.run;
        if run.untrusted.is_some() && self.model.drives() {
            self.ask_trust();
            return;
        }
        let untouched = run.epoch <= 1 && run.actions.is_empty() && run.steps.is_empty();
        let asks = open_inputs(run).next().is_some() || !run.provenance.remembered.is_empty();
        if untouched && asks && self.model.drives() && run.mode == Mode::Running {
            let inputs = Inputs::new(&self.look());
            self.open(inputs);
        }
    }

    pub(super) fn ask_trust(&mut self) {
        match TrustDialog::new(&self.look()) {
            Some(dialog) => self.open(dialog),
            None => self.say("this run has no `gonogo.toml`", "", Role::Muted),
        }
    }

    pub(super) fn show_guide_change(&mut self) {
        match &self.model.run.guide_on_disk {
            Some(seen) if seen.state != GuideOnDisk::Same => self.open(GuideChanged::default()),
            _ => self.say("the guide on disk is the one of this run", "", Role::Muted),
        }
    }
}
