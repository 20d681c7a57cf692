//! Every command by name or key, found by a few of its letters; and the question what to search for.
//!
//! ```text
//! ╔ all commands ═════════════════════════════════════════ staging ╗
//! ║ : way█                                                         ║
//! ║ ▸ rollback                                                R    ║
//! ╚ Enter take this one  Esc close ════════════════════════════════╝
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::{Line, Span};
use tui_input::Input;

use super::{Dialog, Reply, draw_scrolled, moved};
use crate::ui::format::{pad, pad_left};
use crate::ui::intent::Intent;
use crate::ui::keymap::{self, Context};
use crate::ui::panes;
use crate::ui::theme::Role;
use crate::ui::view::Look;

pub struct Palette {
    input: Input,
    cursor: usize,
    layouts: Vec<String>,
    /// Whose keys it lists, the focused pane's first.
    contexts: Vec<Context>,
}

enum Entry {
    Key(Intent, String, String),
    Pane(&'static str),
    Layout(usize, String),
}

impl Entry {
    fn words(&self) -> (String, String) {
        match self {
            Self::Key(_, label, key) => (label.clone(), key.clone()),
            Self::Pane(name) => (format!("go to {name}"), String::new()),
            Self::Layout(_, name) => (format!("layout {name}"), String::new()),
        }
    }
}

impl Palette {
    pub fn new(layouts: Vec<String>, contexts: &[Context]) -> Self {
        Self {
            input: Input::default(),
            cursor: 0,
            layouts,
            contexts: contexts.to_vec(),
        }
    }

    /// What matches, the best first.
    fn entries(&self) -> Vec<Entry> {
        let keys = self
            .contexts
            .iter()
            .flat_map(|context| keymap::of(*context))
            .filter(|binding| binding.intent != Intent::Palette)
            .map(|binding| {
                let key = binding
                    .keys
                    .first()
                    .map(|key| key.label())
                    .unwrap_or_default();
                Entry::Key(binding.intent, binding.label.to_owned(), key)
            });
        let panes = panes::names().into_iter().map(Entry::Pane);
        let layouts = self
            .layouts
            .iter()
            .enumerate()
            .map(|(index, name)| Entry::Layout(index, name.clone()));
        let wanted = self.input.value();
        let mut scored: Vec<(u32, Entry)> = keys
            .chain(panes)
            .chain(layouts)
            .filter_map(|entry| {
                let (words, key) = entry.words();
                let score = if key == wanted {
                    Some(0)
                } else {
                    distance(wanted, &words)
                };
                Some((score?, entry))
            })
            .collect();
        scored.sort_by_key(|(score, _)| *score);
        scored.into_iter().map(|(_, entry)| entry).collect()
    }
}

/// How far the letters of `wanted` stand from the start and from each other in `words`; `None` where
/// they do not stand there in that order.
fn distance(wanted: &str, words: &str) -> Option<u32> {
    let words: Vec<char> = words.to_lowercase().chars().collect();
    let mut from = 0;
    let mut score = 1;
    for letter in wanted
        .to_lowercase()
        .chars()
        .filter(|letter| *letter != ' ')
    {
        let skipped = words
            .get(from..)?
            .iter()
            .position(|other| *other == letter)?;
        let starts_word = from + skipped == 0 || words[from + skipped - 1] == ' ';
        score += match (skipped, starts_word) {
            (0, _) => 0,
            (_, true) => 1,
            (skipped, false) => 2 + u32::try_from(skipped).unwrap_or(u32::MAX / 64),
        };
        from += skipped + 1;
    }
    Some(score)
}

impl Dialog for Palette {
    fn context(&self) -> Context {
        Context::Find
    }

    fn title(&self, _look: &Look<'_>) -> String {
        "all commands".to_owned()
    }

