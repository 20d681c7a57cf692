//! One frame: header, alarms, the panes as the layout places them, the footer, and the dialog on
//! top. Rendering reads the model and the view and changes neither.

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Padding, Widget};

use super::chrome::{self, FOOTER_ROWS, header_rows};
use super::dialogs::Dialog;
use super::format::{fit, line_width, width, wrap};
use super::intent::Intent;
use super::keymap::Context;
use super::layout::{Arrangement, Layout, Placed};
use super::panes;
use super::theme::Role;
use super::view::Look;
use super::walk::next_act;

/// The least terminal in which the cockpit can be used.
pub const LEAST: Size = Size {
    width: 40,
    height: 12,
};

/// Rows that the next act may take, and an alarm: what is to be done is not cut for want of one row.
const ACT_ROWS: usize = 2;
/// Rows of the answer to a key, which goes with the next one.
const NOTICE_ROWS: usize = 3;

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

/// `alarms` and `act`: how many rows they take.
pub fn areas(area: Rect, alarms: usize, act: usize) -> Areas {
    let header_height = header_rows(area.height).min(area.height);
    let rest = area.height - header_height;
    let more = u16::try_from(act.saturating_sub(1)).unwrap_or(0);
    let footer_height = (FOOTER_ROWS + more).min(rest);
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
        alarms: stretch(header_height, alarm_height),
        body: stretch(
            header_height + alarm_height,
            rest - footer_height - alarm_height,
        ),
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
    let alarms = alarm_lines(look, area.width);
    let act = act_lines(frame, area);
    let areas = areas(area, alarms.len(), act.len());
    chrome::header(look, areas.header, buffer);
    for (line, row) in alarms.into_iter().zip(areas.alarms.rows()) {
        buffer.set_style(row, look.theme.style(Role::Alarm));
        line.render(row, buffer);
    }
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
    footer(frame, act, areas.footer, buffer);
}

fn footer(frame: &Frame<'_>, act: Vec<Line<'static>>, area: Rect, buffer: &mut Buffer) {
    let look = &frame.look;
    let mut lines = vec![chrome::way_back(look, area.width)];
    lines.extend(act);
    let keys = chrome::keys(frame.contexts, frame.dialog, look, area.width);
    lines.push(keys);
    for (line, row) in lines.into_iter().zip(area.rows()) {
        line.render(row, buffer);
    }
}

/// The alarms as they stand on the screen, the gravest first.
pub fn alarm_lines(look: &Look<'_>, columns: u16) -> Vec<Line<'static>> {
    let style = look.theme.style(Role::Alarm);
    chrome::alarms(look)
        .into_iter()
        .flat_map(|alarm| {
            clipped(
                Line::styled(format!(" {alarm}"), style),
                columns,
                1,
                ACT_ROWS,
            )
        })
        .collect()
}

/// The next act, or what has to be told instead of it.
pub fn act_lines(frame: &Frame<'_>, area: Rect) -> Vec<Line<'static>> {
    let theme = frame.look.theme;
    let (line, hanging, most) = match frame.notice {
        Some(notice) => {
            let text = format!(" {}", notice.text);
            let mut line = Line::from(Span::styled(text, theme.style(notice.role)));
            if !notice.help.is_empty() {
                let help = format!("; {}", notice.help);
                line.push_span(Span::styled(help, theme.style(Role::Text)));
            }
            (line, 1, NOTICE_ROWS)
        }
        None if frame.is_waiting => {
            let text = " sent, waiting for the supervisor";
            (Line::styled(text, theme.style(Role::Muted)), 1, ACT_ROWS)
        }
        None => {
            let act = next_act(&frame.look);
            let next = Span::styled(" next ", theme.style(Role::Muted));
            let act = Span::styled(act.text, theme.style(act.role));
            (Line::from(vec![next, act]), 6, ACT_ROWS)
        }
    };
    clipped(line, area.width, hanging, most)
}

/// A line on at most `most` rows, with `…` where that is too few.
fn clipped(line: Line<'static>, columns: u16, hanging: usize, most: usize) -> Vec<Line<'static>> {
    let columns = usize::from(columns);
    let mut rows = wrap(line, columns, hanging);
    if rows.len() > most {
        rows.truncate(most);
        if let Some(last) = rows.last_mut() {
            let style = last.spans.last().map_or(last.style, |span| span.style);
            let text: String = last.spans.iter().map(|span| &*span.content).collect();
            let text = fit(&text, columns.saturating_sub(2));
            *last = Line::styled(format!("{} …", text.trim_end_matches('…')), style);
        }
    }
    rows
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
    if place.tabs.len() > 1 && names + alert_room + 2 <= columns {
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

fn draw_dialog(dialog: &dyn Dialog, look: &Look<'_>, body: Rect, buffer: &mut Buffer) {
    let theme = look.theme;
    let most = Size::new(body.width.saturating_sub(2).min(110), body.height);
    let chrome = Size::new(4, 2);
    let room = Size::new(
        most.width.saturating_sub(chrome.width),
        most.height.saturating_sub(chrome.height),
    );
    let wants = dialog.wants(look, room);
    let keys = u16::try_from(line_width(&buttons(dialog, look, most.width))).unwrap_or(u16::MAX);
    let area_width = wants
        .width
        .max(keys)
        .saturating_add(chrome.width)
        .max(50)
        .min(most.width);
    let height = (wants.height + chrome.height).min(most.height);
    let area = Rect::new(
        body.x + (body.width - area_width) / 2,
        body.y + (body.height - height) / 2,
        area_width,
        height,
    );
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
    let inner = Rect::new(
        area.x + 2,
        area.y + 1,
        area.width.saturating_sub(4),
        area.height.saturating_sub(2),
    );
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
            Span::styled(format!("{} ", binding.label), style),
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
}

/// Shown until the supervisor has sent the state of the run.
pub fn waiting(text: &str, area: Rect, buffer: &mut Buffer) {
    let lines = wrap(Line::raw(text.to_owned()), area.width.into(), 0);
    let top = area.height / 2;
    for (line, row) in lines.into_iter().zip(area.rows().skip(top.into())) {
        line.render(row, buffer);
    }
}
