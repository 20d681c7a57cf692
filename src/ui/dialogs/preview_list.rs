//! The commands of a block in its preview, each with a box, what it does, and the words that title it.

use std::collections::BTreeMap;
use std::ops::Range;

use ratatui::text::{Line, Span};

use super::Reply;
use crate::run::{
    ActionId, Command, CommandEnd, LOCK_PAUSES_S, LOCK_TIMEOUT, LockTimeout, Preview, RunState,
    preview_from,
};
use crate::runbook::{ListedCommand, Nature};
use crate::ui::format::{line_width, wrap};
use crate::ui::intent::Intent;
use crate::ui::markdown::{code, plain};
use crate::ui::theme::{Role, Theme};
use crate::ui::view::Look;

/// Columns before the code: where the eye is, the box.
const INDENT: usize = 6;

#[derive(Default)]
pub(super) struct List {
    /// The command that a key would switch, by its place in the list.
    at: usize,
    /// It is kept in sight.
    follows: bool,
    /// What was switched here and is not yet shown, by the index of the command.
    awaited: BTreeMap<usize, bool>,
    /// The same for what is put around commands.
    awaited_around: Option<bool>,
}

impl List {
    /// The commands, and which lines are those of the one that a key would switch. A block of one
    /// command that runs here, or one that was never cut, is shown as it is written.
    pub(super) fn lines(
        &self,
        shown: &Preview,
        run: &RunState,
        width: usize,
        theme: &Theme,
    ) -> (Vec<Line<'static>>, Range<usize>) {
        if !has_boxes(shown) {
            return (code(&shown.command, 0, width, theme), 0..0);
        }
        let mut lines = Vec::new();
        let mut at = 0..0;
        // What they do stands in a column, as far as there is room.
        let column = shown
            .listed
            .iter()
            .filter_map(|command| command.text.lines().next())
            .map(|first| INDENT + 1 + first.chars().count())
            .max()
            .unwrap_or(0);
        for (place, row) in rows(shown).into_iter().enumerate() {
            let command = match row {
                Row::Command(command) => command,
                Row::Around(put) => {
                    let first = lines.len();
                    let is_at = place == self.at;
                    lines.extend(before_lines(put, is_at, (width, column), theme));
                    if is_at {
                        at = first..lines.len();
                    }
                    continue;
                }
            };
            if let Some(title) = &command.title {
                let title = format!("{}{}", " ".repeat(INDENT), plain(title));
                let line = Line::styled(title, theme.style(Role::Heading));
                lines.extend(wrap(line, width, INDENT));
            }
            let first = lines.len();
            lines.extend(command_lines(
                command,
                shown
                    .from
                    .and_then(|from| ran(command, from, run, shown.action)),
                place == self.at,
                (width, column),
                theme,
            ));
            if place == self.at {
                at = first..lines.len();
            }
            let around = shown.lock_timeout.as_ref().filter(|put| put.on);
            if around.is_some_and(|put| put.is_around(command.index)) && command.on {
                lines.extend(after_lines(shown, command, width, theme));
            }
        }
        (lines, at)
    }

    /// The first line in sight, so that the command is where somebody just went to it.
    pub(super) fn top(&self, top: usize, at: Range<usize>, height: usize) -> usize {
        if !self.follows {
            return top;
        }
        // The title above the first is seen with it.
        let first = if self.at == 0 {
            0
        } else {
            at.start.saturating_sub(1)
        };
        top.min(first).max(at.end.saturating_sub(height))
    }

    /// Goes to another command; false at the end of the list.
    pub(super) fn moves(&mut self, intent: Intent, shown: &Preview) -> bool {
        let last = rows(shown).len().saturating_sub(1);
        let to = match intent {
            Intent::Up if !self.follows && self.at > 0 => self.at,
            Intent::Up => match self.at.checked_sub(1) {
                Some(to) => to,
                None => return false,
            },
            _ if self.at < last => self.at + 1,
            _ => return false,
        };
        (self.at, self.follows) = (to, true);
        has_boxes(shown)
    }

    /// Something else is looked at.
    pub(super) fn leave(&mut self) {
        self.follows = false;
    }

