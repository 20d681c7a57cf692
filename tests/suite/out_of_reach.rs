//! A rollback whose database does not answer: it stays ready, and the status says since when.

use crate::support::home::{Home, until};
use crate::support::terminal::Terminal;

const GUIDE: &str = "# Count\n\n## Phase 1: Look\n\n- [ ] Look\n\n## Rollback\n\n\
    ### Option 1: By query\n\n```sql {#back .run}\nSELECT 1;\n```\n\n\
    ### Option 2: By command\n\n```bash {#other .run}\ntrue\n```\n";

#[test]
fn the_status_says_since_when_the_database_of_the_rollback_has_not_answered() {
    let home = Home::new();
    home.write("guide.md", GUIDE);
    let nowhere = home.path().join("nowhere");
    home.environment(&format!("host={} dbname=app", nowhere.display()), "");
    let terminal = Terminal::start(home.path(), &["run", "guide.md"], 120, 40);
    terminal.wait_for("its database has not answered for");
    let run = home.runs()[0].clone();
    let rollback = until("the reason", || {
        let rollback = home.status(&run)["rollback"].clone();
        let reasons = rollback["reasons"].as_array()?.clone();
        let said = |reason: &serde_json::Value| {
            let reason = reason.as_str().unwrap_or_default();
            reason.starts_with("its database has not answered for ")
        };
        reasons.iter().any(said).then_some(rollback)
    });
    assert_eq!(rollback["recommended"], "option-1");
    assert_eq!(rollback["ready"], true, "it is never blocked");
    let shown = home.gonogo(&["rollback", &run]).exits(2).err;
    assert!(
        shown.contains("its database has not answered for"),
        "{shown}"
    );
    let other = home
        .gonogo(&["rollback", &run, "--option", "option-2"])
        .exits(2)
        .err;
    assert!(
        !other.contains("has not answered"),
        "it needs none: {other}"
    );
}
