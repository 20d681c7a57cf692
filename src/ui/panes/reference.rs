//! The rest of the guide, to be looked up: contacts, troubleshooting, metrics, the overview. A cursor
//! goes through its lines; Enter opens what can be run in a section, as an act beside the walk, and `y`
//! copies the block under the cursor.
//!
//! ```text
//! reference  4 sections
//! Issue: the queue is stuck                         Enter: 2 commands
//! ▏SELECT count(*) FROM jobs WHERE state = 'stuck';
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::{Line, Span};

use super::{Pane, Title, draw_rows};
use crate::run::{ActionId, RunState};
use crate::runbook::{BlockNumber, Section, SectionKind};
use crate::text::written::masked;
use crate::ui::format::plural;
use crate::ui::keymap::Context;
use crate::ui::markdown::{Piece, lay_out, pieces, plain};
use crate::ui::theme::Role;
use crate::ui::view::Look;

pub struct Reference;

impl Pane for Reference {
    fn name(&self) -> &'static str {
        "reference"
    }

    fn contexts(&self) -> &'static [Context] {
        &[Context::Reference]
    }

    fn moves(&self) -> super::Moves {
        super::Moves::Cursor
    }

    fn title(&self, look: &Look<'_>) -> Title {
        let sections = look.run().runbook.references.len();
        Title::new(plural(sections, "section", "sections"))
    }

    fn rows(&self, look: &Look<'_>, size: Size) -> u64 {
        rows(look, size.width).len() as u64
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let rows = rows(look, area.width);
        if rows.is_empty() {
            let text = "the guide has no contacts, troubleshooting or other sections";
            super::empty(text, look, area, buffer);
            return;
        }
        let row = |index: usize, _| rows.get(index).map(|row| row.line.clone());
        draw_rows(self.name(), &[], rows.len(), row, look, area, buffer);
    }

    /// The block under the cursor, as the guide has it; else the line.
    fn copies(&self, look: &Look<'_>, width: u16) -> Option<String> {
        let rows = rows(look, width);
        let row = rows.get(cursor(look, rows.len()))?;
        let block = row
            .block
            .and_then(|number| look.run().runbook.block(number));
        match block {
            Some(block) => Some(masked(block.code.trim_end()).into_owned()),
            None => {
                let text: String = row
                    .line
                    .spans
                    .iter()
                    .map(|span| span.content.as_ref())
                    .collect();
                Some(text.trim().to_owned()).filter(|text| !text.is_empty())
            }
        }
    }
}

/// What Enter opens.
pub struct Opened {
    pub step: String,
    /// The first command of the block under the cursor.
    pub action: Option<ActionId>,
}

/// What stands under the cursor of a pane of this width; `None` where that is only read.
pub fn opened(look: &Look<'_>, width: u16) -> Option<Opened> {
    let rows = rows(look, width);
    let row = rows.get(cursor(look, rows.len()))?;
    let run = look.run();
    let step = run.runbook.references.get(row.section?)?.step.as_ref()?;
    let actions = run.actions_of(step);
    Some(Opened {
        step: step.id.clone(),
        action: actions
            .into_iter()
            .find(|action| Some(action.block) == row.block),
    })
}

struct Row {
    line: Line<'static>,
    /// In [`crate::runbook::Runbook::references`].
    section: Option<usize>,
    block: Option<BlockNumber>,
}

fn cursor(look: &Look<'_>, rows: usize) -> usize {
    let position = look.view.position("reference");
    position.cursor.min(rows.saturating_sub(1))
}

/// What there is to run in a section, in words.
fn offers(run: &RunState, section: &Section) -> String {
    let Some(step) = &section.step else {
        return String::new();
    };
    let commands = run.actions_of(step).len();
    match (commands, step.ticks.len()) {
        (0, _) => "  Enter opens it".to_owned(),
        (commands, _) => format!("  Enter: {}", plural(commands, "command", "commands")),
    }
}

fn rows(look: &Look<'_>, width: u16) -> Vec<Row> {
    let run = look.run();
    let runbook = &run.runbook;
    let theme = look.theme;
    // At night troubleshooting and the people to call come before the rest.
    let mut order: Vec<usize> = (0..runbook.references.len()).collect();
    order.sort_by_key(|index| match runbook.references[*index].kind {
        SectionKind::Written | SectionKind::Troubleshooting => 0,
        SectionKind::Contacts => 1,
        SectionKind::Metrics => 2,
        SectionKind::Other => 3,
    });
    let mut rows: Vec<Row> = Vec::new();
    let mut push = |line: Line<'static>, section: Option<usize>, block: Option<BlockNumber>| {
        rows.push(Row {
            line,
            section,
            block,
        });
    };
    for (place, index) in order.into_iter().enumerate() {
        let section = &runbook.references[index];
        if place > 0 {
            push(Line::default(), None, None);
        }
        let title = Line::from(vec![
            Span::styled(plain(&section.title), theme.style(Role::Heading)),
            Span::styled(offers(run, section), theme.style(Role::Muted)),
        ]);
        push(title, Some(index), None);
        let mut blocks = section
            .blocks
            .iter()
            .filter_map(|number| runbook.block(*number))
            .peekable();
        for piece in pieces(&section.body, theme) {
            let block = match &piece {
                Piece::Code { .. } => blocks.next().map(|block| block.n),
                _ => None,
            };
            for line in lay_out(&piece, width.into(), theme) {
                push(line, Some(index), block);
            }
        }
    }
    if !runbook.overview.trim().is_empty() {
        if !runbook.references.is_empty() {
            push(Line::default(), None, None);
        }
        let title = Line::styled("Overview", theme.style(Role::Heading));
        push(title, None, None);
        for piece in pieces(&runbook.overview, theme) {
            for line in lay_out(&piece, width.into(), theme) {
                push(line, None, None);
            }
        }
    }
    rows
}
