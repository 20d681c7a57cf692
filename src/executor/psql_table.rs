//! Reads the tables that psql prints with `border=2` and `linestyle=unicode` back into rows.

use std::collections::BTreeMap;

use serde_json::{Number, Value};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

mod plain;

pub(super) use plain::{PlainReader, single};

/// Rows kept of a result; the rest is counted by psql's own footer in the output.
const ROWS: usize = 1000;
/// How a null is printed.
const NULL: &str = "∅";
/// At the right edge of a cell whose text goes on in the next line.
const GOES_ON: char = '↵';

/// Takes the lines of standard output one by one and keeps the last table.
#[derive(Debug, Default)]
pub(super) struct TableReader {
    place: Place,
    table: Table,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Outside,
    Header,
    Body,
}

#[derive(Debug, Default)]
struct Table {
    /// Display widths of the columns, blanks at both sides included.
    widths: Vec<usize>,
    names: Vec<String>,
    /// Cells as printed, by row; a cell of several lines is joined by newlines.
    rows: Vec<Vec<Cell>>,
    /// The last row goes on.
    open: bool,
}

#[derive(Debug)]
struct Cell {
    text: String,
    /// More room at its right than at its left: text, not a number.
    leans_left: bool,
}

impl TableReader {
    /// Takes a line; says whether it belongs to a table.
    pub(super) fn line(&mut self, line: &str) -> bool {
        let first = line.chars().next();
        match (self.place, first) {
            (_, Some('┌')) => {
                self.table = Table {
                    widths: line
                        .trim_start_matches('┌')
                        .trim_end_matches('┐')
                        .split('┬')
                        .map(UnicodeWidthStr::width)
                        .collect(),
                    ..Table::default()
                };
                self.place = Place::Header;
                true
            }
            (Place::Header, Some('│')) => {
                self.table.header(line);
                true
            }
            (Place::Header, Some('├')) => {
                self.place = Place::Body;
                true
            }
            (Place::Body, Some('│')) => {
                self.table.row(line);
                true
            }
            (Place::Body, Some('└')) => {
                self.place = Place::Outside;
                true
            }
            _ => {
                self.place = Place::Outside;
                false
            }
        }
    }

    /// The rows of the last table, at most 1,000.
    pub(super) fn rows(&self) -> Vec<BTreeMap<String, Value>> {
        self.table.values()
    }
}

impl Table {
    fn header(&mut self, line: &str) {
        for (index, cell) in self.split(line).into_iter().enumerate() {
            let text = cell.strip_suffix(GOES_ON).unwrap_or(&cell).trim();
            match self.names.get_mut(index) {
                // A name of several lines, centred line by line.
                Some(name) if !text.is_empty() => {
                    name.push('\n');
                    name.push_str(text);
                }
                Some(_) => {}
                None => self.names.push(text.to_owned()),
            }
        }
    }

    fn row(&mut self, line: &str) {
        let cells = self.split(line);
        let goes_on = cells.iter().any(|cell| cell.ends_with(GOES_ON));
        let continues = std::mem::replace(&mut self.open, goes_on);
        if continues {
            if let Some(row) = self.rows.last_mut() {
                for (cell, more) in row.iter_mut().zip(&cells) {
                    cell.go_on(more);
                }
            }
        } else if self.rows.len() < ROWS {
            self.rows
                .push(cells.iter().map(|cell| Cell::new(cell)).collect());
        } else {
            // Its continuation lines belong to a row that is not kept.
            self.open = false;
        }
    }

    /// The cells of a line, blanks included. Where a cell holds a `│` of its own, the widths of the
    /// columns tell where each one ends.
    fn split(&self, line: &str) -> Vec<String> {
        let inner = line
            .strip_prefix('│')
            .map(|inner| inner.strip_suffix('│').unwrap_or(inner))
            .unwrap_or(line);
        let simple: Vec<String> = inner.split('│').map(str::to_owned).collect();
        if simple.len() == self.widths.len() {
            return simple;
        }
        let mut characters = inner.chars();
        let mut cells = Vec::new();
        for width in &self.widths {
            let mut cell = String::new();
            let mut taken = 0;
            while taken < *width
                && let Some(character) = characters.next()
            {
                taken += character.width().unwrap_or(0);
                cell.push(character);
            }
            cells.push(cell);
            characters.next();
        }
        cells
    }

    fn values(&self) -> Vec<BTreeMap<String, Value>> {
        let numeric: Vec<bool> = (0..self.names.len())
            .map(|column| {
                self.rows
                    .iter()
                    .filter_map(|row| row.get(column))
                    .filter(|cell| cell.text != NULL)
                    .all(|cell| !cell.leans_left && number(&cell.text).is_some())
            })
            .collect();
        let names = unique(&self.names);
        self.rows
            .iter()
            .map(|row| {
                names
                    .iter()
                    .zip(row)
                    .zip(&numeric)
                    .map(|((name, cell), numeric)| (name.clone(), cell.value(*numeric)))
                    .collect()
            })
            .collect()
    }
}

impl Cell {
    /// From a cell with its blanks: one at the left, one (or `↵`) at the right, and the padding.
    fn new(printed: &str) -> Self {
        let (text, goes_on) = trimmed(printed);
        let left = printed.len() - printed.trim_start_matches(' ').len();
        let right = printed.len() - printed.trim_end_matches(' ').len();
        Self {
            leans_left: !goes_on && right > left,
            text: text.trim_start_matches(' ').to_owned(),
        }
        .keep_indent(printed, left)
    }

    /// Text that is indented by itself keeps its indent; a number is padded from the left.
    fn keep_indent(mut self, printed: &str, left: usize) -> Self {
        if left > 1 && number(&self.text).is_none() && self.text != NULL {
            self.text = trimmed(printed).0.get(1..).unwrap_or_default().to_owned();
        }
        self
    }

    fn go_on(&mut self, printed: &str) {
        let text = trimmed(printed).0;
        let text = text.strip_prefix(' ').unwrap_or(text);
        // A cell that has ended is padded with blanks while its neighbours go on.
        if !text.is_empty() || self.text.ends_with('\n') {
            self.text.push('\n');
            self.text.push_str(text);
            self.leans_left = true;
        }
    }

    fn value(&self, numeric: bool) -> Value {
        if self.text == NULL {
            return Value::Null;
        }
        match number(&self.text) {
            Some(number) if numeric => Value::Number(number),
            _ => Value::String(self.text.clone()),
        }
    }
}

/// Without the padding at the right, and whether it goes on.
fn trimmed(printed: &str) -> (&str, bool) {
    match printed.strip_suffix(GOES_ON) {
        Some(text) => (text.trim_end_matches(' '), true),
        None => (printed.trim_end_matches(' '), false),
    }
}

/// A number as PostgreSQL prints it, where it can be held without loss of its integer part.
fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.starts_with(|character: char| character.is_ascii_digit()) {
        return None;
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return text
            .parse::<i64>()
            .map(Number::from)
            .or_else(|_| text.parse::<u64>().map(Number::from))
            .ok();
    }
    text.parse::<f64>().ok().and_then(Number::from_f64)
}

/// Column names made distinct: `count`, `count_2`.
fn unique(names: &[String]) -> Vec<String> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    names
        .iter()
        .map(|name| {
            let count = seen.entry(name).or_default();
            *count += 1;
            match *count {
                1 => name.clone(),
                count => format!("{name}_{count}"),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
