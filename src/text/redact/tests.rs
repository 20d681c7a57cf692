use proptest::prelude::*;

use super::forms::{STANDARD, encoded_inside, percent_encoded};
use super::*;

const SECRET: &str = "s3cr3t/Pa$$w+rd x'y\"z\\ü";

fn redactor(secrets: &[&str]) -> Redactor {
    Redactor::new(secrets.iter().map(|secret| (*secret).to_owned()).collect())
}

/// As a spool takes a line without an end: what is safe, chunk by chunk.
fn streamed(redactor: &Redactor, text: &str, chunk: usize) -> String {
    let (mut pending, mut out) = (String::new(), String::new());
    let characters: Vec<char> = text.chars().collect();
    for part in characters.chunks(chunk) {
        pending.extend(part);
        out.push_str(&take_safe(redactor, &mut pending));
    }
    out + &redactor.redact_text(&pending)
}

fn take_safe(redactor: &Redactor, pending: &mut String) -> String {
    let cut = redactor.cut_from(pending);
    let safe = redactor.redact_text(&pending[..cut]);
    pending.drain(..cut);
    safe
}

/// As a spool takes it: whole lines as soon as they are safe, the rest at the end.
fn by_lines(redactor: &Redactor, text: &str, chunk: usize) -> String {
    let (mut pending, mut out) = (String::new(), String::new());
    for part in text.as_bytes().chunks(chunk) {
        pending.push_str(std::str::from_utf8(part).unwrap());
        if let Some(newline) = pending.rfind('\n') {
            let whole = redactor.whole_lines(&pending[..=newline]);
            out.push_str(&redactor.redact_text(&pending[..whole]));
            pending.drain(..whole);
        }
    }
    out + &redactor.redact_text(&pending)
}

