//! The step at hand as one document: the guide's prose with each box and each command in its place,
//! what was expected of them and what came of it.
//!
//! ```text
//!   Read the dump through, or it is no backup.
//! ▸ [ ] the dump is on another disk
//!   [x] nobody deploys                       anna 02:11
//!   ○ sql on main: db1:5432/app              Enter shows, x runs
//!   ▏SELECT count(*) FROM audits;
//!     expects value == 10000
//! ```

mod action;
mod ticks;

pub(super) use action::attempt_mark;

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::run::RunState;
use crate::runbook::{Block, Expectation, Step};
use crate::text::written::masked;
use crate::ui::format::{minute, wrap};
use crate::ui::markdown;
use crate::ui::markdown::{Piece, code, lay_out, pieces, plain};
use crate::ui::theme::{Mark, Role, verdict_mark};
use crate::ui::view::Look;
use crate::ui::walk::{Item, choices, item_at, items};

/// Columns left of the text, where the cursor stands.
const GUTTER: usize = 2;

pub struct Document {
    pub lines: Vec<Line<'static>>,
    /// First and last line of each item, in the order of [`items`].
    pub places: Vec<(usize, usize)>,
    /// The item with the cursor.
    pub at: Option<usize>,
}

/// Lays the step out for a width.
pub fn document(look: &Look<'_>, step: &Step, width: u16) -> Document {
    let items = items(look.run(), step);
    let at = item_at(look, step, &items);
    let mut writer = Writer {
        look,
        run: look.run(),
        step,
        width: usize::from(width).saturating_sub(GUTTER).max(1),
        lines: Vec::new(),
        places: vec![(usize::MAX, 0); items.len()],
        at,
        items,
    };
    writer.head();
    writer.body();
    writer.leftovers();
    writer.expectations();
    Document {
        lines: writer.lines,
        places: writer.places,
        at,
    }
}

struct Writer<'a> {
    look: &'a Look<'a>,
    run: &'a RunState,
    step: &'a Step,
    width: usize,
    lines: Vec<Line<'static>>,
    places: Vec<(usize, usize)>,
    items: Vec<Item>,
    at: Option<usize>,
}

