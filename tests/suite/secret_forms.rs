//! A thousand secrets that are hard to quote, printed by the tools that quote: nothing of one is left.
//! psql is given each fifth of them; `GONOGO_FAULTS=1` asks for all.

use std::io::{Seek, SeekFrom, Write};
use std::process::{Command, Stdio};

use gonogo::text::redact::{MASK, Redactor};

use crate::support::{Database, fresh_database};

const SECRETS: usize = 1_000;

/// What they are made of.
const LETTERS: [char; 34] = [
    '"', '"', '\\', '\\', '$', '$', '&', '&', '`', '\'', '\'', '<', '>', '!', '#', '~', ';', '|',
    '*', '?', '{', '}', '%', '+', '/', '=', ',', '(', 'a', 'Z', '7', 'é', '日', '😀',
];

fn secrets() -> Vec<String> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    (0..SECRETS)
        .map(|_| {
            let length = 8 + next(16);
            (0..length).map(|_| LETTERS[next(LETTERS.len())]).collect()
        })
        .collect()
}

/// Each form stands between two marks, below its name. What needs a process of its own is asked of each tenth.
const FORMS: &str = r#"
form() { printf '<<%s\n%s>>\n' "$1" "$2"; }
n=0
export LC_ALL=C.UTF-8
while IFS= read -r -d '' secret; do
    form plain "$secret"
    form quoted "${secret@Q}"
    printf '<<escaped\n%q>>\n<<declared\n' "$secret"
    declare -p secret
    printf '>>\n'
    LC_ALL=C
    printf '<<ascii\n%q>>\n<<ascii_declared\n' "$secret"
    declare -p secret
    printf '>>\n'
    LC_ALL=C.UTF-8
    ((n++ % 10 == 0)) || continue
    form exported "$(export secret; export -p | grep '^declare -x secret=')"
    form set "$(set | grep '^secret=')"
    form traced "$({ set -x; : "$secret"; } 2>&1 | head -n 1)"
    form base64 "$(printf %s "$secret" | base64)"
    form base64_inside "$(printf 'user:%s' "$secret" | base64 -w 0)"
    form base64_url "$(printf 'x%s' "$secret" | basenc --base64url)"
    form base32 "$(printf 'ab%s' "$secret" | base32)"
    form hex "$(printf %s "$secret" | basenc --base16)"
    form bytes "$(printf %s "$secret" | od -An -v -tx1)"
    form dump "$(printf 'user:%s\n' "$secret" | od -A x -v -t x1z)"
    form words "$(printf 'ab%s' "$secret" | od -v -x)"
done
"#;
/// Forms of every secret, and those of each tenth.
const EACH: usize = 6;
const TENTH: usize = 11;

/// As columns, each between two marks.
const SQL: &str = r#"
SELECT 'BEGIN:' || form || ':END' FROM (SELECT n, unnest(ARRAY[
  secret, quote_literal(secret), quote_ident(secret), format('%L::text', secret),
  to_json(secret)::text, to_json(to_json(secret)::text)::text,
  json_build_object('a', json_build_array(secret))::text,
  encode(convert_to(secret, 'UTF8'), 'base64'), encode(convert_to(secret, 'UTF8'), 'hex'),
  encode(convert_to(secret, 'UTF8'), 'escape'), convert_to(secret, 'UTF8')::text,
  xmlelement(name x, secret)::text, xmlelement(name x, xmlattributes(secret AS a))::text
]) AS form FROM secrets) AS forms ORDER BY n;
"#;

/// The form without the secret, which is the same when it comes in two pieces.
#[track_caller]
fn masked(redactor: &Redactor, form: &str) -> String {
    let whole = redactor.redact_text(form);
    let mut middle = form.len() / 2;
    while !form.is_char_boundary(middle) {
        middle -= 1;
    }
    let safe = redactor.cut_from(&form[..middle]);
    let (first, rest) = form.split_at(safe);
    let pieces = redactor.redact_text(first) + &redactor.redact_text(rest);
    assert_eq!(
        pieces, whole,
        "{form:?} cut at {middle}, of which {safe} are safe"
    );
    whole
}

/// What is left where a secret has been masked may hold quotes and neighbours, and nothing more.
fn left(text: &str) -> usize {
    text.replace(MASK, "").chars().count()
}

