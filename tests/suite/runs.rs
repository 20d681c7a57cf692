//! `gonogo runs` with very many of them, of every age and condition.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use crate::support::home::{Home, until};

const GUIDE: &str = "---\ngonogo:\n  rehearsal: assume\n---\n# Move it\n\n## Phase 1: Work\n\n```bash {#work .run}\necho moved\n```\n";
const RUNS: usize = 300;

async fn alter(journal: &std::path::Path, statement: &'static str) {
    let options = SqliteConnectOptions::new().filename(journal);
    let mut raw = options.connect().await.unwrap();
    sqlx::query(statement).execute(&mut raw).await.unwrap();
    raw.close().await.unwrap();
}

#[tokio::test]
async fn a_damaged_run_among_very_many_is_told_and_hides_none() {
    let home = Home::new();
    home.write("guide.md", GUIDE);
    home.gonogo(&["rehearse", "guide.md"]).exits(0);
    let run = home.runs()[0].clone();
    let folder = home.run_directory(&run);
    until("the supervisor to end", || {
        (home.status(&run)["supervisor"]["alive"] == false).then_some(())
    });
    // All of it in one file: two could not be copied at one moment, and the supervisor may still close them.
    let journal = folder.join("journal.sqlite");
    alter(&journal, "PRAGMA wal_checkpoint(TRUNCATE)").await;
    for number in 1..RUNS {
        let copy = folder.with_file_name(format!("20200101-{number:06}"));
        std::fs::create_dir(&copy).unwrap();
        std::fs::copy(&journal, copy.join("journal.sqlite")).unwrap();
    }
    let path = |number: usize| {
        let name = format!("20200101-{number:06}/journal.sqlite");
        folder.with_file_name(name)
    };
    alter(&path(7), "UPDATE events SET by = 'mallory' WHERE seq = 4").await;
    std::fs::write(
        path(8),
        "not a journal at all, but long enough to have a header",
    )
    .unwrap();
    // One from before it was kept where runs stand, and one from after this version.
    alter(&path(9), "DROP TABLE standing").await;
    alter(&path(9), "PRAGMA user_version = 1").await;
    alter(&path(10), "PRAGMA user_version = 99").await;

    let started = std::time::Instant::now();
    let listed = home.gonogo(&["runs"]).exits(0);
    println!("{RUNS} runs in {:?}", started.elapsed());
    let lines: Vec<&str> = listed.out.lines().collect();
    let of = |number: usize| {
        let name = format!("20200101-{number:06}");
        let at = lines
            .iter()
            .position(|line| line.starts_with(&name))
            .unwrap();
        lines[at..lines.len().min(at + 3)].join("\n")
    };
    assert!(
        of(7).contains("the journal is damaged from event 4 on: it was altered"),
        "{}",
        of(7)
    );
    assert!(of(8).contains("is not a gonogo journal"), "{}", of(8));
    assert!(
        of(9).contains("done") && of(9).contains("Move it"),
        "{}",
        of(9)
    );
    assert!(of(10).contains("newer gonogo (format 99"), "{}", of(10));
    assert_eq!(
        lines.iter().filter(|line| line.contains("Move it")).count(),
        RUNS - 2
    );
    let json = home.gonogo(&["runs", "--json"]).exits(0).json();
    let damaged = json
        .as_array()
        .unwrap()
        .iter()
        .filter(|run| run["damage"].is_string());
    assert_eq!(damaged.count(), 1);
}

#[tokio::test]
async fn a_run_that_was_listed_is_looked_at_again_once_its_journal_has_changed() {
    let home = Home::new();
    home.write("guide.md", GUIDE);
    home.gonogo(&["rehearse", "guide.md"]).exits(0);
    let run = home.runs()[0].clone();
    until("the supervisor to end", || {
        (home.status(&run)["supervisor"]["alive"] == false).then_some(())
    });
    let seen = home.path().join("state/gonogo/runs.seen");
    home.gonogo(&["runs"]).exits(0);
    let kept = std::fs::read_to_string(&seen).unwrap();
    assert!(kept.contains(&run), "{kept}");
    let listed = || home.gonogo(&["runs", "--json"]).exits(0).json()[0].clone();
    assert_eq!(listed()["damage"], serde_json::Value::Null);
    let journal = home.run_directory(&run).join("journal.sqlite");
    alter(&journal, "UPDATE events SET by = 'mallory' WHERE seq = 4").await;
    let damage = listed()["damage"].to_string();
    assert!(damage.contains("damaged from event 4"), "{damage}");
    // What cannot be read is nothing that is known.
    std::fs::write(&seen, "no JSON").unwrap();
    assert!(listed()["damage"].is_string());
}
