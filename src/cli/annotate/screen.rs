//! The screen of the walk: where the block stands, what was understood and why, its code, the answer as
//! it is so far, and the keys.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use tui_input::Input;

use super::targets::matching;
use super::walk::{Field, Mode, ROLES, Walk};
use crate::runbook::annotate::Proposal;
use crate::runbook::{Block, Expectation, Part, Role};
use crate::text::scrub::scrub_line;
use crate::text::written::masked;
use crate::ui::format::{fit, pad, width, wrap};

const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
const DIM: Style = Style::new().add_modifier(Modifier::DIM);
const BAR: Style = Style::new().add_modifier(Modifier::REVERSED);

/// At most so many lines say what was understood; the code needs room.
const MOST_REMARKS: usize = 7;

pub(super) fn draw(walk: &mut Walk<'_>, frame: &mut Frame<'_>) {
    let area = frame.area();
    let foot = foot(walk, usize::from(area.width));
    let rows = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(3),
        Constraint::Length(u16::try_from(foot.len()).unwrap_or(u16::MAX)),
    ])
    .split(area);
    let [top, middle, bottom] = [rows[0], rows[1], rows[2]];
    frame.render_widget(Paragraph::new(head(walk, usize::from(top.width))), top);
    body(walk, frame, middle);
    frame.render_widget(Paragraph::new(foot), bottom);
    match &walk.mode {
        Mode::Type(field, input) => cursor(input, prompt(*field), frame, bottom),
        Mode::Undo { input, .. } => cursor(input, UNDO, frame, bottom),
        _ => {}
    }
}

fn clean(text: &str) -> String {
    scrub_line(&masked(&text.replace('\t', "    ")), false).into_owned()
}

fn head(walk: &Walk<'_>, columns: usize) -> Line<'static> {
    let left = format!(" annotate {}", clean(&walk.job.file));
    let right = match &walk.mode {
        Mode::Confirm { .. } => format!("{} settled ", walk.settled()),
        _ => format!(
            "block {} of {} · {} settled ",
            walk.at + 1,
            walk.proposals.len(),
            walk.settled()
        ),
    };
    let room = columns.saturating_sub(width(&right) + 1);
    Line::from(Span::styled(
        format!("{} {right}", pad(&fit(&left, room), room)),
        BAR,
    ))
}

fn body(walk: &mut Walk<'_>, frame: &mut Frame<'_>, area: Rect) {
    let columns = usize::from(area.width);
    let lines = match &walk.mode {
        Mode::Confirm { edits } => {
            let mut lines: Vec<Line<'static>> = edits
                .complaints
                .iter()
                .flat_map(|text| {
                    wrapped(&format!("the guide would have an error: {text}"), columns)
                })
                .collect();
            if edits.is_empty() {
                lines.push(Line::from("no changes: everything was already there"));
            }
            lines.extend(diff(&String::from_utf8_lossy(&edits.diff)));
            scrolled(&mut walk.scroll, lines, area)
        }
        Mode::Rescue(why) => {
            let mut lines = wrapped(why, columns);
            lines.push(Line::default());
            lines.extend(wrapped(
                "The answers are not lost: `gonogo.toml` can keep them (blocks that have changed ask again), or they are printed.",
                columns,
            ));
            lines
        }
        Mode::Undo { input, selected } => choices(walk, input.value(), *selected, area),
        _ => {
            let (Some(proposal), Some(block)) = (walk.proposal(), walk.block()) else {
                return;
            };
            let mut lines = remarks(walk, proposal, block, columns);
            lines.push(Line::from(Span::styled("─".repeat(columns), DIM)));
            let rest = Rect {
                height: area
                    .height
                    .saturating_sub(u16::try_from(lines.len()).unwrap_or(u16::MAX)),
                ..area
            };
            lines.extend(scrolled(&mut walk.scroll, code(block, columns), rest));
            lines
        }
    };
    frame.render_widget(Paragraph::new(lines), area);
}

/// The lines from `scroll` on; it stops where the last one is in view.
fn scrolled(scroll: &mut usize, lines: Vec<Line<'static>>, area: Rect) -> Vec<Line<'static>> {
    let room = usize::from(area.height);
    *scroll = (*scroll).min(lines.len().saturating_sub(room));
    let below = lines.len().saturating_sub(*scroll + room);
    let mut shown: Vec<Line<'static>> = lines.into_iter().skip(*scroll).take(room).collect();
    if below > 0
        && room > 1
        && let Some(last) = shown.last_mut()
    {
        *last = Line::from(Span::styled(format!("  ↓ {} more lines", below + 1), DIM));
    }
    shown
}

fn wrapped(text: &str, columns: usize) -> Vec<Line<'static>> {
    wrap(Line::from(clean(text)), columns, 2)
}

/// The headings above a block; where they are too many, the nearest ones.
fn place(headings: &[String], columns: usize) -> String {
    let mut from = 0;
    loop {
        let lead = if from > 0 { "… › " } else { "" };
        let rest = headings.get(from..).unwrap_or_default();
        let text = format!("{lead}{}", rest.join(" › "));
        if width(&text) <= columns || rest.len() <= 1 {
            return text;
        }
        from += 1;
    }
}

fn role_word(role: Role) -> String {
    let word = serde_json::to_value(role).unwrap_or_default();
    word.as_str().unwrap_or_default().to_owned()
}

/// What was understood of the block, and what stands beside it.
fn remarks(
    walk: &Walk<'_>,
    proposal: &Proposal,
    block: &Block,
    columns: usize,
) -> Vec<Line<'static>> {
    let path = clean(&place(&proposal.heading, columns));
    let mut lines = vec![Line::from(Span::styled(fit(&path, columns), BOLD))];
    let language = block.lang.as_deref().unwrap_or(if proposal.fenced {
        "no language"
    } else {
        "indented, no fence"
    });
    lines.extend(wrapped(
        &format!(
            "line {} · {language} · inferred: {}, because {}",
            block.line,
            role_word(block.role),
            block.why
        ),
        columns,
    ));
    let mut say = |text: String| lines.extend(wrapped(&text, columns));
    if let Some(why) = &proposal.not_accepted {
        say(format!("! {why}"));
    }
    if !block.destructive.is_empty() {
        say(format!("! destroys: {}", block.destructive.join(", ")));
    }
    if block.long_running {
        say("! never ends by itself".to_owned());
    }
    if let Some(choice) = &block.choice {
        say(format!(
            "one of several, of which one is chosen: {}",
            choice.name
        ));
    }
    if !block.needs.is_empty() {
        say(format!("blanks: {}", block.needs.join(", ")));
    }
    for expectation in &proposal.expectations {
        say(beside(expectation));
    }
    let last = block.code_line + block.code.lines().count();
    for found in &walk.job.runbook.diagnostics {
        if (block.line..=last).contains(&found.line) {
            say(format!("line {}: {}", found.line, found.message));
        }
    }
    let more = lines.len().saturating_sub(MOST_REMARKS);
    if more > 0 {
        lines.truncate(MOST_REMARKS - 1);
        lines.push(Line::from(Span::styled(
            format!("… {} more; `gonogo check` shows them", more + 1),
            DIM,
        )));
    }
    lines
}

