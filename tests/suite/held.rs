//! A transaction with a look before its `COMMIT`: held open, shown, then committed or rolled back by a
//! person, whatever happens to the supervisor, the server or the clock meanwhile.

use gonogo::api::CommandAnswer;
use gonogo::run::{Command, Verdict};
use rustix::process::{Pid, Signal, kill_process};

use crate::socket::Joined;
use crate::support::home::{Home, until};
use crate::support::terminal::Terminal;
use crate::support::{Database, eventually, execute, fresh_database};

/// The column goes, the rest is looked at, and only then is it final.
const GUIDE: &str = r#"# Drop a column

## Phase 1: Drop

```sql {#drop .run EXPECT}
BEGIN;

ALTER TABLE items DROP COLUMN n;

-- is the rest still there?
SELECT count(*) FROM items;

COMMIT;
SELECT 'behind';
```

## Rollback

### Option 1: Nothing (recommended)

```sql {#back .run}
SELECT 1;
```
"#;

struct Held {
    home: Home,
    database: Database,
}

impl Held {
    async fn of(attributes: &str) -> Self {
        let database = fresh_database().await;
        let mut connection = database.connect().await;
        execute(&mut connection, "CREATE TABLE items (id int, n int)").await;
        execute(&mut connection, "INSERT INTO items VALUES (1, 1)").await;
        let home = Home::new();
        home.write("guide.md", &GUIDE.replace("EXPECT", attributes));
        home.environment(&database.conninfo(), "");
        Self { home, database }
    }

    /// Opens the cockpit and runs the step up to its hold.
    fn cockpit(&self, columns: u16, rows: u16) -> Terminal {
        let mut terminal = Terminal::start(self.home.path(), &["run", "guide.md"], columns, rows);
        terminal.wait_for("would run: `drop`");
        terminal.wait_for("primary");
        terminal.keys("<enter>");
        terminal.wait_for("stops before the COMMIT on line 13");
        terminal.keys("x");
        let screen = terminal.wait_until("the start, or what to type", |screen| {
            screen.contains("HELD before COMMIT") || screen.contains("first type `test`")
        });
        assert!(screen.contains("HELD before COMMIT"), "{screen}");
        terminal
    }

    fn run(&self) -> String {
        self.home.runs()[0].clone()
    }

    async fn columns(&self) -> i64 {
        sqlx::query_scalar(
            "SELECT count(*) FROM information_schema.columns WHERE table_name = 'items'",
        )
        .fetch_one(&mut self.database.connect().await)
        .await
        .unwrap()
    }

    fn spool(&self) -> String {
        let actions = self
            .home
            .run_directory(&self.run())
            .join("actions/1-1/spool");
        std::fs::read_to_string(actions).unwrap_or_default()
    }

    async fn joined(&self) -> Joined {
        let run = self.run();
        let driver = self.home.status(&run)["driver"]
            .as_str()
            .unwrap()
            .to_owned();
        Joined::join(self.home.run_directory(&run).join("socket"), &driver).await
    }

    /// The server ends the step's session.
    async fn server_ends(&self, state: &str) {
        let ended: i64 = sqlx::query_scalar(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
              WHERE application_name LIKE 'gonogo:%phase%' AND state = $1 AND datname = current_database()",
        )
        .bind(state)
        .fetch_one(&mut self.database.connect().await)
        .await
        .unwrap();
        assert_eq!(ended, 1, "its session");
    }

    /// No marker of the shim's own stands in what was kept.
    fn assert_only_what_was_printed(&self) {
        let spool = self.spool();
        assert!(!spool.contains("gonogo."), "{spool}");
        assert!(!spool.contains("\\echo"), "{spool}");
    }
}

