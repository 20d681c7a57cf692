//! Reads the tables that a `psql` of the author's prints into a shell step: aligned with or without a
//! frame, unaligned, expanded. Only what psql closes with its count of rows is a table (an expanded one
//! says which record it is), so that a log with bars in it is none.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::{Cell, GOES_ON, NULL, ROWS, Table, unique};

/// PostgreSQL gives no more columns than this.
const COLUMNS: usize = 1664;

/// Takes the lines of standard output one by one and keeps the last table.
#[derive(Debug, Default)]
pub(in crate::executor) struct PlainReader {
    /// Lines since the last table or empty line: the header, or an unaligned table.
    lines: VecDeque<String>,
    /// An aligned table under way.
    open: Option<Open>,
    expanded: Vec<Vec<(String, Cell)>>,
    /// The record under way is one more than are kept.
    is_over: bool,
    last: Option<Vec<BTreeMap<String, Value>>>,
}

#[derive(Debug)]
struct Open {
    table: Table,
    framed: bool,
}

impl PlainReader {
    pub(in crate::executor) fn line(&mut self, line: &str) {
        if let Some(rows) = footer(line) {
            self.close(rows);
        } else if let Some((widths, framed)) = ruler(line) {
            self.ruled(widths, framed);
        } else if is_record(line) {
            if line.contains("RECORD 1 ") || line.ends_with("RECORD 1") {
                self.expanded.clear();
            }
            self.is_over = self.expanded.len() == ROWS;
            if !self.is_over {
                self.expanded.push(Vec::new());
            }
            self.open = None;
        } else if line.trim().is_empty() {
            self.end_expanded();
            self.open = None;
            self.lines.clear();
        } else if let Some(record) = self.expanded.last_mut() {
            if let Some((name, value)) = line.split_once('|')
                && !self.is_over
                && record.len() < COLUMNS
            {
                record.push((name.trim().to_owned(), Cell::new(&format!("{value} "))));
            }
        } else if let Some(open) = &mut self.open {
            let row = open.row(line);
            open.table.row(&row);
        } else {
            if self.lines.len() > ROWS {
                self.lines.pop_front();
            }
            self.lines.push_back(line.to_owned());
        }
    }

    /// The rows of the last table, at most 1,000; `None` where there was none.
    pub(in crate::executor) fn rows(mut self) -> Option<Vec<BTreeMap<String, Value>>> {
        self.end_expanded();
        self.last
    }

    fn ruled(&mut self, widths: Vec<usize>, framed: bool) {
        // The frame's bottom closes nothing: the count below it does.
        if self.open.as_ref().is_some_and(|open| open.framed == framed) {
            return;
        }
        let Some(header) = self.lines.pop_back() else {
            return;
        };
        let mut open = Open {
            table: Table {
                widths,
                ..Table::default()
            },
            framed,
        };
        let header = open.row(&header);
        open.table.header(&header);
        self.lines.clear();
        self.open = Some(open);
    }

    /// psql has counted `rows` rows.
    fn close(&mut self, rows: usize) {
        self.end_expanded();
        if let Some(open) = self.open.take() {
            self.last = Some(open.table.values());
        } else if rows == 0 && self.lines.is_empty() {
            self.last = Some(Vec::new());
        } else if rows < self.lines.len() {
            let from = self.lines.len() - rows - 1;
            let lines: Vec<&str> = self.lines.range(from..).map(String::as_str).collect();
            self.last = unaligned(&lines).or(self.last.take());
        }
        self.lines.clear();
    }

    fn end_expanded(&mut self) {
        if self.expanded.is_empty() {
            return;
        }
        let records = std::mem::take(&mut self.expanded);
        let rows = records.into_iter().map(|record| {
            let names: Vec<String> = record.iter().map(|(name, _)| name.clone()).collect();
            let cells = record.iter().map(|(_, cell)| cell.value(true));
            unique(&names).into_iter().zip(cells).collect()
        });
        self.last = Some(rows.collect());
    }
}

impl Open {
    /// A line in the form in which psql is asked to draw: `│` between cells, `↵` where one goes on.
    fn row(&self, line: &str) -> String {
        let inner = match self.framed {
            true => line.trim_start_matches('|').trim_end_matches('|'),
            false => line,
        };
        let simple: Vec<String> = inner.split('|').map(str::to_owned).collect();
        let cells = match simple.len() == self.table.widths.len() {
            true => simple,
            false => self.by_width(inner),
        };
        let cells: Vec<String> = cells
            .iter()
            .zip(&self.table.widths)
            .map(|(cell, width)| self.cell(cell, *width))
            .collect();
        format!("│{}│", cells.join("│"))
    }

    fn by_width(&self, inner: &str) -> Vec<String> {
        let mut characters = inner.chars();
        self.table
            .widths
            .iter()
            .map(|width| {
                let cell: String = characters.by_ref().take(*width).collect();
                characters.next();
                cell
            })
            .collect()
    }

    /// psql leaves the padding of the last cell out; a header is centred and has no null.
    fn cell(&self, cell: &str, width: usize) -> String {
        let padding = width.saturating_sub(UnicodeWidthStr::width(cell));
        let mut cell = format!("{cell}{}", " ".repeat(padding));
        if cell.ends_with('+') {
            cell.pop();
            cell.push(GOES_ON);
        } else if cell.trim().is_empty() && !self.table.names.is_empty() && !self.table.open {
            cell = format!(" {NULL} ");
        }
        cell
    }
}

