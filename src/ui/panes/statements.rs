//! `pg_stat_statements` since the phase began: what the deployment changed in the load.
//!
//! ```text
//! statements  since 02:10: 1.2k calls, 0.5s
//!   calls      /s    mean   total  share    rows query
//!    1.1k      98   0.4ms    0.5s    61%    1.1k [new] INSERT INTO ai_queries …
//! ```

use std::hash::{DefaultHasher, Hash, Hasher};

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{Moves, Pane, Title, draw_lines, trouble};
use crate::monitor::{StatementDelta, StatementsSample};
use crate::ui::format::{count, grouped, milliseconds, minute, pad};
use crate::ui::keymap::Context;
use crate::ui::listing::Frozen;
use crate::ui::markdown::plain;
use crate::ui::spark::bars;
use crate::ui::sql_text::highlighted;
use crate::ui::table::{self, Arranged, Cell, Column, Table, Value};
use crate::ui::theme::Role;
use crate::ui::view::Look;

pub struct Statements;

const NAME: &str = "statements";
/// The sampler's own interval is not in the sample; it is never longer than this.
const INTERVAL_MS: u64 = 5_000;

const CALLS: usize = 0;
const RATE: usize = 1;
const MEAN: usize = 2;
const TOTAL: usize = 3;
const SHARE: usize = 4;
const ROWS: usize = 5;

const COLUMNS: [Column; 7] = [
    Column::right("calls", 7, 0),
    Column::right("/s", 6, 64),
    Column::right("mean", 7, 0),
    Column::right("total", 7, 64),
    Column::right("share", 6, 0),
    Column::right("rows", 7, 90),
    Column::right("query", 0, 0),
];

impl Pane for Statements {
    fn name(&self) -> &'static str {
        NAME
    }

    fn contexts(&self) -> &'static [Context] {
        &[Context::Statements, Context::Table]
    }

    fn parts(&self) -> &'static [&'static str] {
        &["new", "slower"]
    }

    fn moves(&self) -> Moves {
        Moves::Table
    }

    fn table<'a>(&self, look: &Look<'a>, _width: u16) -> Option<Box<dyn Table + 'a>> {
        Some(Box::new(Rows(look.statements()?)))
    }

    fn freezes(&self, look: &Look<'_>) -> Option<Frozen> {
        let sample = look.model.main_statements()?;
        Some(Frozen::Statements(Box::new(sample.clone())))
    }

    fn title(&self, look: &Look<'_>) -> Title {
        let Some(sample) = look.statements() else {
            return Title::default();
        };
        let listing = look.view.listing(NAME);
        let arranged = Arranged::of(&Rows(sample), listing);
        let part = listing
            .part
            .and_then(|part| self.parts().get(usize::from(part)));
        let (mut words, paused) = table::words(&arranged, listing, part.copied(), look);
        let new = sample.statements.iter().filter(|one| one.is_new).count();
        let slower = sample.statements.iter();
        let slower = slower.filter(|one| one.slower().is_some()).count();
        words.extend((new > 0).then(|| format!("{new} new")));
        words.extend((slower > 0).then(|| format!("{slower} slower")));
        words.push(format!(
            "since {}: {} calls, {}",
            minute(sample.since),
            count(sample.total_calls),
            milliseconds(sample.total_ms)
        ));
        let alert = super::alert(&sample.state, sample.at, INTERVAL_MS, look).or_else(|| {
            sample
                .reset
                .then(|| ("counters were reset".to_owned(), Role::Warning))
        });
        Title {
            words: words.join(" · "),
            alert: paused.or(alert),
        }
    }

    fn rows(&self, look: &Look<'_>, _size: Size) -> u64 {
        look.statements()
            .map_or(0, |sample| sample.statements.len() as u64)
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let Some(sample) = look.statements() else {
            super::empty(super::no_database(look), look, area, buffer);
            return;
        };
        let mut lines = trouble(&sample.state, area.width, look);
        if sample.statements.is_empty() {
            if lines.is_empty() {
                super::empty(
                    "no statement has run since the phase began",
                    look,
                    area,
                    buffer,
                );
            } else {
                draw_lines(&lines, 0, area, buffer);
            }
            return;
        }
        lines.truncate(usize::from(area.height / 2));
        table::draw(NAME, lines, &Rows(sample), look, area, buffer);
    }
}

struct Rows<'a>(&'a StatementsSample);

impl<'a> Rows<'a> {
    fn at(&self, row: usize) -> Option<&'a StatementDelta> {
        self.0.statements.get(row)
    }
}

