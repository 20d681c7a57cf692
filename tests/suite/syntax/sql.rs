//! SQL as the layer cuts it, and as psql does.

use std::io::Write;
use std::process::{Command, Stdio};

use gonogo::runbook::syntax::{Item, SqlScript};
use proptest::prelude::*;

use super::shell::{Disagreements, cases, many};
use crate::support::{Database, fresh_database};

/// What psql prints of a script: results, and a word for each time it asked the server.
pub fn psql(database: &Database, script: &str) -> String {
    let mut child = Command::new("psql")
        .args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-d",
            &database.conninfo(),
            "-f",
            "-",
        ])
        .env("PGOPTIONS", "-c client_min_messages=error")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let text = format!("\\timing on\n{script}");
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = text.lines().filter(|line| !line.is_empty());
    let lines = lines.map(|line| match line.starts_with("Time: ") {
        true => "asked",
        false => line,
    });
    lines.fold(String::new(), |text, line| text + line + "\n")
}

const PIECES: [&str; 44] = [
    "SELECT ",
    "SELECT 1",
    "'a;b'",
    "'it''s;'",
    "E'it\\';s'",
    "E'a\\\\'",
    "'a\\'",
    "\"x;y\"",
    "$$;$$",
    "$a$ ; $$ $a$",
    "a$$b$$",
    "$1",
    " -- c; '\n",
    "/* ; /* ' */ */",
    "(1;2)",
    "(",
    ")",
    ";",
    ";",
    ";",
    "; ",
    "\n",
    " ",
    ", ",
    "1",
    " AS ",
    "::int",
    ":x",
    ":'x'",
    ":\"x\"",
    " \\; ",
    " \\g\n",
    " \\gset\n",
    "\\echo 'e;' \"f\n",
    "\\set x 3\n",
    "\\set y 'a b' \\\\ ",
    "U&'\\0061;'",
    "B'1'",
    "N'n;'",
    "'p'\n'q;'",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; END",
    "BEGIN",
    "END",
    "DO $$ BEGIN PERFORM 1; END $$",
];

const WHOLE: [&str; 16] = [
    "SELECT 'a;b', E'it\\';s';",
    "SELECT 1 AS \"x;y\" -- no; '\n;",
    "SELECT $t$ ; $t$ || $$;$$;",
    "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;",
    "SELECT 1 \\; SELECT 2;",
    "SELECT 3 AS x \\gset\n",
    "SELECT :x, :'x' ;",
    "SELECT 4 \\g\n",
    "\\set x 5\n",
    "\\echo a; 'b;'\n",
    "/* ; */ SELECT 6;",
    "TRUNCATE c;",
    "COPY c FROM STDIN;\nit's ; one\ntwo\\\\\n\\.\n",
    "\\copy c from stdin\nthree;\n\\.\n",
    "SELECT count(*) FROM c;",
    "DO $b$ BEGIN PERFORM 1; END $b$;",
];

fn scripts() -> impl Strategy<Value = String> {
    let pieces = prop::collection::vec(prop::sample::select(PIECES.to_vec()), 1..10);
    let whole = prop::collection::vec(prop::sample::select(WHOLE.to_vec()), 1..6);
    prop_oneof![
        pieces.prop_map(|pieces| pieces.concat()),
        whole.prop_map(|whole| whole.join(" "))
    ]
}

/// One statement or command after the other, with a mark behind each.
fn one_by_one(script: &SqlScript, mark: &str) -> String {
    let mut text = String::new();
    let mut items = script.items().iter().peekable();
    let mut at = 0;
    while let Some(item) = items.next() {
        // It stands in the statement that it sends or interrupts.
        if matches!(item, Item::Meta(meta) if meta.inside) {
            continue;
        }
        if item.span().start >= at {
            nothings(script, at, item.span().start, &mut text);
        }
        at = at.max(item.span().end);
        match item {
            Item::Data(span) => {
                text.push_str(script.text(*span));
                text.push_str("\\.\n");
            }
            _ => {
                text.push_str(script.text(item.span()));
                text.push('\n');
            }
        }
        let mut rest = items.clone();
        let data = rest.find(|next| !matches!(next, Item::Meta(meta) if meta.inside));
        if !matches!(data, Some(Item::Data(_))) {
            text.push_str(mark);
        }
    }
    nothings(script, at, script.source().len(), &mut text);
    text
}

