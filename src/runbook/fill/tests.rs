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
    fill(code, actor, 10, &fillings)
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
    assert_eq!(
        filled("DROP TABLE <name>;", Actor::Sql, &values),
        "DROP TABLE O'Hara;"
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
fn nothing_breaks_the_reading_of_places() {
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
        let length = places(code, Actor::Shell).len();
        assert!(length > code.len() - 1, "{code:?}");
        assert!(places(code, Actor::Sql).len() > code.len() - 1);
        assert_eq!(filled(code, Actor::Shell, &[("DIR", "<dir>", "x")]), code);
    }
}
