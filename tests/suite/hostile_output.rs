//! What commands, servers and databases may print to drive the terminal or deceive the reader: nothing
//! of it gets past the shim.

use std::collections::BTreeMap;
use std::path::Path;

use gonogo::executor::ActionKind;
use gonogo::runbook::Actor;
use gonogo::text::scrub::is_deceptive;

use crate::executor::{Bench, Done};
use crate::support::fresh_database;

/// Each with the name of what it would do.
pub const CORPUS: &[(&str, &str)] = &[
    ("title", "\u{1b}]0;owned\u{7}"),
    ("title by ST", "\u{1b}]2;owned\u{1b}\\"),
    ("clipboard", "\u{1b}]52;c;b3duZWQ=\u{7}"),
    (
        "hyperlink",
        "\u{1b}]8;;http://owned\u{1b}\\here\u{1b}]8;;\u{1b}\\",
    ),
    ("notification", "\u{1b}]9;owned\u{7}"),
    (
        "palette",
        "\u{1b}]4;1;rgb:00/00/00\u{7}\u{1b}]11;#000000\u{7}",
    ),
    ("working directory", "\u{1b}]7;file:///owned\u{7}"),
    ("device attributes", "\u{1b}[c\u{1b}[>c\u{1b}[=c"),
    ("cursor report", "\u{1b}[6n\u{1b}[?6n"),
    ("window report", "\u{1b}[21t\u{1b}[18t"),
    ("setting report", "\u{1b}P$q\"p\u{1b}\\"),
    ("terminfo report", "\u{1b}P+q544e\u{1b}\\"),
    ("clear", "\u{1b}[2J\u{1b}[3J\u{1b}[H"),
    ("overwrite", "\u{1b}[1A\u{1b}[2K\u{1b}[999D"),
    ("alternate screen", "\u{1b}[?1049h"),
    ("hidden cursor", "\u{1b}[?25l"),
    ("mouse", "\u{1b}[?1000h\u{1b}[?1006h"),
    ("paste", "\u{1b}[?2004h\u{1b}[200~"),
    ("keyboard", "\u{1b}[>4;2m\u{1b}[>1u"),
    ("scroll region", "\u{1b}[5;5r\u{1b}D\u{1b}M"),
    ("reset", "\u{1b}c\u{1b}[!p"),
    ("character set", "\u{1b}(0\u{e}lqk\u{f}\u{1b}(B"),
    (
        "graphics",
        "\u{1b}Pq#0;2;0;0;0#0~~\u{1b}\\\u{1b}_Gf=24,s=1,v=1;AAAA\u{1b}\\",
    ),
    ("concealed", "\u{1b}[8m"),
    ("printer", "\u{1b}[5i\u{1b}[4i"),
    ("key definition", "\u{1b}P0;0|41/6c73\u{1b}\\"),
    ("C1", "\u{9b}2J\u{9d}0;owned\u{9c}\u{90}q\u{9c}\u{85}\u{84}"),
    ("bell and others", "\u{7}\u{8}\u{b}\u{c}\u{5}\u{7f}"),
    (
        "bidi",
        "\u{202e}txt.exe\u{202c}\u{2066}\u{2067}\u{2068}\u{2069}\u{200e}\u{200f}\u{61c}",
    ),
    (
        "zero width",
        "\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}\u{ad}\u{180e}",
    ),
    ("tags", "\u{e0001}\u{e0041}\u{e007f}"),
    ("separators", "\u{2028}\u{2029}"),
    ("split by itself", "\u{1b}[\u{1b}]0;owned\u{7}2J"),
];

/// The whole corpus, each entry between two marks.
fn corpus() -> String {
    CORPUS
        .iter()
        .enumerate()
        .map(|(number, (_, bytes))| format!("<{number}>{bytes}</{number}>\n"))
        .collect()
}

/// No byte of this text does anything but be seen; colours are allowed where they belong.
fn assert_harmless(text: &str, colours: bool, place: &str) {
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        let sequence = &rest[at + 1..];
        let end = sequence.find('m').filter(|_| colours);
        let ours = end.is_some_and(|end| {
            sequence[..end].strip_prefix('[').is_some_and(|inner| {
                inner
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b';' | b':'))
            })
        });
        assert!(ours, "{place}: an escape sequence in {:?}", &rest[at..]);
        rest = sequence;
    }
    for character in text.chars() {
        let fine = matches!(character, '\n' | '\t' | '\u{1b}')
            || !character.is_control() && !is_deceptive(character);
        assert!(fine, "{place}: {character:?} in {text:?}");
    }
    assert!(!text.contains("\u{1b}[8m"), "{place}: hidden text");
}

