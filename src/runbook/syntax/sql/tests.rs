use super::*;

fn texts(code: &str) -> Vec<String> {
    let script = SqlScript::read(code);
    assert_eq!(script.unreadable(), None, "{code:?}");
    script
        .items()
        .iter()
        .map(|item| script.text(item.span()).to_owned())
        .collect()
}

#[test]
fn statements_end_where_psql_ends_them() {
    assert_eq!(
        texts(
            "-- a; b\nSELECT ';' AS \"x;y\";\nDO $b$ BEGIN; END $b$;\n\\i file.sql\nSELECT 1 /* ; /* ; */ */\n + 1; SELECT 2 \\gset\nSELECT 3"
        ),
        [
            "SELECT ';' AS \"x;y\";",
            "DO $b$ BEGIN; END $b$;",
            "\\i file.sql",
            "SELECT 1 /* ; /* ; */ */\n + 1;",
            "SELECT 2 \\gset",
            "\\gset",
            "SELECT 3",
        ]
    );
}

#[test]
fn quotes_hide_only_what_they_hold() {
    assert_eq!(
        texts("SELECT '--'; DROP TABLE a;"),
        ["SELECT '--';", "DROP TABLE a;"]
    );
    assert_eq!(
        texts("SELECT E'it\\'s'; DROP TABLE b;"),
        ["SELECT E'it\\'s';", "DROP TABLE b;"]
    );
    assert_eq!(
        texts("SELECT 'a\\'; SELECT 'b'"),
        ["SELECT 'a\\';", "SELECT 'b'"]
    );
    assert_eq!(
        texts("SELECT U&'d\\0061' , a$$b$$, $1, 'x'\n  'y;' ; SELECT 1"),
        ["SELECT U&'d\\0061' , a$$b$$, $1, 'x'\n  'y;' ;", "SELECT 1"]
    );
}

#[test]
fn a_body_and_parentheses_hold_semicolons() {
    let body = "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;";
    assert_eq!(texts(&format!("{body} SELECT 1;")), [body, "SELECT 1;"]);
    let rule = "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2);";
    assert_eq!(texts(rule), [rule]);
    assert_eq!(texts("BEGIN; SELECT 1; END;").len(), 3);
    assert_eq!(texts("SELECT 1 \\; SELECT 2; SELECT 3").len(), 2);
}

#[test]
fn data_of_a_copy_is_no_sql() {
    assert_eq!(
        texts("COPY t FROM STDIN;\nit's\t1;\n\\.\nSELECT 1;"),
        ["COPY t FROM STDIN;", "it's\t1;\n", "SELECT 1;"]
    );
    assert_eq!(
        texts("\\copy t from stdin csv\na'b\n\\.\nSELECT 1"),
        ["\\copy t from stdin csv", "a'b\n", "SELECT 1"]
    );
    assert!(
        SqlScript::read("COPY t FROM STDIN;\na")
            .unreadable()
            .is_some()
    );
}

#[test]
fn commands_of_psql_and_their_arguments() {
    let script = SqlScript::read(
        "\\set lim 3\\\\ SELECT 1;\n\\set now `date` :x\n\\echo 'a b' \"c\"\nSELECT\n\\timing\n 2 \\g | cat\n\\! rm x\n\\if :ok",
    );
    let metas: Vec<(&str, Vec<&str>, bool)> = script
        .metas()
        .map(|meta| {
            let texts = meta.arguments.iter().map(|one| &*one.text).collect();
            (
                &*meta.name,
                texts,
                meta.arguments.iter().any(|one| one.runs),
            )
        })
        .collect();
    assert_eq!(
        metas,
        [
            ("set", vec!["lim", "3"], false),
            ("set", vec!["now", "date", ":x"], true),
            ("echo", vec!["a b", "\"c\""], false),
            ("timing", vec![], false),
            ("g", vec!["| cat"], true),
            ("!", vec!["rm x"], true),
            ("if", vec![":ok"], false),
        ]
    );
    let statements: Vec<&str> = script
        .statements()
        .map(|one| script.text(one.body()))
        .collect();
    assert_eq!(statements, ["SELECT 1", "SELECT\n\\timing\n 2 "]);
}

#[test]
fn variables_are_told_from_casts_and_strings() {
    let code = "SELECT :max + 1, :'who', :\"t\", a::int, ':no', x[1:2], :{?v}, '10:30' -- :none\n";
    let script = SqlScript::read(code);
    let statement = script.statements().next().unwrap();
    let names: Vec<&str> = statement
        .tokens
        .iter()
        .filter_map(|token| token.variable(code))
        .collect();
    assert_eq!(names, ["max", "who", "t", "2", "v"]);
}

#[test]
fn what_is_never_closed_is_unreadable() {
    for code in ["SELECT 'a", "SELECT \"a", "/* a", "DO $$ a", "SELECT (1;"] {
        assert!(SqlScript::read(code).unreadable().is_some(), "{code}");
    }
}

#[test]
fn what_versions_of_psql_read_differently_is_unreadable() {
    for code in [
        "SELECT $1E'a\\';'",
        "SELECT 1E'a\\';'",
        "SELECT 1ab$$;$$",
        "SELECT $1a$$;$$",
    ] {
        assert!(SqlScript::read(code).unreadable().is_some(), "{code}");
    }
    for code in [
        "SELECT 1e5, 0x1F, $1, '1E'",
        "SELECT 1'a'",
        "SELECT $1$$;$$",
        "SELECT $1::text",
    ] {
        assert_eq!(SqlScript::read(code).unreadable(), None, "{code}");
    }
}

#[test]
fn no_text_holds_it_up() {
    for code in [
        "\\",
        "'",
        "é\\é'",
        ":",
        ":'",
        "$",
        "$é$",
        "\\set é 'ä\\",
        "\\g |",
        "/*/**/",
        "E'\\",
    ] {
        SqlScript::read(code);
    }
    SqlScript::read(&"(".repeat(100_000));
}
