//! One run acts on a database at a time: who holds it is said, and taking it over is a deliberate act.

use sqlx::Row;

use crate::support::home::{Home, until};
use crate::support::terminal::Terminal;
use crate::support::{Database, eventually, fresh_database};

const GUIDE: &str = r#"# Move the rows

## Phase 1: Work

### The work itself

```bash {#work .run}
touch begun
while [ ! -e go ]; do sleep 0.02; done
```

## Rollback

### Option A: Undo it (recommended)

```bash {#undo .undo}
touch undone
```
"#;

async fn home() -> (Home, Database) {
    let database = fresh_database().await;
    let home = Home::new();
    home.write("guide.md", GUIDE);
    home.environment(&database.conninfo(), "");
    (home, database)
}

fn cockpit(home: &Home) -> Terminal {
    let terminal = Terminal::start(home.path(), &["run", "guide.md"], 120, 40);
    terminal.wait_for("would run: `work`");
    terminal
}

/// The lock as everybody with a psql can see it: the statement of the session that holds it.
async fn record(database: &Database) -> String {
    let mut connection = database.connect().await;
    let sql = "SELECT query FROM pg_locks JOIN pg_stat_activity USING (pid) \
               WHERE locktype = 'advisory' AND granted \
                 AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let row = sqlx::query(sql).fetch_optional(&mut connection).await;
    row.unwrap().map_or_else(String::new, |row| row.get(0))
}

#[tokio::test]
async fn who_holds_a_database_and_since_when_stands_on_its_server() {
    let (home, database) = home().await;
    let _first = cockpit(&home);
    let run = home.runs()[0].clone();
    let told = eventually("the lock", async || {
        let told = record(&database).await;
        told.contains("gonogo lock").then_some(told)
    })
    .await;
    for part in [run.as_str(), "anna@", "since", "Move the rows"] {
        assert!(told.contains(part), "{part} in {told}");
    }
}

#[tokio::test]
async fn a_second_run_starts_nothing_until_it_takes_the_database_over() {
    let (home, _database) = home().await;
    let mut first = cockpit(&home);
    let holder = home.runs()[0].clone();
    let mut second = Terminal::start(home.path(), &["run", "guide.md"], 120, 40);
    second.wait_for("HELD BY ANOTHER RUN");
    second.wait_for(&format!("K takes `main` over from run `{holder}`"));
    second.keys("<enter>");
    second.wait_for("EXECUTE");
    second.keys("x");
    second.wait_for(&format!("held by run `{holder}`"));
    assert!(!home.path().join("begun").exists());
    second.keys("<esc>");
    second.wait_gone("Esc close");

    second.keys("K");
    second.wait_for("take `main` over");
    second.keys(&format!("agreed with bert<tab>{holder}<enter>"));
    second.wait_gone("HELD BY ANOTHER RUN");
    first.wait_for("another run took over its target");
    first.keys("<enter>");
    first.wait_for("EXECUTE");
    first.keys("x");
    first.wait_for("is held");
    assert!(!home.path().join("begun").exists());
    first.keys("<esc>");
    first.wait_gone("Esc close");

    second.keys("<enter>");
    second.wait_for("EXECUTE");
    second.keys("x");
    let begun = home.path().join("begun");
    until("the step of the second run", || {
        begun.exists().then_some(())
    });
    let other = home.runs().into_iter().find(|run| *run != holder).unwrap();
    let report = home.gonogo(&["report", &other]).exits(0).out;
    assert!(report.contains("agreed with bert"), "{report}");
    let report = home.gonogo(&["report", &holder]).exits(0).out;
    assert!(report.contains("`main` was taken over by run"), "{report}");

    // When the other is gone for a moment, the target is not taken back behind its back.
    let pid = home.supervisor(&other).unwrap().to_string();
    std::process::Command::new("kill")
        .args(["-9", &pid])
        .status()
        .unwrap();
    home.gonogo(&["resume", &other]).exits(0);
    second.wait_gone("CONNECTION LOST");
    second.wait_for("HELD");
    assert!(!second.shows("HELD BY ANOTHER RUN"), "{}", second.text());

    // The rollback of the run that lost its target is still open.
    first.keys("R");
    first.wait_for("BEGIN");
    first.keys("B");
    let undone = home.path().join("undone");
    until("the rollback of the first run", || {
        undone.exists().then_some(())
    });
}

#[tokio::test]
async fn a_database_is_free_again_when_its_run_is_over_or_its_process_dies() {
    let (home, _database) = home().await;
    let mut first = cockpit(&home);
    let holder = home.runs()[0].clone();
    let second = Terminal::start(home.path(), &["run", "guide.md"], 120, 40);
    second.wait_for("HELD BY ANOTHER RUN");
    let pid = home.supervisor(&holder).unwrap().to_string();
    std::process::Command::new("kill")
        .args(["-9", &pid])
        .status()
        .unwrap();
    second.wait_gone("HELD BY ANOTHER RUN");
    second.wait_for("would run: `work`");
    first.kill();
}

#[tokio::test]
async fn an_unattended_run_on_a_held_database_waits_for_a_person() {
    let (home, _database) = home().await;
    let _first = cockpit(&home);
    let holder = home.runs()[0].clone();
    let done = home.gonogo(&["rehearse", "guide.md"]).exits(3);
    assert!(
        done.err.contains(&format!("held by run `{holder}`")),
        "{}",
        done.err
    );
    assert!(!home.path().join("begun").exists());
}

/// A wait of days needs no process: the run is parked, says when it is due, and comes back.
#[tokio::test]
async fn a_run_that_nobody_looks_at_is_parked_and_comes_back() {
    let (home, database) = home().await;
    let guide = format!("{GUIDE}\n## Cleanup (wait 7 days)\n\n```bash {{#tidy .run}}\ntrue\n```\n");
    home.write("guide.md", &guide);
    home.write(
        "gonogo.toml",
        &format!(
            "[environments.test]\npark_after = \"1s\"\ntargets.main = {:?}\n",
            database.conninfo()
        ),
    );
    let mut first = cockpit(&home);
    let run = home.runs()[0].clone();
    let pid = home.supervisor(&run).unwrap();
    first.keys("q");
    first.wait_for("leave: the run goes on");
    first.keys("l");
    first.wait_exit();
    until("the run to be parked", || {
        (!std::path::Path::new(&format!("/proc/{pid}")).exists()).then_some(())
    });
    eventually("the lock to be let go", async || {
        record(&database).await.is_empty().then_some(())
    })
    .await;
    let listed = home.gonogo(&["runs", "--json"]).exits(0).json();
    assert_eq!(listed[0]["alive"], false);
    assert_eq!(listed[0]["state"], "waiting", "{listed}");

    let back = Terminal::start(home.path(), &["attach", &run], 120, 40);
    back.wait_for("HELD");
    back.wait_for("The work itself");
    home.gonogo(&["abandon", &run, "--reason", "only a trial"])
        .exits(0);
    back.wait_for("ABANDONED");
    let report = home.gonogo(&["report", &run]).exits(0).out;
    assert!(report.contains("only a trial"), "{report}");
}
