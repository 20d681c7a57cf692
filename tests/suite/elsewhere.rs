//! Where a command goes is settled before it runs: one that leaves the targets of its environment waits
//! for a reason.

use crate::support::home::Home;
use crate::support::{execute, fresh_database};

/// A home whose environment is `staging`, and a second database that is no target of it.
async fn home(guide: &str) -> (Home, crate::support::Database, crate::support::Database) {
    let own = fresh_database().await;
    let other = fresh_database().await;
    for database in [&own, &other] {
        execute(&mut database.connect().await, "CREATE TABLE items (n int)").await;
        execute(
            &mut database.connect().await,
            "INSERT INTO items VALUES (1)",
        )
        .await;
    }
    let home = Home::new();
    home.write("guide.md", guide);
    home.environment(&own.conninfo(), "");
    (home, own, other)
}

async fn items(database: &crate::support::Database) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM items")
        .fetch_one(&mut database.connect().await)
        .await
        .unwrap()
}

#[tokio::test]
async fn an_address_of_another_database_is_stopped_before_it_runs() {
    let (home, own, other) = home("").await;
    home.write(
        "guide.md",
        "# Where\n\n## Step 1: Delete\n\n```bash {.run}\npsql \"$STAGING_URL\" -c 'DELETE FROM items'\n```\n",
    );
    let stopped = home.gonogo(&[
        "rehearse",
        "guide.md",
        "--var",
        &format!("STAGING_URL={}", other.url()),
    ]);
    assert_ne!(stopped.code, 0);
    assert_eq!(
        (items(&own).await, items(&other).await),
        (1, 1),
        "nothing was run"
    );
    let said = format!("{}{}", stopped.out, stopped.err);
    assert!(said.contains("goes to"), "{said}");
}

#[tokio::test]
async fn an_address_of_the_target_itself_is_none_of_another() {
    let (home, own, _other) = home("").await;
    home.write(
        "guide.md",
        "# Where\n\n## Step 1: Delete\n\n```bash {.run}\npsql \"$STAGING_URL\" -c 'DELETE FROM items'\n```\n",
    );
    let url = format!("STAGING_URL={}", own.url());
    home.gonogo(&["rehearse", "guide.md", "--var", &url])
        .exits(0);
    assert_eq!(items(&own).await, 0);
}

#[tokio::test]
async fn a_session_that_is_led_elsewhere_is_stopped_and_so_is_the_block_after_it() {
    let (home, own, other) = home("").await;
    home.write(
        "guide.md",
        &format!(
            "# Where\n\n## Step 1: Lead\n\n```sql {{.run}}\n\\c {}\nSELECT 1;\n```\n\n## Step 2: Insert\n\n```sql {{.run}}\nINSERT INTO items VALUES (2);\n```\n",
            other.name
        ),
    );
    let stopped = home.gonogo(&["rehearse", "guide.md"]);
    assert_ne!(stopped.code, 0);
    assert_eq!((items(&own).await, items(&other).await), (1, 1));
    let plan = home.gonogo(&["plan", "guide.md"]);
    assert!(plan.out.contains(&other.name), "{}", plan.out);
}

#[tokio::test]
async fn a_block_behind_an_opened_session_does_not_start_here() {
    let (home, _own, _other) = home(
        "# Where\n\n## Step 1: Connect\n\n```bash\nssh root@db2\n```\n\n## Step 2: Stop\n\n```bash\ntouch here\n```\n",
    )
    .await;
    let plan = home.gonogo(&["plan", "guide.md"]);
    assert!(
        plan.out
            .contains("not here: `root@db2` (line 5 opens a session on `root@db2`)"),
        "{}",
        plan.out
    );
    let plan: serde_json::Value =
        serde_json::from_str(&home.gonogo(&["plan", "guide.md", "--json"]).out).unwrap();
    let stop = &plan["phases"][1]["steps"][0]["actions"][0]["commands"][0];
    assert_eq!(stop["on"], false, "{plan:#}");
    assert!(stop["does"].to_string().contains("elsewhere"), "{stop}");
}

#[tokio::test]
async fn an_address_in_a_secret_is_checked_before_its_command_begins() {
    let (home, own, other) = home(
        "# Where\n\n## Step 1: Delete\n\n```bash {.run}\npsql \"$STAGING_URL\" -c 'DELETE FROM items'\n```\n",
    )
    .await;
    home.write("url", &other.url());
    let secrets = "[environments.test.secrets]\nSTAGING_URL = { file = \"url\" }";
    home.environment(&own.conninfo(), secrets);
    home.gonogo(&["rehearse", "guide.md"]).exits(1);
    assert_eq!((items(&own).await, items(&other).await), (1, 1));
    let said = home.status(&home.runs()[0]).to_string();
    assert!(
        said.contains(&other.name) && said.contains("goes to"),
        "{said}"
    );
}
