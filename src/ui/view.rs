//! What this client looks at: focus, cursors, scroll positions, layout and theme. None of it is
//! part of the run, and rendering changes none of it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use ratatui::layout::Size;

use super::listing::{Frozen, Listing};
use super::model::{Activity, Model, Probe};
use super::step_input::TypingTo;
use super::theme::Theme;
use crate::monitor::StatementsSample;
use crate::run::{ActionId, RunState};

/// Everything that rendering may read.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    pub model: &'a Model,
    pub view: &'a View,
    pub theme: &'a Theme,
}

impl<'a> Look<'a> {
    pub fn run(&self) -> &'a RunState {
        &self.model.run
    }

    /// The sessions to show: those of the moment at which their pane was paused, else the newest.
    pub fn sessions(&self) -> Option<&'a Activity> {
        match &self.view.listing("sessions").paused {
            Some((_, Frozen::Sessions(activity))) => Some(activity),
            _ => self.model.main_activity(),
        }
    }

    /// How many first rows a dialog that is one text can have: it scrolls until its end is in sight.
    pub fn scrolls<T>(&self, lines: impl FnOnce(usize) -> Vec<T>) -> usize {
        let room = self.view.dialog;
        let rows = lines(room.width.into()).len();
        rows.saturating_sub(room.height.into()) + 1
    }

    /// The statements to show, as [`Look::sessions`].
    pub fn statements(&self) -> Option<&'a StatementsSample> {
        match &self.view.listing("statements").paused {
            Some((_, Frozen::Statements(sample))) => Some(sample),
            _ => self.model.main_statements(),
        }
    }

    /// The health endpoints to show, as [`Look::sessions`].
    pub fn probes(&self) -> &'a BTreeMap<String, Probe> {
        match &self.view.listing("health").paused {
            Some((_, Frozen::Probes(probes))) => probes,
            _ => &self.model.probes,
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct View {
    /// Pane names, the focused one first.
    pub recent: Vec<&'static str>,
    pub zoomed: bool,
    /// This screen goes where the driver's goes.
    pub follows: bool,
    /// The step looked at; `None` follows the current step.
    pub step: Option<String>,
    /// The box or action with the cursor; `None` follows the next one that is not done.
    pub item: Option<usize>,
    /// The watch whose output is looked at; `None` follows the step.
    pub watch: Option<ActionId>,
    pub panes: BTreeMap<&'static str, Position>,
    /// Those that list things.
    pub listings: BTreeMap<&'static str, Listing>,
    /// What was searched for in the output, and the line where it was found last.
    pub search: Option<Search>,
    /// The step to which the keys go.
    pub typing: Option<TypingTo>,
    /// The room inside the dialog on top.
    pub dialog: Size,
}

/// Where a pane stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// First row shown; `None` follows: the end of an output, the cursor of a step.
    pub top: Option<u64>,
    /// Row under the cursor, where the pane has one.
    pub cursor: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    pub pattern: String,
    pub found: Option<u64>,
}

impl View {
    pub fn focus(&self) -> &'static str {
        self.recent.first().copied().unwrap_or("step")
    }

    pub fn focus_on(&mut self, pane: &'static str) {
        self.recent.retain(|name| *name != pane);
        self.recent.insert(0, pane);
    }

    pub fn position(&self, pane: &str) -> Position {
        self.panes.get(pane).copied().unwrap_or_default()
    }

    pub fn listing(&self, pane: &str) -> &Listing {
        static UNTOUCHED: LazyLock<Listing> = LazyLock::new(Listing::default);
        self.listings.get(pane).unwrap_or(&UNTOUCHED)
    }

    pub fn listing_mut(&mut self, pane: &'static str) -> &mut Listing {
        self.listings.entry(pane).or_default()
    }

    pub fn position_mut(&mut self, pane: &'static str) -> &mut Position {
        self.panes.entry(pane).or_default()
    }
}
