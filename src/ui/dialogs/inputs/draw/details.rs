//! What is known of an input: where its value comes from, who gave it, where the guide uses it.

use super::{MASK, PLACES, entry_lines, input_text, is_of_files};
use crate::run::{Origin, Remembered, is_open, steps_needing};
use crate::runbook::{Runbook, Variable};
use crate::text::scrub::scrub_line;
use crate::ui::dialogs::inputs::{Inputs, Mode};
use crate::ui::format::{fit, minute_or_date, plural, width, wrap};
use crate::ui::markdown::plain;
use crate::ui::theme::Role;
use crate::ui::view::Look;
use ratatui::text::Line;

pub(super) fn short(origin: Option<Origin>) -> &'static str {
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
pub(super) fn origin(look: &Look<'_>, variable: &Variable) -> Option<String> {
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

impl Inputs {
    /// All that is known of the blank under the cursor; first of all the field, while it is filled in.
    pub(in crate::ui::dialogs::inputs) fn details(
        &self,
        look: &Look<'_>,
        columns: usize,
    ) -> Vec<Line<'static>> {
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
    pub(super) fn known(&self, look: &Look<'_>, variable: &Variable) -> Vec<(String, Role)> {
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
