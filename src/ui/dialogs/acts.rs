//! How the dialog of the rollback shows one command, and a guide's own words where it holds none.

use ratatui::text::{Line, Span};

use crate::run::PlannedAction;
use crate::ui::format::wrap;
use crate::ui::markdown::{code, lay_out, pieces, plain};
use crate::ui::theme::Role;
use crate::ui::view::Look;

/// A command with its number among the acts.
pub(super) fn command(
    number: usize,
    action: &PlannedAction,
    look: &Look<'_>,
    width: usize,
) -> Vec<Line<'static>> {
    let theme = look.theme;
    let head = Line::from(vec![
        Span::styled(
            format!("{number} {}", plain(&action.title)),
            theme.style(Role::Heading),
        ),
        Span::styled(format!("  {}", action.target), theme.style(Role::Muted)),
    ]);
    let mut lines = wrap(head, width, 4);
    for line in &action.holds {
        lines.push(Line::styled(
            format!("  stops before the COMMIT on line {line} for you to check"),
            theme.style(Role::Heading),
        ));
    }
    match &action.command {
        Ok(command) => lines.extend(code(command, 2, width, theme)),
        Err(why) => {
            lines.extend(code(&action.written, 2, width, theme));
            let why = Line::styled(format!("  ✗ {why}"), theme.style(Role::Failed));
            lines.extend(wrap(why, width, 4));
        }
    }
    if !action.destructive.is_empty() {
        let what = format!("  ⚠ destroys: {}", action.destructive.join(", "));
        let what = Line::styled(what, theme.style(Role::Destructive));
        lines.extend(wrap(what, width, 4));
    }
    lines
}

/// What the guide says of a rollback that holds no command: it has to be read.
pub(super) fn as_written(look: &Look<'_>, option: &str, width: usize) -> Vec<Line<'static>> {
    let theme = look.theme;
    let Some(option) = look.run().runbook.option(option) else {
        return Vec::new();
    };
    let mut lines = vec![
        Line::default(),
        Line::styled("the guide says:", theme.style(Role::Muted)),
    ];
    let alone = option.steps.len() == 1;
    let mut texts: Vec<(Option<&str>, &str)> = vec![(None, option.body.as_str())];
    for step in &option.steps {
        let title = (!alone || step.title != option.title).then_some(step.title.as_str());
        texts.push((title, step.body.as_str()));
    }
    texts.dedup_by(|later, earlier| later.1 == earlier.1);
    for (title, body) in texts {
        lines.extend(title.map(|title| Line::styled(plain(title), theme.style(Role::Heading))));
        for piece in pieces(body, theme) {
            lines.extend(lay_out(&piece, width, theme));
        }
    }
    lines
}
