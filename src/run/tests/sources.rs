//! A criterion that a person has measured: its value comes from a query of theirs in its interval, or from a
//! probe, and counts like any other measurement.

use super::*;
use crate::runbook::Actor;

const GUIDE: &str = r#"# Retire

## Phase 1: Deploy

```bash {#deploy .run}
./deploy.sh
```

## Monitoring (4 hours)

### Numbers (4 hours)

| Metric | Target | Check frequency |
|--------|--------|-----------------|
| Load time | <500ms (p95) | Every hour |
"#;

fn monitoring() -> Run {
    let mut run = Run::of(GUIDE).identified();
    run.runs("deploy", exit(0));
    run.goes();
    run
}

fn bind(run: &Run, code: Option<&str>, cel: &str) -> Command {
    let phase = run.state.phase().unwrap();
    Command::Bind {
        phase: phase.id.clone(),
        line: phase.criteria[0].line,
        code: code.map(str::to_owned),
        actor: Actor::Sql,
        on: code.map(|_| "main".to_owned()),
        cel: cel.to_owned(),
        every_s: 3_600,
    }
}

fn bound() -> Run {
    let mut run = monitoring();
    let command = bind(&run, Some("SELECT p95 FROM loads"), "value < 500");
    run.does(command);
    let action = ActionId::block(run.state.runbook.blocks.len());
    let hash = preview(&run.state, action).unwrap().hash;
    run.does(Command::Start {
        from: None,
        action,
        hash,
        typed: None,
        reason: None,
        included: None,
    });
    run
}

/// An hour later the query gives this.
fn gives(run: &mut Run, round: u64, found: i64) {
    run.now += TimeDelta::hours(1);
    run.does(Observation::Sampled {
        action: ActionId::block(run.state.runbook.blocks.len()),
        attempt: 1,
        round,
        evidence: Box::new(value(found)),
    });
}

fn verdict(run: &Run) -> Option<Verdict> {
    let phase = run.state.phase().unwrap();
    run.state.gate_verdict(phase, &phase.criteria[0])
}

#[test]
fn a_row_that_is_measured_asks_nobody_and_is_judged_by_each_round() {
    let mut run = bound();
    gives(&mut run, 1, 420);
    assert_eq!(verdict(&run), Some(Verdict::Pass));
    assert!(run.state.questions_due(run.now).is_empty());
    gives(&mut run, 2, 700);
    assert_eq!(verdict(&run), Some(Verdict::Fail));
    assert_eq!(
        run.state.open_alerts().count(),
        1,
        "a breach is told at once"
    );
}

#[test]
fn its_rounds_are_counted_in_the_window_of_the_row() {
    let mut run = bound();
    (1..=4).for_each(|round| gives(&mut run, round, 420));
    let phase = run.state.phase().unwrap();
    let (action, soak, every_s) = run.state.soak_checks(phase).next().unwrap();
    let (seen, most) = run.state.soak_rounds(action, soak, every_s, run.now);
    assert_eq!((seen.len(), most), (4, 4));
    let objections = run.state.gate_objections(phase);
    assert_eq!(objections, Vec::<String>::new());
}

#[test]
fn it_ends_with_the_gate_of_its_phase() {
    let mut run = bound();
    (1..=4).for_each(|round| gives(&mut run, round, 420));
    let action = ActionId::block(run.state.runbook.blocks.len());
    let phase = run.state.phase().unwrap().id.clone();
    assert!(run.state.ends_with(action, &phase));
}

#[test]
fn a_probe_that_the_condition_names_needs_no_query() {
    let mut run = monitoring();
    run.state.config.probes.insert(
        "api".to_owned(),
        crate::runbook::config::ProbeSpec::default(),
    );
    let command = bind(&run, None, "api.latency < 500ms");
    run.does(command);
    let reading = ProbeReading {
        latency: 420,
        ..ProbeReading::default()
    };
    run.facts.readings.probes.insert("api".to_owned(), reading);
    run.rests();
    assert_eq!(verdict(&run), Some(Verdict::Pass));
}

#[test]
fn what_is_no_look_or_no_condition_is_refused() {
    let mut run = monitoring();
    for (code, cel) in [
        (Some("DELETE FROM loads"), "value < 500"),
        (Some("SELECT 1; DROP TABLE loads"), "value < 500"),
        (Some("SELECT 1"), "nothing.of_that < 500"),
        (Some("SELECT 1"), "value <"),
        (Some(""), "value < 500"),
        (None, "value < 500"),
    ] {
        let command = bind(&run, code, cel);
        run.refuses(command);
    }
    let mut elsewhere = bind(&run, Some("SELECT 1"), "value < 500");
    if let Command::Bind { on, .. } = &mut elsewhere {
        *on = Some("other".to_owned());
    }
    run.refuses(elsewhere);
    let mut rushed = bind(&run, Some("SELECT 1"), "value < 500");
    if let Command::Bind { every_s, .. } = &mut rushed {
        *every_s = 0;
    }
    run.refuses(rushed);
}

#[test]
fn a_value_is_not_asked_of_a_person_any_more() {
    let mut run = bound();
    let phase = run.state.phase().unwrap();
    let (phase, line) = (phase.id.clone(), phase.criteria[0].line);
    run.refuses(Command::Answer {
        phase,
        line,
        value: "420".to_owned(),
    });
}

#[test]
fn what_measured_a_criterion_ends_when_something_else_does() {
    let mut run = bound();
    gives(&mut run, 1, 420);
    let old = ActionId::block(run.state.runbook.blocks.len());
    let command = bind(&run, Some("SELECT max(p95) FROM loads"), "value < 400");
    run.does(command);
    let last = run.state.action(old).and_then(ActionState::last).unwrap();
    assert!(last.cancel_requested_at.is_some(), "the old query goes on");
    let step = run.state.step_of(old).unwrap();
    assert!(step.expect.is_empty(), "the old query is still judged");
    // By a probe in its place, too.
    run.state.config.probes.insert(
        "api".to_owned(),
        crate::runbook::config::ProbeSpec::default(),
    );
    for cel in ["api.latency < 500ms", "api.latency < 300ms"] {
        let command = bind(&run, None, cel);
        run.does(command);
    }
}

#[test]
fn a_query_that_repeats_is_not_corrected_into_one_that_writes() {
    let mut run = bound();
    let action = ActionId::block(run.state.runbook.blocks.len());
    run.does(Command::Cancel { action });
    run.does(Observation::Finished {
        action,
        attempt: 1,
        evidence: Some(Box::new(value(420))),
        reason: None,
    });
    run.refuses(Command::Correct {
        action,
        code: "UPDATE loads SET p95 = 1".to_owned(),
    });
    run.does(Command::Correct {
        action,
        code: "SELECT min(p95) FROM loads".to_owned(),
    });
}