/// What the guide says about the result, and what was made of it.
fn beside(expectation: &Expectation) -> String {
    let text = expectation.text.lines().next().unwrap_or_default();
    match (&expectation.cel, &expectation.output) {
        (Some(cel), _) => format!("the guide expects: {text} → {cel}"),
        (None, Some(lines)) => format!(
            "the guide shows {} of expected output, compared with what comes: {text}",
            super::open::counted(lines.len(), "line")
        ),
        (None, None) => format!("the guide expects: {text} (a person judges it)"),
    }
}

/// Every character of the code is in view: long lines go on below.
fn code(block: &Block, columns: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (index, text) in block.code.lines().enumerate() {
        let number = block.code_line + index;
        for (place, part) in block.parts.iter().enumerate() {
            if part.line == number {
                let title = Line::from(Span::styled(part_title(place + 1, part), BOLD));
                lines.extend(wrap(title, columns, 4));
            }
        }
        for (index, piece) in pieces(&clean(text), columns.saturating_sub(8))
            .into_iter()
            .enumerate()
        {
            let gutter = match index {
                0 => format!("{number:>5} │ "),
                _ => "      ┆ ".to_owned(),
            };
            lines.push(Line::from(vec![
                Span::styled(gutter, DIM),
                Span::raw(piece),
            ]));
        }
    }
    lines
}

/// A text cut into pieces of a width; at least one.
fn pieces(text: &str, columns: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for letter in text.chars() {
        let wide = width(letter.encode_utf8(&mut [0; 4]));
        if used + wide > columns.max(2) {
            pieces.push(String::new());
            used = 0;
        }
        used += wide;
        if let Some(last) = pieces.last_mut() {
            last.push(letter);
        }
    }
    pieces
}

fn part_title(number: usize, part: &Part) -> String {
    let mut text = format!(
        "  part {number}: {} ({}",
        clean(&part.title),
        role_word(part.role)
    );
    if part.optional {
        text += ", optional";
    }
    if part.choice.is_some() {
        text += ", one of several";
    }
    if !part.destructive.is_empty() {
        text += &format!(", destroys: {}", part.destructive.join(", "));
    }
    if let Some(why) = &part.refused {
        text += &format!(", refused: {}", clean(why));
    }
    text + ")"
}

