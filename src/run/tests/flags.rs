//! Red flags are as grave as the guide says, and each has its clock.

use super::*;

const GUIDE: &str = r#"# Move the tenants

## Phase 1: Move

```bash {#move .run}
./move.sh
```

## Monitoring (1 hour)

### Watch the data

```bash {#filled .check expect="exit == 0"}
./all-filled.sh orders.tenant_key
```

```bash {#log .watch}
tail -f app.log
```

**Red flags**:
- ❌ Slow pages are reported (P2)
- ❌ `FATAL` in the log (P1)
- ❌ Somebody complains

## Rollback

### Critical issues that require a rollback

1. **tenant_key is null** in production

### Option 1: Revert (recommended)

```bash {#back .run}
./revert.sh
```

## Escalation

- Critical (P0): Roll back immediately
- High (P1): Fix within 4 hours
- Medium (P2): Fix within 24 hours
"#;

fn watched() -> Run {
    let mut run = Run::of(GUIDE).identified();
    run.runs("move", exit(0));
    run.goes();
    run
}

fn up(run: &Run) -> Vec<(String, Option<TimeDelta>, bool)> {
    let of = |flag: Flag| {
        let label = flag.graded.as_ref().map(|one| one.severity.label.clone());
        let left = flag.due().map(|due| due - flag.since);
        (label.unwrap_or_default(), left, flag.rolls_back())
    };
    run.state.flags().into_iter().map(of).collect()
}

fn judged(run: &mut Run, words: &str, holds: bool) {
    let phase = run.state.phase().unwrap().clone();
    let item = run.state.gate_items(&phase).into_iter();
    let line = item
        .clone()
        .find(|item| item.text.contains(words))
        .unwrap_or_else(|| panic!("{item:?}"))
        .line;
    run.does(Command::Judge {
        phase: phase.id.clone(),
        line,
        holds,
        note: Some("seen".to_owned()),
    });
}

#[test]
fn a_failed_check_of_what_the_guide_rolls_back_for_asks_for_the_rollback_until_it_is_good() {
    let mut run = watched();
    assert_eq!(up(&run), []);
    run.runs("filled", exit(1));
    assert_eq!(up(&run), [("P0".to_owned(), Some(TimeDelta::zero()), true)]);
    let says = run.state.flags()[0].severity_words().unwrap();
    assert!(
        says.contains("Roll back immediately") && says.contains("tenant_key is null"),
        "{says}"
    );
    run.runs("filled", exit(0));
    assert_eq!(up(&run), []);
}

#[test]
fn the_gravest_flag_comes_first_and_each_has_the_clock_of_its_label() {
    let mut run = watched();
    judged(&mut run, "complains", true);
    judged(&mut run, "Slow pages", true);
    run.starts("log");
    run.does(Observation::Alerted {
        action: run.action("log"),
        attempt: 1,
        pattern: "FATAL".to_owned(),
        line: 1,
        text: "FATAL: no".to_owned(),
        count: 1,
    });
    let hours = |hours| Some(TimeDelta::hours(hours));
    assert_eq!(
        up(&run),
        [
            ("P1".to_owned(), hours(4), false),
            ("P2".to_owned(), hours(24), false),
            (String::new(), None, false),
        ]
    );
    judged(&mut run, "Slow pages", false);
    let alert = run.state.open_alerts().next().unwrap().id;
    run.does(Command::Acknowledge {
        alert,
        note: "known".to_owned(),
    });
    assert_eq!(up(&run), [(String::new(), None, false)]);
}

#[test]
fn what_a_person_passed_a_gate_with_is_up_no_more() {
    let mut run = watched();
    run.runs("filled", exit(1));
    judged(&mut run, "complains", true);
    assert_eq!(up(&run).len(), 2);
    run.gate(GateDecision::Go, Some("agreed with the owner"))
        .unwrap();
    assert_eq!(up(&run), []);
}
