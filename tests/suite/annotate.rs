//! `gonogo annotate`: what a person says is on the fences of the guide afterwards, or in `gonogo.toml`
//! beside it; nothing else has changed, and what is read then is what was said.

use std::os::unix::fs::PermissionsExt;

use gonogo::runbook::annotate::{Answer, Settle, annotate, annotations, proposals, prove};
use gonogo::runbook::config::{add_annotations, parse_config};
use gonogo::runbook::{Role, parse, parse_annotated};
use proptest::prelude::*;

use super::dialect::GUIDES;
use crate::support::home::Home;
use crate::support::terminal::Terminal;

const GUIDE: &str = "# Release\n\n## Phase 1: Look\n\n```sql\nSELECT count(*) FROM t;\n```\n\nExpected: 0\n\n## Phase 2: Change\n\n```bash\n# Option A: one\nsystemctl stop worker\n\n# Option B: all\nsystemctl stop worker gateway\n```\n\n    psql -c 'SELECT 1'\n\n```\nnpm ci\n```\n\n## Rollback\n\n### Restore the dump {#restore}\n\n```bash\npg_restore --clean -d app app.dump\n```\n";

/// A guide in one of the forms that editors and systems leave behind.
fn in_form(guide: &str, form: usize) -> Vec<u8> {
    match form {
        0 => guide.as_bytes().to_vec(),
        1 => guide.replace('\n', "\r\n").into_bytes(),
        2 => format!("\u{feff}{guide}").into_bytes(),
        3 => guide
            .lines()
            .map(|line| format!("> {line}\n"))
            .collect::<String>()
            .into_bytes(),
        4 => guide.replace("```", "~~~~").into_bytes(),
        _ => {
            let inside: String = guide.lines().map(|line| format!("\n\t{line}")).collect();
            format!("- an item\n{inside}\n").into_bytes()
        }
    }
}

/// Lines that open or close a fence; what a line of code in a list or quote looks like does not matter.
fn is_fence(line: &str) -> bool {
    let text = line
        .trim_start_matches(|letter: char| {
            letter.is_whitespace()
                || letter.is_ascii_digit()
                || matches!(letter, '>' | '-' | '*' | '+' | '.' | ')' | '\u{feff}')
        })
        .trim_end();
    text.starts_with("```") || text.starts_with("~~~")
}

fn without_fences(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes)
        .split_inclusive('\n')
        .filter(|line| !is_fence(line))
        .map(str::to_owned)
        .collect()
}

/// Answers to all proposals, picked by numbers.
fn answers(bytes: &[u8], picks: &[usize], all: bool) -> Vec<Answer> {
    let runbook = parse("guide.md", bytes);
    let found = proposals(&runbook, bytes, all);
    found
        .iter()
        .zip(picks.iter().cycle())
        .filter_map(|(proposal, pick)| {
            let block = runbook.block(proposal.block).unwrap();
            let settle = match pick % 12 {
                0 => return None,
                number @ 1..=9 => Settle::ALL[number - 1],
                _ => proposal.accept?,
            };
            proposal.allows(settle, block).ok()?;
            let extras = settle != Settle::Fences;
            Some(Answer {
                block: proposal.block,
                settle,
                id: (extras && pick % 3 == 0 && block.id.starts_with("block-"))
                    .then(|| format!("named-{}", proposal.block)),
                expect: (extras && pick % 4 == 0)
                    .then(|| "stdout.contains(\"it's\") && exit < 3".to_owned()),
                undo: (extras && pick % 5 == 0).then(|| "restore".to_owned()),
            })
        })
        .filter(|answer| {
            // Whatever cannot be said is refused, by itself already; what was inferred can be said.
            let said = annotate("guide.md", bytes, &[], std::slice::from_ref(answer));
            let proposal = found.iter().find(|proposal| proposal.block == answer.block);
            let inferred = proposal
                .is_some_and(|proposal| proposal.fenced && proposal.accept == Some(answer.settle));
            assert!(said.is_ok() || !inferred, "{said:?}");
            said.is_ok()
        })
        .collect()
}