fn diff(text: &str) -> Vec<Line<'static>> {
    text.lines()
        .map(|line| {
            let style = match line.bytes().next() {
                Some(b'+' | b'-') => BOLD,
                Some(b'@') => DIM,
                _ => Style::new(),
            };
            Line::from(Span::styled(clean(line), style))
        })
        .collect()
}

fn choices(walk: &Walk<'_>, typed: &str, selected: usize, area: Rect) -> Vec<Line<'static>> {
    let all = walk.targets();
    let matching = matching(&all, typed);
    let columns = usize::from(area.width);
    let room = usize::from(area.height).saturating_sub(2);
    let first = (selected + 1).saturating_sub(room);
    let mut lines = vec![Line::from(Span::styled("what undoes it", BOLD))];
    if matching.is_empty() {
        lines.push(Line::from("  nothing of that name"));
    }
    for (index, target) in matching.iter().enumerate().skip(first).take(room) {
        let text = format!(
            "  {}  {}",
            pad(&clean(&target.id), 20),
            clean(&target.about)
        );
        let style = if index == selected { BAR } else { Style::new() };
        lines.push(Line::from(Span::styled(fit(&text, columns), style)));
    }
    lines
}

fn foot(walk: &Walk<'_>, columns: usize) -> Vec<Line<'static>> {
    let mut lines = vec![Line::from(Span::styled("─".repeat(columns), DIM))];
    let rest = match &walk.mode {
        Mode::Confirm { .. } => keys(match walk.job.look_only {
            true => "y print the difference and leave · b back to the blocks · x leave · ↑↓ scroll",
            false => "y write it · b back to the blocks · x leave without writing · ↑↓ scroll",
        }),
        Mode::Rescue(_) => {
            keys("s keep the answers in gonogo.toml · p print them and leave · b back")
        }
        Mode::Change => {
            for row in ROLES.chunks(2) {
                let text: String = row
                    .iter()
                    .map(|(key, _, about)| pad(&format!(" {key}  {about}"), columns.min(80) / 2))
                    .collect();
                lines.push(Line::from(text));
            }
            keys("a letter says what the block is · Esc back")
        }
        Mode::Type(field, input) => {
            lines.push(field_line(prompt(*field), input, columns));
            keys("Enter keep (empty removes it) · Esc back")
        }
        Mode::Undo { input, .. } => {
            lines.push(field_line(UNDO, input, columns));
            keys("type to search · ↑↓ choose · Enter take it · Del none · Esc back")
        }
        Mode::Look => {
            lines.push(Line::from(vec![
                Span::raw(" answer: "),
                Span::styled(
                    fit(&clean(&walk.draft.text()), columns.saturating_sub(9)),
                    BOLD,
                ),
            ]));
            let mut rows =
                keys("Enter accept · c change · s split · e expectation · u undo · i name");
            rows.extend(keys(match walk.job.look_only {
                true => "b back · n skip · ↑↓ scroll · q show what would be written · Ctrl-C leave",
                false => "b back · n skip · ↑↓ scroll · q write and leave · Ctrl-C leave",
            }));
            rows
        }
    };
    if !walk.message.is_empty() {
        lines.extend(wrap(
            Line::from(Span::styled(format!(" {}", clean(&walk.message)), BOLD)),
            columns,
            1,
        ));
    }
    lines.extend(rest);
    lines
}

fn keys(text: &str) -> Vec<Line<'static>> {
    vec![Line::from(Span::styled(format!(" {text}"), DIM))]
}

const UNDO: &str = "undo: ";

fn prompt(field: Field) -> &'static str {
    match field {
        Field::Expect => "expect: ",
        Field::Id => "name: ",
    }
}

/// How much of a typed text is left of what is in view.
fn hidden(input: &Input, prompt: &str, columns: usize) -> usize {
    input.visual_scroll(columns.saturating_sub(width(prompt) + 2))
}

fn field_line(prompt: &'static str, input: &Input, columns: usize) -> Line<'static> {
    let hidden = hidden(input, prompt, columns);
    let mut skipped = 0;
    let shown: String = input
        .value()
        .chars()
        .skip_while(|letter| {
            let skip = skipped < hidden;
            skipped += width(letter.encode_utf8(&mut [0; 4]));
            skip
        })
        .collect();
    Line::from(vec![
        Span::styled(format!(" {prompt}"), BOLD),
        Span::raw(clean(&shown)),
    ])
}

fn cursor(input: &Input, prompt: &str, frame: &mut Frame<'_>, bottom: Rect) {
    // The field is the first line below the rule.
    let columns = usize::from(bottom.width);
    let column = 1 + width(prompt) + input.visual_cursor() - hidden(input, prompt, columns);
    frame.set_cursor_position(Position {
        x: bottom.x
            + u16::try_from(column)
                .unwrap_or(0)
                .min(bottom.width.saturating_sub(1)),
        y: bottom.y + 1,
    });
}
