//! The lines of a dialog: each in its role, wrapped to its width.

use ratatui::text::Line;

use crate::ui::format::wrap;
use crate::ui::theme::{Role, Theme};

/// What comes after the first line of a text is set in by so many columns.
const HANGING: usize = 2;

pub(super) struct Page<'a> {
    pub lines: Vec<Line<'static>>,
    theme: &'a Theme,
    width: usize,
}

impl<'a> Page<'a> {
    pub(super) fn new(theme: &'a Theme, width: usize) -> Self {
        Self {
            lines: Vec::new(),
            theme,
            width,
        }
    }

    pub(super) fn say(&mut self, text: impl Into<String>, role: Role) {
        let line = Line::styled(text.into(), self.theme.style(role));
        self.lines.extend(wrap(line, self.width, HANGING));
    }

    /// An empty line.
    pub(super) fn gap(&mut self) {
        self.say("", Role::Text);
    }
}
