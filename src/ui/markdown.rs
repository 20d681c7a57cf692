//! Markdown on a terminal: a guide's prose becomes pieces, and pieces become lines of a given width.
//! Code blocks and list items stay recognisable, so that the step can put an action or a box in
//! their place.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::format::{line_width, wrap};
use super::theme::{Role, Theme};
use crate::text::written::masked;

/// A part of a document, not yet laid out.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    Text {
        spans: Vec<Span<'static>>,
        indent: usize,
        /// The bullet or number of a list item, on its first paragraph.
        bullet: Option<String>,
        quoted: bool,
    },
    Code {
        text: String,
        indent: usize,
    },
    Table {
        rows: Vec<Vec<Vec<Span<'static>>>>,
        indent: usize,
    },
    Rule,
    Gap,
}

impl Piece {
    /// The words of a list item or paragraph, without its bullet.
    pub fn words(&self) -> String {
        match self {
            Self::Text { spans, .. } => spans.iter().map(|span| span.content.as_ref()).collect(),
            _ => String::new(),
        }
    }
}

fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_HEADING_ATTRIBUTES
}

/// Inline Markdown without its marks.
pub fn plain(text: &str) -> String {
    let mut words = String::new();
    for event in Parser::new_ext(text, options()) {
        match event {
            Event::Text(text) | Event::Code(text) => words.push_str(&text),
            Event::SoftBreak | Event::HardBreak => words.push(' '),
            _ => {}
        }
    }
    if words.is_empty() {
        text.to_owned()
    } else {
        words
    }
}

/// Inline Markdown as spans on top of `base`.
pub fn inline(text: &str, base: Style, theme: &Theme) -> Vec<Span<'static>> {
    let mut reader = Reader::new(theme, base);
    for event in Parser::new_ext(text, options()) {
        reader.inline_event(&event);
    }
    if reader.spans.is_empty() {
        return vec![Span::styled(text.to_owned(), base)];
    }
    reader.spans
}

/// Reads a document.
pub fn pieces(text: &str, theme: &Theme) -> Vec<Piece> {
    let mut reader = Reader::new(theme, theme.style(Role::Text));
    for event in Parser::new_ext(text, options()) {
        reader.event(event);
    }
    reader.flush();
    while reader.pieces.last() == Some(&Piece::Gap) {
        reader.pieces.pop();
    }
    reader.pieces
}

struct Reader<'a> {
    theme: &'a Theme,
    pieces: Vec<Piece>,
    spans: Vec<Span<'static>>,
    styles: Vec<Style>,
    /// The next number of each open list; `None` for bullets.
    lists: Vec<Option<u64>>,
    bullet: Option<String>,
    quotes: usize,
    code: Option<String>,
    link: Option<String>,
    table: Vec<Vec<Vec<Span<'static>>>>,
}

impl<'a> Reader<'a> {
    fn new(theme: &'a Theme, base: Style) -> Self {
        Self {
            theme,
            pieces: Vec::new(),
            spans: Vec::new(),
            styles: vec![base],
            lists: Vec::new(),
            bullet: None,
            quotes: 0,
            code: None,
            link: None,
            table: Vec::new(),
        }
    }

    fn style(&self) -> Style {
        self.styles.last().copied().unwrap_or_default()
    }

