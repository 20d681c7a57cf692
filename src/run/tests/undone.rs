//! What is called undone after a rollback: what it is known to undo, and nothing else.

use super::*;

const PHASES: &str = r#"# Release

## Phase 1: Backup

```bash {#dump .run}
pg_dump -f app.dump
```

## Phase 2: Schema

```sql {#schema .run}
ALTER TABLE a ADD COLUMN b int;
```

```sql {#count .check}
SELECT count(*) FROM a;
```

## Phase 3: Deploy

```bash {#deploy .run}
./deploy.sh
```

"#;

/// Everything has run; then the rollback is taken to its end.
fn rolled_back(rollbacks: &str, option: usize) -> Run {
    let mut run = Run::of(&format!("{PHASES}{rollbacks}")).identified();
    run.runs("dump", exit(0));
    run.goes();
    run.runs("schema", exit(0));
    run.runs("count", exit(0));
    run.goes();
    run.runs("deploy", exit(0));
    run.does(run.rollback(option));
    goes_to_the_end(&mut run);
    assert_eq!(run.state.mode, Mode::RolledBack, "{rollbacks}");
    run
}

fn goes_to_the_end(run: &mut Run) {
    for _ in 0..20 {
        if let Some((action, attempt)) = run.state.running().first().copied() {
            run.does(Observation::Finished {
                action,
                attempt,
                evidence: Some(Box::new(exit(0))),
                reason: None,
            });
        } else if let Some((step, index, _)) = run.state.by_hand_now() {
            run.does(Command::Tick {
                step: step.id.clone(),
                index,
                value: None,
                note: None,
            });
        }
    }
}

fn undone(run: &Run) -> Vec<&str> {
    let book = &run.state.runbook;
    book.walk()
        .flat_map(|phase| &phase.steps)
        .filter(|step| run.state.step_status(step) == StepStatus::Undone)
        .map(|step| step.title.as_str())
        .collect()
}

fn block(id: &str) -> String {
    format!("```bash {{#{id} .run}}\n./back.sh\n```\n\n")
}

#[test]
fn the_only_rollback_of_a_guide_claims_nothing_by_being_the_only_one() {
    let run = rolled_back(&format!("## Rollback\n\n{}", block("back")), 0);
    assert!(undone(&run).is_empty(), "{:?}", undone(&run));
    assert_eq!(run.state.rolled_back_by().unwrap().id, "rollback");
}

#[test]
fn a_restore_of_the_backup_takes_back_what_ran_on_the_database_since() {
    let ways = format!(
        "## Rollback\n\n### Option 1: Old version\n\n{}### Option 2: From the dump\n\n```bash {{#restore .run}}\npg_restore -d app app.dump\n```\n",
        block("old")
    );
    assert_eq!(undone(&rolled_back(&ways, 1)), ["Phase 2: Schema"]);
    let no_dump = ways.replace("app.dump\n```", "app.dump\n```\n");
    let without = PHASES.replace("pg_dump -f app.dump", "ls app.dump");
    let mut run = Run::of(&format!("{without}{no_dump}")).identified();
    run.runs("dump", exit(0));
    run.goes();
    run.runs("schema", exit(0));
    run.does(run.rollback(1));
    goes_to_the_end(&mut run);
    assert!(undone(&run).is_empty(), "no backup of this run is known");
    let plans = rollback_plans(&rolled_back(&ways, 0).state);
    let old = plans.iter().find(|plan| plan.option == "option-1").unwrap();
    assert_eq!(
        old.takes_back, None,
        "beside it nothing is known of the other"
    );
    let looks = ways.replace("pg_restore -d app", "pg_restore -l");
    assert!(undone(&rolled_back(&looks, 1)).is_empty());
}

#[test]
fn one_rollback_among_several_claims_nothing() {
    let ways = format!(
        "## Rollback\n\n### Option 1: Old version\n\n{}### Option 2: Disable the feature\n\n1. Switch it off\n",
        block("old")
    );
    for option in [0, 1] {
        let run = rolled_back(&ways, option);
        assert!(undone(&run).is_empty(), "{:?}", undone(&run));
        let passed = run.state.step_status(&run.state.runbook.phases[1].steps[0]);
        assert_eq!(passed, StepStatus::Passed, "it stays what it was");
        let plan = &rollback_plans(&run.state)[option];
        assert_eq!(plan.takes_back, None);
    }
}

