//! What is told about a guide: mistakes in annotations, fences that are not closed, SQL that hurts,
//! secrets, and conditions, each where it stands and with the next act.

use gonogo::runbook::diagnostic::render;
use gonogo::runbook::{ConditionProblem, check_conditions};

use super::dialect::{codes, open};

#[test]
fn mistakes_in_annotations_get_advice_where_they_stand() {
    let text = "# A\n\n## Step 1: a {#one}\n<!-- gonogo: estimat=5m -->\n\n```sql {#one .check expct=\"rows == 0\" timeout=soon undo=resotre}\nSELECT 1;\n```\n\n## Step 2: restore {#restore}\n\n```bash\nls\n```\n";
    let runbook = open(text);
    for (code, line, help) in [
        ("unknown-attribute", 4, "did you mean `estimate`?"),
        ("unknown-attribute", 6, "did you mean `expect`?"),
        ("duplicate-id", 6, "an id of its own"),
        ("bad-attribute", 6, "timeout=30s"),
        ("unknown-undo", 6, "did you mean `restore`?"),
    ] {
        assert!(
            runbook
                .diagnostics
                .iter()
                .any(|found| found.code == code && found.line == line && found.help.contains(help)),
            "{code} at {line}: {:#?}",
            runbook.diagnostics
        );
    }
    insta::assert_snapshot!(
        "annotations",
        render(&runbook.diagnostics, "guide.md", text)
    );
}

#[test]
fn a_blank_that_is_a_secret_is_not_asked_for_where_others_could_read_it() {
    let runbook = open("# A\n\n## Step 1\n\n```bash\ncurl -u <api-key> https://<host>/\n```\n");
    let help = |name: &str| {
        let mut found = runbook.diagnostics.iter();
        let found = found.find(|found| found.code == "blank" && found.help.contains(name));
        found.unwrap_or_else(|| panic!("{:#?}", runbook.diagnostics))
    };
    assert!(help("API_KEY").help.contains("secrets.API_KEY"));
    assert!(!help("API_KEY").help.contains("--var"));
    assert!(help("HOST").help.contains("--var HOST="));
}

#[test]
fn nothing_after_an_open_fence_can_be_armed() {
    let runbook =
        open("# A\n\n## Step 1\n\n```bash\nls\n\n## Step 2\n\n```sql\nSELECT 1;\n```\n\ntext\n");
    assert!(codes(&runbook).contains(&"unbalanced-fence"));
    assert!(runbook.blocks.iter().all(|block| block.refused.is_some()));
    let runbook = open("# A\n```bash\nls\n```\n```bash\nls\n");
    assert!(codes(&runbook).contains(&"unterminated-fence"));
    assert!(runbook.blocks[0].refused.is_none());
    assert!(runbook.blocks[1].refused.is_some());
}

#[test]
fn sql_that_hurts_or_cannot_run_is_told() {
    let runbook = open(
        "# A\n\n## Step 1: a\n\n```sql\nBEGIN;\nCREATE INDEX CONCURRENTLY i ON t (a);\nCREATE INDEX j ON t (b);\nALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES u;\nDROP TABLE v;\nCOMMIT;\n```\n",
    );
    for code in [
        "not-in-transaction",
        "index-without-concurrently",
        "constraint-without-not-valid",
        "ddl-without-lock-timeout",
        "destructive-forward",
    ] {
        assert!(
            codes(&runbook).contains(&code),
            "{code}: {:#?}",
            runbook.diagnostics
        );
    }
}

#[test]
fn secrets_and_invisible_characters_are_found_and_not_repeated() {
    let runbook = open(
        "# A\n\n## Step 1: a\n\n```bash\nPGPASSWORD=hunter2 psql -c 'SELECT 1'\npsql postgres://app:hunter2@db/app\nls \u{202e}gnp\u{200b}\n```\n",
    );
    let found: Vec<&str> = codes(&runbook)
        .into_iter()
        .filter(|code| code.starts_with("secret") || code.starts_with("invisible"))
        .collect();
    assert_eq!(
        found,
        [
            "secret-in-the-open",
            "secret-in-the-open",
            "invisible-character"
        ]
    );
    assert!(
        runbook
            .diagnostics
            .iter()
            .all(|diagnostic| !diagnostic.message.contains("hunter2"))
    );
}

#[test]
fn a_comment_after_a_criterion_measures_it() {
    let text = "# A\n\n## Step 1: a\n\n```bash\nls\n```\n\n- [ ] Told <!-- gonogo: value=\"ticket\" -->\n- ✅ Fast <!-- gonogo: expect=\"api.latency < 200ms\" -->\n";
    let runbook = open(text);
    let phase = &runbook.phases[0];
    assert_eq!(
        phase.criteria[0].cel.as_deref(),
        Some("api.latency < 200ms")
    );
    assert_eq!(phase.criteria[0].text, "Fast");
    assert_eq!(phase.steps[0].ticks[0].value.as_deref(), Some("ticket"));
    let mut asked = Vec::new();
    let diagnostics = check_conditions(&runbook, text.as_bytes(), |condition, _| {
        asked.push(condition.to_owned());
        vec![ConditionProblem {
            fragment: "latency".to_owned(),
            message: "unknown name `latency`".to_owned(),
            help: "did you mean `elapsed`?".to_owned(),
        }]
    });
    assert_eq!(asked, ["api.latency < 200ms"]);
    assert_eq!(
        (
            diagnostics[0].line,
            diagnostics[0].column,
            diagnostics[0].width
        ),
        (10, 35, 7)
    );
}
