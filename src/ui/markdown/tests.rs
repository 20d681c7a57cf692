use super::*;

fn shown(text: &str, width: usize) -> Vec<String> {
    let theme = &Theme::embedded().unwrap()[0];
    pieces(text, theme)
        .iter()
        .flat_map(|piece| lay_out(piece, width, theme))
        .map(|line| line.to_string().trim_end().to_owned())
        .collect()
}

#[test]
fn paragraphs_lists_and_code() {
    let text = "Stop *writes* first.\nThen go on.\n\n- one\n- two with `code`\n  1. deep\n\n```sql\nSELECT 1;\n```\nAfter.";
    assert_eq!(
        shown(text, 40),
        [
            "Stop writes first. Then go on.",
            "",
            "• one",
            "• two with code",
            "  1. deep",
            "",
            "▏SELECT 1;",
            "",
            "After."
        ]
    );
}

#[test]
fn tables_fit_the_width() {
    let text = "| table | rows now |\n|---|---|\n| audits | 10 000 and growing |\n";
    assert_eq!(
        shown(text, 20),
        [
            "table  │ rows now",
            "───────┼────────────",
            "audits │ 10 000 and",
            "       │ growing"
        ]
        .map(|line| line.to_owned())
    );
}

#[test]
fn comments_are_not_shown_and_marks_are_dropped() {
    assert_eq!(shown("<!-- gonogo: ponr -->\ntext", 20), ["text"]);
    assert_eq!(plain("**all** `rows` [here](http://x)"), "all rows here");
}

#[test]
fn no_text_makes_it_panic() {
    for text in [
        "|a|\n|-|",
        "> > q\n- x\n\n```",
        "- [ ] ",
        "",
        "\t\tx",
        "1.\n2.",
        "|a|b|\n|-|-|\n|",
    ] {
        for width in 0..12 {
            shown(text, width);
        }
    }
}
