//! A window measures by itself: its checks repeat, its probes are read, and what was asked too seldom or did
//! not hold for a while passes no gate without a word.

use super::*;

const GUIDE: &str = r#"# Deploy

## Phase 1: Deploy

```bash {#deploy .run}
./deploy.sh
```

## Monitoring (1 hour)

### Watch the data

```sql {#data .check fails=2 expect="value == 0"}
SELECT count(*) FROM t WHERE k IS NULL;
```

**Success criteria**:
- ✅ The API is up <!-- gonogo: expect="api.healthy" -->
"#;

fn watched() -> Run {
    let mut run = Run::of(GUIDE).identified();
    api(&mut run, true);
    run.runs("deploy", exit(0));
    run.goes();
    run.starts("data");
    run
}

fn api(run: &mut Run, healthy: bool) {
    let reading = ProbeReading {
        healthy,
        ..ProbeReading::default()
    };
    run.facts.readings.probes.insert("api".to_owned(), reading);
    run.rests();
}

/// A minute later the check says this.
fn says(run: &mut Run, round: u64, value_now: i64) {
    run.now += TimeDelta::minutes(1);
    run.does(Observation::Sampled {
        action: run.action("data"),
        attempt: 1,
        round,
        evidence: Box::new(value(value_now)),
    });
}

fn objections(run: &Run) -> Vec<String> {
    run.state.gate_objections(run.state.phase().unwrap())
}

#[test]
fn a_check_of_a_window_repeats_by_itself_and_clears_its_gate_after_all_of_its_rounds() {
    let mut run = watched();
    let action = run.action("data");
    assert!(run.state.is_repeated(action));
    (1..=60).for_each(|round| says(&mut run, round, 0));
    let phase = run.state.phase().unwrap().clone();
    let (_, soak, every_s) = run.state.soak_checks(&phase).next().unwrap();
    let (seen, most) = run.state.soak_rounds(action, soak, every_s, run.now);
    assert_eq!((seen.len(), most), (60, 60), "each round is on record");
    assert_eq!(objections(&run), Vec::<String>::new());
}

#[test]
fn a_check_that_was_asked_in_half_of_its_rounds_is_inconclusive() {
    let mut run = watched();
    (1..=30).for_each(|round| says(&mut run, round, 0));
    run.now += TimeDelta::minutes(30);
    run.rests();
    let open = objections(&run);
    assert!(
        open.len() == 1 && open[0].contains("asked in 30 of 60 rounds"),
        "{open:?}"
    );
}

#[test]
fn a_breach_is_told_after_as_many_failing_rounds_in_a_row_as_the_guide_says() {
    let mut run = watched();
    for (round, value_now) in [(1, 0), (2, 3), (3, 0), (4, 3)] {
        says(&mut run, round, value_now);
        assert_eq!(run.state.open_alerts().count(), 0, "round {round}");
    }
    says(&mut run, 5, 3);
    assert_eq!(run.state.open_alerts().count(), 1);
}

#[test]
fn a_probe_that_was_down_for_a_while_does_not_pass_because_it_is_up_at_the_end() {
    let mut run = watched();
    for round in 1..=60 {
        api(&mut run, !(20..25).contains(&round));
        says(&mut run, round, 0);
    }
    let open = objections(&run);
    assert!(
        open.len() == 1 && open[0].contains("did not hold for 5m"),
        "{open:?}"
    );
    run.gate(GateDecision::Go, Some("a planned restart"))
        .unwrap();
}

#[test]
fn two_sentences_that_ask_for_the_same_are_one_breach() {
    let guide = GUIDE.replace("IS NULL;\n```\n", "IS NULL;\n```\n\n**Expected**: 0\n");
    let mut run = Run::of(&guide.replace(" fails=2 expect=\"value == 0\"", "")).identified();
    run.runs("deploy", exit(0));
    run.goes();
    run.starts("data");
    says(&mut run, 1, 3);
    let counts: Vec<u64> = run.state.open_alerts().map(|alert| alert.count).collect();
    assert_eq!(counts, [1]);
}