#[test]
fn a_rollback_of_one_phase_takes_back_that_phase() {
    let nested = PHASES.replace(
        "## Phase 3",
        &format!("### Rollback\n\n{}## Phase 3", block("back")),
    );
    let mut run = Run::of(&nested).identified();
    run.runs("dump", exit(0));
    run.goes();
    run.runs("schema", exit(0));
    run.runs("count", exit(0));
    run.goes();
    run.runs("deploy", exit(0));
    run.does(run.rollback(0));
    goes_to_the_end(&mut run);
    assert_eq!(undone(&run), ["Phase 2: Schema"]);
    for (title, steps) in [
        ("If Phase 3 Fails", vec!["Phase 3: Deploy"]),
        ("Rollback of phase 2", vec!["Phase 2: Schema"]),
        (
            "Rollback of phases 2-3",
            vec!["Phase 2: Schema", "Phase 3: Deploy"],
        ),
        ("Rollback to phase 2", vec![]),
        ("Rollback of phase 7", vec![]),
    ] {
        let ways = format!(
            "## Rollback\n\n### {title}\n\n{}### Other\n\n{}",
            block("a"),
            block("b")
        );
        assert_eq!(undone(&rolled_back(&ways, 0)), steps, "{title}");
    }
}

#[test]
fn the_author_says_what_it_undoes() {
    let ways = |said: &str| {
        format!(
            "## Rollback\n<!-- gonogo: undoes={said} -->\n\n{}",
            block("back")
        )
    };
    assert_eq!(
        undone(&rolled_back(&ways("phase-3"), 0)),
        ["Phase 3: Deploy"]
    );
    assert!(undone(&rolled_back(&ways("nothing"), 0)).is_empty());
    assert_eq!(undone(&rolled_back(&ways("all"), 0)).len(), 2);
}

#[test]
fn an_undo_of_a_command_takes_back_its_step_and_no_other() {
    let guide = |undo: &str| {
        format!(
            "{}## Rollback\n\n### Option 1: Deploy {{#old}}\n\n{}### Option 2: Rest\n\n{}",
            PHASES.replace("{#deploy .run}", &format!("{{#deploy .run undo={undo}}}")),
            block("back"),
            block("other")
        )
    };
    for undo in ["back", "old"] {
        let mut run = Run::of(&guide(undo)).identified();
        run.runs("dump", exit(0));
        run.goes();
        run.runs("schema", exit(0));
        run.runs("count", exit(0));
        run.goes();
        run.runs("deploy", exit(0));
        run.does(run.rollback(0));
        goes_to_the_end(&mut run);
        assert_eq!(undone(&run), ["Phase 3: Deploy"], "{undo}");
    }
}

#[test]
fn what_was_left_out_of_it_took_nothing_back() {
    let ways = "## Rollback\n<!-- gonogo: undoes=all -->\n\n";
    let mut run = Run::of(&format!("{PHASES}{ways}{}", block("back"))).identified();
    run.runs("dump", exit(0));
    run.goes();
    run.runs("schema", exit(0));
    run.does(run.rollback(0));
    run.ends("back", exit(1));
    run.does(Command::Skip {
        step: run.state.runbook.rollback[0].steps[0].id.clone(),
        reason: "it was done before".to_owned(),
        action: None,
    });
    assert_eq!(run.state.mode, Mode::RolledBack);
    assert!(undone(&run).is_empty());
}

#[test]
fn a_rollback_of_a_later_phase_is_not_the_one_to_take_first() {
    let ways = format!(
        "## Rollback\n\n### If Phase 3 Fails\n\n{}### Emergency Rollback\n\n1. Switch it off\n",
        block("back")
    );
    let run = Run::of(&format!("{PHASES}{ways}")).identified();
    assert_eq!(rollback_plans(&run.state)[0].title, "Emergency Rollback");
}

const CONTRACT: &str = r#"# Drop

## Phase 1: Create

```bash {#create .run}
echo created
```

```sql {#look .check}
SELECT 1;
```

## Phase 2: Contract

```sql {#drop .run}
DROP TABLE old_orders;
```

"#;

