//! From staging to production: the same guide with the same inputs, what differs, and what the run in
//! staging says to the first gate.

use std::path::Path;

use crate::support::fresh_database;
use crate::support::home::{Home, until};
use crate::support::terminal::Terminal;

const GUIDE: &str = r#"---
gonogo:
  rehearsal: assume
---
# Count the items

## Phase 1: Migrate

### Before

```bash {#release .run expect="exit == 0"}
echo "release <RELEASE>"
```

### Staging Environment

```sql {#try .run}
SELECT 1;
```

### Production (after staging is verified)

```sql {#count .run}
SELECT 2;
```

## Rollback

### Option 1: Nothing

```sql {#back .run}
SELECT 3;
```
"#;

async fn home() -> Home {
    let (staging, production) = (fresh_database().await, fresh_database().await);
    let home = Home::new();
    home.write("guide.md", GUIDE);
    home.write(
        "gonogo.toml",
        &format!(
            "[environments.staging.targets]\nmain = {:?}\n\n[environments.production]\nprotected = true\n\
             [environments.production.targets]\nmain = {:?}\n",
            staging.conninfo(),
            production.conninfo()
        ),
    );
    home
}

fn rehearsed(home: &Home) -> String {
    home.gonogo(&[
        "rehearse",
        "guide.md",
        "--env",
        "staging",
        "--var",
        "RELEASE=2.14",
    ])
    .exits(0);
    home.runs()[0].clone()
}

fn newest(home: &Home, known: &str) -> String {
    until("the new run", || {
        home.runs().into_iter().find(|run| run != known)
    })
}

/// Of the step with this title.
fn outcome(home: &Home, run: &str, title: &str) -> String {
    let status = home.status(run);
    let mut steps = status["steps"].as_array().unwrap().iter();
    let step = steps.find(|step| step["title"] == title);
    let step = step.unwrap_or_else(|| panic!("no `{title}` in {status:#}"));
    step["outcome"].as_str().unwrap().to_owned()
}

fn cockpit(home: &Path, arguments: &[&str]) -> Terminal {
    Terminal::start(home, arguments, 150, 44)
}

#[tokio::test]
async fn what_differs_is_listed_before_anything_is_opened() {
    let home = home().await;
    let run = rehearsed(&home);
    let seen = home
        .gonogo(&["promote", &run, "--env", "production", "--json"])
        .exits(0)
        .json();
    assert_eq!(seen["same_text"], true);
    assert_eq!(seen["verdict"], "pass");
    let differences: Vec<&str> = seen["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["what"].as_str().unwrap())
        .collect();
    assert_eq!(differences, ["environment", "target main"]);
    assert_eq!(home.runs(), [run], "nothing was opened");
}

#[tokio::test]
async fn a_guide_that_has_changed_is_refused_with_its_difference() {
    let home = home().await;
    let run = rehearsed(&home);
    home.write(
        "guide.md",
        &GUIDE.replace("SELECT 2;", "DELETE FROM items;"),
    );
    let shown = home
        .gonogo(&["promote", &run, "--env", "production", "--show"])
        .exits(1);
    assert!(shown.out.contains("+DELETE FROM items;"), "{}", shown.out);
    let refused = cockpit(home.path(), &["promote", &run, "--env", "production"]);
    refused.wait_for("is not the guide of run");
    assert_eq!(home.runs(), [run], "nothing was opened");
}

#[tokio::test]
async fn a_promoted_run_has_the_inputs_and_the_verdict_of_the_one_before() {
    let home = home().await;
    let run = rehearsed(&home);
    assert_eq!(
        outcome(&home, &run, "Production (after staging is verified)"),
        "skipped"
    );
    let mut promoted = cockpit(home.path(), &["promote", &run, "--env", "production"]);
    promoted.wait_for("type `production` to open the run");
    promoted.keys("production<enter>");
    promoted.wait_for("PRODUCTION");
    let second = newest(&home, &run);
    let status = home.status(&second);
    assert_eq!(status["promoted_from"]["run"], *run);
    assert_eq!(status["rehearsal"]["good"], true);
    assert_eq!(outcome(&home, &second, "Staging Environment"), "skipped");
    promoted.keys("g");
    promoted.wait_for("The run in staging went well");
    let report = home.gonogo(&["report", &second]).exits(0).out;
    assert!(report.contains("promoted from"), "{report}");
    assert!(
        report.contains("2.14"),
        "the input was taken over: {report}"
    );
}

#[tokio::test]
async fn production_says_that_nobody_has_rehearsed_the_guide() {
    let home = home().await;
    let run = cockpit(
        home.path(),
        &[
            "run",
            "guide.md",
            "--env",
            "production",
            "--var",
            "RELEASE=2.14",
        ],
    );
    run.wait_for("never rehearsed");
    let only = home.runs()[0].clone();
    assert_eq!(home.status(&only)["rehearsal"]["good"], false);
}
