//! A row of the guide's own table gets its value from a query, in its interval, without anybody.

use crate::support::home::{Home, until};
use crate::support::terminal::Terminal;
use crate::support::{execute, fresh_database};

const GUIDE: &str = r#"# Watch the load

## Phase 1: Deploy

### Look at the numbers

- [ ] The board is open

| Metric | Target | Check frequency |
|--------|--------|-----------------|
| Load time | <500ms (p95) | Every hour |
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_query_bound_in_the_cockpit_measures_the_row_and_tells_a_breach() {
    let database = fresh_database().await;
    let mut connection = database.connect().await;
    execute(&mut connection, "CREATE TABLE loads (p95 int)").await;
    execute(&mut connection, "INSERT INTO loads VALUES (420)").await;
    let home = Home::new();
    home.write("guide.md", GUIDE);
    home.environment(&database.conninfo(), "");
    let mut cockpit = Terminal::start(home.path(), &["run", "guide.md"], 140, 44);
    cockpit.wait_for("Load time");
    cockpit.keys("g");
    cockpit.wait_for("go or no-go?");
    cockpit.keys("m");
    cockpit.wait_for("value < 500");
    cockpit.keys("SELECT p95 FROM loads<tab><tab><tab>");
    // Not in an hour: the field holds what the guide says.
    cockpit.keys("\u{15}5s<enter>");
    cockpit.wait_for("would run");
    cockpit.keys("x");
    let run = home.runs()[0].clone();
    let report = || home.gonogo(&["report", &run]).out;
    until("the row to be measured", || {
        report().contains("value is 420").then_some(())
    });
    execute(&mut connection, "UPDATE loads SET p95 = 700").await;
    cockpit.wait_for("RED FLAG");
    let flags = home.status(&run)["red_flags"].to_string();
    assert!(flags.contains("700"), "{flags}");
}