    pub(super) fn switch(&mut self, shown: &Preview, look: &Look<'_>) -> Reply {
        let command = match rows(shown).into_iter().nth(self.at) {
            Some(Row::Command(command)) => command,
            Some(Row::Around(put)) => {
                let on = !self.awaited_around.unwrap_or(put.on);
                (self.follows, self.awaited_around) = (true, Some(on));
                return Reply::Send(vec![Command::ToggleLockTimeout {
                    action: shown.action,
                    on,
                }]);
            }
            None => return Reply::Stay,
        };
        if shown.from.is_some_and(|from| command.index < from) {
            return Reply::say("it ran before", "what ran is not run again from here");
        }
        let on = !*self.awaited.get(&command.index).unwrap_or(&command.on);
        let now = preview_from(look.run(), shown.action, shown.from);
        let now = now.map(|now| now.listed).unwrap_or_default();
        let needs = now.iter().find(|now| now.index == command.index);
        if let (true, Some([first, ..])) = (on, needs.map(|now| now.needs.as_slice())) {
            return Reply::say(
                format!("it needs a value for `{first}`"),
                "i gives it, then Space",
            );
        }
        self.follows = true;
        self.awaited.insert(command.index, on);
        Reply::Send(vec![Command::ToggleCommand {
            action: shown.action,
            index: command.index,
            on,
        }])
    }

    pub(super) fn awaits(&self) -> bool {
        !self.awaited.is_empty() || self.awaited_around.is_some()
    }

    /// Whether what would run differs from what was shown by what was switched here alone.
    pub(super) fn is_switched(&mut self, shown: &Preview, now: &Preview) -> bool {
        let is_it = shown.listed.len() == now.listed.len()
            && shown.listed.iter().zip(&now.listed).all(|(before, now)| {
                let wanted = self.awaited.get(&before.index);
                (now.on == before.on || Some(&now.on) == wanted) && now.text == before.text
            })
            && (&shown.target, &shown.directory, &shown.proved)
                == (&now.target, &now.directory, &now.proved);
        if is_it {
            let put = now.lock_timeout.as_ref().map(|put| put.on);
            self.awaited_around = self
                .awaited_around
                .filter(|on| put.is_some_and(|put| put != *on));
            let arrived = |index: &usize, on: &bool| {
                let mut listed = now.listed.iter();
                listed.any(|command| command.index == *index && command.on == *on)
            };
            self.awaited.retain(|index, on| !arrived(index, on));
        }
        is_it
    }
}

/// A line with a box.
enum Row<'a> {
    Command(&'a ListedCommand),
    /// What is put before the next command, and behind it.
    Around(&'a LockTimeout),
}

fn rows(shown: &Preview) -> Vec<Row<'_>> {
    let put = shown.lock_timeout.as_ref();
    let around = |command: &ListedCommand| {
        let put = put.filter(|put| put.is_around(command.index) && command.on);
        put.map(Row::Around)
    };
    let rows = shown.listed.iter();
    rows.flat_map(|command| around(command).into_iter().chain([Row::Command(command)]))
        .collect()
}

/// A block of one command that runs here, with nothing around it, is shown as it is written.
pub(super) fn has_boxes(shown: &Preview) -> bool {
    let put = shown.lock_timeout.as_ref();
    shown.listed.len() > 1
        || shown.elsewhere.is_some()
        || put.is_some_and(|put| put.is_offered() && !shown.listed.is_empty())
}

/// The statement that is put before a command, with its box.
fn before_lines(
    put: &LockTimeout,
    is_at: bool,
    (width, column): (usize, usize),
    theme: &Theme,
) -> Vec<Line<'static>> {
    let set = ListedCommand {
        index: 0,
        line: 0,
        text: LockTimeout::before(),
        title: None,
        natures: Vec::new(),
        needs: Vec::new(),
        on: put.on,
        optional: false,
    };
    let mut lines = command_lines(&set, None, is_at, (width, column), theme);
    let said = "put here by gonogo";
    if let Some(first) = lines.first_mut()
        && line_width(first) + 2 + said.len() <= width
    {
        let here = line_width(first);
        let at = (column + 2).min(width - said.len()).max(here + 2);
        first.spans.push(Span::raw(" ".repeat(at - here)));
        first
            .spans
            .push(Span::styled(said, theme.style(Role::Muted)));
    }
    lines
}