impl Table for Rows<'_> {
    fn columns(&self) -> &[Column] {
        &COLUMNS
    }

    fn len(&self) -> usize {
        self.0.statements.len()
    }

    fn key(&self, row: usize) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.at(row)
            .map(|statement| statement.query_id)
            .hash(&mut hasher);
        hasher.finish()
    }

    fn value(&self, row: usize, column: usize) -> Value<'_> {
        let Some(statement) = self.at(row) else {
            return Value::None;
        };
        match column {
            CALLS => Value::Number(statement.calls),
            RATE => Value::Measure(statement.calls_per_s),
            MEAN => Value::Measure(statement.mean_ms),
            TOTAL => Value::Measure(statement.total_ms),
            SHARE => Value::Measure(statement.share),
            ROWS => Value::Number(statement.rows),
            _ => Value::Text(statement.query.as_str().into()),
        }
    }

    fn cell(&self, row: usize, column: usize, _natural: bool, look: &Look<'_>) -> Cell {
        let Some(statement) = self.at(row) else {
            return Cell::new("", Style::default());
        };
        let plain = |text: String| Cell::new(text, Style::default());
        match column {
            CALLS => plain(count(statement.calls)),
            RATE => plain(rate(statement.calls_per_s)),
            MEAN => plain(milliseconds(statement.mean_ms)),
            TOTAL => plain(milliseconds(statement.total_ms)),
            SHARE => {
                let share = percent(statement);
                let role = match share {
                    share if share >= 50.0 => Role::Warning,
                    _ => Role::Text,
                };
                Cell::new(format!("{share:.0}%"), look.theme.style(role))
            }
            ROWS => plain(count(statement.rows)),
            _ => plain(statement.query.clone()),
        }
    }

    fn badges(&self, row: usize, look: &Look<'_>) -> Vec<Cell> {
        let Some(statement) = self.at(row) else {
            return Vec::new();
        };
        let warning = look.theme.style(Role::Warning);
        let new = statement.is_new.then(|| Cell::new("[new]", warning));
        let slower = statement.slower();
        let slower = slower.map(|times| Cell::new(format!("[{times:.1}× slower]"), warning));
        new.into_iter().chain(slower).collect()
    }

    /// Those that are new in the phase, and those that are slower than before it.
    fn is_in(&self, row: usize, part: u8) -> bool {
        self.at(row).is_some_and(|statement| match part {
            0 => statement.is_new,
            _ => statement.slower().is_some(),
        })
    }

    fn takes_ms(&self, row: usize) -> Option<i64> {
        Some(self.at(row)?.mean_ms as i64)
    }

    fn copies(&self, row: usize) -> String {
        self.at(row)
            .map_or_else(String::new, |statement| statement.query.clone())
    }

    fn detail(&self, row: usize, look: &Look<'_>, width: usize) -> Vec<Line<'static>> {
        let Some(statement) = self.at(row) else {
            return Vec::new();
        };
        let theme = look.theme;
        let calls = u64::try_from(statement.calls).unwrap_or(0);
        let rows = u64::try_from(statement.rows).unwrap_or(0);
        let facts = [
            ("since", format!("{} UTC", minute(self.0.since))),
            (
                "calls",
                format!(
                    "{}, {} a second just now",
                    grouped(calls),
                    rate(statement.calls_per_s)
                ),
            ),
            (
                "time",
                format!(
                    "{} in all, {} a call, {:.1}% of all statements",
                    milliseconds(statement.total_ms),
                    milliseconds(statement.mean_ms),
                    percent(statement)
                ),
            ),
            (
                "rows",
                format!(
                    "{}, {:.1} a call",
                    grouped(rows),
                    rows as f64 / (calls.max(1)) as f64
                ),
            ),
            ("before", before(statement, look)),
            ("query id", statement.query_id.to_string()),
        ];
        let mut lines: Vec<Line<'static>> = facts
            .into_iter()
            .map(|(label, text)| {
                Line::from(vec![
                    Span::styled(pad(label, 13), theme.style(Role::Muted)),
                    Span::raw(text),
                ])
            })
            .collect();
        lines.extend(history(&self.0.target, statement, look, width));
        lines.push(Line::default());
        lines.extend(highlighted(&statement.query, width, theme));
        lines
    }
}

/// How it did before the phase began.
fn before(statement: &StatementDelta, look: &Look<'_>) -> String {
    let phase = look.run().phase().map(|phase| plain(&phase.title));
    let phase = phase.unwrap_or_else(|| "the phase".to_owned());
    match (statement.is_new, statement.mean_before_ms) {
        (true, _) => format!("new in `{phase}`"),
        (false, Some(mean)) => {
            let slower = statement.slower();
            let slower = slower.map(|times| format!(": {times:.1} times slower in `{phase}`"));
            format!(
                "{} a call{}",
                milliseconds(mean),
                slower.unwrap_or_default()
            )
        }
        (false, None) => "not known".to_owned(),
    }
}

/// What it did poll by poll.
fn history(
    target: &str,
    statement: &StatementDelta,
    look: &Look<'_>,
    width: usize,
) -> Vec<Line<'static>> {
    let key = (target.to_owned(), statement.query_id);
    let Some(polled) = look.model.statement_history.get(&key) else {
        return Vec::new();
    };
    if polled.len() < 2 {
        return Vec::new();
    }
    let room = width.saturating_sub(26).min(60);
    let row = |label: &str, values: Vec<f64>, last: String| {
        Line::from(vec![
            Span::styled(pad(label, 13), look.theme.style(Role::Muted)),
            Span::styled(bars(&values, room), look.theme.style(Role::Running)),
            Span::raw(format!(" {last}")),
        ])
    };
    let rates: Vec<f64> = polled.iter().map(|one| one.calls_per_s).collect();
    let means: Vec<f64> = polled.iter().map(|one| one.mean_ms).collect();
    let last_rate = rates.last().copied().unwrap_or(0.0);
    let last_mean = means.last().copied().unwrap_or(0.0);
    vec![
        row("calls/s", rates, rate(last_rate)),
        row("mean", means, milliseconds(last_mean)),
    ]
}

fn percent(statement: &StatementDelta) -> f64 {
    statement.share.clamp(0.0, 1.0) * 100.0
}

fn rate(rate: f64) -> String {
    match rate {
        rate if rate >= 10.0 => format!("{rate:.0}"),
        rate => format!("{rate:.1}"),
    }
}
