//! Runs without a person, over real databases: what they do, how they end, and what they keep.

use crate::support::home::{Home, until};
use crate::support::terminal::Terminal;
use crate::support::{connect, eventually, execute, fresh_database};
use gonogo::demo::cluster::{Cluster, Options};

/// Two phases and a rollback, small enough to see through.
const GUIDE: &str = r#"---
gonogo:
  rehearsal: assume
---
# Count the items

## Phase 1: Prepare

- [ ] Everybody knows

```bash {#where .run expect="exit == 0 && stdout.contains('items_db')"}
echo "database $PGDATABASE of items_db"
```

**Success criteria**:
- ✅ The shell knows where it is <!-- gonogo: expect="where.exit == 0" -->
- ✅ Nobody objects

## Phase 2: Change

```sql {#change .run expect="tag == 'INSERT 0 3'"}
INSERT INTO items SELECT generate_series(1, 3);
```

```sql {#check .check expect="value == 3"}
SELECT count(*) FROM items;
```

## Rollback

### Option 1: Delete (recommended)
<!-- gonogo: estimate=1m -->

```sql {#delete .run}
DELETE FROM items;
```

```sql {#deleted .check expect="value == 0"}
SELECT count(*) FROM items;
```
"#;

async fn home(guide: &str) -> (Home, crate::support::Database) {
    let database = fresh_database().await;
    execute(&mut database.connect().await, "CREATE TABLE items (n int)").await;
    let home = Home::new();
    home.write("guide.md", guide);
    home.environment(&database.conninfo(), "");
    (home, database)
}