    fn indent(&self) -> usize {
        self.lists.len() * 2
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                self.gap();
                let mut style = self.theme.style(Role::Heading);
                if level > HeadingLevel::H4 {
                    style = style.remove_modifier(Modifier::BOLD);
                }
                self.styles.push(style);
            }
            Event::End(TagEnd::Heading(_)) => {
                self.flush();
                self.styles.pop();
            }
            Event::Start(Tag::Paragraph) => {
                if self.bullet.is_none() {
                    self.gap();
                }
            }
            Event::End(TagEnd::Paragraph) => self.flush(),
            Event::Start(Tag::List(first)) => {
                self.flush();
                if self.lists.is_empty() {
                    self.gap();
                }
                self.lists.push(first);
            }
            Event::End(TagEnd::List(_)) => {
                self.flush();
                self.lists.pop();
            }
            Event::Start(Tag::Item) => {
                self.flush();
                self.bullet = Some(match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    }
                    _ => "• ".to_owned(),
                });
            }
            Event::End(TagEnd::Item) => {
                self.flush();
                self.bullet = None;
            }
            Event::Start(Tag::BlockQuote(_)) => {
                self.gap();
                self.quotes += 1;
            }
            Event::End(TagEnd::BlockQuote(_)) => {
                self.flush();
                self.quotes = self.quotes.saturating_sub(1);
            }
            Event::Start(Tag::CodeBlock(_)) => {
                self.flush();
                self.gap();
                self.code = Some(String::new());
            }
            Event::End(TagEnd::CodeBlock) => {
                if let Some(text) = self.code.take() {
                    let indent = self.indent();
                    self.pieces.push(Piece::Code { text, indent });
                }
            }
            Event::Text(text) if self.code.is_some() => {
                if let Some(code) = &mut self.code {
                    code.push_str(&text);
                }
            }
            Event::Start(Tag::Table(_)) => {
                self.flush();
                self.gap();
            }
            Event::Start(Tag::TableHead | Tag::TableRow) => self.table.push(Vec::new()),
            Event::Start(Tag::TableCell) if self.table.len() == 1 => {
                self.styles.push(self.style().add_modifier(Modifier::BOLD));
            }
            Event::End(TagEnd::TableCell) => {
                if self.table.len() == 1 {
                    self.styles.pop();
                }
                let cell = std::mem::take(&mut self.spans);
                if let Some(row) = self.table.last_mut() {
                    row.push(cell);
                }
            }
            Event::End(TagEnd::Table) => {
                let rows = std::mem::take(&mut self.table);
                let indent = self.indent();
                self.pieces.push(Piece::Table { rows, indent });
            }
            Event::Rule => {
                self.gap();
                self.pieces.push(Piece::Rule);
            }
            other => self.inline_event(&other),
        }
    }

    fn inline_event(&mut self, event: &Event<'_>) {
        let style = self.style();
        match event {
            Event::Start(Tag::Emphasis) => self.styles.push(style.add_modifier(Modifier::ITALIC)),
            Event::Start(Tag::Strong) => self.styles.push(style.add_modifier(Modifier::BOLD)),
            Event::Start(Tag::Strikethrough) => {
                self.styles.push(style.add_modifier(Modifier::CROSSED_OUT));
            }
            Event::End(TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough) => {
                self.styles.pop();
            }
            Event::Start(Tag::Link { dest_url, .. }) => {
                self.link = Some(dest_url.to_string());
                self.styles.push(style.add_modifier(Modifier::UNDERLINED));
            }
            Event::End(TagEnd::Link) => {
                self.styles.pop();
                let shown = self.spans.last().map(|span| span.content.to_string());
                if let Some(target) = self.link.take()
                    && shown.as_deref() != Some(target.as_str())
                {
                    let muted = self.theme.style(Role::Muted);
                    self.spans.push(Span::styled(format!(" ({target})"), muted));
                }
            }
            Event::Start(Tag::Image { .. }) => self.push("[image] ", style),
            Event::Text(text) => self.push(text, style),
            Event::Code(text) => {
                let code = style.patch(self.theme.style(Role::Code));
                self.push(text, code);
            }
            Event::SoftBreak => self.push(" ", style),
            Event::HardBreak => {
                let bullet = self.bullet.clone();
                self.flush();
                // What follows belongs to the same item, below its first line.
                self.bullet = bullet.map(|bullet| " ".repeat(bullet.chars().count()));
            }
            // A box: the step draws its own in front of the item.
            Event::TaskListMarker(_) => {}
            Event::InlineHtml(html) if !html.starts_with("<!--") => self.push(html, style),
            Event::Html(html) if !html.trim_start().starts_with("<!--") => {
                let muted = self.theme.style(Role::Muted);
                self.push(html.trim_end(), muted);
                self.flush();
            }
            _ => {}
        }
    }

    fn push(&mut self, text: &str, style: Style) {
        // Tabs have no width of their own in a cell grid.
        self.spans
            .push(Span::styled(text.replace('\t', "    "), style));
    }

    fn flush(&mut self) {
        if self.spans.is_empty() {
            return;
        }
        let spans = std::mem::take(&mut self.spans);
        let bullet = self.bullet.take();
        let indent = self
            .indent()
            .saturating_sub(if bullet.is_some() { 2 } else { 0 });
        self.pieces.push(Piece::Text {
            spans,
            indent,
            bullet,
            quoted: self.quotes > 0,
        });
    }

    fn gap(&mut self) {
        self.flush();
        if !matches!(self.pieces.last(), None | Some(Piece::Gap)) {
            self.pieces.push(Piece::Gap);
        }
    }
}

