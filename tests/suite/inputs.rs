//! The blanks of a guide end to end, in a real terminal: filled in up front, held against their rules,
//! remembered for the next run of the same guide in the same environment, and never a secret on disk.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::support::home::{Home, until};
use crate::support::terminal::Terminal;

const GUIDE: &str = "# Release

## Step 1: Look

```bash
echo released <commit>
```

## Step 2: Log in

```bash
test -n \"$ADMIN_TOKEN\" && echo token YOUR_ADMIN_TOKEN
```

## Step 3: Score

```bash
echo /brands/:brandId http://localhost/brands/:brandId/score
```
";

const CONFIG: &str = "[environments.staging]

[environments.blue]

[environments.production]
protected = true

[variables.COMMIT]
pattern = '[0-9a-f]{7}'
description = \"the commit that is released\"
";

const SECRET: &str = "correct-horse-battery";

fn home() -> Home {
    let home = Home::new();
    home.write("guide.md", GUIDE);
    home.write("gonogo.toml", CONFIG);
    home
}

fn opens(home: &Home, environment: &str) -> Terminal {
    let terminal = Terminal::start_with(
        home.path(),
        &["run", "guide.md", "--env", environment],
        100,
        30,
        &[("DEPLOY_TOKEN", SECRET)],
    );
    terminal.wait_for("rollback");
    terminal
}

/// Leaves the cockpit, whatever dialog is open.
fn leaves(mut terminal: Terminal) {
    terminal.keys("<ctrl-c>");
    terminal.wait_for("the run goes on");
    terminal.keys("l");
    terminal.wait_exit();
}

