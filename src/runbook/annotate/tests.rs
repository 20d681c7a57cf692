//! Answers on fences of every form, in files of every kind.

use super::*;
use crate::runbook::diagnostic::Diagnostic;
use crate::runbook::parse;

fn answer(block: BlockNumber, settle: Settle) -> Answer {
    Answer {
        block,
        settle,
        id: None,
        expect: None,
        undo: None,
    }
}

/// The guide with these answers, as text.
fn with(guide: &str, answers: &[Answer]) -> String {
    let annotated = annotate("guide.md", guide.as_bytes(), &[], answers).unwrap();
    String::from_utf8(annotated.bytes).unwrap()
}

#[test]
fn attributes_keep_the_form_of_their_fence() {
    for (info, expected) in [
        ("bash", "bash {.run}"),
        ("bash  ", "bash {.run}  "),
        ("bash {#a}", "bash {#a .run}"),
        ("bash { #a }", "bash { #a .run }"),
        ("bash {}", "bash {.run}"),
        ("bash #a", "bash #a .run"),
        ("bash title=\"a b\"", "bash title=\"a b\" .run"),
        ("bash title=\"a b\" {1,3}", "bash title=\"a b\" {1,3} .run"),
        ("bash {1,3-5}", "bash {1,3-5} .run"),
        ("bash title=x {#a}", "bash title=x {#a .run}"),
        ("{.bash #a}", "{.bash #a .run}"),
        ("{bash}", "{bash .run}"),
        ("{bash, echo=FALSE}", "{bash, echo=FALSE .run}"),
        ("bash,editable", "bash,editable .run"),
        (
            "sh {\"name\":\"deploy\"}",
            "sh {\"name\":\"deploy\",\"run\":\"true\"}",
        ),
        ("sh { name=deploy }", "sh { name=deploy .run }"),
    ] {
        let guide = format!("# T\n\n## 1. A\n\n```{info}\nmake deploy\n```\n");
        let written = with(&guide, &[answer(1, Settle::Run)]);
        assert_eq!(written, guide.replace(info, expected), "{info}");
        let again = parse("guide.md", written.as_bytes());
        assert!(again.blocks[0].annotated, "{info}");
        let ours = |found: &&Diagnostic| !found.message.contains("`echo`");
        assert_eq!(again.diagnostics.iter().find(ours), None, "{info}");
        assert_eq!(with(&written, &[answer(1, Settle::Run)]), written, "{info}");
    }
}

#[test]
fn values_of_every_kind_are_read_as_they_were_given() {
    for expect in [
        "value == 0",
        "stdout.contains('ok')",
        "stdout.contains(\"ok\")",
        "stdout.contains(\"it's\")",
        "stdout.matches('\\\\d+')",
        "stdout == \"a\\\\b'c\"",
        "stdout.contains('&amp; {x} Größe')",
        "value<3",
    ] {
        for info in ["sql", "sql {#a}", "sql {\"name\":\"a\"}", "sql title=\"x\""] {
            for newline in ["\n", "\r\n"] {
                let guide =
                    format!("# T\n\n## 1. A\n\n```{info}\nSELECT 1;\n```\n").replace('\n', newline);
                let mut answer = answer(1, Settle::Check);
                answer.expect = Some(expect.to_owned());
                answer.undo = Some("back-1".to_owned());
                let written = with(&guide, &[answer]);
                let block = &parse("guide.md", written.as_bytes()).blocks[0];
                assert_eq!(
                    block.attributes.expect.as_deref(),
                    Some(expect),
                    "{written}"
                );
                assert_eq!(block.attributes.undo.as_deref(), Some("back-1"));
                assert_eq!(written.matches('\r').count(), guide.matches('\r').count());
            }
        }
    }
}

