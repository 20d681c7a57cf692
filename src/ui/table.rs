//! A pane that lists things says what its columns and rows are; filtering, sorting, marks, the cursor and
//! scrolling are here, once for all of them. Only the rows in sight are built.
//!
//! ```text
//!     pid application      state  ▼  in tx query
//! ▪  4711 gonogo:r1:move   active   1m 02s ALTER TABLE audits …
//! ```

use std::borrow::Cow;
use std::cmp::Ordering;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::format::{duration, fit, pad, pad_left, seconds_between, width};
use super::listing::{Listing, Sort};
use super::theme::Role;
use super::view::Look;

/// Columns that `>` scrolls the last column by, once all others are out of sight.
const STRIDE: usize = 16;
/// The least room of the last column where something is scrolled out.
const LEAST_LAST: usize = 20;

/// One column. The last one of a table takes the room that is left.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub title: &'static str,
    pub width: u16,
    pub right: bool,
    /// Shown in a pane of so many columns or more; elsewhere it is scrolled to.
    pub from: u16,
}

impl Column {
    pub const fn left(title: &'static str, width: u16, from: u16) -> Self {
        Self {
            title,
            width,
            right: false,
            from,
        }
    }

    pub const fn right(title: &'static str, width: u16, from: u16) -> Self {
        Self {
            right: true,
            ..Self::left(title, width, from)
        }
    }
}

/// What a row holds in a column: sorted by, and filtered by where it is text or a number.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    Text(Cow<'a, str>),
    Number(i64),
    Measure(f64),
    None,
}

impl Value<'_> {
    fn against(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            (Self::Number(one), Self::Number(other)) => one.cmp(other),
            (Self::Measure(one), Self::Measure(other)) => one.total_cmp(other),
            _ => Ordering::Equal,
        }
    }
}

/// How a cell looks.
pub struct Cell {
    pub text: String,
    pub style: Style,
}

impl Cell {
    pub fn new(text: impl Into<String>, style: Style) -> Self {
        Self {
            text: text.into(),
            style,
        }
    }
}

/// The rows of a pane, by their place in the order that is natural to it.
pub trait Table {
    fn columns(&self) -> &[Column];

    fn len(&self) -> usize;

    /// What tells the row from every other, now and in the next reading.
    fn key(&self, row: usize) -> u64;

    fn value(&self, row: usize, column: usize) -> Value<'_>;

