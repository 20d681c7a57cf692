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
            run.does(Command::Finished {
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
fn the_only_rollback_of_a_guide_takes_back_all_that_changed_something() {
    let run = rolled_back(&format!("## Rollback\n\n{}", block("back")), 0);
    assert_eq!(undone(&run), ["Phase 2: Schema", "Phase 3: Deploy"]);
    assert_eq!(run.state.rolled_back_by().unwrap().id, "rollback");
}

#[test]
fn a_restore_of_the_backup_takes_back_everything() {
    let ways = format!(
        "## Rollback\n\n### Option 1: Old version\n\n{}### Option 2: From the dump\n\n```bash {{#restore .run}}\npg_restore -d app app.dump\n```\n",
        block("old")
    );
    assert_eq!(
        undone(&rolled_back(&ways, 1)),
        ["Phase 2: Schema", "Phase 3: Deploy"]
    );
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
    let mut run = Run::of(&format!("{PHASES}## Rollback\n\n{}", block("back"))).identified();
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