/// Annotates, and checks everything that is promised of it.
fn holds(bytes: &[u8], picks: &[usize], all: bool) {
    let answers = answers(bytes, picks, all);
    let before = parse("guide.md", bytes);
    let annotated = annotate("guide.md", bytes, &[], &answers).unwrap();
    assert_eq!(
        without_fences(&annotated.bytes),
        without_fences(bytes),
        "nothing changes but lines of fences"
    );
    assert_eq!(
        annotated.bytes.starts_with(b"\xef\xbb\xbf"),
        bytes.starts_with(b"\xef\xbb\xbf")
    );
    let ends = |bytes: &[u8]| {
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
        let crlf = bytes.windows(2).filter(|two| two == b"\r\n").count();
        (lines == crlf, crlf == 0)
    };
    assert_eq!(ends(&annotated.bytes), ends(bytes), "line ends are kept");
    let after = parse("guide.md", &annotated.bytes);
    prove(&before, &after, &answers).unwrap();
    // Said twice is said once.
    let plain: Vec<Answer> = answers
        .iter()
        .filter(|answer| answer.settle != Settle::Fences)
        .cloned()
        .collect();
    let once = annotate("guide.md", bytes, &[], &plain).unwrap().bytes;
    let twice = annotate("guide.md", &once, &[], &plain).unwrap();
    assert_eq!(twice.bytes, once);
    assert!(twice.patch.is_empty());
    // The same beside the guide.
    let entries = annotations("guide.md", bytes, &before, &plain).unwrap();
    let text = "# ours\r\n[environments.a] # kept\r\n";
    let config = add_annotations(text, &entries, &[]).unwrap();
    assert!(config.starts_with(text));
    let (config, diagnostics) = parse_config("gonogo.toml", &config);
    assert_eq!(diagnostics, []);
    let beside = parse_annotated("guide.md", bytes, &config.annotations_of("./guide.md"));
    prove(&before, &beside, &plain).unwrap();
    assert_eq!(beside.digest, before.digest);
}

#[test]
fn every_guide_in_every_form_takes_every_answer() {
    for (number, guide) in GUIDES.iter().chain(&[GUIDE]).enumerate() {
        for form in 0..6 {
            // Over all guides and forms each kind of block meets each answer.
            let first = 1 + (number + form) % 10;
            let picks = [first, first + 3, first + 7, 10];
            holds(&in_form(guide, form), &picks, form == 0);
        }
    }
}

/// Pieces of Markdown of which most stand for something.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("\n# Title\n\n".to_owned()),
        Just("\n## Phase 1: A\n\n".to_owned()),
        Just("\n```bash\nls -l\n```\n".to_owned()),
        Just("\n```\n$ make deploy\n```\n".to_owned()),
        Just("\n```bash title=\"a b\" {1,3}\nls\n```\n".to_owned()),
        Just("\n~~~sql {#id}\nSELECT 1;\n~~~\n".to_owned()),
        Just("\n1. ```sh { name=x }\n   ls\n   ```\n".to_owned()),
        Just("\n> ```bash\n> # Option A\n> ls\n> # Option B\n> ls -l\n> ```\n".to_owned()),
        Just(
            "\n- a\n\n  ````bash\n  # Terminal 1\n  tail -f x\n\n  # Terminal 2\n  ls\n  ````\n"
                .to_owned()
        ),
        Just("\n    SELECT 1;\n".to_owned()),
        Just("\nExpected output:\n\n```\nok\n```\n".to_owned()),
        Just("\n```yaml\na: 1\n```\n".to_owned()),
        Just("\n```".to_owned()),
        Just("\r\n".to_owned()),
        Just("<details>\n".to_owned()),
        Just("\n```bash\nnpm run build  # or: npx tsc\n```\n".to_owned()),
        "[ \ta-z`~{}#>\\-\n]{0,12}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_guide_takes_any_answers(
        pieces in prop::collection::vec(piece(), 0..14),
        picks in prop::collection::vec(0..60_usize, 1..8),
        form in 0..6_usize,
        all in any::<bool>(),
    ) {
        holds(&in_form(&pieces.concat(), form), &picks, all);
    }
}

