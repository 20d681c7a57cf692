use proptest::prelude::*;

use super::*;

fn plain(text: &str) -> String {
    scrub_line(text, false).into_owned()
}

fn coloured(text: &str) -> String {
    scrub_line(text, true).into_owned()
}

/// Bytes in chunks of one size.
fn streamed(bytes: &[u8], chunk: usize, keep_colours: bool) -> String {
    let mut scrubber = Scrubber::new(keep_colours);
    let mut out = String::new();
    for part in bytes.chunks(chunk) {
        scrubber.push(part, &mut out);
    }
    scrubber.finish(&mut out);
    out
}

#[test]
fn ordinary_text_is_not_even_copied() {
    for text in [
        "",
        "plain text",
        "tab\tand\nnewline",
        "grün 漢字 🚀",
        "│ 1 │ ↵ ∅",
    ] {
        assert!(matches!(scrub_line(text, false), Cow::Borrowed(same) if same == text));
    }
}

#[test]
fn sequences_go_and_the_text_around_them_stays() {
    for (hostile, left) in [
        // Titles, clipboard, hyperlinks, notifications, colours of the palette.
        ("a\u{1b}]0;title\u{7}b", "ab"),
        ("a\u{1b}]2;title\u{1b}\\b", "ab"),
        ("a\u{1b}]52;c;ZXZpbA==\u{7}b", "ab"),
        (
            "a\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\b",
            "alinkb",
        ),
        ("a\u{1b}]9;hello\u{9c}b", "ab"),
        ("a\u{9d}0;title\u{9c}b", "ab"),
        // Cursor, screen, modes, scroll regions, answers the terminal would type.
        ("a\u{1b}[2J\u{1b}[Hb", "ab"),
        ("a\u{1b}[1A\u{1b}[2K\u{1b}[10;20Hb", "ab"),
        ("a\u{1b}[?1049h\u{1b}[?25l\u{1b}[?2004hb", "ab"),
        ("a\u{1b}[6n\u{1b}[c\u{1b}[>c\u{1b}[0x\u{1b}[21tb", "ab"),
        ("a\u{1b}[!p\u{1b}[1;5r\u{1b}[2 qb", "ab"),
        ("a\u{9b}2Jb", "ab"),
        ("a\u{1b}c\u{1b}7\u{1b}8\u{1b}D\u{1b}Mb", "ab"),
        ("a\u{1b}(0\u{1b}#8\u{1b}%Gb", "ab"),
        // Strings: device control, application commands, privacy messages.
        ("a\u{1b}P$qm\u{1b}\\b", "ab"),
        ("a\u{1b}_Gf=24;AAAA\u{1b}\\b", "ab"),
        ("a\u{1b}^private\u{1b}\\b\u{1b}Xstart\u{1b}\\c", "abc"),
        ("a\u{90}1;2q#0\u{9c}b", "ab"),
        // Sequences within and after one another.
        ("a\u{1b}\u{1b}[2Jb", "ab"),
        ("a\u{1b}[12\u{1b}]0;x\u{7}b", "ab"),
        ("a\u{1b}]0;x\u{1b}[2Jb", "ab"),
        ("a\u{1b}[2\nb", "a\nb"),
        ("a\u{1b}é", "aé"),
        // Controls.
        ("a\u{0}\u{7}\u{8}\u{b}\u{c}\u{e}\u{f}\u{7f}b", "ab"),
        ("a\u{80}\u{84}\u{85}\u{8d}\u{99}b", "ab"),
        // What was cut off at the end.
        ("a\u{1b}", "a"),
        ("a\u{1b}[3", "a"),
        ("a\u{1b}]52;c;AAAA", "a"),
    ] {
        assert_eq!(plain(hostile), left, "{hostile:?}");
        assert_eq!(coloured(hostile), left, "{hostile:?}");
    }
}

#[test]
fn deceptive_characters_go() {
    assert_eq!(
        plain("a\u{202e}b\u{2066}c\u{2069}d\u{200f}e\u{61c}f"),
        "abcdef"
    );
    assert_eq!(
        plain("pay\u{200b}pal\u{200d}.\u{feff}com\u{2060}\u{ad}"),
        "paypal.com"
    );
    assert_eq!(plain("one\u{2028}two"), "one two");
    assert_eq!(plain("tag\u{e0041}\u{e007f}s"), "tags");
    assert_eq!(
        plain("\u{26a0}\u{fe0f} careful"),
        "\u{26a0}\u{fe0f} careful"
    );
}

#[test]
fn colours_stay_where_they_are_wanted() {
    let text =
        "\u{1b}[1;31mred\u{1b}[0m \u{1b}[38;5;8mgrey\u{1b}[38;2;8;8;8mrgb\u{1b}[4:3mcurly\u{1b}[m";
    assert_eq!(coloured(text), text);
    assert_eq!(plain(text), "red greyrgbcurly");
}

