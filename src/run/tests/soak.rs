//! Windows in which what was deployed is watched: none ends early or late, and no gate passes before.

use proptest::prelude::*;

use super::*;

const WATCHED: &str = r#"# Retire

## Phase 1: Deploy

```bash {#deploy .run}
./deploy.sh
```

## Post-deployment monitoring (24 hours)

### 1. Health (first 15 minutes)

- [ ] The start page loads

**Red flags:**
- ❌ Errors on the start page

### 2. Complaints (24 hours)

- [ ] Nobody complains

## Follow-up (after 24 hours)

- [ ] Close the ticket

## Watch list

**First hour:**
- [ ] Fast enough

**4 hours:**
- [ ] Memory is stable
"#;

fn deployed() -> Run {
    let mut run = Run::of(WATCHED);
    run.runs("deploy", exit(0));
    run.goes();
    run
}

fn tick(run: &Run, title: &str, note: Option<&str>) -> Command {
    let book = run.state.runbook.clone();
    let found = book.steps().find_map(|step| {
        let index = step.ticks.iter().position(|tick| tick.text == title)?;
        Some((step.id.clone(), index))
    });
    let (step, index) = found.expect("the box exists");
    Command::Tick {
        step,
        index,
        value: None,
        note: note.map(str::to_owned),
    }
}

fn objections(run: &Run) -> Vec<String> {
    let phase = run.state.phase().unwrap();
    run.state.gate_objections(phase)
}

fn judged(run: &mut Run, holds: bool) {
    let phase = run.state.phase().unwrap().clone();
    let item = run.state.gate_items(&phase)[0].line;
    run.does(Command::Judge {
        phase: phase.id.clone(),
        line: item,
        holds,
        note: None,
    });
}

#[test]
fn the_windows_of_a_guide_are_those_of_its_titles_and_labels() {
    let run = Run::of(WATCHED);
    let soaks = run.state.runbook.soaks.iter();
    let windows: Vec<(&str, u64, &str)> = soaks
        .map(|soak| {
            (
                soak.title.as_str(),
                soak.duration_s / 60,
                soak.phase.as_str(),
            )
        })
        .collect();
    assert_eq!(
        windows,
        [
            (
                "Post-deployment monitoring (24 hours)",
                1_440,
                "post-deployment-monitoring-24-hours"
            ),
            (
                "1. Health (first 15 minutes)",
                15,
                "post-deployment-monitoring-24-hours"
            ),
            (
                "2. Complaints (24 hours)",
                1_440,
                "post-deployment-monitoring-24-hours"
            ),
            ("First hour", 60, "watch-list"),
            ("4 hours", 240, "watch-list"),
        ]
    );
    let cleanup: Vec<&str> = run
        .state
        .runbook
        .cleanup
        .iter()
        .map(|phase| phase.title.as_str())
        .collect();
    assert_eq!(
        cleanup,
        [
            "Post-deployment monitoring (24 hours)",
            "Watch list",
            "Follow-up (after 24 hours)"
        ],
        "what is watched from the deployment on comes before what waits for as long"
    );
}

#[test]
fn all_windows_are_counted_from_the_deployment() {
    let run = deployed();
    let state = &run.state;
    assert_eq!(state.soaks.len(), 5);
    assert!(state.soaks.values().all(|soak| soak.began_at == run.now));
    let pause = state.pause(run.now).expect("nothing is to be done");
    assert!(pause.soaks);
    assert_eq!(pause.until, run.now + TimeDelta::minutes(15));
}

#[test]
fn a_box_is_asked_when_its_window_is_over_and_a_note_answers_earlier() {
    let mut run = deployed();
    let refusal = run.refuses(tick(&run, "The start page loads", None));
    assert!(refusal.message.contains("first 15 minutes"), "{refusal}");
    run.passes(TimeDelta::minutes(15));
    run.does(tick(&run, "The start page loads", None));
    run.refuses(tick(&run, "Nobody complains", None));
    run.does(tick(&run, "Nobody complains", Some("the desk is closed")));
}