#[test]
fn what_leaves_no_doubt_is_settled_without_a_person() {
    let home = Home::new();
    let path = home.write("guide.md", GUIDE);
    let dry = home
        .gonogo(&["annotate", "guide.md", "--accept-certain", "--dry-run"])
        .exits(0);
    assert!(
        dry.out.contains("\n-```sql\n+```sql {.run}\n"),
        "{}",
        dry.out
    );
    let said = "1 block would be settled, 4 left to a person; nothing was written";
    assert!(dry.err.contains(said), "{}", dry.err);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), GUIDE);
    let done = home
        .gonogo(&["annotate", "guide.md", "--accept-certain"])
        .exits(0);
    assert!(done.err.contains("1 block settled, 4 left"), "{}", done.err);
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(written, GUIDE.replace("```sql", "```sql {.run}"));
    home.gonogo(&["annotate", "guide.md", "--accept-certain"])
        .exits(0);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), written);
    let told = home
        .gonogo(&["annotate", "guide.md", "--json"])
        .exits(0)
        .json();
    let blocks = told["blocks"].as_array().unwrap();
    assert_eq!(blocks.len(), 4);
    assert_eq!(blocks[0]["accept"], "parts");
    assert_eq!(blocks[1]["fenced"], false);
}

#[test]
fn without_a_terminal_it_says_what_to_use_instead() {
    let home = Home::new();
    home.write("guide.md", GUIDE);
    let done = home.gonogo(&["annotate", "guide.md"]).exits(2);
    assert!(done.err.contains("--accept-certain"), "{}", done.err);
    home.write("settled.md", "# T\n\n```bash {.run}\nls\n```\n");
    let done = home.gonogo(&["annotate", "settled.md"]).exits(0);
    assert!(done.err.contains("nothing left to settle"), "{}", done.err);
}

#[test]
fn annotations_beside_the_guide_count_until_its_code_changes() {
    let home = Home::new();
    let guide = home.write("docs/guide.md", GUIDE);
    let config = home.write(
        "gonogo.toml",
        "# ours\n[environments.a] # one\ntargets.main = \"host=db\"\n",
    );
    let sidecar = ["annotate", "docs/guide.md", "--accept-certain", "--sidecar"];
    home.gonogo(&sidecar).exits(0);
    assert_eq!(std::fs::read_to_string(&guide).unwrap(), GUIDE);
    let kept = std::fs::read_to_string(&config).unwrap();
    assert!(
        kept.starts_with("# ours\n[environments.a] # one\ntargets"),
        "{kept}"
    );
    assert!(kept.contains("guide = \"docs/guide.md\""), "{kept}");
    let why = |home: &Home| {
        let checked = home.gonogo(&["check", "docs/guide.md", "--json"]).exits(0);
        let told = checked.json();
        let stale: Vec<String> = told["diagnostics"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|found| found["code"] == "stale-annotation")
            .map(|found| format!("{}: {}", found["line"], found["message"].as_str().unwrap()))
            .collect();
        (told["blocks"][0]["why"].as_str().unwrap().to_owned(), stale)
    };
    assert_eq!(why(&home), ("the author says `.run`".to_owned(), vec![]));
    // A run sees it as `check` does.
    let plan = home
        .gonogo(&["plan", "docs/guide.md", "--json"])
        .exits(0)
        .json();
    let action = &plan["phases"][0]["steps"][0]["actions"][0];
    assert_eq!(action["needs_arming"], false, "{action}");

    home.write("docs/guide.md", &GUIDE.replace("count(*)", "count(id)"));
    let (asked, stale) = why(&home);
    assert_eq!(asked, "it contains complete commands [commands]");
    assert!(
        stale.len() == 1
            && stale[0].starts_with("3: ")
            && stale[0].contains("line 5 of `gonogo.toml`"),
        "{stale:?}"
    );
    // Settled again, the entry takes the place of the one that is out of date.
    home.gonogo(&sidecar).exits(0);
    assert_eq!(why(&home), ("the author says `.run`".to_owned(), vec![]));
    let again = std::fs::read_to_string(&config).unwrap();
    assert_eq!(again.len(), kept.len());
}