/// `(3 rows)`, in whatever language.
fn footer(line: &str) -> Option<usize> {
    let (count, word) = line.strip_prefix('(')?.strip_suffix(')')?.split_once(' ')?;
    let is_word = !word.is_empty() && word.chars().all(char::is_alphabetic);
    count.parse().ok().filter(|_| is_word)
}

/// The line under a header: the widths of the columns, and whether the table has a frame.
fn ruler(line: &str) -> Option<(Vec<usize>, bool)> {
    let framed = line.starts_with("+-") && line.ends_with("-+");
    let inner = match framed {
        true => &line[1..line.len() - 1],
        false => line,
    };
    let is_drawn = inner.len() > 1
        && inner.bytes().all(|byte| matches!(byte, b'-' | b'+'))
        && !inner.starts_with('+')
        && !inner.contains("++");
    is_drawn.then(|| (inner.split('+').map(str::len).collect(), framed))
}

/// `-[ RECORD 1 ]---`
fn is_record(line: &str) -> bool {
    line.trim_start_matches(['-', '+', '*'])
        .starts_with("[ RECORD ")
}

fn unaligned(lines: &[&str]) -> Option<Vec<BTreeMap<String, Value>>> {
    let (header, rows) = lines.split_first()?;
    let names: Vec<String> = header.split('|').map(str::to_owned).collect();
    let names = unique(&names);
    rows.iter()
        .map(|row| {
            let cells: Vec<&str> = row.split('|').collect();
            (cells.len() == names.len()).then(|| {
                let cells = cells.iter().map(|cell| Cell::new(&format!(" {cell} ")));
                let values = cells.map(|cell| cell.value(true));
                names.iter().cloned().zip(values).collect()
            })
        })
        .collect()
}

/// The one line of an output (`psql -Atc`, `wc -l`), as a number where it is one.
pub(in crate::executor) fn single(stdout: &str) -> Option<Value> {
    let mut lines = stdout
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return None;
    };
    Some(Cell::new(&format!(" {line} ")).value(true))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(text: &str) -> Option<Value> {
        let mut reader = PlainReader::default();
        text.lines().for_each(|line| reader.line(line));
        reader.rows().map(|rows| json!(rows))
    }

    #[test]
    fn tables_are_read_in_every_form_that_psql_prints() {
        let expected = Some(json!([
            {"name": "anna", "n": 12, "note": "a"},
            {"name": "bert | co", "n": 3, "note": null},
        ]));
        for table in [
            "   name    | n  | note \n-----------+----+------\n anna      | 12 | a\n bert | co |  3 | \n(2 rows)\n",
            "+-----------+----+------+\n|   name    | n  | note |\n+-----------+----+------+\n| anna      | 12 | a    |\n| bert | co |  3 |      |\n+-----------+----+------+\n(2 rows)\n",
        ] {
            assert_eq!(rows(table), expected, "{table}");
        }
        assert_eq!(
            rows(
                "-[ RECORD 1 ]--\nname | anna\nn    | 12\n-[ RECORD 2 ]--\nname | bert\nn    | 3\n\n"
            ),
            Some(json!([{"name": "anna", "n": 12}, {"name": "bert", "n": 3}]))
        );
        assert_eq!(
            rows("name|n\nanna|12\n(1 row)\n"),
            Some(json!([{"name": "anna", "n": 12}]))
        );
    }

    #[test]
    fn the_last_table_counts_and_an_empty_one_is_one() {
        let first = " count \n-------\n   312\n(1 row)\n\n";
        assert_eq!(rows(first), Some(json!([{"count": 312}])));
        let none = format!("{first} id \n----\n(0 rows)\n");
        assert_eq!(rows(&none), Some(json!([])));
    }

    #[test]
    fn cells_of_several_lines_are_joined() {
        let table = " id | text \n----+------\n  1 | one +\n    | two\n  2 | x\n(2 rows)\n";
        assert_eq!(
            rows(table),
            Some(json!([{"id": 1, "text": "one\ntwo"}, {"id": 2, "text": "x"}]))
        );
    }

    #[test]
    fn of_an_endless_expanded_table_the_first_records_are_kept() {
        let mut reader = PlainReader::default();
        for number in 1..=ROWS + 5 {
            reader.line(&format!("-[ RECORD {number} ]--"));
            reader.line(&format!("c | {number}"));
        }
        (0..2 * COLUMNS).for_each(|_| reader.line("c | 1"));
        assert_eq!(reader.expanded.len(), ROWS);
        assert!(reader.expanded.iter().all(|record| record.len() == 1));
        let rows = reader.rows().unwrap();
        assert_eq!(rows[ROWS - 1]["c"], json!(ROWS));
        let mut reader = PlainReader::default();
        reader.line("-[ RECORD 1 ]--");
        (0..2 * COLUMNS).for_each(|_| reader.line("c | 1"));
        assert_eq!(reader.expanded[0].len(), COLUMNS);
    }

    #[test]
    fn a_log_is_no_table() {
        assert_eq!(rows("a | b\n-------\nc | d\n\nready (3 rows)\n"), None);
        assert_eq!(rows("----\nhello\n"), None);
    }

    #[test]
    fn one_line_is_one_value() {
        assert_eq!(single("\n312\n"), Some(json!(312)));
        assert_eq!(single("t\n"), Some(json!("t")));
        assert_eq!(single("a\nb\n"), None);
    }
}
