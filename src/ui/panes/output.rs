//! What an action prints, live; scrolled back, the spool is read page by page.
//!
//! ```text
//! output  Read the dump through · attempt 2                             10,000 lines
//! pg_restore: creating TABLE "public.audits"
//! pg_restore: error: could not read
//! ```

use std::borrow::Cow;

use ansi_to_tui::IntoText;
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::{Moves, Pane, Title, clamped};
use crate::run::{OutputLine, OutputStream};
use crate::ui::format::{fit, grouped, without_colour};
use crate::ui::keymap::Context;
use crate::ui::output::OutputBuffer;
use crate::ui::step_input::{asking, question};
use crate::ui::theme::Role;
use crate::ui::view::Look;
use crate::ui::walk::shown_action;

pub struct Output;

fn buffer_of<'a>(look: &Look<'a>) -> Option<&'a OutputBuffer> {
    look.model.outputs.get(&shown_action(look)?)
}

/// First line shown at this height.
pub fn first_line(look: &Look<'_>, height: u16) -> u64 {
    let lines = buffer_of(look).map_or(0, OutputBuffer::shown);
    match look.view.position("output").top {
        Some(top) => clamped(top, lines, height),
        None => lines.saturating_sub(height.into()),
    }
}

impl Pane for Output {
    fn name(&self) -> &'static str {
        "output"
    }

    fn contexts(&self) -> &'static [Context] {
        &[Context::Output]
    }

    fn moves(&self) -> Moves {
        Moves::Follow
    }

    fn title(&self, look: &Look<'_>) -> Title {
        let run = look.run();
        let Some(action) = shown_action(look) else {
            return Title::default();
        };
        let title = run.title_of(action);
        let Some(output) = look.model.outputs.get(&action) else {
            return Title::new(title);
        };
        let attempt = match output.attempt {
            0 | 1 => String::new(),
            attempt => format!(" · attempt {attempt}"),
        };
        let asks = asking(look.model).filter(|asking| asking.action == action);
        let typing = look.view.typing.filter(|typing| typing.action == action);
        let scrolled = look.view.position("output").top.is_some();
        let alert = if typing.is_some() {
            Some(("YOUR KEYS GO HERE".to_owned(), Role::Alarm))
        } else if let Some(asks) = asks {
            Some((question(asks), Role::Warning))
        } else if scrolled {
            Some(("scrolled back, End follows".to_owned(), Role::Warning))
        } else {
            let lines = match output.lines {
                1 => "1 line".to_owned(),
                lines => format!("{} lines", grouped(lines)),
            };
            Some((lines, Role::Muted))
        };
        Title {
            words: format!("{title}{attempt}"),
            alert,
        }
    }

    fn rows(&self, look: &Look<'_>, _size: Size) -> u64 {
        buffer_of(look).map_or(0, OutputBuffer::shown)
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let Some(output) = buffer_of(look).filter(|output| output.shown() > 0) else {
            let text = match shown_action(look).and_then(|action| look.run().action(action)?.last())
            {
                None => "nothing has run yet: what a command prints appears here",
                Some(attempt) if attempt.outcome.is_none() => "it has printed nothing yet",
                Some(_) => "it printed nothing",
            };
            super::empty(text, look, area, buffer);
            return;
        };
        let first = first_line(look, area.height);
        draw(output, first, look, area, buffer);
        name_commands(output, first, look, area, buffer);
    }

    fn copies(&self, look: &Look<'_>, _width: u16) -> Option<String> {
        text_of(buffer_of(look)?)
    }
}

/// Which command printed what: its first words at the end of its first line, where there is room.
fn name_commands(
    output: &OutputBuffer,
    first: u64,
    look: &Look<'_>,
    area: Rect,
    buffer: &mut Buffer,
) {
    let attempt = shown_action(look)
        .and_then(|action| look.run().action(action)?.last())
        .filter(|attempt| attempt.number == output.attempt && attempt.planned.len() > 1);
    let Some(attempt) = attempt else { return };
    for (number, row) in (first..output.shown()).zip(area.rows()) {
        // The last one that began here: those before it have printed nothing.
        let begun = attempt.commands.iter().rev();
        let Some(run) = begun.into_iter().find(|run| run.lines_before == number) else {
            continue;
        };
        let Some(command) = attempt
            .planned
            .iter()
            .find(|known| known.index == run.index)
        else {
            continue;
        };
        let width = output
            .line(number)
            .map_or(0, |line| line.plain().chars().count());
        let room = usize::from(row.width).saturating_sub(width + 2);
        let words = fit(
            &format!("◂ line {}: {}", command.line, command.text),
            room.min(40),
        );
        if room < 12 {
            continue;
        }
        let length = u16::try_from(words.chars().count()).unwrap_or(row.width);
        let place = Rect {
            x: row.right().saturating_sub(length),
            width: length.min(row.width),
            ..row
        };
        Line::styled(words, look.theme.style(Role::Muted)).render(place, buffer);
    }
}

