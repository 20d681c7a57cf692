//! What a person ticks or judges in a step, and what of it stands on no line of the guide.

use super::{Writer, bare, short};
use crate::run::TickState;
use crate::runbook::{Expectation, Phase, Tick};
use crate::ui::format::minute;
use crate::ui::markdown::{inline, plain};
use crate::ui::theme::Role;
use crate::ui::walk::Item;
use ratatui::text::Span;

impl Writer<'_> {
    /// The first tick not yet placed whose words these are.
    pub(super) fn tick_named(&self, words: &str) -> Option<usize> {
        let words = bare(words);
        self.step
            .ticks
            .iter()
            .enumerate()
            .find(|(index, tick)| {
                !self.is_placed(&Item::Tick(*index)) && bare(&plain(&tick.text)) == words
            })
            .map(|(index, _)| index)
    }

    /// The acts of a person that comments of this code tell of, where they stand.
    pub(in crate::ui::panes) fn ticks_within(&mut self, line: usize, code: &str) {
        let lines = line..line + code.lines().count();
        for index in 0..self.step.ticks.len() {
            let is_here = lines.contains(&self.step.ticks[index].line);
            if is_here && !self.is_placed(&Item::Tick(index)) {
                self.tick(index);
            }
        }
    }

    /// The criterion of the phase whose words these are.
    pub(super) fn criterion_named(&self, words: &str) -> Option<(&Phase, &Expectation)> {
        let words = bare(words);
        let phase = self.run.runbook.phase_of(&self.step.id)?;
        let item = phase
            .criteria
            .iter()
            .find(|item| bare(&plain(&item.text)) == words)?;
        Some((phase, item))
    }

    /// What has no place in the prose stands below it.
    pub(super) fn leftovers(&mut self) {
        let mut missing: Vec<Item> = self
            .items
            .iter()
            .filter(|item| !self.is_placed(item))
            .cloned()
            .collect();
        if !missing.is_empty() {
            self.gap();
        }
        missing.reverse();
        while let Some(item) = missing.pop() {
            match item {
                Item::Tick(index) => self.tick(index),
                Item::Choice(group) => self.choice(&group),
                Item::Action(action) => {
                    if let Some(block) = self.run.runbook.block(action.block) {
                        self.block(block);
                        missing.retain(
                            |item| !matches!(item, Item::Action(other) if other.block == block.n),
                        );
                    }
                }
            }
        }
    }

    pub(super) fn tick(&mut self, index: usize) {
        let Some(tick) = self.step.ticks.get(index) else {
            return;
        };
        let state = self
            .run
            .steps
            .get(&self.step.id)
            .and_then(|state| state.ticks.get(&index));
        let item = Item::Tick(index);
        let (spans, below) = self.tick_words(tick, state);
        self.item_line(&item, spans, 4);
        for (text, role) in below {
            self.say(&text, role, 4);
        }
        self.item_ends(&item);
    }

    fn tick_words(
        &self,
        tick: &Tick,
        state: Option<&TickState>,
    ) -> (Vec<Span<'static>>, Vec<(String, Role)>) {
        let mut below = Vec::new();
        let (mark, role) = match state {
            Some(_) => ("[✓] ", Role::Passed),
            None => ("[ ] ", Role::Text),
        };
        let mut spans = vec![Span::styled(mark, self.style(role))];
        spans.extend(inline(&tick.text, self.style(Role::Text), self.look.theme));
        match state {
            Some(state) => {
                let who = format!("  {} {}", short(&state.by), minute(state.at));
                spans.push(Span::styled(who, self.style(Role::Muted)));
                if let Some(value) = &state.value {
                    below.push((format!("= {value}"), Role::Passed));
                }
                if let Some(note) = &state.note {
                    below.push((format!("\"{note}\""), Role::Muted));
                }
                if let Some(judgement) = &state.judgement {
                    below.push((judgement.explanation.clone(), Role::Muted));
                }
            }
            None => {
                if let Some(asked) = &tick.value {
                    below.push((format!("asks for: {asked}"), Role::Muted));
                }
                if let Some(cel) = &tick.cel {
                    below.push((format!("ticks itself when: {cel}"), Role::Muted));
                }
                let mut claimed = self.step.ticks.iter().filter(|tick| tick.claimed);
                if claimed
                    .next()
                    .is_some_and(|first| std::ptr::eq(first, tick))
                {
                    let text = "ticked by the author; that does not count for this run";
                    below.push((text.to_owned(), Role::Muted));
                }
                if tick.optional {
                    spans.push(Span::styled("  optional", self.style(Role::Muted)));
                }
            }
        }
        (spans, below)
    }
}