    fn wants(&self, _look: &Look<'_>, _room: Size) -> Size {
        Size::new(60, 16)
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let theme = look.theme;
        let mut lines = vec![Line::from(vec![
            Span::styled(": ", theme.style(Role::Key)),
            Span::raw(self.input.value().to_owned()),
            Span::styled("█", theme.style(Role::Key)),
        ])];
        let entries = self.entries();
        if entries.is_empty() {
            lines.push(Line::styled("no such command", theme.style(Role::Muted)));
        }
        let room = usize::from(area.width).saturating_sub(12);
        let height = usize::from(area.height).saturating_sub(1).max(1);
        let first = (self.cursor + 1).saturating_sub(height);
        for (index, entry) in entries.iter().enumerate().skip(first).take(height) {
            let (words, key) = entry.words();
            let chosen = index == self.cursor;
            let line = Line::from(vec![
                Span::styled(if chosen { "▸ " } else { "  " }, theme.style(Role::Key)),
                Span::raw(pad(&words, room)),
                Span::styled(pad_left(&key, 10), theme.style(Role::Key)),
            ]);
            lines.push(if chosen {
                line.patch_style(theme.style(Role::Selection))
            } else {
                line
            });
        }
        draw_scrolled(&lines, 0, look, area, buffer);
    }

    fn on(&mut self, intent: Intent, _look: &Look<'_>) -> Reply {
        match intent {
            Intent::Close => Reply::Close,
            Intent::Pick => match self.entries().get(self.cursor) {
                Some(Entry::Key(intent, _, _)) => Reply::Then(Vec::new(), *intent),
                Some(Entry::Pane(name)) => Reply::FocusOn(name),
                Some(Entry::Layout(index, _)) => Reply::TakeLayout(*index),
                None => Reply::Stay,
            },
            other => {
                if let Some(cursor) = moved(self.cursor, other, self.entries().len()) {
                    self.cursor = cursor;
                }
                Reply::Stay
            }
        }
    }

    fn field(&mut self) -> Option<&mut Input> {
        Some(&mut self.input)
    }

    fn typed(&mut self, _look: &Look<'_>) {
        self.cursor = 0;
    }
}

/// What to look for in the output.
pub struct SearchFor {
    input: Input,
}

impl SearchFor {
    pub fn new(before: &str) -> Self {
        Self {
            input: Input::new(before.to_owned()),
        }
    }
}

impl Dialog for SearchFor {
    fn context(&self) -> Context {
        Context::Find
    }

    fn title(&self, _look: &Look<'_>) -> String {
        "search the output, upwards".to_owned()
    }

    fn wants(&self, _look: &Look<'_>, _room: Size) -> Size {
        Size::new(50, 1)
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let key = look.theme.style(Role::Key);
        let line = Line::from(vec![
            Span::styled("/ ", key),
            Span::raw(self.input.value().to_owned()),
            Span::styled("█", key),
        ]);
        draw_scrolled(&[line], 0, look, area, buffer);
    }

    fn on(&mut self, intent: Intent, _look: &Look<'_>) -> Reply {
        match intent {
            Intent::Close => Reply::Close,
            Intent::Pick if self.input.value().is_empty() => Reply::Close,
            Intent::Pick => Reply::SearchFor(self.input.value().to_owned()),
            _ => Reply::Stay,
        }
    }

    fn field(&mut self) -> Option<&mut Input> {
        Some(&mut self.input)
    }

    fn takes_paste(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_comes_first() {
        let mut palette = Palette::new(vec!["review".to_owned()], &[Context::Main]);
        for (typed, wanted) in [
            ("rollback", "rollback"),
            ("gate", "gate"),
            ("rev", "layout review"),
        ] {
            palette.input = Input::new(typed.to_owned());
            assert_eq!(palette.entries()[0].words().0, wanted, "{typed}");
        }
        palette.input = Input::new("R".to_owned());
        assert_eq!(palette.entries()[0].words().1, "R");
    }

    #[test]
    fn nothing_in_the_palette_executes() {
        let palette = Palette::new(Vec::new(), &[Context::Main]);
        for entry in palette.entries() {
            if let Entry::Key(intent, ..) = entry {
                assert!(!intent.executes());
            }
        }
    }
}