#[test]
fn a_gate_waits_for_its_windows() {
    let mut run = deployed();
    run.passes(TimeDelta::minutes(15));
    run.does(tick(&run, "The start page loads", None));
    judged(&mut run, false);
    let refusal = run.gate(GateDecision::Go, None).unwrap_err();
    assert!(refusal.message.contains("not done"), "{refusal}");
    assert!(
        objections(&run)
            .iter()
            .any(|words| words.contains("goes on until 2026-01-03 02:00 UTC")),
        "{:?}",
        objections(&run)
    );
    run.passes(TimeDelta::hours(24));
    run.does(tick(&run, "Nobody complains", None));
    assert_eq!(objections(&run), Vec::<String>::new());
    run.goes();
    assert_eq!(run.state.current_phase, "watch-list");
}

#[test]
fn a_plain_word_that_was_said_before_the_window_was_over_is_asked_again() {
    let mut run = deployed();
    judged(&mut run, false);
    run.passes(TimeDelta::hours(24));
    let early = |run: &Run| {
        let all = objections(run);
        all.iter()
            .any(|words| words.contains("before its window was over"))
    };
    assert!(early(&run));
    judged(&mut run, false);
    assert!(!early(&run));
}

#[test]
fn who_goes_on_before_the_time_says_why_and_that_is_kept() {
    let mut run = deployed();
    run.gate(GateDecision::Go, Some("a fix is on its way"))
        .unwrap();
    let soak = run.state.soaks.values().next().unwrap();
    let end = soak.ended.clone().expect("it is over");
    assert_eq!(end.by, ANNA);
    assert_eq!(end.reason.as_deref(), Some("a fix is on its way"));
}

#[test]
fn time_without_a_supervisor_is_a_gap_and_too_much_of_it_is_inconclusive() {
    let mut run = deployed();
    run.passes(TimeDelta::minutes(1));
    run.does(Command::Note {
        text: "all quiet".to_owned(),
        step: None,
    });
    run.now += TimeDelta::minutes(4);
    run.happens(ENGINE, vec![started(2)]);
    run.rests();
    let health = run.state.runbook.soaks[1].line;
    assert_eq!(run.state.soaks[&health].unwatched(), TimeDelta::minutes(4));
    run.passes(TimeDelta::hours(24));
    let all = objections(&run);
    let inconclusive: Vec<_> = all
        .iter()
        .filter(|words| words.starts_with("inconclusive"))
        .collect();
    assert_eq!(
        inconclusive,
        ["inconclusive: nobody watched for much of `1. Health (first 15 minutes)`"]
    );
}

#[test]
fn a_window_of_a_phase_begins_when_the_walk_reaches_it() {
    let guide = "# G\n\n## Phase 1: A\n\n### Apply\n\n- [ ] x\n\n### Validation\n\nRun for 1 week with the new schema.\n\n- [ ] No errors\n\n## Phase 2: B\n\n- [ ] y\n";
    let mut run = Run::of(guide);
    assert!(run.state.soaks.is_empty());
    run.does(tick(&run, "x", None));
    let soak = run.state.soaks.values().next().expect("it has begun");
    assert_eq!(soak.ends_at, run.now + TimeDelta::weeks(1));
    run.refuses(tick(&run, "No errors", None));
    run.passes(TimeDelta::weeks(1));
    run.does(tick(&run, "No errors", None));
    run.goes();
}

const METRICS: &str = r#"# Retire

## Phase 1: Deploy

```bash {#deploy .run}
./deploy.sh
```

## Monitoring (4 hours)

### Numbers (4 hours)

| Metric | Target | Check frequency |
|--------|--------|-----------------|
| Load time | <500ms (p95) | Every hour |
| Error rate | <0.1% | |
"#;

fn measured() -> Run {
    let mut run = Run::of(METRICS);
    run.runs("deploy", exit(0));
    run.goes();
    run
}

