//! A block as the list of its commands, at the cockpit and in what is printed: what is on is what runs,
//! what failed is named, and a person goes on from there.

use crate::support::home::{Home, until};
use crate::support::terminal::Terminal;
use crate::support::{execute, fresh_database};

const GUIDE: &str = "# Build\n\n## Phase 1: Build\n\n```bash {#build .run}\n# Fetch\n\
    touch fetched\n\n# Optional: clean up\ntouch cleaned\n\n# Publish\ntest -e key || exit 9\n\
    touch published\ndf -h . > /dev/null\n```\n\n## Rollback\n\n### Option 1: Off\n\n\
    ```bash {#off .run}\nrm -f published\n```\n";

fn cockpit(home: &Home, columns: u16, rows: u16) -> Terminal {
    home.write("guide.md", GUIDE);
    let mut terminal = Terminal::start(home.path(), &["run", "guide.md"], columns, rows);
    terminal.wait_for("would run: `build`");
    terminal.keys("<enter>");
    terminal.wait_for("EXECUTE");
    terminal
}

fn is_there(home: &Home, name: &str) -> bool {
    home.path().join(name).exists()
}

#[test]
fn what_is_on_is_what_runs_and_each_switch_is_on_record() {
    let home = Home::new();
    let mut terminal = cockpit(&home, 120, 40);
    let screen = terminal.wait_for("Optional: clean up");
    assert!(screen.contains("[ ] ▏touch cleaned"), "{screen}");
    assert!(screen.contains("[x] ▏touch published"), "{screen}");
    assert!(screen.contains("changes, optional"), "{screen}");
    // The third command, which would fail, and the fourth.
    terminal.keys("jj<space>");
    terminal.wait_for("[ ] ▏test -e key");
    terminal.keys("j<space>");
    terminal.wait_for("[ ] ▏touch published");
    terminal.keys("x");
    terminal.wait_for("gate of `");
    assert!(is_there(&home, "fetched"));
    assert!(!is_there(&home, "cleaned"));
    assert!(!is_there(&home, "published"));
    let run = home.runs()[0].clone();
    let report = home.gonogo(&["report", &run]).exits(0).out;
    assert!(report.contains("`touch fetched`: done"), "{report}");
    assert!(!report.contains("`touch published`: "), "{report}");
}

#[test]
fn with_none_on_the_key_says_so() {
    let home = Home::new();
    let mut terminal = cockpit(&home, 80, 24);
    terminal.keys("<space>jj<space>j<space>j<space>");
    terminal.wait_until("all off", |screen| !screen.contains("[x]"));
    terminal.keys("x");
    terminal.wait_for("all of its commands are off");
    assert!(!is_there(&home, "fetched"));
}

#[test]
fn the_command_that_failed_is_named_and_the_block_goes_on_from_it() {
    let home = Home::new();
    let mut terminal = cockpit(&home, 80, 24);
    terminal.keys("x");
    terminal.wait_for("goes on at line");
    home.write("key", "");
    std::fs::remove_file(home.path().join("fetched")).unwrap();
    terminal.keys("<enter>");
    let screen = terminal.wait_for("retry from this one");
    assert!(screen.contains("✗ line 13"), "{screen}");
    assert!(screen.contains("exit code 9"), "{screen}");
    terminal.keys("t");
    terminal.wait_for("goes on from line 13");
    terminal.keys("x");
    terminal.wait_for("gate of `");
    assert!(is_there(&home, "published"));
    assert!(!is_there(&home, "fetched"), "what ran is not run again");
    let run = home.runs()[0].clone();
    let report = home.gonogo(&["report", &run]).exits(0).out;
    assert!(report.contains("**failed**: exit code 9"), "{report}");
    assert!(report.contains("`touch published`: not begun"), "{report}");
    assert!(report.contains("`touch published`: done"), "{report}");
}

#[test]
fn the_plan_lists_the_commands() {
    let home = Home::new();
    home.write("guide.md", GUIDE);
    let plan = home.gonogo(&["plan", "guide.md"]).exits(0).out;
    assert!(plan.contains("# Optional: clean up"), "{plan}");
    assert!(plan.contains("[ ] touch cleaned  (changes, off)"), "{plan}");
    assert!(plan.contains("[x] df -h . > /dev/null  (reads)"), "{plan}");
}

#[test]
fn the_plan_has_each_wait_before_what_waits() {
    let home = Home::new();
    home.write(
        "guide.md",
        "# Keep\n\n## Phase 1: Keep\n\n```bash\ntouch kept\n```\n\n\
         ## Phase 2: Clean up\n\n**WAIT 7 DAYS** before the cleanup.\n\n### Archive\n\n```bash\ntouch archived\n```\n\n\
         ### Remove (after 1 month)\n\n```bash\ntouch removed\n```\n",
    );
    let plan = home.gonogo(&["plan", "guide.md"]).exits(0).out;
    let places = [
        "touch kept",
        "wait: **WAIT 7 DAYS**",
        "touch archived",
        "wait: Remove (after 1 month)",
        "touch removed",
    ]
    .map(|text| plan.find(text));
    assert!(places.iter().all(Option::is_some), "{plan}");
    assert!(places.is_sorted(), "{plan}");
}

/// A unique index over doubled rows cannot be built: the server leaves it behind, not valid.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_left_invalid_is_said_and_does_not_pass_the_second_time() {
    let database = fresh_database().await;
    let mut connection = database.connect().await;
    execute(&mut connection, "CREATE TABLE items (n int)").await;
    execute(&mut connection, "INSERT INTO items VALUES (1), (1)").await;
    let home = Home::new();
    home.write(
        "guide.md",
        "# Index\n\n## Phase 1: Index\n\n```sql {#index .run}\n\
         CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS items_n ON items (n);\n```\n\n\
         ## Rollback\n\n### Option 1: Drop it\n\n```sql {#drop .run}\nDROP INDEX IF EXISTS items_n;\n```\n",
    );
    home.environment(&database.conninfo(), "");
    let mut terminal = Terminal::start(home.path(), &["run", "guide.md"], 120, 40);
    terminal.wait_for("would run: `index`");
    terminal.wait_for("primary");
    for attempt in 1..=2 {
        terminal.keys("<enter>");
        terminal.wait_for("EXECUTE");
        terminal.keys("x");
        let run = home.runs()[0].clone();
        until("the catalog's word", || {
            let report = home.gonogo(&["report", &run]).out;
            let evidence = report.split("## Phase 1").last().unwrap();
            let said = evidence
                .matches("INVALID in the catalog: `public.items_n`")
                .count();
            (said == attempt).then_some(())
        });
        terminal.wait_for("`index` failed");
    }
}
