//! What a rollback needs is looked for in the world, and told with its age: a function, a backup of this
//! run that reads through, a commit, a directory. And what a person writes runs on record.

use serde_json::Value;

use crate::support::home::{Home, until};
use crate::support::terminal::Terminal;
use crate::support::{execute, fresh_database};

fn guide(database: &str) -> String {
    format!(
        "# Move\n\n## Phase 1: Move\n\n```bash {{#dump .run}}\npg_dump -Fc -d {database} -f before.dump\n```\n\n\
        ```sql {{#move .run}}\nCREATE FUNCTION take_it_back() RETURNS int LANGUAGE sql AS 'SELECT 1';\n```\n\n\
        ## Rollback\n\n### Option 1: Function\n\n```sql {{#back .run}}\nSELECT take_it_back();\n```\n\n\
        ### Option 2: Dump\n\n```bash {{#restore .run}}\npg_restore --clean -d {database} before.dump\n```\n\n\
        ### Option 3: Code\n\n```bash {{#code .run}}\ncd app && git checkout 0000000000000000000000000000000000000000\n```\n"
    )
}

/// What is said of the rollback that would be taken, once it holds this.
fn found(home: &Home, run: &str, text: &str) -> Value {
    until(text, || {
        let rollback = home.status(run)["rollback"].clone();
        rollback.to_string().contains(text).then_some(rollback)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_is_ready_where_what_it_needs_is_there() {
    let home = Home::new();
    let database = fresh_database().await;
    home.write("guide.md", &guide(&database.name));
    home.environment(&database.conninfo(), "");
    let mut terminal = Terminal::start(home.path(), &["run", "guide.md"], 120, 40);
    terminal.wait_for("would run: `dump`");
    let run = home.runs()[0].clone();
    let rollback = found(&home, &run, "the function `take_it_back` does not exist");
    assert_eq!(rollback["ready"], false, "{rollback}");
    assert!(rollback["looked_at"].is_string(), "{rollback}");
    // Shown where the options are, with its age.
    terminal.keys("R");
    let screen = terminal.wait_for("s ago)");
    assert!(screen.contains("does not exist on main"), "{screen}");
    assert!(screen.contains("in doubt"), "{screen}");
    terminal.wait_for("Option 2: Dump");
    terminal.keys("<esc>");
    // Made by the walk, it is there.
    terminal.keys("<enter>");
    terminal.wait_for("EXECUTE");
    terminal.keys("x");
    terminal.wait_for("would run: `move`");
    terminal.keys("<enter>");
    terminal.wait_for("EXECUTE");
    terminal.keys("x");
    let rollback = found(&home, &run, "the function `take_it_back` exists on main");
    assert_eq!(rollback["ready"], true, "{rollback}");
    // Dropped behind its back, it is gone: so the backup comes first.
    execute(
        &mut database.connect().await,
        "DROP FUNCTION take_it_back()",
    )
    .await;
    let rollback = found(&home, &run, "was made by this run");
    assert!(
        rollback.to_string().contains("and reads through"),
        "{rollback}"
    );
    assert_eq!(rollback["recommended"], "option-2");
    std::fs::write(home.path().join("before.dump"), b"PGDMP cut").unwrap();
    for (option, text) in [
        ("option-2", "cannot be read through"),
        ("option-3", "the directory `"),
    ] {
        until(text, || {
            let arguments = ["rollback", &run, "--option", option];
            let shown = home.gonogo(&arguments).exits(2).err;
            shown.contains(text).then_some(())
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_of_ones_own_and_a_correction_run_on_record() {
    let home = Home::new();
    let database = fresh_database().await;
    home.write(
        "guide.md",
        "# Look\n\n## Phase 1: Look\n\n```sql {#look .run}\nSELECT nmae FROM pg_database;\n```\n",
    );
    home.environment(&database.conninfo(), "");
    let mut terminal = Terminal::start(home.path(), &["run", "guide.md"], 120, 40);
    terminal.wait_for("would run: `look`");
    terminal.keys("E<backtab>");
    terminal.wait_for("sql on main");
    terminal.keys("SELECT 'mine', 6*7;<tab>");
    terminal.wait_for("beside the guide");
    terminal.keys("x");
    terminal.wait_for("42 │");
    terminal.keys(".e");
    terminal.wait_for("correct for this run: look");
    for _ in 0..7 {
        terminal.keys("<right>");
    }
    terminal.keys("<del><del><del><del>datname<tab>");
    let screen = terminal.wait_for("+SELECT datname FROM pg_database;");
    assert!(
        screen.contains("-SELECT nmae FROM pg_database;"),
        "{screen}"
    );
    terminal.keys("x");
    terminal.wait_for("gate of `");
    let run = home.runs()[0].clone();
    let status = home.status(&run);
    assert_eq!(status["written"].as_array().unwrap().len(), 2, "{status}");
    let report = home.gonogo(&["report", &run]).exits(0).out;
    for text in [
        "Beside the walk",
        "SELECT 'mine', 6*7;",
        "Corrected for this run",
        "+SELECT datname",
    ] {
        assert!(report.contains(text), "{text}: {report}");
    }
}
