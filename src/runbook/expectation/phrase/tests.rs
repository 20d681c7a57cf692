use super::*;

fn what(text: &str) -> Option<What> {
    read(text).map(|wish| wish.what)
}

fn number(compare: Compare, value: f64) -> Option<What> {
    Some(What::Number {
        compare,
        value,
        percent: false,
    })
}

fn rows(compare: Compare, count: f64) -> Option<What> {
    Some(What::Rows {
        compare,
        count,
        named: true,
    })
}

#[test]
fn numbers_and_comparisons() {
    for (text, compare, value) in [
        ("Should return 404", Compare::Equal, 404.0),
        ("should be exactly 3.", Compare::Equal, 3.0),
        (
            "Should return 401 Unauthorized (not 200)",
            Compare::Equal,
            401.0,
        ),
        ("~48", Compare::About, 48.0),
        ("about 48 queries", Compare::About, 48.0),
        ("at least 5", Compare::AtLeast, 5.0),
        ("should be less than 1,200", Compare::Less, 1200.0),
        ("mindestens 3", Compare::AtLeast, 3.0),
        ("doit retourner 0", Compare::Equal, 0.0),
        ("debe devolver 0", Compare::Equal, 0.0),
        ("must be `0`", Compare::Equal, 0.0),
    ] {
        assert_eq!(what(text), number(compare, value), "{text}");
    }
    assert!(read("should not return 500").unwrap().negated);
    assert!(!read("should return 404 Not Found").unwrap().negated);
    assert_eq!(what("200 or 204"), Some(What::OneOf(vec![200.0, 204.0])));
    assert_eq!(what("HTTP 2xx"), Some(What::StatusClass(2)));
}

#[test]
fn numbers_of_rows() {
    for (text, compare, count) in [
        ("returns 1 row", Compare::Equal, 1.0),
        ("0 rows", Compare::Equal, 0.0),
        ("should return no rows", Compare::Equal, 0.0),
        ("at least 2 rows", Compare::AtLeast, 2.0),
        ("Should be empty", Compare::Equal, 0.0),
        ("keine Zeilen", Compare::Equal, 0.0),
        ("aucune ligne", Compare::Equal, 0.0),
    ] {
        assert_eq!(what(text), rows(compare, count), "{text}");
    }
}

#[test]
fn columns_literals_and_times() {
    assert_eq!(
        what("`recent = 0` (no new writes)"),
        Some(What::Column {
            name: "recent".to_owned(),
            compare: Compare::Equal,
            value: Operand::Number(0.0),
        })
    );
    assert_eq!(
        what("a_rows = b_rows = c"),
        Some(What::Same(vec![
            "a_rows".into(),
            "b_rows".into(),
            "c".into()
        ]))
    );
    let literal = |text: &str, contains| Some(literals::literal(text, contains));
    assert_eq!(what("is `f`"), literal("f", false));
    assert_eq!(
        what("The log shows \"all done\""),
        literal("all done", true)
    );
    assert_eq!(what("PONG"), literal("PONG", false));
    assert_eq!(what("should be true"), Some(What::Truth(true)));
    assert_eq!(
        what("< 1 second"),
        Some(What::Time {
            compare: Compare::Less,
            value: 1000.0
        })
    );
    assert_eq!(what("UPDATE 12"), Some(What::Tag("UPDATE 12".to_owned())));
}

#[test]
fn what_must_not_be_printed() {
    for (text, words) in [
        ("No ERROR messages in output", vec!["ERROR"]),
        ("no errors", vec!["errors"]),
        (
            "No ERROR or CRITICAL messages in startup logs",
            vec!["ERROR", "CRITICAL"],
        ),
        ("keine Fehler in der Ausgabe", vec!["Fehler"]),
    ] {
        let words = words.into_iter().map(str::to_owned).collect();
        assert_eq!(what(text), Some(What::Absent(words)), "{text}");
    }
}

#[test]
fn percent_of_all() {
    let wish = read("100.00% for all tables").unwrap();
    assert!(wish.all);
    assert_eq!(
        wish.what,
        What::Number {
            compare: Compare::Equal,
            value: 100.0,
            percent: true
        }
    );
}

#[test]
fn what_cannot_be_measured_is_left_to_a_person() {
    for text in [
        "Should return 0 or very low number",
        "Should be near 0 for first 15 minutes",
        "Dashboard data shows correct metrics",
        "the service is up",
        "Query performance improved",
        "10-100x faster",
        "Should show normal activity patterns",
        "Backup file created and verified",
        "No unexpected errors on the dashboard",
        "System back to the old state",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}