#[test]
fn acts_by_hand_undo_nothing_and_a_drop_ends_the_readiness() {
    let ways = "## Emergency rollback\n\n1. Stop the deployment\n2. Investigate\n";
    let mut run = Run::of(&format!("{CONTRACT}{ways}")).identified();
    assert!(rollback_plans(&run.state)[0].ready);
    run.runs("create", exit(0));
    run.runs("look", exit(0));
    run.goes();
    run.runs("drop", exit(0));
    let plan = &rollback_plans(&run.state)[0];
    assert!(!plan.ready && plan.can_begin);
    assert!(
        plan.reasons[0].contains("`old_orders` is gone"),
        "{:?}",
        plan.reasons
    );
    assert_eq!(
        plan.confirm.as_deref(),
        Some("staging"),
        "in doubt a word is typed"
    );
    run.does(run.rollback(0));
    goes_to_the_end(&mut run);
    assert_eq!(run.state.mode, Mode::RolledBack);
    assert!(undone(&run).is_empty(), "{:?}", undone(&run));
}

#[test]
fn a_drop_is_brought_back_by_a_backup_made_before_it_or_by_what_its_author_names() {
    let dump = "```bash {#dump .run}\npg_dump -Fc -f a.dump\n```\n";
    let restore = "## Rollback\n\n```bash {#restore .run}\npg_restore -d app a.dump\n```\n";
    let guide = format!(
        "{}{restore}",
        CONTRACT.replace(
            "```bash {#create .run}",
            &format!("{dump}\n```bash {{#create .run}}")
        )
    );
    let mut run = Run::of(&guide).identified();
    run.runs("dump", exit(0));
    run.runs("create", exit(0));
    run.runs("look", exit(0));
    run.goes();
    run.runs("drop", exit(0));
    assert!(rollback_plans(&run.state)[0].ready);
    run.does(run.rollback(0));
    goes_to_the_end(&mut run);
    assert_eq!(undone(&run), ["Phase 2: Contract"]);

    let named = CONTRACT.replace("{#drop .run}", "{#drop .run undo=back}");
    let mut run = Run::of(&format!("{named}## Rollback\n\n{}", block("back"))).identified();
    run.runs("create", exit(0));
    run.runs("look", exit(0));
    run.goes();
    run.runs("drop", exit(0));
    assert!(rollback_plans(&run.state)[0].ready);
}

#[test]
fn a_copy_that_the_run_made_and_dropped_again_is_no_loss() {
    let trial = "```bash {#make .run}\ncreatedb shop_copy\n```\n\n```bash {#clean .run}\ndropdb shop_copy\n```\n";
    let guide = format!(
        "{}## Rollback\n\n{}",
        CONTRACT.replace(
            "```bash {#create .run}",
            &format!("{trial}\n```bash {{#create .run}}")
        ),
        block("back")
    );
    let mut run = Run::of(&guide).identified();
    run.runs("make", exit(0));
    run.runs("clean", exit(0));
    let plan = &rollback_plans(&run.state)[0];
    assert!(plan.ready, "{:?}", plan.reasons);
}

#[test]
fn nothing_before_a_point_of_no_return_is_undone() {
    let guide = CONTRACT.replace(
        "## Phase 2: Contract\n",
        "## Phase 2: Contract\n<!-- gonogo: ponr -->\n",
    );
    let ways = format!(
        "## Rollback\n<!-- gonogo: undoes=all -->\n\n{}",
        block("back")
    );
    let mut run = Run::of(&format!("{guide}{ways}")).identified();
    run.runs("create", exit(0));
    run.runs("look", exit(0));
    run.goes();
    run.runs("drop", exit(0));
    let plan = &rollback_plans(&run.state)[0];
    assert!(!plan.ready);
    assert!(
        plan.reasons[0].contains("there is no rollback"),
        "{:?}",
        plan.reasons
    );
    run.does(run.rollback(0));
    goes_to_the_end(&mut run);
    assert!(undone(&run).is_empty(), "{:?}", undone(&run));
}

#[test]
fn the_rollback_of_a_phase_that_is_behind_is_not_the_one_to_take_first() {
    let ways = format!(
        "## Rollback\n\n### If Phase 1 Fails\n\n{}### If Phase 3 Fails\n\n{}### Emergency rollback\n\n1. Switch it off\n",
        block("one"),
        block("three")
    );
    let mut run = Run::of(&format!("{PHASES}{ways}")).identified();
    let first = |run: &Run| rollback_plans(&run.state)[0].title.clone();
    assert_eq!(first(&run), "If Phase 1 Fails");
    run.runs("dump", exit(0));
    run.goes();
    assert_eq!(first(&run), "Emergency rollback");
    run.runs("schema", exit(0));
    run.runs("count", exit(0));
    run.goes();
    assert_eq!(first(&run), "If Phase 3 Fails");
}