fn answers(run: &mut Run, name: &str, value: &str) -> Result<(), Refusal> {
    let phase = run.state.phase().unwrap().clone();
    let items = run.state.gate_items(&phase);
    let item = items
        .into_iter()
        .find(|item| item.text.starts_with(name))
        .unwrap();
    let command = Command::Answer {
        phase: phase.id.clone(),
        line: item.line,
        value: value.to_owned(),
    };
    run.tries(ANNA, command)
}

fn due(run: &Run) -> Vec<String> {
    let due = run.state.questions_due(run.now).into_iter();
    due.map(|item| item.text.clone()).collect()
}

#[test]
fn a_row_of_a_table_is_asked_as_often_as_it_says_and_answered_with_a_value() {
    let mut run = measured();
    assert_eq!(due(&run), Vec::<String>::new());
    assert_eq!(
        run.state.pause(run.now).unwrap().until,
        run.now + TimeDelta::hours(1),
        "somebody is needed then"
    );
    for hour in 1..=4 {
        run.passes(TimeDelta::minutes(60) - TimeDelta::seconds(1));
        assert_eq!(due(&run), Vec::<String>::new(), "{hour}");
        run.passes(TimeDelta::seconds(1));
        if hour < 4 {
            assert_eq!(due(&run), ["Load time: <500ms (p95)"], "{hour}");
            answers(&mut run, "Load time", "420 ms").unwrap();
        }
    }
    answers(&mut run, "Error rate", "0.05").unwrap();
    let all = objections(&run);
    assert_eq!(
        all,
        ["inconclusive: Load time: <500ms (p95): answered in 3 of 4 rounds"],
        "nobody has answered for the last hour yet"
    );
    answers(&mut run, "Load time", "430 ms").unwrap();
    run.goes();
    assert_eq!(run.state.mode, Mode::Done);
}

#[test]
fn a_value_that_is_not_what_is_wanted_is_not_met_and_one_that_says_nothing_passes_nothing() {
    let mut run = measured();
    run.passes(TimeDelta::hours(4));
    answers(&mut run, "Error rate", "0.4 %").unwrap();
    assert!(
        objections(&run).contains(&"not met: Error rate: <0.1%".to_owned()),
        "{:?}",
        objections(&run)
    );
    answers(&mut run, "Error rate", "nothing special").unwrap();
    assert!(objections(&run).contains(&"inconclusive: Error rate: <0.1%".to_owned()));
    answers(&mut run, "Error rate", "0.05 %").unwrap();
    assert!(
        !objections(&run)
            .iter()
            .any(|words| words.contains("Error rate"))
    );
    let phase = run.state.phase().unwrap().clone();
    let refusal = run.refuses(Command::Judge {
        phase: phase.id.clone(),
        line: run.state.gate_items(&phase)[0].line,
        holds: true,
        note: None,
    });
    assert!(refusal.message.contains("asks for a value"), "{refusal}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    /// Looked at every quarter of an hour or oftener, while the wall clock is set by up to a day either way.
    #[test]
    fn no_window_ends_early_or_late(steps in prop::collection::vec((1i64..=900, -86_400i64..=86_400, any::<bool>()), 96..200)) {
        let mut run = deployed();
        let mut passed = TimeDelta::zero();
        let lengths: BTreeMap<usize, TimeDelta> = run.state.runbook.soaks.iter()
            .map(|soak| (soak.line, TimeDelta::seconds(soak.duration_s as i64))).collect();
        for (seconds, set, is_set) in steps {
            if is_set {
                run.now += TimeDelta::seconds(set);
                run.happens(ENGINE, vec![clock::stepped(TimeDelta::seconds(set))]);
            }
            passed += TimeDelta::seconds(seconds);
            run.now += TimeDelta::seconds(seconds);
            let events = run.state.soak_events(run.now);
            run.happens(ENGINE, events);
            for (line, length) in &lengths {
                prop_assert_eq!(
                    run.state.soaks[line].ended.is_some(),
                    passed >= *length,
                    "after {} of {}", passed, length
                );
            }
        }
    }
}