/// Fills the three blanks in: a wrong value first, a source for the secret.
fn fills(terminal: &mut Terminal) {
    terminal.wait_for("inputs: 3 of 3 blanks open");
    terminal.keys("<enter>nonsense<enter>");
    let screen = terminal.wait_for("does not match the pattern `[0-9a-f]{7}`");
    assert!(screen.contains("the commit that is released"), "{screen}");
    terminal.keys("<esc><enter>0a1b2c3<enter>");
    terminal.wait_for("inputs: 2 of 3 blanks open");
    terminal.keys("<enter>");
    terminal.wait_for("[environment variable]");
    terminal.keys("DEPLOY_TOKEN<enter>");
    terminal.wait_for("inputs: 1 of 3 blanks open");
    terminal.keys("<down><enter>b 7<enter>");
    let screen = terminal.wait_for("inputs: 3 blanks filled");
    assert!(
        screen.contains("from the variable DEPLOY_TOKEN"),
        "{screen}"
    );
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .flatten()
        .map(|entry| entry.path())
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[test]
fn blanks_are_filled_up_front_and_remembered_with_what_was_armed() {
    let home = home();
    let mut terminal = opens(&home, "staging");
    fills(&mut terminal);
    terminal.keys("<esc>");
    terminal.wait_for("Enter shows what would run");
    terminal.keys("<enter>");
    let screen = terminal.wait_for("only inferred to be a command");
    assert!(screen.contains("echo released 0a1b2c3"), "{screen}");
    terminal.keys("a");
    terminal.wait_for("✓ armed");
    leaves(terminal);

    // What is kept is for its owner alone, and holds no secret.
    let memory = home.path().join("state/gonogo/memory");
    let kept = files(&memory);
    assert!(kept.len() >= 3, "{kept:?}");
    for path in files(&home.path().join("state")) {
        let bytes = std::fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        assert!(
            !text.contains(SECRET),
            "{} holds the secret",
            path.display()
        );
    }
    for path in kept {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }

    // The next run of the same guide has it all, and says on whose authority.
    let mut terminal = opens(&home, "staging");
    terminal.wait_for("Enter shows what would run");
    assert!(!terminal.shows("inputs:"), "{}", terminal.text());
    terminal.keys("<enter>");
    let screen = terminal.wait_for("in a run of this exact guide");
    assert!(screen.contains("by anna@"), "{screen}");
    terminal.keys("<esc>i");
    let screen = terminal.wait_for("inputs: 3 blanks filled");
    assert!(screen.contains("remembered"), "{screen}");
    leaves(terminal);
    let report = home.gonogo(&["report", &home.runs()[0]]).exits(0).out;
    assert!(report.contains("Armed in earlier runs"), "{report}");
    assert!(
        report.contains("| COMMIT | `0a1b2c3` | an earlier run |"),
        "{report}"
    );

    // Another text of the guide asks again for what is armed, and not for the values.
    home.write("guide.md", &format!("{GUIDE}\n"));
    let mut terminal = opens(&home, "staging");
    terminal.wait_for("Enter shows what would run");
    terminal.keys("<enter>");
    terminal.wait_for("only inferred to be a command");
    leaves(terminal);

    // Another environment knows nothing of it, and forgetting is one word.
    let terminal = opens(&home, "blue");
    terminal.wait_for("inputs: 3 of 3 blanks open");
    leaves(terminal);
    let terminal = Terminal::start(
        home.path(),
        &["run", "guide.md", "--env", "staging", "--forget"],
        100,
        30,
    );
    terminal.wait_for("inputs: 3 of 3 blanks open");
    leaves(terminal);
}

#[test]
fn a_protected_environment_asks_before_it_takes_what_is_remembered() {
    let home = home();
    let mut terminal = opens(&home, "production");
    fills(&mut terminal);
    leaves(terminal);
    let mut terminal = opens(&home, "production");
    let screen = terminal.wait_for("remembered, to be confirmed: 0a1b2c3");
    assert!(screen.contains("inputs: 3 of 3 blanks open"), "{screen}");
    terminal.keys("a");
    terminal.wait_for("inputs: 2 of 3 blanks open");
    terminal.keys("A");
    terminal.wait_for("inputs: 3 blanks filled");
    // Each change can be taken back.
    terminal.keys("uuu");
    terminal.wait_for("inputs: 3 of 3 blanks open");
    leaves(terminal);
}

#[test]
fn what_a_rollback_uses_is_never_taken_from_an_earlier_run_by_itself() {
    let home = home();
    let guide = format!("{GUIDE}\n## Rollback\n\n```bash\necho back to <commit>\n```\n");
    home.write("guide.md", &guide);
    let mut terminal = opens(&home, "staging");
    fills(&mut terminal);
    leaves(terminal);
    let mut terminal = opens(&home, "staging");
    let screen = terminal.wait_for("remembered, to be confirmed: 0a1b2c3");
    assert!(screen.contains("inputs: 1 of 3 blanks open"), "{screen}");
    terminal.keys("<esc>R");
    terminal.wait_for("an earlier run had `0a1b2c3`");
    terminal.keys("<esc>i");
    terminal.wait_for("inputs: 1 of 3 blanks open");
    terminal.keys("a");
    terminal.wait_for("inputs: 3 blanks filled");
    terminal.keys("<esc>R");
    terminal.wait_for("echo back to 0a1b2c3");
    leaves(terminal);
}

#[test]
fn a_guide_that_changes_on_disk_is_shown_as_a_difference() {
    let home = home();
    let mut terminal = opens(&home, "staging");
    terminal.keys("<esc>");
    terminal.wait_gone("inputs:");
    home.write("guide.md", &GUIDE.replace("echo released", "echo shipped"));
    terminal.wait_for("guide CHANGED on disk (D)");
    terminal.keys("D");
    let screen = terminal.wait_for("+echo shipped <commit>");
    assert!(screen.contains("-echo released <commit>"), "{screen}");
    assert!(screen.contains("the text it was opened from"), "{screen}");
    terminal.keys("<esc>");
    std::fs::remove_file(home.path().join("guide.md")).unwrap();
    terminal.wait_for("guide GONE from disk");
    let screen = terminal.wait_for("echo released <commit>");
    assert!(
        !screen.contains("shipped"),
        "the run goes on with its own:\n{screen}"
    );
    home.write("guide.md", GUIDE);
    terminal.wait_gone("from disk");
    leaves(terminal);
    let run = home.runs()[0].clone();
    until("the report", || {
        let report = home.gonogo(&["report", &run]).out;
        report
            .contains("guide on disk | again the one")
            .then_some(())
    });
}

#[test]
fn fifty_blanks_are_walked_filtered_and_hold_out_against_hostile_pastes() {
    let home = home();
    let blanks: Vec<String> = (1..=50)
        .map(|number| format!("echo <part number {number}>"))
        .collect();
    let guide = format!(
        "# Many\n\n## Step 1\n\n```bash\n{}\n```\n",
        blanks.join("\n")
    );
    home.write("guide.md", &guide);
    let mut terminal = Terminal::start(
        home.path(),
        &["run", "guide.md", "--env", "staging"],
        80,
        24,
    );
    terminal.wait_for("inputs: 50 of 50 blanks open");
    terminal.keys("/number 37");
    terminal.wait_until("the filter", |screen| {
        screen.contains("PART_NUMBER_37") && !screen.contains("PART_NUMBER_36")
    });
    terminal.keys("<enter><enter>");
    terminal.wait_for("Enter keep");
    for (paste, why) in [
        ("x".repeat(10_240), "10240 characters"),
        ("one\rtwo".to_owned(), "a line break"),
        ("a\u{202e}b".to_owned(), "U+202E"),
    ] {
        terminal.key(format!("\x1b[200~{paste}\x1b[201~").as_bytes());
        terminal.wait_for(why);
    }
    terminal.keys("seven<enter>");
    terminal.wait_for("inputs: 49 of 50 blanks open");
    terminal.resize(60, 16);
    let screen = terminal.wait_for("49 of 50");
    assert!(screen.contains("PART_NUMBER"), "{screen}");
    leaves(terminal);
}

#[test]
fn a_value_that_breaks_its_rule_is_refused_at_the_prompt_too() {
    let home = home();
    let said = home
        .gonogo(&["plan", "guide.md", "--env", "staging", "--var", "COMMIT=x"])
        .exits(2)
        .err;
    assert!(
        said.contains("[0-9a-f]{7}") && said.contains("the commit that is released"),
        "{said}"
    );
    home.write(
        "gonogo.toml",
        "[environments.staging]\n[variables.COMMIT]\npatern = 'x'\n[variables.BRAND_ID]\ndefault = \"z\"\nchoices = [\"a\"]\n",
    );
    let said = home.gonogo(&["plan", "guide.md"]).exits(2).err;
    assert!(
        said.contains("unknown key `patern`") && said.contains("pattern"),
        "{said}"
    );
    assert!(said.contains("the default breaks its own rule"), "{said}");
}

#[test]
fn a_memory_that_is_damaged_or_breaks_the_rules_is_nobodys_value() {
    let home = home();
    let mut terminal = opens(&home, "staging");
    fills(&mut terminal);
    leaves(terminal);
    let values = files(&home.path().join("state/gonogo/memory/values"));
    let kept = std::fs::read_to_string(&values[0]).unwrap();
    // By hand: a value with a line break, and a secret as a value.
    let forged = kept
        .replace("0a1b2c3", "0a1b2c3\\nrm -r /")
        .replace("\"secret\": {", "\"value\": \"x\", \"was\": {");
    for text in ["{", &forged.replace("\"was\"", "\"no\""), "[]"] {
        std::fs::write(&values[0], text).unwrap();
        let terminal = opens(&home, "staging");
        terminal.wait_for("inputs: 3 of 3 blanks open");
        leaves(terminal);
    }
    std::fs::write(&values[0], kept.replace("0a1b2c3", "0a1b2c3\\nrm -r /")).unwrap();
    let terminal = opens(&home, "staging");
    terminal.wait_for("inputs: 1 of 3 blanks open");
    leaves(terminal);
}
