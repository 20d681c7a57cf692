//! Tables of metrics: `| Metric | Target | Check frequency |` asks for a value a row, as often as it says.
//! Where nothing measures it, a person answers, and the value is held against what the guide wants.

use super::model::{Expectation, Measure};
use super::{timing, words};

/// As often as a person is asked for what the guide wants to be watched all the time, in seconds.
const ALL_THE_TIME: u64 = 3_600;

/// The rows of a table that names metrics, their targets and how often they are checked.
pub(super) fn in_table(text: &str, line: usize) -> Vec<Expectation> {
    let mut rows = text.lines().enumerate();
    let header = rows.next().map(|(_, row)| cells(row)).unwrap_or_default();
    let column = |name| header.iter().position(|cell| words::says(name, cell));
    let (Some(metric), Some(target), Some(frequency)) = (
        column("metric-column"),
        column("target-column"),
        column("frequency-column"),
    ) else {
        return Vec::new();
    };
    let row = |(offset, row): (usize, &str)| {
        let cells = cells(row);
        let cell = |at: usize| cells.get(at).filter(|cell| !cell.is_empty()).cloned();
        let (name, wanted) = (cell(metric)?, cell(target)?);
        let every_s = cell(frequency).and_then(|text| how_often(&text));
        Some(Expectation {
            line: line + offset,
            text: format!("{name}: {wanted}"),
            measure: Some(Measure {
                name,
                wanted,
                every_s,
            }),
            ..Expectation::default()
        })
    };
    rows.skip(1).filter_map(row).collect()
}

/// The cells of a row without their emphasis.
fn cells(row: &str) -> Vec<String> {
    let row = row.trim().trim_start_matches('|').trim_end_matches('|');
    // A bar that is escaped is of the cell.
    let row = row.replace("\\|", "\u{1}");
    let bare = |cell: &str| {
        let cell = cell.replace('\u{1}', "|");
        cell.trim_matches(['*', '_', '`', ' ']).to_owned()
    };
    row.split('|').map(bare).collect()
}

/// `Every 4 hours`, `hourly`, `daily`, `continuously`, in seconds.
fn how_often(text: &str) -> Option<u64> {
    for (question, seconds) in [
        ("each-hour", 3_600),
        ("each-day", 86_400),
        ("each-week", 604_800),
        ("ongoing", ALL_THE_TIME),
    ] {
        if words::says(question, text) {
            return Some(seconds);
        }
    }
    timing::interval_in(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_question_with_its_target_and_its_frequency() {
        let table = "| Metric | Target | Check Frequency |\n|---|---|---|\n| **Load time** | <500ms (p95) | Every hour |\n| Errors | <0.1% | Continuously |\n| Queries | 3-4 per request | Every 4 hours |\n| Disk | <80% | Daily |\n| Sign-off | done | |\n";
        let read: Vec<(usize, String, Option<u64>)> = in_table(table, 10)
            .into_iter()
            .map(|item| (item.line, item.text, item.measure.unwrap().every_s))
            .collect();
        assert_eq!(
            read,
            [
                (12, "Load time: <500ms (p95)".to_owned(), Some(3_600)),
                (13, "Errors: <0.1%".to_owned(), Some(3_600)),
                (14, "Queries: 3-4 per request".to_owned(), Some(14_400)),
                (15, "Disk: <80%".to_owned(), Some(86_400)),
                (16, "Sign-off: done".to_owned(), None),
            ]
        );
    }

    #[test]
    fn other_tables_ask_nothing() {
        let table = "| Metric | Before | After |\n|---|---|---|\n| Load | 5s | 1s |\n";
        assert_eq!(in_table(table, 1), []);
        let german =
            "| Kennzahl | Zielwert | Intervall |\n|---|---|---|\n| Fehler | < 1 % | stündlich |\n";
        assert_eq!(in_table(german, 1).len(), 1);
    }
}
