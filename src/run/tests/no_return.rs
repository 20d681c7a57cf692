//! Before a point of no return it is said what ceases to be possible, and a word is typed.

use super::*;

const GUIDE: &str = r#"# Move

## Phase 1: Copy

```sql {#copy .run}
CREATE TABLE orders_new AS SELECT * FROM orders;
```

## Phase 2: Contract

```sql {#drop .run}
DROP TABLE orders;
```

## Rollback

### Option 1: Rename back

```sql {#back .run}
DROP TABLE orders_new;
```
"#;

fn in_phase(guide: &str, id: &str) -> Run {
    let mut run = Run::of(guide).identified();
    if id == "drop" {
        run.runs("copy", exit(0));
        run.goes();
    }
    run
}

#[test]
fn what_a_drop_takes_from_the_rollbacks_is_said_before_it_as_it_is_after_it() {
    let mut run = in_phase(GUIDE, "drop");
    let action = run.action("drop");
    let before = run.state.ceases_with(action, run.now);
    assert!(
        before.len() == 1 && before[0].contains("`Option 1: Rename back` would be in doubt"),
        "{before:?}"
    );
    assert_eq!(
        run.state.ceases_with(run.action("copy"), run.now),
        Vec::<String>::new()
    );
    run.runs("drop", exit(0));
    let after = &rollback_plans(&run.state)[0].reasons;
    assert!(
        after.iter().any(|why| before[0].ends_with(why.as_str())),
        "{after:?}"
    );
}

#[test]
fn what_cannot_be_taken_back_begins_when_the_right_name_is_typed() {
    let marked = GUIDE
        .replace(
            "## Phase 2: Contract\n",
            "## Phase 2: Contract\n<!-- gonogo: ponr -->\n",
        )
        .replace("DROP TABLE orders;", "UPDATE orders SET moved = true;");
    for (guide, id) in [(GUIDE, "drop"), (marked.as_str(), "drop")] {
        let mut run = in_phase(guide, id);
        for typed in [None, Some("production"), Some("orders")] {
            let mut start = run.start(id);
            if let Command::Start { typed: own, .. } = &mut start {
                *own = typed.map(str::to_owned);
            }
            let refusal = run.refuses(start);
            assert!(refusal.to_string().contains("staging"), "{refusal}");
        }
        run.starts(id);
        assert_eq!(run.state.busy().len(), 1);
    }
}