/// The statement that is put behind it, and what happens where it gets no lock.
fn after_lines(
    shown: &Preview,
    command: &ListedCommand,
    width: usize,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let mut lines = code(LockTimeout::AFTER, INDENT, width, theme);
    let mut commands = shown.commands.iter();
    let own = commands.find(|one| one.index == command.index);
    let from = own
        .and_then(|one| one.lock)
        .and_then(|lock| lock.again_from);
    let mut commands = shown.commands.iter();
    let from = commands.find(|one| Some(one.index) == from);
    let pauses: Vec<String> = LOCK_PAUSES_S.iter().map(u64::to_string).collect();
    let words = match from {
        Some(from) if from.index == command.index => {
            format!(
                "no lock in {LOCK_TIMEOUT}: tried again after {} s",
                pauses.join(", ")
            )
        }
        Some(from) => format!(
            "no lock in {LOCK_TIMEOUT}: ROLLBACK, and again from line {} after {} s",
            from.line,
            pauses.join(", ")
        ),
        None => format!(
            "no lock in {LOCK_TIMEOUT}: it fails, and is not tried again (a rollback does not take back all before it)"
        ),
    };
    let line = Line::styled(
        format!("{}{words}", " ".repeat(INDENT + 1)),
        theme.style(Role::Muted),
    );
    lines.extend(wrap(line, width, INDENT + 1));
    lines
}

/// Whether a command that is not run again did well; `None` where it is still to run.
fn ran(command: &ListedCommand, from: usize, run: &RunState, action: ActionId) -> Option<bool> {
    let attempts = run.action(action).map(|known| known.attempts.as_slice());
    let mut runs = attempts.unwrap_or_default().iter().rev();
    let last = runs.find_map(|attempt| {
        let mut commands = attempt.commands.iter();
        commands.find(|one| one.index == command.index)
    });
    let end = last.and_then(|one| one.done.as_ref()).map(|done| &done.end);
    (command.index < from).then_some(end == Some(&CommandEnd::Good))
}

fn command_lines(
    command: &ListedCommand,
    ran: Option<bool>,
    is_at: bool,
    (width, column): (usize, usize),
    theme: &Theme,
) -> Vec<Line<'static>> {
    let mut lines = code(&command.text, INDENT, width, theme);
    if !command.on || ran.is_some() {
        for span in lines.iter_mut().flat_map(|line| &mut line.spans) {
            span.style = theme.style(Role::Muted);
        }
    }
    let arrow = if is_at { "›" } else { " " };
    let mark = match (ran, command.on) {
        (Some(true), _) => " ✓ ",
        (Some(false), true) => " ✗ ",
        (None, true) => "[x]",
        (_, false) => "[ ]",
    };
    let destroys = command.natures.contains(&Nature::Destroys);
    let role = match (command.on && ran.is_none(), destroys) {
        (false, _) => Role::Muted,
        (true, true) => Role::Destructive,
        (true, false) => Role::Text,
    };
    if let Some(bar) = lines.first_mut().and_then(|line| line.spans.first_mut()) {
        bar.content = format!("{arrow} {mark} ▏").into();
        bar.style = theme.style(role);
    }
    let mut words: Vec<&str> = command
        .natures
        .iter()
        .map(|nature| nature.words())
        .collect();
    if command.optional {
        words.push("optional");
    }
    let words = words.join(", ");
    let role = if destroys { role } else { Role::Muted };
    let said = Span::styled(words.clone(), theme.style(role));
    let wide = words.chars().count();
    match lines.first_mut() {
        Some(first) if line_width(first) + 2 + wide <= width => {
            let here = line_width(first);
            let at = (column + 2).min(width - wide).max(here + 2);
            first.spans.push(Span::raw(" ".repeat(at - here)));
            first.spans.push(said);
        }
        _ => lines.push(Line::from(vec![Span::raw(" ".repeat(INDENT + 1)), said])),
    }
    lines
}
