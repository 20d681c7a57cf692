//! The tree of phases and steps, with their states and times. While the run goes back, the steps of
//! the rollback stand on top.
//!
//! ```text
//! ✓ Preparation                        12m 04s
//! ◆ 1 Backup                            ~5m to 10m
//!   ✓ 1.1 Dump the database    passed    2m 10s
//!  ▸▶ 1.2 Read it through      running      41s
//!   ○ 1.3 Note its size        to do
//! ◇ 2 Migration                            ~15m
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::{Moves, Pane, Title};
use crate::run::{ActionId, Attempt, Mode, RunState, StepStatus};
use crate::runbook::{Estimate, Phase, Step};
use crate::ui::format::{
    duration, estimate_range, line_width, pad, pad_left, seconds_between, width,
};
use crate::ui::keymap::Context;
use crate::ui::markdown::plain;
use crate::ui::table::first_row;
use crate::ui::theme::{Mark, Role, status_mark};
use crate::ui::view::Look;
use crate::ui::walk::shown_step;

pub struct Phases;

/// A row of the tree.
enum Row<'a> {
    Rollback(&'a str),
    Phase(&'a Phase),
    Step(&'a Step),
}

fn tree(run: &RunState) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    // The last one first, each once.
    let mut begun: Vec<&str> = Vec::new();
    for rollback in run.rollback.iter().chain(run.past_rollbacks.iter().rev()) {
        if begun.contains(&rollback.option.as_str()) {
            continue;
        }
        begun.push(&rollback.option);
        if let Some(option) = run.runbook.option(&rollback.option) {
            rows.push(Row::Rollback(&option.title));
            rows.extend(option.steps.iter().map(Row::Step));
        }
    }
    for phase in run.runbook.walk() {
        rows.push(Row::Phase(phase));
        rows.extend(phase.steps.iter().map(Row::Step));
    }
    rows
}

/// Steps in the order of the tree, each with its row.
pub fn steps_in_order(run: &RunState) -> Vec<(usize, &Step)> {
    tree(run)
        .into_iter()
        .enumerate()
        .filter_map(|(row, entry)| match entry {
            Row::Step(step) => Some((row, step)),
            _ => None,
        })
        .collect()
}

impl Pane for Phases {
    fn name(&self) -> &'static str {
        "phases"
    }

    fn contexts(&self) -> &'static [Context] {
        &[Context::Phases]
    }

    fn moves(&self) -> Moves {
        Moves::Steps
    }

    fn title(&self, look: &Look<'_>) -> Title {
        let run = look.run();
        let all = run.runbook.phases.len();
        let passed = run
            .runbook
            .phases
            .iter()
            .filter(|phase| run.is_phase_passed(&phase.id))
            .count();
        Title::new(format!("{passed} of {all} passed"))
    }

    fn rows(&self, look: &Look<'_>, _size: Size) -> u64 {
        tree(look.run()).len() as u64
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let rows = tree(look.run());
        if rows.is_empty() {
            super::empty(
                "the guide holds no phases: see `gonogo check`",
                look,
                area,
                buffer,
            );
            return;
        }
        let shown = shown_step(look).map(|step| step.id.as_str());
        let at = rows
            .iter()
            .position(|row| matches!(row, Row::Step(step) if Some(step.id.as_str()) == shown))
            .unwrap_or(0);
        // A third of the height above the cursor, so that what comes next can be seen.
        let height = usize::from(area.height);
        let top = first_row(at, at.saturating_sub(height / 3), rows.len(), height);
        for (row, place) in rows.iter().skip(top).zip(area.rows()) {
            let line = match row {
                Row::Rollback(title) => heading(
                    &format!("↶ rollback: {title}"),
                    "",
                    look,
                    Role::Warning,
                    place.width,
                ),
                Row::Phase(phase) => phase_line(phase, look, place.width),
                Row::Step(step) => {
                    step_line(step, Some(step.id.as_str()) == shown, look, place.width)
                }
            };
            line.render(place, buffer);
        }
    }
}

