//! A red flag for which the guide says to roll back ends in the offer of the rollback, at a real terminal.

use crate::support::home::Home;
use crate::support::terminal::Terminal;
use crate::support::{execute, fresh_database};

/// Annotated only so far that its command can be run without being read first.
const GUIDE: &str = r#"# Move the tenants

## Deployment steps

### Step 1: Deploy

```bash {#deploy .run}
touch deployed
```

## Post-Deployment Monitoring (24 Hours)

### 1. Data (First Hour)

```sql {#filled .check}
-- Verify tenant_key (should be 100%)
SELECT 'orders' AS name, ROUND(COUNT(tenant_key) * 100.0 / COUNT(*), 2) AS percent FROM orders;
```

**Expected Results:** 100.00% for all tables

**Red Flags:**
- ❌ < 100% tenant_key

## Rollback Plan

### Critical Issues That Require Rollback

1. ❌ **tenant_key is null** in production

### Option 1: Revert the deployment

```bash {#revert .run}
rm deployed
```

## Escalation

- Critical issues (P0): Rollback immediately
- High priority (P1): Fix within 4 hours
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_breach_that_the_guide_rolls_back_for_ends_in_the_offer_of_the_rollback() {
    let database = fresh_database().await;
    let mut connection = database.connect().await;
    execute(&mut connection, "CREATE TABLE orders (tenant_key int)").await;
    execute(&mut connection, "INSERT INTO orders VALUES (1), (NULL)").await;
    let home = Home::new();
    home.write("guide.md", GUIDE);
    home.environment(&database.conninfo(), "");
    let mut cockpit = Terminal::start(home.path(), &["run", "guide.md"], 160, 40);
    let runs = |cockpit: &mut Terminal, next: &str| {
        cockpit.wait_for("Enter shows what would run");
        cockpit.keys("<enter>");
        cockpit.wait_for("EXECUTE");
        cockpit.keys("x");
        cockpit.wait_for(next);
    };
    runs(&mut cockpit, "all criteria are met");
    let run = home.runs()[0].clone();
    cockpit.keys("g");
    cockpit.wait_for("ready for GO");
    cockpit.keys("G");
    cockpit.wait_for("Monitoring (24 Hours)");
    runs(&mut cockpit, "P0, for");
    let screen = cockpit.text();
    assert!(screen.contains("R shows the rollback"), "{screen}");
    cockpit.wait_for("R shows the rollback: P0: Rollback immediately");
    let status = home.status(&run);
    let flag = &status["red_flags"][0];
    assert_eq!(flag["severity"], "P0", "{status}");
    assert_eq!(flag["rolls_back"], true, "{status}");
    cockpit.keys("R");
    cockpit.wait_for("Revert the deployment");
    assert!(
        home.path().join("deployed").exists(),
        "nothing begins by itself"
    );
}