/// The lines that are here, back from the end.
pub(super) fn text_of(output: &OutputBuffer) -> Option<String> {
    let text: Vec<String> = (0..output.lines)
        .rev()
        .map_while(|number| output.line(number))
        .map(|line| line.plain().into_owned())
        .collect();
    (!text.is_empty()).then(|| text.into_iter().rev().collect::<Vec<_>>().join("\n"))
}

/// Draws lines from `first` on.
pub(super) fn draw(
    output: &OutputBuffer,
    first: u64,
    look: &Look<'_>,
    area: Rect,
    buffer: &mut Buffer,
) {
    for (number, row) in (first..output.shown()).zip(area.rows()) {
        match output.line(number) {
            Some(line) => {
                let line = styled(line, look);
                let cut = line.width() > usize::from(row.width);
                line.render(row, buffer);
                if let (true, Some(last)) = (cut, row.columns().next_back()) {
                    Line::styled("…", look.theme.style(Role::Muted)).render(last, buffer);
                }
            }
            None => Line::styled("… reading the spool", look.theme.style(Role::Muted))
                .render(row, buffer),
        }
    }
}

fn styled(line: &OutputLine, look: &Look<'_>) -> Line<'static> {
    let base = match line.stream {
        OutputStream::Out => Style::default(),
        OutputStream::Err => look.theme.style(Role::Warning),
        OutputStream::Note => look.theme.style(Role::Muted),
    };
    let found = look
        .view
        .search
        .as_ref()
        .filter(|search| search.found == Some(line.number));
    let text = message_first(&line.text);
    if let Some(search) = found {
        return marked(&without_colour(&text), &search.pattern, base, look);
    }
    if !text.contains('\u{1b}') {
        return Line::styled(text.replace('\t', "    "), base);
    }
    match text.replace('\t', "    ").into_text() {
        Ok(text) => {
            let spans: Vec<Span<'static>> =
                text.lines.into_iter().flat_map(|line| line.spans).collect();
            Line::from(spans).style(base)
        }
        Err(_) => Line::styled(without_colour(&text), base),
    }
}

/// `psql:FILE:LINE: NOTICE:  …` with its place behind the message: in a narrow pane the place would
/// leave no room for what the server said. Nor would the path of the file that a shell step is run from,
/// which is nobody's business: `line 2: …` stays.
fn message_first(text: &str) -> Cow<'_, str> {
    if let Some((place, message)) = text.split_once("/script.sh: line ")
        && place.starts_with('/')
        && place.contains("/actions/")
    {
        return Cow::Owned(format!("line {message}"));
    }
    match text
        .strip_prefix("psql:")
        .and_then(|rest| rest.split_once(": "))
    {
        Some((place, message)) if !message.is_empty() => {
            Cow::Owned(format!("{message}  ({place})"))
        }
        _ => Cow::Borrowed(text),
    }
}

/// The matches of a search stand out.
fn marked(text: &str, pattern: &str, base: Style, look: &Look<'_>) -> Line<'static> {
    let lower = text.to_lowercase();
    let pattern = pattern.to_lowercase();
    // Lower case may change the length of some letters: then the line is shown without marks.
    if pattern.is_empty() || lower.len() != text.len() {
        return Line::styled(text.to_owned(), look.theme.style(Role::Found));
    }
    let mut spans = Vec::new();
    let mut rest = 0;
    for (start, matched) in lower.match_indices(&pattern) {
        let (Some(before), Some(hit)) = (
            text.get(rest..start),
            text.get(start..start + matched.len()),
        ) else {
            return Line::styled(text.to_owned(), look.theme.style(Role::Found));
        };
        spans.push(Span::styled(before.to_owned(), base));
        spans.push(Span::styled(hit.to_owned(), look.theme.style(Role::Found)));
        rest = start + matched.len();
    }
    spans.push(Span::styled(
        text.get(rest..).unwrap_or_default().to_owned(),
        base,
    ));
    Line::from(spans)
}
