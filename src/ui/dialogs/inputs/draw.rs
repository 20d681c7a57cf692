//! How the inputs look: a row a blank, and under them all that is known of the one under the cursor.

mod details;

use details::short;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use tui_input::Input as Text;

use super::entry::{Entry, Source};
use super::{Inputs, Mode};
use crate::run::{Input, RunState, is_open, steps_needing};
use crate::runbook::config::SecretSource;
use crate::runbook::{Variable, blank_name};
use crate::text::scrub::scrub_line;
use crate::ui::dialogs::draw_scrolled;
use crate::ui::format::{fit, pad, width, wrap};
use crate::ui::markdown::plain;
use crate::ui::theme::Role;
use crate::ui::view::Look;

/// A secret on the screen, whatever its length.
const MASK: &str = "••••••";
/// Names in the list take at most this much room.
const NAMES: usize = 32;
/// Places where a blank stands that are shown.
const PLACES: usize = 4;

impl Inputs {
    pub(super) fn draw(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let columns = usize::from(area.width);
        let details = self.details(look, columns);
        let rows = self.rows(look, columns);
        let filter = u16::from(self.filter_line(look).is_some());
        let height = area.height.saturating_sub(filter);
        // The list keeps at least a third of the room, the details what it leaves.
        let list_wants = u16::try_from(rows.len()).unwrap_or(u16::MAX);
        let details_want = u16::try_from(details.len() + 1).unwrap_or(u16::MAX);
        let least = (height / 3).max(2).min(height);
        let list = list_wants
            .min(height.saturating_sub(details_want).max(least))
            .min(height);
        let mut y = area.y;
        if let Some(line) = self.filter_line(look) {
            line.render(
                Rect {
                    y,
                    height: 1,
                    ..area
                },
                buffer,
            );
            y += 1;
        }
        let shown = self.shown(look.run());
        let top = (self.cursor(&shown) + 1).saturating_sub(list.into());
        let list_area = Rect {
            y,
            height: list,
            ..area
        };
        draw_scrolled(&rows, top, look, list_area, buffer);
        y += list;
        if y < area.bottom() {
            let rule = "─".repeat(columns);
            let rule = Line::styled(rule, look.theme.style(Role::Border));
            rule.render(
                Rect {
                    y,
                    height: 1,
                    ..area
                },
                buffer,
            );
            let rest = Rect {
                y: y + 1,
                height: area.bottom() - y - 1,
                ..area
            };
            for (line, row) in details.iter().zip(rest.rows()) {
                line.render(row, buffer);
            }
        }
    }