impl Writer<'_> {
    fn style(&self, role: Role) -> Style {
        self.look.theme.style(role)
    }

    fn push(&mut self, line: Line<'static>) {
        let mut spans = vec![Span::raw(" ".repeat(GUTTER))];
        let style = line.style;
        spans.extend(line.spans.into_iter().map(|span| {
            let own = style.patch(span.style);
            span.style(own)
        }));
        self.lines.push(Line::from(spans));
    }

    fn push_all(&mut self, lines: Vec<Line<'static>>) {
        for line in lines {
            self.push(line);
        }
    }

    fn gap(&mut self) {
        if self.lines.last().is_some_and(|line| line.width() > GUTTER) {
            self.push(Line::default());
        }
    }

    fn say(&mut self, text: &str, role: Role, indent: usize) {
        let line = Line::styled(format!("{}{text}", " ".repeat(indent)), self.style(role));
        self.push_all(wrap(line, self.width, indent + 2));
    }

    /// What a person should know of the reading of the guide before the first step.
    fn doubts(&mut self) {
        let book = &self.run.runbook;
        if let Some(damage) = &book.repaired {
            let text = format!(
                "⚠ this guide's text was damaged ({damage}) and is shown repaired; the file is unchanged"
            );
            self.say(&text, Role::Warning, 0);
        }
        let rivals = book
            .diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.code == "rival-phases");
        for rival in rivals {
            let text = format!(
                "⚠ which are the phases? {}. If they are the wrong ones, leave (q), {}",
                rival.message, rival.help
            );
            self.say(&text, Role::Warning, 0);
        }
        self.gap();
    }

    fn head(&mut self) {
        if let Some(phase) = self.run.runbook.phase_of(&self.step.id) {
            let first = phase
                .steps
                .first()
                .is_some_and(|step| step.id == self.step.id);
            if first && self.run.phase_index(&phase.id) == Some(0) {
                self.doubts();
            }
            if phase.point_of_no_return {
                self.say(
                    "‖ after this phase there is no rollback",
                    Role::Destructive,
                    0,
                );
            }
            if first && !phase.body.trim().is_empty() {
                let theme = self.look.theme;
                for piece in pieces(&phase.body, theme) {
                    self.push_all(lay_out(&piece, self.width, theme));
                }
                self.gap();
            }
        }
        if let Some(skip) = self
            .run
            .steps
            .get(&self.step.id)
            .and_then(|state| state.skipped.as_ref())
        {
            let text = format!(
                "skipped by {} at {}: {}",
                skip.by,
                minute(skip.at),
                skip.reason
            );
            self.say(&text, Role::Warning, 0);
        } else if self.run.is_passed_over(self.step) {
            self.say("another alternative was chosen", Role::Muted, 0);
        }
        if let Some(choice) = &self.step.choice {
            self.choice(&choice.group);
        }
    }

    fn body(&mut self) {
        let theme = self.look.theme;
        let mut blocks = self
            .step
            .blocks
            .iter()
            .filter_map(|number| self.run.runbook.block(*number))
            .peekable();
        for piece in pieces(&self.step.body, theme) {
            match &piece {
                Piece::Code { text, indent } => {
                    let same = |block: &&Block| same_text(&masked(&block.code), text);
                    match blocks.next_if(same) {
                        Some(block) => self.block(block),
                        // Not one of the step's blocks, or it looks different: shown as it is.
                        None => self.push_all(code(text, *indent, self.width, theme)),
                    }
                }
                Piece::Text { .. } => {
                    let words = piece.words();
                    if let Some(index) = self.tick_named(&words) {
                        self.tick(index);
                    } else if let Some((phase, item)) = self.criterion_named(&words) {
                        // The author's own ✅ is a claim; the verdict of this run takes its place.
                        self.push_all(super::gate_item_lines(phase, item, self.look, self.width));
                    } else {
                        self.push_all(lay_out(&piece, self.width, theme));
                    }
                }
                Piece::Gap => self.gap(),
                _ => self.push_all(lay_out(&piece, self.width, theme)),
            }
        }
    }

    fn is_placed(&self, item: &Item) -> bool {
        self.items
            .iter()
            .position(|known| known == item)
            .is_none_or(|index| self.places[index].0 != usize::MAX)
    }

    /// Expectations of the step that belong to no block: a person judges them at the gate.
    fn expectations(&mut self) {
        let loose: Vec<&Expectation> = self
            .step
            .expect
            .iter()
            .filter(|expectation| expectation.block.is_none() && expectation.output.is_none())
            .collect();
        if loose.is_empty() {
            return;
        }
        self.gap();
        let phase = self.run.runbook.phase_of(&self.step.id);
        for expectation in loose {
            let verdict = phase.and_then(|phase| self.run.gate_verdict(phase, expectation));
            let Mark { glyph, role, .. } = verdict_mark(verdict);
            let words = plain(&expectation.text);
            let flag = if expectation.red_flag {
                "must not be: "
            } else {
                ""
            };
            let open = if verdict.is_none() {
                "  (judged at the gate)"
            } else {
                ""
            };
            self.say(&format!("{glyph} {flag}{words}{open}"), role, 0);
        }
    }

    /// The header line of an item, with the cursor in front of it.
    fn item_line(&mut self, item: &Item, spans: Vec<Span<'static>>, hanging: usize) {
        let index = self.items.iter().position(|known| known == item);
        let start = self.lines.len();
        self.push_all(wrap(Line::from(spans), self.width, hanging));
        let Some(index) = index else { return };
        self.places[index] = (start, self.lines.len().saturating_sub(1));
        if self.at == Some(index) {
            let (cursor, selection) = (self.style(Role::Key), self.style(Role::Selection));
            for (number, line) in self.lines[start..].iter_mut().enumerate() {
                if number == 0 {
                    line.spans[0] = Span::styled("▸ ", cursor);
                }
                let missing = (self.width + GUTTER).saturating_sub(line.width());
                line.spans.push(Span::raw(" ".repeat(missing)));
                for span in &mut line.spans {
                    span.style = span.style.patch(selection);
                }
            }
        }
    }

    /// The item reaches to the last line written.
    fn item_ends(&mut self, item: &Item) {
        if let Some(index) = self.items.iter().position(|known| known == item) {
            self.places[index].1 = self.lines.len().saturating_sub(1);
        }
    }

    /// The alternatives of one group, where they are met first.
    fn choice(&mut self, wanted: &str) {
        for (group, options) in choices(self.run, self.step) {
            let item = Item::Choice(group.clone());
            if group != wanted || self.is_placed(&item) {
                continue;
            }
            self.gap();
            let chosen = self.run.choices.get(&group);
            let (mark, role, word) = match chosen {
                Some(_) => ("✓ ", Role::Passed, "chosen: "),
                None => ("◇ ", Role::Warning, "choose: "),
            };
            let names: Vec<String> = match chosen {
                Some(name) => vec![name.clone()],
                None => options.iter().map(|option| option.name.clone()).collect(),
            };
            let style = self.style(role);
            let spans = vec![
                Span::styled(mark, style),
                Span::styled(format!("{word}{}", names.join(" or ")), style),
            ];
            self.item_line(&item, spans, 2);
            if chosen.is_none() {
                self.say(
                    "Enter shows the alternatives; only the chosen one can run",
                    Role::Muted,
                    2,
                );
            }
            self.item_ends(&item);
            self.push(Line::default());
        }
    }
}

/// `anna@ops1` as `anna`: the whole name stands in the timeline and the report.
fn short(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}

fn same_text(code: &str, text: &str) -> bool {
    let lines = |text: &str| -> Vec<String> {
        text.trim_end()
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect()
    };
    lines(code) == lines(text)
}

/// Words without a box or bullet of the author's own.
fn bare(words: &str) -> String {
    words
        .trim_start_matches(['☐', '☑', '✅', '❌', '-', '*', '•', ' '])
        .trim_start_matches("[ ]")
        .trim_start_matches("[x]")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// Inline Markdown of a criterion, for other panes.
pub fn criterion(text: &str, base: Style, look: &Look<'_>) -> Vec<Span<'static>> {
    markdown::inline(text, base, look.theme)
}
