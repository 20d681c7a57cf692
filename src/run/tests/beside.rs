//! What stands beside the walk can be run at any time: on record, and without a change to the walk.

use super::*;

const TROUBLE: &str = r#"# Release

## Step 1: Deploy

```bash {#deploy .run}
cd /srv/app
./deploy.sh
```

## Step 2: Look

```bash {#look .run}
pwd
```

## Troubleshooting

### Issue: the queue is stuck

1. Tell the desk

```bash {#unstick .run}
cd /srv/queue && ./unstick.sh
```

## Rollback

```bash {#back .run}
./deploy.sh --old
```
"#;

#[test]
fn a_command_of_troubleshooting_runs_beside_the_walk_and_hands_nothing_on() {
    let mut run = Run::of(TROUBLE).identified();
    let unstick = run.action("unstick");
    assert!(run.state.is_beside(unstick));
    assert_eq!(
        run.state.step_of(unstick).unwrap().title,
        "Issue: the queue is stuck"
    );
    let mut moved = exit(0);
    moved.shell = Some(ShellState {
        directory: Some("/srv/queue".to_owned()),
        ..ShellState::default()
    });
    run.runs("unstick", moved);
    assert_eq!(run.outcome("unstick"), Some(Outcome::Passed));
    assert_eq!(run.state.phase().unwrap().title, "Step 1: Deploy");
    let mut moved = exit(0);
    moved.shell = Some(ShellState {
        directory: Some("/srv/app".to_owned()),
        ..ShellState::default()
    });
    run.runs("deploy", moved);
    run.goes();
    let start = shell_start(&run.state, run.action("look"), None);
    assert_eq!(start.directory.map(|(to, _)| to), Some("/srv/app"));
    let start = shell_start(&run.state, unstick, None);
    assert_eq!(
        start.directory.map(|(to, _)| to),
        Some("/srv/app"),
        "it starts where the shell is"
    );
}

#[test]
fn a_watch_that_died_is_not_done_and_one_that_was_ended_is() {
    let guide = "# A\n\n## Phase 1: Watch\n\n```bash {#logs .watch}\ntail -f /var/log/app.log\n```\n\n```bash {#go .run}\n./go.sh\n```\n";
    let mut run = Run::of(guide).identified();
    run.runs("logs", exit(127));
    run.runs("go", exit(0));
    let step = run.state.runbook.phases[0].steps[0].clone();
    assert_eq!(run.state.step_status(&step), StepStatus::Failed);
    assert!(run.gate(GateDecision::Go, None).is_err());
    run.starts("logs");
    run.goes();
    run.ends("logs", exit(143));
    assert_eq!(run.state.step_status(&step), StepStatus::Passed);
}

#[test]
fn no_watch_is_offered_before_a_choice_that_stands_before_it() {
    let guide = "# A\n\n## Phase 1: Restart\n\n**Option A:**\n\n```bash {#a .run choice=how:a}\n./a.sh\n```\n\n**Option B:**\n\n```bash {#b .run choice=how:b}\n./b.sh\n```\n\n```bash {#logs .watch}\ntail -f app.log\n```\n";
    let mut run = Run::of(guide).identified();
    assert_eq!(run.state.offered_watch(), None);
    run.does(Command::Choose {
        group: "how".to_owned(),
        name: "a".to_owned(),
    });
    run.runs("a", exit(0));
    assert_eq!(run.state.offered_watch(), Some(run.action("logs")));
}