    /// `natural`: the rows stand in their own order, all of them.
    fn cell(&self, row: usize, column: usize, natural: bool, look: &Look<'_>) -> Cell;

    /// What stands before the text of the last column.
    fn badges(&self, _row: usize, _look: &Look<'_>) -> Vec<Cell> {
        Vec::new()
    }

    /// Whether the row belongs to a part of the list.
    fn is_in(&self, _row: usize, _part: u8) -> bool {
        true
    }

    /// How long it takes, or has taken, for filters by time.
    fn takes_ms(&self, _row: usize) -> Option<i64> {
        None
    }

    fn copies(&self, row: usize) -> String;

    /// The filter that shows what the row stands for, where it stands for several.
    fn opens(&self, _row: usize) -> Option<String> {
        None
    }

    /// Everything about one row.
    fn detail(&self, row: usize, look: &Look<'_>, width: usize) -> Vec<Line<'static>>;
}

/// The rows that are shown, in their order.
pub struct Arranged {
    /// `None`: all, in the order that is natural.
    order: Option<Vec<usize>>,
    all: usize,
}

impl Arranged {
    pub fn of(table: &dyn Table, listing: &Listing) -> Self {
        let all = table.len();
        let natural = listing.sort.is_none();
        if natural && listing.filter.is_empty() && listing.part.is_none() {
            return Self { order: None, all };
        }
        let titles: Vec<&str> = table.columns().iter().map(|column| column.title).collect();
        let mut order: Vec<usize> = (0..all)
            .filter(|row| listing.part.is_none_or(|part| table.is_in(*row, part)))
            .filter(|row| listing.filter.is_empty() || is_taken(table, &titles, listing, *row))
            .collect();
        if let Some(sort) = listing.sort {
            sort_rows(&mut order, table, sort);
        }
        Self {
            order: Some(order),
            all,
        }
    }

    pub fn len(&self) -> usize {
        self.order.as_ref().map_or(self.all, Vec::len)
    }

    /// The row of the table that stands at a place.
    pub fn row(&self, at: usize) -> Option<usize> {
        match &self.order {
            Some(order) => order.get(at).copied(),
            None => (at < self.all).then_some(at),
        }
    }

    /// Where the cursor is.
    pub fn cursor(&self, table: &dyn Table, listing: &Listing) -> usize {
        let last = self.len().saturating_sub(1);
        let Some(key) = listing.cursor else {
            return listing.at.min(last);
        };
        let is_there = |at: usize| self.row(at).is_some_and(|row| table.key(row) == key);
        // Most often it has not moved.
        if is_there(listing.at) {
            return listing.at;
        }
        (0..self.len())
            .find(|at| is_there(*at))
            .unwrap_or(listing.at.min(last))
    }

    fn is_natural(&self) -> bool {
        self.order.is_none()
    }
}

fn is_taken(table: &dyn Table, titles: &[&str], listing: &Listing, row: usize) -> bool {
    let text = |column| match table.value(row, column) {
        Value::Text(text) => Some(text),
        Value::Number(number) => Some(number.to_string().into()),
        Value::Measure(_) | Value::None => None,
    };
    listing.filter.takes(table.takes_ms(row), titles, text)
}

/// Sorts, what has no value always last.
fn sort_rows(order: &mut [usize], table: &dyn Table, sort: Sort) {
    order.sort_by(|one, other| {
        let (one, other) = (
            table.value(*one, sort.column),
            table.value(*other, sort.column),
        );
        match (&one, &other) {
            (Value::None, Value::None) => Ordering::Equal,
            (Value::None, _) => Ordering::Greater,
            (_, Value::None) => Ordering::Less,
            _ if sort.descending => other.against(&one),
            _ => one.against(&other),
        }
    });
}

/// The columns of a table that are shown at a width, scrolled by so many: the first always, then those that
/// have room.
pub fn shown(columns: &[Column], width: u16, aside: usize) -> Vec<usize> {
    let last = columns.len().saturating_sub(1);
    if aside == 0 {
        return (0..columns.len())
            .filter(|index| *index == last || width >= columns[*index].from)
            .collect();
    }
    let mut shown = vec![0];
    let mut room = usize::from(width).saturating_sub(usize::from(columns[0].width) + LEAST_LAST);
    let scrolled = columns.iter().enumerate().take(last).skip(1 + aside);
    for (index, column) in scrolled {
        let wide = usize::from(column.width) + 1;
        if wide > room {
            break;
        }
        room -= wide;
        shown.push(index);
    }
    if last > 0 {
        shown.push(last);
    }
    shown
}

/// How far a table can be scrolled sideways, the text of its last column included.
pub fn furthest(columns: &[Column]) -> usize {
    columns.len() + 40
}

/// The next column to sort by at this width: after the last one, the natural order again.
pub fn next_sort(columns: &[Column], width: u16, listing: &Listing) -> Option<usize> {
    let shown = shown(columns, width, listing.aside);
    match listing.sort {
        None => shown.first().copied(),
        Some(sort) => {
            let at = shown.iter().position(|column| *column == sort.column);
            shown.get(at.map_or(0, |at| at + 1)).copied()
        }
    }
}

/// What the title says of how the rows are looked at, and whether they are old.
pub fn words(
    arranged: &Arranged,
    listing: &Listing,
    part: Option<&str>,
    look: &Look<'_>,
) -> (Vec<String>, Option<(String, Role)>) {
    let mut words = Vec::new();
    words.extend(part.map(|part| format!("[{part}]")));
    if !listing.filter.is_empty() {
        words.push(format!("/{}", listing.filter.text()));
    }
    if !arranged.is_natural() {
        words.push(format!("{} of {}", arranged.len(), arranged.all));
    }
    if !listing.marked.is_empty() {
        words.push(format!("{} marked", listing.marked.len()));
    }
    let paused = listing.paused.as_ref().map(|(since, _)| {
        let age = duration(seconds_between(*since, look.model.now));
        (format!("PAUSED, {age} old: p resumes"), Role::Warning)
    });
    (words, paused)
}

/// Draws the head that stays, the titles of the columns, and as many rows as there is room for around the
/// cursor.
pub fn draw(
    name: &'static str,
    mut head: Vec<Line<'static>>,
    table: &dyn Table,
    look: &Look<'_>,
    area: Rect,
    buffer: &mut Buffer,
) {
    let listing = look.view.listing(name);
    let arranged = Arranged::of(table, listing);
    if let Some(input) = &listing.typed {
        head.insert(
            0,
            typed_line(input.value(), arranged.len(), look, area.width),
        );
    }
    let columns = shown(table.columns(), area.width, listing.aside);
    if arranged.len() > 0 {
        head.push(titles(table.columns(), &columns, listing, look));
    } else if table.len() > 0 {
        let none = "no row matches the filter: Esc shows all";
        head.push(Line::styled(none, look.theme.style(Role::Muted)));
    }
    let used = u16::try_from(head.len()).unwrap_or(u16::MAX);
    let used = used.min(area.height);
    for (line, row) in head.iter().zip(area.rows()) {
        line.render(row, buffer);
    }
    let rest = Rect {
        y: area.y + used,
        height: area.height - used,
        ..area
    };
    let cursor = arranged.cursor(table, listing);
    let top = first_row(cursor, listing.top, arranged.len(), rest.height.into());
    let focused = look.view.focus() == name;
    for (at, place) in (top..arranged.len()).zip(rest.rows()) {
        let Some(row) = arranged.row(at) else { break };
        let line = Row {
            table,
            row,
            columns: &columns,
            listing,
            natural: arranged.is_natural(),
        };
        let line = line.line(look, place.width);
        match focused && at == cursor {
            true => line
                .patch_style(look.theme.style(Role::Selection))
                .render(place, buffer),
            false => line.render(place, buffer),
        }
    }
}

/// The first row to show so that the cursor is in sight.
pub fn first_row(cursor: usize, top: usize, rows: usize, height: usize) -> usize {
    let height = height.max(1);
    let top = top.clamp((cursor + 1).saturating_sub(height), cursor);
    top.min(rows.saturating_sub(height))
}

fn typed_line(text: &str, left: usize, look: &Look<'_>, columns: u16) -> Line<'static> {
    let after = format!("  {left} left · Enter keeps it · Esc drops it");
    let room = usize::from(columns).saturating_sub(width(&after) + 3);
    let key = look.theme.style(Role::Key);
    Line::from(vec![
        Span::styled("/ ", key),
        Span::raw(fit(text, room.max(8))),
        Span::styled("█", key),
        Span::styled(after, look.theme.style(Role::Muted)),
    ])
}

fn titles(
    columns: &[Column],
    shown: &[usize],
    listing: &Listing,
    look: &Look<'_>,
) -> Line<'static> {
    let mut spans = Vec::new();
    for index in shown {
        let column = &columns[*index];
        let arrow = listing.sort.filter(|sort| sort.column == *index);
        let title = match arrow {
            Some(sort) if sort.descending => format!("{}▼", column.title),
            Some(_) => format!("{}▲", column.title),
            None => column.title.to_owned(),
        };
        let is_last = *index + 1 == columns.len();
        let text = match (is_last, column.right) {
            (true, _) => title,
            (false, true) => pad_left(&title, column.width.into()),
            (false, false) => pad(&title, column.width.into()),
        };
        let role = match arrow {
            Some(_) => Role::Heading,
            None => Role::Muted,
        };
        spans.push(Span::raw(" "));
        spans.push(Span::styled(text, look.theme.style(role)));
    }
    Line::from(spans)
}

/// One row to be drawn.
struct Row<'a> {
    table: &'a dyn Table,
    row: usize,
    columns: &'a [usize],
    listing: &'a Listing,
    natural: bool,
}

impl Row<'_> {
    fn line(&self, look: &Look<'_>, room: u16) -> Line<'static> {
        let about = self.table.columns();
        let marked = self.listing.marked.contains(&self.table.key(self.row));
        // Every cell begins with a blank; that of the first is where the mark stands.
        let mut spans = vec![match marked {
            true => Span::styled("▪", look.theme.style(Role::Key)),
            false => Span::raw(" "),
        }];
        let mut used = 1;
        for (place, index) in self.columns.iter().enumerate() {
            let cell = self.table.cell(self.row, *index, self.natural, look);
            if place > 0 {
                spans.push(Span::raw(" "));
                used += 1;
            }
            if *index + 1 == about.len() {
                for badge in self.table.badges(self.row, look) {
                    used += width(&badge.text) + 1;
                    spans.push(Span::styled(format!("{} ", badge.text), badge.style));
                }
                let left = usize::from(room).saturating_sub(used);
                let text = scrolled(&cell.text, self.listing.aside, about.len());
                spans.push(Span::styled(pad(text, left), cell.style));
                continue;
            }
            let wide = usize::from(about[*index].width);
            let text = match about[*index].right {
                true => pad_left(&cell.text, wide),
                false => pad(&cell.text, wide),
            };
            used += wide;
            spans.push(Span::styled(text, cell.style));
        }
        Line::from(spans)
    }
}

/// The text of the last column, scrolled once every other column is out of sight.
fn scrolled(text: &str, aside: usize, columns: usize) -> &str {
    let strides = (aside + 2).saturating_sub(columns);
    match text.char_indices().nth(strides * STRIDE) {
        _ if strides == 0 => text,
        Some((at, _)) => &text[at..],
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 4] = [
        Column::left("pid", 5, 0),
        Column::left("user", 6, 60),
        Column::left("state", 6, 0),
        Column::left("query", 0, 0),
    ];

    #[test]
    fn a_narrow_pane_shows_fewer_columns_and_scrolls_to_the_rest() {
        assert_eq!(shown(&COLUMNS, 80, 0), [0, 1, 2, 3]);
        assert_eq!(shown(&COLUMNS, 50, 0), [0, 2, 3]);
        assert_eq!(shown(&COLUMNS, 50, 1), [0, 2, 3]);
        assert_eq!(shown(&COLUMNS, 50, 2), [0, 3]);
        assert_eq!(shown(&COLUMNS, 50, 30), [0, 3]);
    }

    #[test]
    fn the_last_column_is_scrolled_when_it_is_alone() {
        let text = "0123456789abcdef0123456789ABCDEF!";
        assert_eq!(scrolled(text, 2, 4), text);
        assert_eq!(scrolled(text, 4, 4), "!");
        assert_eq!(scrolled(text, 9, 4), "");
    }

    #[test]
    fn the_cursor_is_in_sight() {
        assert_eq!(first_row(0, 0, 10, 4), 0);
        assert_eq!(first_row(9, 0, 10, 4), 6);
        assert_eq!(first_row(3, 6, 10, 4), 3);
        assert_eq!(first_row(1, 9, 2, 0), 1);
    }
}