#[test]
fn fences_are_found_wherever_they_stand() {
    for (guide, expected) in [
        (
            "\u{feff}```bash\nls\n```",
            "\u{feff}```bash {.run}\nls\n```",
        ),
        (
            "~~~~ bash\r\nls\r\n~~~~\r\n",
            "~~~~ bash {.run}\r\nls\r\n~~~~\r\n",
        ),
        (
            "- x\n\n\t```bash\n\tls\n\t```\n",
            "- x\n\n\t```bash {.run}\n\tls\n\t```\n",
        ),
        (
            "1. ```bash\n   ls\n   ```\n",
            "1. ```bash {.run}\n   ls\n   ```\n",
        ),
        (
            "> - ```bash\n>   ls\n>   ```\n",
            "> - ```bash {.run}\n>   ls\n>   ```\n",
        ),
        (
            "   ```bash\rls\r   ```\r",
            "   ```bash {.run}\rls\r   ```\r",
        ),
        (
            "<details>\n\n```bash\nls\n```\n\n</details>\n",
            "<details>\n\n```bash {.run}\nls\n```\n\n</details>\n",
        ),
        (
            "---\ntitle: x\n---\n```bash\nls\n```\n",
            "---\ntitle: x\n---\n```bash {.run}\nls\n```\n",
        ),
        ("```\nls -l\n```\n", "```{.run}\nls -l\n```\n"),
    ] {
        assert_eq!(with(guide, &[answer(1, Settle::Run)]), expected);
    }
}

#[test]
fn damaged_files_stay_as_they_are() {
    let damaged = as_damaged("## 1. Prüfung ✅\n\n```bash\necho fertig ✅\n```\n");
    let mut expected = answer(1, Settle::Check);
    expected.expect = Some("stdout.contains('fertig ✅')".to_owned());
    let annotated = annotate("g.md", damaged.as_bytes(), &[], &[expected.clone()]).unwrap();
    let after = parse("g.md", &annotated.bytes);
    assert_eq!(after.repaired.as_deref(), Some("macroman"));
    assert_eq!(after.blocks[0].attributes.expect, expected.expect);
    let kept = String::from_utf8(annotated.bytes).unwrap();
    assert_eq!(kept.lines().next(), damaged.lines().next());

    let latin = b"## 1. Gr\xf6\xdfe\n\n```bash\necho \xf6\n```\n";
    let annotated = annotate("g.md", latin, &[], &[answer(1, Settle::Run)]).unwrap();
    assert_eq!(
        annotated.bytes,
        b"## 1. Gr\xf6\xdfe\n\n```bash {.run}\necho \xf6\n```\n"
    );
    assert!(annotate("g.md", latin, &[], &[expected]).is_err());
}

fn as_damaged(text: &str) -> String {
    crate::runbook::source::as_macroman(text)
}

#[test]
fn what_a_fence_cannot_say_is_refused() {
    let guide = "# T\n\n```bash\nls\n```\n\n    SELECT 1;\n";
    let mut backtick = answer(1, Settle::Run);
    backtick.expect = Some("stdout.contains('`')".to_owned());
    let refused = annotate("g.md", guide.as_bytes(), &[], &[backtick.clone()]).unwrap_err();
    assert!(refused.to_string().contains("--sidecar"), "{refused}");
    let indented = annotate("g.md", guide.as_bytes(), &[], &[answer(2, Settle::Run)]);
    assert!(indented.unwrap_err().to_string().contains("gonogo.toml"));
    // Beside the guide both can be kept.
    let runbook = parse("g.md", guide.as_bytes());
    let answers = [backtick, answer(2, Settle::Run)];
    let entries = annotations("g.md", guide.as_bytes(), &runbook, &answers).unwrap();
    let after = parse_annotated("g.md", guide.as_bytes(), &entries);
    prove(&runbook, &after, &answers).unwrap();
    assert!(after.blocks.iter().all(|block| block.annotated));
}

const OPTIONS: &str = "# T\n\n## 1. A\n\n- x\n\n  ```bash\n  # Option A: one\n  systemctl stop worker\n\n  # Option B: all\n  systemctl stop worker gateway\n  ```\n\n## 2. B\n\n```bash\nls\n```\n";

#[test]
fn parts_are_settled_in_their_fence_until_they_move() {
    let written = with(OPTIONS, &[answer(1, Settle::Parts)]);
    assert_eq!(
        written,
        OPTIONS.replacen("```bash", "```bash {.split parts=1,4}", 1)
    );
    let runbook = parse("guide.md", written.as_bytes());
    assert!(runbook.blocks[0].annotated && runbook.blocks[0].role == Role::Split);
    assert_eq!(runbook.diagnostics, []);
    let changed = written.replace("\n\n  # Option B", "\n  systemctl status\n\n  # Option B");
    let block = &parse("guide.md", changed.as_bytes()).blocks[0];
    assert!(!block.annotated, "it asks again");
    assert!(block.why.contains("lines 1,4"), "{}", block.why);
    let found = &parse("guide.md", changed.as_bytes()).diagnostics;
    assert_eq!((found[0].code.as_str(), found[0].line), ("stale-parts", 7));
}