/// A `;` with nothing before it is no statement; psql asks the server all the same.
fn nothings(script: &SqlScript, from: usize, upto: usize, text: &mut String) {
    let comments = script.comments();
    let signs = script.source()[from..upto]
        .match_indices(';')
        .filter(|(at, _)| {
            let mut around = comments.iter();
            !around.any(|comment| comment.span.holds(from + at))
        });
    signs.for_each(|_| text.push_str(";\n"));
}

#[tokio::test]
async fn statements_are_those_that_psql_sends() {
    let database = fresh_database().await;
    let mut connection = database.connect().await;
    crate::support::execute(&mut connection, "CREATE TABLE c (a text)").await;
    let mark = "\\echo mark\n";
    let codes = cases(1_500);
    let readable: Vec<(String, SqlScript)> = many(scripts(), codes)
        .into_iter()
        .map(|code| (code.clone(), SqlScript::read(&code)))
        .filter(|(_, script)| {
            let closed = script
                .statements()
                .all(|one| one.ending != gonogo::runbook::syntax::Ending::Open);
            script.unreadable().is_none() && closed
        })
        .collect();
    assert!(readable.len() > codes / 3, "{}", readable.len());
    let whole = run(&database, readable.iter().map(|(code, _)| code.clone()));
    let parts = readable.iter().map(|(_, script)| one_by_one(script, mark));
    let parts = run(&database, parts);
    let mut wrong = Disagreements::default();
    for (index, (code, script)) in readable.iter().enumerate() {
        let (Some(whole), Some(parts)) = (&whole[index], &parts[index]) else {
            wrong.add(format!("psql goes on behind its end\n{code}"));
            continue;
        };
        let without = parts.replace("mark\n", "").replace("mark", "");
        if whole.trim() != without.trim() {
            wrong.add(format!("{code}\n--\n{whole}\n--\n{parts}"));
        }
        // Each piece asks the server at most once, but for what is joined on purpose.
        let joined = ["\\;", "\\g", ";;"].iter().any(|sign| code.contains(sign));
        let mut pieces = parts.split("mark");
        let at_once = pieces.all(|piece| piece.matches("asked").count() <= 1 || piece == parts);
        let asked = parts.matches("asked").count();
        let most = script.statements().count() + code.matches(';').count() + 1;
        if !(joined || at_once || asked <= most) {
            wrong.add(format!("it asks {asked} times\n{code}\n{parts}"));
        }
    }
    wrong.none("psql cuts these otherwise", readable.len());
}

/// What the next script begins with is the same, whatever this one has left. Nothing of it is printed.
const CLEAN: &str = r"
\r
\unset x
\unset y
\timing off
ROLLBACK;
TRUNCATE c;
\timing on
";

/// What psql prints of each, all in one session; `None` where it never comes to the end of it, or to
/// the beginning, because it takes the one before to go on.
fn run(database: &Database, scripts: impl Iterator<Item = String>) -> Vec<Option<String>> {
    let mut all = String::new();
    let mut count = 0;
    for (index, script) in scripts.enumerate() {
        all.push_str(&script);
        all.push_str(CLEAN);
        all.push_str(&format!("\\echo next {index}\n"));
        count += 1;
    }
    let printed = psql(database, &all);
    let mut found = vec![None; count];
    let mut rest = printed.as_str();
    for (index, one) in found.iter_mut().enumerate() {
        if let Some((before, after)) = rest.split_once(&format!("next {index}\n")) {
            *one = Some(before.to_owned());
            rest = after;
        }
    }
    found
}