#[test]
fn a_read_only_guide_is_left_alone() {
    let home = Home::new();
    let path = home.write("guide.md", GUIDE);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
    let done = home
        .gonogo(&["annotate", "guide.md", "--accept-certain"])
        .exits(2);
    assert!(
        done.err.contains("read-only") && done.err.contains("--sidecar"),
        "{}",
        done.err
    );
    // In the walk the answers go beside it by themselves, and the person is told.
    let mut terminal = Terminal::start(home.path(), &["annotate", "guide.md"], 80, 24);
    terminal.wait_for("answers go to `gonogo.toml`");
    terminal.keys("<enter>");
    terminal.wait_for("block 2 of 5");
    terminal.keys("s");
    terminal.wait_for("only the guide can have several fences");
    terminal.keys("q");
    terminal.wait_for("+[[annotations]]");
    terminal.keys("y");
    assert_eq!(terminal.wait_exit(), 0);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), GUIDE);
    let config = std::fs::read_to_string(home.path().join("gonogo.toml")).unwrap();
    let (config, diagnostics) = parse_config("gonogo.toml", &config);
    assert_eq!(diagnostics, []);
    let after = parse_annotated("g.md", GUIDE.as_bytes(), &config.annotations_of("guide.md"));
    assert!(after.blocks[0].annotated);
}