#[test]
fn parts_become_fences_with_the_code_as_it_is() {
    let written = with(
        OPTIONS,
        &[answer(1, Settle::Fences), answer(2, Settle::Run)],
    );
    assert_eq!(
        written,
        "# T\n\n## 1. A\n\n- x\n\n  ```bash {.run choice=\"options-7.1:Option A: one\"}\n  # Option A: one\n  systemctl stop worker\n\n  ```\n  ```bash {.run choice=\"options-7.1:Option B: all\"}\n  # Option B: all\n  systemctl stop worker gateway\n  ```\n\n## 2. B\n\n```bash {.run}\nls\n```\n"
    );
    let runbook = parse("guide.md", written.as_bytes());
    assert!(
        runbook
            .blocks
            .iter()
            .all(|block| block.annotated && block.role == Role::Run)
    );
    assert_eq!(runbook.diagnostics, []);
    let choice = runbook.blocks[1].choice.as_ref().unwrap();
    assert_eq!(
        (choice.group.as_str(), choice.name.as_str()),
        ("options-7.1", "Option B: all")
    );
}

#[test]
fn a_copied_session_loses_its_prompts_when_it_is_settled_too() {
    let guide = "# T\n\n```console\n$ make deploy\n```\n\n```bash\nls\n```\n";
    let before = parse("g.md", guide.as_bytes());
    let after = parse("g.md", with(guide, &[answer(1, Settle::Run)]).as_bytes());
    assert_eq!(after.blocks[0].code, before.blocks[0].code);
    assert!(!after.blocks[0].code.contains('$'));
}

#[test]
fn an_annotation_beside_the_guide_counts_for_its_code_only() {
    let guide =
        "# T\n\n## 1. A\n\n    SELECT 1;\n\ntext\n\n    SELECT 1;\n\n## 2. B\n\n```bash\nls\n```\n";
    let runbook = parse("g.md", guide.as_bytes());
    let answers = [answer(2, Settle::Check), answer(3, Settle::Run)];
    let entries = annotations("g.md", guide.as_bytes(), &runbook, &answers).unwrap();
    assert_eq!(
        entries[0].occurrence,
        Some(2),
        "the code stands there twice"
    );
    assert_eq!(entries[1].heading, "T > 2. B");
    let after = parse_annotated("g.md", guide.as_bytes(), &entries);
    prove(&runbook, &after, &answers).unwrap();
    assert_eq!(
        after
            .blocks
            .iter()
            .map(|block| block.annotated)
            .collect::<Vec<_>>(),
        [false, true, true]
    );

    let codes = |guide: &str, entries: &[Annotation]| {
        let after = parse_annotated("g.md", guide.as_bytes(), entries);
        let found: Vec<(String, usize)> = after
            .diagnostics
            .iter()
            .filter(|found| found.code.ends_with("-annotation"))
            .map(|found| (found.code.clone(), found.line))
            .collect();
        (
            after.blocks.iter().filter(|block| block.annotated).count(),
            found,
        )
    };
    let changed = guide.replace("ls\n", "ls -l\n");
    assert_eq!(
        codes(&changed, &entries),
        (1, vec![("stale-annotation".to_owned(), 11)])
    );
    assert_eq!(stale(changed.as_bytes(), &entries), entries[1..]);
    let moved = guide.replace("## 2. B", "## 3. C");
    assert_eq!(
        codes(&moved, &entries),
        (1, vec![("stale-annotation".to_owned(), 13)])
    );
    let gone = guide.replace("## 2. B\n\n```bash\nls\n```\n", "");
    assert_eq!(
        codes(&gone, &entries),
        (1, vec![("stale-annotation".to_owned(), 1)])
    );
    let mut unclear = entries.clone();
    unclear[0].occurrence = None;
    assert_eq!(
        codes(guide, &unclear),
        (1, vec![("ambiguous-annotation".to_owned(), 5)])
    );
}

