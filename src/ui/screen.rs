//! One frame: header, alarms, the panes as the layout places them, the footer, and the dialog on
//! top. Rendering reads the model and the view and changes neither.

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Padding, Widget};

use super::chrome::{self, FOOTER_ROWS, Moment, ROOMY, header_rows};
use super::dialogs::Dialog;
use super::format::{fit, line_width, width, wrap, wrap_within};
use super::intent::Intent;
use super::keymap::Context;
use super::layout::{Arrangement, Layout, Placed};
use super::next_action::next_action;
use super::panes;
use super::theme::Role;
use super::view::Look;
use crate::text::scrub::{is_clean, is_hidden};

/// The least terminal in which the cockpit can be used.
pub const LEAST: Size = Size {
    width: 40,
    height: 12,
};

/// Rows that what is next takes at most; it stands there all the time.
const NEXT_ROWS: usize = 2;
/// Rows that a notice takes at most.
const NOTICE_ROWS: usize = 4;

/// Columns that what a pane says of itself has before the names of the tabs beside it.
const WORDS: usize = 12;

/// Columns left free beside the text of a pane.
const MARGIN: u16 = 1;

/// Something to tell the operator, in place of the next act until the next key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub text: String,
    pub help: String,
    pub role: Role,
}

/// The areas of a frame.
pub struct Areas {
    pub header: Rect,
    pub alarms: Rect,
    pub body: Rect,
    pub footer: Rect,
}

/// `alarms` and `acts`: rows of the alarms, and of the line that says what is next.
pub fn areas(area: Rect, alarms: usize, acts: usize) -> Areas {
    let header_height = header_rows(area.height).min(area.height);
    let rest = area.height - header_height;
    let more = u16::try_from(acts.saturating_sub(1)).unwrap_or(u16::MAX);
    let footer_height = FOOTER_ROWS.saturating_add(more).min(rest);
    let alarm_height = u16::try_from(alarms)
        .unwrap_or(u16::MAX)
        .min(rest - footer_height);
    let stretch = |y: u16, height: u16| Rect {
        y: area.y + y,
        height,
        ..area
    };
    Areas {
        header: stretch(0, header_height),
        body: stretch(header_height, rest - footer_height - alarm_height),
        alarms: stretch(area.height - footer_height - alarm_height, alarm_height),
        footer: stretch(area.height - footer_height, footer_height),
    }
}

/// Where the panes stand; a zoomed one takes all.
pub fn arrange(layout: &Layout, look: &Look<'_>, body: Rect) -> Arrangement {
    if look.view.zoomed {
        let pane = look.view.focus();
        return Arrangement {
            places: vec![Placed {
                pane,
                area: body,
                tabs: vec![pane],
            }],
            rules: Vec::new(),
        };
    }
    layout.arrange(body, &look.view.recent)
}

/// The part of a pane's place below its title.
pub fn inside(area: Rect) -> Rect {
    let margin = MARGIN.min(area.width / 8);
    Rect {
        x: area.x + margin,
        y: area.y + 1.min(area.height),
        width: area.width - margin,
        height: area.height.saturating_sub(1),
    }
}

/// What one frame is made of.
pub struct Frame<'a> {
    pub look: Look<'a>,
    pub layout: &'a Layout,
    pub dialog: Option<&'a dyn Dialog>,
    pub notice: Option<&'a Notice>,
    /// Where it shows the past.
    pub past: Option<Moment>,
    /// The answer to a command is on its way.
    pub is_waiting: bool,
    /// Whose keys work now.
    pub contexts: &'a [Context],
}