/// Opens the dialog, types the word, commits.
fn commit(terminal: &mut Terminal) {
    terminal.keys("H");
    terminal.wait_for("C COMMIT");
    terminal.keys("C");
    let screen = terminal.wait_until("the word or the end", |screen| {
        screen.contains("first type `test`") || !screen.contains("C COMMIT")
    });
    if screen.contains("first type `test`") {
        terminal.keys("test");
        terminal.wait_for("confirmed: test");
        terminal.keys("C");
    }
    terminal.wait_gone("Esc close");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_transaction_is_shown_and_committed_by_two_keys_and_a_word() {
    let held = Held::of("").await;
    let mut terminal = held.cockpit(120, 40);
    assert_eq!(held.home.status(&held.run())["state"], "waiting");
    assert!(held.home.status(&held.run())["steps"][0]["held"]["line"] == 13);
    let runs = held.home.gonogo(&["runs"]).exits(0).out;
    assert!(runs.contains("holds a transaction open"), "{runs}");
    terminal.keys("<enter>");
    let screen = terminal.wait_for("C COMMIT");
    assert!(screen.contains("before the COMMIT of line 13"), "{screen}");
    assert!(screen.contains("(1 row)"), "the look is shown:\n{screen}");
    assert!(screen.contains("blocks nobody"), "{screen}");
    // Enter never commits.
    terminal.keys("<enter>");
    terminal.wait_gone("C COMMIT");
    terminal.keys("H");
    terminal.wait_for("C COMMIT");
    terminal.keys("C");
    terminal.wait_for("first type `test`");
    terminal.keys("test");
    terminal.wait_for("confirmed: test");
    terminal.keys("C");
    terminal.wait_for("gate of `");
    assert_eq!(held.columns().await, 1);
    assert!(held.spool().contains("behind"), "{}", held.spool());
    held.assert_only_what_was_printed();
    let report = held.home.gonogo(&["report", &held.run()]).exits(0).out;
    assert!(
        report.contains("held before the COMMIT of line 13"),
        "{report}"
    );
    assert!(report.contains("committed by anna"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_rolls_it_back_and_the_step_is_cancelled_by_name() {
    let held = Held::of("").await;
    let mut terminal = held.cockpit(80, 24);
    terminal.keys("b");
    terminal.wait_for("was cancelled");
    assert_eq!(held.columns().await, 2);
    assert!(!held.spool().contains("behind"));
    let report = held.home.gonogo(&["report", &held.run()]).exits(0).out;
    assert!(report.contains("rolled back by anna"), "{report}");
    // And once more, from the start.
    terminal.keys("<enter>");
    terminal.wait_for("begins again with line 6");
    terminal.keys("t");
    terminal.wait_for("EXECUTE");
    terminal.keys("x");
    terminal.wait_for("HELD before COMMIT");
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_it_blocks_is_on_the_screen() {
    let held = Held::of("").await;
    let mut terminal = held.cockpit(120, 40);
    let mut waiting = std::process::Command::new("psql")
        .args([
            "-X",
            "-d",
            &held.database.conninfo(),
            "-c",
            "UPDATE items SET id = 2",
        ])
        .env("PGAPPNAME", "webshop")
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    terminal.wait_for("BLOCKS 1 session");
    terminal.keys("H");
    terminal.wait_for("webshop for");
    terminal.keys("<esc>");
    // After some time it is an alarm, on every screen.
    terminal.wait_for("HELD TRANSACTION BLOCKS 1 session");
    terminal.keys("b");
    assert!(waiting.wait().unwrap().success(), "it waits no more");
    terminal.wait_for("was cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_supervisor_leaves_it_held_and_the_next_one_knows_since_when() {
    let held = Held::of("").await;
    let terminal = held.cockpit(120, 40);
    let run = held.run();
    let since = held.home.status(&run)["steps"][0]["held"]["since"].clone();
    let pid = held.home.supervisor(&run).unwrap();
    drop(terminal);
    kill_process(
        Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(),
        Signal::KILL,
    )
    .unwrap();
    let mut terminal = Terminal::start(held.home.path(), &["attach"], 120, 40);
    terminal.wait_for("HELD before COMMIT");
    assert_ne!(held.home.supervisor(&run).unwrap(), pid);
    assert_eq!(held.home.status(&run)["steps"][0]["held"]["since"], since);
    assert_eq!(held.columns().await, 2, "nothing is committed");
    commit(&mut terminal);
    until("the commit", || {
        held.spool().contains("behind").then_some(())
    });
    assert_eq!(held.columns().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_its_time_is_up_it_is_rolled_back() {
    let held = Held::of("timeout=2s").await;
    let terminal = held.cockpit(120, 40);
    terminal.wait_for("`drop` failed");
    assert_eq!(held.columns().await, 2);
    let report = held.home.gonogo(&["report", &held.run()]).exits(0).out;
    assert!(
        report.contains("its time ran out while it was held"),
        "{report}"
    );
    assert!(report.contains("never committed"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_and_the_rollback_roll_it_back_first() {
    let held = Held::of("").await;
    let mut terminal = held.cockpit(120, 40);
    terminal.keys("c");
    terminal.wait_for("y yes");
    terminal.keys("y");
    terminal.wait_for("was cancelled");
    assert_eq!(held.columns().await, 2);
    terminal.keys("<enter>");
    terminal.wait_for("begins again with line 6");
    terminal.keys("t");
    terminal.wait_for("EXECUTE");
    terminal.keys("x");
    terminal.wait_for("HELD before COMMIT");
    terminal.keys("R");
    terminal.wait_for("BEGIN the rollback");
    terminal.keys("B");
    terminal.wait_for("rolled back by `Option 1: Nothing (recommended)`, not verified");
    assert_eq!(held.columns().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_while_it_is_held_has_committed_nothing() {
    let held = Held::of("").await;
    let mut terminal = held.cockpit(120, 40);
    held.server_ends("idle in transaction").await;
    terminal.wait_for("GONE from the server");
    // Who commits all the same is not left with a riddle: the COMMIT is never sent.
    commit(&mut terminal);
    terminal.wait_for("`drop` failed");
    let report = held.home.gonogo(&["report", &held.run()]).exits(0).out;
    assert!(
        report.contains("the server went away while it was held"),
        "{report}"
    );
    assert!(report.contains("COMMIT was confirmed by anna"), "{report}");
    assert!(!report.contains("committed by"), "{report}");
    assert_eq!(held.columns().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_after_commit_was_sent_leaves_an_unknown() {
    let held = Held::of("").await;
    let mut connection = held.database.connect().await;
    let slow = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); RETURN NULL; END'";
    execute(&mut connection, slow).await;
    let at_commit = "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON items DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()";
    execute(&mut connection, at_commit).await;
    let guide = GUIDE.replace("EXPECT", "").replace(
        "ALTER TABLE items DROP COLUMN n",
        "INSERT INTO items VALUES (2, 2); DELETE FROM items WHERE false",
    );
    held.home.write("guide.md", &guide);
    let mut terminal = held.cockpit(120, 40);
    commit(&mut terminal);
    eventually("the COMMIT to be under way", async || {
        let active: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'COMMIT%' AND datname = current_database()")
            .fetch_one(&mut held.database.connect().await)
            .await
            .unwrap();
        (active == 1).then_some(())
    })
    .await;
    held.server_ends("active").await;
    terminal.wait_for("unknown whether `drop` happened");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_psql_and_a_dead_shim_are_known_to_have_committed_nothing() {
    for victim in ["psql", "shim"] {
        let held = Held::of("").await;
        let terminal = held.cockpit(120, 40);
        let directory = held.home.run_directory(&held.run()).join("actions/1-1");
        let claim: serde_json::Value =
            serde_json::from_slice(&std::fs::read(directory.join("pid.json")).unwrap()).unwrap();
        let shim = i32::try_from(claim["shim"]["pid"].as_i64().unwrap()).unwrap();
        let pid = match victim {
            "shim" => shim,
            _ => child_of(shim),
        };
        kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
        terminal.wait_for("`drop` failed");
        let report = held.home.gonogo(&["report", &held.run()]).exits(0).out;
        assert!(
            report.contains("which was never sent"),
            "{victim}: {report}"
        );
        eventually("the server to roll back", async || {
            (held.columns().await == 2).then_some(())
        })
        .await;
    }
}

fn child_of(parent: i32) -> i32 {
    until("its child", || {
        std::fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .find_map(|entry| {
                let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
                let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
                let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
                (fields[1] == parent.to_string()).then_some(pid)
            })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_before_it_never_reaches_the_commit() {
    let held = Held::of("").await;
    let guide = GUIDE
        .replace("EXPECT", "")
        .replace("SELECT count(*)", "SELECT nonsense");
    held.home.write("guide.md", &guide);
    let done = held.home.gonogo(&["rehearse", "guide.md"]);
    assert_eq!(done.code, 1, "{}", done.err);
    assert_eq!(held.columns().await, 2);
    assert!(held.spool().contains("nonsense"), "{}", held.spool());
    assert!(!held.spool().contains("behind"));
    held.assert_only_what_was_printed();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_commits_what_its_expectations_approve_of_and_nothing_else() {
    let held = Held::of(r#"expect="rows.size() == 1""#).await;
    held.home.gonogo(&["rehearse", "guide.md"]).exits(0);
    assert_eq!(held.columns().await, 1);

    let held = Held::of(r#"expect="value == 2""#).await;
    let done = held.home.gonogo(&["rehearse", "guide.md"]).exits(1);
    assert!(done.err.contains("rolled back by"), "{}", done.err);
    assert_eq!(held.columns().await, 2);

    let held = Held::of("").await;
    let done = held.home.gonogo(&["rehearse", "guide.md"]).exits(3);
    assert!(
        done.err.contains("held before its COMMIT on line 13"),
        "{}",
        done.err
    );
    assert_eq!(held.columns().await, 2);

    let held = Held::of("").await;
    held.home
        .gonogo(&["rehearse", "guide.md", "--assume"])
        .exits(0);
    assert_eq!(held.columns().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_driver_ends_it_and_a_commit_of_a_destroying_script_takes_the_word() {
    let held = Held::of(r#"expect="rows.size() == 1""#).await;
    let terminal = held.cockpit(120, 40);
    let observer = held.joined().await;
    let action = observer.state.held().unwrap().0;
    let (_, _, hold) = observer.state.held().unwrap();
    assert_eq!(hold.judgements[0].verdict, Verdict::Pass);
    let end = |commit| Command::EndTransaction {
        action,
        attempt: 1,
        commit,
        typed: None,
        reason: None,
    };
    for commit in [true, false] {
        let answer = observer.asks(end(commit)).await;
        assert!(matches!(answer, CommandAnswer::Refused(_)), "{answer:?}");
    }
    drop(observer);
    drop(terminal);
    let driver = held.joined().await;
    let CommandAnswer::Refused(refusal) = driver.asks(end(true)).await else {
        panic!("a destroying COMMIT takes a word");
    };
    assert!(refusal.message.contains("typing `test`"), "{refusal}");
    assert_eq!(held.columns().await, 2);
}

#[tokio::test]
async fn the_plan_says_where_it_stops() {
    let held = Held::of("").await;
    let plan = held.home.gonogo(&["plan", "guide.md"]).exits(0).out;
    assert!(
        plan.contains("stops before the COMMIT on line 13"),
        "{plan}"
    );
    let plan = held
        .home
        .gonogo(&["plan", "guide.md", "--json"])
        .exits(0)
        .json();
    let actions = &plan["phases"][0]["steps"][0]["actions"];
    assert_eq!(actions[0]["holds"][0], 13, "{plan:#}");
    let guide = GUIDE.replace("EXPECT", "txn=one");
    held.home.write("guide.md", &guide);
    let plan = held.home.gonogo(&["plan", "guide.md"]).exits(0).out;
    assert!(
        !plan.contains("stops before"),
        "psql itself would commit: {plan}"
    );
}
