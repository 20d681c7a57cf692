//! What a rollback that puts a backup back would lose is measured: rows written since, by table.

use sqlx::Connection;

use crate::support::home::{Home, until};
use crate::support::terminal::Terminal;
use crate::support::{Database, execute, fresh_database};

const GUIDE: &str = r#"# Move the orders

## Phase 1: Backup

```bash {#backup .run}
pg_dump -Fc -f orders.dump
```

## Phase 2: Change

```sql {#change .run}
UPDATE orders SET n = n + 1;
```

## Rollback

### Option 1: Put the dump back

```bash {#restore .run}
pg_restore --clean -d "$PGDATABASE" orders.dump
```
"#;

/// By a session that ends: its counters are told at once.
async fn write(database: &Database, sql: &str) {
    let mut connection = database.connect().await;
    execute(&mut connection, sql).await;
    connection.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_written_since_the_backup_are_named_before_the_rollback_and_in_the_report() {
    let database = fresh_database().await;
    write(
        &database,
        "CREATE TABLE orders AS SELECT n FROM generate_series(1, 500) AS n",
    )
    .await;
    let home = Home::new();
    home.write("guide.md", GUIDE);
    home.environment(&database.conninfo(), "");
    let mut cockpit = Terminal::start(home.path(), &["run", "guide.md"], 150, 44);
    cockpit.wait_for("rollback:");
    cockpit.keys("<enter>");
    cockpit.wait_for("would run");
    cockpit.keys("x");
    let run = home.runs()[0].clone();
    until("the backup", || {
        (home.outcome(&run, "phase-1-1") == "passed").then_some(())
    });
    let loss = || home.status(&run)["rollback"]["loss"]["says"].to_string();
    until("nothing to be lost yet", || {
        loss().contains("nothing was written").then_some(())
    });
    write(
        &database,
        "INSERT INTO orders SELECT generate_series(1, 1020)",
    )
    .await;
    cockpit.wait_for("loses about 1,020 rows");
    assert!(
        loss().contains("about 1,020 rows of `orders`"),
        "{}",
        loss()
    );
    let gone = home.gonogo(&["rollback", &run, "--confirm", "test"]);
    let report = home.gonogo(&["report", &run]).exits(0).out;
    assert!(
        report.contains("1,020 rows of"),
        "{}{}\n{report}",
        gone.out,
        gone.err
    );
}