pub fn draw(frame: &Frame<'_>, area: Rect, buffer: &mut Buffer) {
    let look = &frame.look;
    buffer.set_style(area, look.theme.style(Role::Text));
    if area.width < LEAST.width || area.height < LEAST.height {
        too_small(look, area, buffer);
        return;
    }
    let size = area.as_size();
    let alarms = chrome::alarm_lines(look, size);
    let acts = act_lines(look, frame.notice, frame.is_waiting, size);
    let areas = areas(area, alarms.len(), acts.len());
    chrome::header(look, areas.header, buffer);
    chrome::draw_alarms(&alarms, look, areas.alarms, buffer);
    let arrangement = arrange(frame.layout, look, areas.body);
    for rule in &arrangement.rules {
        for row in rule.rows() {
            Line::styled("│", look.theme.style(Role::Border)).render(row, buffer);
        }
    }
    for place in &arrangement.places {
        draw_pane(place, look, buffer);
    }
    if let Some(dialog) = frame.dialog {
        draw_dialog(dialog, look, areas.body, buffer);
    }
    footer(frame, &acts, areas.footer, buffer);
    if let Some(moment) = &frame.past {
        if let Some(row) = areas.header.rows().nth(1) {
            chrome::past(moment, look, row, buffer);
        }
        if let Some(row) = areas.footer.rows().next() {
            chrome::presses_now(moment, look, row, buffer);
        }
    }
    seal(area, buffer);
}

/// The last look at what goes to the terminal. Text from outside was scrubbed where it entered; the
/// names of folders, files and hosts are used as they are, and shown without what could drive a
/// terminal or deceive a reader.
fn seal(area: Rect, buffer: &mut Buffer) {
    for position in area.positions() {
        let Some(cell) = buffer.cell_mut(position) else {
            continue;
        };
        if !is_clean(cell.symbol()) {
            let seen: String = cell
                .symbol()
                .chars()
                .filter(|letter| !is_hidden(*letter))
                .collect();
            let blank = seen.is_empty();
            cell.set_symbol(if blank { " " } else { &seen });
        }
    }
}

fn footer(frame: &Frame<'_>, acts: &[Line<'static>], area: Rect, buffer: &mut Buffer) {
    let look = &frame.look;
    for (index, row) in area.rows().enumerate() {
        match (
            index,
            index.checked_sub(1).and_then(|index| acts.get(index)),
        ) {
            (0, _) if frame.past.is_some() => {}
            (0, _) => chrome::rollback(look, row.width).render(row, buffer),
            (_, Some(act)) => act.render(row, buffer),
            _ => chrome::keys(frame.contexts, frame.dialog, look, row.width).render(row, buffer),
        }
    }
}

/// What is next, or what is to be told, in as many rows as it takes: it ends with what to do.
pub fn act_lines(
    look: &Look<'_>,
    notice: Option<&Notice>,
    is_waiting: bool,
    screen: Size,
) -> Vec<Line<'static>> {
    let columns = usize::from(screen.width);
    let whole = act_line(look, notice, is_waiting, usize::MAX / 2);
    if screen.height < ROOMY || line_width(&whole) <= columns {
        return vec![act_line(look, notice, is_waiting, columns)];
    }
    match notice {
        Some(_) => wrap_within(whole, columns, 1, NOTICE_ROWS),
        None => wrap_within(whole, columns, 6, NEXT_ROWS),
    }
}

fn act_line(
    look: &Look<'_>,
    notice: Option<&Notice>,
    is_waiting: bool,
    columns: usize,
) -> Line<'static> {
    let theme = look.theme;
    match notice {
        Some(notice) => {
            let text = fit(&format!(" {}", notice.text), columns);
            let room = columns.saturating_sub(width(&text) + 2);
            let mut spans = vec![Span::styled(text, theme.style(notice.role))];
            if !notice.help.is_empty() && room > 8 {
                let help = fit(&notice.help, room);
                spans.push(Span::styled(format!("; {help}"), theme.style(Role::Text)));
            }
            Line::from(spans)
        }
        None if is_waiting => Line::styled(
            " sent, waiting for the supervisor",
            theme.style(Role::Muted),
        ),
        None => {
            let act = next_action(look);
            Line::from(vec![
                Span::styled(" next ", theme.style(Role::Muted)),
                Span::styled(
                    fit(&act.text, columns.saturating_sub(6)),
                    theme.style(act.role),
                ),
            ])
        }
    }
}

