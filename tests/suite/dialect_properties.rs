//! What holds of every text that is opened as a guide: it opens, its lines exist, its ids are unique,
//! and its code stands where it is said to stand.

use gonogo::runbook::diagnostic::render;
use gonogo::runbook::{Actor, Role, check_document, parse};
use gonogo::text::scrub::is_hidden;
use proptest::prelude::*;

use super::dialect::{GUIDES, open};

/// A text without what a guide is rid of when it is read: nothing that cannot be seen is ever run.
fn seen(text: &str) -> String {
    let is_seen = |character: &char| !is_hidden(*character) && *character != '\u{FFFD}';
    text.chars().filter(is_seen).collect()
}

/// What must hold of every guide, however odd.
fn sound(text: &str) {
    let runbook = open(text);
    let lines = text.split(['\n', '\r']).count();
    let mut last = 0;
    for (index, block) in runbook.blocks.iter().enumerate() {
        assert_eq!(block.n, index + 1);
        assert!(
            block.line > last && block.line <= lines,
            "lines of blocks rise and exist"
        );
        assert!(block.code_line == block.line || block.code_line == block.line + 1);
        last = block.line;
        // Code is found where it is said to stand; comments of a shell may have become those of SQL.
        let first = block.code.lines().next().unwrap_or_default().trim();
        let source = text
            .split('\n')
            .nth(block.code_line - 1)
            .unwrap_or_default();
        let plain = !text.contains(['\r', '\0', '\t']) && !first.starts_with("--");
        assert!(
            !plain || seen(source).contains(&seen(first)),
            "{first:?} stands in {source:?}"
        );
        for part in &block.parts {
            assert!(part.line >= block.line && part.line <= lines + 1);
        }
    }
    let mut ids: Vec<&str> = runbook.steps().map(|step| step.id.as_str()).collect();
    ids.extend(runbook.walk().map(|phase| phase.id.as_str()));
    let written = text.contains('#') && text.contains('{');
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert!(written || ids.len() == count, "ids are unique");
    for step in runbook.steps() {
        assert!(
            step.blocks
                .iter()
                .all(|number| runbook.block(*number).is_some())
        );
        assert!(step.line >= 1 && step.line <= lines);
    }
    for diagnostic in &runbook.diagnostics {
        assert!(
            diagnostic.line >= 1 && diagnostic.line <= lines,
            "{diagnostic:?}"
        );
        assert!(diagnostic.column >= 1 && diagnostic.width >= 1);
    }
    for phase in runbook.walk() {
        assert!(!phase.steps.is_empty());
    }
    assert!(
        runbook
            .blocks
            .iter()
            .all(|block| block.role != Role::Run || block.actor != Actor::Nobody)
    );
    render(&runbook.diagnostics, "guide.md", text);
    check_document(&runbook);
}

#[test]
fn odd_guides_open() {
    for text in [
        "",
        "\n",
        "#",
        "```",
        "````\n```\n",
        "- [ ]",
        "---\n",
        "---\ngonogo:\n",
        "# {#}",
        "<!-- gonogo:",
        "> - ```sh\n> ls",
        "\t# a\n\tb",
        "## Step 99999999999999999999: x",
        "T-99999999999999999999h",
        "| a |\n|",
        "# é{#é}\n```é {é=\"",
        "# A\n## Step 1\n```bash\n#\n# or\n# or: \n```",
        "```sql\n'\n```",
        "```bash\n<<'\n```",
        "```bash\n$ \n```",
        "1️⃣",
        "```bash\necho a\u{E0100}b\u{2028}c\n```",
        "```bash\nssh h\n```",
        "```bash\npsql\n```",
        "# A\n# B\n# C",
        "## a\n# b\n### c\n## Rollback\n# Rollback\n### x",
    ] {
        sound(text);
    }
    for bytes in [
        &b"\xff\xfe#\0 \0a\0"[..],
        b"\0\0",
        b"# a\r## b\r",
        b"\xef\xbb\xbf# a",
        &[0x80; 300],
    ] {
        parse("guide.md", bytes);
    }
    for guide in GUIDES {
        sound(guide);
    }
}

#[test]
fn large_guides_open_in_time_that_grows_with_their_size() {
    for text in [
        "# Step 1: a\n".repeat(10_000),
        "> ".repeat(20_000),
        "```bash\nssh host\nls\nexit\n".repeat(1_000),
        format!("```bash\n{}```\n", "psql\nSELECT 1;\nls\n".repeat(1_000)),
        format!(
            "```bash\n{}```\n",
            "# Option 1\nls\n# or: npx b\n".repeat(1_000)
        ),
        "[".repeat(100_000),
        "## Step 1: a\n\n- [ ] b\n".repeat(5_000),
        format!(
            "## Step 1: a\n\n{}",
            "### Rollback\n\n```bash\nls\n```\n\n".repeat(2_000)
        ),
        format!(
            "```sql\n{}```\n",
            "SELECT 1; -- expected: 0\n".repeat(5_000)
        ),
    ] {
        open(&text);
    }
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("# ".to_owned()),
        Just("## Step 1: ".to_owned()),
        Just("### Rollback\n".to_owned()),
        Just("\n```bash\n".to_owned()),
        Just("\n```sql {#a .check expect=\"".to_owned()),
        Just("\n```\n".to_owned()),
        Just("- [ ] ".to_owned()),
        Just("\n# or: npx b\n".to_owned()),
        Just("\n# Option A\n".to_owned()),
        Just("psql \"$URL\"\n".to_owned()),
        Just("<!-- gonogo: undo=".to_owned()),
        Just("**Expected**: ".to_owned()),
        Just("WAIT 7 DAYS (5-".to_owned()),
        "\\PC{0,12}",
        "[ \t\r\n'\"$<>{}\\[\\]`~#*_|:;.&-]{0,6}",
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_text_opens(text in pieces()) {
        sound(&text);
    }

    #[test]
    fn any_bytes_open(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        parse("guide.md", &bytes);
    }

    #[test]
    fn a_guide_cut_and_joined_anywhere_opens(
        guide in 0..GUIDES.len(),
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
        middle in pieces(),
    ) {
        let characters: Vec<char> = GUIDES[guide].chars().collect();
        let (from, to) = (from.index(characters.len()), to.index(characters.len()));
        let text: String = characters[..from].iter().copied().chain(middle.chars()).chain(characters[to..].iter().copied()).collect();
        sound(&text);
    }
}
