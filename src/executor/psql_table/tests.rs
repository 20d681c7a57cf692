use serde_json::json;

use super::*;

fn rows(text: &str) -> Value {
    let mut reader = TableReader::default();
    for line in text.lines() {
        reader.line(line.trim_start());
    }
    json!(reader.rows())
}

#[test]
fn cells_become_values_by_column() {
    let table = "
        ┌────┬─────────────┬────────┬──────┐
        │ id │    name     │ amount │ code │
        ├────┼─────────────┼────────┼──────┤
        │  1 │ anna        │   1.50 │ 007  │
        │ 20 │ ∅           │     -3 │ 12   │
        │  ∅ │ bert & co.  │  1e+20 │ 1234 │
        └────┴─────────────┴────────┴──────┘
        (3 rows)";
    assert_eq!(
        rows(table),
        json!([
            {"id": 1, "name": "anna", "amount": 1.5, "code": "007"},
            {"id": 20, "name": null, "amount": -3, "code": "12"},
            {"id": null, "name": "bert & co.", "amount": 1e20, "code": "1234"},
        ])
    );
}

#[test]
fn the_last_table_counts() {
    let tables = "
        ┌───┐
        │ a │
        ├───┤
        │ 1 │
        └───┘
        (1 row)

        UPDATE 3
        ┌───────┐
        │ count │
        ├───────┤
        │     0 │
        └───────┘
        (1 row)";
    assert_eq!(rows(tables), json!([{"count": 0}]));
    assert_eq!(rows("UPDATE 3"), json!([]));
    assert_eq!(rows("┌───┐\n│ a │\n├───┤\n└───┘\n(0 rows)"), json!([]));
}

#[test]
fn cells_of_several_lines_are_joined() {
    let table = "
        ┌────┬────────┬───────┐
        │ id │  text  │ other │
        ├────┼────────┼───────┤
        │  1 │ one   ↵│ x     │
        │    │ two   ↵│       │
        │    │   three│       │
        │  2 │ single │ y    ↵│
        │    │        │ z     │
        └────┴────────┴───────┘";
    assert_eq!(
        rows(table),
        json!([
            {"id": 1, "text": "one\ntwo\n  three", "other": "x"},
            {"id": 2, "text": "single", "other": "y\nz"},
        ])
    );
}

#[test]
fn bars_and_wide_characters_inside_cells_are_text() {
    let table = "
        ┌───────┬─────────┐
        │   a   │    b    │
        ├───────┼─────────┤
        │ x │ y │ 漢字 │  │
        │ z     │ 漢      │
        └───────┴─────────┘";
    assert_eq!(
        rows(table),
        json!([{"a": "x │ y", "b": "漢字 │"}, {"a": "z", "b": "漢"}])
    );
}

#[test]
fn equal_names_are_told_apart() {
    let table = "
        ┌──────────┬──────────┐
        │ ?column? │ ?column? │
        ├──────────┼──────────┤
        │        1 │        2 │
        └──────────┴──────────┘";
    assert_eq!(rows(table), json!([{"?column?": 1, "?column?_2": 2}]));
}

#[test]
fn numbers_that_cannot_be_held_stay_text() {
    for (text, value) in [
        ("9223372036854775807", json!(9_223_372_036_854_775_807_i64)),
        (
            "18446744073709551615",
            json!(18_446_744_073_709_551_615_u64),
        ),
        ("99999999999999999999999", json!("99999999999999999999999")),
        ("NaN", json!("NaN")),
        ("Infinity", json!("Infinity")),
        ("2024-01-01", json!("2024-01-01")),
        ("0.10", json!(0.1)),
    ] {
        let width = text.len();
        let table = format!(
            "┌─{0}─┐\n│ {1:>2$} │\n├─{0}─┤\n│ {text} │\n└─{0}─┘",
            "─".repeat(width),
            "n",
            width
        );
        assert_eq!(rows(&table), json!([{"n": value}]), "{text}");
    }
}

#[test]
fn a_thousand_rows_are_kept() {
    let mut table = String::from("┌──────┐\n│  n   │\n├──────┤\n");
    for number in 0..1500 {
        table.push_str(&format!("│ {number:>4} │\n"));
    }
    table.push_str("└──────┘");
    let rows = rows(&table);
    assert_eq!(rows.as_array().unwrap().len(), 1000);
    assert_eq!(rows[999], json!({"n": 999}));
}

#[test]
fn what_is_no_table_is_survived() {
    for text in [
        "│",
        "┌",
        "┌┐\n││\n├┤\n││\n└┘",
        "├──┤\n│ 1 │",
        "┌──┐\n│ a │ b │\n├──┤\n│",
        "┌─┬─┐\n├\n│↵│↵│\n│",
    ] {
        rows(text);
    }
}