#[test]
fn proposals_say_what_is_certain_and_what_cannot_be_accepted() {
    let guide = "# T\n\n## 1. A\n\n```bash\nls\n```\n\n```bash\nrm -r /srv/x\n```\n\n```yaml\na: 1\n```\n\n```bash {.run}\nls\n```\n\n```\nnpm ci\n```\n\n```sql\nCREATE INDEX i ON t (a);\n-- ... all other indexes ...\n```\n\n```sql\nSELECT count(*) FROM t;\n```\n\nExpected: 0\n";
    let runbook = parse("g.md", guide.as_bytes());
    let found = proposals(&runbook, guide.as_bytes(), false);
    let told: Vec<(usize, bool, bool)> = found
        .iter()
        .map(|proposal| (proposal.block, proposal.accept.is_some(), proposal.certain))
        .collect();
    assert_eq!(
        told,
        [
            (1, true, true),
            (2, true, false),
            (5, true, false),
            (6, false, false),
            (7, true, true)
        ]
    );
    assert_eq!(found[0].heading, ["T", "1. A"]);
    assert!(found[1].allows(Settle::Check, &runbook.blocks[1]).is_err());
    assert_eq!(found[4].expectations[0].cel.as_deref(), Some("value == 0"));
    assert_eq!(proposals(&runbook, guide.as_bytes(), true).len(), 6);
    let broken = format!("```bash\nls\n```\n\n```bash\n{guide}");
    let runbook = parse("g.md", broken.as_bytes());
    assert_eq!(proposals(&runbook, broken.as_bytes(), true).len(), 1);
}

#[test]
fn a_guide_that_nobody_may_edit_has_its_phases_chosen_beside_it() {
    let guide = include_bytes!("../../../tests/guides/rivals.md");
    let before = crate::runbook::parse("rivals.md", guide);
    let titles = |runbook: &crate::runbook::Runbook| -> Vec<String> {
        runbook
            .phases
            .iter()
            .map(|phase| phase.title.clone())
            .collect()
    };
    assert_eq!(titles(&before), ["Phase 1: Prepare", "Phase 2: Move"]);
    let rival = before
        .diagnostics
        .iter()
        .find(|diagnostic| diagnostic.code == "rival-phases")
        .expect("the rivals are reported");
    // The help is what is to be written.
    let heading = rival
        .help
        .split("heading = \"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let heading = heading.expect("the help names the heading");
    let text = format!(
        "[[annotations]]\nguide = \"rivals.md\"\nheading = \"{heading}\"\nattributes = \"begin\"\n"
    );
    let (config, mistakes) = crate::runbook::config::parse_config("gonogo.toml", &text);
    assert_eq!(mistakes, []);
    let after = parse_annotated("rivals.md", guide, &config.annotations_of("rivals.md"));
    assert_eq!(titles(&after), ["Step 1: Before", "Step 2: Do it"]);
    assert!(
        after
            .diagnostics
            .iter()
            .all(|diagnostic| diagnostic.code != "rival-phases")
    );

    // What else a comment under a heading says, may stand beside the guide too.
    let text = text.replace("begin", "begin estimate=5m ponr");
    let (config, mistakes) = crate::runbook::config::parse_config("gonogo.toml", &text);
    assert_eq!(mistakes, []);
    let told = parse_annotated("rivals.md", guide, &config.annotations_of("rivals.md"));
    assert!(told.phases[0].point_of_no_return);
    assert_eq!(
        told.phases[0].estimate.map(|estimate| estimate.max_s),
        Some(300)
    );

    // A slip in the heading or in the word is said.
    let slip = format!("{}s", heading);
    let (config, _) =
        crate::runbook::config::parse_config("gonogo.toml", &text.replace(heading, &slip));
    let stale = parse_annotated("rivals.md", guide, &config.annotations_of("rivals.md"));
    let said = stale
        .diagnostics
        .iter()
        .find(|diagnostic| diagnostic.code == "stale-annotation");
    assert_eq!(
        said.map(|said| said.help.clone()),
        Some(format!("did you mean `{heading}`?"))
    );
    let (_, mistakes) =
        crate::runbook::config::parse_config("gonogo.toml", &text.replace("ponr", "pnor"));
    assert_eq!(mistakes[0].code, "unknown-attribute");
    assert!(mistakes[0].help.contains("ponr"), "{}", mistakes[0].help);
}

#[test]
fn entries_about_headings_stay_when_blocks_are_annotated() {
    let about = "[[annotations]]\nguide = \"g.md\"\nheading = \"A\"\nattributes = \"ponr\"\n";
    let new = Annotation {
        guide: "g.md".to_owned(),
        heading: "A".to_owned(),
        block: "0123456789abcdef".to_owned(),
        attributes: ".run".to_owned(),
        ..Annotation::default()
    };
    let old = crate::runbook::config::parse_config("gonogo.toml", about)
        .0
        .annotations;
    assert_eq!(stale(b"# A\n", &old), []);
    let added = crate::runbook::config::add_annotations(about, &[new], &old).expect("it is added");
    assert!(added.starts_with(about), "{added}");
}