fn draw_pane(place: &Placed, look: &Look<'_>, buffer: &mut Buffer) {
    let Some(pane) = panes::pane(place.pane) else {
        return;
    };
    let focused = look.view.focus() == place.pane;
    if let Some(row) = place.area.rows().next() {
        title_line(place, focused, look, row.width).render(row, buffer);
    }
    pane.render(look, inside(place.area), buffer);
}

/// `─ step ─ 1.2 Read the dump ──────── ▶ running ─`
fn title_line(place: &Placed, focused: bool, look: &Look<'_>, columns: u16) -> Line<'static> {
    let theme = look.theme;
    let border = theme.style(Role::Border);
    let columns = usize::from(columns);
    let title = panes::pane(place.pane)
        .map(|pane| pane.title(look))
        .unwrap_or_default();
    let mut line = Line::from(Span::styled("─", border));
    let own = |name: &str| {
        let style = if focused {
            theme.style(Role::Focus)
        } else {
            theme.style(Role::Heading)
        };
        Span::styled(format!(" {name} "), style)
    };
    // All tabs of the place where there is room, so that it can be seen where the arrows lead.
    let names: usize = place.tabs.iter().map(|tab| width(tab) + 3).sum();
    let alert_room = title.alert.as_ref().map_or(0, |(text, _)| width(text) + 3);
    let words_room = width(&title.words).min(WORDS);
    let others = place.tabs.len().saturating_sub(1);
    if others > 0 && names + alert_room + words_room + 2 <= columns {
        for (index, tab) in place.tabs.iter().enumerate() {
            if index > 0 {
                line.spans.push(Span::styled("│", border));
            }
            line.spans.push(if *tab == place.pane {
                own(tab)
            } else {
                Span::styled(format!(" {tab} "), theme.style(Role::Muted))
            });
        }
        line.spans.push(Span::styled("─", border));
    } else {
        line.spans.push(own(place.pane));
        if others > 0 {
            let more = format!("+{others} ");
            line.spans
                .push(Span::styled(more, theme.style(Role::Muted)));
        }
    }
    let alert = title.alert.as_ref().map(|(text, role)| {
        let text = fit(text, columns.saturating_sub(line_width(&line) + 3));
        Span::styled(format!(" {text} "), theme.style(*role))
    });
    let alert_width = alert.as_ref().map_or(0, |span| width(&span.content) + 1);
    let room = columns.saturating_sub(line_width(&line) + alert_width + 1);
    if !title.words.is_empty() && room > 6 {
        let words = fit(&title.words, room.saturating_sub(2));
        line.spans.push(Span::raw(" "));
        line.spans
            .push(Span::styled(words, theme.style(Role::Text)));
        line.spans.push(Span::raw(" "));
    }
    let fill = columns.saturating_sub(line_width(&line) + alert_width);
    line.spans.push(Span::styled("─".repeat(fill), border));
    if let Some(alert) = alert {
        line.spans.push(alert);
        line.spans.push(Span::styled("─", border));
    }
    line
}

/// Where a dialog stands, and the room inside its border.
pub fn dialog_areas(dialog: &dyn Dialog, look: &Look<'_>, body: Rect) -> (Rect, Rect) {
    let most = Size::new(body.width.saturating_sub(2).min(110), body.height);
    let chrome = Size::new(4, 2);
    let room = Size::new(
        most.width.saturating_sub(chrome.width),
        most.height.saturating_sub(chrome.height),
    );
    let wants = dialog.wants(look, room);
    let keys = u16::try_from(line_width(&buttons(dialog, look, most.width))).unwrap_or(u16::MAX);
    let width = wants
        .width
        .max(keys)
        .saturating_add(chrome.width)
        .max(50)
        .min(most.width);
    let height = (wants.height + chrome.height).min(most.height);
    let area = Rect::new(
        body.x + (body.width - width) / 2,
        body.y + (body.height - height) / 2,
        width,
        height,
    );
    let inner = Rect::new(
        area.x + 2,
        area.y + 1,
        area.width.saturating_sub(chrome.width),
        area.height.saturating_sub(chrome.height),
    );
    (area, inner)
}

fn draw_dialog(dialog: &dyn Dialog, look: &Look<'_>, body: Rect, buffer: &mut Buffer) {
    let theme = look.theme;
    let (area, inner) = dialog_areas(dialog, look, body);
    Clear.render(area, buffer);
    buffer.set_style(area, theme.style(Role::Text));
    let style = theme.style(dialog.role());
    // The environment is named on every dialog: what is confirmed there is done there.
    let badge_style = if look.run().protected {
        theme.style(Role::Protected)
    } else {
        theme.style(Role::Environment)
    };
    let badge = format!(" {} ", chrome::badge(look));
    let room = usize::from(area.width).saturating_sub(width(&badge) + 7);
    let title = fit(&dialog.title(look), room);
    Block::bordered()
        .border_type(BorderType::Double)
        .border_style(style)
        .padding(Padding::horizontal(1))
        .title_top(Line::styled(format!(" {title} "), style))
        .title_top(Line::styled(badge, badge_style).right_aligned())
        .title_bottom(buttons(dialog, look, area.width))
        .render(area, buffer);
    dialog.render(look, inner, buffer);
}

/// The dialog's keys in its lower border; the one with the focus is the one that does nothing.
fn buttons(dialog: &dyn Dialog, look: &Look<'_>, columns: u16) -> Line<'static> {
    let theme = look.theme;
    let mut line = Line::default();
    let mut bindings: Vec<_> = super::keymap::of(dialog.context())
        .filter(|binding| binding.footer.is_some())
        .filter(|binding| dialog.offers(binding.intent, look))
        .collect();
    // The button that does nothing comes first, so that it is there in the narrowest dialog.
    let is_close = |binding: &super::keymap::Binding| binding.intent == Intent::Close;
    bindings.sort_by_key(|binding| (!is_close(binding), binding.footer));
    for binding in bindings {
        let closes = is_close(binding) && !dialog.context().takes_text();
        let style = if closes {
            theme.style(Role::Focus)
        } else {
            Style::default()
        };
        let spans = [
            Span::styled(
                format!(" {} ", binding.keys[0].label()),
                if closes {
                    style
                } else {
                    theme.style(Role::Key)
                },
            ),
            Span::styled(format!("{} ", chrome::label(binding, look)), style),
            Span::raw(" "),
        ];
        let wide: usize = spans.iter().map(|span| width(&span.content)).sum();
        if line_width(&line) + wide + 2 > usize::from(columns) {
            break;
        }
        line.spans.extend(spans);
    }
    line
}

fn too_small(look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
    let text = format!(
        "{}: terminal too small: {}x{}, gonogo needs {}x{}; the run goes on",
        chrome::badge(look),
        area.width,
        area.height,
        LEAST.width,
        LEAST.height
    );
    let role = if look.run().protected {
        Role::Protected
    } else {
        Role::Text
    };
    let line = Line::styled(text, look.theme.style(role));
    for (line, row) in wrap(line, area.width.into(), 0)
        .into_iter()
        .zip(area.rows())
    {
        line.render(row, buffer);
    }
    seal(area, buffer);
}

/// Shown until the supervisor has sent the state of the run.
pub fn waiting(text: &str, area: Rect, buffer: &mut Buffer) {
    let lines = wrap(Line::raw(text.to_owned()), area.width.into(), 0);
    let top = area.height / 2;
    for (line, row) in lines.into_iter().zip(area.rows().skip(top.into())) {
        line.render(row, buffer);
    }
    seal(area, buffer);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_not_seen_gets_past_the_last_look() {
        let area = Rect::new(0, 0, 20, 1);
        let mut buffer = Buffer::empty(area);
        for (at, symbol) in ["a\u{200d}", "\u{1b}", "\u{9b}", "ü\u{e0041}", "✓\u{fe0f}"]
            .into_iter()
            .enumerate()
        {
            buffer[(u16::try_from(at).unwrap(), 0)].set_symbol(symbol);
        }
        seal(area, &mut buffer);
        let seen: String = buffer.content.iter().map(|cell| cell.symbol()).collect();
        assert_eq!(seen.trim_end(), "a  ü✓\u{fe0f}");
    }
}