#[test]
fn a_person_walks_changes_goes_back_and_writes() {
    let home = Home::new();
    let path = home.write("guide.md", GUIDE);
    let mut terminal = Terminal::start(home.path(), &["annotate", "guide.md"], 80, 24);
    let screen = terminal.wait_for("block 1 of 5");
    for shown in [
        "Release › Phase 1: Look",
        "inferred: run, because it contains complete commands [commands]",
        "the guide expects: 0 → value == 0",
        "6 │ SELECT count(*)",
        "answer: run",
    ] {
        assert!(screen.contains(shown), "`{shown}` in:\n{screen}");
    }
    // The condition of the guide is at hand; a slip is told with what was meant.
    terminal.keys("e");
    terminal.wait_for("expect: value == 0");
    terminal.keys(" && valeu");
    terminal.wait_for("&& valeu");
    terminal.keys("<enter>");
    terminal.wait_for("did you mean `value`?");
    terminal.keys("<esc>e");
    terminal.wait_until("the field", |screen| {
        screen.contains("expect: value == 0") && !screen.contains("valeu")
    });
    terminal.keys("<enter>ck");
    terminal.wait_for("answer: check · expect: value == 0");
    terminal.keys("i");
    terminal.wait_for("name:");
    terminal.keys("restore<enter>");
    terminal.wait_for("the name `restore` is taken");
    terminal.keys("<esc>i");
    terminal.wait_gone("is taken");
    terminal.keys("late<enter>");
    terminal.wait_for("answer: check · #late · expect");
    terminal.keys("<enter>");
    // A block of several acts: each part is shown.
    let screen = terminal.wait_for("block 2 of 5 · 1 settled");
    assert!(
        screen.contains("part 2: Option B: all (run, one of several)"),
        "{screen}"
    );
    terminal.keys("s");
    terminal.wait_for("a fence for each part");
    terminal.keys("<enter>");
    // Without a fence: beside the guide. Back undoes, and Enter gives the answer again.
    terminal.wait_for("block 3 of 5 · 2 settled");
    terminal.keys("b");
    terminal.wait_for("block 2 of 5 · 1 settled");
    terminal.wait_for("its answer is undone");
    terminal.keys("<enter>");
    terminal.wait_for("indented, no fence");
    terminal.keys("n");
    terminal.wait_for("block 4 of 5 · 2 settled");
    terminal.keys("cr");
    terminal.wait_for("answer: run");
    terminal.keys("u");
    terminal.wait_for("rollback: Restore the dump");
    terminal.keys("restroe<enter>");
    terminal.wait_for("did you mean `restore`?");
    terminal.keys("<esc>u");
    terminal.wait_gone("did you mean");
    terminal.keys("rest");
    terminal.wait_for("undo: rest");
    terminal.keys("<enter>");
    terminal.wait_for("answer: run · undo: restore");
    terminal.keys("<enter>");
    terminal.wait_for("destroys:");
    terminal.keys("ck");
    terminal.wait_for("it destroys something (pg_restore --clean)");
    terminal.keys("q");
    let screen = terminal.wait_for("y write it");
    assert!(screen.contains("+```sql {#late .check"), "{screen}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), GUIDE, "not yet");
    terminal.keys("y");
    assert_eq!(terminal.wait_exit(), 0);
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        written,
        GUIDE
            .replace("```sql", "```sql {#late .check expect=\"value == 0\"}")
            .replace(
                "```bash\n# Option A: one",
                "```bash {.run choice=\"options-13.1:Option A: one\"}\n# Option A: one"
            )
            .replace(
                "# Option B: all",
                "```\n```bash {.run choice=\"options-13.1:Option B: all\"}\n# Option B: all"
            )
            .replace("```\nnpm", "```{.run undo=restore}\nnpm")
    );
    let after = parse("guide.md", written.as_bytes());
    let roles: Vec<(Role, bool)> = after
        .blocks
        .iter()
        .map(|block| (block.role, block.annotated))
        .collect();
    assert_eq!(roles[..3], [(Role::Run, true); 3]);
    assert!(!roles[3].1, "what was skipped asks again");
}

#[test]
fn leaving_writes_nothing() {
    let home = Home::new();
    let path = home.write("guide.md", GUIDE);
    for keys in ["<enter><ctrl-c>", "<enter>qx"] {
        let mut terminal = Terminal::start(home.path(), &["annotate", "guide.md"], 80, 24);
        terminal.wait_for("block 1 of 5");
        terminal.keys(keys);
        assert_eq!(terminal.wait_exit(), 1);
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), GUIDE);
    assert!(!home.path().join("gonogo.toml").exists());
}

#[test]
fn a_guide_that_changes_meanwhile_is_left_alone_and_no_answer_is_lost() {
    let home = Home::new();
    let path = home.write("guide.md", GUIDE);
    let mut terminal = Terminal::start(home.path(), &["annotate", "guide.md"], 80, 24);
    terminal.wait_for("block 1 of 5");
    terminal.keys("<enter>");
    terminal.wait_for("block 2 of 5");
    terminal.keys("<enter>q");
    terminal.wait_for("y write it");
    let theirs = GUIDE.replace("Option B: all", "Option B: both");
    std::fs::write(&path, &theirs).unwrap();
    terminal.keys("y");
    terminal.wait_for("changed on disk");
    terminal.keys("s");
    assert_eq!(terminal.wait_exit(), 0);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), theirs);
    let told = home
        .gonogo(&["check", "guide.md", "--json"])
        .exits(0)
        .json();
    assert_eq!(told["blocks"][0]["why"], "the author says `.run`");
    let stale = told["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|found| found["code"] == "stale-annotation")
        .count();
    assert_eq!(stale, 1, "the block that was changed asks again");
}