    fn filter_line(&self, look: &Look<'_>) -> Option<Line<'static>> {
        let typing = matches!(self.mode, Mode::Filter);
        (typing || !self.filter.value().is_empty())
            .then(|| field("filter", &self.filter, typing, 60, look))
    }

    /// The list, a line a blank.
    pub(super) fn rows(&self, look: &Look<'_>, columns: usize) -> Vec<Line<'static>> {
        let (run, theme) = (look.run(), look.theme);
        let shown = self.shown(run);
        if shown.is_empty() {
            let text = if run.runbook.asked_or_carried().next().is_none() {
                "the guide has no blanks"
            } else {
                "no blank matches the filter"
            };
            return vec![Line::styled(text, theme.style(Role::Muted))];
        }
        let cursor = self.cursor(&shown);
        let names = shown.iter().map(|known| width(&known.name)).max();
        let names = names.unwrap_or(0).min(NAMES);
        shown
            .iter()
            .enumerate()
            .map(|(index, variable)| {
                let (mark, text, role) = standing(run, variable);
                let pointer = if index == cursor { "▸ " } else { "  " };
                let room = columns.saturating_sub(names + 6);
                let line = Line::from(vec![
                    Span::styled(pointer, theme.style(Role::Key)),
                    Span::styled(format!("{mark} "), theme.style(role)),
                    Span::raw(pad(&variable.name, names)),
                    Span::styled(format!("  {}", fit(&text, room)), theme.style(role)),
                ]);
                if index == cursor {
                    line.patch_style(theme.style(Role::Selection))
                } else {
                    line
                }
            })
            .collect()
    }
}

/// Glyph, words and colour of a blank in the list.
fn standing(run: &RunState, variable: &Variable) -> (&'static str, String, Role) {
    let name = &variable.name;
    if let Some(remembered) = run.provenance.remembered.get(name) {
        let value = input_text(&remembered.input, variable.secret);
        return (
            "?",
            format!("remembered, to be confirmed: {value}"),
            Role::Warning,
        );
    }
    if let Some(captured) = run.captured.get(&blank_name(name)) {
        let from = run.step_of(captured.action);
        let step = from.map_or("", |step| step.title.as_str());
        let value = scrub_line(&captured.value, false);
        let text = format!("{value}   captured from {}", plain(step));
        return ("✓", text, Role::Passed);
    }
    match run.inputs.get(name) {
        Some(input) => {
            let origin = run.provenance.origins.get(name).copied();
            let text = input_text(input, variable.secret);
            ("✓", format!("{text}   {}", short(origin)), Role::Passed)
        }
        None if variable.fills_itself => {
            let default = match &variable.default {
                Some(default) if !variable.secret => default,
                _ => MASK,
            };
            (
                "✓",
                format!("{default}   default of the guide"),
                Role::Muted,
            )
        }
        None if !run.runbook.asks(name) => {
            let from = run.runbook.setter_of(name);
            let step = from.map_or("an earlier step", |step| step.title.as_str());
            let text = format!("from {}, if not given", plain(step));
            ("·", text, Role::Muted)
        }
        None if !is_open(run, variable) => ("✓", "from the target".to_owned(), Role::Muted),
        None => {
            let steps = steps_needing(run, name).len();
            if steps == 0 {
                return ("·", "no step needs it".to_owned(), Role::Muted);
            }
            let waiting = match steps {
                1 => ", 1 step waits for it".to_owned(),
                _ => format!(", {steps} steps wait for it"),
            };
            let what = if variable.secret {
                "open, a secret"
            } else {
                "open"
            };
            ("○", format!("{what}{waiting}"), Role::Warning)
        }
    }
}

/// A value as it may be seen: of a secret its source, never its length.
fn input_text(input: &Input, secret: bool) -> String {
    match input {
        Input::Value(_) if secret => MASK.to_owned(),
        Input::Value(value) => scrub_line(value, false).into_owned(),
        Input::Secret(source) => {
            let text = scrub_line(source.text(), false);
            match source {
                SecretSource::Env(_) => format!("{MASK} from the variable {text}"),
                SecretSource::File(_) => format!("{MASK} from the file {text}"),
                SecretSource::Command(_) => format!("{MASK} from the command `{text}`"),
            }
        }
    }
}

fn entry_lines(entry: &Entry, columns: usize, look: &Look<'_>) -> Vec<Line<'static>> {
    let theme = look.theme;
    let Some(source) = entry.source else {
        return vec![field("value", &entry.text, true, columns, look)];
    };
    let mut kinds = vec![Span::styled("from a ", theme.style(Role::Muted))];
    for kind in Source::ALL {
        let role = if kind == source {
            Role::Selection
        } else {
            Role::Muted
        };
        kinds.push(Span::styled(
            kind_text(kind, kind == source),
            theme.style(role),
        ));
    }
    kinds.push(Span::styled("  Tab switches", theme.style(Role::Muted)));
    let about = "name the source; the value is read when needed and never stored";
    let mut lines = vec![
        Line::from(kinds),
        field(source.label(), &entry.text, true, columns, look),
    ];
    lines.extend(wrap(
        Line::styled(about, theme.style(Role::Muted)),
        columns,
        2,
    ));
    lines
}

/// A field with its cursor in sight, however long the text is.
fn field(label: &str, text: &Text, typing: bool, columns: usize, look: &Look<'_>) -> Line<'static> {
    let theme = look.theme;
    let letters: Vec<char> = text.value().chars().collect();
    let room = columns.saturating_sub(width(label) + 4).max(8);
    let first = text.cursor().saturating_sub(room);
    let visible = |letters: &[char]| -> String {
        letters
            .iter()
            .map(|letter| match letter {
                letter if crate::text::scrub::is_deceptive(*letter) || letter.is_control() => '�',
                letter => *letter,
            })
            .collect()
    };
    let cursor = text.cursor().min(letters.len());
    let mut spans = vec![
        Span::styled(label.to_owned(), theme.style(Role::Key)),
        Span::raw(if first > 0 { " …" } else { "  " }),
        Span::raw(visible(&letters[first..cursor])),
    ];
    if typing {
        spans.push(Span::styled("█", theme.style(Role::Key)));
    }
    let rest = room.saturating_sub(cursor - first);
    spans.push(Span::raw(visible(
        &letters[cursor..(cursor + rest).min(letters.len())],
    )));
    Line::from(spans)
}

/// Told by more than colour.
fn kind_text(kind: Source, chosen: bool) -> String {
    let label = kind.label();
    if chosen {
        format!("[{label}]")
    } else {
        format!(" {label} ")
    }
}

/// The guide names files by a pattern where a command takes one.
fn is_of_files(variable: &Variable) -> bool {
    variable.rule.choices.is_empty()
        && variable
            .spellings
            .iter()
            .any(|spelling| spelling.contains('*'))
}
