//! Done means done: the whole walk is passed, and nothing is open.

use super::*;

const LATER: &str = r#"# Retire

## Phase 1: Deploy

```bash {#log .watch alert="FATAL" until=end}
tail -f app.log
```

```bash {#deploy .run}
./deploy.sh
```

**Success criteria**:
- ✅ It is up

## Post-deployment cleanup

**WAIT 7 DAYS** before the cleanup.

```bash {#clean .run}
./clean.sh
```
"#;

fn judged(run: &mut Run, holds: bool) {
    let phase = run.state.runbook.phases[0].clone();
    run.does(Command::Judge {
        phase: phase.id.clone(),
        line: phase.criteria[0].line,
        holds,
        note: None,
    });
}

fn deployed() -> Run {
    let mut run = Run::of(LATER);
    run.starts("log");
    run.runs("deploy", exit(0));
    judged(&mut run, true);
    run.goes();
    run
}

fn cleaned(run: &mut Run) {
    run.now += TimeDelta::days(7);
    run.runs("clean", exit(0));
    run.goes();
}

fn sees_a_red_flag(run: &mut Run) {
    let command = Observation::Alerted {
        action: run.action("log"),
        attempt: 1,
        pattern: "FATAL".to_owned(),
        line: 3,
        text: "FATAL: no".to_owned(),
        count: 1,
    };
    run.does(command);
}

#[test]
fn a_run_whose_cleanup_is_due_in_days_is_deployed_and_waits() {
    let mut run = deployed();
    assert_eq!(run.state.mode, Mode::Running);
    assert_eq!(run.state.deployed_at, Some(run.now));
    let pause = run.state.pause(run.now).expect("it waits");
    assert_eq!(pause.until, run.now + TimeDelta::days(7));
    assert_eq!(pause.what, "Post-deployment cleanup");
    run.now += TimeDelta::days(7);
    assert_eq!(run.state.pause(run.now), None, "it is due");
    run.runs("clean", exit(0));
    run.goes();
    assert_eq!(run.state.mode, Mode::Done);
}

#[test]
fn a_red_flag_that_nobody_answered_keeps_a_run_from_being_done() {
    let mut run = deployed();
    sees_a_red_flag(&mut run);
    run.now += TimeDelta::days(7);
    run.runs("clean", exit(0));
    run.gate(GateDecision::Go, Some("on the phone"))
        .expect("a reason passes the gate");
    assert_eq!(run.state.mode, Mode::Running, "the flag is still open");
    let open = run.state.open_points();
    assert_eq!(open.len(), 1, "{open:?}");
    assert_eq!(open[0].kind, OpenKind::RedFlag);
    run.does(Command::Acknowledge {
        alert: run.state.alerts[0].id,
        note: "an old process".to_owned(),
    });
    assert_eq!(run.state.mode, Mode::Done);
}

#[test]
fn a_criterion_that_is_not_met_any_more_after_its_gate_is_open() {
    let mut run = deployed();
    run.now += TimeDelta::hours(1);
    judged(&mut run, false);
    cleaned(&mut run);
    assert_eq!(run.state.mode, Mode::Running);
    let open = run.state.open_points();
    assert_eq!(open[0].kind, OpenKind::Criterion);
    assert_eq!(open[0].text, "not met: It is up");
    judged(&mut run, true);
    assert_eq!(run.state.mode, Mode::Done);
}

#[test]
fn a_command_that_was_run_again_after_its_gate_and_failed_is_open() {
    let mut run = deployed();
    run.now += TimeDelta::hours(1);
    let mut again = run.start("deploy");
    if let Command::Start { reason, .. } = &mut again {
        *reason = Some("the new host".to_owned());
    }
    run.does(again);
    run.ends("deploy", exit(1));
    cleaned(&mut run);
    assert_eq!(run.state.mode, Mode::Running);
    assert_eq!(run.state.open_points()[0].kind, OpenKind::Step);
}

#[test]
fn what_a_person_let_pass_with_a_reason_is_settled() {
    let mut run = Run::of(LATER);
    run.runs("deploy", exit(0));
    judged(&mut run, false);
    run.gate(GateDecision::Go, Some("the probe is wrong"))
        .expect("a reason passes the gate");
    cleaned(&mut run);
    assert_eq!(run.state.mode, Mode::Done);
}

#[test]
fn a_run_that_is_not_done_is_abandoned_with_a_reason() {
    let mut run = deployed();
    run.does(Command::Abandon {
        reason: "replaced by the next release".to_owned(),
    });
    assert_eq!(run.state.mode, Mode::Failed);
    assert_eq!(
        run.state.notes[0].text,
        "abandoned: replaced by the next release"
    );
}

#[test]
fn a_rehearsal_ends_with_the_deployment() {
    let mut run = Run::of(LATER);
    run.state.unattended = true;
    run.runs("deploy", exit(0));
    judged(&mut run, true);
    run.goes();
    assert_eq!(run.state.mode, Mode::Done);
}