fn phase_line(phase: &Phase, look: &Look<'_>, width: u16) -> Line<'static> {
    let run = look.run();
    let state = run.phases.get(&phase.id);
    let here = run.current_phase == phase.id;
    let spent = state.and_then(|state| {
        let entered = state.entered_at?;
        let until = state
            .gate
            .as_ref()
            .filter(|_| state.is_passed())
            .map_or(look.model.now, |gate| gate.at);
        Some(duration(seconds_between(entered, until)))
    });
    let expected = phase
        .estimate
        .map(|Estimate { min_s, max_s }| estimate_range(min_s, max_s));
    let over = run.mode == Mode::RolledBack || run.mode == Mode::Failed;
    let time = match (spent, expected) {
        (Some(spent), Some(expected)) if here && !over => format!("{spent} of {expected}"),
        (Some(spent), _) if !over || state.is_some_and(|state| state.is_passed()) => spent,
        (_, Some(expected)) => expected,
        _ if phase.optional => "optional".to_owned(),
        _ => String::new(),
    };
    let glyph = match state {
        Some(state) if state.is_passed() => "✓",
        _ if here => "◆",
        _ => "◇",
    };
    let role = if here { Role::Heading } else { Role::Text };
    let title = format!("{glyph} {}", plain(&phase.title));
    let flag = match phase.point_of_no_return {
        true if title.chars().count() + 32 < usize::from(width) => " ‖ no return after it",
        true => " ‖",
        false => "",
    };
    heading(&format!("{title}{flag}"), &time, look, role, width)
}

fn heading(text: &str, right: &str, look: &Look<'_>, role: Role, columns: u16) -> Line<'static> {
    let columns = usize::from(columns);
    // An estimate gives way to the title; the time spent does not.
    let is_estimate = right.starts_with('~');
    let right = if width(text) + width(right) + 1 > columns && is_estimate {
        ""
    } else {
        right
    };
    let room = columns.saturating_sub(width(right) + usize::from(!right.is_empty()));
    Line::from(vec![
        Span::styled(pad(text, room), look.theme.style(role)),
        Span::raw(if right.is_empty() { "" } else { " " }),
        Span::styled(right.to_owned(), look.theme.style(Role::Muted)),
    ])
}

fn step_line(step: &Step, shown: bool, look: &Look<'_>, columns: u16) -> Line<'static> {
    let run = look.run();
    let status = run.step_status(step);
    let Mark { glyph, word, role } = status_mark(status);
    let style = look.theme.style(role);
    // In a narrow tree the word of a plain state is told by glyph and position alone.
    let loud = !matches!(status, StepStatus::Pending | StepStatus::Passed);
    let word = if columns >= 38 || loud { word } else { "" };
    let word = match status {
        StepStatus::Pending if columns < 44 => "",
        _ => word,
    };
    let time = step_time(step, look);
    let title = plain(&step.title);
    let is_tight = width(&title) + width(&time) + 6 > usize::from(columns);
    let time = if is_tight && time.starts_with('~') {
        String::new()
    } else {
        time
    };
    let right = match (word, time.as_str()) {
        ("", time) => time.to_owned(),
        (word, "") => word.to_owned(),
        (word, time) => format!("{word} {}", pad_left(time, 7)),
    };
    let columns = usize::from(columns);
    let room = columns.saturating_sub(width(&right) + 5);
    let line = Line::from(vec![
        Span::styled(if shown { " ▸" } else { "  " }, look.theme.style(Role::Key)),
        Span::styled(format!("{glyph} "), style),
        Span::styled(
            pad(&title, room),
            if status == StepStatus::Pending {
                Style::default()
            } else {
                style
            },
        ),
        Span::styled(format!(" {right}"), style),
    ]);
    let missing = columns.saturating_sub(line_width(&line));
    let mut line = line;
    line.spans.push(Span::raw(" ".repeat(missing)));
    if shown {
        line.patch_style(look.theme.style(Role::Selection))
    } else {
        line
    }
}

/// How long a step took, or has been running, by its last attempts.
fn step_time(step: &Step, look: &Look<'_>) -> String {
    let run = look.run();
    let attempts: Vec<&Attempt> = run
        .actions_of(step)
        .into_iter()
        .filter(|action: &ActionId| !run.is_watch(*action))
        .filter_map(|action| run.action(action)?.last())
        .collect();
    if attempts.is_empty() {
        return match (run.step_status(step), step.estimate) {
            (StepStatus::Pending, Some(Estimate { min_s, max_s })) => estimate_range(min_s, max_s),
            _ => String::new(),
        };
    }
    let seconds = attempts
        .iter()
        .map(|attempt| {
            seconds_between(
                attempt.started_at,
                attempt.ended_at.unwrap_or(look.model.now),
            )
        })
        .sum();
    duration(seconds)
}
