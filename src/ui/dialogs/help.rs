//! Every key, read from the keymap.

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::{Line, Span};

use super::{Dialog, Reply, draw_scrolled, moved, size_of};
use crate::ui::format::pad;
use crate::ui::intent::Intent;
use crate::ui::keymap::{self, Context};
use crate::ui::keys;
use crate::ui::theme::Role;
use crate::ui::view::Look;

const HOW_A_BLOCK_RUNS: [&str; 6] = [
    "  A block runs command by command, in one shell or one psql.",
    "  The first that fails stops it: Enter offers it again, or the next.",
    "  Every part of a pipe counts, except a writer its reader cut off.",
    "  grep that found nothing has not failed: where the guide does not say",
    "  which answer is good, you are asked.",
    "  What is on (Space) is what runs.",
];

#[derive(Default)]
pub struct Help {
    top: usize,
}

impl Help {
    fn lines(look: &Look<'_>) -> Vec<Line<'static>> {
        let theme = look.theme;
        let mut lines = vec![
            Line::raw(
                "Enter opens, x executes, R is the rollback. Enter never runs or ends anything.",
            ),
            Line::default(),
        ];
        // The keys of the pane with the focus come first.
        let here = keys::contexts(look);
        let elsewhere = Context::ALL.into_iter();
        let elsewhere = elsewhere.filter(|context| !here.contains(context));
        for context in here.iter().copied().chain(elsewhere) {
            let mut bindings = keymap::of(context).peekable();
            if bindings.peek().is_none() {
                continue;
            }
            lines.push(Line::styled(context.title(), theme.style(Role::Heading)));
            for binding in bindings {
                let keys: Vec<String> = binding.keys.iter().map(|key| key.label()).collect();
                lines.push(Line::from(vec![
                    Span::styled(
                        format!("  {} ", pad(&keys.join(" "), 18)),
                        theme.style(Role::Key),
                    ),
                    Span::raw(binding.label),
                ]));
            }
            if context == Context::Preview {
                lines.extend(HOW_A_BLOCK_RUNS.map(Line::raw));
            }
            lines.push(Line::default());
        }
        lines
    }
}

impl Dialog for Help {
    fn context(&self) -> Context {
        Context::Read
    }

    fn title(&self, _look: &Look<'_>) -> String {
        "help".to_owned()
    }

    fn wants(&self, look: &Look<'_>, room: Size) -> Size {
        let mut size = size_of(&Self::lines(look), 0);
        size.width = size.width.max(78).min(room.width);
        size
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        draw_scrolled(&Self::lines(look), self.top, look, area, buffer);
    }

    fn on(&mut self, intent: Intent, look: &Look<'_>) -> Reply {
        match intent {
            Intent::Close => Reply::Close,
            other => {
                if let Some(top) = moved(self.top, other, Self::lines(look).len()) {
                    self.top = top;
                }
                Reply::Stay
            }
        }
    }
}