async fn items(database: &crate::support::Database) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM items")
        .fetch_one(&mut database.connect().await)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_rehearsal_walks_every_gate_and_ends_well() {
    let (home, database) = home(GUIDE).await;
    let done = home.gonogo(&["rehearse", "guide.md", "--json"]).exits(0);
    let status = done.json();
    assert_eq!(status["state"], "done");
    assert_eq!(status["journal"]["intact"], true);
    let outcomes: Vec<&str> = status["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["passed", "passed", "pending"]);
    assert_eq!(items(&database).await, 3);
}

#[tokio::test]
async fn a_rehearsal_with_rollback_ends_where_it_began() {
    let (home, database) = home(GUIDE).await;
    let done = home
        .gonogo(&["rehearse", "guide.md", "--rollback", "--json"])
        .exits(4);
    assert_eq!(done.json()["state"], "rolled_back");
    assert_eq!(items(&database).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rehearsed_rollback_took_is_what_the_next_run_reckons_with() {
    let (home, _database) = home(GUIDE).await;
    home.gonogo(&["rehearse", "guide.md", "--rollback"])
        .exits(4);
    let rehearsed = home.runs()[0].clone();
    let mut cockpit = Terminal::start(
        home.path(),
        &["run", "guide.md", "--window", "90m"],
        140,
        40,
    );
    cockpit.wait_for("start the rollback by");
    cockpit.keys("R");
    cockpit.wait_for(&format!("in run {rehearsed}"));
    let estimate = |run: &str| home.status(run)["rollback"]["estimate_s"].as_u64();
    let newest = |known: &[&String]| {
        let mut runs = home.runs().into_iter();
        runs.find(|run| !known.contains(&run)).expect("a new run")
    };
    let second = newest(&[&rehearsed]);
    let measured = estimate(&second).expect("it was measured");
    assert!(measured < 60, "the guide says a minute: {measured}");
    home.gonogo(&["abandon", &second, "--reason", "only looked"])
        .exits(0);

    // Another text is another rollback.
    home.write("guide.md", &format!("{GUIDE}\nOne sentence more.\n"));
    let other = Terminal::start(home.path(), &["run", "guide.md"], 140, 40);
    other.wait_for("rollback:");
    assert_eq!(estimate(&newest(&[&rehearsed, &second])), Some(60));
}

#[tokio::test]
async fn a_failed_expectation_is_a_no_go_and_the_report_says_why() {
    let (home, _database) = home(&GUIDE.replace("value == 3", "value == 4")).await;
    let done = home.gonogo(&["rehearse", "guide.md"]).exits(1);
    assert!(done.err.contains("value is 3"), "{}", done.err);
    let run = &home.runs()[0];
    let report = home.gonogo(&["report", run]).exits(0).out;
    assert!(
        report.contains("no-go") && report.contains("value is 3"),
        "{report}"
    );
}

#[tokio::test]
async fn a_failed_expectation_leads_back_where_that_is_asked() {
    let (home, database) = home(&GUIDE.replace("value == 3", "value == 4")).await;
    home.gonogo(&["rehearse", "guide.md", "--rollback"])
        .exits(4);
    assert_eq!(items(&database).await, 0);
}

#[tokio::test]
async fn what_only_a_person_can_judge_waits_for_one() {
    let (home, database) = home(&GUIDE.replace("  rehearsal: assume\n", "  window: 30m\n")).await;
    let done = home.gonogo(&["rehearse", "guide.md"]).exits(3);
    assert!(done.err.contains("Everybody knows"), "{}", done.err);
    assert_eq!(items(&database).await, 0);
}

#[tokio::test]
async fn a_finished_run_is_taken_back_from_the_prompt() {
    let (home, database) = home(GUIDE).await;
    home.gonogo(&["rehearse", "guide.md"]).exits(0);
    let run = home.runs()[0].clone();
    let refused = home.gonogo(&["rollback", &run, "--confirm", "no"]).exits(2);
    assert!(
        refused.err.contains("nothing was changed"),
        "{}",
        refused.err
    );
    assert_eq!(items(&database).await, 3);
    home.gonogo(&["rollback", &run, "--confirm", "test"])
        .exits(4);
    assert_eq!(items(&database).await, 0);
}

/// A migration of some seconds in the middle of which things are killed.
fn slow(seconds: u32) -> String {
    GUIDE.replace(
        "INSERT INTO items SELECT generate_series(1, 3);",
        &format!(
            "DO $$ BEGIN RAISE NOTICE 'half way'; PERFORM pg_sleep({seconds}); END $$;\nINSERT INTO items SELECT generate_series(1, 3);"
        ),
    )
}

#[tokio::test]
async fn a_killed_supervisor_loses_nothing_and_its_heir_adopts_the_step() {
    let (home, database) = home(&slow(3)).await;
    let mut rehearsal = home.command(&["rehearse", "guide.md"]).spawn().unwrap();
    let run = until("the run", || home.runs().first().cloned());
    until("the migration step", || {
        (home.outcome(&run, "phase-2-1") == "running").then_some(())
    });
    let pid = home.supervisor(&run).unwrap();
    std::process::Command::new("kill")
        .args(["-9", &pid.to_string()])
        .status()
        .unwrap();
    assert_eq!(
        rehearsal.wait().unwrap().code(),
        Some(1),
        "the rehearsal says that its supervisor is gone"
    );

    home.gonogo(&["resume", &run]).exits(0);
    assert_eq!(items(&database).await, 3, "the step ran once");
    let status = home.status(&run);
    assert_eq!(status["state"], "done");
    let change = status["steps"]
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["id"] == "phase-2-1")
        .unwrap();
    assert_eq!(change["outcome"], "passed");
    assert_eq!(change["attempts"], 2, "the change and its check, once each");
}

#[tokio::test]
async fn a_secret_stands_nowhere() {
    const CANARY: &str = "canary-5f3a9e7b21";
    let guide = GUIDE.replace(
        "echo \"database $PGDATABASE of items_db\"",
        "echo \"database items_db\"; echo \"token $API_TOKEN\"; printf %s \"$API_TOKEN\" | base64",
    );
    let (home, database) = home(&guide).await;
    home.environment(
        &database.conninfo(),
        "[environments.test.secrets]\nAPI_TOKEN = { env = \"API_TOKEN\" }",
    );
    let mut command = home.command(&["rehearse", "guide.md"]);
    command.env("API_TOKEN", CANARY);
    Home::finish(command).exits(0);
    let run = home.runs()[0].clone();
    let report = home.gonogo(&["report", &run]).exits(0).out;
    assert!(
        report.contains("token ‹redacted›"),
        "it was printed, and redacted:\n{report}"
    );
    let forms = [CANARY.to_owned(), "Y2FuYXJ5LTVmM2E5ZTdiMjE".to_owned()];
    let mut looked_at = 0;
    let mut folders = vec![home.path().join("state")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file() {
                let bytes = std::fs::read(&path).unwrap();
                let text = String::from_utf8_lossy(&bytes);
                for form in &forms {
                    assert!(
                        !text.contains(form.as_str()),
                        "`{form}` stands in {}",
                        path.display()
                    );
                    assert!(!report.contains(form.as_str()));
                }
                looked_at += 1;
            }
        }
    }
    assert!(looked_at > 5, "the journal and the spools were looked at");
}

#[tokio::test]
async fn a_second_supervisor_is_refused() {
    let (home, _database) = home(&slow(3)).await;
    let mut rehearsal = home.command(&["rehearse", "guide.md"]).spawn().unwrap();
    let run = until("the run", || home.runs().first().cloned());
    until("the supervisor", || {
        home.status(&run)["supervisor"]["alive"]
            .as_bool()
            .filter(|alive| *alive)
    });
    let second = home.gonogo(&["supervise", &run]).exits(1);
    assert!(
        second.err.contains("has this run already"),
        "{}",
        second.err
    );
    assert_eq!(rehearsal.wait().unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_damaged_journal_goes_on_from_its_intact_beginning_and_says_so() {
    let (home, _database) = home(&GUIDE.replace("  rehearsal: assume\n", "  window: 30m\n")).await;
    home.gonogo(&["rehearse", "guide.md"]).exits(3);
    let run = home.runs()[0].clone();
    let pid = home.supervisor(&run).unwrap().to_string();
    std::process::Command::new("kill")
        .args(["-9", &pid])
        .status()
        .unwrap();
    until("the end of the supervisor", || {
        (home.status(&run)["supervisor"]["alive"] == false).then_some(())
    });
    let journal = home.run_directory(&run).join("journal.sqlite");
    let url = format!("sqlite://{}", journal.display());
    let mut connection = <sqlx::SqliteConnection as sqlx::Connection>::connect(&url)
        .await
        .unwrap();
    sqlx::query("UPDATE events SET body = replace(body, 'expected', 'altered') || ' ' WHERE seq = (SELECT max(seq) FROM events)")
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::Connection::close(connection).await.unwrap();
    assert_eq!(home.status(&run)["journal"]["intact"], false);
    home.gonogo(&["resume", &run]);
    let report = home.gonogo(&["report", &run]).exits(0).out;
    assert!(report.contains("damaged and set aside"), "{report}");
    assert_eq!(home.status(&run)["journal"]["intact"], true);
}

#[tokio::test]
async fn a_server_that_goes_away_in_the_middle_leaves_an_unknown() {
    let server = Cluster::start(Options::default()).await.unwrap();
    let mut connection = connect(&server, "postgres").await;
    execute(&mut connection, "CREATE TABLE items (n int)").await;
    let home = Home::new();
    home.write("guide.md", &slow(600));
    home.environment(&server.conninfo("postgres"), "");
    let mut rehearsal = home.command(&["rehearse", "guide.md"]).spawn().unwrap();
    let run = until("the run", || home.runs().first().cloned());
    eventually("the statement to run", async || {
        let running: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND application_name LIKE 'gonogo:%'",
        )
        .fetch_one(&mut connection)
        .await
        .unwrap();
        (running == 1).then_some(())
    })
    .await;
    server.stop_immediately().await.unwrap();
    assert_eq!(rehearsal.wait().unwrap().code(), Some(1));
    assert_eq!(home.outcome(&run, "phase-2-1"), "unknown");
    let report = home.gonogo(&["report", &run]).exits(0).out;
    assert!(
        report.contains("may or may not have taken effect"),
        "{report}"
    );
}