/// Lays a piece out. Code is left to the caller, who knows whether it is an action.
pub fn lay_out(piece: &Piece, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    match piece {
        Piece::Gap => vec![Line::default()],
        Piece::Rule => vec![Line::styled("─".repeat(width), theme.style(Role::Border))],
        Piece::Text {
            spans,
            indent,
            bullet,
            quoted,
        } => {
            let mut all = Vec::new();
            let mut hanging = *indent;
            if *indent > 0 {
                all.push(Span::raw(" ".repeat(*indent)));
            }
            if *quoted {
                all.push(Span::styled("│ ", theme.style(Role::Muted)));
                hanging += 2;
            }
            if let Some(bullet) = bullet {
                all.push(Span::styled(bullet.clone(), theme.style(Role::Muted)));
                hanging += super::format::width(bullet);
            }
            all.extend(spans.iter().cloned());
            wrap(Line::from(all), width, hanging)
        }
        Piece::Code { text, indent } => code(text, *indent, width, theme),
        Piece::Table { rows, indent } => table(rows, *indent, width, theme),
    }
}

/// Lines of code behind a bar. A long line is wrapped, never cut: all of a command must be readable, but
/// for secrets that are written in it.
pub fn code(text: &str, indent: usize, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let bar = Span::styled(
        format!("{}▏", " ".repeat(indent)),
        theme.style(Role::Border),
    );
    let room = width.saturating_sub(indent + 1).max(1);
    masked(text)
        .trim_end()
        .lines()
        .flat_map(|line| {
            let line = line.replace('\t', "    ");
            wrap(Line::styled(line, theme.style(Role::Code)), room, 2)
        })
        .map(|line| {
            let style = line.style;
            let mut spans = vec![bar.clone()];
            spans.extend(line.spans.into_iter().map(|span| {
                let own = style.patch(span.style);
                span.style(own)
            }));
            Line::from(spans)
        })
        .collect()
}

fn table(
    rows: &[Vec<Vec<Span<'static>>>],
    indent: usize,
    width: usize,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    if columns == 0 {
        return Vec::new();
    }
    let mut widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| line_width(&Line::from(cell.clone())))
                .max()
                .unwrap_or(0)
                .max(1)
        })
        .collect();
    let room = width
        .saturating_sub(indent + (columns - 1) * 3)
        .max(columns);
    while widths.iter().sum::<usize>() > room {
        match widths.iter_mut().max() {
            Some(widest) if *widest > 1 => *widest -= 1,
            _ => break,
        }
    }
    let border = theme.style(Role::Border);
    let mut lines = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        let cells: Vec<Vec<Line<'static>>> = widths
            .iter()
            .enumerate()
            .map(|(column, width)| {
                let cell = row.get(column).cloned().unwrap_or_default();
                wrap(Line::from(cell), *width, 0)
            })
            .collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        for level in 0..height {
            let mut spans = vec![Span::raw(" ".repeat(indent))];
            for (column, cell) in cells.iter().enumerate() {
                if column > 0 {
                    spans.push(Span::styled(" │ ", border));
                }
                let line = cell.get(level).cloned().unwrap_or_default();
                let missing = widths[column].saturating_sub(line_width(&line));
                spans.extend(line.spans);
                spans.push(Span::raw(" ".repeat(missing)));
            }
            lines.push(Line::from(spans));
        }
        if number == 0 {
            let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
            lines.push(Line::styled(
                format!("{}{}", " ".repeat(indent), rule.join("─┼─")),
                border,
            ));
        }
    }
    lines
}

#[cfg(test)]
mod tests;
