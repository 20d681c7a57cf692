//! How the inputs look: a row a blank, and under them all that is known of the one under the cursor.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use tui_input::Input as Text;

use super::entry::{Entry, Source};
use super::{Inputs, Mode};
use crate::run::{Input, Origin, Remembered, RunState, is_open, steps_needing};
use crate::runbook::config::SecretSource;
use crate::runbook::{Runbook, Variable, blank_name};
use crate::text::scrub::scrub_line;
use crate::ui::dialogs::draw_scrolled;
use crate::ui::format::{fit, minute_or_date, pad, plural, width, wrap};
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

    /// All that is known of the blank under the cursor; first of all the field, while it is filled in.
    pub(super) fn details(&self, look: &Look<'_>, columns: usize) -> Vec<Line<'static>> {
        let (run, theme) = (look.run(), look.theme);
        let Some(variable) = self.selected(run) else {
            return Vec::new();
        };
        let mut lines = Vec::new();
        if let Mode::Entry(entry) = &self.mode {
            lines.extend(entry_lines(entry, columns, look));
            if is_of_files(variable) {
                let choices = entry.choices();
                let text = match choices.len() {
                    0 => "no file matches it now; you can still type a name".to_owned(),
                    count => format!(
                        "Tab picks of {}, the newest first: {}",
                        plural(count, "file", "files"),
                        choices.join(", ")
                    ),
                };
                lines.extend(wrap(
                    Line::styled(text, theme.style(Role::Text)),
                    columns,
                    2,
                ));
            }
        }
        for (text, role) in self.known(look, variable) {
            lines.extend(wrap(Line::styled(text, theme.style(role)), columns, 2));
        }
        for line in variable.lines.iter().take(PLACES) {
            let (heading, code) = place(&run.runbook, *line);
            let heading = fit(&format!("line {line}  {heading}"), columns);
            lines.push(Line::styled(heading, theme.style(Role::Heading)));
            let code = around(&code, &variable.spellings, columns.saturating_sub(2));
            let code = format!("  {code}");
            lines.push(Line::styled(code, theme.style(Role::Code)));
        }
        let more = variable.lines.len().saturating_sub(PLACES);
        if more > 0 {
            let text = format!("and on {}", plural(more, "more line", "more lines"));
            lines.push(Line::styled(text, theme.style(Role::Muted)));
        }
        lines
    }

    /// What is asked of the value, where it comes from, and who waits for it.
    fn known(&self, look: &Look<'_>, variable: &Variable) -> Vec<(String, Role)> {
        let run = look.run();
        let mut known = Vec::new();
        let rule = &variable.rule;
        known.extend(rule.description.clone().map(|text| (text, Role::Text)));
        if let Some(pattern) = &rule.pattern {
            known.push((format!("must match {pattern}"), Role::Text));
        }
        if is_of_files(variable) {
            let text = "a file pattern: say which file is meant";
            known.push((text.to_owned(), Role::Text));
        }
        if !rule.choices.is_empty() {
            known.push((format!("one of {}", rule.choices.join(", ")), Role::Text));
        }
        if let Some(default) = &variable.default {
            let default = if variable.secret { MASK } else { default };
            let whose = if variable.fills_itself {
                ", taken by the shell itself"
            } else {
                ""
            };
            known.push((format!("default {default}{whose}"), Role::Muted));
        }
        if let Some(remembered) = run.provenance.remembered.get(&variable.name) {
            let value = input_text(&remembered.input, variable.secret);
            let text = format!(
                "remembered {value}, {}: a confirms it",
                by_whom(remembered, look)
            );
            known.push((text, Role::Warning));
        }
        known.extend(origin(look, variable).map(|text| (text, Role::Muted)));
        let waiting: Vec<String> = steps_needing(run, &variable.name)
            .iter()
            .map(|step| format!("`{}`", plain(&step.title)))
            .collect();
        if !waiting.is_empty() {
            known.push(if is_open(run, variable) {
                let text = format!("while it is open, only these wait: {}", waiting.join(", "));
                (text, Role::Warning)
            } else {
                (format!("needed by {}", waiting.join(", ")), Role::Muted)
            });
        }
        let spellings = variable.spellings.join("   ");
        known.push((format!("written {spellings}"), Role::Muted));
        known
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

fn short(origin: Option<Origin>) -> &'static str {
    match origin {
        Some(Origin::Shell) => "your shell",
        Some(Origin::Argument) => "--var",
        Some(Origin::Configuration) => "gonogo.toml",
        Some(Origin::Default) => "default",
        Some(Origin::Remembered) => "remembered",
        Some(Origin::Promoted) => "promoted",
        Some(Origin::Captured) => "captured",
        Some(Origin::Typed) => "given",
        None => "",
    }
}

/// Where the value comes from, in a sentence.
fn origin(look: &Look<'_>, variable: &Variable) -> Option<String> {
    let run = look.run();
    run.inputs.get(&variable.name)?;
    let changed = run
        .input_changes
        .iter()
        .rev()
        .find(|change| change.name == variable.name && !change.taken_back);
    let by = changed.map_or(String::new(), |change| {
        format!(
            " by {} at {}",
            change.by,
            minute_or_date(change.at, look.model.now)
        )
    });
    Some(match run.provenance.origins.get(&variable.name)? {
        Origin::Shell => "from the shell in which the run was opened".to_owned(),
        Origin::Argument => "from `--var` of the command line".to_owned(),
        Origin::Configuration => format!("from `{}` in gonogo.toml", run.environment),
        Origin::Default => "from its default".to_owned(),
        Origin::Remembered if by.is_empty() => {
            format!("remembered from an earlier run in `{}`", run.environment)
        }
        Origin::Remembered => format!("remembered from an earlier run, confirmed{by}"),
        Origin::Promoted => "from the run that was promoted".to_owned(),
        Origin::Captured => "captured from an earlier step".to_owned(),
        Origin::Typed => format!("given{by}"),
    })
}

fn by_whom(remembered: &Remembered, look: &Look<'_>) -> String {
    format!(
        "{} by {}",
        minute_or_date(remembered.at, look.model.now),
        remembered.by
    )
}

/// Under which headings a line stands, and the line itself.
fn place(runbook: &Runbook, line: usize) -> (String, String) {
    let block = runbook
        .blocks
        .iter()
        .rev()
        .find(|block| block.code_line <= line);
    let Some(block) = block else {
        return (String::new(), String::new());
    };
    let code = block
        .code
        .lines()
        .nth(line - block.code_line)
        .unwrap_or_default();
    let code = scrub_line(code.trim(), false).into_owned();
    let step = runbook
        .all_steps()
        .find(|step| step.blocks.contains(&block.n));
    let heading = match step {
        Some(step) => match runbook.phase_of(&step.id) {
            Some(phase) if phase.title != step.title => {
                format!("{} › {}", plain(&phase.title), plain(&step.title))
            }
            _ => plain(&step.title),
        },
        None => runbook
            .references
            .iter()
            .find(|section| section.blocks.contains(&block.n))
            .map_or_else(String::new, |section| plain(&section.title)),
    };
    (heading, code)
}

/// As much of a line as fits, with the blank in it.
fn around(code: &str, spellings: &[String], room: usize) -> String {
    let blank = spellings
        .iter()
        .filter_map(|spelling| Some((code.find(spelling.as_str())?, spelling)))
        .min_by_key(|(at, _)| *at);
    let Some((at, spelling)) = blank else {
        return fit(code, room);
    };
    let before = width(&code[..at]);
    let ends = before + width(spelling);
    if width(code) <= room || ends < room {
        return fit(code, room);
    }
    // The blank in the middle, between what stands around it.
    let skip = before.saturating_sub(room / 2);
    let mut passed = 0;
    let rest: String = code
        .chars()
        .skip_while(|letter| {
            passed += width(letter.encode_utf8(&mut [0; 4]));
            passed <= skip
        })
        .collect();
    format!("…{}", fit(&rest, room.saturating_sub(1)))
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
