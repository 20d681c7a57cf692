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

fn says(text: &str, texts: &[&str]) {
    let wish = read(text).unwrap_or_else(|| panic!("{text}"));
    let what = match &wish.what {
        What::Field {
            otherwise: Some(otherwise),
            ..
        } => otherwise.as_ref(),
        what => what,
    };
    let What::Literal {
        texts: found,
        all: true,
        ..
    } = what
    else {
        panic!("{text}: {wish:?}");
    };
    assert_eq!(found, texts, "{text}");
    assert!(!wish.negated, "{text}");
    assert!(asserts(text), "{text}");
}

#[test]
fn what_must_be_printed_in_any_order_and_language() {
    for text in [
        "You should see `ready`.",
        "The output must contain `ready`",
        "`ready` should appear in the output",
        "Expect `ready` in the log.",
        "There should be a line with `ready`",
        "The log must show `ready`.",
        "Healthy output shows `ready`.",
        "Quicker in the shell – the answer must contain `ready`:",
        "Deberias ver `ready`.",
        "La salida debe contener `ready`",
        "Você deve ver `ready`",
        "A saída deve mostrar `ready`",
        "Vous devriez voir `ready`",
        "La sortie doit contenir `ready`",
        "Die Antwort muss ein `ready` enthalten",
        "In der Ausgabe sollte `ready` stehen",
        "Dovresti vedere `ready`",
        "Powinieneś zobaczyć `ready`",
        "Вы должны увидеть `ready`",
        "Phải thấy `ready`",
        "应该看到 `ready`",
    ] {
        says(text, &["ready"]);
    }
    says("Deberias ver `a`, `b`, `c`.", &["a", "b", "c"]);
    says(
        "The output shows exactly one `Leader` and one `Replica`.",
        &["Leader", "Replica"],
    );
    says("`app` should show `all done`", &["all done"]);
    says(
        "Both views should exist with `security_invoker=on` in their options",
        &["security_invoker=on"],
    );
}

#[test]
fn what_stops_the_work_must_not_be_printed() {
    let absent = |words: &[&str]| {
        Some(What::Absent(
            words.iter().map(|word| (*word).to_owned()).collect(),
        ))
    };
    for text in [
        "If anything in the output is `ERROR`, stop.",
        "If you see `ERROR` in the log, abort the upgrade",
        "Stop if the output shows `ERROR`.",
        "Wenn die Ausgabe `ERROR` enthält, abbrechen.",
        "Si la salida muestra `ERROR`, detener.",
        "Jeśli zobaczysz `ERROR`, przerwij.",
        "如果输出 `ERROR`，停止",
    ] {
        assert_eq!(what(text), absent(&["ERROR"]), "{text}");
        assert!(asserts(text), "{text}");
    }
    assert_eq!(
        what("If anything in the output is `ERROR` or `WARN`, STOP and fix it"),
        absent(&["ERROR", "WARN"])
    );
    let wish = read("If the command prints `not a leader`, do not proceed.").unwrap();
    assert!(wish.negated && wish.what == literals_of(&["not a leader"], false));
    let wish = read("If the log does not show `done`, stop.").unwrap();
    assert!(!wish.negated && wish.what == literals_of(&["done"], true));
    for text in [
        "If it fails, stop.",
        "If the node is a `Replica`, run the next command.",
        "Stop the service if `app` is running hot",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

fn literals_of(texts: &[&str], all: bool) -> What {
    What::Literal {
        texts: texts.iter().map(|text| (*text).to_owned()).collect(),
        all,
        contains: true,
    }
}

#[test]
fn what_is_waited_for_and_what_must_be_seen_before_going_on() {
    for text in [
        "Wait for it to reach `DONE` before continuing.",
        "Wait until it shows `DONE`.",
        "Proceed only when the output contains `DONE`.",
        "Continue only if it reports `DONE`",
        "Espere hasta ver `DONE`",
        "Warten, bis die Ausgabe `DONE` zeigt",
    ] {
        let wish = read(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(wish.what, literals_of(&["DONE"], true), "{text}");
        assert!(asserts(text), "{text}");
    }
    for text in [
        "Wait 5 minutes",
        "Wait for `app` to stop",
        "Continue if it shows `DONE`",
        "Wait for the team",
    ] {
        assert!(
            !matches!(
                read(text).map(|wish| wish.what),
                Some(What::Literal { contains: true, .. })
            ),
            "{text}"
        );
    }
}

#[test]
fn states_and_small_numbers_in_words() {
    let state = |word: &str| {
        Some(What::State {
            words: vec![word.to_owned()],
            all: true,
        })
    };
    for text in [
        "Wait for it to be healthy",
        "The container should be healthy",
        "Der Container muss healthy sein",
        "Container đang chạy và healthy?",
    ] {
        assert_eq!(what(text), state("healthy"), "{text}");
    }
    for text in [
        "No container should be healthy",
        "All of them should be healthy",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
    for text in [
        "Exactly one row",
        "exactly one row.",
        "genau eine Zeile",
        "Returns one row",
    ] {
        assert_eq!(what(text), rows(Compare::Equal, 1.0), "{text}");
    }
    for text in [
        "Two triggers: `a` and `b`",
        "should return two",
        "Deben ser dos",
    ] {
        assert_eq!(what(text), number(Compare::Equal, 2.0), "{text}");
    }
    for text in ["One of them is the leader", "The two are alike"] {
        assert_eq!(what(text), None, "{text}");
    }
}

#[test]
fn a_name_and_its_value_and_what_is_there() {
    for text in [
        "rowsecurity deve ser 'true'",
        "rowsecurity must be true",
        "rowsecurity should be `true`",
    ] {
        let wish = read(text).unwrap_or_else(|| panic!("{text}"));
        let What::Field { name, value, .. } = wish.what else {
            panic!("{text}: {:?}", wish.what);
        };
        assert_eq!(
            (name.as_str(), value),
            ("rowsecurity", Operand::Text("t".to_owned())),
            "{text}"
        );
    }
    for text in [
        "Confirm tenants exist",
        "Verify that audit history is present",
        "Verificar que existen clientes",
    ] {
        assert_eq!(what(text), Some(What::There), "{text}");
    }
    for text in ["Check whether tenants exist", "Verify no duplicates exist"] {
        assert_ne!(what(text), Some(What::There), "{text}");
    }
    let ends = Some(What::Exit {
        compare: Compare::Equal,
        value: 0.0,
    });
    for text in [
        "It should run without errors",
        "Läuft das ohne Fehler durch",
        "Debe terminar sin errores",
    ] {
        assert_eq!(what(text), ends, "{text}");
    }
    assert_eq!(what("`a()` = `B`"), None, "what is compared is not printed");
}

#[test]
fn where_something_is_and_what_is_done_is_not_printed() {
    for text in [
        "You should now have `config.yml` in `/etc/app`.",
        "You must be in the `app` folder for the output to appear.",
        "You should see a new row in `orders`.",
        "It must not be run on `prod`.",
        "You should see something like `v1.2.3`.",
        "Open `http://localhost:3000`, the login page should appear.",
        "Should the command fail, run `./fix`.",
        "`nginx` must be restarted.",
        "This should create `backup.sql`.",
        "The dashboard should show the `new` badge.",
        "The page must show `welcome`",
    ] {
        let read = read(text);
        assert!(
            !matches!(
                &read,
                Some(Wish {
                    what: What::Literal { .. },
                    ..
                })
            ),
            "{text}: {read:?}"
        );
    }
}
