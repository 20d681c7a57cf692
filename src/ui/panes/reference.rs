//! The rest of the guide, to be looked up: contacts, troubleshooting, metrics, the overview.
//!
//! ```text
//! reference  4 sections
//! Contacts
//! • DBA on call: …
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::Line;

use super::{Pane, Title, clamped, draw_lines};
use crate::runbook::SectionKind;
use crate::ui::format::plural;
use crate::ui::markdown::{lay_out, pieces, plain};
use crate::ui::theme::Role;
use crate::ui::view::Look;

pub struct Reference;

impl Pane for Reference {
    fn name(&self) -> &'static str {
        "reference"
    }

    fn title(&self, look: &Look<'_>) -> Title {
        let sections = look.run().runbook.references.len();
        Title::new(plural(sections, "section", "sections"))
    }

    fn rows(&self, look: &Look<'_>, size: Size) -> u64 {
        lines(look, size.width).len() as u64
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let lines = lines(look, area.width);
        if lines.is_empty() {
            let text = "the guide has no contacts, troubleshooting or other sections";
            super::empty(text, look, area, buffer);
            return;
        }
        let top = look.view.position(self.name()).top.unwrap_or(0);
        draw_lines(
            &lines,
            clamped(top, lines.len() as u64, area.height),
            area,
            buffer,
        );
    }
}

fn lines(look: &Look<'_>, width: u16) -> Vec<Line<'static>> {
    let runbook = &look.run().runbook;
    // At night troubleshooting and the people to call come before the rest.
    let mut sections: Vec<_> = runbook.references.iter().collect();
    sections.sort_by_key(|section| match section.kind {
        SectionKind::Troubleshooting => 0,
        SectionKind::Contacts => 1,
        SectionKind::Metrics => 2,
        SectionKind::Other => 3,
    });
    let overview = (!runbook.overview.trim().is_empty()).then_some(("Overview", &runbook.overview));
    let parts = sections
        .into_iter()
        .map(|section| (section.title.as_str(), &section.body))
        .chain(overview);
    let mut lines = Vec::new();
    for (title, body) in parts {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.push(Line::styled(plain(title), look.theme.style(Role::Heading)));
        for piece in pieces(body, look.theme) {
            lines.extend(lay_out(&piece, width.into(), look.theme));
        }
    }
    lines
}
