use super::*;

fn filled(code: &str, actor: Actor, values: &[(&str, &str, &str)]) -> String {
    let fillings = values
        .iter()
        .map(|(name, spelling, value)| {
            let filling = match *value {
                "(secret)" => Filling::Secret,
                value => Filling::Value(value),
            };
            (*name, (filling, vec![(*spelling).to_owned()]))
        })
        .collect();
    match fill(code, actor, 10, &fillings) {
        Ok(text) => text,
        Err(unfit) => format!("refused: {}", unfit.help),
    }
}

#[test]
fn a_value_is_quoted_for_its_place_in_a_shell() {
    for (code, expected) in [
        ("ls <dir>", "ls 'it'\\''s $5'"),
        ("ls \"<dir>\"", "ls \"it's \\$5\""),
        ("ls '<dir>'", "ls 'it'\\''s $5'"),
        (
            "cat <<EOF\n<dir>\nEOF\nls <dir>",
            "cat <<EOF\nit's \\$5\nEOF\nls 'it'\\''s $5'",
        ),
        ("cat <<'EOF'\n<dir>\nEOF", "cat <<'EOF'\nit's $5\nEOF"),
        ("x=\"$(ls \"<dir>\")\"", "x=\"$(ls \"it's \\$5\")\""),
        ("ls <dir> # of <dir>", "ls 'it'\\''s $5' # of <dir>"),
    ] {
        assert_eq!(
            filled(code, Actor::Shell, &[("DIR", "<dir>", "it's $5")]),
            expected
        );
    }
    assert_eq!(
        filled("ls <dir>", Actor::Shell, &[("DIR", "<dir>", "/srv/a-1")]),
        "ls /srv/a-1"
    );
}

#[test]
fn a_value_is_quoted_for_its_place_in_sql() {
    let values = [("NAME", "<name>", "O'Hara")];
    assert_eq!(
        filled("SELECT '<name>'", Actor::Sql, &values),
        "SELECT 'O''Hara'"
    );
    assert_eq!(
        filled("SELECT \"<name>\"", Actor::Sql, &values),
        "SELECT \"O'Hara\""
    );
    assert!(filled("DROP TABLE <name>;", Actor::Sql, &values).starts_with("refused: write it"));
    assert_eq!(
        filled(
            "DROP TABLE <name>;",
            Actor::Sql,
            &[("NAME", "<name>", "shop.o")]
        ),
        "DROP TABLE shop.o;"
    );
    assert_eq!(
        filled("SELECT E'<name>', E'it\\'s <name>'", Actor::Sql, &values),
        "SELECT E'O''Hara', E'it\\'s O''Hara'"
    );
}

#[test]
fn a_secret_stays_a_name_wherever_it_stands() {
    let secret = [("TOKEN", "<token>", "(secret)")];
    for (code, actor, expected) in [
        ("login <token>", Actor::Shell, "login \"${TOKEN}\""),
        (
            "login 'a <token>'",
            Actor::Shell,
            "login 'a '\"${TOKEN}\"''",
        ),
        ("login \"a <token>\"", Actor::Shell, "login \"a ${TOKEN}\""),
        ("SELECT '<token>';", Actor::Sql, "SELECT :'TOKEN';"),
        (
            "SELECT 'a <token>';",
            Actor::Sql,
            "SELECT 'a ' || :'TOKEN' || '';",
        ),
        ("GET / \nX: <token>", Actor::Http, "GET / \nX: ${TOKEN}"),
    ] {
        assert_eq!(filled(code, actor, &secret), expected);
    }
}

#[test]
fn each_ellipsis_is_its_own_blank() {
    let code = "curl localhost/api/:brandId/x -d '{\"customer_id\": \"...\"}' -H \"...\"";
    let values = [
        ("BRAND_ID", ":brandId", "b 7"),
        ("CUSTOMER_ID", "...", "c'1"),
        ("BLANK_10_1", "...", "x"),
    ];
    assert_eq!(
        filled(code, Actor::Shell, &values),
        "curl localhost/api/'b 7'/x -d '{\"customer_id\": \"c'\\''1\"}' -H \"x\""
    );
}

#[test]
fn a_word_is_not_filled_inside_a_longer_one_and_a_value_is_not_read_again() {
    let values = [("TAG", "TAG", "<x>"), ("X", "<x>", "TAG")];
    assert_eq!(
        filled("git show TAG MY_TAG TAGS <x>", Actor::Shell, &values),
        "git show '<x>' MY_TAG TAGS TAG"
    );
}

#[test]
fn odd_code_is_filled_or_refused_and_never_breaks_the_reader() {
    for code in [
        "\\",
        "'",
        "\"$(",
        "<<EOF",
        "<<EOF\n",
        "cat <<A <<B\n1\nA\n2\nB\n3",
        "$(",
        ")",
        "ä<<ü\n",
        "#",
    ] {
        for actor in [Actor::Shell, Actor::Sql, Actor::Http] {
            let values = [("DIR", "<dir>", "it's; x")];
            assert_eq!(filled(code, actor, &values), code);
            filled(&format!("{code}<dir>{code}"), actor, &values);
        }
    }
}

#[test]
fn a_delimiter_with_any_letters_ends_its_here_document() {
    let values = [("NAME", "<name>", "a; touch pwned")];
    assert_eq!(
        filled(
            "cat <<'END-SQL'\nSELECT 1;\nEND-SQL\necho hello <name>",
            Actor::Shell,
            &values
        ),
        "cat <<'END-SQL'\nSELECT 1;\nEND-SQL\necho hello 'a; touch pwned'"
    );
}

#[test]
fn code_in_code_is_quoted_for_both() {
    let values = [("NAME", "<name>", "it's $x")];
    for (code, expected) in [
        (
            "psql -c \"SELECT '<name>'\"",
            "psql -c \"SELECT 'it''s \\$x'\"",
        ),
        (
            "bash -c \"ls '<name>'\"",
            "bash -c \"ls 'it'\\\\''s \\$x'\"",
        ),
        (
            "psql <<END\nSELECT '<name>';\nEND",
            "psql <<END\nSELECT 'it''s \\$x';\nEND",
        ),
    ] {
        assert_eq!(filled(code, Actor::Shell, &values), expected);
    }
}

#[test]
fn what_cannot_be_quoted_is_refused_with_the_way_to_write_it() {
    for (code, help) in [
        ("echo `ls <name>`", "write `$(…)`"),
        ("echo $((<name> + 1))", "give a whole number"),
        ("[[ <name> -eq 1 ]]", "give a whole number"),
        ("psql -c \"SELECT '$X <name>'\"", "pass the value outside"),
        ("python3 -c 'print(\"<name>\")'", "pass the value outside"),
        ("printf -v <name> x", "write the name out"),
        ("echo \"never <name>", "correct the block"),
    ] {
        let said = filled(code, Actor::Shell, &[("NAME", "<name>", "a b")]);
        assert!(
            said.starts_with(&format!("refused: {help}")),
            "{code}: {said}"
        );
        let plain = filled(code, Actor::Shell, &[("NAME", "<name>", "42")]);
        assert_eq!(plain, code.replace("<name>", "42"));
    }
}
