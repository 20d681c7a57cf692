//! The row of the rollback: which option `R` begins, how long it takes, what it loses, whether it is ready.

use crate::run::{Mode, RollbackPlan, RunState, StepStatus};
use crate::ui::format::{duration, estimate, fit, plural, seconds_between};
use crate::ui::intent::Intent;
use crate::ui::keymap;
use crate::ui::keymap::Context;
use crate::ui::markdown::plain;
use crate::ui::segments::{Segment, row, segment};
use crate::ui::theme::Role;
use crate::ui::view::Look;
use ratatui::text::{Line, Span};

/// The rollback, on every screen.
pub fn rollback(look: &Look<'_>, columns: u16) -> Line<'static> {
    let (run, theme) = (look.run(), look.theme);
    let key = keymap::key_of(Context::Main, Intent::AskRollBack);
    let separator = Span::styled(" · ", theme.style(Role::Border));
    if let (Mode::RollingBack | Mode::Stuck | Mode::RolledBack, Some(rollback)) =
        (run.mode, &run.rollback)
        && let Some(option) = run.runbook.option(&rollback.option)
    {
        let settled = option
            .steps
            .iter()
            .filter(|step| {
                matches!(
                    run.step_status(step),
                    StepStatus::Passed | StepStatus::Skipped
                )
            })
            .count();
        let until = rollback.ended_at.unwrap_or(look.model.now);
        let took = duration(seconds_between(rollback.started_at, until));
        let (word, role) = match run.mode {
            Mode::RolledBack => ("back by", Role::Passed),
            Mode::Stuck => ("STUCK on the rollback:", Role::Failed),
            _ => ("rolling back:", Role::Warning),
        };
        let left = vec![
            segment(
                format!(" ◀ {word} {}", plain(&option.title)),
                theme.style(role),
                0,
            ),
            segment(
                format!(
                    "{settled} of {}",
                    plural(option.steps.len(), "step", "steps")
                ),
                theme.style(role),
                1,
            ),
            segment(took, theme.style(role), 2),
        ];
        return row(left, Vec::new(), &separator, columns);
    }
    let Some(plan) = look.model.rollback() else {
        let text = " ◀ the guide names no rollback";
        return Line::styled(text, theme.style(Role::Warning));
    };
    let mut title_columns = 44.max(usize::from(columns) / 2);
    let (ready, role) = match look.model.out_of_reach(plan) {
        Some(why) if plan.ready => {
            let words = format!("ready, but {why}");
            // It stands in full, be the title cut.
            let rest = usize::from(columns).saturating_sub(18 + crate::ui::format::width(&words));
            title_columns = title_columns.min(rest.max(9));
            (words, Role::Warning)
        }
        _ => readiness(plan),
    };
    let mut left = vec![Segment {
        spans: vec![
            Span::styled(" ◀ ", theme.style(Role::Muted)),
            Span::styled(key, theme.style(Role::Key)),
            Span::styled(" rollback: ", theme.style(Role::Muted)),
            Span::styled(
                fit(
                    &plain(&plan.title),
                    usize::from(columns).saturating_sub(16).min(title_columns),
                ),
                theme.style(Role::Text),
            ),
        ],
        expendable: 0,
    }];
    let muted = theme.style(Role::Muted);
    if let Some(seconds) = plan.estimate_s {
        left.push(segment(estimate(seconds), theme.style(Role::Text), 2));
    }
    if !plan.actions.is_empty() {
        let count = plural(plan.actions.len(), "command", "commands");
        left.push(segment(count, muted, 4));
    }
    if !plan.by_hand.is_empty() {
        let count = plural(plan.by_hand.len(), "manual item", "manual items");
        left.push(segment(count, muted, 4));
    }
    left.extend(loss_word(plan).map(|word| segment(word, theme.style(Role::Warning), 3)));
    let title = left.iter().take(1).flat_map(|segment| &segment.spans);
    let used: usize = title
        .map(|span| crate::ui::format::width(&span.content))
        .sum();
    let room = usize::from(columns).saturating_sub(used + 3);
    left.push(segment(fit(&ready, room.max(9)), theme.style(role), 0));
    row(left, Vec::new(), &separator, columns)
}

/// What a rollback loses: as measured, else as the guide says.
fn loss_word(plan: &RollbackPlan) -> Option<String> {
    let measured = plan.loss.as_ref().and_then(|loss| loss.short());
    let said = || Some(format!("loses {}", fit(&plain(plan.loses.as_ref()?), 50)));
    measured.or_else(said)
}

/// Whether a plan can start, in words.
pub fn readiness(plan: &RollbackPlan) -> (String, Role) {
    if plan.ready && plan.is_by_hand() {
        return ("ready, by hand".to_owned(), Role::Warning);
    }
    if plan.ready {
        return ("ready".to_owned(), Role::Passed);
    }
    let why = plan.reasons.first().map_or("", String::as_str);
    (format!("NOT READY: {why}"), Role::Failed)
}

/// Nothing of it waits for anybody, a clean-up neither.
pub(super) fn is_finished(run: &RunState) -> bool {
    match run.mode {
        Mode::RolledBack | Mode::Failed => true,
        Mode::Done => run.is_phase_passed(&run.current_phase),
        Mode::Running | Mode::Held | Mode::RollingBack | Mode::Stuck => false,
    }
}
