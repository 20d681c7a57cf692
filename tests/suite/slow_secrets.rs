//! Secrets from a slow command: nothing waits for them in silence, and a rollback not at all.

use std::time::{Duration, Instant};

use gonogo::api::CommandAnswer;
use gonogo::run::{Command, Mode, Outcome, rollback_plans};

use crate::socket::Joined;
use crate::support::fresh_database;
use crate::support::home::{Home, until};
use crate::support::terminal::Terminal;

/// Longer than any client waits for an answer.
const SLOW: &str = "echo $$ >> asked; while [ ! -e give ]; do sleep 0.05; done; echo kanarie-4711";

const GUIDE: &str = r#"# Wait for a secret

## Phase 1: Work

### With the secret

```bash {#work .run needs-nothing=1}
test "$TOKEN" = kanarie-4711
touch worked
```

## Rollback

### Option A: Undo it (recommended)

```bash {#undo .undo}
touch undone
```
"#;

fn home() -> Home {
    let home = Home::new();
    let guide = GUIDE.replace(" needs-nothing=1", "");
    home.write("guide.md", &guide);
    home.write(
        "gonogo.toml",
        &format!("[environments.test.secrets]\nTOKEN = {{ command = {SLOW:?} }}\n"),
    );
    home
}

#[tokio::test]
async fn a_step_waits_visibly_and_a_rollback_begins_at_once() {
    let home = home();
    let mut terminal = Terminal::start(home.path(), &["run", "guide.md"], 120, 40);
    terminal.wait_for("would run: `work`");
    // It was asked for ahead of need.
    terminal.wait_for("waiting for secret `TOKEN`");
    let run = home.runs()[0].clone();
    let driver = home.status(&run)["driver"].as_str().unwrap().to_owned();
    terminal.keys("<enter>");
    terminal.wait_for("EXECUTE");
    terminal.keys("x");
    until("the step to be under way", || {
        (home.outcome(&run, "with-the-secret") == "running").then_some(())
    });
    let mut joined = Joined::join(home.run_directory(&run).join("socket"), &driver).await;
    let me = joined.me.clone();
    joined.asks(Command::TakeControl {}).await;
    joined
        .sees("control", move |state| state.driver == me)
        .await;
    let plan = rollback_plans(&joined.state).remove(0);
    let back = Command::Rollback {
        option: plan.option,
        hash: plan.hash,
        typed: None,
        reason: None,
        included: None,
    };
    let began = Instant::now();
    assert!(matches!(
        joined.asks(back).await,
        CommandAnswer::Accepted { .. }
    ));
    joined
        .sees("the rollback", |state| state.mode == Mode::RolledBack)
        .await;
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert!(home.path().join("undone").exists());
    assert!(
        !home.path().join("worked").exists(),
        "nothing of the step was run"
    );
    let work = joined.action("work");
    assert_eq!(
        Joined::outcome(&joined.state, work),
        Some(Outcome::Cancelled)
    );
    let asked = std::fs::read_to_string(home.path().join("asked")).unwrap();
    assert_eq!(asked.lines().count(), 1, "the command was run once");
}

#[test]
fn a_step_starts_when_its_secret_is_there_and_shows_none_of_it() {
    let home = home();
    let mut terminal = Terminal::start(home.path(), &["run", "guide.md"], 120, 40);
    terminal.wait_for("waiting for secret `TOKEN`");
    terminal.keys("<enter>");
    terminal.wait_for("EXECUTE");
    terminal.keys("x");
    home.write("give", "");
    let worked = home.path().join("worked");
    until("the step to run", || worked.exists().then_some(()));
    terminal.wait_gone("waiting for secret");
}

#[tokio::test]
async fn a_slow_password_opens_the_run_at_once_and_leaves_no_orphan() {
    let database = fresh_database().await;
    let home = Home::new();
    home.write(
        "guide.md",
        "# Look\n\n## Phase 1: Work\n\n```sql {#look .check}\nSELECT 1;\n```\n",
    );
    home.write(
        "gonogo.toml",
        &format!(
            "[environments.test.targets.main]\npostgres = {:?}\npassword = {{ command = {SLOW:?} }}\n",
            database.conninfo()
        ),
    );
    let mut terminal = Terminal::start(home.path(), &["run", "guide.md"], 120, 40);
    terminal.wait_for("waiting for secret `main password`");
    let pid = std::fs::read_to_string(home.path().join("asked")).unwrap();
    let run = home.runs()[0].clone();
    home.gonogo(&["park", &run]).exits(0);
    until("the command to end with its supervisor", || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        (stat.is_err() || stat.is_ok_and(|stat| stat.contains(") Z"))).then_some(())
    });
    // And with its answer the database is there.
    home.write("give", "");
    terminal.keys("<ctrl-c>");
    let mut again = Terminal::start(home.path(), &["attach", &run], 120, 40);
    again.wait_gone("waiting for secret");
    until("the database to be known", || {
        let report = home.gonogo(&["report", &run]).out;
        report.contains("PostgreSQL").then_some(())
    });
    again.keys("q");
}