#[test]
fn shells_and_coreutils_show_nothing_of_a_thousand_secrets() {
    let secrets = secrets();
    let mut input = tempfile::tempfile().unwrap();
    for secret in &secrets {
        write!(input, "{secret}\0").unwrap();
    }
    input.seek(SeekFrom::Start(0)).unwrap();
    let output = Command::new("bash")
        .args(["--norc", "--noprofile", "-c", FORMS])
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::from(input))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut forms = text.split(">>\n<<");
    let mut shown = Vec::new();
    for (index, secret) in secrets.iter().enumerate() {
        let redactor = Redactor::new(vec![secret.clone()]);
        let own = EACH + if index % 10 == 0 { TENTH } else { 0 };
        for form in forms.by_ref().take(own) {
            let form = form.trim_start_matches("<<").trim_end_matches(">>\n");
            let (name, form) = form.split_once('\n').unwrap();
            let body = masked(&redactor, form);
            // The words around it (`declare -x secret=`, `: `, `user:` as base64), and a byte on
            // each side where two share a character.
            let most = match name {
                "declared" | "exported" | "ascii_declared" => 26,
                // The beginning of its first line, and the line of the newline behind it.
                "dump" | "words" => 90,
                "base64" | "base64_inside" | "base64_url" | "base32" | "set" | "traced" => 16,
                _ => 8,
            };
            if !body.contains(MASK) || left(&body) > most {
                shown.push(format!("{name}\n{secret}\n{form}\n{body}"));
            }
        }
    }
    assert_eq!(forms.next(), None, "each form was looked at");
    shown.sort_by_key(String::len);
    assert!(
        shown.is_empty(),
        "{} of {}:\n{}",
        shown.len(),
        SECRETS * EACH + SECRETS / 10 * TENTH,
        shown[..shown.len().min(8)].join("\n---\n")
    );
}

fn psql(database: &Database, arguments: &[&str], script: &str) -> String {
    let mut child = Command::new("psql")
        .args(["-X", "-q", "-d", &database.conninfo()])
        .args(arguments)
        .env("PGCLIENTENCODING", "UTF8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let script = script.to_owned();
    let writer = std::thread::spawn(move || input.write_all(script.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn psql_and_its_server_show_nothing_of_a_secret() {
    let database = fresh_database().await;
    let secrets: Vec<String> = match std::env::var_os("GONOGO_FAULTS") {
        Some(_) => secrets(),
        None => secrets().into_iter().step_by(5).collect(),
    };
    let mut script = String::from("CREATE TABLE secrets (n int, secret text);\n");
    for (number, secret) in secrets.iter().enumerate() {
        let quoted = secret.replace('\'', "''");
        script.push_str(&format!(
            "INSERT INTO secrets VALUES ({number}, '{quoted}');\n"
        ));
    }
    psql(&database, &[], &script);
    let mut shown = Vec::new();
    let whole = "SELECT 'BEGIN:' || secret || ':END' FROM secrets ORDER BY n;";
    for (how, query, columns) in [
        (&["-At"][..], SQL, 13),
        (&["-t", "--csv"], whole, 1),
        (&["-t", "-H"], whole, 1),
    ] {
        let printed = psql(&database, how, query);
        let forms: Vec<&str> = printed
            .split("BEGIN:")
            .skip(1)
            .filter_map(|rest| rest.split_once(":END"))
            .map(|(form, _)| form)
            .collect();
        assert_eq!(forms.len(), secrets.len() * columns, "{how:?}");
        for (secret, forms) in secrets.iter().zip(forms.chunks(columns)) {
            let redactor = Redactor::new(vec![secret.clone()]);
            for form in forms {
                let masked = masked(&redactor, form);
                // `E'…'::text`, `<x a="…"/>`, `{"a" : ["…"]}` in HTML.
                if !masked.contains(MASK) || left(&masked) > 50 {
                    shown.push(format!("{how:?}\n{secret}\n{form}\n{masked}"));
                }
            }
        }
    }
    shown.sort_by_key(String::len);
    assert!(
        shown.is_empty(),
        "{}:\n{}",
        shown.len(),
        shown[..shown.len().min(8)].join("\n---\n")
    );
}