#[test]
fn what_looks_like_a_colour_and_is_none_goes() {
    for hostile in [
        "\u{1b}[>4;2m",
        "\u{1b}[?4m",
        "\u{1b}[1 m",
        "\u{1b}[<0;1;1m",
        "\u{1b}[8m",
        "\u{1b}[08m",
    ] {
        assert_eq!(coloured(&format!("a{hostile}b")), "ab", "{hostile:?}");
    }
    assert_eq!(coloured("\u{1b}[1;8;31mx"), "\u{1b}[1;31mx");
    assert_eq!(coloured(&format!("\u{1b}[{}mx", "1;".repeat(100))), "x");
}

#[test]
fn a_string_without_its_end_does_not_swallow_the_next_line() {
    assert_eq!(plain("a\u{1b}]0;title\nb\nc"), "a\nb\nc");
}

#[test]
fn a_carriage_return_overwrites_its_line() {
    assert_eq!(plain("10%\r50%\r100%\ndone\n"), "100%\ndone\n");
    assert_eq!(plain("kept\nover\rwritten"), "kept\nwritten");
    assert_eq!(plain("windows\r\nlines\r\n"), "windows\nlines\n");
    assert_eq!(plain("the last\r"), "the last");
    assert_eq!(plain("the last\r\r\n"), "the last\n");
    assert_eq!(plain("gone\r\u{1b}[K\n"), "\n");
    assert_eq!(
        coloured("old\r\u{1b}[32mnew\u{1b}[0m"),
        "\u{1b}[32mnew\u{1b}[0m"
    );
}

#[test]
fn bytes_that_are_no_text_are_marked() {
    assert_eq!(streamed(b"a\xffb\xc3(c", 1, false), "a\u{fffd}b\u{fffd}(c");
    assert_eq!(streamed(b"cut \xe6\xbc", 3, false), "cut \u{fffd}");
    // Raw C1 bytes are no UTF-8, so they are no controls either.
    assert_eq!(streamed(b"a\x9b2Jb", 1, false), "a\u{fffd}2Jb");
}

#[test]
fn chunks_may_be_cut_anywhere() {
    let text = "a\u{1b}]52;c;AAAA\u{1b}\\b\u{1b}[1;31mü漢🚀\u{1b}[0m\r\nx\r50%\r99%\n\u{202e}end"
        .as_bytes();
    let whole = streamed(text, text.len(), true);
    assert_eq!(whole, "ab\u{1b}[1;31mü漢🚀\u{1b}[0m\n99%\nend");
    for chunk in 1..text.len() {
        assert_eq!(streamed(text, chunk, true), whole, "chunks of {chunk}");
    }
}

#[test]
fn whole_lines_may_be_taken_away_between_chunks() {
    let mut scrubber = Scrubber::new(false);
    let mut out = String::new();
    scrubber.push(b"first\nsec", &mut out);
    out.drain(..6);
    scrubber.push(b"ond\rover\n", &mut out);
    assert_eq!(out, "over\n");
}

/// Nothing that a terminal would obey, whatever comes in.
fn is_harmless(text: &str, colours: bool) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        let sequence = &rest[at..];
        let Some(end) = sequence.find('m').filter(|_| colours) else {
            return false;
        };
        let parameters = sequence
            .strip_prefix("\u{1b}[")
            .map(|inner| &inner[..end - 2]);
        if !parameters.is_some_and(|inner| {
            inner
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b';' | b':'))
        }) {
            return false;
        }
        rest = &sequence[end + 1..];
    }
    text.chars().all(|character| {
        matches!(character, '\t' | '\n' | '\u{1b}')
            || !character.is_control() && !is_deceptive(character)
    })
}

fn hostile_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..6),
        any::<char>().prop_map(|character| character.to_string().into_bytes()),
        proptest::sample::select(vec![
            "\u{1b}", "\u{1b}[", "\u{1b}]", "\u{1b}P", "\u{1b}\\", "\u{9b}", "\u{9d}", "\u{9c}",
            "\u{7}", "\r", "\n", "m", "8", ";", ":", "31", "K", "?", " ", "\u{202e}", "text",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_bytes_get_through_that_a_terminal_would_obey(bytes in hostile_bytes(), colours in any::<bool>()) {
        let out = streamed(&bytes, usize::MAX, colours);
        prop_assert!(is_harmless(&out, colours), "{out:?}");
    }

    #[test]
    fn the_cut_of_the_chunks_changes_nothing(bytes in hostile_bytes(), chunk in 1_usize..8) {
        prop_assert_eq!(streamed(&bytes, chunk, true), streamed(&bytes, usize::MAX, true));
    }

    #[test]
    fn what_is_clean_stays_as_it_is(bytes in hostile_bytes()) {
        let once = streamed(&bytes, usize::MAX, true);
        prop_assert_eq!(scrub_line(&once, true).into_owned(), once);
    }
}
