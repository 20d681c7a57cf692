//! Waits in titles and sentences: what stands behind one starts when it is over, or for a reason.

use super::*;

const RETIRE: &str = r#"# Retire

## Phase 1: Deploy

```bash {#deploy .run}
./deploy.sh
```

Wait 10 minutes for the caches.

```bash {#warm .run}
./warm.sh
```

## Phase 2: Clean up (after 7 days)

```sql {#old .run}
DROP TABLE old_orders;
```

### After 1 month with no issues

```sql {#older .run}
DROP TABLE older_orders;
```
"#;

fn confirmed(run: &Run, id: &str) -> Command {
    let mut start = run.start(id);
    if let Command::Start { action, typed, .. } = &mut start {
        *typed = preview(&run.state, *action).unwrap().confirm;
    }
    start
}

#[test]
fn each_is_counted_from_the_completion_of_what_stands_before_it() {
    let mut run = Run::of(RETIRE).identified();
    let refusal = run.refuses(confirmed(&run, "warm"));
    assert!(refusal.message.contains("waits until"), "{refusal}");
    run.runs("deploy", exit(0));
    let refusal = run.refuses(confirmed(&run, "warm"));
    assert!(refusal.message.contains("02:10 UTC"), "{refusal}");
    run.now += TimeDelta::minutes(10);
    run.runs("warm", exit(0));
    run.goes();
    let refusal = run.refuses(confirmed(&run, "old"));
    assert!(
        refusal.message.contains("2026-01-09 02:10 UTC"),
        "{refusal}"
    );
    run.now += TimeDelta::days(7);
    let refusal = run.refuses(confirmed(&run, "older"));
    assert!(refusal.message.contains("is done"), "{refusal}");
    run.runs("old", exit(0));
    let refusal = run.refuses(confirmed(&run, "older"));
    assert!(
        refusal.message.contains("2026-02-08 02:10 UTC"),
        "{refusal}"
    );
    run.now += TimeDelta::days(30);
    run.runs("older", exit(0));
}

#[test]
fn a_reason_starts_it_all_the_same_and_a_drop_asks_for_its_word() {
    let mut run = Run::of(RETIRE).identified();
    run.runs("deploy", exit(0));
    run.now += TimeDelta::minutes(10);
    run.runs("warm", exit(0));
    run.goes();
    let mut early = confirmed(&run, "old");
    if let Command::Start { reason, typed, .. } = &mut early {
        assert!(typed.is_some(), "what it drops is confirmed by a word");
        *reason = Some("agreed with the owner".to_owned());
    }
    run.does(early);
}
