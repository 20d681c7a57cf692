//! The files that a command includes or calls, as they are shown with it before it runs.

use ratatui::text::Line;

use crate::run::{Included, Preview, digest_of, named_files};
use crate::ui::format::{plural, wrap};
use crate::ui::markdown::code;
use crate::ui::theme::Role;
use crate::ui::view::Look;

pub(super) enum Files {
    /// It names some, and they are not asked for yet.
    Unread,
    Asked,
    Read(Vec<Included>),
    Failed(String),
}

impl Files {
    pub(super) fn of(shown: &Preview) -> Self {
        Self::named(named_files(shown.actor, &shown.command).len())
    }

    /// So many are named by a command.
    pub(super) fn named(count: usize) -> Self {
        match count {
            0 => Self::Read(Vec::new()),
            _ => Self::Unread,
        }
    }

    /// What was read, or why it was not.
    pub(super) fn learn(&mut self, included: Result<Vec<Included>, String>) {
        *self = match included {
            Ok(files) => Self::Read(files),
            Err(why) => Self::Failed(why),
        };
    }

    /// It is asked for once.
    pub(super) fn ask(&mut self) -> bool {
        let unread = matches!(self, Self::Unread);
        if unread {
            *self = Self::Asked;
        }
        unread
    }

    pub(super) fn is_awaited(&self) -> bool {
        matches!(self, Self::Unread | Self::Asked)
    }

    /// The digest of what is shown; `None` where there is nothing.
    ///
    /// # Errors
    /// It is not shown (yet).
    pub(super) fn digest(&self) -> Result<Option<String>, String> {
        match self {
            Self::Read(files) => Ok(Some(digest_of(files)).filter(|_| !files.is_empty())),
            Self::Failed(why) => Err(format!("what it includes cannot be shown: {why}")),
            Self::Unread | Self::Asked => Err("what it includes is being read".to_owned()),
        }
    }

    pub(super) fn lines(&self, width: usize, look: &Look<'_>) -> Vec<Line<'static>> {
        let theme = look.theme;
        let styled = |text: String, role: Role| {
            let line = Line::styled(text, theme.style(role));
            wrap(line, width, 2)
        };
        let files = match self {
            Self::Unread | Self::Asked => {
                return styled("reading what it includes …".to_owned(), Role::Muted);
            }
            Self::Failed(why) => {
                return styled(
                    format!("what it includes cannot be shown: {why}"),
                    Role::Alarm,
                );
            }
            Self::Read(files) => files,
        };
        let mut lines = Vec::new();
        for file in files {
            let word = match file.called {
                true => "calls",
                false => "includes",
            };
            lines.push(Line::default());
            match &file.error {
                Some(error) => {
                    lines.extend(styled(
                        format!("{word} {}: {error}", file.path),
                        Role::Alarm,
                    ));
                }
                None => {
                    let count = plural(file.lines, "line", "lines");
                    let heading = format!("{word} {} ({count}):", file.path);
                    lines.extend(styled(heading, Role::Heading));
                    lines.extend(code(&file.text, 0, width, theme));
                    let shown = file.text.lines().count();
                    if shown < file.lines {
                        let left = plural(file.lines - shown, "more line", "more lines");
                        lines.extend(styled(format!("… and {left}"), Role::Warning));
                    }
                }
            }
        }
        lines
    }
}