fn assert_nothing_got_through(done: &Done, actor: Actor) {
    let spool = std::fs::read(done.directory.join("spool")).unwrap();
    let spool = String::from_utf8(spool).expect("the spool is text");
    assert_harmless(&spool, true, "spool");
    for line in &done.lines {
        assert_harmless(&line.text, true, "line");
    }
    let evidence = done.evidence(actor);
    assert_harmless(&evidence.stdout, false, "stdout");
    assert_harmless(&evidence.stderr, false, "stderr");
    for notice in &evidence.notices {
        assert_harmless(notice, false, "notice");
    }
    let json = serde_json::to_value(&evidence).unwrap();
    assert_harmless_json(&json);
}

fn assert_harmless_json(value: &serde_json::Value) {
    match value {
        serde_json::Value::String(text) => assert_harmless(text, false, "evidence"),
        serde_json::Value::Array(items) => items.iter().for_each(assert_harmless_json),
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                assert_harmless(name, false, "evidence");
                assert_harmless_json(value);
            }
        }
        _ => {}
    }
}

fn write_corpus(directory: &Path) {
    std::fs::write(directory.join("corpus"), corpus()).unwrap();
}

#[tokio::test]
async fn commands_print_it_on_both_streams() {
    let bench = Bench::new();
    write_corpus(bench.path());
    let done = bench.run(bench.shell("cat corpus; cat corpus >&2")).await;
    assert_nothing_got_through(&done, Actor::Shell);
    // Nothing but the attack is missing: every entry's marks are there, on its own line.
    for lines in [done.out(), done.err()] {
        assert_eq!(lines.len(), CORPUS.len());
        for (number, line) in lines.iter().enumerate() {
            assert!(
                line.starts_with(&format!("<{number}>")),
                "{}: {line:?}",
                CORPUS[number].0
            );
            assert!(
                line.ends_with(&format!("</{number}>")),
                "{}: {line:?}",
                CORPUS[number].0
            );
        }
    }
}

#[tokio::test]
async fn commands_print_it_byte_by_byte() {
    let bench = Bench::new();
    write_corpus(bench.path());
    let script = "exec 3<corpus; LC_ALL=C; \
                  while IFS= read -r -d '' -n 1 byte <&3; do printf '%s' \"$byte\"; done";
    let mut spec = bench.shell(script);
    spec.env = BTreeMap::from([("LC_ALL".to_owned(), "C".to_owned())]);
    let done = bench.run(spec).await;
    assert_nothing_got_through(&done, Actor::Shell);
    assert_eq!(done.out().len(), CORPUS.len());
}

#[tokio::test]
async fn databases_return_it_in_rows_notices_and_errors() {
    let database = fresh_database().await;
    let bench = Bench::new();
    let quoted = corpus().replace('\'', "''");
    let script = format!(
        "SELECT '{quoted}' AS value, 7 AS \"na\u{202e}me\u{1b}]0;x\u{7}\";
         DO $gonogo$ BEGIN RAISE NOTICE '%', '{quoted}'; END $gonogo$;
         SELECT '{quoted}'::int;"
    );
    let done = bench
        .run(bench.spec(ActionKind::Sql {
            commands: vec![gonogo::run::CommandText::new(0, 1, script)],
            connection: database.conninfo(),
            variables: BTreeMap::new(),
            secret_variables: Vec::new(),
            single_transaction: false,
            settings: BTreeMap::new(),
        }))
        .await;
    assert_eq!(done.record.exit, Some(3), "{:?}", done.lines);
    assert_nothing_got_through(&done, Actor::Sql);
}

#[tokio::test]
async fn colours_of_commands_are_kept() {
    let bench = Bench::new();
    let done = bench
        .run(bench.shell(r"printf '\033[1;32mgreen\033[0m and \033[38;5;208morange\033[m\n'"))
        .await;
    assert_eq!(
        done.out(),
        ["\u{1b}[1;32mgreen\u{1b}[0m and \u{1b}[38;5;208morange\u{1b}[m"]
    );
    assert_eq!(done.evidence(Actor::Shell).stdout, "green and orange\n");
}
