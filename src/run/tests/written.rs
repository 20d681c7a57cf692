//! What people write into a run: a command of their own, and the guide's corrected for this run.

use super::*;
use crate::runbook::Actor;

const DEPLOY: &str = r#"# Release

## Step 1: Deploy

```bash {#deploy .run}
./deplyo.sh
```

```sql {#count .check expect="value == 3"}
SELECT count(*) FROM shops;
```

## Rollback

```bash {#stop .run}
systemctl stop shopp
```

```bash {#back .run}
./deploy.sh --old
```
"#;

fn write(code: &str, on: Option<&str>) -> Command {
    Command::Write {
        code: code.to_owned(),
        actor: on.map_or(Actor::Shell, |_| Actor::Sql),
        on: on.map(str::to_owned),
    }
}

fn correct(run: &Run, id: &str, code: &str) -> Command {
    Command::Correct {
        action: run.action(id),
        code: code.to_owned(),
    }
}

#[test]
fn a_command_of_ones_own_runs_on_record_beside_the_walk() {
    let mut run = Run::of(DEPLOY).identified();
    run.does(write("SELECT pg_cancel_backend(4711);", Some("main")));
    let action = ActionId::block(run.state.runbook.blocks.len());
    assert!(run.state.action(action).is_none(), "nothing ran by it");
    assert!(run.state.is_beside(action));
    let shown = preview(&run.state, action).unwrap();
    assert!(shown.target.starts_with("main: "), "{}", shown.target);
    assert!(!shown.needs_arming, "who wrote it has read it");
    let id = run.state.runbook.block(action.block).unwrap().id.clone();
    run.runs(&id, exit(0));
    assert_eq!(run.outcome(&id), Some(Outcome::Passed));
    assert_eq!(run.state.phase().unwrap().title, "Step 1: Deploy");
    assert_eq!(run.state.written[&action].by, ANNA);
    assert_eq!(run.state.written[&action].original, None);
}

#[test]
fn sql_of_ones_own_waits_for_the_proof_of_its_database() {
    let mut run = Run::of(DEPLOY);
    assert!(
        run.refuses(write("SELECT 1;", Some("audit")))
            .help
            .contains("main")
    );
    run.does(write("SELECT 1;", Some("main")));
    let id = format!("block-{}", run.state.runbook.blocks.len());
    let refusal = run.refuses(run.start(&id));
    assert!(refusal.message.contains("has not proved"), "{refusal}");
}

#[test]
fn a_correction_is_told_as_a_difference_and_confirmed_anew() {
    let mut run = Run::of(DEPLOY).identified();
    let before = run.start("deploy");
    run.does(correct(&run, "deploy", "./deploy.sh"));
    let deploy = run.action("deploy");
    assert_eq!(
        run.state.difference(deploy),
        ["-./deplyo.sh", "+./deploy.sh"]
    );
    let refusal = run.refuses(before);
    assert!(
        refusal.message.contains("no longer what you saw"),
        "{refusal}"
    );
    run.runs("deploy", exit(0));
    let attempt = run.state.action(deploy).unwrap().last().unwrap();
    assert_eq!(attempt.command, "./deploy.sh");
    // The guide's own text again: nothing is corrected any more.
    run.does(correct(&run, "deploy", "./deplyo.sh"));
    assert!(run.state.written.is_empty());
}

#[test]
fn what_the_guide_asks_of_a_command_is_asked_of_its_correction() {
    let mut run = Run::of(DEPLOY).identified();
    run.does(correct(&run, "count", "SELECT count(*) FROM shop;"));
    run.runs(
        "count",
        Evidence {
            value: Some(2.into()),
            ..exit(0)
        },
    );
    assert_eq!(run.outcome("count"), Some(Outcome::Failed));
}

#[test]
fn a_stuck_rollback_goes_on_by_its_corrected_command_and_by_no_other() {
    let mut run = Run::of(DEPLOY).identified();
    let back = run.rollback(0);
    run.does(back);
    let refusal = run.refuses(correct(&run, "back", "./other.sh"));
    assert!(refusal.message.contains("rollback is running"), "{refusal}");
    run.ends("stop", exit(5));
    assert_eq!(run.state.mode, Mode::Stuck);
    let refusal = run.refuses(correct(&run, "back", "./other.sh"));
    assert!(
        refusal.message.contains("only the command that failed"),
        "{refusal}"
    );
    // What helps may be no part of the rollback.
    run.does(write("systemctl status", None));
    let id = format!("block-{}", run.state.runbook.blocks.len());
    run.runs(&id, exit(0));
    assert_eq!(run.state.mode, Mode::Stuck);
    run.does(correct(&run, "stop", "systemctl stop shop"));
    run.runs("stop", exit(0));
    run.ends("back", exit(0));
    assert_eq!(run.state.mode, Mode::RolledBack);
    let refusal = run.refuses(write("uptime", None));
    assert!(refusal.message.contains("is over"), "{refusal}");
}

#[test]
fn a_blank_of_ones_own_command_is_asked_for() {
    let mut run = Run::of(DEPLOY).identified();
    run.does(write("git checkout <commit>", None));
    let action = ActionId::block(run.state.runbook.blocks.len());
    let refusal = preview(&run.state, action).unwrap_err();
    assert!(
        refusal.message.contains("no value for `COMMIT`"),
        "{refusal}"
    );
    run.does(Command::SetInput {
        name: "COMMIT".to_owned(),
        input: Input::Value("1a2b3c".to_owned()),
    });
    let shown = preview(&run.state, action).unwrap();
    assert!(shown.command.contains("git checkout"), "{}", shown.command);
}

#[test]
fn what_was_written_is_the_same_on_replay() {
    let mut run = Run::of(DEPLOY).identified();
    run.does(write("uptime", None));
    run.does(correct(&run, "deploy", "./deploy.sh"));
    let mut again = None;
    for record in &run.records {
        fold(&mut again, record);
    }
    assert_eq!(again.unwrap(), run.state);
}

#[test]
fn a_command_of_ones_own_is_for_a_target_that_there_is() {
    let mut run = Run::of(DEPLOY).identified();
    let refusal = run.refuses(write("uptime", Some("elsewhere")));
    assert!(refusal.help.contains("main"), "{refusal}");
    run.does(write("uptime", Some("main")));
}
