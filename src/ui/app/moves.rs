//! Where the keys lead: from pane to pane, from tab to tab, and up and down within one.

use ratatui::layout::Size;

use super::{App, Ask};
use crate::ui::intent::Intent;
use crate::ui::panes::{self, Moves};
use crate::ui::theme::Role;
use crate::ui::walk::{item_at, items, shown_action, shown_step, step_at_hand};

impl App {
    /// To the next place of the layout, and there to the tab that was looked at last.
    pub(in crate::ui) fn turn_place(&mut self, by: isize) {
        let focus = self.view.focus();
        let places = self.layout().places();
        let at = places.iter().position(|tabs| tabs.contains(&focus));
        let next = places.get(turned(at.unwrap_or(0), by, places.len()));
        let recency = |tab: &&&str| self.view.recent.iter().position(|name| name == *tab);
        let pane = next.and_then(|tabs| {
            let tab = tabs
                .iter()
                .min_by_key(|tab| recency(tab).unwrap_or(usize::MAX));
            tab.copied()
        });
        if let Some(pane) = pane {
            self.view.focus_on(pane);
        }
    }

    /// To the next tab of the same place.
    pub(in crate::ui) fn turn_tab(&mut self, by: isize) {
        let focus = self.view.focus();
        let places = self.layout().places();
        let tabs = places.iter().find(|tabs| tabs.contains(&focus));
        let pane = tabs.and_then(|tabs| {
            let at = tabs.iter().position(|tab| *tab == focus)?;
            tabs.get(turned(at, by, tabs.len())).copied()
        });
        if let Some(pane) = pane {
            self.view.focus_on(pane);
        }
    }

    pub(in crate::ui) fn go(&mut self, intent: Intent) {
        let name = self.view.focus();
        let Some(pane) = panes::pane(name) else {
            return;
        };
        let area = self.pane_area(name).unwrap_or_default();
        let size = Size::new(area.width, area.height);
        let rows = pane.rows(&self.look(), size);
        let page = u64::from(area.height.saturating_sub(2).max(1));
        match pane.moves() {
            Moves::Steps => self.go_step(intent, page),
            Moves::Items => self.go_item(intent, rows, area.height),
            Moves::Table => self.go_row(intent, page, area.height),
            Moves::Cursor => {
                let position = self.view.position_mut(name);
                let at = stepped(position.cursor as u64, intent, page, rows.saturating_sub(1));
                position.cursor = usize::try_from(at).unwrap_or(0);
                let height = u64::from(area.height.saturating_sub(2)).max(1);
                let top = position.top.unwrap_or(0);
                position.top = Some(top.clamp(at.saturating_sub(height - 1), at));
            }
            Moves::Scroll => {
                let most = rows.saturating_sub(area.height.into());
                let position = self.view.position_mut(name);
                let top = position.top.unwrap_or(0).min(most);
                position.top = Some(stepped(top, intent, page, most));
            }
            Moves::Follow => {
                let most = rows.saturating_sub(area.height.into());
                let position = self.view.position_mut(name);
                let top = position.top.unwrap_or(most).min(most);
                let next = stepped(top, intent, page, most);
                // At the end it follows again.
                position.top = (next < most).then_some(next);
            }
        }
    }

    fn go_step(&mut self, intent: Intent, page: u64) {
        let shown = shown_step(&self.look()).map(|step| step.id.clone());
        let steps = panes::steps_in_order(&self.model.run);
        let at = steps
            .iter()
            .position(|(_, step)| Some(&step.id) == shown.as_ref())
            .unwrap_or(0) as u64;
        let next = stepped(at, intent, page, (steps.len() as u64).saturating_sub(1));
        let chosen = usize::try_from(next)
            .ok()
            .and_then(|next| steps.get(next))
            .map(|(_, step)| step.id.clone());
        let at_hand = step_at_hand(&self.model.run).map(|step| step.id.clone());
        self.at_hand();
        // On the current step the screen follows the run again.
        self.view.step = chosen.filter(|chosen| Some(chosen) != at_hand.as_ref());
    }

    fn go_item(&mut self, intent: Intent, rows: u64, height: u16) {
        let look = self.look();
        let Some(step) = shown_step(&look) else {
            return;
        };
        let items = items(look.run(), step);
        let at = item_at(&look, step, &items);
        let most = rows.saturating_sub(height.into());
        if matches!(intent, Intent::Up | Intent::Down) && at.is_some() && !self.is_item_in_sight() {
            self.show_item(at);
            return;
        }
        match (intent, at) {
            (Intent::Up | Intent::Down, Some(at)) => {
                let next = match intent {
                    Intent::Up => at.checked_sub(1),
                    _ => Some(at + 1).filter(|next| *next < items.len()),
                };
                match next {
                    Some(next) => {
                        self.show_item(Some(next));
                    }
                    // Past the last item the text goes on.
                    None => self.scroll_step(intent, 1, most),
                }
            }
            _ => {
                let page = u64::from(height.saturating_sub(2).max(1));
                self.scroll_step(intent, page, most);
            }
        }
    }

    pub(in crate::ui) fn is_item_in_sight(&self) -> bool {
        self.pane_area("step")
            .is_some_and(|area| panes::is_in_sight(&self.look(), area))
    }

    /// Brings an item of the step into sight, with the cursor on it.
    pub(in crate::ui) fn show_item(&mut self, at: Option<usize>) {
        self.view.item = at;
        self.view.watch = None;
        self.view.position_mut("step").top = None;
    }

    /// Looks for the next match of what was searched for.
    pub(in crate::ui) fn search(&mut self, upwards: bool) -> Vec<Ask> {
        let (Some(search), Some(action)) = (&self.view.search, shown_action(&self.look())) else {
            self.say("nothing is searched for yet", "press /", Role::Muted);
            return Vec::new();
        };
        let Some(output) = self.model.outputs.get(&action) else {
            self.say("there is no output to search", "", Role::Muted);
            return Vec::new();
        };
        // A new search starts from the end: what went wrong stands there.
        let from = search.found.unwrap_or(output.lines);
        vec![Ask::Find {
            action,
            attempt: output.attempt,
            pattern: search.pattern.clone(),
            from,
            lines: output.lines,
            upwards,
        }]
    }

    fn scroll_step(&mut self, intent: Intent, page: u64, most: u64) {
        let top = match self.view.position("step").top {
            Some(top) => top,
            None => self
                .pane_area("step")
                .map_or(0, |area| panes::step_top(&self.look(), area)),
        };
        let top = stepped(top.min(most), intent, page, most);
        self.view.position_mut("step").top = Some(top);
    }
}

/// The index `by` further round.
fn turned(at: usize, by: isize, count: usize) -> usize {
    let count = isize::try_from(count).unwrap_or(1).max(1);
    let at = isize::try_from(at).unwrap_or(0);
    usize::try_from((at + by).rem_euclid(count)).unwrap_or(0)
}

/// A position after one move, between 0 and `most`.
pub(super) fn stepped(at: u64, intent: Intent, page: u64, most: u64) -> u64 {
    match intent {
        Intent::Up => at.saturating_sub(1),
        Intent::Down => (at + 1).min(most),
        Intent::PageUp => at.saturating_sub(page),
        Intent::PageDown => (at + page).min(most),
        Intent::First => 0,
        Intent::Last => most,
        _ => at,
    }
}