fn base64(bytes: &[u8]) -> String {
    let mut text = encoded_inside(bytes, 0, 6, STANDARD);
    // The last, incomplete digit: only what a whole encoder would add.
    let rest = bytes.len() * 8 % 6;
    if rest > 0 {
        let last = usize::from(*bytes.last().unwrap()) & ((1 << rest) - 1);
        text.push(char::from(STANDARD[last << (6 - rest)]));
    }
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

#[test]
fn the_encoder_of_these_tests_is_right() {
    assert_eq!(base64(b"hunter2"), "aHVudGVyMg==");
    assert_eq!(base64(b"hunter22"), "aHVudGVyMjI=");
    assert_eq!(base64(b"hunter222"), "aHVudGVyMjIy");
}

#[test]
fn a_secret_is_masked_in_every_form() {
    let redactor = redactor(&[SECRET]);
    let json = serde_json::to_string(SECRET).unwrap();
    let percent = percent_encoded(SECRET, |_| false, false);
    for form in [
        SECRET.to_owned(),
        json.trim_matches('"').to_owned(),
        SECRET.replace('\'', "''"),
        SECRET.replace('\'', r"'\''"),
        percent.clone(),
        percent_encoded(SECRET, |_| false, true),
        percent.replace("%20", "+"),
        SECRET.bytes().map(|byte| format!("{byte:02x}")).collect(),
        SECRET.bytes().map(|byte| format!("{byte:02X}")).collect(),
    ] {
        let text = format!("before {form} after");
        let clean = redactor.redact_text(&text);
        assert_eq!(clean, "before ‹redacted› after", "{form}");
    }
}

#[test]
fn base64_of_any_text_around_a_secret_is_masked() {
    let redactor = redactor(&["correct horse"]);
    for before in ["", "u", "ub", "user:", "user:b"] {
        for after in ["", "x", "xy", "\n"] {
            let encoded = base64(format!("{before}correct horse{after}").as_bytes());
            let clean = redactor.redact_text(&encoded);
            assert!(clean.contains(MASK), "{encoded} -> {clean}");
            // At most the digits that the secret shares with its neighbours stay.
            let left = clean.replace(MASK, "");
            let alone = base64(before.as_bytes()).len() + base64(after.as_bytes()).len() + 4;
            assert!(left.len() <= alone, "{encoded} -> {clean}");
        }
    }
}

/// As `base64` and `xxd -p` print it: lines of so many characters.
fn wrapped(text: &str, columns: usize, end: &str) -> String {
    let lines: Vec<&[u8]> = text.as_bytes().chunks(columns).collect();
    lines
        .iter()
        .map(|line| format!("{}{end}", std::str::from_utf8(line).unwrap()))
        .collect()
}

#[test]
fn encoded_text_that_is_wrapped_over_lines_is_masked() {
    let secret = "correct horse battery staple";
    let redactor = redactor(&[secret]);
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let inside = base64(format!("{}{secret}{}", "a".repeat(50), "b".repeat(60)).as_bytes());
    for (encoded, form) in [
        (
            inside.clone(),
            encoded_inside(secret.as_bytes(), 2, 6, STANDARD),
        ),
        (hex.clone(), hex),
    ] {
        for columns in [16, 20, 32, 60, 64, 76] {
            for end in ["\n", "\r\n"] {
                let text = wrapped(&encoded, columns, end);
                for clean in [redactor.redact_text(&text), by_lines(&redactor, &text, 7)] {
                    let joined: String = clean.split_whitespace().collect();
                    assert!(clean.contains(MASK), "{text} -> {clean}");
                    assert!(!joined.contains(&form), "{text} -> {clean}");
                }
            }
        }
    }
}

#[test]
fn only_lines_that_may_be_encoded_are_held_back() {
    let redactor = redactor(&["correct horse battery staple"]);
    let plain = "an ordinary line\n";
    assert_eq!(redactor.whole_lines(plain), plain.len());
    let other = "abcdefghijklmnopqrstuvwxyz0123456789\n";
    assert_eq!(redactor.whole_lines(other), other.len());
    let encoded = base64(b"correct horse battery staple");
    let text = format!("an ordinary line\n{}\n", &encoded[..20]);
    assert_eq!(redactor.whole_lines(&text), "an ordinary line\n".len());
}

#[test]
fn passwords_are_recognised_without_being_known() {
    let redactor = redactor(&[]);
    for (text, clean) in [
        (
            "postgres://app:hunter2@db:5432/x",
            "postgres://app:‹redacted›@db:5432/x",
        ),
        (
            "postgresql://app:p@ss@db/x",
            "postgresql://app:‹redacted›@db/x",
        ),
        ("https://:token@host/", "https://:‹redacted›@host/"),
        ("PGPASSWORD=hunter2 psql", "PGPASSWORD=‹redacted› psql"),
        (
            "export PGPASSWORD='hunter two'; x",
            "export PGPASSWORD=‹redacted›; x",
        ),
        (
            "host=db password=hunter2 dbname=x",
            "host=db password=‹redacted› dbname=x",
        ),
        (
            r#"{"password": "hunter 2", "a": 1}"#,
            r#"{"password": ‹redacted›, "a": 1}"#,
        ),
        (
            "ALTER ROLE app PASSWORD 'it''s';",
            "ALTER ROLE app PASSWORD ‹redacted›;",
        ),
        (
            "Authorization: Bearer abc.def-ghi",
            "Authorization: Bearer ‹redacted›",
        ),
        (
            "-H 'authorization: bearer 0123456789'",
            "-H 'authorization: bearer ‹redacted›'",
        ),
        (
            "Authorization: Basic dTpw",
            "Authorization: Basic ‹redacted›",
        ),
    ] {
        assert_eq!(redactor.redact_text(text), clean);
    }
    for harmless in [
        "http://localhost:8080/health",
        "http://localhost:8080/users/anna@example.com",
        "see https://example.com for mail to a@b.c",
        "the password was changed",
        "ERROR:  password authentication failed for user \"app\"",
        "a bearer of bad news",
        "12:30:45 up 3 days",
    ] {
        assert_eq!(redactor.redact_text(harmless), harmless);
    }
}

#[test]
fn short_secrets_are_masked_as_words_only() {
    let redactor = redactor(&["abc", "", "7"]);
    assert_eq!(
        redactor.redact_text("abc xabcx (abc) 7 17 a=7;"),
        "‹redacted› xabcx (‹redacted›) ‹redacted› 17 a=‹redacted›;"
    );
}

#[test]
fn every_line_of_a_key_is_masked_and_its_frame_is_not() {
    let key =
        "-----BEGIN KEY-----\nMIIEowIBAAKCAQEA75\nq2w3e4r5t6z7u8i9o0\nab==\n-----END KEY-----\n";
    let redactor = redactor(&[key]);
    assert_eq!(
        redactor.redact_text(key),
        "-----BEGIN KEY-----\n‹redacted›\n‹redacted›\nab==\n-----END KEY-----\n"
    );
}

#[test]
fn colours_do_not_hide_a_secret() {
    let redactor = redactor(&["correct horse"]);
    assert_eq!(
        redactor.redact_text("\u{1b}[1ma corr\u{1b}[31mect\u{1b}[0m horse\u{1b}[0m b"),
        "\u{1b}[1ma ‹redacted›\u{1b}[0m b"
    );
    assert_eq!(
        redactor.redact_text("\u{1b}[1mcorrect horse"),
        "\u{1b}[1m‹redacted›"
    );
    assert_eq!(
        redactor.redact_text("\u{1b}[1m\u{1b}[0m"),
        "\u{1b}[1m\u{1b}[0m"
    );
}

#[test]
fn what_may_become_a_secret_is_held_back_and_no_more() {
    let redactor = redactor(&["hunter22"]);
    let shown = |text: &str| redactor.redact_text(&text[..redactor.held_from(text)]);
    assert_eq!(shown("password: hun"), "");
    assert_eq!(
        shown("password: hunter22 and on"),
        "password: ‹redacted› and on"
    );
    assert_eq!(shown("Continue? "), "Continue? ");
    assert_eq!(shown("Continue hunt"), "Continue ");
    assert_eq!(shown("hunting"), "hunting");
    assert_eq!(shown("hunter2"), "");
}

#[test]
fn the_name_of_a_secret_is_not_cut_off_from_it() {
    for text in [
        r#"{"user":"app","password":"correct horse"}"#,
        "x=1;postgres://app:correct%20horse@db/x",
        "export PGPASSWORD='correct horse'",
        "-H 'authorization: bearer correct-horse'",
    ] {
        for chunk in 1..text.len() {
            let clean = streamed(&redactor(&[]), text, chunk);
            assert!(!clean.contains("horse"), "{chunk}: {clean}");
        }
    }
}

#[test]
fn secrets_that_overlap_are_masked_together() {
    for (secrets, text, clean) in [
        (
            &["abcdef", "defghi", "cde1"][..],
            "x abcdefghi y",
            "x ‹redacted› y",
        ),
        // One within another, one in its own end, and side by side.
        (
            &["abcdefgh", "cdef"],
            "abcdefgh cdef",
            "‹redacted› ‹redacted›",
        ),
        (&["abcdefgh", "cdefghijk"], "abcdefghijk", "‹redacted›"),
        (&["abab"], "ababab.abab", "‹redacted›.‹redacted›"),
        (&["aaaa", "bbbb"], "aaaabbbb", "‹redacted›‹redacted›"),
        // A known one begins within one that is only recognised, and the other way round.
        (
            &["ter22 horse"],
            "password=hunter22 horse.",
            "password=‹redacted›.",
        ),
        (
            &["my password"],
            "my password=hunter22 x",
            "‹redacted›=‹redacted› x",
        ),
        // What stands in the place of a secret is the name of one.
        (
            &[],
            "password: password: hunter22",
            "password: ‹redacted› ‹redacted›",
        ),
    ] {
        let redactor = redactor(secrets);
        assert_eq!(redactor.redact_text(text), clean, "{secrets:?}");
        for chunk in 1..6 {
            assert_eq!(
                streamed(&redactor, text, chunk),
                clean,
                "{secrets:?} {chunk}"
            );
        }
    }
}

/// Were each beginning searched to the end of the text, this would take minutes.
#[test]
fn a_flood_of_beginnings_is_no_burden() {
    let text = "password=".repeat(60_000);
    let clean = redactor(&["aaaa"]).redact_text(&text);
    assert_eq!(clean, format!("password={MASK}"));
    let clean = redactor(&["aaaa"]).redact_text(&"a".repeat(500_000));
    assert_eq!(clean, MASK);
}

/// By the definition: a character is masked where it stands within any place of any secret.
fn masked_by_definition(secrets: &[String], text: &str) -> String {
    let mut hidden = vec![false; text.len()];
    let mut begins = vec![false; text.len()];
    for secret in secrets {
        for start in 0..text.len() {
            if text[start..].starts_with(secret.as_str()) {
                hidden[start..start + secret.len()].fill(true);
                begins[start] = true;
            }
        }
    }
    // Side by side they are masked one by one.
    let reaches_over = |at: usize| {
        secrets.iter().any(|secret| {
            (at.saturating_sub(secret.len() - 1)..at)
                .any(|start| text[start..].starts_with(secret.as_str()))
        })
    };
    let mut out = String::new();
    for (at, character) in text.char_indices() {
        let first = at == 0 || !hidden[at - 1] || begins[at] && !reaches_over(at);
        match hidden[at] {
            false => out.push(character),
            true if first => out.push_str(MASK),
            true => {}
        }
    }
    out
}

proptest! {
    #[test]
    fn no_cut_of_the_chunks_lets_a_secret_through(
        before in "[ -~]{0,20}", secret in "[!-~]{8,24}", after in "[ -~]{0,20}", chunk in 1_usize..12
    ) {
        let redactor = redactor(&[&secret]);
        let text = format!("{before}{secret}{after}");
        let clean = streamed(&redactor, &text, chunk);
        prop_assert!(!clean.contains(&secret), "{clean}");
        prop_assert_eq!(redactor.redact_text(&clean), clean.clone());
    }

    #[test]
    fn the_union_of_all_secrets_is_masked_at_once_and_in_chunks(
        secrets in proptest::collection::vec("[ab]{4,7}", 1..5), text in "[ab]{0,40}", chunk in 1_usize..9
    ) {
        let texts: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let redactor = redactor(&texts);
        let clean = masked_by_definition(&secrets, &text);
        prop_assert_eq!(redactor.redact_text(&text), clean.clone());
        prop_assert_eq!(streamed(&redactor, &text, chunk), clean);
    }

    #[test]
    fn texts_without_secrets_come_through_as_they_are(text in "[a-z0-9 \\n.]{0,200}", chunk in 1_usize..12) {
        let redactor = redactor(&["ZQ!correct-horse", "§§"]);
        prop_assert_eq!(streamed(&redactor, &text, chunk), text.clone());
        prop_assert_eq!(redactor.redact_text(&text), text);
    }

    #[test]
    fn any_text_is_survived(text in any::<String>(), secret in any::<String>(), chunk in 1_usize..6) {
        let redactor = redactor(&[&secret]);
        redactor.redact_text(&text);
        streamed(&redactor, &text, chunk);
    }
}

#[test]
fn bytes_are_found_in_dumps_and_their_characters_with_them() {
    let redactor = redactor(&["hunter2-hunter2-hunter2"]);
    for (dump, rest) in [
        (
            "00000000: 7061 7373 3a68 756e 7465 7232 2d68 756e  pass:hunter2-hun\n00000010: 7465 7232 2d68 756e 7465 7232 0a         ter2-hunter2.\nnext\n",
            "00000000: 7061 7373 3a‹redacted›\nnext\n",
        ),
        (
            "00000000  70 61 73 73 3a 68 75 6e  74 65 72 32 2d 68 75 6e  |pass:hunter2-hun|\n00000010  74 65 72 32 2d 68 75 6e  74 65 72 32 0a           |ter2-hunter2.|\n0000001d\n",
            "00000000  70 61 73 73 3a ‹redacted›\n0000001d\n",
        ),
        (
            " 68 75 6e 74 65 72 32 2d 68 75 6e 74 65 72 32 2d\n 68 75 6e 74 65 72 32\nnext\n",
            " ‹redacted›\nnext\n",
        ),
    ] {
        assert_eq!(redactor.redact_text(dump), rest);
        for chunk in [1, 2, 3, 7, 40, 70] {
            assert_eq!(streamed(&redactor, dump, chunk), rest, "{chunk}");
            assert_eq!(by_lines(&redactor, dump, chunk), rest, "{chunk}");
        }
    }
}

#[test]
fn what_only_looks_like_a_dump_stays() {
    let redactor = redactor(&["hunter2-hunter2-hunter2"]);
    for text in [
        "20261130 12 rows\n deadbeef is a word\n 12 34\nabcdef01 a b c\n",
        "00000000: done\n0000000 \n",
    ] {
        assert_eq!(redactor.redact_text(text), text);
        assert_eq!(streamed(&redactor, text, 3), text);
    }
}
